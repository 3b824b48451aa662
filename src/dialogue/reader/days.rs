//! Days that lie ahead, and spans of time, as people say them.

use std::ops::Range;

use regex::Regex;

use jiff::ToSpan;
use jiff::civil::Date;

use super::cues::{Cue, corrects, finds, pattern};
use super::denial::{Denial, denial};
use crate::conversation::number_words::{Tongue, ordinal_at};
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
    static A_WEEK_LATER: Cue = Cue::new(|| {
        pattern(r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day week\b|\ba week (?:on|from|after)\b")
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
        // "Friday week", "a week on Friday", and "a week tomorrow".
        let later = i64::from(finds(&A_WEEK_LATER, &text)) * 7;
        after((at - now - 1).rem_euclid(7) + 1 + later)
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

/// "The 14th of next month", "on the fourteenth": that day of the month that is named, else the next one of its number.
/// English.
pub(super) fn day_of_month(text: &str, today: Date) -> Option<Date> {
    static FIGURES: Cue = Cue::new(|| pattern(r"\b(\d{1,2})(?:st|nd|rd|th)\b"));
    static NEXT_MONTH: Cue = Cue::new(|| {
        pattern(r"\b(?:(?:next|coming|following) month|month after this|month ahead)\b")
    });
    static THIS_MONTH: Cue = Cue::new(|| pattern(r"\bthis month\b"));
    let lower = text.to_lowercase();
    let figures = FIGURES.as_ref()?.captures_iter(&lower);
    let figures = figures.filter_map(|found| {
        let span = found.get(0)?.range();
        let day: u64 = found.get(1)?.as_str().parse().ok()?;
        Some((span, day))
    });
    let mut named: Vec<(Range<usize>, u64)> = figures.collect();
    // "First, …" begins a story; "the first" and "first of" are days.
    let spans: Vec<Range<usize>> = words_of(&lower);
    let word = |at: usize| {
        let span = spans.get(at)?;
        lower.get(span.clone())
    };
    for at in 0..spans.len() {
        let pair: Vec<&str> = [word(at), word(at + 1)].into_iter().flatten().collect();
        let Some((day, taken)) = ordinal_at(&pair, Tongue::English) else {
            continue;
        };
        let before = at.checked_sub(1).and_then(word);
        let of = matches!(word(at + taken), Some("of"));
        let last = spans.get(at + taken - 1).map_or(0, |span| span.end);
        if before == Some("the") || of || day > 9 {
            let start = spans.get(at).map_or(0, |span| span.start);
            // "twenty first" is not the first once more.
            if named
                .iter()
                .all(|(span, _)| span.end <= start || last <= span.start)
            {
                named.push((start..last, day));
            }
        }
    }
    named.sort_by_key(|(span, _)| span.start);
    named.retain(|(span, day)| (1..=31).contains(day) && denial(&lower, span) != Denial::Strong);
    let day = i8::try_from(named.last()?.1).ok()?;
    let in_month = |month: Date| Date::new(month.year(), month.month(), day).ok();
    let first = today.first_of_month();
    let next = first.checked_add(1.month()).ok()?;
    if finds(&NEXT_MONTH, &lower) {
        return in_month(next);
    }
    let this = in_month(first).filter(|date| *date >= today);
    match finds(&THIS_MONTH, &lower) {
        true => this,
        false => this.or_else(|| in_month(next)),
    }
}

/// Where the words of a text stand.
fn words_of(text: &str) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    for (at, letter) in text
        .char_indices()
        .filter(|(_, letter)| letter.is_alphanumeric())
    {
        let end = at + letter.len_utf8();
        match spans.last_mut().filter(|last| last.end == at) {
            Some(last) => last.end = end,
            None => spans.push(at..end),
        }
    }
    spans
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

#[cfg(test)]
mod tests {
    use super::*;

    fn on(day: &str) -> Date {
        day.parse().unwrap()
    }

    #[test]
    fn a_day_that_is_denied_is_not_meant() {
        // A Monday.
        let today = on("2026-11-30");
        for (said, day) in [
            ("Not tomorrow, Thursday", "2026-12-03"),
            ("Tuesday, not Monday", "2026-12-01"),
            ("tomorrow", "2026-12-01"),
            ("the day after tomorrow", "2026-12-02"),
            ("Friday week", "2026-12-11"),
            ("a week on Friday", "2026-12-11"),
            ("in two weeks", "2026-12-14"),
        ] {
            assert_eq!(coming_day(said, today), Some(on(day)), "{said}");
        }
        assert_eq!(coming_day("I can't do Monday", today), None);
    }

    #[test]
    fn a_day_of_a_month_is_the_next_one_or_that_of_the_month_named() {
        let today = on("2026-11-30");
        for (said, day) in [
            ("the 14th of next month", "2026-12-14"),
            ("On the 14th, next month.", "2026-12-14"),
            ("Fourteenth of the coming month.", "2026-12-14"),
            ("on the twenty-first", "2026-12-21"),
            ("the 30th", "2026-11-30"),
            ("not the 14th, the 15th", "2026-12-15"),
            ("the first of next month", "2026-12-01"),
        ] {
            assert_eq!(day_of_month(said, today), Some(on(day)), "{said}");
        }
        for nothing in ["First, I have to ask", "the 14th of this month"] {
            assert_eq!(day_of_month(nothing, on("2026-11-20")), None, "{nothing}");
        }
    }
}
