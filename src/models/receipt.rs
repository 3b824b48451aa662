//! The receipt beside a fetched model: where it came from and what it should look like.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::catalog::SourceKind;

/// Name of the receipt inside the folder of a model.
pub(super) const FILE_NAME: &str = ".attendant.json";

/// What was received and made when a model was fetched; stands beside it as `.attendant.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Receipt {
    /// Id of the model.
    pub model: String,
    /// The kind of source it came from.
    pub source: SourceKind,
    /// The source in words.
    pub from: String,
    /// When it was fetched.
    pub fetched_at: Timestamp,
    /// What was downloaded.
    pub pieces: Vec<ReceiptPiece>,
    /// The format the downloaded files were converted from, if they were.
    pub converted_from: Option<String>,
    /// The files that resulted.
    pub files: Vec<ReceiptFile>,
}

/// A downloaded piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReceiptPiece {
    /// Repository path, or package and member.
    pub from: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 as received.
    pub sha256: String,
}

/// A file in the cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReceiptFile {
    /// File name.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the file.
    pub sha256: String,
}

impl Receipt {
    /// The receipt in a model's folder; `None` when there is none that can be read, which is the
    /// case for files put there by hand.
    pub fn read(folder: &Path) -> Option<Self> {
        let text = std::fs::read(folder.join(FILE_NAME)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// What is noted about the file called `name`.
    pub fn file(&self, name: &str) -> Option<&ReceiptFile> {
        self.files.iter().find(|file| file.name == name)
    }
}
