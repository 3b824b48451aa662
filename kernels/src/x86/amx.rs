//! Many rows of activations: products of tiles on the matrix unit (AMX).

use std::arch::asm;
use std::arch::x86_64::*;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::OnceLock;

use super::panel::{BLOCK_LINES, WIDTH, fill};
use crate::activations::Line;
use crate::{Activations, BLOCK, Kind};

/// Rows of activations in a tile.
const HEIGHT: usize = 16;

/// Whether this machine has the unit and the system lets us use it.
pub(super) fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        let leaf = __cpuid_count(7, 0);
        let (tile, int8) = (leaf.edx & (1 << 24) != 0, leaf.edx & (1 << 25) != 0);
        tile && int8 && permitted()
    })
}

/// Whether the unit multiplies `bfloat16` too.
pub(super) fn bf16() -> bool {
    available() && __cpuid_count(7, 0).edx & (1 << 22) != 0
}

/// Sets the unit up for this thread: eight tiles of 16 lines.
///
/// # Safety
/// [`available`] must be true.
pub(super) unsafe fn configure() {
    // SAFETY: a valid configuration; the unit is there.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const CONFIG, options(nostack, readonly)) };
}

/// Gives the unit back, so that the system need not save its registers.
///
/// # Safety
/// [`available`] must be true.
pub(super) unsafe fn release() {
    // SAFETY: the unit is there.
    unsafe { asm!("tilerelease", options(nostack, nomem)) };
}

/// Asks Linux for the unit's registers, which are not given unasked: `arch_prctl` with
/// `ARCH_REQ_XCOMP_PERM` for `XTILEDATA`.
#[cfg(target_os = "linux")]
fn permitted() -> bool {
    let mut answer: i64 = 158;
    // SAFETY: a system call that changes nothing but what this process may use.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") answer,
            in("rdi") 0x1023_i64,
            in("rsi") 18_i64,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    answer == 0
}

#[cfg(not(target_os = "linux"))]
fn permitted() -> bool {
    false
}

#[repr(C, align(64))]
struct Config {
    palette: u8,
    start: u8,
    reserved: [u8; 14],
    line_bytes: [u16; 16],
    lines: [u8; 16],
}

/// Eight tiles of 16 lines of 64 bytes: four for sums, two for activations, two for weights.
static CONFIG: Config = Config {
    palette: 1,
    start: 0,
    reserved: [0; 14],
    line_bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    lines: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

/// Four tiles of sums.
#[repr(C, align(64))]
struct Sums([[[i32; WIDTH]; HEIGHT]; 4]);

/// Products of 32 rows of activations and 32 of weights.
#[repr(C, align(64))]
struct Products([[[f32; WIDTH]; 2]; 2 * HEIGHT]);

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
/// As [`super::multiply`]; [`available`] must be true.
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
    // Other code on this thread may use the unit in its own way, so it is set up for every call.
    // SAFETY: the unit is there.
    unsafe { configure() };
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
                fill::<0>(
                    kind,
                    weights,
                    count,
                    blocks,
                    &mut panels.lines[side],
                    &mut panels.scales[side],
                );
            }
        }
        for row in (0..x.rows).step_by(2 * HEIGHT) {
            // SAFETY: rows of `x`, columns of this range.
            unsafe { block_of_products(panels, x, row, first, counts, out, rows) };
        }
        first += 2 * WIDTH;
    }
    // SAFETY: it was set up.
    unsafe { release() };
}

/// The products of up to 32 rows of activations from `row` on and two panels.
///
/// # Safety
/// The unit must be set up; `out` must have room.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn block_of_products(
    panels: &Panels,
    x: &Activations,
    row: usize,
    first: usize,
    counts: [usize; 2],
    out: *mut f32,
    rows: usize,
) {
    let blocks = x.cols / BLOCK;
    let height = (x.rows - row).min(2 * HEIGHT);
    let mut sums = Sums([[[0; WIDTH]; HEIGHT]; 4]);
    let mut products = Products([[[0.0; WIDTH]; 2]; 2 * HEIGHT]);
    let upper = x.values().wrapping_add(row * x.cols);
    // Where there is no second tile of rows, the first is read twice and its products are not used.
    let lower = match height > HEIGHT {
        true => upper.wrapping_add(HEIGHT * x.cols),
        false => upper,
    };
    for block in 0..blocks {
        // SAFETY: the tiles are within the activations (padded to 16 rows) and the panels.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                options(nostack, nomem)
            );
            for step in 0..BLOCK / 64 {
                let at = block * BLOCK + step * 64;
                let line = block * BLOCK_LINES + step * 16;
                asm!(
                    "tileloadd tmm4, [{upper} + {stride}*1]",
                    "tileloadd tmm6, [{left} + {width}*1]",
                    "tdpbssd tmm0, tmm4, tmm6",
                    "tileloadd tmm7, [{right} + {width}*1]",
                    "tdpbssd tmm1, tmm4, tmm7",
                    "tileloadd tmm5, [{lower} + {stride}*1]",
                    "tdpbssd tmm2, tmm5, tmm6",
                    "tdpbssd tmm3, tmm5, tmm7",
                    upper = in(reg) upper.wrapping_add(at),
                    lower = in(reg) lower.wrapping_add(at),
                    left = in(reg) panels.lines[0].as_ptr().wrapping_add(line),
                    right = in(reg) panels.lines[1].as_ptr().wrapping_add(line),
                    stride = in(reg) x.cols,
                    width = in(reg) 64_usize,
                    options(nostack, readonly),
                );
            }
            asm!(
                "tilestored [{to} + {width}*1], tmm0",
                "tilestored [{to} + {width}*1 + 1024], tmm1",
                "tilestored [{to} + {width}*1 + 2048], tmm2",
                "tilestored [{to} + {width}*1 + 3072], tmm3",
                to = in(reg) &raw mut sums,
                width = in(reg) 64_usize,
                options(nostack),
            );
        }
        let scales = [0, 1].map(|side: usize| {
            let from = panels.scales[side].as_ptr().wrapping_add(block * WIDTH);
            // SAFETY: 16 numbers a block.
            unsafe { _mm512_loadu_ps(from) }
        });
        for m in 0..height {
            // SAFETY: aligned lines of the two local arrays; a scale of one of the rows.
            unsafe {
                let scale = *x.scales.as_ptr().wrapping_add((row + m) * blocks + block);
                let scale = _mm512_set1_ps(scale);
                for (side, &scales) in scales.iter().enumerate() {
                    let tile = &sums.0[2 * (m / HEIGHT) + side][m % HEIGHT];
                    let whole = _mm512_cvtepi32_ps(_mm512_load_si512(tile.as_ptr().cast()));
                    let to = products.0[m][side].as_mut_ptr();
                    let factor = _mm512_mul_ps(scale, scales);
                    let sum = _mm512_fmadd_ps(whole, factor, _mm512_load_ps(to));
                    _mm512_store_ps(to, sum);
                }
            }
        }
    }
    for (m, products) in products.0.iter().enumerate().take(height) {
        for (side, products) in products.iter().enumerate() {
            let to = out.wrapping_add((row + m) * rows + first + side * WIDTH);
            let mask = ((1_u32 << counts[side]) - 1) as u16;
            // SAFETY: the columns of this range that there are.
            unsafe { _mm512_mask_storeu_ps(to, mask, _mm512_load_ps(products.as_ptr())) };
        }
    }
}
