//! What words tell: whether something worked, what kind of value is asked for or was given, what a customer's
//! utterance is. English.

use std::sync::LazyLock;

use regex::Regex;

/// Words that labels and replies of many businesses share; other words of a label say nothing to the model.
pub(super) const LABEL_WORDS: [&str; 48] = [
    "ask",
    "inform",
    "hello",
    "name",
    "anything",
    "else",
    "bye",
    "out",
    "scope",
    "query",
    "nothing",
    "found",
    "unavailable",
    "not",
    "available",
    "successful",
    "failed",
    "confirm",
    "booking",
    "search",
    "more",
    "criteria",
    "provide",
    "result",
    "custom",
    "number",
    "time",
    "day",
    "date",
    "location",
    "type",
    "start",
    "end",
    "optional",
    "request",
    "done",
    "next",
    "reservation",
    "details",
    "questions",
    "confirmed",
    "price",
    "rating",
    "code",
    "departure",
    "arrival",
    "destination",
    "step",
];

/// Words of labels that stand for the same.
const SAME: [(&str, &str); 10] = [
    ("goodbye", "bye"),
    ("succeeded", "successful"),
    ("success", "successful"),
    ("failure", "failed"),
    ("starting", "start"),
    ("results", "result"),
    ("booked", "booking"),
    ("book", "booking"),
    ("searching", "search"),
    ("steps", "step"),
];

/// Kinds of values, with the words of labels and questions that ask for them.
const VALUES: [&[&str]; KINDS] = [
    &["name", "host", "guest"],
    &[
        "time",
        "start",
        "end",
        "date",
        "day",
        "arrival",
        "departure",
        "when",
        "to",
        "from",
    ],
    &["day", "date", "when"],
    &[
        "number", "size", "many", "guests", "floor", "id", "price", "code", "pin", "account",
    ],
    &[
        "location",
        "city",
        "destination",
        "departure",
        "arrival",
        "venue",
        "where",
        "place",
    ],
];
/// How many kinds of values are told apart.
pub(super) const KINDS: usize = 5;
/// Signs of an utterance that tell what it does, before those that tell which values it holds.
const ACTS: usize = 7;
/// Signs of an utterance.
pub(super) const UTTERANCE: usize = ACTS + KINDS;

const PATTERNS: [&str; UTTERANCE] = [
    r"(?i)\b(yes|yeah|yep|yup|sure|ok|okay|please do|correct|right|go ahead|sounds good|great|perfect|fine|good|awesome|absolutely|of course|definitely)\b",
    r"(?i)\b(no|nope|nah|not|don't|doesn't|none|never ?mind|nothing)\b",
    r"(?i)\b(thanks?|thx|thank you|cheers)\b",
    r"(?i)\b(bye|goodbye|that'?s (all|it)|that is (all|it)|see you|nice day|good day|that will be all)\b",
    r"(?i)^(hi|hello|hey|good (morning|afternoon|evening)|greetings)\b",
    r"(?i)\?|^(what|when|where|how|who|which|can|could|do|does|is|are|will|would)\b",
    r"(?i)\b(instead|actually|change|another|other|different|else|how about|what about|wait|also|sorry)\b",
    r"(?i)\b(my name|name is|name's|i'm [A-Z]|i am [A-Z]|this is|here)\b|^[A-Z]?\w+$",
    r"(?i)\b(\d{1,2}(:\d\d)? ?([ap]\.?m\.?)|noon|midnight|morning|evening|afternoon|o'?clock|now|tonight)\b",
    r"(?i)\b(mon|tues?|wednes|thurs?|fri|satur|sun)(day)?\b|\b(today|tomorrow|tonight|weekend|january|february|march|april|may|june|july|august|september|october|november|december|\d+(st|nd|rd|th))\b",
    r"(?i)\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty)\b",
    r"\b(in|at|from|to|near|on)\s+(the )?[A-Z]\w+",
];

macro_rules! pattern {
    ($name:ident, $pattern:expr) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($pattern).ok());
    };
}

static SIGNS: LazyLock<Vec<Option<Regex>>> =
    LazyLock::new(|| PATTERNS.iter().map(|p| Regex::new(p).ok()).collect());
pattern!(
    BAD,
    r"(?i)\b(not|un\w+|fail\w*|no|nothing|too|conflict\w*|sorry|incorrect|wrong|denied|reject\w*|invalid|cannot|can't|couldn't|busy|full|booked at|error)\b"
);
pattern!(
    GOOD,
    r"(?i)\b(available|succe\w*|confirm\w*|booked|done|correct|complete\w*|recovered|unlocked|scheduled|accept\w*|approved|thank)\b"
);
pattern!(
    CLOSED,
    r"^(have|do|does|did|is|are|was|would|can|could|shall|should|will)\b"
);
pattern!(
    NOT_CLOSED,
    r"\b(give me|tell me|provide|get|have) (your|the|me)|may i|\bname\b"
);
pattern!(
    OPTIONAL,
    r"\b(any|special|specific|optional|additional|message|particular\w*|preferences?)\b"
);
pattern!(
    OFFERS,
    r"\b(can|shall|should|may|could) i (book|proceed|confirm|reserve|go ahead)|like me to\b|should i\b"
);
pattern!(OTHERWISE, r"change any|try (a|an)|different|instead");
pattern!(
    UNKNOWN,
    r"(?i)don'?t know|no idea|not sure|\bpass\b|give up|no clue|skip"
);
pattern!(FIRST_LETTER, r"(^|[.!?] +)[A-Z]");
pattern!(NAMED, r"\b(?:[A-Z][a-z]+(?: [A-Z][a-z]+)*|\d[\d:.,]*)");

fn holds(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|p| p.is_match(text))
}

/// 1 where words say that something worked, -1 where they say that it did not, else 0.
pub(super) fn polarity(text: &str) -> i8 {
    if holds(&BAD, text) {
        -1
    } else {
        i8::from(holds(&GOOD, text))
    }
}

/// What an utterance of the customer does and which kinds of values it holds; see [`PATTERNS`].
pub(super) fn signs(text: &str) -> [bool; UTTERANCE] {
    let mut signs = [false; UTTERANCE];
    for (sign, pattern) in signs.iter_mut().zip(SIGNS.iter()) {
        *sign = pattern.as_ref().is_some_and(|p| p.is_match(text));
    }
    signs
}

/// The kinds of values among the signs of an utterance.
pub(super) fn values_of(signs: &[bool; UTTERANCE]) -> [bool; KINDS] {
    let mut kinds = [false; KINDS];
    kinds.copy_from_slice(&signs[ACTS..]);
    kinds
}

/// Which kinds of values a question asks for, by the words of its label and its text.
pub(super) fn asked(label: &[String], text: &str) -> [bool; KINDS] {
    let lower = text.to_lowercase();
    VALUES.map(|words| {
        label.iter().any(|word| words.contains(&word.as_str()))
            || lower
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|word| words.contains(&word))
    })
}

/// What a reply does: asks for yes or no, for something optional, offers to go on, offers another way.
pub(super) fn manner(text: &str) -> [bool; 4] {
    let text = text.to_lowercase();
    [
        holds(&CLOSED, &text) && !holds(&NOT_CLOSED, &text),
        holds(&OPTIONAL, &text),
        holds(&OFFERS, &text),
        holds(&OTHERWISE, &text),
    ]
}

/// Whether somebody says that they do not know.
pub(super) fn does_not_know(text: &str) -> bool {
    holds(&UNKNOWN, text)
}

/// The words of a label, those that mean the same made one, digits left out.
pub(super) fn label_words(label: &str) -> Vec<String> {
    let plain: String = label.chars().filter(|c| !c.is_ascii_digit()).collect();
    let words = plain.split('_').filter(|word| !word.is_empty());
    words.map(|word| same(&word.to_lowercase())).collect()
}

/// The words of a field's name, `DepartureLocation` or `departure_location`.
pub(super) fn field_words(field: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in field.chars() {
        let starts =
            c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit());
        if starts || c == '_' || c == ' ' {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c != '_' && c != ' ') {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words.iter().map(|word| same(word)).collect()
}

fn same(word: &str) -> String {
    let found = SAME.iter().find(|(from, _)| *from == word);
    found.map_or(word, |(_, to)| to).to_owned()
}

/// Names and numbers that an utterance holds.
pub(super) fn named(text: &str) -> Vec<String> {
    let (Some(first), Some(named)) = (FIRST_LETTER.as_ref(), NAMED.as_ref()) else {
        return Vec::new();
    };
    let text = first.replace_all(text, |found: &regex::Captures<'_>| found[0].to_lowercase());
    let found = named
        .find_iter(&text)
        .map(|found| found.as_str().to_owned());
    found.filter(|value| value != "I").collect()
}

/// Lower-case words of at least so many letters.
pub(super) fn long_words(text: &str, least: usize) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_ascii_alphabetic())
        .filter(move |word| word.len() >= least)
        .map(str::to_lowercase)
}
