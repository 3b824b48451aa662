//! What the model sees of a moment: signs of the dialogue, signs of every candidate, and how both go together.

use std::collections::BTreeSet;

use super::cues::{self, KINDS, LABEL_WORDS};
use super::graph::UNREACHABLE;
use super::tracker::{Last, Tracker, result_text};
use super::way::Way;
use super::{Candidate, Flow, FlowEvent, QUERY};
use crate::embedding::similarity;

/// Signs of a pair of dialogue and candidate.
pub(crate) const PAIR: usize = 56;
/// The sign of a pair that says that the graph's own conditions leave only this way.
pub(crate) const DECIDED: usize = 52;

/// What the model sees before a decision.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moment {
    /// Signs of the dialogue.
    pub(crate) context: Vec<f32>,
    /// The vector of the customer's last words.
    pub(crate) customer: Vec<f32>,
    /// [`PAIR`] signs a candidate.
    pub(crate) pairs: Vec<f32>,
}

/// The texts whose vectors a flow and a dialogue about it need.
pub(crate) fn texts_of<'a>(
    flow: &'a Flow,
    events: &'a [FlowEvent],
) -> impl Iterator<Item = String> + 'a {
    let said = events.iter().filter_map(|event| match event {
        FlowEvent::Customer(text) | FlowEvent::Said(text) | FlowEvent::Action { text, .. } => {
            Some(text.clone())
        }
        FlowEvent::Result(item) => Some(result_text(item)),
        FlowEvent::Query(_) => None,
    });
    let replies = flow.candidates.iter().map(|one| one.text.clone());
    said.chain(replies).filter(|text| !text.is_empty())
}

pub(super) fn flag(yes: bool) -> f32 {
    f32::from(u8::from(yes))
}

/// A count on a scale of its own, cut at `most`.
pub(super) fn scaled(count: usize, most: usize, unit: f32) -> f32 {
    count.min(most) as f32 / unit
}

impl<'a> Tracker<'a> {
    /// What the model sees now.
    pub(crate) fn moment(&self) -> Moment {
        let last = self.happened.last().copied();
        let left = self.steps_left();
        let right = self.answered(last);
        let way = self.way(last, left, right);
        Moment {
            context: self.context(last, left, right),
            customer: self.vectors.get(&self.customer).to_vec(),
            pairs: self.pairs(last, left, right, &way),
        }
    }

    fn context(&self, last: Option<Last>, left: Option<usize>, right: Option<bool>) -> Vec<f32> {
        let graph = &self.flow.graph;
        let before = self
            .happened
            .len()
            .checked_sub(2)
            .and_then(|at| self.happened.get(at));
        let polarity = self.found.as_ref().map_or(0, |found| found.polarity);
        let is = |what: Last| flag(last == Some(what));
        let was = |what: Last| flag(before == Some(&what));
        let asks = self.flow.candidates.iter().zip(&self.taken);
        let open: Vec<bool> = asks
            .filter(|(one, taken)| one.asks && taken.times == 0)
            .map(|(_, taken)| !taken.given)
            .collect();
        let asked = self.flow.candidates.iter().filter(|one| one.asks).count();
        let ratio = self.named.len() as f32 / asked.max(1) as f32;
        let query = self.flow.find(QUERY).unwrap_or(usize::MAX);
        let far = graph.distance(&self.at, query);
        let mut context = vec![
            flag(last.is_none()),
            is(Last::Customer),
            is(Last::Result),
            was(Last::Customer),
            was(Last::Agent),
            was(Last::Result),
            scaled(self.turns, 20, 10.0),
            scaled(self.queries, 5, 5.0),
            scaled(self.changes, 3, 3.0),
            flag(self.last_change == Some(true)),
            flag(self.last_change == Some(false)),
            flag(self.last_change.is_none()),
            flag(polarity > 0),
            flag(polarity < 0),
            flag(polarity == 0),
            flag(self.found.is_none()),
            scaled(self.queries_in_row, 4, 4.0),
            scaled(self.since_query, 9, 9.0),
            scaled(self.customer.split_whitespace().count(), 40, 20.0),
            flag(self.turns == 1),
            flag(self.last[0].is_some()),
            scaled(self.waiting, 3, 1.0),
            flag(self.own_words),
            self.found
                .as_ref()
                .map_or(0.0, |found| found.fields.len() as f32 / 10.0),
            flag(graph.check() != graph.book()),
            flag(self.queries > 0),
            flag(self.changes > 0),
            flag(self.succeeded),
            open.len() as f32 / 5.0,
            open.iter().filter(|open| **open).count() as f32 / 5.0,
            flag(left.is_some()),
            flag(left == Some(0)),
            flag(left == Some(1)),
            scaled(self.named.len(), 10, 5.0),
            asked as f32 / 5.0,
            ratio.min(3.0),
            flag(far == UNREACHABLE),
            flag(far == 1),
            f32::from(far) / 5.0,
            (self.named.len() - self.named_before) as f32 / 3.0,
            flag(right == Some(true)),
            flag(graph.queries().contains(&self.at)),
            flag(graph.next(&self.at).is_empty()),
        ];
        context.extend(self.signs.map(flag));
        context.extend(self.ever.map(flag));
        let width = self.flow.candidates.first().map_or(0, |one| one.kind.len());
        for action in self.last {
            match action.and_then(|at| self.flow.candidates.get(at)) {
                Some(candidate) => context.extend(&candidate.kind),
                None => context.extend(std::iter::repeat_n(0.0, width)),
            }
        }
        context
    }

    fn pairs(
        &self,
        last: Option<Last>,
        left: Option<usize>,
        right: Option<bool>,
        way: &Way<'_>,
    ) -> Vec<f32> {
        let graph = &self.flow.graph;
        let to = |text: &str| -> Vec<f32> {
            let vector = self.vectors.get(text);
            self.replies
                .iter()
                .map(|reply| similarity(vector, reply))
                .collect()
        };
        let customer = to(&self.customer);
        let (agent, earlier) = (to(&self.agent[0]), to(&self.agent[1]));
        let result = to(self.found.as_ref().map_or("", |found| &found.text));
        let most = |values: &[f32]| values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let (closest, best_result) = (most(&customer), most(&result));
        let mean = customer.iter().sum::<f32>() / customer.len().max(1) as f32;
        let ranks = self.ranks();
        let last_place = match self.last[0].and_then(|at| self.flow.candidates.get(at)) {
            Some(candidate) => candidate.place.map(|place| place as f32),
            None => Some(-1.0),
        };
        let candidates = self.flow.candidates.iter().zip(&self.taken);
        let farthest = candidates
            .filter(|(_, taken)| taken.times > 0)
            .filter_map(|(one, _)| one.place)
            .max()
            .map_or(-1.0, |place| place as f32);
        let expected = |one: &Candidate, set: &BTreeSet<&str>| {
            graph.labels_of(&one.name).any(|label| set.contains(label))
        };
        let any = self
            .flow
            .candidates
            .iter()
            .any(|one| expected(one, &way.expected));
        let words: BTreeSet<String> = cues::long_words(&self.customer, 4).collect();
        let stems: BTreeSet<String> = cues::long_words(&self.customer, 5)
            .map(|w| stem(&w))
            .collect();
        let polarity = self.found.as_ref().map_or(0, |found| found.polarity);
        let values = cues::values_of(&self.signs);
        let asked = self.flow.candidates.iter().filter(|one| one.asks).count();
        let ratio = (self.named.len() as f32 / asked.max(1) as f32).min(3.0);
        let mut pairs = Vec::with_capacity(self.taken.len() * PAIR);
        for (at, (one, taken)) in self.flow.candidates.iter().zip(&self.taken).enumerate() {
            let is = |back: usize| flag(self.last[back] == Some(at));
            let place = one.place.map(|place| place as f32);
            let step = |from: f32| place.map_or(0.0, |place| (place - from).clamp(-6.0, 6.0) / 3.0);
            let kinds = asks_for(one);
            let any_of = |known: &[bool; KINDS]| kinds.iter().zip(known).any(|(a, b)| *a && *b);
            let asks_some = kinds.iter().any(|kind| *kind);
            let now = expected(one, &way.expected);
            let decided = now && way.decided;
            let near = graph.distance(&self.at, at);
            let [rank, rank_known, rank_kind] = ranks.each_ref().map(|ranks| ranks[at]);
            let fields = self.found.as_ref().filter(|found| !found.fields.is_empty());
            let filled = fields.map_or(0.0, |found| {
                let has = |slot: &&String| found.fields.contains(&slot.replace('_', ""));
                one.slots.iter().filter(has).count() as f32 / one.slots.len().max(1) as f32
            });
            let said = |word: &str| words.contains(word);
            let slotted = !one.slots.is_empty();
            let known_word = match one.name.as_str() {
                "ask_name" => self.known.contains("name"),
                _ => one.words.iter().any(|word| {
                    !matches!(word.as_str(), "ask" | "inform" | "name") && self.known.contains(word)
                }),
            };
            let of = |values: &[f32]| values.get(at).copied().unwrap_or(0.0);
            pairs.extend([
                flag(
                    graph
                        .labels_of(&one.name)
                        .any(|label| way.linear == Some(label)),
                ),
                flag(expected(one, &way.outcome)),
                flag(expected(one, &way.answer)),
                flag(taken.times > 0),
                taken.times.min(4) as f32 / 4.0,
                taken.ago.min(10) as f32 / 10.0,
                is(0),
                is(1),
                is(2),
                flag(rank == 0),
                scaled(rank, 9, 5.0),
                flag(rank_known == 0),
                scaled(rank_known, 9, 5.0),
                last_place.map_or(0.0, step),
                flag(place.is_some() && last_place.is_some_and(|from| place == Some(from + 1.0))),
                step(farthest),
                of(&customer),
                of(&agent),
                of(&earlier),
                of(&result),
                taken.closest,
                flag(taken.given),
                flag(known_word),
                flag(any_of(&self.kinds)),
                flag(any_of(&values)),
                flag(asks_some && !any_of(&self.kinds)),
                filled,
                flag(slotted && self.queries == 0),
                f32::from(one.polarity * polarity),
                flag(one.polarity == polarity && last == Some(Last::Result)),
                flag(of(&customer) == closest),
                flag(of(&result) == best_result),
                of(&customer) - mean,
                flag(taken.times > 0 && place.is_some() && self.since_query < 9),
                flag(one.words.iter().any(|word| said(word))),
                flag(one.slots.iter().any(|slot| slot.split('_').any(said))),
                flag(now),
                flag(near == 1),
                flag(near == 2),
                f32::from(near) / 5.0,
                flag(near == UNREACHABLE),
                flag(rank_kind == 0),
                scaled(rank_kind, 9, 5.0),
                flag(taken.since > 0),
                flag(any && !now),
                flag(slotted && left.is_some_and(|left| left > 0)),
                flag(now && last == Some(Last::Customer)),
                flag(now && last == Some(Last::Result)),
                flag(now && taken.times == 0),
                right.map_or(0.0, |right| if right { 1.0 } else { -1.0 }) * f32::from(one.polarity),
                flag(near < UNREACHABLE && taken.times == 0),
                if taken.times == 0 && one.asks {
                    ratio
                } else {
                    0.0
                },
                flag(decided),
                flag(
                    one.words
                        .iter()
                        .any(|word| word.len() >= 5 && stems.contains(&stem(word))),
                ),
                flag(one.name == QUERY && way.decided && !decided),
                flag(slotted && taken.since == 0 && self.found.is_some()),
            ]);
        }
        pairs
    }

    /// The order of the questions that are still open: all, without those whose value is known, and without those of
    /// whose kind some value was given.
    fn ranks(&self) -> [Vec<usize>; 3] {
        let mut open: Vec<usize> = (0..self.taken.len())
            .filter(|at| self.flow.candidates[*at].asks && self.taken[*at].times == 0)
            .collect();
        open.sort_by_key(|at| self.flow.candidates[*at].place);
        let unknown = |at: &usize| !self.taken[*at].given;
        let other = |at: &usize| {
            let kinds = asks_for(&self.flow.candidates[*at]);
            !kinds.iter().zip(self.kinds).any(|(a, b)| *a && b)
        };
        let rank = |order: Vec<usize>| {
            let mut ranks = vec![9; self.taken.len()];
            for (rank, at) in order.into_iter().enumerate() {
                ranks[at] = rank;
            }
            ranks
        };
        let known: Vec<usize> = open.iter().copied().filter(unknown).collect();
        let kinds = known.iter().copied().filter(other).collect();
        [rank(open), rank(known), rank(kinds)]
    }
}

/// Which kinds of values a candidate asks for; they stand in its signs.
fn asks_for(one: &Candidate) -> [bool; KINDS] {
    let from = LABEL_WORDS.len() + 14;
    let mut kinds = [false; KINDS];
    for (kind, sign) in kinds.iter_mut().zip(one.kind.iter().skip(from)) {
        *kind = *sign > 0.0;
    }
    kinds
}

fn stem(word: &str) -> String {
    word.chars().take(5).collect()
}
