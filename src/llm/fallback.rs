//! A second language model that answers where the first cannot.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::Instant;

use super::retry::begin;
use super::{Capabilities, Delta, LanguageModel, Prompt, Request};
use crate::error::{Error, ErrorKind, Result};

/// A [`LanguageModel`] that asks a second model where the first one fails before the first piece of an
/// answer. A failure in the middle of an answer is the caller's, since its words are out.
///
/// A first model that is out of order is left alone for a while (a circuit breaker); then one request
/// tries it again. One that is only busy is asked again by the next request, unless it said how long to
/// wait, and one that finds a prompt too long is not out of order.
#[derive(Clone, Debug)]
pub struct Fallback {
    first: Arc<dyn LanguageModel>,
    second: Arc<dyn LanguageModel>,
    cool_down: Duration,
    rest: Arc<Mutex<Option<Rest>>>,
}

/// For how long the first model is left alone.
#[derive(Clone, Copy, Debug)]
struct Rest {
    since: Instant,
    length: Duration,
}

impl Rest {
    fn new(length: Duration) -> Self {
        Self {
            since: Instant::now(),
            length,
        }
    }
}

impl Fallback {
    /// Asks `first`, then `second`. A first model that is out of order is left alone for 30 s.
    pub fn new(first: Arc<dyn LanguageModel>, second: Arc<dyn LanguageModel>) -> Self {
        Self {
            first,
            second,
            cool_down: Duration::from_secs(30),
            rest: Arc::default(),
        }
    }

    /// Sets how long a first model that is out of order is left alone, unless it asks for longer.
    #[must_use]
    pub fn with_cool_down(mut self, cool_down: Duration) -> Self {
        self.cool_down = cool_down;
        self
    }

    fn rest(&self) -> MutexGuard<'_, Option<Rest>> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn may_ask_first(&self) -> bool {
        let mut rest = self.rest();
        let Some(current) = *rest else {
            return true;
        };
        let is_over = current.since.elapsed() >= current.length;
        if is_over {
            // One request tries; until its answer is there the others stay with the second model.
            *rest = Some(Rest::new(self.cool_down));
        }
        is_over
    }

    fn first_answered(&self) {
        if self.rest().take().is_some() {
            tracing::info!(model = self.first.id(), "the language model answers again");
        }
    }

    /// Notes a failure of the first model; gives it back where no other model is to be asked.
    fn first_failed(&self, error: Error) -> Result<Error> {
        if !another_may_answer(&error) {
            return Err(error);
        }
        let Some(length) = self.rest_after(&error) else {
            tracing::debug!(model = self.first.id(), %error, "the language model could not take a request");
            return Ok(error);
        };
        let was_in_order = self.rest().replace(Rest::new(length)).is_none();
        if was_in_order {
            tracing::warn!(
                model = self.first.id(),
                instead = self.second.id(),
                %error,
                "the language model is out of order; another one is asked"
            );
        }
        Ok(error)
    }

    fn rest_after(&self, error: &Error) -> Option<Duration> {
        match error.kind() {
            ErrorKind::TooLong => None,
            ErrorKind::Overloaded => error.retry_after(),
            _ => Some(self.cool_down.max(error.retry_after().unwrap_or_default())),
        }
    }

    /// An answer that breaks off keeps its error, but later requests are spared it.
    fn watch(
        &self,
        stream: BoxStream<'static, Result<Delta>>,
    ) -> BoxStream<'static, Result<Delta>> {
        let breaker = self.clone();
        let note = move |error| match breaker.first_failed(error) {
            Ok(error) | Err(error) => error,
        };
        stream.map(move |item| item.map_err(&note)).boxed()
    }

    /// The second model's error, which tells of the first one's too.
    fn both_failed(&self, first: Option<Error>, second: Error) -> Error {
        let (one, other) = (self.first.id(), self.second.id());
        match first {
            Some(first) => second.context(format!("{one} failed ({first}), so did {other}")),
            None => second.context(format!("{one} is left alone for a while, {other} failed")),
        }
    }
}

/// Whether it is of use to ask another model the same.
fn another_may_answer(error: &Error) -> bool {
    // Not so for `InvalidInput`: what is wrong with a request is wrong for every model, and hiding it
    // would let it go unmended. `Refused`: to ask elsewhere would get round a provider's policy.
    // `Unsupported`: the capabilities told so. `Cancelled`: nobody waits. `TooLong` is passed on, since
    // the second model may have the longer window.
    error.is_transient()
        || matches!(
            error.kind(),
            ErrorKind::Config
                | ErrorKind::NotFound
                | ErrorKind::Model
                | ErrorKind::Malformed
                | ErrorKind::Internal
                | ErrorKind::TooLong
        )
}

#[async_trait]
impl LanguageModel for Fallback {
    fn id(&self) -> &str {
        self.first.id()
    }

    /// What both can do, since an answer may come from either.
    fn capabilities(&self) -> Capabilities {
        let (first, second) = (self.first.capabilities(), self.second.capabilities());
        Capabilities {
            constrained: first.constrained && second.constrained,
            scoring: first.scoring && second.scoring,
            prefix_cache: first.prefix_cache && second.prefix_cache,
            reads_ahead: first.reads_ahead && second.reads_ahead,
            score_temperature: first
                .score_temperature
                .filter(|own| second.score_temperature == Some(*own)),
        }
    }

    async fn generate(&self, request: Request) -> Result<BoxStream<'static, Result<Delta>>> {
        let mut failed = None;
        if self.may_ask_first() {
            match begin(&*self.first, request.clone()).await {
                Ok(stream) => {
                    self.first_answered();
                    return Ok(self.watch(stream));
                }
                Err(error) => failed = Some(self.first_failed(error)?),
            }
        }
        let answer = self.second.generate(request).await;
        answer.map_err(|error| self.both_failed(failed, error))
    }

    async fn score(&self, prompt: Prompt, choices: Vec<String>) -> Result<Vec<f32>> {
        if !self.capabilities().scoring {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{} and {} cannot both score choices; ask them to generate one instead",
                    self.first.id(),
                    self.second.id()
                ),
            ));
        }
        let mut failed = None;
        if self.may_ask_first() {
            match self.first.score(prompt.clone(), choices.clone()).await {
                Ok(scores) => {
                    self.first_answered();
                    return Ok(scores);
                }
                Err(error) => failed = Some(self.first_failed(error)?),
            }
        }
        let scores = self.second.score(prompt, choices).await;
        scores.map_err(|error| self.both_failed(failed, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::{LanguageModelExt, ScriptedModel};

    const LONG: Duration = Duration::from_secs(3600);

    /// Fails at first with each of these, then says "first".
    fn failing(errors: impl IntoIterator<Item = Error>) -> ScriptedModel {
        let errors = Mutex::new(errors.into_iter().collect::<Vec<_>>());
        errors.lock().unwrap().reverse();
        ScriptedModel::from_fn(move |_| match errors.lock().unwrap().pop() {
            Some(error) => Err(error),
            None => Ok("first".into()),
        })
    }

    fn error(kind: ErrorKind) -> Error {
        Error::new(kind, "first is ill")
    }

    fn fallback(first: &ScriptedModel, cool_down: Duration) -> Fallback {
        let second = ScriptedModel::from_fn(|_| Ok("second".into()));
        Fallback::new(Arc::new(first.clone()), Arc::new(second)).with_cool_down(cool_down)
    }

    async fn ask(model: &Fallback) -> Result<String> {
        let request = Request::new(Prompt::new("s", "t"));
        model.complete(request).await.map(|answer| answer.text)
    }

    #[tokio::test]
    async fn a_model_out_of_order_is_left_alone_and_the_second_answers() {
        for kind in [
            ErrorKind::Unavailable,
            ErrorKind::Timeout,
            ErrorKind::Config,
            ErrorKind::NotFound,
            ErrorKind::Model,
            ErrorKind::Malformed,
            ErrorKind::Internal,
        ] {
            let first = failing([error(kind)]);
            let model = fallback(&first, LONG);
            for _ in 0..3 {
                assert_eq!(ask(&model).await.unwrap(), "second", "{kind:?}");
            }
            assert_eq!(first.asked().len(), 1, "{kind:?}");
        }
    }

    #[tokio::test]
    async fn after_the_cool_down_the_first_is_tried_again() {
        let first = failing([error(ErrorKind::Timeout), error(ErrorKind::Timeout)]);
        let model = fallback(&first, Duration::ZERO);
        for expected in ["second", "second", "first", "first"] {
            assert_eq!(ask(&model).await.unwrap(), expected);
        }
        assert!(model.rest().is_none());
    }

    #[tokio::test]
    async fn a_model_that_is_busy_or_has_a_short_window_is_asked_again_at_once() {
        for kind in [ErrorKind::Overloaded, ErrorKind::TooLong] {
            let model = fallback(&failing([error(kind)]), LONG);
            assert_eq!(ask(&model).await.unwrap(), "second", "{kind:?}");
            assert_eq!(ask(&model).await.unwrap(), "first", "{kind:?}");
        }
        let busy = error(ErrorKind::Overloaded).with_retry_after(LONG);
        let model = fallback(&failing([busy]), Duration::ZERO);
        assert_eq!(ask(&model).await.unwrap(), "second");
        assert_eq!(ask(&model).await.unwrap(), "second", "it said how long");
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_request_or_against_a_policy_is_not_asked_elsewhere() {
        for kind in [
            ErrorKind::InvalidInput,
            ErrorKind::Refused,
            ErrorKind::Cancelled,
            ErrorKind::Unsupported,
        ] {
            let model = fallback(&failing([error(kind)]), LONG);
            assert_eq!(ask(&model).await.unwrap_err().kind(), kind);
            assert_eq!(ask(&model).await.unwrap(), "first", "{kind:?}");
        }
    }

    #[tokio::test]
    async fn where_both_fail_the_error_tells_of_both() {
        let first = Arc::new(failing([error(ErrorKind::Config)]));
        let second = Arc::new(ScriptedModel::new(Vec::<String>::new()));
        let told = ask(&Fallback::new(first, second)).await.unwrap_err();
        assert_eq!(told.kind(), ErrorKind::Unavailable);
        let told = told.to_string();
        assert!(told.contains("first is ill"), "{told}");
        assert!(told.contains("the script is over"), "{told}");
    }
}
