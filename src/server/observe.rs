//! What every request gets: an id, a span, figures, safe headers, and errors in one form.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{self, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use super::problem::{PROBLEM_JSON, Problem};
use super::state::ServerState;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id that is taken from a client.
const LONGEST_ID: usize = 64;
/// Bytes of a foreign error that are looked at.
const ERROR_BYTES: usize = 4096;

pub(super) async fn observe(
    State(state): State<ServerState>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    // The pattern, not the path: few labels, and no ids of conversations in them. The query is never logged, since
    // it may hold a token.
    let route = request.extensions().get::<MatchedPath>().map_or_else(
        || "unknown".to_owned(),
        |matched| matched.as_str().to_owned(),
    );
    let span = tracing::info_span!(
        "request",
        "http.request.method" = %method,
        "http.route" = route,
        "http.response.status_code" = tracing::field::Empty,
        request_id = id,
        tenant = tracing::field::Empty,
    );
    let is_docs = request.uri().path().starts_with("/docs");
    let response = next.run(request).instrument(span.clone()).await;
    let mut response = in_one_form(response, &id).await;
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    let elapsed = begun.elapsed();
    span.in_scope(|| tracing::debug!(ms = elapsed.as_millis() as u64, "answered"));
    super::metrics::request(method.as_str(), &route, status.as_u16(), elapsed);
    safe(response.headers_mut(), &state, is_docs);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The client's id where it is a plain one, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok());
    let plain = given.filter(|id| {
        (1..=LONGEST_ID).contains(&id.len())
            && id
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    });
    plain.map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned)
}

/// Errors of the framework become problems, and every problem tells the request's id.
async fn in_one_form(mut response: Response, id: &str) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    if let Some(mut problem) = response.extensions_mut().remove::<Problem>() {
        problem.instance = Some(format!("urn:attendant:request:{id}"));
        let headers = std::mem::take(response.headers_mut());
        return with_headers(problem, &headers);
    }
    let kind = response.headers().get(CONTENT_TYPE);
    let is_json = kind.is_some_and(|kind| {
        let kind = kind.as_bytes();
        kind.starts_with(b"application/json") || kind.starts_with(PROBLEM_JSON.as_bytes())
    });
    if is_json {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = axum::body::to_bytes(body, ERROR_BYTES)
        .await
        .unwrap_or_default();
    let told = String::from_utf8_lossy(&text).trim().to_owned();
    let (kind, instead) = class(status);
    let detail = if told.is_empty() {
        instead.to_owned()
    } else {
        told
    };
    let mut problem = Problem::new(status, kind, detail);
    problem.instance = Some(format!("urn:attendant:request:{id}"));
    with_headers(problem, &parts.headers)
}

/// The problem, with headers such as `Allow` and `Retry-After` that came with the error.
fn with_headers(problem: Problem, headers: &HeaderMap) -> Response {
    let mut response = problem.into_response();
    response.extensions_mut().remove::<Problem>();
    for (name, value) in headers {
        if ![CONTENT_TYPE, header::CONTENT_LENGTH].contains(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

fn class(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::BAD_REQUEST => ("invalid_input", "the request cannot be used"),
        StatusCode::NOT_FOUND => ("not_found", "there is nothing here"),
        StatusCode::METHOD_NOT_ALLOWED => (
            "method_not_allowed",
            "this path takes other methods; the header Allow says which",
        ),
        StatusCode::REQUEST_TIMEOUT => (
            "timeout",
            "the request was not complete, or its work not done, within the time for it",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "the body is larger than this server takes"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            "unsupported_media_type",
            "send the body as `Content-Type: application/json`",
        ),
        StatusCode::UPGRADE_REQUIRED => ("upgrade_required", "this path speaks WebSocket only"),
        status if status.is_client_error() => ("invalid_input", "the request cannot be used"),
        _ => ("internal", "the server could not do this; its log says why"),
    }
}

fn safe(headers: &mut HeaderMap, state: &ServerState, is_docs: bool) {
    let policy = if is_docs {
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
    } else {
        "default-src 'none'; frame-ancestors 'none'"
    };
    let defaults = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    for (name, value) in defaults {
        // Pages set their own.
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if state.config.server.tls.is_some() {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
}
