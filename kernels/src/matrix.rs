//! A matrix of quantised weights as it stands in a GGUF file.

use std::fmt;

use crate::ops::Shared;
use crate::{Activations, BLOCK, Pool};

/// Rows of the matrix that one thread takes at once.
const CHUNK: usize = 64;

/// How weights are stored, 256 to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Eight sub-blocks of 32 values of 4 bits, each with a scale and an offset of 6 bits; 144 bytes.
    Q4K,
    /// Sixteen sub-blocks of 16 values of 6 bits, each with a scale of 8 bits; 210 bytes.
    Q6K,
}

impl Kind {
    /// Bytes of a block.
    pub fn block_bytes(self) -> usize {
        match self {
            Self::Q4K => 144,
            Self::Q6K => 210,
        }
    }
}

/// Quantised weights, `(rows, cols)`, row by row.
pub struct Matrix {
    kind: Kind,
    rows: usize,
    cols: usize,
    data: Vec<u8>,
}

impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matrix")
            .field("kind", &self.kind)
            .field("rows", &self.rows)
            .field("cols", &self.cols)
            .finish_non_exhaustive()
    }
}

impl Matrix {
    /// Whether this machine has the instructions.
    pub fn supported() -> bool {
        #[cfg(target_arch = "x86_64")]
        return crate::x86::supported();
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    /// Takes the bytes of a tensor. `None` where this machine or these sizes are not supported: `cols`
    /// is no multiple of 256, or `data` is not as long as it must be.
    pub fn new(kind: Kind, rows: usize, cols: usize, data: Vec<u8>) -> Option<Self> {
        let bytes = rows
            .checked_mul(cols / BLOCK)?
            .checked_mul(kind.block_bytes())?;
        let fits = rows > 0 && cols > 0 && cols.is_multiple_of(BLOCK) && data.len() == bytes;
        (fits && Self::supported()).then_some(Self {
            kind,
            rows,
            cols,
            data,
        })
    }

    /// Values of a result.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Values of an input.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Products of the matrix and every row of `x`, `(x.rows, rows)`.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn multiply(&self, pool: &Pool, x: &Activations, out: &mut [f32]) {
        Self::multiply_each(pool, x, &mut [(self, out)]);
    }

    /// Products of several matrices and the same `x` in one go, so that the threads meet only once.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn multiply_each(pool: &Pool, x: &Activations, parts: &mut [(&Self, &mut [f32])]) {
        let mut chunks = Vec::new();
        for (matrix, out) in parts {
            assert_eq!(x.cols, matrix.cols, "rows of another length");
            assert_eq!(out.len(), x.rows * matrix.rows, "no room for the products");
            let out = out.as_mut_ptr();
            for from in (0..matrix.rows).step_by(CHUNK) {
                let range = from..(from + CHUNK).min(matrix.rows);
                chunks.push((&**matrix, range, Shared(out)));
            }
        }
        pool.run(chunks.len(), &|chunk| {
            let (matrix, range, out) = &chunks[chunk];
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `new` saw that the instructions are there and how long the data is; every chunk
            // writes columns of its own, within its `out`.
            unsafe {
                let (kind, data, rows) = (matrix.kind, &matrix.data, matrix.rows);
                crate::x86::multiply(kind, data, range.clone(), x, out.at(0), rows);
            }
            #[cfg(not(target_arch = "x86_64"))]
            let _ = (matrix, range, out);
        });
    }

    /// One row of the matrix as plain numbers.
    ///
    /// # Panics
    /// If there is no such row, or `out` is not as long as one.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        assert!(row < self.rows && out.len() == self.cols, "no such row");
        let bytes = self.kind.block_bytes();
        let first = row * (self.cols / BLOCK) * bytes;
        let blocks = self.data[first..].chunks_exact(bytes);
        for (block, out) in blocks.zip(out.chunks_exact_mut(BLOCK)) {
            match self.kind {
                Kind::Q4K => q4k_values(block, out),
                Kind::Q6K => q6k_values(block, out),
            }
        }
    }
}

/// A half-precision number.
pub(crate) fn half(bytes: [u8; 2]) -> f32 {
    let bits = u32::from(u16::from_le_bytes(bytes));
    let (sign, exponent, fraction) = ((bits >> 15) << 31, (bits >> 10) & 31, bits & 1023);
    match exponent {
        0 => {
            let tiny = fraction as f32 / 16_777_216.0;
            if sign == 0 { tiny } else { -tiny }
        }
        31 => f32::from_bits(sign | 0x7f80_0000 | (fraction << 13)),
        _ => f32::from_bits(sign | ((exponent + 112) << 23) | (fraction << 13)),
    }
}

/// Scale and offset of sub-block `j` of a Q4_K block, from its twelve bytes of 6-bit numbers.
pub(crate) fn scale_and_offset(j: usize, packed: &[u8]) -> (u8, u8) {
    if j < 4 {
        (packed[j] & 63, packed[j + 4] & 63)
    } else {
        (
            (packed[j + 4] & 15) | ((packed[j - 4] >> 6) << 4),
            (packed[j + 4] >> 4) | ((packed[j] >> 6) << 4),
        )
    }
}

fn q4k_values(block: &[u8], out: &mut [f32]) {
    let (d, dmin) = (half([block[0], block[1]]), half([block[2], block[3]]));
    for (j, out) in out.chunks_exact_mut(32).enumerate() {
        let (scale, offset) = scale_and_offset(j, &block[4..16]);
        let packed = &block[16 + j / 2 * 32..];
        for (out, byte) in out.iter_mut().zip(packed) {
            let value = if j % 2 == 0 { byte & 15 } else { byte >> 4 };
            *out = d * f32::from(scale) * f32::from(value) - dmin * f32::from(offset);
        }
    }
}

fn q6k_values(block: &[u8], out: &mut [f32]) {
    let (low, high, scales) = (&block[..128], &block[128..192], &block[192..208]);
    let d = half([block[208], block[209]]);
    for (at, out) in out.iter_mut().enumerate() {
        let (half, within) = (at / 128, at % 128);
        let (quarter, l) = (within / 32, within % 32);
        let byte = low[half * 64 + quarter % 2 * 32 + l];
        let bits = if quarter < 2 { byte & 15 } else { byte >> 4 };
        let more = (high[half * 32 + l] >> (2 * quarter)) & 3;
        let value = i32::from(bits | (more << 4)) - 32;
        *out = d * f32::from(scales[at / 16] as i8) * value as f32;
    }
}

#[cfg(test)]
mod tests;
