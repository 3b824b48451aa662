//! `eval emotion`: what is felt in single utterances.

mod data;
mod fit;
mod net;
mod ops;
mod optim;
mod phrases;
mod states;
pub mod train;

use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use self::data::Row;
use self::fit::f1;
use super::retrieval::{Progress, percentile};
use crate::error::{Error, ErrorKind, Result};
use crate::understanding::emotion::{BASIC, EmotionModel, FINE, GROUP, Head, TrainedEmotion};

/// Texts that are computed at once.
const PIECE: usize = 256;
/// Utterances that are timed, one by one.
const TIMED: usize = 500;

/// The result of `eval emotion`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EmotionScore {
    /// Always `emotion`.
    pub name: String,
    /// Texts scored.
    pub n: usize,
    /// Wall-clock time of everything, seconds.
    pub seconds: f64,
    /// Mean F1 over the 28 classes of GoEmotions.
    pub macro_f1_28: f64,
    /// Mean F1 over Ekman's six basic emotions and neutral.
    pub macro_f1_ekman: f64,
    /// Mean F1 over positive, negative, ambiguous and neutral.
    pub macro_f1_group: f64,
    /// 95th percentile of the time of one utterance, milliseconds: words to distribution, with the tokens and the
    /// emotion model's own pass of the encoder; the embedding that search makes of the same utterance is not in it.
    pub utterance_p95_ms: f64,
    /// The median of the same.
    pub utterance_p50_ms: f64,
}

/// Scores `model` on `data`, a gzipped file of JSON lines `{text, labels}`, at most `limit` of them.
///
/// # Errors
/// [`ErrorKind::NotFound`] or [`ErrorKind::InvalidInput`] for `data`; [`ErrorKind::InsufficientContent`] if there is
/// nothing in it; else as the model.
pub async fn run(
    data: &Path,
    model: &TrainedEmotion,
    limit: Option<usize>,
    progress: Option<&Progress<'_>>,
) -> Result<EmotionScore> {
    let started = Instant::now();
    let mut rows = data::rows(data)?;
    rows.truncate(limit.unwrap_or(usize::MAX));
    if rows.is_empty() {
        return Err(Error::new(
            ErrorKind::InsufficientContent,
            format!("{} holds no texts", data.display()),
        ));
    }
    let mut told: Vec<Vec<f32>> = Vec::with_capacity(rows.len());
    for (done, piece) in rows.chunks(PIECE).enumerate() {
        if let Some(progress) = progress {
            progress("emotions", done * PIECE, rows.len());
        }
        let texts: Vec<String> = piece.iter().map(|row| row.text.clone()).collect();
        let logits = model.logits(&texts).await?;
        told.extend(logits.iter().map(|l| model.head().probabilities(l)));
    }
    let mut times = Vec::new();
    for row in rows.iter().take(TIMED) {
        let text = [row.text.clone()];
        let begun = Instant::now();
        model.feel(&text).await?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let head = model.head();
    let [fine, basic, group] = head.closest;
    let score = |range: Range<usize>, closest| macro_f1(head, &told, &rows, range, closest);
    Ok(EmotionScore {
        name: "emotion".into(),
        n: rows.len(),
        macro_f1_28: score(FINE, fine),
        macro_f1_ekman: score(BASIC, basic),
        macro_f1_group: score(GROUP, group),
        utterance_p95_ms: percentile(&mut times, 0.95),
        utterance_p50_ms: percentile(&mut times, 0.5),
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Mean F1 over some outputs, where the labels are given by `head`.
fn macro_f1(
    head: &Head,
    told: &[Vec<f32>],
    rows: &[Row],
    range: Range<usize>,
    closest: bool,
) -> f64 {
    let mut counts = vec![(0, 0, 0); range.len()];
    for (probabilities, row) in told.iter().zip(rows) {
        let labels = head.labels(probabilities, range.clone(), closest);
        let gold = row.labels.get(range.clone()).unwrap_or_default();
        for (index, (count, gold)) in counts.iter_mut().zip(gold).enumerate() {
            let given = labels.contains(&index);
            count.0 += usize::from(given && *gold);
            count.1 += usize::from(given);
            count.2 += usize::from(*gold);
        }
    }
    let scores = counts
        .iter()
        .map(|(right, told, gold)| f1(*right, *told, *gold));
    scores.sum::<f64>() / counts.len().max(1) as f64
}
