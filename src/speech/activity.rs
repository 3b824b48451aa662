//! Voice activity in live audio: when a voice sets in and how long it has been silent, frame by frame.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use earshot::Detector;

use super::vad::{FRAME, FRAME_MS, LEAST_GAIN, LEAVE, MARGIN_MS, MOST_GAIN, QUIETEST, SURE, USUAL};

/// A voice has set in when so many of the last frames are sure: 64 ms of voice within 128.
const ONSET_FRAMES: usize = 4;
const ONSET_WINDOW: usize = 8;
/// Audio from before a voice was noticed, for its soft beginning.
const BEFORE_MS: u64 = MARGIN_MS + ONSET_WINDOW as u64 * FRAME_MS;
/// A frame's share in the level of the loud frames, up quickly and down slowly (some ten seconds).
const RISE: f32 = 0.2;
const FALL: f32 = 0.002;
/// On a quiet line, within half a minute: pauses between turns are shorter.
const SETTLE: f32 = 0.001;
/// Back to the usual level within a second or two.
const RELAX: f32 = 0.02;

/// Tells voice from everything else, one track each.
///
/// [`Earshot`] is the one that is used unless a host brings its own.
pub trait VoiceDetector: fmt::Debug + Send + 'static {
    /// How likely this frame of 256 samples (16 ms at 16 kHz) holds a voice, 0 to 1. Frames come in order;
    /// their level is brought to that of usual speech.
    fn score(&mut self, frame: &[f32; FRAME]) -> f32;
}

/// Makes a detector for a track.
pub type DetectorFactory = Arc<dyn Fn() -> Box<dyn VoiceDetector> + Send + Sync>;

/// Crate `earshot`: a small neural detector with its weights inside.
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

impl VoiceDetector for Earshot {
    fn score(&mut self, frame: &[f32; FRAME]) -> f32 {
        self.detector.predict_f32(frame)
    }
}

/// Follows one track. Positions are samples from the start of the track.
#[derive(Debug)]
pub(super) struct ActivityTracker {
    detector: Box<dyn VoiceDetector>,
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
        let whole = self.rest.len() / FRAME * FRAME;
        let frames: Vec<f32> = self.rest.drain(..whole).collect();
        for frame in frames.as_chunks::<FRAME>().0 {
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

    fn frame(&mut self, frame: &[f32; FRAME]) -> Option<Change> {
        let frame = frame.map(|s| if s.is_finite() { s } else { 0.0 });
        let power = frame.iter().map(|s| s * s).sum::<f32>() / FRAME as f32;
        let gain = (USUAL / self.level.max(f32::MIN_POSITIVE)).clamp(LEAST_GAIN, MOST_GAIN);
        let usual = frame.map(|s| (s * gain).clamp(-1.0, 1.0));
        let score = self.detector.score(&usual);
        let level = power.sqrt();
        let audible = level * gain >= QUIETEST;
        let score = if audible && score.is_finite() {
            score
        } else {
            0.0
        };
        // Only what sounds like a voice says how loud voices are here. Where none is heard the level goes back to
        // that of usual speech, or beyond it to what there is on a quiet line.
        let (towards, share) = match score >= LEAVE {
            true if level > self.level => (level, RISE),
            true => (level, FALL),
            false if self.level > USUAL => (USUAL, RELAX),
            false if level >= QUIETEST => (level.clamp(USUAL / MOST_GAIN, USUAL), SETTLE),
            false => (self.level, FALL),
        };
        self.level += (towards - self.level) * share;
        self.position += FRAME as u64;
        if self.scores.len() >= ONSET_WINDOW {
            self.scores.pop_front();
        }
        self.scores.push_back(score);
        if let Some(voice) = &mut self.voice {
            if score >= LEAVE {
                voice.end = self.position;
            }
            return None;
        }
        let sure = self.scores.iter().filter(|score| **score >= SURE).count();
        if sure < ONSET_FRAMES {
            return None;
        }
        let first = self
            .scores
            .iter()
            .position(|score| *score >= LEAVE)
            .unwrap_or_default();
        let back = (self.scores.len() - first) * FRAME;
        let voice = Voice {
            start: self.position.saturating_sub(back as u64),
            end: self.position,
        };
        self.voice = Some(voice);
        Some(Change::Onset(voice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores by loudness, so that a test says where the voice is.
    #[derive(Debug)]
    struct Loud;

    impl VoiceDetector for Loud {
        fn score(&mut self, frame: &[f32; FRAME]) -> f32 {
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
            fn score(&mut self, _: &[f32; FRAME]) -> f32 {
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
    fn odd_samples_do_no_harm() {
        let mut tracker = ActivityTracker::new(Box::<Earshot>::default());
        tracker.push(&[f32::NAN; FRAME * 3]);
        tracker.push(&[f32::INFINITY; FRAME]);
        tracker.push(&vec![0.0; FRAME * 100]);
        assert_eq!(tracker.voice(), None);
        assert!(tracker.level.is_finite());
    }
}
