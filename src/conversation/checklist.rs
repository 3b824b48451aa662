//! What an agent has to say in a conversation, and whether it was said.

use serde::{Deserialize, Serialize};

use super::ids::UtteranceId;

/// Where an item of a checklist stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChecklistStatus {
    /// Nothing in the conversation calls for it (yet), or a person said so.
    NotApplicable,
    /// It is to be said, and there is time.
    Open,
    /// It was said.
    Said,
    /// It should have been said by now, or the conversation is coming to its end.
    Missing,
}

/// An item of a checklist in one conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ChecklistEntry {
    /// Id of the checklist.
    pub checklist: String,
    /// Id of the item.
    pub item: String,
    /// What it is, for screens.
    pub label: String,
    /// Whether it has to be said.
    pub required: bool,
    /// Where it stands.
    pub status: ChecklistStatus,
    /// Whether it was said, but later than it should have been.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_late: bool,
    /// The utterance in which it was said.
    pub evidence: Option<UtteranceId>,
    /// When it was said, in milliseconds from the start of the conversation.
    pub said_ms: Option<u64>,
    /// The words by which it was said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
    /// How sure it is that it was said, between 0 and 1; 0 where it was not.
    pub confidence: f32,
    /// A person decided where it stands; nothing that is said later changes that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_override: bool,
}

/// A person's decision about an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ChecklistOverride {
    /// Id of the checklist.
    pub checklist: String,
    /// Id of the item.
    pub item: String,
    /// Where it stands; `None` takes an earlier decision back.
    pub status: Option<ChecklistStatus>,
}
