//! Masking as a decorator of the language-model port, so that no skill can forget it.

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;

use super::pii::{Masker, PiiPolicy};
use crate::error::Result;
use crate::llm::{Capabilities, Delta, LanguageModel, Prompt, Request};

/// Longest placeholder, with room to spare; text behind an open bracket waits at most this long.
const LONGEST_PLACEHOLDER: usize = 16;

/// A [`LanguageModel`] that never sees personal data: it is masked on the way in and put back on
/// the way out.
#[derive(Clone, Debug)]
pub struct MaskedModel {
    inner: Arc<dyn LanguageModel>,
    policy: PiiPolicy,
}

impl MaskedModel {
    /// Protects what goes to `inner`, by the default [`PiiPolicy`].
    pub fn new(inner: Arc<dyn LanguageModel>) -> Self {
        Self {
            inner,
            policy: PiiPolicy::default(),
        }
    }

    /// What is masked, kept or removed.
    #[must_use]
    pub fn with_policy(mut self, policy: PiiPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Masks the transcript first, so that its placeholders do not depend on the task.
    fn mask(&self, prompt: &Prompt) -> (Prompt, Masker) {
        let mut masker = Masker::new(self.policy.clone());
        let prefix = prompt.prefix().map(|text| masker.mask(text));
        let task = masker.mask(prompt.task());
        (prefix.ask(task), masker)
    }
}

#[async_trait]
impl LanguageModel for MaskedModel {
    fn id(&self) -> &str {
        self.inner.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn generate(&self, request: Request) -> Result<BoxStream<'static, Result<Delta>>> {
        let (prompt, masker) = self.mask(&request.prompt);
        let stream = self.inner.generate(Request { prompt, ..request }).await?;
        if masker.is_empty() {
            return Ok(stream);
        }
        let restored = futures::stream::unfold(
            (stream, masker, String::new(), None),
            |(mut stream, masker, mut held, mut last)| async move {
                loop {
                    if let Some(done) = last.take() {
                        return Some((done, (stream, masker, held, None)));
                    }
                    match stream.next().await? {
                        Ok(Delta::Text(piece)) => {
                            held.push_str(&piece);
                            let ready = ready(&held);
                            if ready > 0 {
                                let rest = held.split_off(ready);
                                let text = masker.unmask(&held);
                                return Some((Ok(Delta::Text(text)), (stream, masker, rest, None)));
                            }
                        }
                        end if held.is_empty() => return Some((end, (stream, masker, held, None))),
                        end => {
                            let text = masker.unmask(&held);
                            last = Some(end);
                            return Some((
                                Ok(Delta::Text(text)),
                                (stream, masker, String::new(), last),
                            ));
                        }
                    }
                }
            },
        );
        Ok(restored.boxed())
    }

    async fn score(&self, prompt: Prompt, choices: Vec<String>) -> Result<Vec<f32>> {
        let (prompt, mut masker) = self.mask(&prompt);
        let choices = choices.iter().map(|choice| masker.mask(choice)).collect();
        self.inner.score(prompt, choices).await
    }
}

/// How many bytes can go out: all but an open bracket that may become a placeholder.
fn ready(held: &str) -> usize {
    match held.rfind('[') {
        Some(open)
            if !held.get(open..).unwrap_or_default().contains(']')
                && held.len() - open < LONGEST_PLACEHOLDER =>
        {
            open
        }
        _ => held.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::{LanguageModelExt, Prefix, ScriptedModel};

    #[tokio::test]
    async fn the_model_sees_a_placeholder_and_the_caller_the_value() {
        let inner = ScriptedModel::new(["I wrote to [EMAIL_1] [sic] today."]);
        let model = MaskedModel::new(Arc::new(inner.clone()));
        let mut prefix = Prefix::new("You help.");
        prefix.push("[1] Customer: my mail is jo@example.org");
        let answer = model
            .complete(Request::new(prefix.ask("Reply.")))
            .await
            .unwrap();
        assert_eq!(answer.text, "I wrote to jo@example.org [sic] today.");
        let asked = inner.asked();
        assert!(asked[0].user_message().contains("my mail is [EMAIL_1]"));
        assert!(!asked[0].user_message().contains("example.org"));
    }

    #[tokio::test]
    async fn a_placeholder_cut_in_two_is_still_put_back() {
        // The scripted model cuts at blanks; this one stands at the very end.
        let inner = ScriptedModel::new(["reach me at [PHONE_1]"]);
        let model = MaskedModel::new(Arc::new(inner));
        let prompt = Prompt::new("s", "call +44 20 7946 0958");
        let answer = model.complete(Request::new(prompt)).await.unwrap();
        assert_eq!(answer.text, "reach me at +44 20 7946 0958");
    }

    #[test]
    fn an_open_bracket_waits_but_not_for_ever() {
        assert_eq!(ready("to [EMA"), 3);
        assert_eq!(ready("to [EMAIL_1] x"), 14);
        let long = "a [this is a remark, no placeholder";
        assert_eq!(ready(long), long.len());
    }
}
