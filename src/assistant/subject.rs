//! What a question is about where it does not say so itself: "And what does that cost?"

use crate::conversation::{Conversation, Role};
use crate::dialogue::{DialogueState, Playbook, Topic};
use crate::error::Result;
use crate::knowledge::{Hit, KnowledgeBase, Question};

/// Passages looked at; those of other articles are left out.
const LOOKED_AT: usize = 24;
/// What an article of the subject is ahead of others by, as confidence.
pub(super) const AHEAD: f32 = 0.12;
/// Letters of what was said before that are told to the model.
const REMEMBERED: usize = 300;

/// What the conversation is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// In words.
    pub(super) words: String,
    /// The articles that tell of it.
    pub(super) articles: Vec<String>,
    /// The question before this one, and its answer.
    pub(super) before: Option<(String, String)>,
}

impl Subject {
    /// The procedure that runs, else what was spoken of last; nothing at the beginning.
    pub(super) fn of(
        conversation: &Conversation,
        state: &DialogueState,
        playbooks: &[Playbook],
    ) -> Option<Self> {
        let running = state.playbook.as_ref();
        let last = match state.about.as_ref() {
            Some(Topic::Playbook { id }) => Some(id),
            _ => None,
        };
        let playbook = running.or(last);
        if let Some(playbook) = playbook.and_then(|id| playbooks.iter().find(|p| &p.id == id)) {
            let waits = state
                .pending
                .as_ref()
                .map(|pending| pending.question.as_str());
            let words = [Some(playbook.title.as_str()), waits];
            let words: Vec<&str> = words.into_iter().flatten().collect();
            return Some(Self {
                words: words.join(". "),
                articles: playbook.articles.clone(),
                before: None,
            });
        }
        let Some(Topic::Article { id, title }) = state.about.as_ref() else {
            return None;
        };
        Some(Self {
            words: title.clone(),
            articles: vec![id.clone()],
            before: before(conversation),
        })
    }

    /// Whether a passage is of an article that tells of it.
    pub(super) fn has(&self, hit: &Hit) -> bool {
        let article = hit.passage.article.as_str();
        self.articles.iter().any(|own| own == article)
    }

    /// The question with its subject.
    pub(super) fn whole(&self, question: &Question) -> Question {
        Question::new(
            format!("{}: {}", self.words, question.text),
            question.scope.clone(),
        )
    }

    /// The passages of the subject that a question which leaves it unsaid is about, with how likely they answer it.
    pub(super) async fn passages(
        &self,
        knowledge: &KnowledgeBase,
        whole: &Question,
        limit: usize,
    ) -> Result<Vec<(f32, Hit)>> {
        let hits = knowledge.search(whole, LOOKED_AT).await?;
        let own = hits.into_iter().filter(|hit| self.has(hit));
        let mut own: Vec<(f32, Hit)> = own
            .map(|hit| (knowledge.confidence(&hit, whole), hit))
            .collect();
        own.sort_by(|a, b| b.0.total_cmp(&a.0));
        own.truncate(limit);
        Ok(own)
    }
}

/// What was asked and answered before the last message.
fn before(conversation: &Conversation) -> Option<(String, String)> {
    let turns = conversation.transcript.turns();
    let mut earlier = turns.iter().rev().skip(1);
    let answered = earlier
        .next()
        .filter(|turn| turn.role == Role::AutomatedAgent)?;
    let asked = earlier.next().filter(|turn| turn.role == Role::EndUser)?;
    let short = |text: String| text.chars().take(REMEMBERED).collect::<String>();
    Some((short(asked.text()), short(answered.text())))
}

/// Longer questions say what they are about.
const WORDS_OF_ASKING_AGAIN: usize = 7;

/// Words that point back.
const POINTING: [&str; 11] = [
    "it", "its", "that", "this", "they", "them", "these", "those", "there", "one", "ones",
];
/// Words that name no subject: what anything may be asked about.
const NO_SUBJECT: [&str; 124] = [
    "a",
    "about",
    "after",
    "all",
    "also",
    "am",
    "an",
    "and",
    "any",
    "anything",
    "are",
    "as",
    "ask",
    "at",
    "be",
    "because",
    "before",
    "but",
    "by",
    "can",
    "charge",
    "charged",
    "charges",
    "come",
    "comes",
    "cost",
    "costs",
    "could",
    "day",
    "days",
    "did",
    "do",
    "does",
    "exactly",
    "expensive",
    "extra",
    "fast",
    "fee",
    "fees",
    "first",
    "for",
    "free",
    "from",
    "get",
    "give",
    "go",
    "had",
    "happen",
    "happens",
    "has",
    "have",
    "hold",
    "how",
    "i",
    "if",
    "in",
    "is",
    "isn't",
    "itself",
    "just",
    "know",
    "last",
    "long",
    "longer",
    "may",
    "me",
    "mean",
    "means",
    "moment",
    "money",
    "month",
    "much",
    "must",
    "my",
    "need",
    "next",
    "no",
    "not",
    "now",
    "of",
    "often",
    "ok",
    "okay",
    "on",
    "once",
    "or",
    "pay",
    "please",
    "possible",
    "price",
    "question",
    "quick",
    "quickly",
    "right",
    "say",
    "second",
    "should",
    "so",
    "something",
    "soon",
    "still",
    "take",
    "takes",
    "tell",
    "the",
    "then",
    "thing",
    "time",
    "to",
    "until",
    "want",
    "was",
    "we",
    "what",
    "what's",
    "when",
    "where",
    "which",
    "who",
    "why",
    "will",
    "with",
    "would",
    "you",
];

/// Whether a question says too little of what it is about to be looked up by itself. English; in other languages it
/// always stands for itself.
pub(super) fn leaves_unsaid(question: &str) -> bool {
    let lower = question.to_lowercase().replace('’', "'");
    let words = words(&lower);
    // "What about the other one?" asks again what was asked before.
    let again = matches!(
        words.as_slice(),
        ["what" | "how", "about", ..] | ["and", "what" | "how", "about", ..]
    );
    if again && words.len() <= WORDS_OF_ASKING_AGAIN {
        return true;
    }
    let points = words.iter().any(|word| POINTING.contains(word));
    let named = named(&words);
    named == 0 || points && named <= 1
}

/// Whether a question has no word of its own at all: "Does that come by itself?"
pub(super) fn names_nothing(question: &str) -> bool {
    named(&words(&question.to_lowercase().replace('’', "'"))) == 0
}

fn words(lower: &str) -> Vec<&str> {
    lower
        .split(|c: char| !(c.is_alphanumeric() || c == '\''))
        .filter(|word| !word.is_empty())
        .collect()
}

/// How many words name something.
fn named(words: &[&str]) -> usize {
    let names = |word: &&&str| !POINTING.contains(word) && !NO_SUBJECT.contains(word);
    words.iter().filter(names).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_its_subject_unsaid_is_told_from_what_names_it() {
        for unsaid in [
            "Does it cost me anything?",
            "And what does that cost?",
            "By when?",
            "How long do I have for that?",
            "Is there a fee?",
            "Can it be removed?",
            "Does that come by itself or must I ask for it?",
            "What about notice, how long is that?",
            "That's free, isn't it?",
            "What about Fibre 300?",
        ] {
            assert!(leaves_unsaid(unsaid), "{unsaid}");
        }
        for said in [
            "How much is the late payment fee?",
            "Where do I find the IMEI number?",
            "What is the monthly price of Fibre 900?",
            "When does the engineer come to my house?",
            "Do you sell televisions?",
        ] {
            assert!(!leaves_unsaid(said), "{said}");
        }
    }
}
