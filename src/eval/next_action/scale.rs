//! Signs on a common scale.

/// Spread below which a sign counts as never changing.
const UNCHANGED: f32 = 1e-4;

/// Mean and spread of signs.
#[derive(Debug)]
pub(super) struct Scale {
    mean: Vec<f32>,
    spread: Vec<f32>,
}

impl Scale {
    pub(super) fn of<'a>(
        rows: impl Iterator<Item = &'a [f32]> + Clone,
        width: usize,
        floor: f32,
    ) -> Self {
        let count = rows.clone().count().max(1) as f64;
        let mut sums = vec![0.0_f64; width];
        for row in rows.clone() {
            sums.iter_mut()
                .zip(row)
                .for_each(|(sum, x)| *sum += f64::from(*x));
        }
        let mean: Vec<f64> = sums.into_iter().map(|sum| sum / count).collect();
        let mut squares = vec![0.0_f64; width];
        for row in rows {
            for ((sum, x), mean) in squares.iter_mut().zip(row).zip(&mean) {
                *sum += (f64::from(*x) - mean).powi(2);
            }
        }
        Self {
            mean: mean.into_iter().map(|mean| mean as f32).collect(),
            spread: squares
                .into_iter()
                .map(|sum| match (sum / count).sqrt() as f32 {
                    // What never changed in training says nothing.
                    none if none < UNCHANGED => f32::INFINITY,
                    spread => spread + floor,
                })
                .collect(),
        }
    }

    pub(super) fn apply(&self, row: &[f32], out: &mut Vec<f32>) {
        let scaled = row.iter().zip(&self.mean).zip(&self.spread);
        out.extend(scaled.map(|((x, mean), spread)| (x - mean) / spread));
    }

    /// Weights for signs as they are, and what they add when all signs are at their mean.
    pub(super) fn undo(&self, weights: &mut [f32], offset: &mut [f32]) {
        let width = offset.len();
        let rows = weights.chunks_exact_mut(width);
        for ((row, mean), spread) in rows.zip(&self.mean).zip(&self.spread) {
            for (weight, offset) in row.iter_mut().zip(offset.iter_mut()) {
                *weight /= spread;
                *offset -= *weight * mean;
            }
        }
    }
}
