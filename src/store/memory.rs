//! Records in memory: for tests, and for hosts that keep conversations elsewhere.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{ConversationStore, Record, StreamKey, Version, conflict};
use crate::conversation::{ConversationId, TenantId};
use crate::error::Result;

/// A [`ConversationStore`] that forgets everything when its last clone is dropped.
#[derive(Clone, Default)]
pub struct MemoryStore {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    streams: HashMap<StreamKey, Vec<Record>>,
    /// In the order of the first append.
    order: Vec<StreamKey>,
}

impl MemoryStore {
    /// An empty store. Clones share its content.
    pub fn new() -> Self {
        Self::default()
    }
}

// Conversations are personal data: a log line must not print them.
impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("conversations", &self.inner.lock().order.len())
            .finish()
    }
}

#[async_trait]
impl ConversationStore for MemoryStore {
    async fn append(
        &self,
        key: &StreamKey,
        expected: Version,
        records: &[Record],
    ) -> Result<Version> {
        let mut inner = self.inner.lock();
        let known = inner.streams.get(key).map_or(&[][..], Vec::as_slice);
        let current = known.len() as Version;
        let mut fresh: Vec<Record> = Vec::new();
        for record in records {
            if !known.iter().chain(&fresh).any(|kept| kept.id == record.id) {
                fresh.push(record.clone());
            }
        }
        if fresh.is_empty() {
            return Ok(current);
        }
        if current != expected {
            return Err(conflict(key, expected, current));
        }
        if current == 0 {
            inner.order.push(key.clone());
        }
        let stream = inner.streams.entry(key.clone()).or_default();
        stream.append(&mut fresh);
        Ok(stream.len() as Version)
    }

    async fn load(&self, key: &StreamKey, after: Version) -> Result<Vec<Record>> {
        let inner = self.inner.lock();
        let skipped = usize::try_from(after).unwrap_or(usize::MAX);
        let rest = inner.streams.get(key).and_then(|all| all.get(skipped..));
        Ok(rest.unwrap_or_default().to_vec())
    }

    async fn list(&self, tenant: &TenantId) -> Result<Vec<ConversationId>> {
        let inner = self.inner.lock();
        let ours = inner.order.iter().filter(|key| &key.tenant == tenant);
        Ok(ours.map(|key| key.conversation.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn conforms() {
        crate::testing::conversation_store(&MemoryStore::new()).await;
    }

    #[tokio::test]
    async fn clones_share_and_debug_tells_no_content() {
        let store = MemoryStore::new();
        let key = StreamKey {
            tenant: "acme".into(),
            conversation: "secret-id".into(),
        };
        let said = Record::new("utterance", serde_json::json!("my pin is 4711"));
        store.clone().append(&key, 0, &[said]).await.unwrap();
        assert_eq!(store.load(&key, 0).await.unwrap().len(), 1);
        assert_eq!(format!("{store:?}"), "MemoryStore { conversations: 1 }");
    }
}
