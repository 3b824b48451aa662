//! How a strategy adapts to the person: rules as data.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::expression::fault;
use super::load::{Fault, steps_fault};
use super::template::StrategyStep;
use crate::conversation::Approver;
use crate::error::{ErrorKind, OrError, Result};

/// What is changed in a strategy for whom.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyPolicy {
    /// All that apply are applied, in this order.
    #[serde(default)]
    pub adaptations: Vec<Adaptation>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adaptation {
    /// Machine name.
    pub id: String,
    /// For whom: a condition over the facts, among them `person` ([`Situation`](super::Situation)).
    pub when: String,
    /// Why, in plain words.
    pub why: String,
    /// Questions the customer may be asked at most; a person finds out the rest.
    #[serde(default)]
    pub most_questions: Option<usize>,
    /// Whose yes every step needs that changes something.
    #[serde(default)]
    pub approval: Option<Approver>,
    /// Steps that are added. One that comes after `"*"` comes after all others.
    #[serde(default)]
    pub steps: Vec<StrategyStep>,
}

impl StrategyPolicy {
    /// Reads a policy from TOML.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with line and key of the mistake.
    pub fn from_toml(text: &str) -> Result<Self> {
        let policy: Self = toml::from_str(text)
            .or_error(ErrorKind::Config, || "this is no policy for strategies")?;
        for rule in &policy.adaptations {
            if let Some(why) = fault(&rule.when) {
                return Err(Fault::new("when", why).near(&rule.id).at(text, "policy"));
            }
            if let Some(fault) = steps_fault(&rule.steps) {
                return Err(fault.at(text, "policy"));
            }
        }
        Ok(policy)
    }

    /// Reads `policy.toml` of a folder of strategies; without one nothing is adapted.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with line and key of the mistake.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join("policy.toml");
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(&path).or_error(ErrorKind::Config, || {
            format!("cannot read {}", path.display())
        })?;
        Self::from_toml(&text).map_err(|error| error.context(path.display()))
    }
}
