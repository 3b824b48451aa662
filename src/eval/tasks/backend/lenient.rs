//! Account numbers, dates, addresses and amounts, as people say and write them.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use crate::conversation::number_words::{Tongue, cardinal, is_spoken_zero, ordinal_at, repeats};

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Words and numbers, in lower case.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut last = ' ';
    for letter in text.to_lowercase().chars() {
        let kind = |c: char| (c.is_ascii_digit(), c.is_alphabetic());
        if letter.is_alphanumeric() {
            match tokens.last_mut() {
                Some(token) if last.is_alphanumeric() && kind(last) == kind(letter) => {
                    token.push(letter)
                }
                _ => tokens.push(letter.to_string()),
            }
        }
        last = letter;
    }
    tokens
}

/// Letters and digits of a code in capitals, with spoken digits as digits.
pub(super) fn code(text: &str) -> String {
    let tokens = tokens(text);
    let words: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let mut code = String::new();
    let (mut at, mut times) = (0, 1);
    while let Some(word) = words.get(at) {
        if let Some(repeated) = repeats(word) {
            (at, times) = (at + 1, repeated);
            continue;
        }
        let rest = words.get(at..).unwrap_or_default();
        let (piece, used) = match cardinal(rest, Tongue::English) {
            Some((value, used)) if value < 100 => (value.to_string(), used),
            _ if is_spoken_zero(word, Tongue::English) || *word == "o" => ("0".to_owned(), 1),
            _ if *word == "ell" || *word == "el" => ("L".to_owned(), 1),
            _ if *word == "eff" || *word == "ef" => ("F".to_owned(), 1),
            _ => (word.to_uppercase(), 1),
        };
        code.push_str(&piece.repeat(times));
        (at, times) = (at + used, 1);
    }
    code
}

/// `LF402117` out of "my number is L F four oh two, double one seven".
pub(in crate::eval::tasks) fn account_number(text: &str) -> Option<String> {
    let code = code(text);
    let digits = |text: &str| -> Option<String> {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        (digits.len() == 6).then_some(digits)
    };
    let behind = code
        .match_indices("LF")
        .find_map(|(at, _)| digits(code.get(at + 2..)?));
    behind
        .or_else(|| digits(&code).filter(|found| found.len() == code.len()))
        .map(|found| format!("LF{found}"))
}

/// A day: `2026-12-03`, `3/12/1984` (day first), `3rd of December 84`, `tomorrow`, `Friday`. Without a year it is the
/// next one from `today` on.
pub(super) fn day(text: &str, today: Date) -> Option<Date> {
    let tokens = tokens(text);
    let month = tokens.iter().position(|token| month_of(token).is_some());
    let found = match month {
        Some(at) => worded(&tokens, at, today),
        None => numeric(&tokens, today),
    };
    found.or_else(|| relative(&tokens, today))
}

fn month_of(token: &str) -> Option<i8> {
    let known = token.len() >= 3 && token.chars().all(char::is_alphabetic);
    let full = [
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
    let at = MONTHS.iter().zip(full).position(|(short, full)| {
        token == *short || full == token || (token == "sept" && *short == "sep")
    });
    at.filter(|_| known)
        .and_then(|at| i8::try_from(at + 1).ok())
}

fn worded(tokens: &[String], month_at: usize, today: Date) -> Option<Date> {
    let month = month_of(tokens.get(month_at)?)?;
    let words: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let mut numbers = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let rest = words.get(at..).unwrap_or_default();
        if let Ok(number) = word.parse::<i64>() {
            numbers.push(number);
        } else if let Some((value, used)) = ordinal_at(rest, Tongue::English) {
            numbers.push(i64::try_from(value).ok()?);
            at += used - 1;
        } else if is_spoken_zero(word, Tongue::English) {
            numbers.push(0);
        } else if let Some((value, used)) = cardinal(rest, Tongue::English) {
            numbers.push(i64::try_from(value).ok()?);
            at += used - 1;
        }
        at += 1;
    }
    let (day, year) = match numbers.as_slice() {
        // 1984, March the 3rd.
        [year @ (1900..), day] => (*day, Some(*year)),
        [day] => (*day, None),
        [day, year] if *year >= 100 => (*day, Some(*year)),
        [day, year] => (*day, Some(short_year(*year, today))),
        [day, 20, 0, unit] => (*day, Some(2000 + unit)),
        [day, 19, 0, unit] => (*day, Some(1900 + unit)),
        [day, century @ 19..=20, rest] => (*day, Some(century * 100 + rest)),
        _ => return None,
    };
    dated(day, month, year, today)
}

fn numeric(tokens: &[String], today: Date) -> Option<Date> {
    let numbers: Vec<i64> = tokens
        .iter()
        .map_while(|token| token.parse().ok())
        .collect();
    let small = |number: i64| i8::try_from(number).ok();
    match numbers.as_slice() {
        [year @ (1900..), month, day] => dated(*day, small(*month)?, Some(*year), today),
        [day, month, year @ (1900..)] => dated(*day, small(*month)?, Some(*year), today),
        [day, month, year] if *year < 100 => {
            dated(*day, small(*month)?, Some(short_year(*year, today)), today)
        }
        [day, month] => dated(*day, small(*month)?, None, today),
        _ => None,
    }
}

fn short_year(year: i64, today: Date) -> i64 {
    let this = i64::from(today.year()) % 100;
    if year <= this + 1 {
        2000 + year
    } else {
        1900 + year
    }
}

fn dated(day: i64, month: i8, year: Option<i64>, today: Date) -> Option<Date> {
    let day = i8::try_from(day).ok()?;
    match year {
        Some(year) => Date::new(i16::try_from(year).ok()?, month, day).ok(),
        None => {
            let this = Date::new(today.year(), month, day).ok()?;
            if this >= today {
                Some(this)
            } else {
                Date::new(today.year() + 1, month, day).ok()
            }
        }
    }
}

fn relative(tokens: &[String], today: Date) -> Option<Date> {
    let has = |word: &str| tokens.iter().any(|token| token == word);
    if has("tomorrow") {
        let days = if has("after") { 2 } else { 1 };
        return today.checked_add(days.days()).ok();
    }
    if has("today") {
        return Some(today);
    }
    let days = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let (_, weekday) = days.iter().find(|(name, _)| has(name))?;
    today.nth_weekday(1, *weekday).ok()
}

/// Whether what was said gives the first line of the address, or the postcode.
pub(super) fn is_address(said: &str, first_line: &str, postcode: &str) -> bool {
    let squash = |text: &str| -> String { code(text) };
    let (said_code, post) = (squash(said), squash(postcode));
    if !post.is_empty() && said_code.contains(&post) {
        return true;
    }
    // Number of the house and the street's own name; people leave "Road" out and put "flat" in.
    let kinds = [
        "road", "street", "lane", "close", "way", "avenue", "drive", "court", "hill", "view",
    ];
    let said_tokens = tokens(said);
    let mut parts = tokens(first_line).into_iter();
    let number = parts.next().unwrap_or_default();
    let street: Vec<String> = parts
        .filter(|part| !kinds.contains(&part.as_str()))
        .collect();
    let names = |part: &String| {
        said_tokens
            .iter()
            .any(|token| token == part || token.trim_end_matches('s') == part.trim_end_matches('s'))
    };
    said_code.contains(&number) && !street.is_empty() && street.iter().all(names)
}

/// Pounds: `£42.60`, `42 pounds 60`, `forty two pounds`.
pub(super) fn amount(text: &str) -> Option<f64> {
    let plain: String = text
        .chars()
        .filter(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    let plain = plain.trim_matches('.');
    if let Ok(number) = plain.parse::<f64>()
        && text
            .split_whitespace()
            .filter(|word| word.chars().any(|c| c.is_ascii_digit()))
            .count()
            == 1
    {
        return Some(number);
    }
    let tokens = tokens(text);
    let words: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let mut numbers = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let rest = words.get(at..).unwrap_or_default();
        if let Ok(number) = word.parse::<u32>() {
            numbers.push(number);
        } else if let Some((value, used)) = cardinal(rest, Tongue::English) {
            numbers.push(u32::try_from(value).ok()?);
            at += used - 1;
        }
        at += 1;
    }
    match numbers.as_slice() {
        [pounds] => Some(f64::from(*pounds)),
        [pounds, pence] if *pence < 100 => Some(f64::from(*pounds) + f64::from(*pence) / 100.0),
        _ => None,
    }
}

/// `3`, `three`, `3 months`.
pub(super) fn whole_number(text: &str) -> Option<u64> {
    let tokens = tokens(text);
    let words: Vec<&str> = tokens.iter().map(String::as_str).collect();
    (0..words.len()).find_map(|at| {
        let rest = words.get(at..)?;
        rest.first()?
            .parse()
            .ok()
            .or_else(|| cardinal(rest, Tongue::English).map(|(value, _)| value))
    })
}

/// `days` days on which people work, after `from`.
pub(super) fn working_days_after(from: Date, days: u32) -> Date {
    let (mut date, mut left) = (from, days);
    while left > 0 {
        let Ok(next) = date.tomorrow() else {
            return date;
        };
        date = next;
        if !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
            left -= 1;
        }
    }
    date
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn account_numbers_as_people_say_them() {
        for said in [
            "LF402117",
            "lf 402 117",
            "my account number is LF-402117, thanks",
            "L F four oh two one one seven",
            "el eff four zero two double one seven",
            "402117",
            "forty twenty-one seventeen, I think L F forty twenty one seventeen",
        ] {
            assert_eq!(account_number(said).as_deref(), Some("LF402117"), "{said}");
        }
        assert_eq!(account_number("LF40211"), None);
        assert_eq!(account_number("I paid 42 pounds"), None);
    }

    #[test]
    fn days_as_people_say_them() {
        let today = date(2026, 11, 25);
        for said in [
            "1984-03-12",
            "12/03/1984",
            "12.3.84",
            "12 March 1984",
            "March 12th, 1984",
            "the twelfth of March nineteen eighty four",
            "12th of mar 84",
        ] {
            assert_eq!(day(said, today), Some(date(1984, 3, 12)), "{said}");
        }
        assert_eq!(
            day("the third of May two thousand and one", today),
            Some(date(2001, 5, 3))
        );
        assert_eq!(
            day("14 April twenty oh one", today),
            Some(date(2001, 4, 14))
        );
        assert_eq!(day("the 12th of December", today), Some(date(2026, 12, 12)));
        assert_eq!(day("3 March", today), Some(date(2027, 3, 3)));
        assert_eq!(day("tomorrow", today), Some(date(2026, 11, 26)));
        assert_eq!(day("on Friday, please", today), Some(date(2026, 11, 27)));
        assert_eq!(day("31 February 1990", today), None);
        assert_eq!(day("soon", today), None);
    }

    #[test]
    fn addresses_and_amounts_as_people_say_them() {
        for said in [
            "14 Elm Road",
            "number fourteen, elm road",
            "14, Elm",
            "BS4 2QT",
            "it's bs42qt",
        ] {
            assert!(is_address(said, "14 Elm Road", "BS4 2QT"), "{said}");
        }
        for said in ["41 Elm Road", "14 Oak Road", "Elm Road", "BS4 2QX", ""] {
            assert!(!is_address(said, "14 Elm Road", "BS4 2QT"), "{said}");
        }
        assert!(is_address("5b queens court", "5B Queens Court", "NG7 2LL"));
        assert_eq!(amount("£42.60"), Some(42.6));
        assert_eq!(amount("forty two pounds sixty"), Some(42.6));
        assert_eq!(amount("42"), Some(42.0));
        assert_eq!(amount("some money"), None);
        assert_eq!(whole_number("three months, please"), Some(3));
        assert_eq!(working_days_after(date(2026, 11, 26), 3), date(2026, 12, 1));
    }
}
