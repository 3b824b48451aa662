//! A question and its sentences.

use super::SparseVector;
use super::sentence::sentences;

/// Sentences of a long question that are searched one by one, at most.
const MAX_VIEWS: usize = 24;

/// A question or one of its sentences, in both spaces.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// Dense vector of unit norm.
    pub(super) dense: Vec<f32>,
    /// Word weights.
    pub(super) sparse: SparseVector,
}

/// A text, and those of its sentences that say something.
pub(super) fn parts(text: &str) -> Vec<String> {
    let text = text.trim();
    let mut parts = vec![text.to_owned()];
    for range in sentences(text) {
        let part = text.get(range).unwrap_or_default();
        // Shorter ones are greetings and "yes, please".
        let says_something = part.split_whitespace().count() >= 4;
        let is_new = parts.iter().all(|known| known != part);
        if says_something && is_new && parts.len() <= MAX_VIEWS {
            parts.push(part.to_owned());
        }
    }
    parts
}
