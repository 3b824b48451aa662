//! One participant's words and voice, and what is usual for them.

use super::prosody::{Prosody, STEP_MS, hertz};
use super::sample::{Baseline, Sample, quantile};
use super::{Spoken, spoken_span};
use crate::conversation::{ParticipantId, ParticipantSignals, VoiceSignals};

/// Frames of sound kept, evenly over the call.
const FRAMES: usize = 1_024;
/// Fewer words, or less time, tell no rate.
const LEAST_WORDS: usize = 3;
const LEAST_MS: u64 = 1_000;
/// A baseline stands on so much speech, of which less than half is voiced.
const BASELINE_MS: u64 = 5_000;
const BASELINE_VOICED_MS: u64 = 2_000;
/// Nobody speaks faster: the times are wrong.
const FASTEST: f32 = 600.0;

/// What is known of one participant besides when they speak.
#[derive(Clone, Debug)]
pub(super) struct Speaker {
    pub(super) id: ParticipantId,
    words: u64,
    timed_words: u64,
    timed_ms: u64,
    back_channels: u32,
    pitches: Sample,
    levels: Sample,
    usual_pitch: Baseline,
    usual_level: Baseline,
    usual_rate: Baseline,
}

impl Speaker {
    pub(super) fn new(id: ParticipantId) -> Self {
        Self {
            id,
            words: 0,
            timed_words: 0,
            timed_ms: 0,
            back_channels: 0,
            pitches: Sample::new(FRAMES),
            levels: Sample::new(FRAMES),
            usual_pitch: Baseline::default(),
            usual_level: Baseline::default(),
            usual_rate: Baseline::default(),
        }
    }

    /// The voice of an utterance against what was usual before it, which it then becomes part of.
    pub(super) fn hear(&mut self, said: &Spoken<'_>) -> VoiceSignals {
        let mut voice = VoiceSignals::default();
        let words = word_count(said);
        self.words = self.words.saturating_add(words as u64);
        if said.back_channel {
            self.back_channels = self.back_channels.saturating_add(1);
        }
        let (start, end) = spoken_span(said);
        let ms = end.saturating_sub(start);
        if words >= LEAST_WORDS && ms >= LEAST_MS && !said.back_channel {
            let rate = words as f32 * 60_000.0 / ms as f32;
            if rate <= FASTEST {
                let usual = self.usual_rate.usual(BASELINE_MS);
                voice.words_per_minute = Some(rate);
                voice.rate_shift = usual.map(|usual| rate / usual - 1.0);
                self.usual_rate.learn(rate, ms);
                self.timed_words = self.timed_words.saturating_add(words as u64);
                self.timed_ms = self.timed_ms.saturating_add(ms);
            }
        }
        if let Some(prosody) = said.prosody {
            self.listen(prosody, said.back_channel, &mut voice);
        }
        voice
    }

    fn listen(&mut self, prosody: &Prosody, back_channel: bool, voice: &mut VoiceSignals) {
        let length = |frames: &[f32]| frames.len() as u64 * STEP_MS;
        if let Some(pitch) = quantile(&prosody.pitches, 0.5) {
            voice.pitch_hz = Some(hertz(pitch));
            let usual = self.usual_pitch.usual(BASELINE_VOICED_MS);
            voice.pitch_shift = usual.map(|usual| pitch - usual);
            // "Mm-hm" is hummed softly in a voice of its own.
            if !back_channel {
                self.usual_pitch.learn(pitch, length(&prosody.pitches));
                self.pitches.extend(&prosody.pitches);
            }
        }
        if let Some(level) = prosody.level {
            voice.energy_db = Some(level);
            let usual = self.usual_level.usual(BASELINE_MS);
            voice.energy_shift_db = usual.map(|usual| level - usual);
            if !back_channel {
                self.usual_level.learn(level, length(&prosody.levels));
                self.levels.extend(&prosody.levels);
            }
        }
    }

    /// What can be told without the others.
    pub(super) fn signals(&self) -> ParticipantSignals {
        let rate = self.timed_words as f32 * 60_000.0 / self.timed_ms as f32;
        ParticipantSignals {
            words: self.words,
            words_per_minute: (self.timed_ms > 0).then_some(rate),
            back_channels: self.back_channels,
            pitch_hz_median: self.pitches.median().map(hertz),
            pitch_variation: self.pitches.deviation(),
            energy_db_median: self.levels.median(),
            energy_variation_db: self.levels.deviation(),
            ..ParticipantSignals::new(self.id.clone())
        }
    }
}

/// Words of an utterance: those recognised, else what stands between spaces.
fn word_count(said: &Spoken<'_>) -> usize {
    let is_word = |text: &str| text.chars().any(char::is_alphanumeric);
    let words = said.words.iter().filter(|w| is_word(&w.text)).count();
    if words > 0 {
        return words;
    }
    said.text.split_whitespace().filter(|w| is_word(w)).count()
}
