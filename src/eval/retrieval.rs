//! `eval retrieval`: are the documents found that a task needs?

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::lines::read_lines;
use crate::embedding::Embedder;
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::knowledge::{
    Audience, EdgeStore, KnowledgeArticle, KnowledgeBase, KnowledgeOptions, MemoryVectorStore,
    Question, Scope,
};

const TENANT: &str = "eval";
/// Ranks that recall is measured at.
const DEEPEST: usize = 20;
/// Passages asked for, so that twenty different documents are among them.
const PASSAGES: usize = 120;

/// The result of `eval retrieval`; recalls are means over tasks, between 0 and 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetrievalScore {
    /// Always `retrieval`.
    pub name: String,
    /// Tasks scored.
    pub n: usize,
    /// Wall-clock time of everything, seconds.
    pub seconds: f64,
    /// Documents searched.
    pub documents: usize,
    /// Passages they were divided into.
    pub passages: usize,
    /// Share of a task's required documents among the first five documents found.
    pub recall_at_5: f64,
    /// The same among the first ten.
    pub recall_at_10: f64,
    /// The same among the first twenty.
    pub recall_at_20: f64,
    /// Reference of the same run: whole documents, whole query, dense and BM25 ranks fused, exact search.
    pub rrf_recall_at_5: f64,
    /// The same among the first ten.
    pub rrf_recall_at_10: f64,
    /// The same among the first twenty.
    pub rrf_recall_at_20: f64,
    /// 95th percentile of the time of a search, embedding included, milliseconds.
    pub query_p95_ms: f64,
}

#[derive(Deserialize)]
struct Document {
    id: String,
    title: String,
    content: String,
}

#[derive(Deserialize)]
struct Task {
    user_scenario: Scenario,
    #[serde(default)]
    required_documents: Vec<String>,
}

#[derive(Deserialize)]
struct Scenario {
    instructions: serde_json::Value,
}

/// Told what is being done, how much of it is done and how much there is.
pub type Progress<'a> = dyn Fn(&str, usize, usize) + Send + Sync + 'a;

/// Scores retrieval on `data`, a folder with `documents.jsonl.gz` and one or more `tasks*.jsonl.gz`: the query
/// is the customer's instructions, relevant are the task's `required_documents`. At most `limit` tasks are
/// scored. `progress` is told what is being done, how much is done and how much there is.
///
/// # Errors
/// [`ErrorKind::NotFound`] or [`ErrorKind::InvalidInput`] if the folder is not in that format; what the
/// embedder or the index reports.
pub async fn run(
    data: &Path,
    embedder: Arc<dyn Embedder>,
    limit: Option<usize>,
    progress: Option<&Progress<'_>>,
) -> Result<RetrievalScore> {
    let started = Instant::now();
    let tell = |what: &str, done: usize, total: usize| {
        if let Some(progress) = progress {
            progress(what, done, total);
        }
    };
    let articles: Vec<KnowledgeArticle> = read_lines::<Document>(&data.join("documents.jsonl.gz"))?
        .into_iter()
        .map(article)
        .collect();
    let documents = articles.len();
    let mut tasks = Vec::new();
    for path in task_files(data)? {
        tasks.extend(read_lines::<Task>(&path)?);
    }
    tasks.retain(|task| !task.required_documents.is_empty());
    tasks.truncate(limit.unwrap_or(usize::MAX));
    if tasks.is_empty() || documents == 0 {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!(
                "{} has no documents, or no task with required_documents",
                data.display()
            ),
        ));
    }

    let folder = TemporaryFolder::new();
    let store = EdgeStore::open(&folder.0, embedder.as_ref()).await?;
    let ours = KnowledgeBase::new(Arc::clone(&embedder), Arc::new(store));
    let step = |done: usize, total: usize| tell("indexing passages", done, total);
    let report = ours.ingest(articles.clone(), Some(&step)).await?;

    let whole = KnowledgeOptions {
        passage_tokens: usize::MAX,
        long_question_words: usize::MAX,
        ..KnowledgeOptions::default()
    };
    let reference =
        KnowledgeBase::new(embedder, Arc::new(MemoryVectorStore::new())).with_options(whole);
    let step = |done: usize, total: usize| tell("indexing whole documents", done, total);
    reference.ingest(articles, Some(&step)).await?;

    let mut recalls = [[0.0; 3]; 2];
    let mut times = Vec::with_capacity(tasks.len());
    for (done, task) in tasks.iter().enumerate() {
        tell("searching", done, tasks.len());
        let text = match &task.user_scenario.instructions {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let question = Question::new(text, Scope::new(TENANT, Audience::Agent));
        let before = Instant::now();
        let found = ranking(&ours, &question, PASSAGES).await?;
        times.push(before.elapsed().as_secs_f64() * 1000.0);
        let plain = ranking(&reference, &question, DEEPEST).await?;
        // Labels are read only here, after both predictions.
        for (sums, found) in recalls.iter_mut().zip([found, plain]) {
            for (sum, rank) in sums.iter_mut().zip([5, 10, DEEPEST]) {
                *sum += recall(&found, &task.required_documents, rank);
            }
        }
    }
    tell("searching", tasks.len(), tasks.len());
    let n = tasks.len();
    let [ours, plain] = recalls.map(|sums| sums.map(|sum| sum / n as f64));
    Ok(RetrievalScore {
        name: "retrieval".into(),
        n,
        seconds: started.elapsed().as_secs_f64(),
        documents,
        passages: report.added,
        recall_at_5: ours[0],
        recall_at_10: ours[1],
        recall_at_20: ours[2],
        rrf_recall_at_5: plain[0],
        rrf_recall_at_10: plain[1],
        rrf_recall_at_20: plain[2],
        query_p95_ms: percentile(&mut times, 0.95),
    })
}

/// The documents say in their titles which of them are for agents only. Questions are an agent's, so that ours
/// and the reference see them all.
fn article(document: Document) -> KnowledgeArticle {
    let words = document.title.split(|c: char| !c.is_alphanumeric());
    let internal = words
        .into_iter()
        .any(|word| word.eq_ignore_ascii_case("internal"));
    KnowledgeArticle {
        id: document.id.into(),
        title: document.title,
        tenant: TENANT.into(),
        language: "en".into(),
        audience: if internal {
            Audience::Agent
        } else {
            Audience::Customer
        },
        valid_from: None,
        valid_to: None,
        products: Vec::new(),
        body: document.content,
    }
}

/// Documents in the order of their best passage.
async fn ranking(
    base: &KnowledgeBase,
    question: &Question,
    passages: usize,
) -> Result<Vec<String>> {
    let mut seen = HashSet::new();
    Ok(base
        .search(question, passages)
        .await?
        .into_iter()
        .map(|hit| hit.passage.article.to_string())
        .filter(|id| seen.insert(id.clone()))
        .take(DEEPEST)
        .collect())
}

fn recall(found: &[String], required: &[String], rank: usize) -> f64 {
    let top: HashMap<&str, ()> = found
        .iter()
        .take(rank)
        .map(|id| (id.as_str(), ()))
        .collect();
    let wanted: HashSet<&str> = required.iter().map(String::as_str).collect();
    let hit = wanted.iter().filter(|id| top.contains_key(**id)).count();
    hit as f64 / wanted.len().max(1) as f64
}

pub(super) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (share * values.len() as f64).ceil() as usize;
    values.get(place.max(1) - 1).copied().unwrap_or(0.0)
}

fn task_files(data: &Path) -> Result<Vec<PathBuf>> {
    let failed = || {
        format!(
            "cannot read the data folder {}; check the path",
            data.display()
        )
    };
    let entries = std::fs::read_dir(data).or_error(ErrorKind::NotFound, failed)?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("tasks") && name.ends_with(".jsonl.gz")
        })
        .collect();
    files.sort();
    Ok(files)
}

/// A folder of its own for the index of this run, removed at the end.
pub(super) struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    pub(super) fn new() -> Self {
        Self(std::env::temp_dir().join(format!("attendant-eval-{}", uuid::Uuid::now_v7())))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::debug!(folder = %self.0.display(), %error, "temporary index not removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::json;

    use super::*;
    use crate::embedding::HashingEmbedder;

    fn write(path: &Path, rows: &[serde_json::Value]) {
        let mut out = GzEncoder::new(std::fs::File::create(path).unwrap(), Compression::fast());
        for row in rows {
            writeln!(out, "{row}").unwrap();
        }
        out.finish().unwrap();
    }

    #[tokio::test]
    async fn recall_counts_the_required_documents_among_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let document = |id: &str, text: &str| json!({"id": id, "title": id, "content": text});
        let mut documents: Vec<_> = (0..30)
            .map(|n| document(&format!("filler-{n}"), &format!("filler text {n}")))
            .collect();
        documents.push(document("card", "How to freeze a stolen card."));
        write(&dir.path().join("documents.jsonl.gz"), &documents);
        let task = |required: &[&str]| json!({"user_scenario": {"instructions": "freeze my stolen card"}, "required_documents": required});
        let tasks = [
            task(&["card"]),
            task(&["card", "no such document"]),
            task(&[]),
        ];
        write(&dir.path().join("tasks_dev.jsonl.gz"), &tasks);
        let embedder = Arc::new(HashingEmbedder::default());
        let score = run(dir.path(), embedder.clone(), None, None).await.unwrap();
        assert_eq!((score.n, score.documents, score.passages), (2, 31, 31));
        for recall in [score.recall_at_5, score.recall_at_20, score.rrf_recall_at_5] {
            assert!((recall - 0.75).abs() < 1e-9, "{score:?}");
        }
        assert!(score.query_p95_ms > 0.0);
        let one = run(dir.path(), embedder.clone(), Some(1), None)
            .await
            .unwrap();
        assert!((one.recall_at_5 - 1.0).abs() < 1e-9);

        std::fs::write(dir.path().join("documents.jsonl.gz"), b"not gzip").unwrap();
        let error = run(dir.path(), embedder.clone(), None, None)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = run(Path::new("/no/such"), embedder, None, None)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn the_percentile_is_a_measured_value() {
        assert_eq!(percentile(&mut [3.0, 1.0, 2.0], 0.95), 3.0);
        assert_eq!(percentile(&mut [], 0.95), 0.0);
    }
}
