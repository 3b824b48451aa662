//! Bodies, queries and ids as handlers get them: whatever does not fit is a [`Problem`].

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::auth::Caller;
use super::problem::Problem;
use super::state::ServerState;
use crate::store::StreamKey;

/// Longest id of a conversation, in bytes.
const LONGEST_ID: usize = 128;
/// What ids of conversations look like; documents name it.
pub(super) const ID_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._:@+=-]{0,127}$";

/// A JSON body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<ServerState> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ServerState) -> Result<Self, Problem> {
        let Json(value) = Json::<T>::from_request(request, state).await?;
        Ok(Self(value))
    }
}

/// Parameters of the query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<ServerState> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, Problem> {
        let Query(value) = Query::<T>::from_request_parts(parts, state).await?;
        Ok(Self(value))
    }
}

/// The conversation that the path names, within the caller's tenant; so a handler that takes this is only reached
/// with a valid credential.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// Who calls.
    pub(super) caller: Caller,
    /// Which conversation.
    pub(super) key: StreamKey,
}

impl FromRequestParts<ServerState> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let Path(id) = Path::<String>::from_request_parts(parts, state).await?;
        check_id(&id)?;
        let key = caller.conversation(id);
        Ok(Self { caller, key })
    }
}

/// Whether this can be the id of a conversation. Others would need escapes in paths, and streams that begin with `~`
/// hold what is learned of a tenant.
pub(super) fn check_id(id: &str) -> Result<(), Problem> {
    let fits = id.len() <= LONGEST_ID
        && id.starts_with(|first: char| first.is_ascii_alphanumeric())
        && id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._:@+=-".contains(c));
    if fits {
        return Ok(());
    }
    Err(Problem::invalid(format!(
        "this is no id of a conversation; ids match {ID_PATTERN}"
    )))
}

/// The id under which an input counts once: the header `Idempotency-Key` (a UUID), or a fresh one.
#[derive(Clone, Copy, Debug)]
pub(super) struct InputId(pub(super) Uuid);

impl FromRequestParts<ServerState> for InputId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &ServerState) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else {
            return Ok(Self(Uuid::now_v7()));
        };
        value
            .to_str()
            .ok()
            .and_then(|text| Uuid::parse_str(text).ok())
            .map(Self)
            .ok_or_else(|| Problem::invalid("the header Idempotency-Key must be a UUID"))
    }
}

/// Refuses texts that no person says at once.
pub(super) fn check_text(what: &str, text: &str, state: &ServerState) -> Result<(), Problem> {
    let most = state.config.limits.text_bytes;
    if text.trim().is_empty() {
        return Err(Problem::invalid(format!("{what} is empty")));
    }
    if text.len() > most {
        return Err(Problem::new(
            axum::http::StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("{what} has {} bytes; at most {most} are taken", text.len()),
        ));
    }
    Ok(())
}
