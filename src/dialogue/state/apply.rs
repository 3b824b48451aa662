//! What commands, receipts and approvals do to the state.

use std::collections::BTreeMap;

use serde_json::Value;

use super::walk::Walk;
use super::{DialogueState, PendingApproval, key};
use crate::conversation::{
    ActionReceipt, ActionStatus, ApprovalGrant, Approver, HandoffReason, UtteranceId,
};
use crate::dialogue::command::{Command, Effect, Rejection};
use crate::dialogue::playbook::{Playbook, Step, StepKind};

/// Turns in a row that may bring nothing before a person takes over.
const PATIENCE: u32 = 3;
/// What is said where a yes was waited for in vain.
const TOO_LATE: &str = "Nobody said yes to that in time, so it was not done.";

/// What the state does not hold and decisions depend on.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The procedures.
    pub playbooks: &'a [Playbook],
    /// What the host knows of the customer.
    pub profile: &'a BTreeMap<String, String>,
    /// Now.
    pub now: jiff::Timestamp,
    /// The customer's words the commands were made of.
    pub utterance: Option<UtteranceId>,
}

/// Decides what the proposed commands do. Pure: the same input gives the same result.
///
/// Unknown playbooks and slots, invalid values, and anything after a hand-off are rejected; the other commands still
/// count. The running playbook then goes on: it says what is to be said, up to where it needs an answer, a yes or a tool.
/// A tool step is not done before its tool has run ([`tool_ended`]), nor run before everybody said yes ([`approve`]).
pub fn apply(
    state: DialogueState,
    commands: &[Command],
    moment: &Moment<'_>,
) -> (DialogueState, Vec<Effect>, Vec<Rejection>) {
    let mut walk = Walk::new(state, *moment);
    let mut rejections = Vec::new();
    let (asked, pending) = (walk.state.asked.clone(), walk.state.pending.clone());
    walk.expire();
    if let Some(lost) = walk.give_up_what_is_lost() {
        let (state, effects) = walk.end();
        return (state, effects, vec![lost]);
    }
    let before = walk.state.clone();
    let mut progress = false;
    let mut stands_still = false;
    for command in in_order(commands) {
        let refused = match walk.state.handed_off.is_some() || walk.state.ended {
            true => Err("the conversation was handed over or has ended".to_owned()),
            false => walk.command(command),
        };
        match refused {
            // Saying the same again is no progress.
            Ok(()) => progress |= matches!(command, Command::Answer { .. }) || walk.state != before,
            Err(reason) => {
                let proposal =
                    serde_json::to_string(command).unwrap_or_else(|_| format!("{command:?}"));
                rejections.push(Rejection { proposal, reason });
            }
        }
        stands_still |= matches!(command, Command::Clarify | Command::TellAgain { .. });
    }
    if !walk.is_over() && (!stands_still || walk.state.playbook.is_some()) {
        walk.go_on();
    }
    // What was said and had to be forgotten at once brought nothing.
    let answers = commands
        .iter()
        .any(|command| matches!(command, Command::Answer { .. }));
    progress &= answers || walk.state != before;
    let repeats = walk.state.asked == asked
        && walk.state.pending.as_ref().map(|p| &p.source) == pending.as_ref().map(|p| &p.source);
    let waits = walk.state.playbook.is_some() && repeats;
    walk.state.stalled = if progress || !(waits || stands_still) {
        0
    } else {
        walk.state.stalled + 1
    };
    if walk.state.stalled >= PATIENCE && !walk.is_over() {
        walk.effects.clear();
        walk.hand_off(HandoffReason::Stuck);
    }
    let (state, effects) = walk.end();
    (state, effects, rejections)
}

/// Goes on after the tool of a step has ended. `changes` says whether it may have changed anything (its
/// [`ToolEffect`](super::super::ToolEffect) is not `Read`).
pub fn tool_ended(
    state: DialogueState,
    source: &str,
    receipt: &ActionReceipt,
    changes: bool,
    moment: &Moment<'_>,
) -> (DialogueState, Vec<Effect>) {
    let mut walk = Walk::new(state, *moment);
    let Some((playbook, step)) = walk.find(source) else {
        return walk.end_unknown();
    };
    walk.facts.result = receipt.result.clone();
    match receipt.status {
        ActionStatus::Succeeded => {
            walk.state
                .results
                .insert(step.tool.clone(), receipt.result.clone());
            walk.facts
                .results
                .insert(step.tool.clone(), receipt.result.clone());
            if changes {
                walk.state.fixed.insert(source.to_owned());
                let made = made(&receipt.tool, &receipt.arguments);
                walk.state.made.insert(made);
            }
            match step
                .redo
                .as_ref()
                .filter(|redo| walk.facts.hold(&redo.when))
            {
                Some(redo) => walk.redo(playbook, step, redo),
                None => {
                    walk.state.done.insert(source.to_owned());
                    walk.say_proven(source, &step.done);
                }
            }
        }
        // The procedure goes on as if it were done, and nothing says that it is.
        ActionStatus::DryRun => {
            walk.state.done.insert(source.to_owned());
        }
        ActionStatus::Failed => {
            walk.say(source, &step.failed);
            walk.otherwise(source, step.on_failure, HandoffReason::ActionFailed);
        }
        ActionStatus::Unknown => walk.hand_off(HandoffReason::ActionFailed),
    }
    if !walk.is_over() {
        walk.go_on();
    }
    walk.end()
}

/// Goes on after the strategy of a resolve step was begun, or told an answer. `question` is what it asks the customer
/// now, as the name of a slot and the words; without one the step is done, and `result` is what its words may tell:
/// `results.<step>`, with `_` for `-`.
pub fn strategy_told(
    state: DialogueState,
    source: &str,
    question: Option<(&str, &str)>,
    result: Value,
    moment: &Moment<'_>,
) -> (DialogueState, Vec<Effect>) {
    let mut walk = Walk::new(state, *moment);
    let Some((playbook, step)) = walk.find(source) else {
        return walk.end_unknown();
    };
    if let Some((slot, words)) = question {
        walk.ask(playbook, slot, words);
        return walk.end();
    }
    walk.facts.result = result.clone();
    walk.state.results.insert(step.id.replace('-', "_"), result);
    walk.refresh();
    walk.state.done.insert(source.to_owned());
    walk.state.fixed.insert(source.to_owned());
    walk.say_proven(source, &step.done);
    if !walk.is_over() {
        walk.go_on();
    }
    walk.end()
}

/// A change as it is told apart from others.
pub(super) fn made(tool: &str, arguments: &Value) -> String {
    format!("{tool} {arguments}")
}

/// Takes a human agent's or a supervisor's yes or no to the step that waits for it. One that comes too late counts as a
/// no, and the customer is told that it was not done.
///
/// # Errors
/// Says why the answer does not count: nothing waits, it is somebody else's to give, or nobody knows the step any more.
pub fn approve(
    state: DialogueState,
    source: &str,
    grant: ApprovalGrant,
    yes: bool,
    moment: &Moment<'_>,
) -> Result<(DialogueState, Vec<Effect>), String> {
    let mut walk = Walk::new(state, *moment);
    let Some(pending) = walk
        .state
        .pending
        .clone()
        .filter(|pending| pending.source == source)
    else {
        return Err(format!("nothing at {source} waits for a yes"));
    };
    if pending.by != grant.by {
        return Err(format!(
            "{source} waits for the yes of {:?}, not of {:?}",
            pending.by, grant.by
        ));
    }
    if let Some(lost) = walk.state.lost(moment.playbooks).filter(|_| walk.is_over()) {
        return Err(format!(
            "{lost} is in no playbook any more; a person has it"
        ));
    }
    if walk.give_up_what_is_lost().is_some() {
        return Ok(walk.end());
    }
    match pending.expires_at <= moment.now {
        true => walk.expire(),
        false => walk.answer_approval(grant, yes),
    }
    if !walk.is_over() {
        walk.go_on();
    }
    Ok(walk.end())
}

/// Procedures are begun before values are noted, and values before questions are answered.
fn in_order(commands: &[Command]) -> Vec<&Command> {
    let rank = |command: &Command| match command {
        Command::HandOff { .. } => 0,
        Command::StopPlaybook => 0,
        Command::StartPlaybook { .. } => 1,
        Command::SetSlot { .. } => 2,
        Command::Confirm { .. } => 3,
        _ => 4,
    };
    let mut sorted: Vec<&Command> = commands.iter().collect();
    sorted.sort_by_key(|command| rank(command));
    sorted
}

impl<'a> Walk<'a> {
    pub(super) fn command(&mut self, command: &Command) -> Result<(), String> {
        match command {
            Command::StartPlaybook { playbook, later } => return self.start(playbook, *later),
            Command::StopPlaybook => match self.state.playbook.clone() {
                None => return Err("no procedure runs".into()),
                Some(_) => self.leave(),
            },
            Command::SetSlot { name, value } => return self.set(name, value),
            Command::Confirm { yes } => {
                let waits = self
                    .state
                    .pending
                    .as_ref()
                    .is_some_and(|pending| pending.by == Approver::Customer);
                if !waits {
                    return Err("nothing waits for the customer's yes".into());
                }
                let who = self
                    .moment
                    .utterance
                    .map(|id| id.to_string())
                    .unwrap_or_default();
                let grant = ApprovalGrant {
                    by: Approver::Customer,
                    who,
                    at: self.moment.now,
                };
                self.answer_approval(grant, *yes);
            }
            Command::Answer { question } if question.trim().is_empty() => {
                return Err("the question is empty".into());
            }
            Command::Answer { question } => self.effects.push(Effect::SearchKnowledge {
                question: question.clone(),
            }),
            Command::TellAgain { playbook } => return self.tell_again(playbook),
            // In the middle of a procedure its own question says best what is wanted.
            Command::Clarify if self.state.playbook.is_some() => {}
            Command::Clarify => self.effects.push(Effect::AskToClarify),
            Command::SmallTalk => self.effects.push(Effect::Chat),
            Command::HandOff { reason } => self.hand_off(*reason),
            Command::End => {
                self.state.ended = true;
                self.state.asked = None;
                self.effects.push(Effect::Finish);
            }
        }
        Ok(())
    }

    /// Says once more what came of a procedure that changed something.
    fn tell_again(&mut self, id: &str) -> Result<(), String> {
        let playbooks = self.moment.playbooks.iter();
        let deeds: Vec<&Step> = playbooks
            .filter(|playbook| playbook.id == id)
            .flat_map(|playbook| &playbook.steps)
            .filter(|step| self.state.fixed.contains(&key(id, &step.id)) && !step.done.is_empty())
            .collect();
        if deeds.is_empty() {
            return Err(format!("nothing came of {id:?} that could be told again"));
        }
        for step in deeds {
            // What came of a strategy is kept under its step.
            let own = step.id.replace('-', "_");
            let result = match step.kind {
                StepKind::Resolve => self.state.results.get(&own),
                _ => self.state.results.get(&step.tool),
            };
            self.facts.result = result.cloned().unwrap_or_default();
            self.say_proven(&key(id, &step.id), &step.done);
        }
        self.effects.push(Effect::AskMore);
        Ok(())
    }

    /// A yes that was waited for too long counts as a no.
    fn expire(&mut self) {
        let late = |pending: &PendingApproval| pending.expires_at <= self.moment.now;
        if self.state.pending.as_ref().is_some_and(late)
            && let Some(pending) = self.state.pending.take()
        {
            self.say_proven(&pending.source, TOO_LATE);
            self.state.dropped.insert(pending.source);
        }
    }

    fn start(&mut self, id: &str, later: bool) -> Result<(), String> {
        let Some(playbook) = self.moment.playbooks.iter().find(|p| p.id == id) else {
            return Err(format!("there is no playbook {id:?}"));
        };
        if self.state.playbook.as_deref() == Some(id) {
            return Ok(());
        }
        if let Some(entry) = playbook
            .entry
            .as_ref()
            .filter(|entry| !self.facts.hold(entry))
        {
            return Err(format!(
                "playbook {id:?} may not be begun: {entry:?} does not hold"
            ));
        }
        if self.started_now || (later && self.state.playbook.is_some()) {
            // The second need of one message waits for the first.
            if !self.state.waiting.iter().any(|waiting| waiting == id) {
                self.state.waiting.push(id.to_owned());
            }
            return Ok(());
        }
        self.started_now = true;
        self.begin(id);
        Ok(())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let running = self.running().and_then(|p| p.slot(name));
        let ahead = || {
            let known = self.state.waiting.iter().chain(&self.state.paused);
            known
                .filter_map(|id| self.moment.playbooks.iter().find(|p| &p.id == id))
                .find_map(|p| p.slot(name))
        };
        let Some(slot) = running.or_else(ahead) else {
            return Err(format!("the running playbook has no slot {name:?}"));
        };
        let kept = slot.accept(value)?;
        let before = self.state.slots.get(name).cloned();
        if before.as_ref() == Some(&kept) {
            return Ok(());
        }
        let users: Vec<(&Playbook, &Step)> = self
            .moment
            .playbooks
            .iter()
            .flat_map(|p| p.steps.iter().map(move |step| (p, step)))
            .filter(|(_, step)| uses(step, name))
            .collect();
        // What is through by now stays done with its own values: the next need may be about another account.
        let runs = |p: &Playbook| {
            let mut going = self.state.playbook.iter().chain(&self.state.paused);
            going.any(|id| *id == p.id)
        };
        let is_fixed = |(p, step): &&(&Playbook, &Step)| {
            runs(p) && self.state.fixed.contains(&key(&p.id, &step.id))
        };
        if before.is_some()
            && let Some((_, step)) = users.iter().find(is_fixed)
        {
            return Err(format!(
                "{:?} was done with the earlier value of {name}; a person has to change it",
                step.label
            ));
        }
        self.state.slots.insert(name.to_owned(), kept);
        if before.is_some() {
            users
                .iter()
                .for_each(|(playbook, step)| self.undo(playbook, step));
        }
        self.refresh();
        Ok(())
    }

    /// A step whose values changed is open again, and so is what came after it.
    fn undo(&mut self, playbook: &Playbook, step: &Step) {
        let key = key(&playbook.id, &step.id);
        self.state.approvals.remove(&key);
        if self
            .state
            .pending
            .as_ref()
            .is_some_and(|pending| pending.source == key)
        {
            self.state.pending = None;
        }
        if self.state.fixed.contains(&key) {
            return;
        }
        let was_over = self.state.done.remove(&key)
            | self.state.left_out.remove(&key)
            | self.state.dropped.remove(&key);
        if step.kind == StepKind::Tool {
            self.state.results.remove(&step.tool);
        }
        self.state.answers.remove(&step.id.replace('-', "_"));
        if was_over {
            let later = playbook
                .steps
                .iter()
                .filter(|later| later.after.contains(&step.id));
            later.for_each(|later| self.undo(playbook, later));
        }
    }
}

/// Whether a step depends on a slot.
fn uses(step: &Step, slot: &str) -> bool {
    let named = format!("slots.{slot}");
    let within = |source: &String| {
        source.match_indices(&named).any(|(at, _)| {
            let rest = source.get(at + named.len()..).unwrap_or_default();
            !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        })
    };
    step.requires
        .iter()
        .chain(&step.collects)
        .any(|name| name == slot)
        || step.arguments.values().any(within)
        || step.when.iter().any(within)
}
