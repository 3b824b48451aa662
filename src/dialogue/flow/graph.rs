//! The graph of a flow, completed: conditions hang under what they qualify.

use std::collections::{BTreeMap, BTreeSet};

use super::{QUERY, cues};

/// How far a way is followed.
const FARTHEST: usize = 8;
/// The distance of what cannot be reached.
pub(crate) const UNREACHABLE: u8 = 9;
/// Conditions that the customer's words or the position decide, not the outcome of a look-up.
const NO_OUTCOME: [&str; 6] = ["yes", "no", "correct", "incorrect", "noanswer", "done"];

/// What follows what.
#[derive(Clone, Debug)]
pub(crate) struct Graph {
    edges: BTreeMap<String, String>,
    /// Conditions, and whether they are good (1) or bad (-1).
    conditions: BTreeMap<String, i8>,
    /// Labels of look-ups.
    queries: Vec<String>,
    next: BTreeMap<String, Vec<String>>,
    /// The main way, from the greeting on.
    places: BTreeMap<String, usize>,
    /// From a label to every candidate.
    distances: BTreeMap<String, Vec<u8>>,
}

impl Graph {
    pub(super) fn new(replies: &BTreeMap<String, String>, edges: BTreeMap<String, String>) -> Self {
        let conditions: BTreeMap<String, i8> = replies
            .iter()
            .filter(|(label, text)| is_condition(label, text))
            .map(|(label, text)| {
                let polarity = match label.as_str() {
                    "no" | "incorrect" => -1,
                    "yes" => 1,
                    _ => cues::polarity(text),
                };
                (label.clone(), polarity)
            })
            .collect();
        let queries: Vec<String> = replies
            .keys()
            .filter(|label| label.starts_with(QUERY) && !conditions.contains_key(*label))
            .cloned()
            .collect();
        let mut graph = Self {
            next: BTreeMap::new(),
            places: places(&edges),
            distances: BTreeMap::new(),
            edges,
            conditions,
            queries,
        };
        graph.complete(replies);
        graph
    }

    /// Look-ups without an edge lead to outcomes, other dead ends to the customer's answers.
    fn complete(&mut self, replies: &BTreeMap<String, String>) {
        let held = |label: &&String| self.edges.contains_key(*label);
        let (outcomes, answers): (Vec<&String>, Vec<&String>) = self
            .conditions
            .keys()
            .filter(held)
            .partition(|label| !NO_OUTCOME.contains(&label.as_str()));
        let (done, looked): (Vec<&String>, Vec<&String>) =
            outcomes.iter().partition(|label| label.starts_with(QUERY));
        // Where a check and a change are told apart, so are their outcomes.
        let or_all = |some: &[&String]| owned(if some.is_empty() { &outcomes } else { some });
        let two = self.queries.len() > 1;
        let mut next = BTreeMap::new();
        let labels: BTreeSet<&String> = replies.keys().chain(self.edges.keys()).collect();
        for label in labels {
            if self.conditions.contains_key(label) {
                continue;
            }
            let after = match self.edges.get(label) {
                Some(to) => vec![to.clone()],
                None if !self.queries.contains(label) => owned(&answers),
                None if two && *label == self.check() => or_all(&looked),
                None if two => or_all(&done),
                None => owned(&outcomes),
            };
            next.insert(label.clone(), after);
        }
        self.next = next;
    }

    /// Fills in the distances to the candidates.
    pub(super) fn measure(&mut self, candidates: &[String]) {
        let mut distances = BTreeMap::new();
        for start in self.next.keys() {
            let mut reached: BTreeMap<&str, u8> = BTreeMap::new();
            let mut front = vec![start.as_str()];
            for steps in 1..=FARTHEST {
                let mut further = Vec::new();
                for to in front.iter().flat_map(|from| self.steps(from)) {
                    if !reached.contains_key(to) {
                        reached.insert(to, steps as u8);
                        further.push(to);
                    }
                }
                front = further;
            }
            let of = |label: &str| reached.get(label).copied().unwrap_or(UNREACHABLE);
            let row = candidates.iter().map(|name| {
                let nearest = self.labels_of(name).map(of).min();
                nearest.unwrap_or(UNREACHABLE)
            });
            distances.insert(start.clone(), row.collect());
        }
        self.distances = distances;
    }

    /// The labels that a candidate stands for.
    pub(crate) fn labels_of<'a>(&'a self, name: &'a str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        if name == QUERY {
            Box::new(self.queries.iter().map(String::as_str))
        } else {
            Box::new(std::iter::once(name))
        }
    }

    /// What follows, conditions passed over.
    fn steps<'a>(&'a self, from: &str) -> impl Iterator<Item = &'a str> {
        let next = self.next.get(from).into_iter().flatten();
        next.map(|label| self.behind(label))
    }

    /// What stands behind a condition, or the label itself.
    pub(crate) fn behind<'a>(&'a self, label: &'a str) -> &'a str {
        match self.edges.get(label) {
            Some(to) if self.conditions.contains_key(label) => to,
            _ => label,
        }
    }

    /// What may follow a label, conditions among it.
    pub(crate) fn next(&self, label: &str) -> &[String] {
        self.next.get(label).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn edge(&self, label: &str) -> Option<&str> {
        self.edges.get(label).map(String::as_str)
    }

    pub(crate) fn edges(&self) -> &BTreeMap<String, String> {
        &self.edges
    }

    /// Whether the label is a condition, and whether a good one.
    pub(crate) fn condition(&self, label: &str) -> Option<i8> {
        self.conditions.get(label).copied()
    }

    pub(crate) fn conditions(&self) -> &BTreeMap<String, i8> {
        &self.conditions
    }

    pub(crate) fn place(&self, label: &str) -> Option<usize> {
        self.places.get(label).copied()
    }

    pub(crate) fn distance(&self, from: &str, candidate: usize) -> u8 {
        let row = self.distances.get(from);
        let found = row.and_then(|row| row.get(candidate)).copied();
        found.unwrap_or(UNREACHABLE)
    }

    pub(crate) fn queries(&self) -> &[String] {
        &self.queries
    }

    pub(crate) fn knows(&self, label: &str) -> bool {
        self.edges.contains_key(label) || self.places.contains_key(label)
    }

    /// The label of a look-up that changes nothing.
    pub(crate) fn check(&self) -> &str {
        let named = self.queries.iter().find(|label| label.ends_with("check"));
        named.or(self.queries.first()).map_or(QUERY, String::as_str)
    }

    /// The label of a look-up that changes something; that of the check where there is no other.
    pub(crate) fn book(&self) -> &str {
        let check = self.check();
        let other = self.queries.iter().find(|label| *label != check);
        other.map_or(check, String::as_str)
    }
}

fn owned(labels: &[&String]) -> Vec<String> {
    labels.iter().map(|label| (*label).clone()).collect()
}

/// The words of a condition are a bare word or two; those of a reply are a sentence.
fn is_condition(label: &str, text: &str) -> bool {
    let outcome = label
        .strip_prefix("query_")
        .is_some_and(|rest| rest.starts_with("succe") || rest.starts_with("fail"));
    let bare = text.split_whitespace().count() <= 3
        && text.ends_with(|c: char| c.is_alphabetic())
        && !text.contains('{');
    outcome || (bare && !label.starts_with(QUERY) && label != "hello")
}

/// Places on the way from the greeting, along the edges.
fn places(edges: &BTreeMap<String, String>) -> BTreeMap<String, usize> {
    let mut places = BTreeMap::new();
    let mut label = "hello";
    while !places.contains_key(label) {
        places.insert(label.to_owned(), places.len());
        match edges.get(label) {
            Some(next) => label = next,
            None => break,
        }
    }
    places
}
