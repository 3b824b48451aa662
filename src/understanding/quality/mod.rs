//! How a conversation goes: satisfaction, strain, resolution and the risk of escalation, at every turn and at the end.
//!
//! The score is a sum of weighted signs, so that it can say which turns moved it. The weights of the words were set
//! beforehand, not fitted to ratings; [`EscalationHead`] was trained, on calls told as intents (models/escalation-head.md).

mod escalation;
mod signs;
#[cfg(test)]
mod tests;
mod tracker;

pub use escalation::{DialogueAct, EscalationHead};
#[cfg(feature = "eval")]
pub(crate) use escalation::{Weights, act_features};
pub use tracker::{ExperienceTracker, HeardUtterance};
