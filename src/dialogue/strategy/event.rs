//! What a running strategy is told, and what it tells.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::expression::Facts;
use super::template::StepOwner;
use crate::conversation::{ActionReceipt, ApprovalGrant, Approver};

/// Something that happened outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StrategySignal {
    /// What, as steps name it: `parcel_arrived`.
    pub name: String,
    /// The particulars.
    #[serde(default)]
    pub payload: Value,
    /// Identity of the event where the host has one: the same event told twice counts once.
    #[serde(default)]
    pub id: Option<String>,
}

impl StrategySignal {
    /// An event without an identity of its own.
    pub fn new(name: impl Into<String>, payload: Value) -> Self {
        Self {
            name: name.into(),
            payload,
            id: None,
        }
    }
}

/// What a strategy is told. All of it is written down before anything follows from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "input", rename_all = "snake_case")]
pub enum StrategyInput {
    /// Something happened outside.
    Signal(StrategySignal),
    /// Facts are new or have changed; so is a question answered.
    Facts {
        /// By name.
        facts: Facts,
    },
    /// Somebody said yes to a step. It counts where this yes is the next that is waited for, and in time.
    Approved {
        /// The step.
        step: String,
        /// Whose yes.
        grant: ApprovalGrant,
    },
    /// Somebody said no to a step, which has failed then.
    Declined {
        /// The step.
        step: String,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// Somebody has done their step.
    Done {
        /// The step.
        step: String,
        /// What came of it.
        #[serde(default)]
        result: Value,
    },
    /// Somebody cannot do their step, which has failed then.
    CouldNot {
        /// The step.
        step: String,
        /// Why.
        why: String,
    },
    /// A person hands a strategy back that needed one.
    HandedBack {
        /// Who.
        by: String,
        /// Steps that are done after all, with their results.
        #[serde(default)]
        done: BTreeMap<String, Value>,
        /// Steps that were not done and are to be done, as new actions.
        #[serde(default)]
        again: Vec<String>,
    },
    /// The need is no more: what can be taken back is.
    Cancelled {
        /// Why.
        why: String,
    },
}

/// What a person needs to go on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StrategyBriefing {
    /// What is to be reached.
    pub goal: String,
    /// Labels of steps that are done, in order.
    pub done: Vec<String>,
    /// Labels of steps that were done and taken back.
    pub taken_back: Vec<String>,
    /// Steps of which nobody knows whether they were done: look in the backend first.
    pub unknown: Vec<String>,
    /// Steps that failed, with the reason.
    pub failed: Vec<String>,
    /// Labels of steps that are left.
    pub open: Vec<String>,
    /// What may go wrong.
    pub risks: Vec<String>,
    /// What is known, but for the fields that tools keep secret.
    pub facts: Facts,
}

/// What a strategy tells its host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StrategyEvent {
    /// A tool is called.
    StepStarted {
        /// The step.
        step: String,
        /// In plain words.
        label: String,
    },
    /// A step is done.
    StepDone {
        /// The step.
        step: String,
        /// In plain words.
        label: String,
        /// Proof, where a tool did it.
        receipt: Option<Box<ActionReceipt>>,
    },
    /// A step has failed.
    StepFailed {
        /// The step.
        step: String,
        /// In plain words.
        label: String,
        /// Why.
        why: String,
        /// When it is tried again.
        #[schemars(with = "Option<String>", extend("format" = "date-time"))]
        again_at: Option<jiff::Timestamp>,
    },
    /// Somebody has to say yes, with [`StrategyInput::Approved`].
    ApprovalNeeded {
        /// The step.
        step: String,
        /// In plain words.
        label: String,
        /// With what the tool will be called; its secret fields are masked.
        arguments: Value,
        /// Whose yes is next.
        by: Approver,
        /// Until then.
        #[schemars(with = "String", extend("format" = "date-time"))]
        until: jiff::Timestamp,
    },
    /// Somebody has work to do, and says so with [`StrategyInput::Done`].
    WorkNeeded {
        /// The step.
        step: String,
        /// In plain words.
        label: String,
        /// Who.
        owner: StepOwner,
        /// Until then.
        #[schemars(with = "Option<String>", extend("format" = "date-time"))]
        until: Option<jiff::Timestamp>,
    },
    /// A question; its answer comes as [`StrategyInput::Facts`].
    Question {
        /// The fact that is missing.
        fact: String,
        /// How to ask.
        ask: String,
        /// Who is asked: the customer, or a person who finds out.
        of: StepOwner,
        /// Until then.
        #[schemars(with = "String", extend("format" = "date-time"))]
        until: jiff::Timestamp,
    },
    /// It waits.
    Waiting {
        /// The step.
        step: String,
        /// In plain words.
        label: String,
        /// The signal, where it is not just time.
        signal: Option<String>,
        /// Until then.
        #[schemars(with = "Option<String>", extend("format" = "date-time"))]
        until: Option<jiff::Timestamp>,
    },
    /// A step was taken back.
    TakenBack {
        /// The step.
        step: String,
        /// In plain words.
        label: String,
        /// Why.
        why: String,
        /// Whether that worked.
        worked: bool,
    },
    /// The need turned out to be another one, and there is another plan.
    Replanned {
        /// The need.
        need: String,
        /// Why.
        why: String,
    },
    /// It was looked whether the need is resolved.
    FollowedUp {
        /// How many times by now.
        number: u32,
        /// When it is looked again, where it is not.
        #[schemars(with = "Option<String>", extend("format" = "date-time"))]
        next: Option<jiff::Timestamp>,
    },
    /// The completion test holds.
    Resolved {
        /// What is reached.
        goal: String,
    },
    /// A person has to go on.
    NeedsPerson {
        /// Why.
        why: String,
        /// What they need for it.
        briefing: Box<StrategyBriefing>,
    },
    /// It was cancelled, and what could be taken back was.
    Cancelled {
        /// Why.
        why: String,
    },
}
