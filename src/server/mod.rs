//! The server: the same sessions over HTTP, event streams and WebSockets.
//!
//! [`router`] makes a service of a [`ServerState`]; [`Server`] binds it to an address, with TLS where it is
//! configured, and finishes what was accepted when it is told to stop. Whose data a request may see comes from its
//! key or token alone ([`Caller`]); every error is an RFC 9457 [`Problem`]. `GET /openapi.json` describes it all.
#![allow(
    clippy::result_large_err,
    reason = "a problem is the answer itself, and rare"
)]

mod auth;
mod config;
mod desktop;
mod events;
mod extract;
mod input;
#[cfg(feature = "mcp")]
pub mod mcp;
mod metrics;
mod observe;
mod openai;
mod openapi;
mod problem;
mod routes;
mod serve;
mod socket;
mod state;
mod telemetry;
pub mod telephony;
mod turn;

pub use auth::{Authenticator, Caller, Permission, key_digest};
pub use config::{
    ApiKey, Auth, ContentSource, Cors, Jwt, JwtAlgorithm, Limits, Listen, LogFormat, Models,
    Secret, ServerConfig, Sessions, Store, Telemetry, Tls,
};
pub use metrics::record_metrics;
pub use openapi::document as openapi_document;
pub use problem::{PROBLEM_JSON, Problem};
pub use serve::Server;
pub use state::ServerState;
pub use telemetry::{TelemetryGuard, start_telemetry};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::CorsLayer;

use routes::health;

/// The whole service: everything under `/v1`, health and metrics, the document and its viewer.
pub fn router(state: ServerState) -> Router {
    let viewer = utoipa_swagger_ui::SwaggerUi::new("/docs")
        .config(utoipa_swagger_ui::Config::from("/openapi.json"));
    let routes = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(openapi::serve))
        .route("/v1/conversations/{id}/events", get(events::events))
        .route("/v1/conversations/{id}/ws", get(socket::socket))
        .merge(routes::router(&state))
        .merge(openai::router(&state))
        .merge(telephony::router(state.clone()))
        .merge(desktop::router())
        .merge(viewer)
        .merge(mcp_router(&state))
        .fallback(nothing_here);
    routes
        .layer(DefaultBodyLimit::max(state.config.limits.body_bytes))
        .layer(CatchPanicLayer::custom(|_| panicked()))
        .layer(from_fn_with_state(state.clone(), observe::observe))
        .layer(cors(&state.config.cors))
        .with_state(state)
}

#[cfg(feature = "mcp")]
fn mcp_router(state: &ServerState) -> Router<ServerState> {
    mcp::router(state.clone()).with_state(())
}

#[cfg(not(feature = "mcp"))]
fn mcp_router(_: &ServerState) -> Router<ServerState> {
    Router::new()
}

async fn nothing_here() -> Problem {
    Problem::not_found("there is nothing at this path; /openapi.json says what there is")
}

fn panicked() -> axum::response::Response {
    tracing::error!("a handler panicked");
    Problem::new(
        axum::http::StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "the server could not do this; its log says why, under this request's id",
    )
    .into_response()
}

/// Pages of these origins may call with a key in a header; there are no cookies.
fn cors(config: &Cors) -> CorsLayer {
    let origins: Vec<HeaderValue> = config
        .origins
        .iter()
        .filter_map(|origin| HeaderValue::from_str(origin).ok())
        .collect();
    if origins.is_empty() {
        return CorsLayer::new();
    }
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("x-api-key"),
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("mcp-session-id"),
            HeaderName::from_static("mcp-protocol-version"),
        ])
        .expose_headers([
            header::RETRY_AFTER,
            header::LOCATION,
            HeaderName::from_static("x-request-id"),
            HeaderName::from_static("mcp-session-id"),
        ])
        .max_age(std::time::Duration::from_secs(600))
}

#[cfg(test)]
mod tests;
