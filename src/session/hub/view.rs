//! All that there is to know of a conversation at one moment.

use serde::{Deserialize, Serialize};

use crate::conversation::{ChecklistEntry, Conversation, Handoff, Summary};
use crate::dialogue::{DialogueState, PendingApproval};

/// How a conversation stands: what a screen that comes late needs to show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SessionView {
    /// Who takes part, over which channel, and what was said.
    pub conversation: Conversation,
    /// The last note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// Where the virtual agent stands in its procedures.
    #[serde(default)]
    pub dialogue: DialogueState,
    /// What somebody still has to say yes or no to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<PendingApproval>,
    /// The last briefing of a person who takes over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff: Option<Handoff>,
    /// Where the items of the checklists stand.
    #[serde(default)]
    pub checklist: Vec<ChecklistEntry>,
    /// Whether it is over.
    pub ended: bool,
    /// Number of the last event that this takes account of; read on from behind it.
    pub last_event: u64,
}
