//! The conversation store: opaque, versioned records, appended and never changed.
//!
//! The store knows no event type, so a new kind of event needs no migration. [`open`] gives the one that a setting
//! names; [`SealedStore`] keeps what is written unreadable in any of them.

mod erasure;
mod hold;
mod listing;
mod memory;
mod open;
#[cfg(feature = "postgres")]
mod postgres;
mod sealed;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use erasure::ErasureReceipt;
pub use hold::{StoreHold, hold};
pub use listing::{INTERNAL, ListPage, ListQuery, StreamInfo, Streams};
pub use memory::MemoryStore;
pub use open::open;
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
pub use sealed::{PayloadCipher, SealContext, Sealed, SealedStore};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::conversation::{ConversationId, TenantId};
use crate::error::{Error, ErrorKind, Result};

/// Something to be kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Identity: appending the same id twice to a conversation keeps it once.
    pub id: uuid::Uuid,
    /// What it is, e.g. `utterance`.
    pub kind: String,
    /// Version of the payload's form.
    pub form: u16,
    /// The serialised content.
    pub payload: serde_json::Value,
    /// When it happened.
    pub at: jiff::Timestamp,
}

impl Record {
    /// A record of now with a fresh id, in form 1.
    pub fn new(kind: impl Into<String>, payload: serde_json::Value) -> Self {
        Self {
            id: uuid::Uuid::now_v7(),
            kind: kind.into(),
            form: 1,
            payload,
            at: jiff::Timestamp::now(),
        }
    }
}

/// Number of records of a conversation; 0 before the first.
pub type Version = u64;

/// Which conversation of whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StreamKey {
    /// Whose data it is.
    pub tenant: TenantId,
    /// Which conversation.
    pub conversation: ConversationId,
}

/// What a stream's first records come to, so that a long one is taken up again without reading all of it. It is derived:
/// whoever finds none, or one of an unknown form, reads the records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// How many records it stands for.
    pub version: Version,
    /// Version of the payload's form.
    pub form: u16,
    /// The serialised content.
    pub payload: serde_json::Value,
}

/// Keeps the records of conversations.
#[async_trait]
pub trait ConversationStore: Debug + Send + Sync + 'static {
    /// Appends `records` if the conversation still has `expected` records, and returns the new
    /// version. Records whose id is already there are skipped, so a retry is harmless: when all of
    /// them are there, the current version is returned whatever was expected. All or nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if somebody else appended first, [`ErrorKind::Storage`] if nothing
    /// could be written, [`ErrorKind::Timeout`] if other writers kept the store busy,
    /// [`ErrorKind::Unavailable`] if its server is away. After the last two nobody knows whether it was written: the
    /// same call again settles it.
    async fn append(
        &self,
        key: &StreamKey,
        expected: Version,
        records: &[Record],
    ) -> Result<Version>;

    /// The records after version `after`, in order; empty for an unknown conversation.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] if they cannot be read, [`ErrorKind::Timeout`] if the store is busy.
    async fn load(&self, key: &StreamKey, after: Version) -> Result<Vec<Record>>;

    /// All streams of a tenant, oldest first, those of the library too.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    async fn list(&self, tenant: &TenantId) -> Result<Vec<ConversationId>>;

    /// Some streams of a tenant. A store that does not say otherwise reads all of them for it.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    async fn page(&self, tenant: &TenantId, query: &ListQuery) -> Result<ListPage> {
        listing::page_by_loading(self, tenant, query).await
    }

    /// Erases a stream for good, with its snapshot; one that does not exist is no error, the receipt counts none.
    /// Whoever still writes to it gets [`ErrorKind::Conflict`]; its id is free for a new stream.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where a store cannot, and as [`append`](Self::append).
    async fn erase(&self, key: &StreamKey) -> Result<ErasureReceipt> {
        let _ = key;
        Err(cannot_erase())
    }

    /// Erases the streams of a tenant in which nothing happened at `before` or later, by the times of their records.
    ///
    /// # Errors
    /// As [`erase`](Self::erase); streams that were erased by then stay erased.
    async fn erase_before(
        &self,
        tenant: &TenantId,
        streams: &Streams,
        before: Timestamp,
    ) -> Result<ErasureReceipt> {
        let _ = (tenant, streams, before);
        Err(cannot_erase())
    }

    /// The latest snapshot of a stream, where one was kept.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    async fn snapshot(&self, key: &StreamKey) -> Result<Option<Snapshot>> {
        let _ = key;
        Ok(None)
    }

    /// Keeps a snapshot in place of an earlier one. One that stands for more records than the stream has, or for
    /// fewer than the kept one, is passed over. A store that does not say otherwise keeps none.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    async fn keep_snapshot(&self, key: &StreamKey, snapshot: &Snapshot) -> Result<()> {
        let _ = (key, snapshot);
        Ok(())
    }
}

fn cannot_erase() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "this store cannot erase; erase in what is behind it",
    )
}

/// Somebody else appended first.
fn conflict(key: &StreamKey, expected: Version, current: Version) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!(
            "conversation {} has {current} records, not {expected}; load it again, then append",
            key.conversation
        ),
    )
}
