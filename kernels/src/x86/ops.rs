//! Attention and gates with vectors of 16.

use std::arch::x86_64::*;

/// e to the power of each.
///
/// 2^n by the exponent, the rest by a polynomial of degree 5; the tests allow gates to be off by 2e-6.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma,f16c")]
fn exp(x: __m512) -> __m512 {
    let x = _mm512_min_ps(
        _mm512_max_ps(x, _mm512_set1_ps(-87.0)),
        _mm512_set1_ps(88.0),
    );
    let n = _mm512_roundscale_ps::<0>(_mm512_mul_ps(x, _mm512_set1_ps(std::f32::consts::LOG2_E)));
    // ln 2 in two parts, so that nothing is lost.
    let r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693_359_4), x);
    let r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.121_944_4e-4), r);
    let mut y = _mm512_set1_ps(1.987_569_1e-4);
    for factor in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ] {
        y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(factor));
    }
    let y = _mm512_fmadd_ps(
        y,
        _mm512_mul_ps(r, r),
        _mm512_add_ps(r, _mm512_set1_ps(1.0)),
    );
    _mm512_scalef_ps(y, n)
}

/// `silu(gate) * up`, into `gate`.
///
/// # Safety
/// The instructions must be there, and the lengths the same.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma,f16c")]
pub(crate) unsafe fn gate(gate: &mut [f32], up: &[f32]) {
    let one = _mm512_set1_ps(1.0);
    for at in (0..up.len()).step_by(16) {
        let mask = mask(up.len() - at);
        // SAFETY: masked to what is there.
        unsafe {
            let to = gate.as_mut_ptr().wrapping_add(at);
            let x = _mm512_maskz_loadu_ps(mask, to);
            let y = _mm512_maskz_loadu_ps(mask, up.as_ptr().wrapping_add(at));
            let below = _mm512_add_ps(one, exp(_mm512_sub_ps(_mm512_setzero_ps(), x)));
            let value = _mm512_div_ps(_mm512_mul_ps(x, y), below);
            _mm512_mask_storeu_ps(to, mask, value);
        }
    }
}

/// The lowest `left` of 16.
fn mask(left: usize) -> u16 {
    match left {
        16.. => u16::MAX,
        _ => (1 << left) - 1,
    }
}

/// Attention of one query over `seen` positions, `stride` values apart in `keys` and `values`.
///
/// # Safety
/// The instructions must be there; the query's length must be a multiple of 16; `keys` and `values`
/// must have `seen` positions, `scores` as many rounded up to 16, `out` the query's length.
#[allow(clippy::too_many_arguments)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma,f16c")]
pub(crate) unsafe fn attend(
    query: &[f32],
    keys: &[f32],
    values: &[f32],
    stride: usize,
    seen: usize,
    factor: f32,
    scores: &mut [f32],
    out: &mut [f32],
) {
    let dim = query.len();
    // SAFETY: positions below `seen` only; the last ones stand in for those that are missing.
    unsafe {
        let mut most = _mm512_set1_ps(f32::NEG_INFINITY);
        for first in (0..seen).step_by(16) {
            let mut sums = [_mm512_setzero_ps(); 16];
            let rows: [*const f32; 16] = std::array::from_fn(|i| {
                keys.as_ptr()
                    .wrapping_add((first + i).min(seen - 1) * stride)
            });
            for d in (0..dim).step_by(16) {
                let q = _mm512_loadu_ps(query.as_ptr().wrapping_add(d));
                for (sum, row) in sums.iter_mut().zip(rows) {
                    *sum = _mm512_fmadd_ps(q, _mm512_loadu_ps(row.wrapping_add(d)), *sum);
                }
            }
            let dots = _mm512_mul_ps(totals(sums), _mm512_set1_ps(factor));
            let there = mask(seen - first);
            most = _mm512_mask_max_ps(most, there, most, dots);
            _mm512_storeu_ps(scores.as_mut_ptr().wrapping_add(first), dots);
        }
        let most = _mm512_set1_ps(_mm512_reduce_max_ps(most));
        let mut sum = _mm512_setzero_ps();
        for first in (0..seen).step_by(16) {
            let to = scores.as_mut_ptr().wrapping_add(first);
            let there = mask(seen - first);
            let weight = _mm512_maskz_mov_ps(there, exp(_mm512_sub_ps(_mm512_loadu_ps(to), most)));
            sum = _mm512_add_ps(sum, weight);
            _mm512_storeu_ps(to, weight);
        }
        let share = _mm512_set1_ps(1.0 / _mm512_reduce_add_ps(sum));
        // Up to 128 values of the result are held in registers at once.
        for from in (0..dim).step_by(128) {
            let parts = ((dim - from) / 16).min(8);
            match parts {
                8 => mix::<8>(values, stride, seen, from, scores, share, out),
                4 => mix::<4>(values, stride, seen, from, scores, share, out),
                _ => {
                    for part in 0..parts {
                        mix::<1>(values, stride, seen, from + 16 * part, scores, share, out);
                    }
                }
            }
        }
    }
}

/// The weighted sum of `16 * P` values of each position.
///
/// # Safety
/// As [`attend`]; the values from `from` on must be there.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma,f16c")]
unsafe fn mix<const P: usize>(
    values: &[f32],
    stride: usize,
    seen: usize,
    from: usize,
    scores: &[f32],
    share: __m512,
    out: &mut [f32],
) {
    // SAFETY: within the positions and the result.
    unsafe {
        let mut sums = [_mm512_setzero_ps(); P];
        for position in 0..seen {
            let weight = _mm512_set1_ps(*scores.as_ptr().wrapping_add(position));
            let row = values.as_ptr().wrapping_add(position * stride + from);
            for (part, sum) in sums.iter_mut().enumerate() {
                *sum = _mm512_fmadd_ps(weight, _mm512_loadu_ps(row.wrapping_add(16 * part)), *sum);
            }
        }
        for (part, sum) in sums.into_iter().enumerate() {
            let to = out.as_mut_ptr().wrapping_add(from + 16 * part);
            _mm512_storeu_ps(to, _mm512_mul_ps(sum, share));
        }
    }
}

/// The total of each of 16 vectors.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma,f16c")]
fn totals(x: [__m512; 16]) -> __m512 {
    // Halves of two vectors are added side by side, four times over.
    let mut a = [_mm512_setzero_ps(); 8];
    for i in 0..8 {
        let low = _mm512_shuffle_f32x4::<0x44>(x[i], x[i + 8]);
        let high = _mm512_shuffle_f32x4::<0xee>(x[i], x[i + 8]);
        a[i] = _mm512_add_ps(low, high);
    }
    // Lanes: x[i] has 0 and 1, x[i + 8] has 2 and 3.
    let mut b = [_mm512_setzero_ps(); 4];
    for i in 0..4 {
        let low = _mm512_shuffle_f32x4::<0x88>(a[i], a[i + 4]);
        let high = _mm512_shuffle_f32x4::<0xdd>(a[i], a[i + 4]);
        b[i] = _mm512_add_ps(low, high);
    }
    // Lanes of b[i]: x[i], x[i + 8], x[i + 4], x[i + 12]; four values of each are left.
    let c = [0, 1].map(|i| {
        let low = _mm512_unpacklo_ps(b[i], b[i + 2]);
        let high = _mm512_unpackhi_ps(b[i], b[i + 2]);
        _mm512_add_ps(low, high)
    });
    // Within a lane: x[i] and x[i + 2] by turns, two of each.
    let low = _mm512_unpacklo_ps(c[0], c[1]);
    let high = _mm512_unpackhi_ps(c[0], c[1]);
    let sums = _mm512_add_ps(low, high);
    // Within a lane now: +0, +1, +2, +3; the lanes are 0, 8, 4, 12.
    _mm512_shuffle_f32x4::<0b11_01_10_00>(sums, sums)
}
