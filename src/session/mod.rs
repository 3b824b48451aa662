//! A live conversation: inputs in, a stream of events out, everything kept.

#[cfg(feature = "whisper")]
mod ears;
#[cfg(not(feature = "whisper"))]
#[path = "no_ears.rs"]
mod ears;
mod event;
mod heard;
mod persist;
mod runtime;

pub use event::{OfferOutcome, SessionEvent, SessionInput, Skill};

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use tokio::sync::{mpsc, oneshot};

use crate::assistant::Assistant;
use crate::conversation::{Conversation, ParticipantId, Role};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Record, StreamKey};
use runtime::{Message, Runtime};

/// Events waiting for a reader; when it is full the session waits rather than lose one.
const EVENTS: usize = 1024;
/// Inputs waiting for the session; when it is full [`Session::send`] waits.
const INPUTS: usize = 256;

/// A live conversation.
///
/// What is quick (articles, cues, next best actions) comes within a moment of every utterance;
/// what is written (replies, notes) follows and never holds it up. A written reply that was
/// overtaken by new words of the customer is dropped. Dropping the session cancels what is being
/// written; what was accepted is stored.
#[derive(Debug)]
pub struct Session {
    inputs: mpsc::Sender<Message>,
    events: Option<mpsc::Receiver<SessionEvent>>,
}

impl Session {
    pub(crate) fn start(assistant: Assistant, conversation: Conversation) -> Self {
        Self::spawn(|events| Runtime::new(assistant, conversation, events))
    }

    pub(crate) fn resume(
        assistant: Assistant,
        key: &StreamKey,
        records: Vec<Record>,
    ) -> Result<Self> {
        let restored = persist::restore(key, &records)?;
        Ok(Self::spawn(|events| {
            Runtime::restored(assistant, restored, events)
        }))
    }

    fn spawn(runtime: impl FnOnce(mpsc::Sender<SessionEvent>) -> Runtime) -> Self {
        let (sender, events) = mpsc::channel(EVENTS);
        let (inputs, received) = mpsc::channel(INPUTS);
        tokio::spawn(runtime(sender).run(received));
        Self {
            inputs,
            events: Some(events),
        }
    }

    /// Feeds the session. Waits while it is busy with earlier inputs. What comes behind
    /// [`SessionInput::End`] is not taken any more.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] if the session is over.
    pub async fn send(&self, input: SessionInput) -> Result<()> {
        self.message(Message::Input(input)).await
    }

    /// Feeds what somebody of `role` said or wrote.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn say(&self, role: Role, text: impl Into<String>) -> Result<()> {
        self.send(SessionInput::Say {
            role,
            text: text.into(),
        })
        .await
    }

    /// Tells the role of a participant, with effect on what it said before.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn assign_role(
        &self,
        participant: ParticipantId,
        role: Role,
        confidence: f32,
    ) -> Result<()> {
        self.send(SessionInput::Role {
            participant,
            role,
            confidence,
        })
        .await
    }

    /// What the session finds and does. The first call takes the stream; later ones get an empty
    /// one. The stream ends when the session does. Read it or drop it: events that nobody takes
    /// hold the session up after a thousand of them.
    pub fn events(&mut self) -> SessionEvents {
        SessionEvents {
            events: self.events.take(),
        }
    }

    /// Waits until everything the inputs so far have set off is done, written replies and notes
    /// included; live audio is not waited for. For replaying recordings; a live host has no use for it. Somebody must read the
    /// events meanwhile.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] if the session is over.
    pub async fn settle(&self) -> Result<()> {
        let (done, settled) = oneshot::channel();
        self.message(Message::Settle(done)).await?;
        settled.await.map_err(|_| over())
    }

    /// The conversation as it stands.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] if the session is over.
    pub async fn conversation(&self) -> Result<Conversation> {
        let (answer, conversation) = oneshot::channel();
        self.message(Message::Snapshot(answer)).await?;
        conversation.await.map_err(|_| over())
    }

    async fn message(&self, message: Message) -> Result<()> {
        self.inputs.send(message).await.map_err(|_| over())
    }
}

fn over() -> Error {
    Error::new(
        ErrorKind::Cancelled,
        "the session is over; resume the conversation to go on",
    )
}

/// The events of a [`Session`].
#[derive(Debug)]
pub struct SessionEvents {
    events: Option<mpsc::Receiver<SessionEvent>>,
}

impl Stream for SessionEvents {
    type Item = SessionEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SessionEvent>> {
        match &mut self.events {
            Some(events) => events.poll_recv(cx),
            None => Poll::Ready(None),
        }
    }
}

#[cfg(test)]
mod tests;
