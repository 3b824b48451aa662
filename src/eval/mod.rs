//! The evaluation commands.

pub mod retrieval;
