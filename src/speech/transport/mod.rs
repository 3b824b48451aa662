//! Telephone audio as contact-centre platforms send it over a WebSocket: Genesys AudioHook and
//! Twilio Media Streams (which Telnyx and others copy).
//!
//! Both are pure state machines: a message goes in, events and answers come out. They own no socket,
//! no clock and no task, so any server can drive them and a test can replay a session.
//!
//! ```
//! use attendant::speech::transport::{MediaStream, MediaStreamOptions, Track, TransportEvent};
//!
//! let mut stream = MediaStream::new(MediaStreamOptions::default());
//! stream.receive_text(
//!     r#"{"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": {"callSid": "CA1",
//!         "tracks": ["inbound"], "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000,
//!         "channels": 1}}}"#,
//! )?;
//! let received = stream.receive_text(
//!     r#"{"event": "media", "sequenceNumber": "2", "streamSid": "MZ1", "media": {"track": "inbound",
//!         "chunk": "1", "timestamp": "20", "payload": "//+AAA=="}}"#,
//! )?;
//! let [TransportEvent::Audio { track, timestamp_ms, samples }] = &received.events[..] else {
//!     unreachable!()
//! };
//! assert_eq!((*track, *timestamp_ms, samples.len()), (Track::External, 20, 4));
//! # Ok::<(), attendant::Error>(())
//! ```

mod audiohook;
mod encoding;
mod fault;
mod media_streams;
#[cfg(test)]
mod noise;

pub use audiohook::{
    Article, AudioHook, AudioHookOptions, BotTurn, DisconnectReason, EventEntity, Faq,
    TranscriptEntity, TranscriptToken,
};
pub use encoding::Encoding;
pub use media_streams::{Cleared, MediaStream, MediaStreamOptions};

use serde_json::{Map, Value};

/// Messages longer than this many bytes are refused unread.
pub const LONGEST_MESSAGE: usize = 1 << 20;

/// Samples a second of all audio here.
pub const WIRE_RATE: u32 = 8_000;

/// Samples a millisecond of all audio here.
const SAMPLES_PER_MS: u64 = WIRE_RATE as u64 / 1000;

/// A jump of the audio time further than this (a day) is an error of the sender, and not followed.
const LONGEST_GAP_MS: u64 = 24 * 60 * 60 * 1000;

/// What one message brought.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "the answers have to be sent"]
pub struct Received {
    /// What happened, in order.
    pub events: Vec<TransportEvent>,
    /// What has to be sent back, in order.
    pub replies: Vec<Frame>,
}

/// A WebSocket message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A text message: JSON.
    Text(String),
    /// A binary message: audio.
    Binary(Vec<u8>),
}

/// Whose voice it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Track {
    /// The other end of the line: the customer. Genesys says `external`, Twilio `inbound`.
    External,
    /// This end: the human or virtual agent. Genesys says `internal`, Twilio `outbound`.
    Internal,
}

/// What is known when a stream begins.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Started {
    /// The stream's identifier: the AudioHook session, `streamSid`.
    pub stream: String,
    /// The call's identifier: Genesys' conversation, `callSid`.
    pub call: Option<String>,
    /// Whose call it is: Genesys' organisation, `accountSid`.
    pub account: Option<String>,
    /// The number that called, where the platform tells it.
    pub caller: Option<String>,
    /// The number that was called, where the platform tells it.
    pub callee: Option<String>,
    /// The tracks that will come.
    pub tracks: Vec<Track>,
    /// How samples are written on the wire; `None` where no audio will come.
    pub encoding: Option<Encoding>,
    /// BCP 47 tag of the language that the platform expects.
    pub language: Option<String>,
    /// What the person who set up the platform passes on.
    pub parameters: Map<String, Value>,
    /// The platform only tries whether somebody answers; no call is behind it.
    pub is_probe: bool,
}

/// What happened on a stream. Times are milliseconds of audio since the stream began and never go
/// backwards within a track.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TransportEvent {
    /// The stream begins.
    Started(Box<Started>),
    /// Audio of one track.
    Audio {
        /// Whose.
        track: Track,
        /// When the first sample was heard.
        timestamp_ms: u64,
        /// The samples at [`WIRE_RATE`], in `-1.0..=1.0`.
        samples: Vec<f32>,
    },
    /// Audio is missing. Time goes on behind it.
    Gap {
        /// Whose; `None` for all tracks.
        track: Option<Track>,
        /// When it begins.
        start_ms: u64,
        /// How long it is.
        length_ms: u64,
    },
    /// Audio came after what follows it, or twice. It is dropped: its place was told as a gap.
    Late {
        /// Whose.
        track: Track,
        /// When it would have been heard.
        timestamp_ms: u64,
        /// How far the track has got beyond that.
        behind_ms: u64,
    },
    /// A key of the telephone was pressed.
    Dtmf {
        /// By whom, where that is told.
        track: Option<Track>,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
        /// The audio time at which it was told.
        timestamp_ms: u64,
    },
    /// The audio before a mark was played, or thrown away.
    Mark {
        /// The name it was given.
        name: String,
        /// It came back because of a `clear`, so nobody heard all of the audio before it.
        cleared: bool,
    },
    /// The platform begins to play what it was sent.
    PlaybackStarted,
    /// The platform has played everything it was sent.
    PlaybackFinished,
    /// No audio will come for a while (a card number is being told, the call is on hold).
    Paused {
        /// The audio time.
        timestamp_ms: u64,
    },
    /// Audio comes again.
    Resumed {
        /// The audio time.
        timestamp_ms: u64,
    },
    /// The call goes on in another language.
    Language {
        /// BCP 47 tag.
        tag: String,
    },
    /// The platform reports a failure; the stream may go on.
    Failed {
        /// The platform's code, in the manner of HTTP.
        code: u64,
        /// What it says.
        message: String,
        /// How long it wants to be left alone.
        retry_after_ms: Option<u64>,
    },
    /// The stream is over. Comes once; no audio follows.
    Stopped {
        /// Why.
        reason: StopReason,
    },
    /// A message that is not known here, or has nothing in it.
    Ignored {
        /// Which, shortened.
        what: String,
    },
    /// Something is not as the protocol has it; the stream goes on.
    Warning(Warning),
}

/// Why a stream is over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The call ended, or left this part of the platform.
    Ended,
    /// This side asked for it.
    Disconnected,
    /// The platform will come back with a new stream for the same call.
    Reconnect,
    /// The platform had a failure.
    PeerError,
    /// The platform broke the protocol and was told so; the sentence that was sent.
    Fault(String),
    /// A reason that is not known here, shortened.
    Other(String),
}

/// What is not as the protocol has it, yet does no harm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// Messages are missing, or come again.
    #[error("message {expected} was expected, but {got} came")]
    SequenceJump {
        /// The number that was due.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// The platform acknowledges what it was never sent.
    #[error("message {got} was acknowledged, but only {sent} were sent")]
    NeverSent {
        /// The last number that was given out.
        sent: u64,
        /// The number that came.
        got: u64,
    },
    /// The platform's audio time is another than the audio that came.
    #[error("the platform is at {theirs_ms} ms, but audio for {ours_ms} ms came")]
    Position {
        /// By the audio that came.
        ours_ms: u64,
        /// By the message.
        theirs_ms: u64,
    },
    /// A time that cannot be read, or is absurd; it is not followed.
    #[error("a time that cannot be read or is absurd was not followed")]
    BadTime,
    /// A second beginning of the same stream; it changes nothing.
    #[error("the stream began already")]
    StartedTwice,
    /// Audio during a pause. It is dropped, since a pause can hide what must not be heard.
    #[error("{bytes} bytes of audio during a pause were dropped")]
    AudioWhilePaused {
        /// How much.
        bytes: usize,
    },
    /// A message after this side asked to end; it is dropped.
    #[error("a message came although the end was asked for")]
    AfterDisconnect,
    /// A message that belongs to another stream; it is dropped.
    #[error("a message of another stream was dropped")]
    OtherStream,
    /// A mark came back that was not sent, or had come back already.
    #[error("a mark came back that is not on its way")]
    UnknownMark,
    /// A key that no telephone has.
    #[error("a key that no telephone has")]
    BadDigit,
    /// A version of the protocol that is not known here.
    #[error("a version of the protocol that is not known here")]
    Version,
}

fn digit(text: &str) -> Option<char> {
    let mut letters = text.chars().map(|letter| letter.to_ascii_uppercase());
    match (letters.next(), letters.next()) {
        (Some(key @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Some(key),
        _ => None,
    }
}

/// What a stranger wrote, cut to a length that can be logged.
fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}
