//! Kernels for x86 with AVX-512 (VNNI); with AMX the products of many rows go through the matrix unit.

mod amx;
pub(crate) mod attention;
pub(crate) mod encoder;
pub(crate) mod ops;
mod panel;
mod rows;
mod vnni;

use std::arch::x86_64::*;
use std::ops::Range;
use std::sync::OnceLock;

use crate::activations::SUM;
use crate::{Activations, BLOCK, Kind};

/// Rows of activations from which on turning weights into tiles pays.
const MANY: usize = 11;

/// Whether this machine has the instructions.
pub(crate) fn supported() -> bool {
    static SUPPORTED: OnceLock<bool> = OnceLock::new();
    *SUPPORTED.get_or_init(|| {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vnni")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
    })
}

/// The products of rows `range` of a matrix with `rows` rows and all rows of `x`.
///
/// # Safety
/// The instructions must be there ([`supported`]), `data` must hold the whole matrix, `range` must lie
/// in it, and `out` must have room for `x.rows` rows of `rows` values.
pub(crate) unsafe fn multiply(
    kind: Kind,
    data: &[u8],
    range: Range<usize>,
    x: &Activations,
    out: *mut f32,
    rows: usize,
) {
    if x.rows >= MANY {
        // SAFETY: as promised by the caller.
        unsafe {
            match amx::available() {
                true => amx::multiply(kind, data, range, x, out, rows),
                false => vnni::multiply(kind, data, range, x, out, rows),
            }
        }
        return;
    }
    let mut first = 0;
    while first < x.rows {
        // SAFETY: as promised by the caller.
        unsafe {
            match x.rows - first {
                1 => {
                    rows::multiply::<1>(kind, data, range.clone(), x, first, out, rows);
                    first += 1;
                }
                2 | 3 => {
                    rows::multiply::<2>(kind, data, range.clone(), x, first, out, rows);
                    first += 2;
                }
                _ => {
                    rows::multiply::<4>(kind, data, range.clone(), x, first, out, rows);
                    first += 4;
                }
            }
        }
    }
}

/// Turns a block of activations into integers; returns their scale.
///
/// # Safety
/// The instructions must be there, the slices must hold one block, and `to` must have room for one.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
pub(crate) unsafe fn quantise(from: &[f32], to: *mut i8, sums: &mut [i16]) -> f32 {
    debug_assert!(from.len() == BLOCK && sums.len() == BLOCK / SUM);
    // SAFETY: all within the slices.
    unsafe {
        let mut most = _mm512_setzero_ps();
        for at in (0..BLOCK).step_by(16) {
            let values = _mm512_loadu_ps(from.as_ptr().wrapping_add(at));
            most = _mm512_max_ps(most, _mm512_abs_ps(values));
        }
        let most = _mm512_reduce_max_ps(most);
        if most <= 0.0 || !most.is_finite() {
            to.write_bytes(0, BLOCK);
            sums.fill(0);
            return 0.0;
        }
        let factor = _mm512_set1_ps(127.0 / most);
        for at in (0..BLOCK).step_by(16) {
            let values = _mm512_loadu_ps(from.as_ptr().wrapping_add(at));
            let whole = _mm512_cvtps_epi32(_mm512_mul_ps(values, factor));
            let bytes = _mm512_cvtsepi32_epi8(whole);
            _mm_storeu_si128(to.wrapping_add(at).cast(), bytes);
            sums[at / SUM] = _mm512_reduce_add_epi32(whole) as i16;
        }
        most / 127.0
    }
}
