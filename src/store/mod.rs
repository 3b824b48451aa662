//! The conversation store: opaque, versioned records, appended and never changed.
//!
//! The store knows no event type, so a new kind of event needs no migration.

mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

use std::fmt::Debug;

use async_trait::async_trait;
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

/// Keeps the records of conversations.
#[async_trait]
pub trait ConversationStore: Debug + Send + Sync + 'static {
    /// Appends `records` if the conversation still has `expected` records, and returns the new
    /// version. Records whose id is already there are skipped, so a retry is harmless: when all of
    /// them are there, the current version is returned whatever was expected. All or nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if somebody else appended first, [`ErrorKind::Storage`] if nothing
    /// could be written, [`ErrorKind::Timeout`] if other writers kept the store busy.
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

    /// The conversations of a tenant, oldest first.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] if they cannot be read, [`ErrorKind::Timeout`] if the store is busy.
    async fn list(&self, tenant: &TenantId) -> Result<Vec<ConversationId>>;
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
