//! Numbers as people say them.

use super::Dice;

const DIGITS: [&str; 10] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
];
const TEENS: [&str; 10] = [
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = [
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];

fn of<'l>(list: &[&'l str], at: usize) -> &'l str {
    list.get(at).copied().unwrap_or_default()
}

/// 0 to 99 in words.
pub(super) fn small(n: usize) -> String {
    match n {
        0..=9 => of(&DIGITS, n).to_owned(),
        10..=19 => of(&TEENS, n - 10).to_owned(),
        _ if n.is_multiple_of(10) => of(&TENS, n / 10).to_owned(),
        _ => format!("{} {}", of(&TENS, n / 10), of(&DIGITS, n % 10)),
    }
}

/// Digits and letters one by one or in pairs, with "double", "oh", pauses and fillers.
pub(super) fn code(code: &str, dice: &mut Dice) -> String {
    let chars: Vec<char> = code.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    let oh = dice.chance(50);
    let doubles = dice.chance(50);
    let pairs = dice.chance(15);
    let fillers = dice.chance(25);
    let mut words: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        if fillers && at > 0 && at % 4 == 0 && dice.chance(50) {
            words.push(dice.pick(&["uh", "um", "then", "and then"]).to_owned());
        }
        let value = |at: usize| {
            chars
                .get(at)
                .and_then(|c| c.to_digit(10))
                .map(|d| d as usize)
        };
        match (value(at), value(at + 1)) {
            (Some(a), Some(b)) if doubles && a == b => {
                words.push(format!("double {}", digit(a, oh)));
                at += 2;
            }
            (Some(a), Some(b)) if pairs && a > 0 => {
                words.push(small(a * 10 + b));
                at += 2;
            }
            (Some(a), _) => {
                words.push(digit(a, oh).to_owned());
                at += 1;
            }
            (None, _) => {
                words.push(c.to_ascii_lowercase().to_string());
                at += 1;
            }
        }
    }
    words.join(" ")
}

fn digit(d: usize, oh: bool) -> &'static str {
    if d == 0 && oh { "oh" } else { of(&DIGITS, d) }
}

/// A day as people say it: "the third of may nineteen eighty four" without the article.
pub(super) fn day(day: usize, month: &str, year: usize, dice: &mut Dice) -> String {
    const ORDINALS: [&str; 20] = [
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
        "twelfth",
        "thirteenth",
        "fourteenth",
        "fifteenth",
        "sixteenth",
        "seventeenth",
        "eighteenth",
        "nineteenth",
        "twentieth",
    ];
    let ordinal = match day {
        1..=20 => of(&ORDINALS, day - 1).to_owned(),
        30 => "thirtieth".to_owned(),
        _ => format!(
            "{} {}",
            of(&TENS, day / 10),
            of(&ORDINALS, (day % 10).saturating_sub(1))
        ),
    };
    let year = match year % 100 {
        rest @ 1..=9 => format!("{} oh {}", small(year / 100), small(rest)),
        0 => format!("{} hundred", small(year / 100)),
        rest => format!("{} {}", small(year / 100), small(rest)),
    };
    match dice.chance(50) {
        true => format!("{ordinal} of {month} {year}"),
        false => format!("{month} {ordinal} {year}"),
    }
}
