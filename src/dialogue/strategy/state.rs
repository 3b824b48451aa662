//! Where a running strategy stands: a fold over its records, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::entry::{Entry, Outcome};
use super::event::{StrategyInput, StrategySignal};
use super::expression::{Facts, Truth, holds, is_known};
use super::template::{ResolutionStrategy, StepOwner, StrategyStep};
use crate::conversation::{ActionReceipt, ApprovalGrant, Approver};

/// How a strategy ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ending", rename_all = "snake_case")]
pub enum StrategyEnding {
    /// The completion test holds.
    Resolved,
    /// A person has to go on, and may hand it back.
    NeedsPerson {
        /// Why.
        why: String,
    },
    /// The need was no more.
    Cancelled {
        /// Why.
        why: String,
    },
}

/// Where one step stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepStatus {
    /// Not begun.
    #[default]
    Open,
    /// Somebody was asked for approval.
    Asked,
    /// The tool is called, somebody works on it, or it is waited.
    Started,
    /// It failed and will be tried again.
    Retrying,
    /// It is done.
    Done,
    /// It failed for good.
    Failed,
    /// Nobody knows whether it was done.
    Unknown,
    /// It is being taken back.
    Undoing,
    /// It was done and taken back.
    Undone,
    /// It was done, and could not be taken back.
    Stuck,
}

/// One step of a running strategy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepState {
    /// Where it stands.
    pub status: StepStatus,
    /// How many times it was taken back, or handed back to be done again: each is another action.
    pub round: u32,
    /// Failures in this round.
    pub failures: u32,
    /// With what it was asked for, or begun.
    pub arguments: Value,
    /// Who said yes.
    pub approvals: Vec<ApprovalGrant>,
    /// When this ends by itself: the wait, the time for the work, the question for approval, the time before a retry.
    pub until: Option<Timestamp>,
    /// What came of it, or why it failed.
    pub result: Value,
    /// Proof, where a tool did it.
    pub receipt: Option<Box<ActionReceipt>>,
}

/// A question that is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenQuestion {
    /// Who was asked.
    pub of: StepOwner,
    /// Until when.
    pub until: Timestamp,
}

/// Where a running strategy stands.
#[derive(Clone, Debug, PartialEq)]
pub struct StrategyState {
    /// The plan.
    pub strategy: ResolutionStrategy,
    /// What is known.
    pub facts: Facts,
    /// The steps that were touched.
    pub steps: BTreeMap<String, StepState>,
    /// Questions that were asked, by fact.
    pub questions: BTreeMap<String, OpenQuestion>,
    /// Why it is being taken back, where it is.
    pub failing: Option<String>,
    /// How it ended, where it has.
    pub ending: Option<StrategyEnding>,
    /// Tests of completion so far.
    pub follow_ups: u32,
    /// The next test.
    pub follow_up_at: Option<Timestamp>,
    /// The needs it was taken for, the first one first.
    pub needs: Vec<String>,
    pub(super) cancelled: bool,
    /// Signals nobody waited for yet.
    pub(super) signals: Vec<StrategySignal>,
    seen: BTreeSet<String>,
    /// Steps in the order they were done.
    pub(super) order: Vec<String>,
}

impl StrategyState {
    /// At the beginning.
    pub fn new(strategy: ResolutionStrategy) -> Self {
        Self {
            facts: strategy.facts.clone(),
            needs: vec![strategy.need.clone()],
            strategy,
            steps: BTreeMap::new(),
            questions: BTreeMap::new(),
            failing: None,
            ending: None,
            follow_ups: 0,
            follow_up_at: None,
            cancelled: false,
            signals: Vec::new(),
            seen: BTreeSet::new(),
            order: Vec::new(),
        }
    }

    /// Where a step stands.
    pub fn status(&self, step: &str) -> StepStatus {
        self.steps
            .get(step)
            .map(|step| step.status)
            .unwrap_or_default()
    }

    /// Whether a step is settled: done, failed though it was optional, or not needed.
    pub fn settled(&self, step: &StrategyStep) -> bool {
        match self.status(&step.id) {
            StepStatus::Done => true,
            StepStatus::Failed => step.optional,
            StepStatus::Open | StepStatus::Undone => self.not_needed(step).is_some(),
            _ => false,
        }
    }

    /// Why a step that was not begun is not needed, if it is not.
    pub fn not_needed(&self, step: &StrategyStep) -> Option<&'static str> {
        if step
            .gives
            .as_deref()
            .is_some_and(|fact| is_known(fact, &self.facts))
        {
            return Some("its outcome is known");
        }
        let context = self.context();
        let undo = step.undo.as_ref().and_then(|undo| undo.when.as_deref());
        if self.status(&step.id) == StepStatus::Undone
            && undo.is_some_and(|when| holds(Some(when), &context).is_yes())
        {
            return Some("it was taken back");
        }
        let condition = holds(step.when.as_deref(), &context);
        condition.is_no().then_some("its condition does not hold")
    }

    /// When the host should call again though nothing happens; `None` where only an event helps.
    pub fn wakes_at(&self) -> Option<Timestamp> {
        if self.ending.is_some() {
            return None;
        }
        let waits = |step: &StrategyStep| {
            use StepStatus::{Asked, Retrying, Started};
            let state = self.steps.get(&step.id)?;
            matches!(state.status, Asked | Retrying | Started).then_some(state.until)?
        };
        let steps = self.strategy.template.steps.iter().filter_map(waits);
        let open = self
            .questions
            .iter()
            .filter(|(fact, _)| !is_known(fact, &self.facts));
        let questions = open.map(|(_, question)| question.until);
        steps.chain(questions).chain(self.follow_up_at).min()
    }

    /// The completion test.
    pub(super) fn completion(&self) -> Truth {
        holds(Some(&self.strategy.template.completion), &self.context())
    }

    /// The facts, with the status of every step.
    pub(super) fn context(&self) -> Facts {
        let mut context = self.facts.clone();
        let status = |step: &StrategyStep| (step.id.clone(), json!(self.status(&step.id)));
        let steps: Map<String, Value> = self.strategy.template.steps.iter().map(status).collect();
        context.insert("steps".into(), Value::Object(steps));
        context
    }

    /// Whose yes a step still needs, in order.
    pub(super) fn approver(&self, step: &StrategyStep) -> Option<Approver> {
        let given = self
            .steps
            .get(&step.id)
            .map_or(0, |state| state.approvals.len());
        step.approvals.get(given).copied()
    }

    /// Takes in a record; whether it changed anything.
    pub(super) fn apply(&mut self, entry: &Entry, at: Timestamp) -> bool {
        match entry {
            Entry::Began { strategy, .. } => *self = Self::new((**strategy).clone()),
            Entry::Received { input } => return self.receive(input, at),
            Entry::ApprovalAsked {
                step,
                arguments,
                until,
            } => {
                let state = self.step(step);
                state.status = StepStatus::Asked;
                state.approvals.clear();
                state.arguments = arguments.clone();
                state.until = Some(*until);
            }
            Entry::Started {
                step,
                arguments,
                until,
            } => {
                let state = self.step(step);
                state.status = StepStatus::Started;
                state.arguments = arguments.clone();
                state.until = *until;
            }
            Entry::Ended { step, outcome } => self.end(step, outcome),
            Entry::Asked { fact, of, until } => {
                let question = OpenQuestion {
                    of: *of,
                    until: *until,
                };
                self.questions.insert(fact.clone(), question);
            }
            Entry::UndoStarted {
                step, arguments, ..
            } => {
                let state = self.step(step);
                state.status = StepStatus::Undoing;
                state.arguments = arguments.clone();
            }
            Entry::UndoEnded { step, worked, .. } => self.undone(step, *worked),
            Entry::Replanned { strategy, .. } => {
                self.needs.push(strategy.need.clone());
                self.strategy = (**strategy).clone();
                self.follow_up_at = None;
                self.follow_ups = 0;
            }
            Entry::Failing { why } => self.failing = Some(why.clone()),
            Entry::FollowUpSet { at } => self.follow_up_at = Some(*at),
            Entry::FollowedUp {
                number,
                fact,
                result,
                next,
            } => {
                self.follow_ups = *number;
                self.follow_up_at = *next;
                if let Some(fact) = fact {
                    self.facts.insert(fact.clone(), result.clone());
                }
            }
            Entry::Closed { ending } => self.ending = Some(ending.clone()),
        }
        true
    }

    fn step(&mut self, id: &str) -> &mut StepState {
        self.steps.entry(id.to_owned()).or_default()
    }

    fn end(&mut self, id: &str, outcome: &Outcome) {
        match outcome {
            Outcome::Done { result, receipt } => {
                let state = self.step(id);
                state.status = StepStatus::Done;
                state.until = None;
                state.result = result.clone();
                state.receipt = receipt.clone();
                self.order.retain(|earlier| earlier != id);
                self.order.push(id.to_owned());
                let step = self.strategy.step(id);
                let signal = step.and_then(|step| step.wait.as_ref()?.signal.clone());
                let gives = step.and_then(|step| step.gives.clone());
                if let Some(name) = signal {
                    // The one that was waited for is used up.
                    let used = |s: &StrategySignal| s.name == name && s.payload == *result;
                    if let Some(at) = self.signals.iter().position(used) {
                        self.signals.remove(at);
                    }
                }
                if let Some(fact) = gives {
                    self.facts.insert(fact, result.clone());
                }
            }
            Outcome::Failed { why, again_at } => {
                let state = self.step(id);
                state.failures += 1;
                state.until = *again_at;
                state.result = json!({ "error": why });
                state.status = match again_at {
                    Some(_) => StepStatus::Retrying,
                    None => StepStatus::Failed,
                };
            }
            Outcome::Unknown { why } => {
                let state = self.step(id);
                state.status = StepStatus::Unknown;
                state.until = None;
                state.result = json!({ "error": why });
            }
            Outcome::Dropped { .. } => {
                let state = self.step(id);
                *state = StepState {
                    round: state.round,
                    ..StepState::default()
                };
            }
        }
    }

    fn undone(&mut self, id: &str, worked: bool) {
        let state = self.step(id);
        state.status = if worked {
            StepStatus::Undone
        } else {
            StepStatus::Stuck
        };
        if !worked {
            return;
        }
        self.again(id);
        self.step(id).status = StepStatus::Undone;
        if let Some(fact) = self.strategy.step(id).and_then(|step| step.gives.clone()) {
            self.facts.remove(&fact);
        }
    }

    /// Whatever comes next of this step is another action.
    fn again(&mut self, id: &str) {
        let state = self.step(id);
        *state = StepState {
            round: state.round + 1,
            ..StepState::default()
        };
        self.order.retain(|earlier| earlier != id);
    }

    fn receive(&mut self, input: &StrategyInput, at: Timestamp) -> bool {
        match input {
            StrategyInput::Signal(signal) => {
                let fresh = signal.id.as_ref();
                let fresh = fresh.is_none_or(|id| self.seen.insert(id.clone()));
                if fresh {
                    self.signals.push(signal.clone());
                }
                fresh
            }
            StrategyInput::Facts { facts } => {
                self.facts.extend(facts.clone());
                true
            }
            StrategyInput::Approved { step, grant } => self.approve(step, grant, at),
            StrategyInput::Declined { step, by, why } => {
                let open = self.status(step) == StepStatus::Asked;
                open && self.finish(step, Err(format!("{by} said no: {why}")))
            }
            StrategyInput::Done { step, result } => {
                self.is_work(step) && self.finish(step, Ok(result.clone()))
            }
            StrategyInput::CouldNot { step, why } => {
                self.is_work(step) && self.finish(step, Err(why.clone()))
            }
            StrategyInput::HandedBack { done, again, .. } => {
                let held = matches!(self.ending, Some(StrategyEnding::NeedsPerson { .. }));
                if held {
                    self.hand_back(done, again, at);
                }
                held
            }
            StrategyInput::Cancelled { why } => {
                let open = self.ending.is_none();
                if open {
                    self.cancelled = true;
                    self.failing = Some(why.clone());
                }
                open
            }
        }
    }

    fn approve(&mut self, step: &str, grant: &ApprovalGrant, at: Timestamp) -> bool {
        let next = self
            .strategy
            .step(step)
            .and_then(|step| self.approver(step));
        let state = self.step(step);
        let in_time = state.until.is_none_or(|until| at < until);
        let counts = state.status == StepStatus::Asked && in_time && next == Some(grant.by);
        if counts {
            state.approvals.push(grant.clone());
        }
        counts
    }

    /// Somebody's word ends a step.
    fn finish(&mut self, step: &str, end: Result<Value, String>) -> bool {
        let outcome = match end {
            Ok(result) => Outcome::Done {
                result,
                receipt: None,
            },
            Err(why) => Outcome::Failed {
                why,
                again_at: None,
            },
        };
        self.end(step, &outcome);
        true
    }

    fn hand_back(&mut self, done: &BTreeMap<String, Value>, again: &[String], at: Timestamp) {
        self.ending = None;
        self.failing = None;
        self.follow_ups = 0;
        self.follow_up_at = None;
        for (step, result) in done {
            self.finish(step, Ok(result.clone()));
        }
        for step in again {
            self.again(step);
        }
        self.questions.retain(|_, question| question.until > at);
    }

    /// Whether somebody works on this step right now; nobody's word ends a tool or a wait.
    fn is_work(&self, id: &str) -> bool {
        let work = |step: &StrategyStep| step.tool.is_none() && step.wait.is_none();
        self.strategy.step(id).is_some_and(work) && self.status(id) == StepStatus::Started
    }
}
