//! A resolution strategy as data: the template that is written, and the instance that is run.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::expression::Facts;
use super::load::{some_span, span};
use crate::conversation::Approver;

/// How a need is resolved for good, before it is known for whom: one file.
///
/// Conditions are jinja expressions over facts (`charge.amount > 20 and not charge.disputed`); `steps["id"]` is the status
/// of a step. A condition on facts that are not known is neither true nor false, and its step waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyTemplate {
    /// Machine name.
    pub id: String,
    /// Raised whenever it changes; a running strategy keeps the one it began with.
    #[serde(default = "first_version")]
    pub version: u32,
    /// Name for people.
    pub title: String,
    /// What is true when the need is resolved.
    pub goal: String,
    /// The needs it resolves: ids of playbooks or intents.
    pub needs: Vec<String>,
    /// Entry condition.
    #[serde(default)]
    pub when: Option<String>,
    /// What may go wrong.
    #[serde(default)]
    pub risks: Vec<Risk>,
    /// What may be asked of the customer, where no step and no profile tells.
    #[serde(default)]
    pub questions: Vec<StrategyQuestion>,
    /// The steps; each comes after the ones it names.
    pub steps: Vec<StrategyStep>,
    /// The test that the need is resolved.
    pub completion: String,
    /// What happens where the test does not hold when all steps are done.
    #[serde(default)]
    pub follow_up: Option<FollowUp>,
    /// When the need turns out to be another one.
    #[serde(default)]
    pub becomes: Vec<Becomes>,
}

fn first_version() -> u32 {
    1
}

/// What may go wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Risk {
    /// In one sentence.
    pub text: String,
    /// Only then.
    #[serde(default)]
    pub when: Option<String>,
}

/// A question whose answer becomes a fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyQuestion {
    /// The fact, a plain name.
    pub fact: String,
    /// How to ask.
    pub ask: String,
    /// How long the answer may take.
    #[serde(default = "two_days", with = "span")]
    pub within: SignedDuration,
}

fn two_days() -> SignedDuration {
    SignedDuration::from_hours(48)
}

/// Who does a step.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum StepOwner {
    /// A backend action, done by the runner.
    Tool,
    /// The virtual agent: it says or asks something.
    VirtualAgent,
    /// A person of the organisation.
    Human,
    /// The customer; asked for as little as possible.
    Customer,
}

/// One step: a tool that is called, somebody's work, or a wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyStep {
    /// Machine name, unique in the template.
    pub id: String,
    /// What is done, in plain words.
    pub label: String,
    /// Who does it.
    pub owner: StepOwner,
    /// Steps that have to be settled before: done, or not needed.
    #[serde(default)]
    pub after: Vec<String>,
    /// Condition; a step whose condition is false is not needed.
    #[serde(default)]
    pub when: Option<String>,
    /// What the virtual agent says at a step of its own; expressions in double braces stand for facts. Without words the
    /// host does the step.
    #[serde(default)]
    pub say: Option<String>,
    /// The backend action, where the owner is [`StepOwner::Tool`].
    #[serde(default)]
    pub tool: Option<String>,
    /// Its arguments; texts may hold expressions in double braces.
    #[serde(default)]
    pub arguments: Map<String, Value>,
    /// The fact its result becomes. A step whose fact is known already is not needed.
    #[serde(default)]
    pub gives: Option<String>,
    /// What is waited for instead of anybody's work.
    #[serde(default)]
    pub wait: Option<Wait>,
    /// How long work, or an outside event, may take; afterwards the step has failed.
    #[serde(default, with = "some_span")]
    pub within: Option<SignedDuration>,
    /// Whose yes it needs, in this order.
    #[serde(default)]
    pub approvals: Vec<Approver>,
    /// How long a question for approval is open.
    #[serde(default = "two_days", with = "span")]
    pub approval_within: SignedDuration,
    /// What takes it back.
    #[serde(default)]
    pub undo: Option<Undo>,
    /// Whether the strategy goes on where it fails.
    #[serde(default)]
    pub optional: bool,
    /// Whether its tool only looks something up.
    #[serde(default)]
    pub read_only: bool,
    /// How often a tool that certainly did nothing is tried again.
    #[serde(default)]
    pub retries: u32,
    /// How long before that.
    #[serde(default = "an_hour", with = "span")]
    pub retry_after: SignedDuration,
}

fn an_hour() -> SignedDuration {
    SignedDuration::from_hours(1)
}

/// What a step waits for: a time, or an event outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// So long.
    #[serde(default, with = "some_span")]
    pub time: Option<SignedDuration>,
    /// Until this signal comes.
    #[serde(default)]
    pub signal: Option<String>,
    /// Which of them: a condition over the facts and the payload, which is called `signal`.
    #[serde(default)]
    pub matching: Option<String>,
}

/// What takes a step back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// The backend action.
    pub tool: String,
    /// Its arguments, like those of a step; `result` is what the step returned.
    #[serde(default)]
    pub arguments: Map<String, Value>,
    /// Taken back as soon as this holds; without it when a later step fails for good, or the need becomes another one.
    #[serde(default)]
    pub when: Option<String>,
}

/// Testing again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowUp {
    /// How long between two tests.
    #[serde(with = "span")]
    pub after: SignedDuration,
    /// How many; afterwards a person takes over.
    pub times: u32,
    /// A backend action that looks how things are.
    #[serde(default)]
    pub tool: Option<String>,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Map<String, Value>,
    /// The fact its result becomes.
    #[serde(default)]
    pub gives: Option<String>,
}

/// When the need turns out to be another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Becomes {
    /// The need that it really is.
    pub need: String,
    /// How that is seen.
    pub when: String,
    /// Why, in plain words.
    #[serde(default)]
    pub why: String,
}

/// The plan that fully resolves the need of one person: level 4.
///
/// All steps of the template are in it, in an order that respects what comes after what; which of them are needed follows
/// from the facts at any time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResolutionStrategy {
    /// Identity of this plan.
    pub id: String,
    /// The need.
    pub need: String,
    /// The template it was made from, with its version.
    pub template: StrategyTemplate,
    /// What is known at the start.
    pub facts: Facts,
    /// What was changed for this person, and why.
    pub adaptations: Vec<String>,
    /// Questions the customer may be asked at most; a person finds out the rest.
    pub most_questions: Option<usize>,
    /// When it was made.
    pub made_at: jiff::Timestamp,
}

impl ResolutionStrategy {
    /// The step with this id.
    pub fn step(&self, id: &str) -> Option<&StrategyStep> {
        self.template.steps.iter().find(|step| step.id == id)
    }
}

impl StrategyStep {
    /// Whether it changes something outside.
    pub fn changes(&self) -> bool {
        self.tool.is_some() && !self.read_only
    }
}
