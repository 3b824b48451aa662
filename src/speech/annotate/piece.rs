//! Rows of digits and letters as they are read out, piece by piece.

use super::lexicon::{is_label, letter_name, nato};
use super::reader::Reader;
use super::token::Kind;
use crate::conversation::number_words::{is_article, is_spoken_zero, repeats};

/// The longest row, in pieces.
const MOST_PIECES: usize = 40;
/// The longest piece in letters or digits: nobody reads out more at once.
const LONGEST_PIECE: usize = 24;

/// What stands between a piece and the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    Glued,
    Blank,
    Comma,
    Dot,
    Hyphen,
    /// A hyphen or another sign whose name was said.
    Said(char),
}

/// One piece of a row.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// Upper case.
    pub(super) text: String,
    pub(super) letters: bool,
    /// The digit or letter as it stands or is said, without a repeat.
    pub(super) single: bool,
    /// Whether it was written in digits or capitals.
    pub(super) written: bool,
    /// Whether it is a letter by its word alone: of the NATO alphabet, or with "as in".
    pub(super) sure: bool,
    pub(super) gap: Gap,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The row that begins at a position; empty where none does.
pub(super) fn row(reader: &Reader<'_>, at: usize) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut next = at;
    while pieces.len() < MOST_PIECES {
        let Some((gap, from)) = gap(reader, next, pieces.last()) else {
            break;
        };
        let Some(mut piece) = piece(reader, from, &pieces, gap) else {
            break;
        };
        piece.gap = gap;
        next = piece.end;
        pieces.push(piece);
    }
    pieces
}

/// What stands between the pieces, and where the next one begins.
fn gap(reader: &Reader<'_>, at: usize, last: Option<&Piece>) -> Option<(Gap, usize)> {
    let Some(last) = last else {
        return Some((Gap::Blank, at));
    };
    let letter = last.letters && last.single;
    match reader.word(at) {
        "dash" | "hyphen" | "minus" | "bindestrich" => return Some((Gap::Said('-'), at + 1)),
        "slash" if !letter => return Some((Gap::Said('/'), at + 1)),
        "apostrophe" if letter => return Some((Gap::Said('\''), at + 1)),
        _ => {}
    }
    let token = reader.token(at)?;
    if token.kind != Kind::Mark {
        let gap = if token.glued { Gap::Glued } else { Gap::Blank };
        return Some((gap, at));
    }
    match token.raw {
        "," => Some((Gap::Comma, at + 1)),
        "-" | "\u{2010}" | "\u{2011}" => Some((Gap::Hyphen, at + 1)),
        // Only letters are dotted: behind a digit a sentence ends.
        "." if letter => Some((Gap::Dot, at + 1)),
        _ => None,
    }
}

fn piece(reader: &Reader<'_>, at: usize, before: &[Piece], gap: Gap) -> Option<Piece> {
    let token = reader.token(at)?;
    if token.raw.len() > LONGEST_PIECE {
        return None;
    }
    if let Some(times) = repeats(&token.lower) {
        if token.lower == "double" && matches!(reader.word(at + 1), "u" | "you") {
            return Some(letters("W".into(), true, false, at, at + 2));
        }
        // "double double" repeats nothing.
        if repeats(reader.word(at + 1)).is_some() {
            return None;
        }
        let mut piece = piece(reader, at + 1, before, Gap::Blank)?;
        let one = piece.text.chars().count() == 1;
        piece.text = piece.text.repeat(times);
        piece.start = at;
        return (one && piece.single).then_some(piece);
    }
    match token.kind {
        Kind::Mark => None,
        Kind::Digits => digits(reader, at, before),
        Kind::Word => number_word(reader, at, before)
            .or_else(|| letter(reader, at, before))
            .or_else(|| group(reader, at, before, gap)),
    }
}

fn letters(text: String, sure: bool, written: bool, start: usize, end: usize) -> Piece {
    Piece {
        single: text.chars().count() == 1,
        text,
        letters: true,
        written,
        sure,
        gap: Gap::Blank,
        start,
        end,
    }
}

/// Digits as written, unless they are a quantity, a time, a date or an address by what is glued to them.
fn digits(reader: &Reader<'_>, at: usize, before: &[Piece]) -> Option<Piece> {
    let text = reader.digits(at);
    if reader.is_glued(at + 1) {
        let after = reader.word(at + 1);
        let unit = matches!(
            after,
            "st" | "nd" | "rd" | "th" | "am" | "pm" | "p" | "k" | "gb" | "mb" | "er"
        );
        let quantity = unit && !reader.is_glued(at + 2) && reader.digits(at + 2).is_empty();
        let digits_follow = reader.is_glued(at + 2) && !reader.digits(at + 2).is_empty();
        let comma = reader.is_mark(at + 1, ',')
            && reader.digits(at + 2).len() == 3
            && before.iter().all(|piece| !piece.letters);
        let marked = matches!(reader.raw(at + 1), "." | "/" | ":" | "_") && digits_follow;
        let other = matches!(reader.raw(at + 1), "%" | "€" | "£" | "$" | "@" | "º");
        if quantity || other || marked || comma && digits_follow {
            return None;
        }
    }
    let cut = reader.is_glued(at)
        && before.is_empty()
        && at.checked_sub(1).is_some_and(|b| {
            matches!(
                reader.raw(b),
                "." | "," | "/" | ":" | "$" | "£" | "€" | "@" | "_"
            )
        });
    (!cut).then(|| Piece {
        text: text.to_owned(),
        letters: false,
        single: text.len() == 1,
        written: true,
        sure: true,
        gap: Gap::Blank,
        start: at,
        end: at + 1,
    })
}

fn number_word(reader: &Reader<'_>, at: usize, before: &[Piece]) -> Option<Piece> {
    let word = reader.word(at);
    let tongue = reader.tongue?;
    let digit_before = before.last().is_some_and(|piece| !piece.letters);
    let digit_after = || {
        !reader.digits(at + 1).is_empty()
            || reader.cardinal(at + 1).is_some_and(|(v, _)| v < 10)
            || repeats(reader.word(at + 1)).is_some()
            || is_spoken_zero(reader.word(at + 1), tongue)
    };
    // "oh no", but "oh seven seven" and "one oh one"; a letter O among digits is a zero too.
    let zero = is_spoken_zero(word, tongue) && (!before.is_empty() || digit_after())
        || word == "o" && (digit_before || before.is_empty() && digit_after());
    let (value, end) = if zero {
        (0, at + 1)
    } else {
        let (value, end) = reader.cardinal(at)?;
        if is_article(word) && end == at + 1 {
            return None;
        }
        (value, end)
    };
    Some(Piece {
        text: value.to_string(),
        letters: false,
        single: value < 10,
        written: false,
        sure: true,
        gap: Gap::Blank,
        start: at,
        end,
    })
}

/// One letter: `S`, "S as in sugar", "B for Bravo", "Sierra".
fn letter(reader: &Reader<'_>, at: usize, before: &[Piece]) -> Option<Piece> {
    let word = reader.word(at);
    let mut characters = word.chars();
    let first = characters.next()?;
    if characters.next().is_none() {
        let text = first.to_uppercase().to_string();
        let example = as_in(reader, at + 1, first);
        let written = reader.raw(at) == text;
        return Some(letters(
            text,
            example.is_some(),
            written,
            at,
            example.unwrap_or(at + 1),
        ));
    }
    if word == "x" || word == "ex" && reader.is_mark(at + 1, '-') && reader.word(at + 2) == "ray" {
        return Some(letters("X".into(), true, false, at, at + 3));
    }
    if let Some(letter) = letter_name(word).filter(|_| !before.is_empty()) {
        return Some(letters(letter.into(), true, false, at, at + 1));
    }
    let (letter, _) = nato(word)?;
    // "november five" is a day and "hotel" a hotel: the first one needs company.
    let company = !before.is_empty() || {
        let next = reader.word(at + 1);
        nato(next).is_some()
            || next.chars().count() == 1 && !is_article(next) && next != "i"
            || nato(word).is_some_and(|(_, only)| only)
    };
    company.then(|| letters(letter.into(), true, false, at, at + 1))
}

/// The position after "as in sugar", where the example begins with the letter.
pub(super) fn as_in(reader: &Reader<'_>, at: usize, letter: char) -> Option<usize> {
    let comma = usize::from(reader.is_mark(at, ','));
    let from = at + comma;
    let example = match (reader.word(from), reader.word(from + 1)) {
        ("as", "in") => from + 2,
        ("for" | "like" | "wie" | "comme" | "de", _) => from + 1,
        _ => return None,
    };
    let word = reader.word(example);
    (word.starts_with(letter) && word.chars().count() > 1).then_some(example + 1)
}

/// Letters that are written together as part of a code: `LF 902`, `lf902`, `SW1A`.
fn group(reader: &Reader<'_>, at: usize, before: &[Piece], gap: Gap) -> Option<Piece> {
    let raw = reader.raw(at);
    let count = raw.chars().count();
    if !raw.chars().all(|c| c.is_ascii_alphabetic()) || !(2..=4).contains(&count) {
        return None;
    }
    let capitals = raw.chars().all(|c| c.is_ascii_uppercase());
    let glued_digits = reader.is_glued(at + 1) && !reader.digits(at + 1).is_empty();
    let hyphen_digits = reader.is_mark(at + 1, '-')
        && reader.is_glued(at + 1)
        && reader.is_glued(at + 2)
        && !reader.digits(at + 2).is_empty();
    let digits_next = !reader.digits(at + 1).is_empty()
        || reader.cardinal(at + 1).is_some_and(|(v, _)| v < 100)
        || reader.is_mark(at + 1, '-') && !reader.digits(at + 2).is_empty();
    let after_digits = before.last().is_some_and(|piece| !piece.letters);
    let fits = match before.last() {
        // The head of a code.
        None => {
            glued_digits
                || hyphen_digits
                || capitals && digits_next && !is_label(raw)
                || digits_next && is_consonants(raw)
        }
        // Its middle or end.
        Some(_) if after_digits && gap == Gap::Glued => capitals || glued_digits || count <= 3,
        Some(_) => after_digits && capitals && !is_label(raw),
    };
    fits.then(|| letters(raw.to_uppercase(), false, capitals, at, at + 1))
}

/// Lower-case letters that cannot be a word: `lf 902`.
fn is_consonants(raw: &str) -> bool {
    let lower = raw.to_ascii_lowercase();
    !lower.contains(['a', 'e', 'i', 'o', 'u', 'y'])
        && !matches!(
            lower.as_str(),
            "mr" | "mrs"
                | "ms"
                | "dr"
                | "st"
                | "pm"
                | "km"
                | "kg"
                | "cm"
                | "mm"
                | "th"
                | "nr"
                | "hm"
                | "hmm"
                | "vs"
                | "tv"
                | "rd"
                | "nd"
                | "pp"
                | "mb"
                | "gb"
                | "kb"
        )
}
