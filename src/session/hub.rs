//! Many conversations in one process: taken up when something comes for them, put away when they are quiet.
//!
//! What a hub promises:
//! - An input that was accepted is in the store, once, whatever its id's owner sends again and whatever process dies.
//! - One that was refused was not taken. [`ErrorKind::Overloaded`] says that nothing was even looked at.
//! - Readers of events hold nobody up; what they missed reaches them as [`HubEvent::Resync`].
//! - A conversation belongs to one hub at a time. Where two processes write to the same, the store keeps all records in
//!   one order and loses none, and an input that comes to one is decided by what the other one took before. What is being
//!   written at that moment is not: send what belongs to a conversation to the same process.

mod due;
mod events;
mod late;
mod leaving;
mod note;
mod options;
mod registry;
mod store_check;
mod view;

pub use due::StrategyWatch;
pub use events::{HubEvent, HubEvents, NumberedEvent};
pub use options::{HubOptions, HubStats};
pub use view::SessionView;

use std::sync::Arc;

use tokio::sync::oneshot;
use uuid::Uuid;

use super::outlet::Held;
use super::runtime::{Message, Submitted};
use super::{Accepted, SessionInput, over};
use crate::assistant::{Assistant, Opening};
use crate::conversation::{Conversation, ParticipantId, TenantId};
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::Result;
use crate::speech::AudioFrame;
use crate::store::StreamKey;
use registry::{Hub, Taken};

/// A conversation that ends or leaves while something is sent to it is taken up again so often.
const ATTEMPTS: usize = 3;

/// All live conversations of a process. Cheap to clone; clones are the same hub.
///
/// A conversation lives in memory while something happens in it. What comes for one that does not is no different:
/// it is brought back from the store first. Each is fed by one task, so the inputs of a conversation are dealt with in
/// the order they came, and conversations do not wait for each other.
#[derive(Clone, Debug)]
pub struct SessionHub {
    hub: Arc<Hub>,
}

impl SessionHub {
    /// A hub of `assistant`'s conversations.
    pub fn new(assistant: Assistant, options: HubOptions) -> Self {
        Self {
            hub: Arc::new(Hub::new(assistant, options)),
        }
    }

    /// What answers in the conversations.
    pub fn assistant(&self) -> &Assistant {
        &self.hub.assistant
    }

    /// The limits.
    pub fn options(&self) -> &HubOptions {
        &self.hub.options
    }

    /// What drives the strategies of a tenant that wait for a time, when that has come.
    pub fn watch_strategies(&self, tenant: TenantId) -> StrategyWatch {
        StrategyWatch::new(Arc::clone(&self.hub), tenant)
    }

    /// Begins a conversation; when this answers, its beginning is in the store.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if the store has one of that id; [`ErrorKind::Overloaded`] beyond the limits;
    /// [`ErrorKind::Storage`] and its kin if it could not be stored; [`ErrorKind::Cancelled`] while shutting down.
    pub async fn open(&self, conversation: Conversation) -> Result<SessionView> {
        self.begin(conversation, None).await
    }

    /// As [`open`](Self::open), with what the virtual agent says first ([`Assistant::opening`]).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_with(
        &self,
        conversation: Conversation,
        opening: Opening,
    ) -> Result<SessionView> {
        let conversation = opening.joined(conversation);
        self.begin(conversation, Some(opening)).await
    }

    async fn begin(
        &self,
        conversation: Conversation,
        opening: Option<Opening>,
    ) -> Result<SessionView> {
        let key = StreamKey {
            tenant: conversation.tenant.clone(),
            conversation: conversation.id.clone(),
        };
        self.hub.open(&key, conversation, opening).await?;
        self.view(&key).await
    }

    /// Takes an input; when this answers, what it brought is in the store. The same id twice counts once, after a
    /// restart too: whoever got no answer, or an error that is transient, sends the same again. What follows from the
    /// input comes as events. Dropping the future does not take the input back.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a conversation the store does not know; [`ErrorKind::InvalidInput`] for an input
    /// that cannot be taken, or where the conversation is over (what an agent made of a suggestion is taken then, too);
    /// [`ErrorKind::Overloaded`] beyond the limits, with a
    /// time to wait; [`ErrorKind::Storage`] and its kin if it could not be stored, and then it was not taken;
    /// [`ErrorKind::Cancelled`] while shutting down.
    pub async fn submit(&self, key: &StreamKey, id: Uuid, input: SessionInput) -> Result<Accepted> {
        let mut busy = self.hub.admit(&input)?;
        for _ in 0..ATTEMPTS {
            let live = match self.hub.take(key).await? {
                Taken::Live(live) => live,
                Taken::Over(known) if known.contains(&id) => {
                    let version = known.len() as u64;
                    return Ok(Accepted { id, version });
                }
                Taken::Over(_) => return self.take_late(key, id, &input).await,
            };
            let (answer, accepted) = oneshot::channel();
            let submitted = Submitted {
                id,
                input: input.clone(),
                answer,
                busy: busy.take(),
                span: tracing::Span::current(),
            };
            // Sent while the conversation is held: it cannot leave in between.
            let sent = live.send(Message::Submit(Box::new(submitted))).await;
            drop(live);
            if sent.is_ok()
                && let Ok(accepted) = accepted.await
            {
                if accepted.is_ok() {
                    self.hub.count(|stats| stats.accepted += 1);
                }
                return accepted;
            }
            // It ended before it came to this input; the next attempt finds out how.
        }
        Err(over())
    }

    /// Takes live audio of a participant, which is not acknowledged piece by piece.
    ///
    /// # Errors
    /// As [`submit`](Self::submit); [`ErrorKind::Overloaded`] also where it comes faster than it is heard, and then
    /// the piece is lost.
    pub async fn push(
        &self,
        key: &StreamKey,
        participant: ParticipantId,
        frame: AudioFrame,
    ) -> Result<()> {
        let live = match self.hub.take(key).await? {
            Taken::Live(live) => live,
            Taken::Over(_) => return Err(over()),
        };
        live.try_send(live.frame(participant, frame)?)
    }

    /// The events with a number above `after`, and those to come; without `after` only those to come. A conversation
    /// that is not in memory stays where it is, unless a process that died has left something to be done in it: then it
    /// goes on.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a conversation the store does not know; [`ErrorKind::Cancelled`] while shutting
    /// down.
    pub async fn events(&self, key: &StreamKey, after: Option<u64>) -> Result<HubEvents> {
        let ring = self.hub.ring(key).await?;
        let readers = Held::new(&self.hub.readers, 1);
        let after = after.unwrap_or_else(|| ring.last());
        Ok(HubEvents::new(
            Arc::clone(&self.hub),
            key.clone(),
            ring,
            after,
            readers,
        ))
    }

    /// How a conversation stands.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a conversation the store does not know; else as the store.
    pub async fn view(&self, key: &StreamKey) -> Result<SessionView> {
        self.hub.view(key).await
    }

    /// Waits until everything the inputs so far have set off is done, written replies and notes included.
    ///
    /// Somebody else's inputs can keep it waiting.
    ///
    /// # Errors
    /// None as yet.
    pub async fn settle(&self, key: &StreamKey) -> Result<()> {
        let Some(live) = self.hub.live(key).await else {
            return Ok(());
        };
        let (done, settled) = oneshot::channel();
        let sent = live.send(Message::Settle(done)).await;
        drop(live);
        if sent.is_ok() {
            // One that ends, or leaves, has settled.
            let _ = settled.await;
        }
        Ok(())
    }

    /// What the hub is doing.
    pub fn stats(&self) -> HubStats {
        self.hub.stats()
    }

    /// Takes nothing more, finishes what is being stored, and ends all tasks and readers. The conversations can be
    /// taken up again by another hub.
    pub async fn shut_down(&self) {
        self.hub.shut_down().await;
    }
}

#[cfg(test)]
mod tests;
