//! Whether a speaker is in the middle of a number, a name, an address or a date.

use super::amount::major;
use super::code::{count, joined, postcode, said_before, trimmed_row};
use super::date::month;
use super::email::{is_at, is_dot};
use super::lexicon::{Cue, cue_of, is_acronym, is_filler};
use super::piece::{Piece, row};
use super::reader::{Found, Reader};
use super::token::Kind;
use crate::conversation::AnnotationKind;
use crate::conversation::number_words::{is_article, repeats};

/// How much of the end is read, in bytes: more than the longest thing that is dictated.
const TAIL: usize = 400;

/// Whether `text` ends in the middle of something that is dictated: a number, a spelled name, an e-mail
/// address or a date, so that a pause behind it does not mean that the speaker is finished.
///
/// A complete thing is complete: a full address, an amount, a date, a telephone number of full length.
/// Of codes whose length nobody knows, eight letters and digits are taken for complete, or as many as a
/// card, a PIN or a postcode has where that was said. Names that are spelled go on, unless the name was
/// said before. Punctuation counts little, since recognisers put a full stop at every pause.
///
/// ```
/// use attendant::speech::is_dictating;
///
/// assert!(is_dictating("my account number is 4 4 1", Some("en")));
/// assert!(is_dictating("john dot smith at", Some("en")));
/// assert!(!is_dictating("john dot smith at gmail dot com", Some("en")));
/// assert!(!is_dictating("it was 42 pounds", Some("en")));
/// ```
pub fn is_dictating(text: &str, language: Option<&str>) -> bool {
    let text = text.trim_end();
    let from = (text.len().saturating_sub(TAIL)..=text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len());
    let tail = text.get(from..).unwrap_or_default();
    if tail.ends_with(['?', '!']) {
        return false;
    }
    let mut reader = Reader::new(tail, language);
    let end = spoken_end(&reader);
    end > 0 && (opens(&reader, end) || goes_on(&mut reader, end))
}

/// The end without punctuation and the sounds of thinking.
fn spoken_end(reader: &Reader<'_>) -> usize {
    let mut end = reader.len();
    while let Some(last) = end.checked_sub(1) {
        let stops = matches!(
            reader.raw(last),
            "." | "," | "\u{2026}" | "-" | "\u{2013}" | ";"
        );
        if !stops && !is_filler(reader.word(last)) {
            break;
        }
        end = last;
    }
    end
}

/// Whether the last words open what must follow: "double", "as in", "the third of", "number is".
fn opens(reader: &Reader<'_>, end: usize) -> bool {
    let word = |back: usize| end.checked_sub(back).map_or("", |at| reader.word(at));
    let last = end.saturating_sub(1);
    let is_number = |at: Option<usize>| {
        at.is_some_and(|at| {
            !reader.digits(at).is_empty()
                || reader.cardinal(at).is_some() && !is_article(reader.word(at))
                || matches!(reader.word(at), "hundred" | "thousand")
        })
    };
    let before = end.checked_sub(2);
    let before_last = word(2);
    let letter = before_last.chars().count() == 1;
    match word(1) {
        word if repeats(word).is_some() => {
            let row_before = before.is_some_and(|at| {
                let lone = is_article(before_last) || before_last == "i";
                !row(reader, at).is_empty() && (!lone || row_ends_at(reader, at, at + 1))
            });
            row_before || reader.near_cue(last).is_some()
        }
        "in" if before_last == "as" => word(3).chars().count() == 1,
        "for" | "like" | "as" if letter => {
            // "a for", "I like" are words of another sentence.
            !matches!(before_last, "a" | "i")
                || before.is_some_and(|at| row_ends_at(reader, at, at + 1))
        }
        "and" => matches!(before_last, "hundred" | "thousand") || amount_open(reader, last),
        "point" | "dash" | "hyphen" | "slash" if is_number(before) => true,
        "dash" | "hyphen" | "underscore" | "slash" | "apostrophe" => {
            let head = before.map_or("", |at| reader.raw(at));
            let head = head.len() <= 4 && head.chars().all(|c| c.is_ascii_uppercase());
            letter || head || reader.cue(last) == Some(Cue::Email) || before_last.is_empty()
        }
        "dot" => !matches!(
            before_last,
            "" | "the" | "a" | "red" | "green" | "blue" | "that"
        ),
        "of" | "de" => before.is_some_and(|at| ordinal_ends(reader, at)),
        "the" if before.is_some_and(|at| month(reader, at).is_some()) => {
            // "in May the bill was wrong" is not at its end yet; "May the" is a date so far.
            true
        }
        "past" | "to" if matches!(before_last, "half" | "quarter") => true,
        "is" | "are" | "it's" | "ist" | "est" | "es" | "lautet" => announces(reader, last),
        "plus" => before.is_none() || reader.near_cue(last) == Some(Cue::Phone),
        word if is_at(reader, last) || word == "at" => address_so_far(reader, last),
        _ => reader.is_mark(last, '@') || reader.is_mark(last, '_'),
    }
}

/// "my account number is": the number follows.
fn announces(reader: &Reader<'_>, at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else {
        return false;
    };
    let cue = cue_of(reader.word(before));
    let owned = (1..=5).any(|back| {
        at.checked_sub(back)
            .is_some_and(|b| matches!(reader.word(b), "my" | "the" | "meine" | "mon" | "mi"))
    });
    let question = (1..=7).any(|back| {
        at.checked_sub(back)
            .is_some_and(|b| matches!(reader.word(b), "what" | "know" | "where"))
    });
    let named = matches!(cue, Some(Cue::Name)) && reader.word(before) == "name";
    cue.is_some() && !named && owned && !question
}

fn ordinal_ends(reader: &Reader<'_>, at: usize) -> bool {
    // "one of", "a second of", "the first of" something else, but "the third of" a month.
    let start = (at.saturating_sub(2)..=at)
        .find(|start| reader.ordinal(*start).is_some_and(|(_, end)| end == at + 1));
    let Some(start) = start else {
        return false;
    };
    reader.word_before(start) == "the"
        || reader.cue(start) == Some(Cue::Birth)
        || start == 0 && reader.ordinal(start).is_some_and(|(day, _)| day > 2)
}

/// "forty two pounds and": cents follow.
fn amount_open(reader: &Reader<'_>, at: usize) -> bool {
    let Some(money) = at
        .checked_sub(1)
        .filter(|money| major(reader, *money).is_some())
    else {
        return false;
    };
    let counted = money.checked_sub(1);
    counted.is_some_and(|c| !reader.digits(c).is_empty() || reader.cardinal(c).is_some())
}

/// Whether the words before an "at" look like the first half of an address.
fn address_so_far(reader: &Reader<'_>, at: usize) -> bool {
    (1..=12).any(|back| {
        at.checked_sub(back).is_some_and(|b| {
            is_dot(reader, b)
                || reader.word(b) == "underscore"
                || cue_of(reader.word(b)) == Some(Cue::Email)
        })
    })
}

/// Whether the end stands within an address: behind its "at" or its first dot, before its top level.
fn address_open(reader: &Reader<'_>, end: usize) -> bool {
    let from = end.saturating_sub(12);
    let Some(at) = (from..end).rev().find(|at| is_at(reader, *at)) else {
        // "john dot smith": only the dot tells.
        return (from..end)
            .rev()
            .take(3)
            .any(|at| is_dot(reader, at) && reader.cue(at) == Some(Cue::Email));
    };
    let written = reader.is_mark(at, '@');
    let provider = matches!(
        reader.word(at + 1),
        "gmail" | "googlemail" | "hotmail" | "yahoo" | "outlook" | "icloud" | "aol" | "gmx"
    );
    let begun = at > 0 && (written || provider || address_so_far(reader, at));
    // Only labels and dots may stand behind it: up to three words of a domain.
    let words =
        (at + 1..end).filter(|i| reader.kind_at(*i) != Some(Kind::Mark) && !is_dot(reader, *i));
    begun && words.count() <= 4 && end > at
}

/// Whether what the end belongs to is not complete.
fn goes_on(reader: &mut Reader<'_>, end: usize) -> bool {
    let found = super::read(reader);
    let last = found.iter().rev().find(|found| found.end >= end);
    match last.map(|last| (last.kind, last)) {
        Some((AnnotationKind::Email, email)) => {
            // ".co" is mostly the first half of ".co.uk".
            email.value.ends_with(".co")
        }
        Some((AnnotationKind::Date, date)) => date_open(reader, date),
        Some((AnnotationKind::SpelledName, name)) => !said_before(reader, name.start, &name.value),
        Some((
            AnnotationKind::Amount
            | AnnotationKind::Percentage
            | AnnotationKind::Postcode
            | AnnotationKind::Duration,
            _,
        )) => false,
        Some((AnnotationKind::Time, time)) => {
            // "oh seven thirty" could be both; a time that was told is a time.
            time.confidence < 0.5 && reader.cue(time.start).is_some()
        }
        _ => {
            // "my date of birth is the third"
            let day = reader.cue(end) == Some(Cue::Birth)
                && end
                    .checked_sub(1)
                    .is_some_and(|at| ordinal_ends(reader, at));
            day || address_open(reader, end) || row_open(reader, end)
        }
    }
}

fn date_open(reader: &Reader<'_>, date: &Found) -> bool {
    let born = reader.cue(date.start) == Some(Cue::Birth);
    let yearless = date.value.starts_with('-');
    let dayless = date.value.len() < 10 && !yearless;
    let identifier = dayless
        && reader
            .near_cue(date.start)
            .is_some_and(|cue| cue != Cue::Birth);
    // "third of March nineteen": the century alone.
    born && yearless || identifier
}

/// The last row of digits or letters: whether it ends at the end and can go on.
fn row_open(reader: &Reader<'_>, end: usize) -> bool {
    let Some((start, pieces)) = last_row(reader, end) else {
        return false;
    };
    let letters: usize = count(&pieces, true);
    let digits: usize = count(&pieces, false);
    let cue = reader.cue(start);
    let near = reader.near_cue(start);
    // The century of a date: "the third of March nineteen".
    if let [one] = &pieces[..]
        && !one.letters
        && matches!(&*one.text, "19" | "20" | "18")
        && !one.written
        && (month(reader, start.wrapping_sub(1)).is_some() || cue == Some(Cue::Birth))
    {
        return true;
    }
    let value = joined(&pieces);
    let plain: String = value.chars().filter(|c| c.is_alphanumeric()).collect();
    match (letters, digits) {
        (0, 0) => false,
        (0, _) => digits_open(reader, start, &pieces, &plain, cue, near),
        (_, 0) => {
            let sure = pieces.iter().all(|piece| piece.sure);
            let code = pieces.iter().any(|piece| !piece.single);
            near.is_some() || sure || letters >= 2 && !code && !is_acronym(&plain)
        }
        _ => postcode(&plain).is_none() && plain.len() < full_length(cue, &plain),
    }
}

fn digits_open(
    reader: &Reader<'_>,
    start: usize,
    pieces: &[Piece],
    plain: &str,
    cue: Option<Cue>,
    near: Option<Cue>,
) -> bool {
    let single = pieces.iter().all(|piece| piece.single);
    let dictated = match pieces {
        // One number may be a count: "I have two", "it's 42"; not behind "account number".
        // "it's number two", where an account number "is two".
        [one] if one.single && one.text.len() == 1 && near == Some(Cue::Number) => {
            reader.word_before(start) != "number"
        }
        [one] => {
            near.is_some_and(|cue| cue != Cue::Name && cue != Cue::Email)
                && (one.single || one.text.len() < 3 || one.written)
                || one.single && one.text.len() > 1
                || one.written && plain.len() > 3 && plain.starts_with('0')
        }
        _ => single || cue.is_some() || pieces.len() >= 3 || plain.starts_with('0'),
    };
    let last_four = (2..=8).any(|back| {
        start.checked_sub(back).is_some_and(|at| {
            matches!(reader.word(at), "last" | "final")
                && (reader.word(at + 1) == "four" || reader.digits(at + 1) == "4")
        })
    });
    let full = if last_four {
        4
    } else {
        full_length(cue, plain)
    };
    dictated && plain.len() < full
}

/// How many letters and digits make it complete.
fn full_length(cue: Option<Cue>, plain: &str) -> usize {
    match cue {
        Some(Cue::Card) => 16,
        Some(Cue::Pin) => 3,
        Some(Cue::Postcode) => 5,
        Some(Cue::Birth) => 6,
        // Ten digits are a number without its country; with the leading zero most have eleven.
        _ if plain.starts_with('0') && cue != Some(Cue::Identifier) => 11,
        Some(Cue::Phone) => 10,
        _ => 8,
    }
}

fn last_row(reader: &Reader<'_>, end: usize) -> Option<(usize, Vec<Piece>)> {
    let mut at = end.saturating_sub(60);
    while at < end {
        let mut pieces = trimmed_row(reader, at);
        if pieces.is_empty() {
            // What is cut off for "a" or "I" at the very end is a letter so far.
            at += 1;
            continue;
        }
        let last = pieces.last().map_or(at, |piece| piece.end);
        if last >= end {
            // "I", "a" and "for you": lone words are no row.
            let lone = pieces.len() == 1 && pieces.iter().all(|p| p.letters && p.single && !p.sure);
            let named = matches!(
                reader.near_cue(at),
                Some(Cue::Name | Cue::Identifier | Cue::Number)
            );
            if lone && !named {
                return None;
            }
            pieces.retain(|piece| piece.start < end);
            return Some((at, pieces));
        }
        at = last.max(at + 1);
    }
    None
}

fn row_ends_at(reader: &Reader<'_>, at: usize, end: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| {
        let pieces = row(reader, before);
        pieces.len() > 1 && pieces.last().is_some_and(|piece| piece.end == end)
    })
}
