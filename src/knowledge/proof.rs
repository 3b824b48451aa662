//! Sentences as proof: which support a question, which stand behind a written text.

use std::collections::HashSet;

use super::base::KnowledgeBase;
use super::lead::headings_above;
use super::readable::{bare, quotes, readable, spoken};
use super::screen::instructions_to_models;
use super::sentence::sentences;
use super::support::{Candidate, Supporting, citation, is_repeated, rank_sentences};
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

/// A sentence of an article as a reader sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ReadSentence {
    /// The heading it stands under.
    pub(crate) heading: Option<String>,
    /// Its words without markup; a row of a table with what its columns are.
    pub(crate) text: String,
    /// Where it stands, and its words as they stand there.
    pub(crate) citation: Citation,
}

impl KnowledgeBase {
    /// The sentences of a passage that may be quoted, in the order of the text: what an answer from it can be held
    /// against.
    pub fn sentences_of(&self, hit: &Hit) -> Vec<Citation> {
        let ranges = quotes(&hit.passage).into_iter();
        ranges.map(|range| citation(hit, range)).collect()
    }

    /// The `limit` sentences of some passages that are closest to a question, in the order of the passages and of their
    /// text. What was answered `before` counts a little: after "Fibre 300 fits you", "What's the price?" asks for that of
    /// Fibre 300.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the question's scope does not allow a passage; what the embedder reports.
    pub(crate) async fn closest(
        &self,
        hits: &[Hit],
        question: &Question,
        before: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ReadSentence>> {
        let mut ranked: Vec<(f32, usize, Supporting)> = Vec::new();
        let found = self.rank_in(hits, question, before).await?.into_iter();
        let mut known = HashSet::new();
        for (at, supporting) in found.enumerate() {
            // The same text in two articles is read once.
            if hits
                .get(at)
                .is_none_or(|hit| is_repeated(&hit.passage, &mut known))
            {
                continue;
            }
            ranked.extend(supporting.into_iter().map(|found| (found.score, at, found)));
        }
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranked.truncate(limit);
        ranked.sort_by_key(|(_, at, found)| (*at, found.range.start));
        let read = ranked.into_iter().filter_map(|(_, at, found)| {
            let hit = hits.get(at)?;
            Some(ReadSentence {
                heading: headings_above(&hit.passage, found.range.start)
                    .last()
                    .map(|heading| (*heading).to_owned()),
                text: readable(&hit.passage, found.range.clone()),
                citation: citation(hit, found.range),
            })
        });
        Ok(read.collect())
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
        let quotes: Vec<String> = candidates.iter().map(spoken).collect();
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

    /// A hit with what it says about the question; the whole passage where no sentence may be quoted by itself. `None` where
    /// that would be because it speaks to a model.
    pub(super) fn match_of(
        &self,
        hit: Hit,
        facts: Vec<Citation>,
        confidence: f32,
    ) -> Option<ArticleMatch> {
        let citation = match facts.first() {
            Some(best) => best.clone(),
            None => whole(&hit)?,
        };
        Some(ArticleMatch {
            citation,
            hit,
            facts,
            confidence,
        })
    }

    /// The sentences of a passage, best first.
    pub(super) async fn supporting(
        &self,
        hit: &Hit,
        question: &Question,
    ) -> Result<Vec<Supporting>> {
        let hits = std::slice::from_ref(hit);
        let ranked = self.rank_in(hits, question, None).await?;
        Ok(ranked.into_iter().next().unwrap_or_default())
    }

    /// The sentences of each passage, best first.
    async fn rank_in(
        &self,
        hits: &[Hit],
        question: &Question,
        before: Option<&str>,
    ) -> Result<Vec<Vec<Supporting>>> {
        let mut candidates = Vec::with_capacity(hits.len());
        let mut texts: Vec<String> = Vec::new();
        for hit in hits {
            let passage = &hit.passage;
            if !question.scope.allows(passage) {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    format!(
                        "the passage {} is outside the scope of the question; search with the same scope",
                        passage.id
                    ),
                ));
            }
            let mut own = Vec::new();
            for range in quotes(passage) {
                // With the heading in front, "It takes five days." says what takes five days.
                let above = headings_above(passage, range.start);
                let about = above.last().copied().unwrap_or(&passage.title);
                let text = readable(passage, range.clone());
                texts.push(match text.starts_with(about) {
                    true => text,
                    false => format!("{about}: {text}"),
                });
                let words = passage.text.get(range.clone()).unwrap_or_default();
                // That of the whole passage is above all of its sentences.
                let words = match above.len() > passage.headings.len() {
                    true => format!("{about} {words}"),
                    false => words.to_owned(),
                };
                own.push(Candidate { range, words });
            }
            candidates.push(own);
        }
        if texts.is_empty() {
            return Ok(vec![Vec::new(); hits.len()]);
        }
        let asked = self.query_vectors(&parts(&question.text)).await?;
        // As a whole: by itself, what was answered is closest to itself.
        let before = match before {
            Some(before) => {
                let both = format!("{} {before}", question.text);
                self.query_vectors(&[both]).await?.pop()
            }
            None => None,
        };
        let vectors = self.embedder.embed(&texts, TextKind::Document).await?;
        let mut vectors = vectors.as_slice();
        let encoder = self.encoder(question);
        let mut ranked = Vec::with_capacity(hits.len());
        for own in candidates {
            let (of_hit, rest) = vectors.split_at(own.len().min(vectors.len()));
            vectors = rest;
            ranked.push(rank_sentences(
                &question.text,
                &asked,
                before.as_deref(),
                own,
                of_hit,
                &encoder,
            ));
        }
        Ok(ranked)
    }
}

/// A whole passage as a citation; `None` where it speaks to a model.
pub(super) fn whole(hit: &Hit) -> Option<Citation> {
    let text = &hit.passage.text;
    let is_clean = |text: &str| instructions_to_models(text).is_empty();
    (is_clean(text) && is_clean(&bare(text))).then(|| citation(hit, 0..text.len()))
}
