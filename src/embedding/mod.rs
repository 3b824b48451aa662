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

/// Dot product: the similarity of two vectors of unit norm.
pub fn similarity(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
