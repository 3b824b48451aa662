//! The part of the trained model behind the encoder: states of the tokens to probabilities.

use crate::conversation::{BasicEmotion, Emotion, EmotionDistribution, SentimentGroup};
use crate::embedding::similarity;

/// Outputs of the emotions, …
pub(crate) const FINE: std::ops::Range<usize> = 0..Emotion::COUNT;
/// … of the basic emotions …
pub(crate) const BASIC: std::ops::Range<usize> = FINE.end..FINE.end + BasicEmotion::COUNT;
/// … and of the sentiment groups.
pub(crate) const GROUP: std::ops::Range<usize> = BASIC.end..BASIC.end + SentimentGroup::COUNT;
/// All outputs.
pub(crate) const OUTPUTS: usize = GROUP.end;

/// `1 / (1 + e^-x)`.
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Two summaries of the tokens (their mean, and a mean by attention) and one linear layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Head {
    /// What attention looks for, `(hidden)`.
    pub(crate) query: Vec<f32>,
    /// `(outputs, 2 * hidden)`: of the mean, then of attention's.
    pub(crate) weight: Vec<f32>,
    /// One an output.
    pub(crate) bias: Vec<f32>,
    /// Calibration: a logit is multiplied by this …
    pub(crate) scale: Vec<f32>,
    /// … and this is added.
    pub(crate) shift: Vec<f32>,
    /// From this probability on a label is given.
    pub(crate) threshold: Vec<f32>,
    /// Of emotions, basic emotions and groups: whether a text that reaches no threshold is given the label that comes
    /// closest to its own.
    #[cfg_attr(
        not(feature = "eval"),
        allow(dead_code, reason = "labels are given by evaluations only")
    )]
    pub(crate) closest: [bool; 3],
}

impl Head {
    /// Whether all parts have the right length and hold numbers.
    pub(crate) fn fits(&self, hidden: usize) -> bool {
        let parts = [&self.bias, &self.scale, &self.shift, &self.threshold];
        let all = parts.into_iter().chain([&self.query, &self.weight]);
        self.query.len() == hidden
            && self.weight.len() == OUTPUTS * 2 * hidden
            && parts.into_iter().all(|part| part.len() == OUTPUTS)
            && all.into_iter().flatten().all(|x| x.is_finite())
    }

    /// Logits of the outputs, from the `(tokens, hidden)` states of a text.
    pub(crate) fn logits(&self, states: &[f32]) -> Vec<f32> {
        let hidden = self.query.len();
        let rows = || states.chunks_exact(hidden.max(1));
        let scores: Vec<f32> = rows().map(|row| similarity(row, &self.query)).collect();
        let highest = scores.iter().copied().fold(f32::MIN, f32::max);
        let looks: Vec<f32> = scores.iter().map(|score| (score - highest).exp()).collect();
        let total: f32 = looks.iter().sum();
        let mut summary = vec![0.0; 2 * hidden];
        let (mean, attended) = summary.split_at_mut(hidden);
        for (row, look) in rows().zip(&looks) {
            let share = 1.0 / looks.len() as f32;
            add(mean, row, share);
            add(attended, row, look / total);
        }
        let outputs = self.weight.chunks_exact(2 * hidden.max(1)).zip(&self.bias);
        outputs
            .map(|(weight, bias)| similarity(weight, &summary) + bias)
            .collect()
    }

    /// Calibrated probabilities of the outputs.
    pub(crate) fn probabilities(&self, logits: &[f32]) -> Vec<f32> {
        let calibration = self.scale.iter().zip(&self.shift);
        let calibrated = logits.iter().zip(calibration);
        calibrated
            .map(|(logit, (scale, shift))| sigmoid(logit * scale + shift))
            .collect()
    }

    /// The emotions among the probabilities.
    pub(crate) fn distribution(probabilities: &[f32]) -> EmotionDistribution {
        let mut emotions = [0.0; Emotion::COUNT];
        emotions
            .iter_mut()
            .zip(probabilities)
            .for_each(|(slot, p)| *slot = *p);
        EmotionDistribution::new(emotions)
    }

    /// The outputs of a range that a text is labelled with, counted from the start of the range: all from their
    /// threshold on; where there is none, and `closest`, the one that comes closest to its own.
    #[cfg(feature = "eval")]
    pub(crate) fn labels(
        &self,
        probabilities: &[f32],
        of: std::ops::Range<usize>,
        closest: bool,
    ) -> Vec<usize> {
        let ratio = |index: &usize| {
            let p = probabilities.get(*index).copied().unwrap_or(0.0);
            let threshold = self.threshold.get(*index).copied().unwrap_or(1.0);
            p / threshold.max(1e-6)
        };
        let start = of.start;
        let mut labels: Vec<usize> = of.clone().filter(|index| ratio(index) >= 1.0).collect();
        if labels.is_empty() && closest {
            labels.extend(of.max_by(|a, b| ratio(a).total_cmp(&ratio(b))));
        }
        labels.into_iter().map(|index| index - start).collect()
    }
}

fn add(sum: &mut [f32], row: &[f32], share: f32) {
    sum.iter_mut()
        .zip(row)
        .for_each(|(sum, x)| *sum += share * x);
}
