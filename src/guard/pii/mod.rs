//! Personal data: found by formats, check digits and the words around it, written and spoken, without a model.
//!
//! Numbers are read as people say them ("four one one one, double five") and told apart by check digits where there
//! are some, then by what the words near them call them, then by their shape. Names come from what stands before them
//! ("my name is", "Dear") and from a list of names of many cultures.

mod address;
mod checks;
mod code;
mod cues;
mod dates;
mod email;
mod fillers;
mod kind;
mod lexicon;
mod masker;
mod names;
mod numbers;
mod policy;
mod redactor;
mod scanner;
mod token;
mod words;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

pub use kind::PiiKind;
pub use masker::Masker;
pub use policy::{PiiAction, PiiPolicy};
pub use redactor::Redactor;
pub use scanner::PiiScanner;

/// Where personal data stands in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PiiSpan {
    /// What it is.
    pub kind: PiiKind,
    /// Byte range in the text.
    pub range: Range<usize>,
}

/// Where two finds overlap, the one of the lower rank wins.
mod rank {
    pub(super) const MAIL: u8 = 0;
    pub(super) const CHECKED: u8 = 1;
    pub(super) const BIRTH: u8 = 2;
    pub(super) const CUED: u8 = 3;
    pub(super) const STREET: u8 = 3;
    pub(super) const ADDRESS: u8 = 4;
    pub(super) const SPELLED: u8 = 4;
    pub(super) const SHAPED: u8 = 5;
    pub(super) const NAMED: u8 = 6;
    pub(super) const NAME: u8 = 7;
}

/// Something found, before overlaps are resolved.
#[derive(Clone, Debug)]
struct Candidate {
    kind: PiiKind,
    range: Range<usize>,
    rank: u8,
}

/// The personal data in `text`, in order, without overlaps. Time grows with the length of the text.
///
/// One text, seen alone: [`PiiScanner`] also knows what was asked for and said before.
pub fn find_pii(text: &str) -> Vec<PiiSpan> {
    match fillers::Fluent::of(text) {
        Some(fluent) => find(&fluent.text)
            .into_iter()
            .map(|span| fluent.back(span))
            .collect(),
        None => find(text),
    }
}

fn find(text: &str) -> Vec<PiiSpan> {
    let tokens = token::tokens(text);
    let runs = code::runs(&tokens);
    let mut found = email::find(text);
    found.extend(email::find_ip(text));
    found.extend(email::find_password(text));
    found.extend(numbers::find_iban(text));
    found.extend(numbers::find(text, &tokens, &runs));
    found.extend(dates::find(text, &tokens));
    found.extend(dates::find_behind(text, &tokens));
    found.extend(address::find(text, &tokens, &runs));
    found.extend(names::find(text, &tokens, &runs));
    joined(text, resolved(found))
}

/// Overlaps resolved: by rank, then by length.
fn resolved(mut found: Vec<Candidate>) -> Vec<PiiSpan> {
    found.retain(|c| !c.range.is_empty());
    found.sort_by_key(|c| (c.rank, Reverse(c.range.len()), c.range.start));
    let mut taken: BTreeMap<usize, (usize, PiiKind)> = BTreeMap::new();
    for candidate in found {
        let range = candidate.range;
        let before = taken.range(..range.end).next_back();
        if before.is_none_or(|(_, (end, _))| *end <= range.start) {
            taken.insert(range.start, (range.end, candidate.kind));
        }
    }
    taken
        .into_iter()
        .map(|(start, (end, kind))| PiiSpan {
            kind,
            range: start..end,
        })
        .collect()
}

/// A street line and the postcode behind it are one address.
fn joined(text: &str, spans: Vec<PiiSpan>) -> Vec<PiiSpan> {
    let mut joined: Vec<PiiSpan> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last)
                if span.kind == PiiKind::Address
                    && last.kind == PiiKind::Address
                    && text
                        .get(last.range.end..span.range.start)
                        .is_some_and(holds_a_city_at_most) =>
            {
                last.range.end = span.range.end;
            }
            _ => joined.push(span),
        }
    }
    joined
}

/// Between a street and a postcode stands nothing, or the city.
fn holds_a_city_at_most(between: &str) -> bool {
    let mut words = between
        .split(|c: char| !c.is_alphabetic())
        .filter(|w| !w.is_empty());
    between.len() <= 40
        && !between.contains(['.', '!', '?', ';', ':'])
        && words.clone().count() <= 3
        && words.all(|word| !words::is_common(&word.to_lowercase()))
}

#[cfg(test)]
mod tests;
