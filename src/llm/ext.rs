//! Convenience over the port: whole answers and typed answers.

use async_trait::async_trait;
use futures::StreamExt;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{Delta, Finish, LanguageModel, Prompt, Request, Usage};
use crate::error::{Error, ErrorKind, Result};

/// A whole answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// The words.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// What it cost.
    pub usage: Usage,
}

/// A typed answer, or what came instead. Output that does not fit is data, never an error.
#[derive(Clone, Debug, PartialEq)]
pub enum Structured<T> {
    /// The answer follows the schema.
    Valid(T),
    /// It does not.
    Rejected {
        /// What the model said.
        raw: String,
        /// Why it was not accepted.
        reason: String,
    },
}

/// Whole and typed answers for every [`LanguageModel`].
#[async_trait]
pub trait LanguageModelExt: LanguageModel {
    /// Waits for the whole answer.
    ///
    /// # Errors
    /// As [`LanguageModel::generate`], and whatever the stream reports.
    async fn complete(&self, request: Request) -> Result<Completion> {
        let mut stream = self.generate(request).await?;
        let mut text = String::new();
        while let Some(delta) = stream.next().await {
            match delta? {
                Delta::Text(piece) => text.push_str(&piece),
                Delta::Done { finish, usage } => {
                    return Ok(Completion {
                        text,
                        finish,
                        usage,
                    });
                }
            }
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            format!(
                "{} stopped in the middle of an answer; ask again",
                self.id()
            ),
        ))
    }

    /// Asks for an answer of type `T`, whose JSON schema goes with the request.
    ///
    /// # Errors
    /// As [`LanguageModel::generate`]. An answer that does not fit is [`Structured::Rejected`].
    async fn complete_as<T>(&self, prompt: Prompt, max_tokens: usize) -> Result<Structured<T>>
    where
        T: DeserializeOwned + JsonSchema + Send,
    {
        let schema = serde_json::Value::from(schemars::schema_for!(T));
        self.complete_json(prompt, schema, max_tokens).await
    }

    /// As [`complete_as`](Self::complete_as) with a schema made at run time (an enum of known ids).
    ///
    /// # Errors
    /// As [`LanguageModel::generate`]. An answer that does not fit is [`Structured::Rejected`].
    async fn complete_json<T>(
        &self,
        prompt: Prompt,
        schema: serde_json::Value,
        max_tokens: usize,
    ) -> Result<Structured<T>>
    where
        T: DeserializeOwned + Send,
    {
        let request = Request::new(prompt)
            .with_json(schema)
            .with_max_tokens(max_tokens);
        let answer = self.complete(request).await?;
        if answer.finish == Finish::Length {
            return Ok(Structured::Rejected {
                reason: format!("cut at the limit of {max_tokens} tokens"),
                raw: answer.text,
            });
        }
        Ok(match serde_json::from_str(strip_fence(&answer.text)) {
            Ok(value) => Structured::Valid(value),
            Err(why) => Structured::Rejected {
                reason: why.to_string(),
                raw: answer.text,
            },
        })
    }
}

impl<M: LanguageModel + ?Sized> LanguageModelExt for M {}

/// Chat models like to wrap JSON into a Markdown code fence.
fn strip_fence(text: &str) -> &str {
    let text = text.trim();
    let Some(inner) = text.strip_prefix("```") else {
        return text;
    };
    let inner = inner.strip_prefix("json").unwrap_or(inner);
    inner.strip_suffix("```").unwrap_or(inner).trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::ScriptedModel;

    #[derive(serde::Deserialize, JsonSchema, Debug, PartialEq)]
    struct Answer {
        yes: bool,
    }

    #[tokio::test]
    async fn a_fenced_answer_parses_and_nonsense_is_a_rejection() {
        let model = ScriptedModel::new(["```json\n{\"yes\": true}\n```", "maybe"]);
        let ask = || Prompt::new("s", "t");
        let first = model.complete_as::<Answer>(ask(), 20).await.unwrap();
        assert_eq!(first, Structured::Valid(Answer { yes: true }));
        let second = model.complete_as::<Answer>(ask(), 20).await.unwrap();
        assert!(matches!(second, Structured::Rejected { raw, .. } if raw == "maybe"));
    }
}
