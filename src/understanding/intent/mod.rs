//! What a customer wants, from a handful of examples an intent: several intents a turn, or none of those known.
//!
//! ```
//! use std::sync::Arc;
//! use attendant::embedding::HashingEmbedder;
//! use attendant::understanding::intent::{IntentExample, IntentRecognizer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> attendant::Result<()> {
//! let examples: Vec<IntentExample> = [
//!     ("I want my money back", "refund"),
//!     ("please refund my money", "refund"),
//!     ("refund the money that I paid", "refund"),
//!     ("where is my parcel", "delivery"),
//!     ("when does the parcel arrive", "delivery"),
//!     ("has my parcel arrived yet", "delivery"),
//! ]
//! .map(|(text, intent)| IntentExample::new(text, intent))
//! .to_vec();
//! let recognizer = IntentRecognizer::fit(&examples, Arc::new(HashingEmbedder::default())).await?;
//! let found = recognizer.recognise("please send my money back").await?;
//! assert_eq!(found[0].intent, "refund");
//! # Ok(())
//! # }
//! ```

mod clauses;
mod grams;
mod memory;
mod model;
pub(in crate::understanding) mod packed;
mod recognizer;
mod softmax;
#[cfg(test)]
mod tests;

pub use recognizer::{IntentModel, IntentRecognizer};

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A text whose intent is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntentExample {
    /// What somebody said.
    pub text: String,
    /// What they wanted; `None` where it is none of the intents.
    pub intent: Option<String>,
}

impl IntentExample {
    /// A text with its intent.
    pub fn new(text: impl Into<String>, intent: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            intent: Some(intent.into()),
        }
    }

    /// A text with none of the intents. Such examples are not needed; with them, more of their like is recognised.
    pub fn none_of_these(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            intent: None,
        }
    }
}

/// How a recognizer is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct IntentOptions {
    /// Share of texts with a known intent that may be taken for none of these, on examples that were set aside. It fixes
    /// the threshold; texts worded by other people are rejected more often.
    pub rejected: f32,
    /// Seed of the order in which examples are learned.
    pub seed: u64,
}

impl Default for IntentOptions {
    fn default() -> Self {
        Self {
            rejected: 0.01,
            seed: 0,
        }
    }
}

/// An intent that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntentMatch {
    /// Its name, as in the examples.
    pub intent: String,
    /// Between 0 and 1: how likely this part of the text has this intent, none being as likely as any beforehand.
    pub probability: f32,
    /// The part of the text, in bytes.
    pub span: Range<usize>,
}
