//! Arguments as people and models give them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::lenient::{amount, whole_number};

/// Text, or a number where a model writes one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Said {
    /// Words.
    Text(String),
    /// A number.
    Number(f64),
}

impl Said {
    /// As words.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.trim().to_owned(),
            Self::Number(number) => number.to_string(),
        }
    }

    /// As pounds.
    pub(super) fn amount(&self) -> Option<f64> {
        match self {
            Self::Text(text) => amount(text),
            Self::Number(number) => Some(*number),
        }
    }

    /// As a whole number.
    pub(super) fn count(&self) -> Option<u64> {
        match self {
            Self::Text(text) => whole_number(text),
            Self::Number(number) if (0.0..1e6).contains(number) => Some(number.round() as u64),
            Self::Number(_) => None,
        }
    }
}

/// The words of an argument that may be missing or empty.
pub(super) fn words(said: &Option<Said>) -> Option<String> {
    said.as_ref()
        .map(Said::text)
        .filter(|text| !text.is_empty())
}

/// An account alone.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct OfAccount {
    /// The account: LF and six digits.
    pub(super) account_number: String,
}
