//! The step of a procedure that begins a strategy.

use serde_json::Value;

use super::walk::Walk;
use crate::dialogue::command::Effect;
use crate::dialogue::playbook::{Playbook, Step};

impl Walk<'_> {
    /// Begins the strategy of a step, or goes on with it where the customer answered one of its questions.
    pub(super) fn resolve(&mut self, playbook: &Playbook, step: &Step, source: String) {
        self.state.pending = None;
        self.state.asked = None;
        let mut facts = self.arguments(step);
        // Answers to the strategy's questions are slots of the same name.
        for slot in playbook.slots.iter().filter(|slot| !slot.secret) {
            if let Some(value) = self.facts.slots.get(&slot.name) {
                facts.entry(slot.name.clone()).or_insert(value.clone());
            }
        }
        if self.state.said.insert(source.clone()) {
            self.say(&source, &step.say);
        }
        let run = self.state.runs.get(&playbook.id).copied();
        let need = if step.need.is_empty() {
            &playbook.id
        } else {
            &step.need
        };
        self.effects.push(Effect::Resolve {
            identity: format!("{source}#{}", run.unwrap_or_default()),
            source,
            need: need.clone(),
            facts: Value::Object(facts),
        });
    }
}
