//! Qdrant Edge: the index on disk, in this process.
//!
//! `qdrant-edge` 0.7.2 writes a write-ahead log but does not replay it, opens a folder whose segments are
//! gone as if it were empty, and panics where a flush fails. So every change is written down by us before the engine
//! sees it (`redo.rs`) and is made again where a process died in the middle; a manifest says what the index must
//! hold after the last finished write, a folder that does not hold it is refused, and panics of the engine
//! come back as errors.

mod open;
mod points;
mod redo;
#[cfg(test)]
mod tests;
mod verify;

use std::fmt;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use qdrant_edge::{EdgeShard, OperationError};

use self::open::Manifest;
use self::points::Contents;
use self::redo::Change;
use super::{Hit, IndexedPassage, Passage, VectorQuery, VectorStore, layout};
use crate::conversation::{PassageId, TenantId};
use crate::embedding::Embedder;
use crate::error::{Error, ErrorKind, OrError, Result};

/// A [`VectorStore`] in a folder, for one process at a time.
///
/// Dense cosine and BM25 vectors of a passage stand in one collection for all tenants, laid out as on a Qdrant
/// server; every search is filtered by tenant, audience, validity, language and product inside the engine. There is
/// no graph: vectors are scanned in 8 bits and the closest compared in full, which is exact but for a few in a thousand
/// and grows with the collection. Where a tenant has several hundred thousand passages, use a server.
///
/// Opening reads everything once and compares it with the manifest.
///
/// The index is derived data. [`open`](Self::open) refuses one that is damaged, unfinished, or built with
/// another embedder; [`open_or_rebuild`](Self::open_or_rebuild) empties it instead, and the next
/// [`ingest`](super::KnowledgeBase::ingest) fills it again.
pub struct EdgeStore {
    inner: Arc<Inner>,
    rebuilt: Option<String>,
}

struct Inner {
    dir: PathBuf,
    dimensions: usize,
    shard: Option<EdgeShard>,
    /// Held by every write: the engine's flush must not meet another writer.
    writing: Mutex<Manifest>,
    /// Set when a write failed half-way: what is in memory may differ from what is on disk.
    broken: AtomicBool,
    _lock: File,
}

impl EdgeStore {
    /// Opens the index in `dir` for vectors of `embedder`, or makes an empty one where there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Index`] if the index is damaged or unfinished, was built with another embedder, or is
    /// open elsewhere; if the folder holds something else or cannot be written.
    pub async fn open(dir: impl Into<PathBuf>, embedder: &dyn Embedder) -> Result<Self> {
        Self::start(dir.into(), embedder, false).await
    }

    /// Like [`open`](Self::open), but an index that is damaged, unfinished or of another embedder is emptied;
    /// [`rebuilt`](Self::rebuilt) then says why, and the articles must be ingested again.
    ///
    /// # Errors
    /// [`ErrorKind::Index`] if the index is open elsewhere, the folder holds something else, or it
    /// cannot be written.
    pub async fn open_or_rebuild(dir: impl Into<PathBuf>, embedder: &dyn Embedder) -> Result<Self> {
        Self::start(dir.into(), embedder, true).await
    }

    /// Why the index was emptied on opening; `None` where it was used as it stood.
    pub fn rebuilt(&self) -> Option<&str> {
        self.rebuilt.as_deref()
    }

    async fn start(dir: PathBuf, embedder: &dyn Embedder, rebuild: bool) -> Result<Self> {
        let wanted = Manifest {
            layout: layout::VERSION,
            embedder: embedder.id().to_owned(),
            dimensions: embedder.dimensions(),
            contents: Some(Contents::default()),
            writes: 0,
        };
        tokio::task::spawn_blocking(move || open::start(dir, wanted, rebuild))
            .await
            .or_error(
                ErrorKind::Internal,
                || "the task that opens the index stopped",
            )?
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner, &EdgeShard) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || {
            if inner.broken.load(Ordering::Acquire) {
                return Err(inner.error("a write to it failed; open it again"));
            }
            let shard = inner.shard.as_ref();
            let shard = shard.ok_or_else(|| inner.error("it is closed; open it again"))?;
            guarded(|| work(&inner, shard)).unwrap_or_else(|panic| Err(inner.error(&panic)))
        })
        .await
        .or_error(ErrorKind::Internal, || "the task on the index stopped")?
    }

    async fn write(&self, change: Change) -> Result<()> {
        self.run(move |inner, shard| inner.write(shard, &change))
            .await
    }
}

impl fmt::Debug for EdgeStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdgeStore")
            .field("dir", &self.inner.dir)
            .field("rebuilt", &self.rebuilt)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl VectorStore for EdgeStore {
    async fn upsert(&self, passages: Vec<IndexedPassage>) -> Result<()> {
        for passage in &passages {
            layout::check(self.inner.dimensions, &passage.dense)?;
        }
        if passages.is_empty() {
            return Ok(());
        }
        self.write(Change::upsert(passages)).await
    }

    async fn remove(&self, tenant: &TenantId, ids: &[PassageId]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        self.write(Change::remove(tenant, ids)).await
    }

    async fn list(&self, tenant: &TenantId) -> Result<Vec<(PassageId, String)>> {
        let tenant = tenant.clone();
        self.run(move |inner, shard| points::list(inner, shard, &tenant))
            .await
    }

    async fn export(&self, tenant: &TenantId) -> Result<Vec<(Passage, Vec<f32>)>> {
        let tenant = tenant.clone();
        self.run(move |inner, shard| points::export(inner, shard, &tenant))
            .await
    }

    async fn search(&self, query: VectorQuery) -> Result<Vec<Hit>> {
        layout::check(self.inner.dimensions, &query.dense)?;
        self.run(move |inner, shard| points::search(inner, shard, &query))
            .await
    }
}

impl Inner {
    fn error(&self, what: &str) -> Error {
        Error::new(
            ErrorKind::Index,
            format!("the knowledge index in {}: {what}", self.dir.display()),
        )
    }

    /// Makes the change; returns when all is on disk.
    fn write(&self, shard: &EdgeShard, change: &Change) -> Result<()> {
        let mut manifest = self.writing.lock();
        let prepared = guarded(|| redo::prepare(shard, &manifest, change));
        let entry = self.sound(prepared, "cannot be read")?;
        // Nothing has been changed yet: a disk that is full here leaves the index as it was.
        redo::save(&self.dir, &entry)?;
        let done = guarded(|| redo::apply(shard, &entry));
        let contents = self.sound(done, "cannot be written; open it again")?;
        let finished = Manifest {
            contents: Some(contents),
            writes: entry.number,
            ..manifest.clone()
        };
        if let Err(error) = open::save(&self.dir, &finished) {
            self.broken.store(true, Ordering::Release);
            return Err(error);
        }
        *manifest = finished;
        // All is safe by now. Whoever dies here finds the old segments again, or the new ones.
        self.sound(
            guarded(|| shard.optimize()),
            "cannot be tidied up; open it again",
        )?;
        Ok(())
    }

    /// After a failure inside the engine, what is in memory may differ from what is on disk.
    fn sound<T>(&self, done: Result<Result<T, OperationError>, String>, what: &str) -> Result<T> {
        let error = match done {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => self.error(what).with_source(error),
            Err(panic) => self.error(&panic),
        };
        self.broken.store(true, Ordering::Release);
        Err(error)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The engine flushes when dropped and panics if it cannot, for example because the folder is
        // gone. Everything acknowledged is on disk already.
        let shard = self.shard.take();
        if let Err(panic) = guarded(|| drop(shard)) {
            tracing::warn!(index = %self.dir.display(), panic, "closing the knowledge index failed");
        }
    }
}

/// Runs a piece of the engine; a panic comes back as its message.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        format!(
            "the engine failed ({}); open it again",
            message.as_deref().unwrap_or("no message")
        )
    })
}
