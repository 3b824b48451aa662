//! What a host is told about each record, and what is outstanding.

use serde_json::Value;

use super::entry::{Entry, Outcome};
use super::event::{StrategyBriefing, StrategyEvent, StrategyInput};
use super::state::{StepStatus, StrategyEnding, StrategyState};
use super::template::{StepOwner, StrategyStep};
use crate::dialogue::tool::Tools;

/// What `entry` means for the host; `state` is the one after it, `counts` whether it changed anything.
pub(super) fn event(
    entry: &Entry,
    counts: bool,
    state: &StrategyState,
    tools: &Tools,
) -> Option<StrategyEvent> {
    let label = |step: &str| {
        state
            .strategy
            .step(step)
            .map_or_else(|| step.to_owned(), |s| s.label.clone())
    };
    Some(match entry {
        Entry::ApprovalAsked { step, .. } | Entry::Started { step, .. } => {
            outstanding(state, state.strategy.step(step)?, tools)?
        }
        Entry::Received { input } => match input {
            // Whoever's yes is next; the same again where this one did not count.
            StrategyInput::Approved { step, .. } => {
                outstanding(state, state.strategy.step(step)?, tools)?
            }
            StrategyInput::Done { step, .. } if counts => StrategyEvent::StepDone {
                step: step.clone(),
                label: label(step),
                receipt: None,
            },
            StrategyInput::CouldNot { step, .. } | StrategyInput::Declined { step, .. }
                if counts =>
            {
                let told = state.steps.get(step)?.result["error"].as_str();
                StrategyEvent::StepFailed {
                    step: step.clone(),
                    label: label(step),
                    why: told.unwrap_or_default().to_owned(),
                    again_at: None,
                }
            }
            _ => return None,
        },
        Entry::Ended { step, outcome } => match outcome {
            Outcome::Done { receipt, .. } => StrategyEvent::StepDone {
                step: step.clone(),
                label: label(step),
                receipt: receipt.clone(),
            },
            Outcome::Failed { why, again_at } => StrategyEvent::StepFailed {
                step: step.clone(),
                label: label(step),
                why: why.clone(),
                again_at: *again_at,
            },
            Outcome::Unknown { why } | Outcome::Dropped { why } => StrategyEvent::StepFailed {
                step: step.clone(),
                label: label(step),
                why: why.clone(),
                again_at: None,
            },
        },
        Entry::Asked { fact, of, until } => question(state, fact, *of, *until),
        Entry::UndoEnded { step, worked, why } => StrategyEvent::TakenBack {
            step: step.clone(),
            label: label(step),
            why: why.clone(),
            worked: *worked,
        },
        Entry::Replanned { strategy, why } => StrategyEvent::Replanned {
            need: strategy.need.clone(),
            why: why.clone(),
        },
        Entry::FollowedUp { number, next, .. } => StrategyEvent::FollowedUp {
            number: *number,
            next: *next,
        },
        Entry::Closed { ending } => ended(ending, state, tools),
        Entry::Began { .. }
        | Entry::UndoStarted { .. }
        | Entry::Failing { .. }
        | Entry::FollowUpSet { .. } => return None,
    })
}

/// Everything that somebody has been asked for and has not done yet, or how it ended.
pub(super) fn pending(state: &StrategyState, tools: &Tools) -> Vec<StrategyEvent> {
    if let Some(ending) = &state.ending {
        return vec![ended(ending, state, tools)];
    }
    let steps = state.strategy.template.steps.iter();
    let mut pending: Vec<_> = steps
        .filter_map(|step| outstanding(state, step, tools))
        .collect();
    let open = state
        .questions
        .iter()
        .filter(|(fact, _)| !state.facts.contains_key(*fact));
    pending.extend(open.map(|(fact, asked)| question(state, fact, asked.of, asked.until)));
    pending
}

fn outstanding(state: &StrategyState, step: &StrategyStep, tools: &Tools) -> Option<StrategyEvent> {
    let at = state.steps.get(&step.id)?;
    let (id, label) = (step.id.clone(), step.label.clone());
    match at.status {
        StepStatus::Asked => Some(StrategyEvent::ApprovalNeeded {
            step: id,
            label,
            arguments: masked(&at.arguments, step.tool.as_deref(), tools),
            by: state.approver(step)?,
            until: at.until?,
        }),
        StepStatus::Started if step.tool.is_some() => {
            Some(StrategyEvent::StepStarted { step: id, label })
        }
        StepStatus::Started => Some(match &step.wait {
            Some(wait) => StrategyEvent::Waiting {
                step: id,
                label,
                signal: wait.signal.clone(),
                until: at.until,
            },
            None => StrategyEvent::WorkNeeded {
                step: id,
                label,
                owner: step.owner,
                until: at.until,
            },
        }),
        _ => None,
    }
}

fn question(
    state: &StrategyState,
    fact: &str,
    of: StepOwner,
    until: jiff::Timestamp,
) -> StrategyEvent {
    let mut questions = state.strategy.template.questions.iter();
    let asked = questions.find(|question| question.fact == fact);
    StrategyEvent::Question {
        fact: fact.to_owned(),
        ask: asked.map_or_else(String::new, |question| question.ask.clone()),
        of,
        until,
    }
}

fn ended(ending: &StrategyEnding, state: &StrategyState, tools: &Tools) -> StrategyEvent {
    match ending {
        StrategyEnding::Resolved => StrategyEvent::Resolved {
            goal: state.strategy.template.goal.clone(),
        },
        StrategyEnding::NeedsPerson { why } => StrategyEvent::NeedsPerson {
            why: why.clone(),
            briefing: Box::new(briefing(state, tools)),
        },
        StrategyEnding::Cancelled { why } => StrategyEvent::Cancelled { why: why.clone() },
    }
}

fn briefing(state: &StrategyState, tools: &Tools) -> StrategyBriefing {
    let template = &state.strategy.template;
    let mut briefing = StrategyBriefing {
        goal: template.goal.clone(),
        risks: template
            .risks
            .iter()
            .map(|risk| risk.text.clone())
            .collect(),
        ..StrategyBriefing::default()
    };
    let done = state.order.iter().filter_map(|id| state.strategy.step(id));
    briefing.done = done.map(|step| step.label.clone()).collect();
    for step in &template.steps {
        let told = state
            .steps
            .get(&step.id)
            .and_then(|s| s.result["error"].as_str());
        let with_reason = || format!("{}: {}", step.label, told.unwrap_or("no reason was given"));
        match state.status(&step.id) {
            StepStatus::Done => {}
            StepStatus::Unknown => briefing.unknown.push(with_reason()),
            StepStatus::Failed => briefing.failed.push(with_reason()),
            StepStatus::Stuck => briefing
                .failed
                .push(format!("{}: could not be taken back", step.label)),
            StepStatus::Undone => briefing.taken_back.push(step.label.clone()),
            _ if state.not_needed(step).is_none() => briefing.open.push(step.label.clone()),
            _ => {}
        }
    }
    let facts = Value::Object(state.facts.clone());
    let shown = tools.specs().fold(facts, |facts, spec| spec.mask(&facts));
    if let Value::Object(facts) = shown {
        briefing.facts = facts;
    }
    briefing
}

fn masked(arguments: &Value, tool: Option<&str>, tools: &Tools) -> Value {
    let tool = tool.and_then(|name| tools.get(name));
    tool.map_or_else(|| arguments.clone(), |tool| tool.spec().mask(arguments))
}
