//! Records in memory: for tests, and for hosts that keep conversations elsewhere.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use parking_lot::Mutex;

use super::listing::latest;
use super::{
    ConversationStore, ErasureReceipt, ListPage, ListQuery, Record, Snapshot, StreamInfo,
    StreamKey, Streams, Version, conflict,
};
use crate::conversation::{ConversationId, TenantId};
use crate::error::Result;

/// A [`ConversationStore`] that forgets everything when its last clone is dropped.
#[derive(Clone, Default)]
pub struct MemoryStore {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    streams: HashMap<StreamKey, Stream>,
    /// In the order of the first append.
    order: BTreeMap<u64, StreamKey>,
    /// Streams there ever were.
    begun: u64,
}

#[derive(Default)]
struct Stream {
    position: u64,
    records: Vec<Record>,
    snapshot: Option<Snapshot>,
}

impl Stream {
    fn last_at(&self) -> Timestamp {
        latest(self.records.iter().map(|record| record.at))
    }
}

impl Inner {
    fn of<'a>(
        &'a self,
        tenant: &'a TenantId,
    ) -> impl DoubleEndedIterator<Item = (u64, &'a StreamKey)> {
        self.order
            .iter()
            .filter(move |(_, key)| &key.tenant == tenant)
            .map(|(position, key)| (*position, key))
    }

    fn erase(&mut self, key: &StreamKey) -> u64 {
        let Some(stream) = self.streams.remove(key) else {
            return 0;
        };
        self.order.remove(&stream.position);
        stream.records.len() as u64
    }
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
        let known = inner
            .streams
            .get(key)
            .map_or(&[][..], |stream| stream.records.as_slice());
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
            inner.begun += 1;
            let position = inner.begun;
            inner.order.insert(position, key.clone());
            inner.streams.entry(key.clone()).or_default().position = position;
        }
        let stream = inner.streams.entry(key.clone()).or_default();
        stream.records.append(&mut fresh);
        Ok(stream.records.len() as Version)
    }

    async fn load(&self, key: &StreamKey, after: Version) -> Result<Vec<Record>> {
        let inner = self.inner.lock();
        let skipped = usize::try_from(after).unwrap_or(usize::MAX);
        let stream = inner.streams.get(key);
        let rest = stream.and_then(|stream| stream.records.get(skipped..));
        Ok(rest.unwrap_or_default().to_vec())
    }

    async fn list(&self, tenant: &TenantId) -> Result<Vec<ConversationId>> {
        let inner = self.inner.lock();
        let ours = inner.of(tenant);
        Ok(ours.map(|(_, key)| key.conversation.clone()).collect())
    }

    async fn page(&self, tenant: &TenantId, query: &ListQuery) -> Result<ListPage> {
        let inner = self.inner.lock();
        let wanted = |(position, key): &(u64, &StreamKey)| {
            query.reaches(*position) && query.streams.include(&key.conversation)
        };
        let info = |(position, key): (u64, &StreamKey)| {
            let stream = inner.streams.get(key)?;
            Some(StreamInfo {
                id: key.conversation.clone(),
                version: stream.records.len() as Version,
                position,
                last_at: stream.last_at(),
            })
        };
        let ours = inner.of(tenant).filter(wanted);
        let most = query.size() + 1;
        let found = if query.newest_first {
            ours.rev().filter_map(info).take(most).collect()
        } else {
            ours.filter_map(info).take(most).collect()
        };
        Ok(ListPage::cut(found, query.size()))
    }

    async fn erase(&self, key: &StreamKey) -> Result<ErasureReceipt> {
        let records = self.inner.lock().erase(key);
        Ok(ErasureReceipt::new(u64::from(records > 0), records))
    }

    async fn erase_before(
        &self,
        tenant: &TenantId,
        streams: &Streams,
        before: Timestamp,
    ) -> Result<ErasureReceipt> {
        let mut inner = self.inner.lock();
        let old: Vec<StreamKey> = inner
            .of(tenant)
            .map(|(_, key)| key)
            .filter(|key| streams.include(&key.conversation))
            .filter(|key| {
                let stream = inner.streams.get(key);
                stream.is_some_and(|stream| stream.last_at() < before)
            })
            .cloned()
            .collect();
        let records = old.iter().map(|key| inner.erase(key)).sum();
        Ok(ErasureReceipt::new(old.len() as u64, records))
    }

    async fn snapshot(&self, key: &StreamKey) -> Result<Option<Snapshot>> {
        let inner = self.inner.lock();
        Ok(inner.streams.get(key).and_then(|s| s.snapshot.clone()))
    }

    async fn keep_snapshot(&self, key: &StreamKey, snapshot: &Snapshot) -> Result<()> {
        let mut inner = self.inner.lock();
        if let Some(stream) = inner.streams.get_mut(key) {
            let kept = stream.snapshot.as_ref().map_or(0, |kept| kept.version);
            if (kept..=stream.records.len() as Version).contains(&snapshot.version) {
                stream.snapshot = Some(snapshot.clone());
            }
        }
        Ok(())
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
