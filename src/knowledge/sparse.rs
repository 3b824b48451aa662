//! BM25 as sparse vectors: the weight of each word in a text, by hashed stem.
//!
//! A stored vector holds the part of BM25 that depends on the text alone (term frequency, saturated and
//! normalised by length); a query vector holds 1 for each of its words; the store multiplies the words
//! of the query by their inverse document frequency, which is what Qdrant's `idf` modifier does. The
//! dot product is then the BM25 score, and stored vectors never change when the collection grows.

use std::collections::BTreeMap;

use bm25::{DefaultTokenizer, EmbedderBuilder, Language};

use super::SparseVector;

/// Length (in stems, stop words left out) at which a text is neither favoured nor punished: that of a
/// passage of 150 words. A constant instead of the collection's mean, so that adding an article does not
/// change the vectors of all others.
const TYPICAL_LENGTH: f32 = 80.0;

/// Turns texts into word weights, with the stemmer and stop words of one language.
#[derive(Debug)]
pub(crate) struct SparseEncoder {
    embedder: bm25::Embedder<u32, DefaultTokenizer>,
}

impl SparseEncoder {
    /// For texts in `language` (BCP 47); English rules where the language has none.
    pub(crate) fn new(language: &str) -> Self {
        let tokenizer = DefaultTokenizer::new(rules(language));
        Self {
            embedder: EmbedderBuilder::<u32, DefaultTokenizer>::with_tokenizer_and_fit_to_corpus(
                tokenizer,
                &[],
            )
            .avgdl(TYPICAL_LENGTH)
            .build(),
        }
    }

    /// The vector of a text to be found.
    pub(crate) fn document(&self, text: &str) -> SparseVector {
        self.encode(text, |weight| weight)
    }

    /// The vector of a text to search for.
    pub(crate) fn query(&self, text: &str) -> SparseVector {
        self.encode(text, |_| 1.0)
    }

    fn encode(&self, text: &str, weight: impl Fn(f32) -> f32) -> SparseVector {
        // The crate repeats a word as often as it occurs, each time with its whole weight.
        let words: BTreeMap<u32, f32> = self
            .embedder
            .embed(text)
            .iter()
            .map(|token| (token.index, weight(token.value)))
            .collect();
        let (indices, values) = words.into_iter().unzip();
        SparseVector { indices, values }
    }
}

impl SparseVector {
    /// Share of these words that `other` has too; 0 where there are none.
    pub(crate) fn coverage(&self, other: &Self) -> f32 {
        if self.indices.is_empty() {
            return 0.0;
        }
        let shared = self
            .indices
            .iter()
            .filter(|index| other.indices.binary_search(index).is_ok())
            .count();
        shared as f32 / self.indices.len() as f32
    }
}

/// The first part of a BCP 47 tag, in lower case: what languages are compared by.
pub(crate) fn primary_language(tag: &str) -> String {
    tag.split(['-', '_'])
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

fn rules(tag: &str) -> Language {
    match primary_language(tag).as_str() {
        "ar" => Language::Arabic,
        "da" => Language::Danish,
        "nl" => Language::Dutch,
        "fr" => Language::French,
        "de" => Language::German,
        "el" => Language::Greek,
        "hu" => Language::Hungarian,
        "it" => Language::Italian,
        "nb" | "nn" | "no" => Language::Norwegian,
        "pt" => Language::Portuguese,
        "ro" => Language::Romanian,
        "ru" => Language::Russian,
        "es" => Language::Spanish,
        "sv" => Language::Swedish,
        "ta" => Language::Tamil,
        "tr" => Language::Turkish,
        _ => Language::English,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(query: &SparseVector, document: &SparseVector) -> f32 {
        let mut sum = 0.0;
        for (index, value) in query.indices.iter().zip(&query.values) {
            if let Ok(at) = document.indices.binary_search(index) {
                sum += value * document.values[at];
            }
        }
        sum
    }

    #[test]
    fn the_dot_product_is_bm25_without_idf() {
        let encoder = SparseEncoder::new("en-GB");
        let document =
            encoder.document("Refunds: a refund of the deposit. Refunded deposits arrive late.");
        let query = encoder.query("when does my refund arrive? my refund!");
        // Stems left of the document: refund refund deposit refund deposit arriv late.
        let (length, k1, b) = (7.0_f32, 1.2_f32, 0.75_f32);
        let norm = k1 * (1.0 - b + b * length / TYPICAL_LENGTH);
        let weight = |frequency: f32| frequency * (k1 + 1.0) / (frequency + norm);
        let expected = weight(3.0) + weight(1.0);
        let score = dot(&query, &document);
        assert!((score - expected).abs() < 1e-4, "{score} is not {expected}");
        assert!(document.indices.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn each_language_has_its_own_stems() {
        let german = SparseEncoder::new("de");
        let a = german.query("Rechnungen");
        assert_eq!(a, german.query("Rechnung"));
        let english = SparseEncoder::new("en");
        assert_ne!(english.query("Rechnungen"), english.query("Rechnung"));
        assert!(english.query("the of and").indices.is_empty());
    }

    #[test]
    fn coverage_counts_the_words_of_the_question() {
        let encoder = SparseEncoder::new("en");
        let question = encoder.query("router lights red");
        let text = encoder.document("The lights of the router");
        assert!((question.coverage(&text) - 2.0 / 3.0).abs() < 1e-6);
        assert_eq!(SparseVector::default().coverage(&text), 0.0);
    }
}
