//! Personal data found by patterns, replaced by placeholders that stay the same all conversation long.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

/// The kinds of personal data that patterns can find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PiiKind {
    /// An e-mail address.
    Email,
    /// A payment card number (13 to 19 digits that pass the Luhn check).
    Card,
    /// An international bank account number whose check digits are right (ISO 13616).
    Iban,
    /// A United States social security number.
    SocialSecurity,
    /// A telephone number of seven digits or more.
    Phone,
}

impl PiiKind {
    fn placeholder(self) -> &'static str {
        match self {
            Self::Email => "EMAIL",
            Self::Card => "CARD",
            Self::Iban => "IBAN",
            Self::SocialSecurity => "SSN",
            Self::Phone => "PHONE",
        }
    }
}

/// Where personal data stands in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PiiSpan {
    /// What it is.
    pub kind: PiiKind,
    /// Byte range in the text.
    pub range: Range<usize>,
}

struct Pattern {
    kind: PiiKind,
    regex: Regex,
    accept: fn(&str) -> bool,
}

/// Ordered: where two overlap, the earlier kind wins.
static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    type Accept = fn(&str) -> bool;
    let always: Accept = |_| true;
    let sources: [(PiiKind, &str, Accept); 5] = [
        (
            PiiKind::Email,
            r"(?i)\b[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}\b",
            always,
        ),
        (
            PiiKind::Iban,
            r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",
            iban_checks,
        ),
        (
            PiiKind::Card,
            r"\b\d(?:(?:, ?|[ -])?\d){12,18}\b",
            luhn_checks,
        ),
        (PiiKind::SocialSecurity, r"\b\d{3}-\d{2}-\d{4}\b", always),
        (
            PiiKind::Phone,
            r"(?:\+\d{1,3}[ .-]?)?(?:\(\d{1,5}\)[ .-]?)?\b\d{2,5}(?:[ .-]\d{2,5}){1,4}\b|\+?\b\d{9,14}\b",
            phone_like,
        ),
    ];
    // A pattern that does not compile would be a defect; the test below holds all of them.
    sources
        .into_iter()
        .filter_map(|(kind, source, accept)| {
            Regex::new(source).ok().map(|regex| Pattern {
                kind,
                regex,
                accept,
            })
        })
        .collect()
});

/// The personal data in `text`, in order, without overlaps.
pub fn find_pii(text: &str) -> Vec<PiiSpan> {
    let mut spans: Vec<PiiSpan> = Vec::new();
    for pattern in PATTERNS.iter() {
        for found in pattern.regex.find_iter(text) {
            let range = found.range();
            let free = spans
                .iter()
                .all(|s| s.range.end <= range.start || range.end <= s.range.start);
            if free && (pattern.accept)(found.as_str()) {
                spans.push(PiiSpan {
                    kind: pattern.kind,
                    range,
                });
            }
        }
    }
    spans.sort_by_key(|span| span.range.start);
    spans
}

/// Replaces personal data by placeholders such as `[EMAIL_1]`, and puts it back.
///
/// Placeholders are numbered by first appearance, so masking a growing transcript from its start
/// gives the same placeholders every time.
#[derive(Clone, Debug, Default)]
pub struct Masker {
    placeholders: HashMap<String, String>,
    originals: Vec<(String, String)>,
    counts: HashMap<PiiKind, usize>,
}

impl Masker {
    /// Masks `text`.
    pub fn mask(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for span in find_pii(text) {
            let value = text.get(span.range.clone()).unwrap_or_default();
            out.push_str(text.get(from..span.range.start).unwrap_or_default());
            out.push_str(&self.placeholder(span.kind, value));
            from = span.range.end;
        }
        out.push_str(text.get(from..).unwrap_or_default());
        out
    }

    /// Puts the originals back.
    pub fn unmask(&self, text: &str) -> String {
        if !text.contains('[') {
            return text.to_owned();
        }
        self.originals
            .iter()
            .fold(text.to_owned(), |text, (placeholder, original)| {
                text.replace(placeholder, original)
            })
    }

    /// Whether nothing was masked.
    pub fn is_empty(&self) -> bool {
        self.originals.is_empty()
    }

    fn placeholder(&mut self, kind: PiiKind, value: &str) -> String {
        if let Some(known) = self.placeholders.get(value) {
            return known.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let placeholder = format!("[{}_{count}]", kind.placeholder());
        self.placeholders
            .insert(value.to_owned(), placeholder.clone());
        self.originals.push((placeholder.clone(), value.to_owned()));
        placeholder
    }
}

fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> + '_ {
    text.chars().filter_map(|c| c.to_digit(10))
}

fn luhn_checks(text: &str) -> bool {
    let sum: u32 = digits(text)
        .rev()
        .enumerate()
        .map(|(i, d)| {
            if i % 2 == 0 {
                d
            } else if d > 4 {
                2 * d - 9
            } else {
                2 * d
            }
        })
        .sum();
    sum.is_multiple_of(10) && digits(text).any(|d| d != 0)
}

fn iban_checks(text: &str) -> bool {
    let compact: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    if !(15..=34).contains(&compact.len()) {
        return false;
    }
    let (head, tail) = compact.split_at(4);
    let remainder =
        tail.iter()
            .chain(head)
            .filter_map(|c| c.to_digit(36))
            .fold(0_u64, |acc, value| {
                let shift = if value > 9 { 100 } else { 10 };
                (acc * shift + u64::from(value)) % 97
            });
    remainder == 1
}

fn phone_like(text: &str) -> bool {
    let count = digits(text).count();
    // Dates look like short phone numbers: four digits at one end, two in the middle.
    let groups: Vec<usize> = text
        .split(|c: char| !c.is_ascii_digit())
        .map(str::len)
        .filter(|n| *n > 0)
        .collect();
    let date = matches!(groups[..], [4, 2, 2, ..] | [1 | 2, 1 | 2, 4]);
    (7..=15).contains(&count) && !date
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(PATTERNS.len(), 5);
    }

    #[test]
    fn finds_each_kind_and_leaves_ordinary_numbers_alone() {
        let kinds = |text: &str| {
            find_pii(text)
                .into_iter()
                .map(|s| s.kind)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            kinds("write to jo.doe+x@mail.example.org now"),
            [PiiKind::Email]
        );
        assert_eq!(kinds("card 4111 1111 1111 1111 please"), [PiiKind::Card]);
        assert_eq!(kinds("card 4111, 1111, 1111, 1111."), [PiiKind::Card]);
        assert_eq!(kinds("pay to DE89 3704 0044 0532 0130 00"), [PiiKind::Iban]);
        assert_eq!(kinds("my social is 078-05-1120"), [PiiKind::SocialSecurity]);
        assert_eq!(kinds("call +44 20 7946 0958"), [PiiKind::Phone]);
        assert_eq!(kinds("call (212) 555-0147"), [PiiKind::Phone]);
        for harmless in [
            "it costs 38.50 a month",
            "on 2026-03-14 at 10",
            "on 03.11.2025",
            "at 2026-03-14 15:30",
            "order LF402117",
            "5 working days",
        ] {
            assert_eq!(kinds(harmless), [], "{harmless}");
        }
    }

    #[test]
    fn a_card_that_fails_the_luhn_check_is_no_card() {
        assert!(
            !find_pii("4111 1111 1111 1112")
                .iter()
                .any(|s| s.kind == PiiKind::Card)
        );
    }

    #[test]
    fn placeholders_stay_the_same_while_the_transcript_grows() {
        let lines = ["mail a@b.example", "or c@d.example", "yes a@b.example"];
        let masked: Vec<Vec<String>> = (1..=lines.len())
            .map(|n| {
                let mut masker = Masker::default();
                lines[..n].iter().map(|line| masker.mask(line)).collect()
            })
            .collect();
        assert_eq!(masked[2][..2], masked[1][..]);
        assert_eq!(masked[2][2], "yes [EMAIL_1]");
        let mut masker = Masker::default();
        let text = masker.mask(lines[0]);
        assert_eq!(masker.unmask(&text), lines[0]);
    }
}
