//! Needs foreseen from what happened outside, and whether the customer may be contacted about them.

mod outbound;

pub use outbound::{
    Consent, Contactable, OutboundDecision, OutboundPolicy, OutboundRefusal, QuietHours,
};

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::strategy::expression::{fill, template_fault};
use super::strategy::load::span;
use crate::conversation::JourneyEvent;
use crate::error::{Error, ErrorKind, OrError, Result};

/// How many recorded outcomes a rule's own confidence is worth.
const PRIOR: f32 = 10.0;

/// A need that a customer probably has, before they say so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PredictedNeed {
    /// The rule that foresees it.
    pub rule: String,
    /// The need: the id of a playbook or a strategy.
    pub playbook: String,
    /// Between 0 and 1.
    pub confidence: f32,
    /// What is asked when they call: "Are you calling about …?"
    pub question: String,
    /// What it is about in one sentence, where the organisation opens the contact.
    pub opening: String,
    /// The events behind it, newest first.
    pub evidence: Vec<JourneyEvent>,
    /// Whether the organisation may contact the customer about it, where [`OutboundPolicy`] allows.
    pub outbound: bool,
    /// What such a contact is for, as consent names it.
    pub purpose: String,
}

/// When a need is foreseen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeedRule {
    /// Machine name.
    pub id: String,
    /// The need: the id of a playbook or a strategy.
    pub playbook: String,
    /// Kinds of events of which one is enough.
    pub events: Vec<String>,
    /// Kinds of events that settle it when they come later.
    #[serde(default)]
    pub unless: Vec<String>,
    /// How long after the event the need is expected.
    #[serde(with = "span")]
    pub within: SignedDuration,
    /// How likely somebody who contacts us then does it for this, between 0 and 1.
    pub confidence: f32,
    /// What is asked when they call; expressions in double braces stand for the event's attributes.
    pub question: String,
    /// What is told in one sentence when the organisation contacts them, filled in like the question; the newest event's
    /// description where it is empty.
    #[serde(default)]
    pub opening: String,
    /// Whether the customer may be contacted about it.
    #[serde(default)]
    pub outbound: bool,
    /// What such a contact is for.
    #[serde(default = "service")]
    pub purpose: String,
}

fn service() -> String {
    "service".into()
}

/// How often a rule was right among those customers who contacted us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleOutcomes {
    /// They came for this need.
    pub right: u32,
    /// They came for something else.
    pub wrong: u32,
}

impl RuleOutcomes {
    /// Counts one more.
    pub fn count(&mut self, right: bool) {
        let side = if right {
            &mut self.right
        } else {
            &mut self.wrong
        };
        *side = side.saturating_add(1);
    }
}

/// Foresees needs by rules that are data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NeedPredictor {
    rules: Vec<NeedRule>,
    outcomes: BTreeMap<String, RuleOutcomes>,
    /// Whether and when customers may be contacted.
    pub outbound: OutboundPolicy,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rules: Vec<NeedRule>,
    #[serde(default)]
    outbound: OutboundPolicy,
}

impl NeedPredictor {
    /// Reads rules and the policy of outbound contacts from TOML.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with line and key, or the rule and what is wrong with it.
    pub fn from_toml(text: &str) -> Result<Self> {
        let file: File = toml::from_str(text)
            .or_error(ErrorKind::Config, || "these are no rules of the journey")?;
        let mut known = std::collections::HashSet::new();
        for rule in &file.rules {
            let wrong = |why: String| {
                let why = format!("rule {:?} of the journey: {why}", rule.id);
                Err(Error::new(ErrorKind::Config, why))
            };
            if !known.insert(&rule.id) {
                return wrong("another rule has this id too".into());
            }
            if rule.events.is_empty() || !rule.within.is_positive() {
                return wrong("events and within must not be empty".into());
            }
            if !(0.0..=1.0).contains(&rule.confidence) {
                return wrong("confidence lies between 0 and 1".into());
            }
            for (key, words) in [("question", &rule.question), ("opening", &rule.opening)] {
                if let Some(why) = template_fault(&json!(words)) {
                    return wrong(format!("{key}: {why}"));
                }
            }
        }
        file.outbound.check()?;
        Ok(Self {
            rules: file.rules,
            outcomes: BTreeMap::new(),
            outbound: file.outbound,
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if it cannot be read; else as [`from_toml`](Self::from_toml).
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).or_error(ErrorKind::NotFound, || {
            format!("cannot read {}", path.display())
        })?;
        Self::from_toml(&text).map_err(|error| error.context(path.display()))
    }

    /// The rules.
    pub fn rules(&self) -> &[NeedRule] {
        &self.rules
    }

    /// Takes up outcomes that were counted before.
    #[must_use]
    pub fn with_outcomes(mut self, outcomes: BTreeMap<String, RuleOutcomes>) -> Self {
        self.outcomes = outcomes;
        self
    }

    /// What was counted, by rule: for the host to keep.
    pub fn outcomes(&self) -> &BTreeMap<String, RuleOutcomes> {
        &self.outcomes
    }

    /// Somebody for whom a rule had foreseen a need contacted us; it was right, or they came for something else. Counts
    /// move the rule's confidence from what its file says to what is seen.
    pub fn record(&mut self, rule: &str, right: bool) {
        self.outcomes
            .entry(rule.to_owned())
            .or_default()
            .count(right);
    }

    /// The needs that are likely now, the likeliest first; one a playbook.
    pub fn predict(&self, events: &[JourneyEvent], now: Timestamp) -> Vec<PredictedNeed> {
        let mut needs: Vec<PredictedNeed> = Vec::new();
        for rule in &self.rules {
            let Some(need) = self.foresee(rule, events, now) else {
                continue;
            };
            match needs
                .iter_mut()
                .find(|other| other.playbook == need.playbook)
            {
                Some(other) if other.confidence >= need.confidence => {
                    other.evidence.extend(need.evidence)
                }
                Some(other) => {
                    let before = std::mem::replace(other, need);
                    other.evidence.extend(before.evidence);
                }
                None => needs.push(need),
            }
        }
        needs.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        needs
    }

    fn foresee(
        &self,
        rule: &NeedRule,
        events: &[JourneyEvent],
        now: Timestamp,
    ) -> Option<PredictedNeed> {
        let settled = |event: &JourneyEvent| {
            let later = |other: &&JourneyEvent| other.at >= event.at && other.at <= now;
            // What names another order, another payment, settles another one.
            let same = |other: &&JourneyEvent| {
                let differs = |(name, value): (&String, &String)| {
                    event.attributes.get(name).is_some_and(|ours| ours != value)
                };
                !other.attributes.iter().any(differs)
            };
            let settling = events
                .iter()
                .filter(|other| rule.unless.contains(&other.kind));
            settling.filter(later).any(|other| same(&other))
        };
        let recent =
            |event: &&JourneyEvent| event.at <= now && now.duration_since(event.at) <= rule.within;
        let of_kind = events
            .iter()
            .filter(|event| rule.events.contains(&event.kind));
        let mut evidence: Vec<JourneyEvent> = of_kind
            .filter(recent)
            .filter(|event| !settled(event))
            .cloned()
            .collect();
        evidence.sort_by_key(|event| std::cmp::Reverse(event.at));
        let newest = evidence.first()?;
        let attributes: serde_json::Map<String, Value> = newest
            .attributes
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        let question = match fill(&json!(rule.question), &attributes) {
            Ok(Value::String(question)) => question,
            // An attribute is missing: the event in its own words.
            _ => format!("Are you contacting us about this: {}", newest.description),
        };
        let opening = match fill(&json!(rule.opening), &attributes) {
            Ok(Value::String(opening)) if !opening.is_empty() => opening,
            _ => newest.description.clone(),
        };
        Some(PredictedNeed {
            opening,
            rule: rule.id.clone(),
            playbook: rule.playbook.clone(),
            confidence: self.confidence(rule),
            question,
            outbound: rule.outbound,
            purpose: rule.purpose.clone(),
            evidence,
        })
    }

    /// The mean of the beta distribution that the file's confidence and the counts make together.
    fn confidence(&self, rule: &NeedRule) -> f32 {
        let counted = self.outcomes.get(&rule.id).copied().unwrap_or_default();
        let (right, wrong) = (counted.right as f32, counted.wrong as f32);
        (PRIOR * rule.confidence + right) / (PRIOR + right + wrong)
    }
}

#[cfg(test)]
mod tests;
