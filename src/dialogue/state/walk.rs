//! One walk along the running playbook, up to where it needs somebody.

use jiff::ToSpan;
use serde_json::{Map, Value};

use super::apply::{Moment, made};
use super::{DialogueState, PendingApproval, key};
use crate::conversation::{ApprovalGrant, Approver, HandoffReason};
use crate::dialogue::command::Effect;
use crate::dialogue::facts::Facts;
use crate::dialogue::playbook::{Check, Otherwise, Playbook, Redo, Step, StepKind};

/// More steps than this in one turn are a circle of procedures.
const LONGEST: usize = 200;
/// What is asked before the same change is made a second time.
const AGAIN: &str = "I have done that in this conversation already";
const ONCE_MORE: &str = "Shall I do it once more?";
/// How long somebody may think about a yes.
const HOURS_TO_APPROVE: i64 = 24;

pub(super) struct Walk<'a> {
    pub(super) state: DialogueState,
    pub(super) effects: Vec<Effect>,
    pub(super) moment: Moment<'a>,
    pub(super) facts: Facts,
    /// Whether a procedure was begun by this message.
    pub(super) started_now: bool,
    /// Whether a procedure came to its end in this walk.
    pub(super) finished: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(state: DialogueState, moment: Moment<'a>) -> Self {
        let mut walk = Self {
            state,
            effects: Vec::new(),
            moment,
            facts: Facts::default(),
            started_now: false,
            finished: false,
        };
        walk.refresh();
        walk
    }

    /// Takes up what is known now.
    pub(super) fn refresh(&mut self) {
        let typed = |(name, kept): (&String, &String)| {
            let slot = self
                .running()
                .into_iter()
                .chain(self.moment.playbooks)
                .find_map(|p| p.slot(name));
            let value = slot.map_or_else(|| Value::String(kept.clone()), |slot| slot.value(kept));
            (name.clone(), value)
        };
        let slots = self.state.slots.iter().map(typed).collect();
        self.facts = Facts {
            slots,
            results: self.state.results.clone(),
            answers: self.state.answers.clone(),
            profile: self.moment.profile.clone(),
            result: std::mem::take(&mut self.facts.result),
            today: self.moment.now.strftime("%Y-%m-%d").to_string(),
        };
    }

    pub(super) fn running(&self) -> Option<&'a Playbook> {
        let id = self.state.playbook.as_deref()?;
        self.moment.playbooks.iter().find(|p| p.id == id)
    }

    pub(super) fn find(&self, source: &str) -> Option<(&'a Playbook, &'a Step)> {
        let (playbook, step) = source.split_once('/')?;
        let playbook = self.moment.playbooks.iter().find(|p| p.id == playbook)?;
        Some((playbook, playbook.step(step)?))
    }

    pub(super) fn is_over(&self) -> bool {
        self.state.handed_off.is_some() || self.state.ended
    }

    /// Goes along the running procedure up to where it needs somebody.
    pub(super) fn go_on(&mut self) {
        let asks_already = self
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::AskToClarify));
        for _ in 0..LONGEST {
            let Some(playbook) = self.running() else {
                if self.state.playbook.is_some() && self.give_up_what_is_lost().is_some() {
                    return;
                }
                if let Some(next) = self.state.waiting.first().cloned() {
                    self.begin(&next);
                    continue;
                }
                self.state.playbook = None;
                self.state.asked = None;
                if self.finished && !self.asks() {
                    self.effects.push(Effect::AskMore);
                }
                return;
            };
            let open = |step: &&Step| {
                !self.state.is_over(&playbook.id, &step.id)
                    && step
                        .after
                        .iter()
                        .all(|id| self.state.is_over(&playbook.id, id))
            };
            let Some(step) = playbook.steps.iter().find(open) else {
                self.leave();
                continue;
            };
            if asks_already || !self.take(playbook, step) {
                return;
            }
        }
    }

    /// Takes a step; whether the next one may follow at once.
    fn take(&mut self, playbook: &'a Playbook, step: &'a Step) -> bool {
        let source = key(&playbook.id, &step.id);
        let wanted = match &step.when {
            Some(when) => self.facts.hold(when),
            None => !step.optional,
        };
        let in_vain = step.when.is_none()
            && step
                .after
                .iter()
                .any(|id| self.state.dropped.contains(&key(&playbook.id, id)));
        if in_vain {
            self.state.dropped.insert(source);
            return true;
        }
        if !wanted {
            self.state.left_out.insert(source);
            return true;
        }
        if let Some(check) = self.broken(playbook, step) {
            self.say(&source, &check.say);
            if self.ask_again(playbook, &check.clear) {
                return true;
            }
            self.otherwise(
                &source,
                check.otherwise,
                HandoffReason::PolicyRequiresPerson,
            );
            return !self.is_over();
        }
        let missing = step
            .requires
            .iter()
            .find(|name| !self.state.slots.contains_key(*name));
        if let Some(slot) = missing.and_then(|name| playbook.slot(name)) {
            self.ask(playbook, &slot.name, &slot.ask);
            return false;
        }
        match step.kind {
            StepKind::Ask if !step.collects.is_empty() => {
                let missing = step
                    .collects
                    .iter()
                    .find(|name| !self.state.slots.contains_key(*name));
                let Some(slot) = missing.and_then(|name| playbook.slot(name)) else {
                    self.state.done.insert(source);
                    return true;
                };
                let nothing_yet = step
                    .collects
                    .iter()
                    .all(|name| !self.state.slots.contains_key(name));
                let first = self.state.said.insert(source) && nothing_yet && !step.say.is_empty();
                self.ask(
                    playbook,
                    &slot.name,
                    if first { &step.say } else { &slot.ask },
                );
                false
            }
            StepKind::Ask => {
                self.say(&source, &step.say);
                self.state.done.insert(source);
                false
            }
            StepKind::Inform => {
                self.say(&source, &step.say);
                self.state.done.insert(source);
                true
            }
            StepKind::Approval => {
                let question = if step.confirm.is_empty() {
                    &step.say
                } else {
                    &step.confirm
                };
                self.request(source, Approver::Customer, question);
                false
            }
            StepKind::Tool => {
                self.call(playbook, step, source);
                false
            }
            StepKind::Resolve => {
                self.resolve(playbook, step, source);
                false
            }
            StepKind::Handoff => {
                self.say(&source, &step.say);
                self.state.done.insert(source);
                self.hand_off(HandoffReason::PolicyRequiresPerson);
                false
            }
        }
    }

    /// Runs the tool of a step, or asks the next person who has to say yes.
    fn call(&mut self, playbook: &Playbook, step: &Step, source: String) {
        let granted = self.state.approvals.get(&source).cloned();
        let granted = granted.unwrap_or_default();
        let arguments = Value::Object(self.arguments(step));
        // The same change was made before: perhaps they only speak of it.
        let is_repeat = self.state.made.contains(&made(&step.tool, &arguments));
        let mut needed = step.approvals.clone();
        if is_repeat && !needed.contains(&Approver::Customer) {
            needed.insert(0, Approver::Customer);
        }
        if let Some(by) = needed.get(granted.len()) {
            let again = format!("{AGAIN} ({}). {ONCE_MORE}", step.label);
            let question = match by {
                Approver::Customer if is_repeat => &again,
                Approver::Customer => &step.confirm,
                Approver::HumanAgent | Approver::Supervisor => &step.label,
            };
            return self.request(source, *by, question);
        }
        self.state.pending = None;
        self.state.asked = None;
        if step.done.is_empty() {
            self.say(&source, &step.say);
        }
        let run = self
            .state
            .runs
            .get(&playbook.id)
            .copied()
            .unwrap_or_default();
        let again = self.state.redone.get(&source).copied().unwrap_or_default();
        self.effects.push(Effect::CallTool {
            identity: format!("{source}#{run}.{again}"),
            source,
            tool: step.tool.clone(),
            arguments,
            approvals: granted,
        });
    }

    pub(super) fn arguments(&self, step: &Step) -> Map<String, Value> {
        match step.arguments.is_empty() {
            true => step
                .requires
                .iter()
                .filter_map(|name| Some((name.clone(), self.facts.slots.get(name)?.clone())))
                .collect(),
            false => step
                .arguments
                .iter()
                .map(|(name, source)| (name.clone(), self.facts.json(source)))
                .collect(),
        }
    }

    fn request(&mut self, source: String, by: Approver, question: &str) {
        // Whoever has to say yes was asked already; asking again must not put off the end of the wait.
        let waits = self
            .state
            .pending
            .as_ref()
            .filter(|pending| pending.source == source && pending.by == by);
        if let Some(text) = waits.map(|pending| pending.question.clone()) {
            self.effects.push(Effect::RequestApproval {
                source,
                by,
                text,
                again: true,
            });
            return;
        }
        let text = match self.facts.render(question) {
            Ok(text) => text,
            Err(error) => {
                tracing::warn!(source, error, "a question could not be asked");
                return self.hand_off(HandoffReason::PolicyRequiresPerson);
            }
        };
        let expires_at = self
            .moment
            .now
            .checked_add(HOURS_TO_APPROVE.hours())
            .unwrap_or(self.moment.now);
        self.state.asked = None;
        self.state.pending = Some(PendingApproval {
            source: source.clone(),
            by,
            question: text.clone(),
            asked_at: self.moment.now,
            expires_at,
        });
        self.effects.push(Effect::RequestApproval {
            source,
            by,
            text,
            again: false,
        });
    }

    /// Somebody said yes or no to the step that waits.
    pub(super) fn answer_approval(&mut self, grant: ApprovalGrant, yes: bool) {
        let Some(pending) = self.state.pending.take() else {
            return;
        };
        let Some((_, step)) = self.find(&pending.source) else {
            return;
        };
        self.state.answers.insert(step.id.replace('-', "_"), yes);
        match (step.kind, yes) {
            (StepKind::Approval, _) => {
                self.state.done.insert(pending.source);
            }
            (_, true) => self
                .state
                .approvals
                .entry(pending.source)
                .or_default()
                .push(grant),
            (_, false) => {
                self.state.dropped.insert(pending.source);
            }
        }
        self.refresh();
    }

    /// The tool returned something that other values may change.
    pub(super) fn redo(&mut self, playbook: &Playbook, step: &Step, redo: &Redo) {
        let source = key(&playbook.id, &step.id);
        let times = self.state.redone.entry(source.clone()).or_default();
        *times += 1;
        if *times > redo.at_most {
            self.say(&source, &redo.at_last);
            return self.otherwise(&source, redo.otherwise, HandoffReason::PolicyRequiresPerson);
        }
        self.say(&source, &redo.say);
        self.ask_again(playbook, &redo.clear);
    }

    /// Forgets values, so that they are asked for again; whether any was known.
    fn ask_again(&mut self, playbook: &Playbook, clear: &[String]) -> bool {
        let mut knew = false;
        for name in clear {
            knew |= self.state.slots.remove(name).is_some();
        }
        let collects = |step: &&Step| step.collects.iter().any(|name| clear.contains(name));
        for step in playbook.steps.iter().filter(collects) {
            let key = key(&playbook.id, &step.id);
            self.state.done.remove(&key);
            self.state.said.remove(&key);
        }
        self.refresh();
        knew
    }

    pub(super) fn otherwise(&mut self, source: &str, otherwise: Otherwise, reason: HandoffReason) {
        match otherwise {
            Otherwise::HandOff => self.hand_off(reason),
            Otherwise::LeaveOut => {
                self.state.dropped.insert(source.to_owned());
            }
            Otherwise::Stop => self.leave(),
        }
    }

    pub(super) fn hand_off(&mut self, reason: HandoffReason) {
        self.state.handed_off = Some(reason);
        self.effects.push(Effect::HandOff { reason });
    }

    /// The first rule that forbids a step now.
    fn broken(&self, playbook: &'a Playbook, step: &Step) -> Option<&'a Check> {
        let guards = |check: &&Check| match check.steps.is_empty() {
            true => step.kind == StepKind::Tool,
            false => check.steps.contains(&step.id),
        };
        playbook
            .checks
            .iter()
            .filter(guards)
            .find(|check| !self.facts.hold(&check.require))
    }

    pub(super) fn ask(&mut self, playbook: &Playbook, slot: &str, words: &str) {
        self.say(&key(&playbook.id, slot), words);
        self.state.asked = Some(slot.to_owned());
        self.state.pending = None;
    }

    /// Whether the customer is asked something at the end already.
    fn asks(&self) -> bool {
        matches!(self.effects.last(), Some(Effect::Say { text, .. }) if text.trim_end().ends_with('?'))
    }

    pub(super) fn say(&mut self, source: &str, template: &str) {
        self.utter(source, template, false);
    }

    pub(super) fn say_proven(&mut self, source: &str, template: &str) {
        self.utter(source, template, true);
    }

    fn utter(&mut self, source: &str, template: &str, proven: bool) {
        match self.facts.render(template) {
            Ok(text) if text.trim().is_empty() => {}
            Ok(text) => self.effects.push(Effect::Say {
                source: source.to_owned(),
                text: text.trim().to_owned(),
                proven,
            }),
            // A sentence with a gap is worse than none.
            Err(error) => tracing::warn!(source, error, "words could not be said"),
        }
    }
}
