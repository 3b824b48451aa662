//! What went wrong on the server or on the way to it, in our terms; and asking again.

use std::future::Future;
use std::time::Duration;

use qdrant_client::QdrantError;
use tonic::Code;

use super::collection::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::llm::Attempts;

impl Client {
    /// Makes a request until it succeeds, fails for good, or was made often enough.
    pub(super) async fn ask<T, F>(&self, doing: &str, request: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, QdrantError>>,
    {
        let mut attempts = Attempts::new(self.options().retry);
        loop {
            match request().await {
                Ok(answer) => return Ok(answer),
                Err(error) => attempts.wait_after(self.failure(doing, error)).await?,
            }
        }
    }

    fn failure(&self, doing: &str, error: QdrantError) -> Error {
        let (kind, advice) = class(&error);
        let url = &self.options().url;
        let ours = Error::new(kind, format!("cannot {doing} at {url}; {advice}"));
        let ours = match &error {
            QdrantError::ResourceExhaustedError {
                retry_after_seconds,
                ..
            } => ours.with_retry_after(Duration::from_secs(*retry_after_seconds)),
            _ => ours,
        };
        ours.with_source(error)
    }
}

/// The kind of a failure and what to do about it.
fn class(error: &QdrantError) -> (ErrorKind, &'static str) {
    const LATER: &str = "the server cannot be reached or failed: try again later";
    let status = match error {
        QdrantError::ResponseError { status } => status,
        QdrantError::ResourceExhaustedError { .. } => {
            return (ErrorKind::Overloaded, "try again later");
        }
        QdrantError::InvalidUri(_) => {
            return (ErrorKind::Config, "check the address, http(s)://host:port");
        }
        QdrantError::Io(_) => return (ErrorKind::Unavailable, LATER),
        _ => return (ErrorKind::Malformed, "the server answered out of turn"),
    };
    match status.code() {
        Code::Unauthenticated | Code::PermissionDenied => {
            (ErrorKind::Config, "check the API key and its rights")
        }
        Code::DeadlineExceeded => (ErrorKind::Timeout, "try again or allow more time"),
        // That is how tonic reports its own time limit.
        Code::Cancelled if status.message().contains("Timeout") => {
            (ErrorKind::Timeout, "try again or allow more time")
        }
        Code::ResourceExhausted => (ErrorKind::Overloaded, "try again later"),
        // Only an address with another scheme than http or https comes back like this from the client itself.
        Code::InvalidArgument if status.message().starts_with("Unsupported schema") => {
            (ErrorKind::Config, "check the address, http(s)://host:port")
        }
        Code::Unavailable | Code::Internal | Code::Unknown | Code::Cancelled | Code::Aborted => {
            (ErrorKind::Unavailable, LATER)
        }
        Code::NotFound => (
            ErrorKind::NotFound,
            "the index was dropped: open it again, or build it with QdrantStore::reindex",
        ),
        Code::Unimplemented => (
            ErrorKind::Malformed,
            "this is no Qdrant server of version 1.16 or later",
        ),
        _ => (ErrorKind::Index, "the server refused"),
    }
}
