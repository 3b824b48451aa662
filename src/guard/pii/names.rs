//! Names of people: what words around them say, and names that are known.

mod cue;

use std::sync::LazyLock;

use regex::Regex;

use cue::{AFTER, Cue, STRONG, WEAK, describes};

use super::code::{self, Run};
use super::lexicon::{is_ambiguous, is_given, is_surname};
use super::token::{Class, Token};
use super::words::is_common;
use super::{Candidate, PiiKind, rank};

/// Behind a name: "Jo Doe speaking".
const BEHIND: [&str; 7] = [
    "speaking", "here", "calling", "apparat", "writing", "chiming", "signing",
];
const PARTICLES: [&str; 34] = [
    "de", "del", "della", "di", "da", "do", "dos", "das", "du", "des", "la", "le", "van", "von",
    "der", "den", "ter", "ten", "zu", "zur", "af", "av", "bin", "ibn", "al", "el", "ben", "st",
    "san", "mac", "mc", "o", "y", "e",
];
/// Words between "my name is" and the name.
const FILLERS: [&str; 18] = [
    "uh", "um", "er", "erm", "uhm", "is", "actually", "so", "well", "yes", "yeah", "okay", "sure",
    "it's", "its", "that's", "oh", "hmm",
];
const LONGEST: usize = 5;

/// A text's letters: whether capitals mean anything.
fn is_cased(text: &str) -> bool {
    text.chars().any(char::is_uppercase) && text.chars().any(char::is_lowercase)
}

/// Names.
pub(super) fn find(text: &str, tokens: &[Token<'_>], runs: &[Run]) -> Vec<Candidate> {
    let cased = is_cased(text);
    let mut found = Vec::new();
    let at = |byte: usize| tokens.partition_point(|t| t.range.start < byte);
    for cue in STRONG.iter().flat_map(|p| p.find_iter(text)) {
        let from = skip(tokens, at(cue.end()));
        take(
            tokens,
            from,
            strong(tokens, from, cased),
            rank::NAMED,
            &mut found,
        );
    }
    for cue in WEAK.iter().flat_map(|p| p.find_iter(text)) {
        let from = skip_break(tokens, at(cue.end()));
        let cue = Cue::of(cue.as_str());
        take(
            tokens,
            from,
            weak(tokens, from, cased, cue),
            rank::NAMED,
            &mut found,
        );
    }
    for from in 0..tokens.len() {
        take(
            tokens,
            from,
            free(tokens, from, cased),
            rank::NAME,
            &mut found,
        );
    }
    spelled(text, tokens, runs, &mut found);
    found
}

fn take(
    tokens: &[Token<'_>],
    from: usize,
    end: Option<usize>,
    rank: u8,
    found: &mut Vec<Candidate>,
) {
    let Some(end) = end.filter(|end| *end > from) else {
        return;
    };
    if let (Some(first), Some(last)) = (tokens.get(from), tokens.get(end - 1)) {
        found.push(Candidate {
            kind: PiiKind::Name,
            range: first.range.start..last.stem_end(),
            rank,
        });
    }
}

fn skip(tokens: &[Token<'_>], from: usize) -> usize {
    let rest = tokens.get(from..).unwrap_or_default();
    let skipped = rest
        .iter()
        .take(5)
        .take_while(|t| {
            matches!(
                t.text,
                ":" | "\"" | "," | "'" | "“" | "-" | "." | "\u{2026}" | "(" | "*"
            ) || FILLERS.contains(&t.lower.as_str())
        })
        .count();
    from + skipped
}

fn skip_break(tokens: &[Token<'_>], from: usize) -> usize {
    let rest = tokens.get(from..).unwrap_or_default();
    let skipped = rest
        .iter()
        .take(4)
        .take_while(|t| {
            matches!(t.text, "\n" | "\"" | "," | "-" | "\u{2014}")
                || matches!(
                    t.lower.as_str(),
                    "uh" | "um" | "er" | "dear" | "mr" | "mrs" | "ms"
                )
        })
        .count();
    from + skipped
}

/// Whether a token can be a part of a name at all.
fn fits(token: &Token<'_>) -> bool {
    token.is_word() && token.text.chars().count() > 1 && !is_common(&token.lower)
}

fn is_name(token: &Token<'_>) -> bool {
    is_given(&token.lower) || is_surname(&token.lower) || is_ambiguous(&token.lower)
}

/// How many tokens the name behind a strong cue takes; returns one past its end.
fn strong(tokens: &[Token<'_>], from: usize, cased: bool) -> Option<usize> {
    // "last name de la fuente"
    let particles = tokens
        .get(from..)?
        .iter()
        .take(3)
        .take_while(|t| PARTICLES.contains(&t.lower.as_str()) && t.lower.len() > 1)
        .count();
    if particles > 0
        && tokens.get(from + particles).is_some_and(fits)
        && tokens.get(from + particles)?.lower.len() > 2
    {
        let capital = cased && tokens.get(from + particles)?.is_capital();
        return Some(rest(tokens, from + particles, capital, true));
    }
    let first = tokens.get(from)?;
    let capital = first.is_capital() && cased;
    let ok = first.is_word()
        && (fits(first) || is_ambiguous(&first.lower) || (capital && is_initial(tokens, from)));
    if !ok
        || (is_common(&first.lower)
            && !(is_ambiguous(&first.lower)
                && (capital
                    || !cased
                    || tokens.get(from + 1).is_some_and(|t| fits(t) && is_name(t)))))
            && !is_initial(tokens, from)
    {
        return None;
    }
    Some(rest(tokens, from, capital, true))
}

fn is_initial(tokens: &[Token<'_>], at: usize) -> bool {
    tokens
        .get(at)
        .is_some_and(|t| t.letter().is_some() && t.is_capital())
        && tokens.get(at + 1).is_some_and(|t| t.is_mark("."))
}

/// One past the last part of the name that begins at a token.
fn rest(tokens: &[Token<'_>], from: usize, capital: bool, is_sure: bool) -> usize {
    let mut end = from + 1;
    let mut at = from + 1;
    let mut parts = 1;
    if is_initial(tokens, from) {
        (end, at) = (from + 2, from + 2);
    }
    while let Some(token) = tokens.get(at).filter(|_| parts < LONGEST) {
        // Hyphens join; an initial has its stop.
        if token.is_mark("-")
            && token.glued
            && tokens.get(at + 1).is_some_and(|t| t.glued && t.is_word())
        {
            at += 2;
            end = at;
            continue;
        }
        if capital && token.letter().is_some() && token.is_capital() && !token.is("i") {
            let stop = usize::from(tokens.get(at + 1).is_some_and(|t| t.is_mark(".")));
            if tokens
                .get(at + 1 + stop)
                .is_some_and(|t| t.is_word() && t.is_capital() && fits(t))
            {
                at += 1 + stop;
                continue;
            }
            break;
        }
        let lower = token.lower.as_str();
        if PARTICLES.contains(&lower) && token.is_word() {
            let hyphen = usize::from(
                tokens
                    .get(at + 1)
                    .is_some_and(|t| t.is_mark("-") && t.glued),
            );
            let behind_de = tokens.get(at - 1).is_some_and(|t| t.is("de"));
            let next = tokens.get(at + 1 + hyphen).filter(|t| t.is_word());
            let goes_on = next.is_some_and(|t| {
                (PARTICLES.contains(&t.lower.as_str()) && at + 2 < tokens.len())
                    || (fits(t)
                        && (if capital {
                            t.is_capital()
                        } else {
                            is_name(t)
                                || behind_de
                                || !matches!(lower, "do" | "e" | "y" | "o" | "la")
                        }))
            });
            if goes_on && (capital || lower.len() > 1) {
                at += 1 + hyphen;
                continue;
            }
            break;
        }
        let known = token.is_word() && is_name(token) && (token.is_capital() || !is_common(lower));
        let goes_on = if capital {
            token.is_word() && token.is_capital() && (fits(token) || (known && parts == 1))
        } else {
            (fits(token) && (known || (is_sure && parts == 1)))
                || (known && parts == 1 && is_surname(lower) && !is_common(lower))
        };
        if !goes_on {
            break;
        }
        parts += 1;
        at += 1;
        end = at;
    }
    end
}

/// A name behind words that often stand before one.
fn weak(tokens: &[Token<'_>], from: usize, cased: bool, cue: Cue) -> Option<usize> {
    let greets = cue == Cue::Greets;
    let first = tokens.get(from)?;
    if !first.is_word() {
        return None;
    }
    let capital = cased && first.is_capital();
    let lower = first.lower.as_str();
    let end = rest(tokens, from, capital, false);
    let several = end > from + 1;
    if is_given(lower) && fits(first) {
        // "this is sarah brouwer": a second word that nobody uses otherwise.
        let sure = !capital && matches!(cue, Cue::Tells | Cue::Greets | Cue::Name);
        return Some(if sure {
            rest(tokens, from, capital, true)
        } else {
            end
        });
    }
    if is_ambiguous(lower) {
        let named = capital
            && (greets || (several && tokens.get(end - 1).is_some_and(|t| is_surname(&t.lower))));
        let said = tokens
            .get(end)
            .is_some_and(|t| BEHIND.contains(&t.lower.as_str()))
            || (greets && tokens.get(from + 1).is_some_and(|t| t.is_mark(",")));
        let surnamed = several
            && tokens
                .get(end - 1)
                .is_some_and(|t| is_surname(&t.lower) && !is_common(&t.lower));
        return (named || said || surnamed).then_some(end);
    }
    if capital && fits(first) {
        let ends = tokens.get(end).is_none_or(|t| t.class == Class::Mark);
        let last_known = tokens.get(end - 1).is_some_and(|t| is_name(t));
        let said = tokens
            .get(end)
            .is_some_and(|t| BEHIND.contains(&t.lower.as_str()));
        let told = several && cue != Cue::Loose;
        return ((greets && ends)
            || said
            || told
            || (cue == Cue::Addresses && ends)
            || (several && last_known && first.range.start > 0))
            .then_some(end);
    }
    // "this is tatiana volkova calling", whatever the name.
    if !cased && fits(first) {
        let far = rest(tokens, from, false, true);
        let said = tokens
            .get(far)
            .is_some_and(|t| BEHIND.contains(&t.lower.as_str()));
        let surnamed = tokens
            .get(far - 1)
            .is_some_and(|t| far > from + 1 && is_surname(&t.lower) && !is_common(&t.lower));
        let two = far > from + 1
            && (cue == Cue::Name
                || (cue == Cue::Tells
                    && tokens.get(far).is_none_or(|t| {
                        t.class == Class::Mark || AFTER.contains(&t.lower.as_str())
                    })
                    && tokens
                        .get(from..far)
                        .unwrap_or_default()
                        .iter()
                        .all(|t| !describes(&t.lower))));
        let addressed = matches!(cue, Cue::Greets | Cue::Addresses)
            && lower.len() > 2
            && tokens
                .get(far)
                .is_none_or(|t| t.class == Class::Mark || AFTER.contains(&t.lower.as_str()));
        return (said || surnamed || two || addressed).then_some(far);
    }
    None
}

/// A known name without any cue.
fn free(tokens: &[Token<'_>], from: usize, cased: bool) -> Option<usize> {
    let first = tokens.get(from)?;
    if !first.is_word() || first.lower.len() < 2 {
        return None;
    }
    let capital = first.is_capital();
    let lower = first.lower.as_str();
    let end = rest(tokens, from, capital && cased, false);
    let surnamed = end > from + 1
        && tokens
            .get(end - 1)
            .is_some_and(|t| is_surname(&t.lower) && (!is_common(&t.lower) || t.is_capital()));
    let said = end < from + 3
        && tokens
            .get(end)
            .is_some_and(|t| matches!(t.lower.as_str(), "speaking" | "here" | "calling"));
    if is_given(lower) && fits(first) && (capital || !cased || surnamed || lower.len() > 4) {
        // A place, a firm: "Victoria Street" is an address, taken before.
        return Some(end);
    }
    if is_ambiguous(lower)
        && ((capital && cased && surnamed) || (said && from == 0 && (capital || !is_common(lower))))
    {
        return Some(end);
    }
    // A name that is not known, before a surname that is.
    let unknown = capital && cased && fits(first) && surnamed && end == from + 2;
    let starts = from == 0
        || tokens
            .get(from - 1)
            .is_some_and(|t| matches!(t.text, "." | "!" | "?" | "\n" | ":"));
    (unknown && (!starts || !is_common(lower))).then_some(end)
}

static SPELLED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:spell\w*|spelt|that's|that is|it is|letters|buchstabiert|buchstabiere|name|names|surname|name is|épelle|deletreo|it's)\b[^.!?]{0,24}$").ok()
});

/// Letters one by one.
fn spelled(text: &str, tokens: &[Token<'_>], runs: &[Run], found: &mut Vec<Candidate>) {
    let named: Vec<usize> = found.iter().map(|c| c.range.end).collect();
    for run in runs {
        let letters = run
            .iter()
            .filter(|item| !item.is_digits && item.chars.len() == 1)
            .count();
        if letters < 3 || letters < run.len() {
            continue;
        }
        // "a" and "I" at the ends are words, where a blank follows and no more letters.
        let range = code::range(run, tokens);
        let mut from = range.start.saturating_sub(40);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        let before = text.get(from..range.start).unwrap_or_default();
        let said = SPELLED.as_ref().is_some_and(|p| p.is_match(before))
            && !before.to_lowercase().contains("mail")
            && !before.to_lowercase().contains("postcode");
        let behind_name = named
            .iter()
            .any(|end| *end <= range.start && range.start - end < 24);
        if said || (behind_name && letters > 2) {
            found.push(Candidate {
                kind: PiiKind::Name,
                range,
                rank: rank::SPELLED,
            });
        }
    }
}

#[cfg(test)]
pub(super) fn patterns_compile() -> bool {
    STRONG.is_some() && WEAK.is_some() && SPELLED.is_some()
}
