//! `train grounding`: fits the heads of [`KnowledgeBase::for_turn`](crate::knowledge::KnowledgeBase::for_turn).

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::data::{self, Row};
use super::fit::{Contest, listwise, logistic};
use super::noise::{Chance, Noise, spoken};
use super::{Base, Folder, base};
use crate::conversation::Role;
use crate::embedding::Embedder;
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::eval::retrieval::Progress;
use crate::knowledge::{
    Evidence, EvidenceOptions, Head, Logistic, RANK_SIGNS, RecentTurns, Weights, log_odds,
};

/// One dialogue in so many is never trained on.
const HELD_OUT: u64 = 5;
/// Folds of the estimate on the training dialogues.
const FOLDS: u64 = 4;
/// Each conversation as it is written and as two recognisers might have heard it.
const HEARD: [Option<Noise>; 3] = [
    None,
    Some(Noise {
        names: 0.4,
        words: 0.06,
    }),
    Some(Noise {
        names: 0.65,
        words: 0.1,
    }),
];
/// Passages without an answer that compete in training: the likeliest.
const RIVALS: usize = 60;
/// Penalties, chosen by the estimate on the training dialogues.
const RANK_PENALTY: f32 = 1e-3;
const NEED_PENALTY: f32 = 3e-2;

/// What the training did; rates are estimates by cross-validation over the training dialogues, as they are written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainingReport {
    /// Always `train grounding`.
    pub name: String,
    /// Conversations trained on.
    pub n: usize,
    /// Conversations left for the evaluation.
    pub held_out: usize,
    /// Wall-clock time, seconds.
    pub seconds: f64,
    /// F1 of the turns that need knowledge.
    pub cv_detection_f1: f64,
    /// The same as recognisers might have heard them.
    pub cv_heard_detection_f1: f64,
    /// Share of the turns that need knowledge with a snippet that answers in the first place.
    pub cv_r_at_1: f64,
    /// The same as recognisers might have heard them.
    pub cv_heard_r_at_1: f64,
    /// The same, heard, where only questions with answers are searched.
    pub cv_heard_faq_r_at_1: f64,
}

/// A turn, one way it was heard, with what it teaches.
struct Example {
    fold: u64,
    heard: bool,
    faq: bool,
    /// A turn that needs knowledge which nobody wrote down teaches nothing about need.
    need: Option<bool>,
    /// Whether it is a real turn, which the estimate counts.
    scored: bool,
    input: Vec<f32>,
    signs: Vec<f32>,
    contest: Contest,
}

/// Trains on four of five dialogues of `data` and writes `turn-head.json` and `turn-head.trained-on.txt` into `out`.
///
/// # Errors
/// As [`super::run`]; [`ErrorKind::Storage`] if `out` cannot be written.
pub async fn run(
    data: &Path,
    out: &Path,
    embedder: Arc<dyn Embedder>,
    index: Option<&Path>,
    seed: u64,
    progress: Option<&Progress<'_>>,
) -> Result<TrainingReport> {
    let started = Instant::now();
    let all = data::rows(data)?;
    let (held_out, rows): (Vec<Row>, Vec<Row>) =
        all.into_iter().partition(|row| part(row, HELD_OUT) == 0);
    let folder = Folder::new(index);
    let embedder_id = embedder.id().to_owned();
    let (base, _) = base(data, &folder, embedder, progress).await?;
    let names = name_words(data)?;
    let mut examples = Vec::new();
    for (done, row) in rows.iter().enumerate() {
        if let Some(progress) = progress {
            progress("reading turns", done, rows.len());
        }
        for (which, noise) in HEARD.into_iter().enumerate() {
            let mut chance = Chance::new(seed ^ ((done * HEARD.len() + which) as u64) << 8);
            let turns = heard(row, noise, &names, &mut chance);
            for faq in [false, true] {
                if let Some(example) = example(&base, row, &turns, faq, noise.is_some()).await? {
                    examples.push(example);
                }
            }
        }
    }
    examples.extend(questions(&base, data, &rows, &names, seed, progress).await?);
    let everything: Vec<&Example> = examples.iter().collect();
    let weights = fit(&everything, &embedder_id);
    save(out, &weights, &rows)?;
    let report = TrainingReport {
        name: "train grounding".into(),
        n: rows.len(),
        held_out: held_out.len(),
        ..estimate(&examples, &embedder_id)?
    };
    Ok(TrainingReport {
        seconds: started.elapsed().as_secs_f64(),
        ..report
    })
}

fn part(row: &Row, parts: u64) -> u64 {
    u64::from_str_radix(&row.group(), 16).unwrap_or(0) / 7 % parts
}

/// The words that names are made of.
fn name_words(data: &Path) -> Result<HashSet<String>> {
    let titles = data::articles(data)?
        .into_iter()
        .map(|article| article.title);
    Ok(titles
        .flat_map(|title| spoken(&title))
        .filter(|word| word.len() > 3)
        .collect())
}

fn heard(
    row: &Row,
    noise: Option<Noise>,
    names: &HashSet<String>,
    chance: &mut Chance,
) -> RecentTurns {
    let mut turns = RecentTurns::new();
    for turn in &row.turns {
        let text = match noise {
            Some(noise) => noise.hear(&turn.text, names, chance),
            None => turn.text.clone(),
        };
        let role = if turn.customer {
            Role::EndUser
        } else {
            Role::HumanAgent
        };
        turns.say(role, text);
    }
    turns
}

async fn example(
    base: &Base,
    row: &Row,
    turns: &RecentTurns,
    faq: bool,
    heard: bool,
) -> Result<Option<Example>> {
    let options = EvidenceOptions {
        headed_only: faq,
        ..EvidenceOptions::default()
    };
    let evidence = base
        .ours
        .turn_evidence(turns, &base.scope, &options)
        .await?;
    if !evidence.asked {
        return Ok(None);
    }
    let answered = !faq || row.gold.iter().any(|gold| !gold.contains("/review-"));
    let need = (!row.target || answered).then_some(row.target);
    let contest = contest(&evidence, row);
    Ok(Some(Example {
        // Not the hash's lowest digit, which parted off what is held out.
        fold: part(row, HELD_OUT * FOLDS) / HELD_OUT,
        heard,
        faq,
        need,
        scored: true,
        input: evidence
            .vector
            .iter()
            .chain(&evidence.need_signs)
            .copied()
            .collect(),
        signs: evidence.need_signs,
        contest,
    }))
}

/// What the labels do not cover: questions that the knowledge answers, asked where the customer said something that needs
/// no knowledge. A question is taken from a subject that the conversation hardly names, and its name left out, so that the
/// passages fit it as well as they fit a real one. They teach need only.
async fn questions(
    base: &Base,
    data: &Path,
    rows: &[Row],
    names: &HashSet<String>,
    seed: u64,
    progress: Option<&Progress<'_>>,
) -> Result<Vec<Example>> {
    let questions: Vec<String> = data::articles(data)?
        .iter()
        .filter_map(|article| {
            let question = article.body.strip_prefix("## ")?.lines().next()?;
            Some(nameless(question, &article.title))
        })
        .collect();
    let mut examples = Vec::new();
    let hosts: Vec<&Row> = rows
        .iter()
        .filter(|row| !row.target && row.turns.len() > 1)
        .collect();
    for (done, host) in hosts.iter().enumerate() {
        if let Some(progress) = progress {
            progress("asking questions", done, hosts.len());
        }
        let mut chance = Chance::new(seed ^ !(done as u64) << 8);
        let Some(question) = questions.get(chance.below(questions.len())) else {
            continue;
        };
        let mut asked = (*host).clone();
        if let Some(last) = asked.turns.last_mut() {
            last.text.clone_from(question);
        }
        asked.target = true;
        let noise = HEARD.get(chance.below(HEARD.len())).copied().flatten();
        let turns = heard(&asked, noise, names, &mut chance);
        for faq in [false, true] {
            let example = example(base, &asked, &turns, faq, noise.is_some()).await?;
            examples.extend(example.map(|example| Example {
                need: Some(true),
                scored: false,
                ..example
            }));
        }
    }
    Ok(examples)
}

/// A text with a name replaced by "it".
fn nameless(text: &str, name: &str) -> String {
    let (text, name) = (spoken(text).join(" "), spoken(name));
    let short = match name.split_first() {
        Some((first, rest)) if first == "the" && !rest.is_empty() => rest.join(" "),
        _ => name.join(" "),
    };
    let it = format!(" {text} ").replace(&format!(" {short} "), " it ");
    it.trim().replace("the it", "it")
}

fn contest(evidence: &Evidence, row: &Row) -> Contest {
    let mut rivals = 0;
    let mut contest = Contest::default();
    let mut order: Vec<&crate::knowledge::Candidate> = evidence.candidates.iter().collect();
    let likely =
        |signs: &[f32]| signs.first().unwrap_or(&0.0) + 0.3 * signs.get(11).unwrap_or(&0.0);
    order.sort_by(|a, b| likely(&b.signs).total_cmp(&likely(&a.signs)));
    for candidate in order {
        let gold = row.gold.contains(candidate.hit.passage.article.as_str());
        rivals += usize::from(!gold);
        if gold || rivals <= RIVALS {
            contest.signs.push(candidate.signs.clone());
            contest.gold.push(gold);
        }
    }
    contest
}

fn fit(examples: &[&Example], embedder: &str) -> Weights {
    let contests: Vec<Contest> = examples
        .iter()
        .map(|example| example.contest.clone())
        .collect();
    let rank = listwise(&contests, RANK_PENALTY);
    let mut sure = Vec::new();
    for contest in contests
        .iter()
        .filter(|contest| contest.gold.contains(&true))
    {
        let mut ranked = ranked(&rank, contest);
        ranked.truncate(5);
        sure.extend(ranked.into_iter().map(|(odds, gold)| (vec![odds], gold)));
    }
    let labelled = |input: fn(&Example) -> &Vec<f32>| -> Vec<(Vec<f32>, bool)> {
        let known = examples
            .iter()
            .filter_map(|example| Some((example, example.need?)));
        known
            .map(|(example, need)| (input(example).clone(), need))
            .collect()
    };
    Weights {
        rank,
        confidence: logistic(&sure, 0.0),
        need_embedder: embedder.to_owned(),
        need: logistic(&labelled(|example| &example.input), NEED_PENALTY),
        need_signs: logistic(&labelled(|example| &example.signs), 0.0),
    }
}

/// The passages by falling log-odds, each with whether it answers.
fn ranked(rank: &[f32], contest: &Contest) -> Vec<(f32, bool)> {
    let score = |signs: &Vec<f32>| rank.iter().zip(signs).map(|(a, b)| a * b).sum::<f32>();
    let scores: Vec<f32> = contest.signs.iter().map(score).collect();
    let mut ranked: Vec<(f32, bool)> = log_odds(&scores)
        .into_iter()
        .zip(contest.gold.iter().copied())
        .collect();
    // Ties, at the bounds of the odds, by score.
    let mut order: Vec<usize> = (0..ranked.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    ranked = order
        .into_iter()
        .filter_map(|at| ranked.get(at).copied())
        .collect();
    ranked
}

fn estimate(examples: &[Example], embedder: &str) -> Result<TrainingReport> {
    let mut need = [Counts::default(); 2];
    let mut rank = [Counts::default(); 3];
    for fold in 0..FOLDS {
        let (tests, rest): (Vec<&Example>, Vec<&Example>) =
            examples.iter().partition(|example| example.fold == fold);
        if tests.is_empty() || rest.is_empty() {
            continue;
        }
        let weights = fit(&rest, embedder);
        for test in tests.into_iter().filter(|test| test.scored) {
            let which = usize::from(test.heard);
            if !test.faq {
                if let (Some(counts), Some(label)) = (need.get_mut(which), test.need) {
                    counts.tell(at(&weights.need, &test.input) >= 0.5, label);
                }
            } else if !test.heard {
                continue;
            }
            let counted = if test.faq {
                rank.get_mut(2)
            } else {
                rank.get_mut(which)
            };
            if let (Some(counts), Some(true)) = (counted, test.need) {
                let first = ranked(&weights.rank, &test.contest)
                    .first()
                    .is_some_and(|first| first.1);
                counts.tell(first, true);
            }
        }
    }
    Ok(TrainingReport {
        cv_detection_f1: need[0].f1(),
        cv_heard_detection_f1: need[1].f1(),
        cv_r_at_1: rank[0].recall(),
        cv_heard_r_at_1: rank[1].recall(),
        cv_heard_faq_r_at_1: rank[2].recall(),
        ..TrainingReport::default()
    })
}

fn at(logistic: &Logistic, input: &[f32]) -> f32 {
    let sum: f32 = logistic.weights.iter().zip(input).map(|(a, b)| a * b).sum();
    1.0 / (1.0 + (-sum - logistic.offset).exp())
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    said: usize,
    labelled: usize,
    both: usize,
}

impl Counts {
    fn tell(&mut self, said: bool, label: bool) {
        self.said += usize::from(said);
        self.labelled += usize::from(label);
        self.both += usize::from(said && label);
    }

    fn f1(self) -> f64 {
        2.0 * self.both as f64 / (self.said + self.labelled).max(1) as f64
    }

    fn recall(self) -> f64 {
        self.both as f64 / self.labelled.max(1) as f64
    }
}

fn save(out: &Path, weights: &Weights, rows: &[Row]) -> Result<()> {
    if weights.rank.len() != RANK_SIGNS {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "no turn in the data has an answer among the snippets; use another folder",
        ));
    }
    Head::new(weights.clone())?;
    let failed = || format!("cannot write to {}; check the folder", out.display());
    std::fs::create_dir_all(out).or_error(ErrorKind::Storage, failed)?;
    let text = serde_json::to_string(weights).or_error(ErrorKind::Internal, failed)?;
    std::fs::write(out.join("turn-head.json"), text + "\n").or_error(ErrorKind::Storage, failed)?;
    let dialogues: BTreeSet<String> = rows.iter().map(Row::fingerprint).collect();
    let lines: String = dialogues.into_iter().map(|line| line + "\n").collect();
    std::fs::write(out.join("turn-head.trained-on.txt"), lines).or_error(ErrorKind::Storage, failed)
}
