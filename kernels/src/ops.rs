//! What stands between the products: norms, rotation, gates. Everything is `f32`, row by row.

use crate::Pool;

/// `x / rms(x) * weight`, for every row of `x`.
///
/// # Panics
/// If the lengths do not fit.
pub fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
    assert!(x.len() == out.len() && x.len().is_multiple_of(weight.len()));
    let rows = x.chunks_exact(weight.len());
    for (x, out) in rows.zip(out.chunks_exact_mut(weight.len())) {
        // Eight sums side by side, which the compiler turns into vectors.
        let mut sums = [0.0_f32; 8];
        for part in x.chunks(8) {
            for (sum, x) in sums.iter_mut().zip(part) {
                *sum += x * x;
            }
        }
        let mean = sums.iter().sum::<f32>() / x.len() as f32;
        let factor = 1.0 / (mean + epsilon).sqrt();
        for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
            *out = x * factor * weight;
        }
    }
}

/// Adds a bias to every row.
pub fn add_bias(rows: &mut [f32], bias: &[f32]) {
    for row in rows.chunks_exact_mut(bias.len().max(1)) {
        for (x, bias) in row.iter_mut().zip(bias) {
            *x += bias;
        }
    }
}

/// Adds `y` to `x`.
pub fn add(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}

/// The sum of the products of two rows; what one has more than the other is left out.
pub fn dot(x: &[f32], y: &[f32]) -> f32 {
    // Sixteen sums side by side: one after the other each would wait for the one before.
    let mut sums = [0.0_f32; 16];
    let (xs, x_rest) = x.as_chunks::<16>();
    let (ys, y_rest) = y.as_chunks::<16>();
    for (x, y) in xs.iter().zip(ys) {
        for ((sum, x), y) in sums.iter_mut().zip(x).zip(y) {
            *sum += x * y;
        }
    }
    let whole = xs.len().min(ys.len());
    let rest = match xs.len().cmp(&ys.len()) {
        std::cmp::Ordering::Equal => x_rest.iter().zip(y_rest),
        std::cmp::Ordering::Less => x_rest.iter().zip(&y[whole * 16..]),
        std::cmp::Ordering::Greater => x[whole * 16..].iter().zip(y_rest),
    };
    sums.iter().sum::<f32>() + rest.map(|(x, y)| x * y).sum::<f32>()
}

/// Adds the product of `x` and a small unquantised matrix to `out`. `weights` holds a row of `out.len()` values for
/// each value of `x`.
///
/// # Panics
/// If the lengths do not fit.
pub fn add_product(out: &mut [f32], weights: &[f32], x: &[f32]) {
    let width = out.len();
    assert_eq!(weights.len(), x.len() * width);
    if width == 0 {
        return;
    }
    // Four rows at once, so that `out` is read and written once for all of them.
    let (fours, rest) = x.as_chunks::<4>();
    let (rows, last) = weights.split_at(fours.len() * 4 * width);
    for (x, rows) in fours.iter().zip(rows.chunks_exact(4 * width)) {
        let (a, rows) = rows.split_at(width);
        let (b, rows) = rows.split_at(width);
        let (c, d) = rows.split_at(width);
        for ((((out, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *out += (x[0] * a + x[1] * b) + (x[2] * c + x[3] * d);
        }
    }
    for (x, row) in rest.iter().zip(last.chunks_exact(width)) {
        for (out, weight) in out.iter_mut().zip(row) {
            *out += x * weight;
        }
    }
}

/// Turns every head of a row by its position. `cos` and `sin` hold `dim / 2` numbers for that position.
/// Pairs stand half a head apart, or next to each other where `interleaved`.
pub fn rotate(row: &mut [f32], dim: usize, cos: &[f32], sin: &[f32], interleaved: bool) {
    let half = dim / 2;
    for head in row.chunks_exact_mut(dim) {
        if interleaved {
            for (pair, (cos, sin)) in head.chunks_exact_mut(2).zip(cos.iter().zip(sin)) {
                let (a, b) = (pair[0], pair[1]);
                pair[0] = a * cos - b * sin;
                pair[1] = a * sin + b * cos;
            }
        } else {
            let (low, high) = head.split_at_mut(half);
            for ((a, b), (cos, sin)) in low.iter_mut().zip(high).zip(cos.iter().zip(sin)) {
                let (x, y) = (*a, *b);
                *a = x * cos - y * sin;
                *b = x * sin + y * cos;
            }
        }
    }
}

/// `silu(gate) * up`, into `gate`.
///
/// # Panics
/// If the lengths differ.
pub fn gate(pool: &Pool, gate: &mut [f32], up: &[f32]) {
    assert_eq!(gate.len(), up.len());
    let part = 8192;
    let gates = Shared(gate.as_mut_ptr());
    pool.run(up.len().div_ceil(part), &|chunk| {
        let from = chunk * part;
        let up = &up[from..(from + part).min(up.len())];
        // SAFETY: every chunk has values of its own.
        let gate = unsafe { std::slice::from_raw_parts_mut(gates.at(from), up.len()) };
        #[cfg(target_arch = "x86_64")]
        if crate::x86::supported() {
            // SAFETY: the instructions are there, the lengths are the same.
            unsafe { crate::x86::ops::gate(gate, up) };
            return;
        }
        for (gate, up) in gate.iter_mut().zip(up) {
            *gate *= up / (1.0 + (-*gate).exp());
        }
    });
}

/// A place that several threads write, each other parts of it.
pub(crate) struct Shared(pub(crate) *mut f32);

// SAFETY: see where it is used: the parts are disjoint.
unsafe impl Sync for Shared {}

impl Shared {
    pub(crate) fn at(&self, index: usize) -> *mut f32 {
        self.0.wrapping_add(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(97);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn dots_of_any_length() {
        for (left, right) in [
            (0, 0),
            (3, 3),
            (16, 16),
            (384, 384),
            (37, 21),
            (15, 40),
            (40, 15),
        ] {
            let (x, y) = (numbers(left, 3), numbers(right, 8));
            let wanted: f32 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
            assert!((dot(&x, &y) - wanted).abs() < 1e-4, "{left} {right}");
        }
    }

    #[test]
    fn products_are_added() {
        for (inputs, outputs) in [(0, 3), (1, 1), (5, 7), (8, 16), (11, 258)] {
            let (x, weights) = (numbers(inputs, 3), numbers(inputs * outputs, 8));
            let mut out = vec![1.0; outputs];
            add_product(&mut out, &weights, &x);
            for (column, got) in out.iter().enumerate() {
                let products = x.iter().enumerate();
                let wanted: f32 = products
                    .map(|(i, x)| x * weights[i * outputs + column])
                    .sum();
                assert!((got - 1.0 - wanted).abs() < 1e-5, "{got} {wanted}");
            }
        }
        add_product(&mut [], &[], &[1.0]);
    }

    #[test]
    fn gates_are_those_of_the_definition() {
        let mut gates: Vec<f32> = (-200..200).map(|i| i as f32 / 2.0).collect();
        gates.extend([0.1, -0.3, 1e-6]);
        let ups = numbers(gates.len(), 5);
        let wanted: Vec<f32> = gates
            .iter()
            .zip(&ups)
            .map(|(g, u)| (f64::from(*g) / (1.0 + (-f64::from(*g)).exp()) * f64::from(*u)) as f32)
            .collect();
        gate(&Pool::new(1), &mut gates, &ups);
        for (got, wanted) in gates.iter().zip(wanted) {
            assert!(
                (got - wanted).abs() <= wanted.abs() * 2e-6 + 1e-30,
                "{got} {wanted}"
            );
        }
    }

    #[test]
    fn rotation_keeps_lengths_and_norms_are_norms() {
        let row = numbers(8, 4);
        for interleaved in [false, true] {
            let mut turned = row.clone();
            let angle = 0.7_f32;
            rotate(
                &mut turned,
                4,
                &[angle.cos(), 1.0],
                &[angle.sin(), 0.0],
                interleaved,
            );
            let length = |x: &[f32]| x.iter().map(|v| v * v).sum::<f32>();
            assert!((length(&row) - length(&turned)).abs() < 1e-5);
            assert_ne!(row, turned);
        }
        let mut out = vec![0.0; 8];
        rms_norm(&row, &[2.0; 8], 0.0, &mut out);
        let mean = out.iter().map(|v| v * v).sum::<f32>() / 8.0;
        assert!((mean - 4.0).abs() < 1e-4, "{mean}");
    }
}
