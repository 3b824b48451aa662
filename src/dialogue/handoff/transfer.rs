//! One hand-off as a state machine: offered, then accepted, or declined or timed out and offered again, or given up; and
//! given back. Pure: time comes in from outside.

use serde::{Deserialize, Serialize};

use super::HandoffPolicy;
use crate::conversation::HandoffReason;

/// A hand-off of this conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Transfer {
    /// Identity within the conversation, the same for all its offers.
    pub id: String,
    /// Why.
    pub reason: HandoffReason,
    /// The playbook that it is about.
    pub need: Option<String>,
    /// Since when the customer waits for a person.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub asked_at: jiff::Timestamp,
    /// Where it stands.
    pub stage: HandoffStage,
    /// Every offer, oldest first; at least one.
    pub attempts: Vec<HandoffAttempt>,
    /// What was known when it was over ([`what_is_known`](super::what_is_known)).
    #[serde(default)]
    pub known: String,
}

/// Where a hand-off stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "stage", rename_all = "snake_case")]
#[non_exhaustive]
pub enum HandoffStage {
    /// The last offer waits for an answer.
    Offered,
    /// A person leads.
    Accepted {
        /// Who, by the host's id.
        by: String,
    },
    /// Nobody took it; the virtual agent goes on.
    GivenUp,
    /// A person gave it back; the virtual agent goes on.
    Returned {
        /// Who, by the host's id.
        by: String,
    },
}

/// One offer of a hand-off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct HandoffAttempt {
    /// To whom.
    pub queue: String,
    /// When.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub offered_at: jiff::Timestamp,
    /// From then on it counts as not taken.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub expires_at: Option<jiff::Timestamp>,
    /// What came of it.
    pub outcome: HandoffOutcome,
}

/// What came of an offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum HandoffOutcome {
    /// Nothing yet.
    Open,
    /// Somebody took over.
    Accepted {
        /// Who, by the host's id.
        by: String,
    },
    /// Somebody said no.
    Declined {
        /// Who, by the host's id.
        by: String,
        /// Why.
        reason: String,
    },
    /// Nobody answered in time.
    TimedOut,
}

/// What follows an offer that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandoffStep {
    /// It was offered to the next.
    OfferedAgain,
    /// There is nobody left to ask.
    GivenUp,
}

impl Transfer {
    /// The hand-off with this number (from 1) of a conversation, offered to the first queue that takes its reason.
    pub fn open(
        number: usize,
        reason: HandoffReason,
        need: Option<String>,
        policy: &HandoffPolicy,
        now: jiff::Timestamp,
    ) -> Self {
        let mut transfer = Self {
            id: format!("handoff-{number}"),
            reason,
            need,
            asked_at: now,
            stage: HandoffStage::Offered,
            attempts: Vec::new(),
            known: String::new(),
        };
        transfer.offer(policy, now);
        transfer
    }

    /// Which offer it is, from 1.
    pub fn attempt(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }

    /// Identity of the last offer.
    pub fn offer_id(&self) -> String {
        format!("{}.{}", self.id, self.attempts.len())
    }

    /// Whether `offer` is one of this hand-off's.
    pub fn owns(&self, offer: &str) -> bool {
        let number = offer
            .strip_prefix(self.id.as_str())
            .and_then(|rest| rest.strip_prefix('.'))
            .and_then(|number| number.parse::<usize>().ok());
        number.is_some_and(|number| (1..=self.attempts.len()).contains(&number))
    }

    /// The last offer.
    pub fn last(&self) -> Option<&HandoffAttempt> {
        self.attempts.last()
    }

    /// Whether the last offer waits for an answer.
    pub fn is_open(&self) -> bool {
        self.stage == HandoffStage::Offered
    }

    /// When the last offer counts as not taken, while it waits for an answer.
    pub fn expires_at(&self) -> Option<jiff::Timestamp> {
        self.last()
            .filter(|_| self.is_open())
            .and_then(|last| last.expires_at)
    }

    /// A person takes over.
    ///
    /// # Errors
    /// Says why not: somebody else has, or nobody waits any more.
    pub fn accept(&mut self, by: &str) -> Result<(), String> {
        match &self.stage {
            HandoffStage::Offered => {}
            HandoffStage::Accepted { by: other } if other == by => return Ok(()),
            HandoffStage::Accepted { by: other } => {
                return Err(format!("{} was taken by {other} already", self.id));
            }
            HandoffStage::GivenUp | HandoffStage::Returned { .. } => {
                return Err(format!(
                    "{} is over; the virtual agent leads again",
                    self.id
                ));
            }
        }
        let by = by.to_owned();
        self.end(HandoffOutcome::Accepted { by: by.clone() });
        self.stage = HandoffStage::Accepted { by };
        Ok(())
    }

    /// A person says no to an offer; it goes to the next, or is given up.
    ///
    /// # Errors
    /// Says why it does not count: the offer is not the last one, or waits for no answer any more.
    pub fn decline(
        &mut self,
        offer: &str,
        by: &str,
        reason: &str,
        policy: &HandoffPolicy,
        now: jiff::Timestamp,
    ) -> Result<HandoffStep, String> {
        if !self.is_open() || offer != self.offer_id() {
            return Err(format!("offer {offer} waits for no answer any more"));
        }
        self.end(HandoffOutcome::Declined {
            by: by.to_owned(),
            reason: reason.to_owned(),
        });
        Ok(self.go_on(policy, now))
    }

    /// The time of the last offer may be over; it goes to the next then, or is given up.
    pub fn time_out(
        &mut self,
        policy: &HandoffPolicy,
        now: jiff::Timestamp,
    ) -> Option<HandoffStep> {
        self.expires_at().filter(|end| *end <= now)?;
        self.end(HandoffOutcome::TimedOut);
        Some(self.go_on(policy, now))
    }

    /// The person who leads gives it back. `known` is what is known now.
    ///
    /// # Errors
    /// Says why not: nobody, or somebody else, leads.
    pub fn give_back(&mut self, by: &str, known: String) -> Result<(), String> {
        match &self.stage {
            HandoffStage::Accepted { by: leads } if leads == by => {}
            HandoffStage::Accepted { by: leads } => {
                return Err(format!("{leads} leads the conversation, not {by}"));
            }
            _ => return Err(format!("no person leads the conversation by {}", self.id)),
        }
        self.stage = HandoffStage::Returned { by: by.to_owned() };
        self.known = known;
        Ok(())
    }

    fn go_on(&mut self, policy: &HandoffPolicy, now: jiff::Timestamp) -> HandoffStep {
        if policy.goes_on(self.reason, self.attempt()) {
            self.offer(policy, now);
            return HandoffStep::OfferedAgain;
        }
        self.stage = HandoffStage::GivenUp;
        HandoffStep::GivenUp
    }

    fn offer(&mut self, policy: &HandoffPolicy, now: jiff::Timestamp) {
        let (queue, seconds) = policy.offer(self.reason, self.attempt().saturating_add(1));
        let seconds = seconds.and_then(|seconds| i64::try_from(seconds).ok());
        let expires_at = seconds.and_then(|seconds| {
            now.checked_add(jiff::SignedDuration::from_secs(seconds))
                .ok()
        });
        self.attempts.push(HandoffAttempt {
            queue,
            offered_at: now,
            expires_at,
            outcome: HandoffOutcome::Open,
        });
    }

    fn end(&mut self, outcome: HandoffOutcome) {
        if let Some(last) = self.attempts.last_mut() {
            last.outcome = outcome;
        }
    }
}
