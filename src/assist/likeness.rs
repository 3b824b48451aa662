//! Sentences and how close they come to examples.

use crate::assist::phrases::{Phrases, words_of};
use crate::conversation::Utterance;
use crate::embedding::{Embedder, TextKind, similarity};
use crate::error::Result;

/// Shorter utterances ("yes", "my name is Kim") are like many things.
pub(crate) const LEAST_WORDS: usize = 4;

/// An utterance, its words, and its sentences with their vectors where somebody wants them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) words: Vec<String>,
    pub(crate) sentences: Vec<(String, Vec<f32>)>,
}

impl Said {
    /// Without vectors.
    pub(crate) fn plain(said: &Utterance) -> Self {
        Self {
            text: said.text.clone(),
            words: words_of(&said.text),
            sentences: Vec::new(),
        }
    }

    /// With vectors; all sentences of all utterances in one batch.
    pub(crate) async fn embedded(
        embedder: &dyn Embedder,
        said: &[&Utterance],
    ) -> Result<Vec<Self>> {
        let mut all: Vec<Self> = said.iter().map(|said| Self::plain(said)).collect();
        let cut: Vec<Vec<String>> = all
            .iter()
            .map(|said| match said.words.len() < LEAST_WORDS {
                true => Vec::new(),
                false => sentences(&said.text),
            })
            .collect();
        let texts: Vec<String> = cut.iter().flatten().cloned().collect();
        if texts.is_empty() {
            return Ok(all);
        }
        let mut vectors = embedder.embed(&texts, TextKind::Query).await?.into_iter();
        for (said, cut) in all.iter_mut().zip(cut) {
            // A feeling, or a step, often stands in one sentence of a longer turn.
            said.sentences = cut.into_iter().zip(vectors.by_ref()).collect();
        }
        Ok(all)
    }
}

/// The sentences of a text, short ones left out, and the whole of it.
fn sentences(text: &str) -> Vec<String> {
    let mut found: Vec<String> = text
        .split_inclusive(['.', '!', '?'])
        .map(str::trim)
        .filter(|s| s.split_whitespace().count() >= LEAST_WORDS)
        .map(str::to_owned)
        .collect();
    let whole = text.trim();
    if found.iter().all(|sentence| sentence != whole) {
        found.push(whole.to_owned());
    }
    found
}

pub(crate) fn closest(vector: &[f32], others: &[Vec<f32>]) -> f32 {
    others
        .iter()
        .map(|other| similarity(vector, other))
        .fold(0.0, f32::max)
}

/// Something that can be said in several ways: by phrases, or in sentences like these.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    phrases: Phrases,
    examples: Vec<Vec<f32>>,
    threshold: f32,
}

impl Statement {
    pub(crate) async fn new(
        embedder: &dyn Embedder,
        phrases: &[String],
        examples: &[String],
        threshold: f32,
    ) -> Result<Self> {
        let examples = match examples.is_empty() {
            true => Vec::new(),
            false => embedder.embed(examples, TextKind::Query).await?,
        };
        Ok(Self {
            phrases: Phrases::new(phrases),
            examples,
            threshold,
        })
    }

    pub(crate) fn compares(&self) -> bool {
        !self.examples.is_empty()
    }

    /// The words by which it is said, and how sure that is.
    pub(crate) fn said_in<'a>(&self, said: &'a Said) -> Option<(&'a str, f32)> {
        if self.phrases.first_in(&said.words).is_some() {
            return Some((&said.text, 1.0));
        }
        let close = said
            .sentences
            .iter()
            .map(|(text, vector)| (text.as_str(), closest(vector, &self.examples)))
            .filter(|(_, likeness)| *likeness >= self.threshold);
        close.max_by(|a, b| a.1.total_cmp(&b.1))
    }
}
