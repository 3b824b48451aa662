//! A cursor over the tokens of a text, with what every rule asks of it.

use super::lexicon::{Cue, cue_of, is_link};
use super::token::{Kind, Token, tokens};
use crate::conversation::number_words::{self, LONGEST, Tongue, is_article};
use crate::conversation::{Annotation, AnnotationKind};

/// How far back a word is looked for that tells what a number is.
const CUE_WORDS: usize = 8;

/// Something that was read, in tokens.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) kind: AnnotationKind,
    pub(super) value: String,
    pub(super) start: usize,
    /// The token after the last one.
    pub(super) end: usize,
    pub(super) confidence: f32,
}

/// A text in tokens, and the language it is in.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    tokens: Vec<Token<'a>>,
    /// Where rules see the text end: an address that was found begins there.
    pub(super) border: usize,
    /// The language whose number words are read; `None` for one without rules.
    pub(super) tongue: Option<Tongue>,
    /// The region of the language tag, upper case: it decides about dollars and dates.
    pub(super) region: String,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, language: Option<&str>) -> Self {
        // Untold is English: text channels rarely tell, and its rules are the fullest.
        let tag = language.unwrap_or("en");
        let region = tag.split(['-', '_']).skip(1).find(|part| part.len() == 2);
        let tokens = tokens(text);
        Self {
            border: tokens.len(),
            tokens,
            tongue: Tongue::of_tag(tag),
            region: region.unwrap_or_default().to_uppercase(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn token(&self, at: usize) -> Option<&Token<'a>> {
        self.tokens.get(at).filter(|_| at < self.border)
    }

    /// The word at a position, lower case; empty where no word stands.
    pub(super) fn word(&self, at: usize) -> &str {
        self.of_kind(at, Kind::Word).map_or("", |t| &t.lower)
    }

    /// The digits at a position; empty where none stand.
    pub(super) fn digits(&self, at: usize) -> &'a str {
        self.of_kind(at, Kind::Digits).map_or("", |t| t.raw)
    }

    /// The word before a position; empty where no word stands there.
    pub(super) fn word_before(&self, at: usize) -> &str {
        at.checked_sub(1).map_or("", |before| self.word(before))
    }

    pub(super) fn raw(&self, at: usize) -> &'a str {
        self.token(at).map_or("", |t| t.raw)
    }

    pub(super) fn is_mark(&self, at: usize, mark: char) -> bool {
        self.of_kind(at, Kind::Mark)
            .is_some_and(|t| t.raw.starts_with(mark))
    }

    /// Whether a token stands at a position with no blank before it.
    pub(super) fn is_glued(&self, at: usize) -> bool {
        self.token(at).is_some_and(|t| t.glued)
    }

    /// What the token at a position is made of.
    pub(super) fn kind_at(&self, at: usize) -> Option<Kind> {
        self.token(at).map(|t| t.kind)
    }

    fn of_kind(&self, at: usize, kind: Kind) -> Option<&Token<'a>> {
        self.token(at).filter(|t| t.kind == kind)
    }

    /// The next words without their inner hyphens, each with the position after it.
    fn words(&self, at: usize) -> Vec<(&str, usize)> {
        let mut words = Vec::new();
        let mut next = at;
        while words.len() < LONGEST {
            if !words.is_empty() && self.is_mark(next, '-') && self.is_glued(next + 1) {
                next += 1;
            }
            let word = self.word(next);
            if word.is_empty() {
                break;
            }
            next += 1;
            words.push((word, next));
        }
        words
    }

    /// The number in words at a position, and the position after it.
    pub(super) fn cardinal(&self, at: usize) -> Option<(u64, usize)> {
        let tongue = self.tongue?;
        // Most words are no numbers: look at one before many are gathered.
        let first = self.word(at);
        if !is_article(first) {
            number_words::cardinal(&[first], tongue)?;
        }
        let words = self.words(at);
        let texts: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let (value, used) = number_words::cardinal(&texts, tongue)?;
        let (_, end) = words.get(used.checked_sub(1)?)?;
        Some((value, *end))
    }

    /// The ordinal at a position, in words or as `3rd`, `3.` or `1er`, and the position after it.
    pub(super) fn ordinal(&self, at: usize) -> Option<(u64, usize)> {
        let digits = self.digits(at);
        if !digits.is_empty() {
            let ending = if self.is_glued(at + 1) {
                self.word(at + 1)
            } else {
                ""
            };
            let dotted = self.tongue == Some(Tongue::German)
                && self.is_mark(at + 1, '.')
                && self.is_glued(at + 1);
            let ends = matches!(ending, "st" | "nd" | "rd" | "th" | "er" | "º" | "ª");
            let value = digits.parse().ok()?;
            return (digits.len() <= 2 && (ends || dotted)).then_some((value, at + 2));
        }
        let words = self.words(at);
        let texts: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let (value, used) = number_words::ordinal_at(&texts, self.tongue?)?;
        let (_, end) = words.get(used.checked_sub(1)?)?;
        Some((value, *end))
    }

    /// What the words before a position say that follows, the nearest first.
    pub(super) fn cue(&self, at: usize) -> Option<Cue> {
        let mut general = None;
        for back in 1..=CUE_WORDS {
            let position = at.checked_sub(back)?;
            if ['.', '?', '!', ';']
                .iter()
                .any(|m| self.is_mark(position, *m))
            {
                break;
            }
            match self.cue_at(position) {
                Some(Cue::Number) => general = Some(Cue::Number),
                Some(cue) => return Some(cue),
                None if position == 0 => break,
                None => {}
            }
        }
        general
    }

    /// The cue that stands directly before a position: only words like "is" in between.
    pub(super) fn near_cue(&self, at: usize) -> Option<Cue> {
        let mut general = None;
        for back in 1..=CUE_WORDS {
            let Some(position) = at.checked_sub(back) else {
                break;
            };
            match self.cue_at(position) {
                Some(Cue::Number) => general = Some(Cue::Number),
                Some(cue) => return Some(cue),
                None if is_link(self.raw(position), self.word(position)) => {}
                None => break,
            }
        }
        general
    }

    fn cue_at(&self, position: usize) -> Option<Cue> {
        let mut cue = cue_of(self.word(position))?;
        // "zip code" and "security code" are what their first word says.
        if self.word(position) == "code" {
            cue = cue_of(self.word_before(position)).unwrap_or(cue);
        }
        // "in order to", "the number of", "just in case"
        let phrase = self.word_before(position) == "in"
            || matches!(self.word(position + 1), "of" | "to") && cue != Cue::Birth;
        (!phrase).then_some(cue)
    }

    /// As an annotation of the text.
    pub(super) fn annotation(&self, found: Found) -> Option<Annotation> {
        let first = self.tokens.get(found.start)?;
        let last = self.tokens.get(found.end.checked_sub(1)?)?;
        Some(Annotation {
            kind: found.kind,
            value: found.value,
            start: first.start,
            end: last.end,
            confidence: found.confidence,
        })
    }
}
