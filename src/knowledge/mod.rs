//! Knowledge: articles in, cited passages out, or an honest "I don't know".

mod article;
mod base;
mod chunk;
#[cfg(any(test, feature = "test-util"))]
pub mod conformance;
#[cfg(feature = "edge")]
mod edge;
mod fallback;
mod feedback;
mod gaps;
mod ingest;
#[cfg(any(feature = "edge", feature = "qdrant"))]
mod layout;
mod lead;
mod learn;
mod load;
mod memory;
mod options;
mod outline;
mod proof;
#[cfg(feature = "qdrant")]
mod qdrant;
mod rank;
mod readable;
mod screen;
mod sentence;
mod sparse;
mod support;
mod turn;
mod views;

pub use article::{Audience, KnowledgeArticle, Passage};
pub use base::{ArticleMatch, KnowledgeBase};
#[cfg(feature = "edge")]
pub use edge::EdgeStore;
pub use fallback::FallbackVectorStore;
pub use feedback::{ArticleFeedback, ArticleTally};
pub use gaps::KnowledgeGap;
pub(crate) use gaps::MOST as MOST_UNANSWERED;
pub use load::{LoadNote, LoadOptions, LoadReport, Skipped, load_articles, load_articles_with};
pub use memory::MemoryVectorStore;
pub use options::{IngestReport, KnowledgeOptions};
pub use proof::Attribution;
pub(crate) use proof::ReadSentence;
#[cfg(feature = "qdrant")]
pub use qdrant::{QdrantOptions, QdrantReindex, QdrantStore};
pub(crate) use readable::{judges, spoken, spoken_all};
pub use screen::{instructions_to_models, screened};
pub(crate) use sentence::sentences;
#[cfg(feature = "eval")]
pub(crate) use turn::{
    Candidate, Evidence, EvidenceOptions, Head, Logistic, RANK_SIGNS, Weights, log_odds,
};
pub use turn::{NEED_THRESHOLD, RecentTurns, SubjectCue, TurnKnowledge, TurnMatch};

/// The word weights of a query, for evaluations that search a store themselves.
#[cfg(feature = "eval")]
pub(crate) fn sparse_query(language: &str, text: &str) -> SparseVector {
    sparse::SparseEncoder::new(language).query(text)
}

use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::conversation::{Citation, PassageId, TenantId};
use crate::error::{Error, ErrorKind, Result};

/// What may be seen: always a tenant, an audience and a moment; optionally one language and one product.
///
/// It is applied below the caller, inside the store, and a query cannot be built without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Only articles of this tenant.
    pub tenant: TenantId,
    /// Only articles meant for this audience (agents also see what customers see).
    pub audience: Audience,
    /// Only articles valid at this moment.
    pub at: jiff::Timestamp,
    /// Only articles in this language (BCP 47); all languages where `None`. Regions are not told apart:
    /// `en` and `en-GB` find each other.
    pub language: Option<String>,
    /// Only articles about this product, in any case of letters, and those that name none and so apply to all;
    /// articles about all products where `None`.
    pub product: Option<String>,
}

impl Scope {
    /// What `audience` of `tenant` may see now, in any language.
    pub fn new(tenant: impl Into<TenantId>, audience: Audience) -> Self {
        Self {
            tenant: tenant.into(),
            audience,
            at: jiff::Timestamp::now(),
            language: None,
            product: None,
        }
    }

    /// Only articles in this language.
    #[must_use]
    pub fn with_language(mut self, language: impl Into<String>) -> Self {
        self.language = Some(language.into());
        self
    }

    /// Only articles about this product, and those that apply to all.
    #[must_use]
    pub fn with_product(mut self, product: impl Into<String>) -> Self {
        self.product = Some(product.into());
        self
    }

    /// Whether a passage may be seen. Stores filter inside the search and ask this again of every hit.
    pub fn allows(&self, passage: &Passage) -> bool {
        let language = |tag: &str| sparse::primary_language(tag);
        passage.tenant == self.tenant
            && (passage.audience == Audience::Customer || self.audience == Audience::Agent)
            && passage.valid_from.is_none_or(|from| from <= self.at)
            && passage.valid_to.is_none_or(|to| self.at < to)
            && self
                .language
                .as_deref()
                .is_none_or(|wanted| language(wanted) == language(&passage.language))
            && self
                .product
                .as_deref()
                .is_none_or(|wanted| is_about(passage, wanted))
    }
}

fn is_about(passage: &Passage, product: &str) -> bool {
    let wanted = article::product_key(product);
    let mut products = passage.products.iter();
    passage.products.is_empty() || products.any(|known| article::product_key(known) == wanted)
}

/// Weights of words, by hashed word: ascending index, no duplicates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SparseVector {
    /// Hashes of the words.
    pub indices: Vec<u32>,
    /// Their weights.
    pub values: Vec<f32>,
}

/// A passage with its vectors, ready to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexedPassage {
    /// The passage.
    pub passage: Passage,
    /// Dense vector of unit norm.
    pub dense: Vec<f32>,
    /// BM25 weights.
    pub sparse: SparseVector,
}

/// A search in both spaces.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorQuery {
    /// What may be seen.
    pub scope: Scope,
    /// Dense vector of unit norm.
    pub dense: Vec<f32>,
    /// Word weights.
    pub sparse: SparseVector,
    /// At most this many hits; of more than some thousand only the best are looked for.
    pub limit: usize,
}

/// A passage that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Hit {
    /// The passage.
    pub passage: Passage,
    /// Rank-fusion score; only its order means something.
    pub score: f32,
    /// Similarity of the dense vectors, -1 to 1.
    pub similarity: f32,
}

/// Holds the vectors. Derived data: it can always be rebuilt from the articles.
#[async_trait]
pub trait VectorStore: Debug + Send + Sync + 'static {
    /// Adds passages, replacing those with the same id. Durable when it returns.
    ///
    /// # Errors
    /// [`ErrorKind::Index`](crate::ErrorKind) if nothing could be written.
    async fn upsert(&self, passages: Vec<IndexedPassage>) -> Result<()>;

    /// Removes passages of `tenant`; unknown ids are skipped.
    ///
    /// # Errors
    /// [`ErrorKind::Index`](crate::ErrorKind) if nothing could be written.
    async fn remove(&self, tenant: &TenantId, ids: &[PassageId]) -> Result<()>;

    /// All passages of a tenant with their content hash, for incremental re-indexing.
    ///
    /// # Errors
    /// [`ErrorKind::Index`](crate::ErrorKind) if the index cannot be read.
    async fn list(&self, tenant: &TenantId) -> Result<Vec<(PassageId, String)>>;

    /// What searches answer from just now, as [`list`](Self::list) tells it, for indexes derived from this one. It is
    /// the same unless told otherwise: a store that searches a copy while the first one is out of reach tells of the
    /// copy, which nothing may be written by.
    ///
    /// # Errors
    /// [`ErrorKind::Index`](crate::ErrorKind) if the index cannot be read.
    async fn list_searched(&self, tenant: &TenantId) -> Result<Vec<(PassageId, String)>> {
        self.list(tenant).await
    }

    /// Every passage of a tenant with its dense vector, for indexes derived from this one.
    ///
    /// # Errors
    /// [`ErrorKind::Index`](crate::ErrorKind) if the index cannot be read;
    /// [`ErrorKind::Unsupported`](crate::ErrorKind), the default, from a store that does not hand them out.
    async fn export(&self, tenant: &TenantId) -> Result<Vec<(Passage, Vec<f32>)>> {
        let _ = tenant;
        Err(Error::new(
            ErrorKind::Unsupported,
            "this vector store does not hand out its passages; use one that does",
        ))
    }

    /// The best passages in scope, dense and sparse ranks fused (RRF), best first.
    ///
    /// # Errors
    /// [`ErrorKind::Index`](crate::ErrorKind) if the index cannot be read.
    async fn search(&self, query: VectorQuery) -> Result<Vec<Hit>>;
}

/// A question to the knowledge base, with everything that decides what may answer it.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The question, able to stand alone.
    pub text: String,
    /// What may be seen.
    pub scope: Scope,
}

impl Question {
    /// A question of `audience` of `tenant`.
    pub fn new(text: impl Into<String>, scope: Scope) -> Self {
        Self {
            text: text.into(),
            scope,
        }
    }
}

/// An answer with proof, or an honest "I don't know".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct KnowledgeAnswer {
    /// The answer; `None` where the knowledge base does not have it.
    pub text: Option<String>,
    /// The spans that support it.
    pub citations: Vec<Citation>,
    /// Between 0 and 1.
    pub confidence: f32,
    /// What is missing, where there is no answer.
    pub missing: Option<String>,
}
