//! No rule rewards hurrying.

use crate::assist::phrases::{find, words_of};

/// What speaks of being quick for its own sake, in the languages of the crisis patterns.
const HURRIED: &[&str] = &[
    "handle time",
    "handling time",
    "call time",
    "talk time",
    "aht",
    "faster",
    "hurry",
    "hurrying",
    "hurry up",
    "quicker",
    "more quickly",
    "speed up",
    "speed it up",
    "shorten",
    "cut short",
    "cut it short",
    "keep it short",
    "taking too long",
    "time target",
    "calls per hour",
    "rush",
    "bearbeitungszeit",
    "gesprächszeit",
    "schneller",
    "beeilen",
    "beeil dich",
    "plus vite",
    "dépêchez",
    "durée d'appel",
    "más rápido",
    "date prisa",
    "dese prisa",
    "ātrāk",
    "pasteidzies",
];

/// Words that turn it round: "do not hurry".
const NOT: &[&str] = &[
    "not", "don't", "never", "without", "no", "nicht", "nie", "kein", "keine", "ne", "pas", "sans",
    "sin", "bez",
];
/// Things that may be faster ("offer a faster plan").
const THINGS: &[&str] = &[
    "plan",
    "broadband",
    "connection",
    "internet",
    "tariff",
    "package",
    "fibre",
    "fiber",
    "speed",
    "line",
    "hub",
    "router",
    "delivery",
    "shipping",
    "network",
];
/// How many words before it they may stand.
const REACH: usize = 4;

/// The word in `text` by which it tells somebody to be quick.
pub(super) fn hurrying(text: &str) -> Option<&'static str> {
    text.split(['.', '!', '?', ';', '\n']).find_map(in_sentence)
}

fn in_sentence(text: &str) -> Option<&'static str> {
    let words = words_of(text);
    HURRIED.iter().copied().find(|hurried| {
        let wanted = words_of(hurried);
        let mut from = 0;
        // It may be turned round in one sentence and meant in the next.
        while let Some(at) = find(words.get(from..).unwrap_or_default(), &wanted) {
            let at = from + at;
            let before = words.get(at.saturating_sub(REACH)..at).unwrap_or_default();
            let next = words.get(at + wanted.len()).map(String::as_str);
            let of_a_thing = next.is_some_and(|word| THINGS.contains(&word));
            if !of_a_thing && !before.iter().any(|word| NOT.contains(&word.as_str())) {
                return true;
            }
            from = at + 1;
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hurrying_is_found_and_its_opposite_is_not() {
        for text in [
            "Wrap up faster.",
            "reduce-handle-time",
            "AHT_ALERT",
            "Please hurry up!",
            "Do not apologise again. Shorten the call.",
            "Sprechen Sie schneller",
        ] {
            assert!(hurrying(text).is_some(), "{text}");
        }
        for text in [
            "Do not hurry the customer.",
            "Never rush somebody who is upset.",
            "Speak more slowly and pause after each step.",
            "Offer a faster plan.",
            "Name the feeling and apologise in one sentence.",
        ] {
            assert_eq!(hurrying(text), None, "{text}");
        }
    }
}
