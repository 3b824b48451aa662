//! Bodies, queries and ids as handlers get them: whatever does not fit is a [`Problem`].

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::auth::Caller;
use super::problem::Problem;
use super::state::ServerState;
use crate::error::{Error, ErrorKind};
use crate::store::StreamKey;

/// Longest id of a conversation, in bytes.
const LONGEST_ID: usize = 128;
/// Longest name of anything else, in bytes.
const LONGEST_NAME: usize = 256;
/// Entries of a list of names.
const MOST_ENTRIES: usize = 256;
/// What ids of conversations look like; documents name it.
pub(super) const ID_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._:@+=-]{0,127}$";

/// A JSON body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<ServerState> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ServerState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        check_encoding(&parts.headers)?;
        let request = Request::from_parts(parts.clone(), body);
        let whole = Bytes::from_request(request, state).await;
        let whole = whole.map_err(JsonRejection::from)?;
        // serde reads structures from arrays too, by place; nobody who sends one means that.
        let first = whole.iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'[') {
            return Err(Problem::invalid(
                "the body is a JSON array; send one JSON object",
            ));
        }
        let request = Request::from_parts(parts, whole.into());
        let Json(value) = Json::<T>::from_request(request, state).await?;
        Ok(Self(value))
    }
}

/// Refuses bodies in another encoding than plain UTF-8, which would be told to be no JSON.
fn check_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    let refused = |why| {
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            why,
        )
    };
    let is_plain = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if !is_plain {
        return Err(refused(
            "bodies are taken as they are only; send it without compression and without Content-Encoding",
        ));
    }
    let kind = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    let kind = String::from_utf8_lossy(kind.unwrap_or_default()).to_ascii_lowercase();
    let mut charsets = kind
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.trim().strip_prefix("charset="));
    // ASCII is UTF-8 too.
    if !charsets.all(|name| ["utf-8", "utf8", "us-ascii"].contains(&name.trim_matches('"'))) {
        return Err(refused("bodies are taken in UTF-8 only"));
    }
    Ok(())
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
pub(super) fn check_id(id: &str) -> crate::error::Result<()> {
    let fits = id.len() <= LONGEST_ID
        && id.starts_with(|first: char| first.is_ascii_alphanumeric())
        && id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._:@+=-".contains(c));
    if fits {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidInput,
        format!("this is no id of a conversation; ids match {ID_PATTERN}"),
    ))
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

/// Refuses what is no name: of somebody, of a suggestion, of a step, of a language.
pub(super) fn check_name(what: &str, name: &str) -> Result<(), Problem> {
    if name.len() <= LONGEST_NAME {
        return Ok(());
    }
    let long = name.len();
    Err(Problem::invalid(format!(
        "{what} has {long} bytes; at most {LONGEST_NAME} are taken"
    )))
}

/// Refuses lists that nobody means, and what is no name in them.
pub(super) fn check_names(what: &str, names: &[String]) -> Result<(), Problem> {
    check_length(what, names.len())?;
    names.iter().try_for_each(|name| check_name(what, name))
}

/// Refuses lists that nobody means.
pub(super) fn check_length(what: &str, length: usize) -> Result<(), Problem> {
    if length <= MOST_ENTRIES {
        return Ok(());
    }
    Err(Problem::invalid(format!(
        "{what} has {length} entries; at most {MOST_ENTRIES} are taken"
    )))
}

/// How many are wanted: `default` where that is left out.
pub(super) fn check_limit(
    limit: Option<usize>,
    default: usize,
    most: usize,
) -> crate::error::Result<usize> {
    let limit = limit.unwrap_or(default);
    if (1..=most).contains(&limit) {
        return Ok(limit);
    }
    Err(Error::new(
        ErrorKind::InvalidInput,
        format!("limit must be from 1 to {most}"),
    ))
}

/// Refuses texts that no person says at once.
pub(super) fn check_text(what: &str, text: &str, state: &ServerState) -> Result<(), Problem> {
    let most = state.config.limits.text_bytes;
    if text.trim().is_empty() {
        return Err(Problem::invalid(format!("{what} is empty")));
    }
    if text.len() > most {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("{what} has {} bytes; at most {most} are taken", text.len()),
        ));
    }
    Ok(())
}
