//! AdamW (Loshchilov and Hutter 2019), in one pass over each weight.

use candle_core::{Result, Tensor, Var};

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.98;
const EPSILON: f32 = 1e-8;
const DECAY: f32 = 0.01;

/// The moments of one weight.
#[derive(Debug)]
struct Slot {
    var: Var,
    rate: f32,
    decay: f32,
    value: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
}

#[derive(Debug)]
pub(super) struct AdamW {
    slots: Vec<Slot>,
    steps: i32,
}

impl AdamW {
    /// Weights with their learning rates.
    pub(super) fn new<'v>(vars: impl Iterator<Item = (&'v Var, f32)>) -> Result<Self> {
        let slot = |(var, rate): (&Var, f32)| -> Result<Slot> {
            let value = var.flatten_all()?.to_vec1::<f32>()?;
            Ok(Slot {
                // Offsets and norms are not drawn to nothing.
                decay: if var.rank() > 1 { DECAY } else { 0.0 },
                first: vec![0.0; value.len()],
                second: vec![0.0; value.len()],
                var: var.clone(),
                rate,
                value,
            })
        };
        Ok(Self {
            slots: vars.map(slot).collect::<Result<_>>()?,
            steps: 0,
        })
    }

    /// Moves every weight against its gradient, at `pace` of its learning rate; a gradient longer than 1 is shortened.
    pub(super) fn step(&mut self, gradients: &[Vec<f32>], pace: f32) -> Result<()> {
        self.steps += 1;
        let square: f32 = gradients.iter().flatten().map(|g| g * g).sum();
        let shorten = 1.0 / square.sqrt().max(1.0);
        let first = 1.0 - BETA1.powi(self.steps);
        let second = 1.0 - BETA2.powi(self.steps);
        let half = self.slots.len() / 2;
        let work = |slots: &mut [Slot], gradients: &[Vec<f32>]| -> Result<()> {
            for (slot, gradient) in slots.iter_mut().zip(gradients) {
                let rate = slot.rate * pace;
                let moments = slot.first.iter_mut().zip(&mut slot.second);
                for ((x, (m, v)), g) in slot.value.iter_mut().zip(moments).zip(gradient) {
                    let g = g * shorten;
                    *m = BETA1 * *m + (1.0 - BETA1) * g;
                    *v = BETA2 * *v + (1.0 - BETA2) * g * g;
                    let way = (*m / first) / ((*v / second).sqrt() + EPSILON);
                    *x -= rate * (way + slot.decay * *x);
                }
                let shape = slot.var.shape().clone();
                slot.var
                    .set(&Tensor::from_slice(&slot.value, shape, slot.var.device())?)?;
            }
            Ok(())
        };
        let (low, high) = self.slots.split_at_mut(half);
        let (low_g, high_g) = gradients.split_at(half.min(gradients.len()));
        std::thread::scope(|scope| {
            let other = scope.spawn(|| work(high, high_g));
            work(low, low_g)?;
            other
                .join()
                .map_err(|_| candle_core::Error::Msg("a training thread stopped".into()))?
        })
    }

    /// The weights as they are, in order.
    pub(super) fn values(&self) -> Vec<Vec<f32>> {
        self.slots.iter().map(|slot| slot.value.clone()).collect()
    }
}
