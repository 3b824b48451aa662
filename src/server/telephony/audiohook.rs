//! Genesys AudioHook on a socket.

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::Response;
use uuid::Uuid;

use super::call::Guest;
use super::config::Sender;
use super::line::Line;
use super::protocol::{Goodbye, Incoming, Protocol};
use super::signature::{SignatureFault, Signed};
use super::speech_out::Place;
use super::tell::Teller;
use super::{Telephony, text, upgrade};
use crate::error::Result;
use crate::server::problem::Problem;
use crate::session::SessionEvent;
use crate::speech::transport::{
    AudioHook, AudioHookOptions, BotTurn, DisconnectReason, EventEntity, Frame, Received,
};

/// `GET /v1/telephony/audiohook`
pub(super) async fn connect(
    State(telephony): State<Telephony>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let sender = admit(&telephony, &mut parts).await?;
    let session = text(&parts.headers, "audiohook-session-id");
    let session = session
        .and_then(|id| Uuid::parse_str(id).ok())
        .ok_or_else(|| {
            Problem::invalid("the header Audiohook-Session-Id must be a UUID; connect by AudioHook")
        })?;
    let guest = Guest {
        sender: Some(sender),
        account: text(&parts.headers, "audiohook-organization-id").map(str::to_owned),
        permit: None,
    };
    let languages = telephony.inner.settings.languages.clone();
    let options = AudioHookOptions::default()
        .with_session(session)
        .with_languages(languages)
        .with_wait();
    let socket = AudioHookSocket {
        hook: AudioHook::new(options),
        teller: Teller::new(telephony.inner.settings.interim),
    };
    upgrade(telephony, parts, guest, socket).await
}

/// Whose request it is. A client that is configured with a secret has to sign; others have to bring a key or token of
/// this server.
async fn admit(telephony: &Telephony, parts: &mut Parts) -> Result<Sender, Problem> {
    let settings = &telephony.inner.settings;
    let key = text(&parts.headers, "x-api-key").map(str::to_owned);
    let known = key
        .as_deref()
        .and_then(|key| settings.audiohook_client(key));
    let is_signed = parts.headers.contains_key("signature");
    let secret = known.and_then(|known| known.secret.as_deref());
    match (known, &key) {
        (Some(known), _) if known.secret.is_none() && !is_signed => {
            return Ok(known.sender.clone());
        }
        (None, _) if !is_signed || parts.headers.contains_key(AUTHORIZATION) => {
            let caller = telephony.caller(parts).await?;
            return Ok(Sender::of(caller.tenant));
        }
        (_, None) => return Err(refused(SignatureFault::OtherKey)),
        _ => {}
    }
    let (authority, target) = telephony.target(parts);
    let request = Signed {
        method: parts.method.as_str(),
        target: &target,
        authority: &authority,
        headers: &parts.headers,
    };
    let now_s = jiff::Timestamp::now().as_second();
    let key = key.unwrap_or_default();
    let verified = telephony
        .inner
        .verifier
        .verify(&request, &key, secret, now_s);
    match (verified, known) {
        (Ok(()), Some(known)) => Ok(known.sender.clone()),
        (Ok(()), None) => Err(refused(SignatureFault::Wrong)),
        (Err(fault), _) => Err(refused(fault)),
    }
}

fn refused(fault: SignatureFault) -> Problem {
    tracing::info!(%fault, "an AudioHook request was refused");
    if fault == SignatureFault::Busy {
        let busy = axum::http::StatusCode::SERVICE_UNAVAILABLE;
        return Problem::new(busy, "overloaded", fault.to_string()).with_retry_after(30);
    }
    Problem::unauthorized(fault.to_string())
}

/// The protocol on a socket.
#[derive(Debug)]
struct AudioHookSocket {
    hook: AudioHook,
    teller: Teller,
}

impl Protocol for AudioHookSocket {
    const NAME: &'static str = "audiohook";
    // It tells when it has played everything, but not how far it is.
    const TELLS_PLAYED: bool = false;

    fn receive(&mut self, message: Incoming<'_>) -> Result<Received> {
        match message {
            Incoming::Text(text) => self.hook.receive_text(text),
            Incoming::Binary(bytes) => self.hook.receive_binary(bytes),
        }
    }

    fn accept(&mut self) -> Result<Vec<Frame>> {
        Ok(vec![self.hook.accept()?])
    }

    fn tell(&mut self, line: &Line, event: &SessionEvent) -> Result<Vec<Frame>> {
        if let SessionEvent::Reply { text, .. } = event
            && line.virtual_agent
        {
            let turn = EventEntity::BotTurn(BotTurn::Match {
                text: text.clone(),
                confidence: 1.0,
            });
            return Ok(vec![self.hook.send_event(&[turn])?]);
        }
        let entities = self.teller.entities(line, event);
        if entities.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![self.hook.send_event(&entities)?])
    }

    fn play(&mut self, samples: &[f32]) -> Result<Vec<Frame>> {
        self.hook.play(samples)
    }

    fn sentence_end(&mut self, _: Place) -> Result<Vec<Frame>> {
        Ok(Vec::new())
    }

    fn cut(&mut self) -> Result<Vec<Frame>> {
        Ok(vec![self.hook.send_event(&[EventEntity::BargeIn])?])
    }

    fn leave(&mut self, reason: Goodbye, info: &str) -> Result<Vec<Frame>> {
        let reason = match reason {
            Goodbye::Completed => DisconnectReason::Completed,
            Goodbye::Unauthorized => DisconnectReason::Unauthorized,
            Goodbye::Failed => DisconnectReason::Error,
            Goodbye::Elsewhere => return Ok(vec![self.hook.reconnect(info)?]),
        };
        Ok(vec![self.hook.disconnect(reason, info)?])
    }

    fn finish(&mut self) -> Result<Vec<Frame>> {
        Ok(vec![self.hook.finish()?])
    }

    fn position_ms(&self) -> u64 {
        self.hook.position_ms()
    }

    fn is_over(&self) -> bool {
        self.hook.is_closed()
    }
}
