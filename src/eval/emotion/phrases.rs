//! Sentences of our own, as customers and agents say them: GoEmotions are comments of a forum, where nobody spells a
//! name or waits on hold. They are trained on together with it, and nothing is scored on them.

use super::data::Row;
use crate::conversation::Emotion;
use crate::error::{Error, ErrorKind, Result};

const PHRASES: &str = include_str!("phrases.tsv");

/// The sentences with their emotions.
pub(super) fn rows() -> Result<Vec<Row>> {
    PHRASES.lines().map(row).collect()
}

fn row(line: &str) -> Result<Row> {
    let wrong = || {
        Error::new(
            ErrorKind::Internal,
            format!("no sentence with its emotions: {line:?}"),
        )
    };
    let (names, text) = line.split_once('\t').ok_or_else(wrong)?;
    let emotions: Option<Vec<Emotion>> = names.split(',').map(Emotion::from_name).collect();
    Ok(Row::new(text, &emotions.ok_or_else(wrong)?))
}
