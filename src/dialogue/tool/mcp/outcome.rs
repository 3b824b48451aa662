//! What came of a call: a result in our form, or a failure that says whether anything may have been done.

use std::time::Duration;

use rmcp::model::{CallToolResult, ErrorCode};
use rmcp::service::ServiceError;
use rmcp::transport::streamable_http_client::StreamableHttpError;
use serde_json::{Value, json};

use crate::error::{Error, ErrorKind, Result};

/// What a server says about a failure is cut after so many characters.
const LONGEST_MESSAGE: usize = 400;

/// The result as data, cut after `limit` bytes.
///
/// # Errors
/// [`ErrorKind::Refused`] where the tool itself says that it failed.
pub(super) fn result(result: CallToolResult, limit: usize) -> Result<Value> {
    let texts: Vec<&str> = result
        .content
        .iter()
        .filter_map(|block| block.as_text())
        .map(|text| text.text.as_str())
        .collect();
    if result.is_error == Some(true) {
        let why = match texts.is_empty() {
            true => "the tool says that it failed, and not why".to_owned(),
            false => shown(&texts.join(" ")),
        };
        return Err(Error::new(ErrorKind::Refused, why));
    }
    let value = match result.structured_content {
        Some(value) if !value.is_null() => value,
        _ => text_result(&texts),
    };
    let written = value.to_string();
    if written.len() <= limit {
        return Ok(value);
    }
    // It is done all the same, so it is no failure.
    let text = match value.get("text").and_then(Value::as_str) {
        Some(text) => text,
        None => &written,
    };
    Ok(json!({ "text": cut(text, limit), "truncated": true }))
}

/// A text that is an object or a list is taken for what it is.
fn text_result(texts: &[&str]) -> Value {
    if let [text] = texts
        && let Ok(value) = serde_json::from_str::<Value>(text)
        && (value.is_object() || value.is_array())
    {
        return value;
    }
    json!({ "text": texts.join("\n") })
}

/// The beginning of a text, so many bytes at most.
fn cut(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// What a server says, for people.
fn shown(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(LONGEST_MESSAGE).collect()
}

/// Whether it is certain that the server never saw the call.
pub(super) fn was_not_sent(error: &ServiceError) -> bool {
    matches!(http(error), Some(StreamableHttpError::Client(error)) if error.is_connect())
}

fn http(error: &ServiceError) -> Option<&StreamableHttpError<reqwest::Error>> {
    match error {
        ServiceError::TransportSend(error) => error.error.downcast_ref(),
        _ => None,
    }
}

/// A failure in our classes. All that leaves open whether something was done is transient: the ledger knows then what may
/// be tried again, and what a person has to look at.
pub(super) fn failure(server: &str, error: ServiceError) -> Error {
    if error.is_authorization_required() {
        let what = format!("the MCP server {server} wants other credentials; check its headers");
        return Error::new(ErrorKind::Config, what);
    }
    if let Some(StreamableHttpError::HttpStatus(status)) = http(&error) {
        let what = format!(
            "the MCP server {server} answered with status {}",
            status.status
        );
        let busy = Error::new(ErrorKind::Overloaded, what.clone());
        let wait = status
            .retry_after
            .as_deref()
            .and_then(|wait| wait.parse().ok());
        return match (status.status, wait) {
            (429, Some(wait)) => busy.with_retry_after(Duration::from_secs(wait)),
            (429, None) => busy,
            _ => Error::new(ErrorKind::Unavailable, what),
        };
    }
    let kind = match &error {
        ServiceError::McpError(error) => match error.code {
            ErrorCode::INVALID_PARAMS | ErrorCode::INVALID_REQUEST => ErrorKind::InvalidInput,
            ErrorCode::METHOD_NOT_FOUND => ErrorKind::NotFound,
            ErrorCode::PARSE_ERROR => ErrorKind::Malformed,
            _ => ErrorKind::Unavailable,
        },
        ServiceError::Timeout { .. } => ErrorKind::Timeout,
        _ => ErrorKind::Unavailable,
    };
    let what = format!(
        "the MCP server {server} failed: {}",
        shown(&error.to_string())
    );
    Error::new(kind, what)
}
