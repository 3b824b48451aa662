//! Procedures as data: what the customer needs, what must be known, which steps resolve it.

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, OrError, Result};

/// A procedure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Playbook {
    /// Machine name.
    pub id: String,
    /// Version of the file; a running conversation keeps the one it started with.
    #[serde(default = "first_version")]
    pub version: u32,
    /// Name for people.
    pub title: String,
    /// What is true when it is resolved.
    pub goal: String,
    /// Things customers say when it applies; at least one.
    pub examples: Vec<String>,
    /// Articles that belong to it.
    #[serde(default)]
    pub articles: Vec<String>,
    /// Wrap-up codes that are likely.
    #[serde(default)]
    pub wrap_up: Vec<String>,
    /// Rules in plain words.
    #[serde(default)]
    pub policies: Vec<String>,
    /// What must be known.
    #[serde(default)]
    pub slots: Vec<Slot>,
    /// The steps, in their usual order; at least one.
    pub steps: Vec<Step>,
}

/// A value a playbook needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// Machine name.
    pub name: String,
    /// What it is, in plain words.
    pub description: String,
    /// Regular expression the whole value must match.
    #[serde(default)]
    pub pattern: Option<String>,
    /// The only values allowed; any where empty.
    #[serde(default)]
    pub values: Vec<String>,
    /// How to ask for it.
    pub ask: String,
}

/// One step of a playbook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Machine name, unique in the playbook.
    pub id: String,
    /// What to do, in plain words.
    pub label: String,
    /// What kind of step it is.
    pub kind: StepKind,
    /// What an agent says at this step.
    #[serde(default)]
    pub say: String,
    /// Other ways to say it; how a step that was done is recognised.
    #[serde(default)]
    pub examples: Vec<String>,
    /// Slots that must be filled before.
    #[serde(default)]
    pub requires: Vec<String>,
    /// Steps that must be done before.
    #[serde(default)]
    pub after: Vec<String>,
    /// Backend action of a tool step.
    #[serde(default)]
    pub tool: String,
    /// Relative cost to serve, 0 to 1.
    #[serde(default)]
    pub cost: f32,
    /// Whether the goal can be reached without it.
    #[serde(default)]
    pub optional: bool,
}

/// The kinds of [`Step`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Ask the customer for something.
    Ask,
    /// Tell the customer something.
    Inform,
    /// Run a backend action.
    Tool,
    /// Get somebody's yes.
    Approval,
    /// Hand over to a person.
    Handoff,
}

fn first_version() -> u32 {
    1
}

impl Playbook {
    /// Reads a playbook from TOML and checks that it hangs together.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with line and key of the mistake.
    pub fn from_toml(text: &str) -> Result<Self> {
        let mut playbook: Self =
            toml::from_str(text).or_error(ErrorKind::Config, || "the playbook cannot be read")?;
        for slot in &mut playbook.slots {
            // Authors leave the key in and its value empty.
            slot.pattern = slot.pattern.take().filter(|pattern| !pattern.is_empty());
        }
        playbook.check()?;
        Ok(playbook)
    }

    /// The step with this id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// The slot with this name.
    pub fn slot(&self, name: &str) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.name == name)
    }

    fn check(&self) -> Result<()> {
        let wrong = |what: String| {
            Err(Error::new(
                ErrorKind::Config,
                format!("playbook {:?}: {what}", self.id),
            ))
        };
        if self.id.is_empty() || self.examples.is_empty() || self.steps.is_empty() {
            return wrong("id, examples and steps must not be empty".into());
        }
        let mut known = HashSet::new();
        for slot in &self.slots {
            if !known.insert(slot.name.as_str()) {
                return wrong(format!("two slots are called {:?}", slot.name));
            }
            if let Some(pattern) = &slot.pattern
                && let Err(why) = regex::Regex::new(pattern)
            {
                return wrong(format!(
                    "the pattern of slot {:?} is no regular expression: {why}",
                    slot.name
                ));
            }
        }
        let mut before: HashSet<&str> = HashSet::new();
        for step in &self.steps {
            if let Some(missing) = step
                .requires
                .iter()
                .find(|name| !known.contains(name.as_str()))
            {
                return wrong(format!(
                    "step {:?} requires the unknown slot {missing:?}",
                    step.id
                ));
            }
            // Steps may only come after earlier ones, so there can be no circle.
            if let Some(missing) = step.after.iter().find(|id| !before.contains(id.as_str())) {
                return wrong(format!(
                    "step {:?} comes after {missing:?}, which does not stand before it",
                    step.id
                ));
            }
            if step.kind == StepKind::Tool && step.tool.is_empty() {
                return wrong(format!("tool step {:?} names no tool", step.id));
            }
            if !before.insert(&step.id) {
                return wrong(format!("two steps are called {:?}", step.id));
            }
        }
        Ok(())
    }
}

impl Slot {
    /// The value in the form to keep, if it is valid.
    ///
    /// # Errors
    /// Says in plain words what a valid value is.
    pub fn accept(&self, value: &str) -> std::result::Result<String, String> {
        let value = value.trim();
        if value.is_empty() {
            return Err(format!("{} is empty", self.name));
        }
        if let Some(allowed) = (!self.values.is_empty()).then_some(&self.values) {
            let found = allowed.iter().find(|a| a.eq_ignore_ascii_case(value));
            return found
                .cloned()
                .ok_or_else(|| format!("{} must be one of {}", self.name, allowed.join(", ")));
        }
        let Some(pattern) = &self.pattern else {
            return Ok(value.to_owned());
        };
        // Spoken ids come with blanks and in any case: "l f 40 21 17".
        let compact: String = value.chars().filter(|c| c.is_alphanumeric()).collect();
        let candidates = [
            value.to_owned(),
            value.to_uppercase(),
            compact.clone(),
            compact.to_uppercase(),
        ];
        let whole = regex::Regex::new(&format!("^(?:{pattern})$"));
        candidates
            .into_iter()
            .find(|c| whole.as_ref().is_ok_and(|regex| regex.is_match(c)))
            .ok_or_else(|| format!("{value:?} is no {}", self.description))
    }
}

/// Reads every `*.toml` of a directory, ordered by id.
///
/// # Errors
/// [`ErrorKind::NotFound`] without such a directory; [`ErrorKind::Config`] naming the file and the
/// mistake, or two files with the same id.
pub fn load_playbooks(directory: &Path) -> Result<Vec<Playbook>> {
    let shown = directory.display();
    let entries = std::fs::read_dir(directory).or_error(ErrorKind::NotFound, || {
        format!("cannot read the playbook directory {shown}")
    })?;
    let mut playbooks: Vec<Playbook> = Vec::new();
    for entry in entries {
        let path = entry
            .or_error(ErrorKind::Config, || format!("cannot list {shown}"))?
            .path();
        if path.extension().is_none_or(|e| e != "toml") {
            continue;
        }
        let read = || format!("cannot read {}", path.display());
        let text = std::fs::read_to_string(&path).or_error(ErrorKind::Config, read)?;
        let playbook = Playbook::from_toml(&text).map_err(|e| e.context(path.display()))?;
        if playbooks.iter().any(|p| p.id == playbook.id) {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "{}: another file has the id {:?} too",
                    path.display(),
                    playbook.id
                ),
            ));
        }
        playbooks.push(playbook);
    }
    playbooks.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(playbooks)
}
