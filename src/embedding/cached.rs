//! Remembers vectors, since a live conversation asks about the same utterances again every turn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{Embedder, TextKind};
use crate::error::Result;

/// An [`Embedder`] that keeps the vectors of the texts it was asked for last.
#[derive(Clone, Debug)]
pub struct CachedEmbedder {
    inner: Arc<dyn Embedder>,
    known: Arc<Mutex<Known>>,
    capacity: usize,
}

/// Two generations: what is asked for comes into the young one; when that has half of the capacity it becomes the old
/// one, and what nobody asked for since the last time is forgotten.
#[derive(Debug, Default)]
struct Known {
    young: Generation,
    old: Generation,
}

type Generation = HashMap<TextKind, HashMap<Box<str>, Arc<[f32]>>>;

impl Known {
    fn get(&mut self, kind: TextKind, text: &str, capacity: usize) -> Option<Arc<[f32]>> {
        let young = self.young.get(&kind).and_then(|of| of.get(text));
        if let Some(vector) = young {
            return Some(Arc::clone(vector));
        }
        let (text, vector) = self.old.get_mut(&kind)?.remove_entry(text)?;
        self.put(kind, text, Arc::clone(&vector), capacity);
        Some(vector)
    }

    fn put(&mut self, kind: TextKind, text: Box<str>, vector: Arc<[f32]>, capacity: usize) {
        let count: usize = self.young.values().map(HashMap::len).sum();
        if count >= capacity.div_ceil(2) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.entry(kind).or_default().insert(text, vector);
    }
}

impl CachedEmbedder {
    /// Keeps at most `capacity` vectors (1.5 KB each at 384 dimensions), and at least the last half as many that were
    /// asked for.
    pub fn new(inner: Arc<dyn Embedder>, capacity: usize) -> Self {
        Self {
            inner,
            known: Arc::default(),
            capacity: capacity.max(1),
        }
    }

    /// The same, unless `inner` remembers already: to keep vectors twice helps nobody.
    pub(crate) fn over(inner: Arc<dyn Embedder>, capacity: usize) -> Arc<dyn Embedder> {
        match inner.remembers() {
            true => inner,
            false => Arc::new(Self::new(inner, capacity)),
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

    fn remembers(&self) -> bool {
        true
    }

    async fn embed(&self, texts: &[String], kind: TextKind) -> Result<Vec<Vec<f32>>> {
        let mut vectors: Vec<Option<Vec<f32>>> = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let find = |text: &String| known.get(kind, text, self.capacity).map(|v| v.to_vec());
            texts.iter().map(find).collect()
        };
        let missing: Vec<String> = texts
            .iter()
            .zip(&vectors)
            .filter(|(_, vector)| vector.is_none())
            .map(|(text, _)| text.clone())
            .collect();
        if !missing.is_empty() {
            let mut fresh = self.inner.embed(&missing, kind).await?.into_iter();
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            for (text, vector) in texts
                .iter()
                .zip(&mut vectors)
                .filter(|(_, vector)| vector.is_none())
            {
                *vector = fresh.next();
                if let Some(vector) = vector {
                    let vector = Arc::from(vector.as_slice());
                    known.put(kind, text.as_str().into(), vector, self.capacity);
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

    #[tokio::test]
    async fn what_is_asked_for_stays_and_the_rest_goes() {
        let inner = Arc::new(Counting(AtomicUsize::new(0), HashingEmbedder::default()));
        let cached = CachedEmbedder::new(inner.clone(), 8);
        let ask = async |text: &str| {
            cached
                .embed(&[text.to_owned()], TextKind::Query)
                .await
                .unwrap();
        };
        for n in 0..100 {
            ask("always").await;
            ask(&n.to_string()).await;
        }
        assert_eq!(inner.0.load(Ordering::Relaxed), 101);
        {
            let known = cached.known.lock().unwrap();
            let kept = known.young.values().chain(known.old.values());
            assert!(kept.map(HashMap::len).sum::<usize>() <= 8);
        }
        ask("0").await;
        assert_eq!(inner.0.load(Ordering::Relaxed), 102);
    }
}
