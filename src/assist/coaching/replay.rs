//! What rules would have done in conversations of the past: a supervisor sees it before a rule is switched on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::Coach;
use crate::conversation::{Conversation, Suggestion, SuggestionKind};

/// Examples kept of each rule.
const EXAMPLES: usize = 3;

/// A stored conversation, and what a person said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayConversation {
    /// What it is called in the report, e.g. the name of its file.
    pub name: String,
    /// What was said.
    pub conversation: Conversation,
    /// The rules that should fire in it; `None` where nobody said.
    pub labels: Option<Vec<String>>,
}

/// What rules did in stored conversations.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReplayReport {
    /// Conversations that were replayed.
    pub conversations: usize,
    /// Those among them with labels.
    pub labelled: usize,
    /// Utterances in them.
    pub utterances: usize,
    /// Time of an utterance through all rules, in milliseconds: 95 of 100 take no longer. Without questions to a model.
    pub utterance_ms_p95: f64,
    /// Questions put to a model, in all.
    pub questions: usize,
    /// Each rule, by priority.
    pub rules: Vec<RuleReplay>,
    /// Names among the labels that are no rule.
    pub unknown_labels: Vec<String>,
}

/// What one rule did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RuleReplay {
    /// Its id.
    pub rule: String,
    /// How often it fired.
    pub fired: usize,
    /// In how many conversations.
    pub conversations: usize,
    /// Their share of all conversations, between 0 and 1.
    pub fire_rate: f64,
    /// Of the labelled conversations in which it fired, the share that carry its label; `None` where it fired in none.
    pub precision: Option<f64>,
    /// Of the conversations that carry its label, the share in which it fired; `None` where none does.
    pub recall: Option<f64>,
    /// The first few times, one a conversation before a second of the same one.
    pub examples: Vec<ReplayExample>,
}

/// A time that a rule fired.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReplayExample {
    /// Name of the conversation.
    pub conversation: String,
    /// Number of the utterance, from 1; `None` at the start of a conversation.
    pub utterance: Option<u32>,
    /// The words that called for it; empty where something was missing.
    pub words: String,
    /// How sure the rule was, between 0 and 1.
    pub confidence: f32,
}

#[derive(Default)]
struct Tally {
    fired: usize,
    conversations: usize,
    hits: usize,
    fired_labelled: usize,
    labelled: usize,
    examples: Vec<ReplayExample>,
    /// Second and later times in a conversation, in case there are not enough others.
    further: Vec<ReplayExample>,
}

/// Collects a [`ReplayReport`].
pub(crate) struct Replay {
    order: Vec<String>,
    tallies: BTreeMap<String, Tally>,
    report: ReplayReport,
    times: Vec<Duration>,
    unknown: BTreeSet<String>,
}

impl Replay {
    pub(crate) fn new(coach: &Coach) -> Self {
        let order: Vec<String> = coach.rules().map(|rule| rule.id.clone()).collect();
        let tallies = order.iter().map(|id| (id.clone(), Tally::default()));
        Self {
            tallies: tallies.collect(),
            order,
            report: ReplayReport::default(),
            times: Vec::new(),
            unknown: BTreeSet::new(),
        }
    }

    /// An utterance went through the rules in this time.
    pub(crate) fn timed(&mut self, time: Duration) {
        self.times.push(time);
    }

    pub(crate) fn asked(&mut self, questions: usize) {
        self.report.questions += questions;
    }

    /// Takes all cues of a conversation.
    pub(crate) fn take(&mut self, replayed: &ReplayConversation, cues: &[Suggestion]) {
        self.report.conversations += 1;
        self.report.utterances += replayed.conversation.transcript.len();
        let mut fired: BTreeSet<&str> = BTreeSet::new();
        for suggestion in cues {
            let SuggestionKind::Coaching(cue) = &suggestion.kind else {
                continue;
            };
            let Some(tally) = self.tallies.get_mut(&cue.rule) else {
                continue;
            };
            tally.fired += 1;
            let example = ReplayExample {
                conversation: replayed.name.clone(),
                utterance: suggestion.evidence.iter().find_map(number),
                words: cue.words.clone(),
                confidence: suggestion.confidence,
            };
            match fired.insert(cue.rule.as_str()) {
                true => {
                    tally.conversations += 1;
                    tally.examples.push(example);
                    tally.examples.truncate(EXAMPLES);
                }
                false => {
                    tally.further.push(example);
                    tally.further.truncate(EXAMPLES);
                }
            }
        }
        let Some(labels) = &replayed.labels else {
            return;
        };
        self.report.labelled += 1;
        for (id, tally) in &mut self.tallies {
            let (has_fired, is_labelled) = (fired.contains(id.as_str()), labels.contains(id));
            tally.hits += usize::from(has_fired && is_labelled);
            tally.fired_labelled += usize::from(has_fired);
            tally.labelled += usize::from(is_labelled);
        }
        let unknown = labels
            .iter()
            .filter(|label| !self.tallies.contains_key(*label));
        self.unknown.extend(unknown.cloned());
    }

    pub(crate) fn report(mut self) -> ReplayReport {
        self.times.sort_unstable();
        let place = (self.times.len() * 95).div_ceil(100).saturating_sub(1);
        let p95 = self.times.get(place).copied().unwrap_or_default();
        self.report.utterance_ms_p95 = p95.as_secs_f64() * 1000.0;
        self.report.unknown_labels = self.unknown.into_iter().collect();
        let all = self.report.conversations;
        for id in self.order {
            let mut tally = self.tallies.remove(&id).unwrap_or_default();
            tally.examples.append(&mut tally.further);
            tally.examples.truncate(EXAMPLES);
            self.report.rules.push(RuleReplay {
                rule: id,
                fired: tally.fired,
                conversations: tally.conversations,
                fire_rate: share(tally.conversations, all).unwrap_or_default(),
                precision: share(tally.hits, tally.fired_labelled),
                recall: share(tally.hits, tally.labelled),
                examples: tally.examples,
            });
        }
        self.report
    }
}

fn number(evidence: &crate::conversation::Evidence) -> Option<u32> {
    match evidence {
        crate::conversation::Evidence::Utterance(id) => Some(id.0),
        _ => None,
    }
}

fn share(part: usize, all: usize) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}
