//! `eval satisfaction`: predicted satisfaction at every turn of the customer, against what annotators said.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::lines::read_lines;
use super::rank::{auc, spearman};
use super::retrieval::Progress;
use crate::conversation::{Role, UtteranceId};
use crate::embedding::{Embedder, TextKind};
use crate::error::Result;
use crate::understanding::quality::{ExperienceTracker, HeardUtterance};

/// The text of the row that holds the scores of a whole dialogue.
const OVERALL: &str = "OVERALL";
/// Below this mean a turn counts as one with which the customer is not content.
const LOW: f64 = 3.0;

/// The figures, a flat object in JSON. Rank correlations (Spearman) unless said otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SatisfactionScore {
    /// `satisfaction`.
    pub name: String,
    /// Turns of the customer scored, in both sets.
    pub n: usize,
    /// Seconds of wall time.
    pub seconds: f64,
    /// MultiWOZ. Turns: what was predicted from the words up to there, against the annotators' mean.
    pub mwoz_spearman: f64,
    /// MultiWOZ. Dialogues, against the mean of their `OVERALL` row.
    pub mwoz_dialog_spearman: f64,
    /// MultiWOZ. Area under the curve of telling turns whose mean is below 3.
    pub mwoz_low_auc: f64,
    /// MultiWOZ. Turns: the number of words of thanks and praise instead of the prediction.
    pub mwoz_thanks_spearman: f64,
    /// MultiWOZ. Turns: one annotator against the mean of the others, averaged over annotators.
    pub mwoz_human_spearman: f64,
    /// Schema-Guided Dialogue. Turns: what was predicted from the words up to there, against the annotators' mean.
    pub sgd_spearman: f64,
    /// Schema-Guided Dialogue. Dialogues, against the mean of their `OVERALL` row.
    pub sgd_dialog_spearman: f64,
    /// Schema-Guided Dialogue. Area under the curve of telling turns whose mean is below 3.
    pub sgd_low_auc: f64,
    /// Schema-Guided Dialogue. Turns: the number of words of thanks and praise instead of the prediction.
    pub sgd_thanks_spearman: f64,
    /// Schema-Guided Dialogue. Turns: one annotator against the mean of the others, averaged over annotators.
    pub sgd_human_spearman: f64,
}

/// The figures of one set.
#[derive(Clone, Copy, Debug, Default)]
struct SetScore {
    spearman: f64,
    dialog_spearman: f64,
    low_auc: f64,
    thanks_spearman: f64,
    human_spearman: f64,
}

#[derive(Debug, Deserialize)]
struct Dialogue {
    turns: Vec<Turn>,
}

#[derive(Debug, Deserialize)]
struct Turn {
    role: String,
    text: String,
    #[serde(default)]
    scores: Vec<f64>,
}

/// Scores `MWOZ.jsonl.gz` and `SGD.jsonl.gz` of a folder. Labels are read after everything is predicted.
///
/// # Errors
/// [`ErrorKind::NotFound`](crate::ErrorKind) if a file is missing; [`ErrorKind::InvalidInput`](crate::ErrorKind) if one is
/// not in the format.
pub async fn run(
    data: &Path,
    embedder: Arc<dyn Embedder>,
    limit: Option<usize>,
    progress: Option<&Progress<'_>>,
) -> Result<SatisfactionScore> {
    let started = Instant::now();
    let mut n = 0;
    let mut sets = Vec::new();
    for name in ["MWOZ", "SGD"] {
        let mut dialogues: Vec<Dialogue> = read_lines(&data.join(format!("{name}.jsonl.gz")))?;
        dialogues.truncate(limit.unwrap_or(usize::MAX));
        let mut outcome = Outcome::default();
        for (done, dialogue) in dialogues.iter().enumerate() {
            if let Some(progress) = progress {
                progress(name, done, dialogues.len());
            }
            let (turns, whole) = predict(dialogue, embedder.as_ref()).await?;
            outcome.tell(dialogue, &turns, whole);
        }
        n += outcome.turns.len();
        sets.push(outcome.score());
    }
    let mut sets = sets.into_iter();
    let mwoz = sets.next().unwrap_or_default();
    let sgd = sets.next().unwrap_or_default();
    Ok(SatisfactionScore {
        name: "satisfaction".to_owned(),
        n,
        seconds: started.elapsed().as_secs_f64(),
        mwoz_spearman: mwoz.spearman,
        mwoz_dialog_spearman: mwoz.dialog_spearman,
        mwoz_low_auc: mwoz.low_auc,
        mwoz_thanks_spearman: mwoz.thanks_spearman,
        mwoz_human_spearman: mwoz.human_spearman,
        sgd_spearman: sgd.spearman,
        sgd_dialog_spearman: sgd.dialog_spearman,
        sgd_low_auc: sgd.low_auc,
        sgd_thanks_spearman: sgd.thanks_spearman,
        sgd_human_spearman: sgd.human_spearman,
    })
}

/// Predicted satisfaction at every turn of a dialogue, and as a whole; nothing but words is looked at.
async fn predict(dialogue: &Dialogue, embedder: &dyn Embedder) -> Result<(Vec<f64>, f64)> {
    let said: Vec<&Turn> = dialogue
        .turns
        .iter()
        .filter(|turn| turn.text != OVERALL)
        .collect();
    let texts: Vec<String> = said.iter().map(|turn| turn.text.clone()).collect();
    let vectors = embedder.embed(&texts, TextKind::Query).await?;
    let mut tracker = ExperienceTracker::new();
    let mut turns = Vec::new();
    for ((turn, vector), id) in said.iter().zip(&vectors).zip(1..) {
        let role = match turn.role.as_str() {
            "USER" => Role::EndUser,
            _ => Role::AutomatedAgent,
        };
        let heard = HeardUtterance::new(UtteranceId(id), role, &turn.text).with_vector(vector);
        tracker.hear(heard);
        turns.push(f64::from(tracker.score().satisfaction));
    }
    Ok((turns, f64::from(tracker.final_score().satisfaction)))
}

/// What was predicted and what it should have been.
#[derive(Debug, Default)]
struct Outcome {
    /// Prediction, label, words of thanks.
    turns: Vec<(f64, f64, f64)>,
    dialogues: Vec<(f64, f64)>,
    annotators: Vec<Vec<(f64, f64)>>,
}

impl Outcome {
    fn tell(&mut self, dialogue: &Dialogue, predicted: &[f64], whole: f64) {
        let mut predicted = predicted.iter();
        for turn in &dialogue.turns {
            if turn.text == OVERALL {
                self.dialogues
                    .extend(mean(&turn.scores).map(|label| (whole, label)));
                continue;
            }
            let Some(score) = predicted.next() else {
                continue;
            };
            if turn.role != "USER" {
                continue;
            }
            let Some(label) = mean(&turn.scores) else {
                continue;
            };
            self.turns.push((*score, label, thanks(&turn.text)));
            for (at, own) in turn.scores.iter().enumerate() {
                let count = turn.scores.len() as f64;
                if self.annotators.len() <= at {
                    self.annotators.resize_with(at + 1, Vec::new);
                }
                if let (Some(pairs), true) = (self.annotators.get_mut(at), count > 1.0) {
                    pairs.push((*own, (label * count - own) / (count - 1.0)));
                }
            }
        }
    }

    fn score(&self) -> SetScore {
        let turns: Vec<(f64, f64)> = self
            .turns
            .iter()
            .map(|(score, label, _)| (*score, *label))
            .collect();
        let thanks: Vec<(f64, f64)> = self
            .turns
            .iter()
            .map(|(_, label, thanks)| (*thanks, *label))
            .collect();
        let low: Vec<(f64, bool)> = turns
            .iter()
            .map(|(score, label)| (-score, *label < LOW))
            .collect();
        let humans: Vec<f64> = self
            .annotators
            .iter()
            .map(|pairs| spearman(pairs))
            .collect();
        SetScore {
            spearman: spearman(&turns),
            dialog_spearman: spearman(&self.dialogues),
            low_auc: auc(&low),
            thanks_spearman: spearman(&thanks),
            human_spearman: mean(&humans).unwrap_or_default(),
        }
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// How many words of thanks and praise there are, in whatever form: "thank", "great", "perfect", "awesome", "appreciate".
/// With the words of praise the baseline is stronger.
fn thanks(text: &str) -> f64 {
    let lower = text.to_lowercase();
    let count = |word: &&str| lower.matches(*word).count();
    let words = ["thank", "great", "perfect", "awesome", "appreciate"];
    words.iter().map(count).sum::<usize>() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::embedding::HashingEmbedder;
    use crate::eval::lines::write_lines;
    use serde_json::json;

    #[tokio::test]
    async fn turns_and_dialogues_are_scored() {
        let folder = tempfile::tempdir().unwrap();
        let dialogue = |last: &str, scores: [i32; 2]| {
            json!({"id": "x", "turns": [
                {"role": "USER", "text": "I need a taxi to the station.", "action": "", "scores": [3, 3]},
                {"role": "SYSTEM", "text": "Sorry, when do you leave?", "action": "", "scores": []},
                {"role": "USER", "text": last, "action": "", "scores": scores},
                {"role": "USER", "text": "OVERALL", "action": "", "scores": scores},
            ]})
        };
        let lines = [
            dialogue("That is useless, get me a manager.", [1, 2]),
            dialogue("Perfect, thank you so much!", [5, 4]),
            dialogue("At nine.", [3, 3]),
        ];
        for name in ["MWOZ.jsonl.gz", "SGD.jsonl.gz"] {
            write_lines(&folder.path().join(name), &lines);
        }
        let embedder = || Arc::new(HashingEmbedder::default());
        let score = run(folder.path(), embedder(), None, None).await.unwrap();
        assert_eq!(score.n, 12);
        assert!(
            score.sgd_spearman > 0.8 && score.mwoz_low_auc == 1.0,
            "{score:?}"
        );
        assert!(
            score.sgd_dialog_spearman > 0.99 && score.sgd_human_spearman > 0.7,
            "{score:?}"
        );
        assert!(score.sgd_thanks_spearman < score.sgd_spearman, "{score:?}");
        let missing = run(&folder.path().join("none"), embedder(), None, None).await;
        assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
    }
}
