//! From need, profile, history and emotion to a plan.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::expression::{Facts, Truth, holds};
use super::load::{load_strategies, ordered};
use super::policy::{Adaptation, StrategyPolicy};
use super::template::{ResolutionStrategy, StrategyStep, StrategyTemplate};
use crate::conversation::{CustomerProfile, Effort, EffortKind, Emotion, EmotionState};
use crate::dialogue::tool::Tools;
use crate::error::{Error, ErrorKind, Result};

/// Who needs what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Situation {
    /// The need: the id of a playbook or an intent.
    pub need: String,
    /// What is known, e.g. the slots of the conversation.
    pub facts: Facts,
    /// What the host knows of the customer; becomes the fact `customer`.
    pub profile: Option<CustomerProfile>,
    /// What they feel.
    pub emotion: Option<EmotionState>,
    /// How much effort they had.
    pub effort: Effort,
    /// Earlier contacts about the same need.
    pub earlier_contacts: u32,
    /// Whether they are, or may be, vulnerable.
    pub vulnerable: bool,
}

impl Situation {
    /// A need of somebody of whom nothing is known.
    pub fn new(need: impl Into<String>) -> Self {
        Self {
            need: need.into(),
            ..Self::default()
        }
    }

    /// With a fact.
    #[must_use]
    pub fn with_fact(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.facts.insert(name.into(), value.into());
        self
    }

    /// With what the host knows of the customer.
    #[must_use]
    pub fn with_profile(mut self, profile: CustomerProfile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// The facts with `customer` (`id`, `name`, `history` and the profile's attributes) and `person` (`anger`,
    /// `arousal`, `valence`, `contacts`, `vulnerable`).
    pub fn all_facts(&self) -> Facts {
        let mut facts = self.facts.clone();
        if let Some(profile) = &self.profile {
            let mut customer: Map<String, Value> = profile
                .attributes
                .iter()
                .map(|(name, value)| (name.clone(), json!(value)))
                .collect();
            customer.insert("id".into(), json!(profile.id));
            customer.insert("history".into(), json!(profile.history));
            if let Some(name) = &profile.display_name {
                customer.insert("name".into(), json!(name));
            }
            facts.insert("customer".into(), Value::Object(customer));
        }
        facts.insert("person".into(), self.person());
        facts
    }

    fn person(&self) -> Value {
        let angry = [Emotion::Anger, Emotion::Annoyance, Emotion::Disgust];
        let felt = self.emotion.as_ref();
        let told = self.effort.count(EffortKind::EarlierContact);
        json!({
            "anger": felt.map_or(0.0, |state| state.smoothed.any(&angry)),
            "valence": felt.map_or(0.0, |state| state.valence),
            "arousal": felt.map_or(0.0, |state| state.arousal),
            "contacts": self.earlier_contacts.max(u32::try_from(told).unwrap_or(u32::MAX)),
            "vulnerable": self.vulnerable,
        })
    }
}

/// Chooses a template and makes a plan of it.
#[derive(Clone, Debug, Default)]
pub struct Strategist {
    templates: Vec<StrategyTemplate>,
    policy: StrategyPolicy,
}

impl Strategist {
    /// From these templates, adapted by this policy.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if a need that another turns out to be has no template, or two templates mean different
    /// things by one step.
    pub fn new(templates: Vec<StrategyTemplate>, policy: StrategyPolicy) -> Result<Self> {
        let wrong = |id: &str, why: String| {
            Err(Error::new(
                ErrorKind::Config,
                format!("strategy {id:?}: {why}"),
            ))
        };
        for template in &templates {
            for becomes in &template.becomes {
                let others = templates.iter().filter(|other| other.meets(&becomes.need));
                let mut found = false;
                for other in others {
                    found = true;
                    if let Some(step) = clash(template, other) {
                        let why = format!("step {step:?} is another one in {:?}", other.id);
                        return wrong(&template.id, why);
                    }
                }
                if !found {
                    let why = format!("no template resolves {:?}", becomes.need);
                    return wrong(&template.id, why);
                }
            }
            let added = policy.adaptations.iter().flat_map(|rule| &rule.steps);
            for step in added {
                if template.steps.iter().any(|other| other.id == step.id) {
                    let why = format!("the policy adds a step {:?} too", step.id);
                    return wrong(&template.id, why);
                }
            }
        }
        Ok(Self { templates, policy })
    }

    /// From the files of a folder: templates, and `policy.toml`.
    ///
    /// # Errors
    /// As [`load_strategies`], [`StrategyPolicy::load`] and [`new`](Self::new).
    pub fn load(folder: &Path) -> Result<Self> {
        Self::new(load_strategies(folder)?, StrategyPolicy::load(folder)?)
    }

    /// Whether there is a template for a need.
    pub fn resolves(&self, need: &str) -> bool {
        self.templates.iter().any(|template| template.meets(need))
    }

    /// Whether there is a template for a need all of whose tools are there.
    pub(crate) fn resolves_with(&self, need: &str, tools: &Tools) -> bool {
        let has = |step: &StrategyStep| step.tool.as_deref().is_none_or(|t| tools.get(t).is_some());
        let mut ours = self
            .templates
            .iter()
            .filter(|template| template.meets(need));
        ours.any(|template| template.steps.iter().all(has))
    }

    /// The templates.
    pub fn templates(&self) -> &[StrategyTemplate] {
        &self.templates
    }

    /// The plan for a situation: of the templates for the need whose entry condition is not false the one whose condition
    /// holds, rather than one without; then the rules of the policy that apply.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if no template fits.
    pub fn plan(&self, situation: &Situation, now: jiff::Timestamp) -> Result<ResolutionStrategy> {
        self.plan_for(&situation.need, situation.all_facts(), now)
    }

    /// The same, from facts alone.
    pub(super) fn plan_for(
        &self,
        need: &str,
        facts: Facts,
        now: jiff::Timestamp,
    ) -> Result<ResolutionStrategy> {
        let template = self.choose(need, &facts).ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("no strategy resolves {need:?} here; add a template, or hand over"),
            )
        })?;
        let mut plan = ResolutionStrategy {
            id: uuid::Uuid::now_v7().to_string(),
            need: need.to_owned(),
            template: template.clone(),
            facts,
            adaptations: Vec::new(),
            most_questions: None,
            made_at: now,
        };
        let risks = &mut plan.template.risks;
        risks.retain(|risk| !holds(risk.when.as_deref(), &plan.facts).is_no());
        for rule in &self.policy.adaptations {
            if holds(Some(&rule.when), &plan.facts).is_yes() {
                adapt(&mut plan, rule);
            }
        }
        plan.template.steps =
            ordered(&plan.template.steps).map_err(|fault| fault.at("", &plan.template.id))?;
        Ok(plan)
    }

    fn choose(&self, need: &str, facts: &Facts) -> Option<&StrategyTemplate> {
        let fit = |template: &&StrategyTemplate| match holds(template.when.as_deref(), facts) {
            Truth::No => None,
            Truth::Yes if template.when.is_some() => Some(2),
            Truth::Yes => Some(1),
            Truth::Unknown(_) => Some(0),
        };
        let fitting = self
            .templates
            .iter()
            .filter(|template| template.meets(need));
        // The first of equals, so that the order of ids decides.
        let mut best: Option<(u8, &StrategyTemplate)> = None;
        for template in fitting {
            if let Some(fit) = fit(&template)
                && best.is_none_or(|(before, _)| fit > before)
            {
                best = Some((fit, template));
            }
        }
        best.map(|(_, template)| template)
    }
}

impl StrategyTemplate {
    fn meets(&self, need: &str) -> bool {
        self.id == need || self.needs.iter().any(|one| one == need)
    }
}

/// A step that two templates call the same and that is not.
fn clash<'a>(one: &'a StrategyTemplate, other: &StrategyTemplate) -> Option<&'a str> {
    let differs = |step: &&StrategyStep| {
        let same = other.steps.iter().find(|theirs| theirs.id == step.id);
        same.is_some_and(|theirs| {
            (&theirs.tool, &theirs.arguments, &theirs.gives)
                != (&step.tool, &step.arguments, &step.gives)
        })
    };
    one.steps.iter().find(differs).map(|step| step.id.as_str())
}

fn adapt(plan: &mut ResolutionStrategy, rule: &Adaptation) {
    if let Some(approver) = rule.approval {
        let changing = plan.template.steps.iter_mut().filter(|step| step.changes());
        for step in changing.filter(|step| !step.approvals.contains(&approver)) {
            step.approvals.push(approver);
        }
    }
    if let Some(most) = rule.most_questions {
        plan.most_questions = Some(plan.most_questions.map_or(most, |before| before.min(most)));
    }
    let ids: Vec<String> = plan
        .template
        .steps
        .iter()
        .map(|step| step.id.clone())
        .collect();
    for step in &rule.steps {
        let mut step = step.clone();
        if let Some(all) = step.after.iter().position(|id| id == "*") {
            step.after.remove(all);
            step.after.extend(ids.iter().cloned());
        }
        plan.template.steps.push(step);
    }
    plan.adaptations.push(format!("{}: {}", rule.id, rule.why));
}
