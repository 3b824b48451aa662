//! Procedures are begun, resumed and left.

use super::walk::Walk;
use super::{DialogueState, Topic, key};
use crate::dialogue::playbook::{Playbook, StepKind};

/// What belonged to an earlier run of a procedure: what its tools found, and what only its own questions ask. A step whose
/// condition looks at its own result (who the customer is) says itself when it is taken again.
fn forget(state: &mut DialogueState, playbook: &Playbook) {
    for step in &playbook.steps {
        let own = format!("results.{}", step.tool);
        let keeps = step.when.as_ref().is_some_and(|when| when.contains(&own));
        if step.kind == StepKind::Tool && !keeps {
            state.results.remove(&step.tool);
        }
        state.answers.remove(&step.id.replace('-', "_"));
    }
    let own = playbook.slots.iter().filter(|slot| slot.asked_only);
    own.for_each(|slot| drop(state.slots.remove(&slot.name)));
}

impl Walk<'_> {
    /// Begins or resumes a procedure; the running one waits.
    pub(super) fn begin(&mut self, id: &str) {
        let resumed = self.state.paused.iter().any(|paused| paused == id);
        self.state.paused.retain(|paused| paused != id);
        self.state.waiting.retain(|waiting| waiting != id);
        if !resumed {
            // The same need may come up twice in a conversation; who the customer is stays known.
            let own = key(id, "");
            let state = &mut self.state;
            let earlier = state.runs.entry(id.to_owned()).or_default();
            *earlier += 1;
            for steps in [
                &mut state.done,
                &mut state.left_out,
                &mut state.dropped,
                &mut state.fixed,
                &mut state.said,
            ] {
                steps.retain(|step| !step.starts_with(&own));
            }
            if let Some(playbook) = self.moment.playbooks.iter().find(|p| p.id == id) {
                forget(state, playbook);
            }
            // What is begun anew is begun as it is now.
            state.pinned.remove(id);
            state.approvals.retain(|step, _| !step.starts_with(&own));
            state.redone.retain(|step, _| !step.starts_with(&own));
        }
        self.state.about = Some(Topic::Playbook { id: id.to_owned() });
        let before = self.state.playbook.replace(id.to_owned());
        self.state.paused.extend(before);
        self.state.pending = None;
        self.state.asked = None;
        self.refresh();
    }

    /// The running procedure is over; a paused one goes on.
    pub(super) fn leave(&mut self) {
        self.state.playbook = self.state.paused.pop();
        self.state.pending = None;
        self.state.asked = None;
        self.finished = true;
        self.refresh();
    }
}
