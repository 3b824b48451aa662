//! Rows of `bfloat16` values in the order in which the matrix unit reads them.

/// Values of a line.
pub(super) const WIDTH: usize = 32;
/// Rows of a tile.
pub(super) const HEIGHT: usize = 16;
/// Rows that are multiplied at once.
pub(super) const BLOCK: usize = 2 * HEIGHT;

/// A cache line of values, as bits.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub(super) struct Line(pub(super) [u16; WIDTH]);

impl Line {
    pub(super) const ZERO: Self = Self([0; WIDTH]);
}

/// Rows of values. Sixteen lines, one of each of sixteen rows, make a tile; the tiles of the same rows follow each
/// other.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rows: usize,
    /// Tiles next to each other.
    tiles: usize,
    lines: Vec<Line>,
}

/// Lines that several threads write, each others.
#[derive(Clone, Copy)]
pub(super) struct SharedLines {
    first: *mut Line,
    tiles: usize,
}

// SAFETY: see where it is used: no two threads write the same line.
unsafe impl Sync for SharedLines {}

impl Lines {
    /// Makes room for `rows` of `cols` values, a multiple of [`WIDTH`]. Blocks are always whole; what is in rows
    /// that are not used does not matter.
    pub(super) fn resize(&mut self, rows: usize, cols: usize) {
        self.rows = rows;
        self.tiles = cols / WIDTH;
        self.lines
            .resize(rows.next_multiple_of(BLOCK) * self.tiles, Line::ZERO);
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn tiles(&self) -> usize {
        self.tiles
    }

    /// The first line of the tiles of row `row`, a multiple of [`HEIGHT`].
    pub(super) fn tile(&self, row: usize) -> *const Line {
        self.lines[row * self.tiles..].as_ptr()
    }

    pub(super) fn line(&self, row: usize, tile: usize) -> &Line {
        &self.lines[place(self.tiles, row, tile)]
    }

    pub(super) fn lines_mut(&mut self) -> &mut [Line] {
        &mut self.lines
    }

    pub(super) fn shared(&mut self) -> SharedLines {
        SharedLines {
            first: self.lines.as_mut_ptr(),
            tiles: self.tiles,
        }
    }
}

impl SharedLines {
    /// A line; the next tile's of the same row is [`HEIGHT`] lines on.
    pub(super) fn line(self, row: usize, tile: usize) -> *mut Line {
        self.first.wrapping_add(place(self.tiles, row, tile))
    }
}

/// Where the line of a row stands.
pub(super) fn place(tiles: usize, row: usize, tile: usize) -> usize {
    (row / HEIGHT * tiles + tile) * HEIGHT + row % HEIGHT
}

/// The nearest `bfloat16`, ties to even, as bits.
pub(super) fn round(value: f32) -> u16 {
    let bits = value.to_bits();
    let up = 0x7fff + (bits >> 16 & 1);
    (bits.wrapping_add(up) >> 16) as u16
}
