//! Numbers come from somewhere: an amount, a term or a date in an answer must stand in its sources.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::conversation::number_words;

static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\d+(?:[.,]\d+)*").ok());

/// Number words are only checked where they count something that matters.
const UNITS: [&str; 12] = [
    "day", "hour", "week", "month", "year", "minute", "working", "business", "dollar", "pound",
    "euro", "percent",
];

/// The numbers in `text` that none of `sources` has, in order.
///
/// Digits and number words before a unit ("five working days") are the same number; so are `1,000`
/// and `1000`, `5` and `5.00`.
pub fn ungrounded_numbers<'a>(
    text: &str,
    sources: impl IntoIterator<Item = &'a str>,
) -> Vec<String> {
    let mut known = HashSet::new();
    for source in sources {
        known.extend(digits(source).map(|n| normal(&n)));
        known.extend(
            words(source)
                .into_iter()
                .map(|(_, number)| number.to_string()),
        );
    }
    let spelled = counted(text)
        .into_iter()
        .map(|(word, number)| (word, number.to_string()));
    let written = digits(text).map(|number| (number.clone(), normal(&number)));
    spelled
        .chain(written)
        .filter(|(_, number)| !known.contains(number))
        .map(|(as_written, _)| as_written)
        .collect()
}

fn digits(text: &str) -> impl Iterator<Item = String> + '_ {
    NUMBER
        .iter()
        .flat_map(move |pattern| pattern.find_iter(text).map(|m| m.as_str().to_owned()))
}

/// `1,000` is 1000, `7.50` is 7.5, `5.00` is 5.
fn normal(number: &str) -> String {
    let plain = number.replace(',', "");
    match plain.split_once('.') {
        Some((whole, fraction)) => match fraction.trim_end_matches('0') {
            "" => whole.to_owned(),
            rest => format!("{whole}.{rest}"),
        },
        None => plain,
    }
}

fn tokens(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// The number that begins at a word, and how many words it takes: "forty-two" is 42, "third" is 3.
fn number_at(tokens: &[String]) -> Option<(u64, usize)> {
    let first = tokens.first()?;
    if let Some(ten) = number_words::tens(first) {
        let next = tokens.get(1).and_then(|word| number_words::unit(word));
        let rest = next.filter(|n| (1..10).contains(n));
        return Some((ten + rest.unwrap_or(0), 1 + usize::from(rest.is_some())));
    }
    // Of the ordinals only those that terms are told in.
    let ordinal = || number_words::ordinal(first).filter(|n| *n <= 12);
    number_words::unit(first).or_else(ordinal).map(|n| (n, 1))
}

fn words(text: &str) -> Vec<(String, u64)> {
    let tokens = tokens(text);
    let starts = (0..tokens.len()).filter_map(|at| tokens.get(at..));
    starts
        .filter_map(|rest| {
            number_at(rest).map(|(n, _)| (rest.first().cloned().unwrap_or_default(), n))
        })
        .collect()
}

/// Number words that count something: "five working days", not "one moment".
fn counted(text: &str) -> Vec<(String, u64)> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = tokens.get(at..).filter(|rest| !rest.is_empty()) {
        let Some((number, length)) = number_at(rest) else {
            at += 1;
            continue;
        };
        if rest
            .get(length)
            .is_some_and(|unit| UNITS.iter().any(|u| unit.starts_with(u)))
        {
            let written = rest.get(..length).unwrap_or_default().join(" ");
            found.push((written, number));
        }
        at += length;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_needs_a_source_in_whatever_form() {
        let article = "Refunds take 5 working days. The late fee is $7.50, at most 1,000 a year.";
        let check = |text| ungrounded_numbers(text, [article]);
        assert_eq!(
            check("You have it within five working days."),
            [] as [&str; 0]
        );
        assert_eq!(
            check("The fee is $7.50 and never over 1000."),
            [] as [&str; 0]
        );
        assert_eq!(
            ungrounded_numbers(
                "£42 on the 3rd, £7.5",
                ["forty-two pounds on the third, £7.50"]
            ),
            [] as [&str; 0]
        );
        assert_eq!(check("You have it within three working days."), ["three"]);
        assert_eq!(check("The fee is $8."), ["8"]);
        assert_eq!(
            check("One moment please, I will check both payments."),
            [] as [&str; 0]
        );
    }
}
