//! The evaluation commands.

pub mod grounding;
pub mod redact;
pub mod retrieval;
pub mod silence;
pub mod soak;
pub mod speech;
pub mod summary;
