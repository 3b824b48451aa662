//! The evaluation commands.

pub mod answers;
pub mod emotion;
pub mod escalation;
pub mod grounding;
pub mod intent;
mod lines;
pub mod needs;
pub mod next_action;
mod rank;
pub mod redact;
pub mod retrieval;
pub mod satisfaction;
pub mod silence;
pub mod soak;
pub mod speech;
pub mod summary;
pub mod tasks;
pub mod wrap_up;
