//! What may be tuned, and what an ingestion reports.

#[allow(unused_imports, reason = "for links in the documentation")]
use super::KnowledgeBase;

/// What may be tuned.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct KnowledgeOptions {
    /// Tokens in a passage, with its title and headings, as the embedder counts them; longer texts are divided.
    /// Never more than the embedder reads, but for `usize::MAX`: articles stay whole.
    pub passage_tokens: usize,
    /// Below this confidence, between 0 and 1, [`KnowledgeBase::answer_extractive`] says that it does not know.
    pub answer_confidence: f32,
    /// Below this confidence [`KnowledgeBase::articles_for`] leaves an article out.
    pub article_confidence: f32,
    /// Sentences of one article that [`KnowledgeBase::articles_for`] returns at most.
    pub facts: usize,
    /// Questions with more words are also searched sentence by sentence, since one vector blurs them.
    pub long_question_words: usize,
    /// Language (BCP 47) whose stems and stop words are used for questions without one.
    pub default_language: String,
}

impl Default for KnowledgeOptions {
    fn default() -> Self {
        Self {
            passage_tokens: 240,
            answer_confidence: 0.5,
            article_confidence: 0.3,
            facts: 4,
            long_question_words: 60,
            default_language: "en".into(),
        }
    }
}

/// What an ingestion changed, in passages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IngestReport {
    /// Articles given.
    pub articles: usize,
    /// New passages.
    pub added: usize,
    /// Passages whose text or audience, validity, title … changed.
    pub updated: usize,
    /// Passages left as they were.
    pub unchanged: usize,
    /// Passages no longer in any article.
    pub removed: usize,
}
