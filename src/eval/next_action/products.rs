//! Products of matrices that stand row by row, on our kernels.

use attendant_kernels::training::{Side, product};

/// `(rows, inner)` times `(inner, width)`.
pub(super) fn times(x: &[f32], inner: usize, weights: &[f32], width: usize) -> Vec<f32> {
    let rows = x.len() / inner.max(1);
    multiply(
        Side::rows(x, rows, inner),
        Side::rows(weights, inner, width).turned(),
    )
}

/// `(rows, inner)` turned, times `(rows, width)`.
pub(super) fn outer(x: &[f32], inner: usize, y: &[f32], width: usize) -> Vec<f32> {
    let rows = x.len() / inner.max(1);
    multiply(
        Side::rows(x, rows, inner).turned(),
        Side::rows(y, rows, width).turned(),
    )
}

/// `(rows, width)` times `(inner, width)` turned.
pub(super) fn back(y: &[f32], width: usize, weights: &[f32], inner: usize) -> Vec<f32> {
    multiply(
        Side::rows(y, y.len() / width.max(1), width),
        Side::rows(weights, inner, width),
    )
}

fn multiply(x: Side<'_>, y: Side<'_>) -> Vec<f32> {
    let (rows, columns) = (x.height(), y.height());
    let mut out = vec![0.0; rows * columns];
    if !product(x, y, &mut out) {
        for (at, out) in out.iter_mut().enumerate() {
            let (row, column) = (at / columns, at % columns);
            *out = (0..x.width())
                .map(|at| x.at(row, at) * y.at(column, at))
                .sum();
        }
    }
    out
}
