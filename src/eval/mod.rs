//! The evaluation commands.

pub mod retrieval;
pub mod speech;
