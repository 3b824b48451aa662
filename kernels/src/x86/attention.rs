//! Attention with vectors of 16.

use std::arch::x86_64::*;

use super::ops::exp;
use crate::attention::{PAGE, Query, Scratch};

/// One page for all queries of a part: its scores, what they make of the softmax, and its values.
///
/// # Safety
/// The instructions must be there; `dim` must be a multiple of 16; keys and values must be those of one
/// head of a page; `scratch` must have room for its queries, which must lie within `queries`; `filled` is
/// at most [`PAGE`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
pub(crate) unsafe fn page(
    dim: usize,
    queries: &[f32],
    keys: &[u16],
    values: &[u16],
    first: usize,
    filled: usize,
    scratch: &mut Scratch,
) {
    let Scratch {
        queries: states,
        weights,
        mixed,
    } = scratch;
    for (states, weights) in states.chunks_mut(8).zip(weights.chunks_mut(8 * PAGE)) {
        let (q, k, w) = (queries.as_ptr(), keys.as_ptr(), weights.as_mut_ptr());
        // SAFETY: as promised by the caller; as many queries as the function is told.
        unsafe {
            match states.len() {
                8 => score::<8>(dim, q, k, first, states, w),
                7 => score::<7>(dim, q, k, first, states, w),
                6 => score::<6>(dim, q, k, first, states, w),
                5 => score::<5>(dim, q, k, first, states, w),
                4 => score::<4>(dim, q, k, first, states, w),
                3 => score::<3>(dim, q, k, first, states, w),
                2 => score::<2>(dim, q, k, first, states, w),
                _ => score::<1>(dim, q, k, first, states, w),
            }
        }
    }
    let parts = states.chunks(6).zip(weights.chunks(6 * PAGE));
    for ((states, weights), mixed) in parts.zip(mixed.chunks_mut(6 * dim)) {
        let (w, v, to) = (weights.as_ptr(), values.as_ptr(), mixed.as_mut_ptr());
        let mut from = 0;
        while from < dim {
            let wide = dim - from >= 64;
            // SAFETY: as above, and the values from `from` on are there.
            unsafe {
                match (states.len(), wide) {
                    (6, true) => mix::<6, 4>(dim, v, from, filled, states, w, to),
                    (5, true) => mix::<5, 4>(dim, v, from, filled, states, w, to),
                    (4, true) => mix::<4, 4>(dim, v, from, filled, states, w, to),
                    (3, true) => mix::<3, 4>(dim, v, from, filled, states, w, to),
                    (2, true) => mix::<2, 4>(dim, v, from, filled, states, w, to),
                    (_, true) => mix::<1, 4>(dim, v, from, filled, states, w, to),
                    (6, false) => mix::<6, 1>(dim, v, from, filled, states, w, to),
                    (5, false) => mix::<5, 1>(dim, v, from, filled, states, w, to),
                    (4, false) => mix::<4, 1>(dim, v, from, filled, states, w, to),
                    (3, false) => mix::<3, 1>(dim, v, from, filled, states, w, to),
                    (2, false) => mix::<2, 1>(dim, v, from, filled, states, w, to),
                    (_, false) => mix::<1, 1>(dim, v, from, filled, states, w, to),
                }
            }
            from += if wide { 64 } else { 16 };
        }
    }
}

/// Scores of `Q` queries for a page, turned into weights.
///
/// # Safety
/// As [`page`]; there must be `Q` states and room for `Q * PAGE` weights.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn score<const Q: usize>(
    dim: usize,
    queries: *const f32,
    keys: *const u16,
    first: usize,
    states: &mut [Query],
    weights: *mut f32,
) {
    // SAFETY: `dim` values of each query, `dim` lines of 32 keys, weights of `Q` queries.
    unsafe {
        let rows: [*const f32; Q] = std::array::from_fn(|q| queries.wrapping_add(states[q].at));
        let mut sums = [[_mm512_setzero_ps(); 2]; Q];
        for d in 0..dim {
            let line = keys.wrapping_add(d * PAGE);
            let low = _mm512_cvtph_ps(_mm256_loadu_si256(line.cast()));
            let high = _mm512_cvtph_ps(_mm256_loadu_si256(line.wrapping_add(16).cast()));
            for (sums, row) in sums.iter_mut().zip(rows) {
                let q = _mm512_set1_ps(*row.wrapping_add(d));
                sums[0] = _mm512_fmadd_ps(q, low, sums[0]);
                sums[1] = _mm512_fmadd_ps(q, high, sums[1]);
            }
        }
        let factor = _mm512_set1_ps(1.0 / (dim as f32).sqrt());
        for (q, (state, sums)) in states.iter_mut().zip(sums).enumerate() {
            let there = match state.seen.saturating_sub(first) {
                PAGE.. => u32::MAX,
                left => (1 << left) - 1,
            };
            let there = [there as u16, (there >> 16) as u16];
            let least = _mm512_set1_ps(f32::NEG_INFINITY);
            let low = _mm512_mask_mul_ps(least, there[0], sums[0], factor);
            let high = _mm512_mask_mul_ps(least, there[1], sums[1], factor);
            let most = state
                .most
                .max(_mm512_reduce_max_ps(_mm512_max_ps(low, high)));
            let wide = _mm512_set1_ps(most);
            let low = _mm512_maskz_mov_ps(there[0], exp(_mm512_sub_ps(low, wide)));
            let high = _mm512_maskz_mov_ps(there[1], exp(_mm512_sub_ps(high, wide)));
            state.keep = if state.most == most {
                1.0
            } else {
                (state.most - most).exp()
            };
            state.most = most;
            state.sum = state.sum * state.keep + _mm512_reduce_add_ps(_mm512_add_ps(low, high));
            let to = weights.wrapping_add(q * PAGE);
            _mm512_storeu_ps(to, low);
            _mm512_storeu_ps(to.wrapping_add(16), high);
        }
    }
}

/// Adds `16 * P` values, from `from` on, of a page's positions to the results of `Q` queries.
///
/// # Safety
/// As [`page`]; there must be `Q` states, their weights and results.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn mix<const Q: usize, const P: usize>(
    dim: usize,
    values: *const u16,
    from: usize,
    filled: usize,
    states: &[Query],
    weights: *const f32,
    results: *mut f32,
) {
    // SAFETY: values of the filled positions, results of the queries.
    unsafe {
        let place =
            |q: usize, p: usize| -> *mut f32 { results.wrapping_add(q * dim + from + 16 * p) };
        let mut sums: [[__m512; P]; Q] = std::array::from_fn(|q| {
            let keep = _mm512_set1_ps(states[q].keep);
            std::array::from_fn(|p| _mm512_mul_ps(keep, _mm512_loadu_ps(place(q, p))))
        });
        for position in 0..filled {
            let line = values.wrapping_add(position * dim + from);
            let line: [__m512; P] = std::array::from_fn(|p| {
                _mm512_cvtph_ps(_mm256_loadu_si256(line.wrapping_add(16 * p).cast()))
            });
            for (q, sums) in sums.iter_mut().enumerate() {
                let weight = _mm512_set1_ps(*weights.wrapping_add(q * PAGE + position));
                for (sum, value) in sums.iter_mut().zip(line) {
                    *sum = _mm512_fmadd_ps(weight, value, *sum);
                }
            }
        }
        for (q, sums) in sums.into_iter().enumerate() {
            for (p, sum) in sums.into_iter().enumerate() {
                _mm512_storeu_ps(place(q, p), sum);
            }
        }
    }
}
