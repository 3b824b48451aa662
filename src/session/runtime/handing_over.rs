//! A conversation on its way to a person and back: offered, answered, out of time, given up, returned.

use std::future::Future;
use std::time::Duration;

use super::super::event::{SessionEvent, Skill};
use super::Runtime;
use crate::conversation::{
    Handoff, HandoffAnswer, HandoffReason, HandoffReturn, HandoffStatus, Role,
};
use crate::dialogue::{
    Command, Effect, HandoffAlternative, HandoffStep, Rejection, Transfer, apply, followed,
    set_aside, what_is_known,
};
use crate::error::{Error, ErrorKind, Result};

/// The time as tokio's clock goes on from the start, so that a test may let it pass.
#[derive(Debug)]
pub(super) struct Clock {
    at: jiff::Timestamp,
    since: tokio::time::Instant,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            at: jiff::Timestamp::now(),
            since: tokio::time::Instant::now(),
        }
    }
}

impl Clock {
    fn now(&self) -> jiff::Timestamp {
        let passed = jiff::SignedDuration::try_from(self.since.elapsed());
        let now = passed
            .ok()
            .and_then(|passed| self.at.checked_add(passed).ok());
        now.unwrap_or(self.at)
    }
}

/// What a person's answer changed; it is told once it is stored.
pub(super) enum Answered {
    Accepted {
        by: String,
    },
    Declined {
        offer: String,
        by: String,
        reason: String,
        then: Then,
    },
    Returned {
        by: String,
        back: HandoffReturn,
        rejections: Vec<Rejection>,
    },
}

/// What follows an offer that was not taken.
pub(super) enum Then {
    OfferedAgain,
    GivenUp(Option<HandoffAlternative>),
}

impl Runtime {
    /// Offers the conversation to the first queue that takes it.
    pub(super) async fn hand_over(&mut self, briefing: Handoff) {
        let transfer = Transfer::open(
            self.state.transfers.len() + 1,
            briefing.reason,
            self.state.playbook.clone(),
            &self.assistant.inner.handoffs,
            self.clock.now(),
        );
        self.state.transfers.push(transfer);
        self.handoff = Some(Handoff {
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
        let mut briefing = match self.handoff.take() {
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
        self.handoff = Some(briefing.clone());
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
        let handoff = self.state.transfers.last().map(Transfer::offer_id);
        self.tell_status_of(handoff.unwrap_or_default(), status)
            .await;
    }

    async fn tell_status_of(&mut self, handoff: String, status: HandoffStatus) {
        self.journal.state(&self.state);
        self.save().await;
        self.emit(SessionEvent::HandoffChanged { handoff, status })
            .await;
    }

    /// A person accepts, declines or gives back: what it changes. Nothing is changed where it is refused.
    pub(super) fn answer_handoff(
        &mut self,
        offer: &str,
        by: String,
        answer: HandoffAnswer,
    ) -> Result<Answered> {
        // Without an id the last offer is meant.
        let last = self.state.transfers.last().map(Transfer::offer_id);
        let offer = match (offer.is_empty(), &last) {
            (true, Some(last)) => last.as_str(),
            _ => offer,
        };
        let known = |transfer: &&mut Transfer| transfer.owns(offer);
        let now = self.clock.now();
        let policy = &self.assistant.inner.handoffs;
        let Some(transfer) = self.state.transfers.last_mut().filter(known) else {
            return Err(refused(format!(
                "no hand-off waits as {offer:?}; give the id that was told with it"
            )));
        };
        let answered = match answer {
            HandoffAnswer::Accept => {
                transfer.accept(&by).map_err(refused)?;
                Answered::Accepted { by }
            }
            HandoffAnswer::Decline { reason } => {
                let step = transfer
                    .decline(offer, &by, &reason, policy, now)
                    .map_err(refused)?;
                let then = self.not_taken(step);
                Answered::Declined {
                    offer: offer.to_owned(),
                    by,
                    reason,
                    then,
                }
            }
            HandoffAnswer::Return(back) => {
                transfer.give_back(&by, String::new()).map_err(refused)?;
                let rejections = self.take_over_from(&back);
                Answered::Returned {
                    by,
                    back,
                    rejections,
                }
            }
        };
        self.journal.state(&self.state);
        Ok(answered)
    }

    /// What the person who gives back did and learned is known, and the virtual agent leads again.
    fn take_over_from(&mut self, back: &HandoffReturn) -> Vec<Rejection> {
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
        let known = what_is_known(&state);
        if let Some(last) = state.transfers.last_mut() {
            last.known = known;
        }
        self.state = state;
        rejections
    }

    /// An offer was not taken: what that changes.
    fn not_taken(&mut self, step: HandoffStep) -> Then {
        if step == HandoffStep::OfferedAgain {
            return Then::OfferedAgain;
        }
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
        Then::GivenUp(alternative)
    }

    /// Tells a person's answer, and does what it calls for.
    pub(super) async fn handoff_answered(&mut self, answered: Answered) {
        match answered {
            Answered::Accepted { by } => self.tell_status(HandoffStatus::Accepted { by }).await,
            Answered::Declined {
                offer,
                by,
                reason,
                then,
            } => {
                self.tell_status_of(offer, HandoffStatus::Declined { by, reason })
                    .await;
                self.tell_next(then).await;
            }
            Answered::Returned {
                by,
                back,
                rejections,
            } => {
                self.reject(rejections).await;
                self.lead_again(by, back).await;
            }
        }
    }

    async fn tell_next(&mut self, then: Then) {
        let words = self.assistant.inner.handoffs.words.clone();
        match then {
            Then::OfferedAgain => {
                self.say_once(&words.next).await;
                self.tell_handoff().await;
            }
            Then::GivenUp(alternative) => {
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

    /// The virtual agent goes on where the person left off.
    async fn lead_again(&mut self, by: String, back: HandoffReturn) {
        let last = self.conversation.transcript.utterances().last();
        let asks_yet = last.filter(|said| said.role == Role::EndUser);
        let asks_yet = asks_yet.map(|said| said.id);
        self.tell_status(HandoffStatus::Returned { by, back }).await;
        let words = self.assistant.inner.handoffs.words.returned.clone();
        self.say_once(&words).await;
        // What was said to the person was the person's to answer.
        self.wanted.was_answered();
        if let Some(id) = asks_yet {
            self.wanted.respond(id);
            return;
        }
        let (state, mut effects, _) = self.decided(|state, moment| apply(state, &[], moment));
        if effects.is_empty() {
            effects.push(Effect::AskMore);
        }
        self.carry_on(state, effects).await;
    }

    /// Until the time of the last offer is over; for ever where it has no end, or none waits.
    pub(super) fn due(&self) -> impl Future<Output = ()> + Send + use<> {
        let end = self.offered_until();
        let left = end.map(|end| {
            let left = end.duration_since(self.clock.now());
            Duration::try_from(left).unwrap_or_default()
        });
        async move {
            match left {
                Some(left) => tokio::time::sleep(left).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Whether an offer waits for an answer whose time runs.
    pub(super) fn is_offered(&self) -> bool {
        self.offered_until().is_some()
    }

    /// Nobody waits any more once the conversation is over.
    fn offered_until(&self) -> Option<jiff::Timestamp> {
        let last = self.state.transfers.last().filter(|_| !self.ended);
        last.and_then(Transfer::expires_at)
    }

    /// Nobody answered in time.
    pub(super) async fn time_out(&mut self) {
        let now = self.clock.now();
        let policy = &self.assistant.inner.handoffs;
        let Some(transfer) = self.state.transfers.last_mut() else {
            return;
        };
        let (offer, last) = (transfer.offer_id(), transfer.last().cloned());
        let Some(step) = transfer.time_out(policy, now) else {
            return;
        };
        let queue = last.map(|last| last.queue).unwrap_or_default();
        let then = self.not_taken(step);
        self.tell_status_of(offer, HandoffStatus::TimedOut { queue })
            .await;
        self.tell_next(then).await;
        self.save().await;
    }

    /// The host tells what a person did: what of it does not fit.
    pub(super) fn steps_done(&mut self, steps: &[String]) -> Vec<Rejection> {
        let (state, rejections) = self.decided(|state, moment| followed(state, &[], steps, moment));
        self.state = state;
        self.journal.state(&self.state);
        rejections
    }

    pub(super) async fn reject(&mut self, rejections: Vec<Rejection>) {
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
            let words = self.assistant.inner.handoffs.words.waiting.clone();
            self.say_once(&words).await;
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

fn refused(reason: String) -> Error {
    Error::new(ErrorKind::InvalidInput, reason)
}
