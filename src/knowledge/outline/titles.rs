//! What titles tell: the subjects of a collection ("Light Green Account"), and what an article is for.

use std::collections::{HashMap, HashSet};

use crate::knowledge::sparse::SparseEncoder;

/// Titles that must begin alike before their beginning is taken for the name of a subject.
const ALIKE: usize = 3;
/// Names that must end alike before the word is taken for their kind ("account"), which people leave out.
const SAME_KIND: usize = 4;
/// Words of a name, at least and at most. Single words are too often ordinary ones.
const NAME: std::ops::RangeInclusive<usize> = 2..=5;

/// How titles of articles that introduce a subject are worded (English), the broadest first.
const OVERVIEW: &[&[&str]] = &[
    &["complete guide", "guide", "getting started", "get started"],
    &[
        "at a glance",
        "overview",
        "summary",
        "introduction",
        "introducing",
    ],
    &["specifications", "apply", "requirements"],
];
/// How titles of procedures that only look something up begin (English).
const LOOKUP: &[&str] = &[
    "retrieving",
    "checking",
    "finding",
    "viewing",
    "looking up",
    "look up",
];
/// What begins like that and is something else: a kind of account.
const NO_LOOKUP: &[&str] = &["checking account", "checking accounts"];

/// Lower-case words.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// How broadly a title introduces its subject, 0 the most; `None` where it does not.
pub(super) fn overview(title: &[String]) -> Option<usize> {
    OVERVIEW
        .iter()
        .position(|tier| tier.iter().any(|phrase| at(title, phrase).is_some()))
}

/// Whether a procedure of this title only looks something up, at its beginning or after a marker such as
/// "Internal:".
pub(super) fn looks_up(title: &[String]) -> bool {
    let begins = |phrase: &&str| at(title, phrase).is_some_and(|place| place < 2);
    LOOKUP.iter().any(begins) && !NO_LOOKUP.iter().any(begins)
}

fn at(title: &[String], phrase: &str) -> Option<usize> {
    let phrase: Vec<&str> = phrase.split(' ').collect();
    title
        .windows(phrase.len())
        .position(|window| window == phrase)
}

/// A subject that several articles are about, by number.
pub(super) type Subject = usize;

/// The names of the subjects of a collection, found as common beginnings of titles.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Spellings: the whole name and the name without the word for its kind.
    spellings: HashMap<Vec<String>, Subject>,
}

impl Names {
    /// The names that `titles` begin with.
    pub(super) fn new(titles: &[Vec<String>], encoder: &SparseEncoder) -> Self {
        let mut beginnings: HashMap<&[String], usize> = HashMap::new();
        for title in titles {
            for prefix in NAME.filter_map(|length| title.get(..length)) {
                *beginnings.entry(prefix).or_default() += 1;
            }
        }
        let is_name = |prefix: &&[String]| {
            beginnings.get(*prefix).is_some_and(|count| *count >= ALIKE)
                && prefix.iter().all(|word| says_something(word, encoder))
        };
        let longest = |title: &Vec<String>| {
            let prefixes = NAME.filter_map(|length| title.get(..length));
            prefixes.rev().find(is_name).map(<[String]>::to_vec)
        };
        let names: HashSet<Vec<String>> = titles.iter().filter_map(longest).collect();
        let mut kinds: HashMap<&String, usize> = HashMap::new();
        for last in names.iter().filter_map(|name| name.last()) {
            *kinds.entry(last).or_default() += 1;
        }
        let core = |name: &Vec<String>| {
            let kind = name.last().and_then(|last| kinds.get(last));
            let cut = name.len() > *NAME.start() && kind.is_some_and(|count| *count >= SAME_KIND);
            name.get(..name.len() - usize::from(cut))
                .unwrap_or(name)
                .to_vec()
        };
        let mut sorted: Vec<&Vec<String>> = names.iter().collect();
        sorted.sort();
        let mut spellings: HashMap<Vec<String>, Subject> = HashMap::new();
        let mut subjects = 0;
        for name in sorted {
            let core = core(name);
            let subject = *spellings.entry(core).or_insert_with(|| {
                subjects += 1;
                subjects - 1
            });
            spellings.insert(name.clone(), subject);
        }
        Self { spellings }
    }

    /// The subject that a title names: its longest name.
    pub(super) fn of_title(&self, title: &[String]) -> Option<Subject> {
        NAME.rev()
            .flat_map(|length| title.windows(length))
            .find_map(|window| self.spellings.get(window).copied())
    }

    /// The subjects that a text names. A word counts for the longest name that it is part of, so "Light Blue
    /// Account" does not name the "Blue Account".
    pub(super) fn named(&self, text: &[String]) -> HashSet<Subject> {
        let mut taken = vec![false; text.len()];
        let mut named = HashSet::new();
        for length in NAME.rev() {
            for (start, window) in text.windows(length).enumerate() {
                let Some(places) = taken.get_mut(start..start + length) else {
                    continue;
                };
                if places.iter().any(|taken| *taken) {
                    continue;
                }
                if let Some(subject) = self.spellings.get(window) {
                    named.insert(*subject);
                    places.fill(true);
                }
            }
        }
        named
    }
}

/// Whether a word may be part of a name: no stop word, and not the marker of internal articles.
fn says_something(word: &str, encoder: &SparseEncoder) -> bool {
    word != "internal" && !encoder.query(word).indices.is_empty()
}
