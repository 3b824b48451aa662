//! An exact index in memory: for tests, small collections and builds without Qdrant.

use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use parking_lot::RwLock;
use uuid::Uuid;

use super::rank::{depth, fuse, point_id};
use super::{Hit, IndexedPassage, Passage, SparseVector, VectorQuery, VectorStore};
use crate::conversation::{PassageId, TenantId};
use crate::embedding::similarity;
use crate::error::{Error, ErrorKind, Result};

/// A [`VectorStore`] that compares the query with every passage in scope. Lost when dropped.
///
/// Word rarity (IDF) is counted over all passages of the store, as Qdrant does.
#[derive(Debug, Default)]
pub struct MemoryVectorStore {
    passages: RwLock<BTreeMap<Key, IndexedPassage>>,
}

type Key = (TenantId, PassageId);
/// The id of a passage's point, which comes first in comparisons, and its key.
type Ranked<'a> = (Uuid, &'a Key);

impl MemoryVectorStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl VectorStore for MemoryVectorStore {
    async fn upsert(&self, passages: Vec<IndexedPassage>) -> Result<()> {
        let mut stored = self.passages.write();
        let dimensions = stored
            .values()
            .next()
            .or(passages.first())
            .map(|passage| passage.dense.len());
        for passage in &passages {
            check(dimensions, &passage.dense)?;
        }
        for passage in passages {
            let key = (passage.passage.tenant.clone(), passage.passage.id.clone());
            stored.insert(key, passage);
        }
        Ok(())
    }

    async fn remove(&self, tenant: &TenantId, ids: &[PassageId]) -> Result<()> {
        let mut stored = self.passages.write();
        for id in ids {
            stored.remove(&(tenant.clone(), id.clone()));
        }
        Ok(())
    }

    async fn list(&self, tenant: &TenantId) -> Result<Vec<(PassageId, String)>> {
        let stored = self.passages.read();
        Ok(stored
            .values()
            .filter(|indexed| &indexed.passage.tenant == tenant)
            .map(|indexed| {
                (
                    indexed.passage.id.clone(),
                    indexed.passage.content_hash.clone(),
                )
            })
            .collect())
    }

    async fn export(&self, tenant: &TenantId) -> Result<Vec<(Passage, Vec<f32>)>> {
        let stored = self.passages.read();
        Ok(stored
            .values()
            .filter(|indexed| &indexed.passage.tenant == tenant)
            .map(|indexed| (indexed.passage.clone(), indexed.dense.clone()))
            .collect())
    }

    async fn search(&self, query: VectorQuery) -> Result<Vec<Hit>> {
        let stored = self.passages.read();
        check(
            stored.values().next().map(|passage| passage.dense.len()),
            &query.dense,
        )?;
        let rarity = rarity(&query.sparse, stored.values());
        let mut dense = Vec::new();
        let mut sparse = Vec::new();
        let visible = stored
            .iter()
            .filter(|(_, indexed)| query.scope.allows(&indexed.passage));
        for (key, indexed) in visible {
            dense.push((key, similarity(&query.dense, &indexed.dense)));
            let score = bm25(&query.sparse, &rarity, &indexed.sparse);
            if score > 0.0 {
                sparse.push((key, score));
            }
        }
        let lists = [dense, sparse].map(|list| ranking(list, depth(query.limit)));
        Ok(fuse(&lists)
            .into_iter()
            .take(query.limit)
            .filter_map(|((_, key), score)| {
                let indexed = stored.get(key)?;
                Some(Hit {
                    passage: indexed.passage.clone(),
                    score,
                    similarity: similarity(&query.dense, &indexed.dense),
                })
            })
            .collect())
    }
}

fn check(dimensions: Option<usize>, vector: &[f32]) -> Result<()> {
    match dimensions {
        Some(known) if known != vector.len() => Err(Error::new(
            ErrorKind::Index,
            format!(
                "the index holds vectors of length {known}, not {}; use the embedder it was built with or build it again",
                vector.len()
            ),
        )),
        _ => Ok(()),
    }
}

/// The best of a list. Equals come by the ids of their points, as in the other stores.
fn ranking(mut list: Vec<(&Key, f32)>, depth: usize) -> Vec<Ranked<'_>> {
    if depth < list.len() {
        list.select_nth_unstable_by(depth, |a, b| b.1.total_cmp(&a.1));
        let least = list.get(depth).map_or(f32::MIN, |(_, score)| *score);
        list.retain(|(_, score)| *score >= least);
    }
    let mut best: Vec<(Ranked<'_>, f32)> = list
        .into_iter()
        .map(|(key, score)| ((point_id(&key.0, &key.1), key), score))
        .collect();
    best.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    best.truncate(depth);
    best.into_iter().map(|(id, _)| id).collect()
}

/// Inverse document frequency of each query word.
fn rarity<'a>(
    query: &SparseVector,
    passages: impl Iterator<Item = &'a IndexedPassage>,
) -> HashMap<u32, f32> {
    let words: HashSet<u32> = query.indices.iter().copied().collect();
    let mut counts: HashMap<u32, f32> = words.iter().map(|word| (*word, 0.0)).collect();
    let mut total = 0.0;
    for passage in passages {
        total += 1.0;
        for index in &passage.sparse.indices {
            if let Some(count) = counts.get_mut(index) {
                *count += 1.0;
            }
        }
    }
    counts
        .into_iter()
        .map(|(word, count)| (word, ((total - count + 0.5) / (count + 0.5) + 1.0).ln()))
        .collect()
}

fn bm25(query: &SparseVector, rarity: &HashMap<u32, f32>, document: &SparseVector) -> f32 {
    query
        .indices
        .iter()
        .zip(&query.values)
        .filter_map(|(index, weight)| {
            let at = document.indices.binary_search(index).ok()?;
            Some(weight * rarity.get(index)? * document.values.get(at)?)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::conformance;

    #[tokio::test]
    async fn it_conforms() {
        conformance::vector_store(&MemoryVectorStore::new(), 256).await;
        conformance::knowledge_base(std::sync::Arc::new(MemoryVectorStore::new())).await;
    }

    #[test]
    fn rare_words_count_more() {
        let encoder = crate::knowledge::sparse::SparseEncoder::new("en");
        let passages: Vec<IndexedPassage> = ["router", "router", "router modem"]
            .iter()
            .enumerate()
            .map(|(n, text)| conformance::indexed(&format!("p{n}"), text, 8))
            .collect();
        let query = encoder.query("router modem");
        let rarity = rarity(&query, passages.iter());
        let of = |word: &str| rarity[&encoder.query(word).indices[0]];
        // ln((3 - 3 + 0.5) / 3.5 + 1) and ln((3 - 1 + 0.5) / 1.5 + 1)
        assert!((of("router") - 0.133_53).abs() < 1e-4, "{}", of("router"));
        assert!((of("modem") - 0.980_83).abs() < 1e-4, "{}", of("modem"));
    }
}
