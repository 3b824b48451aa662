//! Voice activity in live audio: when a voice sets in and how long it has been silent, frame by frame.

use std::collections::VecDeque;

use super::detector::{DetectorProfile, VoiceDetector};
use super::vad::{FRAME, LEAST_GAIN, MARGIN_MS, MOST_GAIN, QUIETEST, SURE_MS, USUAL};

/// A voice has set in when [`SURE_MS`] of so much are sure.
const ONSET_MS: u64 = 128;
/// Audio from before a voice was noticed, for its soft beginning.
const BEFORE_MS: u64 = MARGIN_MS + ONSET_MS;
/// The share of 16 ms in the level of the loud frames, up quickly and down slowly (some ten seconds).
const RISE: f32 = 0.2;
const FALL: f32 = 0.002;
/// On a quiet line, within half a minute: pauses between turns are shorter.
const SETTLE: f32 = 0.001;
/// Back to the usual level within a second or two.
const RELAX: f32 = 0.02;

/// Follows one track. Positions are samples from the start of the track.
#[derive(Debug)]
pub(super) struct ActivityTracker {
    detector: Box<dyn VoiceDetector>,
    profile: DetectorProfile,
    /// Samples that do not fill a frame yet.
    rest: Vec<f32>,
    /// Where the next frame begins.
    position: u64,
    /// Scores of the last frames.
    scores: VecDeque<f32>,
    /// Level of the loud frames so far.
    level: f32,
    voice: Option<Voice>,
}

/// A voice that set in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Voice {
    /// Where it set in.
    pub(super) start: u64,
    /// Where it was heard last.
    pub(super) end: u64,
}

/// What a frame changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A voice set in.
    Onset(Voice),
}

impl ActivityTracker {
    pub(super) fn new(detector: Box<dyn VoiceDetector>) -> Self {
        Self {
            profile: detector.profile().checked(),
            detector,
            rest: Vec::new(),
            position: 0,
            scores: VecDeque::new(),
            level: USUAL,
            voice: None,
        }
    }

    /// Samples of audio before a voice was noticed that belong to it.
    pub(super) fn samples_before() -> u64 {
        BEFORE_MS * u64::from(super::SAMPLE_RATE) / 1000
    }

    /// Takes the next samples.
    pub(super) fn push(&mut self, samples: &[f32]) -> Option<Change> {
        let mut change = None;
        self.rest.extend_from_slice(samples);
        let length = self.profile.frame;
        let whole = self.rest.len() / length * length;
        let frames: Vec<f32> = self.rest.drain(..whole).collect();
        for frame in frames.chunks_exact(length) {
            change = self.frame(frame).or(change);
        }
        change
    }

    /// The voice that is there, or was until a moment ago.
    pub(super) fn voice(&self) -> Option<Voice> {
        self.voice
    }

    /// Samples since the voice was heard last.
    pub(super) fn silence(&self) -> u64 {
        self.voice
            .map_or(0, |voice| self.position.saturating_sub(voice.end))
    }

    /// The voice is over; the next onset is another's.
    pub(super) fn reset(&mut self) {
        self.voice = None;
        self.scores.clear();
    }

    fn frame(&mut self, frame: &[f32]) -> Option<Change> {
        let score = self.score(frame);
        self.position += frame.len() as u64;
        if self.scores.len() >= self.profile.frames(ONSET_MS) {
            self.scores.pop_front();
        }
        self.scores.push_back(score);
        let end = self.position.saturating_sub(self.profile.lag());
        if let Some(voice) = &mut self.voice {
            if score >= self.profile.leave {
                voice.end = voice.end.max(end);
            }
            return None;
        }
        let sure = |score: &&f32| **score >= self.profile.enter;
        if self.scores.iter().filter(sure).count() < self.profile.frames(SURE_MS) {
            return None;
        }
        let first = self
            .scores
            .iter()
            .position(|score| *score >= self.profile.leave)
            .unwrap_or_default();
        let back = (self.scores.len() - first) * frame.len();
        let start = self.position.saturating_sub(back as u64);
        let voice = Voice {
            start,
            end: end.max(start),
        };
        self.voice = Some(voice);
        Some(Change::Onset(voice))
    }

    /// What the detector says of a frame, and what that says of the level of voices here.
    fn score(&mut self, frame: &[f32]) -> f32 {
        let mut frame: Vec<f32> = frame
            .iter()
            .map(|s| if s.is_finite() { *s } else { 0.0 })
            .collect();
        let power = frame.iter().map(|s| s * s).sum::<f32>() / frame.len() as f32;
        let gain = (USUAL / self.level.max(f32::MIN_POSITIVE)).clamp(LEAST_GAIN, MOST_GAIN);
        if self.profile.levelled {
            frame
                .iter_mut()
                .for_each(|s| *s = (*s * gain).clamp(-1.0, 1.0));
        }
        let score = self.detector.score(&frame);
        let level = power.sqrt();
        let audible = level * gain >= QUIETEST;
        let score = if audible && score.is_finite() {
            score
        } else {
            0.0
        };
        // Only what sounds like a voice says how loud voices are here. Where none is heard the level goes back to
        // that of usual speech, or beyond it to what there is on a quiet line.
        let (towards, share) = match score >= self.profile.leave {
            true if level > self.level => (level, RISE),
            true => (level, FALL),
            false if self.level > USUAL => (USUAL, RELAX),
            false if level >= QUIETEST => (level.clamp(USUAL / MOST_GAIN, USUAL), SETTLE),
            false => (self.level, FALL),
        };
        let share = 1.0 - (1.0 - share).powf(frame.len() as f32 / FRAME as f32);
        self.level += (towards - self.level) * share;
        score
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::Earshot;

    /// Scores by loudness, so that a test says where the voice is.
    #[derive(Debug)]
    struct Loud;

    impl VoiceDetector for Loud {
        fn score(&mut self, frame: &[f32]) -> f32 {
            if frame[0].abs() > 0.02 { 0.9 } else { 0.1 }
        }
    }

    #[test]
    fn a_voice_sets_in_and_its_silence_is_counted() {
        let mut tracker = ActivityTracker::new(Box::new(Loud));
        assert_eq!(tracker.push(&[0.0; FRAME * 10]), None);
        // In pieces that fit no frame.
        let voice = vec![0.1; FRAME * 8];
        let onset = voice.chunks(100).find_map(|piece| tracker.push(piece));
        let Some(Change::Onset(voice)) = onset else {
            panic!("no voice")
        };
        assert_eq!(voice.start, FRAME as u64 * 10);
        assert!(
            voice.end - voice.start <= FRAME as u64 * 5,
            "noticed within 80 ms"
        );
        tracker.push(&[0.0; FRAME * 4]);
        assert!(tracker.silence() >= FRAME as u64 * 3);
        tracker.reset();
        assert_eq!((tracker.voice(), tracker.silence()), (None, 0));
    }

    #[test]
    fn a_click_is_no_voice() {
        let mut tracker = ActivityTracker::new(Box::new(Loud));
        for _ in 0..50 {
            assert_eq!(tracker.push(&[0.1; FRAME * 2]), None);
            assert_eq!(tracker.push(&[0.0; FRAME * 8]), None);
        }
    }

    #[test]
    fn a_loud_noise_is_forgotten_and_a_quiet_line_is_raised() {
        /// Never a voice, so that only the level moves.
        #[derive(Debug)]
        struct Deaf;
        impl VoiceDetector for Deaf {
            fn score(&mut self, _: &[f32]) -> f32 {
                0.0
            }
        }
        let mut tracker = ActivityTracker::new(Box::new(Deaf));
        tracker.push(&[0.9; FRAME * 100]);
        assert!(tracker.level < 0.1, "{}", tracker.level);
        for _ in 0..60 {
            tracker.push(&[0.004; FRAME * 62]);
        }
        assert!(tracker.level < 0.01, "{}", tracker.level);
        let mut loud = ActivityTracker::new(Box::new(Loud));
        loud.push(&[0.5; FRAME * 60]);
        assert!(
            loud.level > 0.3,
            "a loud voice is turned down: {}",
            loud.level
        );
    }

    #[test]
    fn a_detector_hears_frames_of_its_own_size_however_the_audio_comes() {
        /// Remembers what it heard; the louder, the surer.
        #[derive(Debug)]
        struct Wide(std::sync::Arc<parking_lot::Mutex<Vec<Vec<f32>>>>);
        impl VoiceDetector for Wide {
            fn profile(&self) -> DetectorProfile {
                DetectorProfile {
                    frame: 512,
                    lag_ms: 32,
                    levelled: false,
                    ..DetectorProfile::default()
                }
            }
            fn score(&mut self, frame: &[f32]) -> f32 {
                self.0.lock().push(frame.to_vec());
                frame[0]
            }
        }
        // Silence, 320 ms of a voice from 480 ms on, and silence that fills no frame.
        let mut audio = vec![0.0_f32; 512 * 35 + 77];
        audio[512 * 15..512 * 25].fill(0.4);
        audio[512 * 17..512 * 19].fill(0.6);
        let mut outcomes = Vec::new();
        for size in [1, 56, 160, 512, 777, audio.len()] {
            let heard = std::sync::Arc::default();
            let mut tracker = ActivityTracker::new(Box::new(Wide(std::sync::Arc::clone(&heard))));
            for piece in audio.chunks(size) {
                tracker.push(piece);
            }
            let heard = std::mem::take(&mut *heard.lock());
            assert_eq!(heard.concat(), audio[..512 * 35]);
            outcomes.push((tracker.voice().unwrap(), tracker.silence()));
        }
        // What the detector lags behind is taken off the end.
        let voice = Voice {
            start: 512 * 15,
            end: 512 * 24,
        };
        assert_eq!(outcomes, vec![(voice, 512 * 11); 6]);
    }

    #[test]
    fn a_detector_that_asks_for_the_impossible_gets_what_there_is() {
        #[derive(Debug)]
        struct Odd(usize);
        impl VoiceDetector for Odd {
            fn profile(&self) -> DetectorProfile {
                DetectorProfile {
                    frame: self.0,
                    lag_ms: u64::MAX,
                    enter: f32::NAN,
                    ..DetectorProfile::default()
                }
            }
            fn score(&mut self, frame: &[f32]) -> f32 {
                assert!((80..=1600).contains(&frame.len()));
                f32::NAN
            }
        }
        for frame in [0, 1, usize::MAX] {
            let mut tracker = ActivityTracker::new(Box::new(Odd(frame)));
            tracker.push(&[0.3; 5000]);
            assert_eq!(tracker.voice(), None);
        }
    }

    #[test]
    fn odd_samples_do_no_harm() {
        let mut tracker = ActivityTracker::new(Box::<Earshot>::default());
        tracker.push(&[f32::NAN; FRAME * 3]);
        tracker.push(&[f32::INFINITY; FRAME]);
        tracker.push(&vec![0.0; FRAME * 100]);
        assert_eq!(tracker.voice(), None);
        assert!(tracker.level.is_finite());
    }
}
