//! What is done, what should be done next, and who takes over.

use serde::{Deserialize, Serialize};

use super::assist::Evidence;
use super::emotion::EffortSign;
use super::handoff::{EmotionBriefing, OpenApproval, Promise, TriedStep};
use super::summary::Summary;
use super::transcript::Channel;

/// A ranked action: the right resource at the lowest cost that still resolves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NextBestAction {
    /// Machine name, `playbook/step`.
    pub action: String,
    /// The action in plain words.
    pub label: String,
    /// Between 0 and 1.
    pub score: f32,
    /// Relative cost to serve: 0 free, 1 a minute of a specialist.
    pub cost: f32,
    /// Why this one, now.
    pub reason: String,
    /// What must be true first and is not yet.
    pub preconditions: Vec<String>,
    /// What stands behind it.
    pub evidence: Vec<Evidence>,
}

/// How a backend action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionStatus {
    /// It ran and had its effect.
    Succeeded,
    /// It ran and failed.
    Failed,
    /// Nobody knows whether it had its effect.
    Unknown,
    /// It was not done, since everything is only tried out: in earnest it would have been called.
    DryRun,
}

/// Proof that a tool ran. No claim that something was done may reach a customer without one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ActionReceipt {
    /// Identity of the receipt.
    pub id: String,
    /// The tool.
    pub tool: String,
    /// The arguments it was called with.
    pub arguments: serde_json::Value,
    /// How it ended.
    pub status: ActionStatus,
    /// What it returned.
    pub result: serde_json::Value,
    /// When it ended.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: jiff::Timestamp,
    /// What called for it, e.g. `playbook/step#1`.
    #[serde(default)]
    pub source: String,
    /// Who said yes to it.
    #[serde(default)]
    pub approvals: Vec<ApprovalGrant>,
}

/// Who may have to say yes before something is done.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Approver {
    /// The customer, in this conversation.
    Customer,
    /// A human agent.
    HumanAgent,
    /// A supervisor.
    Supervisor,
}

/// Somebody's yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ApprovalGrant {
    /// In which capacity.
    pub by: Approver,
    /// Who, by the host's id; for the customer the utterance that says so.
    pub who: String,
    /// When.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: jiff::Timestamp,
}

/// Why a conversation goes to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HandoffReason {
    /// The customer asked for a person.
    CustomerAsked,
    /// The request is outside what the virtual agent may do.
    OutOfScope,
    /// A policy requires a person.
    PolicyRequiresPerson,
    /// The customer may be in danger or vulnerable.
    CustomerAtRisk,
    /// The virtual agent failed repeatedly.
    Stuck,
    /// A backend action failed, or nobody knows whether it was done.
    ActionFailed,
    /// The procedure that was under way is not there any more as it was begun.
    ProcedureGone,
}

/// The briefing of a warm transfer, so that the customer never repeats themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Handoff {
    /// Why.
    pub reason: HandoffReason,
    /// What happened so far, where a summary could be made.
    pub summary: Option<Summary>,
    /// What was collected, by slot.
    pub slots: std::collections::BTreeMap<String, String>,
    /// What was done and tried already, in plain words.
    #[serde(default)]
    pub tried: Vec<String>,
    /// What somebody still has to say yes to.
    #[serde(default)]
    pub open_approval: Option<String>,
    /// What to do next.
    pub next_steps: Vec<String>,
    /// Identity of this offer, to answer it by; another one for each time the hand-off is offered.
    #[serde(default)]
    pub id: String,
    /// Whom it is offered to.
    #[serde(default)]
    pub queue: String,
    /// Which offer of this hand-off it is, from 1.
    #[serde(default)]
    pub attempt: u32,
    /// The steps that were tried, with what came of them.
    #[serde(default)]
    pub steps: Vec<TriedStep>,
    /// The yeses that are still to be given.
    #[serde(default)]
    pub open_approvals: Vec<OpenApproval>,
    /// What was done in backends; what tools call secret is masked.
    #[serde(default)]
    pub receipts: Vec<ActionReceipt>,
    /// What the customer was promised.
    #[serde(default)]
    pub promises: Vec<Promise>,
    /// What the customer feels, where there is an emotion model.
    #[serde(default)]
    pub emotion: Option<EmotionBriefing>,
    /// What made the contact laborious for the customer.
    #[serde(default)]
    pub effort: Vec<EffortSign>,
    /// BCP 47 language tag of the conversation.
    #[serde(default)]
    pub language: String,
    /// The medium of the conversation.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// Since when the customer waits for a person.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub waiting_since: Option<jiff::Timestamp>,
}

impl Handoff {
    /// A briefing that tells nothing but the reason.
    pub fn new(reason: HandoffReason) -> Self {
        Self {
            reason,
            summary: None,
            slots: std::collections::BTreeMap::new(),
            tried: Vec::new(),
            open_approval: None,
            next_steps: Vec::new(),
            id: String::new(),
            queue: String::new(),
            attempt: 0,
            steps: Vec::new(),
            open_approvals: Vec::new(),
            receipts: Vec::new(),
            promises: Vec::new(),
            emotion: None,
            effort: Vec::new(),
            language: String::new(),
            channel: None,
            waiting_since: None,
        }
    }
}
