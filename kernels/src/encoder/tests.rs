use super::*;
use crate::x86::encoder::Unit;

fn numbers(count: usize, seed: u64, size: f32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(97);
        ((state >> 40) as f32 / (1 << 23) as f32 - 1.0) * size
    };
    (0..count).map(|_| next()).collect()
}

fn linear(inputs: usize, outputs: usize, seed: u64) -> Linear {
    Linear {
        weight: numbers(inputs * outputs, seed, 2.0 / (inputs as f32).sqrt()),
        bias: numbers(outputs, seed + 1, 0.3),
    }
}

fn norm(hidden: usize, seed: u64) -> Norm {
    Norm {
        weight: numbers(hidden, seed, 0.5).iter().map(|w| w + 1.0).collect(),
        bias: numbers(hidden, seed + 1, 0.2),
    }
}

const VOCABULARY: usize = 50;
const LONGEST: usize = 100;

fn model(shape: Shape) -> (Embeddings, Vec<Layer>) {
    let (hidden, inner) = (shape.hidden, shape.inner);
    let embeddings = Embeddings {
        words: numbers(VOCABULARY * hidden, 1, 1.0),
        positions: numbers(LONGEST * hidden, 2, 0.5),
        norm: norm(hidden, 3),
    };
    let layers = (0..2)
        .map(|layer| {
            let seed = 100 * layer;
            Layer {
                query: linear(hidden, hidden, seed + 10),
                key: linear(hidden, hidden, seed + 20),
                value: linear(hidden, hidden, seed + 30),
                mix: linear(hidden, hidden, seed + 40),
                mix_norm: norm(hidden, seed + 50),
                up: linear(hidden, inner, seed + 60),
                down: linear(inner, hidden, seed + 70),
                norm: norm(hidden, seed + 80),
            }
        })
        .collect();
    (embeddings, layers)
}

/// By the definition, in double precision.
mod reference {
    use super::*;

    pub(super) type Rows = Vec<Vec<f64>>;

    fn dense(linear: &Linear, rows: &Rows) -> Rows {
        let product = |row: &Vec<f64>| {
            let weights = linear.weight.chunks_exact(row.len());
            let sums = weights.map(|w| w.iter().zip(row).map(|(w, x)| f64::from(*w) * x).sum());
            sums.zip(&linear.bias)
                .map(|(sum, bias): (f64, _)| sum + f64::from(*bias))
                .collect()
        };
        rows.iter().map(product).collect()
    }

    fn normed(norm: &Norm, epsilon: f32, rows: &Rows) -> Rows {
        let each = |row: &Vec<f64>| {
            let count = row.len() as f64;
            let mean = row.iter().sum::<f64>() / count;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
            let deviation = (variance + f64::from(epsilon)).sqrt();
            let scaled = row.iter().map(|x| (x - mean) / deviation);
            let scaled = scaled.zip(norm.weight.iter().zip(&norm.bias));
            scaled
                .map(|(x, (w, b))| x * f64::from(*w) + f64::from(*b))
                .collect()
        };
        rows.iter().map(each).collect()
    }

    fn sum(a: &Rows, b: &Rows) -> Rows {
        let each = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a + b).collect();
        a.iter().zip(b).map(each).collect()
    }

    /// The error function by its series, which serves while `x` is not far from zero, and by 1 elsewhere.
    fn erf(x: f64) -> f64 {
        if x.abs() > 5.0 {
            return x.signum();
        }
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    pub(super) fn gelu(x: f64) -> f64 {
        0.5 * x * (1.0 + erf(x / std::f64::consts::SQRT_2))
    }

    fn attention(heads: usize, queries: &Rows, keys: &Rows, values: &Rows) -> Rows {
        let mut out: Rows = queries.iter().map(|q| vec![0.0; q.len()]).collect();
        for (query, out) in queries.iter().zip(&mut out) {
            let width = query.len() / heads;
            for from in (0..query.len()).step_by(width) {
                let to = from + width;
                let score = |key: &Vec<f64>| {
                    let pairs = query[from..to].iter().zip(&key[from..to]);
                    (pairs.map(|(q, k)| q * k).sum::<f64>() / (width as f64).sqrt()).exp()
                };
                let weights: Vec<f64> = keys.iter().map(score).collect();
                let total: f64 = weights.iter().sum();
                for (weight, value) in weights.iter().zip(values) {
                    for (out, value) in out[from..to].iter_mut().zip(&value[from..to]) {
                        *out += weight / total * value;
                    }
                }
            }
        }
        out
    }

    pub(super) fn forward(
        shape: Shape,
        embeddings: &Embeddings,
        layers: &[Layer],
        tokens: &[u32],
    ) -> Rows {
        let row = |values: &[f32], index: usize| -> Vec<f64> {
            let row = &values[index * shape.hidden..(index + 1) * shape.hidden];
            row.iter().copied().map(f64::from).collect()
        };
        let words = tokens.iter().map(|&t| row(&embeddings.words, t as usize));
        let places = (0..tokens.len()).map(|at| row(&embeddings.positions, at));
        let sums = sum(&words.collect(), &places.collect());
        let mut x = normed(&embeddings.norm, shape.epsilon, &sums);
        for layer in layers {
            let found = attention(
                shape.heads,
                &dense(&layer.query, &x),
                &dense(&layer.key, &x),
                &dense(&layer.value, &x),
            );
            let mixed = sum(&dense(&layer.mix, &found), &x);
            let mixed = normed(&layer.mix_norm, shape.epsilon, &mixed);
            let mut inner = dense(&layer.up, &mixed);
            inner.iter_mut().flatten().for_each(|x| *x = gelu(*x));
            let sums = sum(&dense(&layer.down, &inner), &mixed);
            x = normed(&layer.norm, shape.epsilon, &sums);
        }
        x
    }
}

fn units() -> Vec<Unit> {
    // Each includes what comes after it; which of two is faster does not matter.
    let all = [Unit::Tiles, Unit::Pairs, Unit::Singles, Unit::Plain];
    let best = match Unit::best() {
        Unit::Singles => Unit::Pairs,
        best => best,
    };
    let best = all.iter().position(|&unit| unit == best);
    all[best.unwrap()..].to_vec()
}

#[test]
fn every_unit_gives_what_the_definition_gives() {
    if !crate::x86::supported() {
        return;
    }
    let pool = Pool::new(2);
    for (hidden, heads, inner) in [(64, 2, 96), (96, 1, 32), (128, 2, 288)] {
        let shape = Shape {
            hidden,
            heads,
            inner,
            epsilon: 1e-12,
        };
        let (embeddings, layers) = model(shape);
        // Lengths around those of tiles and blocks, so that texts begin anywhere in them.
        let lengths = [5, 1, 16, 0, 17, 31, 100, 32, 33, 64, 7];
        let count: usize = lengths.iter().sum();
        let tokens: Vec<u32> = (0..count).map(|i| (i * i % VOCABULARY) as u32).collect();
        let mut wanted = Vec::new();
        let mut rest = tokens.as_slice();
        for length in lengths {
            let (text, behind) = rest.split_at(length);
            wanted.extend(reference::forward(shape, &embeddings, &layers, text));
            rest = behind;
        }
        for unit in units() {
            let encoder = Encoder::with_unit(unit, shape, embeddings.clone(), &layers).unwrap();
            let mut room = Room::default();
            // Whatever was there before must not matter.
            let noise = [49_u32; 97];
            encoder.forward(&pool, &noise, &[97], &mut room);
            let got = encoder.forward(&pool, &tokens, &lengths, &mut room);
            assert_eq!(got.len(), count * hidden);
            for (got, wanted) in got.chunks(hidden).zip(&wanted) {
                let off: f64 = got
                    .iter()
                    .zip(wanted)
                    .map(|(g, w)| (f64::from(*g) - w).powi(2))
                    .sum();
                let length: f64 = wanted.iter().map(|w| w * w).sum();
                // Seven bits of fraction, two layers.
                let off = (off / length).sqrt();
                assert!(off < 0.012, "{unit:?} {shape:?} is off by {off}");
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let shape = Shape {
        hidden: 64,
        heads: 2,
        inner: 96,
        epsilon: 1e-12,
    };
    let (embeddings, layers) = model(shape);
    for wrong in [
        Shape {
            hidden: 32,
            ..shape
        },
        Shape { hidden: 0, ..shape },
        Shape { heads: 0, ..shape },
        Shape { heads: 4, ..shape },
        Shape { inner: 97, ..shape },
    ] {
        assert!(Encoder::new(wrong, embeddings.clone(), &layers).is_none());
    }
    let mut short = layers.clone();
    short[1].down.bias.pop();
    assert!(Encoder::new(shape, embeddings.clone(), &short).is_none());
    let encoder = Encoder::new(shape, embeddings, &layers);
    assert_eq!(encoder.is_some(), crate::x86::supported());
    if let Some(encoder) = encoder {
        let sizes = (encoder.hidden(), encoder.vocabulary(), encoder.longest());
        assert_eq!(sizes, (64, VOCABULARY, LONGEST));
        assert!(
            encoder
                .forward(&Pool::new(1), &[], &[], &mut Room::default())
                .is_empty()
        );
    }
}
