//! What a row of digits and letters is: an identifier, a telephone number, a postcode, a spelled name.

use super::amount::major;
use super::date::month;
use super::lexicon::{Cue, is_acronym};
use super::number::percent_sign;
use super::piece::{Gap, Piece, row};
use super::reader::{Found, Reader};
use super::time::unit_of_time;
use crate::conversation::AnnotationKind;

/// The digits of a row without letters, piece by piece, and the position after them.
pub(super) fn spoken_digits(reader: &Reader<'_>, at: usize) -> (Vec<String>, usize) {
    let pieces = row(reader, at);
    let digits = pieces.iter().take_while(|piece| !piece.letters);
    let end = digits.clone().last().map_or(at, |piece| piece.end);
    (digits.map(|piece| piece.text.clone()).collect(), end)
}

/// A row with what does not belong to it cut off.
pub(super) fn trimmed_row(reader: &Reader<'_>, at: usize) -> Vec<Piece> {
    let mut pieces = row(reader, at);
    // A row is of one sort, once it is long: "S M I T H, 4 4 1" are two.
    let letters = pieces.iter().take_while(|p| p.letters && p.single).count();
    if letters >= 4
        && let Some(gap) = pieces.get(letters).map(|piece| piece.gap)
        && gap == Gap::Comma
    {
        pieces.truncate(letters);
    }
    while let Some(last) = pieces.last() {
        let counts = !last.letters
            && (unit_of_time(reader, last.end).is_some()
                || major(reader, last.end).is_some()
                || percent_sign(reader, last.end).is_some()
                || month(reader, last.end).is_some());
        let next = reader.word(last.end);
        let word = last.letters && last.single && !last.sure && !next.is_empty();
        let raw = reader.raw(last.start);
        // "it's B O B a lovely name", "B O B I think"
        let article = word && raw == "a"
            || word && last.text == "I" && is_after_i(next)
            || last.letters && last.single && next == "m" && matches!(raw, "a" | "p");
        if !(counts || article) {
            break;
        }
        pieces.pop();
    }
    pieces
}

fn is_after_i(word: &str) -> bool {
    matches!(
        word,
        "think"
            | "am"
            | "have"
            | "was"
            | "want"
            | "would"
            | "will"
            | "can"
            | "can't"
            | "just"
            | "don't"
            | "need"
            | "do"
            | "guess"
            | "believe"
            | "said"
            | "live"
            | "had"
            | "did"
            | "didn't"
            | "could"
            | "know"
            | "hope"
            | "mean"
            | "see"
            | "called"
            | "got"
            | "also"
            | "really"
            | "paid"
            | "see's"
    )
}

/// What the row at a position is.
pub(super) fn code(reader: &Reader<'_>, at: usize) -> Option<Found> {
    let plus = reader.is_mark(at, '+') || reader.word(at) == "plus";
    let bracket = reader.is_mark(at, '(');
    if plus || bracket {
        return written_phone(reader, at);
    }
    let pieces = trimmed_row(reader, at);
    let first = pieces.first()?;
    let digits: usize = count(&pieces, false);
    let letters: usize = count(&pieces, true);
    // "a", "I" and "o" are words where no letter follows at once.
    let doubtful =
        first.letters && first.single && !first.sure && matches!(&*first.text, "A" | "I" | "O");
    let second_doubtful = || {
        pieces
            .get(1)
            .is_none_or(|p| !p.letters || matches!(&*p.text, "A" | "I" | "O"))
    };
    if doubtful && second_doubtful() && reader.near_cue(at).is_none() {
        return None;
    }
    let cue = reader.cue(at);
    let (kind, value, confidence) = match (letters, digits) {
        (0, _) => all_digits(reader, at, &pieces, cue)?,
        (_, 0) => all_letters(reader, at, &pieces, cue)?,
        _ => mixed(&pieces, cue, digits, reader.near_cue(at))?,
    };
    Some(Found {
        kind,
        value,
        start: at,
        end: pieces.last()?.end,
        confidence,
    })
}

pub(super) fn count(pieces: &[Piece], letters: bool) -> usize {
    let of = pieces.iter().filter(|piece| piece.letters == letters);
    of.map(|piece| piece.text.chars().count()).sum()
}

/// The pieces in one: hyphens stay where groups are hyphenated, not where single letters are.
pub(super) fn joined(pieces: &[Piece]) -> String {
    let mut out = String::new();
    let all_single = pieces.iter().all(|piece| piece.single);
    for (index, piece) in pieces.iter().enumerate() {
        match piece.gap {
            _ if index == 0 => {}
            Gap::Said(sign) => out.push(sign),
            Gap::Hyphen if !all_single => out.push('-'),
            _ => {}
        }
        out.push_str(&piece.text);
    }
    out
}

fn compact(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| piece.text.as_str()).collect()
}

type Reading = (AnnotationKind, String, f32);

fn all_digits(
    reader: &Reader<'_>,
    at: usize,
    pieces: &[Piece],
    cue: Option<Cue>,
) -> Option<Reading> {
    let digits = compact(pieces);
    let value = joined(pieces);
    let near = reader.near_cue(at);
    let hash = at
        .checked_sub(1)
        .is_some_and(|before| reader.is_mark(before, '#'));
    let told = near.is_some() || hash;
    if cue == Some(Cue::Postcode) && (4..=6).contains(&digits.len()) {
        return Some((AnnotationKind::Postcode, digits, 0.9));
    }
    if is_phone(&digits, pieces, cue) {
        let confidence = if cue == Some(Cue::Phone) { 0.95 } else { 0.75 };
        return Some((AnnotationKind::Phone, digits, confidence));
    }
    let commas = pieces.iter().skip(1).all(|piece| piece.gap == Gap::Comma);
    let all_single = pieces.iter().all(|piece| piece.single);
    let identifier = |confidence| Some((AnnotationKind::Identifier, value.clone(), confidence));
    match pieces {
        [one] => {
            // A long number without separators is hardly a count.
            let long = digits.len() >= 5 || digits.starts_with('0') && digits.len() >= 3;
            if !one.written {
                return None;
            }
            match (told, digits.len()) {
                (true, 3..) => identifier(0.9),
                (_, _) if long => identifier(0.6),
                (true, 1..) if hash => identifier(0.7),
                _ => None,
            }
        }
        [_, _] if told => identifier(0.75),
        _ if all_single && digits.len() >= 3 => {
            let counting = "123456789".starts_with(&*digits) && digits.len() < 5;
            identifier(match (told || cue.is_some(), digits.len()) {
                (true, _) => 0.9,
                _ if counting || commas => 0.4,
                (_, 3) => 0.55,
                _ => 0.75,
            })
        }
        [_, _] => {
            // Groups of written digits, as "4111 1111" or "12-34".
            let groups = pieces
                .iter()
                .all(|piece| piece.written && piece.text.len() > 1);
            (groups && !commas && digits.len() >= 6).then(|| identifier(0.55))?
        }
        _ if pieces.len() >= 3 && digits.len() >= 4 && (told || !commas) => {
            identifier(if told || cue.is_some() { 0.85 } else { 0.6 })
        }
        _ => None,
    }
}

/// Numbering plans, roughly: a leading zero and ten or eleven digits, ten American ones in their groups.
fn is_phone(digits: &str, pieces: &[Piece], cue: Option<Cue>) -> bool {
    let length = digits.len();
    let identifier = matches!(cue, Some(Cue::Identifier | Cue::Card));
    if cue == Some(Cue::Phone) {
        return (7..=15).contains(&length);
    }
    let trunk = digits.starts_with('0') && (10..=11).contains(&length);
    let groups: Vec<usize> = pieces.iter().map(|piece| piece.text.len()).collect();
    let american = matches!(groups[..], [3, 3, 4] | [1, 3, 3, 4])
        && pieces
            .iter()
            .all(|piece| piece.written && piece.gap != Gap::Comma);
    !identifier && (trunk || american)
}

/// "+44 20 7946 0958", "plus four four …", "(212) 555-0147".
fn written_phone(reader: &Reader<'_>, at: usize) -> Option<Found> {
    let bracket = reader.is_mark(at, '(');
    let mut digits = String::new();
    let mut next = at + 1;
    loop {
        let mut from = next;
        while matches!(reader.raw(from), "(" | ")" | "-" | "." | "/") && from < next + 3 {
            from += 1;
        }
        // A digit behind a full stop and a blank begins the next sentence.
        if from > next && reader.is_mark(from - 1, '.') && !reader.is_glued(from) {
            break;
        }
        let (pieces, end) = spoken_digits(reader, from);
        if pieces.is_empty() || digits.len() > 15 {
            break;
        }
        digits.push_str(&pieces.concat());
        next = end;
    }
    let least = if bracket { 7 } else { 8 };
    let fits = (least..=15).contains(&digits.len());
    let sign = if bracket { "" } else { "+" };
    fits.then(|| Found {
        kind: AnnotationKind::Phone,
        value: format!("{sign}{digits}"),
        start: at,
        end: next,
        confidence: 0.95,
    })
}

fn all_letters(
    reader: &Reader<'_>,
    at: usize,
    pieces: &[Piece],
    cue: Option<Cue>,
) -> Option<Reading> {
    let letters = compact(pieces);
    let length = letters.chars().count();
    // "U.S.A." and "e.g."; and a head of a code whose digits were cut off.
    let dotted = pieces.iter().skip(1).any(|piece| piece.gap == Gap::Dot)
        && pieces
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if b.gap == Gap::Dot && reader.is_glued(b.start) && a.end < b.start));
    let groups = pieces.iter().any(|piece| !piece.single);
    let sure = pieces.iter().all(|piece| piece.sure);
    let named = cue == Some(Cue::Name);
    if dotted || groups || is_acronym(&letters) && !named && !sure {
        return None;
    }
    if matches!(cue, Some(Cue::Identifier | Cue::Card | Cue::Pin)) || length < 3 && sure {
        let only = pieces.iter().any(|piece| {
            // "Charlie Mike" may be two people.
            super::lexicon::nato(reader.word(piece.start)).is_none_or(|(_, only)| only)
        });
        let lone = length < 2 && pieces.iter().any(|p| p.end == p.start + 1);
        return (length >= 2 || sure && !lone)
            .then_some(())
            .filter(|()| only)
            .map(|()| {
                (
                    AnnotationKind::Identifier,
                    joined(pieces),
                    if sure { 0.7 } else { 0.5 },
                )
            });
    }
    let told = reader.near_cue(at).is_some();
    if length < 3 && !(length == 2 && named && told) {
        return None;
    }
    let value = title_case(&joined(pieces));
    let said = said_before(reader, at, &letters);
    let capitals = pieces.iter().all(|piece| piece.written || piece.sure);
    let confidence = match length {
        _ if said => 0.98,
        _ if named => 0.95,
        4.. if capitals => 0.85,
        _ if capitals => 0.65,
        _ => 0.6,
    };
    Some((AnnotationKind::SpelledName, value, confidence))
}

/// Whether the name was said before it was spelled: "Smith, S M I T H".
pub(super) fn said_before(reader: &Reader<'_>, at: usize, letters: &str) -> bool {
    let lower = letters.to_lowercase();
    (1..=5).any(|back| {
        at.checked_sub(back)
            .is_some_and(|b| reader.word(b) == lower)
    })
}

fn title_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut first = true;
    for character in name.chars() {
        if first {
            out.push(character);
        } else {
            out.extend(character.to_lowercase());
        }
        first = !character.is_alphabetic();
    }
    out
}

fn mixed(pieces: &[Piece], cue: Option<Cue>, digits: usize, near: Option<Cue>) -> Option<Reading> {
    let plain = compact(pieces);
    if cue != Some(Cue::Identifier)
        && let Some(code) = postcode(&plain)
    {
        return Some((AnnotationKind::Postcode, code, 0.9));
    }
    let short = pieces.iter().all(|piece| piece.gap == Gap::Glued) && pieces.len() <= 2;
    let enough = digits >= 3 && plain.len() >= 4
        || pieces.len() >= 4 && plain.len() >= 4 && digits >= 2
        || near.is_some() && plain.len() >= 3
        // "4 4 B" and the like, where a letter is told by its example.
        || pieces.len() >= 3 && pieces.iter().all(|piece| piece.sure);
    if !enough || short && digits < 3 && near.is_none() {
        return None;
    }
    let confidence = match plain.len() {
        _ if near.is_some() || cue.is_some() => 0.95,
        6.. => 0.85,
        _ => 0.6,
    };
    Some((AnnotationKind::Identifier, joined(pieces), confidence))
}

/// `SW1A2AA` is `SW1A 2AA`; Canadian ones likewise.
pub(super) fn postcode(plain: &str) -> Option<String> {
    let shape: String = plain
        .chars()
        .map(|c| if c.is_ascii_digit() { '9' } else { 'A' })
        .collect();
    let fits = plain.is_ascii()
        && matches!(
            shape.as_str(),
            "A99AA" | "A999AA" | "A9A9AA" | "AA99AA" | "AA999AA" | "AA9A9AA" | "A9A9A9"
        );
    let (outward, inward) = plain.split_at_checked(plain.len().checked_sub(3)?)?;
    fits.then(|| format!("{outward} {inward}"))
}
