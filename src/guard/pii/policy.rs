//! What is done with each kind of personal data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::PiiKind;

/// What is done with personal data that was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PiiAction {
    /// A placeholder takes its place.
    #[default]
    Mask,
    /// It stays.
    Keep,
    /// It goes, and nothing takes its place.
    Remove,
}

/// What is done with each kind; kinds that are not named are masked.
///
/// The default is what a language model gets to see: everything is masked, names too, except
/// [`Account`](PiiKind::Account) numbers, which procedures look up and hold against patterns: a model that must write
/// one cannot write its placeholder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PiiPolicy {
    actions: BTreeMap<PiiKind, PiiAction>,
}

impl Default for PiiPolicy {
    fn default() -> Self {
        Self::everything().with(PiiKind::Account, PiiAction::Keep)
    }
}

impl PiiPolicy {
    /// Masks every kind: what logs, traces and stored text should get.
    pub fn everything() -> Self {
        Self {
            actions: BTreeMap::new(),
        }
    }

    /// Decides about one kind.
    #[must_use]
    pub fn with(mut self, kind: PiiKind, action: PiiAction) -> Self {
        self.actions.insert(kind, action);
        self
    }

    /// What is done with a kind.
    pub fn action(&self, kind: PiiKind) -> PiiAction {
        self.actions.get(&kind).copied().unwrap_or_default()
    }
}
