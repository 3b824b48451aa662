//! Days that lie ahead, as people say them.

use jiff::ToSpan;
use jiff::civil::Date;

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
    if text.contains("day after tomorrow") {
        return after(2);
    }
    if text.contains("tomorrow") {
        return after(1);
    }
    let now = i64::from(today.weekday().to_monday_zero_offset());
    let named = |day: &str| {
        let at = i64::try_from(DAYS.iter().position(|name| *name == day)?).ok()?;
        after((at - now - 1).rem_euclid(7) + 1)
    };
    let words = text.split(|c: char| !c.is_alphanumeric());
    words.clone().filter_map(named).next_back().or_else(|| {
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
