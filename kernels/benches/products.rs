//! Times of the products at the sizes of a 1.5B model: `cargo bench --profile dev -p attendant-kernels`.
#![allow(missing_docs, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use attendant_kernels::{Activations, Kind, Matrix, Pool};

const ROUNDS: usize = 15;

fn bytes(count: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(97);
        // Every exponent of a half-precision scale stays small.
        (state >> 33) as u8 & 0x3f
    };
    (0..count).map(|_| next()).collect()
}

fn main() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = Pool::new(threads);
    println!("{threads} threads; milliseconds, and billions of multiplications a second");
    for (kind, rows, cols) in [
        (Kind::Q4K, 8960, 1536),
        (Kind::Q6K, 1536, 8960),
        (Kind::Q6K, 151_936, 1536),
    ] {
        let data = bytes(rows * cols / 256 * kind.block_bytes(), 7);
        let Some(matrix) = Matrix::new(kind, rows, cols, data) else {
            println!("this machine has no kernels");
            return;
        };
        for count in [1, 2, 4, 6, 8, 12, 16, 24, 64, 256] {
            if count * rows > 20_000_000 {
                continue;
            }
            let x: Vec<f32> = (0..count * cols)
                .map(|i| ((i * 31) % 17) as f32 - 8.0)
                .collect();
            let mut activations = Activations::default();
            activations.take(&pool, &x, cols);
            let mut out = vec![0.0; count * rows];
            let mut best = f64::INFINITY;
            for _ in 0..ROUNDS {
                let start = Instant::now();
                matrix.multiply(&pool, black_box(&activations), &mut out);
                best = best.min(start.elapsed().as_secs_f64());
            }
            black_box(&out);
            let speed = (count * rows * cols) as f64 / best / 1e9;
            println!(
                "{kind:?} {rows} x {cols} by {count:3}: {:8.3} ms {speed:7.1}",
                best * 1e3
            );
        }
    }
}
