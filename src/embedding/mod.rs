//! The embedding port and its adapters: texts to vectors of fixed length and unit norm.

mod cached;
#[cfg(feature = "candle")]
pub mod candle;
mod hashing;
#[cfg(feature = "openai")]
pub mod openai;

pub use cached::CachedEmbedder;
pub use hashing::HashingEmbedder;

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;

/// Turns texts into vectors whose dot product is their similarity.
#[async_trait]
pub trait Embedder: Debug + Send + Sync + 'static {
    /// Name and version; an index built by another id must be rebuilt.
    fn id(&self) -> &str;

    /// Length of every vector.
    fn dimensions(&self) -> usize;

    /// Tokens of a text: what the length of passages is measured in. An estimate where the engine keeps its
    /// tokeniser to itself.
    fn count_tokens(&self, text: &str) -> usize {
        estimate_tokens(text)
    }

    /// How many tokens of a text are read, as [`count_tokens`](Self::count_tokens) counts them; what follows is
    /// cut. `None` where the engine does not say.
    fn window(&self) -> Option<usize> {
        None
    }

    /// Whether the vectors of texts seen lately are kept, so that nobody else needs to.
    fn remembers(&self) -> bool {
        false
    }

    /// One vector of unit norm a text, in order. Texts longer than the model's window are cut.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`](crate::ErrorKind) where a remote engine does not answer.
    async fn embed(&self, texts: &[String], kind: TextKind) -> Result<Vec<Vec<f32>>>;
}

/// What a text is for; some models want to know (E5 writes it in front).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextKind {
    /// Something searched for, or compared with its like.
    Query,
    /// Something to be found.
    Document,
}

/// Letters of a word that are one token, about, in the vocabularies of European languages.
const LETTERS_PER_TOKEN: usize = 5;

/// Tokens of a text, about: some for each word, and one for each character where words have no spaces
/// between them.
fn estimate_tokens(text: &str) -> usize {
    let of_word = |word: &str| {
        let unspaced = word.chars().filter(|c| ('\u{2e80}'..).contains(c)).count();
        let rest = word.chars().count() - unspaced;
        unspaced + rest.div_ceil(LETTERS_PER_TOKEN)
    };
    text.split_whitespace().map(of_word).sum()
}

/// Dot product: the similarity of two vectors of unit norm.
pub fn similarity(a: &[f32], b: &[f32]) -> f32 {
    attendant_kernels::ops::dot(a, b)
}
