//! What the server says of its own accord.

use serde_json::{Value, json};

use super::super::fault::Fault;
use super::super::{Frame, shorten};
use super::{AudioHook, DisconnectReason, EventEntity, State};
use crate::error::Result;

/// Genesys' client refuses longer text messages …
const LONGEST_TEXT: usize = 65_535;
/// … and takes binary messages up to this length.
const LONGEST_BINARY: usize = 64_000;

impl AudioHook {
    /// The answer to `open`, where [`AudioHookOptions::wait`](super::AudioHookOptions::wait) is set.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) where no `open` waits for one.
    pub fn accept(&mut self) -> Result<Frame> {
        if self.state != State::Opening {
            return Err(Fault::NotStarted("an answer to `open`").into());
        }
        Ok(self.opened())
    }

    /// The answer to `close`, where [`AudioHookOptions::wait`](super::AudioHookOptions::wait) is
    /// set: nothing follows it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) where no `close` waits for one.
    pub fn finish(&mut self) -> Result<Frame> {
        if self.state != State::Closing {
            return Err(Fault::NotStarted("an answer to `close`").into());
        }
        self.state = State::Closed;
        Ok(self.frame("closed", json!({})))
    }

    /// Asks the client to pause; [`TransportEvent::Paused`](super::super::TransportEvent::Paused)
    /// tells when it does.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) where the session is not open.
    pub fn pause(&mut self) -> Result<Frame> {
        self.needs_open("a pause")?;
        Ok(self.frame("pause", json!({})))
    }

    /// Asks the client to go on; it stays paused where it has a reason of its own.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) where the session is not open.
    pub fn resume(&mut self) -> Result<Frame> {
        self.needs_open("the end of a pause")?;
        Ok(self.frame("resume", json!({})))
    }

    /// Asks the client to connect anew, to another server behind the same address.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) where the session is not open.
    pub fn reconnect(&mut self, info: &str) -> Result<Frame> {
        self.needs_open("a request to reconnect")?;
        Ok(self.frame("reconnect", json!({ "info": shorten(info) })))
    }

    /// Tells the client what was understood, suggested or decided. Also after `close`, until
    /// [`AudioHook::finish`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) where the session is not open, or the message would
    /// be longer than Genesys takes.
    pub fn send_event(&mut self, entities: &[EventEntity]) -> Result<Frame> {
        if self.state != State::Closing {
            self.needs_open("an event")?;
        }
        let entities: Vec<Value> = entities.iter().map(EventEntity::to_json).collect();
        let seq = self.seq;
        let frame = self.frame("event", json!({ "entities": entities }));
        match frame {
            Frame::Text(text) if text.len() > LONGEST_TEXT => {
                // It is not sent, so its number is free again.
                self.seq = seq;
                Err(Fault::AnswerTooLong(text.len()).into())
            }
            frame => Ok(frame),
        }
    }

    /// The voice of a virtual agent, as messages that the client plays in order. It can be cut
    /// short with
    /// [`EventEntity::BargeIn`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) where the session is not open,
    /// [`ErrorKind::Unsupported`](crate::ErrorKind) where it has both tracks, so that a person serves.
    pub fn play(&mut self, samples: &[f32]) -> Result<Vec<Frame>> {
        self.needs_open("audio")?;
        match &self.media {
            Some(media) if media.tracks.len() == 1 => Ok(media
                .encoding
                .encode(samples)
                .chunks(LONGEST_BINARY)
                .map(|bytes| Frame::Binary(bytes.to_vec()))
                .collect()),
            _ => Err(Fault::ListensOnly.into()),
        }
    }

    /// Asks the client to end the session. It answers with `close`; until then, all else is dropped.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) where the end has begun already.
    pub fn disconnect(&mut self, reason: DisconnectReason, info: &str) -> Result<Frame> {
        match self.state {
            State::Disconnecting | State::Closing | State::Closed => {
                Err(Fault::Ended("a request to end").into())
            }
            _ => {
                self.state = State::Disconnecting;
                let parameters = json!({ "reason": reason.code(), "info": info });
                Ok(self.frame("disconnect", parameters))
            }
        }
    }

    fn needs_open(&self, what: &'static str) -> Result<(), Fault> {
        match self.state {
            State::Active | State::Paused => Ok(()),
            State::Waiting | State::Opening => Err(Fault::NotStarted(what)),
            _ => Err(Fault::Ended(what)),
        }
    }
}
