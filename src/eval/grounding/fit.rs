//! Fits linear heads by gradient descent: whole batches, so that the same data gives the same weights.

use crate::knowledge::Logistic;

/// Steps of Adam (Kingma and Ba 2015, <https://arxiv.org/abs/1412.6980>); the losses are convex.
const STEPS: usize = 300;
const RATE: f32 = 0.05;

/// Passages that compete for one turn.
#[derive(Clone, Debug, Default)]
pub(super) struct Contest {
    pub(super) signs: Vec<Vec<f32>>,
    pub(super) gold: Vec<bool>,
}

/// Means and spreads of inputs, so that one rate and one penalty suit them all.
struct Scale {
    mean: Vec<f32>,
    spread: Vec<f32>,
}

impl Scale {
    fn of<'a>(rows: impl Iterator<Item = &'a [f32]> + Clone) -> Self {
        let width = rows.clone().next().map_or(0, <[f32]>::len);
        let count = rows.clone().count().max(1) as f32;
        let mut mean = vec![0.0; width];
        for row in rows.clone() {
            add(&mut mean, 1.0 / count, row);
        }
        let mut spread = vec![0.0; width];
        for row in rows {
            let gaps = row
                .iter()
                .zip(&mean)
                .map(|(x, mean)| (x - mean) * (x - mean) / count);
            spread
                .iter_mut()
                .zip(gaps)
                .for_each(|(spread, gap)| *spread += gap);
        }
        spread
            .iter_mut()
            .for_each(|value| *value = value.sqrt().max(1e-4));
        Self { mean, spread }
    }

    fn apply(&self, row: &[f32]) -> Vec<f32> {
        let scales = self.mean.iter().zip(&self.spread);
        row.iter()
            .zip(scales)
            .map(|(x, (mean, spread))| (x - mean) / spread)
            .collect()
    }

    /// The same function of unscaled inputs: its weights, and what is added.
    fn undo(&self, weights: &[f32]) -> (Vec<f32>, f32) {
        let plain: Vec<f32> = weights
            .iter()
            .zip(&self.spread)
            .map(|(w, spread)| w / spread)
            .collect();
        let offset = -dot(&plain, &self.mean);
        (plain, offset)
    }
}

/// The probability of `true` as a logistic function of the inputs; `penalty` on squared weights.
pub(super) fn logistic(rows: &[(Vec<f32>, bool)], penalty: f32) -> Logistic {
    let scale = Scale::of(rows.iter().map(|(row, _)| row.as_slice()));
    let scaled: Vec<(Vec<f32>, f32)> = rows
        .iter()
        .map(|(row, label)| (scale.apply(row), f32::from(u8::from(*label))))
        .collect();
    let width = scale.mean.len();
    let count = rows.len().max(1) as f32;
    // The last weight is the offset.
    let weights = descend(width + 1, |weights, gradient| {
        let (own, offset) = weights.split_at(width);
        for (row, label) in &scaled {
            let x = dot(own, row) + offset.first().copied().unwrap_or(0.0);
            let error = (1.0 / (1.0 + (-x).exp()) - label) / count;
            add(gradient, error, row);
            if let Some(last) = gradient.last_mut() {
                *last += error;
            }
        }
        let shrink: Vec<f32> = own.to_vec();
        add(gradient, penalty, &shrink);
    });
    let (own, offset) = weights.split_at(width);
    let (plain, moved) = scale.undo(own);
    Logistic {
        weights: plain,
        offset: moved + offset.first().copied().unwrap_or(0.0),
    }
}

/// Weights whose softmax gives the passages that answer most of the probability.
pub(super) fn listwise(contests: &[Contest], penalty: f32) -> Vec<f32> {
    let all = contests
        .iter()
        .flat_map(|contest| contest.signs.iter().map(Vec::as_slice));
    let scale = Scale::of(all);
    let scaled: Vec<(Vec<Vec<f32>>, &[bool])> = contests
        .iter()
        .filter(|contest| contest.gold.contains(&true))
        .map(|contest| {
            let rows = contest.signs.iter().map(|row| scale.apply(row)).collect();
            (rows, contest.gold.as_slice())
        })
        .collect();
    let count = scaled.len().max(1) as f32;
    let weights = descend(scale.mean.len(), |weights, gradient| {
        for (rows, gold) in &scaled {
            let scores: Vec<f32> = rows.iter().map(|row| dot(weights, row)).collect();
            let all = softmax(scores.iter().copied());
            let masked = scores.iter().zip(*gold);
            let right = softmax(masked.map(|(score, gold)| if *gold { *score } else { f32::MIN }));
            for ((row, all), right) in rows.iter().zip(all).zip(right) {
                add(gradient, (all - right) / count, row);
            }
        }
        let shrink: Vec<f32> = weights.to_vec();
        add(gradient, penalty, &shrink);
    });
    scale.undo(&weights).0
}

fn softmax(scores: impl Iterator<Item = f32> + Clone) -> Vec<f32> {
    let highest = scores.clone().fold(f32::MIN, f32::max);
    let powers: Vec<f32> = scores.map(|score| (score - highest).exp()).collect();
    let total: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / total).collect()
}

fn descend(width: usize, mut gradient_at: impl FnMut(&[f32], &mut [f32])) -> Vec<f32> {
    let mut weights = vec![0.0_f32; width];
    let (mut first, mut second) = (vec![0.0_f32; width], vec![0.0_f32; width]);
    for step in 1..=STEPS {
        let mut gradient = vec![0.0; width];
        gradient_at(&weights, &mut gradient);
        let rate = RATE * (1.0 - step as f32 / (STEPS + 1) as f32);
        let (bias1, bias2) = (
            1.0 - 0.9_f32.powi(step as i32),
            1.0 - 0.99_f32.powi(step as i32),
        );
        let moments = first.iter_mut().zip(&mut second);
        for ((weight, slope), (first, second)) in weights.iter_mut().zip(gradient).zip(moments) {
            *first = 0.9 * *first + 0.1 * slope;
            *second = 0.99 * *second + 0.01 * slope * slope;
            *weight -= rate * (*first / bias1) / ((*second / bias2).sqrt() + 1e-8);
        }
    }
    weights
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn add(sum: &mut [f32], factor: f32, row: &[f32]) {
    sum.iter_mut()
        .zip(row)
        .for_each(|(sum, x)| *sum += factor * x);
}

#[cfg(test)]
mod tests {
    use super::super::noise::Chance;
    use super::*;

    #[test]
    fn the_logistic_finds_the_line_it_was_drawn_from() {
        let mut chance = Chance::new(1);
        let rows: Vec<(Vec<f32>, bool)> = (0..4000)
            .map(|_| {
                let (x, noise) = (chance.share() * 4.0 - 2.0, chance.share() * 100.0);
                let sure = 1.0 / (1.0 + (-(2.0 * x - 1.0)).exp());
                (vec![x, noise], chance.share() < sure)
            })
            .collect();
        let fitted = logistic(&rows, 0.0);
        assert!((fitted.weights[0] - 2.0).abs() < 0.25, "{fitted:?}");
        assert!(fitted.weights[1].abs() < 0.01, "{fitted:?}");
        let shrunk = logistic(&rows, 1.0);
        assert!(
            shrunk.weights[0].abs() < 0.5 * fitted.weights[0],
            "{shrunk:?}"
        );
    }

    #[test]
    fn the_ranking_learns_which_sign_tells() {
        let mut chance = Chance::new(2);
        let contests: Vec<Contest> = (0..200)
            .map(|_| {
                let signs: Vec<Vec<f32>> = (0..10)
                    .map(|_| vec![chance.share(), chance.share()])
                    .collect();
                let best = signs.iter().map(|row| row[1]).fold(0.0, f32::max);
                let gold = signs.iter().map(|row| row[1] == best).collect();
                Contest { signs, gold }
            })
            .collect();
        let weights = listwise(&contests, 1e-4);
        assert!(weights[1] > 10.0 * weights[0].abs(), "{weights:?}");
        assert_eq!(weights, listwise(&contests, 1e-4), "deterministic");
    }
}
