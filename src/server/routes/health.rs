//! Is it alive, can it work, what does it do.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::conversation::TenantId;
use crate::server::problem::Problem;
use crate::server::state::ServerState;

/// A tenant that nobody has: asking for its conversations tries the store and reads nothing.
const NOBODY: &str = "~ready";

/// How the server is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct Health {
    /// `ok`.
    status: &'static str,
    /// The version of this crate.
    version: &'static str,
}

const HEALTHY: Health = Health {
    status: "ok",
    version: env!("CARGO_PKG_VERSION"),
};

/// `GET /healthz`: the process answers.
pub(in crate::server) async fn healthz() -> Json<Health> {
    Json(HEALTHY)
}

/// `GET /readyz`: it takes conversations. Not while it stops, nor while the store is out of reach or full.
pub(in crate::server) async fn readyz(
    State(state): State<ServerState>,
) -> Result<Json<Health>, Problem> {
    if state.stopping.is_cancelled() {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "cancelled",
            "the server is stopping; ask another one",
        )
        .with_retry_after(1));
    }
    let tenant = TenantId::from(NOBODY);
    if let Err(error) = state.hub.assistant().store().list(&tenant).await {
        tracing::error!(%error, "the store is out of reach");
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "storage",
            "the store is out of reach; the log says why",
        )
        .with_retry_after(1));
    }
    if !state.hub.can_store().await {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "storage",
            "the store takes nothing; the log says why",
        )
        .with_retry_after(3));
    }
    Ok(Json(HEALTHY))
}

/// `GET /metrics`: for Prometheus.
pub(in crate::server) async fn metrics(State(state): State<ServerState>) -> Response {
    let Some(handle) = &state.metrics else {
        return Problem::not_found("this server keeps no metrics").into_response();
    };
    crate::server::metrics::gauges(&state.hub.stats());
    let text = handle.render();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
