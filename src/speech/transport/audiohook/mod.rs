//! Genesys AudioHook, protocol version 2: the side of the server, to which Genesys Cloud connects
//! (<https://developer.genesys.cloud/devapps/audiohook/>). Checking the signature of the HTTP request is
//! not done here.

mod entity;
mod options;
mod send;
mod wire;

pub use entity::{Article, BotTurn, EventEntity, Faq, TranscriptEntity, TranscriptToken};
pub use options::{AudioHookOptions, DisconnectReason};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::fault::Fault;
use super::{
    Frame, LONGEST_GAP_MS, LONGEST_MESSAGE, Received, SAMPLES_PER_MS, StopReason, Track,
    TransportEvent, Warning, digit, shorten,
};
use crate::error::Result;
use wire::{ClientMessage, Media, OpenParameters};

const VERSION: &str = "2";

/// The client's clock and the audio that came differ by a frame or two; by more than this, something
/// is wrong.
const TOLERANCE_MS: u64 = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing came yet.
    Waiting,
    /// `open` came, `opened` was not sent.
    Opening,
    Active,
    Paused,
    /// `disconnect` was sent, `close` did not come yet.
    Disconnecting,
    /// `close` came, `closed` was not sent.
    Closing,
    Closed,
}

impl State {
    fn is_open(self) -> bool {
        matches!(self, Self::Active | Self::Paused)
    }
}

/// One AudioHook session, as the server sees it.
///
/// A client that breaks the protocol is sent `disconnect` with the reason `error`, as the protocol has
/// it, and the event [`TransportEvent::Stopped`] says why. The methods for received messages fail only
/// where there is nothing left to answer: after the end.
#[derive(Debug)]
pub struct AudioHook {
    options: AudioHookOptions,
    state: State,
    /// The session's identifier as the client writes it.
    id: String,
    /// The number of the last message that was sent, …
    seq: u64,
    /// … and that came.
    client_seq: u64,
    media: Option<Media>,
    asks_languages: bool,
    /// Audio time in samples.
    position: u64,
    stopped: bool,
}

impl AudioHook {
    /// A session on a new connection.
    pub fn new(options: AudioHookOptions) -> Self {
        Self {
            id: options.session.unwrap_or_default().to_string(),
            options,
            state: State::Waiting,
            seq: 0,
            client_seq: 0,
            media: None,
            asks_languages: false,
            position: 0,
            stopped: false,
        }
    }

    /// The audio time: what came, and what the client says it left out.
    pub fn position_ms(&self) -> u64 {
        self.position / SAMPLES_PER_MS
    }

    /// Whether the connection can be closed: `closed` was handed out.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Takes a text message.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) after the end of the session.
    pub fn receive_text(&mut self, text: &str) -> Result<Received> {
        let mut received = Received::default();
        match self.take_text(text, &mut received) {
            Ok(()) => Ok(received),
            Err(fault) => self.refuse(fault, received),
        }
    }

    /// Takes a binary message: audio.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) after the end of the session.
    pub fn receive_binary(&mut self, bytes: &[u8]) -> Result<Received> {
        let mut received = Received::default();
        match self.take_binary(bytes, &mut received) {
            Ok(()) => Ok(received),
            Err(fault) => self.refuse(fault, received),
        }
    }

    /// Answers a client that broke the protocol.
    fn refuse(&mut self, fault: Fault, mut received: Received) -> Result<Received> {
        match self.state {
            State::Closing | State::Closed => return Err(fault.into()),
            State::Disconnecting => {
                let warning = TransportEvent::Warning(Warning::AfterDisconnect);
                received.events.push(warning);
            }
            _ => {
                let info = fault.to_string();
                self.state = State::Disconnecting;
                let parameters = json!({ "reason": "error", "info": info });
                received.replies.push(self.frame("disconnect", parameters));
                self.stop(StopReason::Fault(info), &mut received);
            }
        }
        Ok(received)
    }

    fn stop(&mut self, reason: StopReason, received: &mut Received) {
        if !std::mem::replace(&mut self.stopped, true) {
            received.events.push(TransportEvent::Stopped { reason });
        }
    }

    fn frame(&mut self, kind: &str, parameters: Value) -> Frame {
        self.seq += 1;
        Frame::Text(
            json!({
                "version": VERSION,
                "id": self.id,
                "type": kind,
                "seq": self.seq,
                "clientseq": self.client_seq,
                "parameters": parameters,
            })
            .to_string(),
        )
    }

    fn take_binary(&mut self, bytes: &[u8], received: &mut Received) -> Result<(), Fault> {
        if bytes.len() > LONGEST_MESSAGE {
            return Err(Fault::TooLong(bytes.len()));
        }
        let events = &mut received.events;
        match self.state {
            State::Waiting | State::Opening => return Err(Fault::NotStarted("audio")),
            State::Closing | State::Closed => return Err(Fault::Ended("audio")),
            State::Disconnecting => {
                events.push(TransportEvent::Warning(Warning::AfterDisconnect));
                return Ok(());
            }
            State::Paused => {
                let bytes = bytes.len();
                let warning = Warning::AudioWhilePaused { bytes };
                events.push(TransportEvent::Warning(warning));
                return Ok(());
            }
            State::Active => {}
        }
        let Media { encoding, tracks } = self.media.as_ref().ok_or(Fault::NoMedia)?;
        let channels = tracks.len();
        let frame = encoding.bytes() * channels;
        // The rest of a broken frame would give each voice to the other person from here on.
        if !bytes.len().is_multiple_of(frame.max(1)) {
            let bytes = bytes.len();
            return Err(Fault::Ragged { bytes, channels });
        }
        if bytes.is_empty() {
            let what = "empty audio".to_owned();
            events.push(TransportEvent::Ignored { what });
            return Ok(());
        }
        let timestamp_ms = self.position_ms();
        for (channel, track) in tracks.iter().enumerate() {
            events.push(TransportEvent::Audio {
                track: *track,
                timestamp_ms,
                samples: encoding.decode(bytes, channels, channel),
            });
        }
        let samples = bytes.len() / frame.max(1);
        self.position = self.position.saturating_add(samples as u64);
        Ok(())
    }

    fn take_text(&mut self, text: &str, received: &mut Received) -> Result<(), Fault> {
        if self.state == State::Closed {
            return Err(Fault::Ended("a message"));
        }
        if text.len() > LONGEST_MESSAGE {
            return Err(Fault::TooLong(text.len()));
        }
        let message: ClientMessage =
            serde_json::from_str(text).map_err(|error| Fault::json(&error))?;
        if message.version != VERSION {
            return Err(Fault::Version(VERSION));
        }
        self.check_session(&message.id)?;
        self.check_numbers(&message, received);
        let was_active = self.state == State::Active;
        self.dispatch(&message, received)?;
        if was_active && self.state == State::Active {
            self.check_position(&message.position, received);
        }
        Ok(())
    }

    fn check_session(&mut self, id: &str) -> Result<(), Fault> {
        let uuid = Uuid::parse_str(id).map_err(|_| Fault::NotAUuid)?;
        if *self.options.session.get_or_insert(uuid) != uuid {
            return Err(Fault::OtherSession);
        }
        // Answers bear the identifier in the client's own spelling.
        if self.id != id {
            id.clone_into(&mut self.id);
        }
        Ok(())
    }

    fn check_numbers(&mut self, message: &ClientMessage, received: &mut Received) {
        let expected = self.client_seq.saturating_add(1);
        if message.seq != expected {
            let got = message.seq;
            let warning = Warning::SequenceJump { expected, got };
            received.events.push(TransportEvent::Warning(warning));
        }
        self.client_seq = self.client_seq.max(message.seq);
        if message.serverseq > self.seq {
            let (sent, got) = (self.seq, message.serverseq);
            let warning = Warning::NeverSent { sent, got };
            received.events.push(TransportEvent::Warning(warning));
        }
    }

    fn check_position(&self, position: &str, received: &mut Received) {
        let warning = match wire::samples(position) {
            None => Warning::BadTime,
            Some(theirs) if theirs.abs_diff(self.position) > TOLERANCE_MS * SAMPLES_PER_MS => {
                Warning::Position {
                    ours_ms: self.position_ms(),
                    theirs_ms: theirs / SAMPLES_PER_MS,
                }
            }
            Some(_) => return,
        };
        received.events.push(TransportEvent::Warning(warning));
    }

    fn dispatch(&mut self, message: &ClientMessage, received: &mut Received) -> Result<(), Fault> {
        match (message.kind.as_str(), self.state) {
            ("ping", _) => received.replies.push(self.frame("pong", json!({}))),
            ("close", State::Closing | State::Closed) => {}
            ("close", _) => self.close(message, received),
            ("error", _) => received.events.push(message.failure()),
            (_, State::Disconnecting | State::Closing | State::Closed) => {
                let warning = TransportEvent::Warning(Warning::AfterDisconnect);
                received.events.push(warning);
            }
            ("open", State::Waiting) => self.open(message, received)?,
            ("open", _) => {
                let warning = TransportEvent::Warning(Warning::StartedTwice);
                received.events.push(warning);
            }
            (_, State::Waiting | State::Opening) => return Err(Fault::NotStarted("a message")),
            ("paused", _) => self.paused(received),
            ("resumed", _) => self.resumed(message, received),
            ("discarded", _) => self.skip(message, received),
            ("update", _) => {
                received.replies.push(self.frame("updated", json!({})));
                if let Some(tag) = message.text("language") {
                    let tag = tag.to_owned();
                    received.events.push(TransportEvent::Language { tag });
                }
            }
            ("dtmf", _) => received.events.push(self.key(message)),
            ("playback_started", _) => received.events.push(TransportEvent::PlaybackStarted),
            ("playback_completed", _) => received.events.push(TransportEvent::PlaybackFinished),
            (kind, _) => {
                let what = shorten(kind);
                received.events.push(TransportEvent::Ignored { what });
            }
        }
        Ok(())
    }

    fn open(&mut self, message: &ClientMessage, received: &mut Received) -> Result<(), Fault> {
        let parameters: OpenParameters = serde_json::from_value(message.parameters.clone())
            .map_err(|error| Fault::json(&error))?;
        // A client that offers nothing only wants to know whether somebody answers.
        self.media = match Media::choose(&parameters.media, self.options.big_endian) {
            None if !parameters.media.is_empty() => return Err(Fault::NoMedia),
            media => media,
        };
        self.position = wire::samples(&message.position).unwrap_or_default();
        self.asks_languages = parameters.supported_languages;
        self.state = State::Opening;
        let started = parameters.started(&self.id, self.media.as_ref());
        let event = TransportEvent::Started(Box::new(started));
        received.events.push(event);
        if !self.options.wait {
            received.replies.push(self.opened());
        }
        Ok(())
    }

    fn opened(&mut self) -> Frame {
        self.state = State::Active;
        let mut parameters = Map::new();
        let media: Vec<Value> = self.media.iter().map(Media::to_json).collect();
        parameters.insert("media".to_owned(), media.into());
        parameters.insert("startPaused".to_owned(), self.options.start_paused.into());
        if self.asks_languages {
            let languages = self.options.languages.clone().into();
            parameters.insert("supportedLanguages".to_owned(), languages);
        }
        self.frame("opened", parameters.into())
    }

    fn close(&mut self, message: &ClientMessage, received: &mut Received) {
        let reason = match message.text("reason") {
            Some("end") | None => StopReason::Ended,
            Some("disconnect") => StopReason::Disconnected,
            Some("reconnect") => StopReason::Reconnect,
            Some("error") => StopReason::PeerError,
            Some(other) => StopReason::Other(shorten(other)),
        };
        let waits = self.options.wait && self.state.is_open();
        self.stop(reason, received);
        self.state = State::Closing;
        if !waits {
            self.state = State::Closed;
            received.replies.push(self.frame("closed", json!({})));
        }
    }

    fn paused(&mut self, received: &mut Received) {
        // A client that is asked to pause while it does answers the same once more.
        if self.state == State::Active {
            self.state = State::Paused;
            let timestamp_ms = self.position_ms();
            received
                .events
                .push(TransportEvent::Paused { timestamp_ms });
        }
    }

    fn resumed(&mut self, message: &ClientMessage, received: &mut Received) {
        self.skip(message, received);
        if self.state == State::Paused {
            self.state = State::Active;
            let timestamp_ms = self.position_ms();
            received
                .events
                .push(TransportEvent::Resumed { timestamp_ms });
        }
    }

    /// Moves the audio time over what the client left out.
    fn skip(&mut self, message: &ClientMessage, received: &mut Received) {
        let time = |name| message.text(name).and_then(wire::samples);
        let end = match (time("start"), time("discarded")) {
            (Some(start), Some(length)) => start.saturating_add(length),
            _ => u64::MAX,
        };
        let length = end.saturating_sub(self.position);
        if length > LONGEST_GAP_MS * SAMPLES_PER_MS {
            let warning = TransportEvent::Warning(Warning::BadTime);
            received.events.push(warning);
        } else if length > 0 {
            let start_ms = self.position_ms();
            self.position = end;
            received.events.push(TransportEvent::Gap {
                track: None,
                start_ms,
                length_ms: self.position_ms() - start_ms,
            });
        }
    }

    fn key(&self, message: &ClientMessage) -> TransportEvent {
        match message.text("digit").and_then(digit) {
            Some(digit) => TransportEvent::Dtmf {
                track: Some(Track::External),
                digit,
                timestamp_ms: self.position_ms(),
            },
            None => TransportEvent::Warning(Warning::BadDigit),
        }
    }
}

#[cfg(test)]
mod tests;
