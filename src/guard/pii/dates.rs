//! Dates of birth: a date behind words that say so.

use std::sync::LazyLock;

use regex::Regex;

use super::token::{Class, Token};
use super::{Candidate, PiiKind, rank};
use crate::conversation::number_words::{self, Tongue};

static CUE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:date of birth|dobs?|d\.o\.b\.?|birth ?date|birthday|born|geboren|geburtsdatum|geburtstag|né(?:e)? le|date de naissance|fecha de nacimiento|nací|nacid[oa]|dzimšanas (?:datums|diena)|dzimis|dzimusi|data di nascita|geboortedatum)\b").ok()
});

static BEHIND: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^[\s,.]*(?:(?:that's|that is|is|was)\s+(?:when (?:i|he|she) was born|(?:my|her|his|the) (?:date of birth|dob|birthday|birth date)))").ok()
});

const MONTHS: [&str; 62] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "jan",
    "feb",
    "mar",
    "apr",
    "jun",
    "jul",
    "aug",
    "sep",
    "sept",
    "oct",
    "nov",
    "dec",
    "januar",
    "februar",
    "märz",
    "mai",
    "juni",
    "juli",
    "oktober",
    "dezember",
    "janvier",
    "février",
    "mars",
    "avril",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
    "janvāris",
    "februāris",
    "aprīlis",
    "jūnijs",
    "jūlijs",
    "augusts",
    "oktobris",
];

/// Words inside a spoken date.
const INSIDE: [&str; 18] = [
    "of", "the", "and", "de", "del", "le", "den", "der", "st", "nd", "rd", "th", "uh", "um", "er",
    "slash", "dash", "dot",
];

/// Words between the cue and the date.
const BEFORE: [&str; 43] = [
    "is", "was", "it's", "its", "on", "the", "in", "at", "my", "number", "uh", "um", "er", "erm",
    "sure", "yes", "yeah", "that's", "that", "am", "ist", "est", "es", "ir", "le", "el", "it",
    "would", "be", "year", "back", "i", "a", "so", "okay", "well", "please", "of", "for", "den",
    "der", "il", "die",
];

/// A date has at least so many parts.
const PARTS: usize = 2;
const LONGEST: usize = 24;

/// Dates of birth.
pub(super) fn find(text: &str, tokens: &[Token<'_>]) -> Vec<Candidate> {
    let mut found = Vec::new();
    for cue in CUE.iter().flat_map(|pattern| pattern.find_iter(text)) {
        let from = tokens.partition_point(|t| t.range.start < cue.end());
        let skipped = tokens
            .get(from..)
            .unwrap_or_default()
            .iter()
            .take(8)
            .take_while(|t| {
                t.class == Class::Mark && !t.is_mark("\n") || BEFORE.contains(&t.lower.as_str())
            })
            .count();
        if let Some(end) = date_end(tokens, from + skipped)
            && let (Some(first), Some(last)) = (tokens.get(from + skipped), tokens.get(end - 1))
        {
            found.push(Candidate {
                kind: PiiKind::DateOfBirth,
                range: first.range.start..last.range.end,
                rank: rank::BIRTH,
            });
        }
    }
    found
}

/// A date that stands at a place, and `true` where words behind it say that it is one of birth.
pub(super) fn find_behind(text: &str, tokens: &[Token<'_>]) -> Vec<Candidate> {
    if !BEHIND
        .iter()
        .any(|_| text.contains("birth") || text.contains("born") || text.contains("dob"))
    {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match date_end(tokens, at) {
            Some(end) => {
                let last = tokens.get(end - 1).map_or(0, |t| t.range.end);
                let after = super::numbers::head(text.get(last..).unwrap_or_default(), 64);
                if BEHIND.as_ref().is_some_and(|behind| behind.is_match(after))
                    && let Some(first) = tokens.get(at)
                {
                    found.push(Candidate {
                        kind: PiiKind::DateOfBirth,
                        range: first.range.start..last,
                        rank: rank::BIRTH,
                    });
                }
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

/// One past the last token of the date that begins at a token.
pub(super) fn date_end(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    let (mut parts, mut digits, mut end) = (0_usize, 0_usize, at);
    let mut months = 0;
    let rest = tokens.get(at..)?;
    for (offset, token) in rest.iter().enumerate().take(LONGEST) {
        let behind = |offset: usize| rest.get(offset + 1).is_some_and(is_part);
        match token.class {
            Class::Digits => {
                digits += token.text.len();
                if digits > 8 || token.text.len() > 8 {
                    break;
                }
                (parts, end) = (parts + 1 + token.text.len() / 6, at + offset + 1);
            }
            Class::Word if is_month(token) => {
                months += 1;
                if months > 1 {
                    break;
                }
                (parts, end) = (parts + 1, at + offset + 1);
            }
            Class::Word if is_part(token) => (parts, end) = (parts + 1, at + offset + 1),
            Class::Word if INSIDE.contains(&token.lower.as_str()) && offset > 0 => {
                if token.glued {
                    end = at + offset + 1;
                }
            }
            Class::Mark if offset > 0 && matches!(token.text, "/" | "-" | "," | "\u{2013}") => {}
            Class::Mark
                if token.is_mark(".")
                    && offset > 0
                    && (behind(offset)
                        && (months > 0 || rest.get(offset + 1).is_some_and(|t| t.glued))
                        || rest.get(offset + 1).is_some_and(is_month)) => {}
            _ => break,
        }
    }
    (parts >= PARTS && (digits >= 3 || months > 0 || parts >= 3 || digits == 0)).then_some(end)
}

fn is_month(token: &Token<'_>) -> bool {
    token.is_word() && MONTHS.contains(&token.lower.as_str())
}

fn is_part(token: &Token<'_>) -> bool {
    if token.class == Class::Digits || is_month(token) {
        return true;
    }
    let words = [token.lower.as_str()];
    token.is_word()
        && !number_words::is_article(&token.lower)
        && (matches!(token.lower.as_str(), "oh" | "o" | "hundred" | "thousand")
            || [
                Tongue::English,
                Tongue::German,
                Tongue::French,
                Tongue::Spanish,
            ]
            .iter()
            .any(|tongue| {
                number_words::cardinal(&words, *tongue).is_some()
                    || number_words::ordinal_at(&words, *tongue).is_some()
            }))
}

#[cfg(test)]
pub(super) fn patterns_compile() -> bool {
    CUE.is_some() && BEHIND.is_some()
}
