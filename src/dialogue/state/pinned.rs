//! A procedure is gone along as it was when it began; where nobody has it any more, a person takes over.

use super::walk::Walk;
use super::{DialogueState, Pin};
use crate::conversation::HandoffReason;
use crate::dialogue::command::{Effect, Rejection};
use crate::dialogue::playbook::Playbook;

impl DialogueState {
    /// The playbooks that were begun and are not over: the running one, the paused ones, the one that waits for a yes.
    fn open(&self) -> impl Iterator<Item = &str> {
        let pending = self.pending.as_ref();
        let pending = pending.and_then(|pending| pending.source.split_once('/'));
        let begun = self.playbook.iter().chain(&self.paused);
        begun
            .map(String::as_str)
            .chain(pending.map(|(playbook, _)| playbook))
    }

    /// Whether it goes on with this text of a playbook.
    pub(crate) fn follows(&self, playbook: &str, pin: &Pin) -> bool {
        self.pinned.get(playbook) == Some(pin) && self.open().any(|open| open == playbook)
    }

    /// What of that which was begun is not among these playbooks: a playbook, or the step (`playbook/step`) that waits for
    /// a yes. Nothing can go on then as it was begun.
    pub fn lost(&self, playbooks: &[Playbook]) -> Option<&str> {
        let find = |id: &str| playbooks.iter().find(|playbook| playbook.id == id);
        let waits = self.pending.as_ref().map(|pending| pending.source.as_str());
        let is_step = |source: &&str| {
            let (playbook, step) = source.split_once('/').unwrap_or((source, ""));
            find(playbook).is_some_and(|playbook| playbook.step(step).is_some())
        };
        let mut open = self.open();
        open.find(|id| find(id).is_none())
            .or(waits.filter(|source| !is_step(source)))
    }

    /// Notes which text what was begun has, and forgets what is over. A state of an earlier version has no notes; it goes
    /// on with what is there.
    fn pin(&mut self, playbooks: &[Playbook]) {
        self.unpin();
        let is_new = |id: &&str| !self.pinned.contains_key(*id);
        let new: Vec<(String, Pin)> = self
            .open()
            .filter(is_new)
            .filter_map(|id| playbooks.iter().find(|playbook| playbook.id == id))
            .map(|playbook| (playbook.id.clone(), Pin::of(playbook)))
            .collect();
        self.pinned.extend(new);
    }

    /// Forgets the texts of what is over.
    pub(in crate::dialogue) fn unpin(&mut self) {
        let mut pinned = std::mem::take(&mut self.pinned);
        pinned.retain(|id, _| self.open().any(|open| open == id));
        self.pinned = pinned;
    }
}

impl Walk<'_> {
    /// What was decided.
    pub(super) fn end(mut self) -> (DialogueState, Vec<Effect>) {
        self.state.pin(self.moment.playbooks);
        (self.state, self.effects)
    }

    /// Gives the conversation to a person where something is lost that it would go on with; what is told of it then.
    pub(super) fn give_up_what_is_lost(&mut self) -> Option<Rejection> {
        if self.is_over() {
            return None;
        }
        let proposal = self.state.lost(self.moment.playbooks)?.to_owned();
        self.hand_off(HandoffReason::ProcedureGone);
        Some(Rejection {
            proposal,
            reason: "it was begun and is in no playbook any more; a person takes over".to_owned(),
        })
    }

    /// Something came of a step that nobody knows.
    pub(super) fn end_unknown(mut self) -> (DialogueState, Vec<Effect>) {
        if !self.is_over() {
            self.hand_off(HandoffReason::ProcedureGone);
        }
        self.end()
    }
}
