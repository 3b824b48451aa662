//! Remembers vectors, since a live conversation asks about the same utterances again every turn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{Embedder, TextKind};
use crate::error::Result;

/// An [`Embedder`] that keeps the vectors of the texts it saw last.
#[derive(Clone, Debug)]
pub struct CachedEmbedder {
    inner: Arc<dyn Embedder>,
    known: Arc<Mutex<Known>>,
    capacity: usize,
}

type Known = HashMap<(TextKind, String), Arc<[f32]>>;

impl CachedEmbedder {
    /// Keeps at most `capacity` vectors (1.5 KB each at 384 dimensions).
    pub fn new(inner: Arc<dyn Embedder>, capacity: usize) -> Self {
        Self {
            inner,
            known: Arc::default(),
            capacity: capacity.max(1),
        }
    }
}

#[async_trait]
impl Embedder for CachedEmbedder {
    fn id(&self) -> &str {
        self.inner.id()
    }

    fn dimensions(&self) -> usize {
        self.inner.dimensions()
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.inner.count_tokens(text)
    }

    fn window(&self) -> Option<usize> {
        self.inner.window()
    }

    async fn embed(&self, texts: &[String], kind: TextKind) -> Result<Vec<Vec<f32>>> {
        let find = |text: &String| {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known
                .get(&(kind, text.clone()))
                .map(|vector| vector.to_vec())
        };
        let mut vectors: Vec<Option<Vec<f32>>> = texts.iter().map(find).collect();
        let missing: Vec<String> = texts
            .iter()
            .zip(&vectors)
            .filter(|(_, vector)| vector.is_none())
            .map(|(text, _)| text.clone())
            .collect();
        if !missing.is_empty() {
            let mut fresh = self.inner.embed(&missing, kind).await?.into_iter();
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() + missing.len() > self.capacity {
                // Everything goes at once: rare, and cheaper than keeping an order of use.
                known.clear();
            }
            for (text, vector) in texts
                .iter()
                .zip(&mut vectors)
                .filter(|(_, vector)| vector.is_none())
            {
                *vector = fresh.next();
                if let Some(vector) = vector {
                    known.insert((kind, text.clone()), Arc::from(vector.as_slice()));
                }
            }
        }
        Ok(vectors.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedding::HashingEmbedder;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Debug)]
    struct Counting(AtomicUsize, HashingEmbedder);

    #[async_trait]
    impl Embedder for Counting {
        fn id(&self) -> &str {
            "counting"
        }
        fn dimensions(&self) -> usize {
            self.1.dimensions()
        }
        async fn embed(&self, texts: &[String], kind: TextKind) -> Result<Vec<Vec<f32>>> {
            self.0.fetch_add(texts.len(), Ordering::Relaxed);
            self.1.embed(texts, kind).await
        }
    }

    #[tokio::test]
    async fn what_was_seen_is_not_computed_again() {
        let inner = Arc::new(Counting(AtomicUsize::new(0), HashingEmbedder::default()));
        let cached = CachedEmbedder::new(inner.clone(), 3);
        let texts = ["one", "two", "one"].map(String::from);
        let first = cached.embed(&texts, TextKind::Query).await.unwrap();
        assert_eq!(first[0], first[2]);
        let computed = inner.0.load(Ordering::Relaxed);
        let second = cached.embed(&texts[..2], TextKind::Query).await.unwrap();
        assert_eq!(second, first[..2]);
        assert_eq!(inner.0.load(Ordering::Relaxed), computed);
    }
}
