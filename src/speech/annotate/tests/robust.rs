use std::time::{Duration, Instant};

use super::super::{annotate, is_dictating};

/// Xorshift, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

const WORDS: &[&str] = &[
    "one",
    "two",
    "oh",
    "double",
    "triple",
    "nineteen",
    "eighty",
    "hundred",
    "and",
    "thousand",
    "a",
    "i",
    "I",
    "s",
    "M",
    "as",
    "in",
    "sugar",
    "for",
    "bravo",
    "alpha",
    "november",
    "third",
    "of",
    "the",
    "march",
    "may",
    "1980",
    "3rd",
    "42",
    "0",
    "7",
    "4:30",
    "pm",
    "p.m.",
    "half",
    "past",
    "to",
    "quarter",
    "pounds",
    "pence",
    "£",
    "$1,200",
    "%",
    "percent",
    "at",
    "dot",
    "com",
    "gmail",
    "@",
    "_",
    "-",
    ".",
    ",",
    "'",
    "/",
    "LF",
    "lf-902",
    "SW1A",
    "2AA",
    "+44",
    "(212)",
    "weeks",
    "working",
    "days",
    "million",
    "point",
    "email",
    "is",
    "my",
    "account",
    "number",
    "born",
    "on",
    "x",
    "ray",
    "dreiundzwanzig",
    "quatre",
    "vingt",
    "mil",
    "99999999999999999999",
    "1.2.3.4",
    "1,2,3",
    "12/13/14",
    "ß",
    "İ",
    "ǅ",
    "é",
    "\u{301}",
    "👩‍👩‍👧",
    "٣",
    "漢字",
    "½",
    "²",
    "\u{200b}",
    "\u{2019}",
    "o'clock",
    "o\u{2019}clock",
    "K",
    "Å",
    "ﬁ",
    "''",
    "...",
    "\n",
    "\t",
    "\u{a0}",
];

fn holds(text: &str, language: Option<&str>) {
    let found = annotate(text, language);
    let mut last = 0;
    for annotation in &found {
        assert!(
            annotation.start >= last && annotation.start < annotation.end,
            "{text:?}: {found:?}"
        );
        assert!(
            text.get(annotation.start..annotation.end).is_some(),
            "{text:?}: {found:?}"
        );
        assert!(
            (0.0..=1.0).contains(&annotation.confidence),
            "{text:?}: {found:?}"
        );
        assert!(!annotation.value.is_empty(), "{text:?}: {found:?}");
        last = annotation.end;
    }
    is_dictating(text, language);
}

#[test]
fn whatever_is_said_spans_are_sorted_apart_and_on_borders() {
    let languages = [
        None,
        Some("en-US"),
        Some("en-GB"),
        Some("de"),
        Some("fr"),
        Some("es"),
        Some("ja"),
        Some(""),
    ];
    let mut random = Random(0x5eed_cafe_1234_5678);
    for round in 0..6000 {
        let mut text = String::new();
        for _ in 0..random.below(24) {
            text.push_str(random.of(WORDS));
            text.push_str(random.of(&[" ", " ", " ", "", "-", ", ", ". "]));
        }
        for _ in 0..random.below(4) {
            let character = char::from_u32(u32::try_from(random.below(0x11_0000)).unwrap());
            let places: Vec<usize> = text
                .char_indices()
                .map(|(at, _)| at)
                .chain([text.len()])
                .collect();
            text.insert(
                places[random.below(places.len())],
                character.unwrap_or('\u{fffd}'),
            );
        }
        let language = languages[round % languages.len()];
        holds(&text, language);
        let borders: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        if !borders.is_empty() {
            let cut = borders[random.below(borders.len())];
            holds(&text[cut..], language);
            holds(&text[..cut], language);
        }
    }
}

#[test]
fn long_texts_take_time_in_proportion() {
    let units = [
        "one ",
        "a ",
        "s m ",
        "9",
        "9 ",
        "x",
        "twenty ",
        "double ",
        "at ",
        "a.",
        "a@",
        "a@b.",
        "dot ",
        "john dot ",
        "1,111,",
        "LF-902-",
        "the third of march ",
        "hundred and ",
        "ein",
        "s as in ",
        "( ",
        "+",
        "- ",
        "as in sugar ",
        "oh ",
        "1/",
        "account number is ",
        "é",
        "👩",
        "\u{301}",
        "half past ",
        "plus ",
        "a at b dot ",
        "B for Bravo ",
    ];
    for (round, unit) in units.into_iter().enumerate() {
        let text = unit.repeat(100_000 / unit.len());
        let started = Instant::now();
        holds(&text, Some(["en", "de", "fr", "ja"][round % 4]));
        if round % 4 != 0 {
            holds(&text, Some("en"));
        }
        // Hundreds of times more than it takes; quadratic time would be far over it.
        let took = started.elapsed();
        assert!(took < Duration::from_secs(20), "{unit:?} took {took:?}");
    }
}
