//! Sixteen rows of weights as tiles for many rows of activations: 8-bit integers, one scale for each row
//! and block.
//!
//! A block of 256 weights has several scales of its own. Against one common scale, its largest weight
//! becomes 127; the rounding that this adds is a small part of the rounding that made 4 or 6 bits of
//! it in the first place.

use std::arch::x86_64::*;

use super::rows::{half, q6k_values, six_bits};
use crate::Kind;
use crate::activations::Line;

/// Rows of weights in a panel: the columns of a tile.
pub(super) const WIDTH: usize = 16;
/// Lines of a block of a panel: four tiles of 16 lines.
pub(super) const BLOCK_LINES: usize = 64;

/// A block of 16 rows, not yet in the order of tiles.
type Stage = [[Line; 4]; WIDTH];

/// Fills a panel from `count` rows of `blocks` blocks; the rows that are missing are zeros.
///
/// `panel` gets [`BLOCK_LINES`] lines a block, `scales` 16 numbers a block. `OFFSET` is added to every
/// weight: 0, or 128 to take the signs away.
///
/// # Safety
/// The instructions must be there; `weights` must have `count` rows, `count` at most 16.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
pub(super) unsafe fn fill<const OFFSET: u8>(
    kind: Kind,
    weights: *const u8,
    count: usize,
    blocks: usize,
    panel: &mut [Line],
    scales: &mut [f32],
) {
    let bytes = kind.block_bytes();
    let mut stage: Stage = [[Line::ZERO; 4]; WIDTH];
    let lines = panel.chunks_exact_mut(BLOCK_LINES);
    for (block, (lines, scales)) in lines.zip(scales.chunks_exact_mut(WIDTH)).enumerate() {
        for row in 0..WIDTH {
            scales[row] = 0.0;
            if row < count {
                let at = weights.wrapping_add((row * blocks + block) * bytes);
                // SAFETY: a block of one of the rows.
                scales[row] = unsafe {
                    match kind {
                        Kind::Q4K => q4k(at, &mut stage[row]),
                        Kind::Q6K => q6k(at, &mut stage[row]),
                    }
                };
            }
        }
        for (step, tile) in lines.chunks_exact_mut(16).enumerate() {
            // SAFETY: 16 lines each.
            unsafe { transpose::<OFFSET>(&stage, step, tile) };
        }
    }
}

/// # Safety
/// `block` must have 144 bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn q4k(block: *const u8, out: &mut [Line; 4]) -> f32 {
    // SAFETY: all reads are within the block.
    unsafe {
        let d = half(block);
        let d_offset = half(block.wrapping_add(2));
        let (scales, mins) = six_bits(block.wrapping_add(4));
        let widen = |x: __m128i, by: f32| {
            let whole = _mm256_cvtepi16_epi32(x);
            _mm256_mul_ps(_mm256_cvtepi32_ps(whole), _mm256_set1_ps(by))
        };
        let (scale, offset) = (widen(scales, d), widen(mins, d_offset));
        // A sub-block's values go from -offset to 15 * scale - offset.
        let upper = _mm256_fmsub_ps(scale, _mm256_set1_ps(15.0), offset);
        let sign = _mm256_set1_ps(-0.0);
        let most = _mm256_max_ps(
            _mm256_andnot_ps(sign, offset),
            _mm256_andnot_ps(sign, upper),
        );
        let most = largest(most);
        if most <= 0.0 || !most.is_finite() {
            *out = [Line::ZERO; 4];
            return 0.0;
        }
        let factor = 127.0 / most;
        let mut steps = [0.0_f32; 8];
        let mut starts = [0.0_f32; 8];
        _mm256_storeu_ps(
            steps.as_mut_ptr(),
            _mm256_mul_ps(scale, _mm256_set1_ps(factor)),
        );
        _mm256_storeu_ps(
            starts.as_mut_ptr(),
            _mm256_mul_ps(offset, _mm256_set1_ps(factor)),
        );
        let counting = _mm512_set_ps(
            15.0, 14.0, 13.0, 12.0, 11.0, 10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0,
        );
        // Four bits have sixteen values: each sub-block has a table of what they become.
        let table = |j: usize| {
            let values = _mm512_fmsub_ps(
                counting,
                _mm512_set1_ps(steps[j]),
                _mm512_set1_ps(starts[j]),
            );
            _mm256_broadcastsi128_si256(_mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(values)))
        };
        let nibble = _mm256_set1_epi8(15);
        for (pair, line) in out.iter_mut().enumerate() {
            let bytes = _mm256_loadu_si256(block.wrapping_add(16 + 32 * pair).cast());
            let low = _mm256_and_si256(bytes, nibble);
            let high = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), nibble);
            let to: *mut __m256i = line.0.as_mut_ptr().cast();
            _mm256_store_si256(to, _mm256_shuffle_epi8(table(2 * pair), low));
            _mm256_store_si256(
                to.wrapping_add(1),
                _mm256_shuffle_epi8(table(2 * pair + 1), high),
            );
        }
        most / 127.0
    }
}

/// # Safety
/// `block` must have 210 bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn q6k(block: *const u8, out: &mut [Line; 4]) -> f32 {
    // SAFETY: all reads are within the block.
    unsafe {
        let scales = _mm512_cvtepi8_epi32(_mm_loadu_si128(block.wrapping_add(192).cast()));
        let scales = _mm512_mul_ps(
            _mm512_cvtepi32_ps(scales),
            _mm512_set1_ps(half(block.wrapping_add(208))),
        );
        let most = 32.0 * _mm512_reduce_max_ps(_mm512_abs_ps(scales));
        if most <= 0.0 || !most.is_finite() {
            *out = [Line::ZERO; 4];
            return 0.0;
        }
        // Whole numbers throughout: a value times four, times its factor in steps of 1 / 8192, is the
        // value times its factor after the instruction's shift by 15.
        let factors = _mm512_mul_ps(scales, _mm512_set1_ps(127.0 / most * 8192.0));
        let factors = _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(factors));
        let factors = _mm512_castsi256_si512(factors);
        let middle = _mm512_set1_epi16(32);
        for ((line, values), group) in out.iter_mut().zip(q6k_values(block)).zip(0_i16..) {
            // Two halves of 32 values, two sub-blocks of 16 in each.
            let half = |bytes: __m256i, first: i16| {
                let factor = _mm512_permutexvar_epi16(
                    _mm512_inserti64x4::<1>(_mm512_set1_epi16(first), _mm256_set1_epi16(first + 1)),
                    factors,
                );
                let value = _mm512_sub_epi16(_mm512_cvtepu8_epi16(bytes), middle);
                let value = _mm512_mulhrs_epi16(_mm512_slli_epi16::<2>(value), factor);
                _mm512_cvtsepi16_epi8(value)
            };
            let to: *mut __m256i = line.0.as_mut_ptr().cast();
            _mm256_store_si256(to, half(_mm512_castsi512_si256(values), 4 * group));
            let upper = _mm512_extracti64x4_epi64::<1>(values);
            _mm256_store_si256(to.wrapping_add(1), half(upper, 4 * group + 2));
        }
        most / 127.0
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
fn largest(x: __m256) -> f32 {
    let x = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
    let x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)))
}

/// A tile's line `k` has four values of each of 16 rows: a transposition of 16 by 16 groups of four
/// bytes.
///
/// # Safety
/// `tile` must have 16 lines, `step` must be below 4.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn transpose<const OFFSET: u8>(stage: &Stage, step: usize, tile: &mut [Line]) {
    // SAFETY: aligned lines of the stage and of the tile.
    unsafe {
        let row = |i: usize| _mm512_load_si512(stage[i][step].0.as_ptr().cast());
        // Pairs of rows, then fours, then the lanes of 128 bits.
        let mut a = [_mm512_setzero_si512(); 16];
        for i in 0..8 {
            a[2 * i] = _mm512_unpacklo_epi32(row(2 * i), row(2 * i + 1));
            a[2 * i + 1] = _mm512_unpackhi_epi32(row(2 * i), row(2 * i + 1));
        }
        // b[4 * i + c]: group c of each lane, of the rows 4 * i to 4 * i + 3.
        let mut b = [_mm512_setzero_si512(); 16];
        for i in 0..4 {
            b[4 * i] = _mm512_unpacklo_epi64(a[4 * i], a[4 * i + 2]);
            b[4 * i + 1] = _mm512_unpackhi_epi64(a[4 * i], a[4 * i + 2]);
            b[4 * i + 2] = _mm512_unpacklo_epi64(a[4 * i + 1], a[4 * i + 3]);
            b[4 * i + 3] = _mm512_unpackhi_epi64(a[4 * i + 1], a[4 * i + 3]);
        }
        for c in 0..4 {
            let low = _mm512_shuffle_i32x4::<0x88>(b[c], b[4 + c]);
            let low_odd = _mm512_shuffle_i32x4::<0xdd>(b[c], b[4 + c]);
            let high = _mm512_shuffle_i32x4::<0x88>(b[8 + c], b[12 + c]);
            let high_odd = _mm512_shuffle_i32x4::<0xdd>(b[8 + c], b[12 + c]);
            // Lane l of the rows holds the groups 4 * l + c.
            let lanes = [
                _mm512_shuffle_i32x4::<0x88>(low, high),
                _mm512_shuffle_i32x4::<0x88>(low_odd, high_odd),
                _mm512_shuffle_i32x4::<0xdd>(low, high),
                _mm512_shuffle_i32x4::<0xdd>(low_odd, high_odd),
            ];
            for (lane, values) in lanes.into_iter().enumerate() {
                let values = match OFFSET {
                    0 => values,
                    _ => _mm512_add_epi8(values, _mm512_set1_epi8(OFFSET.cast_signed())),
                };
                _mm512_store_si512(tile[4 * lane + c].0.as_mut_ptr().cast(), values);
            }
        }
    }
}
