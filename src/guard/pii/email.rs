//! E-mail addresses, written and spoken; IP addresses; passwords.

use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;

use super::{Candidate, PiiKind, rank};
use crate::conversation::number_words;

/// Digits and letters in words may stand in a spoken address.
const PIECE: &str = r"[\p{L}\p{N}]+(?:[.+'_%-]+[\p{L}\p{N}]+)*";
const AT: &str = r"(?:\s?@\s?|\s?[\[\(<{]\s?at\s?[\]\)>}]\s?|\s+(?:at(?: sign| the rate(?: of)?)?|arroba|arobase|klammeraffe|ett)\s+)";
const DOT: &str =
    r"(?:\.|\s\.\s|\s?[\[\(<{]\s?dot\s?[\]\)>}]\s?|\s+(?:dot|punkt|point|punto|punkts)\s+)";
const JOIN: &str = r"(?:\s?[\[\(<{]\s?dot\s?[\]\)>}]\s?|\s+(?:dot|point|punkt|punto|punkts|under ?score|unterstrich|tiret(?: du bas)?|bas|guion(?: bajo)?|dash|hyphen|minus|bindestrich|plus)\s+)";
const TLD: &str = r"(?:c\s?o\s?m|o\s?r\s?g|n\s?e\s?t|info|biz|gov|edu|mil|eu|io|ai|app|dev|me|tv|online|shop|cloud|example|test|invalid|co|ac|u\s?k|us|ca|au|nz|ie|in|za|d\s?e|at|ch|fr|be|nl|lu|es|pt|it|lv|lt|ee|fi|se|no|dk|is|pl|cz|sk|hu|ro|bg|gr|ru|ua|tr|br|mx|ar|cl|jp|kr|cn|hk|sg|my|ph|id|th|vn|pk|ae|sa|il|eg|ng|ke)";

static WRITTEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}\b").ok()
});

static SPOKEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let joined = format!(r"{PIECE}(?:{JOIN}{PIECE})*");
    Regex::new(&format!(r"(?i)\b({joined}){AT}({PIECE}(?:\s+[\p{{L}}\p{{N}}]+){{0,3}}?(?:{JOIN}{PIECE})*?(?:{DOT}\p{{L}}+)??){DOT}{TLD}(?:(?:\.|\s(?:dot|punkt|point)\s){TLD})?\b")).ok()
});

/// Words that belong to the sentence around a spoken address, not to it.
const OUTSIDE: [&str; 60] = [
    "is", "it's", "its", "that's", "email", "mail", "e-mail", "address", "to", "on", "me", "my",
    "the", "at", "was", "are", "be", "as", "so", "and", "or", "uh", "um", "er", "erm", "yeah",
    "yes", "sure", "okay", "ok", "under", "use", "using", "from", "for", "with", "it", "contact",
    "send", "reach", "write", "of", "would", "have", "has", "got", "in", "also", "you", "can",
    "please", "lautet", "ist", "est", "es", "ir", "adresse", "i", "a", "say",
];

static NEVER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^(?:look|looking|meet|found|find|see|shop|available|visit|order|bought|buy|online|us|works?|working|support)$").ok()
});

/// E-mail addresses.
pub(super) fn find(text: &str) -> Vec<Candidate> {
    let mut found = Vec::new();
    for matched in WRITTEN.iter().flat_map(|pattern| pattern.find_iter(text)) {
        let start = matched.start()
            + (matched.as_str().len()
                - matched
                    .as_str()
                    .trim_start_matches(['.', '\'', '-', '%', '+'])
                    .len());
        found.push(mail(start..matched.end()));
    }
    let Some(pattern) = SPOKEN.as_ref() else {
        return found;
    };
    let mut from = 0;
    while let Some(captures) = pattern.captures_at(text, from) {
        let (Some(whole), Some(local), Some(host)) =
            (captures.get(0), captures.get(1), captures.get(2))
        else {
            break;
        };
        // "me at jo at example dot com": the last "at" counts.
        if host
            .as_str()
            .split_whitespace()
            .any(|word| word.eq_ignore_ascii_case("at"))
        {
            from = host.start();
            continue;
        }
        from = whole.end();
        let marked = whole.as_str().contains('@') || whole.as_str().contains(['[', '(']);
        let alone = !local.as_str().contains(char::is_whitespace);
        if !marked
            && alone
            && NEVER
                .as_ref()
                .is_some_and(|never| never.is_match(local.as_str()))
        {
            continue;
        }
        let start = beginning(text, local.start(), local.as_str());
        found.push(mail(start..whole.end()));
    }
    found
}

fn mail(range: std::ops::Range<usize>) -> Candidate {
    Candidate {
        kind: PiiKind::Email,
        range,
        rank: rank::MAIL,
    }
}

/// A spoken address may begin further ahead: letters one by one, digits, several words behind "my e-mail is".
fn beginning(text: &str, from: usize, local: &str) -> usize {
    let mut window = from.saturating_sub(80);
    while !text.is_char_boundary(window) {
        window += 1;
    }
    let before = text.get(window..from).unwrap_or_default();
    // A full stop ends what was said before.
    let clause = before
        .rfind([':', '!', '?', ';', '\n', ',', '"'])
        .map_or(0, |at| at + 1);
    let clause = before.rfind(". ").map_or(clause, |at| clause.max(at + 2));
    let words: Vec<(usize, &str)> = words(before.get(clause..).unwrap_or_default())
        .map(|(at, word)| (window + clause + at, word))
        .collect();
    let lower = |word: &str| word.to_lowercase();
    let introduced = words.iter().rposition(|(_, word)| {
        let word = lower(word);
        OUTSIDE.contains(&word.as_str())
            && word.len() > 1
            && !matches!(
                word.as_str(),
                "at" | "in" | "on" | "so" | "as" | "or" | "and"
            )
    });
    let about_mail = words.iter().any(|(_, word)| lower(word).contains("mail"));
    let behind = introduced.map_or(0, |at| at + 1);
    let close = words.len() - behind;
    if (about_mail
        || introduced.is_some_and(|at| {
            words.get(at).is_some_and(|(_, w)| {
                matches!(lower(w).as_str(), "is" | "it's" | "that's" | "ist" | "est")
            })
        }))
        && close <= 16
        && introduced.is_some()
    {
        return words.get(behind).map_or(from, |(at, _)| *at);
    }
    // "jo sixty five at": the number, and the word before it.
    let is_number = |word: &str| {
        let lower = word.to_lowercase();
        number_words::unit(&lower)
            .or_else(|| number_words::tens(&lower))
            .is_some()
            || lower.bytes().all(|b| b.is_ascii_digit())
    };
    let first = local.split_whitespace().next().unwrap_or_default();
    if is_number(first) {
        let numbers = words
            .iter()
            .rev()
            .take_while(|(_, word)| is_number(word))
            .count();
        let name = words
            .len()
            .checked_sub(numbers + 1)
            .and_then(|at| words.get(at));
        if let Some((at, _)) = name.filter(|(_, word)| !OUTSIDE.contains(&lower(word).as_str())) {
            return *at;
        }
    }
    // Otherwise only what is clearly spelled.
    let short = |word: &str| word.chars().count() == 1 && !matches!(word, "a" | "I" | "i");
    let mut start = from;
    let mut needs = local.chars().take_while(|c| c.is_alphanumeric()).count() == 1;
    for (at, word) in words.iter().rev() {
        if !(short(word) || (needs && word.chars().count() == 1)) {
            break;
        }
        needs = true;
        start = *at;
    }
    start
}

fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_whitespace().map(move |word| {
        // Both are parts of the same text.
        (word.as_ptr() as usize - text.as_ptr() as usize, word)
    })
}

static IP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}\b").ok()
});

/// IP addresses of both versions.
pub(super) fn find_ip(text: &str) -> Vec<Candidate> {
    let all = IP.iter().flat_map(|pattern| pattern.find_iter(text));
    all.filter(|m| m.as_str().parse::<IpAddr>().is_ok())
        .map(|m| Candidate {
            kind: PiiKind::IpAddress,
            range: m.range(),
            rank: rank::MAIL,
        })
        .collect()
}

static PASSWORD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)\b(?:password|passwort|kennwort|pass ?phrase|pwd|mot de passe|contraseña|parole|memorable (?:word|name|place)|secret (?:word|answer)|security (?:answer|word)|maiden name)(?:\s*[:=]\s*|\s+(?:is|was|ist|est|es|ir|would be|set to|to)\s+(?:set to\s+|now\s+|actually\s+|uh\s+|um\s+|still\s+|called\s+)?)["'“‘]?([^\s"'”’]{2,40})"#,
    )
    .ok()
});

/// Words behind "password is" that are none.
const NO_PASSWORD: [&str; 48] = [
    "not",
    "wrong",
    "incorrect",
    "correct",
    "expired",
    "a",
    "an",
    "the",
    "my",
    "your",
    "reset",
    "required",
    "invalid",
    "being",
    "locked",
    "too",
    "very",
    "also",
    "that",
    "this",
    "it",
    "what",
    "something",
    "and",
    "or",
    "no",
    "never",
    "changed",
    "saved",
    "stored",
    "rejected",
    "accepted",
    "working",
    "weak",
    "strong",
    "case",
    "needed",
    "missing",
    "lost",
    "forgotten",
    "blocked",
    "be",
    "get",
    "change",
    "log",
    "use",
    "always",
    "still",
];

/// Passwords and answers to security questions.
pub(super) fn find_password(text: &str) -> Vec<Candidate> {
    let all = PASSWORD
        .iter()
        .flat_map(|pattern| pattern.captures_iter(text));
    all.filter_map(|captures| captures.get(1))
        .filter_map(|word| {
            let trimmed = word.as_str().trim_end_matches(['.', ',', ';', '?', ')']);
            let plain = trimmed.to_lowercase();
            let is_word = NO_PASSWORD.contains(&plain.as_str()) || trimmed.len() < 2;
            (!is_word).then(|| Candidate {
                kind: PiiKind::Password,
                range: word.start()..word.start() + trimmed.len(),
                rank: rank::CUED,
            })
        })
        .collect()
}

#[cfg(test)]
pub(super) fn patterns_compile() -> bool {
    WRITTEN.is_some() && SPOKEN.is_some() && IP.is_some() && PASSWORD.is_some() && NEVER.is_some()
}
