//! Gates with vectors of 16.

use std::arch::x86_64::*;

/// e to the power of each.
///
/// 2^n by the exponent, the rest by a polynomial of degree 5; the tests allow gates to be off by 2e-6.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
pub(super) fn exp(x: __m512) -> __m512 {
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
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
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
