//! One file a command.

pub(crate) mod assist;
pub(crate) mod chat;
#[cfg(feature = "eval")]
pub(crate) mod eval;
pub(crate) mod file;
pub(crate) mod index;
pub(crate) mod knowledge;
pub(crate) mod live;
pub(crate) mod models;
pub(crate) mod transcribe;
