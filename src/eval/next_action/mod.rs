//! `eval next-action` and `train next-action`: what the agent does next in dialogues about a task, in the protocol of
//! STAR (Mosig, Mehri and Kober 2020): dialogues about a single task that is given; labels are the replies that the agent
//! picked and its look-ups.

pub(in crate::eval) mod data;
mod fit;
mod labels;
pub mod lv;
mod net;
mod products;
mod scale;
mod score;
pub mod train;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use self::data::Collection;
use self::fit::{Decision, choose, decisions, embed, fit, names, prefixes};
use self::score::{Told, accuracy, weighted_f1};
use super::retrieval::Progress;
use crate::dialogue::flow::{ActionHead, FlowEvent, Tracker, Vectors};
use crate::embedding::{Embedder, TextKind};
use crate::error::Result;

/// Parts of the dialogues that are scored in turn by a head that was fitted to the rest.
const FOLDS: usize = 5;
/// Decisions that are timed.
const TIMED: usize = 300;

/// How `eval next-action` scores.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct NextActionOptions {
    /// Fit a head to this folder instead of taking the one inside.
    pub train: Option<PathBuf>,
    /// Leave out each domain in turn, fit a head to the others, and tell the mean.
    pub zero_shot: bool,
    /// The file with the dialogues; `dialogs.jsonl.gz` without it.
    pub file: Option<String>,
    /// Score only so many dialogues.
    pub limit: Option<usize>,
    /// Seed of the heads that are fitted.
    pub seed: u64,
}

/// The figures, a flat object in JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NextActionScore {
    /// `next-action`.
    pub name: String,
    /// Decisions scored.
    pub n: usize,
    /// Seconds of wall time, fits included.
    pub seconds: f64,
    /// F1 of the labels that occur, weighted by how often they do; with `zero_shot` the mean over domains.
    pub weighted_f1: f64,
    /// Share of right decisions; with `zero_shot` the mean over domains.
    pub accuracy: f64,
    /// `weighted_f1` of dialogues with a customer who keeps to the task.
    pub happy_f1: f64,
    /// `weighted_f1` of the others.
    pub unhappy_f1: f64,
    /// From the customer's words to the decision, their embedding included; milliseconds.
    pub decision_p95_ms: f64,
    /// Which head was scored: `shipped`, `trained` on another folder, `zero-shot` (fitted to the other domains) or
    /// `cross-validated` (fitted to other dialogues of the same flows, since the one inside has seen them).
    pub head: String,
}

/// Dialogues that are scored together and those that their head is fitted to.
struct Fold {
    name: String,
    tests: Vec<usize>,
}

/// Scores heads on a folder with `tasks/*.json` and dialogues.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound) if a file is missing; [`InvalidInput`](crate::ErrorKind::InvalidInput) if
/// one is not in the format; else as the embedder.
pub async fn run(
    data: &Path,
    embedder: Arc<dyn Embedder>,
    options: NextActionOptions,
    progress: Option<&Progress<'_>>,
    tell: impl Fn(&str),
) -> Result<NextActionScore> {
    let started = Instant::now();
    let mut collection = data::read(data, options.file.as_deref())?;
    collection
        .dialogues
        .truncate(options.limit.unwrap_or(usize::MAX));
    let vectors = embed(&collection, &embedder, progress).await?;
    let all = decisions(&collection, &vectors);
    let seed = options.seed;
    let shipped = ActionHead::shipped()?;
    let seen = collection
        .flows
        .keys()
        .any(|flow| shipped.was_trained_on(flow));
    let (parts, head, timed) = if let Some(train) = &options.train {
        let taught = data::read(train, None)?;
        let vectors = embed(&taught, &embedder, progress).await?;
        let known = collection
            .flows
            .keys()
            .any(|flow| taught.flows.contains_key(flow));
        let lessons = decisions(&taught, &vectors);
        if let Some(progress) = progress {
            progress("fitting", 0, 1);
        }
        let lessons: Vec<&Decision> = lessons.iter().collect();
        let fitted = fit(&taught, &lessons, known, embedder.as_ref(), seed)?;
        let others = prefixes(&taught, taught.dialogues.iter());
        let names = names(&collection, &others, fitted.head.labels(), &fitted.usual);
        let told = tell_all(&collection, &all, &fitted.head, &names);
        (vec![told], "trained", fitted.head)
    } else if options.zero_shot || seen {
        let folds = folds(&collection, options.zero_shot);
        let parts = score_folds(&collection, &all, folds, &options, &*embedder, progress)?;
        let told = parts.iter().map(|(name, told)| {
            let (f1, right) = (weighted_f1(told.iter()), accuracy(told));
            format!(
                "{name}: weighted F1 {f1:.3}, accuracy {right:.3}, {} decisions",
                told.len()
            )
        });
        told.for_each(|line| tell(&line));
        let parts = parts.into_iter().map(|(_, told)| told);
        match options.zero_shot {
            true => (parts.collect(), "zero-shot", shipped.clone()),
            false => (
                vec![parts.flatten().collect()],
                "cross-validated",
                shipped.clone(),
            ),
        }
    } else {
        let names = names(
            &collection,
            &BTreeSet::new(),
            shipped.labels(),
            &BTreeMap::new(),
        );
        (
            vec![tell_all(&collection, &all, shipped, &names)],
            "shipped",
            shipped.clone(),
        )
    };
    let mean = |figure: &dyn Fn(&Vec<Told>) -> f64| {
        parts.iter().map(figure).sum::<f64>() / parts.len().max(1) as f64
    };
    // A domain without such a dialogue has no say.
    let of = |happy: bool| {
        let parts = parts
            .iter()
            .filter(|told| told.iter().any(|one| one.happy == happy));
        let (mut sum, mut count) = (0.0, 0.0_f64);
        for told in parts {
            sum += weighted_f1(told.iter().filter(|one| one.happy == happy));
            count += 1.0;
        }
        sum / count.max(1.0)
    };
    Ok(NextActionScore {
        name: "next-action".to_owned(),
        n: parts.iter().map(Vec::len).sum(),
        weighted_f1: mean(&|told| weighted_f1(told.iter())),
        accuracy: mean(&|told| accuracy(told)),
        happy_f1: of(true),
        unhappy_f1: of(false),
        decision_p95_ms: time(&collection, &vectors, &timed, &*embedder).await?,
        head: head.to_owned(),
        seconds: started.elapsed().as_secs_f64(),
    })
}

fn folds(collection: &Collection, by_domain: bool) -> Vec<Fold> {
    let domains: BTreeSet<&String> = collection.dialogues.iter().map(|one| &one.domain).collect();
    let fold = |name: String, holds: &dyn Fn(usize) -> bool| Fold {
        name,
        tests: (0..collection.dialogues.len())
            .filter(|at| holds(*at))
            .collect(),
    };
    if by_domain {
        let of = |domain: &&String| {
            fold((*domain).clone(), &|at| {
                collection
                    .dialogues
                    .get(at)
                    .is_some_and(|one| one.domain == **domain)
            })
        };
        domains.iter().map(of).collect()
    } else {
        let of = |part: usize| fold(format!("part {}", part + 1), &|at| at % FOLDS == part);
        (0..FOLDS).map(of).collect()
    }
}

/// Fits a head for every fold and scores it, on as many threads as there are cores.
fn score_folds(
    collection: &Collection,
    all: &[Decision],
    folds: Vec<Fold>,
    options: &NextActionOptions,
    embedder: &dyn Embedder,
    progress: Option<&Progress<'_>>,
) -> Result<Vec<(String, Vec<Told>)>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        while let Some((at, fold)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            folds.get(at).map(|fold| (at, fold))
        } {
            if let Some(progress) = progress {
                progress("fitting", at, folds.len());
            }
            let told = score_fold(collection, all, fold, options, embedder);
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            results.push((at, fold.name.clone(), told));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(at, ..)| *at);
    results
        .into_iter()
        .map(|(_, name, told)| Ok((name, told?)))
        .collect()
}

fn score_fold(
    collection: &Collection,
    all: &[Decision],
    fold: &Fold,
    options: &NextActionOptions,
    embedder: &dyn Embedder,
) -> Result<Vec<Told>> {
    let tests: BTreeSet<usize> = fold.tests.iter().copied().collect();
    let (scored, lessons): (Vec<&Decision>, Vec<&Decision>) =
        all.iter().partition(|one| tests.contains(&one.dialogue));
    let fitted = fit(
        collection,
        &lessons,
        !options.zero_shot,
        embedder,
        options.seed,
    )?;
    let rest = collection.dialogues.iter().enumerate();
    let rest = rest
        .filter(|(at, _)| !tests.contains(at))
        .map(|(_, one)| one);
    let others = prefixes(collection, rest);
    let names = names(collection, &others, fitted.head.labels(), &fitted.usual);
    let scored: Vec<Decision> = scored.into_iter().cloned().collect();
    Ok(tell_all(collection, &scored, &fitted.head, &names))
}

fn tell_all(
    collection: &Collection,
    decisions: &[Decision],
    head: &ActionHead,
    names: &BTreeMap<String, Vec<String>>,
) -> Vec<Told> {
    let tell = |one: &Decision| {
        let dialogue = collection.dialogues.get(one.dialogue)?;
        let flow = collection.flows.get(&dialogue.task)?;
        let chosen = choose(head, flow, &one.moment);
        let said = names.get(&dialogue.task)?.get(chosen)?;
        Some(Told {
            label: one.label.clone(),
            said: said.clone(),
            happy: dialogue.happy,
        })
    };
    decisions.iter().filter_map(tell).collect()
}

/// The time that 95 of 100 decisions after the customer's words take, their embedding included; milliseconds.
async fn time(
    collection: &Collection,
    vectors: &Vectors,
    head: &ActionHead,
    embedder: &dyn Embedder,
) -> Result<f64> {
    let mut times = Vec::new();
    'all: for dialogue in collection.dialogues.iter().step_by(7) {
        let Some(flow) = collection.flows.get(&dialogue.task) else {
            continue;
        };
        let mut tracker = Tracker::new(flow, vectors);
        for event in &dialogue.events {
            let started = Instant::now();
            tracker.observe(event);
            if let FlowEvent::Customer(text) = event {
                embedder
                    .embed(std::slice::from_ref(text), TextKind::Query)
                    .await?;
                choose(head, flow, &tracker.moment());
                times.push(started.elapsed().as_secs_f64() * 1000.0);
                if times.len() == TIMED {
                    break 'all;
                }
            }
        }
    }
    times.sort_by(f64::total_cmp);
    let at = (times.len() * 95 / 100).min(times.len().saturating_sub(1));
    Ok(times.get(at).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests;
