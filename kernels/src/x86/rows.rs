//! One to four rows of activations: weights are read once, as they stand in the file.

use std::arch::x86_64::*;
use std::ops::Range;

use crate::activations::SUM;
use crate::{Activations, BLOCK, Kind};

/// Bytes that are fetched ahead.
const AHEAD: usize = 1024;

/// What a kernel reads of one row of activations.
#[derive(Clone, Copy)]
struct Row {
    values: *const i8,
    scales: *const f32,
    sums: *const i16,
    /// Sums of 32.
    pairs: *const i16,
}

/// Products with the rows of `x` from `first` on, `M` of them.
///
/// # Safety
/// As [`super::multiply`]; `x` must have `first + M` rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
pub(super) unsafe fn multiply<const M: usize>(
    kind: Kind,
    data: &[u8],
    range: Range<usize>,
    x: &Activations,
    first: usize,
    out: *mut f32,
    rows: usize,
) {
    let blocks = x.cols / BLOCK;
    let bytes = blocks * kind.block_bytes();
    let of = |m: usize| Row {
        values: x.values().wrapping_add((first + m) * x.cols),
        scales: x.scales.as_ptr().wrapping_add((first + m) * blocks),
        sums: x.sums.as_ptr().wrapping_add((first + m) * x.cols / SUM),
        pairs: x
            .pairs
            .as_ptr()
            .wrapping_add((first + m) * x.cols / SUM / 2),
    };
    let inputs: [Row; M] = std::array::from_fn(of);
    for row in range {
        let weights = data.as_ptr().wrapping_add(row * bytes);
        // SAFETY: the row lies within the data, the inputs within `x`.
        let products = unsafe {
            match kind {
                Kind::Q4K => q4k(weights, blocks, &inputs),
                Kind::Q6K => q6k(weights, blocks, &inputs),
            }
        };
        for (m, product) in products.into_iter().enumerate() {
            // SAFETY: within `out`, in this chunk's columns.
            unsafe { out.wrapping_add((first + m) * rows + row).write(product) };
        }
    }
}

/// # Safety
/// `weights` must have `blocks` blocks, the inputs as many.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn q4k<const M: usize>(weights: *const u8, blocks: usize, inputs: &[Row; M]) -> [f32; M] {
    // SAFETY: all reads are within the blocks; prefetches may point anywhere.
    unsafe {
        let nibble = _mm512_set1_epi8(15);
        let mut sums = [_mm512_setzero_ps(); M];
        let mut offsets = [_mm_setzero_ps(); M];
        for block in 0..blocks {
            let at = weights.wrapping_add(block * 144);
            _mm_prefetch::<_MM_HINT_T0>(at.wrapping_add(AHEAD).cast());
            _mm_prefetch::<_MM_HINT_T0>(at.wrapping_add(AHEAD + 64).cast());
            _mm_prefetch::<_MM_HINT_T0>(at.wrapping_add(AHEAD + 128).cast());
            let d = _mm_cvtph_ps(_mm_cvtsi32_si128(at.cast::<i32>().read_unaligned()));
            let d_offset = _mm_cvtss_f32(_mm_movehdup_ps(d));
            let d = _mm_cvtss_f32(d);
            let (scales, mins) = six_bits(at.wrapping_add(4));
            let scales = _mm512_castsi128_si512(scales);
            let q = [
                _mm512_loadu_si512(at.wrapping_add(16).cast()),
                _mm512_loadu_si512(at.wrapping_add(80).cast()),
            ];
            // Low halves of the bytes are the even sub-blocks of 32, high halves the odd ones; brought
            // into the order of the activations here, once for all rows of those.
            let halves = q.map(|q| {
                let low = _mm512_and_si512(q, nibble);
                let high = _mm512_and_si512(_mm512_srli_epi16::<4>(q), nibble);
                [
                    _mm512_shuffle_i64x2::<0x44>(low, high),
                    _mm512_shuffle_i64x2::<0xee>(low, high),
                ]
            });
            let groups = [halves[0][0], halves[0][1], halves[1][0], halves[1][1]];
            let spread = |first: i16| {
                let halves =
                    _mm512_inserti64x4::<1>(_mm512_set1_epi16(first), _mm256_set1_epi16(first + 1));
                _mm512_permutexvar_epi16(halves, scales)
            };
            let spread = [spread(0), spread(2), spread(4), spread(6)];
            for m in 0..M {
                let values = inputs[m].values.wrapping_add(block * BLOCK);
                let pairs = |group: usize| {
                    let x = _mm512_load_si512(values.wrapping_add(64 * group).cast());
                    _mm512_maddubs_epi16(groups[group], x)
                };
                let even = _mm512_madd_epi16(pairs(0), spread[0]);
                let even = _mm512_dpwssd_epi32(even, pairs(1), spread[1]);
                let odd = _mm512_madd_epi16(pairs(2), spread[2]);
                let odd = _mm512_dpwssd_epi32(odd, pairs(3), spread[3]);
                let whole = _mm512_add_epi32(even, odd);
                let scale = *inputs[m].scales.wrapping_add(block);
                let factor = _mm512_set1_ps(d * scale);
                sums[m] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole), factor, sums[m]);
                let pairs = inputs[m].pairs.wrapping_add(block * (BLOCK / SUM / 2));
                let offset = _mm_madd_epi16(_mm_loadu_si128(pairs.cast()), mins);
                let factor = _mm_set1_ps(d_offset * scale);
                offsets[m] = _mm_fmadd_ps(_mm_cvtepi32_ps(offset), factor, offsets[m]);
            }
        }
        std::array::from_fn(|m| _mm512_reduce_add_ps(sums[m]) - reduce(offsets[m]))
    }
}

/// The eight scales and the eight offsets of a Q4_K block, 16 bits each.
///
/// # Safety
/// `packed` must have twelve bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
pub(super) unsafe fn six_bits(packed: *const u8) -> (__m128i, __m128i) {
    // SAFETY: within the twelve bytes.
    let [a, b, c] = unsafe { packed.cast::<[u32; 3]>().read_unaligned() };
    let scales = (
        a & 0x3f3f_3f3f,
        (c & 0x0f0f_0f0f) | (((a >> 6) & 0x0303_0303) << 4),
    );
    let mins = (
        b & 0x3f3f_3f3f,
        ((c >> 4) & 0x0f0f_0f0f) | (((b >> 6) & 0x0303_0303) << 4),
    );
    let wide = |(low, high): (u32, u32)| {
        let bytes = u64::from(low) | (u64::from(high) << 32);
        _mm_cvtepu8_epi16(_mm_cvtsi64_si128(bytes.cast_signed()))
    };
    (wide(scales), wide(mins))
}

/// # Safety
/// `weights` must have `blocks` blocks, the inputs as many.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn q6k<const M: usize>(weights: *const u8, blocks: usize, inputs: &[Row; M]) -> [f32; M] {
    // SAFETY: all reads are within the blocks; prefetches may point anywhere.
    unsafe {
        let mut sums = [_mm512_setzero_ps(); M];
        let mut offsets = [_mm256_setzero_ps(); M];
        for block in 0..blocks {
            let at = weights.wrapping_add(block * 210);
            for line in 0..4 {
                _mm_prefetch::<_MM_HINT_T0>(at.wrapping_add(AHEAD + 64 * line).cast());
            }
            let groups = q6k_values(at);
            let scales = _mm_loadu_si128(at.wrapping_add(192).cast());
            let scales = _mm256_cvtepi8_epi16(scales);
            let d = half(at.wrapping_add(208));
            let wide = _mm512_castsi256_si512(scales);
            // Each scale goes with eight pairs of values.
            let base = _mm512_set_epi16(
                3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0,
                0, 0, 0, 0,
            );
            let spread = |group: i16| {
                let index = _mm512_add_epi16(base, _mm512_set1_epi16(4 * group));
                _mm512_permutexvar_epi16(index, wide)
            };
            let spread = [spread(0), spread(1), spread(2), spread(3)];
            for m in 0..M {
                let values = inputs[m].values.wrapping_add(block * BLOCK);
                let pairs = |group: usize| {
                    let x = _mm512_load_si512(values.wrapping_add(64 * group).cast());
                    _mm512_maddubs_epi16(groups[group], x)
                };
                let even = _mm512_madd_epi16(pairs(0), spread[0]);
                let even = _mm512_dpwssd_epi32(even, pairs(1), spread[1]);
                let odd = _mm512_madd_epi16(pairs(2), spread[2]);
                let odd = _mm512_dpwssd_epi32(odd, pairs(3), spread[3]);
                let whole = _mm512_add_epi32(even, odd);
                let scale = *inputs[m].scales.wrapping_add(block) * d;
                let factor = _mm512_set1_ps(scale);
                sums[m] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole), factor, sums[m]);
                let sixteens = inputs[m].sums.wrapping_add(block * (BLOCK / SUM));
                let offset = _mm256_madd_epi16(_mm256_loadu_si256(sixteens.cast()), scales);
                let factor = _mm256_set1_ps(32.0 * scale);
                offsets[m] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(offset), factor, offsets[m]);
            }
        }
        std::array::from_fn(|m| {
            let offset = _mm_add_ps(
                _mm256_castps256_ps128(offsets[m]),
                _mm256_extractf128_ps::<1>(offsets[m]),
            );
            _mm512_reduce_add_ps(sums[m]) - reduce(offset)
        })
    }
}

/// The 256 values of a Q6_K block, 0 to 63 (32 stands for zero), in order.
///
/// # Safety
/// `block` must have 210 bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
pub(super) unsafe fn q6k_values(block: *const u8) -> [__m512i; 4] {
    let nibble = _mm512_set1_epi8(15);
    let two = _mm512_set1_epi8(3);
    let shifts = |low: i16, high: i16| {
        _mm512_inserti64x4::<1>(_mm512_set1_epi16(low), _mm256_set1_epi16(high))
    };
    let mut values = [_mm512_setzero_si512(); 4];
    for half in 0..2 {
        // SAFETY: within the block.
        let (low, high) = unsafe {
            (
                _mm512_loadu_si512(block.wrapping_add(64 * half).cast()),
                _mm256_loadu_si256(block.wrapping_add(128 + 32 * half).cast()),
            )
        };
        let high = _mm512_broadcast_i64x4(high);
        let more = |shift: __m512i| {
            let bits = _mm512_and_si512(_mm512_srlv_epi16(high, shift), two);
            _mm512_slli_epi16::<4>(bits)
        };
        values[2 * half] = _mm512_or_si512(_mm512_and_si512(low, nibble), more(shifts(0, 2)));
        let upper = _mm512_and_si512(_mm512_srli_epi16::<4>(low), nibble);
        values[2 * half + 1] = _mm512_or_si512(upper, more(shifts(4, 6)));
    }
    values
}

/// # Safety
/// `at` must have two bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
pub(super) unsafe fn half(at: *const u8) -> f32 {
    // SAFETY: two bytes.
    let bits = unsafe { at.cast::<u16>().read_unaligned() };
    _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(i32::from(bits))))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
fn reduce(x: __m128) -> f32 {
    let pairs = _mm_add_ps(x, _mm_movehl_ps(x, x));
    _mm_cvtss_f32(_mm_add_ss(pairs, _mm_movehdup_ps(pairs)))
}
