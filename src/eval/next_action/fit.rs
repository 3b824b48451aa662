//! Decisions out of dialogues, and heads out of decisions.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::data::{Collection, Dialogue};
use super::labels::{self, Labels};
use super::net::{Actions, Lesson, Schedule, train};
use crate::dialogue::flow::{
    ActionHead, CUSTOM, Flow, FlowEvent, HeadShape, KnownAction, Moment, PAIR, QUERY, Tracker,
    Vectors, texts_of,
};
use crate::embedding::{Embedder, TextKind};
use crate::error::{Error, ErrorKind, Result};
use crate::eval::retrieval::Progress;

/// Texts that are embedded at once.
const TEXTS: usize = 256;
/// Networks of a head.
pub(super) const NETS: u64 = 3;

const SCHEDULE: Schedule = Schedule {
    hidden: 64,
    second: 32,
    epochs: 10,
    decay: 0.3,
    dropped: 0.2,
};

/// What the agent did at one moment of a dialogue.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    pub(super) dialogue: usize,
    pub(super) moment: Moment,
    pub(super) label: String,
    /// The flow's candidate, if it has one.
    pub(super) taken: Option<usize>,
}

/// Vectors of all texts of a collection.
pub(super) async fn embed(
    collection: &Collection,
    embedder: &Arc<dyn Embedder>,
    progress: Option<&Progress<'_>>,
) -> Result<Vectors> {
    let mut texts: BTreeSet<String> = BTreeSet::new();
    for dialogue in &collection.dialogues {
        if let Some(flow) = collection.flows.get(&dialogue.task) {
            texts.extend(texts_of(flow, &dialogue.events));
        }
    }
    let mut texts: Vec<String> = texts.into_iter().collect();
    // Texts of about the same length are quick to embed together.
    texts.sort_by_key(String::len);
    let mut vectors = HashMap::new();
    for (at, some) in texts.chunks(TEXTS).enumerate() {
        if let Some(progress) = progress {
            progress("embedding", at * TEXTS, texts.len());
        }
        let embedded = embedder.embed(some, TextKind::Query).await?;
        vectors.extend(some.iter().cloned().zip(embedded));
    }
    Ok(Vectors(vectors))
}

/// The decisions of all dialogues.
pub(super) fn decisions(collection: &Collection, vectors: &Vectors) -> Vec<Decision> {
    let mut decisions = Vec::new();
    for (at, dialogue) in collection.dialogues.iter().enumerate() {
        let Some(flow) = collection.flows.get(&dialogue.task) else {
            continue;
        };
        let mut tracker = Tracker::new(flow, vectors);
        for event in &dialogue.events {
            let label = match event {
                FlowEvent::Action { name, text } => Some((name.as_str(), flow.resolve(name, text))),
                FlowEvent::Query(_) => Some((QUERY, flow.find(QUERY))),
                _ => None,
            };
            if let Some((label, taken)) = label {
                decisions.push(Decision {
                    dialogue: at,
                    moment: tracker.moment(),
                    label: label.to_owned(),
                    taken,
                });
            }
            tracker.observe(event);
        }
    }
    decisions
}

/// A head with what tells how its actions are called in dialogues.
#[derive(Debug)]
pub(super) struct Fitted {
    pub(super) head: ActionHead,
    /// The label that a known flow's action bears most often.
    pub(super) usual: BTreeMap<(String, usize), String>,
}

/// Fits a head to `decisions`. Where `known`, the flows' single actions are learned too: better in these flows, and of no
/// use in others.
pub(super) fn fit(
    collection: &Collection,
    decisions: &[&Decision],
    known: bool,
    embedder: &dyn Embedder,
    seed: u64,
) -> Result<Fitted> {
    let mut names: Vec<KnownAction> = Vec::new();
    let mut actions: BTreeMap<&str, Actions> = BTreeMap::new();
    for (name, flow) in &collection.flows {
        actions.insert(name, actions_of(flow, known.then_some(&mut names)));
    }
    let dialogue = |one: &Decision| collection.dialogues.get(one.dialogue);
    let lessons: Vec<Lesson<'_>> = decisions
        .iter()
        .filter_map(|one| {
            let actions = actions.get(dialogue(one)?.task.as_str())?;
            let taken = one.taken?;
            let barred = actions.barred.get(taken).copied().unwrap_or(true);
            (!barred).then_some(Lesson {
                moment: &one.moment,
                actions,
                taken,
            })
        })
        .collect();
    let first = lessons.first().ok_or_else(|| {
        let told = "the dialogues hold no decision that could be learned from";
        Error::new(ErrorKind::InvalidInput, told)
    })?;
    let rows = first.actions.barred.len().max(1);
    let shape = HeadShape {
        context: first.moment.context.len(),
        vector: embedder.dimensions(),
        kind: first.actions.kinds.len() / rows,
        pair: PAIR,
        hidden: SCHEDULE.hidden,
        second: SCHEDULE.second,
    };
    let nets = (0..NETS).map(|net| train(&lessons, shape, names.len(), SCHEDULE, seed + net));
    let nets = nets.collect();
    let mut counts: BTreeMap<(String, usize), BTreeMap<&str, usize>> = BTreeMap::new();
    let mut seen: BTreeSet<usize> = BTreeSet::new();
    for one in decisions {
        seen.insert(one.dialogue);
        if let (Some(dialogue), Some(taken)) = (dialogue(one), one.taken) {
            let labels = counts.entry((dialogue.task.clone(), taken)).or_default();
            *labels.entry(&one.label).or_default() += 1;
        }
    }
    let most = |labels: BTreeMap<&str, usize>| {
        let most = labels.into_iter().max_by_key(|(_, count)| *count);
        most.map(|(label, _)| label.to_owned()).unwrap_or_default()
    };
    let dialogues = seen.iter().filter_map(|at| collection.dialogues.get(*at));
    let mut labels = labels::learn(dialogues);
    labels::keep_replies(&mut labels, collection);
    let flows: BTreeSet<&String> = seen
        .iter()
        .filter_map(|at| Some(&collection.dialogues.get(*at)?.task))
        .collect();
    let flows = flows.into_iter().cloned().collect();
    let head = ActionHead::new(shape, nets, embedder.id(), names, flows, labels);
    Ok(Fitted {
        head,
        usual: counts
            .into_iter()
            .map(|(key, labels)| (key, most(labels)))
            .collect(),
    })
}

fn actions_of(flow: &Flow, names: Option<&mut Vec<KnownAction>>) -> Actions {
    let kinds = flow
        .candidates
        .iter()
        .flat_map(|one| one.kind.iter().copied());
    let known = names.map(|names| {
        let start = names.len();
        names.extend(flow.actions().map(|action| KnownAction {
            flow: flow.name().to_owned(),
            action: action.to_owned(),
        }));
        (start..names.len()).collect::<Vec<usize>>()
    });
    Actions {
        kinds: kinds.collect(),
        barred: flow
            .actions()
            .map(|name| known.is_none() && name == CUSTOM)
            .collect(),
        known,
    }
}

/// What every candidate of every flow is called in dialogues.
pub(super) fn names(
    collection: &Collection,
    others: &BTreeSet<String>,
    labels: &Labels,
    usual: &BTreeMap<(String, usize), String>,
) -> BTreeMap<String, Vec<String>> {
    let domain_of: BTreeMap<&str, &str> = collection
        .dialogues
        .iter()
        .map(|one| (one.task.as_str(), one.domain.as_str()))
        .collect();
    let domain = |name: &str| domain_of.get(name).copied();
    let mut prefixes: BTreeSet<String> = others.clone();
    prefixes.extend(
        collection
            .flows
            .values()
            .map(|flow| flow.prefix().to_owned()),
    );
    let of = |(name, flow): (&String, &Flow)| {
        let same: Vec<&Flow> = collection
            .flows
            .iter()
            .filter(|(other, _)| *other == name || domain(other) == domain(name))
            .map(|(_, flow)| flow)
            .collect();
        let names = flow.actions().enumerate().map(|(at, action)| {
            let usual = usual.get(&(name.clone(), at)).cloned();
            usual.unwrap_or_else(|| labels::spoken(flow, action, &same, &prefixes, labels))
        });
        (name.clone(), names.collect())
    };
    collection.flows.iter().map(of).collect()
}

/// What the head says of a decision: the place of the likeliest candidate.
pub(super) fn choose(head: &ActionHead, flow: &Flow, moment: &Moment) -> usize {
    let shares = head.probabilities(flow, moment);
    let best = shares.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(at, _)| at)
}

/// Prefixes of the labels of the flows that dialogues are about.
pub(super) fn prefixes<'a>(
    collection: &Collection,
    dialogues: impl Iterator<Item = &'a Dialogue>,
) -> BTreeSet<String> {
    let flows = dialogues.filter_map(|one| collection.flows.get(&one.task));
    flows.map(|flow| flow.prefix().to_owned()).collect()
}
