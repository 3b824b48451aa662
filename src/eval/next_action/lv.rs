//! `eval next-action-lv`: the next action and the valence of the customer's words in a Latvian help line of public transport
//! (Tilde), by ridge regression on what was said and done before; parts of the dialogues are scored in turn by a model of
//! the others. The signs were chosen
//! while this figure was looked at on the public dialogues; the embedding model need not know the language.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::embedding::{Embedder, HashingEmbedder, TextKind};
use crate::error::{Error, ErrorKind, Result};
use crate::eval::lines::read_lines;
use crate::eval::rank::spearman;

/// Parts of the dialogues.
const FOLDS: usize = 8;
/// The penalty on squared weights.
const PENALTY: f32 = 1.0;
/// What the vector of the customer's words weighs beside the other signs.
const WORDS: f32 = 2.0;
/// Buckets of the n-grams.
const GRAMS: usize = 512;
/// Steps of the solver, and how small what is left of the error may be.
const STEPS: usize = 300;
const EXACT: f32 = 1e-5;

/// The figures, a flat object in JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NextActionLvScore {
    /// `next-action-lv`.
    pub name: String,
    /// Actions scored.
    pub n: usize,
    /// Utterances of customers whose valence was scored.
    pub utterances: usize,
    /// Seconds of wall time.
    pub seconds: f64,
    /// Share of the actions that were predicted.
    pub accuracy: f64,
    /// Share of the most frequent action.
    pub majority_accuracy: f64,
    /// Rank correlation of predicted and annotated valence.
    pub valence_spearman: f64,
}

#[derive(Debug, Deserialize)]
struct Line {
    turns: Vec<Turn>,
}

#[derive(Debug, Deserialize)]
struct Turn {
    actor: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    utterance: String,
    valence: Option<serde_json::Value>,
    #[serde(default)]
    entities: BTreeMap<String, serde_json::Value>,
}

/// One thing to predict: signs, and a dialogue that it is part of.
struct Case<T> {
    dialogue: usize,
    signs: Vec<f32>,
    label: T,
}

/// Scores a `.jsonl.gz` file, or `dialogs.jsonl.gz` in a folder.
///
/// # Errors
/// [`ErrorKind::NotFound`] if the file is missing; [`ErrorKind::InvalidInput`] if it is not in the format or empty; else as
/// the embedder.
pub async fn run(
    data: &Path,
    embedder: Arc<dyn Embedder>,
    limit: Option<usize>,
) -> Result<NextActionLvScore> {
    let started = Instant::now();
    let path = match data.is_dir() {
        true => data.join("dialogs.jsonl.gz"),
        false => data.to_owned(),
    };
    let mut lines: Vec<Line> = read_lines(&path)?;
    lines.truncate(limit.unwrap_or(usize::MAX));
    let words = words(&lines, &*embedder).await?;
    let (actions, feelings) = cases(&lines, &words);
    if actions.is_empty() {
        let told = format!("{} holds no action", path.display());
        return Err(Error::new(ErrorKind::InvalidInput, told));
    }
    let names: BTreeSet<&str> = actions.iter().map(|case| case.label).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let predicted = predict(&actions, |case| {
        let is = |name: &&str| f32::from(u8::from(*name == case.label));
        names.iter().map(is).collect()
    });
    let right = actions.iter().zip(predicted).filter(|(case, scores)| {
        let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        best.and_then(|(at, _)| names.get(at)) == Some(&case.label)
    });
    let most = names
        .iter()
        .map(|name| actions.iter().filter(|case| case.label == *name).count());
    let all = actions.len() as f64;
    let felt = predict(&feelings, |case| vec![case.label]);
    let pairs: Vec<(f64, f64)> = feelings
        .iter()
        .zip(&felt)
        .map(|(case, told)| {
            (
                f64::from(told.first().copied().unwrap_or_default()),
                f64::from(case.label),
            )
        })
        .collect();
    Ok(NextActionLvScore {
        name: "next-action-lv".to_owned(),
        n: actions.len(),
        utterances: feelings.len(),
        accuracy: right.count() as f64 / all,
        majority_accuracy: most.max().unwrap_or_default() as f64 / all,
        valence_spearman: spearman(&pairs),
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// The vectors of all utterances: the model's, and n-grams.
async fn words(lines: &[Line], embedder: &dyn Embedder) -> Result<BTreeMap<String, Vec<f32>>> {
    let said = lines
        .iter()
        .flat_map(|line| &line.turns)
        .map(|turn| turn.utterance.clone());
    let said: BTreeSet<String> = said.filter(|text| !text.is_empty()).collect();
    let said: Vec<String> = said.into_iter().collect();
    let vectors = embedder.embed(&said, TextKind::Query).await?;
    let grams = HashingEmbedder::new(GRAMS)
        .embed(&said, TextKind::Query)
        .await?;
    let both = vectors.into_iter().zip(grams).map(|(vector, grams)| {
        let both = vector.into_iter().chain(grams);
        both.map(|x| x * WORDS).collect::<Vec<f32>>()
    });
    Ok(said.into_iter().zip(both).collect())
}

fn cases<'a>(
    lines: &'a [Line],
    words: &BTreeMap<String, Vec<f32>>,
) -> (Vec<Case<&'a str>>, Vec<Case<f32>>) {
    let turns = || lines.iter().flat_map(|line| &line.turns);
    let names: BTreeSet<&str> = turns().map(|turn| turn.action.as_str()).collect();
    let fields: BTreeSet<&str> = turns()
        .flat_map(|turn| turn.entities.keys())
        .map(String::as_str)
        .collect();
    let width = words.values().next().map_or(0, Vec::len);
    let flag = |yes: bool| f32::from(u8::from(yes));
    let mut actions = Vec::new();
    let mut feelings = Vec::new();
    for (dialogue, line) in lines.iter().enumerate() {
        let mut last: [&str; 2] = [""; 2];
        let mut said = "";
        let mut since = 9_usize;
        let mut known: BTreeSet<&str> = BTreeSet::new();
        let mut named: BTreeSet<&str> = BTreeSet::new();
        for turn in &line.turns {
            let before = last
                .iter()
                .flat_map(|last| names.iter().map(move |name| flag(name == last)));
            let before: Vec<f32> = before.collect();
            if turn.actor == "user" {
                (said, since) = (&turn.utterance, 0);
                named = turn.entities.keys().map(String::as_str).collect();
                known.extend(&named);
                let valence = turn.valence.as_ref().and_then(number);
                if let (Some(valence), Some(vector)) = (valence, words.get(said)) {
                    let shape = [
                        said.chars().count() as f32 / 50.0,
                        flag(said.contains('!')),
                        flag(said.contains('?')),
                    ];
                    let signs = vector.iter().copied().chain(shape).chain(before).collect();
                    feelings.push(Case {
                        dialogue,
                        signs,
                        label: valence,
                    });
                }
                continue;
            }
            let since_words = [since == 0, since == 1, since >= 2].map(flag);
            let mut signs: Vec<f32> = before.into_iter().chain(since_words).collect();
            match words.get(said).filter(|_| since < 3) {
                Some(vector) => signs.extend(vector),
                None => signs.extend(std::iter::repeat_n(0.0, width)),
            }
            signs.extend(fields.iter().map(|field| flag(known.contains(field))));
            signs.extend(fields.iter().map(|field| flag(named.contains(field))));
            actions.push(Case {
                dialogue,
                signs,
                label: turn.action.as_str(),
            });
            last = [&turn.action, last[0]];
            since += 1;
            for (field, value) in &turn.entities {
                if value.as_str().is_some_and(str::is_empty) {
                    known.remove(field.as_str());
                } else {
                    known.insert(field);
                }
            }
        }
    }
    (actions, feelings)
}

fn number(value: &serde_json::Value) -> Option<f32> {
    let text = value.as_str().map(str::parse::<f32>);
    text.map_or_else(|| value.as_f64().map(|x| x as f32), |parsed| parsed.ok())
}

/// Predictions for every case by a model of the other parts' cases.
fn predict<T>(cases: &[Case<T>], targets: impl Fn(&Case<T>) -> Vec<f32>) -> Vec<Vec<f32>> {
    let mut predicted = vec![Vec::new(); cases.len()];
    for fold in 0..FOLDS {
        let taught: Vec<&Case<T>> = cases
            .iter()
            .filter(|one| one.dialogue % FOLDS != fold)
            .collect();
        let goals: Vec<Vec<f32>> = taught.iter().map(|case| targets(case)).collect();
        let kernel: Vec<Vec<f32>> = taught
            .iter()
            .map(|a| taught.iter().map(|b| alike(&a.signs, &b.signs)).collect())
            .collect();
        let width = goals.first().map_or(0, Vec::len);
        let models: Vec<(f32, Vec<f32>)> = (0..width)
            .map(|at| {
                let goal: Vec<f32> = goals
                    .iter()
                    .filter_map(|goal| goal.get(at))
                    .copied()
                    .collect();
                let mean = goal.iter().sum::<f32>() / goal.len().max(1) as f32;
                (
                    mean,
                    solve(&kernel, goal.iter().map(|x| x - mean).collect()),
                )
            })
            .collect();
        for (case, out) in cases
            .iter()
            .zip(&mut predicted)
            .filter(|(one, _)| one.dialogue % FOLDS == fold)
        {
            let near: Vec<f32> = taught
                .iter()
                .map(|one| alike(&one.signs, &case.signs))
                .collect();
            let told = models
                .iter()
                .map(|(mean, weights)| mean + dot(weights, &near));
            *out = told.collect();
        }
    }
    predicted
}

/// The linear kernel.
fn alike(a: &[f32], b: &[f32]) -> f32 {
    dot(a, b)
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Solves `(kernel + PENALTY) x = goal` by conjugate gradients.
fn solve(kernel: &[Vec<f32>], goal: Vec<f32>) -> Vec<f32> {
    let mut x = vec![0.0; goal.len()];
    let mut left = goal.clone();
    let mut way = goal;
    let mut size = dot(&left, &left);
    for _ in 0..STEPS {
        if size < EXACT {
            break;
        }
        let rows = kernel.iter().zip(&way);
        let moved: Vec<f32> = rows
            .map(|(row, own)| dot(row, &way) + PENALTY * own)
            .collect();
        let step = size / dot(&way, &moved).max(f32::MIN_POSITIVE);
        x.iter_mut().zip(&way).for_each(|(x, way)| *x += step * way);
        left.iter_mut()
            .zip(&moved)
            .for_each(|(left, moved)| *left -= step * moved);
        let now = dot(&left, &left);
        way.iter_mut()
            .zip(&left)
            .for_each(|(way, left)| *way = left + now / size * *way);
        size = now;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conjugate_gradients_solve_the_penalised_system() {
        let kernel = vec![vec![2.0, 1.0], vec![1.0, 3.0]];
        let x = solve(&kernel, vec![4.0, 5.0]);
        // (2 + 1) a + b = 4, a + (3 + 1) b = 5.
        assert!(
            (x[0] - 1.0).abs() < 1e-3 && (x[1] - 1.0).abs() < 1e-3,
            "{x:?}"
        );
    }

    #[tokio::test]
    async fn an_action_that_always_follows_the_same_words_is_predicted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dialogs.jsonl.gz");
        let line = |text: &str, action: &str, valence: &str| {
            serde_json::json!({"turns": [
                {"actor": "user", "utterance": text, "valence": valence},
                {"actor": "bot", "action": action},
            ]})
        };
        let lines: Vec<serde_json::Value> = (0..32)
            .map(|at| match at % 3 {
                0 => line("Paldies, super!", "bye", "7.5"),
                _ => line("Kad ir autobuss?", "times", "4"),
            })
            .collect();
        crate::eval::lines::write_lines(&path, &lines);
        let embedder = Arc::new(HashingEmbedder::default());
        let score = run(folder.path(), embedder, None).await.unwrap();
        assert_eq!((score.n, score.accuracy), (32, 1.0));
        // Most utterances share one valence, so that even a perfect order is no perfect correlation.
        assert!(score.valence_spearman > 0.7);
        assert!(score.majority_accuracy < 0.7);
    }
}
