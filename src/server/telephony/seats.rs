//! Which socket serves which conversation, and how far the last one got.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::store::StreamKey;

/// A call that is interrupted comes back within this time, or begins anew.
const REMEMBERED: Duration = Duration::from_secs(3_600);

/// One seat a conversation: a platform that connects anew may do so before this side has noticed that the old
/// connection is dead, and two sockets would speak over each other.
#[derive(Debug, Default)]
pub(super) struct Seats {
    seats: Mutex<HashMap<StreamKey, Entry>>,
}

#[derive(Debug)]
struct Entry {
    progress: Arc<Progress>,
    replaced: CancellationToken,
    /// When the socket left; `None` while it is there.
    left: Option<Instant>,
}

/// How far a call got.
#[derive(Debug, Default)]
struct Progress {
    /// The end of the audio that came, in milliseconds of the conversation.
    position_ms: AtomicU64,
    /// The last event that was told.
    event: AtomicU64,
}

/// A socket's right to serve a conversation. Dropping it leaves the place to the next.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    key: StreamKey,
    progress: Arc<Progress>,
    replaced: CancellationToken,
    /// Nobody had it before.
    is_first: bool,
}

impl Seats {
    /// Takes the seat; whoever had it is told to go.
    pub(super) fn take(self: &Arc<Self>, key: &StreamKey) -> Seat {
        let mut seats = self.seats.lock();
        seats.retain(|_, entry| entry.left.is_none_or(|left| left.elapsed() < REMEMBERED));
        let replaced = CancellationToken::new();
        let former = seats.get(key).map(|former| {
            former.replaced.cancel();
            Arc::clone(&former.progress)
        });
        let is_first = former.is_none();
        let progress = former.unwrap_or_default();
        let entry = Entry {
            progress: Arc::clone(&progress),
            replaced: replaced.clone(),
            left: None,
        };
        seats.insert(key.clone(), entry);
        Seat {
            seats: Arc::clone(self),
            key: key.clone(),
            progress,
            replaced,
            is_first,
        }
    }

    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        let seats = self.seats.lock();
        seats.values().filter(|entry| entry.left.is_none()).count()
    }
}

impl Seat {
    /// The end of the audio that came, in milliseconds of the conversation.
    pub(super) fn position_ms(&self) -> u64 {
        self.progress.position_ms.load(Ordering::Relaxed)
    }

    /// Audio came up to here.
    pub(super) fn reached(&self, position_ms: u64) {
        self.progress
            .position_ms
            .fetch_max(position_ms, Ordering::Relaxed);
    }

    /// The last event that was told; `None` where no socket was there before.
    pub(super) fn last_event(&self) -> Option<u64> {
        (!self.is_first).then(|| self.progress.event.load(Ordering::Relaxed))
    }

    /// An event was told.
    pub(super) fn told(&self, event: u64) {
        self.progress.event.fetch_max(event, Ordering::Relaxed);
    }

    /// When another socket takes over.
    pub(super) async fn replaced(&self) {
        self.replaced.cancelled().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.seats.seats.lock();
        if let Some(entry) = seats.get_mut(&self.key)
            && !self.replaced.is_cancelled()
        {
            entry.left = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> StreamKey {
        StreamKey {
            tenant: "acme".into(),
            conversation: name.into(),
        }
    }

    #[tokio::test]
    async fn who_comes_later_gets_the_seat_and_knows_how_far_the_other_got() {
        let seats = Arc::new(Seats::default());
        let first = seats.take(&key("a"));
        first.reached(4_000);
        first.reached(3_000);
        first.told(7);
        let other = seats.take(&key("b"));
        assert_eq!((other.position_ms(), other.last_event()), (0, None));
        let second = seats.take(&key("a"));
        first.replaced().await;
        assert_eq!(
            (second.position_ms(), second.last_event()),
            (4_000, Some(7))
        );
        // The one that was replaced goes; that is not the end of the other.
        drop(first);
        assert_eq!(seats.taken(), 2);
        drop(second);
        assert_eq!(seats.taken(), 1);
        assert_eq!(seats.take(&key("a")).position_ms(), 4_000);
    }
}
