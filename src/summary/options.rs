//! What is asked for when a note is written.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::sections::CustomSection;
use crate::conversation::{Conversation, Summary};
use crate::error::{Error, ErrorKind, OrError, Result};

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

/// How an organisation wants its notes, wherever they are written: what [`SummaryOptions`] leave open is taken from here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoteOptions {
    /// Language of notes (name or BCP 47 tag); the conversation's where `None`.
    pub language: Option<String>,
    /// Characters that all sections together may have.
    pub max_chars: Option<usize>,
    /// Sections beside the usual ones, in final notes.
    pub sections: Vec<CustomSection>,
}

/// Reads a file such as `notes.toml`: `language`, `max_chars`, and `[[sections]]` with `name` and `instruction`.
///
/// # Errors
/// [`ErrorKind::NotFound`] without such a file; [`ErrorKind::Config`] with line and key of the mistake, or for a section
/// that no model could be asked for.
pub fn load_note_options(path: &Path) -> Result<NoteOptions> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .or_error(ErrorKind::NotFound, || format!("cannot read {shown}"))?;
    let options: NoteOptions = toml::from_str(&text).or_error(ErrorKind::Config, || {
        format!("{shown} does not say how notes are to be")
    })?;
    for (place, section) in options.sections.iter().enumerate() {
        let mut before = options.sections.iter().take(place);
        if let Some(fault) = section.fault(before.any(|known| known.name == section.name)) {
            return Err(Error::new(
                ErrorKind::Config,
                format!("{shown}: the section {:?} {fault}", section.name),
            ));
        }
    }
    Ok(options)
}

impl NoteOptions {
    /// What is wanted, and the organisation's way where nothing is said about it.
    pub(crate) fn fill(&self, mut wanted: SummaryOptions) -> SummaryOptions {
        wanted.language = wanted.language.or_else(|| self.language.clone());
        wanted.max_chars = wanted.max_chars.or(self.max_chars);
        if wanted.sections.is_empty() {
            wanted.sections.clone_from(&self.sections);
        }
        wanted
    }
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

    /// The language that the note is to be in.
    pub(super) fn language_of<'a>(&'a self, conversation: &'a Conversation) -> &'a str {
        let wanted = self.language.as_deref();
        wanted.unwrap_or(&conversation.language)
    }

    /// Whether an earlier note is in the language that is wanted now, regions apart, and has all that there is room for.
    pub(super) fn is_still_met_by(&self, note: &Summary, conversation: &Conversation) -> bool {
        let primary = |tag: &str| {
            let primary = tag.split(['-', '_']).next();
            primary.unwrap_or_default().trim().to_lowercase()
        };
        // Earlier versions do not tell; theirs is the conversation's unless another one was wanted.
        let known = note.language.as_deref().unwrap_or(&conversation.language);
        let had = note.shortened_to;
        primary(known) == primary(self.language_of(conversation))
            && had.is_none_or(|had| self.max_chars.is_some_and(|most| most <= had))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_comes_before_how_the_organisation_wants_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            load_note_options(file.path())
        };
        let section = "[[sections]]\nname = \"callback\"\ninstruction = \"when to ring back\"\n";
        let own = read(&format!("language = \"de\"\nmax_chars = 300\n{section}")).unwrap();
        let filled = own.fill(SummaryOptions::default().with_max_chars(100));
        assert_eq!(filled.language.as_deref(), Some("de"));
        assert_eq!(filled.max_chars, Some(100));
        assert_eq!(filled.sections, own.sections);
        for (mistake, told) in [
            (section.repeat(2), "twice"),
            (
                section.replace("callback", "situation"),
                "of the usual ones",
            ),
            (section.replace("callback", "call back"), "letters, digits"),
            (section.replace("when to ring back", " "), "instruction"),
            (section.replace("name", "title"), "title"),
        ] {
            let error = read(&mistake).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(told), "{told}: {error}");
        }
    }
}
