//! Quantities: digits with their separators, or number words; percentages; plain numbers.

use super::lexicon::Cue;
use super::reader::{Found, Reader};
use crate::conversation::AnnotationKind;
use crate::conversation::number_words::{Tongue, is_article, is_spoken_zero};

/// More digits than an exact quantity has.
const MOST_DIGITS: usize = 15;

/// A number that counts or measures.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Quantity {
    pub(super) whole: u64,
    /// The digits behind the decimal point; may be none.
    pub(super) fraction: String,
    /// The position after it.
    pub(super) end: usize,
    /// Whether it was written in digits.
    pub(super) written: bool,
}

impl Quantity {
    /// `1200` or `3.5`.
    pub(super) fn plain(&self) -> String {
        if self.fraction.is_empty() {
            self.whole.to_string()
        } else {
            format!("{}.{}", self.whole, self.fraction)
        }
    }

    fn times(mut self, scale: u64, end: usize) -> Self {
        let places = scale.ilog10() as usize;
        let kept: String = self.fraction.chars().take(places).collect();
        let rest: String = self.fraction.chars().skip(places).collect();
        let part = kept.parse::<u64>().unwrap_or(0);
        let missing = u32::try_from(places.saturating_sub(kept.len())).unwrap_or(0);
        self.whole = self
            .whole
            .saturating_mul(scale)
            .saturating_add(part.saturating_mul(10_u64.saturating_pow(missing)));
        self.fraction = rest;
        self.end = end;
        self
    }
}

/// The quantity at a position.
pub(super) fn quantity(reader: &Reader<'_>, at: usize) -> Option<Quantity> {
    if !reader.digits(at).is_empty() {
        let read = literal(reader, at)?;
        let scale = match reader.word(read.end) {
            "million" | "millionen" | "millions" | "millones" => 1_000_000,
            "thousand" | "tausend" | "mille" | "mil" => 1000,
            "k" if reader.is_glued(read.end) => 1000,
            "m" if reader.is_glued(read.end) && currency_before(reader, at) => 1_000_000,
            _ => return Some(read),
        };
        let end = read.end + 1;
        return Some(read.times(scale, end));
    }
    let (whole, end) = reader.cardinal(at)?;
    let mut read = Quantity {
        whole,
        fraction: String::new(),
        end,
        written: false,
    };
    let (fraction, end) = spoken_fraction(reader, read.end);
    if !fraction.is_empty() {
        read.fraction = fraction;
        read.end = end;
    }
    Some(read)
}

fn currency_before(reader: &Reader<'_>, at: usize) -> bool {
    at.checked_sub(1)
        .is_some_and(|before| matches!(reader.raw(before), "$" | "£" | "€"))
}

/// "point five oh", "and a half"; the digits and the position after them.
fn spoken_fraction(reader: &Reader<'_>, at: usize) -> (String, usize) {
    let point = match reader.tongue {
        Some(Tongue::English) => "point",
        Some(Tongue::German) => "komma",
        Some(Tongue::French) => "virgule",
        Some(Tongue::Spanish) => "coma",
        None => return (String::new(), at),
    };
    let mut digits = String::new();
    if reader.word(at) == "and" && reader.word(at + 1) == "a" && reader.word(at + 2) == "half" {
        return ("5".into(), at + 3);
    }
    let mut next = at + 1;
    if reader.word(at) == point {
        while digits.len() < MOST_DIGITS {
            let zero = reader
                .tongue
                .is_some_and(|t| is_spoken_zero(reader.word(next), t));
            let digit = if zero {
                Some((0, next + 1))
            } else {
                reader.cardinal(next)
            };
            let Some((value, after)) = digit.filter(|(value, _)| *value < 100) else {
                break;
            };
            digits.push_str(&value.to_string());
            next = after;
        }
    }
    (digits, next)
}

/// Digits with separators: `1,200.50`, `1.200,50`, `42`.
///
/// A separator with one or two digits behind it begins the decimals, one with three groups thousands;
/// where that leaves both, the language decides.
fn literal(reader: &Reader<'_>, at: usize) -> Option<Quantity> {
    let comma_decimals = matches!(
        reader.tongue,
        Some(Tongue::German | Tongue::French | Tongue::Spanish)
    );
    let mut whole = reader.digits(at).to_owned();
    let mut fraction = String::new();
    let mut end = at + 1;
    // French groups by blanks: "1 200 euros".
    let blanks = reader.tongue == Some(Tongue::French) && (1..=3).contains(&whole.len());
    while blanks
        && reader.digits(end).len() == 3
        && !reader.is_glued(end)
        && whole.len() < MOST_DIGITS
    {
        whole.push_str(reader.digits(end));
        end += 1;
    }
    while whole.len() < MOST_DIGITS && reader.is_glued(end) && reader.is_glued(end + 1) {
        let comma = reader.is_mark(end, ',');
        let digits = reader.digits(end + 1);
        if !(comma || reader.is_mark(end, '.')) || digits.is_empty() {
            break;
        }
        let groups = digits.len() == 3 && whole.len() <= 3 || end > at + 1 && digits.len() == 3;
        if groups && (comma != comma_decimals || end > at + 1) {
            whole.push_str(digits);
            end += 2;
            continue;
        }
        if digits.len() <= MOST_DIGITS && (!comma || digits.len() <= 2 || comma_decimals) {
            fraction = digits.to_owned();
            end += 2;
        }
        break;
    }
    (whole.len() <= MOST_DIGITS).then_some(())?;
    Some(Quantity {
        whole: whole.parse().ok()?,
        fraction,
        end,
        written: true,
    })
}

/// The position after "percent", where it stands at a position.
pub(super) fn percent_sign(reader: &Reader<'_>, at: usize) -> Option<usize> {
    match (reader.word(at), reader.word(at + 1)) {
        ("percent" | "prozent", _) => Some(at + 1),
        ("per", "cent") | ("pour", "cent") | ("por", "ciento") => Some(at + 2),
        _ => reader.is_mark(at, '%').then_some(at + 1),
    }
}

/// "twenty per cent", "5%".
pub(super) fn percentage(reader: &Reader<'_>, at: usize) -> Option<Found> {
    let read = quantity(reader, at)?;
    let end = percent_sign(reader, read.end)?;
    Some(Found {
        kind: AnnotationKind::Percentage,
        value: format!("{}%", read.plain()),
        start: at,
        end,
        confidence: 0.95,
    })
}

/// A number that is nothing more special.
pub(super) fn number(reader: &Reader<'_>, at: usize) -> Option<Found> {
    let read = quantity(reader, at)?;
    let glued = |position| reader.is_glued(position);
    if read.written {
        // Parts of codes and of numbers with other separators are no numbers: "B12", "3/4", "10:30:5".
        let before = at.checked_sub(1);
        let cut = glued(at)
            && before.is_some_and(|b| {
                !reader.word(b).is_empty() || matches!(reader.raw(b), "/" | ":" | "." | "@" | "_")
            });
        let goes_on = glued(read.end)
            && (!reader.word(read.end).is_empty()
                || matches!(
                    reader.raw(read.end),
                    "/" | ":" | "." | "," | "@" | "_" | "-"
                ) && glued(read.end + 1)
                    && !reader.digits(read.end + 1).is_empty());
        if cut || goes_on {
            return None;
        }
    } else if !counts(reader, at, &read) {
        return None;
    }
    Some(Found {
        kind: AnnotationKind::Number,
        value: read.plain(),
        start: at,
        end: read.end,
        confidence: if read.written { 0.9 } else { 0.8 },
    })
}

/// Whether number words count something: not "one of them", "no one", and no part of a row of digits.
fn counts(reader: &Reader<'_>, at: usize, read: &Quantity) -> bool {
    let announced = matches!(reader.near_cue(at), Some(Cue::Number))
        || matches!(
            reader.word_before(at),
            "press" | "option" | "step" | "line" | "extension" | "page" | "level" | "drücken"
        );
    if read.whole < 2 && read.fraction.is_empty() && !announced {
        return false;
    }
    // "the last four digits" tells of digits and is none of them.
    if matches!(reader.word(read.end), "digits" | "digit" | "letters") {
        return false;
    }
    // "the twenty third", "the nineteen eighties"
    if reader.ordinal(at).is_some_and(|(_, end)| end > read.end)
        || reader.word(read.end).ends_with("ties")
    {
        return false;
    }
    // A lone article is none, "a hundred" is a number.
    !(is_article(reader.word(at)) && read.end == at + 1)
        && reader.cardinal(read.end).is_none_or(|(value, _)| {
            // "nineteen eighty", "five fifty": nobody knows which.
            value == 1 && is_article(reader.word(read.end))
        })
        && !follows_number(reader, at)
}

/// Whether another number ends here or goes on: "twenty nine ninety nine".
fn follows_number(reader: &Reader<'_>, at: usize) -> bool {
    (1..=3).any(|back| {
        at.checked_sub(back).is_some_and(|before| {
            !is_article(reader.word(before))
                && reader.cardinal(before).is_some_and(|(_, end)| end >= at)
        })
    })
}
