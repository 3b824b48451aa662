//! The clauses of a turn, each of which may want something else.

use std::ops::Range;

/// A clause of fewer words is no request of its own.
const WORDS: usize = 3;
/// Words that may begin another request (English); what they begin is judged by itself, so a wrong cut costs little.
const JOINTS: &[&str] = &["and", "also", "but", "then", "plus"];

/// The clauses of a text as ranges of bytes, without the words and signs that join them.
pub(super) fn clauses(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for sentence in sentences(text) {
        let start = found.len();
        for part in joined(text, sentence) {
            match found.get_mut(start..).and_then(<[Range<usize>]>::last_mut) {
                // Both sides of a joint must be able to stand alone.
                Some(before) if count(text, before) < WORDS || count(text, &part) < WORDS => {
                    before.end = part.end;
                }
                _ => found.push(part),
            }
        }
    }
    found.retain(|clause| count(text, clause) >= WORDS);
    found
}

fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().copied();
        let open = next.is_none_or(|(_, next)| next.is_whitespace());
        // A full stop within a number or a name ends nothing, nor does a colon in a time.
        let ends =
            matches!(letter, '\n' | ';' | '?' | '!') || (matches!(letter, '.' | ':') && open);
        if ends {
            let end = at + letter.len_utf8();
            found.push(start..end);
            start = end;
        }
    }
    found.push(start..text.len());
    found
}

/// The parts of a sentence between words that join.
fn joined(text: &str, sentence: Range<usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut current: Option<Range<usize>> = None;
    for word in words(text, &sentence) {
        let plain = text.get(word.clone()).unwrap_or_default();
        let plain = plain.trim_matches(|letter: char| !letter.is_alphanumeric());
        let signs = text
            .get(word.clone())
            .is_some_and(|word| word == "&" || word == "+");
        let joins = signs || JOINTS.iter().any(|joint| joint.eq_ignore_ascii_case(plain));
        match (&mut current, joins) {
            (Some(_), true) => parts.extend(current.take()),
            (None, true) => {}
            (Some(current), false) => current.end = word.end,
            (None, false) => current = Some(word),
        }
    }
    parts.extend(current);
    parts
}

fn words(text: &str, within: &Range<usize>) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    let part = text.get(within.clone()).unwrap_or_default();
    let mut start = None;
    for (at, letter) in part.char_indices().chain([(part.len(), ' ')]) {
        match (start, letter.is_whitespace()) {
            (None, false) => start = Some(at),
            (Some(from), true) => {
                words.push(within.start + from..within.start + at);
                start = None;
            }
            _ => {}
        }
    }
    words
}

fn count(text: &str, clause: &Range<usize>) -> usize {
    words(text, clause).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_stand_alone_is_a_clause() {
        let cut = |text: &str| -> Vec<String> {
            let found = clauses(text);
            found
                .into_iter()
                .map(|clause| text[clause].to_owned())
                .collect()
        };
        assert_eq!(
            cut("Cancel my order 3.50 please and also tell me when the shop opens. Thanks!"),
            [
                "Cancel my order 3.50 please",
                "tell me when the shop opens."
            ]
        );
        assert_eq!(cut("I want bread and butter"), ["I want bread and butter"]);
        assert_eq!(
            cut("2 things: my bill went out twice & i need more data at 10:30"),
            ["my bill went out twice", "i need more data at 10:30"]
        );
        assert_eq!(
            cut("salt and pepper on the table"),
            ["salt and pepper on the table"]
        );
        assert_eq!(
            cut("Where is it? \u{4f60}\u{597d} I wait here\nand"),
            ["Where is it?", "\u{4f60}\u{597d} I wait here"]
        );
        assert!(cut("").is_empty() && cut(" . ; and").is_empty());
    }
}
