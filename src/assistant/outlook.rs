//! Needs foreseen, contacts opened, and actions ordered by what worked.

use jiff::Timestamp;

use super::Assistant;
use crate::conversation::{Channel, Conversation, Participant, Role, TenantId};
use crate::dialogue::journey::{Contactable, OutboundDecision, PredictedNeed};
use crate::dialogue::learning::ActionLearner;
use crate::dialogue::{Command, DialogueState, ForeseenNeed, Moment, apply};
use crate::error::Result;
use crate::session::Session;

/// What the virtual agent says first, and the need it is about ([`Assistant::opening`]).
#[derive(Clone, Debug)]
pub struct Opening {
    pub(crate) words: String,
    pub(crate) need: ForeseenNeed,
}

/// What came of opening a contact.
#[derive(Debug)]
pub enum Contact {
    /// The virtual agent has spoken; go on with the session.
    Opened(Session),
    /// The customer may not be contacted, now or at all.
    NotNow(OutboundDecision),
}

/// What the customer answered to "Are you calling about …?".
pub(super) struct AnsweredForeseen {
    pub(super) commands: Option<Vec<Command>>,
    /// Whether it was right; `None` where only what they need will tell.
    pub(super) right: Option<bool>,
}

impl Opening {
    /// The conversation, with the virtual agent that is to speak in it.
    pub(crate) fn joined(&self, mut conversation: Conversation) -> Conversation {
        let role = Role::AutomatedAgent;
        if conversation.participants.iter().all(|p| p.role != role) {
            conversation.join(Participant::new(role.as_str(), role));
        }
        conversation
    }
}

impl Assistant {
    /// What the customer of a conversation probably needs, from what happened outside of it; the likeliest first.
    ///
    /// # Errors
    /// What the store reports, where what was learned of the tenant had to be read.
    pub async fn predicted_needs(&self, conversation: &Conversation) -> Result<Vec<PredictedNeed>> {
        if conversation.journey.is_empty() || self.inner.predictor.rules().is_empty() {
            return Ok(Vec::new());
        }
        self.recall(&conversation.tenant).await?;
        let counted = self.inner.need_outcomes.lock();
        let outcomes = counted.get(&conversation.tenant).cloned();
        drop(counted);
        let predictor = self.inner.predictor.clone();
        let predictor = predictor.with_outcomes(outcomes.unwrap_or_default());
        Ok(predictor.predict(&conversation.journey, Timestamp::now()))
    }

    /// Opens a contact about a need that was foreseen, where consent, quiet hours and the number of contacts allow it: the
    /// virtual agent says who speaks, what it is about, and asks whether it shall help.
    ///
    /// Must be called within a tokio runtime.
    pub fn contact(
        &self,
        conversation: Conversation,
        need: &PredictedNeed,
        customer: &Contactable,
        now: Timestamp,
    ) -> Contact {
        match self.opening(conversation.channel, need, customer, now) {
            Ok(opening) => {
                let conversation = opening.joined(conversation);
                Contact::Opened(Session::open(self.clone(), conversation, opening))
            }
            Err(decision) => Contact::NotNow(decision),
        }
    }

    /// What the virtual agent says first in a contact about a need that was foreseen, for
    /// [`SessionHub::open_with`](crate::session::SessionHub::open_with).
    ///
    /// # Errors
    /// The decision, where consent, quiet hours or the number of contacts do not allow it.
    pub fn opening(
        &self,
        channel: Channel,
        need: &PredictedNeed,
        customer: &Contactable,
        now: Timestamp,
    ) -> std::result::Result<Opening, OutboundDecision> {
        let decision = match need.outbound {
            true => self.may_contact(customer, channel, &need.purpose, now),
            false => OutboundDecision::No(crate::dialogue::journey::OutboundRefusal::NotMeant),
        };
        if decision != OutboundDecision::Allowed {
            return Err(decision);
        }
        let phrases = &self.inner.phrases;
        let hello = phrases
            .outbound
            .replace("{organisation}", &self.inner.organisation);
        let words = format!("{hello} {} {}", need.opening, phrases.outbound_question);
        let need = ForeseenNeed {
            rule: need.rule.clone(),
            playbook: need.playbook.clone(),
        };
        Ok(Opening { words, need })
    }

    /// Whether a customer may be contacted.
    pub fn may_contact(
        &self,
        customer: &Contactable,
        channel: Channel,
        purpose: &str,
        now: Timestamp,
    ) -> OutboundDecision {
        let policy = &self.inner.predictor.outbound;
        policy.decide(customer, channel, purpose, now)
    }

    /// What is learned from the outcomes of actions: for surveys and repeat contacts that the host hears of later, for a
    /// reset, and for an export.
    pub fn learner(&self) -> &ActionLearner {
        &self.inner.learner
    }

    /// A conversation in numbers, as outcomes of actions are learned in.
    pub fn action_context(&self, conversation: &Conversation) -> Vec<f32> {
        let truth = |yes: bool| if yes { 1.0 } else { 0.0 };
        let said = conversation.transcript.utterances();
        let customer = said.iter().filter(|said| said.role == Role::EndUser);
        let last = said.last().map_or(0, |said| said.end_ms);
        vec![
            truth(matches!(
                conversation.channel,
                Channel::Voice | Channel::Video
            )),
            truth(conversation.channel == Channel::Email),
            customer.count() as f32 / 20.0,
            last as f32 / 1_800_000.0,
            truth(crate::assist::asks_something(conversation)),
            truth(
                conversation
                    .profile
                    .as_ref()
                    .is_some_and(|p| !p.history.is_empty()),
            ),
            truth(!conversation.journey.is_empty()),
        ]
    }

    /// What the customer's answer to the question after a foreseen need calls for.
    pub(super) async fn answered_foreseen(
        &self,
        conversation: &Conversation,
        state: &DialogueState,
        foreseen: &ForeseenNeed,
        moment: &Moment<'_>,
    ) -> Result<AnsweredForeseen> {
        let said = conversation.transcript.last_of(Role::EndUser);
        let yes = said.and_then(|said| self.inner.reader.yes_or_no(&said.text));
        if yes != Some(true) {
            let bare = said.is_some_and(|said| said.text.split_whitespace().count() <= BARE_NO);
            return Ok(AnsweredForeseen {
                commands: (yes == Some(false) && bare).then(|| vec![Command::Clarify]),
                right: yes.filter(|_| bare),
            });
        }
        let start = Command::StartPlaybook {
            playbook: foreseen.playbook.clone(),
            later: false,
        };
        // What else they said is read with the procedure begun.
        let (begun, _, _) = apply(state.clone(), std::slice::from_ref(&start), moment);
        let reading = self.inner.reader.read(conversation, &begun).await?;
        let values = reading.commands.into_iter();
        let values = values.filter(|command| matches!(command, Command::SetSlot { .. }));
        Ok(AnsweredForeseen {
            commands: Some(std::iter::once(start).chain(values).collect()),
            right: Some(true),
        })
    }

    /// Somebody for whom a rule had foreseen a need told what they need. It is kept, and moves the rule's confidence.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn need_outcome(&self, tenant: &TenantId, rule: &str, right: bool) -> Result<()> {
        self.recall(tenant).await?;
        self.keep_need_outcome(tenant, rule, right).await
    }
}

/// A no of more words says what else they need.
const BARE_NO: usize = 4;
