//! One opaque error type for the whole crate, classed by what the caller can do about it.

use std::fmt;
use std::time::Duration;

/// Shorthand for a result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// What went wrong, told in one sentence that says what to do.
///
/// The representation is private so that adapters can change their libraries without a breaking
/// release; match on [`Error::kind`] and [`Error::is_transient`].
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    context: String,
    source: Option<Source>,
    retry_after: Option<Duration>,
}

/// The class of an [`Error`]: what the caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller passed something that cannot be used; fix the input.
    InvalidInput,
    /// The thing named does not exist; check the name or the path.
    NotFound,
    /// An audio file or stream cannot be decoded.
    Audio,
    /// A model file is missing, damaged or of the wrong kind.
    Model,
    /// The set-up (configuration, playbook, prompt template) is wrong.
    Config,
    /// A vector index or article collection cannot be read or written.
    Index,
    /// A store cannot be read or written.
    Storage,
    /// Somebody else wrote first: load again, then retry.
    Conflict,
    /// A remote service did not answer or answered with a failure.
    Unavailable,
    /// The work was refused to protect what is already running; retry later.
    Overloaded,
    /// The work took longer than its limit.
    Timeout,
    /// The prompt and its answer do not fit into the model's window; shorten the prompt.
    TooLong,
    /// A provider declined by its policy; asking the same again does not help.
    Refused,
    /// An engine answered outside its protocol: it is not what it was taken for, or broken.
    Malformed,
    /// The work was cancelled by the caller.
    Cancelled,
    /// This adapter cannot do that; see its capabilities.
    Unsupported,
    /// There is too little content to do the work (a summary of an empty conversation).
    InsufficientContent,
    /// A defect of this crate.
    Internal,
}

impl Error {
    /// An error of `kind` with a sentence that says what happened and what to do.
    pub fn new(kind: ErrorKind, context: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            context: context.into(),
            source: None,
            retry_after: None,
        }))
    }

    /// Adds the underlying cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Says how long whoever was asked wants to be left alone before the same call.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Puts `context` in front of the message, keeping kind and cause.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.0.context = format!("{context}: {}", self.0.context);
        self
    }

    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// How long to wait before the same call, where whoever was asked said so (`Retry-After`).
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same call may succeed later without any change.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Unavailable
                | ErrorKind::Overloaded
                | ErrorKind::Timeout
                | ErrorKind::Conflict
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.context)?;
        if let Some(source) = &self.0.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.0.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The cause is part of the message already; its own cause goes on from here.
        self.0.source.as_deref().and_then(std::error::Error::source)
    }
}

/// Turns a foreign result into ours with a kind and a sentence.
pub(crate) trait OrError<T> {
    /// Wraps the error, computing the sentence only on failure.
    fn or_error<C: Into<String>>(self, kind: ErrorKind, context: impl FnOnce() -> C) -> Result<T>;
}

impl<T, E: Into<Source>> OrError<T> for std::result::Result<T, E> {
    fn or_error<C: Into<String>>(self, kind: ErrorKind, context: impl FnOnce() -> C) -> Result<T> {
        self.map_err(|source| Error::new(kind, context()).with_source(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_names_the_cause_once_and_keeps_the_kind() {
        let failed: std::result::Result<(), _> = Err(std::io::Error::other("disk on fire"));
        let error = failed
            .or_error(ErrorKind::Storage, || "cannot append")
            .unwrap_err()
            .context("conversation c1");
        assert_eq!(
            error.to_string(),
            "conversation c1: cannot append: disk on fire"
        );
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert!(!error.is_transient());
        assert!(Error::new(ErrorKind::Timeout, "late").is_transient());
    }
}
