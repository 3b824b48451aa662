//! The plain calls of a desktop plugin: a conversation in, an answer out, nothing kept.

use axum::Json;
use axum::extract::State;
use futures::TryStreamExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::conversation::{Conversation, NextBestAction, Suggestion, Summary, Trigger};
use crate::server::auth::{Caller, Permission};
use crate::server::extract::{Body, check_limit};
use crate::server::problem::Problem;
use crate::server::state::ServerState;
use crate::summary::SummaryOptions;

/// Actions of one answer at most.
const MOST_ACTIONS: usize = 50;

/// A conversation to write a note about.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct ToSummarize {
    #[schemars(with = "super::super::openapi::AnyConversation")]
    conversation: Value,
    /// What kind of note.
    #[serde(default)]
    options: NoteOptions,
}

/// What kind of note is wanted.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoteOptions {
    /// Language of the note (name or BCP 47 tag).
    #[serde(default)]
    language: Option<String>,
    /// The note so far.
    #[serde(default)]
    previous: Option<Summary>,
    /// Whether the conversation is over; only then is a wrap-up code chosen. Yes where it is left out.
    #[serde(default)]
    is_final: Option<bool>,
}

/// A conversation to suggest for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct ToSuggest {
    #[schemars(with = "super::super::openapi::AnyConversation")]
    conversation: Value,
    /// Why now; `manual` where it is left out.
    #[serde(default)]
    trigger: Option<Trigger>,
}

/// A conversation to rank actions for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct ToRank {
    #[schemars(with = "super::super::openapi::AnyConversation")]
    conversation: Value,
    /// How many at most; 3 where it is left out.
    #[serde(default)]
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
}

/// Suggestions, the quick ones first.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct Suggestions {
    suggestions: Vec<Suggestion>,
}

/// Actions, best first.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct Actions {
    actions: Vec<NextBestAction>,
}

/// Reads a conversation in either form; it belongs to the caller's tenant, whatever it says.
fn conversation(caller: &Caller, value: &Value) -> Result<Conversation, Problem> {
    let mut conversation = Conversation::from_json(&value.to_string())?;
    conversation.tenant = caller.tenant.clone();
    Ok(conversation)
}

/// `POST /v1/summarize`
pub(in crate::server) async fn summarize(
    State(state): State<ServerState>,
    caller: Caller,
    Body(body): Body<ToSummarize>,
) -> Result<Json<Summary>, Problem> {
    caller.require(Permission::Read)?;
    let conversation = conversation(&caller, &body.conversation)?;
    let mut options = SummaryOptions::default();
    options.language = body.options.language;
    options.previous = body.options.previous;
    options.is_final = body.options.is_final.unwrap_or(true);
    let assistant = state.hub.assistant();
    Ok(Json(assistant.summarize(&conversation, options).await?))
}

/// `POST /v1/suggest`
pub(in crate::server) async fn suggest(
    State(state): State<ServerState>,
    caller: Caller,
    Body(body): Body<ToSuggest>,
) -> Result<Json<Suggestions>, Problem> {
    caller.require(Permission::Read)?;
    let conversation = conversation(&caller, &body.conversation)?;
    collect(&state, &conversation, body.trigger).await
}

/// All suggestions of a moment.
pub(in crate::server) async fn collect(
    state: &ServerState,
    conversation: &Conversation,
    trigger: Option<Trigger>,
) -> Result<Json<Suggestions>, Problem> {
    let trigger = trigger.unwrap_or(Trigger::Manual);
    let stream = state.hub.assistant().suggest(conversation, trigger);
    let suggestions = stream.try_collect().await?;
    Ok(Json(Suggestions { suggestions }))
}

/// `POST /v1/next-best-actions`
pub(in crate::server) async fn next_best_actions(
    State(state): State<ServerState>,
    caller: Caller,
    Body(body): Body<ToRank>,
) -> Result<Json<Actions>, Problem> {
    caller.require(Permission::Read)?;
    let limit = check_limit(body.limit, 3, MOST_ACTIONS)?;
    let conversation = conversation(&caller, &body.conversation)?;
    let assistant = state.hub.assistant();
    let actions = assistant.next_best_actions(&conversation, limit).await?;
    Ok(Json(Actions { actions }))
}
