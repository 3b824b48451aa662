//! What training small layers takes: products of any matrices, and GELU with its slope.
//!
//! Products are of `bfloat16` with `f32` sums, as in [`encoder`](crate::encoder), on the calling thread.

/// A matrix as it stands in memory, row by row, or turned: rows for columns.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    values: &'a [f32],
    rows: usize,
    inner: usize,
    turned: bool,
}

impl<'a> Side<'a> {
    /// A matrix that stands row by row.
    ///
    /// # Panics
    /// If the length is another.
    pub fn rows(values: &'a [f32], rows: usize, inner: usize) -> Self {
        assert_eq!(values.len(), rows * inner, "a matrix of another size");
        Self {
            values,
            rows,
            inner,
            turned: false,
        }
    }

    /// The same matrix with rows and columns exchanged.
    #[must_use]
    pub fn turned(self) -> Self {
        Self {
            rows: self.inner,
            inner: self.rows,
            turned: !self.turned,
            ..self
        }
    }

    /// How many rows.
    pub fn height(&self) -> usize {
        self.rows
    }

    /// How many columns.
    pub fn width(&self) -> usize {
        self.inner
    }

    /// A number.
    ///
    /// # Panics
    /// Outside of the matrix.
    pub fn at(&self, row: usize, column: usize) -> f32 {
        match self.turned {
            false => self.values[row * self.inner + column],
            true => self.values[column * self.rows + row],
        }
    }

    #[cfg(target_arch = "x86_64")]
    pub(crate) fn is_turned(&self) -> bool {
        self.turned
    }

    /// Some numbers that stand one behind the other in memory: of a row as it stands there, from `column` on.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn line(&self, row: usize, column: usize, length: usize) -> &[f32] {
        let width = if self.turned { self.rows } else { self.inner };
        let start = row * width + column;
        &self.values[start..start + length]
    }
}

/// `x * y^T` into `out`, `(rows of x, rows of y)`. `false`, and nothing done, on a machine without AVX-512.
///
/// # Panics
/// If the lengths do not fit.
pub fn product(x: Side<'_>, y: Side<'_>, out: &mut [f32]) -> bool {
    assert_eq!(x.inner, y.inner, "rows of different lengths");
    assert_eq!(out.len(), x.rows * y.rows, "no room for the products");
    #[cfg(target_arch = "x86_64")]
    if crate::x86::supported() {
        crate::x86::encoder::product(x, y, out);
        return true;
    }
    false
}

/// `e^x`, to about seven digits, without a branch, so that the compiler turns it into vectors.
fn exp(x: f32) -> f32 {
    let x = (x * std::f32::consts::LOG2_E).clamp(-126.0, 126.0);
    // Adding and taking off a large number rounds.
    let whole = (x + 12_582_912.0) - 12_582_912.0;
    let part = (x - whole) * std::f32::consts::LN_2;
    let terms = [
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];
    let power = terms.iter().fold(0.0, |sum, term| sum * part + term);
    power * f32::from_bits(((whole as i32 + 127) << 23) as u32)
}

/// Share of a normal distribution below `x` and its density there (Abramowitz and Stegun 1964, 7.1.26).
fn normal(x: f32) -> (f32, f32) {
    let t = 1.0 / (1.0 + 0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2 * x.abs());
    let bell = exp(-0.5 * x * x);
    let terms = [
        1.061_405_4,
        -1.453_152,
        1.421_413_7,
        -0.284_496_74,
        0.254_829_6,
    ];
    let tail = 0.5 * bell * terms.iter().fold(0.0, |sum, term| (sum + term) * t);
    let below = if x < 0.0 { tail } else { 1.0 - tail };
    (below, 0.398_942_3 * bell)
}

/// GELU (Hendrycks and Gimpel 2016) of every number.
///
/// # Panics
/// If the lengths differ.
pub fn gelu(x: &[f32], out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "no room");
    for (out, x) in out.iter_mut().zip(x) {
        *out = x * normal(*x).0;
    }
}

/// The slope of [`gelu`] times what comes from behind it.
///
/// # Panics
/// If the lengths differ.
pub fn gelu_slope(x: &[f32], behind: &[f32], out: &mut [f32]) {
    assert!(x.len() == out.len() && x.len() == behind.len(), "no room");
    for ((out, x), behind) in out.iter_mut().zip(x).zip(behind) {
        let (below, density) = normal(*x);
        *out = behind * (below + x * density);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(n: usize, seed: usize) -> Vec<f32> {
        (0..n)
            .map(|i| ((i * 7919 + seed * 104_729) % 1009) as f32 / 504.5 - 1.0)
            .collect()
    }

    #[test]
    fn products_of_any_size_and_turn_are_right() {
        for (rows, columns, inner) in [(1, 1, 1), (33, 70, 45), (64, 32, 96), (5, 3, 130)] {
            let (x, y) = (numbers(rows * inner, 1), numbers(columns * inner, 2));
            let plain = |row: usize, column: usize| -> f32 {
                (0..inner)
                    .map(|i| x[row * inner + i] * y[column * inner + i])
                    .sum()
            };
            let turn = |values: &[f32], rows: usize| -> Vec<f32> {
                let at = |at: usize| values[at % rows * inner + at / rows];
                (0..values.len()).map(at).collect()
            };
            let (turned_x, turned_y) = (turn(&x, rows), turn(&y, columns));
            let pairs = [
                (Side::rows(&x, rows, inner), Side::rows(&y, columns, inner)),
                (
                    Side::rows(&turned_x, inner, rows).turned(),
                    Side::rows(&turned_y, inner, columns).turned(),
                ),
            ];
            for (x, y) in pairs {
                let mut out = vec![0.0; rows * columns];
                if !product(x, y, &mut out) {
                    return;
                }
                for (at, out) in out.iter().enumerate() {
                    let right = plain(at / columns, at % columns);
                    let room = 0.02 * (inner as f32).sqrt();
                    assert!((out - right).abs() < room, "{out} {right}");
                }
            }
        }
    }

    #[test]
    fn gelu_and_its_slope_are_those_of_the_book() {
        let x = [-3.0_f32, -1.0, -0.1, 0.0, 0.5, 1.0, 2.5, 90.0, -90.0];
        let right = [
            -0.004_049_7,
            -0.158_655_3,
            -0.046_017_2,
            0.0,
            0.345_731_2,
            0.841_344_7,
            2.484_475_8,
            90.0,
            0.0,
        ];
        let mut out = [0.0; 9];
        gelu(&x, &mut out);
        for (out, right) in out.iter().zip(right) {
            assert!((out - right).abs() < 1e-5, "{out} {right}");
        }
        let mut slope = [0.0; 9];
        gelu_slope(&x, &[1.0; 9], &mut slope);
        let step = 1e-2_f32;
        let [mut above, mut below] = [[0.0; 9]; 2];
        gelu(&x.map(|x| x + step), &mut above);
        gelu(&x.map(|x| x - step), &mut below);
        for ((slope, above), below) in slope.iter().zip(above).zip(below) {
            assert!((slope - (above - below) / (2.0 * step)).abs() < 2e-3);
        }
    }
}
