//! Whether the store takes what is written, asked only once it did not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::SessionHub;
use crate::error::Result;
use crate::store::{Record, StreamKey};

/// The store is tried so often at most.
const PAUSE: Duration = Duration::from_secs(3);
/// A tenant that nobody has, and its only stream.
const NOBODY: &str = "~ready";

/// Whether something could not be stored, and how it stood when that was looked at last.
#[derive(Debug, Default)]
pub(super) struct StoreCheck {
    /// A session could not store something, and no trial has worked since.
    pub(super) failed: Arc<AtomicBool>,
    /// When it was tried last, without success.
    tried: tokio::sync::Mutex<Option<Instant>>,
}

impl SessionHub {
    /// Whether what conversations bring is stored, as far as is known. Nothing is written while all goes well; once
    /// something could not be stored, a small record is written every few seconds at most until that works.
    pub async fn can_store(&self) -> bool {
        let check = &self.hub.store_check;
        if !check.failed.load(Ordering::Relaxed) {
            return true;
        }
        // Whoever asks at the same time waits for the same trial.
        let mut tried = check.tried.lock().await;
        if !check.failed.load(Ordering::Relaxed) {
            return true;
        }
        if tried.is_some_and(|at| at.elapsed() < PAUSE) {
            return false;
        }
        match self.try_store().await {
            Ok(()) => {
                check.failed.store(false, Ordering::Relaxed);
                *tried = None;
                true
            }
            Err(error) => {
                tracing::error!(%error, "the store takes nothing");
                *tried = Some(Instant::now());
                false
            }
        }
    }

    async fn try_store(&self) -> Result<()> {
        let store = &self.hub.assistant.inner.store;
        let key = StreamKey {
            tenant: NOBODY.into(),
            conversation: NOBODY.into(),
        };
        let known = store.load(&key, 0).await?.len() as u64;
        let record = Record::new("tried", Value::Null);
        store.append(&key, known, &[record]).await.map(drop)
    }
}
