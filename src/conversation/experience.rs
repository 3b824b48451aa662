//! How an interaction goes for those in it: predicted from what was said instead of asked in a survey.

use serde::{Deserialize, Serialize};

use super::ids::UtteranceId;

/// How a conversation goes, for the customer and for the employee; the same score whether a person or a machine serves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct ExperienceScore {
    /// Predicted satisfaction of the customer, from 1 to 5; 3 where nothing speaks for or against it.
    pub satisfaction: f32,
    /// How hard the conversation is on the employee, between 0 and 1.
    pub strain: f32,
    /// How likely the need is met without another contact, between 0 and 1.
    pub resolution: f32,
    /// How likely the customer gives up or has to be handed on, between 0 and 1.
    pub escalation: f32,
    /// What moved the score, in the order it was said.
    pub reasons: Vec<ExperienceReason>,
}

/// One sign in one utterance, and how it moved the score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ExperienceReason {
    /// Where it was said.
    pub utterance: UtteranceId,
    /// What it is.
    pub sign: ExperienceSign,
    /// Points of satisfaction, before all signs are put into the range from 1 to 5; negative where it lowered the score.
    pub effect: f32,
}

/// What an utterance tells of the experience.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExperienceSign {
    /// The customer gives thanks.
    Gratitude,
    /// The customer praises.
    Praise,
    /// The customer agrees, or says that the need is met.
    Acceptance,
    /// The customer declines what was offered, or wants something else.
    Rejection,
    /// The customer sets right what was understood.
    Correction,
    /// The customer complains.
    Complaint,
    /// The customer says the same again.
    Repetition,
    /// The customer asks for a person.
    AskedForHuman,
    /// Feeling in the customer's words, as an emotion model hears it.
    Feeling,
    /// The agent could not do or did not find what was asked for.
    Failure,
    /// The agent did what was asked for.
    Success,
    /// The agent asks the same again.
    AskedAgain,
}
