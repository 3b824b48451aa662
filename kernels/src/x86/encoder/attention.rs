//! Attention of every token to all tokens of its text, a head of a text at a time.

use std::arch::x86_64::*;
use std::cell::RefCell;

use super::block::{Block, Ready, Unit, multiply};
use super::lines::{BLOCK, HEIGHT, Line, Lines, SharedLines, WIDTH};
use super::ops;
use crate::Pool;

/// How the columns of queries, keys and values are shared out.
#[derive(Clone, Copy)]
pub(super) struct Heads {
    pub(super) count: usize,
    /// Lines of a head in each row.
    pub(super) tiles: usize,
}

/// What one head of one text needs, kept between calls.
#[derive(Default)]
struct Scratch {
    /// Tiles of 32 queries.
    queries: Vec<Line>,
    /// Panels of 32 keys, each the tiles of its values.
    keys: Vec<Line>,
    /// Panels of 32 values, each the tiles of all tokens.
    values: Vec<Line>,
    /// Scores of 32 queries for all keys.
    scores: Vec<f32>,
    /// What they are as weights: tiles of 32 queries.
    weights: Vec<Line>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// One head of one text.
struct Task<'a> {
    heads: Heads,
    head: usize,
    /// The text's first row, and how many it has.
    start: usize,
    count: usize,
    looks: &'a Lines,
}

/// `softmax(queries * keys^T) * values` for every head of every text. `looks` has queries, keys and values side by
/// side; the scores are powers of two.
pub(super) fn attention(
    pool: &Pool,
    unit: Unit,
    heads: Heads,
    starts: &[usize],
    lengths: &[usize],
    looks: &Lines,
    out: &mut Lines,
) {
    assert_eq!(looks.tiles(), 3 * heads.count * heads.tiles, "other heads");
    assert_eq!((out.rows(), 3 * out.tiles()), (looks.rows(), looks.tiles()));
    let out = out.shared();
    pool.run(lengths.len() * heads.count, &|index| {
        let text = index / heads.count;
        let task = Task {
            heads,
            head: index % heads.count,
            start: starts[text],
            count: lengths[text],
            looks,
        };
        if task.count == 0 {
            return;
        }
        SCRATCH.with_borrow_mut(|scratch| {
            task.prepare(scratch);
            // SAFETY: the instructions are there, since a stack was made; every head of a text has lines of its own.
            unsafe {
                match unit.native() {
                    true => task.run::<true>(unit, scratch, out),
                    false => task.run::<false>(unit, scratch, out),
                }
            }
        });
    });
}

impl Task<'_> {
    /// Lines of the head in a row of queries (0), keys (1) or values (2).
    fn line(&self, row: usize, part: usize, tile: usize) -> &Line {
        let tile = (part * self.heads.count + self.head) * self.heads.tiles + tile;
        self.looks.line(self.start + row, tile)
    }

    /// Room for everything, keys and values in the order of weights. What is behind the last token is zero.
    fn prepare(&self, scratch: &mut Scratch) {
        let tiles = self.heads.tiles;
        let panels = self.count.div_ceil(BLOCK);
        let lines = panels * BLOCK * tiles;
        scratch.queries.resize(BLOCK * tiles, Line::ZERO);
        scratch.scores.resize(BLOCK * panels * BLOCK, 0.0);
        scratch.weights.resize(BLOCK * panels, Line::ZERO);
        scratch.keys.resize(lines, Line::ZERO);
        scratch.values.resize(lines, Line::ZERO);
        // The last panel may not be filled.
        let last = (panels - 1) * BLOCK * tiles;
        scratch.keys[last..].fill(Line::ZERO);
        for row in 0..self.count {
            for tile in 0..tiles {
                let half = row / HEIGHT % 2;
                let at = ((row / BLOCK * tiles + tile) * 2 + half) * HEIGHT;
                let line = self.line(row, 1, tile);
                for (pair, to) in line.0.chunks_exact(2).zip(&mut scratch.keys[at..]) {
                    let at = 2 * (row % HEIGHT);
                    to.0[at..at + 2].copy_from_slice(pair);
                }
            }
        }
        for tile in 0..tiles {
            for pair in 0..panels * BLOCK / 2 {
                let row = |row: usize| match row < self.count {
                    true => self.line(row, 2, tile),
                    false => &Line::ZERO,
                };
                let rows = [row(2 * pair), row(2 * pair + 1)];
                let at = ((tile * panels + pair / HEIGHT) * 2) * HEIGHT + pair % HEIGHT;
                for half in 0..2 {
                    let to = &mut scratch.values[at + half * HEIGHT].0;
                    for (column, to) in to.chunks_exact_mut(2).enumerate() {
                        to[0] = rows[0].0[half * 16 + column];
                        to[1] = rows[1].0[half * 16 + column];
                    }
                }
            }
        }
    }

    /// # Safety
    /// The instructions of `unit` must be there, `scratch` be prepared, and `out` have the text's rows.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
    unsafe fn run<const NATIVE: bool>(&self, unit: Unit, scratch: &mut Scratch, out: SharedLines) {
        let tiles = self.heads.tiles;
        let panels = self.count.div_ceil(BLOCK);
        let wide = panels * BLOCK;
        // SAFETY: the unit is there.
        let _ready = unsafe { Ready::new(unit) };
        for first in (0..self.count).step_by(BLOCK) {
            let height = (self.count - first).min(BLOCK);
            for row in 0..height {
                for tile in 0..tiles {
                    let at = (row / HEIGHT * tiles + tile) * HEIGHT + row % HEIGHT;
                    scratch.queries[at] = *self.line(first + row, 0, tile);
                }
            }
            for panel in 0..panels {
                let keys = scratch.keys[panel * BLOCK * tiles..].as_ptr();
                let to = scratch.scores[panel * BLOCK..].as_mut_ptr();
                // SAFETY: as prepared.
                unsafe {
                    multiply(
                        unit,
                        scratch.queries.as_ptr(),
                        keys,
                        tiles,
                        height,
                        to,
                        wide,
                    )
                };
            }
            let mut sums = [0.0; BLOCK];
            let rows = scratch.scores.chunks_exact(wide).take(height);
            for ((row, scores), sum) in rows.enumerate().zip(&mut sums) {
                let at = row / HEIGHT * panels * HEIGHT + row % HEIGHT;
                // SAFETY: scores and weights of a row.
                *sum = unsafe {
                    let weights = scratch.weights[at..].as_mut_ptr();
                    softmax::<NATIVE>(scores, self.count, weights)
                };
            }
            let weights = scratch.weights.as_ptr();
            for tile in 0..tiles {
                let values = scratch.values[tile * panels * BLOCK..].as_ptr();
                let mut block = Block::ZERO;
                let to = block.0.as_mut_ptr().cast();
                // SAFETY: as prepared; lines of this head.
                unsafe {
                    multiply(unit, weights, values, panels, height, to, BLOCK);
                    for (row, (mixed, sum)) in block.0.iter().zip(sums).take(height).enumerate() {
                        let mixed = mixed.as_ptr();
                        let factor = _mm512_set1_ps(1.0 / sum);
                        let low = _mm512_mul_ps(_mm512_load_ps(mixed), factor);
                        let high = _mm512_mul_ps(_mm512_load_ps(mixed.wrapping_add(16)), factor);
                        let to = out.line(self.start + first + row, self.head * tiles + tile);
                        _mm512_store_si512(to.cast(), ops::round::<NATIVE>(low, high));
                    }
                }
            }
        }
    }
}

/// Turns the first `count` scores of a row into weights, the others into zeros; returns the sum of the weights.
///
/// # Safety
/// There must be a line of weights, each [`HEIGHT`] on from the one before, for every 32 scores.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn softmax<const NATIVE: bool>(scores: &[f32], count: usize, weights: *mut Line) -> f32 {
    let from = scores.as_ptr();
    let there = |at: usize| match count.saturating_sub(at) {
        16.. => u16::MAX,
        left => (1 << left) - 1,
    };
    // SAFETY: within the row; lines as promised by the caller.
    unsafe {
        let least = _mm512_set1_ps(f32::NEG_INFINITY);
        let mut most = [least; 2];
        for at in (0..scores.len()).step_by(WIDTH) {
            for (side, most) in most.iter_mut().enumerate() {
                let at = at + 16 * side;
                let score = _mm512_mask_loadu_ps(least, there(at), from.wrapping_add(at));
                *most = _mm512_max_ps(*most, score);
            }
        }
        let most = _mm512_set1_ps(_mm512_reduce_max_ps(_mm512_max_ps(most[0], most[1])));
        let mut total = [_mm512_setzero_ps(); 2];
        for (step, at) in (0..scores.len()).step_by(WIDTH).enumerate() {
            let mut sides = [_mm512_setzero_ps(); 2];
            for (side, weight) in sides.iter_mut().enumerate() {
                let at = at + 16 * side;
                let score = _mm512_loadu_ps(from.wrapping_add(at));
                let power = ops::exp2(_mm512_sub_ps(score, most));
                *weight = _mm512_maskz_mov_ps(there(at), power);
                total[side] = _mm512_add_ps(total[side], *weight);
            }
            let line = weights.wrapping_add(step * HEIGHT);
            _mm512_store_si512(line.cast(), ops::round::<NATIVE>(sides[0], sides[1]));
        }
        _mm512_reduce_add_ps(_mm512_add_ps(total[0], total[1]))
    }
}
