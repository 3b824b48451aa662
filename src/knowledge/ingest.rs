//! Articles into the index: only what changed is embedded, and nothing goes before its successor is ready.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::base::KnowledgeBase;
use super::chunk::{article_of, passages_for, searchable};
use super::load::distinct;
use super::options::IngestReport;
use super::sparse::SparseEncoder;
use super::{IndexedPassage, KnowledgeArticle, Passage};
use crate::conversation::{PassageId, TenantId};
use crate::embedding::TextKind;
use crate::error::{Error, ErrorKind, Result};

/// Passages embedded, and stored, at once.
const BATCH: usize = 128;
/// Passages that are embedded before any of them is stored: what is lost when a large ingestion is interrupted, and what
/// it holds in memory.
const PORTION: usize = 16 * BATCH;

/// What articles are among all those of their tenants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taking {
    /// All of them.
    Whole,
    /// Some of them.
    Part,
    /// All of them, and what is stored may be wrong.
    Again,
}

impl KnowledgeBase {
    /// Makes `articles` the whole collection of every tenant that occurs among them.
    ///
    /// Only passages whose content changed are embedded; passages that no article has any more are removed.
    /// Tenants that do not occur are left alone ([`clear`](Self::clear) removes one). Articles that are only out
    /// of reach just now are removed too: where
    /// [`LoadReport::is_complete`](super::LoadReport::is_complete) says no, call [`update`](Self::update).
    /// `progress` is called
    /// with the number of passages embedded and to embed. Nothing is removed before everything is embedded, so that an
    /// embedder that fails leaves what was there. Interrupted, it leaves a searchable mixture of old and new; calling it
    /// again finishes.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if an id occurs twice for a tenant; what the embedder or the store
    /// reports.
    pub async fn ingest(
        &self,
        articles: Vec<KnowledgeArticle>,
        progress: Option<&(dyn Fn(usize, usize) + Send + Sync)>,
    ) -> Result<IngestReport> {
        self.take_in(articles, Taking::Whole, progress).await
    }

    /// Adds `articles` and replaces those with the same ids; whatever else the tenants have stays.
    ///
    /// For a part of a collection, or where not all of it could be loaded. Otherwise as
    /// [`ingest`](Self::ingest).
    ///
    /// # Errors
    /// As for [`ingest`](Self::ingest).
    pub async fn update(
        &self,
        articles: Vec<KnowledgeArticle>,
        progress: Option<&(dyn Fn(usize, usize) + Send + Sync)>,
    ) -> Result<IngestReport> {
        self.take_in(articles, Taking::Part, progress).await
    }

    /// As [`ingest`](Self::ingest), and embeds every passage again, whatever is stored.
    ///
    /// # Errors
    /// As for [`ingest`](Self::ingest).
    pub async fn rebuild(
        &self,
        articles: Vec<KnowledgeArticle>,
        progress: Option<&(dyn Fn(usize, usize) + Send + Sync)>,
    ) -> Result<IngestReport> {
        self.take_in(articles, Taking::Again, progress).await
    }

    async fn take_in(
        &self,
        articles: Vec<KnowledgeArticle>,
        taking: Taking,
        progress: Option<&(dyn Fn(usize, usize) + Send + Sync)>,
    ) -> Result<IngestReport> {
        distinct(&articles)?;
        // Two ingestions at once would each remove what the other adds.
        let _turn = self.state.ingesting.lock().await;
        let _changes = self.turns.changing();
        let mut report = IngestReport {
            articles: articles.len(),
            ..IngestReport::default()
        };
        let mut wanted: BTreeMap<TenantId, Vec<Passage>> = BTreeMap::new();
        for article in &articles {
            wanted
                .entry(article.tenant.clone())
                .or_default()
                .extend(passages_for(
                    article,
                    self.options.passage_tokens,
                    self.embedder.as_ref(),
                ));
        }
        let mut changed: Vec<Passage> = Vec::new();
        let mut vanished: Vec<(TenantId, Vec<PassageId>)> = Vec::new();
        for (tenant, passages) in wanted {
            let listed = self.store.list(&tenant).await?;
            let mut stored: HashMap<PassageId, String> = listed.into_iter().collect();
            for passage in passages {
                match stored.remove(&passage.id) {
                    Some(hash) if hash == passage.content_hash && taking != Taking::Again => {
                        report.unchanged += 1;
                    }
                    Some(_) => {
                        report.updated += 1;
                        changed.push(passage);
                    }
                    None => {
                        report.added += 1;
                        changed.push(passage);
                    }
                }
            }
            let given: HashSet<&str> = articles
                .iter()
                .filter(|article| article.tenant == tenant)
                .map(|article| article.id.as_str())
                .collect();
            let is_given = |id: &PassageId| given.contains(article_of(id.as_str()));
            let mut gone: Vec<PassageId> = stored
                .into_keys()
                .filter(|id| taking != Taking::Part || is_given(id))
                .collect();
            gone.sort();
            report.removed += gone.len();
            vanished.push((tenant, gone));
        }
        let total = changed.len();
        let tell = |done| {
            if let Some(progress) = progress {
                progress(done, total);
            }
        };
        tell(0);
        let mut done = 0;
        let mut portions = changed.chunks(PORTION).peekable();
        loop {
            let portion = portions.next().unwrap_or_default();
            let mut indexed = Vec::with_capacity(portion.len());
            for batch in portion.chunks(BATCH) {
                indexed.extend(self.index(batch).await?);
                done += batch.len();
                tell(done);
            }
            let is_last = portions.peek().is_none();
            if is_last {
                // First what must no longer be shown, then what is new.
                for (tenant, gone) in vanished.iter().filter(|(_, gone)| !gone.is_empty()) {
                    self.store.remove(tenant, gone).await?;
                }
            }
            self.outlines.forget();
            let mut indexed = indexed.into_iter();
            loop {
                let batch: Vec<IndexedPassage> = indexed.by_ref().take(BATCH).collect();
                if batch.is_empty() {
                    break;
                }
                self.store.upsert(batch).await?;
            }
            if is_last {
                break;
            }
        }
        self.outlines.forget();
        Ok(report)
    }

    /// Removes everything of a tenant; returns the number of passages.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn clear(&self, tenant: &TenantId) -> Result<usize> {
        let _turn = self.state.ingesting.lock().await;
        let _changes = self.turns.changing();
        let listed = self.store.list(tenant).await?;
        let ids: Vec<PassageId> = listed.into_iter().map(|(id, _)| id).collect();
        self.store.remove(tenant, &ids).await?;
        self.outlines.forget();
        Ok(ids.len())
    }

    async fn index(&self, batch: &[Passage]) -> Result<Vec<IndexedPassage>> {
        let texts: Vec<String> = batch.iter().map(searchable).collect();
        let vectors = self.embedder.embed(&texts, TextKind::Document).await?;
        if vectors.len() != batch.len() {
            return Err(Error::new(
                ErrorKind::Internal,
                format!(
                    "{} returned {} vectors for {} texts",
                    self.embedder.id(),
                    vectors.len(),
                    batch.len()
                ),
            ));
        }
        let mut encoders: HashMap<&str, SparseEncoder> = HashMap::new();
        Ok(batch
            .iter()
            .zip(texts)
            .zip(vectors)
            .map(|((passage, text), dense)| {
                let language = passage.language.as_str();
                let encoder = encoders
                    .entry(language)
                    .or_insert_with(|| SparseEncoder::new(language));
                IndexedPassage {
                    passage: passage.clone(),
                    dense,
                    sparse: encoder.document(&text),
                }
            })
            .collect())
    }
}
