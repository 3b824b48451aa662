//! Labels as dialogues bear them.
//!
//! In the collection the label of a reply is not always the one of the flow: replies that several domains have in common
//! lost their domain's prefix (`trip_bye` became `goodbye_1`). Which words bear which label is learned from the dialogues
//! that are trained on.

use std::collections::{BTreeMap, BTreeSet};

use super::data::{Collection, Dialogue};
use crate::dialogue::flow::{CUSTOM, Flow, FlowEvent};

/// The words of replies: which labels they bear, and in how many flows.
pub(super) type Labels = BTreeMap<String, BTreeMap<String, usize>>;

/// The labels of the words that are replies of more than nobody.
pub(super) fn learn<'a>(dialogues: impl Iterator<Item = &'a Dialogue>) -> Labels {
    let mut flows: BTreeMap<&str, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for dialogue in dialogues {
        for event in &dialogue.events {
            if let FlowEvent::Action { name, text } = event
                && name != CUSTOM
            {
                let labels = flows.entry(text).or_default();
                labels.entry(name).or_default().insert(&dialogue.task);
            }
        }
    }
    let counted = |labels: BTreeMap<&str, BTreeSet<&str>>| -> BTreeMap<String, usize> {
        let labels = labels.into_iter();
        labels
            .map(|(label, flows)| (label.to_owned(), flows.len()))
            .collect()
    };
    let texts = flows.into_iter();
    texts
        .map(|(text, labels)| (text.to_owned(), counted(labels)))
        .collect()
}

/// Keeps the words that are a reply of some flow, so that no utterance with a customer's values is kept.
pub(super) fn keep_replies(labels: &mut Labels, collection: &Collection) {
    let replies: BTreeSet<&String> = collection
        .flows
        .values()
        .flat_map(|flow| flow.replies().values())
        .collect();
    labels.retain(|text, _| replies.contains(text));
}

/// The label that a flow's action bears in dialogues: what the same words, or words of the same domain that differ in
/// punctuation only, bear most clearly elsewhere; but never the label of another domain.
pub(super) fn spoken(
    flow: &Flow,
    name: &str,
    domain: &[&Flow],
    prefixes: &BTreeSet<String>,
    labels: &Labels,
) -> String {
    let own = || name.to_owned();
    let Some(text) = flow.replies().get(name).filter(|text| !text.contains('{')) else {
        return own();
    };
    let same: BTreeSet<&String> = domain
        .iter()
        .flat_map(|flow| flow.replies().values())
        .filter(|other| bare(other) == bare(text))
        .chain([text])
        .collect();
    let mut best: Option<(f64, usize, &str)> = None;
    for labels in same.into_iter().filter_map(|text| labels.get(text)) {
        let all: usize = labels.values().sum();
        for (label, flows) in labels {
            let found = (*flows as f64 / all.max(1) as f64, *flows, label.as_str());
            if best.is_none_or(|best| (found.0, found.1) > (best.0, best.1)) {
                best = Some(found);
            }
        }
    }
    match best {
        Some((_, _, label)) => {
            let prefix = label.split('_').next().unwrap_or_default();
            if prefix == flow.prefix() || !prefixes.contains(prefix) {
                label.to_owned()
            } else {
                own()
            }
        }
        None => own(),
    }
}

fn bare(text: &str) -> String {
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").to_lowercase()
}
