//! Questions of rules to a language model: in the slow path only.

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::try_join_all;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::llm::{LanguageModel, Prefix};
use crate::prompt::{Prompts, Template};

/// Asks a model what rules want to know of a conversation.
#[derive(Clone, Debug)]
pub struct ModelAsker {
    model: Arc<dyn LanguageModel>,
    prompts: Arc<Prompts>,
}

#[derive(Serialize)]
struct CoachingPrompt<'a> {
    question: &'a str,
}

impl Template for CoachingPrompt<'_> {
    const NAME: &'static str = "coaching";
    const SOURCE: &'static str = include_str!("../../../prompts/coaching.jinja");
}

impl ModelAsker {
    /// Asks `model`, which must be able to score choices; of another one, no question has an answer.
    pub fn new(model: Arc<dyn LanguageModel>, prompts: Arc<Prompts>) -> Self {
        Self { model, prompts }
    }

    /// The probability of "yes" of every question, for
    /// [`CoachingMoment::with_answers`](super::CoachingMoment::with_answers). All are asked at once; each is a suffix of
    /// the conversation that `prefix` holds, so it costs its own few words.
    ///
    /// # Errors
    /// As the language model.
    pub async fn ask(&self, prefix: &Prefix, questions: &[String]) -> Result<HashMap<String, f32>> {
        if !self.model.capabilities().scoring {
            return Ok(HashMap::new());
        }
        let asked = questions.iter().map(|question| async move {
            let task = self.prompts.render(&CoachingPrompt { question })?;
            let choices = vec!["yes".to_owned(), "no".to_owned()];
            let scores = self.model.score(prefix.ask(task), choices).await?;
            let yes = scores.first().copied().unwrap_or(0.0);
            Ok::<_, Error>((question.clone(), yes))
        });
        let answers: Vec<(String, f32)> = try_join_all(asked).await?;
        Ok(answers.into_iter().collect())
    }
}
