//! Procedures as data: what the customer needs, what must be known, which steps resolve it.

mod check;
mod guide;
mod load;
mod pin;
mod slot;

pub use guide::playbooks_from_guide;
pub use load::load_playbooks;
pub use pin::Pin;
pub(crate) use pin::{
    BEGAN, Began, Old, TEXT, Text, began_record, overlaid, record_id, text_record,
};
pub use slot::{Slot, SlotKind};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::conversation::Approver;
use crate::error::{ErrorKind, OrError, Result};

/// A procedure.
///
/// Conditions (`entry`, `when`, `require`, arguments) are minijinja expressions and words are minijinja templates, over
/// `slots` (what the customer gave), `results` (what tools returned, by tool), `answers` (the customer's yes or no, by
/// step with `_` for `-`), `profile` and `today`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Playbook {
    /// Machine name.
    pub id: String,
    /// Version of the file, for people. A conversation goes on with the text (its [`Pin`]) that a procedure began with, while
    /// that runs, is paused or waits for a yes; begun again, it has the text of then.
    #[serde(default = "first_version")]
    pub version: u32,
    /// Name for people.
    pub title: String,
    /// What is true when it is resolved.
    pub goal: String,
    /// What it is about in words to the customer, as an end of "Is it about …": "a charge that came twice". Without it the
    /// customer is not asked whether they mean it.
    #[serde(default)]
    pub about: Option<String>,
    /// Things customers say when it applies; at least one.
    pub examples: Vec<String>,
    /// A condition under which it may be begun; always where there is none.
    #[serde(default)]
    pub entry: Option<String>,
    /// Articles that belong to it.
    #[serde(default)]
    pub articles: Vec<String>,
    /// Wrap-up codes that are likely.
    #[serde(default)]
    pub wrap_up: Vec<String>,
    /// Rules in plain words.
    #[serde(default)]
    pub policies: Vec<String>,
    /// Rules that code checks before a step is taken.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// What must be known.
    #[serde(default)]
    pub slots: Vec<Slot>,
    /// The steps, in their usual order; at least one.
    pub steps: Vec<Step>,
}

/// A rule that holds before some steps are taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Machine name.
    pub id: String,
    /// The steps it guards; every tool step where none is named.
    #[serde(default)]
    pub steps: Vec<String>,
    /// What must hold.
    pub require: String,
    /// Slots whose values are asked for again where it does not hold; what [`otherwise`](Self::otherwise) says is done where
    /// none of them is known.
    #[serde(default)]
    pub clear: Vec<String>,
    /// What is done where it does not hold.
    #[serde(default)]
    pub otherwise: Otherwise,
    /// What the customer is told then.
    #[serde(default)]
    pub say: String,
}

/// What is done where something did not go as it should.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// A person takes over.
    #[default]
    HandOff,
    /// The step, and what only comes after it, is left out.
    LeaveOut,
    /// The procedure ends.
    Stop,
}

/// One step of a playbook.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Machine name.
    pub id: String,
    /// The step in plain words.
    pub label: String,
    /// What is done.
    pub kind: StepKind,
    /// What an agent says at this step; at a tool step, before it runs.
    #[serde(default)]
    pub say: String,
    /// Other ways to say it; how a step that was done is recognised.
    #[serde(default)]
    pub examples: Vec<String>,
    /// Slots that must be filled before.
    #[serde(default)]
    pub requires: Vec<String>,
    /// Slots that an ask step asks for: it is done when they are filled.
    #[serde(default)]
    pub collects: Vec<String>,
    /// Steps that must be done, or left out, before.
    #[serde(default)]
    pub after: Vec<String>,
    /// A condition under which it is taken; else it is left out.
    #[serde(default)]
    pub when: Option<String>,
    /// Backend action of a tool step.
    #[serde(default)]
    pub tool: String,
    /// The need whose strategy a resolve step begins; the playbook's own where it is empty.
    #[serde(default)]
    pub need: String,
    /// Arguments of the tool, or facts of the strategy, each an expression; the required slots where there are none.
    #[serde(default)]
    pub arguments: BTreeMap<String, String>,
    /// Who must say yes before the tool runs, in this order.
    #[serde(default)]
    pub approvals: Vec<Approver>,
    /// What the customer is asked where they must say yes.
    #[serde(default)]
    pub confirm: String,
    /// What is said when the tool has run.
    #[serde(default)]
    pub done: String,
    /// What is said when the tool has failed.
    #[serde(default)]
    pub failed: String,
    /// What is done when the tool has failed.
    #[serde(default)]
    pub on_failure: Otherwise,
    /// When to ask again and run the tool once more.
    #[serde(default)]
    pub redo: Option<Redo>,
    /// Relative cost to serve, 0 to 1.
    #[serde(default)]
    pub cost: f32,
    /// Whether the goal can be reached without it. A virtual agent takes such a step only where its `when` holds.
    #[serde(default)]
    pub optional: bool,
}

/// When a tool is to run once more with other values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redo {
    /// A condition over `result`, what the tool returned.
    pub when: String,
    /// Slots that are asked for again.
    pub clear: Vec<String>,
    /// What the customer is told.
    pub say: String,
    /// How often.
    pub at_most: u32,
    /// What is done after that.
    #[serde(default)]
    pub otherwise: Otherwise,
    /// What the customer is told then.
    #[serde(default)]
    pub at_last: String,
}

/// The kinds of [`Step`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Ask the customer for something.
    Ask,
    /// Tell the customer something.
    #[default]
    Inform,
    /// Run a backend action.
    Tool,
    /// Get the customer's yes or no; either is an answer, which later conditions see.
    Approval,
    /// Hand over to a person.
    Handoff,
    /// Begin the strategy that resolves a need for good, over days where it takes them; the step is done when the
    /// strategy needs no more answers of the customer.
    Resolve,
}

fn first_version() -> u32 {
    1
}

const UNREADABLE: fn() -> &'static str = || "the playbook cannot be read";

impl Playbook {
    /// Reads a playbook from TOML and checks that it hangs together.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with line and key of the mistake.
    pub fn from_toml(text: &str) -> Result<Self> {
        let playbook: Self = toml::from_str(text).or_error(ErrorKind::Config, UNREADABLE)?;
        playbook.checked()
    }

    /// Reads a playbook from YAML, with the same keys as in TOML, and checks that it hangs together.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with line and key of the mistake.
    pub fn from_yaml(text: &str) -> Result<Self> {
        let playbook: Self =
            serde_saphyr::from_str(text).or_error(ErrorKind::Config, UNREADABLE)?;
        playbook.checked()
    }

    /// The playbook, where it hangs together.
    fn checked(mut self) -> Result<Self> {
        for slot in &mut self.slots {
            // Authors leave the key in and its value empty.
            slot.pattern = slot.pattern.take().filter(|pattern| !pattern.is_empty());
        }
        self.check()?;
        Ok(self)
    }

    /// The step with this id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// The slot with this name.
    pub fn slot(&self, name: &str) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.name == name)
    }
}

#[cfg(test)]
mod tests;
