//! One track: its audio, the utterance that goes on, those that are over and wait.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::conversation::Word;
use crate::speech::activity::ActivityTracker;
use crate::speech::agreement::Agreement;
use crate::speech::detector::VoiceDetector;
use crate::speech::frames::FrameLine;
use crate::speech::vad::MARGIN_MS;
use crate::speech::{Prosody, SAMPLE_RATE};

/// See [`Hypothesis::covers`].
const BREATH_MS: u64 = 64;

/// Milliseconds as samples.
pub(super) const fn samples(ms: u64) -> u64 {
    ms * SAMPLE_RATE as u64 / 1000
}

/// Samples as milliseconds.
pub(super) const fn milliseconds(samples: u64) -> u64 {
    samples * 1000 / SAMPLE_RATE as u64
}

/// What a model made of an utterance, up to some place.
#[derive(Clone, Debug, Default)]
pub(super) struct Hypothesis {
    pub(super) words: Vec<Word>,
    pub(super) language: Option<String>,
    /// The voice was heard up to this sample.
    pub(super) voice_end: u64,
    /// Whether the silence behind it was heard too.
    pub(super) is_whole: bool,
    /// How it sounds, where all of it was heard.
    pub(super) prosody: Arc<Prosody>,
}

impl Hypothesis {
    /// Whether these are all the words of a voice that ends at a sample. A breath behind the last word does not
    /// make them out of date; what was heard in the middle of a word does not have its end.
    pub(super) fn covers(&self, voice_end: u64) -> bool {
        self.is_whole && self.voice_end + samples(BREATH_MS) >= voice_end
    }

    pub(super) fn text(&self) -> String {
        line(&self.words)
    }
}

/// Words as a line.
pub(super) fn line(words: &[Word]) -> String {
    let texts: Vec<&str> = words.iter().map(|w| w.text.as_str()).collect();
    texts.join(" ")
}

/// An utterance that goes on.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) number: u64,
    /// First sample, a little before the voice.
    pub(super) start: u64,
    /// First sample of the voice, and its time.
    pub(super) voice_start: u64,
    pub(super) start_ms: u64,
    pub(super) agreement: Agreement,
    pub(super) heard: Option<Hypothesis>,
    /// Whether it is being transcribed.
    pub(super) is_in_work: bool,
    /// How far it was given to the model.
    pub(super) asked_to: u64,
    /// Whether the onset was told.
    pub(super) is_told: bool,
    /// Whether another spoke when it began.
    pub(super) is_over_another: bool,
    /// Whether the model failed on it: it is only asked again when the utterance is over.
    pub(super) has_failed: bool,
}

impl Open {
    /// An utterance whose voice sets in at a sample.
    pub(super) fn new(number: u64, voice_start: u64, start_ms: u64) -> Self {
        Self {
            number,
            start: voice_start,
            voice_start,
            start_ms,
            agreement: Agreement::default(),
            heard: None,
            is_in_work: false,
            asked_to: voice_start,
            is_told: false,
            is_over_another: false,
            has_failed: false,
        }
    }

    /// Audio before the voice.
    pub(super) fn lead_ms(&self) -> u64 {
        milliseconds(self.voice_start.saturating_sub(self.start))
    }
}

/// An utterance that is over.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) number: u64,
    pub(super) audio: Vec<f32>,
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    pub(super) voice_end: u64,
    pub(super) agreement: Agreement,
    pub(super) is_in_work: bool,
    pub(super) is_told: bool,
    pub(super) is_over_another: bool,
    /// Audio before the voice.
    pub(super) lead_ms: u64,
}

/// One track.
pub(super) struct Track {
    pub(super) line: FrameLine,
    pub(super) activity: ActivityTracker,
    audio: Vec<f32>,
    /// Number of the first sample in `audio`.
    origin: u64,
    /// A sample and its time on the clock of the conversation.
    anchor: (u64, u64),
    pub(super) open: Option<Open>,
    pub(super) closed: VecDeque<Closed>,
    /// Of the last utterance.
    pub(super) language: Option<String>,
}

impl Track {
    pub(super) fn new(detector: Box<dyn VoiceDetector>) -> Self {
        Self {
            line: FrameLine::new(),
            activity: ActivityTracker::new(detector),
            audio: Vec::new(),
            origin: 0,
            anchor: (0, 0),
            open: None,
            closed: VecDeque::new(),
            language: None,
        }
    }

    pub(super) fn append(&mut self, samples: &[f32]) {
        self.audio.extend_from_slice(samples);
    }

    /// Number of the next sample.
    pub(super) fn position(&self) -> u64 {
        self.origin + self.audio.len() as u64
    }

    /// The time of a sample.
    pub(super) fn ms(&self, sample: u64) -> u64 {
        let (at, ms) = self.anchor;
        if sample >= at {
            ms + milliseconds(sample - at)
        } else {
            ms.saturating_sub(milliseconds(at - sample))
        }
    }

    /// The clock goes on from `ms`.
    pub(super) fn jump(&mut self, ms: u64) {
        self.anchor = (self.position(), ms);
    }

    /// Samples from `from` to `to`, as far as they are there.
    pub(super) fn slice(&self, from: u64, to: u64) -> &[f32] {
        let index = |at: u64| {
            let index = at.saturating_sub(self.origin);
            usize::try_from(index)
                .unwrap_or(usize::MAX)
                .min(self.audio.len())
        };
        let (from, to) = (index(from), index(to));
        self.audio.get(from..to.max(from)).unwrap_or_default()
    }

    /// Where what the model hears of a voice that ends at `voice_end` ends.
    pub(super) fn heard_to(&self, voice_end: u64) -> u64 {
        (voice_end + samples(MARGIN_MS)).min(self.position())
    }

    /// Forgets the audio that nobody needs any more.
    pub(super) fn trim(&mut self) {
        let kept = match &self.open {
            Some(open) => open.start,
            None => self
                .position()
                .saturating_sub(ActivityTracker::samples_before() + samples(MARGIN_MS)),
        };
        let over = usize::try_from(kept.saturating_sub(self.origin)).unwrap_or_default();
        // Moving what is left costs more than keeping a second too much.
        if over > SAMPLE_RATE as usize {
            self.audio.drain(..over.min(self.audio.len()));
            self.origin += over as u64;
        }
    }
}
