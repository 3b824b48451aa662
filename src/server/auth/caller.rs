//! The caller of a request, as handlers get it.

use std::collections::BTreeSet;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::Permission;
use crate::conversation::{ConversationId, TenantId};
use crate::server::problem::Problem;
use crate::server::state::ServerState;
use crate::store::StreamKey;

/// Who calls, and whose data they may see. A handler that takes this cannot be reached without a valid key or token;
/// the first one to take it counts against the caller's rate.
///
/// The credential is read from `Authorization: Bearer`, `X-API-Key` or, for clients that can set no headers, the query
/// parameter `access_token`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose data. It never comes from a body or a path.
    pub tenant: TenantId,
    /// Which key or token, for logs and limits; not secret.
    pub subject: String,
    /// What it may do.
    pub scopes: BTreeSet<Permission>,
}

impl Caller {
    /// Refuses whoever may not do this.
    ///
    /// # Errors
    /// 403.
    pub fn require(&self, permission: Permission) -> Result<(), Problem> {
        if self.scopes.contains(&permission) {
            return Ok(());
        }
        Err(Problem::forbidden(format!(
            "this key has no scope `{}`; use one that has it",
            permission.as_str()
        )))
    }

    /// A conversation of this caller's tenant.
    pub fn conversation(&self, id: impl Into<ConversationId>) -> StreamKey {
        StreamKey {
            tenant: self.tenant.clone(),
            conversation: id.into(),
        }
    }
}

impl FromRequestParts<ServerState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &ServerState,
    ) -> Result<Self, Self::Rejection> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let credential = credential(parts)?;
        let caller = state.auth.caller(&credential)?;
        state.auth.admit(&caller)?;
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

/// The credential of a request, wherever it stands.
fn credential(parts: &Parts) -> Result<String, Problem> {
    let unreadable = || Problem::unauthorized("the credential holds characters that none has");
    if let Some(value) = parts.headers.get(AUTHORIZATION) {
        let value = value.to_str().map_err(|_| unreadable())?;
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
            return Err(Problem::unauthorized(
                "the header Authorization must be `Bearer` and a key or token",
            ));
        }
        return Ok(token.trim().to_owned());
    }
    if let Some(value) = parts.headers.get("x-api-key") {
        return Ok(value.to_str().map_err(|_| unreadable())?.to_owned());
    }
    let query = parts.uri.query().unwrap_or_default();
    let token = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("access_token="));
    match token {
        // Keys and tokens are made of characters that need no escapes.
        Some(token) if !token.is_empty() => Ok(token.to_owned()),
        _ => Err(Problem::unauthorized(
            "there is no credential; send a key or token as `Authorization: Bearer …`",
        )),
    }
}
