//! Errors as RFC 9457 problem details (`application/problem+json`).

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// The media type of problem details.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong, in the form of RFC 9457.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// A URI that names the class of the problem: `urn:attendant:problem:` and the kind.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// The class in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened and what to do.
    pub detail: String,
    /// The request, by its id (`x-request-id`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The class as [`ErrorKind`] in snake case, or the server's own: `unauthorized`, `forbidden`, `rate_limited`, …
    pub kind: String,
    /// Whether the same request may succeed later without any change.
    pub retryable: bool,
    /// Seconds to wait, where that is known; sent as `Retry-After`.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

impl Problem {
    /// A problem of the server's own kind (snake case).
    pub fn new(status: StatusCode, kind: &str, detail: impl Into<String>) -> Self {
        Self {
            type_uri: format!("urn:attendant:problem:{}", kind.replace('_', "-")),
            title: title(kind),
            status: status.as_u16(),
            detail: detail.into(),
            instance: None,
            kind: kind.to_owned(),
            retryable: matches!(
                status,
                StatusCode::REQUEST_TIMEOUT
                    | StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            ),
            retry_after: None,
        }
    }

    /// A request that cannot be used.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_input", detail)
    }

    /// No valid key or token.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// A key or token that does not go so far.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// Nothing there, or nothing of this tenant.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// Says how many seconds to wait.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// The status as a type.
    pub fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// `rate_limited` -> `Rate limited`.
fn title(kind: &str) -> String {
    let words = kind.replace('_', " ");
    let mut letters = words.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// `InvalidInput` -> `invalid_input`.
fn snake_case(kind: ErrorKind) -> String {
    let mut name = String::new();
    for letter in format!("{kind:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidInput | ErrorKind::Audio => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::TooLong | ErrorKind::InsufficientContent | ErrorKind::Refused => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        // Ours to protect what is running, and a server that goes down: elsewhere, or later.
        ErrorKind::Overloaded | ErrorKind::Cancelled | ErrorKind::Storage => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ErrorKind::Unavailable | ErrorKind::Malformed => StatusCode::BAD_GATEWAY,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Unsupported => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What a caller is told of an error. What is not of their making may name files, hosts and the words of others: it goes to
/// the log, and the caller gets the class.
pub(super) fn told(error: &Error) -> String {
    let told = match error.kind() {
        ErrorKind::Storage => "the store could not do this; try again",
        ErrorKind::Unavailable => "what this needs cannot be reached; try again",
        ErrorKind::Malformed => "what this needs answered in another form than it should",
        ErrorKind::Timeout => "this took longer than it may; try again",
        kind if status(kind) == StatusCode::INTERNAL_SERVER_ERROR => {
            "the server could not do this; its log says why, under this request's id"
        }
        _ => return error.to_string(),
    };
    tracing::error!(%error, "a request failed");
    told.to_owned()
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = status(error.kind());
        let kind = snake_case(error.kind());
        let detail = told(&error);
        let wait = error.retry_after().map(|wait| wait.as_secs().max(1));
        let mut problem = Self::new(status, &kind, detail);
        problem.retryable |= error.is_transient();
        problem.retry_after = wait.or((status == StatusCode::SERVICE_UNAVAILABLE).then_some(1));
        problem
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let status = rejection.status();
        let kind = match status {
            StatusCode::PAYLOAD_TOO_LARGE => "too_large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
            _ => "invalid_input",
        };
        // What is no JSON and what is another JSON than was asked for are one class here.
        let status = match status {
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            other => other,
        };
        Self::new(status, kind, rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::invalid(rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::invalid(rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status_code(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED.as_u16() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // Routes that speak another form of errors make theirs of it.
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_operators_may_know_is_told_to_nobody_else() {
        for kind in [
            ErrorKind::Storage,
            ErrorKind::Unavailable,
            ErrorKind::Malformed,
            ErrorKind::Timeout,
            ErrorKind::Config,
            ErrorKind::Internal,
        ] {
            let cause = std::io::Error::other("/var/secret.db at db.internal:5432");
            let error = Error::new(kind, "cannot open /var/secret.db").with_source(cause);
            let problem = Problem::from(error);
            assert!(problem.status >= 500, "{problem:?}");
            let told = serde_json::to_string(&problem).unwrap();
            assert!(!told.contains("secret") && !told.contains("5432"), "{told}");
        }
        let ours = Problem::from(Error::new(ErrorKind::InvalidInput, "limit is missing"));
        assert_eq!(ours.detail, "limit is missing");
    }
}
