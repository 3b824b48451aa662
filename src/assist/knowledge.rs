//! The article that answers what the customer needs now.

use crate::conversation::{Conversation, Evidence, Role, Suggestion, SuggestionKind, Utterance};
use crate::error::Result;
use crate::knowledge::{ArticleMatch, Audience, KnowledgeBase, Question, Scope};

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

    /// The passages for the customer's last words; none where these need no knowledge.
    ///
    /// # Errors
    /// As the knowledge base.
    pub async fn find(&self, conversation: &Conversation) -> Result<Vec<FoundPassage>> {
        let Some((text, last)) = question(conversation) else {
            return Ok(Vec::new());
        };
        let scope = Scope::new(conversation.tenant.clone(), Audience::Agent)
            .with_language(conversation.language.split('-').next().unwrap_or_default());
        let matches = self
            .knowledge
            .articles_for(&Question::new(text, scope), PASSAGES)
            .await?;
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

/// The customer's last turn; what they said before where that alone says too little.
fn question(conversation: &Conversation) -> Option<(String, &Utterance)> {
    let turns = conversation.transcript.turns();
    let last_turn = turns
        .last()
        .filter(|turn| matches!(turn.role, Role::EndUser | Role::Unknown))?;
    let last = last_turn.utterances.last()?;
    let text = last_turn.text();
    if is_acknowledgement(&text) {
        return None;
    }
    if text.split_whitespace().count() >= LEAST_WORDS {
        return Some((text, last));
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
    Some((format!("{} {text}", context.text()), last))
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
    use super::*;
    use crate::conversation::Channel;

    #[test]
    fn a_short_follow_up_takes_its_context_along_and_thanks_ask_nothing() {
        let mut call = Conversation::new("acme", Channel::Chat);
        call.say(Role::EndUser, "How do I return my old router?");
        call.say(Role::HumanAgent, "By post.");
        call.say(Role::EndUser, "Until when?");
        let (text, last) = question(&call).unwrap();
        assert_eq!(text, "How do I return my old router? Until when?");
        assert_eq!(last.id.0, 3);
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
