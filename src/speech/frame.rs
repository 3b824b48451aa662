//! A piece of live audio.

use super::{HIGHEST_RATE, LOWEST_RATE, g711};
use crate::error::{Error, ErrorKind, Result};

/// The longest frame: a minute. A longer one is a recording and not live.
const LONGEST_FRAME_MS: u64 = 60_000;

/// No conversation lasts longer.
const LATEST_MS: u64 = 366 * 24 * 3_600_000;

/// A piece of live audio of one track, mono.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AudioFrame {
    /// Samples, `-1.0..=1.0`; what is not a number is silence.
    pub samples: Vec<f32>,
    /// Samples a second, 8,000 to 384,000.
    pub rate: u32,
    /// When it begins, in milliseconds on the clock of the conversation; right after the frame before
    /// where `None`.
    pub timestamp_ms: Option<u64>,
}

impl AudioFrame {
    /// A frame of samples that follows the one before.
    pub fn new(samples: Vec<f32>, rate: u32) -> Self {
        Self {
            samples,
            rate,
            timestamp_ms: None,
        }
    }

    /// Bytes of G.711 mu-law, a sample each.
    pub fn from_mu_law(bytes: &[u8], rate: u32) -> Self {
        Self::new(bytes.iter().map(|&byte| g711::mu_law(byte)).collect(), rate)
    }

    /// Bytes of G.711 A-law, a sample each.
    pub fn from_a_law(bytes: &[u8], rate: u32) -> Self {
        Self::new(bytes.iter().map(|&byte| g711::a_law(byte)).collect(), rate)
    }

    /// Unsigned bytes, 128 for silence.
    pub fn from_unsigned_8(bytes: &[u8], rate: u32) -> Self {
        let samples = bytes.iter().map(|&byte| (f32::from(byte) - 128.0) / 128.0);
        Self::new(samples.collect(), rate)
    }

    /// Signed 16-bit samples.
    pub fn from_pcm_16(samples: &[i16], rate: u32) -> Self {
        let samples = samples.iter().map(|&sample| f32::from(sample) / 32_768.0);
        Self::new(samples.collect(), rate)
    }

    /// Sets when it begins.
    #[must_use]
    pub fn at_ms(mut self, timestamp_ms: u64) -> Self {
        self.timestamp_ms = Some(timestamp_ms);
        self
    }

    /// Length in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.samples.len() as u64 * 1000 / u64::from(self.rate.max(1))
    }

    /// Whether it can be used.
    #[cfg_attr(not(feature = "whisper"), allow(dead_code, reason = "nobody hears it"))]
    pub(super) fn check(&self) -> Result<()> {
        let refused = |why: String| Err(Error::new(ErrorKind::Audio, why));
        if !(LOWEST_RATE..=HIGHEST_RATE).contains(&self.rate) {
            return refused(format!(
                "a frame of {} Hz cannot be used; give {LOWEST_RATE} to {HIGHEST_RATE} Hz",
                self.rate
            ));
        }
        if self.duration_ms() > LONGEST_FRAME_MS {
            return refused(format!(
                "a frame of {} s is too long; give at most {} s at once",
                self.duration_ms() / 1000,
                LONGEST_FRAME_MS / 1000
            ));
        }
        if self.timestamp_ms.is_some_and(|at| at > LATEST_MS) {
            return refused(
                "the time of a frame must be milliseconds of the conversation, less than a year"
                    .into(),
            );
        }
        Ok(())
    }
}
