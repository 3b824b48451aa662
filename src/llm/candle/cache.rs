//! The state of one token sequence: keys and values of every layer, growing in blocks.

use candle_core::{DType, Device, Result, Tensor};

/// Positions are added in blocks of this many tokens.
const BLOCK: usize = 512;

/// Keys and values of one layer, each `(kv_heads, capacity, head_dim)`.
#[derive(Debug)]
struct Layer {
    keys: Tensor,
    values: Tensor,
}

/// A key-value cache that can be cut back and copied.
#[derive(Debug)]
pub(super) struct KvCache {
    layers: Vec<Layer>,
    kv_heads: usize,
    head_dim: usize,
    capacity: usize,
    len: usize,
}

impl KvCache {
    pub(super) fn new(layers: usize, kv_heads: usize, head_dim: usize) -> Result<Self> {
        let empty = || Tensor::zeros((kv_heads, 0, head_dim), DType::F32, &Device::Cpu);
        let layers = (0..layers)
            .map(|_| {
                Ok(Layer {
                    keys: empty()?,
                    values: empty()?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            layers,
            kv_heads,
            head_dim,
            capacity: 0,
            len: 0,
        })
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
    pub(super) fn fork(&self, len: usize) -> Result<Self> {
        let len = len.min(self.len);
        let mut copy = Self::new(self.layers.len(), self.kv_heads, self.head_dim)?;
        copy.reserve(len)?;
        for (from, to) in self.layers.iter().zip(&copy.layers) {
            to.keys
                .slice_set(&from.keys.narrow(1, 0, len)?.contiguous()?, 1, 0)?;
            to.values
                .slice_set(&from.values.narrow(1, 0, len)?.contiguous()?, 1, 0)?;
        }
        copy.len = len;
        Ok(copy)
    }

    /// Makes room for `more` positions.
    pub(super) fn reserve(&mut self, more: usize) -> Result<()> {
        let needed = self.len + more;
        if needed <= self.capacity {
            return Ok(());
        }
        let capacity = needed.div_ceil(BLOCK) * BLOCK;
        let shape = (self.kv_heads, capacity, self.head_dim);
        for layer in &mut self.layers {
            for tensor in [&mut layer.keys, &mut layer.values] {
                let grown = Tensor::zeros(shape, DType::F32, tensor.device())?;
                if self.len > 0 {
                    grown.slice_set(&tensor.narrow(1, 0, self.len)?.contiguous()?, 1, 0)?;
                }
                *tensor = grown;
            }
        }
        self.capacity = capacity;
        Ok(())
    }

    /// Writes keys and values `(kv_heads, tokens, head_dim)` of a layer behind what is filled and
    /// returns all of them. The caller reserves before and calls [`Self::advance`] after the last
    /// layer.
    pub(super) fn append(
        &self,
        layer: usize,
        keys: &Tensor,
        values: &Tensor,
    ) -> Result<(Tensor, Tensor)> {
        let Some(slot) = self.layers.get(layer) else {
            candle_core::bail!("layer {layer} is outside the cache");
        };
        let tokens = keys.dim(1)?;
        slot.keys.slice_set(keys, 1, self.len)?;
        slot.values.slice_set(values, 1, self.len)?;
        let filled = self.len + tokens;
        Ok((
            slot.keys.narrow(1, 0, filled)?,
            slot.values.narrow(1, 0, filled)?,
        ))
    }

    /// Counts `tokens` written by every layer as filled.
    pub(super) fn advance(&mut self, tokens: usize) {
        self.len += tokens;
    }
}
