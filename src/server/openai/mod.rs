//! The virtual agent as a model: the chat completions of OpenAI's API, so that any client of it can talk to it.
//!
//! The messages are a conversation. A client that names one (`metadata.conversation_id`) goes on with it, over channels
//! and restarts. One that sends the whole history, as the form demands, is recognised by that history while this
//! process runs; where it is not, a conversation begins that has it as its transcript. Procedures, tools and the gates
//! for claims and numbers are those of every other channel, so what a client cannot decide here (sampling, tools,
//! system messages) is let pass without effect or, where silence would mislead, refused.

mod request;
mod response;
mod threads;

pub(super) use request::ChatRequest;
pub(super) use response::{ChatCompletion, ErrorBody, ModelList};
pub(super) use threads::Threads;

use std::convert::Infallible;
use std::time::Duration;

use async_stream::stream;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::StreamExt;
use futures::stream::BoxStream;
use tower_http::timeout::TimeoutLayer;
use uuid::Uuid;

use self::request::{Ask, MODEL};
use self::response::{Answer, Completion};
use self::threads::Claim;
use super::auth::{Caller, Permission};
use super::extract::Body;
use super::problem::Problem;
use super::state::ServerState;
use super::turn::turn;
use crate::conversation::{Channel, Conversation, CustomerProfile, Participant, Role};
use crate::error::{ErrorKind, Result as OurResult};
use crate::session::{HubEvent, SessionInput};
use crate::store::StreamKey;

/// `/v1/chat/completions` and `/v1/models`, with errors in the form that their clients read.
pub(super) fn router(state: &ServerState) -> Router<ServerState> {
    let limit = Duration::from_secs(state.config.limits.model_seconds);
    Router::new()
        .route("/v1/chat/completions", post(complete))
        .route("/v1/models", get(models))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            limit,
        ))
        .layer(map_response(in_their_form))
}

/// A problem as OpenAI's clients read one.
async fn in_their_form(mut response: Response) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let mut answer = (problem.status_code(), Json(ErrorBody::of(&problem))).into_response();
    if let Some(seconds) = problem.retry_after {
        let headers = answer.headers_mut();
        headers.insert("retry-after", HeaderValue::from(seconds));
    }
    answer
}

/// `GET /v1/models`
async fn models(caller: Caller) -> Result<Json<ModelList>, Problem> {
    caller.require(Permission::Read)?;
    Ok(Json(ModelList::of(MODEL)))
}

/// `POST /v1/chat/completions`
async fn complete(
    State(state): State<ServerState>,
    caller: Caller,
    headers: HeaderMap,
    Body(request): Body<ChatRequest>,
) -> Result<Response, Problem> {
    caller.require(Permission::Write)?;
    let ask = match Ask::try_from(request) {
        Ok(ask) => ask,
        Err(refused) => return Ok(refused.into_response()),
    };
    super::extract::check_text("the last message", &ask.text, &state)?;
    let (key, claim) = conversation(&state, &caller, &ask).await?;
    let input = SessionInput::Say {
        role: Role::EndUser,
        text: ask.text.clone(),
    };
    let id = input_id(&headers, &key);
    let events = turn(state.hub.clone(), key.clone(), id, input);
    let asked = Asked {
        state,
        caller,
        key: key.clone(),
        ask,
        claim,
    };
    let mut response = if asked.ask.stream {
        streamed(asked, events)
    } else {
        whole(asked, events).await?
    };
    if let Ok(value) = HeaderValue::from_str(key.conversation.as_str()) {
        response.headers_mut().insert("x-conversation-id", value);
    }
    Ok(response)
}

/// Clients make a request that failed again, under the same `Idempotency-Key`: it counts once.
fn input_id(headers: &HeaderMap, key: &StreamKey) -> Uuid {
    match headers.get("idempotency-key") {
        Some(given) => {
            let mut name = key.conversation.as_str().as_bytes().to_vec();
            name.push(0);
            name.extend_from_slice(given.as_bytes());
            Uuid::new_v5(&Uuid::NAMESPACE_OID, &name)
        }
        None => Uuid::now_v7(),
    }
}

/// A request whose conversation was found.
struct Asked {
    state: ServerState,
    caller: Caller,
    key: StreamKey,
    ask: Ask,
    /// Where it was found by its history.
    claim: Option<Claim>,
}

impl Asked {
    /// It was answered: the next request begins with what this one ends with.
    fn answered(&mut self, answer: &Answer) {
        let id = &self.key.conversation;
        let threads = &self.state.threads;
        threads.remember(&self.caller, &self.ask, &answer.text(), id);
        if let Some(claim) = self.claim.take() {
            claim.answered();
        }
    }
}

/// The conversation that the messages belong to; begun where there is none.
async fn conversation(
    state: &ServerState,
    caller: &Caller,
    ask: &Ask,
) -> Result<(StreamKey, Option<Claim>), Problem> {
    let (known, claim) = match &ask.conversation {
        Some(id) => (Some(id.clone()), None),
        None => state.threads.take(caller, ask).unzip(),
    };
    if let Some(id) = &known {
        let key = caller.conversation(id.clone());
        match state.hub.view(&key).await {
            Ok(_) => return Ok((key, claim)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut new = Conversation::new(caller.tenant.clone(), Channel::Chat);
    if let Some(id) = known {
        new = new.with_id(id);
    }
    for role in [Role::EndUser, Role::AutomatedAgent] {
        new.join(Participant::new(role.as_str(), role));
    }
    if let Some(user) = &ask.user {
        let id = user.clone();
        new = new.with_profile(CustomerProfile {
            id,
            ..CustomerProfile::default()
        });
    }
    for (role, text) in &ask.history {
        new.say(*role, text.clone());
    }
    let key = caller.conversation(new.id.clone());
    state.hub.open(new).await?;
    Ok((key, claim))
}

async fn whole(
    mut asked: Asked,
    mut events: BoxStream<'static, OurResult<HubEvent>>,
) -> Result<Response, Problem> {
    let mut answer = Answer::default();
    while let Some(event) = events.next().await {
        answer.take(&event?);
    }
    answer
        .or_what_was_said(&asked.state.hub, &asked.key)
        .await?;
    asked.answered(&answer);
    let completion = Completion::new(&asked.key);
    Ok(Json(completion.whole(&asked.ask, &answer)).into_response())
}

fn streamed(mut asked: Asked, mut events: BoxStream<'static, OurResult<HubEvent>>) -> Response {
    let stopping = asked.state.stopping.clone();
    let alive = Duration::from_secs(asked.state.config.limits.keep_alive_seconds);
    let chunks = stream! {
        let completion = Completion::new(&asked.key);
        yield completion.opening();
        let mut answer = Answer::default();
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    for piece in answer.take(&event) {
                        yield completion.piece(&piece);
                    }
                }
                Err(error) => {
                    yield ErrorBody::of(&Problem::from(error)).chunk();
                    return;
                }
            }
        }
        match answer.or_what_was_said(&asked.state.hub, &asked.key).await {
            Ok(pieces) => {
                for piece in pieces {
                    yield completion.piece(&piece);
                }
            }
            Err(error) => {
                yield ErrorBody::of(&Problem::from(error)).chunk();
                return;
            }
        }
        asked.answered(&answer);
        yield completion.closing(&answer);
        if asked.ask.include_usage {
            yield completion.usage(&asked.ask, &answer);
        }
        yield "[DONE]".to_owned();
    };
    let told = chunks
        .take_until(stopping.cancelled_owned())
        .map(|data| Ok::<Event, Infallible>(Event::default().data(data)));
    Sse::new(told)
        .keep_alive(KeepAlive::new().interval(alive))
        .into_response()
}
