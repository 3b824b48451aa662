//! The built-in voice detector.

use std::fmt;

use earshot::Detector;

use super::detector::{DetectorProfile, VoiceDetector};

/// Crate `earshot`: a small neural detector with its weights inside, for where no model was fetched.
///
/// It takes noise on a telephone line for a voice far more often than [`SileroVad`](super::SileroVad) does.
pub struct Earshot {
    detector: Box<Detector>,
}

impl Default for Earshot {
    fn default() -> Self {
        Self {
            detector: Detector::default_boxed(),
        }
    }
}

impl fmt::Debug for Earshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Earshot").finish_non_exhaustive()
    }
}

/// Samples a frame.
const FRAME: usize = 256;

impl VoiceDetector for Earshot {
    /// Voices score 0.7 to 0.97 and many noises only a little less, so speech is entered high.
    fn profile(&self) -> DetectorProfile {
        DetectorProfile {
            frame: FRAME,
            enter: 0.74,
            leave: 0.6,
            ..DetectorProfile::default()
        }
    }

    fn score(&mut self, frame: &[f32]) -> f32 {
        // The tracker gives whole frames; what is missing of one that a host gives is silence.
        let mut whole = [0.0; FRAME];
        for (sample, heard) in whole.iter_mut().zip(frame) {
            *sample = *heard;
        }
        self.detector.predict_f32(&whole)
    }
}
