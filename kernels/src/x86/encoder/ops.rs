//! What stands between the products: rounding, GELU, powers of two, norms.

use std::arch::asm;
use std::arch::x86_64::*;

use super::lines::{HEIGHT, Line, WIDTH};
use crate::encoder::Norm;

/// Rounds 32 values to a line.
///
/// # Safety
/// Where `NATIVE`, the instruction must be there.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
pub(super) unsafe fn round<const NATIVE: bool>(low: __m512, high: __m512) -> __m512i {
    if NATIVE {
        let line: __m512i;
        // SAFETY: an instruction on registers; the caller knows that it is there.
        unsafe {
            asm!(
                "vcvtne2ps2bf16 {line}, {high}, {low}",
                line = lateout(zmm_reg) line,
                high = in(zmm_reg) high,
                low = in(zmm_reg) low,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        return line;
    }
    let half = |values: __m512| {
        let bits = _mm512_castps_si512(values);
        let even = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
        let up = _mm512_add_epi32(even, _mm512_set1_epi32(0x7fff));
        _mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(_mm512_add_epi32(bits, up)))
    };
    _mm512_inserti64x4::<1>(_mm512_castsi256_si512(half(low)), half(high))
}

/// `x * Phi(x)` (Hendrycks and Gimpel 2016). The error function is an odd polynomial, fitted to what it adds to the
/// result; beyond its range the function hardly changes any more.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
pub(super) fn gelu(x: __m512) -> __m512 {
    const RANGE: f32 = 4.4;
    let within = _mm512_max_ps(
        _mm512_min_ps(x, _mm512_set1_ps(RANGE)),
        _mm512_set1_ps(-RANGE),
    );
    let square = _mm512_mul_ps(within, within);
    let mut sum = _mm512_set1_ps(ERF[0]);
    for factor in &ERF[1..] {
        sum = _mm512_fmadd_ps(sum, square, _mm512_set1_ps(*factor));
    }
    let half = _mm512_mul_ps(x, _mm512_set1_ps(0.5));
    _mm512_fmadd_ps(half, _mm512_mul_ps(sum, within), half)
}

/// `erf(x / sqrt 2)` between -4.4 and 4.4, the highest power first.
const ERF: [f32; 9] = [
    7.145_223e-11,
    -7.513_229e-9,
    3.483_405_6e-7,
    -9.452_785e-6,
    1.686_173_2e-4,
    -2.110_170_4e-3,
    1.928_665_9e-2,
    -0.132_153_8,
    0.797_523_7,
];

/// 2 to the power of each; for values that are rounded to `bfloat16` afterwards.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
pub(super) fn exp2(x: __m512) -> __m512 {
    // What is smaller hardly counts, and results too small for a normal number would take a hundred times as long.
    let x = _mm512_max_ps(x, _mm512_set1_ps(-125.0));
    let whole = _mm512_roundscale_ps::<0>(x);
    let rest = _mm512_sub_ps(x, whole);
    let mut power = _mm512_set1_ps(0.009_570_097);
    for factor in [0.055_917_86, 0.240_247_44, 0.693_121_8, 0.999_999_3] {
        power = _mm512_fmadd_ps(power, rest, _mm512_set1_ps(factor));
    }
    _mm512_scalef_ps(power, whole)
}

/// Normalises a row: `from` (the sum of both, where there are two) to mean 0 and variance 1, times weight, plus bias;
/// into `to`, and rounded into `lines`, each [`HEIGHT`] on from the one before.
///
/// # Safety
/// All must hold as many values as the norm, a multiple of 32; where `NATIVE`, the instruction must be there.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
pub(super) unsafe fn norm<const NATIVE: bool>(
    norm: &Norm,
    epsilon: f32,
    from: [*const f32; 2],
    to: *mut f32,
    lines: *mut Line,
) {
    let width = norm.weight.len();
    // SAFETY: as promised by the caller.
    unsafe {
        let mut total = [_mm512_setzero_ps(); 2];
        for at in (0..width).step_by(WIDTH) {
            for (side, total) in total.iter_mut().enumerate() {
                let at = at + 16 * side;
                let mut x = _mm512_loadu_ps(from[0].wrapping_add(at));
                if !from[1].is_null() {
                    x = _mm512_add_ps(x, _mm512_loadu_ps(from[1].wrapping_add(at)));
                    _mm512_storeu_ps(to.wrapping_add(at), x);
                }
                *total = _mm512_add_ps(*total, x);
            }
        }
        let count = width as f32;
        let mean = _mm512_reduce_add_ps(_mm512_add_ps(total[0], total[1])) / count;
        let mean = _mm512_set1_ps(mean);
        let mut total = [_mm512_setzero_ps(); 2];
        for at in (0..width).step_by(WIDTH) {
            for (side, total) in total.iter_mut().enumerate() {
                let x = _mm512_loadu_ps(to.wrapping_add(at + 16 * side));
                let off = _mm512_sub_ps(x, mean);
                *total = _mm512_fmadd_ps(off, off, *total);
            }
        }
        let variance = _mm512_reduce_add_ps(_mm512_add_ps(total[0], total[1])) / count;
        let factor = _mm512_set1_ps(1.0 / (variance + epsilon).sqrt());
        for (tile, at) in (0..width).step_by(WIDTH).enumerate() {
            let sides = [at, at + 16].map(|at| {
                let x = _mm512_sub_ps(_mm512_loadu_ps(to.wrapping_add(at)), mean);
                let weight = _mm512_loadu_ps(norm.weight.as_ptr().wrapping_add(at));
                let bias = _mm512_loadu_ps(norm.bias.as_ptr().wrapping_add(at));
                let x = _mm512_fmadd_ps(_mm512_mul_ps(x, factor), weight, bias);
                _mm512_storeu_ps(to.wrapping_add(at), x);
                x
            });
            let line = lines.wrapping_add(tile * HEIGHT);
            _mm512_store_si512(line.cast(), round::<NATIVE>(sides[0], sides[1]));
        }
    }
}

#[cfg(test)]
mod tests;
