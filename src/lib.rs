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

mod compute;
pub mod conversation;
pub mod embedding;
mod error;
#[cfg(feature = "eval")]
pub mod eval;
pub mod knowledge;
pub mod llm;
pub mod models;
//pub mod speech;
//pub mod store;
#[cfg(any(test, feature = "test-util"))]
pub mod testing;

pub use error::{Error, ErrorKind, Result};
