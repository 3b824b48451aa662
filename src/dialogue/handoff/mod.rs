//! Giving a conversation to a person: to whom and for how long it is offered, what follows a no or no answer, and when it
//! may not be given again.

mod again;
mod policy;
mod transfer;

pub use again::{may_hand_off, set_aside, what_is_known};
pub use policy::{
    HandoffAlternative, HandoffPolicy, HandoffQueue, HandoffWords, load_handoff_policy,
};
pub use transfer::{HandoffAttempt, HandoffOutcome, HandoffStage, HandoffStep, Transfer};

#[cfg(test)]
mod tests;
