//! Feature hashing of words and character trigrams: no weights, deterministic, for tests.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use async_trait::async_trait;

use super::{Embedder, TextKind};
use crate::error::Result;

/// An [`Embedder`] without weights. Texts that share words are similar; meaning is not seen.
#[derive(Clone, Debug)]
pub struct HashingEmbedder {
    dimensions: usize,
}

impl HashingEmbedder {
    /// Vectors of this length (at least 1).
    pub fn new(dimensions: usize) -> Self {
        Self {
            dimensions: dimensions.max(1),
        }
    }

    fn vector(&self, text: &str) -> Vec<f32> {
        let mut vector = vec![0.0_f32; self.dimensions];
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let mut add = |feature: &str, weight: f32| {
            let hash = hasher.hash_one(feature);
            let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
            let buckets = self.dimensions as u64;
            let bucket = usize::try_from(hash % buckets).unwrap_or(0);
            if let Some(slot) = vector.get_mut(bucket) {
                *slot += sign * weight;
            }
        };
        let lower = text.to_lowercase();
        for word in lower
            .split(|c: char| !c.is_alphanumeric())
            .filter(|w| !w.is_empty())
        {
            add(word, 1.0);
            let padded: Vec<char> = format!("^{word}$").chars().collect();
            for gram in padded.windows(3) {
                add(&gram.iter().collect::<String>(), 0.3);
            }
        }
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        if norm > 0.0 {
            vector.iter_mut().for_each(|x| *x /= norm);
        }
        vector
    }
}

impl Default for HashingEmbedder {
    fn default() -> Self {
        Self::new(384)
    }
}

#[async_trait]
impl Embedder for HashingEmbedder {
    fn id(&self) -> &str {
        "hashing-v1"
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    async fn embed(&self, texts: &[String], _kind: TextKind) -> Result<Vec<Vec<f32>>> {
        Ok(texts.iter().map(|text| self.vector(text)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedding::similarity;

    #[tokio::test]
    async fn shared_words_are_closer_than_none() {
        let texts = ["my router is broken", "the router broke", "pay the bill"].map(String::from);
        let vectors = HashingEmbedder::default()
            .embed(&texts, TextKind::Query)
            .await
            .unwrap();
        let close = similarity(&vectors[0], &vectors[1]);
        let far = similarity(&vectors[0], &vectors[2]);
        assert!(close > far, "{close} <= {far}");
        assert!((similarity(&vectors[0], &vectors[0]) - 1.0).abs() < 1e-5);
    }
}
