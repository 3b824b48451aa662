//! Payloads that only whoever holds the key can read, over any store.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    ConversationStore, ErasureReceipt, ListPage, ListQuery, Record, Snapshot, StreamKey, Streams,
    Version,
};
use crate::conversation::{ConversationId, TenantId};
use crate::error::{Error, ErrorKind, OrError, Result};

/// The one member of a payload that is sealed.
const MARK: &str = "$sealed";

/// The host's encryption of payloads: a key service, or a library with a key from one.
///
/// An adapter uses authenticated encryption with [`SealContext::to_bytes`] as associated data, so that a payload that
/// somebody moved to another place does not open. It picks the key by the context, e.g. one a tenant; what was sealed
/// with a key that is no longer used for new payloads must still open.
#[async_trait]
pub trait PayloadCipher: fmt::Debug + Send + Sync + 'static {
    /// Seals a payload with the key that is in use now.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if a key service is away, [`ErrorKind::Config`] if there is no key.
    async fn seal(&self, context: &SealContext<'_>, plain: &[u8]) -> Result<Sealed>;

    /// Opens what [`seal`](Self::seal) made.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the key is unknown, [`ErrorKind::Storage`] if the bytes are not what was sealed with it
    /// in this context, [`ErrorKind::Unavailable`] if a key service is away.
    async fn open(&self, context: &SealContext<'_>, sealed: &Sealed) -> Result<Vec<u8>>;
}

/// Where a payload belongs.
#[derive(Clone, Copy, Debug)]
pub struct SealContext<'a> {
    /// The stream.
    pub key: &'a StreamKey,
    /// The record; `None` for a snapshot.
    pub record: Option<uuid::Uuid>,
    /// The record's kind, or `snapshot`.
    pub kind: &'a str,
}

impl SealContext<'_> {
    /// The same bytes for the same place, others for every other one: associated data for the cipher.
    pub fn to_bytes(&self) -> Vec<u8> {
        let record = self.record.map(|id| id.to_string()).unwrap_or_default();
        let parts = [
            self.key.tenant.as_str(),
            self.key.conversation.as_str(),
            &record,
            self.kind,
        ];
        let mut bytes = Vec::new();
        for part in parts {
            // With its length, so that no two places run together.
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

/// A payload that was sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key opens it; kept in the clear.
    pub key_id: String,
    /// The sealed bytes, with whatever else the cipher needs (nonce, tag).
    pub bytes: Vec<u8>,
}

// Neither helps anybody in a log.
impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed")
            .field("key_id", &self.key_id)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    key: String,
    bytes: String,
}

/// A store whose payloads are sealed before they reach the store behind it.
///
/// Ids, kinds, forms and times of records, and the ids of streams, stay in the clear: the store sorts by them.
#[derive(Clone, Debug)]
pub struct SealedStore {
    inner: Arc<dyn ConversationStore>,
    cipher: Arc<dyn PayloadCipher>,
    accepts_plain: bool,
}

impl SealedStore {
    /// Seals what goes into `inner`. A payload in it that is not sealed is refused when it is read.
    pub fn new(inner: Arc<dyn ConversationStore>, cipher: Arc<dyn PayloadCipher>) -> Self {
        Self {
            inner,
            cipher,
            accepts_plain: false,
        }
    }

    /// Reads payloads that are not sealed too, for a store that was begun without a cipher. Whoever can write to the
    /// store behind can then put records into it.
    #[must_use]
    pub fn with_plain_accepted(mut self) -> Self {
        self.accepts_plain = true;
        self
    }

    async fn seal(&self, context: &SealContext<'_>, payload: &Value) -> Result<Value> {
        let plain = payload.to_string();
        let sealed = self.cipher.seal(context, plain.as_bytes()).await?;
        let envelope = Envelope {
            key: sealed.key_id,
            bytes: STANDARD.encode(sealed.bytes),
        };
        Ok(json!({ MARK: envelope }))
    }

    async fn open(&self, context: &SealContext<'_>, payload: Value) -> Result<Value> {
        let told = || {
            let kind = context.kind;
            format!("a {kind} of {}", context.key.conversation)
        };
        let envelope = match payload {
            Value::Object(mut members) if members.len() == 1 && members.contains_key(MARK) => {
                members.remove(MARK).unwrap_or_default()
            }
            plain if self.accepts_plain => return Ok(plain),
            _ => {
                let why = "is not sealed; where the store was begun without a cipher, accept plain payloads";
                return Err(Error::new(ErrorKind::Storage, format!("{} {why}", told())));
            }
        };
        let damaged = || format!("{} is damaged; restore the store from a backup", told());
        let envelope = Envelope::deserialize(envelope).or_error(ErrorKind::Storage, damaged)?;
        let bytes = STANDARD
            .decode(envelope.bytes)
            .or_error(ErrorKind::Storage, damaged)?;
        let sealed = Sealed {
            key_id: envelope.key,
            bytes,
        };
        let plain = self
            .cipher
            .open(context, &sealed)
            .await
            .map_err(|error| error.context(format!("{} does not open", told())))?;
        serde_json::from_slice(&plain).or_error(ErrorKind::Storage, damaged)
    }
}

fn of_record<'a>(key: &'a StreamKey, record: &'a Record) -> SealContext<'a> {
    SealContext {
        key,
        record: Some(record.id),
        kind: &record.kind,
    }
}

fn of_snapshot(key: &StreamKey) -> SealContext<'_> {
    SealContext {
        key,
        record: None,
        kind: "snapshot",
    }
}

#[async_trait]
impl ConversationStore for SealedStore {
    async fn append(
        &self,
        key: &StreamKey,
        expected: Version,
        records: &[Record],
    ) -> Result<Version> {
        let mut sealed = Vec::with_capacity(records.len());
        for record in records {
            let payload = self.seal(&of_record(key, record), &record.payload).await?;
            sealed.push(Record {
                payload,
                ..record.clone()
            });
        }
        self.inner.append(key, expected, &sealed).await
    }

    async fn load(&self, key: &StreamKey, after: Version) -> Result<Vec<Record>> {
        let mut records = self.inner.load(key, after).await?;
        for record in &mut records {
            let payload = std::mem::take(&mut record.payload);
            record.payload = self.open(&of_record(key, record), payload).await?;
        }
        Ok(records)
    }

    async fn list(&self, tenant: &TenantId) -> Result<Vec<ConversationId>> {
        self.inner.list(tenant).await
    }

    async fn page(&self, tenant: &TenantId, query: &ListQuery) -> Result<ListPage> {
        self.inner.page(tenant, query).await
    }

    async fn erase(&self, key: &StreamKey) -> Result<ErasureReceipt> {
        self.inner.erase(key).await
    }

    async fn erase_before(
        &self,
        tenant: &TenantId,
        streams: &Streams,
        before: Timestamp,
    ) -> Result<ErasureReceipt> {
        self.inner.erase_before(tenant, streams, before).await
    }

    async fn snapshot(&self, key: &StreamKey) -> Result<Option<Snapshot>> {
        let Some(mut kept) = self.inner.snapshot(key).await? else {
            return Ok(None);
        };
        kept.payload = self.open(&of_snapshot(key), kept.payload).await?;
        Ok(Some(kept))
    }

    async fn keep_snapshot(&self, key: &StreamKey, snapshot: &Snapshot) -> Result<()> {
        let payload = self.seal(&of_snapshot(key), &snapshot.payload).await?;
        let sealed = Snapshot {
            payload,
            ..snapshot.clone()
        };
        self.inner.keep_snapshot(key, &sealed).await
    }
}

#[cfg(test)]
mod tests;
