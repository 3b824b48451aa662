//! Conversations as vCons, out and in.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::conversation::vcon::{Vcon, VconOptions};
use crate::error::{Error, ErrorKind};
use crate::server::auth::{Caller, Permission};
use crate::server::extract::{Body, Named, check_id};
use crate::server::problem::Problem;
use crate::server::state::ServerState;
use crate::session::SessionView;

/// The media type of a vCon.
pub(in crate::server) const VCON_JSON: &str = "application/vcon+json";

/// A conversation that came in as a vCon.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct Imported {
    #[serde(flatten)]
    view: SessionView,
    /// What was passed over, in sentences for people.
    passed_over: Vec<String>,
}

/// `GET /v1/conversations/{id}/vcon`
pub(in crate::server) async fn export(
    State(state): State<ServerState>,
    Named { caller, key }: Named,
) -> Result<Response, Problem> {
    caller.require(Permission::Read)?;
    let view = state.hub.view(&key).await?;
    let options = VconOptions {
        summary: view.summary,
        ..VconOptions::default()
    };
    let json = Vcon::from_conversation(&view.conversation, options)?.to_json()?;
    Ok(([(CONTENT_TYPE, VCON_JSON)], json).into_response())
}

/// `POST /v1/vcon`
pub(in crate::server) async fn import(
    State(state): State<ServerState>,
    caller: Caller,
    Body(body): Body<Value>,
) -> Result<Response, Problem> {
    caller.require(Permission::Write)?;
    let read = Vcon::from_value(body)
        .and_then(|vcon| vcon.to_conversation(caller.tenant.clone()))
        .map_err(unusable)?;
    check_id(read.conversation.id.as_str())?;
    let view = state.hub.open(read.conversation).await?;
    let location = format!("/v1/conversations/{}", view.conversation.id);
    let imported = Imported {
        view,
        passed_over: read.passed_over,
    };
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(imported)).into_response())
}

/// One that is signed, encrypted or asks for what we do not know is the sender's to change, not the server's.
fn unusable(error: Error) -> Problem {
    match error.kind() {
        ErrorKind::Unsupported => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unsupported",
            error.to_string(),
        ),
        _ => error.into(),
    }
}
