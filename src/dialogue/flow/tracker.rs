//! Where a dialogue stands: what was said, done and found so far.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::cues::{self, KINDS, UTTERANCE};
use super::{CUSTOM, Flow, FlowEvent, QUERY};
use crate::embedding::similarity;

/// Likeness from which words of an agent's own stand for a reply of the flow.
const SAME_REPLY: f32 = 0.7;
/// Fields of a result that name no finding.
const NO_FINDING: [&str; 3] = ["APIName", "Message", "id"];

/// The vectors of texts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vectors(pub(crate) HashMap<String, Vec<f32>>);

impl Vectors {
    pub(crate) fn get(&self, text: &str) -> &[f32] {
        self.0.get(text).map_or(&[], Vec::as_slice)
    }
}

/// What the last thing that happened was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    Customer,
    Agent,
    Result,
}

/// A look-up's answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) fields: BTreeSet<String>,
    /// Single findings, lower case.
    pub(super) findings: Vec<String>,
    /// Findings in several steps.
    pub(super) steps: Vec<Vec<String>>,
    pub(super) polarity: i8,
    pub(super) text: String,
}

impl Found {
    fn new(item: &BTreeMap<String, Value>) -> Self {
        let strings = |value: &Value| -> Option<Vec<String>> {
            let list = value.as_array().filter(|list| list.len() > 1)?;
            list.iter()
                .map(|one| one.as_str().map(str::to_owned))
                .collect()
        };
        let findings = item
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "APIName" | "Message"))
            .filter_map(|(_, value)| value.as_str());
        Self {
            fields: item.keys().map(|name| name.to_lowercase()).collect(),
            findings: findings
                .filter(|text| !text.is_empty())
                .map(str::to_lowercase)
                .collect(),
            steps: item.values().filter_map(strings).collect(),
            polarity: match item.get("Message").and_then(Value::as_str) {
                Some(message) if !message.is_empty() => cues::polarity(message),
                _ if item.is_empty() => -1,
                _ => 0,
            },
            text: result_text(item),
        }
    }
}

/// What a result says, in words.
pub(super) fn result_text(item: &BTreeMap<String, Value>) -> String {
    if item.is_empty() {
        return "nothing found".to_owned();
    }
    match item.get("Message").and_then(Value::as_str) {
        Some(message) if !message.is_empty() => message.to_owned(),
        _ => {
            let fields = item
                .keys()
                .filter(|name| !NO_FINDING.contains(&name.as_str()));
            let words: Vec<String> = fields
                .map(|name| cues::field_words(name).join(" "))
                .collect();
            format!("found: {}", words.join(", "))
        }
    }
}

/// What is remembered of one candidate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) times: u32,
    /// Actions ago.
    pub(super) ago: u32,
    /// Times since the last result.
    pub(super) since: u32,
    /// Whether the agent knows the value it asks for.
    pub(super) given: bool,
    /// The closest that the customer came to its words.
    pub(super) closest: f32,
}

/// Follows a dialogue about a flow.
#[derive(Clone, Debug)]
pub(crate) struct Tracker<'a> {
    pub(super) flow: &'a Flow,
    pub(super) vectors: &'a Vectors,
    pub(super) replies: Vec<&'a [f32]>,
    pub(super) taken: Vec<Taken>,
    /// The last actions, latest first.
    pub(super) last: [Option<usize>; 3],
    pub(super) happened: Vec<Last>,
    pub(super) customer: String,
    pub(super) agent: [String; 2],
    pub(super) signs: [bool; UTTERANCE],
    pub(super) ever: [bool; UTTERANCE],
    pub(super) kinds: [bool; KINDS],
    /// Names and numbers that the customer gave, and how many before the agent's last action.
    pub(super) named: BTreeSet<String>,
    pub(super) named_before: usize,
    pub(super) turns: usize,
    /// Customer's utterances since the agent's last.
    pub(super) waiting: usize,
    pub(super) queries: usize,
    pub(super) changes: usize,
    pub(super) queries_in_row: usize,
    pub(super) since_query: usize,
    /// Whether the last look-up changed something.
    pub(super) last_change: Option<bool>,
    pub(super) known: BTreeSet<String>,
    pub(super) found: Option<Found>,
    pub(super) told: BTreeSet<String>,
    pub(super) succeeded: bool,
    pub(super) own_words: bool,
    /// The label where the dialogue stands in the graph.
    pub(super) at: String,
}

impl<'a> Tracker<'a> {
    pub(crate) fn new(flow: &'a Flow, vectors: &'a Vectors) -> Self {
        let fresh = Taken {
            times: 0,
            ago: 99,
            since: 0,
            given: false,
            closest: 0.0,
        };
        let candidates = &flow.candidates;
        Self {
            flow,
            vectors,
            replies: candidates
                .iter()
                .map(|one| vectors.get(&one.text))
                .collect(),
            taken: vec![fresh; candidates.len()],
            last: [None; 3],
            happened: Vec::new(),
            customer: String::new(),
            agent: [String::new(), String::new()],
            signs: [false; UTTERANCE],
            ever: [false; UTTERANCE],
            kinds: [false; KINDS],
            named: BTreeSet::new(),
            named_before: 0,
            turns: 0,
            waiting: 0,
            queries: 0,
            changes: 0,
            queries_in_row: 0,
            since_query: 9,
            last_change: None,
            known: BTreeSet::new(),
            found: None,
            told: BTreeSet::new(),
            succeeded: false,
            own_words: false,
            at: "hello".to_owned(),
        }
    }

    /// Takes in the next thing that happened.
    pub(crate) fn observe(&mut self, event: &FlowEvent) {
        match event {
            FlowEvent::Customer(text) => self.customer_said(text),
            FlowEvent::Action { name, text } => {
                self.agent_said(text, false);
                self.take(self.flow.resolve(name, text));
                self.named_before = self.named.len();
            }
            FlowEvent::Said(text) => {
                self.agent_said(text, true);
                let vector = self.vectors.get(text);
                let alike = self.replies.iter().map(|reply| similarity(vector, reply));
                let best = alike.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
                self.take(best.filter(|best| best.1 > SAME_REPLY).map(|best| best.0));
            }
            FlowEvent::Query(values) => self.looked_up(values),
            FlowEvent::Result(item) => {
                let found = Found::new(item);
                self.succeeded |= found.polarity > 0;
                self.found = Some(found);
                self.told.clear();
                self.taken.iter_mut().for_each(|one| one.since = 0);
                self.waiting = 0;
                self.happened.push(Last::Result);
            }
        }
    }

    fn customer_said(&mut self, text: &str) {
        self.customer = text.to_owned();
        self.signs = cues::signs(text);
        for (ever, sign) in self.ever.iter_mut().zip(self.signs) {
            *ever |= sign;
        }
        for (ever, kind) in self.kinds.iter_mut().zip(cues::values_of(&self.signs)) {
            *ever |= kind;
        }
        self.named.extend(cues::named(text));
        let vector = self.vectors.get(text);
        for (one, reply) in self.taken.iter_mut().zip(&self.replies) {
            one.closest = one.closest.max(similarity(vector, reply));
        }
        self.turns += 1;
        self.waiting += 1;
        self.queries_in_row = 0;
        self.since_query += 1;
        self.happened.push(Last::Customer);
    }

    fn agent_said(&mut self, text: &str, own_words: bool) {
        let before = std::mem::replace(&mut self.agent[0], text.to_owned());
        self.agent[1] = before;
        let lower = text.to_lowercase();
        if let Some(found) = &self.found {
            for step in found.steps.iter().flatten() {
                let bare = step.trim_matches(['.', ' ']).to_lowercase();
                if lower.contains(&bare) {
                    self.told.insert(step.clone());
                }
            }
        }
        self.own_words = own_words;
        self.waiting = 0;
        self.since_query += 1;
        self.happened.push(Last::Agent);
    }

    /// The agent took an action, or one that is none of the flow's.
    fn take(&mut self, action: Option<usize>) {
        self.taken.iter_mut().for_each(|one| one.ago += 1);
        let Some(at) = action.or_else(|| self.flow.find(CUSTOM)) else {
            return;
        };
        if let Some(one) = self.taken.get_mut(at) {
            one.times += 1;
            one.since += 1;
            one.ago = 0;
        }
        self.last = [Some(at), self.last[0], self.last[1]];
        if let Some(candidate) = self.flow.candidates.get(at)
            && self.flow.graph.knows(&candidate.name)
            && candidate.name != QUERY
        {
            self.at = candidate.name.clone();
        }
    }

    fn looked_up(&mut self, values: &BTreeMap<String, String>) {
        let change = values
            .iter()
            .any(|(name, value)| name == "RequestType" && value.to_lowercase().contains("book"));
        self.take(self.flow.find(QUERY));
        self.named_before = self.named.len();
        self.queries += 1;
        self.queries_in_row += 1;
        self.since_query = 0;
        self.changes += usize::from(change);
        self.last_change = Some(change);
        self.known
            .extend(values.keys().flat_map(|name| cues::field_words(name)));
        let graph = &self.flow.graph;
        self.at = if change { graph.book() } else { graph.check() }.to_owned();
        for (one, candidate) in self.taken.iter_mut().zip(&self.flow.candidates) {
            let mut words = candidate.words.iter().map(String::as_str);
            let telling = |word: &str| {
                !["ask", "inform", "name", "number", "type", "custom"].contains(&word)
                    && self.known.contains(word)
            };
            let name = candidate.name == "ask_name"
                && self.known.contains("name")
                && ["customer", "host", "renter", "requester"]
                    .iter()
                    .any(|who| self.known.contains(*who));
            one.given |= name || words.any(telling);
        }
    }
}
