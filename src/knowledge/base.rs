//! The knowledge base: ingest, search, cite, answer or abstain.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::chunk::{article_of, passages_for, searchable};
use super::feedback::FeedbackBook;
use super::gaps::GapBook;
use super::load::distinct;
use super::options::{IngestReport, KnowledgeOptions};
use super::outline::Outlines;
use super::readable::spoken_all;
use super::sparse::SparseEncoder;
use super::support::{citation, confidence, in_reading_order, merge, missing};
use super::turn::Indexes;
use super::views::{View, parts};
use super::{
    Hit, IndexedPassage, KnowledgeAnswer, KnowledgeArticle, Passage, Question, VectorQuery,
    VectorStore,
};
use crate::conversation::{Citation, PassageId, TenantId};
use crate::embedding::{Embedder, TextKind};
use crate::error::{Error, ErrorKind, Result};

/// Passages embedded and stored at once: what is lost when ingestion is interrupted.
const INGEST_BATCH: usize = 128;
/// Query vectors kept: searching, citing and answering ask for the same one.
const REMEMBERED: usize = 64;
/// Passages of one article whose sentences are compared.
const PASSAGES_OF_ARTICLE: usize = 3;

/// Articles, indexed; answers with citations or says that it cannot.
///
/// Every question carries a [`Scope`](super::Scope); nothing outside it is reached by any method.
#[derive(Clone)]
pub struct KnowledgeBase {
    pub(super) embedder: Arc<dyn Embedder>,
    pub(super) store: Arc<dyn VectorStore>,
    pub(super) options: KnowledgeOptions,
    pub(super) turns: Arc<Indexes>,
    pub(super) outlines: Arc<Outlines>,
    pub(super) state: Arc<State>,
}

#[derive(Default)]
pub(super) struct State {
    ingesting: tokio::sync::Mutex<()>,
    pub(super) feedback: FeedbackBook,
    pub(super) gaps: GapBook,
    queries: Mutex<VecDeque<(String, Vec<f32>)>>,
}

/// An article that may help, with the sentence to show.
#[derive(Clone, Debug, PartialEq)]
pub struct ArticleMatch {
    /// The article's best passage.
    pub hit: Hit,
    /// The sentence of the article that fits the question best.
    pub citation: Citation,
    /// The article's sentences that fit nearly as well, that one first; at most
    /// [`KnowledgeOptions::facts`].
    pub facts: Vec<Citation>,
    /// How likely it is that it answers the question, between 0 and 1.
    pub confidence: f32,
}

impl KnowledgeBase {
    /// A knowledge base over `store`, whose vectors must come from `embedder`.
    pub fn new(embedder: Arc<dyn Embedder>, store: Arc<dyn VectorStore>) -> Self {
        Self {
            embedder,
            store,
            options: KnowledgeOptions::default(),
            turns: Arc::default(),
            outlines: Arc::default(),
            state: Arc::default(),
        }
    }

    /// Replaces the options.
    #[must_use]
    pub fn with_options(mut self, options: KnowledgeOptions) -> Self {
        self.options = options;
        self
    }

    /// Makes `articles` the whole collection of every tenant that occurs among them.
    ///
    /// Only passages whose content changed are embedded; passages that no article has any more are removed.
    /// Tenants that do not occur are left alone ([`clear`](Self::clear) removes one). Articles that are only out
    /// of reach just now are removed too: where
    /// [`LoadReport::is_complete`](super::LoadReport::is_complete) says no, call [`update`](Self::update).
    /// `progress` is called
    /// with the number of passages done and to do. Interrupted, it leaves a searchable mixture of old and
    /// new; calling it again finishes.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if an id occurs twice for a tenant; what the embedder or the store
    /// reports.
    pub async fn ingest(
        &self,
        articles: Vec<KnowledgeArticle>,
        progress: Option<&(dyn Fn(usize, usize) + Send + Sync)>,
    ) -> Result<IngestReport> {
        self.take_in(articles, true, progress).await
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
        self.take_in(articles, false, progress).await
    }

    async fn take_in(
        &self,
        articles: Vec<KnowledgeArticle>,
        whole_collection: bool,
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
                    Some(hash) if hash == passage.content_hash => report.unchanged += 1,
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
                .filter(|id| whole_collection || is_given(id))
                .collect();
            gone.sort();
            report.removed += gone.len();
            vanished.push((tenant, gone));
        }
        // First what must no longer be shown, then what is new.
        for (tenant, gone) in vanished.iter().filter(|(_, gone)| !gone.is_empty()) {
            self.store.remove(tenant, gone).await?;
        }
        self.outlines.forget();
        let total = changed.len();
        let tell = |done| {
            if let Some(progress) = progress {
                progress(done, total);
            }
        };
        tell(0);
        let mut done = 0;
        for batch in changed.chunks(INGEST_BATCH) {
            let indexed = self.index(batch).await?;
            self.store.upsert(indexed).await?;
            done += batch.len();
            tell(done);
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

    /// The best passages for a question, at most `limit`, best first; none for a question without words.
    ///
    /// Dense and BM25 rankings are fused. A long question has several needs: it is read sentence by sentence,
    /// and the whole collection is looked at, for the subjects it names and for what the best procedures
    /// refer to; the best passage of every article then comes first. Where the collection is too large for that,
    /// or the store does not hand it out, the rankings of all sentences are fused.
    ///
    /// # Errors
    /// What the embedder or the store reports.
    pub async fn search(&self, question: &Question, limit: usize) -> Result<Vec<Hit>> {
        let texts = self.views(&question.text);
        if texts.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let encoder = self.encoder(question);
        let vectors = self.query_vectors(&texts).await?;
        let views: Vec<View> = texts
            .iter()
            .zip(vectors)
            .map(|(text, dense)| View {
                dense,
                sparse: encoder.query(text),
            })
            .collect();
        if views.len() > 1
            && let Some(hits) = self.in_outline(question, &views, limit).await?
        {
            return Ok(hits);
        }
        let mut rankings = Vec::with_capacity(views.len());
        // Views are fused afterwards, so each is read deeper than what is returned.
        let deep = if views.len() > 1 { 3 } else { 1 };
        for View { dense, sparse } in views {
            let query = VectorQuery {
                scope: question.scope.clone(),
                dense,
                sparse,
                limit: limit.saturating_mul(deep),
            };
            rankings.push(self.store.search(query).await?);
        }
        let mut hits = merge(rankings);
        hits.truncate(limit);
        Ok(hits)
    }

    /// Articles that may help with a question, each once, most likely first, with the sentence to show.
    ///
    /// # Errors
    /// What the embedder or the store reports.
    pub async fn articles_for(
        &self,
        question: &Question,
        limit: usize,
    ) -> Result<Vec<ArticleMatch>> {
        let encoder = self.encoder(question);
        let mut articles: Vec<Vec<(f32, Hit)>> = Vec::new();
        for hit in self.search(question, limit.saturating_mul(4)).await? {
            let sure = confidence(&hit, question, &encoder);
            let tenant = &question.scope.tenant;
            let sure = self
                .state
                .feedback
                .moved(tenant, &hit.passage.article, sure);
            let known = articles.iter_mut().find(|passages| {
                let first = passages.first();
                first.is_some_and(|(_, first)| first.passage.article == hit.passage.article)
            });
            match known {
                Some(passages) => passages.push((sure, hit)),
                None => articles.push(vec![(sure, hit)]),
            }
        }
        for passages in &mut articles {
            passages.sort_by(|a, b| b.0.total_cmp(&a.0));
            passages.truncate(PASSAGES_OF_ARTICLE);
        }
        let best = |passages: &[(f32, Hit)]| passages.first().map_or(0.0, |(sure, _)| *sure);
        articles.retain(|passages| best(passages) >= self.options.article_confidence);
        articles.sort_by(|a, b| best(b).total_cmp(&best(a)));
        articles.truncate(limit);
        let mut matches = Vec::with_capacity(articles.len());
        for passages in articles {
            let facts = self.facts(&passages, question).await?;
            if let Some((confidence, hit)) = passages.into_iter().next() {
                matches.push(self.match_of(hit, facts, confidence));
            }
        }
        Ok(matches)
    }

    /// The sentence of a hit that supports the question best, verbatim.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the question's scope does not allow the passage; what the embedder
    /// reports.
    pub async fn cite(&self, hit: &Hit, question: &Question) -> Result<Citation> {
        let best = self.supporting(hit, question).await?.into_iter().next();
        let whole = 0..hit.passage.text.len();
        Ok(citation(hit, best.map_or(whole, |best| best.range)))
    }

    /// How likely it is that a hit answers a question, between 0 and 1.
    pub fn confidence(&self, hit: &Hit, question: &Question) -> f32 {
        confidence(hit, question, &self.encoder(question))
    }

    /// An answer in the words of the best passage (one to three of its sentences, each cited), or what is
    /// missing. No text is generated.
    ///
    /// # Errors
    /// What the embedder or the store reports.
    pub async fn answer_extractive(&self, question: &Question) -> Result<KnowledgeAnswer> {
        let encoder = self.encoder(question);
        let best = self
            .search(question, 5)
            .await?
            .into_iter()
            .map(|hit| (confidence(&hit, question, &encoder), hit))
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        let (confidence, hit) = match best {
            Some((sure, hit)) if sure >= self.options.answer_confidence => (sure, hit),
            weak => {
                return Ok(KnowledgeAnswer {
                    text: None,
                    citations: Vec::new(),
                    confidence: weak.map_or(0.0, |(sure, _)| sure),
                    missing: Some(missing(&question.text)),
                });
            }
        };
        let ranked = self.supporting(&hit, question).await?;
        let citations: Vec<Citation> = in_reading_order(&ranked)
            .into_iter()
            .map(|range| citation(&hit, range))
            .collect();
        if citations.is_empty() {
            // Nothing in it may be quoted.
            return Ok(KnowledgeAnswer {
                text: None,
                citations,
                confidence: 0.0,
                missing: Some(missing(&question.text)),
            });
        }
        Ok(KnowledgeAnswer {
            text: Some(spoken_all(&citations)),
            citations,
            confidence,
            missing: None,
        })
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

    pub(super) fn encoder(&self, question: &Question) -> SparseEncoder {
        let language = question.scope.language.as_ref();
        SparseEncoder::new(language.unwrap_or(&self.options.default_language))
    }

    /// The question, and the sentences of a long one.
    fn views(&self, text: &str) -> Vec<String> {
        let text = text.trim();
        if !text.chars().any(char::is_alphanumeric) {
            return Vec::new();
        }
        match text.split_whitespace().count() > self.options.long_question_words {
            true => parts(text),
            false => vec![text.to_owned()],
        }
    }

    pub(super) async fn query_vectors(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let known: Vec<Option<Vec<f32>>> = {
            let queries = self.state.queries.lock();
            let find = |text: &String| queries.iter().find(|(known, _)| known == text);
            texts
                .iter()
                .map(|text| find(text).map(|(_, vector)| vector.clone()))
                .collect()
        };
        let fresh: Vec<String> = texts
            .iter()
            .zip(&known)
            .filter(|(_, known)| known.is_none())
            .map(|(text, _)| text.clone())
            .collect();
        let mut made = if fresh.is_empty() {
            Vec::new()
        } else {
            self.embedder.embed(&fresh, TextKind::Query).await?
        };
        {
            let mut queries = self.state.queries.lock();
            queries.extend(fresh.into_iter().zip(made.iter().cloned()));
            let surplus = queries.len().saturating_sub(REMEMBERED);
            queries.drain(..surplus);
        }
        let mut made = made.drain(..);
        Ok(known
            .into_iter()
            .map(|known| known.or_else(|| made.next()).unwrap_or_default())
            .collect())
    }
}

impl fmt::Debug for KnowledgeBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnowledgeBase")
            .field("embedder", &self.embedder)
            .field("store", &self.store)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "base_tests.rs"]
mod tests;
