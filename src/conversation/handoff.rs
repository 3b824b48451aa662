//! A hand-off on its way from the virtual agent to a person and back, and what its briefing tells beside the values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::action::Approver;
use super::emotion::{EmotionEvent, EmotionState};
use super::ids::UtteranceId;

/// What a person answers to a hand-off that was offered to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "answer", rename_all = "snake_case")]
#[non_exhaustive]
pub enum HandoffAnswer {
    /// They take over.
    Accept,
    /// They do not; it is offered to the next.
    Decline {
        /// Why, in their words.
        reason: String,
    },
    /// They had taken over, and give the conversation back to the virtual agent.
    Return(HandoffReturn),
}

/// What a person tells the virtual agent when they give a conversation back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct HandoffReturn {
    /// What happened, for the record; the customer does not see it.
    pub note: String,
    /// Steps that were done, as `playbook/step`.
    pub done: Vec<String>,
    /// What is still open, in plain words.
    pub open: Vec<String>,
    /// Values that the person learned, by slot.
    pub slots: BTreeMap<String, String>,
    /// Whether nothing is left to do of what the customer came for.
    pub resolved: bool,
}

/// Where a hand-off stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
#[non_exhaustive]
pub enum HandoffStatus {
    /// It was offered to the people of a queue and waits for an answer.
    Offered {
        /// The queue.
        queue: String,
        /// Which offer of this hand-off it is, from 1.
        attempt: u32,
        /// From then on it counts as not taken; never where there is none.
        #[schemars(with = "Option<String>", extend("format" = "date-time"))]
        expires_at: Option<jiff::Timestamp>,
    },
    /// A person leads the conversation now.
    Accepted {
        /// Who, by the host's id.
        by: String,
    },
    /// A person declined; an offer to the next follows, or [`GivenUp`](Self::GivenUp).
    Declined {
        /// Who, by the host's id.
        by: String,
        /// Why, in their words.
        reason: String,
    },
    /// Nobody answered in time; an offer to the next follows, or [`GivenUp`](Self::GivenUp).
    TimedOut {
        /// The queue that it was offered to.
        queue: String,
    },
    /// Nobody is there to take it. The virtual agent has told the customer and goes on.
    GivenUp {
        /// The alternative that the customer was offered, by its id.
        alternative: Option<String>,
    },
    /// The customer wants the alternative: the host arranges it.
    Alternative {
        /// Its id, e.g. `call_back`.
        id: String,
    },
    /// The virtual agent leads again.
    Returned {
        /// Who gave it back, by the host's id.
        by: String,
        /// What they told.
        back: HandoffReturn,
    },
}

/// How a step ended that was tried before a hand-off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TriedOutcome {
    /// It was done.
    Done,
    /// Its backend action failed, or nobody knows whether it was done.
    Failed,
    /// Somebody said no to it.
    Refused,
    /// It was not taken, since what comes before it was not done.
    LeftOut,
}

/// A step that was tried before a hand-off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TriedStep {
    /// `playbook/step`.
    pub source: String,
    /// The step in plain words.
    pub label: String,
    /// How it ended.
    pub outcome: TriedOutcome,
    /// Why, where it was not done.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A yes that somebody still has to give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct OpenApproval {
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

/// Something the customer was promised in this conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Promise {
    /// The sentence, as it was said.
    pub words: String,
    /// Where it was said.
    pub utterance: UtteranceId,
}

/// What the customer feels, and how it came to that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EmotionBriefing {
    /// What they feel now.
    pub now: EmotionState,
    /// How much more pleasant it is than at their first words: between -2 and 2, below 0 where it got worse.
    pub trend: f32,
    /// What really changed, oldest first.
    pub changes: Vec<EmotionEvent>,
}
