//! Words that stand before and behind names.

use std::sync::LazyLock;

use regex::Regex;

/// Behind these comes a name, whatever it looks like.
pub(super) static STRONG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let said = r"(?:\bname|\bnames|\bsurname|\bnamed|\bnom|\bapellido|\bvārds|\buzvārds)\b(?:\s+(?:on (?:the|my|this|your) (?:account|card|file|order|booking|contract|policy|reservation|bill)|here|again|please|there))?\s*(?:is|'s|’s|was|would be|should be|est|es|ir|lautet|ist|as|:|-|=|\?)";
    let others = r"\b(?:full name|first name|last name|given name|family name|maiden name|in the name of|under the name(?: of)?|goes by|go by|account ?holder(?: is|:)?|card ?holder(?:'s name)?(?: is|:)?|name is|name's|i am called|i'm called|call me|named|mein name ist|ich heiße|ich heisse|je m'appelle|je me nomme|me llamo|mi nombre es|mani sauc|mi chiamo|il mio nome è|mijn naam is|ik heet|o meu nome é|meu nome é|chamo-me|nazywam się|jag heter|jeg heter|mr|mrs|ms|mx|messrs|herr|frau|monsieur|mme|señora?|sra|signora?|kungs|kundze)\b\.?";
    Regex::new(&format!(
        r"(?i){said}|{others}|\b(?:Dr|Prof|Miss|Sr)\b\.?|(?-i:\bM\.)"
    ))
    .ok()
});

/// Behind these comes a name if it looks like one.
pub(super) static WEAK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:i am|i'm|i’m|im|this is|it is|it's|it’s|that is|that's|here is|you're (?:speaking|talking|chatting) (?:with|to)|(?:speaking|speak|spoke|talking|talked|chatting|chatted|dealt|connected|transferred) (?:with|to)|under|on behalf of|behalf of|for|registered (?:to|under|with)|belongs? to|belonging to|signed by|sold to|addressed to|made out to|attn|attention|contact|contact person|ask for|asked for|dear|hi|hello|hey|hallo|bonjour|hola|sveiki|labdien|good (?:morning|afternoon|evening|day)|guten (?:tag|morgen)|(?:kind|best|warm|many)? ?regards|sincerely|yours (?:truly|faithfully)|best(?: wishes)?|thanks(?: so much| a lot| again)?|thank you(?: so much| very much| again)?|cheers|love|grüßen?|cordialement|saludos|my (?:husband|wife|son|daughter|mother|father|mum|mom|dad|brother|sister|partner|boss|colleague|flatmate|roommate|friend|manager|assistant|grandmother|grandfather|uncle|aunt|cousin|neighbou?r)|colleague|user|customer|client|patient|tenant|agent|advisor|technician|engineer|manager|from|to|by|with|and|ich bin|je suis|soy|hier ist|hier spricht|c'est|am apparat|esmu|la señora|le nom|account of|name of|name)\b\s*[,:.!-]{0,2}").ok()
});

/// What kind of words stand before a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cue {
    /// "Dear", "Kind regards": a name or nothing follows.
    Greets,
    /// "thanks", "speaking with": likely a name.
    Addresses,
    /// "this is", "my wife": a name or anything else.
    Tells,
    /// "from", "by": anything.
    Loose,
    /// "name" alone.
    Name,
}

impl Cue {
    pub(super) fn of(cue: &str) -> Self {
        let plain = cue
            .trim_end_matches([',', ':', '.', '!', '-', ' ', '\n'])
            .to_lowercase();
        let spoken = [
            "speaking",
            "speak",
            "spoke",
            "talking",
            "talked",
            "chatting",
            "chatted",
            "dealt",
            "connected",
            "transferred",
            "asked",
            "ask",
            "you're",
        ];
        if greets(&plain) {
            Self::Greets
        } else if plain.starts_with("thank") || spoken.iter().any(|word| plain.starts_with(word)) {
            Self::Addresses
        } else if plain == "name" {
            Self::Name
        } else if matches!(
            plain.as_str(),
            "for" | "from" | "to" | "by" | "with" | "and" | "love" | "best" | "under" | "contact"
        ) {
            Self::Loose
        } else {
            Self::Tells
        }
    }
}

fn greets(cue: &str) -> bool {
    let begins = [
        "dear", "hi", "hello", "hey", "hallo", "bonjour", "hola", "sveiki", "labdien", "good",
        "guten",
    ];
    let ends = [
        "regards",
        "sincerely",
        "truly",
        "faithfully",
        "wishes",
        "cheers",
        "cordialement",
        "saludos",
        "grüße",
        "grüßen",
    ];
    begins.iter().any(|word| cue.starts_with(word)) || ends.iter().any(|word| cue.ends_with(word))
}

/// Adverbs, adjectives and participles, by their endings.
pub(super) fn describes(word: &str) -> bool {
    [
        "ly", "ed", "ing", "ous", "ful", "able", "ible", "less", "ish", "ive", "ant", "ent", "ic",
        "ical", "ment", "tion", "ness",
    ]
    .iter()
    .any(|ending| word.ends_with(ending))
}

/// Words that go on behind the name of whoever is spoken to.
pub(super) const AFTER: [&str; 26] = [
    "bye",
    "how",
    "uh",
    "um",
    "er",
    "i",
    "i'm",
    "and",
    "thanks",
    "thank",
    "this",
    "my",
    "what",
    "can",
    "could",
    "have",
    "here",
    "speaking",
    "calling",
    "from",
    "about",
    "goodbye",
    "please",
    "for",
    "you",
    "yesterday",
];
