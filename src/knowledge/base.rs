//! The knowledge base: ingest, search, cite, answer or abstain.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::feedback::FeedbackBook;
use super::gaps::GapBook;
use super::options::KnowledgeOptions;
use super::outline::Outlines;
use super::proof::whole;
use super::readable::spoken_all;
use super::sparse::SparseEncoder;
use super::support::{citation, confidence, in_reading_order, is_repeated, merge, missing};
use super::turn::Indexes;
use super::views::{View, parts};
use super::{Hit, KnowledgeAnswer, Question, VectorQuery, VectorStore};
use crate::conversation::Citation;
use crate::embedding::{Embedder, TextKind};
#[allow(unused_imports, reason = "for links in the documentation")]
use crate::error::ErrorKind;
use crate::error::Result;

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
    pub(super) ingesting: tokio::sync::Mutex<()>,
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
        // The same text in two articles is shown once.
        let mut known = HashSet::new();
        articles.retain(|passages| {
            let best = passages.first();
            best.is_none_or(|(_, best)| !is_repeated(&best.passage, &mut known))
        });
        articles.truncate(limit);
        let mut matches = Vec::with_capacity(articles.len());
        for passages in articles {
            let facts = self.facts(&passages, question).await?;
            if let Some((confidence, hit)) = passages.into_iter().next() {
                matches.extend(self.match_of(hit, facts, confidence));
            }
        }
        Ok(matches)
    }

    /// The sentence of a hit that supports the question best, verbatim; the whole passage where no sentence may be quoted
    /// by itself, and an empty quote where that is because it speaks to a model.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the question's scope does not allow the passage; what the embedder
    /// reports.
    pub async fn cite(&self, hit: &Hit, question: &Question) -> Result<Citation> {
        let best = self.supporting(hit, question).await?.into_iter().next();
        Ok(match best {
            Some(best) => citation(hit, best.range),
            None => whole(hit).unwrap_or_else(|| citation(hit, 0..0)),
        })
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
