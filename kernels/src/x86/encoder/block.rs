//! The one product that everything is made of: 32 rows by 32 columns.

use std::arch::asm;
use std::arch::x86_64::*;
use std::sync::LazyLock;
use std::time::Instant;

use super::lines::{BLOCK, HEIGHT, Line, WIDTH};
use crate::x86::amx;

/// Which instructions multiply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Tiles (AMX-BF16).
    Tiles,
    /// Dot products of pairs (AVX512-BF16).
    Pairs,
    /// `f32` products of what the pairs hold, where dot products of pairs are slow (AVX512-BF16).
    Singles,
    /// The same, where there is nothing that rounds to `bfloat16` (AVX-512).
    Plain,
}

/// A dot product of pairs does twice the work of an `f32` product; some cores take four times as long for it. So it is seen
/// which is faster here.
static WITHOUT_TILES: LazyLock<Unit> = LazyLock::new(|| {
    let time = |unit: Unit| {
        let lines = vec![Line([0x3f80; WIDTH]); MEASURED * BLOCK];
        let mut block = Block::ZERO;
        let first = lines.as_ptr();
        let once = |_| {
            let begun = Instant::now();
            // SAFETY: both units are there; `MEASURED` tiles of rows and of columns, and room for the results.
            unsafe {
                let to = block.0.as_mut_ptr().cast();
                multiply(unit, first, first, MEASURED, BLOCK, to, BLOCK);
            }
            begun.elapsed()
        };
        (0..8).map(once).min()
    };
    match time(Unit::Singles) < time(Unit::Pairs) {
        true => Unit::Singles,
        false => Unit::Pairs,
    }
});
/// Tiles next to each other that are multiplied to see which unit is faster.
const MEASURED: usize = 12;

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
            (true, false) => *WITHOUT_TILES,
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
            Unit::Singles | Unit::Plain => {
                each_eight::<false>(rows, columns, steps, height, out, stride);
            }
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
unsafe fn each_eight<const PAIRS: bool>(
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
        unsafe {
            match PAIRS {
                true => eight_pairs(rows.wrapping_add(tile), columns, steps, to, stride),
                false => eight_singles(rows.wrapping_add(tile), columns, steps, to, stride),
            }
        }
    }
}

/// Eight rows of the same tiles, pair by pair.
///
/// # Safety
/// As [`multiply`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn eight_pairs(
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
                        asm!(
                            "vdpbf16ps {sum}, {x}, {y}",
                            sum = inout(zmm_reg) *sum,
                            x = in(zmm_reg) values,
                            y = in(zmm_reg) side,
                            options(pure, nomem, nostack, preserves_flags),
                        );
                    }
                }
            }
        }
        store(&sums, out, stride);
    }
}

/// Eight rows of the same tiles, value by value. The rows are widened once a step, since both of their values would be taken
/// apart for every column otherwise.
///
/// # Safety
/// As [`multiply`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn eight_singles(
    rows: *const Line,
    columns: *const Line,
    steps: usize,
    out: *mut f32,
    stride: usize,
) {
    // A `bfloat16` is the upper half of an `f32`: one of a pair is there already, the other is moved up.
    let upper = _mm512_set1_epi32(0xffff_0000_u32 as i32);
    let mut wide = Wide([[0.0; WIDTH]; 8]);
    // SAFETY: as promised by the caller.
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); 2]; 8];
        for step in 0..steps {
            for (row, to) in wide.0.iter_mut().enumerate() {
                let from = rows.wrapping_add(step * HEIGHT + row).cast::<__m256i>();
                for half in 0..2 {
                    let values = _mm512_cvtepu16_epi32(_mm256_load_si256(from.wrapping_add(half)));
                    let values = _mm512_castsi512_ps(_mm512_slli_epi32::<16>(values));
                    _mm512_store_ps(to.as_mut_ptr().wrapping_add(16 * half), values);
                }
            }
            let columns = columns.wrapping_add(2 * step * HEIGHT);
            for pair in 0..16 {
                let sides = [0, HEIGHT]
                    .map(|side| _mm512_load_si512(columns.wrapping_add(side + pair).cast()));
                let even = sides.map(|v| _mm512_castsi512_ps(_mm512_slli_epi32::<16>(v)));
                let odd = sides.map(|v| _mm512_castsi512_ps(_mm512_and_si512(v, upper)));
                for (values, sums) in wide.0.iter().zip(&mut sums) {
                    let first = _mm512_set1_ps(values[2 * pair]);
                    let second = _mm512_set1_ps(values[2 * pair + 1]);
                    for (side, sum) in sums.iter_mut().enumerate() {
                        *sum = _mm512_fmadd_ps(first, even[side], *sum);
                        *sum = _mm512_fmadd_ps(second, odd[side], *sum);
                    }
                }
            }
        }
        store(&sums, out, stride);
    }
}

/// Eight rows of a tile as `f32`.
#[repr(C, align(64))]
struct Wide([[f32; WIDTH]; 8]);

/// # Safety
/// Eight rows of 32 values, `stride` apart, must be there.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn store(sums: &[[__m512; 2]; 8], out: *mut f32, stride: usize) {
    for (row, sums) in sums.iter().enumerate() {
        let to = out.wrapping_add(row * stride);
        // SAFETY: as promised by the caller.
        unsafe {
            _mm512_storeu_ps(to, sums[0]);
            _mm512_storeu_ps(to.wrapping_add(16), sums[1]);
        }
    }
}
