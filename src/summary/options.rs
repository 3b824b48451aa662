//! What is asked for when a note is written.

use super::sections::CustomSection;
use crate::conversation::Summary;

/// What kind of note is wanted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SummaryOptions {
    /// Language of the note (name or BCP 47 tag); the conversation's where `None`.
    pub language: Option<String>,
    /// The note so far; a note that covers everything already is returned as it is.
    pub previous: Option<Summary>,
    /// Whether the conversation is over. Only then is a wrap-up code chosen.
    pub is_final: bool,
    /// Characters that all sections together may have; whole sections are left out, the least important ones first.
    pub max_chars: Option<usize>,
    /// Sections beside the usual ones, in the final note.
    pub sections: Vec<CustomSection>,
}

impl Default for SummaryOptions {
    fn default() -> Self {
        Self {
            language: None,
            previous: None,
            is_final: true,
            max_chars: None,
            sections: Vec::new(),
        }
    }
}

impl SummaryOptions {
    /// A note in the middle of the conversation, going on from `previous`.
    pub fn interim(previous: Option<Summary>) -> Self {
        Self {
            previous,
            is_final: false,
            ..Self::default()
        }
    }

    /// Goes on from an earlier note.
    #[must_use]
    pub fn with_previous(mut self, previous: Option<Summary>) -> Self {
        self.previous = previous;
        self
    }

    /// Writes the note in this language.
    #[must_use]
    pub fn with_language(mut self, language: impl Into<String>) -> Self {
        self.language = Some(language.into());
        self
    }

    /// Limits the length of the sections together, in characters.
    #[must_use]
    pub fn with_max_chars(mut self, most: usize) -> Self {
        self.max_chars = Some(most);
        self
    }

    /// Adds sections of the organisation's own.
    #[must_use]
    pub fn with_sections(mut self, sections: Vec<CustomSection>) -> Self {
        self.sections = sections;
        self
    }
}
