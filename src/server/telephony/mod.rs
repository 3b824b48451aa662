//! Telephone audio: WebSockets that Genesys AudioHook and Twilio Media Streams (and who copies it) connect to.
//!
//! | path | who |
//! |---|---|
//! | `/v1/telephony/audiohook` | Genesys Cloud: AudioHook Monitor, Audio Connector |
//! | `/v1/telephony/media-streams` | Twilio `<Stream>`, Telnyx, … |
//!
//! A call belongs to the conversation that the platform names (AudioHook's `conversationId`, the parameter
//! `conversation` or the call's identifier). Where there is one already (it began as a chat) it goes on as voice;
//! otherwise it begins with the call. The customer's voice is the external track; the internal one is a human agent's,
//! unless a virtual agent serves. What is understood and suggested goes back to AudioHook as `event` messages; what a
//! virtual agent says is heard where the host brings a voice ([`SpeechOut`]).
//!
//! Whose call it is, is told by the signature or key of the request or, for platforms that can send neither, by a key
//! or token of this server in the parameter `token`. Other parameters are `virtual_agent` (`true` or `false`) and
//! `language` (BCP 47).

mod audiohook;
mod call;
mod config;
mod keys;
mod line;
mod media_streams;
mod protocol;
mod seats;
mod signature;
mod speech_out;
mod tell;

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::any;
use tokio::sync::Semaphore;

pub use config::{AtHangUp, AudioHookClient, MediaStreamsClient, TelephonyConfig};
pub use speech_out::SpeechOut;

use super::auth::{Caller, Permission};
use super::problem::Problem;
use super::state::ServerState;
use crate::error::{Error, ErrorKind, Result};
use crate::speech::transport::{LONGEST_MESSAGE, Started};
use config::Sender;
pub(super) use config::Settings;
use line::parameter;
use seats::Seats;
use signature::Verifier;

/// Parameter that holds a key or token of this server, for platforms that can send no header.
const TOKEN: &str = "token";

/// The telephone sockets of a server.
#[derive(Clone, Debug)]
struct Telephony {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: ServerState,
    settings: Arc<Settings>,
    /// Where the platforms connect to, without the scheme, where that is not what the requests say: host and port,
    /// and a path in front of ours.
    address: Option<(String, String)>,
    verifier: Verifier,
    seats: Arc<Seats>,
    strangers: Arc<Semaphore>,
    voice: Option<Arc<dyn SpeechOut>>,
}

/// The routes. What the virtual agent says is heard where the state has a voice ([`ServerState::with_voice`]).
pub fn router<S: Clone + Send + Sync + 'static>(state: ServerState) -> Router<S> {
    Telephony::new(state).router()
}

impl Telephony {
    fn new(state: ServerState) -> Self {
        let strangers = Arc::new(Semaphore::new(state.config.telephony.most_strangers));
        let address = state.config.server.public_url.as_deref().map(address);
        Self {
            inner: Arc::new(Inner {
                settings: Arc::clone(&state.telephony),
                address,
                verifier: Verifier::default(),
                seats: Arc::default(),
                strangers,
                voice: state.voice.clone(),
                state,
            }),
        }
    }

    fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        Router::new()
            .route("/v1/telephony/audiohook", any(audiohook::connect))
            .route("/v1/telephony/media-streams", any(media_streams::connect))
            .with_state(self)
    }

    /// Host and path of a request as the platform wrote them.
    fn target(&self, parts: &Parts) -> (String, String) {
        let uri = &parts.uri;
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        match &self.inner.address {
            Some((authority, prefix)) => (authority.clone(), format!("{prefix}{target}")),
            None => {
                let host = text(&parts.headers, HOST.as_str());
                let host = host.or_else(|| uri.authority().map(|authority| authority.as_str()));
                (usual(host.unwrap_or_default()), target.to_owned())
            }
        }
    }

    /// Somebody with a key or token of this server that is good for telephone audio.
    async fn caller(&self, parts: &mut Parts) -> Result<Caller, Problem> {
        use axum::extract::FromRequestParts;
        let caller = Caller::from_request_parts(parts, &self.inner.state).await?;
        caller.require(Permission::Telephony)?;
        Ok(caller)
    }
}

impl Telephony {
    /// Whose call it is, now that it has begun.
    fn sender(&self, guest: &call::Guest, started: &Started) -> Result<Sender> {
        let refused = |what: &str| Err(Error::new(ErrorKind::Refused, what));
        let named = started.account.as_deref();
        if let Some(account) = &guest.account
            && !named.is_some_and(|named| named.eq_ignore_ascii_case(account))
        {
            return refused("the call is of another organisation than the request");
        }
        let sender = match &guest.sender {
            Some(sender) => sender.clone(),
            None => {
                let token = parameter(&started.parameters, TOKEN).unwrap_or_default();
                let auth = &self.inner.state.auth;
                let caller = auth.caller(&token).and_then(|caller| {
                    auth.admit(&caller)?;
                    caller.require(Permission::Telephony)?;
                    Ok(caller)
                });
                match caller {
                    Ok(caller) => Sender::of(caller.tenant),
                    Err(problem) => return refused(&problem.detail),
                }
            }
        };
        if let Some(account) = &sender.account
            && !named.is_some_and(|named| named.eq_ignore_ascii_case(account))
        {
            return refused("the call is of another account than the one that is known here");
        }
        Ok(sender)
    }
}

/// Host, without the port that goes without saying, and path in front of ours.
fn address(url: &str) -> (String, String) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.trim_end_matches('/');
    match rest.split_once('/') {
        Some((authority, path)) => (usual(authority), format!("/{path}")),
        None => (usual(rest), String::new()),
    }
}

fn usual(authority: &str) -> String {
    let lower = authority.to_ascii_lowercase();
    let host = lower
        .strip_suffix(":443")
        .or_else(|| lower.strip_suffix(":80"));
    host.unwrap_or(&lower).to_owned()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Opens the socket.
async fn upgrade<P: protocol::Protocol + 'static>(
    telephony: Telephony,
    mut parts: Parts,
    guest: call::Guest,
    protocol: P,
) -> Result<Response, Problem> {
    use axum::extract::FromRequestParts;
    use axum::extract::ws::WebSocketUpgrade;
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &())
        .await
        .map_err(|rejection| {
            let status = rejection.status();
            Problem::new(status, "not_a_websocket", rejection.body_text())
        })?;
    Ok(upgrade
        .max_message_size(LONGEST_MESSAGE)
        .max_frame_size(LONGEST_MESSAGE)
        .on_upgrade(move |socket| call::run(telephony, socket, protocol, guest)))
}

#[cfg(test)]
mod tests;
