//! REST: one function a route, thin over the hub and the assistant.

pub(super) mod conversations;
pub(super) mod customers;
pub(super) mod health;
pub(super) mod inputs;
pub(super) mod insight;
pub(super) mod knowledge;
pub(super) mod stateless;
pub(super) mod vcon;

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use tower_http::timeout::TimeoutLayer;

use super::state::ServerState;

/// Everything under `/v1` but streams, and what models write for, which has a limit of its own.
pub(super) fn router(state: &ServerState) -> Router<ServerState> {
    let limits = &state.config.limits;
    let layer =
        |seconds, status| TimeoutLayer::with_status_code(status, Duration::from_secs(seconds));
    let quick = Router::new()
        .route(
            "/v1/conversations",
            post(conversations::open).get(conversations::list),
        )
        .route("/v1/conversations/{id}", get(conversations::view))
        .route("/v1/conversations/{id}", delete(conversations::erase))
        .route("/v1/conversations/{id}/utterances", post(inputs::say))
        .route("/v1/conversations/{id}/participants", post(inputs::join))
        .route("/v1/conversations/{id}/channel", post(inputs::channel))
        .route(
            "/v1/conversations/{id}/interrupted",
            post(inputs::interrupted),
        )
        .route("/v1/conversations/{id}/end", post(inputs::end))
        .route(
            "/v1/conversations/{id}/actions/approve",
            post(inputs::approve),
        )
        .route("/v1/conversations/{id}/handoff", post(inputs::handoff))
        .route(
            "/v1/conversations/{id}/actions/done",
            post(inputs::steps_done),
        )
        .route("/v1/conversations/{id}/feedback", post(inputs::feedback))
        .route("/v1/conversations/{id}/checklist", post(inputs::checklist))
        .route("/v1/conversations/{id}/vcon", get(vcon::export))
        .route("/v1/vcon", post(vcon::import))
        .route("/v1/journey-events", post(customers::journey))
        .route("/v1/customers/erase", post(customers::erase))
        .route("/v1/knowledge/search", post(knowledge::search))
        .layer(layer(limits.request_seconds, StatusCode::REQUEST_TIMEOUT));
    let written = Router::new()
        .route(
            "/v1/conversations/{id}/summary",
            post(conversations::summarize)
                .get(conversations::summary)
                .put(conversations::keep_note),
        )
        .route(
            "/v1/conversations/{id}/suggest",
            post(conversations::suggest),
        )
        .route("/v1/summarize", post(stateless::summarize))
        .route("/v1/suggest", post(stateless::suggest))
        .route("/v1/next-best-actions", post(stateless::next_best_actions))
        .route("/v1/knowledge/answer", post(knowledge::answer))
        .route("/v1/insight", get(insight::report))
        .layer(layer(limits.model_seconds, StatusCode::REQUEST_TIMEOUT));
    quick.merge(written)
}
