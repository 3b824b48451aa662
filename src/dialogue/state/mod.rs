//! The pure heart: `apply(state, commands) -> (state, effects, rejections)`.

mod apply;
mod begun;
mod followed;
mod pinned;
mod resolving;
mod walk;

pub use apply::{Moment, apply, approve, strategy_told, tool_ended};
pub(super) use followed::facts;
pub use followed::followed;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::handoff::Transfer;
use super::playbook::{Pin, Playbook, Step};
use crate::conversation::{ApprovalGrant, Approver, HandoffReason, UtteranceId};

/// Where a conversation stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct DialogueState {
    /// The playbook that runs.
    pub playbook: Option<String>,
    /// Playbooks that were left for another and wait to be resumed, last in first out.
    pub paused: Vec<String>,
    /// The texts of the running playbook and of paused ones, as they were when those began, by playbook.
    pub pinned: BTreeMap<String, Pin>,
    /// Playbooks that were asked for and not begun yet, first in first out.
    pub waiting: Vec<String>,
    /// Values by slot name; playbooks share names on purpose (an account number is asked once).
    pub slots: BTreeMap<String, String>,
    /// Steps done, as `playbook/step`.
    pub done: BTreeSet<String>,
    /// Steps left out since their condition did not hold.
    pub left_out: BTreeSet<String>,
    /// Steps that were refused or failed; what comes after them is left out too.
    pub dropped: BTreeSet<String>,
    /// Steps that changed something and cannot be undone by another value.
    pub fixed: BTreeSet<String>,
    /// What tools returned last, by tool.
    pub results: BTreeMap<String, Value>,
    /// The customer's yes or no, by step with `_` for `-`.
    pub answers: BTreeMap<String, bool>,
    /// Yeses given to steps so far.
    pub approvals: BTreeMap<String, Vec<ApprovalGrant>>,
    /// The step that waits for somebody's yes.
    pub pending: Option<PendingApproval>,
    /// What the customer was asked last: a slot of the running playbook.
    pub asked: Option<String>,
    /// What was changed in this conversation, as tool and arguments: the same once more wants another yes.
    pub made: BTreeSet<String>,
    /// Steps whose words were said.
    pub said: BTreeSet<String>,
    /// How often each playbook was begun.
    pub runs: BTreeMap<String, u32>,
    /// How often a step was tried again with other values.
    pub redone: BTreeMap<String, u32>,
    /// Strategies begun in this conversation that have not ended, by id: the streams that hold them.
    pub strategies: BTreeMap<String, String>,
    /// The need that was foreseen, while the customer is asked whether it is theirs.
    pub foreseen: Option<ForeseenNeed>,
    /// Words by which feelings and effort were acknowledged.
    pub acknowledged: BTreeSet<String>,
    /// Whether the customer was just asked if they want a person.
    pub offered_person: bool,
    /// What was spoken of last.
    pub about: Option<Topic>,
    /// Turns in a row that brought nothing.
    pub stalled: u32,
    /// Set when a person took over.
    pub handed_off: Option<HandoffReason>,
    /// The hand-offs of this conversation, oldest first.
    pub transfers: Vec<Transfer>,
    /// The alternative to a person that the customer was asked about last.
    pub alternative: Option<String>,
    /// Alternatives that they were asked about so far.
    pub alternatives: BTreeSet<String>,
    /// Signs of feeling and effort that still hold, by name; `crisis` after a sign of danger.
    pub mood: BTreeSet<String>,
    /// All signs that there were.
    pub felt: BTreeSet<String>,
    /// The playbooks that the customer was asked to choose from last.
    pub choices: Vec<String>,
    /// Whether they were asked so in this conversation.
    pub clarified: bool,
    /// The offer that was made last and waits for an answer.
    pub offer: Option<String>,
    /// Offers that were made.
    pub offers: BTreeSet<String>,
    /// Set when the customer needs nothing more.
    pub ended: bool,
    /// The first of the customer's words that nobody has acted on; told by the session for one turn, never kept.
    #[serde(skip)]
    pub unread: Option<UtteranceId>,
}

/// A need that was foreseen for somebody, and that they were asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ForeseenNeed {
    /// The rule that foresaw it.
    pub rule: String,
    /// The playbook that meets it.
    pub playbook: String,
}

/// What a conversation is about: questions that leave it unsaid are asked of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Topic {
    /// A procedure that runs or ran.
    Playbook {
        /// Its id.
        id: String,
    },
    /// The article that a question was answered from.
    Article {
        /// Its id.
        id: String,
        /// Its title.
        title: String,
    },
}

/// A step that waits for somebody's yes. It outlives a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PendingApproval {
    /// `playbook/step`.
    pub source: String,
    /// Whose yes.
    pub by: Approver,
    /// What is asked.
    pub question: String,
    /// When it was asked for.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub asked_at: jiff::Timestamp,
    /// From then on a yes does not count any more.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub expires_at: jiff::Timestamp,
}

impl DialogueState {
    /// Whether a step was done.
    pub fn is_done(&self, playbook: &str, step: &str) -> bool {
        self.done.contains(&key(playbook, step))
    }

    /// The next step of a playbook: the first that is not done and whose predecessors are.
    pub fn next_step<'a>(&self, playbook: &'a Playbook) -> Option<&'a Step> {
        playbook.steps.iter().find(|step| {
            !self.is_done(&playbook.id, &step.id)
                && step.after.iter().all(|id| self.is_done(&playbook.id, id))
        })
    }

    /// Whether a step is over, one way or another.
    fn is_over(&self, playbook: &str, step: &str) -> bool {
        let key = key(playbook, step);
        self.done.contains(&key) || self.left_out.contains(&key) || self.dropped.contains(&key)
    }
}

/// Name of a step across playbooks.
pub(super) fn key(playbook: &str, step: &str) -> String {
    format!("{playbook}/{step}")
}

#[cfg(test)]
mod tests;
