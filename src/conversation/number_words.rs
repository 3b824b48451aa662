//! Numbers in words, read by table: units, teens, tens, hundreds, thousands, ordinals, repeats.
//!
//! Words come in lower case, one a slice, without hyphens.

use std::borrow::Cow;

/// The languages whose number words are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tongue {
    /// British and American.
    English,
    /// German.
    German,
    /// French, of Switzerland and Belgium too.
    French,
    /// Spanish.
    Spanish,
}

impl Tongue {
    /// The tongue of a BCP 47 tag, by its language alone.
    pub(crate) fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "de" => Some(Self::German),
            "fr" => Some(Self::French),
            "es" => Some(Self::Spanish),
            _ => None,
        }
    }
}

/// The longest number in words that is read, in words: nobody says a longer one.
pub(crate) const LONGEST: usize = 16;

/// 0 to 19.
pub(crate) const UNITS: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
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
/// 20 to 90.
pub(crate) const TENS: [&str; 8] = [
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];
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
const GERMAN_UNITS: [&str; 20] = [
    "null",
    "eins",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
];
const GERMAN_TENS: [&str; 8] = [
    "zwanzig", "dreissig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig",
];
const FRENCH_UNITS: [&str; 17] = [
    "zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze",
    "douze", "treize", "quatorze", "quinze", "seize",
];
const FRENCH_TENS: [&str; 8] = [
    "vingt",
    "trente",
    "quarante",
    "cinquante",
    "soixante",
    "septante",
    "huitante",
    "nonante",
];
const SPANISH_UNITS: [&str; 30] = [
    "cero",
    "uno",
    "dos",
    "tres",
    "cuatro",
    "cinco",
    "seis",
    "siete",
    "ocho",
    "nueve",
    "diez",
    "once",
    "doce",
    "trece",
    "catorce",
    "quince",
    "dieciséis",
    "diecisiete",
    "dieciocho",
    "diecinueve",
    "veinte",
    "veintiuno",
    "veintidós",
    "veintitrés",
    "veinticuatro",
    "veinticinco",
    "veintiséis",
    "veintisiete",
    "veintiocho",
    "veintinueve",
];
const SPANISH_TENS: [&str; 7] = [
    "treinta",
    "cuarenta",
    "cincuenta",
    "sesenta",
    "setenta",
    "ochenta",
    "noventa",
];
const SPANISH_HUNDREDS: [&str; 9] = [
    "ciento",
    "doscientos",
    "trescientos",
    "cuatrocientos",
    "quinientos",
    "seiscientos",
    "setecientos",
    "ochocientos",
    "novecientos",
];

fn place(list: &[&str], word: &str) -> Option<u64> {
    list.iter().position(|w| *w == word).map(|at| at as u64)
}

/// English `zero` to `nineteen`.
pub(crate) fn unit(word: &str) -> Option<u64> {
    place(&UNITS, word)
}

/// English `twenty`, `thirty`, … `ninety`.
pub(crate) fn tens(word: &str) -> Option<u64> {
    place(&TENS, word).map(|at| (at + 2) * 10)
}

/// English `first` to `twentieth`, and `thirtieth`: the ordinals of one word that days have.
pub(crate) fn ordinal(word: &str) -> Option<u64> {
    place(&ORDINALS, word)
        .map(|at| at + 1)
        .or_else(|| (word == "thirtieth").then_some(30))
}

/// How often a word tells that the next digit or letter is said: `double` is 2.
pub(crate) fn repeats(word: &str) -> Option<usize> {
    match word {
        "double" | "doppel" | "doppelt" | "doble" => Some(2),
        "triple" | "treble" | "dreifach" => Some(3),
        "quadruple" => Some(4),
        _ => None,
    }
}

/// Whether a word is a zero in a row of digits only: `oh seven seven`, but `oh no`.
pub(crate) fn is_spoken_zero(word: &str, tongue: Tongue) -> bool {
    tongue == Tongue::English && matches!(word, "oh" | "nought" | "naught")
}

/// Whether a word that reads as 1 is mostly an article.
pub(crate) fn is_article(word: &str) -> bool {
    matches!(
        word,
        "a" | "an" | "ein" | "eine" | "einen" | "einem" | "einer" | "un" | "une" | "una"
    )
}

/// What a word adds to a number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Value(u64),
    Hundred,
    Scale(u64),
    And,
}

fn part(word: &str, tongue: Tongue) -> Option<Part> {
    let value = match tongue {
        Tongue::English => unit(word).or_else(|| tens(word)),
        Tongue::German => german(word),
        Tongue::French => french(word),
        Tongue::Spanish => spanish(word),
    };
    let other = match (tongue, word) {
        (Tongue::English, "and") | (Tongue::French, "et") | (Tongue::Spanish, "y") => Part::And,
        (Tongue::English, "hundred")
        | (Tongue::German, "hundert")
        | (Tongue::French, "cent" | "cents") => Part::Hundred,
        (Tongue::English, "thousand")
        | (Tongue::German, "tausend")
        | (Tongue::French, "mille")
        | (Tongue::Spanish, "mil") => Part::Scale(1000),
        (_, "million" | "millionen" | "millions" | "millón" | "millones") => {
            Part::Scale(1_000_000)
        }
        (Tongue::English, "billion") => Part::Scale(1_000_000_000),
        _ => return value.map(Part::Value),
    };
    Some(other)
}

/// The number that begins at the first of `words`, and how many words it takes.
///
/// Follows how numbers are made: after `twenty` comes a unit, after `five` only `hundred` or a larger
/// scale. So `four four one` is three numbers, and `two hundred and fifty` one.
pub(crate) fn cardinal(words: &[&str], tongue: Tongue) -> Option<(u64, usize)> {
    let at = |index: usize| words.get(index).and_then(|word| part(word, tongue));
    let (mut total, mut group, mut used) = (0_u64, 0_u64, 0);
    // What may follow is below `room`; a scale must be below the last one.
    let (mut room, mut scale) = (u64::MAX, u64::MAX);
    let first = words.first().copied().unwrap_or_default();
    // "a hundred"; other languages leave the one out.
    let implied = tongue != Tongue::English;
    let from = if is_article(first) && matches!(at(1), Some(Part::Hundred | Part::Scale(_))) {
        group = 1;
        1
    } else {
        0
    };
    for index in from..words.len().min(LONGEST) {
        match at(index) {
            Some(Part::Value(20)) if tongue == Tongue::French && group % 100 == 4 && room == 1 => {
                group += 76;
                room = 20;
            }
            Some(Part::Value(value)) => {
                let short = tongue == Tongue::French && room == 10 && group % 100 == 10;
                let fits =
                    room == u64::MAX || (value > 0 && value < room && (!short || value >= 7));
                if !fits {
                    break;
                }
                group += value;
                room = room_after(value, tongue);
            }
            Some(Part::Hundred) if (1..100).contains(&group) && room != 100 => {
                group *= 100;
                room = 100;
            }
            Some(Part::Hundred) if implied && group == 0 && room > 100 => {
                group = 100;
                room = 100;
            }
            Some(Part::Scale(next)) if next < scale && (group > 0 || (implied && total == 0)) => {
                total += group.max(1) * next;
                (group, room, scale) = (0, next, next);
            }
            Some(Part::And) => {
                let Some(Part::Value(next)) = at(index + 1) else {
                    break;
                };
                let joins = match tongue {
                    Tongue::English => (100..u64::MAX).contains(&room),
                    Tongue::French => matches!(room, 10 | 20) && matches!(next, 1 | 11),
                    _ => room == 10,
                };
                if next == 0 || next >= room || !joins {
                    break;
                }
                continue;
            }
            _ => break,
        }
        used = index + 1;
    }
    (used > from).then_some((total + group, used))
}

fn room_after(value: u64, tongue: Tongue) -> u64 {
    match (value, tongue) {
        (1000.., _) => 1,
        (100.., _) if value.is_multiple_of(100) => 100,
        (60, Tongue::French) => 20,
        (10, Tongue::French) => 10,
        (20..100, Tongue::English | Tongue::French) if value.is_multiple_of(10) => 10,
        (30..100, Tongue::Spanish) if value.is_multiple_of(10) => 10,
        _ => 1,
    }
}

/// Ordinals as days have them: `third`, `twenty first`; the value and how many words.
pub(crate) fn ordinal_at(words: &[&str], tongue: Tongue) -> Option<(u64, usize)> {
    let first = words.first()?;
    match tongue {
        Tongue::English => {
            if let (Some(ten), Some(rest)) = (tens(first), words.get(1).and_then(|w| ordinal(w))) {
                return (rest < 10).then_some((ten + rest, 2));
            }
            ordinal(first).map(|value| (value, 1))
        }
        Tongue::German => german_ordinal(first).map(|value| (value, 1)),
        Tongue::French => matches!(*first, "premier" | "première").then_some((1, 1)),
        Tongue::Spanish => matches!(*first, "primero" | "primer").then_some((1, 1)),
    }
}

/// Longer words are no numbers.
const LONGEST_WORD: usize = 64;

/// German writes a number as one word: `neunzehnhundertvierundachtzig`.
fn german(word: &str) -> Option<u64> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    let word = without_sharp_s(word);
    let Some((thousands, rest)) = word.split_once("tausend") else {
        return german_hundreds(&word);
    };
    let thousands = if thousands.is_empty() {
        1
    } else {
        german_hundreds(thousands)?
    };
    let rest = rest.strip_prefix("und").unwrap_or(rest);
    let rest = if rest.is_empty() {
        0
    } else {
        german_hundreds(rest)?
    };
    Some(thousands * 1000 + rest)
}

fn german_hundreds(word: &str) -> Option<u64> {
    let Some((hundreds, rest)) = word.split_once("hundert") else {
        return german_below_hundred(word);
    };
    let hundreds = if hundreds.is_empty() {
        1
    } else {
        german_below_hundred(hundreds)?
    };
    let rest = rest.strip_prefix("und").unwrap_or(rest);
    let rest = if rest.is_empty() {
        0
    } else {
        german_below_hundred(rest)?
    };
    Some(hundreds * 100 + rest)
}

fn german_below_hundred(word: &str) -> Option<u64> {
    let unit = |word: &str| match word {
        "ein" | "eine" | "einen" | "einem" | "einer" => Some(1),
        "zwo" => Some(2),
        _ => place(&GERMAN_UNITS, word),
    };
    let tens = |word: &str| place(&GERMAN_TENS, word).map(|at| (at + 2) * 10);
    if let Some((one, ten)) = word.split_once("und") {
        return Some(unit(one).filter(|n| (1..10).contains(n))? + tens(ten)?);
    }
    unit(word).or_else(|| tens(word))
}

fn german_ordinal(word: &str) -> Option<u64> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    let word = without_sharp_s(word);
    let stem = ["er", "en", "es", "em", "e"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending))?;
    match stem {
        "erst" => return Some(1),
        "dritt" => return Some(3),
        "siebt" => return Some(7),
        "acht" => return Some(8),
        _ => {}
    }
    let (number, least) = match stem.strip_suffix("st") {
        Some(number) => (number, 20),
        None => (stem.strip_suffix('t')?, 2),
    };
    german_below_hundred(number).filter(|n| (least..=31).contains(n))
}

fn without_sharp_s(word: &str) -> Cow<'_, str> {
    if word.contains('ß') {
        Cow::Owned(word.replace('ß', "ss"))
    } else {
        Cow::Borrowed(word)
    }
}

fn french(word: &str) -> Option<u64> {
    match word {
        "une" => Some(1),
        "zero" => Some(0),
        "vingts" => Some(20),
        "octante" => Some(80),
        _ => {
            place(&FRENCH_UNITS, word).or_else(|| place(&FRENCH_TENS, word).map(|at| (at + 2) * 10))
        }
    }
}

fn spanish(word: &str) -> Option<u64> {
    match word {
        "un" | "una" => Some(1),
        "cien" => Some(100),
        "veintiún" => Some(21),
        _ => place(&SPANISH_UNITS, word)
            .or_else(|| place(&SPANISH_TENS, word).map(|at| (at + 3) * 10))
            .or_else(|| {
                let masculine = word.strip_suffix("as").map(|stem| format!("{stem}os"));
                place(&SPANISH_HUNDREDS, masculine.as_deref().unwrap_or(word))
                    .map(|at| (at + 1) * 100)
            }),
    }
}

#[cfg(test)]
mod tests;
