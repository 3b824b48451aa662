//! How far "not" and its kin reach: which of the values that somebody names are the ones they do not mean. English.

use std::ops::Range;

use super::cues::{Cue, finds, pattern};

/// How much a denial says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Denial {
    /// The value is what is meant.
    None,
    /// Something about it is denied, which only counts beside another value ("I can't find the Hub").
    Weak,
    /// The value is not wanted, or not so ("I don't want a credit").
    Strong,
}

/// Words between a denial and what it denies.
const REACH: usize = 6;
/// What does not deny what follows: "I don't mind", "why not the morning".
static NO_DENIAL: Cue = Cue::new(|| {
    pattern(
        r"\b(?:why not|why don(?:'|’)?t (?:we|you)|not only|not just|(?:don(?:'|’)?t|do not|doesn(?:'|’)?t|does not) (?:mind|care|matter|know|worry|forget)|not sure|can(?:'|’)?t wait|cannot wait|no (?:problem|worries|preference|matter))\b",
    )
});
/// What is not wanted, or is not so.
static UNWANTED: Cue = Cue::new(|| {
    pattern(
        r"\b(?:(?:don(?:'|’)?t|dont|do not|doesn(?:'|’)?t|does not|didn(?:'|’)?t|wouldn(?:'|’)?t|would not|can(?:'|’)?t|cannot|can not|couldn(?:'|’)?t|won(?:'|’)?t|will not) (?:really |actually |even )?(?:want|need|like|do|make|manage|be|use|take|prefer|wait|wish|suit)|no need (?:to|for)|rather than|instead of|anything but|without|except|neither|nor)\b",
    )
});
static NOT: Cue = Cue::new(|| pattern(r"\bnot\b"));
/// Before "not", these make it one of the verb alone.
const AUXILIARIES: [&str; 10] = [
    "have", "has", "had", "did", "does", "do", "could", "can", "will", "would",
];
static VERB_DENIED: Cue = Cue::new(|| {
    pattern(
        r"\b(?:\w+n(?:'|’)t|cannot|never|dont|doesnt|isnt|wasnt|cant|wont|havent|hasnt|didnt)\b",
    )
});
/// "isn't enough", "are difficult", "is too much" right behind a value.
static UNSUITABLE: Cue = Cue::new(|| {
    pattern(
        r"^(?:\s+(?:one|plan|slot|really|just|itself|ones))?\s*(?:isn(?:'|’)?t|is not|aren(?:'|’)?t|are not|wasn(?:'|’)?t|was not|won(?:'|’)?t|will not|doesn(?:'|’)?t|does not|don(?:'|’)?t|do not|can(?:'|’)?t|cannot|(?:is|are|was|would be|(?:'|’)s|seems?|gets?) (?:a bit |a little |rather |quite |very |really |always |just )*(?:too|no good|no use|difficult|impossible|bad|hard|awkward|tricky|out|worse|not|useless|inconvenient)|too [a-z])",
    )
});

/// How much the words around a value deny it.
pub(super) fn denial(text: &str, span: &Range<usize>) -> Denial {
    let after = clause_after(text.get(span.end..).unwrap_or_default());
    if finds(&UNSUITABLE, after) {
        return Denial::Strong;
    }
    let before = clause_before(text.get(..span.start).unwrap_or_default()).to_lowercase();
    let words: Vec<&str> = before.split_whitespace().collect();
    let near = words.len().saturating_sub(REACH);
    let near = words.get(near..).unwrap_or_default();
    let reach = near.join(" ");
    if finds(&NO_DENIAL, &reach) {
        return Denial::None;
    }
    let is_article = |word: &&&str| {
        matches!(
            **word,
            "a" | "an" | "the" | "my" | "as" | "by" | "to" | "on"
        )
    };
    let next_to = words.iter().rev().find(|word| !is_article(word));
    if next_to.is_some_and(|word| {
        matches!(
            *word,
            "not" | "isn't" | "isnt" | "wasn't" | "than" | "don't" | "dont" | "never" | "no"
        )
    }) {
        return Denial::Strong;
    }
    if finds(&UNWANTED, &reach) {
        return Denial::Strong;
    }
    // "no new card", but "no it is red" is an answer.
    if near.len() >= 2 && near.get(near.len() - 2) == Some(&"no") {
        return Denial::Strong;
    }
    if finds(&NOT, &reach) {
        let at = near
            .iter()
            .rposition(|word| *word == "not")
            .unwrap_or_default();
        let verb = at
            .checked_sub(1)
            .and_then(|before| near.get(before))
            .is_some_and(|word| AUXILIARIES.contains(word));
        return if verb { Denial::Weak } else { Denial::Strong };
    }
    match finds(&VERB_DENIED, &reach) {
        true => Denial::Weak,
        false => Denial::None,
    }
}

fn is_border(letter: char) -> bool {
    matches!(
        letter,
        ',' | ';' | '.' | '!' | '?' | ':' | '(' | ')' | '–' | '—' | '\n'
    )
}

/// What stands before a word in its clause.
fn clause_before(text: &str) -> &str {
    let start = text
        .char_indices()
        .rev()
        .find(|(_, letter)| is_border(*letter))
        .map_or(0, |(at, letter)| at + letter.len_utf8());
    let clause = text.get(start..).unwrap_or_default();
    let joint = [" but ", " so ", " because ", " and "]
        .iter()
        .filter_map(|joint| Some(clause.rfind(joint)? + joint.len()))
        .max();
    clause.get(joint.unwrap_or_default()..).unwrap_or_default()
}

/// What stands behind a word in its clause.
fn clause_after(text: &str) -> &str {
    let end = text.find(is_border).unwrap_or(text.len());
    let clause = text.get(..end).unwrap_or_default();
    let joint = [" but ", " so ", " because ", " and "]
        .iter()
        .filter_map(|joint| clause.find(joint))
        .min();
    clause
        .get(..joint.unwrap_or(clause.len()))
        .unwrap_or_default()
}

/// Whether a word that denies stands for itself ("No.", "Nothing, thanks"), and does not belong to another ("no card").
pub(super) fn stands_alone(text: &str, span: &Range<usize>) -> bool {
    const DENYING: [&str; 5] = ["no", "not", "none", "nothing", "never"];
    let word = text.get(span.clone()).unwrap_or_default().to_lowercase();
    if !DENYING.contains(&word.as_str()) {
        return true;
    }
    let after = clause_after(text.get(span.end..).unwrap_or_default());
    let next = after.split_whitespace().next().map(str::to_lowercase);
    next.is_none_or(|next| {
        matches!(
            next.as_str(),
            "thanks" | "thank" | "please" | "need" | "for" | "at" | "just" | "i" | "it" | "it's"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, word: &str) -> Denial {
        let at = text.find(word).unwrap();
        denial(text, &(at..at + word.len()))
    }

    #[test]
    fn what_is_not_wanted_is_told_from_what_is() {
        for (text, meant, denied) in [
            ("To the bank please, not as a credit.", "bank", "credit"),
            (
                "I don't want a credit, I want it on my card",
                "card",
                "credit",
            ),
            (
                "Not by post, that takes too long. The electronic one.",
                "electronic",
                "post",
            ),
            (
                "I don't want to wait for the post, so the eSIM",
                "eSIM",
                "post",
            ),
            (
                "Afternoons are difficult, so mornings.",
                "morning",
                "Afternoons",
            ),
            (
                "Not in the afternoon, I work then. In the morning.",
                "morning",
                "afternoon",
            ),
            (
                "Not the Hub, that stays with me. It's the Booster.",
                "Booster",
                "Hub",
            ),
            ("the Hub, not the Booster", "Hub", "Booster"),
            ("Fibre 300 rather than Fibre 900", "Fibre 300", "Fibre 900"),
            (
                "a credit would be no good but the bank is fine",
                "bank",
                "credit",
            ),
        ] {
            assert_eq!(of(text, meant), Denial::None, "{text}: {meant}");
            assert_eq!(of(text, denied), Denial::Strong, "{text}: {denied}");
        }
        for (text, word) in [
            ("I don't mind, the morning", "morning"),
            ("I don't mind the morning", "morning"),
            ("why not the morning", "morning"),
            ("No, it's red", "red"),
            ("no it is red", "red"),
            ("I don't know maybe red", "red"),
        ] {
            assert_eq!(of(text, word), Denial::None, "{text}");
        }
        assert_eq!(of("I haven't sent the Hub back yet", "Hub"), Denial::Weak);
        assert_eq!(of("my old phone has no eSIM", "eSIM"), Denial::Strong);
        assert_eq!(of("I can't do mornings", "morning"), Denial::Strong);
    }

    #[test]
    fn a_word_that_denies_another_is_no_answer() {
        let alone = |text: &str| {
            let at = text.to_lowercase().find("no").unwrap();
            stands_alone(text, &(at..at + 2))
        };
        assert!(alone("No.") && alone("No thanks") && alone("Oh no, thank you"));
        assert!(!alone("my phone has no eSIM") && !alone("no card please"));
    }
}
