//! Events with numbers, for readers that come and go.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use serde::Serialize;

use super::super::SessionEvent;
use super::super::outlet::{Found, Held, Ring};
use super::SessionView;
use super::registry::Hub;
use crate::store::StreamKey;

/// An event with its number. Numbers of a conversation only grow, over restarts too; they need not be consecutive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NumberedEvent {
    /// Its number.
    pub id: u64,
    /// What happened.
    pub event: SessionEvent,
}

/// What a reader of a conversation gets.
#[derive(Clone, Debug, PartialEq)]
pub enum HubEvent {
    /// Something happened.
    Event(Arc<NumberedEvent>),
    /// Events the reader has not seen are gone, or another process took something that no event tells: this is how the
    /// conversation stands; what follows goes on from its `last_event`.
    Resync(Box<SessionView>),
}

/// The events of a conversation, until it is over or the hub shuts down.
///
/// A reader holds nobody up. Whoever is slower than the events that are kept gets [`HubEvent::Resync`] instead of
/// what was lost, so final words, receipts and hand-offs are never missing: they are in the state. Of words that are
/// still being spoken only the latest are kept.
pub struct HubEvents {
    events: BoxStream<'static, HubEvent>,
}

/// One reader.
struct Reader {
    hub: Arc<Hub>,
    key: StreamKey,
    ring: Arc<Ring>,
    /// Number of the last event that was read.
    after: u64,
    _readers: Held,
}

impl HubEvents {
    pub(super) fn new(
        hub: Arc<Hub>,
        key: StreamKey,
        ring: Arc<Ring>,
        after: u64,
        readers: Held,
    ) -> Self {
        let reader = Reader {
            hub,
            key,
            ring,
            after,
            _readers: readers,
        };
        let next = |mut reader: Reader| async move {
            let event = reader.next().await?;
            Some((event, reader))
        };
        Self {
            events: futures::stream::unfold(reader, next).boxed(),
        }
    }
}

impl Reader {
    async fn next(&mut self) -> Option<HubEvent> {
        loop {
            let ring = Arc::clone(&self.ring);
            let mut changed = pin!(ring.changed());
            // From here on, what happens is noticed.
            changed.as_mut().enable();
            match ring.behind(self.after) {
                Found::Event(event) => {
                    self.after = event.id;
                    return Some(HubEvent::Event(event));
                }
                Found::Closed => return None,
                Found::Nothing => changed.await,
                Found::Gap => match self.hub.view(&self.key).await {
                    Ok(view) => {
                        self.hub.count(|stats| stats.resyncs += 1);
                        // Nothing comes in a ring that is closed, whatever there is in a later one.
                        let closed = ring.is_closed().then(|| ring.last());
                        self.after =
                            closed.map_or(view.last_event, |last| last.max(view.last_event));
                        return Some(HubEvent::Resync(Box::new(view)));
                    }
                    Err(error) => {
                        // The reader comes again, and is told why it cannot be served.
                        tracing::warn!(%error, conversation = %self.key.conversation, "a reader was lost");
                        return None;
                    }
                },
            }
        }
    }
}

impl Stream for HubEvents {
    type Item = HubEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<HubEvent>> {
        self.events.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for HubEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubEvents").finish_non_exhaustive()
    }
}
