//! The layers of an encoder with vectors of 16 and, where there is one, the matrix unit.

mod attention;
mod block;
mod dense;
mod lines;
mod ops;
mod product;

use attention::Heads;
pub(crate) use block::Unit;
use dense::{Dense, End};
use lines::Lines;
pub(crate) use product::product;

use crate::Pool;
use crate::encoder::{Embeddings, Layer, Norm, Shape};
use crate::ops::Shared;

/// Rows that one thread normalises at once.
const NORM_ROWS: usize = 32;

/// Embeddings and layers, packed.
pub(crate) struct Stack {
    unit: Unit,
    shape: Shape,
    embeddings: Embeddings,
    layers: Vec<Packed>,
}

struct Packed {
    /// Queries, keys and values in one.
    look: Dense,
    mix: Dense,
    mix_norm: Norm,
    up: Dense,
    down: Dense,
    norm: Norm,
}

/// Buffers of a forward pass.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// `(tokens, hidden)`: what runs past the layers.
    hidden: Vec<f32>,
    /// The same rounded, then what attention found.
    lines: Lines,
    /// Queries, keys and values.
    looks: Lines,
    /// Inside the feed-forward part.
    inner: Lines,
}

impl Stack {
    /// Sizes must have been checked.
    pub(crate) fn new(unit: Unit, shape: Shape, embeddings: Embeddings, layers: &[Layer]) -> Self {
        // Scores are divided by the root of the head's width, and e^x is computed as 2^(x / ln 2): both are part of
        // the queries.
        let width = shape.hidden / shape.heads;
        let factor = std::f32::consts::LOG2_E / (width as f32).sqrt();
        let layers = layers
            .iter()
            .map(|layer| Packed {
                look: Dense::pack(
                    &[
                        (&layer.query, factor),
                        (&layer.key, 1.0),
                        (&layer.value, 1.0),
                    ],
                    shape.hidden,
                ),
                mix: Dense::pack(&[(&layer.mix, 1.0)], shape.hidden),
                mix_norm: layer.mix_norm.clone(),
                up: Dense::pack(&[(&layer.up, 1.0)], shape.hidden),
                down: Dense::pack(&[(&layer.down, 1.0)], shape.inner),
                norm: layer.norm.clone(),
            })
            .collect();
        Self {
            unit,
            shape,
            embeddings,
            layers,
        }
    }

    /// Tokens and lengths must have been checked.
    pub(crate) fn forward<'r>(
        &self,
        pool: &Pool,
        tokens: &[u32],
        lengths: &[usize],
        room: &'r mut Room,
    ) -> &'r [f32] {
        let (unit, width) = (self.unit, self.shape.hidden);
        let rows = tokens.len();
        room.hidden.resize(rows * width, 0.0);
        room.lines.resize(rows, width);
        room.looks.resize(rows, 3 * width);
        room.inner.resize(rows, self.shape.inner);
        let heads = Heads {
            count: self.shape.heads,
            tiles: width / self.shape.heads / lines::WIDTH,
        };
        let starts: Vec<usize> = lengths
            .iter()
            .scan(0, |next, length| {
                Some(std::mem::replace(next, *next + length))
            })
            .collect();
        let positions: Vec<usize> = lengths.iter().flat_map(|&length| 0..length).collect();

        let embeddings = &self.embeddings;
        let row = |values: &[f32], index: usize| values[index * width..].as_ptr();
        self.norm(pool, &embeddings.norm, room, |at| {
            Some([
                row(&embeddings.words, tokens[at] as usize),
                row(&embeddings.positions, positions[at]),
            ])
        });
        for layer in &self.layers {
            let Room {
                hidden,
                lines,
                looks,
                ..
            } = room;
            layer.look.run(pool, unit, lines, End::Lines(looks));
            attention::attention(pool, unit, heads, &starts, lengths, looks, lines);
            layer.mix.run(pool, unit, lines, End::Add(hidden));
            self.norm(pool, &layer.mix_norm, room, |_| None);
            let Room {
                hidden,
                lines,
                inner,
                ..
            } = room;
            layer.up.run(pool, unit, lines, End::Gelu(inner));
            layer.down.run(pool, unit, inner, End::Add(hidden));
            self.norm(pool, &layer.norm, room, |_| None);
        }
        &room.hidden
    }

    /// Normalises every row, after it was made of two others where `from` names them; rounds it too.
    fn norm(
        &self,
        pool: &Pool,
        norm: &Norm,
        room: &mut Room,
        from: impl Fn(usize) -> Option<[*const f32; 2]> + Sync,
    ) {
        let width = self.shape.hidden;
        let rows = room.lines.rows();
        let hidden = Shared(room.hidden.as_mut_ptr());
        let lines = room.lines.shared();
        pool.run(rows.div_ceil(NORM_ROWS), &|chunk| {
            let first = chunk * NORM_ROWS;
            for row in first..(first + NORM_ROWS).min(rows) {
                let values = hidden.at(row * width);
                // SAFETY: the instructions are there, since a stack was made; every row is written by one thread;
                // lengths were checked when the stack was made, tokens and positions before.
                unsafe {
                    let from = from(row).unwrap_or([values.cast_const(), std::ptr::null()]);
                    let to = lines.line(row, 0);
                    match self.unit.native() {
                        true => ops::norm::<true>(norm, self.shape.epsilon, from, values, to),
                        false => ops::norm::<false>(norm, self.shape.epsilon, from, values, to),
                    }
                }
            }
        });
    }
}
