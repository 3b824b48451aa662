//! E-mail addresses, written or said: "john dot smith at gmail dot com".

use super::lexicon::{Cue, is_link};
use super::piece::as_in;
use super::reader::{Found, Reader};
use super::token::Kind;
use crate::conversation::AnnotationKind;
use crate::conversation::number_words::{is_spoken_zero, repeats};

/// The longest part of an address, in tokens: a local part has at most 64 characters (RFC 5321).
const LONGEST: usize = 64;

/// All addresses of a text, in order, without overlaps.
pub(super) fn emails(reader: &Reader<'_>) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for at in 0..reader.len() {
        let free = found.last().map_or(0, |last| last.end);
        if !is_at(reader, at) || at < free {
            continue;
        }
        if let Some(email) = email(reader, at, free) {
            found.push(email);
        }
    }
    found
}

pub(super) fn is_at(reader: &Reader<'_>, at: usize) -> bool {
    reader.is_mark(at, '@') || matches!(reader.word(at), "at" | "ät" | "arobase" | "arroba")
}

fn email(reader: &Reader<'_>, at: usize, free: usize) -> Option<Found> {
    let written = reader.is_mark(at, '@');
    let domain = domain(reader, at + 1, written)?;
    let (start, likely) = local_start(reader, at, free)?;
    let local = rendered(reader, start, at);
    let fits = !local.is_empty() && local.len() <= 64 && local.chars().any(char::is_alphanumeric);
    fits.then(|| Found {
        kind: AnnotationKind::Email,
        value: format!("{local}@{}", domain.text),
        start,
        end: domain.end,
        confidence: if written { 0.98 } else { likely },
    })
}

struct Domain {
    text: String,
    end: usize,
}

/// The sign that stands or is said at a position, and the position after it.
fn sign(reader: &Reader<'_>, at: usize) -> Option<(&'static str, usize)> {
    let underscore = matches!(reader.word(at), "tiret" | "guion")
        && matches!(reader.word(at + 1), "bas" | "bajo");
    if underscore {
        return Some(("_", at + 2));
    }
    let said = match reader.word(at) {
        "dot" | "point" | "punkt" | "punto" | "period" => ".",
        "underscore" | "unterstrich" => "_",
        "dash" | "hyphen" | "minus" | "bindestrich" | "tiret" | "guion" => "-",
        "plus" => "+",
        _ => {
            let glued = reader.is_glued(at) && reader.is_glued(at + 1);
            let mark = match reader.raw(at) {
                "." => ".",
                "_" => "_",
                "-" => "-",
                "+" => "+",
                "%" => "%",
                _ => return None,
            };
            return glued.then_some((mark, at + 1));
        }
    };
    Some((said, at + 1))
}

pub(super) fn is_dot(reader: &Reader<'_>, at: usize) -> bool {
    matches!(reader.word(at), "dot" | "point" | "punkt" | "punto")
}

fn domain(reader: &Reader<'_>, at: usize, written: bool) -> Option<Domain> {
    let mut text = String::new();
    let mut next = at;
    let mut best = None;
    let mut spoken_dot = false;
    while next < at + LONGEST {
        let (label, end) = label(reader, next)?;
        // "look at the dot"
        let site = matches!(label.as_str(), "mail" | "email");
        if text.is_empty() && !written && is_common(&label) && !site {
            return None;
        }
        let first = text.is_empty();
        text.push_str(&label);
        let known = is_top_level(&label);
        let top = !first && label.len() >= 2 && label.chars().all(|c| c.is_ascii_alphabetic());
        if top && (known || written && !spoken_dot) {
            best = Some(Domain {
                text: text.clone(),
                end,
            });
        }
        let Some((".", after)) = sign(reader, end) else {
            break;
        };
        if reader.kind_at(after).is_none_or(|kind| kind == Kind::Mark) {
            break;
        }
        spoken_dot = is_dot(reader, end);
        text.push('.');
        next = after;
    }
    best.filter(|domain| domain.text.len() <= 253)
}

/// One label of a domain; letters that are spelled and a word behind them are one.
fn label(reader: &Reader<'_>, at: usize) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut next = at;
    loop {
        let token = reader.token(next)?;
        if token.kind == Kind::Mark || next >= at + LONGEST {
            return None;
        }
        let (part, end) = part(reader, next);
        text.push_str(&part);
        let short = part.chars().count() == 1 || !reader.digits(next).is_empty();
        next = end;
        if let Some((mark @ "-", after)) = sign(reader, next)
            && reader.kind_at(after).is_some_and(|kind| kind != Kind::Mark)
        {
            text.push_str(mark);
            next = after;
            continue;
        }
        let follows = reader.kind_at(next).is_some_and(|kind| kind != Kind::Mark);
        let glued = reader.is_glued(next);
        let spelled = short && sign(reader, next).is_none() && dot_ahead(reader, next);
        if !(follows && (glued || spelled)) {
            return (text.len() <= 63).then_some((text, next));
        }
    }
}

/// Whether a dot follows within the few tokens that a spelled label takes.
fn dot_ahead(reader: &Reader<'_>, at: usize) -> bool {
    for ahead in at..at + 12 {
        if sign(reader, ahead).is_some_and(|(mark, _)| mark == ".") {
            return true;
        }
        if reader.word(ahead).chars().count() != 1 && reader.digits(ahead).is_empty() {
            return sign(reader, ahead + 1).is_some_and(|(mark, _)| mark == ".");
        }
    }
    false
}

/// A token, a number word or a repeat as it is written, and the position after it.
fn part(reader: &Reader<'_>, at: usize) -> (String, usize) {
    let word = reader.word(at);
    let short = |position: usize| {
        reader.word(position).chars().count() == 1
            || reader.digits(position).len() == 1
            || reader
                .cardinal(position)
                .is_some_and(|(value, _)| value < 10)
    };
    if let Some(times) = repeats(word).filter(|_| short(at + 1)) {
        let (one, end) = part(reader, at + 1);
        return (one.repeat(times), end);
    }
    if let Some((value, end)) = reader.cardinal(at).filter(|_| word != "a") {
        return (value.to_string(), end);
    }
    if reader.tongue.is_some_and(|t| is_spoken_zero(word, t)) {
        return ("0".into(), at + 1);
    }
    let lower = reader.token(at).map_or("", |t| t.lower.as_str());
    let mut letters = lower.chars();
    if let (Some(first), None) = (letters.next(), letters.next())
        && let Some(end) = as_in(reader, at + 1, first)
    {
        return (first.to_string(), end);
    }
    (lower.replace('\'', ""), at + 1)
}

fn rendered(reader: &Reader<'_>, start: usize, end: usize) -> String {
    let mut out = String::new();
    let mut at = start;
    while at < end {
        let (text, next) = match sign(reader, at) {
            Some((mark, next)) if at > start => (mark.to_owned(), next),
            _ => part(reader, at),
        };
        out.push_str(&text);
        at = next;
    }
    out
}

/// Where the local part before an "at" begins, and how likely it is one.
fn local_start(reader: &Reader<'_>, at: usize, free: usize) -> Option<(usize, f32)> {
    let cue = (1..=12).any(|back| {
        at.checked_sub(back)
            .is_some_and(|b| super::lexicon::cue_of(reader.word(b)) == Some(Cue::Email))
    });
    let written = reader.is_mark(at, '@');
    let mut start = at;
    let mut joined = false;
    let mut expecting = true;
    while start > free && at - start < LONGEST {
        let before = start - 1;
        if expecting {
            let word = reader.word(before);
            let glued = written && reader.is_glued(before + 1);
            let usable = !word.is_empty() && (glued || !is_common(word))
                || !reader.digits(before).is_empty();
            if !usable {
                break;
            }
            start = before;
            expecting = false;
            continue;
        }
        let sign_before = sign(reader, before).is_some_and(|(_, end)| end == start);
        if sign_before && before > free {
            let two_words = matches!(reader.word(before), "bas" | "bajo");
            start = before - usize::from(two_words && before > free + 1);
            joined = true;
            expecting = true;
            continue;
        }
        // What is written in one piece begins at its blank.
        if written && reader.is_glued(at) && !reader.is_glued(start) {
            break;
        }
        let word = reader.word(before);
        let short = |position: usize| {
            let word = reader.word(position);
            word.chars().count() == 1
                || !reader.digits(position).is_empty()
                || repeats(word).is_some()
                || reader.cardinal(position).is_some()
                || reader.tongue.is_some_and(|t| is_spoken_zero(word, t))
        };
        let digits_here = !reader.digits(start).is_empty() || reader.cardinal(start).is_some();
        let example = at_example(reader, start).or_else(|| at_example(reader, before));
        let goes_on = reader.is_glued(start) && reader.kind_at(before) != Some(Kind::Mark)
            || short(start) && short(before) && word != "a" && word != "i"
            || short(start) && short(before) && before > free && short(before - 1)
            || digits_here && !word.is_empty() && !is_common(word);
        if let Some(letter) = example.filter(|letter| *letter >= free) {
            start = letter;
            joined = true;
            continue;
        }
        if !goes_on {
            break;
        }
        joined = true;
        start = before;
    }
    if expecting {
        // A sign at the front is none of the address.
        while start < at && sign(reader, start).is_some() {
            start += 1;
        }
    }
    if start >= at {
        return None;
    }
    if written {
        return Some((start, 0.98));
    }
    if cue {
        // "my email is john smith at": all words behind "is" are the name.
        for words in 1..=3_usize {
            let Some(head) = start.checked_sub(words).filter(|head| *head > free) else {
                break;
            };
            let plain =
                (head..start).all(|i| !reader.word(i).is_empty() && !is_common(reader.word(i)));
            if !plain {
                break;
            }
            if is_link(reader.raw(head - 1), reader.word(head - 1)) {
                return Some((head, 0.6));
            }
        }
    }
    // "look at gmail dot com" names a site.
    if !joined && !cue && is_verb(reader.word(start)) {
        return None;
    }
    Some((start, if joined || cue { 0.92 } else { 0.7 }))
}

/// The letter that the word at a position is an example of: "s as in sugar".
fn at_example(reader: &Reader<'_>, at: usize) -> Option<usize> {
    (2..=3).find_map(|back| {
        let letter = at.checked_sub(back)?;
        let first = reader.word(letter);
        let mut letters = first.chars();
        let only = letters.next().filter(|_| letters.next().is_none())?;
        (as_in(reader, letter + 1, only) == Some(at + 1)).then_some(letter)
    })
}

fn is_common(word: &str) -> bool {
    matches!(
        word,
        "is" | "it's"
            | "its"
            | "the"
            | "a"
            | "my"
            | "your"
            | "our"
            | "his"
            | "her"
            | "their"
            | "address"
            | "email"
            | "mail"
            | "to"
            | "at"
            | "it"
            | "that's"
            | "that"
            | "on"
            | "and"
            | "or"
            | "yes"
            | "yeah"
            | "as"
            | "im"
            | "i'm"
            | "this"
            | "these"
            | "home"
            | "of"
            | "in"
            | "no"
            | "so"
            | "um"
            | "uh"
            | "okay"
            | "ist"
            | "est"
            | "es"
            | "la"
            | "le"
            | "el"
            | "least"
            | "all"
            | "be"
            | "was"
    )
}

fn is_verb(word: &str) -> bool {
    matches!(
        word,
        "look"
            | "looked"
            | "looking"
            | "go"
            | "shop"
            | "search"
            | "check"
            | "me"
            | "us"
            | "order"
            | "ordered"
            | "bought"
            | "am"
            | "are"
            | "online"
            | "them"
            | "up"
            | "sign"
            | "log"
            | "work"
            | "works"
            | "worked"
            | "available"
            | "find"
            | "found"
            | "see"
            | "site"
            | "website"
            | "page"
            | "shopping"
            | "account"
            | "you"
            | "him"
            | "prices"
            | "price"
    )
}

fn is_top_level(label: &str) -> bool {
    matches!(
        label,
        "com"
            | "org"
            | "net"
            | "edu"
            | "gov"
            | "mil"
            | "info"
            | "biz"
            | "io"
            | "co"
            | "uk"
            | "us"
            | "de"
            | "fr"
            | "es"
            | "it"
            | "nl"
            | "ch"
            | "at"
            | "be"
            | "eu"
            | "ie"
            | "ca"
            | "au"
            | "nz"
            | "in"
            | "jp"
            | "cn"
            | "br"
            | "mx"
            | "pl"
            | "se"
            | "no"
            | "dk"
            | "fi"
            | "pt"
            | "gr"
            | "cz"
            | "ru"
            | "za"
            | "me"
            | "tv"
            | "app"
            | "dev"
            | "ai"
            | "tech"
            | "online"
            | "shop"
            | "store"
            | "email"
            | "cloud"
            | "example"
            | "test"
            | "invalid"
            | "ac"
            | "ltd"
            | "plc"
            | "name"
            | "pro"
            | "mobi"
            | "scot"
            | "wales"
            | "cat"
            | "swiss"
            | "berlin"
            | "london"
            | "xyz"
            | "care"
            | "ar"
            | "cl"
            | "sg"
    )
}
