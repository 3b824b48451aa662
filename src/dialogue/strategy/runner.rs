//! The shell around the decisions: it writes down, calls, and writes down again.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::decide::{Task, decide};
use super::entry::{Entry, Outcome};
use super::event::{StrategyEvent, StrategyInput};
use super::expression::fill;
use super::state::{StepStatus, StrategyEnding, StrategyState};
use super::strategist::Strategist;
use super::tell;
use super::template::{ResolutionStrategy, StrategyStep};
use crate::conversation::{ActionReceipt, ActionStatus, TenantId};
use crate::dialogue::tool::{Action, ActionLedger};
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::store::{ConversationStore, Record, StreamKey, Version};

/// Streams of strategies begin like this; no conversation that a host names does.
pub(crate) const STREAM: &str = "~strategy/";
const KIND: &str = "strategy";
/// No tool takes so long: where something was to be done all this time, whoever drove the strategy is gone.
const LEFT: SignedDuration = SignedDuration::from_mins(15);
/// Things done in one call; more is a plan that goes round in circles.
const MOST_TASKS: usize = 1000;

/// Begins strategies and takes them up again.
///
/// A strategy has a stream of its own in the store; the receipts of its actions are in the stream of the conversation it
/// serves, where a reply finds the proof for what it says. One process drives a strategy at a time: of two, one gets
/// [`ErrorKind::Conflict`].
#[derive(Clone, Debug)]
pub struct StrategyRunner {
    pub(super) strategist: Arc<Strategist>,
    ledger: ActionLedger,
    store: Arc<dyn ConversationStore>,
}

/// A strategy under way.
#[derive(Debug)]
pub struct RunningStrategy {
    pub(super) runner: StrategyRunner,
    /// Its own stream.
    stream: StreamKey,
    /// The conversation's.
    conversation: StreamKey,
    version: Version,
    /// When something was written down last.
    last_at: Timestamp,
    pub(super) state: StrategyState,
}

impl StrategyRunner {
    /// Over these templates (for needs that turn out to be others), this ledger and this store.
    pub fn new(
        strategist: Arc<Strategist>,
        ledger: ActionLedger,
        store: Arc<dyn ConversationStore>,
    ) -> Self {
        Self {
            strategist,
            ledger,
            store,
        }
    }

    /// Writes a plan down. Nothing is done yet; [`RunningStrategy::advance`] does.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if this plan was begun already, and what the store reports.
    pub async fn begin(
        &self,
        conversation: StreamKey,
        strategy: ResolutionStrategy,
        now: Timestamp,
    ) -> Result<RunningStrategy> {
        let stream = self.stream(&conversation, &strategy.id);
        let began = Entry::Began {
            strategy: Box::new(strategy.clone()),
            tenant: conversation.tenant.as_str().to_owned(),
            conversation: conversation.conversation.as_str().to_owned(),
        };
        let mut running = RunningStrategy {
            runner: self.clone(),
            stream,
            conversation,
            version: 0,
            last_at: now,
            state: StrategyState::new(strategy),
        };
        running.write(&[began], now, &mut Vec::new()).await?;
        Ok(running)
    }

    /// Takes up a strategy where its records end, in whatever process it was begun.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is none in this stream, and what the store reports.
    pub async fn resume(&self, stream: StreamKey) -> Result<RunningStrategy> {
        let records = self.store.load(&stream, 0).await?;
        let mut entries = Vec::new();
        for record in records.iter().filter(|record| record.kind == KIND) {
            let entry = Entry::deserialize(&record.payload).or_error(ErrorKind::Storage, || {
                format!("a record of {} has an unknown form", stream.conversation)
            })?;
            entries.push((entry, record.at));
        }
        let Some((
            Entry::Began {
                strategy,
                tenant,
                conversation,
            },
            _,
        )) = entries.first()
        else {
            let why = format!("there is no strategy in the stream {}", stream.conversation);
            return Err(Error::new(ErrorKind::NotFound, why));
        };
        let conversation = StreamKey {
            tenant: tenant.as_str().into(),
            conversation: conversation.as_str().into(),
        };
        let mut state = StrategyState::new((**strategy).clone());
        for (entry, at) in &entries {
            state.apply(entry, *at);
        }
        Ok(RunningStrategy {
            runner: self.clone(),
            stream,
            conversation,
            version: records.len() as Version,
            last_at: entries.last().map_or(Timestamp::MIN, |(_, at)| *at),
            state,
        })
    }

    /// The stream of the plan with this id that serves a conversation.
    pub fn stream(&self, conversation: &StreamKey, id: &str) -> StreamKey {
        StreamKey {
            tenant: conversation.tenant.clone(),
            conversation: format!("{STREAM}{}/{id}", conversation.conversation).into(),
        }
    }

    /// The streams of a tenant's strategies, oldest first, those that have ended too.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn streams(&self, tenant: &TenantId) -> Result<Vec<StreamKey>> {
        let all = self.store.list(tenant).await?;
        let ours = all.into_iter().filter(|id| id.as_str().starts_with(STREAM));
        let key = |conversation| StreamKey {
            tenant: tenant.clone(),
            conversation,
        };
        Ok(ours.map(key).collect())
    }
}

impl RunningStrategy {
    /// Its own stream, by which it is taken up again.
    pub fn stream(&self) -> &StreamKey {
        &self.stream
    }

    /// The stream of the conversation it serves.
    pub fn conversation(&self) -> &StreamKey {
        &self.conversation
    }

    /// Where it stands.
    pub fn state(&self) -> &StrategyState {
        &self.state
    }

    /// When to call [`advance`](Self::advance) next though nothing happens; `None` where only an event helps.
    pub fn wakes_at(&self) -> Option<Timestamp> {
        self.state.wakes_at()
    }

    /// Whether something is to be done though nothing happens, and was long ago: the process that drove it has died.
    pub(crate) fn is_left(&self, now: Timestamp) -> bool {
        let is_long_ago = now.duration_since(self.last_at) >= LEFT;
        is_long_ago && decide(&self.state, now).is_some()
    }

    /// What the virtual agent says at a step of its own; `None` where it has no words, or a fact in them is missing.
    pub fn words(&self, step: &str) -> Option<String> {
        let say = self.state.strategy.step(step)?.say.clone()?;
        match fill(&Value::String(say), &self.state.facts).ok()? {
            Value::String(words) => Some(words),
            other => Some(other.to_string()),
        }
    }

    /// What people and the customer have been asked for and have not done yet, or how it ended: for a host that was not
    /// there when it was told.
    pub fn pending(&self) -> Vec<StrategyEvent> {
        tell::pending(&self.state, self.runner.ledger.tools())
    }

    /// Takes in what happened and does everything that can be done by now. This alone drives a strategy; what is here
    /// acknowledged outlives a crash.
    ///
    /// # Errors
    /// What the store reports; [`ErrorKind::Conflict`] if another process drives it. Nothing is lost: take it up again
    /// with [`StrategyRunner::resume`], and pass again what was not acknowledged.
    pub async fn advance(
        &mut self,
        now: Timestamp,
        inputs: Vec<StrategyInput>,
    ) -> Result<Vec<StrategyEvent>> {
        let mut told = Vec::new();
        let received: Vec<Entry> = inputs
            .into_iter()
            .map(|input| Entry::Received { input })
            .collect();
        self.write(&received, now, &mut told).await?;
        for _ in 0..MOST_TASKS {
            let Some(task) = decide(&self.state, now) else {
                return Ok(told);
            };
            self.execute(task, now, &mut told).await?;
        }
        let why = "the plan goes round in circles".to_owned();
        let ending = StrategyEnding::NeedsPerson { why };
        self.write(&[Entry::Closed { ending }], now, &mut told)
            .await?;
        Ok(told)
    }

    async fn execute(
        &mut self,
        task: Task,
        now: Timestamp,
        told: &mut Vec<StrategyEvent>,
    ) -> Result<()> {
        let entry = match task {
            Task::Call { step, arguments } => return self.call(&step, arguments, now, told).await,
            Task::Undo {
                step,
                arguments,
                why,
            } => {
                return self.undo(&step, arguments, why, now, told).await;
            }
            Task::FollowUp { number, arguments } => self.follow_up(number, arguments, now).await?,
            Task::Replan { need, why } => self.replan(&need, why, now),
            Task::Start {
                step,
                arguments,
                until,
            } => Entry::Started {
                step,
                arguments,
                until,
            },
            Task::AskApproval {
                step,
                arguments,
                until,
            } => Entry::ApprovalAsked {
                step,
                arguments,
                until,
            },
            Task::End { step, outcome } => Entry::Ended { step, outcome },
            Task::Ask { fact, of, until } => Entry::Asked { fact, of, until },
            Task::CannotUndo { step, why } => Entry::UndoEnded {
                step,
                worked: false,
                why,
            },
            Task::Fail { why } => Entry::Failing { why },
            Task::SetFollowUp { at } => Entry::FollowUpSet { at },
            Task::Close { ending } => Entry::Closed { ending },
        };
        self.write(&[entry], now, told).await
    }

    async fn call(
        &mut self,
        id: &str,
        arguments: Value,
        now: Timestamp,
        told: &mut Vec<StrategyEvent>,
    ) -> Result<()> {
        let Some(step) = self.state.strategy.step(id).cloned() else {
            return Ok(());
        };
        if self.state.status(id) != StepStatus::Started {
            let step = id.to_owned();
            let started = Entry::Started {
                step,
                arguments: arguments.clone(),
                until: None,
            };
            self.write(&[started], now, told).await?;
        }
        let (round, approvals) = self.state.steps.get(id).map_or((0, Vec::new()), |state| {
            (state.round, state.approvals.clone())
        });
        let action = Action {
            source: format!("strategy/{}/{id}#{}", self.state.strategy.id, round + 1),
            tool: step.tool.clone().unwrap_or_default(),
            arguments,
            approvals,
        };
        let receipt = self
            .runner
            .ledger
            .perform(&self.conversation, action)
            .await?;
        let outcome = self.outcome(&step, receipt, now);
        let ended = Entry::Ended {
            step: id.to_owned(),
            outcome,
        };
        self.write(&[ended], now, told).await
    }

    fn outcome(&self, step: &StrategyStep, receipt: ActionReceipt, now: Timestamp) -> Outcome {
        let why = || error_of(&receipt.result);
        match receipt.status {
            // A trial goes on, with a receipt that says that nothing was done.
            ActionStatus::Succeeded | ActionStatus::DryRun => Outcome::Done {
                result: receipt.result.clone(),
                receipt: Some(Box::new(receipt)),
            },
            ActionStatus::Unknown => Outcome::Unknown { why: why() },
            ActionStatus::Failed => {
                let failures = self
                    .state
                    .steps
                    .get(&step.id)
                    .map_or(0, |state| state.failures);
                let again = failures < step.retries;
                Outcome::Failed {
                    why: why(),
                    again_at: again.then(|| later(now, step.retry_after)),
                }
            }
        }
    }

    async fn undo(
        &mut self,
        id: &str,
        arguments: Value,
        why: String,
        now: Timestamp,
        told: &mut Vec<StrategyEvent>,
    ) -> Result<()> {
        let undo = self
            .state
            .strategy
            .step(id)
            .and_then(|step| step.undo.clone());
        let Some(undo) = undo else {
            return Ok(());
        };
        if self.state.status(id) != StepStatus::Undoing {
            let step = id.to_owned();
            let started = Entry::UndoStarted {
                step,
                arguments: arguments.clone(),
                why: why.clone(),
            };
            self.write(&[started], now, told).await?;
        }
        let round = self.state.steps.get(id).map_or(0, |state| state.round);
        let action = Action {
            source: format!(
                "strategy/{}/{id}/undo#{}",
                self.state.strategy.id,
                round + 1
            ),
            tool: undo.tool,
            arguments,
            approvals: Vec::new(),
        };
        let receipt = self
            .runner
            .ledger
            .perform(&self.conversation, action)
            .await?;
        let worked = receipt.status == ActionStatus::Succeeded;
        let why = if worked {
            why
        } else {
            error_of(&receipt.result)
        };
        let ended = Entry::UndoEnded {
            step: id.to_owned(),
            worked,
            why,
        };
        self.write(&[ended], now, told).await
    }

    async fn follow_up(&self, number: u32, arguments: Value, now: Timestamp) -> Result<Entry> {
        let follow_up = self.state.strategy.template.follow_up.clone();
        let mut entry = Entry::FollowedUp {
            number,
            fact: None,
            result: Value::Null,
            next: None,
        };
        let Some(follow_up) = follow_up else {
            return Ok(entry);
        };
        let mut known = None;
        if let Some(tool) = follow_up.tool {
            let action = Action {
                source: format!(
                    "strategy/{}/follow-up#{number}@{}",
                    self.state.strategy.id, self.version
                ),
                tool,
                arguments,
                approvals: Vec::new(),
            };
            let receipt = self
                .runner
                .ledger
                .perform(&self.conversation, action)
                .await?;
            let seen = receipt.status == ActionStatus::Succeeded;
            known = follow_up
                .gives
                .filter(|_| seen)
                .map(|fact| (fact, receipt.result));
        }
        if let Entry::FollowedUp {
            fact, result, next, ..
        } = &mut entry
        {
            if let Some((name, value)) = known {
                *fact = Some(name);
                *result = value;
            }
            *next = (number < follow_up.times).then(|| later(now, follow_up.after));
        }
        Ok(entry)
    }

    /// Appends, and only then believes it.
    async fn write(
        &mut self,
        entries: &[Entry],
        now: Timestamp,
        told: &mut Vec<StrategyEvent>,
    ) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut records = Vec::new();
        for entry in entries {
            let payload = serde_json::to_value(entry).or_error(
                ErrorKind::Internal,
                || "a record of a strategy cannot be serialised",
            )?;
            let mut record = Record::new(KIND, payload);
            record.at = now;
            records.push(record);
        }
        let store = &self.runner.store;
        self.version = store.append(&self.stream, self.version, &records).await?;
        self.last_at = now;
        for entry in entries {
            let counts = self.state.apply(entry, now);
            let tools = self.runner.ledger.tools();
            told.extend(tell::event(entry, counts, &self.state, tools));
        }
        Ok(())
    }
}

fn error_of(result: &Value) -> String {
    let told = result.get("error").unwrap_or(&json!("it failed")).clone();
    told.as_str()
        .map_or_else(|| told.to_string(), str::to_owned)
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}
