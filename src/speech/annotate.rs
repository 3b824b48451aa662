//! Inverse text normalisation of what was said: numbers, dates, amounts, addresses and spelled names.
//!
//! The words of an utterance stay as they are; what agents key in stands beside them, as
//! [`Annotation`]s. By rules alone, in time linear in the text: a text is cut into words, digits and
//! marks, and at each of them every rule looks ahead a bounded way. English is the fullest; German,
//! French and Spanish have numbers, amounts and dates; every language has what is written in digits.

mod amount;
mod code;
mod date;
mod dictating;
mod email;
mod lexicon;
mod number;
mod piece;
mod reader;
mod time;
mod token;

pub use dictating::is_dictating;

use std::cmp::Reverse;

use reader::{Found, Reader};

use crate::conversation::Annotation;

type Rule = fn(&Reader<'_>, usize) -> Option<Found>;

/// The more specific first: where two read the same words, the earlier one is believed.
const RULES: [Rule; 7] = [
    date::date,
    time::time,
    amount::amount,
    number::percentage,
    time::duration,
    code::code,
    number::number,
];

/// What in `text` has a written form that an agent would key in, in order and without overlaps.
///
/// `language` is a BCP 47 tag; its region decides whose dollars are meant, and that Americans write
/// the month first. `None` is read as English. A language without rules gets what is written in
/// digits, e-mail addresses and identifiers. Of readings that overlap, the one that begins first and
/// takes the most words wins. Numbers in the middle of a sentence are kept apart from words that only
/// look like them: "one of them" is no number.
///
/// ```
/// use attendant::conversation::AnnotationKind;
/// use attendant::speech::annotate;
///
/// let text = "It's l f nine zero two, and I paid forty two pounds fifty.";
/// let found = annotate(text, Some("en-GB"));
/// assert_eq!(found[0].kind, AnnotationKind::Identifier);
/// assert_eq!(found[0].value, "LF902");
/// assert_eq!(found[1].value, "GBP 42.50");
/// assert_eq!(found[1].words(text), "forty two pounds fifty");
/// ```
pub fn annotate(text: &str, language: Option<&str>) -> Vec<Annotation> {
    let mut reader = Reader::new(text, language);
    read(&mut reader)
        .into_iter()
        .filter_map(|found| reader.annotation(found))
        .collect()
}

/// All readings, in order, without overlaps.
fn read(reader: &mut Reader<'_>) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    // An address begins before the "at" that shows it, so addresses are found first.
    let mut emails = email::emails(reader).into_iter().peekable();
    let mut at = 0;
    while at < reader.len() {
        if let Some(email) = emails.next_if(|email| email.start <= at) {
            at = email.end.max(at + 1);
            found.push(email);
            continue;
        }
        reader.border = emails.peek().map_or(reader.len(), |email| email.start);
        let best = RULES
            .iter()
            .enumerate()
            .filter_map(|(rank, rule)| Some((rank, rule(reader, at)?)))
            .filter(|(_, read)| read.end > at)
            .max_by_key(|(rank, read)| (read.end, Reverse(*rank)));
        match best {
            Some((_, read)) => {
                at = read.end;
                found.push(read);
            }
            None => at += 1,
        }
    }
    reader.border = reader.len();
    found
}

#[cfg(test)]
mod tests;
