//! Strategies from files, with what is wrong told by line and key.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde_json::Value;

use super::expression::{fault, template_fault};
use super::template::{StepOwner, StrategyStep, StrategyTemplate};
use crate::error::{Error, ErrorKind, OrError, Result};

/// Names that facts may not have.
const TAKEN: &[&str] = &["steps", "signal", "result"];

impl StrategyTemplate {
    /// Reads a template from TOML, checks that it hangs together, and puts its steps into an order that respects what
    /// comes after what.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with line and key of the mistake.
    pub fn from_toml(text: &str) -> Result<Self> {
        let mut template: Self =
            toml::from_str(text).or_error(ErrorKind::Config, || "this is no strategy in TOML")?;
        if let Some(fault) = template.fault() {
            return Err(fault.at(text, &template.id));
        }
        template.steps = ordered(&template.steps).map_err(|fault| fault.at(text, &template.id))?;
        Ok(template)
    }

    fn fault(&self) -> Option<Fault> {
        let empty = self.id.is_empty() || self.needs.is_empty() || self.steps.is_empty();
        if empty {
            return Some(Fault::new("id", "id, needs and steps must not be empty"));
        }
        if let Some(why) = fault(&self.completion) {
            return Some(Fault::new("completion", why));
        }
        if let Some(why) = self.when.as_deref().and_then(fault) {
            return Some(Fault::new("when", why));
        }
        for risk in &self.risks {
            if let Some(why) = risk.when.as_deref().and_then(fault) {
                return Some(Fault::new("risks.when", why).near(&risk.text));
            }
        }
        for other in &self.becomes {
            if let Some(why) = fault(&other.when) {
                return Some(Fault::new("becomes.when", why).near(&other.need));
            }
        }
        for question in &self.questions {
            if TAKEN.contains(&question.fact.as_str()) {
                return Some(
                    Fault::new("questions.fact", "the name is taken").near(&question.fact),
                );
            }
        }
        if let Some(follow_up) = &self.follow_up {
            let arguments = Value::Object(follow_up.arguments.clone());
            if let Some(why) = template_fault(&arguments) {
                return Some(Fault::new("follow_up.arguments", why).near("[follow_up]"));
            }
            if follow_up.times == 0 || !follow_up.after.is_positive() {
                let why = "at least one test, after some time";
                return Some(Fault::new("follow_up", why).near("[follow_up]"));
            }
        }
        steps_fault(&self.steps)
    }
}

/// What is wrong with steps by themselves, whatever their order.
pub(super) fn steps_fault(steps: &[StrategyStep]) -> Option<Fault> {
    let mut known = HashSet::new();
    for step in steps {
        let wrong = |key: &str, why: String| {
            Some(Fault::new(format!("steps.{}.{key}", step.id), why).near(&step.id))
        };
        if !known.insert(step.id.as_str()) || step.id.is_empty() {
            return wrong("id", "ids of steps must be unique and not empty".into());
        }
        match (step.owner, &step.tool, &step.wait) {
            (StepOwner::Tool, Some(_), None) | (_, None, Some(_)) => {}
            (StepOwner::Tool, ..) => {
                return wrong("tool", "a step of owner tool names a tool".into());
            }
            (_, Some(_), _) => return wrong("owner", "only the owner tool calls a tool".into()),
            (_, None, None) => {}
        }
        if let Some(wait) = &step.wait
            && wait.time.is_some() == wait.signal.is_some()
        {
            return wrong("wait", "it is for a time or for a signal".into());
        }
        let timed = step.wait.as_ref().is_some_and(|wait| wait.time.is_some());
        if step.tool.is_none() && !timed && step.within.is_none() {
            return wrong("within", "say how long it may take".into());
        }
        if let Some(name) = step.gives.as_deref()
            && (TAKEN.contains(&name) || name.contains('.'))
        {
            return wrong("gives", format!("a fact cannot be called {name:?}"));
        }
        let matching = step.wait.as_ref().and_then(|wait| wait.matching.as_deref());
        let undo = step.undo.as_ref().and_then(|undo| undo.when.as_deref());
        for (key, text) in [
            ("when", step.when.as_deref()),
            ("wait.matching", matching),
            ("undo.when", undo),
        ] {
            if let Some(why) = text.and_then(fault) {
                return wrong(key, why);
            }
        }
        if let Some(why) = step
            .say
            .as_ref()
            .and_then(|say| template_fault(&Value::String(say.clone())))
        {
            return wrong("say", why);
        }
        if step.say.is_some() && step.owner != StepOwner::VirtualAgent {
            return wrong("say", "only the virtual agent says something".into());
        }
        let undo = step.undo.as_ref().map(|undo| &undo.arguments);
        for (key, fields) in [
            ("arguments", Some(&step.arguments)),
            ("undo.arguments", undo),
        ] {
            if let Some(why) =
                fields.and_then(|fields| template_fault(&Value::Object(fields.clone())))
            {
                return wrong(key, why);
            }
        }
    }
    None
}

/// The steps, each behind those it comes after; otherwise as they stand.
pub(super) fn ordered(steps: &[StrategyStep]) -> std::result::Result<Vec<StrategyStep>, Fault> {
    let ids: HashSet<&str> = steps.iter().map(|step| step.id.as_str()).collect();
    for step in steps {
        if let Some(missing) = step.after.iter().find(|id| !ids.contains(id.as_str())) {
            let key = format!("steps.{}.after", step.id);
            let why = format!("there is no step {missing:?}");
            return Err(Fault::new(key, why).near(&step.id));
        }
    }
    let mut left: Vec<&StrategyStep> = steps.iter().collect();
    let mut placed: Vec<StrategyStep> = Vec::new();
    while !left.is_empty() {
        let free = |step: &&StrategyStep| {
            let before = |id: &String| placed.iter().any(|earlier| &earlier.id == id);
            step.after.iter().all(before)
        };
        let Some(next) = left.iter().position(free) else {
            let first = left.first().map_or("", |step| step.id.as_str());
            let why = "the steps come after each other in a circle";
            return Err(Fault::new(format!("steps.{first}.after"), why).near(first));
        };
        placed.push(left.remove(next).clone());
    }
    Ok(placed)
}

/// Reads every `*.toml` of a folder but `policy.toml`, ordered by id.
///
/// # Errors
/// [`ErrorKind::NotFound`] without such a folder; [`ErrorKind::Config`] with file, line and key of a mistake, or two files
/// with the same id.
pub fn load_strategies(folder: &Path) -> Result<Vec<StrategyTemplate>> {
    let shown = folder.display();
    let entries = std::fs::read_dir(folder).or_error(ErrorKind::NotFound, || {
        format!("cannot read the folder of strategies {shown}")
    })?;
    let mut templates = BTreeMap::new();
    for entry in entries {
        let path = entry
            .or_error(ErrorKind::Config, || format!("cannot list {shown}"))?
            .path();
        let is_policy = path.file_name().is_some_and(|name| name == "policy.toml");
        if is_policy || path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).or_error(ErrorKind::Config, || {
            format!("cannot read {}", path.display())
        })?;
        let template =
            StrategyTemplate::from_toml(&text).map_err(|error| error.context(path.display()))?;
        let id = template.id.clone();
        if templates.insert(id.clone(), template).is_some() {
            let why = format!("{}: another file has the id {id:?} too", path.display());
            return Err(Error::new(ErrorKind::Config, why));
        }
    }
    Ok(templates.into_values().collect())
}

/// A mistake, before its line is looked for.
#[derive(Debug)]
pub(super) struct Fault {
    key: String,
    why: String,
    near: String,
}

impl Fault {
    pub(super) fn new(key: impl Into<String>, why: impl Into<String>) -> Self {
        let key: String = key.into();
        Self {
            near: key.clone(),
            key,
            why: why.into(),
        }
    }

    /// A value that stands in the same table.
    pub(super) fn near(mut self, value: &str) -> Self {
        self.near = value.to_owned();
        self
    }

    /// With the line: that of the key, in the table where the value stands.
    pub(super) fn at(&self, text: &str, id: &str) -> Error {
        let last = self.key.rsplit('.').next().unwrap_or_default();
        let is_key = |line: &&str| {
            let name = line.split('=').next().unwrap_or_default().trim();
            line.contains('=') && name == last
        };
        let lines: Vec<&str> = text.lines().collect();
        let value = format!("= \"{}\"", self.near);
        let table = lines
            .iter()
            .rposition(|line| line.contains(&value))
            .or_else(|| lines.iter().position(|line| line.contains(&self.near)))
            .unwrap_or(0);
        let key = lines
            .iter()
            .skip(table)
            .take_while(|line| !line.starts_with("[["))
            .position(is_key)
            .map_or(table, |after| table + after);
        Error::new(
            ErrorKind::Config,
            format!(
                "strategy {id:?}, line {}, key {}: {}",
                key + 1,
                self.key,
                self.why
            ),
        )
    }
}

/// A length of time as people write it: `5 days`, `36h`, `PT2H`. A day has 24 hours.
pub(in crate::dialogue) mod span {
    use jiff::{SignedDuration, Span, SpanRelativeTo, Unit};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in crate::dialogue) fn serialize<S: Serializer>(
        length: &SignedDuration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(length)
    }

    pub(in crate::dialogue) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SignedDuration, D::Error> {
        let text = String::deserialize(deserializer)?;
        read(&text).map_err(D::Error::custom)
    }

    pub(super) fn read(text: &str) -> Result<SignedDuration, String> {
        let wrong =
            |why: jiff::Error| format!("{text:?} is no length of time like \"5 days\": {why}");
        let span: Span = text.parse().map_err(wrong)?;
        let seconds = span
            .total((Unit::Second, SpanRelativeTo::days_are_24_hours()))
            .map_err(wrong)?;
        SignedDuration::try_from_secs_f64(seconds).map_err(wrong)
    }
}

/// [`span`] where it may be left out.
pub(super) mod some_span {
    use jiff::SignedDuration;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[allow(clippy::ref_option, reason = "the form that serde calls")]
    pub(in crate::dialogue) fn serialize<S: Serializer>(
        length: &Option<SignedDuration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match length {
            Some(length) => serializer.collect_str(length),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::dialogue) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SignedDuration>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let read = |text: String| super::span::read(&text).map_err(D::Error::custom);
        text.map(read).transpose()
    }
}
