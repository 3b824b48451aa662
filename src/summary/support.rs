//! Whether the conversation supports a sentence that was written about it.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::quoted::is_quotation;
use crate::conversation::Conversation;
use crate::error::Result;
use crate::guard::ungrounded_numbers;
use crate::llm::{LanguageModel, Prefix};
use crate::prompt::{Prompts, Template};

/// From this score on a sentence is taken to be supported. Chosen by a trial that is not kept in the repository, on some
/// conversations of TweetSumm from row 400 on; what it is worth, `attendant eval summary` tells on others.
const LEAST_SUPPORT: f32 = 0.475;

/// A model agrees to what sounds likely, whatever was said. So much of what it would say without having read the
/// conversation is taken off what it says (in log-odds). Asking what is *wrong* with a sentence as well does harm: a small
/// model says yes to both.
const PRIOR_PART: f32 = 0.5;

/// What stands in place of the conversation for that.
const NOTHING_READ: &str = "You read conversations between customers and agents.";

/// What a sentence gets whose numbers are all known where the model cannot be asked for more.
const UNASKED: f32 = LEAST_SUPPORT;

/// Checks sentences of a note against the conversation.
#[derive(Clone, Debug)]
pub struct SupportChecker {
    model: Arc<dyn LanguageModel>,
    prompts: Arc<Prompts>,
}

/// What became of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct Support {
    /// How sure it is that the conversation says so, between 0 and 1: what the model finds after having read it, less
    /// what it would have said unread.
    pub score: f32,
    /// What speaks against it, where something does.
    pub objection: Option<String>,
}

impl Support {
    /// Whether the conversation says so, as far as can be told.
    pub fn is_supported(&self) -> bool {
        self.score >= LEAST_SUPPORT
    }
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.score)?;
        match &self.objection {
            Some(objection) => write!(f, " ({objection})"),
            None => Ok(()),
        }
    }
}

#[derive(Serialize)]
struct SupportPrompt<'a> {
    statement: &'a str,
}

impl Template for SupportPrompt<'_> {
    const NAME: &'static str = "support";
    const SOURCE: &'static str = include_str!("../../prompts/support.jinja");
}

impl SupportChecker {
    /// Asks `model`. One that cannot score choices is not asked: then only numbers are checked, which needs no model.
    pub fn new(model: Arc<dyn LanguageModel>, prompts: Arc<Prompts>) -> Self {
        Self { model, prompts }
    }

    /// Whether the conversation, whose transcript `prefix` holds, supports `statement`: no number in it that nobody
    /// said, and the model finds it true rather than false; a quotation of a whole sentence
    /// is true by itself. The question is a suffix of the shared prefix, so it costs
    /// its own few words.
    ///
    /// # Errors
    /// As the language model.
    pub async fn check(
        &self,
        conversation: &Conversation,
        prefix: &Prefix,
        statement: &str,
    ) -> Result<Support> {
        let said = conversation.transcript.utterances();
        let unknown = ungrounded_numbers(statement, said.iter().map(|u| u.text.as_str()));
        if !unknown.is_empty() {
            return Ok(Support {
                score: 0.0,
                objection: Some(format!("nobody said {}", unknown.join(", "))),
            });
        }
        if is_quotation(statement, conversation) {
            return Ok(Support {
                score: 1.0,
                objection: None,
            });
        }
        if !self.model.capabilities().scoring {
            return Ok(Support {
                score: UNASKED,
                objection: None,
            });
        }
        let task = self.prompts.render(&SupportPrompt { statement })?;
        let read = self.yes(prefix, &task).await?;
        let unread = self.yes(&Prefix::new(NOTHING_READ), &task).await?;
        let odds = log_odds(read) - PRIOR_PART * log_odds(unread);
        let score = 1.0 / (1.0 + (-odds).exp());
        Ok(Support {
            score,
            objection: (score < LEAST_SUPPORT)
                .then(|| "the conversation does not seem to say so".to_owned()),
        })
    }

    async fn yes(&self, prefix: &Prefix, task: &str) -> Result<f32> {
        let choices = vec!["yes".to_owned(), "no".to_owned()];
        let scores = self.model.score(prefix.ask(task), choices).await?;
        Ok(scores.first().copied().unwrap_or(0.0))
    }
}

fn log_odds(probability: f32) -> f32 {
    let probability = probability.clamp(1e-4, 1.0 - 1e-4);
    (probability / (1.0 - probability)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Channel, Role};
    use crate::llm::ScriptedModel;

    #[tokio::test]
    async fn a_number_nobody_said_needs_no_model_to_be_refused() {
        let checker = SupportChecker::new(Arc::new(ScriptedModel::silent()), Arc::default());
        let mut call = Conversation::new("acme", Channel::Chat);
        call.say(Role::EndUser, "I paid $20 twice.");
        let check = async |text: &str| checker.check(&call, &Prefix::new("s"), text).await.unwrap();
        let wrong = check("The customer paid $30 twice.").await;
        assert!(
            !wrong.is_supported() && wrong.to_string().contains("30"),
            "{wrong}"
        );
        assert!(check("The customer paid $20 twice.").await.is_supported());
    }
}
