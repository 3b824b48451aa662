//! Days that lie ahead, and spans of time, as people say them.

use std::ops::Range;

use regex::Regex;

use jiff::ToSpan;
use jiff::civil::Date;

use super::cues::{Cue, corrects, pattern};
use super::denial::{Denial, denial};
use crate::dialogue::playbook::Slot;

pub(super) fn today() -> Date {
    jiff::Zoned::now().date()
}

/// A date without its year is the next one of its kind.
pub(super) fn next_time(value: &str, today: Date) -> Option<String> {
    let Some(rest) = value.strip_prefix("--") else {
        return Some(value.to_owned());
    };
    let in_year = |year: i16| format!("{year:04}-{rest}").parse::<Date>().ok();
    let this = in_year(today.year())?;
    let next = if this < today {
        in_year(today.year() + 1)?
    } else {
        this
    };
    Some(next.to_string())
}

/// "Monday", "tomorrow", "in two weeks": the day that is meant, ahead of today. English.
pub(super) fn coming_day(text: &str, today: Date) -> Option<Date> {
    /// Days that are not denied: "Not tomorrow, Thursday" means Thursday.
    static NAMED: Cue = Cue::new(|| {
        pattern(r"\b(?:day after tomorrow|tomorrow|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b")
    });
    const DAYS: [&str; 7] = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    let text = text.to_lowercase();
    let after = |days: i64| today.checked_add(days.days()).ok();
    let found = NAMED.as_ref()?.find_iter(&text);
    let names: Vec<_> = found.collect();
    let meant: Vec<&str> = names
        .iter()
        .filter(|name| denial(&text, &name.range()) != Denial::Strong)
        .map(|name| name.as_str())
        .collect();
    if meant.is_empty() && !names.is_empty() {
        return None;
    }
    let last = corrects(&text).then(|| meant.last().copied()).flatten();
    let is_meant = |day: &str| last.map_or(meant.contains(&day), |last| last == day);
    if is_meant("day after tomorrow") {
        return after(2);
    }
    if is_meant("tomorrow") {
        return after(1);
    }
    let now = i64::from(today.weekday().to_monday_zero_offset());
    let named = |day: &str| {
        let at = i64::try_from(DAYS.iter().position(|name| *name == day)?).ok()?;
        after((at - now - 1).rem_euclid(7) + 1)
    };
    let words = text.split(|c: char| !c.is_alphanumeric());
    meant.iter().rev().find_map(|day| named(day)).or_else(|| {
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let spans = words
            .windows(3)
            .filter(|three| three.first() == Some(&"in"));
        let mut days = spans.filter_map(|three| {
            let count = number(three.get(1)?)?;
            match three.get(2)?.trim_end_matches('s') {
                "day" => Some(count),
                "week" => Some(count * 7),
                _ => None,
            }
        });
        after(days.next()?)
    })
}

fn number(word: &str) -> Option<i64> {
    let small = [
        "a", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    ];
    let named = small
        .iter()
        .position(|name| *name == word)
        .map(|at| at.max(1) as i64);
    word.parse().ok().filter(|count| *count < 1000).or(named)
}

/// Units that a number may count, with how they turn into one another: days, or months.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Day,
    Week,
    Month,
    Year,
}

impl Unit {
    fn named(word: &str) -> Option<Self> {
        Some(match word.trim_end_matches("ly").trim_end_matches('s') {
            "day" | "dai" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "year" => Self::Year,
            _ => return None,
        })
    }

    /// So many of these are how many of the others?
    fn times(self, amount: f64, other: Self) -> Option<f64> {
        Some(match (self, other) {
            (same, wanted) if same == wanted => amount,
            (Self::Week, Self::Day) => amount * 7.0,
            (Self::Day, Self::Week) => amount / 7.0,
            (Self::Year, Self::Month) => amount * 12.0,
            (Self::Month, Self::Year) => amount / 12.0,
            _ => return None,
        })
    }
}

/// The unit that a slot counts, by its own words.
fn unit_of(slot: &Slot) -> Option<Unit> {
    let texts = [&slot.name, &slot.description, &slot.ask];
    let words = texts
        .into_iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphabetic()));
    words
        .map(str::to_lowercase)
        .find_map(|word| Unit::named(&word))
}

/// A span as it is annotated ("P2W") as a number in the unit of a slot; its own number where the slot counts something
/// else. Nothing where the units do not go together.
pub(super) fn in_unit_of(slot: &Slot, span: &str) -> Option<String> {
    let amount: String = span
        .chars()
        .filter(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    let unit = match (span.contains('T'), span.chars().last()) {
        (false, Some('D')) => Unit::Day,
        (false, Some('W')) => Unit::Week,
        (false, Some('M')) => Unit::Month,
        (false, Some('Y')) => Unit::Year,
        _ => return Some(amount),
    };
    let Some(wanted) = unit_of(slot) else {
        return Some(amount);
    };
    let number = unit.times(amount.parse().ok()?, wanted)?;
    Some(number.to_string())
}

/// "a fortnight", "a couple of weeks", "a year": spans without a number.
pub(super) fn spoken_span(text: &str, slot: &Slot) -> Option<(String, Range<usize>)> {
    let pattern = Regex::new(
        r"(?i)\b(fortnight|(?:an? |one |another )(couple of )?(day|week|month|year)s?)\b",
    )
    .ok()?;
    let found = pattern.captures(text)?;
    let span = found.get(1)?.range();
    let (unit, amount) = match (found.get(3), found.get(2)) {
        (Some(unit), couple) => {
            let unit = Unit::named(&unit.as_str().to_lowercase())?;
            (unit, if couple.is_some() { 2.0 } else { 1.0 })
        }
        (None, _) => (Unit::Week, 2.0),
    };
    let number = unit.times(amount, unit_of(slot)?)?;
    Some((number.to_string(), span))
}
