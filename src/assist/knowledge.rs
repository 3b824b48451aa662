//! The article that answers what the customer needs now.

use crate::conversation::{Conversation, Evidence, Role, Suggestion, SuggestionKind, Utterance};
use crate::error::Result;
use crate::knowledge::{ArticleMatch, Audience, KnowledgeBase, Question, RecentTurns, Scope};

/// A customer's words with fewer than this many words are not looked up alone.
const LEAST_WORDS: usize = 5;
/// Passages read for one suggestion.
const PASSAGES: usize = 2;

/// A passage that was found for what the customer said.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundPassage {
    /// The passage, its best sentence, and how sure that is.
    pub found: ArticleMatch,
    /// The utterance it was found for.
    pub asked: Evidence,
}

impl FoundPassage {
    /// As a card for the human agent.
    pub fn into_suggestion(self) -> Suggestion {
        let passage = Evidence::Passage(self.found.hit.passage.id.clone());
        Suggestion::new(
            SuggestionKind::Article {
                title: self.found.hit.passage.title,
                citation: self.found.citation,
            },
            self.found.confidence,
            vec![self.asked, passage],
        )
    }
}

/// Finds articles for a conversation, for the eyes of the organisation's people.
#[derive(Clone, Debug)]
pub struct ArticleFinder {
    knowledge: KnowledgeBase,
}

impl ArticleFinder {
    /// Looks in `knowledge`.
    pub fn new(knowledge: KnowledgeBase) -> Self {
        Self { knowledge }
    }

    /// The passages for the customer's last words; none where these need no knowledge. A subject named earlier in the
    /// conversation is taken into account where several articles tell of it.
    ///
    /// # Errors
    /// As the knowledge base.
    pub async fn find(&self, conversation: &Conversation) -> Result<Vec<FoundPassage>> {
        let Some(last) = last_of_customer(conversation) else {
            return Ok(Vec::new());
        };
        let scope = Scope::new(conversation.tenant.clone(), Audience::Agent)
            .with_language(conversation.language.split('-').next().unwrap_or_default());
        let turns = RecentTurns::of(conversation);
        let about_subject = self
            .knowledge
            .articles_for_turn(&turns, &scope, PASSAGES)
            .await?;
        let matches = match about_subject {
            Some(matches) => matches,
            None => match question(conversation) {
                Some(text) => {
                    let question = Question::new(text, scope);
                    self.knowledge.articles_for(&question, PASSAGES).await?
                }
                None => return Ok(Vec::new()),
            },
        };
        let asked = Evidence::Utterance(last.id);
        Ok(matches
            .into_iter()
            .map(|found| FoundPassage {
                found,
                asked: asked.clone(),
            })
            .collect())
    }
}

/// Whether the customer's last turn holds a question.
pub(crate) fn asks_something(conversation: &Conversation) -> bool {
    let turns = conversation.transcript.turns();
    let last = turns.last().filter(|turn| turn.role != Role::HumanAgent);
    last.is_some_and(|turn| {
        turn.text()
            .split_inclusive(['.', '!', '?'])
            .any(|sentence| asks(sentence.trim()))
    })
}

/// What the customer said last, if nobody has spoken since.
fn last_of_customer(conversation: &Conversation) -> Option<&Utterance> {
    let turns = conversation.transcript.turns();
    let last = turns.last()?;
    let is_customer = matches!(last.role, Role::EndUser | Role::Unknown);
    last.utterances.last().filter(|_| is_customer)
}

/// The customer's last turn; what they said before where that alone says too little.
fn question(conversation: &Conversation) -> Option<String> {
    let turns = conversation.transcript.turns();
    let last_turn = turns
        .last()
        .filter(|turn| matches!(turn.role, Role::EndUser | Role::Unknown))?;
    let text = last_turn.text();
    if is_acknowledgement(&text) {
        return None;
    }
    if text.split_whitespace().count() >= LEAST_WORDS {
        return Some(text);
    }
    if !asks(&text) {
        // A name, a number, a date: an answer to the agent, not a question to us.
        return None;
    }
    let mut earlier = turns
        .iter()
        .rev()
        .skip(1)
        .filter(|turn| turn.role == Role::EndUser);
    let context = earlier.find(|turn| turn.text().split_whitespace().count() >= LEAST_WORDS)?;
    Some(format!("{} {text}", context.text()))
}

/// Whether a few words are a question.
fn asks(text: &str) -> bool {
    const STARTS: [&str; 14] = [
        "what", "when", "where", "who", "why", "how", "which", "can", "could", "do", "does", "is",
        "are", "will",
    ];
    let first = text
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_lowercase();
    text.trim_end().ends_with('?') || STARTS.contains(&first.as_str())
}

/// "Yes, thank you": nothing is asked, so nothing is looked up.
fn is_acknowledgement(text: &str) -> bool {
    const SOCIAL: [&str; 34] = [
        "yes", "yeah", "yep", "no", "nope", "ok", "okay", "sure", "thanks", "thank", "you", "very",
        "much", "great", "perfect", "good", "fine", "right", "alright", "all", "hello", "hi",
        "hey", "bye", "goodbye", "please", "mhm", "uh", "um", "that's", "it", "so", "and",
        "correct",
    ];
    text.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .all(|word| SOCIAL.contains(&word.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::conversation::Channel;
    use crate::embedding::HashingEmbedder;
    use crate::knowledge::{KnowledgeArticle, MemoryVectorStore};

    #[tokio::test]
    async fn what_was_named_turns_ago_is_what_is_asked_about() {
        let knowledge = KnowledgeBase::new(
            Arc::new(HashingEmbedder::default()),
            Arc::new(MemoryVectorStore::new()),
        );
        let mut articles = Vec::new();
        for (name, wifi) in [("Acorn House", "free"), ("Lensfield Hotel", "five pounds")] {
            for (number, question, answer) in [
                (0, "Is there wifi in the rooms?", format!("Wifi is {wifi}.")),
                (1, "May I bring my dog?", "Dogs are welcome.".to_owned()),
            ] {
                let id = format!("{name}-{number}");
                let body = format!("## {question}\n\n{answer}");
                articles.push(KnowledgeArticle::new(id, name, "acme", body));
            }
        }
        knowledge.ingest(articles, None).await.unwrap();
        let finder = ArticleFinder::new(knowledge);
        let mut call = Conversation::new("acme", Channel::Chat);
        call.language = "en".into();
        call.say(Role::EndUser, "I need a room for tonight.");
        call.say(Role::HumanAgent, "The Lensfield Hotel has one for you.");
        call.say(Role::EndUser, "Is there wifi in the rooms?");
        let found = finder.find(&call).await.unwrap();
        let article = |found: &[FoundPassage]| found[0].found.hit.passage.article.clone();
        assert_eq!(article(&found), "Lensfield Hotel-0".into());
        assert!(found[0].found.citation.quote.contains("five pounds"));
        // A name that no two articles share says nothing: the words alone are looked up.
        let turns = RecentTurns::of(&Conversation::new("acme", Channel::Chat));
        let scope = Scope::new("acme", Audience::Agent);
        let none = finder.knowledge.articles_for_turn(&turns, &scope, 2).await;
        assert_eq!(none.unwrap(), None);
    }

    #[test]
    fn a_short_follow_up_takes_its_context_along_and_thanks_ask_nothing() {
        let mut call = Conversation::new("acme", Channel::Chat);
        call.say(Role::EndUser, "How do I return my old router?");
        call.say(Role::HumanAgent, "By post.");
        call.say(Role::EndUser, "Until when?");
        let text = question(&call).unwrap();
        assert_eq!(text, "How do I return my old router? Until when?");
        assert_eq!(last_of_customer(&call).map(|last| last.id.0), Some(3));
        call.say(Role::HumanAgent, "Thirty days.");
        assert!(question(&call).is_none(), "the agent spoke last");
        call.say(Role::EndUser, "It is LF902412.");
        assert!(
            question(&call).is_none(),
            "a number is an answer, not a question"
        );
        call.say(Role::HumanAgent, "Thank you.");
        call.say(Role::EndUser, "Okay, thank you very much!");
        assert!(question(&call).is_none());
    }
}
