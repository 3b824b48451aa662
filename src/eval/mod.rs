//! The evaluation commands.

pub mod retrieval;
pub mod silence;
pub mod soak;
pub mod speech;
