//! What is to be done next: a pure function of the state and the time.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::entry::Outcome;
use super::event::StrategySignal;
use super::expression::{Facts, Truth, fill, holds, is_known};
use super::state::{StepStatus, StrategyEnding, StrategyState};
use super::template::{Becomes, StepOwner, StrategyStep};

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Task {
    /// Call the tool of a step.
    Call { step: String, arguments: Value },
    /// Give out work, or begin to wait.
    Start {
        step: String,
        arguments: Value,
        until: Option<Timestamp>,
    },
    /// Somebody has to say yes.
    AskApproval {
        step: String,
        arguments: Value,
        until: Timestamp,
    },
    /// A wait is over, or a time ran out.
    End { step: String, outcome: Outcome },
    /// A fact is missing that only somebody can tell.
    Ask {
        fact: String,
        of: StepOwner,
        until: Timestamp,
    },
    /// Take a step back.
    Undo {
        step: String,
        arguments: Value,
        why: String,
    },
    /// Say that a step can never be taken back.
    CannotUndo { step: String, why: String },
    /// The need is another one.
    Replan { need: String, why: String },
    /// Give up, and take back what can be.
    Fail { why: String },
    /// Set the next test of completion.
    SetFollowUp { at: Timestamp },
    /// Look again whether the need is resolved.
    FollowUp { number: u32, arguments: Value },
    /// It is over.
    Close { ending: StrategyEnding },
}

/// The next thing to do, if there is any before something happens or time passes.
pub(super) fn decide(state: &StrategyState, now: Timestamp) -> Option<Task> {
    if state.ending.is_some() {
        return None;
    }
    let steps = &state.strategy.template.steps;
    // What was interrupted comes first.
    if let Some(task) = steps.iter().find_map(|step| interrupted(state, step)) {
        return Some(task);
    }
    if let Some(why) = &state.failing {
        return Some(take_back(state, why));
    }
    if let Some(step) = with_status(state, StepStatus::Unknown) {
        return Some(person(format!(
            "nobody knows whether it was done: {}",
            step.label
        )));
    }
    let failed =
        |step: &&StrategyStep| state.status(&step.id) == StepStatus::Failed && !step.optional;
    if let Some(step) = steps.iter().find(failed) {
        return Some(Task::Fail {
            why: failure(state, step),
        });
    }
    let context = state.context();
    let turns = |becomes: &&Becomes| {
        !state.needs.contains(&becomes.need) && holds(Some(&becomes.when), &context).is_yes()
    };
    if let Some(becomes) = state.strategy.template.becomes.iter().find(turns) {
        return Some(Task::Replan {
            need: becomes.need.clone(),
            why: becomes.why.clone(),
        });
    }
    if let Some(task) = obsolete(state, &context) {
        return Some(task);
    }
    if let Some(task) = steps
        .iter()
        .find_map(|step| timed(state, step, &context, now))
    {
        return Some(task);
    }
    if let Some((fact, question)) = state
        .questions
        .iter()
        .find(|(fact, q)| q.until <= now && !is_known(fact, &state.facts))
    {
        return Some(Task::Fail {
            why: format!(
                "{:?} was asked for {fact:?} and did not answer",
                question.of
            ),
        });
    }
    let mut missing = BTreeSet::new();
    for step in steps {
        match ready(state, step, &context, now) {
            Ready::Now(task) => return Some(*task),
            Ready::Missing(facts) => missing.extend(facts),
            Ready::No => {}
        }
    }
    ask(state, &missing, now).or_else(|| rest(state, &missing, now))
}

fn person(why: impl Into<String>) -> Task {
    Task::Close {
        ending: StrategyEnding::NeedsPerson { why: why.into() },
    }
}

fn with_status(state: &StrategyState, status: StepStatus) -> Option<&StrategyStep> {
    let mut steps = state.strategy.template.steps.iter();
    steps.find(|step| state.status(&step.id) == status)
}

fn failure(state: &StrategyState, step: &StrategyStep) -> String {
    let told = state
        .steps
        .get(&step.id)
        .and_then(|s| s.result["error"].as_str());
    format!("{}: {}", step.label, told.unwrap_or("it failed"))
}

/// A call or a taking back that was begun and whose end is not written down.
fn interrupted(state: &StrategyState, step: &StrategyStep) -> Option<Task> {
    let at = state.steps.get(&step.id)?;
    match at.status {
        StepStatus::Started if step.tool.is_some() => Some(Task::Call {
            step: step.id.clone(),
            arguments: at.arguments.clone(),
        }),
        StepStatus::Undoing => Some(Task::Undo {
            step: step.id.clone(),
            arguments: at.arguments.clone(),
            why: state.failing.clone().unwrap_or_default(),
        }),
        _ => None,
    }
}

/// The last step that is done and can be taken back; then the end.
fn take_back(state: &StrategyState, why: &str) -> Task {
    if let Some(step) = with_status(state, StepStatus::Stuck) {
        return person(format!(
            "{why}; and this could not be taken back: {}",
            step.label
        ));
    }
    for id in state.order.iter().rev() {
        let Some(step) = state.strategy.step(id) else {
            continue;
        };
        if step.undo.is_some() && state.status(id) == StepStatus::Done {
            return undo(state, step, why);
        }
    }
    if let Some(step) = with_status(state, StepStatus::Unknown) {
        return person(format!(
            "{why}; and nobody knows whether this was done: {}",
            step.label
        ));
    }
    match state.cancelled {
        true => Task::Close {
            ending: StrategyEnding::Cancelled {
                why: why.to_owned(),
            },
        },
        false => person(why),
    }
}

fn undo(state: &StrategyState, step: &StrategyStep, why: &str) -> Task {
    let arguments = step.undo.as_ref().map(|undo| undo.arguments.clone());
    let mut facts = state.facts.clone();
    if let Some(done) = state.steps.get(&step.id) {
        facts.insert("result".into(), done.result.clone());
    }
    match fill(&Value::Object(arguments.unwrap_or_default()), &facts) {
        Ok(arguments) => Task::Undo {
            step: step.id.clone(),
            arguments,
            why: why.to_owned(),
        },
        Err(missing) => Task::CannotUndo {
            step: step.id.clone(),
            why: format!("{} is not known", list(&missing)),
        },
    }
}

/// A step that is done and, by what is known now, should not have been.
fn obsolete(state: &StrategyState, context: &Facts) -> Option<Task> {
    if let Some(step) = with_status(state, StepStatus::Stuck) {
        return Some(person(format!(
            "this could not be taken back: {}",
            step.label
        )));
    }
    let done = state
        .order
        .iter()
        .rev()
        .filter_map(|id| state.strategy.step(id));
    for step in done.filter(|step| state.status(&step.id) == StepStatus::Done) {
        let when = step.undo.as_ref().and_then(|undo| undo.when.as_deref());
        if when.is_some_and(|when| holds(Some(when), context).is_yes()) {
            return Some(undo(
                state,
                step,
                "by what is known now it should not have been done",
            ));
        }
    }
    None
}

/// Signals that came, and times that ran out.
fn timed(
    state: &StrategyState,
    step: &StrategyStep,
    context: &Facts,
    now: Timestamp,
) -> Option<Task> {
    let at = state.steps.get(&step.id)?;
    let over = at.until.is_some_and(|until| until <= now);
    let end = |outcome| {
        Some(Task::End {
            step: step.id.clone(),
            outcome,
        })
    };
    let late = |why: &str| {
        end(Outcome::Failed {
            why: why.to_owned(),
            again_at: None,
        })
    };
    let begun = matches!(
        at.status,
        StepStatus::Started | StepStatus::Asked | StepStatus::Retrying
    );
    if begun && holds(step.when.as_deref(), context).is_no() {
        let why = "its condition does not hold any more".to_owned();
        return end(Outcome::Dropped { why });
    }
    match at.status {
        StepStatus::Started => {
            let wait = step.wait.as_ref();
            if wait.is_some_and(|wait| wait.time.is_some()) {
                return over.then(|| {
                    end(Outcome::Done {
                        result: Value::Null,
                        receipt: None,
                    })
                })?;
            }
            if let Some(name) = wait.and_then(|wait| wait.signal.as_deref()) {
                let matching = wait.and_then(|wait| wait.matching.as_deref());
                let fits = |signal: &&StrategySignal| {
                    signal.name == name && fits(signal, matching, context)
                };
                if let Some(signal) = state.signals.iter().find(fits) {
                    return end(Outcome::Done {
                        result: signal.payload.clone(),
                        receipt: None,
                    });
                }
            }
            over.then(|| late("it did not happen in time"))?
        }
        StepStatus::Asked if over && state.approver(step).is_some() => {
            late("nobody said yes in time")
        }
        _ => None,
    }
}

fn fits(signal: &StrategySignal, matching: Option<&str>, context: &Facts) -> bool {
    let mut context = context.clone();
    context.insert("signal".into(), signal.payload.clone());
    holds(matching, &context).is_yes()
}

enum Ready {
    Now(Box<Task>),
    Missing(BTreeSet<String>),
    No,
}

fn ready(state: &StrategyState, step: &StrategyStep, context: &Facts, now: Timestamp) -> Ready {
    let at = state.steps.get(&step.id);
    let begins = match state.status(&step.id) {
        StepStatus::Open | StepStatus::Undone => true,
        StepStatus::Retrying => at.and_then(|s| s.until).is_none_or(|until| until <= now),
        StepStatus::Asked => true,
        _ => false,
    };
    let before = |id: &String| {
        state
            .strategy
            .step(id)
            .is_none_or(|step| state.settled(step))
    };
    if !begins || !step.after.iter().all(before) {
        return Ready::No;
    }
    let fresh = matches!(
        state.status(&step.id),
        StepStatus::Open | StepStatus::Undone
    );
    if fresh && state.not_needed(step).is_some() {
        return Ready::No;
    }
    match holds(step.when.as_deref(), context) {
        Truth::Yes => {}
        Truth::No => return Ready::No,
        Truth::Unknown(missing) => return Ready::Missing(missing),
    }
    let arguments = match fill(&Value::Object(step.arguments.clone()), context) {
        Ok(arguments) => arguments,
        Err(missing) => return Ready::Missing(missing),
    };
    begin(state, step, arguments, now).map_or(Ready::No, |task| Ready::Now(Box::new(task)))
}

/// The step can begin: with a question for approval, or at once.
fn begin(
    state: &StrategyState,
    step: &StrategyStep,
    arguments: Value,
    now: Timestamp,
) -> Option<Task> {
    let at = state.steps.get(&step.id);
    let asked = at.filter(|at| at.status == StepStatus::Asked);
    let id = step.id.clone();
    if !step.approvals.is_empty() {
        // A yes is to these arguments and no others; it outlives a failure that changed nothing.
        let same = at.is_some_and(|at| at.arguments == arguments);
        if state.approver(step).is_some() || !same {
            let waiting = asked.is_some() && same;
            return (!waiting).then(|| Task::AskApproval {
                step: id,
                arguments,
                until: later(now, step.approval_within),
            });
        }
    }
    if step.tool.is_some() {
        return Some(Task::Call {
            step: id,
            arguments,
        });
    }
    let length = step
        .wait
        .as_ref()
        .and_then(|wait| wait.time)
        .or(step.within);
    Some(Task::Start {
        step: id,
        arguments,
        until: length.map(|length| later(now, length)),
    })
}

/// Asks for a missing fact that no step will find out.
fn ask(state: &StrategyState, missing: &BTreeSet<String>, now: Timestamp) -> Option<Task> {
    for path in missing {
        let root = path.split('.').next().unwrap_or_default();
        let coming =
            |step: &StrategyStep| step.gives.as_deref() == Some(root) && !state.settled(step);
        let open = state.questions.contains_key(root);
        if open || is_known(root, &state.facts) || state.strategy.template.steps.iter().any(coming)
        {
            continue;
        }
        let questions = &state.strategy.template.questions;
        if let Some(question) = questions.iter().find(|question| question.fact == root) {
            let asked = state
                .questions
                .values()
                .filter(|q| q.of == StepOwner::Customer)
                .count();
            let spared = state
                .strategy
                .most_questions
                .is_some_and(|most| asked >= most);
            return Some(Task::Ask {
                fact: root.to_owned(),
                of: if spared {
                    StepOwner::Human
                } else {
                    StepOwner::Customer
                },
                until: later(now, question.within),
            });
        }
    }
    None
}

/// Nothing can begin: wait, test, or call a person.
fn rest(state: &StrategyState, missing: &BTreeSet<String>, now: Timestamp) -> Option<Task> {
    use StepStatus::{Asked, Retrying, Started};
    let steps = &state.strategy.template.steps;
    let waits = |step: &StrategyStep| matches!(state.status(&step.id), Asked | Retrying | Started);
    let unanswered = state
        .questions
        .keys()
        .any(|fact| !is_known(fact, &state.facts));
    if steps.iter().any(waits) || unanswered {
        return None;
    }
    if !steps.iter().all(|step| state.settled(step)) {
        return Some(person(match missing.is_empty() {
            true => "the steps that are left cannot begin".to_owned(),
            false => format!("no step and no question tells {}", list(missing)),
        }));
    }
    if state.completion().is_yes() {
        return Some(Task::Close {
            ending: StrategyEnding::Resolved,
        });
    }
    let Some(follow_up) = &state.strategy.template.follow_up else {
        return Some(person("all steps are done, and the need is not resolved"));
    };
    match state.follow_up_at {
        None if state.follow_ups >= follow_up.times => Some(person(
            "it was looked again and again, and the need is not resolved",
        )),
        None => Some(Task::SetFollowUp {
            at: later(now, follow_up.after),
        }),
        Some(at) if at <= now => {
            let arguments: Map<String, Value> = follow_up.arguments.clone();
            match fill(&Value::Object(arguments), &state.context()) {
                Ok(arguments) => Some(Task::FollowUp {
                    number: state.follow_ups + 1,
                    arguments,
                }),
                Err(missing) => Some(person(format!(
                    "{} is not known, so nobody can look again",
                    list(&missing)
                ))),
            }
        }
        Some(_) => None,
    }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn list(names: &BTreeSet<String>) -> String {
    names
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}
