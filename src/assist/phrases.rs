//! Words and phrases in what somebody says: whole words, in any case.

/// The words of a text in lower case. Signs between them are left out, apostrophes within them stay; characters of
/// scripts that put no blanks between words are words of their own.
pub(crate) fn words_of(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        let c = if c == '\u{2019}' { '\'' } else { c };
        if c >= '\u{2e80}' && c.is_alphanumeric() {
            words.extend(finished(&mut word));
            words.push(c.to_string());
        } else if c.is_alphanumeric() || c == '\'' {
            word.extend(c.to_lowercase());
        } else {
            words.extend(finished(&mut word));
        }
    }
    words.extend(finished(&mut word));
    words
}

fn finished(word: &mut String) -> Option<String> {
    // An apostrophe at the border is a quotation mark.
    let plain = word.trim_matches('\'').to_owned();
    word.clear();
    Some(plain).filter(|word| !word.is_empty())
}

/// Where a phrase begins among words, if it is there.
pub(crate) fn find(words: &[String], phrase: &[String]) -> Option<usize> {
    if phrase.is_empty() {
        return None;
    }
    words
        .windows(phrase.len())
        .position(|window| window == phrase)
}

/// Phrases prepared for looking them up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phrases(Vec<(String, Vec<String>)>);

impl Phrases {
    pub(crate) fn new(phrases: &[String]) -> Self {
        Self(phrases.iter().map(|p| (p.clone(), words_of(p))).collect())
    }

    /// The first of them that is among the words.
    pub(crate) fn first_in(&self, words: &[String]) -> Option<&str> {
        self.0
            .iter()
            .find(|(_, phrase)| find(words, phrase).is_some())
            .map(|(written, _)| written.as_str())
    }

    /// Whether all of them are among the words.
    pub(crate) fn all_in(&self, words: &[String]) -> bool {
        self.0
            .iter()
            .all(|(_, phrase)| find(words, phrase).is_some())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What is said when a conversation comes to its end.
const CLOSING: &[&str] = &[
    "anything else i can",
    "anything else today",
    "anything else for you",
    "anything else you need",
    "goodbye",
    "good bye",
    "bye",
    "bye bye",
    "have a nice day",
    "have a good day",
    "have a great day",
    "have a lovely day",
    "auf wiederhören",
    "auf wiedersehen",
    "tschüss",
    "sonst noch etwas",
    "au revoir",
    "bonne journée",
    "adiós",
    "hasta luego",
    "uz redzēšanos",
    "visu labu",
];

/// What does so only where a sentence ends with it, but for courtesies: "nothing else to pay" closes nothing.
const CLOSING_LAST: &[&str] = &[
    "nothing else",
    "that is everything",
    "that's everything",
    "that's all",
    "that is all",
    "autre chose",
    "algo más",
];

/// Words that may follow those.
const COURTESIES: &[&str] = &[
    "thanks", "thank", "you", "very", "much", "so", "then", "for", "now", "today", "from", "me",
    "my", "side", "i", "we", "need", "needed", "want", "wanted", "really", "please", "the", "your",
    "help", "bye", "merci", "gracias",
];

/// Whether these words bring a conversation to its end: a goodbye, or the question whether there is anything else.
pub(crate) fn is_closing(text: &str) -> bool {
    let words = words_of(text);
    let said = |phrase: &&str| find(&words, &words_of(phrase)).is_some();
    CLOSING.iter().any(said) || ends_with_closing(text)
}

fn ends_with_closing(text: &str) -> bool {
    let mut sentences = text.split(['.', ',', ';', '!', '?']).map(words_of);
    sentences.any(|words| {
        let mut left = words.as_slice();
        loop {
            let closes = |phrase: &&str| left.ends_with(&words_of(phrase));
            if CLOSING_LAST.iter().any(closes) {
                return true;
            }
            match left.split_last() {
                Some((last, rest)) if COURTESIES.contains(&last.as_str()) => left = rest,
                _ => return false,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_whole_words_in_any_case() {
        let phrases = Phrases::new(&["cancel".into(), "don\u{2019}t want".into()]);
        assert_eq!(
            phrases.first_in(&words_of("Please CANCEL it.")),
            Some("cancel")
        );
        assert_eq!(phrases.first_in(&words_of("The cancellation fee")), None);
        assert!(phrases.all_in(&words_of("I don't want it, cancel!")));
        assert_eq!(
            words_of("'quoted' \u{9000}\u{6b3e}"),
            ["quoted", "\u{9000}", "\u{6b3e}"]
        );
    }

    #[test]
    fn the_end_is_heard() {
        assert!(is_closing("Is there anything else I can do?"));
        assert!(is_closing("You are welcome. Goodbye."));
        assert!(!is_closing(
            "Thank you for calling Larkfield, how can I help?"
        ));
    }

    #[test]
    fn nothing_else_closes_only_where_it_is_the_last_word() {
        for closing in [
            "No, nothing else, thanks.",
            "That's all for today, thank you!",
            "That is everything I needed.",
            "Vous faut-il autre chose ?",
        ] {
            assert!(is_closing(closing), "{closing}");
        }
        for goes_on in [
            "There is nothing else to pay.",
            "That's all wrong, look again.",
            "Je voudrais autre chose de vous.",
        ] {
            assert!(!is_closing(goes_on), "{goes_on}");
        }
    }
}
