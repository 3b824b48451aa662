//! Words: which name a group of texts, which make a sentence a complaint. English.

use std::collections::{BTreeMap, BTreeSet};

/// Words in a name.
const NAME_WORDS: usize = 3;

/// The telling words of many texts, to name groups of them by.
pub(super) struct Lexicon {
    sets: Vec<BTreeSet<String>>,
    /// In how many texts a word is.
    everywhere: BTreeMap<String, usize>,
}

impl Lexicon {
    pub(super) fn new(texts: &[String]) -> Self {
        let sets: Vec<BTreeSet<String>> = texts.iter().map(|text| telling(text)).collect();
        let mut everywhere = BTreeMap::new();
        for word in sets.iter().flatten() {
            *everywhere.entry(word.clone()).or_default() += 1;
        }
        Self { sets, everywhere }
    }

    /// The words most typical of a group: how many of the group have them, against how many of all.
    pub(super) fn typical(&self, group: &[usize]) -> Vec<String> {
        let mut here: BTreeMap<&str, usize> = BTreeMap::new();
        for word in group.iter().filter_map(|&at| self.sets.get(at)).flatten() {
            *here.entry(word).or_default() += 1;
        }
        let least = if group.len() > 1 { 2 } else { 1 };
        let all = self.sets.len() as f32;
        let mut scored: Vec<(&str, f32)> = here
            .into_iter()
            .filter(|(_, count)| *count >= least)
            .map(|(word, count)| {
                let of_all = self.everywhere.get(word).copied().unwrap_or(1) as f32;
                (word, count as f32 * (1.0 + all / of_all).ln())
            })
            .collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
        let words = scored.into_iter().take(NAME_WORDS);
        words.map(|(word, _)| word.to_owned()).collect()
    }

    /// The name of a group.
    pub(super) fn name(&self, group: &[usize]) -> String {
        let words = self.typical(group);
        if words.is_empty() {
            "unnamed".into()
        } else {
            words.join(" ")
        }
    }
}

/// The text without what stands for redacted words, `[EMAIL]`.
pub(super) fn without_placeholders(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| !word.contains('['));
    words.collect::<Vec<_>>().join(" ")
}

/// The words that carry a text's meaning; placeholders of what was redacted are none.
fn telling(text: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for token in without_placeholders(text).split_whitespace() {
        for word in token.split(|c: char| !(c.is_alphabetic() || c == '\'' || c == '\u{2019}')) {
            let word = word.to_lowercase().replace('\u{2019}', "'");
            let word = word.trim_matches('\'');
            if word.chars().count() > 2 && !STOPWORDS.contains(&word) {
                words.insert(word.to_owned());
            }
        }
    }
    words
}

/// Whether a text says in plain words that something is wrong.
pub(super) fn complains(text: &str) -> bool {
    let mut plain = String::from(" ");
    for word in text
        .replace('\u{2019}', "'")
        .split(|c: char| !(c.is_alphanumeric() || c == '\''))
        .filter(|word| !word.is_empty())
    {
        plain.push_str(&word.to_lowercase());
        plain.push(' ');
    }
    COMPLAINTS.iter().any(|cue| plain.contains(cue)) && !DENIALS.iter().any(|d| plain.contains(d))
}

/// Whether a note says that the matter is settled.
pub(super) fn says_solved(note: &str) -> bool {
    let lower = note.to_lowercase();
    let unsolved = [
        "not resolved",
        "unresolved",
        "not solved",
        "not fixed",
        "unsolved",
        "n't fix",
        "n't resolve",
        "n't solve",
    ];
    let solved = ["resolved", "solved", "fixed", "issue closed", "sorted"];
    solved.iter().any(|w| lower.contains(w)) && !unsolved.iter().any(|w| lower.contains(w))
}

const COMPLAINTS: &[&str] = &[
    " annoyed ",
    " annoying ",
    " angry ",
    " frustrated ",
    " frustrating ",
    " upset ",
    " furious ",
    " disappointed ",
    " disappointing ",
    " ridiculous ",
    " unacceptable ",
    " outrageous ",
    " terrible ",
    " awful ",
    " horrible ",
    " useless ",
    " fed up ",
    " had enough ",
    " sick of ",
    " waste of time ",
    " wasted ",
    " complain ",
    " complaint ",
    " rude ",
    " a joke ",
    " nobody ",
    " no one ",
    " never called ",
    " never came ",
    " never arrived ",
    " still not ",
    " still no ",
    " still waiting ",
    " still hasn't ",
    " still haven't ",
    " still doesn't ",
    " not working ",
    " doesn't work ",
    " does not work ",
    " stopped working ",
    " won't work ",
    " keeps ",
    " keep getting ",
    " again and again ",
    " third time ",
    " second time ",
    " fourth time ",
    " charged twice ",
    " charged me twice ",
    " overcharged ",
    " wrong ",
    " broken ",
    " waiting for ",
    " been waiting ",
    " on hold for ",
    " let me down ",
    " let down ",
    " not happy ",
    " unhappy ",
    " dissatisfied ",
    " not satisfied ",
    " bad service ",
    " poor service ",
    " worst ",
    " without asking ",
    " too expensive ",
    " rip off ",
    " ripped off ",
    " scam ",
    " cannot reach ",
    " can't reach ",
    " can't get through ",
    " no answer ",
    " no reply ",
    " too long ",
    " too slow ",
    " so slow ",
    " missed ",
    " failed ",
    " broke ",
    " delayed ",
];

const DENIALS: &[&str] = &[
    " not a complaint ",
    " nothing wrong ",
    " nothing is wrong ",
    " not annoyed ",
    " no complaints ",
    " not angry ",
    " no longer broken ",
    " anything wrong ",
];

/// Sentences that complain, for likeness.
pub(super) const COMPLAINT_EXAMPLES: &[&str] = &[
    "I am really annoyed about this.",
    "You promised to call me back and nothing happened.",
    "This is the third time I have to explain it.",
    "I have been on hold for an hour.",
    "The engineer did not turn up.",
    "You took the money twice.",
    "My connection drops every evening.",
    "Everybody tells me something different.",
    "The app throws me out whenever I log in.",
    "I was told it would be free and now I have to pay.",
];

/// Sentences that do not, on the same matters.
pub(super) const NEUTRAL_EXAMPLES: &[&str] = &[
    "I would like to change my plan.",
    "When will the engineer come?",
    "How much is the new tariff?",
    "My account number is in the mail.",
    "Can you call me back tomorrow?",
    "Thank you very much for your help.",
    "Yes, that is my address.",
    "I want to pay my bill.",
    "How do I log in to the app?",
    "Okay, that works for me.",
];

const STOPWORDS: &[&str] = &[
    "the",
    "and",
    "for",
    "you",
    "your",
    "yours",
    "that",
    "this",
    "these",
    "those",
    "with",
    "have",
    "has",
    "had",
    "was",
    "were",
    "are",
    "can",
    "could",
    "would",
    "will",
    "shall",
    "should",
    "not",
    "but",
    "its",
    "it's",
    "i'm",
    "i've",
    "i'd",
    "i'll",
    "don't",
    "didn't",
    "doesn't",
    "can't",
    "won't",
    "isn't",
    "wasn't",
    "haven't",
    "hasn't",
    "there",
    "their",
    "they",
    "them",
    "then",
    "than",
    "from",
    "about",
    "what",
    "when",
    "where",
    "which",
    "who",
    "why",
    "how",
    "all",
    "any",
    "some",
    "just",
    "like",
    "need",
    "want",
    "wants",
    "please",
    "thanks",
    "thank",
    "hello",
    "hey",
    "yes",
    "yeah",
    "okay",
    "because",
    "been",
    "being",
    "get",
    "got",
    "getting",
    "did",
    "does",
    "doing",
    "done",
    "also",
    "now",
    "out",
    "into",
    "over",
    "very",
    "really",
    "here",
    "our",
    "ours",
    "his",
    "her",
    "she",
    "him",
    "more",
    "much",
    "many",
    "too",
    "only",
    "one",
    "two",
    "let",
    "know",
    "think",
    "going",
    "make",
    "made",
    "see",
    "say",
    "said",
    "tell",
    "told",
    "help",
    "calling",
    "call",
    "called",
    "trying",
    "try",
    "way",
    "well",
    "good",
    "morning",
    "afternoon",
    "evening",
    "today",
    "while",
    "after",
    "before",
    "again",
    "still",
    "even",
    "ever",
    "never",
    "always",
    "nobody",
    "my",
    "mine",
    "me",
    "we",
    "us",
    "it",
    "is",
    "be",
    "as",
    "at",
    "customer",
    "agent",
    "wanted",
    "asked",
    "has",
    "agreed",
];
