//! What is known of an utterance apart from its words.

use super::condition::{EmotionCondition, SignalsCondition};
use crate::conversation::{
    ConversationSignals, EmotionDistribution, EmotionEvent, EmotionKind, OverlapKind, Utterance,
    VoiceSignals,
};

/// How far from the start of an utterance a silence may end and still be the one before it, in ms: voice activity and
/// recognition do not agree to the millisecond.
const BORDER_MS: u64 = 500;

/// How an utterance was said and what its speaker feels, as far as the host or the session knows. `None` stands for
/// what is not known; a condition on it does not hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CoachingSignals {
    /// Milliseconds in which the speaker spoke over somebody.
    pub overlap_ms: Option<u64>,
    /// Milliseconds in which nobody spoke before it.
    pub silence_ms: Option<u64>,
    /// Rate of speech against the speaker's own baseline, as a share of it: 0.25 is a quarter faster.
    pub rate_shift: Option<f32>,
    /// What the speaker feels.
    pub emotion: Option<CoachingEmotion>,
}

/// What somebody feels, from wherever the host has it: words, voice, a camera.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CoachingEmotion {
    /// Feelings by name with their probabilities, between 0 and 1.
    pub kinds: Vec<(String, f32)>,
    /// From -1 (bad) to 1 (good).
    pub valence: f32,
    /// What this utterance changed, with how strong it is, between 0 and 1.
    pub changes: Vec<(EmotionKind, f32)>,
}

impl CoachingSignals {
    /// Reads what timing and sound tell of an utterance.
    pub fn of(said: &Utterance, call: &ConversationSignals, voice: &VoiceSignals) -> Self {
        // A message has no length: nothing was spoken over, and nobody was silent.
        if said.end_ms <= said.start_ms {
            return Self::default();
        }
        let over = call.overlaps.iter().filter(|overlap| {
            overlap.second == said.participant
                && matches!(
                    overlap.kind,
                    OverlapKind::Interruption | OverlapKind::Attempt
                )
                && overlap.start_ms < said.end_ms
                && overlap.end_ms > said.start_ms
        });
        let before = call
            .silences
            .iter()
            .rev()
            .find(|silence| silence.end_ms.abs_diff(said.start_ms) <= BORDER_MS);
        Self {
            overlap_ms: Some(over.map(|overlap| overlap.duration_ms()).sum()),
            silence_ms: Some(before.map_or(0, |silence| silence.duration_ms())),
            rate_shift: voice.rate_shift,
            emotion: None,
        }
    }

    /// Adds what the speaker feels.
    #[must_use]
    pub fn with_emotion(mut self, emotion: CoachingEmotion) -> Self {
        self.emotion = Some(emotion);
        self
    }

    pub(super) fn meet(&self, wanted: &SignalsCondition) -> bool {
        let long = |least: Option<u64>, known: Option<u64>| {
            least.is_none_or(|least| known.is_some_and(|ms| ms >= least))
        };
        let faster = |least: Option<f32>, shift: Option<f32>| {
            least.is_none_or(|least| shift.is_some_and(|shift| shift >= least))
        };
        long(wanted.overlap_ms, self.overlap_ms)
            && long(wanted.silence_ms, self.silence_ms)
            && faster(wanted.rate_above, self.rate_shift)
            && faster(wanted.rate_below, self.rate_shift.map(|shift| -shift))
    }
}

impl CoachingEmotion {
    /// What the words of an utterance show, and what changed with it.
    pub fn of(words: &EmotionDistribution, changes: &[EmotionEvent]) -> Self {
        let kinds = words.ranked().into_iter();
        Self {
            kinds: kinds
                .map(|(emotion, sure)| (emotion.as_str().to_owned(), sure))
                .collect(),
            valence: words.valence(),
            changes: changes
                .iter()
                .map(|change| (change.kind, change.strength))
                .collect(),
        }
    }

    /// How sure it is that the condition holds, if it does.
    pub(super) fn meets(&self, wanted: &EmotionCondition) -> Option<f32> {
        let in_reach = wanted.valence_below.is_none_or(|most| self.valence <= most)
            && wanted
                .valence_above
                .is_none_or(|least| self.valence >= least);
        if !in_reach {
            return None;
        }
        let changed = self
            .changes
            .iter()
            .filter(|(kind, _)| wanted.changes.contains(kind));
        let changed = changed
            .map(|(_, strength)| *strength)
            .max_by(f32::total_cmp);
        if !wanted.changes.is_empty() && changed.is_none() {
            return None;
        }
        if wanted.kinds.is_empty() {
            let sure = changed.unwrap_or(self.valence.abs());
            return Some(sure.clamp(0.5, 1.0));
        }
        let of_kind = |(kind, _): &&(String, f32)| {
            wanted
                .kinds
                .iter()
                .any(|name| name.eq_ignore_ascii_case(kind))
        };
        let best = self.kinds.iter().filter(of_kind).map(|(_, p)| *p);
        best.max_by(f32::total_cmp)
            .filter(|p| *p >= wanted.at_least)
    }
}
