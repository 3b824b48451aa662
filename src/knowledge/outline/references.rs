//! What articles name in common: the identifiers of tools, fields and codes (`card_id`, `close_account_7392`).
//!
//! A procedure that needs a `card_id` refers to the article about where it comes from, without saying so.

use std::collections::{BTreeMap, HashMap};

/// Words of an article at which its length is neither favoured nor punished.
const TYPICAL_WORDS: f32 = 250.0;
/// BM25's constants.
const K1: f32 = 1.2;
const B: f32 = 0.75;

/// Which articles name which identifiers, and how much they are about them.
#[derive(Debug, Default)]
pub(super) struct References {
    /// For each identifier that several articles name: how rare it is, and its articles with their weight.
    named: Vec<(f32, Vec<(usize, f32)>)>,
    /// For each article the identifiers that it names.
    names: Vec<Vec<usize>>,
}

impl References {
    /// Reads the identifiers of articles, given as whole texts.
    pub(super) fn new(texts: &[String]) -> Self {
        let mut found: BTreeMap<&str, Vec<(usize, f32)>> = BTreeMap::new();
        for (article, text) in texts.iter().enumerate() {
            let mut counts: BTreeMap<&str, f32> = BTreeMap::new();
            for identifier in identifiers(text) {
                *counts.entry(identifier).or_default() += 1.0;
            }
            let words = text.split_whitespace().count() as f32;
            let norm = K1 * (1.0 - B + B * words / TYPICAL_WORDS);
            for (identifier, count) in counts {
                let weight = count * (K1 + 1.0) / (count + norm);
                found.entry(identifier).or_default().push((article, weight));
            }
        }
        let total = texts.len() as f32;
        let mut names = vec![Vec::new(); texts.len()];
        let mut named = Vec::new();
        for articles in found.into_values().filter(|articles| articles.len() > 1) {
            for (article, _) in &articles {
                if let Some(names) = names.get_mut(*article) {
                    names.push(named.len());
                }
            }
            named.push((rarity(total, articles.len() as f32), articles));
        }
        Self { named, names }
    }

    /// How much each other article is about what `from` names; the shares sum to 1, or there are none.
    pub(super) fn from(&self, from: usize) -> HashMap<usize, f32> {
        let mut shares: HashMap<usize, f32> = HashMap::new();
        for identifier in self.names.get(from).into_iter().flatten() {
            let Some((rarity, articles)) = self.named.get(*identifier) else {
                continue;
            };
            for (article, weight) in articles.iter().filter(|(article, _)| *article != from) {
                *shares.entry(*article).or_default() += rarity * weight;
            }
        }
        let sum: f32 = shares.values().sum();
        shares.values_mut().for_each(|share| *share /= sum);
        shares
    }
}

/// BM25's inverse document frequency.
pub(super) fn rarity(total: f32, with: f32) -> f32 {
    ((total - with + 0.5) / (with + 0.5) + 1.0).ln()
}

/// Lower-case words joined by underscores.
fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    text.split(move |c: char| !inside(c)).filter(|word| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.contains('_')
            && word.split('_').all(|part| !part.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_words_with_underscores() {
        let text = "Call close_account_7392(card_id=\"<card_id>\") _not __this_ Nor_This snake_ 3_a plain.";
        let found: Vec<&str> = identifiers(text).collect();
        assert_eq!(found, ["close_account_7392", "card_id", "card_id"]);
    }

    #[test]
    fn a_reference_leads_to_what_is_most_about_it() {
        let texts = [
            "Close the card with its card_id and the user_id.",
            "Use find_card to look up the card_id.",
            "A long text about everything under the sun that mentions a card_id somewhere near its very end, after \
             many words that are about something else entirely.",
            "Nothing to see.",
        ];
        let references = References::new(&texts.map(str::to_owned));
        let from = references.from(0);
        assert_eq!(from.len(), 2);
        assert!(from[&1] > from[&2], "{from:?}");
        assert!((from.values().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(references.from(3).is_empty() && references.from(99).is_empty());
    }
}
