//! What the model may propose, and what code makes of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conversation::HandoffReason;

/// The closed set of things the model may propose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Begin (or change to) a procedure.
    StartPlaybook {
        /// Its id.
        playbook: String,
    },
    /// Note a value the customer gave.
    SetSlot {
        /// Name of the slot.
        name: String,
        /// The value as said.
        value: String,
    },
    /// Note the customer's yes or no to what they were asked to approve.
    Confirm {
        /// Whether they said yes.
        yes: bool,
    },
    /// Answer a question from the knowledge base.
    Answer {
        /// The question, able to stand alone.
        question: String,
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
pub enum Effect {
    /// Say these words of the playbook.
    Say {
        /// `playbook/step` or `playbook/slot` they come from.
        source: String,
        /// The words.
        text: String,
    },
    /// Run a backend action.
    CallTool {
        /// `playbook/step`; the step counts as done only when the action succeeded.
        source: String,
        /// The tool.
        tool: String,
        /// Its arguments.
        arguments: BTreeMap<String, String>,
    },
    /// Get somebody's yes to a step.
    RequestApproval {
        /// `playbook/step`.
        source: String,
        /// What is asked.
        text: String,
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
