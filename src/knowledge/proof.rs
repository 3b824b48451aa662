//! Sentences as proof: which support a question, which stand behind a written text.

use super::base::KnowledgeBase;
use super::screen::quotable;
use super::sentence::sentences;
use super::support::{Supporting, citation, rank_sentences};
use super::views::parts;
use super::{ArticleMatch, Hit, Question};
use crate::conversation::Citation;
use crate::embedding::{TextKind, similarity};
use crate::error::{Error, ErrorKind, Result};

/// A sentence with this part of the best one's score is worth reading beside it.
const NEARLY_AS_GOOD: f32 = 0.6;
/// Two sentences this similar say the same.
const SAYS_THE_SAME: f32 = 0.55;

/// A sentence of a written text and the words of an article that say the same.
///
/// An article's sentence may stand behind several sentences of the text, and the other way round.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    /// The sentence that was written.
    pub sentence: String,
    /// Where it comes from.
    pub citation: Citation,
    /// Likeness of meaning, at most 1.
    pub similarity: f32,
}

impl KnowledgeBase {
    /// The sentences of a passage that may be quoted, in the order of the text: what an answer from it can be held
    /// against.
    pub fn sentences_of(&self, hit: &Hit) -> Vec<Citation> {
        let ranges = quotable(&hit.passage.text).into_iter();
        ranges.map(|range| citation(hit, range)).collect()
    }

    /// Which of `candidates` a written text says again, closest first: its proof. Empty where none is
    /// close.
    ///
    /// # Errors
    /// What the embedder reports.
    pub async fn attribute(&self, text: &str, candidates: &[Citation]) -> Result<Vec<Attribution>> {
        let ranges = sentences(text);
        let said: Vec<String> = ranges
            .iter()
            .map(|range| text.get(range.clone()).unwrap_or_default().to_owned())
            .collect();
        if said.is_empty() || candidates.is_empty() {
            return Ok(Vec::new());
        }
        let vectors = self.embedder.embed(&said, TextKind::Document).await?;
        let quotes: Vec<String> = candidates.iter().map(|c| c.quote.clone()).collect();
        let quotes = self.embedder.embed(&quotes, TextKind::Document).await?;
        let mut found: Vec<Attribution> = Vec::new();
        for (quote, citation) in quotes.iter().zip(candidates) {
            let alike = vectors.iter().map(|sentence| similarity(sentence, quote));
            let closest = alike.zip(&said).max_by(|a, b| a.0.total_cmp(&b.0));
            let known = found.iter().any(|known| known.citation == *citation);
            if let Some((similarity, sentence)) =
                closest.filter(|(alike, _)| *alike >= SAYS_THE_SAME && !known)
            {
                found.push(Attribution {
                    sentence: sentence.clone(),
                    citation: citation.clone(),
                    similarity,
                });
            }
        }
        found.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        Ok(found)
    }

    /// The best sentences of an article's passages, best first.
    pub(super) async fn facts(
        &self,
        passages: &[(f32, Hit)],
        question: &Question,
    ) -> Result<Vec<Citation>> {
        let mut ranked: Vec<(f32, Citation)> = Vec::new();
        for (_, hit) in passages {
            let sentences = self.supporting(hit, question).await?;
            let cited = |s: Supporting| (s.score, citation(hit, s.range));
            ranked.extend(sentences.into_iter().map(cited));
        }
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let least = ranked
            .first()
            .map_or(0.0, |(best, _)| NEARLY_AS_GOOD * best);
        ranked.retain(|(score, _)| *score >= least);
        ranked.truncate(self.options.facts.max(1));
        Ok(ranked.into_iter().map(|(_, citation)| citation).collect())
    }

    /// A hit with what it says about the question; the whole passage where no sentence may be quoted by itself.
    pub(super) fn match_of(&self, hit: Hit, facts: Vec<Citation>, confidence: f32) -> ArticleMatch {
        let whole = || citation(&hit, 0..hit.passage.text.len());
        ArticleMatch {
            citation: facts.first().cloned().unwrap_or_else(whole),
            hit,
            facts,
            confidence,
        }
    }

    pub(super) async fn supporting(
        &self,
        hit: &Hit,
        question: &Question,
    ) -> Result<Vec<Supporting>> {
        if !question.scope.allows(&hit.passage) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "the passage {} is outside the scope of the question; search with the same scope",
                    hit.passage.id
                ),
            ));
        }
        let text = &hit.passage.text;
        let ranges = quotable(text);
        if ranges.len() < 2 {
            let only = ranges.into_iter();
            return Ok(only.map(|range| Supporting { range, score: 1.0 }).collect());
        }
        // With the heading in front, "It takes five days." says what takes five days.
        let about = hit.passage.headings.last().unwrap_or(&hit.passage.title);
        let quotes: Vec<String> = ranges
            .iter()
            .map(|range| format!("{about}: {}", text.get(range.clone()).unwrap_or_default()))
            .collect();
        let asked = self.query_vectors(&parts(&question.text)).await?;
        let vectors = self.embedder.embed(&quotes, TextKind::Document).await?;
        let encoder = self.encoder(question);
        Ok(rank_sentences(
            &question.text,
            &asked,
            text,
            ranges,
            &vectors,
            &encoder,
        ))
    }
}
