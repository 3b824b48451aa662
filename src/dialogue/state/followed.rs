//! What is said and done while a person leads: the state keeps up, so that nothing is asked or done again afterwards.

use super::walk::Walk;
use super::{DialogueState, Moment, key};
use crate::dialogue::command::{Command, Rejection};
use crate::dialogue::facts::Facts;
use crate::dialogue::playbook::{Playbook, Step, StepKind};

/// Takes up needs and values of `commands` (others are left alone), and `taken`: steps that a person has done, as
/// `playbook/step`. Nothing is said and no tool runs for it. What does not fit is rejected, with the reason.
///
/// A person who did what a tool step does has done what comes before it too; of other steps only what needs no tool.
pub fn followed(
    state: DialogueState,
    commands: &[Command],
    taken: &[String],
    moment: &Moment<'_>,
) -> (DialogueState, Vec<Rejection>) {
    let mut walk = Walk::new(state, *moment);
    let mut rejections = Vec::new();
    for command in commands {
        let kept = match command {
            Command::StartPlaybook { .. } => walk.command(command),
            Command::SetSlot { name, value } => walk
                .command(command)
                .or_else(|why| walk.learn(name, value, why)),
            _ => Ok(()),
        };
        if let Err(reason) = kept {
            let proposal =
                serde_json::to_string(command).unwrap_or_else(|_| format!("{command:?}"));
            rejections.push(Rejection { proposal, reason });
        }
    }
    for source in taken {
        match walk.find(source) {
            Some((playbook, step)) => {
                let deed = step.kind == StepKind::Tool;
                let known = |name: &String| walk.state.slots.contains_key(name);
                // What was asked is not answered yet.
                if step.kind != StepKind::Ask || step.collects.iter().all(known) {
                    walk.mark(playbook, step, deed);
                }
            }
            None => rejections.push(Rejection {
                proposal: source.clone(),
                reason: "no playbook has this step; name it as `playbook/step`".to_owned(),
            }),
        }
    }
    // The person asked and was answered; what the virtual agent had asked is no open question any more.
    let answered = |name: &String| walk.state.slots.contains_key(name);
    if walk.state.asked.as_ref().is_some_and(answered) {
        walk.state.asked = None;
    }
    (walk.end().0, rejections)
}

/// What is known, as conditions and words of playbooks see it.
pub(in crate::dialogue) fn facts(state: &DialogueState, moment: &Moment<'_>) -> Facts {
    Walk::new(state.clone(), *moment).facts
}

impl DialogueState {
    /// Whether everything that was begun is through, and all of it as it should be: no step was refused or failed.
    pub fn is_resolved(&self, playbooks: &[Playbook]) -> bool {
        let is_through = |id: &String| {
            let playbook = playbooks.iter().find(|p| &p.id == id);
            playbook.is_some_and(|p| p.steps.iter().all(|step| self.is_over(&p.id, &step.id)))
        };
        !self.runs.is_empty()
            && self.runs.keys().all(is_through)
            && self.dropped.is_empty()
            && self.playbook.is_none()
            && self.waiting.is_empty()
            && self.paused.is_empty()
    }
}

impl Walk<'_> {
    /// A value that no procedure asks for yet.
    fn learn(&mut self, name: &str, value: &str, why: String) -> Result<(), String> {
        let open = self
            .state
            .playbook
            .iter()
            .chain(&self.state.waiting)
            .chain(&self.state.paused);
        let asks = |id: &String| {
            let playbook = self.moment.playbooks.iter().find(|p| &p.id == id);
            playbook.is_some_and(|p| p.slot(name).is_some())
        };
        if open.into_iter().any(asks) {
            // It was refused by the procedure it is for.
            return Err(why);
        }
        let slot = self.moment.playbooks.iter().find_map(|p| p.slot(name));
        let kept = slot.ok_or(why)?.accept(value)?;
        self.state.slots.insert(name.to_owned(), kept);
        self.refresh();
        Ok(())
    }

    fn mark(&mut self, playbook: &Playbook, step: &Step, deed: bool) {
        let source = key(&playbook.id, &step.id);
        self.state.left_out.remove(&source);
        self.state.dropped.remove(&source);
        if step.kind == StepKind::Tool {
            // Another value does not undo what a person did.
            self.state.fixed.insert(source.clone());
        }
        if self
            .state
            .pending
            .as_ref()
            .is_some_and(|pending| pending.source == source)
        {
            self.state.pending = None;
        }
        self.state.done.insert(source);
        for before in step.after.iter().filter_map(|id| playbook.step(id)) {
            let is_over = self.state.is_over(&playbook.id, &before.id);
            match before.kind {
                _ if is_over => {}
                StepKind::Tool if !deed => {}
                _ if before.optional => {
                    self.state.left_out.insert(key(&playbook.id, &before.id));
                }
                _ => self.mark(playbook, before, deed),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::dialogue::state::apply;

    fn book() -> Vec<Playbook> {
        let text = r#"
            id = "refund"
            title = "Refund"
            goal = "Paid back."
            examples = ["my money back"]
            [[slots]]
            name = "account"
            description = "account number"
            pattern = 'LF\d{6}'
            ask = "Your account number?"
            [[slots]]
            name = "born"
            description = "date of birth"
            kind = "date"
            ask = "When were you born?"
            [[steps]]
            id = "who"
            label = "Ask who it is"
            kind = "ask"
            collects = ["account", "born"]
            [[steps]]
            id = "check"
            label = "Check who it is"
            kind = "tool"
            tool = "check_identity"
            after = ["who"]
            [[steps]]
            id = "pay"
            label = "Pay it back"
            kind = "tool"
            tool = "pay_back"
            after = ["check"]
            [[steps]]
            id = "close"
            label = "Close"
            kind = "inform"
            say = "It comes within five days."
            after = ["pay"]
        "#;
        vec![Playbook::from_toml(text).unwrap()]
    }

    fn at<'a>(books: &'a [Playbook], profile: &'a BTreeMap<String, String>) -> Moment<'a> {
        Moment {
            playbooks: books,
            profile,
            now: jiff::Timestamp::UNIX_EPOCH,
            utterance: None,
        }
    }

    fn set(name: &str, value: &str) -> Command {
        Command::SetSlot {
            name: name.into(),
            value: value.into(),
        }
    }

    #[test]
    fn what_a_person_learned_and_did_is_not_asked_or_done_again() {
        let (books, nobody) = (book(), BTreeMap::new());
        let moment = at(&books, &nobody);
        let start = Command::StartPlaybook {
            playbook: "refund".into(),
            later: false,
        };
        let (mut state, _, _) = apply(DialogueState::default(), &[start], &moment);
        state.handed_off = Some(crate::conversation::HandoffReason::Stuck);
        let told = [set("account", "l f 402117"), set("nonsense", "1")];
        let (state, rejections) = followed(state, &told, &[], &moment);
        assert_eq!(
            (state.slots["account"].as_str(), rejections.len()),
            ("LF402117", 1)
        );
        assert!(!state.is_resolved(&books));
        let (mut state, rejections) =
            followed(state, &[], &["refund/pay".into(), "x/y".into()], &moment);
        assert_eq!(rejections.len(), 1, "{rejections:?}");
        assert!(state.is_done("refund", "check") && state.fixed.contains("refund/pay"));
        state.handed_off = None;
        let (state, effects, _) = apply(state, &[], &moment);
        let effects = serde_json::to_string(&effects).unwrap();
        assert!(
            effects.contains("five days") && !effects.contains("call_tool"),
            "{effects}"
        );
        assert!(state.is_resolved(&books));
    }

    #[test]
    fn whoever_closes_a_talk_has_not_done_what_needs_a_tool() {
        let (books, nobody) = (book(), BTreeMap::new());
        let state = DialogueState {
            playbook: Some("refund".into()),
            ..DialogueState::default()
        };
        let (state, _) = followed(state, &[], &["refund/close".into()], &at(&books, &nobody));
        assert!(state.is_done("refund", "close") && !state.is_done("refund", "pay"));
    }

    #[test]
    fn a_value_that_nothing_asks_for_yet_is_kept_for_later() {
        let (books, nobody) = (book(), BTreeMap::new());
        let moment = at(&books, &nobody);
        let (state, rejections) = followed(
            DialogueState::default(),
            &[set("account", "LF402117")],
            &[],
            &moment,
        );
        assert_eq!((state.slots.len(), rejections.len()), (1, 0));
        let (_, rejections) = followed(state, &[set("account", "banana")], &[], &moment);
        assert_eq!(rejections.len(), 1);
    }
}
