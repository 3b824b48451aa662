//! Many conversations in one process: taken up when something comes for them, put away when they are quiet.

mod options;
mod view;

pub use options::{HubOptions, HubStats};
pub use view::SessionView;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;
use futures::stream::BoxStream;
use serde::Serialize;
use uuid::Uuid;

use super::{Accepted, SessionEvent, SessionInput};
use crate::assistant::Assistant;
use crate::conversation::{Conversation, ParticipantId};
use crate::error::{Error, ErrorKind, Result};
use crate::speech::AudioFrame;
use crate::store::StreamKey;

/// All live conversations of a process. Cheap to clone; clones are the same hub.
///
/// A conversation lives in memory while something happens in it. What comes for one that does not is no different:
/// it is brought back from the store first. Each is fed by one task, so the inputs of a conversation are dealt with in
/// the order they came, and conversations do not wait for each other.
#[derive(Clone, Debug)]
pub struct SessionHub {
    assistant: Assistant,
    options: Arc<HubOptions>,
}

impl SessionHub {
    /// A hub of `assistant`'s conversations.
    pub fn new(assistant: Assistant, options: HubOptions) -> Self {
        Self {
            assistant,
            options: Arc::new(options),
        }
    }

    /// What answers in the conversations.
    pub fn assistant(&self) -> &Assistant {
        &self.assistant
    }

    /// The limits.
    pub fn options(&self) -> &HubOptions {
        &self.options
    }

    /// Begins a conversation; when this answers, its beginning is in the store.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if the store has one of that id; [`ErrorKind::Overloaded`] beyond the limits;
    /// [`ErrorKind::Storage`] and its kin if it could not be stored; [`ErrorKind::Cancelled`] while shutting down.
    pub async fn open(&self, _conversation: Conversation) -> Result<SessionView> {
        Err(unfinished())
    }

    /// Takes an input; when this answers, what it brought is in the store. The same id twice counts once.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a conversation the store does not know; [`ErrorKind::InvalidInput`] for an input
    /// that cannot be taken, or where the conversation is over; [`ErrorKind::Overloaded`] beyond the limits, with a
    /// time to wait; [`ErrorKind::Storage`] and its kin if it could not be stored, and then it was not taken;
    /// [`ErrorKind::Cancelled`] while shutting down.
    pub async fn submit(
        &self,
        _key: &StreamKey,
        _id: Uuid,
        _input: SessionInput,
    ) -> Result<Accepted> {
        Err(unfinished())
    }

    /// Takes live audio of a participant, which is not acknowledged piece by piece.
    ///
    /// # Errors
    /// As [`submit`](Self::submit); [`ErrorKind::Overloaded`] also where it comes faster than it is heard.
    pub async fn push(
        &self,
        _key: &StreamKey,
        _participant: ParticipantId,
        _frame: AudioFrame,
    ) -> Result<()> {
        Err(unfinished())
    }

    /// The events with a number above `after`, and those to come; without `after` only those to come.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a conversation the store does not know.
    pub async fn events(&self, _key: &StreamKey, _after: Option<u64>) -> Result<HubEvents> {
        Err(unfinished())
    }

    /// How a conversation stands.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a conversation the store does not know; else as the store.
    pub async fn view(&self, _key: &StreamKey) -> Result<SessionView> {
        Err(unfinished())
    }

    /// Waits until everything the inputs so far have set off is done, written replies and notes included.
    ///
    /// # Errors
    /// As [`view`](Self::view).
    pub async fn settle(&self, _key: &StreamKey) -> Result<()> {
        Err(unfinished())
    }

    /// What the hub is doing.
    pub fn stats(&self) -> HubStats {
        HubStats::default()
    }

    /// Takes nothing more, finishes what is being stored, and ends all tasks and readers. The conversations can be
    /// taken up again by another hub.
    pub async fn shut_down(&self) {}
}

fn unfinished() -> Error {
    Error::new(ErrorKind::Unsupported, "the hub is not built yet")
}

/// An event with its number. Numbers of a conversation only grow, over restarts too; they need not be consecutive.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
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
    /// Events the reader has not seen are gone: this is how the conversation stands; what follows goes on from its
    /// `last_event`.
    Resync(Box<SessionView>),
}

/// The events of a conversation, until it is over or the hub shuts down.
///
/// A reader holds nobody up. Whoever is slower than the events that are kept gets [`HubEvent::Resync`] instead of
/// what was lost, so final words, receipts and hand-offs are never missing: they are in the state.
pub struct HubEvents {
    events: BoxStream<'static, HubEvent>,
}

impl Stream for HubEvents {
    type Item = HubEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<HubEvent>> {
        self.events.as_mut().poll_next(cx)
    }
}

impl std::fmt::Debug for HubEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubEvents").finish_non_exhaustive()
    }
}
