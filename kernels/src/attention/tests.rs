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

/// A sequence with keys and values of its own.
struct Held {
    pages: Vec<Vec<u16>>,
    keys: Vec<f32>,
    values: Vec<f32>,
    positions: usize,
    count: usize,
}

impl Held {
    fn new(heads: Heads, positions: usize, count: usize, seed: u64) -> Self {
        let width = heads.keys * heads.dim;
        let (keys, values) = (
            numbers(positions * width, seed),
            numbers(positions * width, seed + 1),
        );
        // What is behind the last position must not count.
        let mut pages = vec![vec![to_half(9.0); heads.page_len()]; positions.div_ceil(PAGE)];
        for (position, (key, value)) in keys.chunks(width).zip(values.chunks(width)).enumerate() {
            write(
                heads,
                &mut pages[position / PAGE],
                position % PAGE,
                key,
                value,
            );
        }
        Self {
            pages,
            keys,
            values,
            positions,
            count,
        }
    }
}

#[test]
fn attention_is_that_of_the_definition() {
    for (queries, keys, dim) in [(12, 2, 128), (9, 3, 64), (4, 1, 96), (3, 3, 32), (2, 1, 6)] {
        let heads = Heads { queries, keys, dim };
        let held = [
            Held::new(heads, 37, 5, 11),
            Held::new(heads, 16, 16, 21),
            Held::new(heads, 1, 1, 31),
            Held::new(heads, 100, 1, 41),
            Held::new(heads, 64, 33, 51),
        ];
        let sequences: Vec<Sequence<'_>> = held
            .iter()
            .map(|held| Sequence {
                pages: held.pages.iter().map(Vec::as_slice).collect(),
                positions: held.positions,
                count: held.count,
            })
            .collect();
        let (wide, narrow) = (queries * dim, keys * dim);
        let count: usize = held.iter().map(|held| held.count).sum();
        let queries: Vec<f32> = numbers(count * wide, 1).iter().map(|q| q * 4.0).collect();
        let mut out = vec![f32::NAN; queries.len()];
        attention(&Pool::new(2), heads, &sequences, &queries, &mut out);
        let mut row = 0;
        for held in &held {
            for new in 0..held.count {
                let seen = held.positions - held.count + new + 1;
                for head in 0..heads.queries {
                    let at = row * wide + head * dim;
                    let from = head / (heads.queries / keys) * dim;
                    let of =
                        |all: &[f32], p: usize, d: usize| f64::from(all[p * narrow + from + d]);
                    let scores: Vec<f64> = (0..seen)
                        .map(|p| {
                            let dot: f64 = (0..dim)
                                .map(|d| f64::from(queries[at + d]) * of(&held.keys, p, d))
                                .sum();
                            (dot / (dim as f64).sqrt()).exp()
                        })
                        .collect();
                    let sum: f64 = scores.iter().sum();
                    for d in 0..dim {
                        let wanted: f64 = (0..seen)
                            .map(|p| scores[p] / sum * of(&held.values, p, d))
                            .sum();
                        let got = f64::from(out[at + d]);
                        // Half precision keeps eleven bits.
                        assert!((wanted - got).abs() < 2e-3, "{heads:?} {wanted} {got}");
                    }
                }
                row += 1;
            }
        }
    }
}

#[test]
fn half_precision_is_the_nearest_there_is() {
    for bits in 0..0x7c00_u16 {
        let value = from_half(bits);
        assert_eq!(to_half(value), bits);
        assert_eq!(to_half(-value), bits | 0x8000);
        let next = from_half(bits + 1);
        if bits + 1 < 0x7c00 {
            assert_eq!(to_half(value + (next - value) * 0.499), bits, "{value}");
            assert_eq!(to_half(value + (next - value) * 0.501), bits + 1, "{value}");
        }
    }
    assert_eq!(from_half(to_half(1e9)), 65_504.0);
    assert_eq!(from_half(to_half(0.1)), 0.099_975_586);
}
