//! Postal addresses: street lines of several countries, postcodes, what follows "my address is".

mod patterns;

use patterns::{CUE, FORMS, STATES, STREET, TAIL, UNIT, WEAK_STREET};

use super::code::{self, Run};
use super::token::{Class, Token};
use super::words::is_common;
use super::{Candidate, PiiKind, rank};

/// Addresses.
pub(super) fn find(text: &str, tokens: &[Token<'_>], runs: &[Run]) -> Vec<Candidate> {
    let mut found = Vec::new();
    let has_upper = text.chars().any(char::is_uppercase);
    let cued: Vec<usize> = CUE
        .iter()
        .flat_map(|cue| cue.find_iter(text))
        .map(|m| m.end())
        .collect();
    for run in runs {
        let near = |start: usize| cued.iter().any(|end| *end <= start && start - end < 30);
        street_line(text, tokens, run, has_upper, &near, &mut found);
    }
    for cue in &cued {
        behind_cue(text, tokens, *cue, &mut found);
    }
    for form in FORMS.iter() {
        for matched in form.find_iter(text) {
            let shown = matched.as_str();
            // "place" and "via" are words too.
            let has_number = shown.bytes().any(|b| b.is_ascii_digit());
            if has_number {
                found.push(address(matched.start()..matched.end(), rank::ADDRESS));
            }
        }
    }
    found
}

fn address(range: std::ops::Range<usize>, rank: u8) -> Candidate {
    Candidate {
        kind: PiiKind::Address,
        range,
        rank,
    }
}

/// A number, one to four words, a word for a street; and what follows it.
fn street_line(
    text: &str,
    tokens: &[Token<'_>],
    run: &Run,
    has_upper: bool,
    near: &dyn Fn(usize) -> bool,
    found: &mut Vec<Candidate>,
) {
    let Some(last) = run.iter().rposition(|item| item.is_digits) else {
        return;
    };
    let items = run.get(..=last).unwrap_or_default();
    let mut first = last;
    // House numbers are short: "one twenty three", "12 34" are one.
    let mut digits = items.last().map_or(0, |item| item.chars.len());
    while let Some(item) = first.checked_sub(1).and_then(|at| items.get(at)) {
        let joins = items
            .get(first)
            .is_some_and(|i| i.gap <= 1 && (i.spoken || i.gap == 0) && item.is_digits);
        if !joins || digits + item.chars.len() > 5 {
            break;
        }
        digits += item.chars.len();
        first -= 1;
    }
    if digits > 6 {
        return;
    }
    let number_end = items.last().map_or(0, |item| item.tokens.end);
    // A letter belongs to the house number ("12 b").
    let letter = tokens
        .get(number_end)
        .is_some_and(|t| t.letter().is_some() && !t.is("n") && !t.is("s"));
    let from = number_end + usize::from(letter);
    let start = code::range(items.get(first..).unwrap_or_default(), tokens).start;
    let Some(street) = street_end(tokens, from, has_upper, near(start)) else {
        return;
    };
    let start =
        unit_before(tokens, items.get(first).map_or(0, |item| item.tokens.start)).unwrap_or(start);
    let end = tokens.get(street - 1).map_or(start, |t| t.range.end);
    found.push(address(
        start..extended(text, tokens, street, end, has_upper),
        rank::STREET,
    ));
}

/// One past the word for a street behind a house number.
fn street_end(tokens: &[Token<'_>], from: usize, has_upper: bool, near: bool) -> Option<usize> {
    let mut words = 0;
    let mut capitals = 0;
    for (offset, token) in tokens.get(from..)?.iter().enumerate().take(7) {
        let lower = token.lower.as_str();
        match token.class {
            Class::Word => {
                let strong = STREET.contains(&lower) && words > 0;
                let weak = WEAK_STREET.contains(&lower)
                    && words > 0
                    && (near
                        || (has_upper && capitals == words && token.is_capital())
                        || (!has_upper
                            && matches!(
                                lower,
                                "way" | "drive" | "close" | "court" | "place" | "dr" | "ct"
                            )));
                // "12 Saint James Street": the first one is no end.
                let ends_here = (strong || weak)
                    && !(tokens
                        .get(from + offset + 1)
                        .is_some_and(|next| STREET.contains(&next.lower.as_str())));
                if ends_here {
                    let dot = tokens
                        .get(from + offset + 1)
                        .is_some_and(|t| t.is_mark(".") && t.glued)
                        && tokens
                            .get(from + offset + 2)
                            .is_some_and(|t| t.is_mark(",") || t.class == Class::Digits);
                    return Some(from + offset + 1 + usize::from(dot));
                }
                if is_common(lower)
                    && !(has_upper && token.is_capital())
                    && !matches!(
                        lower,
                        "the"
                            | "old"
                            | "new"
                            | "high"
                            | "main"
                            | "park"
                            | "north"
                            | "south"
                            | "east"
                            | "west"
                            | "first"
                            | "second"
                            | "third"
                            | "great"
                            | "long"
                            | "upper"
                            | "lower"
                            | "green"
                            | "white"
                            | "hill"
                            | "st"
                            | "king"
                            | "queen"
                            | "of"
                            | "church"
                            | "station"
                            | "mill"
                            | "bank"
                            | "water"
                            | "field"
                    )
                {
                    return None;
                }
                words += 1;
                capitals += usize::from(token.is_capital());
                if words > 5 {
                    return None;
                }
            }
            // "123 4th Street", "12 West 5th Avenue".
            Class::Digits if token.text.len() <= 3 => {
                words += 1;
                capitals += 1;
            }
            Class::Mark
                if matches!(token.text, "." | "'" | "-") || (token.is_mark(",") && words == 0) => {}
            _ => return None,
        }
    }
    None
}

/// "flat 3, 12 High Street" begins at the flat.
fn unit_before(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    let back = |n: usize| at.checked_sub(n).and_then(|i| tokens.get(i));
    let comma = usize::from(back(1).is_some_and(|t| t.is_mark(",")));
    let unit = back(comma + 2).filter(|t| UNIT.contains(&t.lower.as_str()))?;
    let number = back(comma + 1)?;
    (number.class == Class::Digits || number.letter().is_some() || number.is_word())
        .then_some(unit.range.start)
}

/// Where an address ends whose street ends at a token: flat, city, state and postcode belong to it.
fn extended(text: &str, tokens: &[Token<'_>], street: usize, end: usize, has_upper: bool) -> usize {
    let rest = text.get(end..).unwrap_or_default();
    let written = TAIL
        .as_ref()
        .and_then(|tail| tail.find(super::numbers::head(rest, 96)))
        .map(|m| end + m.end());
    if let Some(written) = written {
        return written;
    }
    if has_upper {
        return end;
    }
    // Recognisers write no commas: the city's words, then the state or a postcode.
    let mut at = street;
    let mut best = end;
    let mut words = 0;
    while let Some(token) = tokens.get(at).filter(|_| at < street + 12) {
        let lower = token.lower.as_str();
        match token.class {
            Class::Digits if words > 0 && (4..=5).contains(&token.text.len()) => {
                best = token.range.end;
                break;
            }
            Class::Word if UNIT.contains(&lower) => {
                if let Some(number) = tokens.get(at + 1) {
                    best = number.range.end;
                    at += 1;
                }
            }
            Class::Word
                if words > 0
                    && STATES.contains(&lower)
                    && (lower.len() > 3 || !is_common(lower)) =>
            {
                best = token.range.end
            }
            Class::Word if is_common(lower) => break,
            Class::Word => {
                words += 1;
                if words > 3 {
                    break;
                }
            }
            Class::Mark if token.is_mark(",") => {}
            _ => break,
        }
        at += 1;
    }
    best
}

/// Whatever begins with a number or a flat behind "my address is", to the end of its clause.
fn behind_cue(text: &str, tokens: &[Token<'_>], cue: usize, found: &mut Vec<Candidate>) {
    let mut at = tokens.partition_point(|t| t.range.start < cue);
    while tokens.get(at).is_some_and(|t| {
        matches!(
            t.lower.as_str(),
            "uh" | "um" | "er" | "number" | "at" | "the" | "it's" | "is" | "sure" | "yes"
        ) || t.is_mark(":")
    }) {
        at += 1;
    }
    let Some(first) = tokens.get(at) else { return };
    let tongue = crate::conversation::number_words::Tongue::English;
    let is_number = |t: &Token<'_>| {
        t.class == Class::Digits
            || (t.is_word()
                && crate::conversation::number_words::cardinal(&[t.lower.as_str()], tongue)
                    .is_some())
    };
    let begins = is_number(first)
        || (UNIT.contains(&first.lower.as_str())
            && tokens
                .get(at + 1)
                .is_some_and(|t| is_number(t) || t.letter().is_some()));
    if !begins {
        return;
    }
    let (mut words, mut numbers, mut end) = (0, 0, first.range.start);
    for (offset, token) in tokens
        .get(at..)
        .unwrap_or_default()
        .iter()
        .enumerate()
        .take(20)
    {
        let next = tokens.get(at + offset + 1);
        match token.class {
            Class::Mark if matches!(token.text, "," | "-" | "/" | "#" | "'") => continue,
            Class::Mark
                if token.is_mark(".") && next.is_some_and(|t| t.glued || t.is_mark(",")) =>
            {
                continue;
            }
            Class::Mark => break,
            Class::Digits => numbers += 1,
            Class::Word if is_number(token) => numbers += 1,
            Class::Word if token.glued && token.text.len() <= 2 => {}
            Class::Word
                if UNIT.contains(&token.lower.as_str())
                    || STREET.contains(&token.lower.as_str())
                    || WEAK_STREET.contains(&token.lower.as_str()) =>
            {
                words += 1
            }
            Class::Word
                if is_common(&token.lower)
                    && !(token.is_capital() && offset > 0)
                    && !matches!(
                        token.lower.as_str(),
                        "old"
                            | "new"
                            | "high"
                            | "main"
                            | "church"
                            | "north"
                            | "south"
                            | "east"
                            | "west"
                            | "king"
                            | "queen"
                            | "green"
                            | "mill"
                            | "station"
                            | "white"
                    ) =>
            {
                break;
            }
            Class::Word => words += 1,
        }
        end = token.range.end;
    }
    let counted = text.get(first.range.start..end).unwrap_or_default();
    if words >= 1 && numbers >= 1 && counted.len() >= 6 {
        found.push(address(first.range.start..end, rank::ADDRESS));
    }
}

#[cfg(test)]
pub(super) fn patterns_compile() -> bool {
    CUE.is_some() && TAIL.is_some() && FORMS.len() == 12
}
