//! When somebody is finished: silence, and what the words so far say about it.
//!
//! A pause after a finished sentence ends a turn soon; a trailing "and", a number that is being dictated or a
//! name that is being spelled is waited for.

use super::annotate::is_dictating;

/// How long a pause ends an utterance, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointOptions {
    /// After a sentence that is complete.
    pub complete_ms: u64,
    /// After words that may go on.
    pub open_ms: u64,
    /// After words that do go on ("and", "my number is"), and within a number or a spelled name.
    pub unfinished_ms: u64,
}

impl Default for EndpointOptions {
    fn default() -> Self {
        Self {
            complete_ms: 480,
            open_ms: 750,
            unfinished_ms: 1_500,
        }
    }
}

impl EndpointOptions {
    /// Sets the pause after a complete sentence.
    #[must_use]
    pub fn with_complete_ms(mut self, pause_ms: u64) -> Self {
        self.complete_ms = pause_ms;
        self
    }

    /// Sets the pause after words that may go on.
    #[must_use]
    pub fn with_open_ms(mut self, pause_ms: u64) -> Self {
        self.open_ms = pause_ms;
        self
    }

    /// Sets the pause after words that do go on.
    #[must_use]
    pub fn with_unfinished_ms(mut self, pause_ms: u64) -> Self {
        self.unfinished_ms = pause_ms;
        self
    }

    /// The pause that ends an utterance of these words. Without words nobody is waited for.
    pub fn pause_after(&self, text: &str, language: Option<&str>) -> u64 {
        match completeness(text, language) {
            Completeness::Complete => self.complete_ms,
            Completeness::Open => self.open_ms,
            Completeness::Unfinished => self.unfinished_ms,
        }
    }

    /// The longest of the three.
    pub fn longest_ms(&self) -> u64 {
        self.complete_ms.max(self.open_ms).max(self.unfinished_ms)
    }
}

/// Whether more is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Completeness {
    Complete,
    Open,
    Unfinished,
}

fn completeness(text: &str, language: Option<&str>) -> Completeness {
    let text = text.trim_end();
    let Some(last) = words(text).last() else {
        return Completeness::Complete;
    };
    // A full stop is the recogniser's guess: it sets one behind an "and" too.
    if text.ends_with("...") || text.ends_with('…') || text.ends_with([',', '-', '–', ':']) {
        return Completeness::Unfinished;
    }
    // A question may end with any word ("Where do I send it to?"); that it is one is heard in the voice.
    let is_question = text.ends_with(['?', '？']);
    if !is_question && (goes_on(&last, language) || is_dictating(text, language)) {
        return Completeness::Unfinished;
    }
    match text.ends_with(['.', '?', '!', '。', '？', '！']) {
        true => Completeness::Complete,
        false => Completeness::Open,
    }
}

/// Words that nobody ends a sentence with.
fn goes_on(word: &str, language: Option<&str>) -> bool {
    let list: &[&str] = match primary(language).as_str() {
        "en" => &[
            "and", "or", "but", "because", "cause", "so", "if", "when", "while", "although",
            "that's", "the", "a", "an", "my", "your", "his", "our", "their", "its", "to", "of",
            "from", "with", "at", "for", "by", "into", "um", "uh", "erm", "er", "hmm", "i'm",
            "it's", "is", "are", "was", "were", "i", "we", "they", "than", "like", "which",
            "whether", "as",
        ],
        "de" => &[
            "und", "oder", "aber", "weil", "dass", "wenn", "der", "die", "das", "ein", "eine",
            "mein", "meine", "ihr", "ihre", "zu", "von", "mit", "für", "bei", "ist", "sind", "äh",
            "ähm", "ich", "wir", "also",
        ],
        "fr" => &[
            "et", "ou", "mais", "parce", "que", "si", "le", "la", "les", "un", "une", "mon", "ma",
            "mes", "de", "du", "des", "à", "avec", "pour", "est", "sont", "euh", "je", "nous",
            "donc",
        ],
        "es" => &[
            "y", "o", "pero", "porque", "que", "si", "el", "la", "los", "las", "un", "una", "mi",
            "mis", "de", "del", "con", "para", "es", "son", "eh", "pues", "en",
        ],
        _ => &[],
    };
    list.contains(&word)
}

/// Whether the words only tell the other that one listens ("mhm", "okay"): while the other speaks they
/// are no turn. Yngve 1970, *On getting a word in edgewise*.
pub fn is_back_channel(text: &str, language: Option<&str>) -> bool {
    const EVERYWHERE: &[&str] = &[
        "mhm", "mm", "mmm", "hm", "hmm", "uh", "huh", "mmhmm", "aha", "ah", "oh", "ok", "okay",
        "mm-hmm", "uh-huh", "mhmm",
    ];
    let own: &[&str] = match primary(language).as_str() {
        "en" => &[
            "yeah",
            "yes",
            "yep",
            "yup",
            "right",
            "sure",
            "alright",
            "great",
            "good",
            "fine",
            "exactly",
            "really",
            "i",
            "see",
            "got",
            "it",
            "understood",
            "of",
            "course",
            "all",
        ],
        "de" => &[
            "ja", "genau", "gut", "stimmt", "klar", "verstehe", "ach", "so", "alles",
        ],
        "fr" => &[
            "oui",
            "ouais",
            "d'accord",
            "bien",
            "voilà",
            "exactement",
            "je",
            "vois",
        ],
        "es" => &[
            "sí", "si", "claro", "vale", "bueno", "ya", "entiendo", "exacto",
        ],
        _ => &[],
    };
    let spoken: Vec<String> = words(text).collect();
    // Words that make one only together ("I see", "got it") make none alone.
    let alone = [
        "i", "see", "it", "of", "got", "all", "je", "vois", "alles", "so",
    ];
    (1..=3).contains(&spoken.len())
        && spoken
            .iter()
            .all(|w| EVERYWHERE.contains(&w.as_str()) || own.contains(&w.as_str()))
        && !(spoken.len() == 1 && alone.contains(&spoken[0].as_str()))
}

/// Words without what stands around them, in lower case.
fn words(text: &str) -> impl DoubleEndedIterator<Item = String> {
    let bare = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        word.replace('’', "'").to_lowercase()
    };
    text.split_whitespace()
        .map(bare)
        .filter(|word| !word.is_empty())
}

/// The first part of a language tag; English where it is not known, since most models answer in it.
fn primary(language: Option<&str>) -> String {
    let tag = language.unwrap_or("en");
    tag.split(['-', '_'])
        .next()
        .unwrap_or_default()
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_sentence_ends_sooner_than_one_that_goes_on() {
        let options = EndpointOptions::default();
        let pause = |text: &str| options.pause_after(text, Some("en-GB"));
        for complete in [
            "I was charged twice.",
            "When will I have my money back?",
            "Where do I send it to?",
            "Thank you. Bye!",
            "",
        ] {
            assert_eq!(pause(complete), options.complete_ms, "{complete}");
        }
        for unfinished in [
            "I was charged twice and.",
            "I was charged twice, and",
            "My name is...",
            "It is about my",
            "Well, um,",
            "my account number is 4 4 1",
            "It's S M I",
        ] {
            assert_eq!(pause(unfinished), options.unfinished_ms, "{unfinished}");
        }
        assert_eq!(pause("I was charged twice"), options.open_ms);
        assert_eq!(
            options.pause_after("Ich habe angerufen, weil", Some("de")),
            options.unfinished_ms
        );
        assert_eq!(
            options.pause_after("something in Finnish.", Some("fi")),
            options.complete_ms
        );
        assert_eq!(options.longest_ms(), options.unfinished_ms);
    }

    #[test]
    fn listening_noises_are_no_turns_and_answers_of_substance_are() {
        for back_channel in [
            "Mhm.",
            "Okay.",
            "Uh-huh",
            "Yeah, yeah.",
            "I see.",
            "Oh, right!",
            "got it",
        ] {
            assert!(is_back_channel(back_channel, Some("en")), "{back_channel}");
        }
        for turn in [
            "",
            "No.",
            "I",
            "it",
            "Okay, I will pay.",
            "Right now please.",
            "yes yes yes yes",
        ] {
            assert!(!is_back_channel(turn, Some("en")), "{turn}");
        }
        assert!(is_back_channel("Ja, genau.", Some("de-DE")));
        assert!(!is_back_channel("Yes.", Some("de-DE")));
    }
}
