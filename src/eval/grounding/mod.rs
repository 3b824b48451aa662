//! `eval grounding`: is it seen when a turn of a conversation needs knowledge, and is the right snippet found?

mod data;
mod fit;
mod noise;
pub mod train;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use self::data::{Row, TENANT};
pub(crate) use self::noise::Chance;
use super::retrieval::{Progress, TemporaryFolder, percentile};
use crate::embedding::{Embedder, TextKind};
use crate::error::{Error, ErrorKind, Result};
use crate::knowledge::{
    Audience, EdgeStore, KnowledgeBase, RecentTurns, Scope, VectorQuery, VectorStore, sparse_query,
};

/// Passages asked for.
const DEEPEST: usize = 5;
/// Fingerprints of the dialogues that the shipped heads were trained on, one a line.
const TRAINED_ON: &str = include_str!("../../../models/turn-head.trained-on.txt");

/// The result of `eval grounding`; rates are between 0 and 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroundingScore {
    /// Always `grounding`.
    pub name: String,
    /// Turns scored.
    pub n: usize,
    /// Those whose label says that they need knowledge.
    pub targets: usize,
    /// Turns left out: the shipped heads were trained on their dialogue.
    pub trained_on: usize,
    /// Wall-clock time of everything, seconds.
    pub seconds: f64,
    /// Snippets searched.
    pub snippets: usize,
    /// F1 of the turns that need knowledge.
    pub detection_f1: f64,
    /// Share of the turns found that need knowledge.
    pub detection_precision: f64,
    /// Share of the turns that need knowledge that are found.
    pub detection_recall: f64,
    /// The same F1 of a system that always says yes.
    pub always_yes_f1: f64,
    /// Share of the turns that need knowledge with a snippet that answers in the first place.
    pub r_at_1: f64,
    /// The same among the first five.
    pub r_at_5: f64,
    /// Mean of one by the place of the first snippet that answers, 0 beyond the fifth.
    pub mrr_at_5: f64,
    /// Reference of the same run: the customer's last turn, dense and BM25 ranks fused.
    pub rrf_r_at_1: f64,
    /// Mean confidence in the snippet in the first place; `r_at_1` where it is calibrated.
    pub confidence_mean: f64,
    /// 95th percentile of the time for a turn, embedding included, milliseconds.
    pub query_p95_ms: f64,
}

/// What is scored.
#[derive(Clone, Debug, Default)]
pub struct GroundingOptions {
    /// Score only so many turns.
    pub limit: Option<usize>,
    /// Use all hypotheses of the recogniser (`nbest`) where a turn has them.
    pub asr_nbest: bool,
    /// Keep the index of the snippets in this folder, for the next run; a temporary one otherwise.
    pub index: Option<PathBuf>,
}

#[derive(Default)]
struct Sums {
    n: usize,
    targets: usize,
    said_yes: usize,
    rightly: usize,
    first: usize,
    five: usize,
    reciprocal: f64,
    plain: usize,
    confidence: f64,
    times: Vec<f64>,
}

/// Scores the shipped heads on `data`, a folder with `knowledge.jsonl.gz` and `val.jsonl.gz`; dialogues they were
/// trained on are left out.
///
/// # Errors
/// [`ErrorKind::NotFound`] or [`ErrorKind::InvalidInput`] if the folder is not in that format or holds nothing but training
/// dialogues; what the embedder or the index reports.
pub async fn run(
    data: &Path,
    embedder: Arc<dyn Embedder>,
    options: GroundingOptions,
    progress: Option<&Progress<'_>>,
) -> Result<GroundingScore> {
    let started = Instant::now();
    let known: HashSet<&str> = TRAINED_ON.lines().collect();
    let mut rows = data::rows(data)?;
    let all = rows.len();
    rows.retain(|row| !known.contains(row.fingerprint().as_str()));
    let trained_on = all - rows.len();
    rows.truncate(options.limit.unwrap_or(usize::MAX));
    if rows.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "the shipped heads were trained on every dialogue in this folder; use another",
        ));
    }
    let folder = Folder::new(options.index.as_deref());
    let (base, snippets) = base(data, &folder, embedder, progress).await?;
    let mut sums = Sums::default();
    for (done, row) in rows.iter().enumerate() {
        if let Some(progress) = progress {
            progress("turns", done, rows.len());
        }
        score(&base, row, options.asr_nbest, &mut sums).await?;
    }
    Ok(GroundingScore {
        trained_on,
        snippets,
        seconds: started.elapsed().as_secs_f64(),
        ..sums.score()
    })
}

/// Where the index lies.
pub(super) enum Folder {
    Kept(PathBuf),
    Temporary(TemporaryFolder),
}

impl Folder {
    pub(super) fn new(kept: Option<&Path>) -> Self {
        match kept {
            Some(path) => Self::Kept(path.to_owned()),
            None => Self::Temporary(TemporaryFolder::new()),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

/// What the evaluation and the training search in.
pub(super) struct Base {
    store: Arc<EdgeStore>,
    embedder: Arc<dyn Embedder>,
    ours: KnowledgeBase,
    scope: Scope,
}

async fn base(
    data: &Path,
    folder: &Folder,
    embedder: Arc<dyn Embedder>,
    progress: Option<&Progress<'_>>,
) -> Result<(Base, usize)> {
    let store = Arc::new(EdgeStore::open(folder.path(), embedder.as_ref()).await?);
    let ours = KnowledgeBase::new(
        Arc::clone(&embedder),
        Arc::clone(&store) as Arc<dyn VectorStore>,
    );
    let articles = data::articles(data)?;
    let step = |done: usize, total: usize| {
        if let Some(progress) = progress {
            progress("indexing snippets", done, total);
        }
    };
    let report = ours.ingest(articles, Some(&step)).await?;
    let base = Base {
        store,
        embedder,
        ours,
        scope: Scope::new(TENANT, Audience::Agent),
    };
    // Part of indexing: the passages are read into memory.
    let mut warm = RecentTurns::new();
    warm.say(crate::conversation::Role::EndUser, "hello");
    base.ours.for_turn(&warm, &base.scope, 1).await?;
    Ok((base, report.added + report.unchanged))
}

async fn score(base: &Base, row: &Row, all: bool, sums: &mut Sums) -> Result<()> {
    let turns = row.recent(all);
    let before = Instant::now();
    let found = base.ours.for_turn(&turns, &base.scope, DEEPEST).await?;
    sums.times.push(before.elapsed().as_secs_f64() * 1000.0);
    let plain = plain(base, row.last()).await?;
    // Labels are read only here, after both predictions.
    sums.n += 1;
    sums.said_yes += usize::from(found.needs_knowledge());
    if !row.target {
        return Ok(());
    }
    sums.targets += 1;
    sums.rightly += usize::from(found.needs_knowledge());
    let answers = |article: &str| row.gold.contains(article);
    let place = found
        .matches
        .iter()
        .position(|found| answers(found.hit.passage.article.as_str()));
    sums.first += usize::from(place == Some(0));
    sums.five += usize::from(place.is_some());
    sums.reciprocal += place.map_or(0.0, |place| 1.0 / (place as f64 + 1.0));
    sums.plain += usize::from(plain.is_some_and(|article| answers(&article)));
    sums.confidence += f64::from(found.matches.first().map_or(0.0, |first| first.confidence));
    Ok(())
}

/// The article that plain hybrid search finds for the customer's last turn.
async fn plain(base: &Base, text: &str) -> Result<Option<String>> {
    let texts = [text.to_owned()];
    let dense = base.embedder.embed(&texts, TextKind::Query).await?;
    let query = VectorQuery {
        scope: base.scope.clone(),
        dense: dense.into_iter().next().unwrap_or_default(),
        sparse: sparse_query("en", text),
        limit: 1,
    };
    let hits = base.store.search(query).await?;
    Ok(hits
        .into_iter()
        .next()
        .map(|hit| hit.passage.article.to_string()))
}

impl Sums {
    fn score(mut self) -> GroundingScore {
        let share = |part: usize, of: usize| part as f64 / of.max(1) as f64;
        let f1 = |rightly: usize, said: usize| {
            2.0 * rightly as f64 / (said + self.targets).max(1) as f64
        };
        GroundingScore {
            name: "grounding".into(),
            n: self.n,
            targets: self.targets,
            detection_f1: f1(self.rightly, self.said_yes),
            detection_precision: share(self.rightly, self.said_yes),
            detection_recall: share(self.rightly, self.targets),
            always_yes_f1: f1(self.targets, self.n),
            r_at_1: share(self.first, self.targets),
            r_at_5: share(self.five, self.targets),
            mrr_at_5: self.reciprocal / self.targets.max(1) as f64,
            rrf_r_at_1: share(self.plain, self.targets),
            confidence_mean: self.confidence / self.targets.max(1) as f64,
            query_p95_ms: percentile(&mut self.times, 0.95),
            ..GroundingScore::default()
        }
    }
}

#[cfg(test)]
mod tests;
