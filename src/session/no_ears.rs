//! Without the speech detector (feature `whisper`) nobody is heard.

use std::sync::Arc;

use super::heard::Heard;
use crate::conversation::ParticipantId;
use crate::error::{Error, ErrorKind, Result};
use crate::speech::{AudioFrame, SpeechToText, TranscribeOptions};

/// Hears nobody.
#[derive(Debug, Default)]
pub(super) struct Ears;

impl Ears {
    /// Refuses.
    pub(super) async fn push(
        &mut self,
        _engine: &Arc<dyn SpeechToText>,
        _options: impl FnOnce() -> TranscribeOptions,
        _participant: ParticipantId,
        _frame: AudioFrame,
    ) -> Result<()> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "live audio needs feature `whisper`; feed utterances instead",
        ))
    }

    /// Nothing.
    pub(super) fn ready(&mut self) -> Option<Heard> {
        None
    }

    /// Never.
    pub(super) async fn next(&mut self) -> Heard {
        std::future::pending().await
    }

    /// Nothing.
    pub(super) async fn finish(&mut self) -> Vec<Heard> {
        Vec::new()
    }
}
