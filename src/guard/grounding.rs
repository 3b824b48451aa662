//! Numbers come from somewhere: an amount, a term or a date in an answer must stand in its sources.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\d+(?:[.,]\d+)*").ok());

/// Number words are only checked where they count something that matters.
const WORDS: [&str; 15] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen",
];
const UNITS: [&str; 12] = [
    "day", "hour", "week", "month", "year", "minute", "working", "business", "dollar", "pound", "euro", "percent",
];

/// The numbers in `text` that none of `sources` has, in order.
///
/// Digits and number words before a unit ("five working days") are the same number; so are `1,000`
/// and `1000`, `5` and `5.00`.
pub fn ungrounded_numbers<'a>(text: &str, sources: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut known = HashSet::new();
    for source in sources {
        known.extend(digits(source).map(|n| normal(&n)));
        known.extend(words(source).map(|(_, number)| number.to_string()));
    }
    let spelled = counted(text).map(|(word, number)| (word, number.to_string()));
    let written = digits(text).map(|number| (number.clone(), normal(&number)));
    spelled
        .chain(written)
        .filter(|(_, number)| !known.contains(number))
        .map(|(as_written, _)| as_written)
        .collect()
}

fn digits(text: &str) -> impl Iterator<Item = String> + '_ {
    NUMBER.iter().flat_map(move |pattern| pattern.find_iter(text).map(|m| m.as_str().to_owned()))
}

fn normal(number: &str) -> String {
    let plain = number.replace(',', "");
    match plain.split_once('.') {
        Some((whole, fraction)) if fraction.chars().all(|c| c == '0') => whole.to_owned(),
        _ => plain,
    }
}

fn tokens(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect()
}

fn words(text: &str) -> impl Iterator<Item = (String, usize)> {
    tokens(text).into_iter().filter_map(|word| WORDS.iter().position(|w| *w == word).map(|n| (word, n)))
}

/// Number words that count something: "five working days", not "one moment".
fn counted(text: &str) -> impl Iterator<Item = (String, usize)> {
    let tokens = tokens(text);
    let pairs: Vec<(String, usize)> = tokens
        .windows(2)
        .filter_map(|pair| {
            let [word, unit] = pair else { return None };
            let number = WORDS.iter().position(|w| w == word)?;
            UNITS.iter().any(|u| unit.starts_with(u)).then(|| (word.clone(), number))
        })
        .collect();
    pairs.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_needs_a_source_in_whatever_form() {
        let article = "Refunds take 5 working days. The late fee is $7.50, at most 1,000 a year.";
        let check = |text| ungrounded_numbers(text, [article]);
        assert_eq!(check("You have it within five working days."), [] as [&str; 0]);
        assert_eq!(check("The fee is $7.50 and never over 1000."), [] as [&str; 0]);
        assert_eq!(check("You have it within three working days."), ["three"]);
        assert_eq!(check("The fee is $8."), ["8"]);
        assert_eq!(check("One moment please, I will check both payments."), [] as [&str; 0]);
    }
}
