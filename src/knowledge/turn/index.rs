//! A tenant's passages in memory, by subject.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::names::NameIndex;
use crate::conversation::TenantId;
use crate::error::{ErrorKind, OrError, Result};
use crate::knowledge::sparse::SparseEncoder;
use crate::knowledge::{Passage, VectorStore};

/// The indexes of all tenants that were asked for; derived from the store, forgotten when it changes.
#[derive(Debug, Default)]
pub(crate) struct Indexes {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Counts what was forgotten, so that an index built from an older state is not kept.
    epoch: u64,
    tenants: HashMap<TenantId, Known>,
}

/// Others may write to the same store: it is asked whether it still holds the same once so much time has passed.
const FRESH: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
struct Known {
    /// `None` where there were more passages than whoever asked wanted to hold.
    index: Option<Arc<TurnIndex>>,
    /// What the store listed.
    listed: Listed,
    checked: Instant,
}

/// The passages of a tenant: how many, and a hash of their ids and contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Listed {
    passages: usize,
    digest: u64,
}

impl Listed {
    async fn read(store: &dyn VectorStore, tenant: &TenantId) -> Result<Self> {
        let mut listed = store.list_searched(tenant).await?;
        listed.sort();
        let mut hasher = DefaultHasher::new();
        listed.hash(&mut hasher);
        Ok(Self {
            passages: listed.len(),
            digest: hasher.finish(),
        })
    }
}

/// See [`Indexes::changing`].
pub(crate) struct Changing<'a>(&'a Indexes);

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.epoch += 1;
        state.tenants.clear();
    }
}

impl Indexes {
    /// The passages change until the guard is dropped, however that comes about; then all is forgotten.
    pub(crate) fn changing(&self) -> Changing<'_> {
        Changing(self)
    }

    /// The index of a tenant; `None` where it has more passages than `most`.
    pub(super) async fn of(
        &self,
        tenant: &TenantId,
        store: &dyn VectorStore,
        language: &str,
        most: usize,
    ) -> Result<Option<Arc<TurnIndex>>> {
        let (epoch, known) = {
            let state = self.state.lock();
            (state.epoch, state.tenants.get(tenant).cloned())
        };
        if let Some(known) = &known
            && known.checked.elapsed() < FRESH
        {
            if known.listed.passages > most {
                return Ok(None);
            }
            if let Some(index) = &known.index {
                return Ok(Some(Arc::clone(index)));
            }
        }
        let listed = Listed::read(store, tenant).await?;
        let kept = known.filter(|known| known.listed == listed);
        let index = match kept.and_then(|known| known.index) {
            Some(index) => Some(index),
            None if listed.passages > most => None,
            None => Some(Arc::new(read(tenant, store, language).await?)),
        };
        let mut state = self.state.lock();
        if state.epoch == epoch {
            let known = Known {
                index: index.clone(),
                listed,
                checked: Instant::now(),
            };
            state.tenants.insert(tenant.clone(), known);
        }
        Ok(index.filter(|_| listed.passages <= most))
    }
}

async fn read(tenant: &TenantId, store: &dyn VectorStore, language: &str) -> Result<TurnIndex> {
    let passages = store.export(tenant).await?;
    let language = language.to_owned();
    tokio::task::spawn_blocking(move || TurnIndex::new(passages, &language))
        .await
        .or_error(
            ErrorKind::Internal,
            || "the task that reads the passages stopped",
        )
}

/// What the passages are about, and what they say.
#[derive(Debug, Default)]
pub(super) struct TurnIndex {
    pub(super) subjects: Vec<Subject>,
    pub(super) names: NameIndex,
    pub(super) entries: Vec<Entry>,
    pub(super) places: HashMap<crate::conversation::PassageId, usize>,
    /// Passages that have a stem.
    frequency: HashMap<u32, u32>,
}

/// What articles with one title are about.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) name: String,
    /// Indexes of its passages.
    pub(super) entries: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) passage: Passage,
    pub(super) dense: Vec<f32>,
    pub(super) subject: usize,
    /// Stems of headings and text, ascending.
    pub(super) stems: Vec<u32>,
    /// Stems of what it is filed under: its headings, or its text where it has none.
    pub(super) asked: Vec<u32>,
}

impl Entry {
    /// Whether somebody wrote a heading (often a question) above it.
    pub(super) fn headed(&self) -> bool {
        !self.passage.headings.is_empty()
    }
}

impl TurnIndex {
    fn new(mut passages: Vec<(Passage, Vec<f32>)>, language: &str) -> Self {
        passages.sort_by(|a, b| a.0.id.cmp(&b.0.id));
        let mut index = Self::default();
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut encoders: HashMap<String, SparseEncoder> = HashMap::new();
        for (passage, dense) in passages {
            let key = passage.title.trim().to_lowercase();
            let subject = *known.entry(key).or_insert_with(|| {
                index.subjects.push(Subject {
                    name: passage.title.trim().to_owned(),
                    entries: Vec::new(),
                });
                index.subjects.len() - 1
            });
            let language = match passage.language.as_str() {
                "" => language,
                tag => tag,
            };
            let encoder = encoders
                .entry(language.to_owned())
                .or_insert_with(|| SparseEncoder::new(language));
            let headings = passage.headings.join("\n");
            let stems = encoder
                .query(&format!("{headings}\n{}", passage.text))
                .indices;
            let asked = match passage.headings.is_empty() {
                true => stems.clone(),
                false => encoder.query(&headings).indices,
            };
            for stem in &stems {
                *index.frequency.entry(*stem).or_default() += 1;
            }
            index.places.insert(passage.id.clone(), index.entries.len());
            if let Some(subject) = index.subjects.get_mut(subject) {
                subject.entries.push(index.entries.len());
            }
            index.entries.push(Entry {
                passage,
                dense,
                subject,
                stems,
                asked,
            });
        }
        let names = index.subjects.iter().enumerate();
        index.names = NameIndex::new(names.map(|(at, subject)| (at, subject.name.as_str())));
        index
    }

    /// How much a stem tells: the rarer, the more.
    pub(super) fn rarity(&self, stem: u32) -> f32 {
        let having = self.frequency.get(&stem).copied().unwrap_or(0) as f32;
        (1.0 + self.entries.len() as f32 / (having + 1.0)).ln()
    }

    /// Share of the weight of `asked` that `having` covers; both ascending.
    pub(super) fn coverage(&self, asked: &[u32], having: &[u32]) -> f32 {
        let (mut all, mut shared) = (1e-6, 0.0);
        for stem in asked {
            let weight = self.rarity(*stem);
            all += weight;
            if having.binary_search(stem).is_ok() {
                shared += weight;
            }
        }
        shared / all
    }

    /// Whether several articles tell of a subject, as of a hotel or a product; otherwise its name is just a title.
    pub(super) fn is_shared(&self, subject: usize) -> bool {
        let entries = self.subjects.get(subject).map(|s| s.entries.as_slice());
        let mut articles = entries
            .unwrap_or_default()
            .iter()
            .filter_map(|at| Some(&self.entries.get(*at)?.passage.article));
        let first = articles.next();
        articles.any(|article| Some(article) != first)
    }

    /// Subjects of which several passages tell; a title of one passage may be any phrase.
    pub(super) fn is_entity(&self, subject: usize) -> bool {
        self.subjects
            .get(subject)
            .is_some_and(|subject| subject.entries.len() > 2)
    }

    /// Subjects without a passage that `keep` allows.
    pub(super) fn visible(&self, subject: usize, keep: &dyn Fn(&Entry) -> bool) -> Vec<usize> {
        let entries = self.subjects.get(subject).map(|s| s.entries.as_slice());
        let wanted = |at: &usize| self.entries.get(*at).is_some_and(keep);
        entries
            .unwrap_or_default()
            .iter()
            .copied()
            .filter(wanted)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::conversation::PassageId;
    use crate::knowledge::conformance::indexed;
    use crate::knowledge::{Hit, IndexedPassage, MemoryVectorStore, VectorQuery};

    /// Counts what is read of it.
    #[derive(Debug, Default)]
    struct Counting {
        inner: MemoryVectorStore,
        lists: AtomicUsize,
        exports: AtomicUsize,
    }

    #[async_trait]
    impl VectorStore for Counting {
        async fn upsert(&self, passages: Vec<IndexedPassage>) -> Result<()> {
            self.inner.upsert(passages).await
        }

        async fn remove(&self, tenant: &TenantId, ids: &[PassageId]) -> Result<()> {
            self.inner.remove(tenant, ids).await
        }

        async fn list(&self, tenant: &TenantId) -> Result<Vec<(PassageId, String)>> {
            self.lists.fetch_add(1, Ordering::Relaxed);
            self.inner.list(tenant).await
        }

        async fn export(&self, tenant: &TenantId) -> Result<Vec<(Passage, Vec<f32>)>> {
            self.exports.fetch_add(1, Ordering::Relaxed);
            self.inner.export(tenant).await
        }

        async fn search(&self, query: VectorQuery) -> Result<Vec<Hit>> {
            self.inner.search(query).await
        }
    }

    #[tokio::test]
    async fn a_collection_that_is_too_large_is_not_listed_again_for_every_turn() {
        let store = Counting::default();
        let passages = ["a", "b", "c"].map(|id| indexed(id, "text", 8));
        store.upsert(passages.to_vec()).await.unwrap();
        let indexes = Indexes::default();
        let acme: TenantId = "acme".into();
        let read = || {
            (
                store.lists.load(Ordering::Relaxed),
                store.exports.load(Ordering::Relaxed),
            )
        };
        for _ in 0..3 {
            let none = indexes.of(&acme, &store, "en", 2).await.unwrap();
            assert!(none.is_none());
        }
        assert_eq!(read(), (1, 0));
        for _ in 0..2 {
            let all = indexes.of(&acme, &store, "en", 3).await.unwrap();
            assert_eq!(all.unwrap().entries.len(), 3);
        }
        assert_eq!(read(), (2, 1));
        assert!(indexes.of(&acme, &store, "en", 2).await.unwrap().is_none());
        assert_eq!(read(), (2, 1));
        drop(indexes.changing());
        assert!(indexes.of(&acme, &store, "en", 2).await.unwrap().is_none());
        assert_eq!(read(), (3, 1));
    }
}
