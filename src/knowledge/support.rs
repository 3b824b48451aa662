//! Which sentences of a passage support an answer, and how likely it is that they do.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::chunk::searchable;
use super::lead::lead;
use super::rank::{best_score, fuse};
use super::sparse::SparseEncoder;
use super::{Hit, Passage, Question};
use crate::conversation::{Citation, PassageId};
use crate::embedding::similarity;

/// How much a question's words found in a sentence count beside the likeness of meaning.
const WORDS: f32 = 0.25;
/// And how much likeness to the question together with what was answered before.
const BEFORE: f32 = 0.25;

/// What is left of the score of a sentence that only gives an example: whoever asks for a rule wants the rule.
const EXAMPLE: f32 = 0.8;

/// A sentence of a passage that may be quoted.
pub(super) struct Candidate {
    pub(super) range: Range<usize>,
    /// Its words, behind those of a heading inside the passage.
    pub(super) words: String,
}

/// A sentence of a passage with how well it answers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Supporting {
    pub(super) range: Range<usize>,
    pub(super) score: f32,
}

/// Scores sentences by meaning and by the words they share with the question, best first. `asked` are
/// the vectors of the question and of its sentences: the closest one counts, since one vector blurs a
/// complaint and the question behind it. `before` is the vector of the question together with what was answered before.
pub(super) fn rank_sentences(
    question: &str,
    asked: &[Vec<f32>],
    before: Option<&[f32]>,
    sentences: Vec<Candidate>,
    vectors: &[Vec<f32>],
    encoder: &SparseEncoder,
) -> Vec<Supporting> {
    let words = encoder.query(question);
    let mut ranked: Vec<Supporting> = sentences
        .into_iter()
        .zip(vectors)
        .map(|(Candidate { range, words: own }, vector)| {
            let sentence = encoder.document(&own);
            let alike = asked.iter().map(|asked| similarity(asked, vector));
            let before = before.map_or(0.0, |before| similarity(before, vector));
            let score =
                alike.fold(0.0, f32::max) + WORDS * words.coverage(&sentence) + BEFORE * before;
            let score = if gives_example(&own) {
                EXAMPLE * score
            } else {
                score
            };
            Supporting { range, score }
        })
        .collect();
    ranked.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then_with(|| a.range.start.cmp(&b.range.start))
    });
    ranked
}

/// English and German; elsewhere every sentence counts in full.
fn gives_example(sentence: &str) -> bool {
    let lower = sentence.to_lowercase();
    [
        "for example",
        "for instance",
        "e.g.",
        "zum beispiel",
        "z. b.",
        "z.b.",
    ]
    .iter()
    .any(|sign| lower.contains(sign))
}

/// Whether a passage says, under the same title and headings, what one of those `known` says; if not, it is known now.
pub(super) fn is_repeated(passage: &Passage, known: &mut HashSet<String>) -> bool {
    let words = searchable(passage).to_lowercase();
    let words: Vec<&str> = words.split_whitespace().collect();
    !known.insert(words.join(" "))
}

/// The citation of `range` in the passage of `hit`; the range must lie on character borders.
pub(super) fn citation(hit: &Hit, range: Range<usize>) -> Citation {
    let passage = &hit.passage;
    let quote = passage.text.get(range.clone()).unwrap_or_default();
    Citation {
        article: passage.article.clone(),
        title: passage.title.clone(),
        passage: passage.id.clone(),
        version: passage.content_hash.clone(),
        quote: quote.to_owned(),
        lead: lead(passage, &range),
        start: range.start,
        end: range.start + quote.len(),
    }
}

/// The probability that the passage answers the question, between 0 and 1.
///
/// A logistic function of three signs: likeness of meaning, the share of the question's words that the passage
/// has, and whether both rankings put it first.
pub(super) fn confidence(hit: &Hit, question: &Question, encoder: &SparseEncoder) -> f32 {
    let words = encoder.query(&question.text);
    let covered = words.coverage(&encoder.document(&searchable(&hit.passage)));
    let agreement = (hit.score / best_score(2)).clamp(0.0, 1.0);
    let evidence = 8.0 * hit.similarity + 2.5 * covered + agreement - 5.5;
    1.0 / (1.0 + (-evidence).exp())
}

/// Fuses the rankings of several views of one question. The score stays on the scale of a single search (its best
/// is `2 / 61`), the similarity is that of the view which fits best.
pub(super) fn merge(mut rankings: Vec<Vec<Hit>>) -> Vec<Hit> {
    if rankings.len() < 2 {
        return rankings.pop().unwrap_or_default();
    }
    let order: Vec<Vec<PassageId>> = rankings
        .iter()
        .map(|ranking| ranking.iter().map(|hit| hit.passage.id.clone()).collect())
        .collect();
    let share = 2.0 / rankings.len() as f32;
    let mut hits: HashMap<PassageId, Hit> = HashMap::new();
    for hit in rankings.into_iter().flatten() {
        let similarity = hit.similarity;
        let known = hits.entry(hit.passage.id.clone()).or_insert(hit);
        known.similarity = known.similarity.max(similarity);
    }
    fuse(&order)
        .into_iter()
        .filter_map(|(id, score)| {
            let mut hit = hits.remove(&id)?;
            hit.score = score * share;
            Some(hit)
        })
        .collect()
}

/// Up to three sentences nearly as good as the best, in the order of the text.
pub(super) fn in_reading_order(ranked: &[Supporting]) -> Vec<Range<usize>> {
    let Some(best) = ranked.first() else {
        return Vec::new();
    };
    let mut chosen: Vec<Range<usize>> = ranked
        .iter()
        .take(3)
        .filter(|sentence| sentence.score >= 0.7 * best.score)
        .map(|sentence| sentence.range.clone())
        .collect();
    chosen.sort_by_key(|range| range.start);
    chosen
}

/// Why there is no answer.
pub(super) fn missing(question: &str) -> String {
    let question = question.trim();
    if question.is_empty() {
        return "There was no question.".into();
    }
    let short: String = question.chars().take(160).collect();
    let dots = if short.len() < question.len() {
        "…"
    } else {
        ""
    };
    format!("No article in scope answers: {short}{dots}")
}
