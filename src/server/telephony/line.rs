//! The side of a call that is a conversation: whose it is, who speaks on which track, when on its clock.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::Telephony;
use super::config::Sender;
use super::seats::Seat;
use crate::conversation::{
    Channel, Conversation, ConversationId, CustomerId, CustomerProfile, NewUtterance, Participant,
    ParticipantId, Role,
};
use crate::error::{Error, ErrorKind, Result};
use crate::server::extract::check_id;
use crate::server::state::ServerState;
use crate::session::{HubEvent, HubEvents, SessionHub, SessionInput, SessionView};
use crate::speech::AudioFrame;
use crate::speech::transport::{Started, Track, WIRE_RATE};
use crate::store::StreamKey;

/// Inputs of a call get identifiers in this space, so that one that is sent again counts once.
const INPUTS: Uuid = Uuid::from_u128(0x6f0c_4d3e_8a51_4b1f_9a35_2b7d_10ce_77a4);

/// Audio messages that wait to be heard; when it is full, no more is read from the socket.
pub(super) const QUEUE: usize = 64;
/// A message brings at most so many pieces of audio.
pub(super) const PIECES: usize = 4;

/// So long something that has to be stored is tried.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between tries, where nothing else is said.
const PAUSE: Duration = Duration::from_millis(100);

/// Parameters that whoever set up the platform can pass along.
const CONVERSATION: &str = "conversation";
const VIRTUAL_AGENT: &str = "virtual_agent";
const LANGUAGE: &str = "language";
/// What the customer directory calls a number.
const PHONE: &str = "phone";

/// A call that belongs to a conversation.
#[derive(Debug)]
pub(super) struct Line {
    hub: SessionHub,
    key: StreamKey,
    seat: Seat,
    stream: String,
    customer: ParticipantId,
    human_agent: Option<ParticipantId>,
    /// Whether a virtual agent answers the customer.
    pub(super) virtual_agent: bool,
    /// BCP 47 tag of the conversation.
    pub(super) language: String,
    /// The beginning of the stream on the clock of the conversation.
    offset_ms: u64,
    audio: Option<mpsc::Sender<(ParticipantId, AudioFrame)>>,
}

/// Feeds the audio of a line to the conversation.
#[derive(Debug)]
pub(super) struct Ear(JoinHandle<Result<()>>);

/// A text parameter, whatever JSON type it was written in.
pub(super) fn parameter(parameters: &Map<String, Value>, name: &str) -> Option<String> {
    match parameters.get(name)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl Line {
    /// Finds the conversation of a call, or begins it. One that was on another channel goes on as voice. The events
    /// are those that no socket of this call has told yet.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where nothing tells which conversation it is; [`ErrorKind::Conflict`] where it is
    /// over; else as the hub.
    pub(super) async fn join(
        telephony: &Telephony,
        sender: &Sender,
        started: &Started,
    ) -> Result<(Self, Ear, HubEvents)> {
        let hub = telephony.inner.state.hub.clone();
        let parameters = &started.parameters;
        let named = parameter(parameters, CONVERSATION).or_else(|| started.call.clone());
        let named = named.filter(|id| !id.trim().is_empty()).ok_or_else(|| {
            let what = format!(
                "nothing tells which conversation the call belongs to; pass parameter `{CONVERSATION}`"
            );
            Error::new(ErrorKind::InvalidInput, what)
        })?;
        check_id(&named)?;
        let key = StreamKey {
            tenant: sender.tenant.clone(),
            conversation: ConversationId::from(named),
        };
        let virtual_agent = match parameter(parameters, VIRTUAL_AGENT) {
            Some(text) => text == "true",
            None => sender.virtual_agent,
        };
        // With the seat taken, nobody else changes the conversation for this call.
        let seat = telephony.inner.seats.take(&key);
        let state = &telephony.inner.state;
        let view = patiently(|| open_or_view(state, &key, started, virtual_agent)).await?;
        if view.ended {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the conversation is over; begin another one for this call",
            ));
        }
        let conversation = &view.conversation;
        let who = |role| {
            let mut known = conversation.participants.iter();
            known.find(|p| p.role == role).map(|p| p.id.clone())
        };
        let speaks_internally = !virtual_agent && started.tracks.contains(&Track::Internal);
        let behind =
            jiff::Timestamp::now().as_millisecond() - conversation.started_at.as_millisecond();
        let offset_ms = u64::try_from(behind)
            .unwrap_or_default()
            .max(seat.position_ms());
        // What was said while no socket was there is told now.
        let after = seat.last_event().unwrap_or(view.last_event);
        seat.told(after);
        let (audio, frames) = mpsc::channel(QUEUE);
        let ear = Ear(tokio::spawn(push_all(hub.clone(), key.clone(), frames)));
        let mut line = Self {
            hub,
            seat,
            stream: started.stream.clone(),
            customer: who(Role::EndUser).unwrap_or_else(|| Role::EndUser.as_str().into()),
            human_agent: None,
            virtual_agent: who(Role::AutomatedAgent).is_some()
                && view.dialogue.handed_off.is_none(),
            language: conversation.language.clone(),
            offset_ms,
            audio: Some(audio),
            key,
        };
        if conversation.channel != Channel::Voice {
            line.submit("channel", SessionInput::Channel(Channel::Voice))
                .await?;
        }
        if who(Role::EndUser).is_none() {
            let customer = Participant::new(line.customer.clone(), Role::EndUser);
            line.submit("customer", SessionInput::Join(customer))
                .await?;
        }
        if speaks_internally {
            let known = who(Role::HumanAgent);
            let id = known
                .clone()
                .unwrap_or_else(|| Role::HumanAgent.as_str().into());
            if known.is_none() {
                let agent = Participant::new(id.clone(), Role::HumanAgent);
                line.submit("agent", SessionInput::Join(agent)).await?;
            }
            line.human_agent = Some(id);
        }
        if conversation.profile.is_none()
            && let Some(caller) = Caller::of(state, &line.key, started).await
        {
            let profile = SessionInput::Profile(caller.profile.clone());
            line.submit("profile", profile).await?;
            caller.link(state, &line.key).await;
        }
        let events = patiently(|| line.hub.events(&line.key, Some(after))).await?;
        Ok((line, ear, events))
    }

    /// Takes what the conversation has to have. When this answers it is stored; `what` tells it apart from
    /// everything else of this stream, so that it counts once however often it is tried.
    ///
    /// # Errors
    /// As the hub, after some patience.
    pub(super) async fn submit(&self, what: &str, input: SessionInput) -> Result<()> {
        let name = format!("{}/{}/{what}", self.key.conversation, self.stream);
        let id = Uuid::new_v5(&INPUTS, name.as_bytes());
        patiently(|| self.hub.submit(&self.key, id, input.clone())).await?;
        Ok(())
    }

    /// Keys that the customer pressed, as what they said.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub(super) async fn pressed(&self, number: u64, keys: &str, stream_ms: u64) -> Result<()> {
        let at = self.offset_ms.saturating_add(stream_ms);
        let said = NewUtterance::new(self.customer.clone(), keys).with_span(at, at);
        self.submit(&format!("keys {number}"), SessionInput::Utterance(said))
            .await
    }

    /// Takes audio. There must be room ([`has_room`](Self::has_room)).
    pub(super) fn hear(&self, track: Track, stream_ms: u64, samples: Vec<f32>) {
        let Some(participant) = self.participant(track) else {
            return;
        };
        let frame =
            AudioFrame::new(samples, WIRE_RATE).at_ms(self.offset_ms.saturating_add(stream_ms));
        let end_ms = frame.timestamp_ms.unwrap_or_default();
        self.seat
            .reached(end_ms.saturating_add(frame.duration_ms()));
        if let Some(audio) = &self.audio {
            // A task that has ended says why when it is asked.
            let _ = audio.try_send((participant.clone(), frame));
        }
    }

    /// Whether another message can be taken.
    pub(super) fn has_room(&self) -> bool {
        self.audio
            .as_ref()
            .is_none_or(|audio| audio.capacity() >= PIECES || audio.is_closed())
    }

    /// Waits until there is room again.
    pub(super) async fn room(&self) {
        if let Some(audio) = &self.audio {
            let _ = audio.reserve_many(PIECES).await;
        }
    }

    /// Lets everything that came be heard; no more comes.
    pub(super) async fn drain(&mut self, ear: &mut Ear) {
        self.audio = None;
        if !ear.0.is_finished() {
            let _ = tokio::time::timeout(PATIENCE, &mut ear.0).await;
        }
    }

    /// A moment of silence, which ends what was being said.
    pub(super) fn fall_silent(&self, stream_ms: u64, length_ms: u64) {
        let samples = vec![0.0; (length_ms * u64::from(WIRE_RATE) / 1000) as usize];
        for track in [Track::External, Track::Internal] {
            if self.participant(track).is_some() {
                self.hear(track, stream_ms, samples.clone());
            }
        }
    }

    /// Who speaks on a track. Nobody on this end's where a virtual agent does: it knows what it says.
    fn participant(&self, track: Track) -> Option<&ParticipantId> {
        match track {
            Track::External => Some(&self.customer),
            Track::Internal => self.human_agent.as_ref(),
        }
    }

    /// On which track a participant speaks.
    pub(super) fn track(&self, participant: &ParticipantId) -> Option<Track> {
        if *participant == self.customer {
            Some(Track::External)
        } else if self.human_agent.as_ref() == Some(participant) {
            Some(Track::Internal)
        } else {
            None
        }
    }

    /// A time of the conversation as one of the stream.
    pub(super) fn stream_ms(&self, conversation_ms: u64) -> u64 {
        conversation_ms.saturating_sub(self.offset_ms)
    }

    /// Identifies something of the conversation to the platform, the same on every connection.
    pub(super) fn id_of(&self, what: &str) -> Uuid {
        let name = format!("{}/{what}", self.key.conversation);
        Uuid::new_v5(&INPUTS, name.as_bytes())
    }

    /// The conversation.
    pub(super) fn key(&self) -> &StreamKey {
        &self.key
    }

    /// Whether somebody is the customer.
    pub(super) fn is_customer(&self, participant: &ParticipantId) -> bool {
        *participant == self.customer
    }

    /// An event was told.
    pub(super) fn told(&self, event: &HubEvent) {
        self.seat.told(match event {
            HubEvent::Event(numbered) => numbered.id,
            HubEvent::Resync(view) => view.last_event,
        });
    }

    /// When another socket takes over.
    pub(super) async fn replaced(&self) {
        self.seat.replaced().await;
    }
}

impl Ear {
    /// When audio cannot be taken any more; why. Not to be asked again then.
    pub(super) async fn deaf(&mut self) -> Error {
        match (&mut self.0).await {
            Ok(Err(error)) => error,
            Ok(Ok(())) | Err(_) => Error::new(ErrorKind::Internal, "the audio has no reader"),
        }
    }
}

/// The conversation as it stands, begun where there is none.
async fn open_or_view(
    state: &ServerState,
    key: &StreamKey,
    started: &Started,
    virtual_agent: bool,
) -> Result<SessionView> {
    match state.hub.view(key).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        known => return known,
    }
    let mut conversation =
        Conversation::new(key.tenant.clone(), Channel::Voice).with_id(key.conversation.clone());
    let language = parameter(&started.parameters, LANGUAGE).or_else(|| started.language.clone());
    if let Some(language) = language {
        conversation = conversation.with_language(language);
    }
    let caller = Caller::of(state, key, started).await;
    if let Some(caller) = &caller {
        conversation = conversation.with_profile(caller.profile.clone());
    }
    let join = |conversation: &mut Conversation, role: Role| {
        conversation.join(Participant::new(role.as_str(), role));
    };
    join(&mut conversation, Role::EndUser);
    if virtual_agent {
        join(&mut conversation, Role::AutomatedAgent);
    }
    let view = state.hub.open(conversation).await?;
    if let Some(caller) = caller {
        caller.link(state, key).await;
    }
    Ok(view)
}

/// Whoever calls, as far as the number tells.
struct Caller {
    customer: Option<CustomerId>,
    profile: CustomerProfile,
}

impl Caller {
    /// Who has this number. `None` where the platform does not tell it. A number that the directory cannot use is no
    /// reason not to take the call.
    async fn of(state: &ServerState, key: &StreamKey, started: &Started) -> Option<Self> {
        let number = started.caller.clone()?;
        let keys = BTreeMap::from([(PHONE.to_owned(), number.clone())]);
        let known = async {
            let found = state.customers.identify(&key.tenant, &keys).await?;
            let customer = found.customer;
            let profile = state
                .customers
                .profile(&key.tenant, &customer, None)
                .await?;
            Ok::<_, Error>((customer, profile))
        };
        let (customer, mut profile) = match known.await {
            Ok((customer, profile)) => (Some(customer), profile),
            Err(error) => {
                tracing::info!(%error, "who calls is not known");
                (None, CustomerProfile::default())
            }
        };
        profile.attributes.insert("caller".to_owned(), number);
        if let Some(called) = started.callee.clone() {
            profile.attributes.insert("called".to_owned(), called);
        }
        Some(Self { customer, profile })
    }

    /// The conversation is one of theirs.
    async fn link(&self, state: &ServerState, key: &StreamKey) {
        let Some(customer) = &self.customer else {
            return;
        };
        let linked = state
            .customers
            .link(&key.tenant, customer, &key.conversation);
        if let Err(error) = linked.await {
            tracing::warn!(%error, "a call is not listed with its customer");
        }
    }
}

/// Feeds audio in order. What the hub is too busy for waits, and with it the socket; what cannot be heard at all ends
/// the call.
async fn push_all(
    hub: SessionHub,
    key: StreamKey,
    mut frames: mpsc::Receiver<(ParticipantId, AudioFrame)>,
) -> Result<()> {
    while let Some((participant, frame)) = frames.recv().await {
        let pushed = patiently(|| hub.push(&key, participant.clone(), frame.clone())).await;
        match pushed {
            // One bad frame is no reason to hang up.
            Err(error) if error.kind() == ErrorKind::Audio => {
                tracing::warn!(%error, "audio of a call was refused");
            }
            other => other?,
        }
    }
    Ok(())
}

/// Tries again what may succeed later, for a while.
async fn patiently<T, F: Future<Output = Result<T>>>(mut work: impl FnMut() -> F) -> Result<T> {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        match work().await {
            Err(error) if may_pass(&error) && tokio::time::Instant::now() < end => {
                let wait = error.retry_after().unwrap_or(PAUSE);
                tokio::time::sleep(wait.clamp(PAUSE, PATIENCE)).await;
            }
            other => return other,
        }
    }
}

/// Whether trying again may help. A store that failed did not take it, and may be back in a moment.
fn may_pass(error: &Error) -> bool {
    error.is_transient() || error.kind() == ErrorKind::Storage
}
