//! The risk that a customer hangs up late or has to be forwarded, from a call told as intents.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::conversation::Role;
use crate::error::{Error, ErrorKind, OrError, Result};

/// Acts from the end on whose place is told.
const LAST: usize = 4;

/// What somebody did by saying something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialogueAct {
    /// Who.
    pub role: Role,
    /// The intent that was understood, or which the agent had.
    pub intent: String,
    /// The kinds of values that were named.
    pub entities: Vec<String>,
}

impl DialogueAct {
    /// An act without values.
    pub fn new(role: Role, intent: impl Into<String>) -> Self {
        Self {
            role,
            intent: intent.into(),
            entities: Vec::new(),
        }
    }
}

/// What training writes and the library ships, `models/escalation-head.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Weights {
    /// One weight a feature; what is not there weighs nothing.
    pub(crate) weights: BTreeMap<String, f32>,
    pub(crate) offset: f32,
    /// The probability from which on escalation is predicted.
    pub(crate) threshold: f32,
}

impl Weights {
    /// The probability of escalation of acts with these features.
    pub(crate) fn at(&self, features: &BTreeMap<String, f32>) -> f32 {
        let known = features
            .iter()
            .filter_map(|(name, value)| Some(self.weights.get(name)? * value));
        1.0 / (1.0 + (-self.offset - known.sum::<f32>()).exp())
    }
}

/// A linear model of how calls end (models/escalation-head.md).
#[derive(Clone, Debug)]
pub struct EscalationHead(Weights);

impl EscalationHead {
    /// The head that comes with the library: English booking calls. Names of intents that it does not know weigh nothing.
    pub fn shipped() -> &'static Self {
        static SHIPPED: LazyLock<EscalationHead> = LazyLock::new(|| {
            let text = include_str!("../../../models/escalation-head.json");
            EscalationHead::parse(text).unwrap_or_else(|error| {
                // A test loads the file, so this is never seen.
                tracing::error!(%error, "the shipped escalation head cannot be read");
                EscalationHead(Weights::default())
            })
        });
        &SHIPPED
    }

    /// Reads what `attendant train escalation` wrote.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] if it is not in the format.
    pub fn parse(json: &str) -> Result<Self> {
        let told = "the escalation head is not in the expected format; run `attendant train escalation` again";
        let weights: Weights = serde_json::from_str(json).or_error(ErrorKind::Model, || told)?;
        let numbers = [weights.offset, weights.threshold];
        let mut all = weights.weights.values().chain(&numbers);
        if !all.all(|weight| weight.is_finite()) {
            return Err(Error::new(ErrorKind::Model, told));
        }
        Ok(Self(weights))
    }

    /// How likely the call escalates, between 0 and 1, from what was done up to the customer's last act. What the agent did
    /// after that is left out: that a call ends with an agent's words which nobody answers is the hang-up itself.
    pub fn risk(&self, acts: &[DialogueAct]) -> f32 {
        self.risk_of(&act_features(acts))
    }

    pub(crate) fn risk_of(&self, features: &BTreeMap<String, f32>) -> f32 {
        self.0.at(features)
    }

    /// From this risk on, escalation is more likely than its share among the calls learned from.
    pub fn threshold(&self) -> f32 {
        self.0.threshold
    }
}

/// The features of a call up to the customer's last act.
pub(crate) fn act_features(acts: &[DialogueAct]) -> BTreeMap<String, f32> {
    let end = acts.iter().rposition(|act| act.role == Role::EndUser);
    let acts = acts.get(..end.map_or(0, |end| end + 1)).unwrap_or_default();
    let names: Vec<String> = acts.iter().map(name).collect();
    let mut counts: BTreeMap<String, f32> = BTreeMap::new();
    for length in 1..=3 {
        for run in names.windows(length) {
            *counts.entry(run.join(" ")).or_default() += 1.0;
        }
    }
    for entity in acts.iter().flat_map(|act| &act.entities) {
        *counts.entry(format!("value {entity}")).or_default() += 1.0;
    }
    let agent = repeats(acts, |role| role != Role::EndUser);
    let customer = repeats(acts, |role| role == Role::EndUser);
    counts.insert("agent repeats".to_owned(), agent.0);
    counts.insert("agent repeats most".to_owned(), agent.1);
    counts.insert("agent repeats at once".to_owned(), agent.2);
    counts.insert("customer repeats".to_owned(), customer.0);
    counts.insert("customer repeats at once".to_owned(), customer.2);
    // A second repetition tells less than the first.
    counts.values_mut().for_each(|count| *count = count.ln_1p());
    for (back, name) in names.iter().rev().enumerate().take(LAST) {
        counts.insert(format!("last {back} {name}"), 1.0);
    }
    counts.insert("length".to_owned(), names.len() as f32 / 30.0);
    counts.retain(|_, count| *count > 0.0);
    counts
}

fn name(act: &DialogueAct) -> String {
    let who = if act.role == Role::EndUser { "c" } else { "a" };
    format!("{who}:{}", act.intent)
}

/// Acts that were there before, how often the most frequent one comes, and acts like the same side's last one.
fn repeats(acts: &[DialogueAct], side: impl Fn(Role) -> bool) -> (f32, f32, f32) {
    let own: Vec<&str> = acts
        .iter()
        .filter(|act| side(act.role))
        .map(|act| act.intent.as_str())
        .collect();
    let mut counts: BTreeMap<&str, f32> = BTreeMap::new();
    own.iter()
        .for_each(|intent| *counts.entry(intent).or_default() += 1.0);
    let most = counts.values().copied().fold(0.0, f32::max);
    let at_once = own
        .iter()
        .zip(own.iter().skip(1))
        .filter(|(a, b)| a == b)
        .count();
    ((own.len() - counts.len()) as f32, most, at_once as f32)
}
