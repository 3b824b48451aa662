//! What speaks for each passage, and for the turn needing any: numbers for the heads.

use std::collections::HashMap;

use super::context::{RecentTurns, Said};
use super::head::Head;
use super::index::{Entry, TurnIndex};
use super::names::{Mention, words};
use super::{SubjectCue, TurnKnowledge, TurnMatch};
use crate::embedding::similarity;
use crate::error::Result;
use crate::knowledge::sparse::SparseEncoder;
use crate::knowledge::{Hit, KnowledgeBase, Scope, VectorQuery};

/// Signs of a passage.
pub(crate) const RANK_SIGNS: usize = 23;
/// Signs of a turn, beside its vector.
pub(crate) const NEED_SIGNS: usize = 10;

/// Subjects whose passages are compared.
const SUBJECTS: usize = 6;
/// Subjects that the question is also asked of by name.
const NAMED: usize = 2;
/// Passages of one subject that are compared, those closest in meaning.
const OF_SUBJECT: usize = 200;
/// Hypotheses whose vectors are averaged.
const AVERAGED: usize = 3;
/// A mention above this is the name; the words of the name say nothing about what is asked.
const SURE: f32 = 0.6;
/// Below this a mention is a guess, and counts half.
const GUESS: f32 = 0.45;
/// How much a mention counts one turn later.
const FADES: f32 = 0.9;
/// Passages of the whole collection that are compared where no subject is named for sure.
const ANYWHERE: usize = 20;
/// What the name's likeness is set to where the question is not asked by name.
const UNASKED: f32 = -0.3;

/// What is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EvidenceOptions {
    /// Only passages below a heading, as in a collection of questions and answers.
    pub(crate) headed_only: bool,
    /// Nothing is found for a tenant with more passages than this, where it is set.
    pub(crate) most_passages: Option<usize>,
}

/// A turn with all that the heads are told about it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    /// Whether the customer has said anything.
    pub(crate) asked: bool,
    /// Whether a subject that several articles tell of is named for sure.
    pub(crate) about_a_subject: bool,
    pub(crate) embedder: String,
    pub(crate) query: String,
    pub(crate) cues: Vec<SubjectCue>,
    pub(crate) candidates: Vec<Candidate>,
    /// The turn's vector, names left out.
    pub(crate) vector: Vec<f32>,
    pub(crate) need_signs: Vec<f32>,
}

/// A passage with its signs.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) hit: Hit,
    pub(crate) signs: Vec<f32>,
}

impl Evidence {
    /// What the heads make of it.
    pub(crate) fn judge(self, head: &Head, limit: usize) -> TurnKnowledge {
        let need = match self.asked {
            true => head.need(&self.embedder, &self.vector, &self.need_signs),
            false => 0.0,
        };
        let signs: Vec<&[f32]> = self.candidates.iter().map(|c| c.signs.as_slice()).collect();
        let ranked = head.rank(&signs);
        let mut matches: Vec<TurnMatch> = self
            .candidates
            .into_iter()
            .zip(ranked)
            .map(|(candidate, (score, confidence))| TurnMatch {
                hit: Hit {
                    score,
                    ..candidate.hit
                },
                confidence,
            })
            .collect();
        matches.sort_by(|a, b| {
            let by_id = || a.hit.passage.id.cmp(&b.hit.passage.id);
            b.hit.score.total_cmp(&a.hit.score).then_with(by_id)
        });
        matches.truncate(limit);
        TurnKnowledge {
            need,
            subjects: self.cues,
            query: self.query,
            matches,
        }
    }
}

/// How a subject was named.
#[derive(Clone, Copy, Debug, Default)]
struct Cue {
    /// In the customer's last turn.
    last: f32,
    /// In the turn before it.
    before: f32,
    /// Earlier, faded.
    older: f32,
    /// The best of all, faded.
    best: f32,
}

/// A subject with those of its passages that are compared.
struct Group {
    cue: Cue,
    /// Index of the passage, likeness to the turn, likeness to the turn asked by name.
    passages: Vec<(usize, f32, Option<f32>)>,
}

impl KnowledgeBase {
    /// All that speaks for and against the passages for the customer's last turn.
    pub(crate) async fn turn_evidence(
        &self,
        turns: &RecentTurns,
        scope: &Scope,
        options: &EvidenceOptions,
    ) -> Result<Evidence> {
        let said: Vec<&Said> = turns.newest_first().collect();
        let Some(last) = said.first() else {
            return Ok(Evidence::default());
        };
        let language = scope
            .language
            .as_ref()
            .unwrap_or(&self.options.default_language);
        let most = options.most_passages.unwrap_or(usize::MAX);
        let known = self
            .turns
            .of(&scope.tenant, self.store.as_ref(), language, most)
            .await?;
        let Some(index) = known else {
            return Ok(Evidence::default());
        };
        let keep = |entry: &Entry| {
            scope.allows(&entry.passage) && (entry.headed() || !options.headed_only)
        };
        let cues = cues(&index, &said, &keep);
        let asked: Vec<String> = last
            .texts
            .iter()
            .map(|text| without_names(&index, text))
            .collect();
        let first = asked.first().cloned().unwrap_or_default();
        let named = cues.iter().take(NAMED);
        let by_name: Vec<String> = named
            .filter_map(|(subject, _)| {
                Some(format!("{} {first}", index.subjects.get(*subject)?.name))
            })
            .collect();
        let mut texts: Vec<String> = asked.into_iter().take(AVERAGED).collect();
        let averaged = texts.len();
        texts.extend(by_name.iter().cloned());
        let mut vectors = self.query_vectors(&texts).await?;
        let own = vectors.split_off(averaged.min(vectors.len()));
        let vector = mean(&vectors);
        let encoder = SparseEncoder::new(language);
        let mut groups = named_groups(&index, &cues, &vector, &own, &keep);
        if cues.first().is_none_or(|(_, cue)| cue.best < SURE) {
            let query = VectorQuery {
                scope: scope.clone(),
                dense: vector.clone(),
                sparse: encoder.query(&first),
                limit: ANYWHERE,
            };
            let hits = self.store.search(query).await?;
            add_anywhere(&index, &hits, &vector, &keep, &mut groups);
        }
        let asked_stems = encoder.query(&first).indices;
        let candidates = candidates(&index, &groups, &asked_stems);
        Ok(Evidence {
            asked: true,
            about_a_subject: cues
                .iter()
                .any(|(subject, cue)| cue.best >= SURE && index.is_shared(*subject)),
            embedder: self.embedder.id().to_owned(),
            query: by_name.into_iter().next().unwrap_or_else(|| first.clone()),
            need_signs: need_signs(&candidates, &first),
            cues: cues
                .iter()
                .filter_map(|(subject, cue)| {
                    Some(SubjectCue {
                        name: index.subjects.get(*subject)?.name.clone(),
                        score: cue.best,
                    })
                })
                .collect(),
            candidates,
            vector,
        })
    }
}

/// The subjects in play, of which something may be seen, best first.
fn cues(index: &TurnIndex, said: &[&Said], keep: &dyn Fn(&Entry) -> bool) -> Vec<(usize, Cue)> {
    let mut cues: HashMap<usize, Cue> = HashMap::new();
    let mut fade = 1.0;
    for (ago, turn) in said.iter().enumerate() {
        for text in &turn.texts {
            for Mention { subject, score, .. } in index.names.mentions(text) {
                let cue = cues.entry(subject).or_default();
                let counted = fade * if score > GUESS { score } else { score / 2.0 };
                match ago {
                    0 => cue.last = cue.last.max(score),
                    1 => cue.before = cue.before.max(score),
                    _ => cue.older = cue.older.max(counted),
                }
                cue.best = cue.best.max(counted);
            }
        }
        fade *= FADES;
    }
    let mut ranked: Vec<(usize, Cue)> = cues.into_iter().collect();
    ranked.sort_by(|a, b| b.1.best.total_cmp(&a.1.best).then_with(|| a.0.cmp(&b.0)));
    ranked.retain(|(subject, _)| !index.visible(*subject, keep).is_empty());
    ranked.truncate(SUBJECTS);
    ranked
}

/// The text with the names it certainly has replaced by "it".
fn without_names(index: &TurnIndex, text: &str) -> String {
    let mentions = index.names.mentions(text);
    let sure = mentions
        .iter()
        .filter(|mention| mention.score > SURE && index.is_entity(mention.subject));
    let names: Vec<&Mention> = sure.take(2).collect();
    if names.is_empty() {
        return text.trim().to_owned();
    }
    let mut kept: Vec<String> = Vec::new();
    let mut inside = false;
    for (at, word) in words(text).into_iter().enumerate() {
        let named = names.iter().any(|mention| mention.words.contains(&at));
        match (named, inside) {
            (true, false) => kept.push("it".into()),
            (true, true) => {}
            (false, _) => kept.push(word),
        }
        inside = named;
    }
    kept.join(" ")
}

fn mean(vectors: &[Vec<f32>]) -> Vec<f32> {
    let mut sum = vectors.first().cloned().unwrap_or_default();
    for vector in vectors.iter().skip(1) {
        sum.iter_mut()
            .zip(vector)
            .for_each(|(sum, value)| *sum += value);
    }
    let norm = similarity(&sum, &sum).sqrt().max(1e-9);
    sum.iter_mut().for_each(|value| *value /= norm);
    sum
}

fn named_groups(
    index: &TurnIndex,
    cues: &[(usize, Cue)],
    vector: &[f32],
    own: &[Vec<f32>],
    keep: &dyn Fn(&Entry) -> bool,
) -> Vec<Group> {
    cues.iter()
        .enumerate()
        .map(|(place, (subject, cue))| {
            let own = own.get(place);
            let mut passages: Vec<(usize, f32, Option<f32>)> = index
                .visible(*subject, keep)
                .into_iter()
                .filter_map(|at| {
                    let dense = &index.entries.get(at)?.dense;
                    Some((
                        at,
                        similarity(vector, dense),
                        own.map(|own| similarity(own, dense)),
                    ))
                })
                .collect();
            passages.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            passages.truncate(OF_SUBJECT);
            Group {
                cue: *cue,
                passages,
            }
        })
        .collect()
}

/// Adds passages that were found without a name, by subject.
fn add_anywhere(
    index: &TurnIndex,
    hits: &[Hit],
    vector: &[f32],
    keep: &dyn Fn(&Entry) -> bool,
    groups: &mut Vec<Group>,
) {
    let there: Vec<usize> = groups
        .iter()
        .flat_map(|g| &g.passages)
        .map(|p| p.0)
        .collect();
    let mut found: Vec<(usize, Group)> = Vec::new();
    for hit in hits {
        let Some(at) = index.places.get(&hit.passage.id).copied() else {
            continue;
        };
        let Some(entry) = index.entries.get(at).filter(|entry| keep(entry)) else {
            continue;
        };
        if there.contains(&at) {
            continue;
        }
        let passage = (at, similarity(vector, &entry.dense), None);
        match found
            .iter_mut()
            .find(|(subject, _)| *subject == entry.subject)
        {
            Some((_, group)) => group.passages.push(passage),
            None => {
                let cue = Cue::default();
                let passages = vec![passage];
                found.push((entry.subject, Group { cue, passages }));
            }
        }
    }
    groups.extend(found.into_iter().map(|(_, group)| group));
}

fn highest(values: impl Iterator<Item = f32>) -> f32 {
    values.reduce(f32::max).unwrap_or(0.0)
}

fn candidates(index: &TurnIndex, groups: &[Group], asked: &[u32]) -> Vec<Candidate> {
    let best = |group: &Group| highest(group.passages.iter().map(|p| p.1));
    let middle = |group: &Group| {
        group.passages.iter().map(|p| p.1).sum::<f32>() / group.passages.len().max(1) as f32
    };
    let best_of_all = highest(groups.iter().map(best));
    let middle_of_all = highest(groups.iter().map(middle));
    let mut candidates = Vec::new();
    for (place, group) in groups.iter().enumerate() {
        let others = groups
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != place);
        let rival = highest(others.map(|(_, other)| other.cue.best));
        let covered: Vec<f32> = group
            .passages
            .iter()
            .filter_map(|p| Some(index.coverage(asked, &index.entries.get(p.0)?.stems)))
            .collect();
        let best_covered = highest(covered.iter().copied());
        let best_named = highest(group.passages.iter().filter_map(|p| p.2));
        let flag = |is: bool| f32::from(u8::from(is));
        for ((at, alike, named), covered) in group.passages.iter().zip(covered) {
            let Some(entry) = index.entries.get(*at) else {
                continue;
            };
            let headed = flag(entry.headed());
            let own = named.unwrap_or(0.0);
            let own_gap = named.map_or(UNASKED, |named| named - best_named);
            let gap = alike - best(group);
            let signs = vec![
                *alike,
                gap,
                best(group) - best_of_all,
                middle(group) - middle_of_all,
                covered,
                index.coverage(&entry.asked, asked),
                headed,
                (1.0 + entry.stems.len() as f32).ln(),
                group.cue.last,
                group.cue.before,
                group.cue.older,
                group.cue.best,
                group.cue.best - rival,
                flag(place == 0),
                flag(group.cue.last > SURE),
                flag(group.cue.before > SURE),
                covered - best_covered,
                own,
                own_gap,
                flag(named.is_some()),
                headed * own,
                headed * own_gap,
                headed * gap,
            ];
            candidates.push(Candidate {
                hit: Hit {
                    passage: entry.passage.clone(),
                    score: 0.0,
                    similarity: *alike,
                },
                signs,
            });
        }
    }
    candidates
}

/// What speaks for the turn needing knowledge, beside its own words: how well passages fit, how surely a subject is
/// named, how long it is.
fn need_signs(candidates: &[Candidate], asked: &str) -> Vec<f32> {
    let most = |sign: usize| highest(candidates.iter().filter_map(|c| c.signs.get(sign).copied()));
    let length = asked.split_whitespace().count() as f32;
    let digits = asked.chars().any(|letter| letter.is_ascii_digit());
    vec![
        most(0),
        most(4),
        most(5),
        most(8),
        most(9),
        most(11),
        most(17),
        most(20),
        (1.0 + length).ln(),
        f32::from(u8::from(digits)),
    ]
}
