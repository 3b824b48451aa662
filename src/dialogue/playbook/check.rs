//! Whether a playbook hangs together.

use std::collections::HashSet;

use super::{Playbook, SlotKind, Step, StepKind};
use crate::conversation::Approver;
use crate::dialogue::facts::{check_expression, check_template};
use crate::error::{Error, ErrorKind, Result};

impl Playbook {
    pub(super) fn check(&self) -> Result<()> {
        if self.id.is_empty() || self.examples.is_empty() || self.steps.is_empty() {
            return Err(self.wrong("id, examples and steps must not be empty"));
        }
        self.check_slots()?;
        let mut before: HashSet<&str> = HashSet::new();
        for step in &self.steps {
            // Steps may only come after earlier ones, so there can be no circle.
            if let Some(missing) = step.after.iter().find(|id| !before.contains(id.as_str())) {
                return Err(self.wrong(format!(
                    "step {:?} comes after {missing:?}, which does not stand before it",
                    step.id
                )));
            }
            if !before.insert(&step.id) {
                return Err(self.wrong(format!("two steps are called {:?}", step.id)));
            }
            self.check_step(step)?;
        }
        for check in &self.checks {
            if let Some(missing) = check.steps.iter().find(|id| !before.contains(id.as_str())) {
                return Err(self.wrong(format!(
                    "check {:?} guards the unknown step {missing:?}",
                    check.id
                )));
            }
            self.expression(&format!("check {:?}, require", check.id), &check.require)?;
            self.template(&format!("check {:?}, say", check.id), &check.say)?;
        }
        match &self.entry {
            Some(entry) => self.expression("entry", entry),
            None => Ok(()),
        }
    }

    fn check_slots(&self) -> Result<()> {
        let mut known = HashSet::new();
        for slot in &self.slots {
            let name = &slot.name;
            if !known.insert(name.as_str()) {
                return Err(self.wrong(format!("two slots are called {name:?}")));
            }
            if let Some(pattern) = &slot.pattern
                && let Err(why) = regex::Regex::new(pattern)
            {
                return Err(self.wrong(format!(
                    "the pattern of slot {name:?} is no regular expression: {why}"
                )));
            }
            let is_truth =
                |value: &str| slot.kind == SlotKind::YesNo && matches!(value, "true" | "false");
            if let Some(unknown) = slot
                .synonyms
                .keys()
                .find(|value| !slot.values.contains(value) && !is_truth(value))
            {
                return Err(self.wrong(format!(
                    "slot {name:?} has synonyms of {unknown:?}, which is none of its values"
                )));
            }
        }
        Ok(())
    }

    fn check_step(&self, step: &Step) -> Result<()> {
        let id = &step.id;
        let asked_again = step.redo.iter().flat_map(|redo| &redo.clear);
        for name in step
            .requires
            .iter()
            .chain(&step.collects)
            .chain(asked_again)
        {
            if self.slot(name).is_none() {
                return Err(self.wrong(format!("step {id:?} requires the unknown slot {name:?}")));
            }
        }
        if step.kind == StepKind::Tool && step.tool.is_empty() {
            return Err(self.wrong(format!("tool step {id:?} names no tool")));
        }
        if step.kind != StepKind::Resolve && !step.need.is_empty() {
            return Err(self.wrong(format!("step {id:?} names a need and is no resolve step")));
        }
        if !step.collects.is_empty() && step.kind != StepKind::Ask {
            return Err(self.wrong(format!("step {id:?} collects slots and is no ask step")));
        }
        if step.kind != StepKind::Tool && !step.approvals.is_empty() {
            return Err(self.wrong(format!("step {id:?} has approvals and is no tool step")));
        }
        if step.approvals.contains(&Approver::Customer) && step.confirm.is_empty() {
            return Err(self.wrong(format!(
                "step {id:?} needs the customer's yes and has no words in confirm to ask for it"
            )));
        }
        let conditions = step.when.iter().map(|when| ("when", when));
        let arguments = step
            .arguments
            .iter()
            .map(|(name, value)| (name.as_str(), value));
        let again = step.redo.iter().map(|redo| ("redo.when", &redo.when));
        for (key, source) in conditions.chain(arguments).chain(again) {
            self.expression(&format!("step {id:?}, {key}"), source)?;
        }
        let again = step.redo.iter().map(|redo| ("redo.say", &redo.say));
        let words = [
            ("say", &step.say),
            ("confirm", &step.confirm),
            ("done", &step.done),
            ("failed", &step.failed),
        ];
        for (key, source) in words.into_iter().chain(again) {
            self.template(&format!("step {id:?}, {key}"), source)?;
        }
        Ok(())
    }

    fn expression(&self, place: &str, source: &str) -> Result<()> {
        check_expression(source)
            .map_err(|why| why.context(format!("playbook {:?}, {place}", self.id)))
    }

    fn template(&self, place: &str, source: &str) -> Result<()> {
        check_template(source)
            .map_err(|why| why.context(format!("playbook {:?}, {place}", self.id)))
    }

    fn wrong(&self, what: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::Config, format!("playbook {:?}: {what}", self.id))
    }
}
