//! The candidates of a flow, and signs of what kind of action each is.

use std::collections::BTreeMap;

use super::cues::{self, LABEL_WORDS};
use super::graph::Graph;
use super::signs::{flag, scaled};
use super::{CUSTOM, Candidate, QUERY};

/// The candidates of a flow: its replies, one look-up, and words of one's own.
pub(super) fn candidates(
    prefix: &str,
    replies: &BTreeMap<String, String>,
    graph: &Graph,
) -> Vec<Candidate> {
    let own = replies
        .iter()
        .filter(|(label, _)| graph.condition(label).is_none() && !graph.queries().contains(label));
    let mut names: Vec<(&str, &str)> = own.map(|(a, b)| (a.as_str(), b.as_str())).collect();
    if !replies.contains_key(CUSTOM) {
        names.push((CUSTOM, ""));
    }
    names.push((QUERY, ""));
    let of = |(name, template): (&str, &str)| candidate(prefix, name, template, graph);
    names.into_iter().map(of).collect()
}

fn candidate(prefix: &str, name: &str, template: &str, graph: &Graph) -> Candidate {
    let (text, slots) = plain(template);
    let mut words = cues::label_words(name);
    words.retain(|word| word != prefix);
    let place = graph
        .labels_of(name)
        .filter_map(|label| graph.place(label))
        .min();
    let asked = cues::asked(&words, &text);
    let question = text.trim_end().ends_with('?');
    let polarity = cues::polarity(&text);
    let before: Vec<&str> = graph
        .labels_of(name)
        .flat_map(|label| graph.edges().iter().filter(move |(_, to)| *to == label))
        .map(|(from, _)| from.as_str())
        .collect();
    let behind = |good: fn(i8) -> bool| {
        before
            .iter()
            .any(|from| !matches!(*from, "yes" | "no") && graph.condition(from).is_some_and(good))
    };
    let looked = |label: &str| graph.queries().iter().any(|query| query == label);
    let farthest = graph
        .labels_of(name)
        .filter_map(|label| graph.place(label))
        .max();
    let leads = graph
        .labels_of(name)
        .any(|label| graph.edge(label).is_some_and(looked));
    let has_edge = graph
        .labels_of(name)
        .any(|label| graph.edge(label).is_some());
    let two = graph.book() != graph.check();
    let mut kind: Vec<f32> = LABEL_WORDS
        .iter()
        .map(|word| flag(words.iter().any(|own| own == word)))
        .collect();
    kind.extend([
        flag(place.is_some()),
        farthest.unwrap_or(0) as f32 / 10.0,
        flag(before.iter().any(|from| looked(from))),
        flag(two && before.contains(&graph.book())),
        flag(behind(|polarity| polarity > 0)),
        flag(behind(|polarity| polarity < 0)),
        flag(before.contains(&"yes")),
        flag(before.contains(&"no")),
        flag(leads),
        flag(question),
        f32::from(polarity),
        flag(!slots.is_empty()),
        flag(has_edge || !before.is_empty()),
        scaled(text.split_whitespace().count(), 20, 10.0),
    ]);
    kind.extend(asked.map(flag));
    kind.extend(cues::manner(&text).map(flag));
    Candidate {
        name: name.to_owned(),
        asks: question && place.is_some(),
        text,
        words,
        slots,
        kind,
        polarity,
        place,
    }
}

/// A reply with the names of its fields as words, and these names.
fn plain(template: &str) -> (String, Vec<String>) {
    let mut text = String::new();
    let mut slots = Vec::new();
    let mut pieces = template.split('{');
    text.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (field, rest) = piece.split_once('}').unwrap_or((piece, ""));
        let name = field.split(':').next().unwrap_or(field);
        text.push_str(&name.replace('_', " "));
        text.push_str(rest);
        slots.push(name.to_owned());
    }
    (text, slots)
}
