//! Times of day, and lengths of time.

use super::number::{Quantity, quantity};
use super::reader::{Found, Reader};
use crate::conversation::AnnotationKind;
use crate::conversation::number_words::{Tongue, is_spoken_zero};

/// Which half of the day was said.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Half {
    Morning,
    Afternoon,
}

fn found(hour: u64, minute: u64, start: usize, end: usize, confidence: f32) -> Option<Found> {
    (hour < 24 && minute < 60).then(|| Found {
        kind: AnnotationKind::Time,
        value: format!("{hour:02}:{minute:02}"),
        start,
        end,
        confidence,
    })
}

/// The time of day at a position.
pub(super) fn time(reader: &Reader<'_>, at: usize) -> Option<Found> {
    match reader.word(at) {
        "noon" | "midday" => return found(12, 0, at, at + 1, 0.9),
        "midnight" => return found(0, 0, at, at + 1, 0.9),
        _ => {}
    }
    relative(reader, at).or_else(|| by_clock(reader, at))
}

/// Adds the half of the day, where it was said behind the time.
fn with_half(
    reader: &Reader<'_>,
    hour: u64,
    minute: u64,
    start: usize,
    end: usize,
    told: f32,
) -> Option<Found> {
    match half(reader, end) {
        Some((half, end)) if (1..=12).contains(&hour) => {
            let hour = hour % 12 + if half == Half::Afternoon { 12 } else { 0 };
            found(hour, minute, start, end, told.max(0.95))
        }
        Some((_, end)) => found(hour, minute, start, end, told),
        None => found(hour, minute, start, end, told),
    }
}

/// "pm", "p.m.", "p m", "in the evening", and the position after it.
fn half(reader: &Reader<'_>, at: usize) -> Option<(Half, usize)> {
    let of = |word: &str| match word {
        "a" | "am" => Some(Half::Morning),
        "p" | "pm" => Some(Half::Afternoon),
        _ => None,
    };
    let word = reader.word(at);
    if matches!(word, "am" | "pm") {
        return Some((of(word)?, at + 1));
    }
    if matches!(word, "a" | "p") {
        let dot = usize::from(reader.is_mark(at + 1, '.') && reader.is_glued(at + 1));
        if reader.word(at + 1 + dot) == "m" {
            let end = at + 2 + dot;
            let closing = dot == 1 && reader.is_mark(end, '.') && reader.is_glued(end);
            return Some((of(word)?, end + usize::from(closing)));
        }
    }
    let (from, the) = match (word, reader.word(at + 1)) {
        ("in", "the") => (at + 2, true),
        ("at", "night") => return Some((Half::Afternoon, at + 2)),
        ("this" | "tomorrow" | "yesterday", _) => (at + 1, false),
        _ => return None,
    };
    let half = match reader.word(from) {
        "morning" => Half::Morning,
        "afternoon" | "evening" => Half::Afternoon,
        _ => return None,
    };
    // "tomorrow morning" tells the half but is no part of the time.
    Some((half, if the { from + 1 } else { at }))
}

/// "quarter past three", "twenty to six", "half past", "half two".
fn relative(reader: &Reader<'_>, at: usize) -> Option<Found> {
    if reader.tongue != Some(Tongue::English) {
        return None;
    }
    let (minutes, next) = match reader.word(at) {
        "quarter" => (15, at + 1),
        "half" => (30, at + 1),
        _ => {
            let minutes = quantity(reader, at).filter(|q| q.fraction.is_empty())?;
            let unit = matches!(reader.word(minutes.end), "minute" | "minutes");
            (minutes.whole, minutes.end + usize::from(unit))
        }
    };
    if !(1..60).contains(&minutes) {
        return None;
    }
    let (sign, next) = match reader.word(next) {
        "past" | "after" => (1, next + 1),
        "to" | "til" | "till" if minutes != 30 => (-1, next + 1),
        _ if reader.word(at) == "half" => (0, next),
        _ => return None,
    };
    let (hour, end) = hour_at(reader, next)?;
    let oclock = usize::from(reader.word(end) == "o'clock");
    let end = end + oclock;
    let named = matches!(reader.word(at), "quarter" | "half");
    // "five to ten days", "twenty after two calls": only what ends there is a time.
    if !named && !(ends(reader, end) && (minutes.is_multiple_of(5) || sign > 0)) {
        return None;
    }
    match sign {
        // British "half two" is half past two; Germans mean half past one.
        0 if ends(reader, end) => with_half(reader, hour, 30, at, end, 0.5),
        0 => None,
        1 => with_half(
            reader,
            hour,
            minutes,
            at,
            end,
            if named { 0.9 } else { 0.8 },
        ),
        _ => {
            let hour = if hour == 1 { 12 } else { hour.checked_sub(1)? };
            let told = if named || at_time(reader, at) {
                0.9
            } else {
                0.5
            };
            with_half(reader, hour, 60 - minutes, at, end, told)
        }
    }
}

fn hour_at(reader: &Reader<'_>, at: usize) -> Option<(u64, usize)> {
    let read = quantity(reader, at).filter(|q| q.fraction.is_empty())?;
    (1..=12)
        .contains(&read.whole)
        .then_some((read.whole, read.end))
}

/// "4:30 pm", "16:30", "four thirty", "4 pm", "three o'clock".
fn by_clock(reader: &Reader<'_>, at: usize) -> Option<Found> {
    if reader.is_glued(at)
        && at
            .checked_sub(1)
            .is_some_and(|b| matches!(reader.raw(b), ":" | "." | "," | "-" | "/"))
    {
        return None;
    }
    let digits = reader.digits(at);
    if (1..=2).contains(&digits.len()) {
        let colon = reader.is_mark(at + 1, ':') || reader.is_mark(at + 1, '.');
        let minutes = reader.digits(at + 2);
        let joined = reader.is_glued(at + 1) && reader.is_glued(at + 2) && minutes.len() == 2;
        if colon && joined {
            let seconds = reader.is_mark(at + 3, ':')
                && reader.is_glued(at + 4)
                && reader.digits(at + 4).len() == 2;
            let end = at + 3 + 2 * usize::from(seconds);
            let (hour, minute) = (digits.parse().ok()?, minutes.parse().ok()?);
            // "4.30" is a number unless something says otherwise.
            let told = reader.is_mark(at + 1, ':')
                || half(reader, end).is_some()
                || reader.word(end) == "uhr";
            let end_uhr = end + usize::from(reader.word(end) == "uhr");
            return told.then(|| with_half(reader, hour, minute, at, end_uhr, 0.9))?;
        }
    }
    let hour = quantity(reader, at).filter(|q| q.fraction.is_empty() && q.whole < 25)?;
    let next = hour.end;
    if reader.word(next) == "o'clock" && (1..=12).contains(&hour.whole) {
        return with_half(reader, hour.whole, 0, at, next + 1, 0.9);
    }
    if reader.word(next) == "uhr" && hour.whole < 24 {
        let minute = quantity(reader, next + 1).filter(|q| q.fraction.is_empty() && q.whole < 60);
        return match minute {
            Some(minute) => found(hour.whole, minute.whole, at, minute.end, 0.9),
            None => found(hour.whole, 0, at, next + 1, 0.9),
        };
    }
    if let Some((_, end)) = half(reader, next).filter(|(_, end)| *end > next)
        && (1..=12).contains(&hour.whole)
        && end > next
    {
        return with_half(reader, hour.whole, 0, at, next, 0.95);
    }
    spoken_minutes(reader, at, &hour).or_else(|| {
        // "at three": the hour alone, where nothing is counted.
        let likely = at_time(reader, at) && ends(reader, next) && (1..=12).contains(&hour.whole);
        likely.then(|| with_half(reader, hour.whole, 0, at, next, 0.45))?
    })
}

/// "four thirty pm", "at four oh five".
fn spoken_minutes(reader: &Reader<'_>, at: usize, hour: &Quantity) -> Option<Found> {
    let zero = reader
        .tongue
        .is_some_and(|t| is_spoken_zero(reader.word(hour.end), t));
    let minute =
        quantity(reader, hour.end + usize::from(zero)).filter(|q| q.fraction.is_empty())?;
    let fits = if zero {
        minute.whole < 10
    } else {
        (10..60).contains(&minute.whole)
    };
    let half = half(reader, minute.end).is_some();
    if !fits
        || hour.whole == 0
        || hour.whole > 23
        || !(half || at_time(reader, at) && ends(reader, minute.end))
    {
        return None;
    }
    let told = if half { 0.95 } else { 0.75 };
    with_half(reader, hour.whole, minute.whole, at, minute.end, told)
}

/// Whether the word before says that a time follows.
fn at_time(reader: &Reader<'_>, at: usize) -> bool {
    matches!(
        reader.word_before(at),
        "at" | "around" | "by" | "until" | "till" | "before" | "after" | "since"
    )
}

/// Whether what was read ends there, as far as a time is concerned: it counts no following noun.
fn ends(reader: &Reader<'_>, at: usize) -> bool {
    half(reader, at).is_some()
        || reader.digits(at).is_empty()
            && matches!(
                reader.word(at),
                "" | "and"
                    | "or"
                    | "but"
                    | "today"
                    | "tomorrow"
                    | "tonight"
                    | "yesterday"
                    | "on"
                    | "please"
                    | "then"
                    | "so"
                    | "if"
                    | "when"
                    | "because"
                    | "would"
                    | "is"
                    | "was"
                    | "sharp"
            )
            && !matches!(reader.raw(at), "%" | "$" | "£" | "€" | "/" | "@" | ":")
}

/// A unit of time: its ISO 8601 letter, whether it stands behind the `T`.
pub(super) fn unit_of_time(reader: &Reader<'_>, at: usize) -> Option<(char, bool)> {
    Some(match reader.word(at) {
        "second" | "seconds" | "sekunde" | "sekunden" | "seconde" | "secondes" | "segundos" => {
            ('S', true)
        }
        "minute" | "minutes" | "mins" | "minuten" | "minutos" | "minuto" => ('M', true),
        "hour" | "hours" | "hrs" | "stunde" | "stunden" | "heure" | "heures" | "hora" | "horas" => {
            ('H', true)
        }
        "day" | "days" | "tag" | "tage" | "tagen" | "werktage" | "werktagen" | "jour" | "jours"
        | "día" | "días" => ('D', false),
        "week" | "weeks" | "woche" | "wochen" | "semaine" | "semaines" | "semana" | "semanas" => {
            ('W', false)
        }
        "month" | "months" | "monat" | "monate" | "monaten" | "mois" | "mes" | "meses" => {
            ('M', false)
        }
        "year" | "years" | "jahr" | "jahre" | "jahren" | "an" | "ans" | "année" | "années"
        | "año" | "años"
            if reader.word(at) != "an" || reader.tongue == Some(Tongue::French) =>
        {
            ('Y', false)
        }
        _ => return None,
    })
}

/// "two weeks", "five working days", "half an hour", "two and a half hours".
pub(super) fn duration(reader: &Reader<'_>, at: usize) -> Option<Found> {
    let made = |amount: &str, unit: (char, bool), end| {
        let (letter, clock) = unit;
        let t = if clock { "T" } else { "" };
        Some(Found {
            kind: AnnotationKind::Duration,
            value: format!("P{t}{amount}{letter}"),
            start: at,
            end,
            confidence: 0.9,
        })
    };
    let hour = reader.word(at + 2) == "hour";
    if reader.word(at) == "half" && matches!(reader.word(at + 1), "an" | "a") && hour {
        return made("30", ('M', true), at + 3);
    }
    let and_a_half = |from: usize| {
        ["and", "a", "half"]
            .iter()
            .enumerate()
            .all(|(i, w)| reader.word(from + i) == *w)
    };
    if reader.word(at) == "an" && reader.word(at + 1) == "hour" && and_a_half(at + 2) {
        return made("1.5", ('H', true), at + 5);
    }
    let read = quantity(reader, at)?;
    let hyphen = usize::from(reader.is_mark(read.end, '-') && reader.is_glued(read.end + 1));
    let next = read.end + hyphen;
    let kind = matches!(reader.word(next), "working" | "business" | "calendar");
    let place = next + usize::from(kind);
    let unit = unit_of_time(reader, place)?;
    // "one second, please" and "one minute" ask for patience.
    let measured = matches!(
        reader.word_before(at),
        "for" | "in" | "within" | "after" | "every" | "per" | "only" | "about" | "last" | "next"
    );
    if read.whole == 1
        && read.fraction.is_empty()
        && !read.written
        && matches!(unit, ('S' | 'M', true))
    {
        let measured = measured && unit.0 == 'M';
        if !measured {
            return None;
        }
    }
    let mut end = place + 1;
    let mut amount = read.plain();
    if read.fraction.is_empty() && and_a_half(end) {
        amount.push_str(".5");
        end += 3;
    }
    made(&amount, unit, end)
}
