//! Flows: the procedure of a task as a graph of labelled replies, and the next best action at any moment of a dialogue
//! about it, also for a task that no dialogue was ever seen of.
//!
//! A [`Flow`] is what a business writes down: the words of every reply and which action follows which. A small trained
//! model ([`ActionHead`]) weighs where the dialogue stands in the graph against what was said and what a look-up
//! returned; it knows no task by name, so a new flow needs no training. In the spirit of the schema attention model
//! (Mehri and Eskenazi 2021, "Schema-Guided Paradigm for Zero-Shot Dialog"), by signs instead of attention.

mod cues;
mod graph;
mod head;
mod kinds;
mod ranker;
mod signs;
mod tracker;
mod way;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, ErrorKind, OrError, Result};
use graph::Graph;

pub use head::ActionHead;
pub(crate) use head::{DECIDED_WORTH, HeadShape, HeadWeights, KnownAction, softmax};
pub use ranker::FlowRanker;
pub(crate) use signs::{DECIDED, Moment, PAIR, texts_of};
pub(crate) use tracker::{Tracker, Vectors};

/// The action for a look-up or a change in a back office, whatever the flow calls it.
pub const QUERY: &str = "query";
/// The action for words that are no reply of the flow.
pub const CUSTOM: &str = "custom";

/// A thing that happened in a dialogue.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FlowEvent {
    /// The customer said this.
    Customer(String),
    /// The agent gave one of the flow's replies.
    Action {
        /// Its label.
        name: String,
        /// The words as they were said.
        text: String,
    },
    /// The agent said something in words of their own.
    Said(String),
    /// The agent looked something up or had something done, with these values.
    Query(BTreeMap<String, String>),
    /// What came back; empty if nothing was found.
    Result(BTreeMap<String, Value>),
}

/// What an agent may do in a flow.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) name: String,
    /// The words, with the names of what is to be filled in; empty for look-ups and for words of one's own.
    pub(crate) text: String,
    /// The words of the label without the flow's own prefix.
    pub(crate) words: Vec<String>,
    /// What is filled in.
    pub(crate) slots: Vec<String>,
    /// What kind of action it is, by signs.
    pub(crate) kind: Vec<f32>,
    /// Whether it tells of success (1) or of failure (-1).
    pub(crate) polarity: i8,
    /// Whether it is a question on the flow's main way.
    pub(crate) asks: bool,
    /// Its place on the main way.
    pub(crate) place: Option<usize>,
}

/// The procedure of a task: replies with their words, and a graph of what follows what.
#[derive(Clone, Debug)]
pub struct Flow {
    name: String,
    prefix: String,
    replies: BTreeMap<String, String>,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) graph: Graph,
}

#[derive(Deserialize)]
struct StarTask {
    replies: BTreeMap<String, String>,
    graph: BTreeMap<String, String>,
}

impl Flow {
    /// A flow from its replies (label to words, `{field}` where a value is filled in) and its graph (label to the
    /// label that follows). Labels whose words are a bare condition ("Available", "No", "Succeeded") stand for what a
    /// look-up returned or the customer answered; labels that begin with `query` stand for look-ups.
    pub fn new(
        name: impl Into<String>,
        replies: BTreeMap<String, String>,
        edges: BTreeMap<String, String>,
    ) -> Self {
        let name = name.into();
        let prefix = name.split('_').next().unwrap_or_default().to_owned();
        let graph = Graph::new(&replies, edges);
        let candidates = kinds::candidates(&prefix, &replies, &graph);
        let mut flow = Self {
            name,
            prefix,
            replies,
            candidates,
            graph,
        };
        let names: Vec<String> = flow.candidates.iter().map(|c| c.name.clone()).collect();
        flow.graph.measure(&names);
        flow
    }

    /// A flow from a task file of the STAR collection: a JSON object with `replies` and `graph`. `name` is the file's,
    /// whose first word the labels of its own begin with.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the text is no such object or holds no reply.
    pub fn from_star_json(name: &str, json: &str) -> Result<Self> {
        let wrong = || format!("the flow {name} is no JSON object with replies and graph");
        let task: StarTask = serde_json::from_str(json).or_error(ErrorKind::InvalidInput, wrong)?;
        if task.replies.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, wrong()));
        }
        Ok(Self::new(name, task.replies, task.graph))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the flow's own labels begin with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The words of every label.
    pub fn replies(&self) -> &BTreeMap<String, String> {
        &self.replies
    }

    /// The labels that an agent can choose between.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.candidates.iter().map(|one| one.name.as_str())
    }

    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.candidates.iter().position(|one| one.name == name)
    }

    /// The candidate that a label of a dialogue stands for: by name, by its words, by the words of the label.
    pub(crate) fn resolve(&self, label: &str, text: &str) -> Option<usize> {
        self.find(label)
            .or_else(|| {
                let has = |one: &Candidate| self.replies.get(&one.name).is_some_and(|t| t == text);
                self.candidates.iter().position(has)
            })
            .or_else(|| {
                let mut words = cues::label_words(label);
                words.retain(|word| *word != self.prefix);
                words.sort_unstable();
                self.candidates.iter().position(|one| {
                    let mut own = one.words.clone();
                    own.sort_unstable();
                    own == words
                })
            })
    }
}

#[cfg(test)]
mod tests;
