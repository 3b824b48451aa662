//! The one product that everything is made of: 32 rows by 32 columns.

use std::arch::asm;
use std::arch::x86_64::*;

use super::lines::{BLOCK, HEIGHT, Line};
use crate::x86::amx;

/// Which instructions multiply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Tiles (AMX-BF16).
    Tiles,
    /// Dot products of pairs (AVX512-BF16).
    Pairs,
    /// `f32` products of what the pairs hold (AVX-512).
    Plain,
}

/// A block of sums.
#[repr(C, align(64))]
pub(super) struct Block(pub(super) [[f32; BLOCK]; BLOCK]);

impl Block {
    pub(super) const ZERO: Self = Self([[0.0; BLOCK]; BLOCK]);
}

impl Unit {
    /// The fastest that this machine has.
    pub(crate) fn best() -> Self {
        match (is_x86_feature_detected!("avx512bf16"), amx::bf16()) {
            (true, true) => Self::Tiles,
            (true, false) => Self::Pairs,
            (false, _) => Self::Plain,
        }
    }

    /// Whether there are instructions that round to `bfloat16`.
    pub(super) fn native(self) -> bool {
        self != Self::Plain
    }
}

/// The matrix unit set up for this thread, until it is dropped.
pub(super) struct Ready(Unit);

impl Ready {
    /// # Safety
    /// The unit must be there.
    pub(super) unsafe fn new(unit: Unit) -> Self {
        if unit == Unit::Tiles {
            // SAFETY: as promised by the caller.
            unsafe { amx::configure() };
        }
        Self(unit)
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        if self.0 == Unit::Tiles {
            // SAFETY: it was set up.
            unsafe { amx::release() };
        }
    }
}

/// Products of `height` rows, at most 32, with 32 columns. `rows` points at the tiles of the first 16 rows, `steps`
/// of them, with those of the next 16 behind; `columns` at as many pairs of tiles of 16 columns. `out` gets 32 values
/// a row, the rows `stride` values apart; rows from `height` on may be written too.
///
/// # Safety
/// Everything must be there, and a [`Ready`] of the unit alive on this thread.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
pub(super) unsafe fn multiply(
    unit: Unit,
    rows: *const Line,
    columns: *const Line,
    steps: usize,
    height: usize,
    out: *mut f32,
    stride: usize,
) {
    // SAFETY: as promised by the caller.
    unsafe {
        match unit {
            Unit::Tiles if height > HEIGHT => four_tiles(rows, columns, steps, out, stride),
            Unit::Tiles => two_tiles(rows, columns, steps, out, stride),
            Unit::Pairs => each_eight::<true>(rows, columns, steps, height, out, stride),
            Unit::Plain => each_eight::<false>(rows, columns, steps, height, out, stride),
        }
    }
}

/// # Safety
/// As [`multiply`].
#[inline]
unsafe fn four_tiles(
    rows: *const Line,
    columns: *const Line,
    steps: usize,
    out: *mut f32,
    stride: usize,
) {
    // SAFETY: `steps` tiles of two times 16 rows, `steps` pairs of tiles of columns, 32 rows of results.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            options(nostack, nomem)
        );
        let lower = rows.wrapping_add(steps * HEIGHT);
        for step in 0..steps {
            asm!(
                "tileloadd tmm4, [{upper} + {width}*1]",
                "tileloadd tmm6, [{columns} + {width}*1]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{columns} + {width}*1 + 1024]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{lower} + {width}*1]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                upper = in(reg) rows.wrapping_add(step * HEIGHT),
                lower = in(reg) lower.wrapping_add(step * HEIGHT),
                columns = in(reg) columns.wrapping_add(2 * step * HEIGHT),
                width = in(reg) size_of::<Line>(),
                options(nostack, readonly),
            );
        }
        asm!(
            "tilestored [{to} + {stride}*1], tmm0",
            "tilestored [{to} + {stride}*1 + 64], tmm1",
            "tilestored [{below} + {stride}*1], tmm2",
            "tilestored [{below} + {stride}*1 + 64], tmm3",
            to = in(reg) out,
            below = in(reg) out.wrapping_add(HEIGHT * stride),
            stride = in(reg) stride * size_of::<f32>(),
            options(nostack),
        );
    }
}

/// # Safety
/// As [`multiply`].
#[inline]
unsafe fn two_tiles(
    rows: *const Line,
    columns: *const Line,
    steps: usize,
    out: *mut f32,
    stride: usize,
) {
    // SAFETY: `steps` tiles of 16 rows, `steps` pairs of tiles of columns, 16 rows of results.
    unsafe {
        asm!("tilezero tmm0", "tilezero tmm1", options(nostack, nomem));
        for step in 0..steps {
            asm!(
                "tileloadd tmm4, [{rows} + {width}*1]",
                "tileloadd tmm6, [{columns} + {width}*1]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{columns} + {width}*1 + 1024]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                rows = in(reg) rows.wrapping_add(step * HEIGHT),
                columns = in(reg) columns.wrapping_add(2 * step * HEIGHT),
                width = in(reg) size_of::<Line>(),
                options(nostack, readonly),
            );
        }
        asm!(
            "tilestored [{to} + {stride}*1], tmm0",
            "tilestored [{to} + {stride}*1 + 64], tmm1",
            to = in(reg) out,
            stride = in(reg) stride * size_of::<f32>(),
            options(nostack),
        );
    }
}

/// # Safety
/// As [`multiply`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn each_eight<const NATIVE: bool>(
    rows: *const Line,
    columns: *const Line,
    steps: usize,
    height: usize,
    out: *mut f32,
    stride: usize,
) {
    for first in (0..height).step_by(8) {
        let tile = first / HEIGHT * steps * HEIGHT + first % HEIGHT;
        let to = out.wrapping_add(first * stride);
        // SAFETY: eight rows of a tile.
        unsafe { eight::<NATIVE>(rows.wrapping_add(tile), columns, steps, to, stride) };
    }
}

/// Eight rows of the same tiles.
///
/// # Safety
/// As [`multiply`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn eight<const NATIVE: bool>(
    rows: *const Line,
    columns: *const Line,
    steps: usize,
    out: *mut f32,
    stride: usize,
) {
    // SAFETY: as promised by the caller.
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); 2]; 8];
        for step in 0..steps {
            let columns = columns.wrapping_add(2 * step * HEIGHT);
            for pair in 0..16 {
                let sides = [0, HEIGHT]
                    .map(|side| _mm512_load_si512(columns.wrapping_add(side + pair).cast()));
                for (row, sums) in sums.iter_mut().enumerate() {
                    let values = rows.wrapping_add(step * HEIGHT + row).cast::<i32>();
                    let values = _mm512_set1_epi32(*values.wrapping_add(pair));
                    for (sum, side) in sums.iter_mut().zip(sides) {
                        *sum = dot::<NATIVE>(*sum, values, side);
                    }
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            let to = out.wrapping_add(row * stride);
            _mm512_storeu_ps(to, sums[0]);
            _mm512_storeu_ps(to.wrapping_add(16), sums[1]);
        }
    }
}

/// `sum` and the products of pairs.
///
/// # Safety
/// Where `NATIVE`, the instruction must be there.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn dot<const NATIVE: bool>(sum: __m512, x: __m512i, y: __m512i) -> __m512 {
    if NATIVE {
        let mut sum = sum;
        // SAFETY: an instruction on registers; the caller knows that it is there.
        unsafe {
            asm!(
                "vdpbf16ps {sum}, {x}, {y}",
                sum = inout(zmm_reg) sum,
                x = in(zmm_reg) x,
                y = in(zmm_reg) y,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        return sum;
    }
    // A `bfloat16` is the upper half of an `f32`: one of a pair is there already, the other is moved up.
    let upper = _mm512_set1_epi32(0xffff_0000_u32 as i32);
    let odd = |v: __m512i| _mm512_castsi512_ps(_mm512_and_si512(v, upper));
    let even = |v: __m512i| _mm512_castsi512_ps(_mm512_slli_epi32::<16>(v));
    _mm512_fmadd_ps(odd(x), odd(y), _mm512_fmadd_ps(even(x), even(y), sum))
}
