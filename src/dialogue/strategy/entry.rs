//! The records of a running strategy.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event::StrategyInput;
use super::state::StrategyEnding;
use super::template::{ResolutionStrategy, StepOwner};
use crate::conversation::ActionReceipt;

/// One line of the strategy's stream: written before what it announces, and after what it tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub(super) enum Entry {
    Began {
        strategy: Box<ResolutionStrategy>,
        tenant: String,
        conversation: String,
    },
    Received {
        input: StrategyInput,
    },
    ApprovalAsked {
        step: String,
        arguments: Value,
        until: Timestamp,
    },
    /// A tool is about to be called, work is given out, or a wait begins.
    Started {
        step: String,
        arguments: Value,
        until: Option<Timestamp>,
    },
    Ended {
        step: String,
        outcome: Outcome,
    },
    Asked {
        fact: String,
        of: StepOwner,
        until: Timestamp,
    },
    UndoStarted {
        step: String,
        arguments: Value,
        why: String,
    },
    UndoEnded {
        step: String,
        worked: bool,
        why: String,
    },
    Replanned {
        strategy: Box<ResolutionStrategy>,
        why: String,
    },
    /// A step failed for good: what can be taken back is, last first.
    Failing {
        why: String,
    },
    FollowUpSet {
        at: Timestamp,
    },
    FollowedUp {
        number: u32,
        fact: Option<String>,
        result: Value,
        next: Option<Timestamp>,
    },
    Closed {
        ending: StrategyEnding,
    },
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(super) enum Outcome {
    Done {
        result: Value,
        receipt: Option<Box<ActionReceipt>>,
    },
    Failed {
        why: String,
        again_at: Option<Timestamp>,
    },
    /// Nobody knows whether it was done.
    Unknown { why: String },
    /// It was asked for, given out or waited for, and is not needed any more.
    Dropped { why: String },
}
