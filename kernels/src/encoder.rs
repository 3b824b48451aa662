//! Encoders of the BERT family (Devlin et al. 2019): every token of a text sees every other.
//!
//! Weights and activations are multiplied as `bfloat16`, sums and what runs past the layers are `f32`. Texts of a
//! batch stand one behind the other, without padding. Machines with AMX use its tiles, others with AVX-512 their
//! dot products.

use crate::Pool;
#[cfg(target_arch = "x86_64")]
use crate::x86::encoder::{Room as Buffers, Stack, Unit};

/// Sizes of an encoder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Values of a token between the layers.
    pub hidden: usize,
    /// Attention heads; each has `hidden / heads` values.
    pub heads: usize,
    /// Values of a token inside the feed-forward part.
    pub inner: usize,
    /// What is added to a variance before its root is taken.
    pub epsilon: f32,
}

/// `x * weight^T + bias`.
#[derive(Clone, Debug, Default)]
pub struct Linear {
    /// `(outputs, inputs)`, row by row.
    pub weight: Vec<f32>,
    /// One a output.
    pub bias: Vec<f32>,
}

/// Layer normalisation.
#[derive(Clone, Debug, Default)]
pub struct Norm {
    /// One a value of a token.
    pub weight: Vec<f32>,
    /// One a value of a token.
    pub bias: Vec<f32>,
}

/// What turns tokens into the first layer's input.
#[derive(Clone, Debug, Default)]
pub struct Embeddings {
    /// `(vocabulary, hidden)`.
    pub words: Vec<f32>,
    /// `(longest text, hidden)`; what is the same for every token (the segment) is added to it.
    pub positions: Vec<f32>,
    /// After the sum of both.
    pub norm: Norm,
}

/// One layer: attention and a feed-forward part with GELU, each added to its input and normalised.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    /// Queries of all heads.
    pub query: Linear,
    /// Keys of all heads.
    pub key: Linear,
    /// Values of all heads.
    pub value: Linear,
    /// What the heads found, mixed.
    pub mix: Linear,
    /// After attention.
    pub mix_norm: Norm,
    /// Into the feed-forward part, `hidden` to `inner`.
    pub up: Linear,
    /// Out of it.
    pub down: Linear,
    /// After the feed-forward part.
    pub norm: Norm,
}

/// An encoder, its weights packed for this machine.
pub struct Encoder {
    #[cfg(target_arch = "x86_64")]
    stack: Stack,
    hidden: usize,
    vocabulary: usize,
    longest: usize,
}

/// Memory of a forward pass, kept between passes.
#[derive(Debug, Default)]
pub struct Room {
    #[cfg(target_arch = "x86_64")]
    buffers: Buffers,
    #[cfg(not(target_arch = "x86_64"))]
    hidden: Vec<f32>,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder")
            .field("hidden", &self.hidden)
            .field("vocabulary", &self.vocabulary)
            .finish_non_exhaustive()
    }
}

impl Encoder {
    /// Packs the weights. `None` where this machine has no AVX-512, or the sizes are not supported: `hidden`,
    /// `inner` and the values of a head must be multiples of 32, and every part as long as `shape` says.
    pub fn new(shape: Shape, embeddings: Embeddings, layers: &[Layer]) -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        if crate::x86::supported() {
            return Self::with_unit(Unit::best(), shape, embeddings, layers);
        }
        let _ = (shape, embeddings, layers);
        None
    }

    #[cfg(target_arch = "x86_64")]
    fn with_unit(
        unit: Unit,
        shape: Shape,
        embeddings: Embeddings,
        layers: &[Layer],
    ) -> Option<Self> {
        if !(shape.fits() && embeddings.fit(shape) && layers.iter().all(|l| l.fits(shape))) {
            return None;
        }
        Some(Self {
            hidden: shape.hidden,
            vocabulary: embeddings.words.len() / shape.hidden,
            longest: embeddings.positions.len() / shape.hidden,
            stack: Stack::new(unit, shape, embeddings, layers),
        })
    }

    /// Values of a token.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// Words of the vocabulary: every token must be below.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// Tokens of the longest text.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Runs texts through all layers: `tokens` of all texts one behind the other, `lengths` of each. Gives
    /// `(tokens, hidden)`.
    ///
    /// # Panics
    /// If the lengths do not add up, a text is too long or a token is not in the vocabulary.
    pub fn forward<'r>(
        &self,
        pool: &Pool,
        tokens: &[u32],
        lengths: &[usize],
        room: &'r mut Room,
    ) -> &'r [f32] {
        assert_eq!(lengths.iter().sum::<usize>(), tokens.len(), "other lengths");
        assert!(
            lengths.iter().all(|&length| length <= self.longest),
            "a text is longer than {}",
            self.longest
        );
        assert!(
            tokens
                .iter()
                .all(|&token| (token as usize) < self.vocabulary),
            "a token is not in the vocabulary"
        );
        #[cfg(target_arch = "x86_64")]
        return self.stack.forward(pool, tokens, lengths, &mut room.buffers);
        #[cfg(not(target_arch = "x86_64"))]
        {
            // No encoder can be made here, see `new`.
            let _ = pool;
            &room.hidden
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Shape {
    fn fits(self) -> bool {
        let whole = |size: usize| size > 0 && size.is_multiple_of(32);
        whole(self.hidden)
            && whole(self.inner)
            && self.heads > 0
            && self.hidden.is_multiple_of(self.heads)
            && whole(self.hidden / self.heads)
    }
}

#[cfg(target_arch = "x86_64")]
impl Linear {
    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        self.weight.len() == inputs * outputs && self.bias.len() == outputs
    }
}

#[cfg(target_arch = "x86_64")]
impl Norm {
    fn fits(&self, hidden: usize) -> bool {
        self.weight.len() == hidden && self.bias.len() == hidden
    }
}

#[cfg(target_arch = "x86_64")]
impl Embeddings {
    fn fit(&self, shape: Shape) -> bool {
        let rows = |values: &[f32]| !values.is_empty() && values.len().is_multiple_of(shape.hidden);
        rows(&self.words) && rows(&self.positions) && self.norm.fits(shape.hidden)
    }
}

#[cfg(target_arch = "x86_64")]
impl Layer {
    fn fits(&self, shape: Shape) -> bool {
        let (hidden, inner) = (shape.hidden, shape.inner);
        [&self.query, &self.key, &self.value, &self.mix]
            .iter()
            .all(|linear| linear.fits(hidden, hidden))
            && self.up.fits(hidden, inner)
            && self.down.fits(inner, hidden)
            && self.mix_norm.fits(hidden)
            && self.norm.fits(hidden)
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests;
