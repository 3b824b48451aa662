//! Conversations: begun, listed, looked at, erased; notes and suggestions.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::Instrument;

use super::customers;
use super::stateless::{Suggestions, collect};
use crate::conversation::{
    Channel, Conversation, ConversationId, CustomerId, CustomerProfile, JourneyEvent, Participant,
    Role, Summary, Trigger,
};
use crate::error::{ErrorKind, OrError, Result as OurResult};
use crate::server::auth::{Caller, Permission};
use crate::server::extract::{
    Body, InputId, Named, Parameters, check_id, check_length, check_limit, check_name, check_text,
};
use crate::server::input::Join;
use crate::server::problem::Problem;
use crate::server::state::ServerState;
use crate::server::turn::turn;
use crate::session::{HubEvent, SessionEvent, SessionInput, SessionView, Skill};
use crate::store::{ErasureReceipt, ListQuery, StreamKey};

/// Conversations of one page at most.
const LONGEST_PAGE: usize = 100;

/// A conversation that begins.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct NewConversation {
    /// The host's id; a fresh one where it is left out.
    #[serde(default)]
    id: Option<String>,
    /// The medium.
    channel: Channel,
    /// BCP 47 tag; `en` where it is left out.
    #[serde(default)]
    language: Option<String>,
    /// Who takes part from the start.
    #[serde(default)]
    participants: Vec<Join>,
    /// Who the customer is.
    #[serde(default)]
    customer: Option<Customer>,
    /// Whether the virtual agent answers.
    #[serde(default)]
    virtual_agent: bool,
    /// What happened outside the conversation.
    #[serde(default)]
    journey: Vec<JourneyEvent>,
}

/// Who a customer is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Customer {
    /// What the host knows them by: `customer_id`, `phone`, `email`, …
    #[serde(default)]
    pub(in crate::server) keys: BTreeMap<String, String>,
    /// What the host knows of them.
    #[serde(default)]
    pub(in crate::server) profile: Option<CustomerProfile>,
}

/// `POST /v1/conversations`
pub(in crate::server) async fn open(
    State(state): State<ServerState>,
    caller: Caller,
    Body(new): Body<NewConversation>,
) -> Result<Response, Problem> {
    caller.require(Permission::Write)?;
    let mut conversation = Conversation::new(caller.tenant.clone(), new.channel);
    if let Some(id) = new.id {
        check_id(&id)?;
        conversation = conversation.with_id(id);
    }
    check_name("language", new.language.as_deref().unwrap_or_default())?;
    check_length("participants", new.participants.len())?;
    customers::check_journey("journey", &new.journey)?;
    new.participants.iter().try_for_each(Join::check)?;
    if let Some(language) = new.language {
        conversation = conversation.with_language(language);
    }
    for participant in new.participants {
        let participant = participant.into_participant();
        let is_there = |known: &Participant| known.id == participant.id;
        if conversation.participants.iter().any(is_there) {
            return Err(Problem::invalid(format!(
                "two participants are called {}; give each an id of its own",
                participant.id
            )));
        }
        conversation.join(participant);
    }
    let has_agent = |role| conversation.participants.iter().any(|p| p.role == role);
    if new.virtual_agent && !has_agent(Role::AutomatedAgent) {
        let role = Role::AutomatedAgent;
        conversation.join(Participant::new(role.as_str(), role));
    }
    conversation.journey = new.journey;
    let mut known = None;
    if let Some(customer) = new.customer {
        known = customers::known(&state, &caller, &customer.keys).await?;
        let of = known.as_ref().map(|known| &known.customer);
        let profile = customers::profile(&state, &caller, customer, of).await?;
        conversation.profile = profile;
    }
    let begun = begin(state, conversation, known.map(|known| known.customer));
    // In a task of its own: a client that goes away meanwhile does not part the conversation from its customer.
    let view = tokio::spawn(begun.in_current_span())
        .await
        .or_error(ErrorKind::Internal, || "a conversation was not begun")??;
    let location = format!("/v1/conversations/{}", view.conversation.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(view)).into_response())
}

/// Begins a conversation, and notes whose it is.
async fn begin(
    state: ServerState,
    conversation: Conversation,
    customer: Option<CustomerId>,
) -> OurResult<SessionView> {
    let key = StreamKey {
        tenant: conversation.tenant.clone(),
        conversation: conversation.id.clone(),
    };
    let profile = conversation.profile.as_ref().map(|known| known.id.clone());
    let opened = state.hub.open(conversation).await;
    let Some(customer) = customer else {
        return opened;
    };
    let is_theirs = match &opened {
        Ok(_) => true,
        // Sent again, where the process may have ended before it was noted whose it is.
        Err(error) if error.kind() == ErrorKind::Conflict => {
            let known = state.hub.view(&key).await?.conversation.profile;
            known.is_some_and(|known| !known.id.is_empty() && Some(known.id) == profile)
        }
        Err(_) => false,
    };
    if is_theirs {
        let id = &key.conversation;
        state.customers.link(&key.tenant, &customer, id).await?;
    }
    opened
}

/// Which conversations.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Page {
    #[serde(default)]
    customer: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    #[allow(dead_code, reason = "the caller's extractor reads it")]
    access_token: Option<String>,
}

/// One page of conversations, newest first.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct ConversationPage {
    conversations: Vec<ConversationRow>,
    /// What to give as `after` for the next page; left out on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A conversation in a list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct ConversationRow {
    id: String,
    channel: Channel,
    language: String,
    #[schemars(with = "String", extend("format" = "date-time"))]
    started_at: jiff::Timestamp,
    /// The customer's id, where the host told one.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    /// The customer's name, where the host told one.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Whether it goes on.
    live: bool,
    /// How many utterances there are.
    utterances: usize,
    /// The roles that take part.
    roles: Vec<Role>,
}

/// `GET /v1/conversations`
pub(in crate::server) async fn list(
    State(state): State<ServerState>,
    caller: Caller,
    Parameters(page): Parameters<Page>,
) -> Result<Json<ConversationPage>, Problem> {
    caller.require(Permission::Read)?;
    let limit = check_limit(page.limit, 20, LONGEST_PAGE)?;
    let after = match &page.after {
        None => None,
        Some(after) => Some(
            after
                .parse::<u64>()
                .map_err(|_| Problem::invalid("after must be `next` of the page before"))?,
        ),
    };
    let of_customer = match &page.customer {
        None => None,
        Some(customer) => customers::contacts(&state, &caller, customer).await?,
    };
    let query = ListQuery::default()
        .newest_first()
        .with_limit(limit)
        .after(after);
    let store = state.hub.assistant().store();
    let found = match of_customer {
        // All that the directory knows of, on one page.
        Some(ids) => (ids, None),
        None => {
            let found = store.page(&caller.tenant, &query).await?;
            let ids = found.streams.into_iter().map(|stream| stream.id).collect();
            (ids, found.next)
        }
    };
    let (ids, next): (Vec<ConversationId>, Option<u64>) = found;
    let mut rows = Vec::new();
    for id in ids {
        match state.hub.view(&caller.conversation(id)).await {
            Ok(view) => rows.push(ConversationRow::from(view)),
            // Erased in between, or of a form this version cannot read: the others are shown.
            Err(error) => tracing::warn!(%error, "a conversation is left out of the list"),
        }
    }
    Ok(Json(ConversationPage {
        conversations: rows,
        next: next.map(|next| next.to_string()),
    }))
}

impl From<SessionView> for ConversationRow {
    fn from(view: SessionView) -> Self {
        let conversation = view.conversation;
        let mut roles: Vec<Role> = Vec::new();
        for participant in &conversation.participants {
            if !roles.contains(&participant.role) {
                roles.push(participant.role);
            }
        }
        Self {
            id: conversation.id.as_str().to_owned(),
            channel: conversation.channel,
            language: conversation.language,
            started_at: conversation.started_at,
            name: conversation
                .profile
                .as_ref()
                .and_then(|profile| profile.display_name.clone()),
            customer: conversation
                .profile
                .map(|profile| profile.id)
                .filter(|id| !id.is_empty()),
            live: !view.ended,
            utterances: conversation.transcript.len(),
            roles,
        }
    }
}

/// `GET /v1/conversations/{id}`
pub(in crate::server) async fn view(
    State(state): State<ServerState>,
    Named { caller, key }: Named,
) -> Result<Json<SessionView>, Problem> {
    caller.require(Permission::Read)?;
    Ok(Json(state.hub.view(&key).await?))
}

/// `GET /v1/conversations/{id}/summary`
pub(in crate::server) async fn summary(
    State(state): State<ServerState>,
    Named { caller, key }: Named,
) -> Result<Json<Summary>, Problem> {
    caller.require(Permission::Read)?;
    let view = state.hub.view(&key).await?;
    view.summary.map(Json).ok_or_else(|| {
        Problem::not_found("there is no note of this conversation yet; POST here to have one made")
    })
}

/// `PUT /v1/conversations/{id}/summary`
pub(in crate::server) async fn keep_note(
    State(state): State<ServerState>,
    Named { caller, key }: Named,
    InputId(id): InputId,
    Body(note): Body<Summary>,
) -> Result<Json<Summary>, Problem> {
    caller.require(Permission::Write)?;
    for section in &note.sections {
        check_text("a section's text", &section.text, &state)?;
    }
    state.hub.keep_note(&key, id, &note).await?;
    // What is remembered of the customer is the note that counts.
    tokio::spawn(remember(state.clone(), key.clone()));
    Ok(Json(note))
}

/// `POST /v1/conversations/{id}/summary`
pub(in crate::server) async fn summarize(
    State(state): State<ServerState>,
    Named { caller, key }: Named,
    InputId(id): InputId,
) -> Result<Json<Summary>, Problem> {
    caller.require(Permission::Write)?;
    let mut failed = None;
    let mut events = turn(state.hub.clone(), key.clone(), id, SessionInput::Summarize);
    while let Some(event) = events.next().await {
        let HubEvent::Event(event) = event? else {
            continue;
        };
        match &event.event {
            SessionEvent::Summary(summary) => return Ok(Json(summary.clone())),
            SessionEvent::Failed {
                skill: Skill::Summary,
                message,
                transient,
            } => failed = Some((message.clone(), *transient)),
            _ => {}
        }
    }
    if let Some((message, transient)) = failed {
        // What may pass is not of the caller's making, and may name hosts; the session's event tells it in full.
        let detail = match transient {
            true => "the note could not be written just now; try again".to_owned(),
            false => message,
        };
        let mut problem = Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "insufficient_content",
            detail,
        );
        problem.retryable = transient;
        return Err(problem);
    }
    // A repeated request, or one that other words overtook: the note there is.
    summary(State(state), Named { caller, key }).await
}

/// What to suggest for.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct SuggestNow {
    /// Why now; `manual` where it is left out.
    #[serde(default)]
    trigger: Option<Trigger>,
}

/// `POST /v1/conversations/{id}/suggest`
pub(in crate::server) async fn suggest(
    State(state): State<ServerState>,
    Named { caller, key }: Named,
    Body(now): Body<SuggestNow>,
) -> Result<Json<Suggestions>, Problem> {
    caller.require(Permission::Read)?;
    let view = state.hub.view(&key).await?;
    collect(&state, &view.conversation, now.trigger).await
}

/// `DELETE /v1/conversations/{id}`
pub(in crate::server) async fn erase(
    State(state): State<ServerState>,
    Named { caller, key }: Named,
) -> Result<Json<ErasureReceipt>, Problem> {
    caller.require(Permission::Erase)?;
    let view = customers::end_for_good(&state, &key).await?;
    let customer = customers::of_view(&state, &caller, &view).await?;
    let erased = state
        .customers
        .erase_conversation(&caller.tenant, &key.conversation, customer.as_ref())
        .await?;
    tracing::info!(records = erased.records, "a conversation was erased");
    Ok(Json(erased))
}

/// The note of a finished conversation, to be remembered of its customer.
pub(in crate::server) async fn remember(state: ServerState, key: StreamKey) {
    if let Err(error) = customers::remember(&state, &key).await {
        tracing::warn!(error = error.detail, "a contact is not remembered");
    }
}
