//! The evaluation commands.

pub mod grounding;
pub mod intent;
pub mod retrieval;
pub mod silence;
pub mod soak;
pub mod speech;
