//! Customers: known again by their keys, told of what happened to them, and erased.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::conversations::Customer;
use crate::conversation::{ConversationId, CustomerId, CustomerProfile, JourneyEvent};
use crate::error::ErrorKind;
use crate::server::auth::{Caller, Permission};
use crate::server::extract::{Body, check_length, check_name};
use crate::server::problem::Problem;
use crate::server::state::ServerState;
use crate::session::customers::{ContactDigest, Identified};
use crate::session::{SessionInput, SessionView};
use crate::store::{ErasureReceipt, StreamKey};

/// The kind of key that is the host's own id of a customer.
const HOST_ID: &str = "customer_id";
/// Conversations of a customer that are looked at.
const MOST_CONTACTS: usize = 100;

/// What happened to a customer outside conversations.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Happened {
    customer: Keys,
    events: Vec<JourneyEvent>,
}

/// What the host knows a customer by.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Keys {
    /// `customer_id`, `phone`, `email`, …
    keys: BTreeMap<String, String>,
}

/// Who it is, as far as the keys tell.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct Known {
    customer: String,
    /// Between 0 and 1.
    confidence: f32,
}

/// Refuses keys that nobody means.
fn check_keys(keys: &BTreeMap<String, String>) -> Result<(), Problem> {
    check_length("keys", keys.len())?;
    keys.keys().try_for_each(|kind| check_name("keys", kind))
}

/// Refuses what nobody means to tell of a customer.
pub(super) fn check_journey(what: &str, events: &[JourneyEvent]) -> Result<(), Problem> {
    check_length(what, events.len())?;
    for event in events {
        check_name("kind", &event.kind)?;
        check_length("attributes", event.attributes.len())?;
    }
    Ok(())
}

/// Who has these keys; nobody where there are none.
pub(super) async fn known(
    state: &ServerState,
    caller: &Caller,
    keys: &BTreeMap<String, String>,
) -> Result<Option<Identified>, Problem> {
    if keys.is_empty() {
        return Ok(None);
    }
    check_keys(keys)?;
    Ok(Some(state.customers.identify(&caller.tenant, keys).await?))
}

/// What the host tells of a customer, and what is remembered of them. The id is the host's where it has one.
pub(super) async fn profile(
    state: &ServerState,
    caller: &Caller,
    given: Customer,
    known: Option<&CustomerId>,
) -> Result<Option<CustomerProfile>, Problem> {
    let host_id = given.keys.get(HOST_ID).cloned();
    let mut profile = given.profile;
    if let Some(known) = known {
        let remembered = state.customers.profile(&caller.tenant, known, None).await?;
        let told = profile.get_or_insert_default();
        if told.id.is_empty() {
            told.id = host_id.unwrap_or(remembered.id);
        }
        let older = remembered.history.into_iter();
        told.history = older.chain(told.history.drain(..)).collect();
    }
    Ok(profile)
}

/// The conversations of a customer, by the directory's id of them or the host's; `None` where nobody is known by it.
pub(super) async fn contacts(
    state: &ServerState,
    caller: &Caller,
    customer: &str,
) -> Result<Option<Vec<ConversationId>>, Problem> {
    let Some(id) = find(state, caller, customer).await? else {
        return Ok(Some(Vec::new()));
    };
    let contacts = state.customers.contacts(&caller.tenant, &id, MOST_CONTACTS);
    let contacts = contacts.await?.into_iter();
    Ok(Some(contacts.map(|contact| contact.conversation).collect()))
}

/// Who is meant, without making anybody up.
async fn find(
    state: &ServerState,
    caller: &Caller,
    customer: &str,
) -> Result<Option<CustomerId>, Problem> {
    let id = CustomerId::from(customer);
    match state.customers.customer(&caller.tenant, &id).await {
        Ok(known) => return Ok(Some(known.id)),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    let keys = BTreeMap::from([(HOST_ID.to_owned(), customer.to_owned())]);
    let found = state.customers.find(&caller.tenant, &keys).await?;
    Ok(found.into_iter().next())
}

/// The customer of a conversation, as the directory knows them.
pub(super) async fn of_view(
    state: &ServerState,
    caller: &Caller,
    view: &SessionView,
) -> Result<Option<CustomerId>, Problem> {
    match &view.conversation.profile {
        Some(profile) if !profile.id.is_empty() => find(state, caller, &profile.id).await,
        _ => Ok(None),
    }
}

/// Keeps the digest of a conversation that has ended, where its customer is known.
pub(super) async fn remember(state: &ServerState, key: &StreamKey) -> Result<(), Problem> {
    // Whoever reads its events lets one go on to its last note whose process died before.
    drop(state.hub.events(key, None).await?);
    state.hub.settle(key).await?;
    let view = state.hub.view(key).await?;
    if !view.ended {
        return Ok(());
    }
    let caller = Caller {
        tenant: key.tenant.clone(),
        subject: String::new(),
        scopes: Permission::all(),
    };
    if let Some(customer) = of_view(state, &caller, &view).await? {
        let digest = ContactDigest::new(&view.conversation, view.summary.as_ref());
        state
            .customers
            .remember(&key.tenant, &customer, &key.conversation, &digest)
            .await?;
        // Erased meanwhile, after the conversation was looked at: then nothing of it stays, the digest included.
        if let Err(error) = state.hub.view(key).await
            && error.kind() == ErrorKind::NotFound
        {
            state
                .customers
                .erase_conversation(&key.tenant, &key.conversation, Some(&customer))
                .await?;
        }
    }
    Ok(())
}

/// Ends a conversation before it is erased, so that nothing is written to it any more.
pub(super) async fn end_for_good(
    state: &ServerState,
    key: &StreamKey,
) -> Result<SessionView, Problem> {
    let view = state.hub.view(key).await?;
    if !view.ended {
        state
            .hub
            .submit(key, Uuid::now_v7(), SessionInput::End)
            .await?;
    }
    // One that is ending still writes its last note.
    state.hub.settle(key).await?;
    Ok(view)
}

/// `POST /v1/journey-events`
pub(in crate::server) async fn journey(
    State(state): State<ServerState>,
    caller: Caller,
    Body(body): Body<Happened>,
) -> Result<(StatusCode, Json<Known>), Problem> {
    caller.require(Permission::Write)?;
    check_keys(&body.customer.keys)?;
    check_journey("events", &body.events)?;
    let tenant = &caller.tenant;
    let found = state
        .customers
        .identify(tenant, &body.customer.keys)
        .await?;
    state
        .customers
        .journey_events(tenant, &found.customer, &body.events)
        .await?;
    let known = Known {
        customer: found.customer.as_str().to_owned(),
        confidence: found.confidence,
    };
    Ok((StatusCode::ACCEPTED, Json(known)))
}

/// `POST /v1/customers/erase`
pub(in crate::server) async fn erase(
    State(state): State<ServerState>,
    caller: Caller,
    Body(body): Body<Keys>,
) -> Result<Json<ErasureReceipt>, Problem> {
    caller.require(Permission::Erase)?;
    check_keys(&body.keys)?;
    let tenant = &caller.tenant;
    let mut erased = ErasureReceipt::new(0, 0);
    // Those that would be taken for one are one here, too.
    for customer in state.customers.find(tenant, &body.keys).await? {
        let contacts = match state
            .customers
            .contacts(tenant, &customer, usize::MAX)
            .await
        {
            Ok(contacts) => contacts,
            // Somebody else erases them meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        for contact in contacts {
            let key = caller.conversation(contact.conversation);
            match end_for_good(&state, &key).await {
                Ok(_) => {}
                Err(problem) if problem.status == 404 => {}
                Err(problem) => return Err(problem),
            }
        }
        erased.add(&state.customers.erase_subject(tenant, &customer).await?);
    }
    tracing::info!(streams = erased.streams, "a customer was erased");
    Ok(Json(erased))
}
