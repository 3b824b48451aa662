//! A softmax over weighted features, dense ones and sparse ones, fitted by stochastic gradient descent.

use attendant_kernels::ops::add_product;
use serde::{Deserialize, Serialize};

use super::packed;

/// Passes over the examples where there are many; few examples are seen more often.
const PASSES: usize = 12;
/// Steps that a fit takes at least.
const STEPS: usize = 6_000;
/// AdaGrad's rate, falling linearly to nothing.
const RATE: f32 = 2.0;

/// What is known of a text: its vector, and which n-grams it has.
#[derive(Clone, Debug, Default)]
pub(super) struct Features {
    /// The embedder's vector.
    pub(super) vector: Vec<f32>,
    /// Index and weight of each n-gram.
    pub(super) grams: Vec<(u32, f32)>,
}

/// One row of weights a feature, one weight a class in it: the vector's features first, then the n-grams'.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Softmax {
    pub(super) classes: usize,
    #[serde(with = "packed::floats")]
    pub(super) dense: Vec<f32>,
    #[serde(with = "packed::floats")]
    pub(super) sparse: Vec<f32>,
    #[serde(with = "packed::floats")]
    pub(super) offset: Vec<f32>,
}

impl Softmax {
    /// Fits the classes `labels` of `examples`; `order` draws a number below its argument.
    pub(super) fn fit(
        examples: &[(&Features, usize)],
        (classes, grams): (usize, usize),
        order: &mut impl FnMut(usize) -> usize,
    ) -> Self {
        let width = examples.first().map_or(0, |(x, _)| x.vector.len());
        let mut fitted = Self {
            classes,
            dense: vec![0.0; width * classes],
            sparse: vec![0.0; grams * classes],
            offset: vec![0.0; classes],
        };
        let mut seen = Seen {
            dense: vec![1e-6; width],
            sparse: vec![1e-6; grams],
            offset: 1.0,
        };
        let steps = (examples.len() * PASSES).max(STEPS);
        let mut turn: Vec<usize> = (0..examples.len()).collect();
        let mut step = 0;
        while step < steps && !turn.is_empty() {
            for at in (1..turn.len()).rev() {
                turn.swap(at, order(at + 1));
            }
            for (x, label) in turn.iter().filter_map(|at| examples.get(*at)) {
                let rate = RATE * (1.0 - step as f32 / (steps + examples.len()) as f32);
                fitted.learn(x, *label, rate, &mut seen);
                step += 1;
            }
        }
        fitted
    }

    /// Whether there is a weight for every feature and class.
    pub(super) fn fits(&self, classes: usize, dimensions: usize, grams: usize) -> bool {
        let all = self.dense.iter().chain(&self.sparse).chain(&self.offset);
        self.classes == classes
            && self.offset.len() == classes
            && self.dense.len() == dimensions * classes
            && self.sparse.len() == grams * classes
            && all.into_iter().all(|weight| weight.is_finite())
    }

    /// The logits of every class.
    pub(super) fn scores(&self, x: &Features) -> Vec<f32> {
        let mut scores = self.offset.clone();
        if self.dense.len() == x.vector.len() * self.classes {
            add_product(&mut scores, &self.dense, &x.vector);
        }
        for (gram, weight) in &x.grams {
            if let Some(row) = row(&self.sparse, *gram as usize, self.classes) {
                add_product(&mut scores, row, &[*weight]);
            }
        }
        scores
    }

    fn learn(&mut self, x: &Features, label: usize, rate: f32, seen: &mut Seen) {
        let mut error = softmax(&self.scores(x));
        if let Some(own) = error.get_mut(label) {
            *own -= 1.0;
        }
        let size: f32 = error.iter().map(|e| e * e).sum();
        let classes = self.classes;
        // What is known well teaches little and takes as long.
        if size < 1e-5 || classes == 0 {
            return;
        }
        let rows = self.dense.chunks_exact_mut(classes);
        for ((row, x), seen) in rows.zip(&x.vector).zip(&mut seen.dense) {
            *seen += x * x * size;
            add_product(row, &error, &[-rate * x / seen.sqrt()]);
        }
        for (gram, weight) in &x.grams {
            let at = *gram as usize;
            let row = self.sparse.get_mut(at * classes..(at + 1) * classes);
            if let (Some(row), Some(seen)) = (row, seen.sparse.get_mut(at)) {
                *seen += weight * weight * size;
                add_product(row, &error, &[-rate * weight / seen.sqrt()]);
            }
        }
        seen.offset += size;
        let step = -0.1 * rate / seen.offset.sqrt();
        add_product(&mut self.offset, &error, &[step]);
    }
}

/// Squared gradients so far, one sum a feature.
struct Seen {
    dense: Vec<f32>,
    sparse: Vec<f32>,
    offset: f32,
}

fn row(rows: &[f32], at: usize, width: usize) -> Option<&[f32]> {
    rows.get(at * width..(at + 1) * width)
}

/// Shares of the exponentials, which add up to 1.
pub(super) fn softmax(scores: &[f32]) -> Vec<f32> {
    let highest = scores.iter().copied().fold(f32::MIN, f32::max);
    let mut shares: Vec<f32> = scores.iter().map(|score| (score - highest).exp()).collect();
    let total: f32 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= total);
    shares
}
