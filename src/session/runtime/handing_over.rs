//! A conversation on its way to a person and back: offered, answered, out of time, given up, returned.

use std::future::Future;
use std::time::Duration;

use super::super::event::{SessionEvent, Skill};
use super::{Runtime, Work};
use crate::conversation::{
    Handoff, HandoffAnswer, HandoffReason, HandoffReturn, HandoffStatus, Role,
};
use crate::dialogue::{
    Command, Effect, HandoffStep, Rejection, Transfer, apply, followed, set_aside, what_is_known,
};
use crate::error::{Error, ErrorKind};

/// What is kept of the hand-off that is under way.
#[derive(Debug)]
pub(super) struct Desk {
    /// The briefing, to be offered again.
    briefing: Option<Handoff>,
    clock: Clock,
}

/// The time as tokio's clock goes on from the start, so that a test may let it pass.
#[derive(Debug)]
struct Clock {
    at: jiff::Timestamp,
    since: tokio::time::Instant,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            briefing: None,
            clock: Clock {
                at: jiff::Timestamp::now(),
                since: tokio::time::Instant::now(),
            },
        }
    }
}

impl Desk {
    pub(super) fn restore(&mut self, briefing: Option<Handoff>) {
        self.briefing = briefing;
    }

    fn now(&self) -> jiff::Timestamp {
        let passed = jiff::SignedDuration::try_from(self.clock.since.elapsed());
        let now = passed
            .ok()
            .and_then(|passed| self.clock.at.checked_add(passed).ok());
        now.unwrap_or(self.clock.at)
    }
}

impl Runtime {
    /// Offers the conversation to the first queue that takes it.
    pub(super) async fn hand_over(&mut self, briefing: Handoff) {
        let transfer = Transfer::open(
            self.state.transfers.len() + 1,
            briefing.reason,
            self.state.playbook.clone(),
            &self.assistant.inner.handoffs,
            self.handing_over.now(),
        );
        self.state.transfers.push(transfer);
        self.handing_over.briefing = Some(Handoff {
            emotion: self.feelings.briefing(),
            effort: self.feelings.effort(),
            ..briefing
        });
        self.tell_handoff().await;
    }

    /// Tells the briefing to whom it is offered now.
    async fn tell_handoff(&mut self) {
        let Some(transfer) = self.state.transfers.last().cloned() else {
            return;
        };
        let Some(last) = transfer.last().cloned() else {
            return;
        };
        let mut briefing = match self.handing_over.briefing.take() {
            Some(briefing) => briefing,
            // An earlier version did not keep it.
            None => {
                let state = self.state.clone();
                self.assistant
                    .briefing(&self.conversation, &state, transfer.reason)
                    .await
            }
        };
        briefing.id = transfer.offer_id();
        briefing.queue.clone_from(&last.queue);
        briefing.attempt = transfer.attempt();
        briefing.waiting_since = Some(transfer.asked_at);
        self.journal.handoff(&briefing);
        self.journal.state(&self.state);
        self.handing_over.briefing = Some(briefing.clone());
        self.save().await;
        self.emit(SessionEvent::Handoff(briefing)).await;
        let status = HandoffStatus::Offered {
            queue: last.queue,
            attempt: transfer.attempt(),
            expires_at: last.expires_at,
        };
        self.tell_status(status).await;
    }

    /// Tells where the last hand-off stands, after the state that says so is kept.
    pub(super) async fn tell_status(&mut self, status: HandoffStatus) {
        self.journal.state(&self.state);
        self.save().await;
        let handoff = self.state.transfers.last().map(Transfer::offer_id);
        self.emit(SessionEvent::HandoffChanged {
            handoff: handoff.unwrap_or_default(),
            status,
        })
        .await;
    }

    /// A person accepts, declines or gives back.
    pub(super) async fn answer_handoff(&mut self, offer: &str, by: String, answer: HandoffAnswer) {
        self.let_finish().await;
        let refused = match answer {
            HandoffAnswer::Accept => self.accepted(offer, by).await,
            HandoffAnswer::Decline { reason } => self.declined(offer, by, reason).await,
            HandoffAnswer::Return(back) => self.returned(offer, by, back).await,
        };
        if let Err(reason) = refused {
            self.refuse(reason).await;
        }
    }

    async fn refuse(&mut self, reason: String) {
        let error = Error::new(ErrorKind::InvalidInput, reason);
        self.emit(SessionEvent::failed(Skill::VirtualAgent, &error))
            .await;
    }

    fn transfer(&mut self, offer: &str) -> Result<&mut Transfer, String> {
        let last = self.state.transfers.last_mut();
        last.filter(|transfer| transfer.owns(offer)).ok_or_else(|| {
            format!("no hand-off waits as {offer:?}; give the id that was told with it")
        })
    }

    async fn accepted(&mut self, offer: &str, by: String) -> Result<(), String> {
        self.transfer(offer)?.accept(&by)?;
        self.tell_status(HandoffStatus::Accepted { by }).await;
        Ok(())
    }

    async fn declined(&mut self, offer: &str, by: String, reason: String) -> Result<(), String> {
        let (assistant, now) = (self.assistant.clone(), self.handing_over.now());
        let policy = &assistant.inner.handoffs;
        let transfer = self.transfer(offer)?;
        // What is told is about the offer that was declined.
        let status = HandoffStatus::Declined {
            by: by.clone(),
            reason: reason.clone(),
        };
        let step = transfer.decline(offer, &by, &reason, policy, now)?;
        let handoff = offer.to_owned();
        self.journal.state(&self.state);
        self.save().await;
        self.emit(SessionEvent::HandoffChanged { handoff, status })
            .await;
        self.not_taken(step).await;
        Ok(())
    }

    /// Until the time of the last offer is over; for ever where it has no end, or none waits.
    pub(super) fn due(&self) -> impl Future<Output = ()> + Send + use<> {
        let end = self.state.transfers.last().and_then(Transfer::expires_at);
        let left = end.map(|end| {
            let left = end.duration_since(self.handing_over.now());
            Duration::try_from(left).unwrap_or_default()
        });
        async move {
            match left {
                Some(left) => tokio::time::sleep(left).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Nobody answered in time.
    pub(super) async fn time_out(&mut self) {
        let (assistant, now) = (self.assistant.clone(), self.handing_over.now());
        let policy = &assistant.inner.handoffs;
        let Some(transfer) = self.state.transfers.last_mut() else {
            return;
        };
        let (handoff, last) = (transfer.offer_id(), transfer.last().cloned());
        let Some(step) = transfer.time_out(policy, now) else {
            return;
        };
        let queue = last.map(|last| last.queue).unwrap_or_default();
        let status = HandoffStatus::TimedOut { queue };
        self.journal.state(&self.state);
        self.save().await;
        self.emit(SessionEvent::HandoffChanged { handoff, status })
            .await;
        self.not_taken(step).await;
        self.save().await;
    }

    async fn not_taken(&mut self, step: HandoffStep) {
        let words = self.assistant.inner.handoffs.words.clone();
        match step {
            HandoffStep::OfferedAgain => {
                self.say_once(&words.next).await;
                self.tell_handoff().await;
            }
            HandoffStep::GivenUp => {
                let known = what_is_known(&self.state);
                if let Some(transfer) = self.state.transfers.last_mut() {
                    transfer.known = known;
                }
                set_aside(&mut self.state);
                let asked = &self.state.alternatives;
                let policy = &self.assistant.inner.handoffs;
                let alternative = policy
                    .alternative(self.conversation.channel, |id| asked.contains(id))
                    .cloned();
                if let Some(one) = &alternative {
                    self.state.alternatives.insert(one.id.clone());
                    self.state.alternative = Some(one.id.clone());
                }
                let id = alternative.as_ref().map(|one| one.id.clone());
                self.tell_status(HandoffStatus::GivenUp { alternative: id })
                    .await;
                self.say(words.nobody).await;
                if let Some(one) = alternative {
                    self.say(one.ask).await;
                }
            }
        }
    }

    /// The virtual agent leads again, and knows what the person did and learned.
    async fn returned(
        &mut self,
        offer: &str,
        by: String,
        back: HandoffReturn,
    ) -> Result<(), String> {
        // Nothing is taken up unless it counts.
        let mut transfer = self.transfer(offer)?.clone();
        transfer.give_back(&by, String::new())?;
        let values: Vec<Command> = back
            .slots
            .iter()
            .map(|(name, value)| Command::SetSlot {
                name: name.clone(),
                value: value.clone(),
            })
            .collect();
        let (mut state, rejections) =
            self.decided(|state, moment| followed(state, &values, &back.done, moment));
        state.handed_off = None;
        state.stalled = 0;
        state.asked = None;
        if back.resolved {
            state.playbook = None;
            state.pending = None;
            state.waiting.clear();
            state.paused.clear();
        }
        transfer.known = what_is_known(&state);
        if let Some(last) = state.transfers.last_mut() {
            *last = transfer;
        }
        self.state = state;
        self.reject(rejections).await;
        let asks_yet = self.conversation.transcript.utterances().last();
        let asks_yet = asks_yet.is_some_and(|said| said.role == Role::EndUser);
        self.tell_status(HandoffStatus::Returned { by, back }).await;
        self.say_once(&self.assistant.inner.handoffs.words.returned.clone())
            .await;
        if asks_yet {
            self.next_reply = Some(Work::Respond(Vec::new()));
            return Ok(());
        }
        let (state, mut effects, _) = self.decided(|state, moment| apply(state, &[], moment));
        if effects.is_empty() {
            effects.push(Effect::AskMore);
        }
        self.carry_on(state, effects).await;
        Ok(())
    }

    /// The host tells what a person did.
    pub(super) async fn steps_done(&mut self, steps: &[String]) {
        self.let_finish().await;
        let (state, rejections) = self.decided(|state, moment| followed(state, &[], steps, moment));
        self.state = state;
        self.journal.state(&self.state);
        self.reject(rejections).await;
    }

    async fn reject(&mut self, rejections: Vec<Rejection>) {
        for Rejection { proposal, reason } in rejections {
            self.emit(SessionEvent::Rejected {
                skill: Skill::VirtualAgent,
                proposal,
                reason,
            })
            .await;
        }
    }

    /// While a conversation is with people, or on its way to them, the state keeps up with what they say.
    pub(super) async fn follow(&mut self, role: Role) {
        if self.state.handed_off.is_none() {
            return;
        }
        let waits = self.state.transfers.last().is_some_and(Transfer::is_open);
        let last = self.conversation.transcript.utterances().last();
        if let (true, Role::HumanAgent, Some(said)) = (waits, role, last) {
            // Whoever speaks to the customer has taken over.
            let by = said.participant.as_str().to_owned();
            let transfer = self.state.transfers.last_mut();
            if transfer.is_some_and(|transfer| transfer.accept(&by).is_ok()) {
                self.tell_status(HandoffStatus::Accepted { by }).await;
            }
        }
        match self
            .assistant
            .follow(&self.conversation, self.state.clone())
            .await
        {
            Ok(state) if state != self.state => {
                self.state = state;
                self.journal.state(&self.state);
            }
            Ok(_) => {}
            Err(error) => {
                self.emit(SessionEvent::failed(Skill::VirtualAgent, &error))
                    .await;
            }
        }
        let at_risk = self.state.handed_off == Some(HandoffReason::CustomerAtRisk);
        if waits && role == Role::EndUser && !at_risk {
            self.say_once(&self.assistant.inner.handoffs.words.waiting.clone())
                .await;
        }
    }

    async fn say(&mut self, words: String) {
        if !words.is_empty() {
            Box::pin(self.speak(words, Vec::new())).await;
        }
    }

    /// Says something that would sound hollow a second time.
    async fn say_once(&mut self, words: &str) {
        if !words.is_empty() && self.state.acknowledged.insert(words.to_owned()) {
            self.journal.state(&self.state);
            self.say(words.to_owned()).await;
        }
    }
}
