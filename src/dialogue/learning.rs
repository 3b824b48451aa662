//! Which action works for whom, learned from outcomes: a contextual bandit for each tenant, within bounds.
//!
//! LinUCB with one linear model an action (Li et al. 2010, "A contextual-bandit approach to personalized news article
//! recommendation"), because it draws nothing by chance: the same history gives the same order, which can be explained and
//! repeated. What it learns is by how much an action does better or worse than what is usual for the tenant; that moves
//! the score of the [`NextBestAction`] a little, and never by more than the bounds allow.

mod model;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::model::Arms;
use crate::conversation::{NextBestAction, TenantId};
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::store::{ConversationStore, Record, StreamKey, Version};

/// The stream that holds a tenant's outcomes. No conversation that a host names begins like this.
const STREAM: &str = "~actions";
const OUTCOME: &str = "action_outcome";
const RESET: &str = "action_reset";
/// Writers that may get in between before we give up.
const ATTEMPTS: usize = 8;

/// Bounds and weights of what is learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LearningOptions {
    /// By how much a score is moved at most, up or down. Of two actions whose scores differ by more than twice this, the
    /// better one always stays in front.
    pub most_moved: f32,
    /// By how much a score is raised at most because little is known of the action: the price of exploring.
    pub most_explored: f32,
    /// How eagerly it explores within that bound: standard deviations of what is not known.
    pub eagerness: f32,
    /// Numbers of a context that count; more are cut off, fewer are filled up with zeros.
    pub features: usize,
    /// What each part of an outcome is worth.
    pub weights: OutcomeWeights,
}

/// What each part of an [`Outcome`] is worth, relative to the others that are known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutcomeWeights {
    /// That it was accepted.
    pub accepted: f32,
    /// That the need was resolved.
    pub resolved: f32,
    /// Satisfaction.
    pub satisfaction: f32,
    /// That the customer did not come back about it.
    pub no_repeat: f32,
}

impl Default for LearningOptions {
    fn default() -> Self {
        Self {
            most_moved: 0.15,
            most_explored: 0.05,
            eagerness: 0.1,
            features: 8,
            weights: OutcomeWeights::default(),
        }
    }
}

impl Default for OutcomeWeights {
    /// Resolution counts most: an action that is gladly accepted and resolves nothing is no good one.
    fn default() -> Self {
        Self {
            accepted: 0.15,
            resolved: 0.4,
            satisfaction: 0.2,
            no_repeat: 0.25,
        }
    }
}

/// What came of an action, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// Whether the agent, or the customer, took it up.
    pub accepted: Option<bool>,
    /// Whether the need was resolved.
    pub resolved: Option<bool>,
    /// Satisfaction from 1 to 5, asked or predicted.
    pub satisfaction: Option<f32>,
    /// Whether the customer contacted us about it again.
    pub repeat_contact: Option<bool>,
}

impl Outcome {
    /// Between 0 and 1: the mean of the parts that are known, by weight; `None` where none is.
    pub fn reward(&self, weights: &OutcomeWeights) -> Option<f32> {
        let truth = |known: Option<bool>| known.map(|yes| if yes { 1.0 } else { 0.0 });
        let satisfaction = self.satisfaction.filter(|s| s.is_finite());
        let parts = [
            (truth(self.accepted), weights.accepted),
            (truth(self.resolved), weights.resolved),
            (
                satisfaction.map(|s| (s.clamp(1.0, 5.0) - 1.0) / 4.0),
                weights.satisfaction,
            ),
            (
                truth(self.repeat_contact.map(|again| !again)),
                weights.no_repeat,
            ),
        ];
        let known = parts
            .iter()
            .filter_map(|(value, weight)| Some((value.as_ref()?, weight.max(0.0))));
        let (sum, total) = known.fold((0.0, 0.0), |(sum, total), (value, weight)| {
            (sum + value * weight, total + weight)
        });
        (total > 0.0).then(|| sum / total)
    }
}

/// Learns for each tenant which actions work, and orders actions by it.
#[derive(Debug)]
pub struct ActionLearner {
    store: Arc<dyn ConversationStore>,
    options: LearningOptions,
    tenants: Mutex<HashMap<TenantId, Learned>>,
}

#[derive(Clone, Debug, Default)]
struct Learned {
    arms: Arms,
    version: Version,
}

#[derive(Serialize, Deserialize)]
struct Told {
    action: String,
    context: Vec<f32>,
    outcome: Outcome,
}

impl ActionLearner {
    /// Over a store that keeps what is learned.
    pub fn new(store: Arc<dyn ConversationStore>, options: LearningOptions) -> Self {
        Self {
            store,
            options,
            tenants: Mutex::new(HashMap::new()),
        }
    }

    /// Takes up what this and other processes have learned of a tenant since the last time.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn recall(&self, tenant: &TenantId) -> Result<()> {
        let version = self
            .tenants
            .lock()
            .get(tenant)
            .map_or(0, |learned| learned.version);
        let records = self.store.load(&key(tenant), version).await?;
        let mut tenants = self.tenants.lock();
        let learned = tenants.entry(tenant.clone()).or_default();
        // Somebody else may have taken up some of them meanwhile.
        let known = learned.version.saturating_sub(version);
        for record in records
            .iter()
            .skip(usize::try_from(known).unwrap_or(usize::MAX))
        {
            self.take_up(learned, record);
        }
        Ok(())
    }

    /// The actions in the order that what was learned of the tenant suggests for this context, with their new scores and
    /// what moved them as part of the reason. Of a tenant that was not recalled nothing is known, and the order stays.
    ///
    /// An action whose preconditions are not met is never raised, so it is never explored.
    pub fn rerank(
        &self,
        tenant: &TenantId,
        context: &[f32],
        mut actions: Vec<NextBestAction>,
    ) -> Vec<NextBestAction> {
        let tenants = self.tenants.lock();
        let Some(learned) = tenants.get(tenant) else {
            return actions;
        };
        let context = self.context(context);
        for action in &mut actions {
            let admissible = action.preconditions.is_empty();
            let seen = learned.arms.judge(&action.action, &context);
            let most = self.options.most_moved;
            let explored = self.options.eagerness * seen.doubt;
            let explored = explored.clamp(0.0, self.options.most_explored);
            let moved = match admissible {
                true => (seen.better.clamp(-most, most) + explored).min(most),
                false => seen.better.clamp(-most, 0.0),
            };
            action.score = (action.score + moved).clamp(0.0, 1.0);
            if seen.times > 0 && moved.abs() >= 0.005 {
                let word = if moved > 0.0 { "better" } else { "worse" };
                action.reason.push_str(&format!(
                    "; worked {word} than usual ({moved:+.2}, {} outcomes)",
                    seen.times
                ));
            }
        }
        // Stable: equals keep the order they came in.
        actions.sort_by(|a, b| b.score.total_cmp(&a.score));
        actions
    }

    /// What came of an action in a context. It is kept, and moves its scores from now on; an outcome of which nothing is
    /// known is passed over.
    ///
    /// # Errors
    /// What the store reports; nothing was learned then.
    pub async fn record(
        &self,
        tenant: &TenantId,
        action: &str,
        context: &[f32],
        outcome: Outcome,
    ) -> Result<()> {
        if outcome.reward(&self.options.weights).is_none() {
            return Ok(());
        }
        let told = Told {
            action: action.to_owned(),
            context: self.context(context),
            outcome,
        };
        let payload = serde_json::to_value(&told)
            .or_error(ErrorKind::Internal, || "an outcome cannot be serialised")?;
        self.keep(tenant, Record::new(OUTCOME, payload)).await
    }

    /// Forgets everything that was learned of a tenant.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn reset(&self, tenant: &TenantId) -> Result<()> {
        self.keep(tenant, Record::new(RESET, Value::Null)).await
    }

    /// What was learned of a tenant, for people and other tools: outcomes, what is usual, and for each action how many
    /// outcomes there are and the weights of its model, the constant first.
    pub fn export(&self, tenant: &TenantId) -> Value {
        let tenants = self.tenants.lock();
        let arms = tenants.get(tenant).map(|learned| &learned.arms);
        json!({
            "tenant": tenant,
            "options": self.options,
            "learned": arms.map_or(Value::Null, Arms::export),
        })
    }

    async fn keep(&self, tenant: &TenantId, record: Record) -> Result<()> {
        for _ in 0..ATTEMPTS {
            self.recall(tenant).await?;
            let version = self
                .tenants
                .lock()
                .get(tenant)
                .map_or(0, |learned| learned.version);
            match self
                .store
                .append(&key(tenant), version, std::slice::from_ref(&record))
                .await
            {
                // Read back with the rest, so that every process learns in the same order.
                Ok(_) => return self.recall(tenant).await,
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            "others kept writing what they learned; try again",
        ))
    }

    fn take_up(&self, learned: &mut Learned, record: &Record) {
        learned.version += 1;
        match record.kind.as_str() {
            RESET => learned.arms = Arms::default(),
            OUTCOME => match Told::deserialize(&record.payload) {
                Ok(told) => {
                    if let Some(reward) = told.outcome.reward(&self.options.weights) {
                        learned
                            .arms
                            .learn(&told.action, &self.context(&told.context), reward);
                    }
                }
                // One that another version wrote is passed over.
                Err(error) => tracing::warn!(%error, "an outcome was passed over"),
            },
            _ => {}
        }
    }

    /// As many numbers as count, each of them one.
    fn context(&self, context: &[f32]) -> Vec<f32> {
        let finite = |x: &f32| {
            if x.is_finite() {
                x.clamp(-1.0, 1.0)
            } else {
                0.0
            }
        };
        let mut fitted: Vec<f32> = context.iter().map(finite).collect();
        fitted.resize(self.options.features, 0.0);
        fitted
    }
}

fn key(tenant: &TenantId) -> StreamKey {
    StreamKey {
        tenant: tenant.clone(),
        conversation: STREAM.into(),
    }
}

#[cfg(test)]
mod tests;
