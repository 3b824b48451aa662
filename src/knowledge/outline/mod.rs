//! All articles of a tenant at a glance, for questions that need several of them.
//!
//! A long question has several needs, and some of the articles it needs are about nothing that it says: the
//! procedure for closing a card needs the one for looking up its disputes. Ranking by likeness alone finds
//! neither. So the whole collection is held in memory: what its titles name, which articles introduce a subject,
//! which ones are procedures, and what they refer to. It is derived from the vector store, built when first
//! needed, and forgotten when articles change.

mod rank;
mod references;
#[cfg(test)]
mod tests;
mod titles;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use self::references::{References, rarity};
use self::titles::{Names, Subject};
use super::chunk::searchable;
use super::sparse::SparseEncoder;
use super::views::View;
use super::{Hit, KnowledgeBase, Passage, Question, VectorStore};
use crate::conversation::{ArticleId, PassageId, TenantId};
use crate::error::{ErrorKind, OrError, Result};

/// Larger collections are not held in memory: some 60 MB of vectors and texts.
const MOST_PASSAGES: usize = 20_000;
/// How long an outline is used before it is compared with the store again, which others may have changed.
const FRESH: Duration = Duration::from_secs(30);

/// A collection in memory.
#[derive(Debug)]
pub(super) struct Outline {
    passages: Vec<Held>,
    articles: Vec<Article>,
    /// For each word (hashed) its rarity and the passages that have it, with BM25 weights.
    words: HashMap<u32, (f32, Vec<(usize, f32)>)>,
    names: Names,
    references: References,
}

#[derive(Debug)]
struct Held {
    passage: Passage,
    dense: Vec<f32>,
    article: usize,
}

#[derive(Debug)]
struct Article {
    /// The words of its title (hashed stems) with their rarity among titles.
    title: Vec<(u32, f32)>,
    subject: Option<Subject>,
    /// The one article that introduces its subject.
    introduces: bool,
    looks_up: bool,
    /// Mean of the vectors of its passages, of unit norm.
    meaning: Vec<f32>,
}

impl Outline {
    /// Reads a collection; `language` (BCP 47) is that of titles.
    pub(super) fn new(mut exported: Vec<(Passage, Vec<f32>)>, language: &str) -> Self {
        exported.sort_by(|(a, _), (b, _)| (&a.article, &a.id).cmp(&(&b.article, &b.id)));
        let mut numbers: BTreeMap<ArticleId, usize> = BTreeMap::new();
        let mut passages = Vec::with_capacity(exported.len());
        for (passage, dense) in exported {
            let next = numbers.len();
            let article = *numbers.entry(passage.article.clone()).or_insert(next);
            passages.push(Held {
                passage,
                dense,
                article,
            });
        }
        let encoder = SparseEncoder::new(language);
        let titles = per_article(&passages, numbers.len(), |held| {
            titles::words(&held.passage.title)
        });
        let names = Names::new(&titles, &encoder);
        let texts = texts(&passages, numbers.len());
        let articles = articles(&passages, &titles, &names, &encoder);
        Self {
            words: words(&passages),
            references: References::new(&texts),
            passages,
            articles,
            names,
        }
    }
}

/// What the first passage of each article says.
fn per_article<T: Default + Clone>(
    passages: &[Held],
    count: usize,
    of: impl Fn(&Held) -> T,
) -> Vec<T> {
    let mut all = vec![T::default(); count];
    for held in passages.iter().rev() {
        if let Some(slot) = all.get_mut(held.article) {
            *slot = of(held);
        }
    }
    all
}

fn texts(passages: &[Held], count: usize) -> Vec<String> {
    let mut texts = vec![String::new(); count];
    for held in passages {
        if let Some(text) = texts.get_mut(held.article) {
            text.push_str(&held.passage.text);
            text.push('\n');
        }
    }
    texts
}

fn words(passages: &[Held]) -> HashMap<u32, (f32, Vec<(usize, f32)>)> {
    let mut encoders: HashMap<&str, SparseEncoder> = HashMap::new();
    let mut words: HashMap<u32, (f32, Vec<(usize, f32)>)> = HashMap::new();
    for (number, held) in passages.iter().enumerate() {
        let language = held.passage.language.as_str();
        let encoder = encoders
            .entry(language)
            .or_insert_with(|| SparseEncoder::new(language));
        let sparse = encoder.document(&searchable(&held.passage));
        for (word, weight) in sparse.indices.into_iter().zip(sparse.values) {
            words.entry(word).or_default().1.push((number, weight));
        }
    }
    let total = passages.len() as f32;
    for (rare, with) in words.values_mut() {
        *rare = rarity(total, with.len() as f32);
    }
    words
}

fn articles(
    passages: &[Held],
    titles: &[Vec<String>],
    names: &Names,
    encoder: &SparseEncoder,
) -> Vec<Article> {
    let stems: Vec<Vec<u32>> = titles
        .iter()
        .map(|title| encoder.query(&title.join(" ")).indices)
        .collect();
    let mut counts: HashMap<u32, f32> = HashMap::new();
    for stem in stems.iter().flatten() {
        *counts.entry(*stem).or_default() += 1.0;
    }
    let rarity = |stem: u32| (1.0 + titles.len() as f32 / counts.get(&stem).unwrap_or(&1.0)).ln();
    let internal = internal(passages, titles.len());
    let subjects: Vec<Option<Subject>> = titles.iter().map(|title| names.of_title(title)).collect();
    let introductions = introductions(titles, &subjects, &internal);
    let meanings = meanings(passages, titles.len());
    let mut articles = Vec::with_capacity(titles.len());
    for (number, ((title, stems), meaning)) in titles.iter().zip(stems).zip(meanings).enumerate() {
        articles.push(Article {
            title: stems.into_iter().map(|stem| (stem, rarity(stem))).collect(),
            subject: subjects.get(number).copied().flatten(),
            introduces: introductions.contains(&number),
            looks_up: titles::looks_up(title),
            meaning,
        });
    }
    articles
}

/// Which articles are for agents only.
fn internal(passages: &[Held], count: usize) -> Vec<bool> {
    per_article(passages, count, |held| {
        held.passage.audience == super::Audience::Agent
    })
}

/// For each subject the article that introduces it most broadly; procedures introduce nothing.
fn introductions(
    titles: &[Vec<String>],
    subjects: &[Option<Subject>],
    internal: &[bool],
) -> HashSet<usize> {
    let all_internal = internal.iter().all(|internal| *internal);
    let mut best: HashMap<Subject, (usize, usize)> = HashMap::new();
    for (number, (title, subject)) in titles.iter().zip(subjects).enumerate() {
        let procedure = internal.get(number) == Some(&true) && !all_internal;
        if let (Some(subject), Some(breadth), false) = (subject, titles::overview(title), procedure)
        {
            let first = best.entry(*subject).or_insert((breadth, number));
            *first = (*first).min((breadth, number));
        }
    }
    best.into_values().map(|(_, number)| number).collect()
}

fn meanings(passages: &[Held], count: usize) -> Vec<Vec<f32>> {
    let mut sums: Vec<Vec<f32>> = vec![Vec::new(); count];
    for held in passages {
        if let Some(sum) = sums.get_mut(held.article) {
            sum.resize(held.dense.len(), 0.0);
            sum.iter_mut()
                .zip(&held.dense)
                .for_each(|(sum, value)| *sum += value);
        }
    }
    sums.into_iter().map(unit).collect()
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|value| *value /= norm);
    }
    vector
}

/// The outlines in use, by tenant.
#[derive(Debug, Default)]
pub(super) struct Outlines {
    known: Mutex<HashMap<TenantId, Known>>,
    /// Changes so far: what was read before one is not kept after it.
    changes: AtomicU64,
}

#[derive(Clone, Debug)]
struct Known {
    /// `None` where the store hands out no passages, or too many.
    outline: Option<Arc<Outline>>,
    listed: HashMap<PassageId, String>,
    checked: Instant,
}

impl Outlines {
    /// Forgets all: articles have changed.
    pub(super) fn forget(&self) {
        let mut known = self.known.lock();
        self.changes.fetch_add(1, Ordering::Relaxed);
        known.clear();
    }

    /// The outline of a tenant as the store holds it now or held it a moment ago; `None` where the collection
    /// is too large or the store does not hand out its passages.
    ///
    /// # Errors
    /// What the store reports.
    pub(super) async fn of(
        &self,
        tenant: &TenantId,
        store: &dyn VectorStore,
        language: &str,
    ) -> Result<Option<Arc<Outline>>> {
        let known = self.known.lock().get(tenant).cloned();
        if let Some(known) = &known
            && known.checked.elapsed() < FRESH
        {
            return Ok(known.outline.clone());
        }
        let changes = self.changes.load(Ordering::Relaxed);
        let listed = store.list_searched(tenant).await?;
        let listed: HashMap<PassageId, String> = listed.into_iter().collect();
        let outline = match known {
            Some(known) if known.listed == listed => known.outline,
            _ if listed.len() > MOST_PASSAGES => None,
            _ => read(tenant, store, language).await?,
        };
        let known = Known {
            outline: outline.clone(),
            listed,
            checked: Instant::now(),
        };
        let mut kept = self.known.lock();
        if self.changes.load(Ordering::Relaxed) == changes {
            kept.insert(tenant.clone(), known);
        }
        Ok(outline)
    }
}

impl KnowledgeBase {
    /// Ranks the whole collection for a long question; `None` where it is not held in memory.
    ///
    /// # Errors
    /// What the store reports.
    pub(super) async fn in_outline(
        &self,
        question: &Question,
        views: &[View],
        limit: usize,
    ) -> Result<Option<Vec<Hit>>> {
        let tenant = &question.scope.tenant;
        let language = &self.options.default_language;
        let store = self.store.as_ref();
        let Some(outline) = self.outlines.of(tenant, store, language).await? else {
            return Ok(None);
        };
        // Vectors of another embedder: the store says so, and what to do.
        let length = |view: &View| view.dense.len();
        let stored = outline.passages.first().map(|held| held.dense.len());
        if stored.is_some_and(|stored| views.iter().any(|view| length(view) != stored)) {
            return Ok(None);
        }
        let (question, views) = (question.clone(), views.to_vec());
        let rank = move || outline.rank(&question.text, &views, &question.scope, limit);
        tokio::task::spawn_blocking(rank).await.map(Some).or_error(
            ErrorKind::Internal,
            || "the task that ranks articles stopped",
        )
    }
}

async fn read(
    tenant: &TenantId,
    store: &dyn VectorStore,
    language: &str,
) -> Result<Option<Arc<Outline>>> {
    let exported = match store.export(tenant).await {
        Ok(exported) => exported,
        Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(None),
        Err(error) => return Err(error),
    };
    let language = language.to_owned();
    let outline = tokio::task::spawn_blocking(move || Outline::new(exported, &language))
        .await
        .or_error(
            ErrorKind::Internal,
            || "the task that reads the passages stopped",
        )?;
    Ok(Some(Arc::new(outline)))
}
