//! Strategies: the plans that resolve a need for good, begun in a conversation and driven beyond it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::Assistant;
use super::carry::{Response, stream};
use crate::conversation::{ActionReceipt, Conversation, HandoffReason, TenantId};
use crate::dialogue::strategy::{
    RunningStrategy, Situation, StepOwner, StrategyEnding, StrategyEvent, StrategyInput,
};
use crate::dialogue::{Effect, Moment, Tools, strategy_told};
use crate::error::{Error, ErrorKind, Result};
use crate::store::StreamKey;

/// Names plans after what calls for them, so that one is begun once.
const PLANS: uuid::Uuid = uuid::Uuid::from_u128(0x6f1c_7ee0_3c5b_4f6e_9d6c_2f4d_5f1e_8a21);

/// How far a strategy came.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StrategyProgress {
    /// Id of the strategy.
    pub strategy: String,
    /// The conversation it serves.
    pub conversation: String,
    /// The need.
    pub need: String,
    /// What happened, in order.
    pub events: Vec<StrategyEvent>,
    /// When to drive it next though nothing happens; `None` where only an event helps.
    pub wakes_at: Option<Timestamp>,
    /// How it ended, where it has.
    pub ending: Option<StrategyEnding>,
}

/// What a strategy needs of the conversation after it was driven.
#[derive(Clone, Debug, Default)]
pub(crate) struct Driven {
    pub(crate) stream: String,
    pub(crate) progress: Option<StrategyProgress>,
    /// What is outstanding.
    pub(crate) pending: Vec<StrategyEvent>,
    /// Words of the virtual agent's own steps, with the step; it is done when they were said.
    pub(crate) words: Vec<(String, String)>,
    /// The question to the customer that is open: fact and words.
    pub(crate) question: Option<(String, String)>,
    /// Labels of what others are still to do, in plain words.
    waits_for: Vec<String>,
}

impl Driven {
    /// The receipts of what its tools did.
    pub(crate) fn receipts(&self) -> Vec<ActionReceipt> {
        let events = self.progress.iter().flat_map(|progress| &progress.events);
        let receipt = |event: &StrategyEvent| match event {
            StrategyEvent::StepDone { receipt, .. } => receipt.as_deref().cloned(),
            _ => None,
        };
        events.filter_map(receipt).collect()
    }

    /// The same for people: what tools call secret is masked.
    pub(crate) fn shown(&self, tools: &Tools) -> Vec<ActionReceipt> {
        let mut shown = self.receipts();
        for receipt in &mut shown {
            if let Some(tool) = tools.get(&receipt.tool) {
                receipt.arguments = tool.spec().mask(&receipt.arguments);
                receipt.result = tool.spec().mask(&receipt.result);
            }
        }
        shown
    }
}

impl Assistant {
    /// Tells a strategy what happened, and does what can be done by now. Hosts call it for strategies whose conversation
    /// is over; while it is live, [`SessionInput::Strategy`](crate::session::SessionInput::Strategy) does it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the tenant has no such strategy; [`ErrorKind::Conflict`] if another process drives it;
    /// else what the store reports.
    pub async fn advance_strategy(
        &self,
        tenant: &TenantId,
        strategy: &str,
        inputs: Vec<StrategyInput>,
        now: Timestamp,
    ) -> Result<StrategyProgress> {
        let streams = self.inner.strategies.streams(tenant).await?;
        let ends = format!("/{strategy}");
        let found = streams
            .into_iter()
            .find(|stream| stream.conversation.as_str().ends_with(&ends));
        let found = found.ok_or_else(|| {
            let why = format!("{tenant} has no strategy {strategy:?}");
            Error::new(ErrorKind::NotFound, why)
        })?;
        let mut running = self.inner.strategies.resume(found).await?;
        let events = running.advance(now, inputs).await?;
        Ok(progress(&running, events))
    }

    /// Drives every strategy of a tenant that is due: waits that are over, questions and approvals that nobody answered
    /// in time, follow-ups, and what a process that died left half done. For a host's timer; those that moved are told. One that another process drives is left to it.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn advance_due_strategies(
        &self,
        tenant: &TenantId,
        now: Timestamp,
    ) -> Result<Vec<StrategyProgress>> {
        let mut moved = Vec::new();
        for stream in self.inner.strategies.streams(tenant).await? {
            let mut running = self.inner.strategies.resume(stream).await?;
            if running.wakes_at().is_none_or(|at| at > now) && !running.is_left(now) {
                continue;
            }
            match running.advance(now, Vec::new()).await {
                Ok(events) => moved.push(progress(&running, events)),
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        Ok(moved)
    }

    /// A strategy of a live conversation is told something.
    pub(crate) async fn drive(
        &self,
        conversation: &Conversation,
        strategy_stream: &str,
        inputs: Vec<StrategyInput>,
    ) -> Result<Driven> {
        let key = StreamKey {
            tenant: conversation.tenant.clone(),
            conversation: strategy_stream.into(),
        };
        let running = self.inner.strategies.resume(key).await?;
        self.push_on(running, inputs).await
    }

    async fn push_on(
        &self,
        mut running: RunningStrategy,
        inputs: Vec<StrategyInput>,
    ) -> Result<Driven> {
        let events = running.advance(Timestamp::now(), inputs).await?;
        let mut driven = Driven {
            stream: running.stream().conversation.as_str().to_owned(),
            progress: Some(progress(&running, events)),
            ..Driven::default()
        };
        driven.pending = running.pending();
        for pending in running.pending() {
            match pending {
                StrategyEvent::WorkNeeded {
                    step,
                    owner: StepOwner::VirtualAgent,
                    label,
                    ..
                } => match running.words(&step) {
                    Some(words) => driven.words.push((step, words)),
                    None => driven.waits_for.push(label),
                },
                StrategyEvent::Question {
                    fact,
                    ask,
                    of: StepOwner::Customer,
                    ..
                } => driven.question = driven.question.or(Some((fact, ask))),
                StrategyEvent::WorkNeeded { label, .. }
                | StrategyEvent::ApprovalNeeded { label, .. }
                | StrategyEvent::Waiting { label, .. } => driven.waits_for.push(label),
                _ => {}
            }
        }
        Ok(driven)
    }

    /// Begins the strategy of a resolve step, or tells it what the customer answered; says what follows.
    pub(super) async fn resolve_step(
        &self,
        conversation: &Conversation,
        step: ResolveStep,
        response: &mut Response,
    ) -> Result<Vec<Effect>> {
        let ResolveStep {
            source,
            identity,
            need,
            facts,
        } = step;
        let driven = self
            .begin_or_tell(conversation, &identity, need, facts, response)
            .await?;
        response
            .receipts
            .extend(driven.shown(self.inner.actions.tools()));
        let Some(progress) = driven.progress.clone() else {
            return Ok(Vec::new());
        };
        if let Some(StrategyEnding::NeedsPerson { why }) = &progress.ending {
            response.reject(source, why.clone());
            self.give_over(conversation, response, HandoffReason::PolicyRequiresPerson)
                .await;
            response.strategies.push(driven);
            return Ok(Vec::new());
        }
        let profile = conversation.profile.clone().unwrap_or_default().attributes;
        let moment = Moment {
            playbooks: &self.inner.playbooks,
            profile: &profile,
            now: Timestamp::now(),
            utterance: None,
        };
        let playbook = source.split_once('/').map_or("", |(playbook, _)| playbook);
        let readable = |fact: &str| {
            let mut playbooks = self.inner.playbooks.iter();
            playbooks.any(|p| p.id == playbook && p.slot(fact).is_some())
        };
        // What the procedure has no slot for cannot be read from the customer's words: a person asks.
        let question = driven
            .question
            .as_ref()
            .filter(|(fact, _)| readable(fact))
            .map(|(fact, ask)| (fact.as_str(), ask.as_str()));
        let result = json!({
            "resolved": progress.ending == Some(StrategyEnding::Resolved),
            "waits_for": driven.waits_for,
            "need": progress.need,
        });
        let state = std::mem::take(&mut response.state);
        let (state, effects) = strategy_told(state, &source, question, result, &moment);
        response.state = state;
        response.strategies.push(driven);
        Ok(effects)
    }

    async fn begin_or_tell(
        &self,
        conversation: &Conversation,
        identity: &str,
        need: String,
        facts: Value,
        response: &mut Response,
    ) -> Result<Driven> {
        let runner = &self.inner.strategies;
        let key = stream(conversation);
        let name = format!("{}/{}/{identity}", key.tenant, key.conversation);
        let id = uuid::Uuid::new_v5(&PLANS, name.as_bytes()).to_string();
        let facts = facts.as_object().cloned().unwrap_or_default();
        let known = response.state.strategies.get(&id).cloned();
        let (running, inputs) = match known {
            Some(stream) => {
                let key = StreamKey {
                    tenant: key.tenant,
                    conversation: stream.as_str().into(),
                };
                let running = runner.resume(key).await?;
                let before = &running.state().facts;
                let mut news = facts;
                news.retain(|name, value| before.get(name) != Some(value));
                let told = (!news.is_empty()).then_some(StrategyInput::Facts { facts: news });
                (running, told.into_iter().collect())
            }
            None => {
                let situation = self.situation(conversation, need, facts, response);
                let mut plan = self.inner.strategist.plan(&situation, Timestamp::now())?;
                plan.id.clone_from(&id);
                let begun = runner.begin(key.clone(), plan, Timestamp::now()).await;
                let running = match begun {
                    // A process that died had begun it.
                    Err(error) if error.kind() == ErrorKind::Conflict => {
                        let stream = runner.stream(&key, &id);
                        runner.resume(stream).await?
                    }
                    other => other?,
                };
                let stream = running.stream().conversation.as_str().to_owned();
                response.state.strategies.insert(id, stream);
                (running, Vec::new())
            }
        };
        self.push_on(running, inputs).await
    }

    fn situation(
        &self,
        conversation: &Conversation,
        need: String,
        facts: serde_json::Map<String, Value>,
        response: &Response,
    ) -> Situation {
        let mut profile = conversation.profile.clone().unwrap_or_default();
        for (name, value) in &facts {
            if let Value::String(text) = value {
                let known = profile.attributes.entry(name.clone());
                known.or_insert_with(|| text.clone());
            }
        }
        let person = &response.person;
        Situation {
            need,
            facts,
            profile: Some(profile),
            emotion: person.emotion.clone(),
            effort: person.effort.clone(),
            vulnerable: VULNERABLE
                .iter()
                .any(|sign| response.state.felt.contains(*sign)),
            ..Situation::default()
        }
    }
}

/// Signs that somebody is, or may be, vulnerable.
const VULNERABLE: [&str; 2] = ["vulnerability", "crisis"];

/// A resolve step of a playbook.
pub(super) struct ResolveStep {
    pub(super) source: String,
    pub(super) identity: String,
    pub(super) need: String,
    pub(super) facts: Value,
}

fn progress(running: &RunningStrategy, events: Vec<StrategyEvent>) -> StrategyProgress {
    let state = running.state();
    StrategyProgress {
        strategy: state.strategy.id.clone(),
        conversation: running.conversation().conversation.as_str().to_owned(),
        need: state.strategy.need.clone(),
        events,
        wakes_at: running.wakes_at(),
        ending: state.ending.clone(),
    }
}
