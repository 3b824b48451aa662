//! Twilio Media Streams, and who copies them, on a socket.
//!
//! The protocol carries sound only. What is understood and suggested is read where everything else is read
//! (`/v1/conversations/{id}/events`); the virtual agent is heard where the host brings a voice.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::Response;

use super::call::Guest;
use super::config::Sender;
use super::line::Line;
use super::protocol::{Goodbye, Incoming, Protocol};
use super::signature::is_signed_by_twilio;
use super::speech_out::Place;
use super::{Telephony, upgrade};
use crate::error::Result;
use crate::server::problem::Problem;
use crate::session::SessionEvent;
use crate::speech::transport::{Frame, MediaStream, MediaStreamOptions, Received};

/// `GET /v1/telephony/media-streams`
pub(super) async fn connect(
    State(telephony): State<Telephony>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let guest = admit(&telephony, &mut parts).await?;
    let socket = MediaSocket {
        stream: MediaStream::new(MediaStreamOptions::default()),
    };
    upgrade(telephony, parts, guest, socket).await
}

/// Whose request it is. One that bears neither a signature nor a key or token may bring a token in its first message;
/// only so many of those wait at a time.
async fn admit(telephony: &Telephony, parts: &mut Parts) -> Result<Guest, Problem> {
    let known = &telephony.inner.settings.media_streams;
    if parts.headers.contains_key("x-twilio-signature") && !known.is_empty() {
        let (authority, target) = telephony.target(parts);
        let mut signed = known.iter().filter(|known| {
            let token = known.secret.as_deref().unwrap_or_default();
            is_signed_by_twilio(&parts.headers, &authority, &target, token)
        });
        let sender = signed.next().map(|known| known.sender.clone());
        return match sender {
            Some(sender) => Ok(Guest {
                sender: Some(sender),
                ..Guest::default()
            }),
            None => Err(Problem::unauthorized(
                "the signature does not fit; check the auth token, and server.public_url behind a proxy",
            )),
        };
    }
    let query = parts.uri.query().unwrap_or_default();
    let has_credential = parts.headers.contains_key(AUTHORIZATION)
        || parts.headers.contains_key("x-api-key")
        || query
            .split('&')
            .any(|pair| pair.starts_with("access_token="));
    if has_credential {
        let caller = telephony.caller(parts).await?;
        return Ok(Guest {
            sender: Some(Sender::of(caller.tenant)),
            ..Guest::default()
        });
    }
    match telephony.inner.strangers.clone().try_acquire_owned() {
        Ok(permit) => Ok(Guest {
            permit: Some(permit),
            ..Guest::default()
        }),
        Err(_) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "too many streams have not told whose they are; try again in a moment",
        )
        .with_retry_after(2)),
    }
}

/// The protocol on a socket.
#[derive(Debug)]
struct MediaSocket {
    stream: MediaStream,
}

impl MediaSocket {
    /// Everything that waits. The platform plays at its own pace, and throws away what it has when it is told to.
    fn flush(&mut self) -> Vec<Frame> {
        std::iter::from_fn(|| self.stream.next_frame()).collect()
    }
}

impl Protocol for MediaSocket {
    const NAME: &'static str = "media_streams";
    const TELLS_PLAYED: bool = true;

    fn receive(&mut self, message: Incoming<'_>) -> Result<Received> {
        match message {
            Incoming::Text(text) => self.stream.receive_text(text),
            Incoming::Binary(bytes) => self.stream.receive_binary(bytes),
        }
    }

    fn accept(&mut self) -> Result<Vec<Frame>> {
        Ok(Vec::new())
    }

    fn tell(&mut self, _: &Line, _: &SessionEvent) -> Result<Vec<Frame>> {
        Ok(Vec::new())
    }

    fn play(&mut self, samples: &[f32]) -> Result<Vec<Frame>> {
        self.stream.queue_audio(samples)?;
        Ok(self.flush())
    }

    fn sentence_end(&mut self, place: Place) -> Result<Vec<Frame>> {
        self.stream.queue_mark(place.name())?;
        Ok(self.flush())
    }

    fn cut(&mut self) -> Result<Vec<Frame>> {
        Ok(vec![self.stream.clear()?.frame])
    }

    fn leave(&mut self, _: Goodbye, _: &str) -> Result<Vec<Frame>> {
        Ok(Vec::new())
    }

    fn finish(&mut self) -> Result<Vec<Frame>> {
        Ok(Vec::new())
    }

    fn position_ms(&self) -> u64 {
        self.stream.position_ms()
    }

    fn is_over(&self) -> bool {
        self.stream.is_stopped()
    }
}
