//! How likely each emotion is.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Emotion;

/// How likely each emotion is; several may be. Serialised, an object of the probabilities by name, those below one
/// percent left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EmotionDistribution([f32; Emotion::COUNT]);

impl EmotionDistribution {
    /// One probability an emotion, in the order of [`Emotion::ALL`]; what is no probability counts as 0.
    pub fn new(probabilities: [f32; Emotion::COUNT]) -> Self {
        Self(probabilities.map(|p| {
            if p.is_finite() {
                p.clamp(0.0, 1.0)
            } else {
                0.0
            }
        }))
    }

    /// Nothing is felt, for certain.
    pub fn neutral() -> Self {
        Self::of(&[(Emotion::Neutral, 1.0)])
    }

    /// These probabilities, all others 0.
    pub fn of(some: &[(Emotion, f32)]) -> Self {
        let mut all = [0.0; Emotion::COUNT];
        for (emotion, probability) in some {
            if let Some(slot) = all.get_mut(*emotion as usize) {
                *slot = *probability;
            }
        }
        Self::new(all)
    }

    /// The probability of an emotion.
    pub fn get(&self, emotion: Emotion) -> f32 {
        self.0.get(emotion as usize).copied().unwrap_or(0.0)
    }

    /// The probabilities of several emotions together, at most 1.
    pub fn any(&self, emotions: &[Emotion]) -> f32 {
        let sum: f32 = emotions.iter().map(|one| self.get(*one)).sum();
        sum.min(1.0)
    }

    /// Emotions with their probabilities, the likeliest first.
    pub fn ranked(&self) -> Vec<(Emotion, f32)> {
        let mut all: Vec<_> = Emotion::ALL.into_iter().zip(self.0).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all
    }

    /// The likeliest emotion.
    pub fn strongest(&self) -> Emotion {
        self.ranked()
            .first()
            .map_or(Emotion::Neutral, |first| first.0)
    }

    /// How pleasant it is, between -1 and 1: the mean of [`Emotion::valence`].
    pub fn valence(&self) -> f32 {
        self.mean(Emotion::valence)
    }

    /// How stirred up the speaker is, between 0 and 1: the mean of [`Emotion::arousal`].
    pub fn arousal(&self) -> f32 {
        self.mean(Emotion::arousal)
    }

    /// Moves this share of the way to `next`.
    #[must_use]
    pub fn towards(&self, next: &Self, share: f32) -> Self {
        let mut mixed = self.0;
        mixed
            .iter_mut()
            .zip(next.0)
            .for_each(|(p, next)| *p += share * (next - *p));
        Self::new(mixed)
    }

    fn mean(&self, of: fn(Emotion) -> f32) -> f32 {
        let weighed = Emotion::ALL.into_iter().zip(self.0);
        let sum: f32 = weighed.map(|(emotion, p)| of(emotion) * p).sum();
        let total: f32 = self.0.iter().sum();
        if total > 0.0 {
            sum / total.max(1e-3)
        } else {
            0.0
        }
    }
}

impl Default for EmotionDistribution {
    fn default() -> Self {
        Self::neutral()
    }
}

/// Below this a probability is not told.
const TOLD: f32 = 0.01;

/// By name, as it is written.
impl schemars::JsonSchema for EmotionDistribution {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EmotionDistribution".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "description": "Probabilities by emotion.",
            "additionalProperties": { "type": "number" }
        })
    }
}

impl Serialize for EmotionDistribution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let told = self.ranked().into_iter().filter(|(_, p)| *p >= TOLD);
        serializer.collect_map(told.map(|(emotion, p)| (emotion.as_str(), p)))
    }
}

impl<'de> Deserialize<'de> for EmotionDistribution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let told = BTreeMap::<Emotion, f32>::deserialize(deserializer)?;
        Ok(Self::of(&told.into_iter().collect::<Vec<_>>()))
    }
}
