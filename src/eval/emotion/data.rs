//! Texts with their emotions: JSON lines `{"text": …, "labels": […]}`, gzipped.

use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::read::GzDecoder;
use serde::Deserialize;

use crate::conversation::Emotion;
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::understanding::emotion::{BASIC, GROUP, OUTPUTS};

/// A text and what it is labelled with: emotions, and what they map to, one an output of the model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) text: String,
    pub(super) labels: [bool; OUTPUTS],
}

#[derive(Deserialize)]
struct Line {
    text: String,
    labels: Vec<String>,
}

impl Row {
    pub(super) fn new(text: impl Into<String>, emotions: &[Emotion]) -> Self {
        let mut labels = [false; OUTPUTS];
        let mut set = |index: usize| {
            if let Some(label) = labels.get_mut(index) {
                *label = true;
            }
        };
        for emotion in emotions {
            set(*emotion as usize);
            set(BASIC.start + emotion.basic() as usize);
            set(GROUP.start + emotion.basic().group() as usize);
        }
        Self {
            text: text.into(),
            labels,
        }
    }
}

/// Reads a file; of a folder, `train.jsonl.gz`.
pub(super) fn rows(path: &Path) -> Result<Vec<Row>> {
    let path = match path.is_dir() {
        true => path.join("train.jsonl.gz"),
        false => path.to_owned(),
    };
    let file = std::fs::File::open(&path).or_error(ErrorKind::NotFound, || {
        format!("cannot open {}", path.display())
    })?;
    let mut rows = Vec::new();
    for (at, line) in BufReader::new(GzDecoder::new(file)).lines().enumerate() {
        let wrong = || format!("{} line {}", path.display(), at + 1);
        let line = line.or_error(ErrorKind::InvalidInput, || {
            format!("{}: not gzipped text", wrong())
        })?;
        if line.trim().is_empty() {
            continue;
        }
        let line: Line = serde_json::from_str(&line).or_error(ErrorKind::InvalidInput, || {
            format!(
                "{}: expected {{\"text\": \u{2026}, \"labels\": [\u{2026}]}}",
                wrong()
            )
        })?;
        let mut emotions = Vec::new();
        for name in &line.labels {
            emotions.push(Emotion::from_name(name).ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidInput,
                    format!("{}: no emotion is called {name:?}", wrong()),
                )
            })?);
        }
        rows.push(Row::new(line.text, &emotions));
    }
    Ok(rows)
}
