//! The pure heart: `apply(state, commands) -> (state, effects, rejections)`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::command::{Command, Effect, Rejection};
use super::playbook::{Playbook, Step, StepKind};
use crate::conversation::HandoffReason;

/// Where a conversation stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialogueState {
    /// The playbook that runs.
    pub playbook: Option<String>,
    /// Playbooks that were left for another and wait to be resumed, last in first out.
    pub paused: Vec<String>,
    /// Values by slot name; playbooks share names on purpose (an account number is asked once).
    pub slots: BTreeMap<String, String>,
    /// Steps done, as `playbook/step`.
    pub done: BTreeSet<String>,
    /// The step, as `playbook/step`, that waits for the customer's yes.
    #[serde(default)]
    pub pending: Option<String>,
    /// Set when a person took over.
    pub handed_off: Option<HandoffReason>,
    /// Set when the customer needs nothing more.
    pub ended: bool,
}

impl DialogueState {
    /// Whether a step was done.
    pub fn is_done(&self, playbook: &str, step: &str) -> bool {
        self.done.contains(&key(playbook, step))
    }

    /// The next step of a playbook: the first that is not done and whose predecessors are.
    pub fn next_step<'a>(&self, playbook: &'a Playbook) -> Option<&'a Step> {
        playbook.steps.iter().find(|step| {
            !self.is_done(&playbook.id, &step.id)
                && step.after.iter().all(|id| self.is_done(&playbook.id, id))
        })
    }
}

/// Name of a step across playbooks.
pub(super) fn key(playbook: &str, step: &str) -> String {
    format!("{playbook}/{step}")
}

/// Decides what the proposed commands do. Pure: the same input gives the same result.
///
/// Unknown playbooks and slots, invalid values, and anything after a hand-off are rejected; the
/// other commands still count. Unless the customer asked something else, the running playbook then
/// goes on: it asks for what its next step requires, or takes the step. A tool step is not done
/// before its tool has run, an approval step not before the yes.
pub fn apply(
    mut state: DialogueState,
    commands: &[Command],
    playbooks: &[Playbook],
) -> (DialogueState, Vec<Effect>, Vec<Rejection>) {
    let mut effects = Vec::new();
    let mut rejections = Vec::new();
    let find = |id: &str| playbooks.iter().find(|p| p.id == id);
    for command in commands {
        let mut reject = |reason: String| {
            let proposal =
                serde_json::to_string(command).unwrap_or_else(|_| format!("{command:?}"));
            rejections.push(Rejection { proposal, reason });
        };
        if state.handed_off.is_some() || state.ended {
            reject("the conversation was handed over or has ended".into());
            continue;
        }
        match command {
            Command::StartPlaybook { playbook } => match find(playbook) {
                None => reject(format!("there is no playbook {playbook:?}")),
                Some(_) if state.playbook.as_deref() == Some(playbook) => {}
                Some(_) => {
                    let resumed = state.paused.iter().any(|id| id == playbook);
                    if !resumed {
                        // The same need may come up twice in a conversation.
                        state
                            .done
                            .retain(|done| !done.starts_with(&key(playbook, "")));
                    }
                    state.paused.retain(|id| id != playbook);
                    state
                        .paused
                        .extend(state.playbook.replace(playbook.clone()));
                    state.pending = None;
                }
            },
            Command::SetSlot { name, value } => {
                let slot = state
                    .playbook
                    .as_deref()
                    .and_then(find)
                    .and_then(|p| p.slot(name));
                match slot.map(|slot| slot.accept(value)) {
                    None => reject(format!("the running playbook has no slot {name:?}")),
                    Some(Err(why)) => reject(why),
                    Some(Ok(value)) => {
                        state.slots.insert(name.clone(), value);
                    }
                }
            }
            Command::Confirm { yes } => match state.pending.take() {
                None => reject("nothing waits for a yes".into()),
                Some(step) if *yes => {
                    state.done.insert(step);
                }
                // A no ends the procedure; what was paused for it goes on.
                Some(_) => state.playbook = state.paused.pop(),
            },
            Command::Answer { question } if question.trim().is_empty() => {
                reject("the question is empty".into())
            }
            Command::Answer { question } => effects.push(Effect::SearchKnowledge {
                question: question.clone(),
            }),
            Command::Clarify => effects.push(Effect::AskToClarify),
            Command::SmallTalk => effects.push(Effect::Chat),
            Command::HandOff { reason } => {
                state.handed_off = Some(*reason);
                effects.push(Effect::HandOff { reason: *reason });
            }
            Command::End => {
                state.ended = true;
                effects.push(Effect::Finish);
            }
        }
    }
    let digressed = effects
        .iter()
        .any(|e| matches!(e, Effect::SearchKnowledge { .. } | Effect::AskToClarify));
    if state.handed_off.is_none() && !state.ended && !digressed {
        proceed(&mut state, &mut effects, playbooks);
    }
    (state, effects, rejections)
}

/// Takes the running playbook one step on; back to a paused one when it is through.
fn proceed(state: &mut DialogueState, effects: &mut Vec<Effect>, playbooks: &[Playbook]) {
    while let Some(playbook) = state
        .playbook
        .as_deref()
        .and_then(|id| playbooks.iter().find(|p| p.id == id))
    {
        let Some(step) = state.next_step(playbook) else {
            state.playbook = state.paused.pop();
            continue;
        };
        let missing = step
            .requires
            .iter()
            .find(|name| !state.slots.contains_key(*name));
        if let Some(slot) = missing.and_then(|name| playbook.slot(name)) {
            effects.push(Effect::Say {
                source: key(&playbook.id, &slot.name),
                text: slot.ask.clone(),
            });
            return;
        }
        let source = key(&playbook.id, &step.id);
        match step.kind {
            StepKind::Ask | StepKind::Inform => {
                state.done.insert(source.clone());
                effects.push(Effect::Say {
                    source,
                    text: step.say.clone(),
                });
            }
            StepKind::Tool => effects.push(Effect::CallTool {
                source,
                tool: step.tool.clone(),
                arguments: step
                    .requires
                    .iter()
                    .filter_map(|name| {
                        state
                            .slots
                            .get(name)
                            .map(|value| (name.clone(), value.clone()))
                    })
                    .collect(),
            }),
            StepKind::Approval => {
                state.pending = Some(source.clone());
                effects.push(Effect::RequestApproval {
                    source,
                    text: step.say.clone(),
                });
            }
            StepKind::Handoff => {
                state.handed_off = Some(HandoffReason::PolicyRequiresPerson);
                effects.push(Effect::HandOff {
                    reason: HandoffReason::PolicyRequiresPerson,
                });
            }
        }
        return;
    }
}

#[cfg(test)]
mod tests;
