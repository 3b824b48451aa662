//! What the model may propose, and what code makes of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::conversation::{ApprovalGrant, Approver, HandoffReason};

/// The closed set of things the model may propose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "command", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Command {
    /// Begin (or change to) a procedure. Of several in one message the others follow when the first is through.
    StartPlaybook {
        /// Its id.
        playbook: String,
        /// Whether the running one is to be finished first.
        #[serde(default)]
        later: bool,
    },
    /// Stop the running procedure: the customer does not want it any more.
    StopPlaybook,
    /// Note a value the customer gave, for the first time or another one than before.
    SetSlot {
        /// Name of the slot.
        name: String,
        /// The value as said.
        value: String,
    },
    /// Note the customer's yes or no to what they were asked.
    Confirm {
        /// Whether they said yes.
        yes: bool,
    },
    /// Answer a question from the knowledge base.
    Answer {
        /// The question, able to stand alone.
        question: String,
    },
    /// Say once more what came of a procedure that is through: the customer comes back to it and wants nothing new.
    TellAgain {
        /// Its id.
        playbook: String,
    },
    /// Ask what is meant.
    Clarify,
    /// Greeting, thanks, chit-chat.
    SmallTalk,
    /// Give the conversation to a person.
    HandOff {
        /// Why.
        reason: HandoffReason,
    },
    /// The customer needs nothing more.
    End,
}

/// What is to be done, decided by code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// Say these words of the playbook.
    Say {
        /// `playbook/step` or `playbook/slot` they come from.
        source: String,
        /// The words.
        text: String,
        /// Whether the words follow from a receipt or a yes, and so may say that something was done.
        #[serde(default)]
        proven: bool,
    },
    /// Run a backend action, then tell [`tool_ended`](super::tool_ended).
    CallTool {
        /// `playbook/step`; the step counts as done only when the action succeeded.
        source: String,
        /// The same for every attempt at this action: the step and which time it is gone through.
        identity: String,
        /// The tool.
        tool: String,
        /// Its arguments, an object.
        arguments: Value,
        /// Who said yes to it.
        approvals: Vec<ApprovalGrant>,
    },
    /// Begin the strategy that resolves a need, or tell it the answers it asked for, then tell
    /// [`strategy_told`](super::strategy_told).
    Resolve {
        /// `playbook/step`.
        source: String,
        /// The same for every attempt at this step, so that it is begun once.
        identity: String,
        /// The need.
        need: String,
        /// What is known, an object.
        facts: Value,
    },
    /// Get somebody's yes to a step. A customer is asked with `text`; for others it says what it is about, and the answer
    /// goes to [`approve`](super::approve).
    RequestApproval {
        /// `playbook/step`.
        source: String,
        /// Whose.
        by: Approver,
        /// What is asked.
        text: String,
        /// Whether they were asked before and have not answered yet.
        #[serde(default)]
        again: bool,
    },
    /// Find an answer in the knowledge base.
    SearchKnowledge {
        /// The question.
        question: String,
    },
    /// Ask what is meant.
    AskToClarify,
    /// Say something social.
    Chat,
    /// A procedure is through: ask whether there is anything else.
    AskMore,
    /// Give the conversation to a person.
    HandOff {
        /// Why.
        reason: HandoffReason,
    },
    /// Say goodbye.
    Finish,
}

/// A proposal that was not accepted; it is recorded, and the rest goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// What was proposed.
    pub proposal: String,
    /// Why it was not accepted.
    pub reason: String,
}
