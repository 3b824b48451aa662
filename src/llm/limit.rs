//! A limit on answers at the same time, so that a burst does not make everybody wait too long.

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Capabilities, Delta, LanguageModel, Prompt, Request};
use crate::error::{Error, ErrorKind, OrError, Result};

/// A [`LanguageModel`] that gives so many answers at once, lets so many requests wait, first come first
/// served, and turns the others away with [`ErrorKind::Overloaded`].
///
/// An answer counts until its stream ends, fails or is dropped. Clones share the limit. Inside a
/// [`Retry`](super::Retry) a request gives its place back while it waits for its next attempt.
#[derive(Clone, Debug)]
pub struct Limit {
    inner: Arc<dyn LanguageModel>,
    at_once: usize,
    waiting: usize,
    /// One for every request that is answered or waits.
    places: Arc<Semaphore>,
    /// One for every request that is answered.
    turns: Arc<Semaphore>,
}

impl Limit {
    /// `inner` gives at most `at_once` answers at the same time (at least one); nobody waits.
    pub fn new(inner: Arc<dyn LanguageModel>, at_once: usize) -> Self {
        let at_once = at_once.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            inner,
            at_once,
            waiting: 0,
            places: Arc::new(Semaphore::new(at_once)),
            turns: Arc::new(Semaphore::new(at_once)),
        }
    }

    /// Sets how many requests may wait for their turn.
    #[must_use]
    pub fn with_waiting(mut self, waiting: usize) -> Self {
        let places = self.at_once.saturating_add(waiting);
        self.places = Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        self.waiting = waiting;
        self
    }

    /// Waits for a turn, if there is a place to wait in.
    async fn admit(&self) -> Result<Admitted> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Err(Error::new(
                ErrorKind::Overloaded,
                format!(
                    "{} gives {} answers at once and {} requests wait already; \
                     ask again later, or raise its limit",
                    self.inner.id(),
                    self.at_once,
                    self.waiting
                ),
            ));
        };
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .or_error(ErrorKind::Internal, || "the limit of answers was closed")?;
        Ok(Admitted {
            _turn: turn,
            _place: place,
        })
    }
}

/// What a request holds while it is answered.
struct Admitted {
    _turn: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

#[async_trait]
impl LanguageModel for Limit {
    fn id(&self) -> &str {
        self.inner.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn generate(&self, request: Request) -> Result<BoxStream<'static, Result<Delta>>> {
        let admitted = self.admit().await?;
        let stream = self.inner.generate(request).await?;
        let held = futures::stream::unfold(Some((stream, admitted)), |state| async move {
            let (mut stream, admitted) = state?;
            let item = stream.next().await?;
            // Whoever keeps the stream after its end keeps nobody waiting.
            let goes_on = matches!(item, Ok(Delta::Text(_)));
            Some((item, goes_on.then_some((stream, admitted))))
        });
        Ok(held.boxed())
    }

    async fn score(&self, prompt: Prompt, choices: Vec<String>) -> Result<Vec<f32>> {
        let _admitted = self.admit().await?;
        self.inner.score(prompt, choices).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::{LanguageModelExt, ScriptedModel};
    use futures::FutureExt;

    fn limit(at_once: usize, waiting: usize) -> Limit {
        let inner = ScriptedModel::from_fn(|_| Ok("Two words.".into()));
        Limit::new(Arc::new(inner), at_once).with_waiting(waiting)
    }

    fn request() -> Request {
        Request::new(Prompt::new("s", "t"))
    }

    #[tokio::test]
    async fn who_finds_no_place_is_told_so_and_gets_one_when_an_answer_is_dropped() {
        let model = limit(2, 0);
        let first = model.generate(request()).await.unwrap();
        let _second = model.generate(request()).await.unwrap();
        let error = model.clone().complete(request()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overloaded);
        assert!(error.is_transient());
        assert!(error.to_string().contains("ask again later"), "{error}");
        drop(first);
        model.complete(request()).await.unwrap();
    }

    #[tokio::test]
    async fn who_waits_is_answered_in_turn_and_who_leaves_frees_the_place() {
        let model = limit(1, 1);
        let mut held = model.generate(request()).await.unwrap();
        let mut waiting = model.generate(request());
        assert!(waiting.as_mut().now_or_never().is_none());
        let turned_away = model.complete(request()).await.unwrap_err();
        assert_eq!(turned_away.kind(), ErrorKind::Overloaded);
        drop(waiting);
        let mut waiting = model.generate(request());
        assert!(
            waiting.as_mut().now_or_never().is_none(),
            "there is room again"
        );
        // The end of the answer gives the turn back, though the stream is still held.
        while let Some(Ok(Delta::Text(_))) = held.next().await {}
        assert!(waiting.await.is_ok());
        assert!(held.next().await.is_none());
    }

    #[tokio::test]
    async fn a_request_that_fails_gives_its_turn_back() {
        let model = Limit::new(Arc::new(ScriptedModel::new(Vec::<String>::new())), 1);
        for _ in 0..3 {
            let error = model.complete(request()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            let scores = model.score(Prompt::new("s", "t"), vec!["a".into()]).await;
            assert_eq!(scores.unwrap_err().kind(), ErrorKind::Unsupported);
        }
    }

    #[tokio::test]
    async fn limits_beyond_reason_are_cut_to_what_works() {
        limit(0, 0).complete(request()).await.unwrap();
        let boundless = limit(usize::MAX, usize::MAX);
        boundless.complete(request()).await.unwrap();
    }
}
