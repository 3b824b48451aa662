//! Many rows of activations without a matrix unit: the same panels, multiplied by vectors of 8-bit
//! products (VNNI).

use std::arch::x86_64::*;
use std::cell::RefCell;
use std::ops::Range;

use super::panel::{BLOCK_LINES, WIDTH, fill};
use crate::activations::Line;
use crate::{Activations, BLOCK, Kind};

/// Rows of activations at once: with two panels their sums fill 24 of the 32 registers.
const HEIGHT: usize = 12;
/// Added to every weight: the instruction wants one side without signs.
const OFFSET: u8 = 128;

/// Products of some rows of activations and two panels.
#[repr(C, align(64))]
struct Products([[[f32; WIDTH]; 2]; HEIGHT]);

/// Two panels, kept between calls.
#[derive(Default)]
struct Panels {
    lines: [Vec<Line>; 2],
    scales: [Vec<f32>; 2],
}

thread_local! {
    static PANELS: RefCell<Panels> = RefCell::default();
}

/// # Safety
/// As [`super::multiply`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
pub(super) unsafe fn multiply(
    kind: Kind,
    data: &[u8],
    range: Range<usize>,
    x: &Activations,
    out: *mut f32,
    rows: usize,
) {
    PANELS.with_borrow_mut(|panels| {
        // SAFETY: as promised by the caller.
        unsafe { multiply_with(panels, kind, data, range, x, out, rows) };
    });
}

/// # Safety
/// As [`multiply`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn multiply_with(
    panels: &mut Panels,
    kind: Kind,
    data: &[u8],
    range: Range<usize>,
    x: &Activations,
    out: *mut f32,
    rows: usize,
) {
    let blocks = x.cols / BLOCK;
    let row_bytes = blocks * kind.block_bytes();
    for side in 0..2 {
        panels.lines[side].resize(blocks * BLOCK_LINES, Line::ZERO);
        panels.scales[side].resize(blocks * WIDTH, 0.0);
    }
    let mut first = range.start;
    while first < range.end {
        let counts = [0, 1].map(|side| {
            let left = range.end.saturating_sub(first + side * WIDTH);
            left.min(WIDTH)
        });
        for (side, &count) in counts.iter().enumerate() {
            let weights = data
                .as_ptr()
                .wrapping_add((first + side * WIDTH) * row_bytes);
            // SAFETY: `count` rows are within the range; for none nothing is read.
            unsafe {
                fill::<OFFSET>(
                    kind,
                    weights,
                    count,
                    blocks,
                    &mut panels.lines[side],
                    &mut panels.scales[side],
                );
            }
        }
        let mut row = 0;
        while row < x.rows {
            // SAFETY: rows of `x`, columns of this range.
            row += unsafe {
                match x.rows - row {
                    HEIGHT.. => tile::<HEIGHT>(panels, x, row, first, counts, out, rows),
                    8.. => tile::<8>(panels, x, row, first, counts, out, rows),
                    4.. => tile::<4>(panels, x, row, first, counts, out, rows),
                    2.. => tile::<2>(panels, x, row, first, counts, out, rows),
                    _ => tile::<1>(panels, x, row, first, counts, out, rows),
                }
            };
        }
        first += 2 * WIDTH;
    }
}

/// The products of `M` rows of activations from `row` on and two panels; returns `M`.
///
/// # Safety
/// The rows must be there; `out` must have room.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn tile<const M: usize>(
    panels: &Panels,
    x: &Activations,
    row: usize,
    first: usize,
    counts: [usize; 2],
    out: *mut f32,
    rows: usize,
) -> usize {
    let blocks = x.cols / BLOCK;
    let mut products = Products([[[0.0; WIDTH]; 2]; HEIGHT]);
    for block in 0..blocks {
        let left: *const Line = panels.lines[0].as_ptr().wrapping_add(block * BLOCK_LINES);
        let right: *const Line = panels.lines[1].as_ptr().wrapping_add(block * BLOCK_LINES);
        let values: [*const i8; M] =
            std::array::from_fn(|m| x.values().wrapping_add((row + m) * x.cols + block * BLOCK));
        // SAFETY: lines of the panels and values of the rows of this block; totals and scales of them.
        unsafe {
            // What the offset of the weights adds is taken off before.
            let mut sums: [[__m512i; 2]; M] = std::array::from_fn(|m| {
                let total = *x.totals.as_ptr().wrapping_add((row + m) * blocks + block);
                [_mm512_set1_epi32(-i32::from(OFFSET) * total); 2]
            });
            for step in 0..BLOCK_LINES {
                let weights = [
                    _mm512_load_si512(left.wrapping_add(step).cast()),
                    _mm512_load_si512(right.wrapping_add(step).cast()),
                ];
                for (sums, values) in sums.iter_mut().zip(values) {
                    let four = values.wrapping_add(4 * step).cast::<i32>().read_unaligned();
                    let four = _mm512_set1_epi32(four);
                    sums[0] = _mm512_dpbusd_epi32(sums[0], weights[0], four);
                    sums[1] = _mm512_dpbusd_epi32(sums[1], weights[1], four);
                }
            }
            let scales = [0, 1].map(|side: usize| {
                _mm512_loadu_ps(panels.scales[side].as_ptr().wrapping_add(block * WIDTH))
            });
            for (m, sums) in sums.into_iter().enumerate() {
                let scale = *x.scales.as_ptr().wrapping_add((row + m) * blocks + block);
                let scale = _mm512_set1_ps(scale);
                for side in 0..2 {
                    let to = products.0[m][side].as_mut_ptr();
                    let factor = _mm512_mul_ps(scale, scales[side]);
                    let whole = _mm512_cvtepi32_ps(sums[side]);
                    _mm512_store_ps(to, _mm512_fmadd_ps(whole, factor, _mm512_load_ps(to)));
                }
            }
        }
    }
    for (m, products) in products.0.iter().enumerate().take(M) {
        for (side, products) in products.iter().enumerate() {
            let to = out.wrapping_add((row + m) * rows + first + side * WIDTH);
            let mask = ((1_u32 << counts[side]) - 1) as u16;
            // SAFETY: the columns of this range that there are.
            unsafe { _mm512_mask_storeu_ps(to, mask, _mm512_load_ps(products.as_ptr())) };
        }
    }
    M
}
