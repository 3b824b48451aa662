//! A conversation over a WebSocket: events out, inputs in, each acknowledged when it is stored.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::{IntoResponse, Response};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::auth::{Caller, Permission};
use super::events::{Since, kind_of};
use super::extract::{Named, Parameters};
use super::input::{ClientInput, submit};
use super::metrics::{self, OpenStream};
use super::problem::Problem;
use super::routes::conversations::remember;
use super::state::ServerState;
use crate::session::{HubEvent, HubEvents};
use crate::store::StreamKey;

/// Messages that wait for a client that reads slowly; then nothing is read from it either.
const OUTGOING: usize = 64;

/// `GET /v1/conversations/{id}/ws`
pub(super) async fn socket(
    State(state): State<ServerState>,
    Named { caller, key }: Named,
    Parameters(since): Parameters<Since>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    caller.require(Permission::Read)?;
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Ok(rejection.into_response()),
    };
    // Unknown conversations are told before the protocol changes.
    let events = state.hub.events(&key, since.after).await?;
    if state.hub.view(&key).await?.ended {
        // The process that was to do it may have ended first.
        tokio::spawn(remember(state.clone(), key.clone()));
    }
    let most = state.config.limits.body_bytes;
    let upgraded = upgrade
        .max_message_size(most)
        .max_frame_size(most)
        .on_upgrade(move |socket| async move {
            let _open = OpenStream::new("websocket");
            Connection { state, caller, key }.run(socket, events).await;
        });
    Ok(upgraded)
}

struct Connection {
    state: ServerState,
    caller: Caller,
    key: StreamKey,
}

impl Connection {
    /// Reads, tells and writes beside each other, until one of them is over.
    async fn run(self, socket: WebSocket, events: HubEvents) {
        let (sink, stream) = socket.split();
        let (out, outgoing) = mpsc::channel(OUTGOING);
        let alive = Duration::from_secs(self.state.config.limits.keep_alive_seconds);
        let stopping = self.state.stopping.clone();
        let writer = write(sink, outgoing, alive);
        let closing = CancellationToken::new();
        let reader = self.read(stream, out.clone(), alive, &closing);
        tokio::pin!(writer, reader);
        let why = tokio::select! {
            () = &mut writer => return,
            () = &mut reader => None,
            () = tell(events, out.clone()) => Some((close_code::NORMAL, "the conversation is over")),
            () = stopping.cancelled() => Some((close_code::RESTART, "the server is stopping")),
        };
        if let Some((code, reason)) = why {
            // What is being taken is still acknowledged: the input that ends the conversation is one of these.
            closing.cancel();
            tokio::select! {
                () = &mut writer => return,
                _ = timeout(alive, &mut reader) => {}
            }
            let reason = reason.into();
            let frame = Message::Close(Some(CloseFrame { code, reason }));
            // The queue may be full; whoever reads nothing needs no farewell.
            let _ = out.try_send(frame);
        }
        drop(out);
        let _ = timeout(alive, writer).await;
    }

    async fn read(
        &self,
        mut stream: SplitStream<WebSocket>,
        out: mpsc::Sender<Message>,
        alive: Duration,
        closing: &CancellationToken,
    ) {
        let mut heard = Instant::now();
        let mut ping = tokio::time::interval(alive);
        ping.reset();
        loop {
            let message = tokio::select! {
                message = stream.next() => message,
                () = closing.cancelled() => return,
                _ = ping.tick() => {
                    // Half-open: the other side is gone and nobody said so.
                    if heard.elapsed() > 2 * alive {
                        return;
                    }
                    if out.try_send(Message::Ping(Vec::new().into())).is_err() {
                        tracing::debug!("a client reads slowly");
                    }
                    continue;
                }
            };
            heard = Instant::now();
            let answer = match message {
                Some(Ok(Message::Text(text))) => self.input(&text).await,
                Some(Ok(Message::Binary(_))) => {
                    problem(None, &Problem::invalid("messages are JSON in text frames"))
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            };
            if out
                .send(Message::Text(answer.to_string().into()))
                .await
                .is_err()
            {
                return;
            }
        }
    }

    async fn input(&self, text: &str) -> Value {
        let mut id = None;
        match self.take(text, &mut id).await {
            Ok(id) => json!({ "ack": id }),
            Err(refused) => problem(id, &refused),
        }
    }

    async fn take(&self, text: &str, id: &mut Option<Uuid>) -> Result<Uuid, Problem> {
        self.state.auth.admit(&self.caller)?;
        self.caller.require(Permission::Write)?;
        let unreadable = |error: serde_json::Error| {
            Problem::invalid(format!("the message does not fit: {error}"))
        };
        let mut value: Value = serde_json::from_str(text).map_err(unreadable)?;
        if let Some(given) = value.as_object_mut().and_then(|object| object.remove("id")) {
            let given = given.as_str().and_then(|text| Uuid::parse_str(text).ok());
            *id = Some(given.ok_or_else(|| Problem::invalid("id must be a UUID"))?);
        }
        let input: ClientInput = serde_json::from_value(value).map_err(unreadable)?;
        let under = id.unwrap_or_else(Uuid::now_v7);
        Ok(submit(&self.state, &self.key, under, input).await?.id)
    }
}

fn problem(id: Option<Uuid>, problem: &Problem) -> Value {
    match id {
        Some(id) => json!({ "id": id, "problem": problem }),
        None => json!({ "problem": problem }),
    }
}

async fn tell(mut events: HubEvents, out: mpsc::Sender<Message>) {
    while let Some(event) = events.next().await {
        let message = match &event {
            HubEvent::Event(event) => {
                let told = json!({ "id": event.id, "event": event.event });
                metrics::event(told.get("event").map_or("event", kind_of));
                told
            }
            HubEvent::Resync(view) => {
                metrics::event("resync");
                json!({ "id": view.last_event, "resync": view })
            }
        };
        if out
            .send(Message::Text(message.to_string().into()))
            .await
            .is_err()
        {
            return;
        }
    }
}

/// Ends when there is nothing more to write, or the client takes nothing for too long.
async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut outgoing: mpsc::Receiver<Message>,
    alive: Duration,
) {
    while let Some(message) = outgoing.recv().await {
        match timeout(2 * alive, sink.send(message)).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
    let _ = timeout(alive, sink.close()).await;
}
