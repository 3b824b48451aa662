//! The evaluation commands.

pub mod speech;
