//! What stands between the products: attention, norms, rotation, gates. Everything is `f32`, row by row.

use crate::Pool;

/// Rows that one thread takes at once.
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

/// `x / rms(x) * weight`, for every row of `x`.
///
/// # Panics
/// If the lengths do not fit.
pub fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
    assert!(x.len() == out.len() && x.len().is_multiple_of(weight.len()));
    let rows = x.chunks_exact(weight.len());
    for (x, out) in rows.zip(out.chunks_exact_mut(weight.len())) {
        // Eight sums side by side, which the compiler turns into vectors.
        let mut sums = [0.0_f32; 8];
        for part in x.chunks(8) {
            for (sum, x) in sums.iter_mut().zip(part) {
                *sum += x * x;
            }
        }
        let mean = sums.iter().sum::<f32>() / x.len() as f32;
        let factor = 1.0 / (mean + epsilon).sqrt();
        for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
            *out = x * factor * weight;
        }
    }
}

/// Adds a bias to every row.
pub fn add_bias(rows: &mut [f32], bias: &[f32]) {
    for row in rows.chunks_exact_mut(bias.len().max(1)) {
        for (x, bias) in row.iter_mut().zip(bias) {
            *x += bias;
        }
    }
}

/// Adds `y` to `x`.
pub fn add(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}

/// Turns every head of a row by its position. `cos` and `sin` hold `dim / 2` numbers for that position.
/// Pairs stand half a head apart, or next to each other where `interleaved`.
pub fn rotate(row: &mut [f32], dim: usize, cos: &[f32], sin: &[f32], interleaved: bool) {
    let half = dim / 2;
    for head in row.chunks_exact_mut(dim) {
        if interleaved {
            for (pair, (cos, sin)) in head.chunks_exact_mut(2).zip(cos.iter().zip(sin)) {
                let (a, b) = (pair[0], pair[1]);
                pair[0] = a * cos - b * sin;
                pair[1] = a * sin + b * cos;
            }
        } else {
            let (low, high) = head.split_at_mut(half);
            for ((a, b), (cos, sin)) in low.iter_mut().zip(high).zip(cos.iter().zip(sin)) {
                let (x, y) = (*a, *b);
                *a = x * cos - y * sin;
                *b = x * sin + y * cos;
            }
        }
    }
}

/// `silu(gate) * up`, into `gate`.
///
/// # Panics
/// If the lengths differ.
pub fn gate(pool: &Pool, gate: &mut [f32], up: &[f32]) {
    assert_eq!(gate.len(), up.len());
    let part = 8192;
    let gates = Shared(gate.as_mut_ptr());
    pool.run(up.len().div_ceil(part), &|chunk| {
        let from = chunk * part;
        let up = &up[from..(from + part).min(up.len())];
        // SAFETY: every chunk has values of its own.
        let gate = unsafe { std::slice::from_raw_parts_mut(gates.at(from), up.len()) };
        #[cfg(target_arch = "x86_64")]
        if crate::x86::supported() {
            // SAFETY: the instructions are there, the lengths are the same.
            unsafe { crate::x86::ops::gate(gate, up) };
            return;
        }
        for (gate, up) in gate.iter_mut().zip(up) {
            *gate *= up / (1.0 + (-*gate).exp());
        }
    });
}

/// Causal attention of `count` new positions, the last of `keys` and `values`.
///
/// `queries` and `out` are `(count, heads.queries * dim)`, `keys` and `values`
/// `(positions, heads.keys * dim)`.
///
/// # Panics
/// If the lengths do not fit.
pub fn attention(
    pool: &Pool,
    heads: Heads,
    queries: &[f32],
    keys: &[f32],
    values: &[f32],
    out: &mut [f32],
) {
    let Heads {
        queries: query_heads,
        keys: key_heads,
        dim,
    } = heads;
    let (wide, narrow) = (query_heads * dim, key_heads * dim);
    let count = queries.len() / wide;
    let positions = keys.len() / narrow;
    assert!(
        queries.len() == out.len()
            && queries.len() == count * wide
            && keys.len() == values.len()
            && keys.len() == positions * narrow
            && positions >= count
            && query_heads.is_multiple_of(key_heads)
    );
    let group = query_heads / key_heads;
    let results = Shared(out.as_mut_ptr());
    let parts = count.div_ceil(CHUNK);
    pool.run(parts * key_heads, &|chunk| {
        let (part, key_head) = (chunk / key_heads, chunk % key_heads);
        let mut scores: Vec<f32> = Vec::with_capacity(positions + 16);
        for row in part * CHUNK..((part + 1) * CHUNK).min(count) {
            let seen = positions - count + row + 1;
            for head in key_head * group..(key_head + 1) * group {
                let at = row * wide + head * dim;
                let query = &queries[at..at + dim];
                // SAFETY: every row and head has a place of its own in `out`.
                let out = unsafe { std::slice::from_raw_parts_mut(results.at(at), dim) };
                let from = key_head * dim;
                one(
                    query,
                    &keys[from..],
                    &values[from..],
                    narrow,
                    seen,
                    &mut scores,
                    out,
                );
            }
        }
    });
}

/// Attention of one query head over `seen` positions that are `stride` values apart.
fn one(
    query: &[f32],
    keys: &[f32],
    values: &[f32],
    stride: usize,
    seen: usize,
    scores: &mut Vec<f32>,
    out: &mut [f32],
) {
    let factor = 1.0 / (query.len() as f32).sqrt();
    scores.clear();
    #[cfg(target_arch = "x86_64")]
    if crate::x86::supported() && query.len().is_multiple_of(16) {
        scores.resize(seen.next_multiple_of(16), 0.0);
        // SAFETY: the instructions are there; `seen` positions are in `keys` and `values`.
        unsafe { crate::x86::ops::attend(query, keys, values, stride, seen, factor, scores, out) };
        return;
    }
    let mut most = f32::NEG_INFINITY;
    for position in 0..seen {
        let key = &keys[position * stride..][..query.len()];
        let score: f32 = query.iter().zip(key).map(|(q, k)| q * k).sum();
        scores.push(score * factor);
        most = most.max(score * factor);
    }
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - most).exp();
        sum += *score;
    }
    out.fill(0.0);
    for (position, score) in scores.iter().enumerate() {
        let value = &values[position * stride..][..query.len()];
        for (out, value) in out.iter_mut().zip(value) {
            *out += score / sum * value;
        }
    }
}

/// A place that several threads write, each other parts of it.
struct Shared(*mut f32);

// SAFETY: see where it is used: the parts are disjoint.
unsafe impl Sync for Shared {}

impl Shared {
    fn at(&self, index: usize) -> *mut f32 {
        self.0.wrapping_add(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(97);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn attention_is_that_of_the_definition() {
        let pool = Pool::new(2);
        for (heads, positions, count) in [
            (
                Heads {
                    queries: 6,
                    keys: 2,
                    dim: 32,
                },
                37,
                5,
            ),
            (
                Heads {
                    queries: 3,
                    keys: 3,
                    dim: 64,
                },
                16,
                16,
            ),
            (
                Heads {
                    queries: 4,
                    keys: 1,
                    dim: 128,
                },
                1,
                1,
            ),
            (
                Heads {
                    queries: 2,
                    keys: 1,
                    dim: 6,
                },
                9,
                2,
            ),
        ] {
            let (wide, narrow) = (heads.queries * heads.dim, heads.keys * heads.dim);
            let queries = numbers(count * wide, 1);
            let keys = numbers(positions * narrow, 2);
            let values = numbers(positions * narrow, 3);
            let mut out = vec![f32::NAN; count * wide];
            attention(&pool, heads, &queries, &keys, &values, &mut out);
            for row in 0..count {
                for head in 0..heads.queries {
                    let key_head = head / (heads.queries / heads.keys);
                    let query = &queries[row * wide + head * heads.dim..][..heads.dim];
                    let of = |from: &[f32], position: usize, d: usize| {
                        f64::from(from[position * narrow + key_head * heads.dim + d])
                    };
                    let seen = positions - count + row + 1;
                    let scores: Vec<f64> = (0..seen)
                        .map(|p| {
                            let dot: f64 = (0..heads.dim)
                                .map(|d| f64::from(query[d]) * of(&keys, p, d))
                                .sum();
                            (dot / (heads.dim as f64).sqrt()).exp()
                        })
                        .collect();
                    let sum: f64 = scores.iter().sum();
                    for d in 0..heads.dim {
                        let wanted: f64 =
                            (0..seen).map(|p| scores[p] / sum * of(&values, p, d)).sum();
                        let got = f64::from(out[row * wide + head * heads.dim + d]);
                        assert!((wanted - got).abs() < 1e-5, "{wanted} {got}");
                    }
                }
            }
        }
    }

    #[test]
    fn gates_are_those_of_the_definition() {
        let mut gates: Vec<f32> = (-200..200).map(|i| i as f32 / 2.0).collect();
        gates.extend([0.1, -0.3, 1e-6]);
        let ups = numbers(gates.len(), 5);
        let wanted: Vec<f32> = gates
            .iter()
            .zip(&ups)
            .map(|(g, u)| (f64::from(*g) / (1.0 + (-f64::from(*g)).exp()) * f64::from(*u)) as f32)
            .collect();
        gate(&Pool::new(1), &mut gates, &ups);
        for (got, wanted) in gates.iter().zip(wanted) {
            assert!(
                (got - wanted).abs() <= wanted.abs() * 2e-6 + 1e-30,
                "{got} {wanted}"
            );
        }
    }

    #[test]
    fn rotation_keeps_lengths_and_norms_are_norms() {
        let row = numbers(8, 4);
        for interleaved in [false, true] {
            let mut turned = row.clone();
            let angle = 0.7_f32;
            rotate(
                &mut turned,
                4,
                &[angle.cos(), 1.0],
                &[angle.sin(), 0.0],
                interleaved,
            );
            let length = |x: &[f32]| x.iter().map(|v| v * v).sum::<f32>();
            assert!((length(&row) - length(&turned)).abs() < 1e-5);
            assert_ne!(row, turned);
        }
        let mut out = vec![0.0; 8];
        rms_norm(&row, &[2.0; 8], 0.0, &mut out);
        let mean = out.iter().map(|v| v * v).sum::<f32>() / 8.0;
        assert!((mean - 4.0).abs() < 1e-4, "{mean}");
    }
}
