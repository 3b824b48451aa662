//! What is heard of a participant.

use std::sync::Arc;

use crate::conversation::{NewUtterance, ParticipantId};
use crate::error::Error;
use crate::speech::Prosody;

/// Something that was heard.
#[derive(Debug)]
#[cfg_attr(not(feature = "whisper"), allow(dead_code, reason = "nobody is heard"))]
pub(super) enum Heard {
    Started {
        participant: ParticipantId,
        start_ms: u64,
    },
    Interim {
        participant: ParticipantId,
        start_ms: u64,
        stable: String,
        tentative: String,
    },
    NoSpeech {
        participant: ParticipantId,
        start_ms: u64,
        end_ms: u64,
    },
    Final(NewUtterance, Arc<Prosody>),
    Gap {
        participant: ParticipantId,
        start_ms: u64,
        end_ms: u64,
    },
    Lagging {
        behind_ms: u64,
    },
    Failed(Error),
}
