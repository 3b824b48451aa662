//! A local index that answers while the remote one cannot be reached.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Hit, IndexedPassage, Passage, VectorQuery, VectorStore};
use crate::conversation::{PassageId, TenantId};
use crate::error::{Error, Result};

/// A [`VectorStore`] over a remote one and a local copy of it, for example Qdrant on a server and Qdrant Edge in
/// this process.
///
/// Writes go to both, the remote one first; what is only in one of them, or differs, is ingested again. Searches
/// and the indexes derived from it ask the remote one. While it fails in a way that may pass
/// ([`Error::is_transient`](crate::Error::is_transient)) the local copy answers, and for some seconds
/// the remote one is not asked, so that callers do not wait for its time limit again and again. What others wrote
/// to the remote one is not in the local copy until this process has ingested it too.
#[derive(Clone, Debug)]
pub struct FallbackVectorStore {
    remote: Arc<dyn VectorStore>,
    local: Arc<dyn VectorStore>,
    pause: Duration,
    /// Until when the remote one is left alone.
    resting: Arc<Mutex<Option<Instant>>>,
}

impl FallbackVectorStore {
    /// Searches `local` while `remote` cannot be reached. Both must hold vectors of the same embedder.
    pub fn new(remote: Arc<dyn VectorStore>, local: Arc<dyn VectorStore>) -> Self {
        Self {
            remote,
            local,
            pause: Duration::from_secs(5),
            resting: Arc::default(),
        }
    }

    /// How long the remote one is not searched after it has failed (5 s unless told).
    #[must_use]
    pub fn with_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Whether searches are answered by the local copy just now.
    pub fn on_local(&self) -> bool {
        self.resting
            .lock()
            .is_some_and(|until| Instant::now() < until)
    }

    /// The remote one has failed in a way that may pass.
    fn rest(&self, error: &Error) {
        tracing::warn!(%error, "the local copy of the knowledge index answers");
        *self.resting.lock() = Some(Instant::now() + self.pause);
    }
}

#[async_trait]
impl VectorStore for FallbackVectorStore {
    async fn upsert(&self, passages: Vec<IndexedPassage>) -> Result<()> {
        self.remote.upsert(passages.clone()).await?;
        self.local.upsert(passages).await
    }

    async fn remove(&self, tenant: &TenantId, ids: &[PassageId]) -> Result<()> {
        self.remote.remove(tenant, ids).await?;
        self.local.remove(tenant, ids).await
    }

    /// What is in either; with an empty hash where it is not the same in both, so that it is written again.
    async fn list(&self, tenant: &TenantId) -> Result<Vec<(PassageId, String)>> {
        let mut listed = self.remote.list(tenant).await?;
        let local = self.local.list(tenant).await?;
        let mut local: HashMap<PassageId, String> = local.into_iter().collect();
        for (id, hash) in &mut listed {
            if local.remove(id).as_ref() != Some(hash) {
                hash.clear();
            }
        }
        listed.extend(local.into_keys().map(|id| (id, String::new())));
        Ok(listed)
    }

    /// What is in the remote one; in the local copy where that does not answer.
    async fn list_searched(&self, tenant: &TenantId) -> Result<Vec<(PassageId, String)>> {
        if self.on_local() {
            return self.local.list_searched(tenant).await;
        }
        match self.remote.list_searched(tenant).await {
            Err(error) if error.is_transient() => {
                self.rest(&error);
                self.local.list_searched(tenant).await
            }
            result => result,
        }
    }

    /// What is in the remote one; of the local copy where that does not answer.
    async fn export(&self, tenant: &TenantId) -> Result<Vec<(Passage, Vec<f32>)>> {
        if self.on_local() {
            return self.local.export(tenant).await;
        }
        match self.remote.export(tenant).await {
            Err(error) if error.is_transient() => {
                self.rest(&error);
                self.local.export(tenant).await
            }
            result => result,
        }
    }

    async fn search(&self, query: VectorQuery) -> Result<Vec<Hit>> {
        if self.on_local() {
            return self.local.search(query).await;
        }
        match self.remote.search(query.clone()).await {
            Err(error) if error.is_transient() => {
                self.rest(&error);
                self.local.search(query).await
            }
            result => {
                *self.resting.lock() = None;
                result
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::ErrorKind;
    use crate::knowledge::conformance::{self, indexed, query};
    use crate::knowledge::{
        Audience, KnowledgeArticle, KnowledgeBase, MemoryVectorStore, Question, RecentTurns, Scope,
    };

    const WIDTH: usize = 256;

    /// A store whose searches fail while an error is set.
    #[derive(Debug, Default)]
    struct Moody {
        inner: MemoryVectorStore,
        mood: Mutex<Option<ErrorKind>>,
        searches: AtomicUsize,
    }

    impl Moody {
        fn set(&self, mood: Option<ErrorKind>) {
            *self.mood.lock() = mood;
        }

        fn check(&self) -> Result<()> {
            match *self.mood.lock() {
                Some(kind) => Err(Error::new(kind, "not today")),
                None => Ok(()),
            }
        }
    }

    #[async_trait]
    impl VectorStore for Moody {
        async fn upsert(&self, passages: Vec<IndexedPassage>) -> Result<()> {
            self.check()?;
            self.inner.upsert(passages).await
        }

        async fn remove(&self, tenant: &TenantId, ids: &[PassageId]) -> Result<()> {
            self.check()?;
            self.inner.remove(tenant, ids).await
        }

        async fn list(&self, tenant: &TenantId) -> Result<Vec<(PassageId, String)>> {
            self.check()?;
            self.inner.list(tenant).await
        }

        async fn export(&self, tenant: &TenantId) -> Result<Vec<(Passage, Vec<f32>)>> {
            self.check()?;
            self.inner.export(tenant).await
        }

        async fn search(&self, query: VectorQuery) -> Result<Vec<Hit>> {
            self.searches.fetch_add(1, Ordering::Relaxed);
            self.check()?;
            self.inner.search(query).await
        }
    }

    fn pair() -> (Arc<Moody>, Arc<MemoryVectorStore>, FallbackVectorStore) {
        let remote = Arc::new(Moody::default());
        let local = Arc::new(MemoryVectorStore::new());
        let both = FallbackVectorStore::new(remote.clone(), local.clone());
        (remote, local, both)
    }

    #[tokio::test]
    async fn it_conforms() {
        conformance::vector_store(&pair().2, WIDTH).await;
        conformance::knowledge_base(Arc::new(pair().2)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_local_copy_answers_while_the_remote_one_rests() {
        let (remote, _, both) = pair();
        let passages = vec![indexed("p", "restart the router", WIDTH)];
        both.upsert(passages).await.unwrap();
        let ask = || both.search(query("router", WIDTH, 3));
        remote.set(Some(ErrorKind::Unavailable));
        for _ in 0..3 {
            assert_eq!(ask().await.unwrap().len(), 1);
        }
        assert!(both.on_local());
        assert_eq!(remote.searches.load(Ordering::Relaxed), 1);
        remote.set(None);
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(ask().await.unwrap().len(), 1);
        assert!(!both.on_local());
        assert_eq!(remote.searches.load(Ordering::Relaxed), 2);
        // What does not pass by itself is told.
        remote.set(Some(ErrorKind::Index));
        assert_eq!(ask().await.unwrap_err().kind(), ErrorKind::Index);
        remote.set(Some(ErrorKind::Timeout));
        assert_eq!(ask().await.unwrap().len(), 1);
        let error = both.upsert(vec![indexed("q", "text", WIDTH)]).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Timeout);
    }

    #[tokio::test]
    async fn long_questions_and_turns_are_answered_from_the_local_copy_too() {
        let (remote, _, both) = pair();
        let embedder = Arc::new(crate::embedding::HashingEmbedder::default());
        let base = KnowledgeBase::new(embedder, Arc::new(both.clone()));
        let article = |n: usize| {
            let body = format!("The hotel of number {n} has a pool and wifi.");
            KnowledgeArticle::new(format!("a{n}"), format!("Hotel {n}"), "acme", body)
        };
        base.ingest((0..4).map(article).collect(), None)
            .await
            .unwrap();
        remote.set(Some(ErrorKind::Unavailable));
        let scope = Scope::new("acme", Audience::Customer);
        let long = "Does the hotel of number 2 have a pool? ".repeat(10);
        let question = Question::new(long, scope.clone());
        assert!(!base.search(&question, 3).await.unwrap().is_empty());
        assert!(both.on_local());
        let mut turns = RecentTurns::new();
        turns.say(
            crate::conversation::Role::EndUser,
            "Does Hotel 2 have wifi?",
        );
        let known = base.for_turn(&turns, &scope, 3).await.unwrap();
        assert!(!known.matches.is_empty());
        // What is written is decided by the remote one alone.
        let acme: TenantId = "acme".into();
        let listed = both.list(&acme).await.unwrap_err();
        assert_eq!(listed.kind(), ErrorKind::Unavailable);
        assert_eq!(
            base.clear(&acme).await.unwrap_err().kind(),
            ErrorKind::Unavailable
        );
    }

    #[tokio::test]
    async fn an_ingestion_makes_both_alike_again() {
        let (remote, local, both) = pair();
        let embedder = Arc::new(crate::embedding::HashingEmbedder::default());
        let base = KnowledgeBase::new(embedder, Arc::new(both));
        let articles: Vec<KnowledgeArticle> = (0..4)
            .map(|n| KnowledgeArticle::new(format!("a{n}"), "Title", "acme", format!("Body {n}")))
            .collect();
        base.ingest(articles.clone(), None).await.unwrap();
        let acme: TenantId = "acme".into();
        let listed = local.list(&acme).await.unwrap();
        local.remove(&acme, &[listed[0].0.clone()]).await.unwrap();
        let mut other = indexed("stray", "only here", 384);
        other.passage.tenant = acme.clone();
        local.upsert(vec![other]).await.unwrap();
        let report = base.ingest(articles.clone(), None).await.unwrap();
        assert_eq!(
            (report.unchanged, report.updated, report.removed),
            (3, 1, 1)
        );
        let report = base.ingest(articles, None).await.unwrap();
        assert_eq!(report.unchanged, 4);
        assert_eq!(
            local.list(&acme).await.unwrap(),
            remote.list(&acme).await.unwrap()
        );
    }
}
