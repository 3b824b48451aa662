//! Times of an encoder of all-MiniLM-L6-v2's sizes: `cargo bench --profile dev -p attendant-kernels --bench encoder`.
#![allow(missing_docs, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use attendant_kernels::Pool;
use attendant_kernels::encoder::{Embeddings, Encoder, Layer, Linear, Norm, Room, Shape};

const ROUNDS: usize = 30;
const SHAPE: Shape = Shape {
    hidden: 384,
    heads: 12,
    inner: 1536,
    epsilon: 1e-12,
};

fn numbers(count: usize, size: f32) -> Vec<f32> {
    (0..count)
        .map(|i| ((i * 7919 % 1013) as f32 / 506.0 - 1.0) * size)
        .collect()
}

fn linear(inputs: usize, outputs: usize) -> Linear {
    Linear {
        weight: numbers(inputs * outputs, 1.0 / (inputs as f32).sqrt()),
        bias: numbers(outputs, 0.1),
    }
}

fn norm() -> Norm {
    Norm {
        weight: vec![1.0; SHAPE.hidden],
        bias: vec![0.0; SHAPE.hidden],
    }
}

fn main() {
    let (hidden, inner) = (SHAPE.hidden, SHAPE.inner);
    let layer = Layer {
        query: linear(hidden, hidden),
        key: linear(hidden, hidden),
        value: linear(hidden, hidden),
        mix: linear(hidden, hidden),
        mix_norm: norm(),
        up: linear(hidden, inner),
        down: linear(inner, hidden),
        norm: norm(),
    };
    let embeddings = Embeddings {
        words: numbers(1000 * hidden, 1.0),
        positions: numbers(512 * hidden, 1.0),
        norm: norm(),
    };
    let Some(encoder) = Encoder::new(SHAPE, embeddings, &vec![layer; 6]) else {
        println!("this machine has no kernels");
        return;
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = Pool::new(threads);
    let mut room = Room::default();
    println!("{threads} threads; milliseconds a batch, tokens a second");
    for (texts, length) in [
        (1, 12),
        (1, 32),
        (4, 12),
        (32, 32),
        (1, 256),
        (4, 256),
        (2, 512),
    ] {
        let tokens: Vec<u32> = (0..texts * length)
            .map(|i| (i * 31 % 1000) as u32)
            .collect();
        let lengths = vec![length; texts];
        let mut best = f64::INFINITY;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            black_box(encoder.forward(&pool, &tokens, &lengths, &mut room));
            best = best.min(start.elapsed().as_secs_f64());
        }
        let speed = tokens.len() as f64 / best;
        println!("{texts:3} of {length:3}: {:8.3} ms {speed:9.0}", best * 1e3);
    }
}
