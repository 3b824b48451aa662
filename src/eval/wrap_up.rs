//! `eval wrap-up`: is the right code chosen for a conversation, and is its probability to be trusted?
//!
//! The dialogues are those of the STAR collection, about one task each; the codes are its tasks. Dialogues at even places
//! are scored. Those at odd places are for fitting the calibration (`fit`), so that nothing is tuned to what is scored.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::next_action::data::{self, Dialogue};
use super::retrieval::percentile;
use crate::assistant::Assistant;
use crate::conversation::{Channel, Conversation, Role, WrapUpCode};
use crate::dialogue::flow::FlowEvent;
use crate::error::{Error, ErrorKind, Result};
use crate::llm::LanguageModel;
use crate::summary::{Calibration, WrapUpChooser};

/// Confidences are put together in so many steps of the same width, as is usual for the expected calibration error.
const BINS: usize = 10;

/// The figures, a flat object in JSON; rates between 0 and 1, times in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WrapUpScore {
    /// `wrap-up`.
    pub name: String,
    /// Dialogues.
    pub n: usize,
    /// Wall-clock time, seconds.
    pub seconds: f64,
    /// Codes to choose from.
    pub codes: usize,
    /// The right code came first.
    pub accuracy: f64,
    /// It was among the first three.
    pub top3_accuracy: f64,
    /// Mean probability of the code that came first.
    pub confidence: f64,
    /// Expected calibration error: how far that is from how often it is right, over ten steps of confidence.
    pub ece: f64,
    /// Mean negative logarithm of the right code's probability.
    pub nll: f64,
    /// The same two of the model's own probabilities.
    pub raw_ece: f64,
    /// See `raw_ece`.
    pub raw_nll: f64,
    /// With `fit`: the temperature at which `nll` is lowest; 0 otherwise.
    pub best_temperature: f64,
    /// Time until a code is chosen, the conversation not read before, 95th percentile.
    pub dialog_p95_ms: f64,
}

/// What is scored.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct WrapUpEvalOptions {
    /// At most so many dialogues, spread evenly.
    pub limit: Option<usize>,
    /// Those at odd places, and the temperature that is best for them.
    pub fit: bool,
}

/// Told how many dialogues are done, and how many there are.
pub type Progress<'a> = dyn Fn(&str, usize, usize) + Send + Sync + 'a;

/// Scores `data`, a folder in the format of the STAR collection.
///
/// # Errors
/// [`ErrorKind::NotFound`] or [`ErrorKind::InvalidInput`] where the folder is not in
/// that format; [`ErrorKind::Unsupported`] for a model that cannot score; what the model reports.
pub async fn run(
    data: &Path,
    assistant: &Assistant,
    model: Arc<dyn LanguageModel>,
    options: &WrapUpEvalOptions,
    progress: Option<&Progress<'_>>,
) -> Result<WrapUpScore> {
    let started = Instant::now();
    let collection = data::read(data, None)?;
    let codes: Vec<WrapUpCode> = collection.flows.keys().map(|task| code(task)).collect();
    let chosen = chosen(&collection.dialogues, options);
    let chooser = WrapUpChooser::new(Arc::clone(&model), Arc::default(), codes.clone().into());
    let mut times = Vec::with_capacity(chosen.len());
    let mut judged = Vec::with_capacity(chosen.len());
    for (done, dialogue) in chosen.iter().enumerate() {
        if let Some(progress) = progress {
            progress("choosing", done, chosen.len());
        }
        let conversation = conversation(dialogue);
        let prefix = assistant.prefix(&conversation)?;
        let before = Instant::now();
        let probabilities = chooser.probabilities(&prefix).await?;
        times.push(before.elapsed().as_secs_f64() * 1000.0);
        // The label is read only here.
        let right = codes.iter().position(|code| code.id == dialogue.task);
        if let (Some(raw), Some(right)) = (probabilities, right) {
            judged.push((raw, right));
        }
    }
    if judged.is_empty() {
        let told = format!(
            "{} tells no probabilities; choose a model that can score",
            model.id()
        );
        return Err(Error::new(ErrorKind::Unsupported, told));
    }
    let calibrated = at(&judged, chooser.calibration());
    let rank = |(probabilities, right): &(Vec<f32>, usize)| {
        let own = probabilities.get(*right).copied().unwrap_or_default();
        probabilities.iter().filter(|other| **other > own).count()
    };
    let share = |most: usize| {
        // Of the raw ones: calibrated, the smallest may all be 0.
        let within = judged.iter().filter(|one| rank(one) < most).count();
        within as f64 / judged.len().max(1) as f64
    };
    let confidences = calibrated.iter().map(|(p, _)| f64::from(best(p)));
    Ok(WrapUpScore {
        name: "wrap-up".into(),
        n: judged.len(),
        codes: codes.len(),
        accuracy: share(1),
        top3_accuracy: share(3),
        confidence: confidences.sum::<f64>() / calibrated.len().max(1) as f64,
        ece: ece(&calibrated),
        nll: nll(&calibrated),
        raw_ece: ece(&judged),
        raw_nll: nll(&judged),
        best_temperature: if options.fit { fit(&judged) } else { 0.0 },
        dialog_p95_ms: percentile(&mut times, 0.95),
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// A task as a code; the collection describes it by no more than its name.
fn code(task: &str) -> WrapUpCode {
    let words = task.replace('_', " ");
    WrapUpCode {
        id: task.to_owned(),
        label: words.clone(),
        description: format!("The customer's request was about: {words}."),
    }
}

fn chosen<'a>(dialogues: &'a [Dialogue], options: &WrapUpEvalOptions) -> Vec<&'a Dialogue> {
    let half: Vec<&Dialogue> = dialogues
        .iter()
        .skip(usize::from(options.fit))
        .step_by(2)
        .collect();
    let count = options.limit.unwrap_or(half.len()).min(half.len());
    (0..count)
        .filter_map(|number| half.get(number * half.len() / count).copied())
        .collect()
}

/// What was said; what the wizard looked up is not.
fn conversation(dialogue: &Dialogue) -> Conversation {
    let mut conversation = Conversation::new("eval", Channel::Chat);
    for event in &dialogue.events {
        match event {
            FlowEvent::Customer(text) => conversation.say(Role::EndUser, text),
            FlowEvent::Said(text) | FlowEvent::Action { text, .. } => {
                conversation.say(Role::HumanAgent, text)
            }
            _ => continue,
        };
    }
    conversation
}

type Judged = (Vec<f32>, usize);

fn at(judged: &[Judged], calibration: Calibration) -> Vec<Judged> {
    let one = |(raw, right): &Judged| (calibration.of(raw), *right);
    judged.iter().map(one).collect()
}

fn best(probabilities: &[f32]) -> f32 {
    probabilities.iter().copied().fold(0.0, f32::max)
}

fn nll(judged: &[Judged]) -> f64 {
    let of = |(probabilities, right): &Judged| {
        let own = probabilities.get(*right).copied().unwrap_or_default();
        -f64::from(own.max(f32::MIN_POSITIVE)).ln()
    };
    judged.iter().map(of).sum::<f64>() / judged.len().max(1) as f64
}

/// Guo et al. (2017), "On calibration of modern neural networks".
fn ece(judged: &[Judged]) -> f64 {
    let mut bins = [(0.0, 0.0); BINS];
    for (probabilities, right) in judged {
        let sure = best(probabilities);
        let bin = ((sure * BINS as f32) as usize).min(BINS - 1);
        if let Some((confidence, hits)) = bins.get_mut(bin) {
            *confidence += f64::from(sure);
            *hits += f64::from(u8::from(probabilities.get(*right) == Some(&sure)));
        }
    }
    let off = bins
        .iter()
        .map(|(confidence, hits)| (confidence - hits).abs());
    off.sum::<f64>() / judged.len().max(1) as f64
}

fn fit(judged: &[Judged]) -> f64 {
    // From a 50th to 20, each step 5 % more.
    let steps = (0..142).map(|step| 0.02 * 1.05_f64.powi(step));
    let of = |temperature: f64| nll(&at(judged, Calibration::new(temperature as f32)));
    steps
        .map(|temperature| (of(temperature), temperature))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map_or(1.0, |(_, temperature)| temperature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_calibration_is_how_far_confidence_is_from_the_truth() {
        // Four times .9 sure, three times right; and twice .5 sure, once right.
        let sure = |right| (vec![0.9, 0.1], right);
        let even = |right| (vec![0.5, 0.3, 0.2], right);
        let judged = [sure(0), sure(0), sure(0), sure(1), even(0), even(2)];
        assert!((ece(&judged) - (4.0 * 0.15) / 6.0).abs() < 1e-6);
        let expected = (3.0 * 0.9_f64.ln() + 0.1_f64.ln() + 0.5_f64.ln() + 0.2_f64.ln()) / -6.0;
        assert!((nll(&judged) - expected).abs() < 1e-6);
    }

    #[test]
    fn the_temperature_that_is_found_brings_too_sure_a_model_down() {
        let judged: Vec<Judged> = (0..10)
            .map(|number| (vec![0.999, 0.001], usize::from(number >= 7)))
            .collect();
        let temperature = fit(&judged);
        let cooled = at(&judged, Calibration::new(temperature as f32));
        assert!((best(&cooled[0].0) - 0.7).abs() < 0.01, "{temperature}");
    }
}
