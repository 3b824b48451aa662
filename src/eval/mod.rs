//! The evaluation commands.

pub mod emotion;
pub mod grounding;
pub mod retrieval;
pub mod silence;
pub mod soak;
pub mod speech;
