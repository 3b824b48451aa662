//! A live conversation: inputs in, a stream of events out, everything kept.

pub mod customers;
#[cfg(feature = "whisper")]
mod ears;
#[cfg(not(feature = "whisper"))]
#[path = "no_ears.rs"]
mod ears;
mod event;
mod heard;
mod hub;
mod outlet;
mod persist;
mod runtime;
mod shown;

pub use event::{OfferOutcome, SessionEvent, SessionInput, Skill};
pub use hub::{
    HubEvent, HubEvents, HubOptions, HubStats, NumberedEvent, SessionHub, SessionView,
    StrategyWatch,
};
#[cfg(feature = "server")]
pub(crate) use runtime::turn::STAGE;

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::assistant::{Assistant, Opening};
use crate::conversation::{Conversation, ParticipantId, Role};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Record, StreamKey};
use outlet::Outlet;
use runtime::{Message, Runtime, Submitted};

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

    pub(crate) fn open(assistant: Assistant, conversation: Conversation, opening: Opening) -> Self {
        Self::spawn(|events| Runtime::opened(assistant, conversation, opening, events))
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

    fn spawn(runtime: impl FnOnce(Outlet) -> Runtime) -> Self {
        let (sender, events) = mpsc::channel(EVENTS);
        let (inputs, received) = mpsc::channel(INPUTS);
        let runtime = Box::new(runtime(Outlet::Reader(sender)));
        tokio::spawn(runtime.run(received));
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
        self.message(Message::Input(Box::new(input))).await
    }

    /// Feeds the session, and answers when what the input brings is in the store; what follows from it comes as events.
    /// The same id counts once, after a restart too: whoever got no answer, or an error that is transient, submits the
    /// same again. Audio is not for this: [`send`](Self::send) it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for what cannot be taken (no words, an approval nobody asked for, an unknown
    /// suggestion or item, anything after the end); what the store reports, and then the input was not taken;
    /// [`ErrorKind::Cancelled`] if the session is over.
    pub async fn submit(&self, id: uuid::Uuid, input: SessionInput) -> Result<Accepted> {
        let (answer, accepted) = oneshot::channel();
        let submitted = Submitted {
            id,
            input,
            answer,
            busy: None,
            span: tracing::Span::current(),
        };
        self.message(Message::Submit(Box::new(submitted))).await?;
        accepted.await.map_err(|_| over())?
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

    /// How it stands: the conversation, what is waited for, and all that was decided.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] if the session is over.
    pub async fn view(&self) -> Result<SessionView> {
        let (answer, view) = oneshot::channel();
        self.message(Message::View(answer)).await?;
        view.await.map(|view| *view).map_err(|_| over())
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

/// An input that is in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Accepted {
    /// The id it was submitted under.
    #[schemars(with = "String", extend("format" = "uuid"))]
    pub id: uuid::Uuid,
    /// Records of the conversation in the store.
    pub version: u64,
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
