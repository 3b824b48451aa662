//! Which ways the graph leaves once its conditions are weighed.

use std::collections::BTreeSet;

use super::cues;
use super::tracker::{Last, Tracker};

/// What the graph says of a moment.
pub(super) struct Way<'a> {
    /// The label that follows where the dialogue stands.
    pub(super) linear: Option<&'a str>,
    /// Labels behind the outcome of the last look-up.
    pub(super) outcome: BTreeSet<&'a str>,
    /// Labels behind the customer's yes or no.
    pub(super) answer: BTreeSet<&'a str>,
    /// Labels that follow once the conditions are weighed.
    pub(super) expected: BTreeSet<&'a str>,
    /// Whether conditions left no other way.
    pub(super) decided: bool,
}

impl<'a> Tracker<'a> {
    /// How many steps of the last result are still to be told.
    pub(super) fn steps_left(&self) -> Option<usize> {
        let lists = self.found.iter().flat_map(|found| &found.steps);
        let left = |list: &Vec<String>| list.iter().filter(|one| !self.told.contains(*one)).count();
        lists.map(left).min()
    }

    /// Whether the customer said what the last result holds and the agent did not tell, after the agent told some of it.
    pub(super) fn answered(&self, last: Option<Last>) -> Option<bool> {
        let found = self
            .found
            .as_ref()
            .filter(|found| !found.fields.is_empty())?;
        let candidate = self.flow.candidates.get(self.last[0]?)?;
        if last != Some(Last::Customer) || candidate.slots.is_empty() {
            return None;
        }
        let told = self.agent[0].to_lowercase();
        let said = format!(" {} ", bare(&self.customer));
        let hidden = found
            .findings
            .iter()
            .filter(|text| !told.contains(text.as_str()));
        Some(
            hidden
                .into_iter()
                .any(|text| said.contains(&format!(" {} ", bare(text)))),
        )
    }

    pub(super) fn way(
        &self,
        last: Option<Last>,
        left: Option<usize>,
        right: Option<bool>,
    ) -> Way<'a> {
        let graph = &self.flow.graph;
        let (yes, no) = (self.signs[0], self.signs[1]);
        let customer = last == Some(Last::Customer);
        let polarity = self.found.as_ref().map_or(0, |found| found.polarity);
        let fits = |good: i8| (good == polarity && polarity != 0) || (polarity == 0 && good > 0);
        let held = graph.conditions().iter().filter_map(|(label, good)| {
            let to = graph.edge(label)?;
            Some((label.as_str(), *good, to))
        });
        let mut outcome = BTreeSet::new();
        let mut answer = BTreeSet::new();
        for (label, good, to) in held {
            match label {
                "yes" if customer && yes => answer.insert(to),
                "no" if customer && no => answer.insert(to),
                "yes" | "no" => false,
                _ if last == Some(Last::Result) && fits(good) => outcome.insert(to),
                _ => false,
            };
        }
        let mut expected: BTreeSet<&str> = BTreeSet::new();
        for label in graph.next(&self.at) {
            let holds = match (label.as_str(), graph.condition(label)) {
                (_, None) => true,
                ("yes", _) => customer && yes,
                ("no", _) => customer && no,
                ("correct", _) => customer && right == Some(true),
                ("incorrect", _) => customer && right == Some(false),
                ("noanswer", _) => customer && cues::does_not_know(&self.customer),
                ("done", _) => left == Some(0),
                (_, Some(good)) => {
                    last == Some(Last::Result) && (good == polarity || (polarity == 0 && good > 0))
                }
            };
            if holds {
                expected.insert(graph.behind(label));
            }
        }
        let (decided, expected) = self.decide(expected, customer, left, right);
        Way {
            linear: graph.edge(&self.at),
            outcome,
            answer,
            expected,
            decided,
        }
    }

    /// Conditions that leave one way: an answer that is right or wrong, steps that are still to be told.
    fn decide(
        &self,
        mut expected: BTreeSet<&'a str>,
        customer: bool,
        left: Option<usize>,
        right: Option<bool>,
    ) -> (bool, BTreeSet<&'a str>) {
        let graph = &self.flow.graph;
        let told_some = self.last[0]
            .and_then(|at| self.flow.candidates.get(at))
            .is_some_and(|one| !one.slots.is_empty());
        let more = left.is_some_and(|left| left > 0) && customer;
        let standing = graph.queries().contains(&self.at);
        if more && !self.signs[1] && !standing && told_some {
            let again = graph.queries().iter().flat_map(|query| graph.next(query));
            expected.extend(again.map(|label| graph.behind(label)));
            let ends = self.flow.candidates.iter();
            let ends = ends.filter(|one| one.words.iter().any(|word| word == "last"));
            let ends: BTreeSet<&str> = ends.map(|one| one.name.as_str()).collect();
            if left == Some(1) && !ends.is_empty() {
                expected = ends;
            }
        }
        let tested = ["correct", "incorrect"]
            .iter()
            .any(|label| graph.condition(label).is_some());
        if let Some(right) = right.filter(|_| tested) {
            let unknown = !right
                && graph.condition("noanswer").is_some()
                && cues::does_not_know(&self.customer);
            let label = match (unknown, right) {
                (true, _) => "noanswer",
                (false, true) => "correct",
                (false, false) => "incorrect",
            };
            return match graph.edge(label) {
                Some(to) => (true, BTreeSet::from([to])),
                None => (false, expected),
            };
        }
        (more && !expected.is_empty(), expected)
    }
}

/// Letters, digits and spaces, lower case.
fn bare(text: &str) -> String {
    let text = text.to_lowercase();
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == ' ')
        .collect()
}
