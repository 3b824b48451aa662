//! Products of rows and packed weights, with what comes right after: bias, GELU, or the sum with what was before.

use std::arch::x86_64::*;

use super::block::{Block, Ready, Unit, multiply};
use super::lines::{BLOCK, HEIGHT, Line, Lines, SharedLines, WIDTH, round};
use super::ops;
use crate::Pool;
use crate::encoder::Linear;
use crate::ops::Shared;

/// Rows that one thread multiplies with the same weights before it goes on to the next: as many as stay in the
/// second cache.
const ROWS: usize = 256;
/// Parts that the weights are cut into for a few rows, so that every thread has some.
const PARTS: usize = 8;

/// Weights in panels of 32 outputs, each the tiles of its inputs.
pub(super) struct Dense {
    inputs: usize,
    bias: Vec<f32>,
    lines: Vec<Line>,
}

/// What becomes of the products and their bias.
pub(super) enum End<'a> {
    /// They are rounded.
    Lines(&'a mut Lines),
    /// They go through GELU and are rounded.
    Gelu(&'a mut Lines),
    /// They are added, `(rows, outputs)`.
    Add(&'a mut [f32]),
}

/// The same for a thread.
enum Place {
    Lines(SharedLines),
    Gelu(SharedLines),
    Add(Shared),
}

/// Part of the product: some rows and some panels.
struct Part {
    rows: std::ops::Range<usize>,
    panels: std::ops::Range<usize>,
}

impl Dense {
    /// Packs matrices one behind the other, each times its factor. Lengths must have been checked.
    pub(super) fn pack(parts: &[(&Linear, f32)], inputs: usize) -> Self {
        let mut bias = Vec::new();
        let mut lines = Vec::new();
        for (linear, factor) in parts {
            bias.extend(linear.bias.iter().map(|bias| bias * factor));
            for panel in linear.weight.chunks_exact(BLOCK * inputs) {
                for from in (0..inputs).step_by(WIDTH) {
                    for outputs in panel.chunks_exact(HEIGHT * inputs) {
                        lines.extend((0..HEIGHT).map(|pair| {
                            let mut line = Line::ZERO;
                            let rows = outputs.chunks_exact(inputs);
                            for (to, row) in line.0.chunks_exact_mut(2).zip(rows) {
                                let at = from + 2 * pair;
                                to[0] = round(row[at] * factor);
                                to[1] = round(row[at + 1] * factor);
                            }
                            line
                        }));
                    }
                }
            }
        }
        Self {
            inputs,
            bias,
            lines,
        }
    }

    /// Multiplies every row of `x`.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub(super) fn run(&self, pool: &Pool, unit: Unit, x: &Lines, end: End<'_>) {
        let rows = x.rows();
        assert_eq!(x.tiles() * WIDTH, self.inputs, "rows of another length");
        let place = self.place(rows, end);
        let panels = self.bias.len() / BLOCK;
        let share = panels.div_ceil(PARTS);
        let mut parts = Vec::new();
        for row in (0..rows).step_by(ROWS) {
            for panel in (0..panels).step_by(share) {
                parts.push(Part {
                    rows: row..(row + ROWS).min(rows),
                    panels: panel..(panel + share).min(panels),
                });
            }
        }
        pool.run(parts.len(), &|index| {
            // SAFETY: the instructions are there, since a stack was made; every part has results of its own, for
            // which there is room.
            unsafe {
                match unit.native() {
                    true => self.part::<true>(unit, x, &parts[index], &place),
                    false => self.part::<false>(unit, x, &parts[index], &place),
                }
            }
        });
    }

    fn place(&self, rows: usize, end: End<'_>) -> Place {
        let outputs = self.bias.len();
        let checked = |lines: &mut Lines| {
            let there = (lines.rows(), lines.tiles() * WIDTH);
            assert_eq!(there, (rows, outputs), "no room for the products");
            lines.shared()
        };
        match end {
            End::Lines(lines) => Place::Lines(checked(lines)),
            End::Gelu(lines) => Place::Gelu(checked(lines)),
            End::Add(values) => {
                assert_eq!(values.len(), rows * outputs, "no room for the products");
                Place::Add(Shared(values.as_mut_ptr()))
            }
        }
    }

    /// # Safety
    /// The instructions of `unit` must be there, and `place` have room for the part.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
    unsafe fn part<const NATIVE: bool>(&self, unit: Unit, x: &Lines, part: &Part, place: &Place) {
        let steps = x.tiles();
        let mut block = Block::ZERO;
        // SAFETY: the unit is there.
        let _ready = unsafe { Ready::new(unit) };
        for panel in part.panels.clone() {
            let columns = self.lines[panel * steps * BLOCK..].as_ptr();
            for row in part.rows.clone().step_by(BLOCK) {
                let height = (part.rows.end - row).min(BLOCK);
                // SAFETY: a block of whole tiles, all tiles of a panel, and room for their products.
                unsafe {
                    let to = block.0.as_mut_ptr().cast();
                    multiply(unit, x.tile(row), columns, steps, height, to, BLOCK);
                    self.end::<NATIVE>(&block, row, height, panel, place);
                }
            }
        }
    }

    /// # Safety
    /// As [`Self::part`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
    unsafe fn end<const NATIVE: bool>(
        &self,
        block: &Block,
        row: usize,
        height: usize,
        panel: usize,
        place: &Place,
    ) {
        // SAFETY: a panel's bias; rows of results that are there.
        unsafe {
            let bias = self.bias[panel * BLOCK..].as_ptr();
            let bias = [
                _mm512_loadu_ps(bias),
                _mm512_loadu_ps(bias.wrapping_add(16)),
            ];
            for (row, sums) in (row..).zip(block.0.iter().take(height)) {
                let sums = sums.as_ptr();
                let low = _mm512_add_ps(_mm512_load_ps(sums), bias[0]);
                let high = _mm512_add_ps(_mm512_load_ps(sums.wrapping_add(16)), bias[1]);
                match place {
                    Place::Lines(lines) => {
                        let line = ops::round::<NATIVE>(low, high);
                        _mm512_store_si512(lines.line(row, panel).cast(), line);
                    }
                    Place::Gelu(lines) => {
                        let line = ops::round::<NATIVE>(ops::gelu(low), ops::gelu(high));
                        _mm512_store_si512(lines.line(row, panel).cast(), line);
                    }
                    Place::Add(values) => {
                        let to = values.at(row * self.bias.len() + panel * BLOCK);
                        let next = to.wrapping_add(16);
                        _mm512_storeu_ps(to, _mm512_add_ps(_mm512_loadu_ps(to), low));
                        _mm512_storeu_ps(next, _mm512_add_ps(_mm512_loadu_ps(next), high));
                    }
                }
            }
        }
    }
}
