//! Asking again after a failure that may pass by itself.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::Instant;

use super::{Capabilities, Delta, LanguageModel, Prompt, Request};
use crate::error::{Error, ErrorKind, Result};

/// A [`LanguageModel`] that is asked again after a transient failure
/// ([`Error::is_transient`](crate::Error::is_transient)).
///
/// An answer is begun again only while none of it was handed on, since its words would be said twice.
/// So [`generate`](LanguageModel::generate) returns when the first piece is there. Dropping it stops
/// the waiting too.
#[derive(Clone, Debug)]
pub struct Retry {
    inner: Arc<dyn LanguageModel>,
    policy: RetryPolicy,
}

impl Retry {
    /// Asks `inner` as often as `policy` allows.
    pub fn new(inner: Arc<dyn LanguageModel>, policy: RetryPolicy) -> Self {
        Self { inner, policy }
    }
}

/// How often a failed request is tried again, and after which waits: exponential back-off with full
/// jitter (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
///
/// Whoever says how long to wait ([`Error::retry_after`](crate::Error::retry_after)) is obeyed; where
/// that is longer than the longest wait, the error is returned at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    attempts: u32,
    first_wait: Duration,
    longest_wait: Duration,
    total_time: Duration,
}

impl Default for RetryPolicy {
    /// 3 attempts; waits of up to 250 ms at first and 5 s at most; 30 s altogether.
    fn default() -> Self {
        Self {
            attempts: 3,
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_secs(5),
            total_time: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// Sets how often a request is made, the first time included; 0 counts as 1.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Sets the bound of the first wait. It doubles with every further one.
    #[must_use]
    pub fn with_first_wait(mut self, wait: Duration) -> Self {
        self.first_wait = wait;
        self
    }

    /// Sets the bound of every wait.
    #[must_use]
    pub fn with_longest_wait(mut self, wait: Duration) -> Self {
        self.longest_wait = wait;
        self
    }

    /// Sets how long after the first attempt the last one may begin. An attempt that runs is not cut
    /// short; that is the timeout of the model.
    #[must_use]
    pub fn with_total_time(mut self, time: Duration) -> Self {
        self.total_time = time;
        self
    }

    /// How long to wait after `failed` attempts, the last of them with `error`; `None` to give up.
    /// `luck` is from 0 to below 1.
    fn wait(&self, failed: u32, spent: Duration, error: &Error, luck: f64) -> Option<Duration> {
        let asked = error.retry_after().unwrap_or_default();
        if !error.is_transient() || failed >= self.attempts || asked > self.longest_wait {
            return None;
        }
        let doubled = 2_u32.saturating_pow(failed.saturating_sub(1));
        let bound = self
            .first_wait
            .saturating_mul(doubled)
            .min(self.longest_wait);
        // On top of what was asked for, so that those who were told the same do not come back together.
        let wait = asked
            .saturating_add(bound.mul_f64(luck))
            .min(self.longest_wait);
        (spent.saturating_add(wait) <= self.total_time).then_some(wait)
    }
}

/// The attempts at one request, of whatever remote service.
pub(crate) struct Attempts {
    policy: RetryPolicy,
    since: Instant,
    failed: u32,
}

impl Attempts {
    pub(crate) fn new(policy: RetryPolicy) -> Self {
        Self {
            policy,
            since: Instant::now(),
            failed: 0,
        }
    }

    /// Waits for the next attempt, or gives the error back where there is none.
    pub(crate) async fn wait_after(&mut self, error: Error) -> Result<()> {
        self.failed = self.failed.saturating_add(1);
        let spent = self.since.elapsed();
        let Some(wait) = self.policy.wait(self.failed, spent, &error, luck()) else {
            return Err(error);
        };
        tracing::debug!(%error, ?wait, "a request failed and is made again");
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

/// A number from 0 to below 1. Every `RandomState` has keys of its own, which spreads callers well
/// enough without another dependency.
fn luck() -> f64 {
    let bits = RandomState::new().hash_one(()) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

/// Starts an answer and waits for its first piece: until then another attempt, or another model, can
/// still take over.
pub(super) async fn begin(
    model: &dyn LanguageModel,
    request: Request,
) -> Result<BoxStream<'static, Result<Delta>>> {
    let mut stream = model.generate(request).await?;
    match stream.next().await {
        Some(Err(error)) => Err(error),
        Some(first) => Ok(futures::stream::iter([first]).chain(stream).boxed()),
        None => Err(Error::new(
            ErrorKind::Unavailable,
            format!("{} ended an answer before it began; ask again", model.id()),
        )),
    }
}

#[async_trait]
impl LanguageModel for Retry {
    fn id(&self) -> &str {
        self.inner.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn generate(&self, request: Request) -> Result<BoxStream<'static, Result<Delta>>> {
        let mut attempts = Attempts::new(self.policy);
        loop {
            match begin(&*self.inner, request.clone()).await {
                Ok(stream) => return Ok(stream),
                Err(error) => attempts.wait_after(error).await?,
            }
        }
    }

    async fn score(&self, prompt: Prompt, choices: Vec<String>) -> Result<Vec<f32>> {
        let mut attempts = Attempts::new(self.policy);
        loop {
            match self.inner.score(prompt.clone(), choices.clone()).await {
                Ok(scores) => return Ok(scores),
                Err(error) => attempts.wait_after(error).await?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::{LanguageModelExt, ScriptedModel};
    use std::sync::atomic::{AtomicU32, Ordering};

    const MS: Duration = Duration::from_millis(1);

    fn down() -> Error {
        Error::new(ErrorKind::Unavailable, "down")
    }

    /// Fails `failures` times with an error of `kind`, then answers.
    fn failing(failures: u32, kind: ErrorKind) -> ScriptedModel {
        let asked = AtomicU32::new(0);
        ScriptedModel::from_fn(move |_| {
            if asked.fetch_add(1, Ordering::Relaxed) < failures {
                return Err(Error::new(kind, "not now"));
            }
            Ok("Here I am.".into())
        })
    }

    fn eager(inner: &ScriptedModel, attempts: u32) -> Retry {
        let policy = RetryPolicy::default()
            .with_attempts(attempts)
            .with_first_wait(Duration::ZERO);
        Retry::new(Arc::new(inner.clone()), policy)
    }

    fn request() -> Request {
        Request::new(Prompt::new("s", "t"))
    }

    #[tokio::test]
    async fn what_passes_by_itself_is_asked_again_as_often_as_allowed() {
        let inner = failing(2, ErrorKind::Unavailable);
        let answer = eager(&inner, 3).complete(request()).await.unwrap();
        assert_eq!(answer.text, "Here I am.");
        assert_eq!(inner.asked().len(), 3);

        let inner = failing(2, ErrorKind::Timeout);
        let error = eager(&inner, 2).complete(request()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(inner.asked().len(), 2);
    }

    #[tokio::test]
    async fn what_asking_again_cannot_mend_is_told_at_once() {
        for kind in [
            ErrorKind::InvalidInput,
            ErrorKind::TooLong,
            ErrorKind::Refused,
        ] {
            let inner = failing(1, kind);
            let error = eager(&inner, 3).complete(request()).await.unwrap_err();
            assert_eq!(error.kind(), kind);
            assert_eq!(inner.asked().len(), 1, "{kind:?}");
        }
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let policy = RetryPolicy::default()
            .with_attempts(u32::MAX)
            .with_first_wait(100 * MS)
            .with_longest_wait(450 * MS);
        let wait = |failed, luck| policy.wait(failed, Duration::ZERO, &down(), luck).unwrap();
        assert_eq!(
            [1, 2, 3, 4].map(|failed| wait(failed, 0.5)),
            [50 * MS, 100 * MS, 200 * MS, 225 * MS]
        );
        assert_eq!(wait(2, 0.0), Duration::ZERO);
        assert_eq!(wait(1000, 0.5), 225 * MS);
    }

    #[test]
    fn a_wait_that_was_asked_for_is_kept_or_refused_but_never_shortened() {
        let policy = RetryPolicy::default()
            .with_first_wait(1000 * MS)
            .with_longest_wait(2000 * MS);
        let wait = |asked, luck| {
            let error = down().with_retry_after(asked);
            policy.wait(1, Duration::ZERO, &error, luck)
        };
        assert_eq!(wait(1500 * MS, 0.0), Some(1500 * MS));
        assert_eq!(wait(1500 * MS, 0.25), Some(1750 * MS));
        assert_eq!(wait(1500 * MS, 0.75), Some(2000 * MS));
        assert_eq!(wait(2001 * MS, 0.0), None);
    }

    #[test]
    fn no_attempt_begins_after_the_total_time() {
        let policy = RetryPolicy::default()
            .with_first_wait(100 * MS)
            .with_total_time(1000 * MS);
        assert_eq!(policy.wait(1, 950 * MS, &down(), 0.5), Some(50 * MS));
        assert_eq!(policy.wait(1, 951 * MS, &down(), 0.5), None);
        let endless = policy.with_total_time(Duration::MAX);
        assert_eq!(endless.wait(1, 951 * MS, &down(), 0.5), Some(50 * MS));
    }

    #[test]
    fn luck_is_spread_over_its_range() {
        let drawn: Vec<f64> = (0..200).map(|_| luck()).collect();
        assert!(drawn.iter().all(|luck| (0.0..1.0).contains(luck)));
        for quarter in [0.0, 0.25, 0.5, 0.75] {
            let hits = drawn
                .iter()
                .filter(|luck| (quarter..quarter + 0.25).contains(*luck));
            assert!(hits.count() > 10, "{drawn:?}");
        }
    }
}
