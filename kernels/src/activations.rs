//! Activations as 8-bit integers, 256 to a scale: what the products read.

use std::sync::{Mutex, PoisonError};

use crate::{BLOCK, Pool};

/// Values whose sum is kept: the offset of a weight is multiplied by it.
pub(crate) const SUM: usize = 16;
/// Blocks that one thread takes at once.
const PART: usize = 64;
/// The matrix unit reads this many rows at once, so that many are there.
const TILE: usize = 16;

/// A cache line of values; loads across two lines cost twice.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [i8; 64]);

impl Line {
    pub(crate) const ZERO: Self = Self([0; 64]);
}

/// Rows of activations, each value `scale * q` with `q` from -127 to 127.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Activations {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    /// `(rows, cols)`, and rows of zeros up to a multiple of 16.
    values: Vec<Line>,
    /// `(rows, cols / BLOCK)`.
    pub(crate) scales: Vec<f32>,
    /// `(rows, cols / SUM)`: sums of 16 values.
    pub(crate) sums: Vec<i16>,
    /// `(rows, cols / SUM / 2)`: sums of 32 values.
    pub(crate) pairs: Vec<i16>,
    /// `(rows, cols / BLOCK)`: sums of a block's values.
    pub(crate) totals: Vec<i32>,
}

impl Activations {
    /// Takes rows of `cols` values each; `cols` must be a multiple of [`BLOCK`]. What was held before
    /// goes, its memory stays.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn take(&mut self, pool: &Pool, values: &[f32], cols: usize) {
        assert!(
            cols > 0 && cols.is_multiple_of(BLOCK) && values.len().is_multiple_of(cols),
            "{} values are no rows of {cols}",
            values.len()
        );
        self.rows = values.len() / cols;
        self.cols = cols;
        let used = values.len() / 64;
        let lines = self.rows.next_multiple_of(TILE) * cols / 64;
        self.values.resize(lines, Line::ZERO);
        self.values[used..].fill(Line::ZERO);
        self.scales.resize(values.len() / BLOCK, 0.0);
        self.sums.resize(values.len() / SUM, 0);
        self.pairs.resize(values.len() / SUM / 2, 0);
        self.totals.resize(values.len() / BLOCK, 0);
        let parts = values
            .chunks(PART * BLOCK)
            .zip(self.values.chunks_mut(PART * BLOCK / 64))
            .zip(self.scales.chunks_mut(PART))
            .zip(self.sums.chunks_mut(PART * BLOCK / SUM))
            .zip(self.pairs.chunks_mut(PART * BLOCK / SUM / 2))
            .zip(self.totals.chunks_mut(PART));
        // Each part is taken by one thread, whichever comes first.
        let parts: Vec<_> = parts.map(|part| Mutex::new(Some(part))).collect();
        pool.run(parts.len(), &|index| {
            let part = parts[index]
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            let Some((((((from, to), scales), sums), pairs), totals)) = part else {
                return;
            };
            let blocks = from
                .chunks_exact(BLOCK)
                .zip(to.chunks_exact_mut(BLOCK / 64))
                .zip(scales)
                .zip(sums.chunks_exact_mut(BLOCK / SUM))
                .zip(pairs.chunks_exact_mut(BLOCK / SUM / 2))
                .zip(totals);
            for (((((from, to), scale), sums), pairs), total) in blocks {
                *scale = block(from, to, sums);
                for (pair, sums) in pairs.iter_mut().zip(sums.chunks_exact(2)) {
                    *pair = sums[0] + sums[1];
                }
                *total = sums.iter().copied().map(i32::from).sum();
            }
        });
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The first value.
    pub(crate) fn values(&self) -> *const i8 {
        self.values.as_ptr().cast()
    }

    /// A value as a number again.
    #[cfg(test)]
    pub(crate) fn value(&self, row: usize, col: usize) -> f32 {
        let at = row * self.cols + col;
        f32::from(self.values[at / 64].0[at % 64]) * self.scales[at / BLOCK]
    }
}

fn block(from: &[f32], to: &mut [Line], sums: &mut [i16]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    if crate::x86::supported() {
        // SAFETY: the instructions are there, and all three hold one block.
        return unsafe { crate::x86::quantise(from, to.as_mut_ptr().cast(), sums) };
    }
    plain(from, to, sums)
}

/// The same without vector instructions.
pub(crate) fn plain(from: &[f32], to: &mut [Line], sums: &mut [i16]) -> f32 {
    let most = from.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    // What is no number has no largest value either; it gives zeros and not a crash.
    if most <= 0.0 || !most.is_finite() {
        to.fill(Line::ZERO);
        sums.fill(0);
        return 0.0;
    }
    let factor = 127.0 / most;
    for (line, from) in to.iter_mut().zip(from.chunks_exact(64)) {
        for (to, from) in line.0.iter_mut().zip(from) {
            *to = (from * factor).round_ties_even() as i8;
        }
    }
    let values = to.iter().flat_map(|line| line.0.chunks_exact(SUM));
    for (sum, values) in sums.iter_mut().zip(values) {
        *sum = values.iter().map(|&q| i16::from(q)).sum();
    }
    most / 127.0
}
