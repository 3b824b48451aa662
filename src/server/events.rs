//! The events of a conversation as server-sent events, to be resumed by their numbers.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::Value;

use super::auth::Permission;
use super::extract::{Named, Parameters};
use super::metrics::{self, OpenStream};
use super::problem::Problem;
use super::routes::conversations::remember;
use super::state::ServerState;
use crate::session::HubEvent;

/// The number of the last thing there is to tell of a conversation that is over: the greatest that JavaScript counts.
const NOTHING_BEHIND: u64 = (1 << 53) - 1;

/// From where on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Since {
    #[serde(default)]
    pub(super) after: Option<u64>,
    #[serde(default)]
    #[allow(dead_code, reason = "the caller's extractor reads it")]
    pub(super) access_token: Option<String>,
}

/// `GET /v1/conversations/{id}/events`
///
/// `Last-Event-ID` goes before `after`, since browsers send it when they connect again to the address they had. A
/// conversation that is over and was read to its end is answered by 204, which tells browsers not to come again.
pub(super) async fn events(
    State(state): State<ServerState>,
    Named { caller, key }: Named,
    Parameters(since): Parameters<Since>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.require(Permission::Read)?;
    let last = match headers.get("last-event-id") {
        None => None,
        Some(value) => {
            let number = value.to_str().ok().and_then(|text| text.parse().ok());
            Some(number.ok_or_else(|| {
                Problem::invalid("the header Last-Event-ID must be the number of an event")
            })?)
        }
    };
    let after: Option<u64> = last.or(since.after);
    let view = state.hub.view(&key).await?;
    if view.ended {
        // The process that was to do it may have ended first.
        tokio::spawn(remember(state.clone(), key.clone()));
    }
    let end = view.last_event.min(NOTHING_BEHIND);
    if view.ended && after.is_some_and(|after| after >= end) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    drop(view);
    let events = state.hub.events(&key, after).await?;
    let open = OpenStream::new("sse");
    let told = events
        .take_until(state.stopping.clone().cancelled_owned())
        .map(move |event| {
            let _ = &open;
            Ok::<Event, Infallible>(encoded(&event))
        });
    let alive = Duration::from_secs(state.config.limits.keep_alive_seconds);
    let stream = Sse::new(told).keep_alive(KeepAlive::new().interval(alive));
    // A proxy that collects the stream would hold events back.
    Ok(([("x-accel-buffering", "no")], stream).into_response())
}

fn encoded(event: &HubEvent) -> Event {
    let (id, data) = match event {
        HubEvent::Event(event) => (event.id, serde_json::to_value(&event.event)),
        HubEvent::Resync(view) if view.ended => (NOTHING_BEHIND, serde_json::to_value(view)),
        HubEvent::Resync(view) => (view.last_event, serde_json::to_value(view)),
    };
    // Our own types always serialise.
    let data = data.unwrap_or_default();
    let kind = match event {
        HubEvent::Event(_) => kind_of(&data),
        HubEvent::Resync(_) => "resync",
    };
    metrics::event(kind);
    Event::default()
        .id(id.to_string())
        .event(kind)
        .data(data.to_string())
}

/// The `type` of a serialised event.
pub(super) fn kind_of(event: &Value) -> &str {
    event.get("type").and_then(Value::as_str).unwrap_or("event")
}
