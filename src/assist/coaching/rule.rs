//! A coaching rule and the files that hold them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::condition::{Condition, LikenessCondition};
use super::hurry;
use crate::conversation::{Role, Trigger};
use crate::error::{Error, ErrorKind, OrError, Result};

/// When a cue is given, and what it says: a condition on what was said and how, unless the agent has responded to it
/// already.
///
/// In a file, `examples`, `counter_examples` and `threshold` may stand in the rule itself instead of a `condition`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
#[non_exhaustive]
pub struct CoachingRule {
    /// Machine name.
    pub id: String,
    /// Name for screens.
    pub display_name: String,
    /// Whose words are looked at.
    pub speaker: Role,
    /// When it is looked at. At the start, the end and a transfer, the words are the last ones of `speaker`. A rule for
    /// utterances that misses a step without a turn is looked at at the end, too.
    pub trigger: Trigger,
    /// What calls for the cue.
    pub condition: Condition,
    /// The hint to the human agent; may be empty where there is a `system_action`.
    pub agent_action: String,
    /// What the host is to do, by a name of its own; nothing here reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_action: Option<String>,
    /// Sentences by which the agent has already done it.
    pub acknowledgements: Vec<String>,
    /// Phrases in the utterance that keep the cue away.
    pub do_not_trigger: Vec<String>,
    /// Seconds of the conversation in which the cue does not come again; of no effect in a transcript without times.
    pub cooldown_s: u64,
    /// At most this many times in a conversation.
    pub max_per_call: u32,
    /// Lower comes first.
    pub priority: u32,
    /// BCP 47 tags of the conversations it is for; all where empty.
    pub languages: Vec<String>,
}

/// A rule as people write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    display_name: String,
    speaker: Role,
    #[serde(default = "every_utterance")]
    trigger: Trigger,
    condition: Option<Condition>,
    #[serde(default)]
    examples: Vec<String>,
    #[serde(default)]
    counter_examples: Vec<String>,
    threshold: Option<f32>,
    #[serde(default)]
    agent_action: String,
    system_action: Option<String>,
    #[serde(default)]
    acknowledgements: Vec<String>,
    #[serde(default)]
    do_not_trigger: Vec<String>,
    #[serde(default)]
    cooldown_s: u64,
    #[serde(default = "once")]
    max_per_call: u32,
    #[serde(default)]
    priority: u32,
    #[serde(default)]
    languages: Vec<String>,
}

fn every_utterance() -> Trigger {
    Trigger::EndOfUtterance
}

fn once() -> u32 {
    1
}

impl CoachingRule {
    /// A rule on every utterance of `speaker`, once in a conversation, in all languages.
    pub fn new(
        id: impl Into<String>,
        speaker: Role,
        condition: Condition,
        agent_action: impl Into<String>,
    ) -> Self {
        let id = id.into();
        Self {
            display_name: id.clone(),
            id,
            speaker,
            trigger: every_utterance(),
            condition,
            agent_action: agent_action.into(),
            system_action: None,
            acknowledgements: Vec::new(),
            do_not_trigger: Vec::new(),
            cooldown_s: 0,
            max_per_call: once(),
            priority: 0,
            languages: Vec::new(),
        }
    }

    /// Whether the rule can be used: it could fire, it does something, and it hurries nobody.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with what is wrong and the name of the rule.
    pub fn check(&self) -> Result<()> {
        match self.fault() {
            None => Ok(()),
            Some(fault) => Err(Error::new(
                ErrorKind::Config,
                format!("rule {:?} {fault}", self.id),
            )),
        }
    }

    fn fault(&self) -> Option<String> {
        if self.id.trim().is_empty() {
            return Some("needs an id".into());
        }
        if self.agent_action.trim().is_empty() && self.system_action.is_none() {
            return Some("needs an agent_action, a system_action or both".into());
        }
        if let Some(fault) = self.condition.fault() {
            return Some(fault.into());
        }
        let shown = [&self.id, &self.display_name, &self.agent_action];
        let word = shown
            .into_iter()
            .chain(&self.system_action)
            .find_map(|text| hurry::hurrying(text))?;
        Some(format!(
            "speaks of hurrying ({word:?}): no rule rewards hurrying, since a contact that is cut short comes back; say what \
             helps the customer instead"
        ))
    }
}

impl TryFrom<Written> for CoachingRule {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let named = |fault: &str| format!("rule {:?} {fault}", written.id);
        let likeness = !written.examples.is_empty()
            || !written.counter_examples.is_empty()
            || written.threshold.is_some();
        let condition = match (written.condition, likeness) {
            (Some(condition), false) => condition,
            (Some(_), true) => {
                return Err(named(
                    "has examples or a threshold beside its condition; put them into it: { likeness = { examples, threshold } }",
                ));
            }
            (None, false) => return Err(named("needs a condition, or examples and a threshold")),
            (None, true) => Condition::Likeness(LikenessCondition {
                threshold: written
                    .threshold
                    .ok_or_else(|| named("needs a threshold between 0 and 1"))?,
                examples: written.examples,
                counter_examples: written.counter_examples,
            }),
        };
        let rule = Self {
            id: written.id,
            display_name: written.display_name,
            speaker: written.speaker,
            trigger: written.trigger,
            condition,
            agent_action: written.agent_action,
            system_action: written.system_action,
            acknowledgements: written.acknowledgements,
            do_not_trigger: written.do_not_trigger,
            cooldown_s: written.cooldown_s,
            max_per_call: written.max_per_call,
            priority: written.priority,
            languages: written.languages,
        };
        rule.check().map_err(|error| error.to_string())?;
        Ok(rule)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    #[serde(default)]
    rules: Vec<CoachingRule>,
}

/// Reads rules from a TOML file of `[[rules]]`; or, of a folder, from its `coaching.toml`, else from all its `*.toml`.
///
/// # Errors
/// [`ErrorKind::NotFound`] without such a file; [`ErrorKind::Config`] with file, line and key of the mistake, for a rule
/// that could never fire, one that hurries people, and two of the same id.
pub fn load_coaching_rules(path: &Path) -> Result<Vec<CoachingRule>> {
    let mut rules: Vec<CoachingRule> = Vec::new();
    for file in files(path)? {
        for rule in read(&file)? {
            if rules.iter().any(|known| known.id == rule.id) {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!("{}: there are two rules {:?}", file.display(), rule.id),
                ));
            }
            rules.push(rule);
        }
    }
    Ok(rules)
}

fn read(file: &Path) -> Result<Vec<CoachingRule>> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).or_error(ErrorKind::NotFound, || {
        format!("cannot read the coaching rules {shown}")
    })?;
    let read: RuleFile = toml::from_str(&text).or_error(ErrorKind::Config, || {
        format!("{shown} holds no coaching rules")
    })?;
    Ok(read.rules)
}

fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let usual = path.join("coaching.toml");
    if usual.exists() {
        return Ok(vec![usual]);
    }
    let unreadable = || format!("cannot list {}", path.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).or_error(ErrorKind::NotFound, unreadable)? {
        found.push(entry.or_error(ErrorKind::NotFound, unreadable)?.path());
    }
    found.retain(|file| file.extension().is_some_and(|e| e == "toml"));
    found.sort();
    if found.is_empty() {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("{} holds no coaching rules (*.toml)", path.display()),
        ));
    }
    Ok(found)
}
