//! What cannot be worked with.

use super::LONGEST_MESSAGE;
use crate::error::{Error, ErrorKind};

/// Sentences for whoever connects the platform; what the other side wrote is not repeated in them,
/// since it may be private.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("a message of {0} bytes; send at most {LONGEST_MESSAGE}")]
    TooLong(usize),
    #[error("line {line}, column {column} is not JSON of this protocol; check what connects here")]
    NotAMessage { line: usize, column: usize },
    #[error("a message without the part that it is named after; check what connects here")]
    Empty,
    #[error("unknown version; this side speaks version {0}")]
    Version(&'static str),
    #[error("the message belongs to another session; open a connection for each")]
    OtherSession,
    #[error("the session identifier is not a UUID")]
    NotAUuid,
    #[error("no usable media; offer PCMU or L16 at 8000 Hz with one or two channels")]
    NoMedia,
    #[error("{0} before the stream began; begin it first")]
    NotStarted(&'static str),
    #[error("{0} after the stream ended; open a new connection")]
    Ended(&'static str),
    #[error("{bytes} bytes of audio are no whole samples of {channels} channels; send whole ones")]
    Ragged { bytes: usize, channels: usize },
    #[error("the audio is not base64")]
    NotBase64,
    #[error("unknown audio format; set the stream to mu-law or A-law, 8000 Hz, one channel")]
    Format,
    #[error("this stream only listens; audio can be sent where one channel was agreed")]
    ListensOnly,
    #[error("{waiting_ms} ms of audio wait already; send frames first, or clear them")]
    QueueFull { waiting_ms: u64 },
    #[error("{0} marks are on their way already; wait until some come back")]
    TooManyMarks(usize),
    #[error("a message of {0} bytes is more than the platform takes; split it")]
    AnswerTooLong(usize),
}

impl Fault {
    pub(super) fn json(error: &serde_json::Error) -> Self {
        Self::NotAMessage {
            line: error.line(),
            column: error.column(),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let kind = match fault {
            Fault::QueueFull { .. } | Fault::TooManyMarks(_) => ErrorKind::Overloaded,
            Fault::ListensOnly | Fault::Format => ErrorKind::Unsupported,
            _ => ErrorKind::InvalidInput,
        };
        Self::new(kind, fault.to_string())
    }
}
