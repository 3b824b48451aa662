//! LLM-powered virtual agents and agent assist for contact centres.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

pub mod assist;
pub mod assistant;
mod compute;
pub mod conversation;
pub mod dialogue;
pub mod embedding;
mod error;
pub mod guard;
pub mod knowledge;
pub mod llm;
pub mod models;
pub mod prompt;
pub mod session;
pub mod speech;
pub mod store;
pub mod summary;
#[cfg(any(test, feature = "test-util"))]
pub mod testing;

pub use assistant::{Assistant, AssistantBuilder, Content, Phrases};
pub use error::{Error, ErrorKind, Result};
