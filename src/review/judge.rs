//! Answers that need no model: phrases and figures.

use super::filled::{ReviewAnswer, ReviewValue};
use super::form::{Judge, ReviewQuestion, ReviewScale, ReviewSignal};
use super::listening::ListeningReport;
use crate::conversation::{Conversation, ConversationSignals, Role, Utterance, UtteranceId};

/// How sure a phrase is that was found word for word, …
const FOUND: f32 = 0.95;
/// … and that one which must be said was not: a recogniser may have misheard it.
const NOT_FOUND: f32 = 0.8;
/// How sure a figure is.
const MEASURED: f32 = 0.9;
/// Utterances that are shown for one answer at most.
const SHOWN: usize = 5;
/// A figure of fewer reflections and questions says nothing.
const LEAST_CODED: usize = 3;

/// The utterances that a question is about: what was only said to show that one listens is none.
pub(super) fn of_speaker<'a>(
    conversation: &'a Conversation,
    question: &ReviewQuestion,
) -> Vec<&'a Utterance> {
    let said = conversation.transcript.utterances().iter();
    said.filter(|u| question.speaker.includes(u.role) && !u.back_channel)
        .filter(|u| !u.text.trim().is_empty())
        .collect()
}

pub(super) fn not_seen(question: &ReviewQuestion, why: &str) -> ReviewAnswer {
    ReviewAnswer::new(question, ReviewValue::NotSeen(why.to_owned()))
}

/// "Not said" is a no only where the form says that it must be.
pub(super) fn unsaid(question: &ReviewQuestion, must: bool) -> ReviewAnswer {
    if must {
        ReviewAnswer::new(question, ReviewValue::No).proven(NOT_FOUND, Vec::new())
    } else {
        not_seen(question, "nothing like it was said")
    }
}

/// Whether one of the phrases is said; `None` for other judges.
pub(super) fn by_words(
    conversation: &Conversation,
    question: &ReviewQuestion,
) -> Option<ReviewAnswer> {
    let Judge::Words {
        any,
        first,
        last,
        must,
    } = &question.judge
    else {
        return None;
    };
    let said = of_speaker(conversation, question);
    if said.is_empty() {
        return Some(not_seen(question, "nobody whom it is about said anything"));
    }
    let (count, first, last) = (said.len(), *first, *last);
    let looked_at = said.iter().enumerate().filter(|(at, _)| {
        let early = first.is_some_and(|n| *at < n);
        let late = last.is_some_and(|n| *at + n >= count);
        early || late || (first.is_none() && last.is_none())
    });
    let phrases: Vec<String> = any.iter().map(|phrase| plain(phrase)).collect();
    let evidence: Vec<UtteranceId> = looked_at
        .filter(|(_, utterance)| {
            let text = plain(&utterance.text);
            phrases.iter().any(|p| p.len() > 2 && text.contains(p))
        })
        .map(|(_, utterance)| utterance.id)
        .take(SHOWN)
        .collect();
    Some(if evidence.is_empty() {
        unsaid(question, *must)
    } else {
        ReviewAnswer::new(question, ReviewValue::Yes).proven(FOUND, evidence)
    })
}

/// Lower case, words apart by one space, with one at both ends: so that a phrase is found as whole words.
pub(super) fn plain(text: &str) -> String {
    let mut words = String::from(" ");
    for word in text
        .replace('\u{2019}', "'")
        .split(|c: char| !(c.is_alphanumeric() || c == '\''))
        .filter(|word| !word.is_empty())
    {
        words.push_str(&word.to_lowercase());
        words.push(' ');
    }
    words
}

/// A figure against its limits; `None` for other judges.
pub(super) fn by_signal(
    conversation: &Conversation,
    question: &ReviewQuestion,
    signals: Option<&ConversationSignals>,
    listening: &ListeningReport,
) -> Option<ReviewAnswer> {
    let Judge::Signal {
        signal,
        at_least,
        at_most,
    } = &question.judge
    else {
        return None;
    };
    let Some((figure, evidence)) = figure(conversation, *signal, signals, listening) else {
        let why = "there are too few timings or utterances for this figure";
        return Some(not_seen(question, why));
    };
    let reached = at_least.iter().filter(|&&limit| figure >= limit).count()
        + at_most.iter().filter(|&&limit| figure <= limit).count();
    let value = match question.scale {
        ReviewScale::YesNo if reached > 0 => ReviewValue::Yes,
        ReviewScale::YesNo => ReviewValue::No,
        ReviewScale::OneToFive => {
            ReviewValue::Rating(u8::try_from(reached.min(4)).unwrap_or(4) + 1)
        }
    };
    Some(ReviewAnswer::new(question, value).proven(MEASURED, evidence))
}

fn figure(
    conversation: &Conversation,
    signal: ReviewSignal,
    signals: Option<&ConversationSignals>,
    listening: &ListeningReport,
) -> Option<(f32, Vec<UtteranceId>)> {
    let of_agents = |value: &dyn Fn(&crate::conversation::ParticipantSignals) -> f32| {
        let all = signals?.participants.iter();
        let agents = all.filter(|p| {
            let role = conversation.role_of(&p.participant);
            matches!(role, Role::HumanAgent | Role::AutomatedAgent)
        });
        let values: Vec<f32> = agents.map(value).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f32>())
    };
    let figure = match signal {
        ReviewSignal::SilenceShare => {
            let told = signals.filter(|s| s.duration_ms > 0)?;
            ratio(told.silence_ms, told.duration_ms)
        }
        ReviewSignal::AgentTalkRatio => of_agents(&|p| p.talk_ratio)?,
        ReviewSignal::AgentInterruptions => of_agents(&|p| p.interruptions as f32)?,
        _ => return coded(signal, listening),
    };
    Some((figure, Vec::new()))
}

fn ratio(part: u64, whole: u64) -> f32 {
    part as f32 / whole as f32
}

fn coded(signal: ReviewSignal, report: &ListeningReport) -> Option<(f32, Vec<UtteranceId>)> {
    let (reflections, questions) = (report.reflections(), report.questions());
    let figure = match signal {
        ReviewSignal::ReflectionToQuestion if reflections + questions >= LEAST_CODED => {
            report.reflection_to_question?
        }
        ReviewSignal::ComplexReflectionShare if reflections >= LEAST_CODED => {
            report.complex_share?
        }
        ReviewSignal::OpenQuestionShare if questions >= LEAST_CODED => report.open_share?,
        ReviewSignal::Affirmations if report.agent_utterances >= LEAST_CODED => {
            report.affirmations as f32
        }
        _ => return None,
    };
    let shown = report.utterances.iter().filter(|coded| {
        coded.codes.iter().any(|code| match signal {
            ReviewSignal::ComplexReflectionShare => code.is_reflection(),
            ReviewSignal::OpenQuestionShare => code.is_question(),
            ReviewSignal::Affirmations => *code == super::ListeningCode::Affirmation,
            _ => code.is_reflection() || code.is_question(),
        })
    });
    Some((figure, shown.map(|coded| coded.utterance).collect()))
}
