//! A yes, a no, and what only sounds like one; and which of two things is meant. English; silent in other languages.

use std::sync::LazyLock;

use regex::Regex;

use super::{Reader, assent, cues};

type Cue = LazyLock<Option<Regex>>;

static ACKNOWLEDGES: Cue = LazyLock::new(|| {
    let word = r"(?:ok|okay|k|right|alright|all right|i see|mm+|mhm|m-hm|hm+|uh-?huh|aha|got it|understood|noted|oh|um|erm|well|then|so|thanks|thank you|cheers|ta|good|fine then)";
    Regex::new(&format!(r"(?i)^\W*{word}(?:\W+{word})*\W*$")).ok()
});
/// Nothing but yes, thanks and please.
static ONLY_AGREES: Cue = LazyLock::new(|| {
    let word = r"(?:ok|okay|k|right|alright|all right|i see|mm+|mhm|m-hm|hm+|uh-?huh|aha|got it|understood|noted|oh|um|erm|well|then|so|thanks|thank you|cheers|ta|good|great|fine|cool|lovely|perfect|yes|yeah|yep|yup|sure|of course|please|do it|do that|go ahead|sounds good|that(?:'|’)?s (?:fine|ok|okay|good|right|it)|definitely|absolutely|exactly|correct|so be it|i don(?:'|’)?t mind|don(?:'|’)?t mind|whatever(?: you (?:say|think))?|righto|righty ?ho|fair enough|go on(?: then)?|as you (?:say|like|wish)|you know best|i (?:guess|suppose)(?: so)?|let(?:'|’)?s see|i see now|gotcha|sorted|noted|very well|if you (?:say so|like|would|must)|mind|now|and|it|there)";
    Regex::new(&format!(r"(?i)^\W*{word}(?:\W+{word})*\W*$")).ok()
});
static WANTS_TO_KNOW: Cue = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:tell me|(?:want|wanted|need|like) to (?:know|ask|find out|understand|learn|hear)|wonder(?:ed|ing)?|explain|curious|information (?:on|about)|(?:a |my )?question (?:on|about|is)|no idea (?:how|what|when|where|whether)|(?:don(?:'|’)?t|do not) know (?:how|what|when|where|whether|if))\b").ok()
});
static FIRST: Cue = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:the )?(?:first|former|1st)(?: (?:one|thing|option))?\b|^\W*(?:number )?(?:1|one|a)\W*$").ok()
});
static SECOND: Cue = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:the )?(?:second|latter|last one|2nd)(?: (?:one|thing|option))?\b|^\W*(?:number )?(?:2|two|b)\W*$").ok()
});
static NEITHER: Cue = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:neither|none of (?:these|those|them|that)|something (?:else|different)|not (?:that|those|either))\b").ok()
});
/// Words that choose nothing, however many there are.
const NO_CHOICE: [&str; 88] = [
    "a",
    "ace",
    "ah",
    "aha",
    "all",
    "and",
    "aye",
    "be",
    "brilliant",
    "but",
    "champion",
    "cheers",
    "cool",
    "course",
    "dear",
    "do",
    "don",
    "enough",
    "er",
    "fair",
    "fine",
    "go",
    "good",
    "gotcha",
    "grand",
    "great",
    "guess",
    "hear",
    "hm",
    "hmm",
    "i",
    "is",
    "it",
    "just",
    "know",
    "like",
    "love",
    "lovely",
    "ll",
    "m",
    "makes",
    "mate",
    "me",
    "mhm",
    "mind",
    "nice",
    "now",
    "of",
    "oh",
    "ok",
    "okay",
    "on",
    "one",
    "pal",
    "perfect",
    "please",
    "right",
    "righto",
    "s",
    "say",
    "see",
    "sense",
    "so",
    "splendid",
    "suppose",
    "sure",
    "t",
    "ta",
    "thank",
    "thanks",
    "that",
    "the",
    "then",
    "think",
    "this",
    "to",
    "understand",
    "understood",
    "uh",
    "um",
    "ve",
    "very",
    "well",
    "with",
    "yeah",
    "yep",
    "yes",
    "you",
];
/// More words than this tell of the need itself.
const WORDS_OF_A_CHOICE: usize = 6;

fn finds(cue: &Cue, text: &str) -> bool {
    cue.as_ref().is_some_and(|regex| regex.is_match(text))
}

/// Which of two things somebody means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The first.
    First,
    /// The second.
    Second,
    /// Neither of them.
    Neither,
}

impl Reader {
    /// A yes or no that is nothing else.
    pub fn yes_or_no(&self, text: &str) -> Option<bool> {
        assent::clear_answer(text).or_else(|| assent::begins_with_no(text).then_some(false))
    }

    /// Whether somebody only shows that they have heard: "Okay." is no yes to something that changes money or a contract.
    pub fn only_acknowledges(&self, text: &str) -> bool {
        finds(&ACKNOWLEDGES, text)
    }

    /// Whether the words can choose none of several things: a yes to "Which one?" names none.
    pub(super) fn chooses_nothing(&self, text: &str) -> bool {
        let says_something = text
            .split(|c: char| !c.is_alphanumeric())
            .map(str::to_lowercase)
            .any(|word| !word.is_empty() && !NO_CHOICE.contains(&word.as_str()));
        finds(&ONLY_AGREES, text) || cues::is_thanks(text) || !says_something
    }

    /// Whether there is a question in the words.
    pub fn asks(&self, text: &str) -> bool {
        cues::question(text).is_some()
    }

    /// Whether they want to know something without asking it ("tell me about the notice period").
    pub fn wants_to_know(&self, text: &str) -> bool {
        finds(&WANTS_TO_KNOW, text)
    }

    /// Whether they ask for information rather than for help with something of their own.
    pub fn asks_for_information(&self, text: &str) -> bool {
        cues::question(text).is_some_and(cues::asks_for_information)
    }

    /// Whether there is nothing more that they need.
    pub fn is_done(&self, text: &str) -> bool {
        cues::is_done(text)
    }

    /// Which of two things that were named somebody means, by their place ("the second one").
    pub fn chosen(&self, text: &str) -> Option<Choice> {
        if text.split_whitespace().count() > WORDS_OF_A_CHOICE {
            return None;
        }
        if finds(&NEITHER, text) || assent::clear_answer(text) == Some(false) {
            return Some(Choice::Neither);
        }
        match (finds(&FIRST, text), finds(&SECOND, text)) {
            (true, false) => Some(Choice::First),
            (false, true) => Some(Choice::Second),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn reader() -> Reader {
        let embedder = std::sync::Arc::new(crate::embedding::HashingEmbedder::default());
        Reader::new(embedder, std::sync::Arc::from([]))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn hearing_is_no_yes() {
        let reader = reader().await;
        for heard in [
            "Okay.",
            "ok",
            "Right, okay",
            "Mhm.",
            "I see, thanks.",
            "Oh okay then",
            "Alright.",
            "Good, thanks.",
        ] {
            assert!(reader.only_acknowledges(heard), "{heard}");
        }
        for yes in [
            "Ok yes.",
            "Okay, do that.",
            "Yes",
            "Fine, go ahead",
            "Sure",
            "That's right",
            "okay cancel it",
            "",
        ] {
            assert!(!reader.only_acknowledges(yes), "{yes}");
        }
    }

    #[tokio::test]
    async fn courtesies_choose_nothing() {
        let reader = reader().await;
        for said in [
            "Okay, so be it.",
            "Nice one.",
            "Right, champion.",
            "Hm, I see now",
        ] {
            assert!(reader.chooses_nothing(said), "{said}");
        }
        for said in ["the cheaper", "whichever is biggest", "the post one"] {
            assert!(!reader.chooses_nothing(said), "{said}");
        }
    }

    #[tokio::test]
    async fn a_place_is_a_choice_and_a_story_is_none() {
        let reader = reader().await;
        for (said, choice) in [
            ("The first one, please", Some(Choice::First)),
            ("1", Some(Choice::First)),
            ("the latter", Some(Choice::Second)),
            ("Second.", Some(Choice::Second)),
            ("Neither of those", Some(Choice::Neither)),
            ("No, something else", Some(Choice::Neither)),
            ("My bill", None),
            ("This is the second time that I call you about it", None),
        ] {
            assert_eq!(reader.chosen(said), choice, "{said}");
        }
        assert_eq!(reader.yes_or_no("Yes please"), Some(true));
        assert_eq!(reader.yes_or_no("No, I need my bill"), Some(false));
    }
}
