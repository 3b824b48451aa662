//! A stretch of speech.

use super::{AudioTrack, SAMPLE_RATE};

/// A stretch of speech in a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpeechSpan {
    /// Milliseconds from the start of the track.
    pub start_ms: u64,
    /// Milliseconds from the start of the track.
    pub end_ms: u64,
}

impl SpeechSpan {
    /// Length in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.end_ms.saturating_sub(self.start_ms)
    }

    /// The samples of `track` within the span.
    pub fn of<'a>(&self, track: &'a AudioTrack) -> &'a [f32] {
        let index = |ms: u64| {
            let sample = ms.saturating_mul(u64::from(SAMPLE_RATE)) / 1000;
            usize::try_from(sample)
                .unwrap_or(usize::MAX)
                .min(track.samples.len())
        };
        let start = index(self.start_ms);
        &track.samples[start..index(self.end_ms).max(start)]
    }
}
