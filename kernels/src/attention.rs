//! Causal attention of several sequences at once, over keys and values in half precision.
//!
//! Keys and values lie in pages of [`PAGE`] positions, so that sequences with a common beginning share its
//! pages. One pass over a page serves all query heads of a key head and several positions; the softmax is
//! kept up to date from page to page (Milakov and Gimelshein 2018, "Online normalizer calculation").

use std::cell::RefCell;

use crate::Pool;
use crate::ops::Shared;

/// Positions of a page.
pub const PAGE: usize = 32;
/// New positions that one thread takes at once.
const CHUNK: usize = 8;

/// Sizes of attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// Query heads.
    pub queries: usize,
    /// Key and value heads; each serves `queries / keys` query heads.
    pub keys: usize,
    /// Values of a head.
    pub dim: usize,
}

impl Heads {
    /// Numbers of a page of one layer: keys `(keys, dim, PAGE)`, then values `(keys, PAGE, dim)`.
    pub fn page_len(self) -> usize {
        2 * self.keys * self.head_len()
    }

    fn head_len(self) -> usize {
        self.dim * PAGE
    }
}

/// One sequence and its new positions, whose keys and values are written already.
#[derive(Clone, Debug)]
pub struct Sequence<'a> {
    /// Pages of one layer, in order; the last may be filled in part.
    pub pages: Vec<&'a [u16]>,
    /// Positions that are filled, the new ones included.
    pub positions: usize,
    /// New positions, the last ones.
    pub count: usize,
}

/// Writes key and value of a position, each `heads.keys * heads.dim` long, to place `at` of a page.
///
/// # Panics
/// If the lengths do not fit.
pub fn write(heads: Heads, page: &mut [u16], at: usize, key: &[f32], value: &[f32]) {
    let width = heads.keys * heads.dim;
    assert!(page.len() == heads.page_len() && at < PAGE);
    assert!(key.len() == width && value.len() == width);
    let (keys, values) = page.split_at_mut(width * PAGE);
    for (places, key) in keys.chunks_exact_mut(PAGE).zip(key) {
        places[at] = to_half(*key);
    }
    let rows = value.chunks_exact(heads.dim);
    for (places, row) in values.chunks_exact_mut(heads.head_len()).zip(rows) {
        for (place, value) in places[at * heads.dim..].iter_mut().zip(row) {
            *place = to_half(*value);
        }
    }
}

/// Attention of the new positions of every sequence. `queries` and `out` are
/// `(new positions of all sequences, heads.queries * heads.dim)`.
///
/// # Panics
/// If the lengths do not fit.
pub fn attention(
    pool: &Pool,
    heads: Heads,
    sequences: &[Sequence<'_>],
    queries: &[f32],
    out: &mut [f32],
) {
    let wide = heads.queries * heads.dim;
    let count: usize = sequences.iter().map(|s| s.count).sum();
    assert!(heads.keys > 0 && heads.queries.is_multiple_of(heads.keys));
    assert!(queries.len() == count * wide && out.len() == queries.len());
    let mut parts = Vec::new();
    let mut first = 0;
    for sequence in sequences {
        assert!(
            sequence.count <= sequence.positions
                && sequence.positions <= sequence.pages.len() * PAGE
                && sequence.pages.iter().all(|p| p.len() == heads.page_len())
        );
        for row in (0..sequence.count).step_by(CHUNK) {
            parts.push(Part {
                sequence,
                row: first + row,
                seen: sequence.positions - sequence.count + row + 1,
                rows: (sequence.count - row).min(CHUNK),
            });
        }
        first += sequence.count;
    }
    // The longest first, so that no thread is left with one of them at the end.
    parts.sort_by_key(|part| std::cmp::Reverse(part.seen));
    let results = Shared(out.as_mut_ptr());
    pool.run(parts.len() * heads.keys, &|chunk| {
        let (head, part) = (chunk / parts.len(), &parts[chunk % parts.len()]);
        SCRATCH.with_borrow_mut(|scratch| part.attend(heads, head, queries, &results, scratch));
    });
}

/// Some consecutive new positions of a sequence.
struct Part<'a> {
    sequence: &'a Sequence<'a>,
    /// The first of them among all rows.
    row: usize,
    /// Positions that the first of them sees.
    seen: usize,
    rows: usize,
}

/// One query of a part, and what is known of its softmax so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query {
    /// Where it begins, and where its result goes.
    pub(crate) at: usize,
    /// Positions it sees.
    pub(crate) seen: usize,
    /// The largest score so far.
    pub(crate) most: f32,
    /// The sum of the weights so far.
    pub(crate) sum: f32,
    /// What the results so far are to be multiplied by.
    pub(crate) keep: f32,
}

/// Room for a part; kept between calls.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) queries: Vec<Query>,
    /// `(queries, PAGE)`: the weights of a page's positions.
    pub(crate) weights: Vec<f32>,
    /// `(queries, dim)`: the results so far.
    pub(crate) mixed: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Part<'_> {
    fn attend(
        &self,
        heads: Heads,
        head: usize,
        queries: &[f32],
        out: &Shared,
        scratch: &mut Scratch,
    ) {
        let group = heads.queries / heads.keys;
        scratch.queries.clear();
        for row in 0..self.rows {
            let at = (self.row + row) * heads.queries + head * group;
            scratch.queries.extend((at..at + group).map(|at| Query {
                at: at * heads.dim,
                seen: self.seen + row,
                most: f32::NEG_INFINITY,
                sum: 0.0,
                keep: 0.0,
            }));
        }
        let count = scratch.queries.len();
        scratch.weights.resize(count * PAGE, 0.0);
        scratch.mixed.clear();
        scratch.mixed.resize(count * heads.dim, 0.0);
        let last = self.seen + self.rows - 1;
        for (number, page) in self.sequence.pages.iter().enumerate() {
            let first = number * PAGE;
            if first >= last {
                break;
            }
            let keys = &page[head * heads.head_len()..][..heads.head_len()];
            let values = &page[(heads.keys + head) * heads.head_len()..][..heads.head_len()];
            let filled = (last - first).min(PAGE);
            #[cfg(target_arch = "x86_64")]
            if crate::x86::supported() && heads.dim.is_multiple_of(16) {
                // SAFETY: the instructions are there; page and scratch have the lengths they must have.
                unsafe {
                    crate::x86::attention::page(
                        heads.dim, queries, keys, values, first, filled, scratch,
                    );
                }
                continue;
            }
            plain_page(heads.dim, queries, keys, values, first, filled, scratch);
        }
        for (query, mixed) in scratch
            .queries
            .iter()
            .zip(scratch.mixed.chunks_exact(heads.dim))
        {
            // SAFETY: every query has a place of its own in `out`.
            let out = unsafe { std::slice::from_raw_parts_mut(out.at(query.at), heads.dim) };
            for (out, mixed) in out.iter_mut().zip(mixed) {
                *out = mixed / query.sum;
            }
        }
    }
}

/// One page for all queries of a part, without vector instructions.
fn plain_page(
    dim: usize,
    queries: &[f32],
    keys: &[u16],
    values: &[u16],
    first: usize,
    filled: usize,
    scratch: &mut Scratch,
) {
    let factor = 1.0 / (dim as f32).sqrt();
    let rows = scratch.weights.chunks_exact_mut(PAGE);
    let results = scratch.mixed.chunks_exact_mut(dim);
    for ((query, weights), mixed) in scratch.queries.iter_mut().zip(rows).zip(results) {
        let filled = filled.min(query.seen.saturating_sub(first));
        weights.fill(0.0);
        for (q, keys) in queries[query.at..].iter().zip(keys.chunks_exact(PAGE)) {
            for (weight, key) in weights.iter_mut().zip(keys) {
                *weight += q * from_half(*key);
            }
        }
        let scores = weights[..filled].iter().map(|score| score * factor);
        let most = scores.fold(query.most, f32::max);
        query.keep = (query.most - most).exp();
        query.most = most;
        query.sum *= query.keep;
        for mixed in mixed.iter_mut() {
            *mixed *= query.keep;
        }
        for (weight, row) in weights[..filled].iter().zip(values.chunks_exact(dim)) {
            let weight = (weight * factor - most).exp();
            query.sum += weight;
            for (mixed, value) in mixed.iter_mut().zip(row) {
                *mixed += weight * from_half(*value);
            }
        }
    }
}

/// To half precision, the nearest; what is too large becomes the largest.
fn to_half(x: f32) -> u16 {
    let bits = x.to_bits();
    let sign = ((bits >> 16) & 0x8000) as u16;
    let magnitude = f32::from_bits(bits & 0x7fff_ffff).min(65_504.0);
    if magnitude < 6.103_515_6e-5 {
        // Below the smallest normal number: steps of 2^-24.
        return sign | (magnitude * 16_777_216.0).round_ties_even() as u16;
    }
    let bits = magnitude.to_bits();
    // To even: half a step, and one more where the last bit that stays is set.
    let rounded = bits + 0x0fff + ((bits >> 13) & 1);
    sign | ((rounded >> 13) - (112 << 10)) as u16
}

/// From half precision; there are no infinities here.
fn from_half(bits: u16) -> f32 {
    let bits = u32::from(bits);
    // The exponent's offset is put right by a product, which also reads the tiny ones.
    let magnitude = f32::from_bits((bits & 0x7fff) << 13) * f32::from_bits(239 << 23);
    f32::from_bits(magnitude.to_bits() | ((bits & 0x8000) << 16))
}

#[cfg(test)]
mod tests;
