//! One ridge regression an action, kept as the inverse of its matrix.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// How many outcomes it takes to believe half of what they say: a few failures at the start are no reason to give an
/// action up, which within the bounds of exploring it would not get over.
const RIDGE: f64 = 8.0;
/// How many outcomes the first guess of what is usual is worth, and that guess.
const USUAL: (f32, f32) = (4.0, 0.5);

/// The models of all actions of a tenant.
#[derive(Clone, Debug, Default)]
pub(super) struct Arms {
    arms: BTreeMap<String, Arm>,
    times: u32,
    rewards: f64,
}

/// What is known of an action in a context.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    /// By how much it does better than usual.
    pub(super) better: f32,
    /// One standard deviation of that, in units of the noise.
    pub(super) doubt: f32,
    /// Outcomes.
    pub(super) times: u32,
}

#[derive(Clone, Debug)]
struct Arm {
    /// Inverse of the sum of outer products and the ridge, row by row.
    inverse: Vec<f64>,
    /// Sum of contexts by reward.
    sum: Vec<f64>,
    times: u32,
}

impl Arms {
    /// What is usual for the tenant.
    fn usual(&self) -> f64 {
        let (weight, guess) = (f64::from(USUAL.0), f64::from(USUAL.1));
        (weight * guess + self.rewards) / (weight + f64::from(self.times))
    }

    pub(super) fn judge(&self, action: &str, context: &[f32]) -> Seen {
        let x = with_constant(context);
        let fresh;
        let arm = match self.arms.get(action) {
            Some(arm) if arm.sum.len() == x.len() => arm,
            _ => {
                fresh = Arm::new(x.len());
                &fresh
            }
        };
        let spread = arm.times_inverse(&x);
        Seen {
            better: dot(&spread, &arm.sum) as f32,
            doubt: dot(&spread, &x).max(0.0).sqrt() as f32,
            times: arm.times,
        }
    }

    pub(super) fn learn(&mut self, action: &str, context: &[f32], reward: f32) {
        let x = with_constant(context);
        let better = f64::from(reward) - self.usual();
        self.times = self.times.saturating_add(1);
        self.rewards += f64::from(reward);
        let arm = self
            .arms
            .entry(action.to_owned())
            .or_insert_with(|| Arm::new(x.len()));
        if arm.sum.len() != x.len() {
            // The number of features was changed: begin again.
            *arm = Arm::new(x.len());
        }
        arm.learn(&x, better);
    }

    pub(super) fn export(&self) -> Value {
        let arm = |(action, arm): (&String, &Arm)| {
            let weights = arm.times_inverse(&arm.sum);
            (
                action.clone(),
                json!({ "outcomes": arm.times, "weights": weights }),
            )
        };
        json!({
            "outcomes": self.times,
            "usual": self.usual(),
            "actions": self.arms.iter().map(arm).collect::<serde_json::Map<_, _>>(),
        })
    }
}

impl Arm {
    fn new(width: usize) -> Self {
        let mut inverse = vec![0.0; width * width];
        inverse
            .iter_mut()
            .step_by(width + 1)
            .for_each(|x| *x = 1.0 / RIDGE);
        Self {
            inverse,
            sum: vec![0.0; width],
            times: 0,
        }
    }

    fn times_inverse(&self, x: &[f64]) -> Vec<f64> {
        self.inverse
            .chunks(x.len().max(1))
            .map(|row| dot(row, x))
            .collect()
    }

    /// One more outcome, by the formula of Sherman and Morrison.
    fn learn(&mut self, x: &[f64], better: f64) {
        let spread = self.times_inverse(x);
        let scale = 1.0 + dot(&spread, x);
        for (row, left) in self.inverse.chunks_mut(x.len()).zip(&spread) {
            for (cell, right) in row.iter_mut().zip(&spread) {
                *cell -= left * right / scale;
            }
        }
        self.sum
            .iter_mut()
            .zip(x)
            .for_each(|(sum, x)| *sum += x * better);
        self.times = self.times.saturating_add(1);
    }
}

fn with_constant(context: &[f32]) -> Vec<f64> {
    std::iter::once(1.0)
        .chain(context.iter().map(|x| f64::from(*x)))
        .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
