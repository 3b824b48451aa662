use super::*;

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn real(&mut self) -> f32 {
        self.next() as f32 / (1_u64 << 30) as f32 - 1.0
    }
}

fn matrix(kind: Kind, rows: usize, cols: usize) -> Option<Matrix> {
    let mut numbers = Numbers(7);
    let mut data: Vec<u8> = Vec::new();
    for _ in 0..rows * cols / BLOCK {
        let block: Vec<u8> = (0..kind.block_bytes())
            .map(|_| numbers.next() as u8)
            .collect();
        data.extend(block);
        // Scales of a usual size: 2^-11 to 2^-9, here and there a negative one.
        let mut half = |at: usize| {
            let at = data.len() - kind.block_bytes() + at;
            let sign = if numbers.next().is_multiple_of(16) {
                0x80
            } else {
                0
            };
            data[at + 1] = sign | (0x10 + (numbers.next() % 8) as u8);
        };
        match kind {
            Kind::Q4K => {
                half(0);
                half(2);
            }
            Kind::Q6K => half(208),
        }
    }
    Matrix::new(kind, rows, cols, data)
}

fn inputs(rows: usize, cols: usize) -> Vec<f32> {
    let mut numbers = Numbers(3);
    (0..rows * cols).map(|_| numbers.real() * 3.0).collect()
}

/// Largest and usual difference to sums of plain numbers, as shares of the products' usual size.
fn difference(
    kind: Kind,
    rows: usize,
    cols: usize,
    count: usize,
    threads: usize,
) -> Option<(f32, f32)> {
    let matrix = matrix(kind, rows, cols)?;
    let mut x = Activations::default();
    x.take(&Pool::new(threads), &inputs(count, cols), cols);
    let mut out = vec![f32::NAN; count * rows];
    matrix.multiply(&Pool::new(threads), &x, &mut out);
    let mut weights = vec![0.0; cols];
    let (mut worst, mut usual, mut size) = (0.0_f64, 0.0_f64, 0.0_f64);
    for row in 0..rows {
        matrix.row(row, &mut weights);
        for input in 0..count {
            let sum: f64 = (0..cols)
                .map(|col| f64::from(weights[col]) * f64::from(x.value(input, col)))
                .sum();
            let off = (sum - f64::from(out[input * rows + row])).abs();
            worst = worst.max(off);
            usual += off * off;
            size += sum * sum;
        }
    }
    let scale = (size / (count * rows) as f64).sqrt();
    Some(((worst / scale) as f32, (usual / size).sqrt() as f32))
}

#[test]
fn products_are_those_of_plain_numbers() {
    for kind in [Kind::Q4K, Kind::Q6K] {
        for (rows, cols) in [(1, 256), (65, 512), (100, 1536)] {
            for count in 1..=10 {
                let Some(off) = difference(kind, rows, cols, count, 2) else {
                    return;
                };
                assert!(off.0 < 1e-4, "{kind:?} {rows}x{cols} by {count}: {off:?}");
            }
            // Tiles round weights once more.
            for count in [11, 16, 17, 33, 64] {
                let Some(off) = difference(kind, rows, cols, count, 2) else {
                    return;
                };
                assert!(off.1 < 0.012, "{kind:?} {rows}x{cols} by {count}: {off:?}");
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(Matrix::new(Kind::Q4K, 1, 255, vec![0; 144]).is_none());
    assert!(Matrix::new(Kind::Q4K, 1, 256, vec![0; 143]).is_none());
    assert!(Matrix::new(Kind::Q4K, 0, 256, Vec::new()).is_none());
    assert!(Matrix::new(Kind::Q6K, usize::MAX, 512, vec![0; 210]).is_none());
}

#[test]
fn activations_are_rounded_to_the_nearest_and_nonsense_gives_zeros() {
    let mut x = Activations::default();
    let values = inputs(3, 512);
    x.take(&Pool::new(1), &values, 512);
    let largest = values.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
    for row in 0..3 {
        for col in 0..512 {
            let off = (x.value(row, col) - values[row * 512 + col]).abs();
            assert!(off <= largest / 127.0 * 0.51, "{off}");
        }
    }
    let mut bad = vec![0.0; 512];
    bad[3] = f32::NAN;
    bad[300] = f32::INFINITY;
    x.take(&Pool::new(1), &bad, 512);
    assert!((0..512).all(|col| x.value(0, col) == 0.0));
}

#[test]
fn halves_are_read_as_they_are_written() {
    for (bits, value) in [
        (0x3c00_u16, 1.0),
        (0xc000, -2.0),
        (0x0001, 5.960_464_5e-8),
        (0x7bff, 65504.0),
    ] {
        assert_eq!(half(bits.to_le_bytes()), value);
    }
    assert!(half(0x7c00_u16.to_le_bytes()).is_infinite());
}
