//! Sums of money.

use super::date::month;
use super::number::{Quantity, percent_sign, quantity};
use super::reader::{Found, Reader};
use super::time::unit_of_time;
use crate::conversation::AnnotationKind;
use crate::conversation::number_words::{Tongue, is_spoken_zero};

/// "forty two pounds fifty", "$1,200", "42,50 €", "ninety nine pence".
pub(super) fn amount(reader: &Reader<'_>, at: usize) -> Option<Found> {
    let found = |code: &str, sum: &Quantity, end, confidence| {
        Some(Found {
            kind: AnnotationKind::Amount,
            value: written(code, sum),
            start: at,
            end,
            confidence,
        })
    };
    if let Some(code) = sign(reader, at) {
        let sum = quantity(reader, at + 1).filter(|sum| sum.written)?;
        return found(code, &sum, sum.end, 0.98);
    }
    let mut sum = quantity(reader, at)?;
    if let Some(code) = sign(reader, sum.end) {
        // "I have 42 $50 vouchers": the sign belongs to what is glued to it.
        let taken = reader.is_glued(sum.end + 1) && !reader.digits(sum.end + 1).is_empty();
        return if taken {
            None
        } else {
            found(code, &sum, sum.end + 1, 0.95)
        };
    }
    if let Some(code) = minor(reader, &sum) {
        let cents = sum.whole;
        sum.fraction = format!("{:02}{}", cents % 100, sum.fraction);
        sum.whole = cents / 100;
        return found(code, &sum, sum.end + 1, 0.9);
    }
    let code = major(reader, sum.end)?;
    let mut end = sum.end + 1;
    if sum.fraction.is_empty()
        && let Some((cents, after)) = rest(reader, end)
    {
        sum.fraction = format!("{cents:02}");
        end = after;
    }
    found(code, &sum, end, 0.95)
}

fn written(code: &str, sum: &Quantity) -> String {
    match code {
        // The yen has no minor unit in use.
        "JPY" => format!("{code} {}", sum.plain()),
        _ => format!("{code} {}.{:0<2}", sum.whole, sum.fraction),
    }
}

/// The cents behind "forty two pounds", and the position after them.
fn rest(reader: &Reader<'_>, at: usize) -> Option<(u64, usize)> {
    let joined = matches!(
        (reader.word(at), reader.tongue),
        ("and", Some(Tongue::English))
            | ("und", Some(Tongue::German))
            | ("et", Some(Tongue::French))
            | ("con" | "y", Some(Tongue::Spanish))
    );
    let from = at + usize::from(joined);
    if joined && reader.word(from) == "a" && reader.word(from + 1) == "half" {
        return Some((50, from + 2));
    }
    let zero = reader
        .tongue
        .is_some_and(|t| is_spoken_zero(reader.word(from), t));
    let (cents, end) = if zero {
        reader.cardinal(from + 1).filter(|(value, _)| *value < 10)?
    } else {
        let cents = quantity(reader, from).filter(|q| q.fraction.is_empty() && q.whole < 100)?;
        (cents.whole, cents.end)
    };
    if is_minor(reader.word(end)) {
        return Some((cents, end + 1));
    }
    // Without its unit it must be told from a number that counts something else.
    let counts_other = unit_of_time(reader, end).is_some()
        || percent_sign(reader, end).is_some()
        || major(reader, end).is_some()
        || month(reader, end).is_some()
        || sign(reader, end).is_some()
        || reader.cardinal(end).is_some();
    let plain = !joined || reader.word(at) == "con";
    (plain && !counts_other && (zero || cents >= 10)).then_some((cents, end))
}

fn sign(reader: &Reader<'_>, at: usize) -> Option<&'static str> {
    Some(match reader.raw(at) {
        "$" => dollars(reader),
        "£" | "GBP" => "GBP",
        "€" | "EUR" => "EUR",
        "¥" | "JPY" => "JPY",
        "₹" | "INR" => "INR",
        "USD" => "USD",
        "CAD" => "CAD",
        "AUD" => "AUD",
        "CHF" => "CHF",
        _ => return None,
    })
}

/// Whose dollars: the language tag's region tells.
fn dollars(reader: &Reader<'_>) -> &'static str {
    match reader.region.as_str() {
        "CA" => "CAD",
        "AU" => "AUD",
        "NZ" => "NZD",
        _ => "USD",
    }
}

/// The currency whose name stands at a position.
pub(super) fn major(reader: &Reader<'_>, at: usize) -> Option<&'static str> {
    Some(match reader.word(at) {
        "dollar" | "dollars" | "bucks" | "dólares" => dollars(reader),
        "pound" | "pounds" | "quid" | "pfund" | "libras" => "GBP",
        "euro" | "euros" => "EUR",
        "franken" | "francs" => "CHF",
        "yen" => "JPY",
        "rupees" | "rupee" => "INR",
        _ => return None,
    })
}

fn is_minor(word: &str) -> bool {
    matches!(
        word,
        "cent" | "cents" | "pence" | "penny" | "p" | "céntimos" | "centimes" | "rappen"
    )
}

/// The currency of a sum of cents: the word stands behind the sum.
fn minor(reader: &Reader<'_>, sum: &Quantity) -> Option<&'static str> {
    let continental = matches!(
        reader.tongue,
        Some(Tongue::German | Tongue::French | Tongue::Spanish)
    );
    Some(match reader.word(sum.end) {
        "pence" | "penny" => "GBP",
        // "four p m" is a time, and "4 P X 9" a code.
        "p" if reader.is_glued(sum.end) || (!sum.written && sum.whole >= 10) => "GBP",
        // French "cent" is a hundred.
        "cent" if reader.tongue == Some(Tongue::French) => return None,
        "cent" | "cents" if continental || reader.region == "IE" => "EUR",
        "cent" | "cents" => dollars(reader),
        "céntimos" | "centimes" => "EUR",
        "rappen" => "CHF",
        _ => return None,
    })
}
