//! Words, digits and marks of a text, with their places.

use std::ops::Range;

/// What a token is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Letters, with apostrophes inside.
    Word,
    /// ASCII digits.
    Digits,
    /// One other character that is no blank; a line break too.
    Mark,
}

/// A piece of a text.
#[derive(Clone, Debug)]
pub(super) struct Token<'t> {
    pub(super) range: Range<usize>,
    pub(super) text: &'t str,
    /// Words in lower case, without a possessive ending; empty for the others.
    pub(super) lower: String,
    pub(super) class: Class,
    /// Nothing stands between it and the token before.
    pub(super) glued: bool,
}

impl Token<'_> {
    pub(super) fn is(&self, word: &str) -> bool {
        self.lower == word
    }

    pub(super) fn is_mark(&self, mark: &str) -> bool {
        self.class == Class::Mark && self.text == mark
    }

    pub(super) fn is_word(&self) -> bool {
        self.class == Class::Word
    }

    /// Whether it begins with a capital.
    pub(super) fn is_capital(&self) -> bool {
        self.text.chars().next().is_some_and(char::is_uppercase)
    }

    /// The only letter of the word.
    pub(super) fn letter(&self) -> Option<char> {
        let mut chars = self.text.chars();
        let first = chars.next().filter(char::is_ascii_alphabetic)?;
        chars.next().is_none().then(|| first.to_ascii_uppercase())
    }

    /// Where the word ends, a possessive ending left out.
    pub(super) fn stem_end(&self) -> usize {
        match has_possessive(self.text) {
            Some(cut) => self.range.start + cut,
            None => self.range.end,
        }
    }
}

fn has_possessive(word: &str) -> Option<usize> {
    let stem = word
        .strip_suffix("'s")
        .or_else(|| word.strip_suffix("\u{2019}s"))?;
    (stem.len() > 2).then_some(stem.len())
}

/// The tokens of a text.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found: Vec<Token<'_>> = Vec::with_capacity(text.len() / 4);
    let mut chars = text.char_indices().peekable();
    while let Some((start, first)) = chars.next() {
        let class = match first {
            c if c.is_ascii_digit() => Class::Digits,
            c if c.is_alphabetic() => Class::Word,
            '\n' => Class::Mark,
            c if c.is_whitespace() => continue,
            _ => Class::Mark,
        };
        let mut end = start + first.len_utf8();
        while let Some(&(at, next)) = chars.peek() {
            let joins = match class {
                Class::Mark => false,
                Class::Digits => next.is_ascii_digit(),
                _ => {
                    next.is_alphabetic()
                        || is_combining(next)
                        || (matches!(next, '\'' | '\u{2019}')
                            && text
                                .get(at + next.len_utf8()..)
                                .and_then(|rest| rest.chars().next())
                                .is_some_and(char::is_alphabetic))
                }
            };
            if !joins {
                break;
            }
            end = at + next.len_utf8();
            chars.next();
        }
        let piece = text.get(start..end).unwrap_or_default();
        let lower = match class {
            Class::Word => {
                let stem = has_possessive(piece).unwrap_or(piece.len());
                let lower = piece.get(..stem).unwrap_or(piece).to_lowercase();
                if lower.contains('\u{2019}') {
                    lower.replace('\u{2019}', "'")
                } else {
                    lower
                }
            }
            _ => String::new(),
        };
        found.push(Token {
            glued: found.last().is_some_and(|last| last.range.end == start),
            range: start..end,
            text: piece,
            lower,
            class,
        });
    }
    found
}

fn is_combining(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}
