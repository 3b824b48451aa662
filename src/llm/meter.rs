//! What a language model was asked and what its answers cost.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde::Serialize;

use super::{Capabilities, Delta, LanguageModel, Prompt, Request, Usage};
use crate::error::Result;

/// A [`LanguageModel`] that counts requests and tokens. Clones count together.
///
/// Around a [`Retry`](super::Retry) it counts what callers asked, inside it every attempt.
#[derive(Clone, Debug)]
pub struct Meter {
    inner: Arc<dyn LanguageModel>,
    totals: Shared,
}

type Shared = Arc<Mutex<Totals>>;

impl Meter {
    /// Counts what `inner` is asked, from zero.
    pub fn new(inner: Arc<dyn LanguageModel>) -> Self {
        Self {
            inner,
            totals: Shared::default(),
        }
    }

    /// The sums so far. Requests that are being answered are in `requests` only.
    pub fn totals(&self) -> Totals {
        *self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sums over all requests of a [`Meter`]. Tokens are those of whole answers, as the model told them
/// ([`Usage`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// Requests, those to score choices included.
    pub requests: u64,
    /// Requests that failed, before the answer or in the middle of it.
    pub failures: u64,
    /// Requests whose caller left before the end.
    pub cancelled: u64,
    /// Tokens of the prompts.
    pub prompt_tokens: u64,
    /// Of these, tokens whose state was reused.
    pub reused_tokens: u64,
    /// Tokens of the answers.
    pub completion_tokens: u64,
    /// Lines of transcripts that were left out because a window was full.
    pub dropped_lines: u64,
}

impl Totals {
    fn add(&mut self, usage: &Usage) {
        self.prompt_tokens += usage.prompt_tokens as u64;
        self.reused_tokens += usage.reused_tokens as u64;
        self.completion_tokens += usage.completion_tokens as u64;
        self.dropped_lines += usage.dropped_lines as u64;
    }
}

fn change(totals: &Shared, by: impl FnOnce(&mut Totals)) {
    by(&mut totals.lock().unwrap_or_else(PoisonError::into_inner));
}

/// A request that was counted and whose end is not known yet. Dropped like this, it was cancelled.
struct Open(Option<Shared>);

impl Open {
    fn new(totals: &Shared) -> Self {
        change(totals, |totals| totals.requests += 1);
        Self(Some(totals.clone()))
    }

    fn close(mut self, by: impl FnOnce(&mut Totals)) {
        if let Some(totals) = self.0.take() {
            change(&totals, by);
        }
    }

    fn fail(self) {
        self.close(|totals| totals.failures += 1);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(totals) = self.0.take() {
            change(&totals, |totals| totals.cancelled += 1);
        }
    }
}

#[async_trait]
impl LanguageModel for Meter {
    fn id(&self) -> &str {
        self.inner.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn generate(&self, request: Request) -> Result<BoxStream<'static, Result<Delta>>> {
        let open = Open::new(&self.totals);
        let stream = match self.inner.generate(request).await {
            Ok(stream) => stream,
            Err(error) => {
                open.fail();
                return Err(error);
            }
        };
        let counted = futures::stream::unfold(Some((stream, open)), |state| async move {
            let (mut stream, open) = state?;
            let item = stream.next().await;
            match &item {
                Some(Ok(Delta::Text(_))) => return Some((item?, Some((stream, open)))),
                Some(Ok(Delta::Done { usage, .. })) => open.close(|totals| totals.add(usage)),
                // A stream that just stops has failed too.
                Some(Err(_)) | None => open.fail(),
            }
            Some((item?, None))
        });
        Ok(counted.boxed())
    }

    async fn score(&self, prompt: Prompt, choices: Vec<String>) -> Result<Vec<f32>> {
        let open = Open::new(&self.totals);
        let scores = self.inner.score(prompt, choices).await;
        match &scores {
            Ok(_) => open.close(|_| {}),
            Err(_) => open.fail(),
        }
        scores
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::{LanguageModelExt, ScriptedModel};

    fn meter(answers: &[&str]) -> Meter {
        Meter::new(Arc::new(ScriptedModel::new(answers.iter().copied())))
    }

    fn request() -> Request {
        Request::new(Prompt::new("s", "where is it"))
    }

    #[tokio::test]
    async fn answers_and_failures_are_counted_with_their_tokens_by_all_clones() {
        let meter = meter(&["on its way", "here"]);
        for _ in 0..2 {
            meter.clone().complete(request()).await.unwrap();
        }
        meter.complete(request()).await.unwrap_err();
        let expected = Totals {
            requests: 3,
            failures: 1,
            prompt_tokens: 6,
            completion_tokens: 4,
            ..Totals::default()
        };
        assert_eq!(meter.totals(), expected);
        let told = serde_json::to_value(expected).unwrap();
        assert_eq!(told["completion_tokens"], 4);
    }

    #[tokio::test]
    async fn an_answer_that_nobody_waits_for_is_cancelled_and_costs_no_tokens() {
        let meter = meter(&["on its way"]);
        let mut stream = meter.generate(request()).await.unwrap();
        stream.next().await.unwrap().unwrap();
        assert_eq!(meter.totals().cancelled, 0);
        drop(stream);
        let expected = Totals {
            requests: 1,
            cancelled: 1,
            ..Totals::default()
        };
        assert_eq!(meter.totals(), expected);
    }

    #[tokio::test]
    async fn an_answer_that_was_read_to_its_end_is_not_cancelled() {
        let meter = meter(&["here"]);
        let stream = meter.generate(request()).await.unwrap();
        assert_eq!(stream.count().await, 2);
        assert_eq!(meter.totals().cancelled, 0);
        assert_eq!(meter.totals().failures, 0);
    }

    #[tokio::test]
    async fn a_score_is_a_request() {
        let meter = meter(&[]);
        let prompt = Prompt::new("s", "t");
        meter.score(prompt, vec!["a".into()]).await.unwrap_err();
        assert_eq!(meter.totals().requests, 1);
        assert_eq!(meter.totals().failures, 1);
    }
}
