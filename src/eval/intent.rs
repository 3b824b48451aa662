//! `eval intent`: intents of single texts, and texts that have none of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::lines::read_lines;
use super::retrieval::Progress;
use crate::embedding::Embedder;
use crate::error::{Error, ErrorKind, Result};
use crate::understanding::intent::{IntentExample, IntentRecognizer};

/// What data files call the intent of a text that has none.
const NONE: &str = "oos";
/// Texts that are recognised at once.
const BATCH: usize = 256;

/// The figures, a flat object in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IntentScore {
    /// `intent`.
    pub name: String,
    /// Texts scored.
    pub n: usize,
    /// Seconds of wall time, the fit included.
    pub seconds: f64,
    /// Seconds that the fit took.
    pub fit_seconds: f64,
    /// Share of the texts with an intent for which it was found; to be taken for none of these is wrong.
    pub accuracy: f64,
    /// Share of the texts without an intent for which none was found; absent where there is no such text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oos_recall: Option<f64>,
    /// Share of the texts for which none was found that have none; absent where there is no text without an intent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oos_precision: Option<f64>,
    /// Texts of one intent in which several were found.
    pub several: usize,
}

/// Fits a recognizer to `train.jsonl.gz` (and `oos_train.jsonl.gz`, where there is one) of a folder, and scores it on
/// `test.jsonl.gz` or `val.jsonl.gz` and the `oos_*.jsonl.gz` beside it, or on one file.
///
/// The threshold is fixed by the fit, on examples set aside; what is scored is not looked at before.
///
/// # Errors
/// [`ErrorKind::NotFound`] if a file is missing; [`ErrorKind::InvalidInput`] if one is not in the format.
pub async fn run(
    train: &Path,
    data: &Path,
    embedder: Arc<dyn Embedder>,
    limit: Option<usize>,
    progress: Option<&Progress<'_>>,
) -> Result<IntentScore> {
    let told = |what: &str, done: usize, total: usize| {
        if let Some(progress) = progress {
            progress(what, done, total);
        }
    };
    let started = Instant::now();
    let mut examples = read(&train.join("train.jsonl.gz"))?;
    let none = train.join("oos_train.jsonl.gz");
    if none.exists() {
        examples.extend(read(&none)?);
    }
    told("fitting", 0, 1);
    let recognizer = IntentRecognizer::fit(&examples, embedder).await?;
    let fit_seconds = started.elapsed().as_secs_f64();
    let mut tests = Vec::new();
    for path in scored(data)? {
        tests.extend(read(&path)?);
    }
    tests.truncate(limit.unwrap_or(usize::MAX));
    let mut counts = Counts::default();
    for batch in tests.chunks(BATCH) {
        told("recognising", counts.all, tests.len());
        let texts: Vec<String> = batch.iter().map(|one| one.text.clone()).collect();
        for (test, found) in batch.iter().zip(recognizer.recognise_all(&texts).await?) {
            counts.several += usize::from(found.len() > 1);
            let best = found
                .iter()
                .max_by(|a, b| a.probability.total_cmp(&b.probability));
            counts.tell(test.intent.as_deref(), best.map(|one| one.intent.as_str()));
        }
    }
    let share = |part: usize, of: usize| part as f64 / of.max(1) as f64;
    let open = counts.none > 0;
    Ok(IntentScore {
        name: "intent".to_owned(),
        n: counts.all,
        seconds: started.elapsed().as_secs_f64(),
        fit_seconds,
        accuracy: share(counts.right, counts.all - counts.none),
        oos_recall: open.then(|| share(counts.none_right, counts.none)),
        oos_precision: open.then(|| share(counts.none_right, counts.none_said)),
        several: counts.several,
    })
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    all: usize,
    right: usize,
    none: usize,
    none_said: usize,
    none_right: usize,
    several: usize,
}

impl Counts {
    fn tell(&mut self, label: Option<&str>, said: Option<&str>) {
        self.all += 1;
        self.none += usize::from(label.is_none());
        self.none_said += usize::from(said.is_none());
        self.none_right += usize::from(label.is_none() && said.is_none());
        self.right += usize::from(label.is_some() && label == said);
    }
}

/// The files to score: a file itself; of a folder, the test part, or else the validation part.
fn scored(data: &Path) -> Result<Vec<PathBuf>> {
    if data.is_file() {
        return Ok(vec![data.to_owned()]);
    }
    for part in ["test", "val"] {
        let path = data.join(format!("{part}.jsonl.gz"));
        if path.exists() {
            let none = data.join(format!("oos_{part}.jsonl.gz"));
            return Ok([path, none]
                .into_iter()
                .filter(|path| path.exists())
                .collect());
        }
    }
    let told = format!(
        "{} holds no test.jsonl.gz and no val.jsonl.gz",
        data.display()
    );
    Err(Error::new(ErrorKind::NotFound, told))
}

fn read(path: &Path) -> Result<Vec<IntentExample>> {
    #[derive(Deserialize)]
    struct Line {
        text: String,
        #[serde(alias = "category", alias = "label")]
        intent: String,
    }
    let lines: Vec<Line> = read_lines(path)?;
    let examples = lines.into_iter().map(|line| IntentExample {
        intent: Some(line.intent).filter(|intent| intent != NONE),
        text: line.text,
    });
    Ok(examples.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedding::HashingEmbedder;
    use crate::eval::lines::write_lines;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn folders_and_files_of_both_formats_are_scored() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mut lines: Vec<Value> = Vec::new();
        for (text, intent) in [
            ("where is my parcel", "delivery"),
            ("has the parcel arrived", "delivery"),
            ("the parcel is late", "delivery"),
            ("refund my money", "refund"),
            ("I want the money back", "refund"),
            ("pay my money back", "refund"),
        ] {
            lines.push(json!({"text": text, "category": intent}));
        }
        write_lines(&at("train.jsonl.gz"), &lines);
        let embedder = || Arc::new(HashingEmbedder::default());
        let missing = run(folder.path(), folder.path(), embedder(), None, None).await;
        assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
        write_lines(&at("val.jsonl.gz"), &lines);
        let none = [json!({"text": "zebras graze yonder", "intent": "oos"})];
        write_lines(&at("oos_val.jsonl.gz"), &none);
        let score = run(folder.path(), folder.path(), embedder(), None, None)
            .await
            .unwrap();
        assert_eq!((score.n, score.oos_recall), (7, Some(1.0)));
        assert!(score.accuracy > 0.8, "{score:?}");
        let score = run(
            folder.path(),
            &at("val.jsonl.gz"),
            embedder(),
            Some(2),
            None,
        )
        .await
        .unwrap();
        assert_eq!((score.n, score.oos_recall), (2, None));
        write_lines(&at("val.jsonl.gz"), &[json!({"text": 1})]);
        let wrong = run(folder.path(), folder.path(), embedder(), None, None).await;
        assert_eq!(wrong.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
