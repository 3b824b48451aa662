//! Words, digits and marks of a text, with where they stand.

/// What a [`Token`] is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters, with inner apostrophes.
    Word,
    /// ASCII digits.
    Digits,
    /// One character of anything else but blanks.
    Mark,
}

/// A run of letters, a run of digits, or a mark.
#[derive(Clone, Debug)]
pub(super) struct Token<'a> {
    pub(super) raw: &'a str,
    /// Lower case, with straight apostrophes.
    pub(super) lower: String,
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether no blank stands before it.
    pub(super) glued: bool,
}

/// `LF902` is two tokens, the second glued to the first; `o'clock` is one.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut characters = text.char_indices().peekable();
    let mut glued = false;
    while let Some((start, first)) = characters.next() {
        if first.is_whitespace() {
            glued = false;
            continue;
        }
        let mut end = start + first.len_utf8();
        let kind = if first.is_ascii_digit() {
            Kind::Digits
        } else if first.is_alphabetic() {
            Kind::Word
        } else {
            Kind::Mark
        };
        while let Some(&(at, next)) = characters.peek() {
            let goes_on = match kind {
                Kind::Digits => next.is_ascii_digit(),
                Kind::Word => next.is_alphabetic() || is_inner_apostrophe(text, at, next),
                Kind::Mark => false,
            };
            if !goes_on {
                break;
            }
            end = at + next.len_utf8();
            characters.next();
        }
        let raw = text.get(start..end).unwrap_or_default();
        found.push(Token {
            raw,
            lower: raw.to_lowercase().replace('\u{2019}', "'"),
            kind,
            start,
            end,
            glued,
        });
        glued = true;
    }
    found
}

fn is_inner_apostrophe(text: &str, at: usize, character: char) -> bool {
    let after = || text.get(at + character.len_utf8()..)?.chars().next();
    matches!(character, '\'' | '\u{2019}') && after().is_some_and(char::is_alphabetic)
}
