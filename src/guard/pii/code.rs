//! Numbers and codes as people write and say them: groups of digits, number words, single letters.

use std::ops::Range;

use super::token::{Class, Token};
use crate::conversation::number_words::{self, Tongue};

/// A piece of a code.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Which tokens.
    pub(super) tokens: Range<usize>,
    /// Its digits, or its letters in upper case.
    pub(super) chars: String,
    pub(super) is_digits: bool,
    /// It is a word, not digits.
    pub(super) spoken: bool,
    /// How much stands before it: 0 nothing, 1 a blank or a dash, 2 a comma or a filler, 3 a full stop.
    pub(super) gap: u8,
    /// The mark before it, where there is one.
    pub(super) mark: Option<char>,
    /// An international prefix (`+`, `plus`) stands before it.
    pub(super) plus: bool,
}

/// Items that belong together.
pub(super) type Run = Vec<Item>;

/// Nobody dictates a longer code; more is cut, so that time stays linear.
const LONGEST_RUN: usize = 64;
/// Tokens between two items of a run.
const LONGEST_GAP: usize = 4;

const FILLERS: [&str; 26] = [
    "uh", "um", "er", "erm", "uhm", "hmm", "ah", "eh", "mm", "then", "dash", "hyphen", "slash",
    "minus", "space", "äh", "ähm", "öh", "euh", "ehm", "strich", "tiret", "okay", "ok", "so",
    "like",
];

const LATVIAN: [&str; 10] = [
    "nulle", "viens", "divi", "trīs", "četri", "pieci", "seši", "septiņi", "astoņi", "deviņi",
];

const SPELLING: [&str; 28] = [
    "alpha", "alfa", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india",
    "juliet", "juliett", "kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo",
    "sierra", "tango", "uniform", "victor", "whiskey", "xray", "yankee", "zulu",
];

/// Capitals that say what the digits beside them are.
const NO_BLOCKS: [&str; 28] = [
    "CVV", "CVC", "CSC", "PIN", "SSN", "DOB", "IBAN", "ZIP", "BIC", "EXP", "TEL", "NI", "ID", "NO",
    "NR", "DNI", "PLZ", "TIN", "NHS", "BLZ", "USD", "EUR", "GBP", "AND", "MY", "IS", "THE", "OTP",
];

/// Letters behind digits that count something, or make an ordinal.
const UNITS: [&str; 32] = [
    "st", "nd", "rd", "th", "am", "pm", "gb", "mb", "tb", "kg", "km", "cm", "mm", "k", "x", "h",
    "m", "s", "min", "mins", "hrs", "eur", "usd", "gbp", "g", "p", "mg", "ml", "ft", "mph", "bps",
    "mbps",
];

/// The runs of digits and letters in a text, in order.
pub(super) fn runs(tokens: &[Token<'_>]) -> Vec<Run> {
    let tongue = tongue(tokens);
    let mut found = Vec::new();
    let mut run: Run = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let gap = run.last().map(|last| gap(tokens, last.tokens.end, at));
        if let Some(None) = gap {
            close(&mut run, &mut found);
        }
        match item(tokens, at, tongue, run.last()) {
            Some(mut item) => {
                let (strength, mark) = gap.flatten().unwrap_or((0, None));
                (item.gap, item.mark) = (strength, mark);
                item.plus = at > 0
                    && tokens
                        .get(at - 1)
                        .is_some_and(|t| t.is_mark("+") || t.is("plus"));
                at = item.tokens.end;
                run.push(item);
                if run.len() >= LONGEST_RUN {
                    close(&mut run, &mut found);
                }
            }
            None => at += 1,
        }
    }
    close(&mut run, &mut found);
    found
}

fn close(run: &mut Run, found: &mut Vec<Run>) {
    if !run.is_empty() {
        found.push(std::mem::take(run));
    }
}

/// How strong the gap between two tokens is; `None` where nothing runs on over it.
fn gap(tokens: &[Token<'_>], from: usize, to: usize) -> Option<(u8, Option<char>)> {
    let between = tokens.get(from..to)?;
    if between.len() > LONGEST_GAP {
        return None;
    }
    let mut strength = u8::from(
        !tokens
            .get(to)
            .is_some_and(|t| t.glued && between.is_empty()),
    );
    let mut mark = None;
    for (offset, token) in between.iter().enumerate() {
        let next_glued = tokens.get(from + offset + 1).is_some_and(|t| t.glued);
        let of_token = match (token.class, token.text) {
            (
                Class::Mark,
                "-" | "\u{2013}" | "\u{2010}" | "\u{2011}" | "/" | "(" | ")" | "+" | "_" | "*"
                | "\u{b7}",
            ) => 1,
            (Class::Mark, ".") if next_glued => 1,
            (Class::Mark, ",") => 2,
            (Class::Mark, "." | "\u{2026}") => 3,
            (Class::Word, _) if FILLERS.contains(&token.lower.as_str()) => 2,
            (Class::Word, _) if token.is("and") || token.is("plus") => 2,
            _ => return None,
        };
        strength = strength.max(of_token);
        if token.class == Class::Mark {
            mark = token.text.chars().next();
        }
    }
    Some((strength, mark))
}

/// The tongue whose number words are most of those that stand there; English unless another one clearly is.
fn tongue(tokens: &[Token<'_>]) -> Tongue {
    let count = |tongue: Tongue| {
        tokens
            .iter()
            .filter(|t| t.is_word() && t.lower.len() > 2 && !number_words::is_article(&t.lower))
            .filter(|t| number_words::cardinal(&[t.lower.as_str()], tongue).is_some())
            .take(200)
            .count()
    };
    let english = count(Tongue::English);
    let others = [Tongue::German, Tongue::French, Tongue::Spanish];
    others
        .into_iter()
        .map(|tongue| (count(tongue), tongue))
        .max_by_key(|(n, _)| *n)
        .filter(|(n, _)| *n >= 2 && *n > english)
        .map_or(Tongue::English, |(_, tongue)| tongue)
}

fn item(tokens: &[Token<'_>], at: usize, tongue: Tongue, last: Option<&Item>) -> Option<Item> {
    let token = tokens.get(at)?;
    let made = |end: usize, chars: String, is_digits: bool, spoken: bool| Item {
        tokens: at..end,
        chars,
        is_digits,
        spoken,
        gap: 0,
        mark: None,
        plus: false,
    };
    let next = tokens.get(at + 1);
    match token.class {
        Class::Digits => {
            let counts = next.is_some_and(|n| {
                n.glued
                    && n.is_word()
                    && UNITS.contains(&n.lower.as_str())
                    && token.text.len() <= 4
                    && tokens
                        .get(at + 2)
                        .is_none_or(|after| !after.glued || after.class == Class::Mark)
            });
            (!counts).then(|| made(at + 1, token.text.to_owned(), true, false))
        }
        Class::Word => {
            let glued_to_digits = |other: Option<&Token<'_>>, glued: bool| {
                glued && other.is_some_and(|t| t.class == Class::Digits)
            };
            let before = at.checked_sub(1).and_then(|i| tokens.get(i));
            let is_code = token.text.len() <= 6
                && token.text.bytes().all(|b| b.is_ascii_alphabetic())
                && (glued_to_digits(before, token.glued)
                    || glued_to_digits(next, next.is_some_and(|n| n.glued)));
            // "AB 44 00 00 B", "GB29 NWBK 6016": capitals beside digits.
            let behind_digits =
                last.is_some_and(|l| l.tokens.end == at && (l.is_digits || l.chars.len() > 1));
            let block = (2..=4).contains(&token.text.len())
                && token.text.bytes().all(|b| b.is_ascii_uppercase())
                && !NO_BLOCKS.contains(&token.text)
                && (behind_digits || next.is_some_and(|n| n.class == Class::Digits));
            if is_code || block {
                return Some(made(at + 1, token.text.to_ascii_uppercase(), false, false));
            }
            if let Some((chars, used)) = spoken_number(tokens, at, tongue, last) {
                return Some(made(at + used, chars, true, true));
            }
            spelled(tokens, at, tongue, last)
                .map(|(letter, used)| made(at + used, letter.to_string(), false, true))
        }
        Class::Mark => None,
    }
}

/// Digits said in words: "four", "twenty three", "double five", "oh".
fn spoken_number(
    tokens: &[Token<'_>],
    at: usize,
    tongue: Tongue,
    last: Option<&Item>,
) -> Option<(String, usize)> {
    let token = tokens.get(at)?;
    let word = token.lower.as_str();
    if let Some(times) = number_words::repeats(word) {
        let (digit, used) = match tokens.get(at + 1)? {
            t if t.class == Class::Digits && t.text.len() == 1 => (t.text.to_owned(), 1),
            _ => spoken_number(tokens, at + 1, tongue, last)?,
        };
        return (digit.len() == 1).then(|| (digit.repeat(times), used + 1));
    }
    if let Some(digit) = digit_word(word) {
        return Some((digit.to_string(), 1));
    }
    if matches!(word, "o" | "oh" | "nought" | "naught") {
        let near = |t: Option<&Token<'_>>| {
            t.is_some_and(|t| t.class == Class::Digits || is_digit_like(&t.lower, tongue))
        };
        let behind_digits = last.is_some_and(|l| l.is_digits && l.tokens.end == at);
        let so = near(tokens.get(at + 1)) || (behind_digits && word != "o");
        return so.then(|| ("0".to_owned(), 1));
    }
    if tongue != Tongue::English && number_words::is_article(word) {
        let near = tokens
            .get(at + 1)
            .is_some_and(|t| is_digit_like(&t.lower, tongue));
        let behind_digits = last.is_some_and(|l| l.is_digits && l.tokens.end == at);
        if !near && !behind_digits {
            return None;
        }
    }
    // Words with hyphens are several tokens: "twenty-three".
    let mut words: Vec<&str> = Vec::with_capacity(8);
    let mut ends: Vec<usize> = Vec::with_capacity(8);
    for (offset, token) in tokens
        .get(at..)?
        .iter()
        .enumerate()
        .take(2 * number_words::LONGEST)
    {
        if token.is_word() {
            words.push(token.lower.as_str());
            ends.push(offset + 1);
            let only = offset == 0 && number_words::cardinal(&words, tongue).is_none();
            if only && !number_words::is_article(word) {
                return None;
            }
        } else if !(token.is_mark("-") && token.glued) {
            break;
        }
    }
    let (value, used) = number_words::cardinal(&words, tongue)?;
    Some((value.to_string(), *ends.get(used.checked_sub(1)?)?))
}

fn digit_word(word: &str) -> Option<usize> {
    match word {
        "niner" => Some(9),
        _ => LATVIAN.iter().position(|w| *w == word),
    }
}

fn is_digit_like(word: &str, tongue: Tongue) -> bool {
    !word.is_empty()
        && (number_words::cardinal(&[word], tongue).is_some()
            || number_words::is_spoken_zero(word, tongue)
            || number_words::repeats(word).is_some()
            || digit_word(word).is_some())
}

/// A letter: "s", "s for sugar", "sierra".
fn spelled(
    tokens: &[Token<'_>],
    at: usize,
    tongue: Tongue,
    last: Option<&Item>,
) -> Option<(char, usize)> {
    let token = tokens.get(at)?;
    if let Some(letter) = token.letter() {
        let joins = tokens
            .get(at + 1)
            .is_some_and(|t| t.is("for") || t.is("wie") || t.is("like") || t.is("as"));
        let skip = if tokens.get(at + 1).is_some_and(|t| t.is("as"))
            && tokens.get(at + 2).is_some_and(|t| t.is("in"))
        {
            3
        } else {
            2
        };
        let alike = tokens.get(at + skip).is_some_and(|t| {
            t.is_word()
                && t.lower
                    .chars()
                    .next()
                    .is_some_and(|c| c.to_ascii_uppercase() == letter)
        });
        if joins && alike {
            return Some((letter, skip + 1));
        }
        return Some((letter, 1));
    }
    let word = token.lower.as_str();
    let is_spelling = |word: &str| SPELLING.contains(&word);
    let near = tokens.get(at + 1).is_some_and(|t| {
        is_spelling(&t.lower) || is_digit_like(&t.lower, tongue) || t.class == Class::Digits
    }) || last.is_some_and(|l| l.tokens.end == at);
    (is_spelling(word) && near)
        .then(|| word.chars().next().map(|c| (c.to_ascii_uppercase(), 1)))
        .flatten()
}

/// The digits and letters of items, without what separates them.
pub(super) fn chars(items: &[Item]) -> String {
    items.iter().map(|item| item.chars.as_str()).collect()
}

/// The bytes that items take.
pub(super) fn range(items: &[Item], tokens: &[Token<'_>]) -> Range<usize> {
    let start = items.first().and_then(|item| tokens.get(item.tokens.start));
    let end = items
        .last()
        .and_then(|item| item.tokens.end.checked_sub(1))
        .and_then(|last| tokens.get(last));
    match (start, end) {
        (Some(start), Some(end)) => start.range.start..end.range.end,
        _ => 0..0,
    }
}
