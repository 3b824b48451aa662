//! What the layers that do not learn make of every text, computed once and kept.

use candle_core::{Device, Result as TensorResult, Tensor};

use super::data::Row;
use super::train::shuffle;
use crate::embedding::TextKind;
use crate::embedding::candle::CandleEmbedder;
use crate::error::Result;
use crate::eval::grounding::Chance;
use crate::understanding::emotion::OUTPUTS;

/// Texts that are computed at once.
const PIECE: usize = 512;
/// Texts of a batch that one thread computes.
const BATCH: usize = 32;

/// Texts of one length.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Batch {
    /// Which.
    pub(super) texts: Vec<usize>,
    /// Tokens of each.
    tokens: usize,
}

/// States of many texts, as `bfloat16`: half the memory, and the layers above read no more anyway.
#[derive(Debug)]
pub(super) struct States {
    hidden: usize,
    values: Vec<u16>,
    /// Where each text begins, in values, and how many tokens it has.
    places: Vec<(usize, usize)>,
    labels: Vec<[bool; OUTPUTS]>,
}

impl States {
    pub(super) async fn of(
        lower: &CandleEmbedder,
        rows: &[Row],
        tell: &(dyn Fn(&str, usize, usize) + Sync),
    ) -> Result<Self> {
        let mut states = Self {
            hidden: 0,
            values: Vec::new(),
            places: Vec::new(),
            labels: rows.iter().map(|row| row.labels).collect(),
        };
        for (done, piece) in rows.chunks(PIECE).enumerate() {
            tell("lower layers", done * PIECE, rows.len());
            let texts: Vec<String> = piece.iter().map(|row| row.text.clone()).collect();
            for text in lower.embed_tokens(&texts, TextKind::Query).await? {
                let tokens = text.spans.len().max(1);
                states.hidden = text.values.len() / tokens;
                states.places.push((states.values.len(), tokens));
                states.values.extend(text.values.iter().map(|x| half(*x)));
            }
        }
        Ok(states)
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// All texts in steps of `size`, those of a step of about one length, the steps in any order.
    pub(super) fn steps(&self, size: usize, chance: &mut Chance) -> Vec<Vec<Batch>> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        shuffle(&mut order, chance);
        order.sort_by_key(|text| self.tokens(*text));
        let mut steps: Vec<Vec<Batch>> =
            order.chunks(size).map(|step| self.batches(step)).collect();
        shuffle(&mut steps, chance);
        steps
    }

    fn tokens(&self, text: usize) -> usize {
        self.places.get(text).map_or(0, |place| place.1)
    }

    fn batches(&self, step: &[usize]) -> Vec<Batch> {
        let mut batches: Vec<Batch> = Vec::new();
        for text in step {
            let tokens = self.tokens(*text);
            match batches.last_mut() {
                Some(batch) if batch.tokens == tokens && batch.texts.len() < BATCH => {
                    batch.texts.push(*text);
                }
                _ => batches.push(Batch {
                    texts: vec![*text],
                    tokens,
                }),
            }
        }
        batches
    }

    /// States `(texts, tokens, hidden)` and labels of a batch.
    pub(super) fn tensors(&self, batch: &Batch) -> TensorResult<(Tensor, Vec<[bool; OUTPUTS]>)> {
        let length = batch.tokens * self.hidden;
        let mut values = Vec::with_capacity(batch.texts.len() * length);
        let mut labels = Vec::with_capacity(batch.texts.len());
        for text in &batch.texts {
            let start = self.places.get(*text).map_or(0, |place| place.0);
            let states = self.values.get(start..start + length).unwrap_or_default();
            values.extend(states.iter().map(|x| f32::from_bits(u32::from(*x) << 16)));
            labels.extend(self.labels.get(*text));
        }
        let shape = (batch.texts.len(), batch.tokens, self.hidden);
        Ok((Tensor::from_vec(values, shape, &Device::Cpu)?, labels))
    }
}

/// Rounded to `bfloat16`.
fn half(x: f32) -> u16 {
    (x.to_bits().wrapping_add(0x7fff + ((x.to_bits() >> 16) & 1)) >> 16) as u16
}
