//! Qdrant as a server or a cluster.
//!
//! The collection is laid out as that of the embedded engine. Its name carries a number, and an alias points at the
//! one in use, so that a new index is built beside the old one and takes over in one step.

mod collection;
mod failure;
mod points;
mod reindex;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::Mutex;

use self::collection::{Client, Identity};
pub use self::reindex::QdrantReindex;
use super::{Hit, IndexedPassage, Passage, VectorQuery, VectorStore, layout};
use crate::conversation::{PassageId, TenantId};
use crate::embedding::Embedder;
use crate::error::{ErrorKind, Result};
use crate::llm::RetryPolicy;

/// How long searches trust what the alias pointed at. Reads of lists and writes ask every time.
const TRUSTED: Duration = Duration::from_secs(30);

/// Where a Qdrant server is and how it is talked to.
#[derive(Clone)]
pub struct QdrantOptions {
    url: String,
    api_key: Option<String>,
    alias: String,
    timeout: Duration,
    connect_timeout: Duration,
    retry: RetryPolicy,
    shards: Option<u32>,
    replicas: Option<u32>,
}

impl QdrantOptions {
    /// The gRPC address, for example `https://qdrant.example.com:6334`, and the name of the index: the alias that
    /// points at the collection in use. With `https` the certificates of the system (or of the file in
    /// `SSL_CERT_FILE`) are trusted. Version 1.16 of the server is the oldest that can fuse as we do.
    pub fn new(url: impl Into<String>, alias: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            api_key: None,
            alias: alias.into(),
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
            retry: RetryPolicy::default(),
            shards: None,
            replicas: None,
        }
    }

    /// The key that the server asks for. Use `https` with it: over `http` everybody on the way can read it.
    #[must_use]
    pub fn with_api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// How long one request may take (5 s unless told) and how long connecting may (2 s).
    #[must_use]
    pub fn with_timeouts(mut self, request: Duration, connect: Duration) -> Self {
        self.timeout = request;
        self.connect_timeout = connect;
        self
    }

    /// How often, and after which waits, a request is made again that failed in a way that may pass.
    #[must_use]
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Shards of a new collection and copies of each, in a cluster. The server decides unless told.
    #[must_use]
    pub fn with_shards(mut self, shards: u32, replicas: u32) -> Self {
        self.shards = Some(shards);
        self.replicas = Some(replicas);
        self
    }
}

impl fmt::Debug for QdrantOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QdrantOptions")
            .field("url", &self.url)
            .field("alias", &self.alias)
            .field("api_key", &self.api_key.as_ref().map(|_| "…"))
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// A [`VectorStore`] on a Qdrant server or cluster (<https://qdrant.tech/documentation/>).
///
/// Dense cosine and BM25 vectors of a passage stand in one collection for all tenants; every search is filtered by
/// tenant, audience, validity, language and product in each of its branches, and the server fuses the ranks (RRF). Hits
/// with equal scores come in no particular order from the server, and neither is it said which of them is left out
/// at the limit.
///
/// The index is derived data. [`open`](Self::open) refuses one of another embedder or layout;
/// [`reindex`](Self::reindex) builds a new one beside it.
///
/// Requests that fail in a way that may pass ([`Error::is_transient`](crate::Error::is_transient)) are made again
/// as [`QdrantOptions::with_retry`] says; all of them may be made twice. [`FallbackVectorStore`] goes on with
/// a local index.
///
/// [`FallbackVectorStore`]: super::FallbackVectorStore
#[derive(Clone)]
pub struct QdrantStore {
    client: Arc<Client>,
    identity: Arc<Identity>,
    target: Arc<Target>,
}

/// The collection that is read and written.
enum Target {
    /// Whatever the alias points at, with the name it had when last asked.
    Alias(Mutex<(String, Instant)>),
    /// This one, while it is built.
    Fixed(String),
}

impl QdrantStore {
    /// Opens the index for vectors of `embedder`, or makes an empty one where the alias does not exist yet.
    ///
    /// # Errors
    /// [`ErrorKind::Index`] if the index was built with another embedder, by another version of this program or by
    /// somebody else; [`ErrorKind::Config`] if the address or the key is wrong; transient ones if the server
    /// cannot be reached.
    pub async fn open(options: QdrantOptions, embedder: &dyn Embedder) -> Result<Self> {
        let client = Client::new(options)?;
        let identity = Identity::of(embedder);
        let current = match client.current().await? {
            Some(current) => current,
            None => client.begin(&identity).await?,
        };
        client.verify(&current, &identity).await?;
        // One from before there was a filter is searched without its index where this key may not write.
        if let Err(error) = client.index_payload(&current).await {
            tracing::warn!(%error, "the filters of the knowledge index have no index of their own");
        }
        Ok(Self {
            client: Arc::new(client),
            identity: Arc::new(identity),
            target: Arc::new(Target::Alias(Mutex::new((current, Instant::now())))),
        })
    }

    /// Begins a new, empty index beside the one in use, for vectors of `embedder`. Searches go on in the old one
    /// until [`QdrantReindex::publish`].
    ///
    /// What an earlier attempt that never came to its end has left is removed. There may be one re-index of
    /// an alias at a time, and what is ingested into the old index meanwhile is lost with it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the address or the key is wrong, [`ErrorKind::Index`] if the server refuses;
    /// transient ones if it cannot be reached.
    pub async fn reindex(options: QdrantOptions, embedder: &dyn Embedder) -> Result<QdrantReindex> {
        reindex::begin(options, embedder).await
    }

    /// The collection in use; asked of the server where the last answer is older than `trusted`.
    async fn collection(&self, trusted: Duration) -> Result<String> {
        let known = match &*self.target {
            Target::Fixed(name) => return Ok(name.clone()),
            Target::Alias(known) => known,
        };
        let (name, since) = known.lock().clone();
        if since.elapsed() < trusted {
            return Ok(name);
        }
        let current = self.client.current().await?.ok_or_else(|| {
            self.client
                .index_error("is gone from the server; open it again and ingest the articles")
        })?;
        if current != name {
            // Somebody has published another index: it may be of another embedder.
            self.client.verify(&current, &self.identity).await?;
        }
        *known.lock() = (current.clone(), Instant::now());
        Ok(current)
    }
}

impl fmt::Debug for QdrantStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QdrantStore")
            .field("options", self.client.options())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl VectorStore for QdrantStore {
    async fn upsert(&self, passages: Vec<IndexedPassage>) -> Result<()> {
        for passage in &passages {
            layout::check(self.identity.dimensions, &passage.dense)?;
        }
        if passages.is_empty() {
            return Ok(());
        }
        let collection = self.collection(Duration::ZERO).await?;
        self.client.upsert(&collection, passages).await
    }

    async fn remove(&self, tenant: &TenantId, ids: &[PassageId]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let collection = self.collection(Duration::ZERO).await?;
        self.client.remove(&collection, tenant, ids).await
    }

    async fn list(&self, tenant: &TenantId) -> Result<Vec<(PassageId, String)>> {
        let collection = self.collection(Duration::ZERO).await?;
        self.client.list(&collection, tenant).await
    }

    async fn export(&self, tenant: &TenantId) -> Result<Vec<(Passage, Vec<f32>)>> {
        let collection = self.collection(Duration::ZERO).await?;
        self.client.export(&collection, tenant).await
    }

    async fn search(&self, query: VectorQuery) -> Result<Vec<Hit>> {
        layout::check(self.identity.dimensions, &query.dense)?;
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        let collection = self.collection(TRUSTED).await?;
        match self.client.search(&collection, &query).await {
            // A re-index has dropped it since: go on in its successor.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let collection = self.collection(Duration::ZERO).await?;
                self.client.search(&collection, &query).await
            }
            result => result,
        }
    }
}
