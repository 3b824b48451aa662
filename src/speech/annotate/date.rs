//! Dates, with and without their year, in words, digits or both.

use super::code::spoken_digits;
use super::lexicon::Cue;
use super::reader::{Found, Reader};
use crate::conversation::AnnotationKind;
use crate::conversation::number_words::{Tongue, is_article, is_spoken_zero};

const ENGLISH: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const SHORT: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const GERMAN: [&str; 12] = [
    "januar",
    "februar",
    "märz",
    "april",
    "mai",
    "juni",
    "juli",
    "august",
    "september",
    "oktober",
    "november",
    "dezember",
];
const FRENCH: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const SPANISH: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];

/// The month at a position, 1 to 12.
pub(super) fn month(reader: &Reader<'_>, at: usize) -> Option<u8> {
    let word = reader.word(at);
    let place = |list: &[&str; 12]| list.iter().position(|m| *m == word);
    let found = match reader.tongue? {
        Tongue::English if word == "sept" => Some(8),
        Tongue::English => place(&ENGLISH).or_else(|| place(&SHORT)),
        Tongue::German if word == "jänner" => Some(0),
        Tongue::German => place(&GERMAN),
        Tongue::French => place(&FRENCH),
        Tongue::Spanish => place(&SPANISH),
    };
    u8::try_from(found? + 1).ok()
}

/// "may" and "march" are verbs too.
fn is_doubtful(reader: &Reader<'_>, at: usize) -> bool {
    reader.tongue == Some(Tongue::English) && matches!(reader.word(at), "may" | "march")
}

/// A year: in full, or its last two digits.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Year {
    value: i16,
    full: bool,
    end: usize,
}

/// The date at a position.
pub(super) fn date(reader: &Reader<'_>, at: usize) -> Option<Found> {
    in_digits(reader, at)
        .or_else(|| day_first(reader, at))
        .or_else(|| month_first(reader, at))
        .or_else(|| birth_digits(reader, at))
        .or_else(|| day_alone(reader, at))
        .or_else(|| year_alone(reader, at))
}

fn found(value: String, start: usize, end: usize, confidence: f32) -> Found {
    Found {
        kind: AnnotationKind::Date,
        value,
        start,
        end,
        confidence,
    }
}

/// ISO 8601 of the parts that were said, where there is such a day.
fn iso(year: Option<i16>, month: u8, day: u8) -> Option<String> {
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    // A leap year stands for the year that was not said.
    let date = jiff::civil::Date::new(year.unwrap_or(2000), month, day).ok()?;
    Some(match year {
        Some(_) => date.to_string(),
        None => format!("--{month:02}-{day:02}"),
    })
}

/// "3 March 1980", "the third of March", "twenty-first of May nineteen eighty four", "12-Mar-1984".
fn day_first(reader: &Reader<'_>, at: usize) -> Option<Found> {
    let ordinal = reader.ordinal(at);
    let (day, next) = ordinal.or_else(|| plain_day(reader, at))?;
    let day = u8::try_from(day).ok().filter(|d| (1..=31).contains(d))?;
    let of = matches!(reader.word(next), "of" | "de" | "day");
    let of =
        usize::from(of) + usize::from(reader.word(next) == "day" && reader.word(next + 1) == "of");
    let joint = ['-', '/', '.']
        .into_iter()
        .find(|mark| reader.is_mark(next, *mark) && reader.is_glued(next));
    let joint = joint.filter(|_| of == 0 && reader.is_glued(next + 1));
    let place = next + of + usize::from(joint.is_some());
    let month_number = month(reader, place)?;
    let joined = joint.filter(|mark| {
        reader.is_mark(place + 1, *mark) && reader.is_glued(place + 1) && reader.is_glued(place + 2)
    });
    let year = match joined {
        Some(_) => year_at(reader, place + 2),
        None => year_after(reader, place + 1, at),
    };
    // "a second may pass", "the second march"
    let written = !reader.digits(at).is_empty();
    let certain = of > 0 || written || year.is_some_and(|y| y.full);
    if is_doubtful(reader, place) && !certain && reader.word_before(at) != "the" {
        return None;
    }
    finish(at, day, month_number, place + 1, year)
}

fn plain_day(reader: &Reader<'_>, at: usize) -> Option<(u64, usize)> {
    let digits = reader.digits(at);
    if (1..=2).contains(&digits.len()) {
        return Some((digits.parse().ok()?, at + 1));
    }
    reader.cardinal(at).filter(|_| !is_article(reader.word(at)))
}

/// "March 3rd, 1980", "March the third", "March nineteen eighty".
fn month_first(reader: &Reader<'_>, at: usize) -> Option<Found> {
    if reader.tongue != Some(Tongue::English) {
        return month_and_year(reader, at);
    }
    let month_number = month(reader, at)?;
    // "Mar." and "Sept."
    let dot = reader.is_mark(at + 1, '.') && reader.is_glued(at + 1) && reader.raw(at).len() <= 4;
    let after = at + 1 + usize::from(dot);
    let the = usize::from(reader.word(after) == "the");
    let ordinal = reader.ordinal(after + the);
    let day = ordinal.or_else(|| plain_day(reader, after));
    let day = day.and_then(|(day, next)| {
        let day = u8::try_from(day).ok().filter(|d| (1..=31).contains(d))?;
        Some((day, next))
    });
    let Some((day, next)) = day else {
        return month_and_year(reader, at);
    };
    let year = year_after(reader, next, at);
    if ordinal.is_none() && !year.is_some_and(|y| y.full) {
        // "March nineteen eighty four" is the month of a year.
        if let Some(whole) = month_and_year(reader, at) {
            return Some(whole);
        }
        // "march 2 miles", "you may 5": only what recognisers write in capitals, at its end.
        let ends = reader.word(next).is_empty();
        if is_doubtful(reader, at) && !(ends && reader.raw(at).starts_with('M')) {
            return None;
        }
        // "November 5 pounds" is no day; nor is "4" in "April 4 30 pm", but nobody says that.
        if super::amount::major(reader, next).is_some()
            || super::time::unit_of_time(reader, next).is_some()
        {
            return None;
        }
    }
    finish(at, day, month_number, next, year)
}

fn month_and_year(reader: &Reader<'_>, at: usize) -> Option<Found> {
    let number = month(reader, at)?;
    let de = usize::from(matches!(reader.word(at + 1), "de" | "of" | "del"));
    let comma = usize::from(reader.is_mark(at + 1, ','));
    let year = year_at(reader, at + 1 + de + comma).filter(|year| year.full)?;
    let value = format!("{:04}-{number:02}", year.value);
    Some(found(value, at, year.end, 0.85))
}

fn finish(at: usize, day: u8, month: u8, end: usize, year: Option<Year>) -> Option<Found> {
    match year {
        Some(year) => {
            let confidence = if year.full { 0.97 } else { 0.7 };
            let value = iso(Some(year.value), month, day);
            value.map(|value| found(value, at, year.end, confidence))
        }
        None => None,
    }
    .or_else(|| Some(found(iso(None, month, day)?, at, end, 0.9)))
}

/// The year behind day and month: a comma or "de" may stand before it.
fn year_after(reader: &Reader<'_>, at: usize, start: usize) -> Option<Year> {
    let comma = usize::from(reader.is_mark(at, ','));
    let de = usize::from(matches!(reader.word(at + comma), "de" | "del" | "in"));
    let place = at + comma + de;
    let year = year_at(reader, place)?;
    // Two digits are only a year where they are marked as one ("7 May '83"), or where one is expected: "born on the third of
    // March eighty", and behind a comma too where it is no number of a house ("16 June, 82 Elm Road").
    let marked = reader.digits(place).is_empty() && !reader.digits(place + 1).is_empty();
    let ends = reader.word(year.end).is_empty() && reader.digits(year.end).is_empty();
    let expected = reader.cue(start) == Some(Cue::Birth)
        && (comma + de == 0 || comma == 1 && ends && year.value < 2000);
    (year.full || (marked || expected) && year.end > at).then_some(year)
}

fn year_at(reader: &Reader<'_>, at: usize) -> Option<Year> {
    let full = |value: u64, end| {
        let value = i16::try_from(value)
            .ok()
            .filter(|y| (1000..3000).contains(y))?;
        Some(Year {
            value,
            full: true,
            end,
        })
    };
    let short = |value: u64, end| {
        let value = i16::try_from(value)
            .ok()
            .filter(|y| (10..100).contains(y))?;
        // Of the two centuries that are alive, the one that is past.
        Some(Year {
            value: if value > 30 {
                1900 + value
            } else {
                2000 + value
            },
            full: false,
            end,
        })
    };
    let digits = reader.digits(at);
    if !digits.is_empty() {
        let value = digits.parse().ok()?;
        // "1,200" and "2.5" are none.
        let goes_on = reader.is_glued(at + 1)
            && reader.is_glued(at + 2)
            && matches!(reader.raw(at + 1), "," | "." | "/" | ":" | "-")
            && !reader.digits(at + 2).is_empty();
        return match digits.len() {
            _ if goes_on => None,
            4 => full(value, at + 1),
            2 => short(value, at + 1),
            _ => None,
        };
    }
    if reader.is_mark(at, '\'') || reader.is_mark(at, '\u{2019}') {
        let digits = reader.digits(at + 1);
        return (digits.len() == 2).then(|| short(digits.parse().ok()?, at + 2))?;
    }
    let (century, next) = reader.cardinal(at)?;
    if century >= 1000 {
        return full(century, next);
    }
    if (11..=20).contains(&century) && reader.tongue == Some(Tongue::English) {
        if is_spoken_zero(reader.word(next), Tongue::English)
            && let Some((one, end)) = reader.cardinal(next + 1).filter(|(v, _)| *v < 10)
        {
            return full(century * 100 + one, end);
        }
        if let Some((rest, end)) = reader.cardinal(next).filter(|(v, _)| (10..100).contains(v)) {
            return full(century * 100 + rest, end);
        }
    }
    short(century, next)
}

/// `2026-03-14`, `14/03/2026`, `3.11.2025`.
fn in_digits(reader: &Reader<'_>, at: usize) -> Option<Found> {
    let mark = reader.raw(at + 1);
    if !matches!(mark, "-" | "/" | ".") || mark != reader.raw(at + 3) {
        return None;
    }
    let end = at + 5;
    let unglued = (at + 1..end).any(|position| !reader.is_glued(position));
    let goes_on = reader.is_glued(end)
        && (reader.raw(end) == mark
            && reader.is_glued(end + 1)
            && !reader.digits(end + 1).is_empty()
            || !reader.word(end).is_empty() && reader.word(end) != "t");
    let before = at.checked_sub(1).is_some_and(|b| {
        reader.is_glued(at) && (reader.raw(b) == mark || !reader.word(b).is_empty())
    });
    if unglued || goes_on || before {
        return None;
    }
    let parts = [at, at + 2, at + 4].map(|position| reader.digits(position));
    let lengths = parts.map(str::len);
    let [first, second, third] = parts.map(|part| part.parse::<i16>().unwrap_or(0));
    let small = |value: i16| u8::try_from(value).ok();
    if lengths[0] == 4 && (1..=2).contains(&lengths[1]) && (1..=2).contains(&lengths[2]) {
        let value = iso(Some(first), small(second)?, small(third)?)?;
        return Some(found(value, at, end, 0.98));
    }
    if lengths[0] > 2
        || lengths[1] > 2
        || !matches!(lengths[2], 2 | 4)
        || lengths[0] * lengths[1] == 0
    {
        return None;
    }
    let year = if lengths[2] == 4 {
        third
    } else if third > 30 {
        1900 + third
    } else {
        2000 + third
    };
    let (value, sure) = day_and_month(reader, small(first)?, small(second)?, year, mark != ".")?;
    let full = if lengths[2] == 4 { 1.0 } else { 0.8 };
    Some(found(value, at, end, if sure { 0.95 } else { 0.6 } * full))
}

/// Which of two is the day: Americans say the month first, others the day, and 13 is no month.
fn day_and_month(
    reader: &Reader<'_>,
    first: u8,
    second: u8,
    year: i16,
    may_swap: bool,
) -> Option<(String, bool)> {
    let american = may_swap && reader.region == "US";
    let (day, month) = if american {
        (second, first)
    } else {
        (first, second)
    };
    let told = iso(Some(year), month, day);
    let swapped = || iso(Some(year), day, month).filter(|_| may_swap);
    let sure = !may_swap || first == second || first > 12 || second > 12;
    told.or_else(swapped).map(|value| (value, sure))
}

/// A date of birth in numbers alone: "three three eighty", "0 3 0 3 1 9 8 0".
fn birth_digits(reader: &Reader<'_>, at: usize) -> Option<Found> {
    let starts = !reader.digits(at).is_empty()
        || reader.cardinal(at).is_some()
        || reader
            .tongue
            .is_some_and(|t| is_spoken_zero(reader.word(at), t));
    if !starts || reader.cue(at) != Some(Cue::Birth) {
        return None;
    }
    let (pieces, end) = spoken_digits(reader, at);
    let joined = pieces.concat();
    let by_length = || {
        let (day, rest) = joined.split_at_checked(2)?;
        let (month, year) = rest.split_at_checked(2)?;
        (year.len() == 4).then(|| [day, month, year].map(|part| part.parse::<i16>().ok()))
    };
    let by_piece = || {
        // "three three nineteen eighty", "three three eighty": the year is what the last pieces are.
        let (day, rest) = pieces.split_first()?;
        let (month, year) = rest.split_first()?;
        let year = year.concat();
        let fits = matches!(year.len(), 2 | 4) && day.len() <= 2 && month.len() <= 2;
        fits.then(|| [day, month, &year].map(|part| part.parse::<i16>().ok()))
    };
    for parts in [by_piece(), by_length()].into_iter().flatten() {
        let [Some(first), Some(second), Some(year)] = parts else {
            continue;
        };
        let full = year >= 1000;
        let year = match year {
            1000.. => year,
            31.. => 1900 + year,
            _ => 2000 + year,
        };
        let (Ok(first), Ok(second)) = (u8::try_from(first), u8::try_from(second)) else {
            continue;
        };
        if let Some((value, sure)) = day_and_month(reader, first, second, year, true) {
            let confidence = if sure && full { 0.85 } else { 0.6 };
            return Some(found(value, at, end, confidence));
        }
    }
    None
}

/// "on the third", "Friday the third": a day of a month that was not said.
fn day_alone(reader: &Reader<'_>, at: usize) -> Option<Found> {
    let before = at.checked_sub(2)?;
    let introduced = reader.word(at - 1) == "the"
        && matches!(
            reader.word(before),
            "on" | "by"
                | "until"
                | "before"
                | "since"
                | "from"
                | "till"
                | "monday"
                | "tuesday"
                | "wednesday"
                | "thursday"
                | "friday"
                | "saturday"
                | "sunday"
        );
    if !introduced {
        return None;
    }
    let (day, end) = reader.ordinal(at)?;
    let closed = reader.word(end).is_empty() && reader.digits(end).is_empty();
    ((1..=31).contains(&day) && closed).then(|| found(format!("---{day:02}"), at, end, 0.6))
}

/// "in nineteen eighty four", "since 2019".
fn year_alone(reader: &Reader<'_>, at: usize) -> Option<Found> {
    let year = year_at(reader, at).filter(|year| year.full)?;
    let introduced = matches!(
        reader.word_before(at),
        "in" | "since" | "year" | "born" | "seit" | "jahr" | "en" | "depuis" | "desde"
    ) && (1800..2100).contains(&year.value);
    let spoken = reader.digits(at).is_empty();
    // "two thousand people", "1984 pounds"
    let counts = !reader.word(year.end).is_empty()
        && (reader.cardinal(at).is_some_and(|(value, _)| value >= 1000) || !spoken);
    let digits_follow = !reader.digits(year.end).is_empty()
        || reader.cardinal(year.end).is_some()
        || reader
            .cardinal(at)
            .is_some_and(|(_, end)| end == year.end && !introduced);
    if digits_follow || (!introduced && (counts || !spoken)) {
        return None;
    }
    let likely = (1900..2060).contains(&year.value);
    if !introduced && (!likely || reader.cue(at).is_some_and(|cue| cue != Cue::Birth)) {
        return None;
    }
    let confidence = if introduced { 0.85 } else { 0.5 };
    Some(found(
        format!("{:04}", year.value),
        at,
        year.end,
        confidence,
    ))
}
