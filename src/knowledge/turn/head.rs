//! The trained heads: linear, so that they stay small and say why.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::evidence::{NEED_SIGNS, RANK_SIGNS};
use crate::embedding::similarity;
use crate::error::{Error, ErrorKind, OrError, Result};

/// From this probability on a turn is taken to need knowledge. Fixed before anything was scored: the heads give
/// probabilities, and a needless article costs as much as a missing one.
pub const NEED_THRESHOLD: f32 = 0.5;

/// What training writes and the library ships, `models/turn-head.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Weights {
    /// One weight a sign of a passage; a softmax over the passages compared.
    pub(crate) rank: Vec<f32>,
    /// From the log-odds of that softmax to those of an answer (Platt 1999).
    pub(crate) confidence: Logistic,
    /// For vectors of this embedder.
    pub(crate) need_embedder: String,
    /// The turn's vector, then its signs.
    pub(crate) need: Logistic,
    /// The signs alone, for other embedders.
    pub(crate) need_signs: Logistic,
}

/// A logistic function of weighted inputs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Logistic {
    pub(crate) weights: Vec<f32>,
    pub(crate) offset: f32,
}

impl Logistic {
    fn at(&self, input: &[f32]) -> f32 {
        sigmoid(self.offset + similarity(&self.weights, input))
    }
}

pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Weights that have the right lengths.
#[derive(Clone, Debug)]
pub(crate) struct Head(Weights);

/// The heads that come with the library.
pub(super) fn shipped() -> &'static Head {
    static SHIPPED: LazyLock<Head> = LazyLock::new(|| {
        let text = include_str!("../../../models/turn-head.json");
        Head::parse(text).unwrap_or_else(|error| {
            // A test loads the file, so this is never seen; likeness alone still ranks.
            tracing::error!(%error, "the shipped turn head cannot be read");
            Head::untrained()
        })
    });
    &SHIPPED
}

impl Head {
    /// # Errors
    /// [`ErrorKind::Model`] if a weight is missing or no number.
    pub(crate) fn new(weights: Weights) -> Result<Self> {
        let fits = weights.rank.len() == RANK_SIGNS
            && weights.confidence.weights.len() == 1
            && weights.need.weights.len() > NEED_SIGNS
            && weights.need_signs.weights.len() == NEED_SIGNS;
        let logistic = [&weights.confidence, &weights.need, &weights.need_signs];
        let all = logistic
            .iter()
            .flat_map(|logistic| logistic.weights.iter().chain([&logistic.offset]))
            .chain(&weights.rank);
        if !fits || !all.into_iter().all(|weight| weight.is_finite()) {
            return Err(Error::new(
                ErrorKind::Model,
                "the turn head was made by another version; run `attendant train grounding` again",
            ));
        }
        Ok(Self(weights))
    }

    fn parse(text: &str) -> Result<Self> {
        let weights = serde_json::from_str(text).or_error(
            ErrorKind::Model,
            || "the turn head is not in the expected format; run `attendant train grounding` again",
        )?;
        Self::new(weights)
    }

    fn untrained() -> Self {
        let mut rank = vec![0.0; RANK_SIGNS];
        rank.iter_mut().take(1).for_each(|weight| *weight = 1.0);
        let one = Logistic {
            weights: vec![1.0],
            offset: 0.0,
        };
        Self(Weights {
            rank,
            confidence: one,
            ..Weights::default()
        })
    }

    /// The score of each passage, of which only the order means something, and the probability that it answers.
    pub(super) fn rank(&self, signs: &[&[f32]]) -> Vec<(f32, f32)> {
        let scores: Vec<f32> = signs
            .iter()
            .map(|signs| similarity(&self.0.rank, signs))
            .collect();
        let odds = log_odds(&scores);
        scores
            .into_iter()
            .zip(odds)
            .map(|(score, odds)| (score, self.0.confidence.at(&[odds])))
            .collect()
    }

    /// The probability that the turn needs knowledge.
    pub(super) fn need(&self, embedder: &str, vector: &[f32], signs: &[f32]) -> f32 {
        let known = embedder == self.0.need_embedder
            && self.0.need.weights.len() == vector.len() + signs.len();
        if !known {
            return self.0.need_signs.at(signs);
        }
        let input: Vec<f32> = vector.iter().chain(signs).copied().collect();
        self.0.need.at(&input)
    }
}

/// The log-odds of each share of a softmax, within what a probability can tell.
pub(crate) fn log_odds(scores: &[f32]) -> Vec<f32> {
    let highest = scores.iter().copied().fold(f32::MIN, f32::max);
    let total: f32 = scores.iter().map(|score| (score - highest).exp()).sum();
    scores
        .iter()
        .map(|score| {
            let share = ((score - highest).exp() / total).clamp(1e-4, 1.0 - 1e-4);
            (share / (1.0 - share)).ln()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_head_loads_and_gives_probabilities() {
        let head = Head::parse(include_str!("../../../models/turn-head.json")).unwrap();
        let ranked = head.rank(&[&[0.9; RANK_SIGNS], &[0.1; RANK_SIGNS]]);
        assert!(ranked.iter().all(|(_, sure)| (0.0..=1.0).contains(sure)));
        assert!(head.rank(&[]).is_empty());
        let width = head.0.need.weights.len() - NEED_SIGNS;
        let embedder = head.0.need_embedder.clone();
        let signs = [0.5; NEED_SIGNS];
        for (embedder, vector) in [(embedder.as_str(), vec![0.05; width]), ("other", vec![])] {
            assert!((0.0..=1.0).contains(&head.need(embedder, &vector, &signs)));
        }
    }

    #[test]
    fn weights_of_another_version_are_refused() {
        assert_eq!(Head::parse("{}").unwrap_err().kind(), ErrorKind::Model);
        let mut weights = Head::parse(include_str!("../../../models/turn-head.json"))
            .unwrap()
            .0;
        weights.rank.pop();
        assert_eq!(Head::new(weights).unwrap_err().kind(), ErrorKind::Model);
    }

    #[test]
    fn odds_follow_the_share() {
        let odds = log_odds(&[2.0, 0.0]);
        assert!((odds[0] - 2.0).abs() < 1e-4 && (odds[1] + 2.0).abs() < 1e-4);
        assert!(log_odds(&[5.0])[0] > 9.0);
    }
}
