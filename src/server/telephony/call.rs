//! One telephone socket from its first message to its last, whatever the platform's protocol.
//!
//! Nothing is read from a socket whose audio waits to be heard, so a slow server slows the platform down, which leaves
//! audio out and says so. A socket that dies takes nothing along: what came is heard, the conversation stays, and the
//! next socket for it goes on where this one was.

mod heed;

use std::collections::HashSet;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures::StreamExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::Telephony;
use super::config::{AtHangUp, Sender};
use super::keys::Keys;
use super::line::{Ear, Line};
use super::protocol::{Goodbye, Incoming, Protocol};
use super::speech_out::Mouth;
use crate::conversation::ParticipantId;
use crate::error::{Error, ErrorKind, Result};
use crate::server::routes::conversations::remember;
use crate::session::{HubEvents, SessionInput};
use crate::speech::transport::{Frame, Received, Started, StopReason, TransportEvent};

/// A platform that does not take what it is sent within this time is gone.
const SEND: Duration = Duration::from_secs(10);
/// A platform that was asked to end has so long to do so.
const GOODBYE: Duration = Duration::from_secs(5);
/// The virtual agent's last words may come behind the news that a person takes over.
const HAND_OVER: Duration = Duration::from_millis(1_500);
/// Whether the virtual agent has finished is looked at so often.
const LISTEN_AGAIN: Duration = Duration::from_millis(200);
/// Silence behind a call, so that its last words are an utterance.
const SILENCE_MS: u64 = 1_200;
/// When nothing was told for so long behind the silence, there is nothing left; where the engine is slow, for as long
/// as it is behind.
const QUIET: Duration = Duration::from_millis(1_500);
/// Messages that are none of the protocol; a socket that brings more is closed.
const MOST_FAULTS: u32 = 20;

/// What is known of who connects.
#[derive(Debug, Default)]
pub(super) struct Guest {
    /// `None` where the first message has to bring a token.
    pub(super) sender: Option<Sender>,
    /// The account that the request named; the call must be of the same.
    pub(super) account: Option<String>,
    /// A place among those who have not shown who they are; held as long as the guest is.
    #[expect(dead_code, reason = "it is given back when it is dropped")]
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

/// How a call ended.
#[derive(Debug)]
enum Left {
    /// As the protocol has it.
    Stopped(StopReason),
    /// The connection is dead or closed.
    Gone,
    /// This side asks for the end.
    Asks(Goodbye, String),
}

/// The connection is dead.
#[derive(Debug)]
struct Gone;

/// A socket and the protocol on it.
#[derive(Debug)]
struct Call<P> {
    telephony: Telephony,
    socket: WebSocket,
    protocol: P,
    /// When the platform was last heard of.
    heard: Instant,
    faults: u32,
}

/// What changes while a call goes on.
#[derive(Debug)]
struct Talk {
    line: Line,
    mouth: Mouth,
    keys: Keys,
    /// Who began to speak and is not written down yet.
    speaking: HashSet<ParticipantId>,
    /// How far the engine was behind the audio when it last wrote something down.
    behind: Duration,
    /// When a person takes over, once the virtual agent has said what it has to.
    hand_over: Option<Instant>,
    interruptions: u64,
}

/// Serves a call until it is over, and closes the socket.
pub(super) async fn run<P: Protocol>(
    telephony: Telephony,
    socket: WebSocket,
    protocol: P,
    guest: Guest,
) {
    let live = metrics::gauge!("attendant_calls", "protocol" => P::NAME);
    live.increment(1.0);
    let mut call = Call {
        telephony,
        socket,
        protocol,
        heard: Instant::now(),
        faults: 0,
    };
    let code = call.run(guest).await;
    let frame = CloseFrame {
        code,
        reason: "".into(),
    };
    let closing = call.socket.send(Message::Close(Some(frame)));
    if let Ok(Ok(())) = timeout(SEND, closing).await {
        // The platform's own farewell, so that nothing of ours is cut off.
        let farewell = async { while let Some(Ok(_)) = call.socket.recv().await {} };
        let _ = timeout(GOODBYE, farewell).await;
    }
    live.decrement(1.0);
}

impl<P: Protocol> Call<P> {
    /// From the first message to the last; the code to close with.
    async fn run(&mut self, guest: Guest) -> u16 {
        let end = Instant::now() + self.telephony.inner.settings.start;
        let started = loop {
            let received = tokio::select! {
                message = self.socket.recv() => match self.receive(message) {
                    Ok(Some(received)) => received,
                    Ok(None) => continue,
                    Err(Gone) => return close_code::PROTOCOL,
                },
                () = sleep_until(end) => {
                    tracing::info!(protocol = P::NAME, "a socket did not begin in time");
                    return close_code::POLICY;
                }
                () = self.telephony.inner.state.stopping.cancelled() => return close_code::AWAY,
            };
            let mut started = None;
            let mut stopped = false;
            for event in received.events {
                match event {
                    TransportEvent::Started(beginning) => started = Some(beginning),
                    TransportEvent::Stopped { .. } => stopped = true,
                    other => {
                        tracing::debug!(protocol = P::NAME, event = ?other, "before the beginning")
                    }
                }
            }
            if self.send_all(received.replies).await.is_err() {
                return close_code::PROTOCOL;
            }
            match started {
                Some(started) => break started,
                None if stopped => return close_code::NORMAL,
                None => {}
            }
        };
        match self.begin(guest, &started).await {
            Ok(Some((sender, line, ear, events))) => {
                let mouth = Mouth::new(self.telephony.inner.voice.clone(), line.language.clone());
                let talk = Talk {
                    line,
                    mouth,
                    keys: Keys::default(),
                    speaking: HashSet::new(),
                    behind: Duration::ZERO,
                    hand_over: None,
                    interruptions: 0,
                };
                self.serve(talk, ear, events, sender.at_hang_up).await
            }
            Ok(None) => self.answer_probe().await,
            Err((reason, error)) => {
                tracing::info!(protocol = P::NAME, %error, "a call was refused");
                // Causes may name files and hosts, so strangers are not told them.
                let info = match error.kind() {
                    ErrorKind::Storage | ErrorKind::Internal => {
                        "the server cannot take calls now".to_owned()
                    }
                    _ => error.to_string(),
                };
                self.say_goodbye(reason, &info).await;
                close_code::POLICY
            }
        }
    }

    /// Looks whose call it is, and takes it. `None`: nobody calls, the platform only tries.
    async fn begin(
        &mut self,
        guest: Guest,
        started: &Started,
    ) -> Result<Option<(Sender, Line, Ear, HubEvents)>, (Goodbye, Error)> {
        let sender = self
            .telephony
            .sender(&guest, started)
            .map_err(|error| (Goodbye::Unauthorized, error))?;
        drop(guest);
        let failed = |error| (Goodbye::Failed, error);
        let joined = if started.is_probe {
            None
        } else {
            Some(
                Line::join(&self.telephony, &sender, started)
                    .await
                    .map_err(failed)?,
            )
        };
        let frames = self.protocol.accept().map_err(failed)?;
        if self.send_all(frames).await.is_err() {
            let what = "the platform went away while its call was taken";
            return Err(failed(Error::new(ErrorKind::Unavailable, what)));
        }
        Ok(joined.map(|(line, ear, events)| (sender, line, ear, events)))
    }

    /// The platform tries whether somebody answers.
    async fn answer_probe(&mut self) -> u16 {
        let end = Instant::now() + self.telephony.inner.settings.silent;
        loop {
            let received = tokio::select! {
                message = self.socket.recv() => match self.receive(message) {
                    Ok(Some(received)) => received,
                    Ok(None) => continue,
                    Err(Gone) => return close_code::PROTOCOL,
                },
                () = sleep_until(end) => return close_code::POLICY,
            };
            let is_over = received
                .events
                .iter()
                .any(|event| matches!(event, TransportEvent::Stopped { .. }));
            if self.send_all(received.replies).await.is_err() {
                return close_code::PROTOCOL;
            }
            if is_over {
                self.finish().await;
                return close_code::NORMAL;
            }
        }
    }

    /// The call, until it is over.
    async fn serve(
        &mut self,
        mut talk: Talk,
        mut ear: Ear,
        mut events: HubEvents,
        at_hang_up: AtHangUp,
    ) -> u16 {
        let left = self.talk(&mut talk, &mut ear, &mut events).await;
        if talk.keys.is_any() {
            self.press(&mut talk).await;
        }
        let reason = match left {
            Left::Stopped(reason) => reason,
            Left::Gone => {
                talk.line.drain(&mut ear).await;
                tracing::info!(
                    protocol = P::NAME,
                    "a call lost its connection; it can come back"
                );
                return close_code::AWAY;
            }
            Left::Asks(reason, info) => {
                tracing::info!(protocol = P::NAME, ?reason, info, "a call is given up");
                self.say_goodbye(reason, &info).await;
                talk.line.drain(&mut ear).await;
                return match reason {
                    Goodbye::Completed => close_code::NORMAL,
                    Goodbye::Unauthorized => close_code::POLICY,
                    Goodbye::Failed => close_code::ERROR,
                    Goodbye::Elsewhere => close_code::RESTART,
                };
            }
        };
        let comes_back = matches!(
            reason,
            StopReason::Reconnect | StopReason::PeerError | StopReason::Fault(_)
        );
        if !comes_back {
            let position = self.protocol.position_ms();
            talk.line.room().await;
            talk.line.fall_silent(position, SILENCE_MS);
        }
        talk.line.drain(&mut ear).await;
        if !comes_back {
            self.last_words(&mut talk, &mut events).await;
        }
        self.finish().await;
        if matches!(reason, StopReason::Fault(_)) {
            // It was told so already.
            self.await_end().await;
        }
        let then = match at_hang_up {
            _ if comes_back => None,
            AtHangUp::Summarize => Some(SessionInput::Summarize),
            AtHangUp::End => Some(SessionInput::End),
            AtHangUp::Nothing => None,
        };
        if let Some(input) = then {
            match talk.line.submit("hang up", input).await {
                Ok(()) if at_hang_up == AtHangUp::End => {
                    let state = self.telephony.inner.state.clone();
                    tokio::spawn(remember(state, talk.line.key().clone()));
                }
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(%error, "the end of a call could not be told to its conversation");
                }
            }
        }
        match reason {
            StopReason::Fault(_) => close_code::POLICY,
            _ => close_code::NORMAL,
        }
    }

    async fn talk(&mut self, talk: &mut Talk, ear: &mut Ear, events: &mut HubEvents) -> Left {
        let silent = self.telephony.inner.settings.silent;
        let keep_alive = self.telephony.inner.state.config.limits.keep_alive_seconds;
        let mut ping = interval(Duration::from_secs(keep_alive.max(1)));
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopping = self.telephony.inner.state.stopping.clone();
        loop {
            // Nobody is silent who is not listened to.
            let has_room = talk.line.has_room();
            let silent_at = self.heard + silent;
            let keys_at = talk.keys.due();
            if !P::TELLS_PLAYED {
                talk.mouth.let_time_pass();
            }
            let is_speaking = talk.mouth.is_speaking();
            let hand_over_at = talk.hand_over.map(|time| match is_speaking {
                true => time.max(Instant::now() + LISTEN_AGAIN),
                false => time,
            });
            let outcome = tokio::select! {
                message = self.socket.recv(), if has_room => match self.receive(message) {
                    Ok(Some(received)) => self.take(talk, received).await,
                    Ok(None) => Ok(None),
                    Err(Gone) => Err(Gone),
                },
                () = talk.line.room(), if !has_room => {
                    self.heard = Instant::now();
                    Ok(None)
                }
                event = events.next() => match event {
                    Some(event) => self.hear(talk, event).await,
                    None => Ok(Some(Left::Asks(Goodbye::Elsewhere, "the server stops".into()))),
                },
                piece = talk.mouth.next() => self.say(piece).await.map(|()| None),
                error = ear.deaf() => {
                    let reason = match error.kind() {
                        // The conversation ended, which its events are about to tell.
                        ErrorKind::Cancelled if !stopping.is_cancelled() => Goodbye::Completed,
                        ErrorKind::Cancelled => Goodbye::Elsewhere,
                        _ => Goodbye::Failed,
                    };
                    Ok(Some(Left::Asks(reason, error.to_string())))
                }
                () = talk.line.replaced() => {
                    let info = "another connection serves this conversation";
                    Ok(Some(Left::Asks(Goodbye::Completed, info.into())))
                }
                () = stopping.cancelled() => {
                    Ok(Some(Left::Asks(Goodbye::Elsewhere, "the server stops".into())))
                }
                () = sleep_until(silent_at), if has_room => {
                    tracing::info!(protocol = P::NAME, "a connection fell silent");
                    Err(Gone)
                }
                () = at(keys_at) => {
                    self.press(talk).await;
                    Ok(None)
                }
                () = at(hand_over_at) => match is_speaking {
                    true => Ok(None),
                    false => Ok(Some(Left::Asks(Goodbye::Completed, "a person takes over".into()))),
                },
                _ = ping.tick() => self.send(Message::Ping(Vec::new().into())).await.map(|()| None),
            };
            match outcome {
                Ok(None) => {}
                Ok(Some(left)) => return left,
                Err(Gone) => return Left::Gone,
            }
        }
    }

    /// Reads a message. `None`: it says nothing to the protocol.
    fn receive(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
    ) -> Result<Option<Received>, Gone> {
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(error)) => {
                tracing::info!(protocol = P::NAME, %error, "a connection broke");
                return Err(Gone);
            }
            None => return Err(Gone),
        };
        self.heard = Instant::now();
        let received = match &message {
            Message::Text(text) => self.protocol.receive(Incoming::Text(text.as_str())),
            Message::Binary(bytes) => self.protocol.receive(Incoming::Binary(bytes)),
            Message::Close(_) => return Err(Gone),
            Message::Ping(_) | Message::Pong(_) => return Ok(None),
        };
        match received {
            Ok(received) => Ok(Some(received)),
            Err(error) => {
                tracing::info!(protocol = P::NAME, %error, "a message was refused");
                self.faults += 1;
                if self.faults > MOST_FAULTS {
                    return Err(Gone);
                }
                Ok(None)
            }
        }
    }

    /// Asks the platform to end, and waits a moment until it does.
    async fn say_goodbye(&mut self, reason: Goodbye, info: &str) {
        let frames = self.protocol.leave(reason, info).unwrap_or_default();
        // Without such a message, closing the socket is all there is.
        if !frames.is_empty() && self.send_all(frames).await.is_ok() {
            self.await_end().await;
        }
    }

    /// Waits a moment until the platform has ended.
    async fn await_end(&mut self) {
        let waiting = async {
            while !self.protocol.is_over() {
                let message = self.socket.recv().await;
                let Some(received) = self.receive(message)? else {
                    continue;
                };
                let is_stopped = received
                    .events
                    .iter()
                    .any(|event| matches!(event, TransportEvent::Stopped { .. }));
                self.send_all(received.replies).await?;
                if is_stopped {
                    self.finish().await;
                    break;
                }
            }
            Ok::<_, Gone>(())
        };
        let _ = timeout(GOODBYE, waiting).await;
    }

    async fn finish(&mut self) {
        if let Ok(frames) = self.protocol.finish() {
            let _ = self.send_all(frames).await;
        }
    }

    async fn send_all(&mut self, frames: Vec<Frame>) -> Result<(), Gone> {
        for frame in frames {
            let message = match frame {
                Frame::Text(text) => Message::Text(text.into()),
                Frame::Binary(bytes) => Message::Binary(bytes.into()),
            };
            self.send(message).await?;
        }
        Ok(())
    }

    async fn send(&mut self, message: Message) -> Result<(), Gone> {
        match timeout(SEND, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}

/// At this time; never, where there is none.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
