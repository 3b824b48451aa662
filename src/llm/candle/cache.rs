//! The state of one token sequence: keys and values of every layer, growing in blocks.

use candle_core::{Result, bail};

/// Positions are added in blocks of this many tokens.
const BLOCK: usize = 256;

/// Keys and values of one layer, each `(positions, width)`.
#[derive(Debug, Default)]
struct Layer {
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// A key-value cache that can be cut back and copied.
#[derive(Debug)]
pub(super) struct KvCache {
    layers: Vec<Layer>,
    /// Values of a position: key heads times their size.
    width: usize,
    len: usize,
}

impl KvCache {
    pub(super) fn new(layers: usize, width: usize) -> Self {
        Self {
            layers: (0..layers).map(|_| Layer::default()).collect(),
            width,
            len: 0,
        }
    }

    /// How many positions are filled.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Forgets everything from position `len` on. Costs nothing.
    pub(super) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// A copy of the first `len` positions, to go on differently from there.
    pub(super) fn fork(&self, len: usize) -> Self {
        let len = len.min(self.len);
        let filled = len * self.width;
        let copy = |from: &Vec<f32>| {
            let mut to = Vec::with_capacity((len + 1).next_multiple_of(BLOCK) * self.width);
            to.extend_from_slice(from.get(..filled).unwrap_or_default());
            to
        };
        Self {
            layers: self
                .layers
                .iter()
                .map(|layer| Layer {
                    keys: copy(&layer.keys),
                    values: copy(&layer.values),
                })
                .collect(),
            width: self.width,
            len,
        }
    }

    /// Writes keys and values of a layer, `(tokens, width)`, behind what is filled and returns all of
    /// them. The caller calls [`Self::advance`] after the last layer.
    pub(super) fn append(
        &mut self,
        layer: usize,
        keys: &[f32],
        values: &[f32],
    ) -> Result<(&[f32], &[f32])> {
        let filled = self.len * self.width;
        let Some(layer) = self.layers.get_mut(layer) else {
            bail!("layer {layer} is outside the cache");
        };
        for (held, new) in [(&mut layer.keys, keys), (&mut layer.values, values)] {
            held.truncate(filled);
            if held.capacity() < filled + new.len() {
                // Exact, since doubling would hold half of the memory for nothing.
                let block = BLOCK * self.width;
                held.reserve_exact(new.len().next_multiple_of(block.max(1)));
            }
            held.extend_from_slice(new);
        }
        Ok((&layer.keys, &layer.values))
    }

    /// Counts `tokens` written by every layer as filled.
    pub(super) fn advance(&mut self, tokens: usize) {
        self.len += tokens;
    }
}
