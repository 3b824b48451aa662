//! The port for voice detectors.

use std::fmt;
use std::sync::Arc;

/// Tells voice from everything else in one track; it may remember what it heard before.
///
/// [`SileroVad`](super::SileroVad) is used where its model is there, [`Earshot`](super::Earshot) otherwise, unless a
/// host brings its own with [`LiveOptions::with_detector`](super::LiveOptions::with_detector) or
/// [`WhisperSpeech::with_voice_detector`](super::WhisperSpeech::with_voice_detector).
///
/// ```
/// use attendant::speech::{DetectorProfile, VoiceDetector};
///
/// /// Takes everything loud for a voice, in frames of 20 ms.
/// #[derive(Debug)]
/// struct Loud;
///
/// impl VoiceDetector for Loud {
///     fn profile(&self) -> DetectorProfile {
///         DetectorProfile { frame: 320, ..DetectorProfile::default() }
///     }
///
///     fn score(&mut self, frame: &[f32]) -> f32 {
///         let power = frame.iter().map(|s| s * s).sum::<f32>() / frame.len() as f32;
///         if power.sqrt() > 0.02 { 1.0 } else { 0.0 }
///     }
/// }
/// # assert_eq!(Loud.score(&[0.5; 320]), 1.0);
/// ```
pub trait VoiceDetector: fmt::Debug + Send + 'static {
    /// What it wants to hear and how its scores are to be read; asked once a track.
    fn profile(&self) -> DetectorProfile {
        DetectorProfile::default()
    }

    /// How likely this frame of [`DetectorProfile::frame`] samples at 16 kHz holds a voice, 0 to 1. Frames come in
    /// order and without gaps.
    fn score(&mut self, frame: &[f32]) -> f32;
}

/// Makes a detector for a track.
pub type DetectorFactory = Arc<dyn Fn() -> Box<dyn VoiceDetector> + Send + Sync>;

/// What a [`VoiceDetector`] wants to hear and how its scores are to be read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectorProfile {
    /// Samples a frame, at 16 kHz: 80 to 1600 (5 to 100 ms); what lies outside is taken to the nearest.
    pub frame: usize,
    /// From this score on a frame is surely a voice: a voice sets in where there is enough of them.
    pub enter: f32,
    /// A voice goes on while frames have at least this score.
    pub leave: f32,
    /// By how many milliseconds the scores stay high after a voice has ended.
    pub lag_ms: u64,
    /// Whether frames are to be brought to the level of usual speech before it hears them.
    pub levelled: bool,
}

impl Default for DetectorProfile {
    /// 16 ms, at usual level; a voice from 0.5 on, until 0.35.
    fn default() -> Self {
        Self {
            frame: 256,
            enter: 0.5,
            leave: 0.35,
            lag_ms: 0,
            levelled: true,
        }
    }
}

impl DetectorProfile {
    /// With a frame that can be used.
    #[cfg(feature = "whisper")]
    pub(super) fn checked(self) -> Self {
        Self {
            frame: self.frame.clamp(80, 1600),
            ..self
        }
    }

    /// Frames in so many milliseconds, at least one.
    #[cfg(feature = "whisper")]
    pub(super) fn frames(&self, ms: u64) -> usize {
        let samples = usize::try_from(ms * u64::from(super::SAMPLE_RATE) / 1000);
        (samples.unwrap_or(usize::MAX) / self.frame).max(1)
    }

    /// [`lag_ms`](Self::lag_ms) in samples, of which nobody has more than a second.
    #[cfg(feature = "whisper")]
    pub(super) fn lag(&self) -> u64 {
        self.lag_ms.min(1000) * u64::from(super::SAMPLE_RATE) / 1000
    }
}
