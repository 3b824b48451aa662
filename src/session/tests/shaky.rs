//! A store that fails when it is told to.

use std::collections::VecDeque;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::conversation::{ConversationId, TenantId};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{ConversationStore, MemoryStore, Record, StreamKey, Version};

/// What happens to the next writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Write {
    Works,
    /// Nothing is written.
    Fails,
    /// It is written, and nobody gets to know.
    IsLost,
}

/// Keeps records in memory; its next writes go as told, all later ones well.
#[derive(Debug, Default)]
pub(in crate::session) struct Shaky {
    inner: MemoryStore,
    next: Mutex<VecDeque<Write>>,
}

impl Shaky {
    pub(in crate::session) fn next(&self, writes: &[Write]) {
        self.next.lock().extend(writes);
    }

    /// From now on all writes go well again.
    pub(in crate::session) fn calm(&self) {
        self.next.lock().clear();
    }

    /// The texts of the utterances that are stored, in order.
    pub(in crate::session) async fn said(&self, key: &StreamKey) -> Vec<String> {
        let records = self.inner.load(key, 0).await.unwrap();
        records
            .iter()
            .filter(|record| record.kind == "utterance")
            .map(|record| record.payload["text"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[async_trait]
impl ConversationStore for Shaky {
    async fn append(
        &self,
        key: &StreamKey,
        expected: Version,
        records: &[Record],
    ) -> Result<Version> {
        let failed = || Err(Error::new(ErrorKind::Storage, "the disk is on fire"));
        let next = self.next.lock().pop_front();
        match next.unwrap_or(Write::Works) {
            Write::Works => self.inner.append(key, expected, records).await,
            Write::Fails => failed(),
            Write::IsLost => {
                self.inner.append(key, expected, records).await?;
                failed()
            }
        }
    }

    async fn load(&self, key: &StreamKey, after: Version) -> Result<Vec<Record>> {
        self.inner.load(key, after).await
    }

    async fn list(&self, tenant: &TenantId) -> Result<Vec<ConversationId>> {
        self.inner.list(tenant).await
    }
}
