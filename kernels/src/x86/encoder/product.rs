//! One product of two matrices, packed on the way.

use std::sync::LazyLock;

use super::block::{Block, Ready, Unit, multiply};
use super::lines::{BLOCK, HEIGHT, Line, Lines, WIDTH, place, round};
use crate::training::Side;

static UNIT: LazyLock<Unit> = LazyLock::new(Unit::best);

/// `x * y^T`; lengths and the machine must have been checked.
pub(crate) fn product(x: Side<'_>, y: Side<'_>, out: &mut [f32]) {
    let width = x.width().next_multiple_of(WIDTH);
    let rows = rows(x, width);
    let columns = columns(y, width);
    // SAFETY: the machine was checked, and the unit is one of its.
    unsafe { blocks(*UNIT, &rows, &columns, x.height(), y.height(), out) };
}

fn rows(x: Side<'_>, width: usize) -> Lines {
    let mut lines = Lines::default();
    lines.resize(x.height(), width);
    let tiles = lines.tiles();
    let packed = lines.lines_mut();
    let mut piece = [[0; WIDTH]; HEIGHT];
    for row in (0..x.height()).step_by(HEIGHT) {
        for tile in 0..tiles {
            x.piece(row, tile * WIDTH, &mut piece);
            let first = place(tiles, row, tile);
            for (line, values) in packed[first..first + HEIGHT].iter_mut().zip(&piece) {
                line.0 = *values;
            }
        }
    }
    lines
}

/// Panels of 32 rows of `y`, in the order of [`Dense::pack`](super::dense::Dense::pack).
fn columns(y: Side<'_>, width: usize) -> Vec<Line> {
    let steps = width / WIDTH;
    let mut lines = vec![Line::ZERO; y.height().div_ceil(BLOCK) * width];
    let mut piece = [[0; WIDTH]; HEIGHT];
    for row in (0..y.height()).step_by(HEIGHT) {
        for step in 0..steps {
            y.piece(row, step * WIDTH, &mut piece);
            let half = row % BLOCK;
            let first = (row / BLOCK * steps + step) * BLOCK + half;
            for (pair, line) in lines[first..first + HEIGHT].iter_mut().enumerate() {
                for (to, values) in line.0.as_chunks_mut::<2>().0.iter_mut().zip(&piece) {
                    *to = [values[2 * pair], values[2 * pair + 1]];
                }
            }
        }
    }
    lines
}

impl Side<'_> {
    /// Sixteen rows of 32 numbers, rounded; what is outside of the matrix is 0.
    fn piece(&self, row: usize, column: usize, piece: &mut [[u16; WIDTH]; HEIGHT]) {
        let rows = (self.height() - row).min(HEIGHT);
        let columns = (self.width() - column).min(WIDTH);
        if (rows, columns) != (HEIGHT, WIDTH) {
            *piece = [[0; WIDTH]; HEIGHT];
        }
        match self.is_turned() {
            // One behind the other in memory: read in that order.
            false => {
                for (values, row) in piece.iter_mut().zip(row..row + rows) {
                    let from = self.line(row, column, columns);
                    values
                        .iter_mut()
                        .zip(from)
                        .for_each(|(to, x)| *to = round(*x));
                }
            }
            true => {
                for (at, column) in (column..column + columns).enumerate() {
                    let from = self.line(column, row, rows);
                    for (values, x) in piece.iter_mut().zip(from) {
                        values[at] = round(*x);
                    }
                }
            }
        }
    }
}

/// # Safety
/// The instructions of `unit` must be there.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c")]
unsafe fn blocks(
    unit: Unit,
    x: &Lines,
    columns: &[Line],
    height: usize,
    width: usize,
    out: &mut [f32],
) {
    let steps = x.tiles();
    let mut block = Block::ZERO;
    // SAFETY: the unit is there.
    let _ready = unsafe { Ready::new(unit) };
    for panel in 0..width.div_ceil(BLOCK) {
        let lines = columns[panel * steps * BLOCK..(panel + 1) * steps * BLOCK].as_ptr();
        for row in (0..height).step_by(BLOCK) {
            let rows = (height - row).min(BLOCK);
            // SAFETY: rows are packed in whole blocks, the panel is whole, the block has room.
            unsafe {
                let to = block.0.as_mut_ptr().cast();
                multiply(unit, x.tile(row), lines, steps, rows, to, BLOCK);
            }
            let first = panel * BLOCK;
            let wide = (width - first).min(BLOCK);
            for (sums, row) in block.0.iter().zip(row..row + rows) {
                let start = row * width + first;
                out[start..start + wide].copy_from_slice(&sums[..wide]);
            }
        }
    }
}
