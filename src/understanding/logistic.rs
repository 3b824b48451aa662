//! Logistic regression on a handful of signs, fitted by Newton's method.

use serde::{Deserialize, Serialize};

/// Newton steps; the loss is convex and the steps converge in a few.
const STEPS: usize = 25;

/// One example: its signs, what is to be told, and how much it counts.
#[derive(Clone, Debug)]
pub(crate) struct Labelled {
    pub(crate) signs: Vec<f64>,
    pub(crate) label: bool,
    pub(crate) weight: f64,
}

/// A logistic function of weighted signs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Logistic {
    pub(crate) weights: Vec<f64>,
    pub(crate) offset: f64,
}

impl Logistic {
    /// Fits the weights; `penalty` on squared weights of signs in units of their own spread.
    pub(crate) fn fit(examples: &[Labelled], penalty: f64) -> Self {
        let width = examples.first().map_or(0, |example| example.signs.len());
        let scale = Scale::of(examples, width);
        let rows: Vec<Vec<f64>> = examples.iter().map(|one| scale.apply(&one.signs)).collect();
        let mut weights = vec![0.0; width + 1];
        for _ in 0..STEPS {
            let mut slope = vec![0.0; width + 1];
            let mut bend = vec![vec![0.0; width + 1]; width + 1];
            for (row, example) in rows.iter().zip(examples) {
                let share = sigmoid(dot(&weights, row));
                let error = (share - f64::from(u8::from(example.label))) * example.weight;
                let steep = (share * (1.0 - share)).max(1e-9) * example.weight;
                for ((a, slope), bend) in row.iter().zip(&mut slope).zip(&mut bend) {
                    *slope += error * a;
                    bend.iter_mut()
                        .zip(row)
                        .for_each(|(sum, b)| *sum += steep * a * b);
                }
            }
            for (at, bend) in bend.iter_mut().enumerate() {
                // The last weight is the offset, which is free.
                let penalty = if at < width { penalty } else { 1e-6 };
                if let (Some(own), Some(slope), Some(weight)) =
                    (bend.get_mut(at), slope.get_mut(at), weights.get(at))
                {
                    *own += penalty;
                    *slope += penalty * weight;
                }
            }
            let step = solve(bend, slope);
            let longest = step.iter().fold(0.0_f64, |longest, x| longest.max(x.abs()));
            // Far from the end a whole Newton step may overshoot.
            let damp = (2.0 / longest.max(1e-12)).min(1.0);
            weights
                .iter_mut()
                .zip(&step)
                .for_each(|(weight, step)| *weight -= damp * step);
            if longest < 1e-8 {
                break;
            }
        }
        scale.undo(&weights)
    }

    /// The log-odds.
    pub(crate) fn odds(&self, signs: &[f64]) -> f64 {
        self.offset + dot(&self.weights, signs)
    }
}

pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

struct Scale {
    mean: Vec<f64>,
    spread: Vec<f64>,
}

impl Scale {
    fn of(examples: &[Labelled], width: usize) -> Self {
        let total: f64 = examples
            .iter()
            .map(|one| one.weight)
            .sum::<f64>()
            .max(1e-12);
        let moment = |of: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
            let mut sums = vec![0.0; width];
            for one in examples {
                for (at, (sum, sign)) in sums.iter_mut().zip(&one.signs).enumerate() {
                    *sum += one.weight * of(at, *sign) / total;
                }
            }
            sums
        };
        let mean = moment(&|_, sign| sign);
        let spread = moment(&|at, sign| (sign - mean.get(at).copied().unwrap_or(0.0)).powi(2));
        Self {
            mean,
            spread: spread.into_iter().map(|x| x.sqrt().max(1e-6)).collect(),
        }
    }

    fn apply(&self, signs: &[f64]) -> Vec<f64> {
        let scales = self.mean.iter().zip(&self.spread);
        let scaled = signs
            .iter()
            .zip(scales)
            .map(|(x, (mean, spread))| (x - mean) / spread);
        scaled.chain([1.0]).collect()
    }

    fn undo(&self, weights: &[f64]) -> Logistic {
        let plain: Vec<f64> = weights
            .iter()
            .zip(&self.spread)
            .map(|(w, spread)| w / spread)
            .collect();
        let moved = dot(&plain, &self.mean);
        Logistic {
            offset: weights.last().copied().unwrap_or(0.0) - moved,
            weights: plain,
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Solves a symmetric positive system by elimination (Cholesky without the roots).
fn solve(mut rows: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    for at in 0..right.len() {
        let Some(pivot) = rows.get(at).cloned() else {
            break;
        };
        let diagonal = pivot.get(at).copied().unwrap_or(1.0).max(1e-12);
        let value = right.get(at).copied().unwrap_or(0.0);
        for (row, right) in rows.iter_mut().zip(&mut right).skip(at + 1) {
            let factor = row.get(at).copied().unwrap_or(0.0) / diagonal;
            row.iter_mut()
                .zip(&pivot)
                .for_each(|(x, p)| *x -= factor * p);
            *right -= factor * value;
        }
    }
    let mut solved = vec![0.0; right.len()];
    for at in (0..right.len()).rev() {
        let (Some(row), Some(value)) = (rows.get(at), right.get(at)) else {
            break;
        };
        let known: f64 = row
            .iter()
            .zip(&solved)
            .skip(at + 1)
            .map(|(a, x)| a * x)
            .sum();
        let diagonal = row.get(at).copied().unwrap_or(1.0).max(1e-12);
        if let Some(slot) = solved.get_mut(at) {
            *slot = (value - known) / diagonal;
        }
    }
    solved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logistic_finds_the_line_it_was_drawn_from() {
        // Every mix of both signs, labelled in the share that the line says.
        let mut examples = Vec::new();
        for x in -10..=10 {
            for noise in 0..5 {
                let signs = vec![f64::from(x) / 5.0, f64::from(noise) * 100.0];
                let sure = sigmoid(2.0 * f64::from(x) / 5.0 - 1.0);
                for (label, weight) in [(true, sure), (false, 1.0 - sure)] {
                    examples.push(Labelled {
                        signs: signs.clone(),
                        label,
                        weight,
                    });
                }
            }
        }
        let fitted = Logistic::fit(&examples, 0.0);
        assert!((fitted.weights[0] - 2.0).abs() < 1e-3, "{fitted:?}");
        assert!(fitted.weights[1].abs() < 1e-5, "{fitted:?}");
        assert!((fitted.offset + 1.0).abs() < 1e-3, "{fitted:?}");
        assert!((fitted.odds(&[0.5, 0.0])).abs() < 1e-3);
        let shrunk = Logistic::fit(&examples, 100.0);
        assert!(shrunk.weights[0] < 1.5, "{shrunk:?}");
    }

    #[test]
    fn what_cannot_be_told_apart_stays_finite() {
        let one = |x: f64, label| Labelled {
            signs: vec![x],
            label,
            weight: 1.0,
        };
        let apart = Logistic::fit(&[one(0.0, false), one(1.0, true)], 0.1);
        assert!(apart.weights[0].is_finite() && apart.weights[0] > 0.0);
        assert!(Logistic::fit(&[], 0.1).odds(&[]).is_finite());
        assert!(
            Logistic::fit(&[one(1.0, true); 1], 0.1)
                .odds(&[1.0])
                .is_finite()
        );
    }
}
