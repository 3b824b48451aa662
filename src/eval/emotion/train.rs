//! `train emotion`: trains the upper layers of the encoder, and the head behind them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::data::{self, Row};
use super::fit::{Column, average_precision, calibrate, thresholds};
use super::macro_f1;
use super::net::{BIAS, Net, QUERY, Shape, WEIGHT};
use super::optim::AdamW;
use super::phrases;
use super::states::{Batch, States};
use crate::embedding::candle::CandleEmbedder;
use crate::error::{ErrorKind, OrError, Result};
use crate::eval::grounding::Chance;
use crate::eval::retrieval::Progress;
use crate::understanding::emotion::{
    BASIC, FILE, FINE, GROUP, Head, OUTPUTS, Trained, TrainedEmotion, sigmoid,
};

/// One text in so many is held out: for the choice of the epoch, calibration and thresholds.
const HELD_OUT: usize = 10;
/// Texts of one step.
const STEP: usize = 64;
/// Highest learning rates, of the layers and of the head.
const LAYER_RATE: f32 = 2e-4;
const HEAD_RATE: f32 = 2e-3;
/// Share of the steps in which the rate rises; it falls to nothing in the rest.
const WARM_UP: f32 = 0.06;
/// Epochs in which our own phrases are read with each pass over the data.
const PHRASES_REPEATED: usize = 2;

/// What a training run does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmotionTraining {
    /// How many of the encoder's uppermost layers learn.
    pub layers: usize,
    /// Passes over the data.
    pub epochs: usize,
    /// Threads; each computes on its own.
    pub threads: usize,
    /// Train on so many texts only.
    pub limit: Option<usize>,
    /// Seed of what is drawn by chance.
    pub seed: u64,
    /// Train nothing: fit calibration and thresholds of this file again.
    pub refit: Option<PathBuf>,
}

impl Default for EmotionTraining {
    fn default() -> Self {
        Self {
            layers: 3,
            epochs: 3,
            threads: 2,
            limit: None,
            seed: 0,
            refit: None,
        }
    }
}

/// What the training did; rates are over the texts held out, on which thresholds and calibration were fitted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EmotionTrainingReport {
    /// Always `train emotion`.
    pub name: String,
    /// Texts trained on, our own phrases included.
    pub n: usize,
    /// Texts held out.
    pub held_out: usize,
    /// Wall-clock time, seconds.
    pub seconds: f64,
    /// The epoch that was kept, from 1.
    pub epoch: usize,
    /// Mean over the emotions of the area under the precision-recall curve.
    pub held_out_precision: f64,
    /// Mean F1 over the emotions.
    pub held_out_f1_28: f64,
    /// Mean F1 over the basic emotions.
    pub held_out_f1_ekman: f64,
    /// Mean F1 over the sentiment groups.
    pub held_out_f1_group: f64,
}

/// Trains on `data` (a folder with `train.jsonl.gz`, or such a file), from the encoder in the folder `model`, and
/// writes `emotion-head.safetensors` into `out`. Nothing else in `data` is read.
///
/// # Errors
/// [`ErrorKind::NotFound`] or [`ErrorKind::InvalidInput`] for `data`; [`ErrorKind::Model`] for `model`;
/// [`ErrorKind::Storage`] if `out` cannot be written.
pub async fn run(
    data: &Path,
    out: &Path,
    model: &Path,
    options: EmotionTraining,
    progress: Option<&Progress<'_>>,
) -> Result<EmotionTrainingReport> {
    let started = Instant::now();
    let tell = |what: &str, done: usize, of: usize| {
        if let Some(progress) = progress {
            progress(what, done, of);
        }
    };
    let (train, held_out) = divide(data::rows(data)?, &options);
    let (mut trained, mut report) = match &options.refit {
        Some(file) => (Trained::read(file)?, EmotionTrainingReport::default()),
        None => learn(train, &held_out, model, &options, &tell).await?,
    };
    // What is fitted behind the network is fitted on what the file makes of it.
    let model = TrainedEmotion::with(model, &trained.rounded()?)?;
    let texts: Vec<String> = held_out.iter().map(|row| row.text.clone()).collect();
    let logits = model.logits(&texts).await?;
    let scores = finish(&mut trained.head, &logits, &held_out);
    trained.save(&out.join(FILE))?;
    [
        report.held_out_f1_28,
        report.held_out_f1_ekman,
        report.held_out_f1_group,
    ] = scores;
    report.held_out = held_out.len();
    report.name = "train emotion".into();
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// Trains; what is fitted behind it is not yet.
async fn learn(
    mut train: Vec<Row>,
    held_out: &[Row],
    model: &Path,
    options: &EmotionTraining,
    tell: &(dyn Fn(&str, usize, usize) + Sync),
) -> Result<(Trained, EmotionTrainingReport)> {
    let weights = class_weights(held_out);
    for _ in 0..PHRASES_REPEATED {
        train.extend(phrases::rows()?);
    }
    let base = base_weights(model)?;
    let shape = shape(model, options.layers)?;
    let mut lower_id = String::new();
    let lower = CandleEmbedder::load_changed(model, Some(shape.first), |id, _| {
        lower_id = id.to_owned();
        Ok(())
    })?;
    let train = States::of(&lower, &train, tell).await?;
    let held = States::of(&lower, held_out, tell).await?;
    let net = Net::new(shape, &base);
    let run = Run {
        net: net.or_error(ErrorKind::Model, || "the model cannot be trained")?,
        train,
        held,
        options: options.clone(),
        weights,
    };
    let best = tokio::task::block_in_place(|| run.epochs(tell))
        .or_error(ErrorKind::Internal, || "the training failed")?;
    let report = EmotionTrainingReport {
        n: run.train.len(),
        epoch: best.epoch,
        held_out_precision: best.precision,
        ..EmotionTrainingReport::default()
    };
    Ok((run.changes(&base, best.values, lower_id)?, report))
}

/// Texts to train on and texts held out, by chance.
fn divide(mut rows: Vec<Row>, options: &EmotionTraining) -> (Vec<Row>, Vec<Row>) {
    let mut chance = Chance::new(options.seed);
    shuffle(&mut rows, &mut chance);
    rows.truncate(options.limit.unwrap_or(usize::MAX));
    let train = rows.split_off(rows.len() / HELD_OUT);
    (train, rows)
}

pub(super) fn shuffle<T>(items: &mut [T], chance: &mut Chance) {
    for at in (1..items.len()).rev() {
        items.swap(at, chance.below(at + 1));
    }
}

/// Texts with a rare label weigh more, mildly.
fn class_weights(rows: &[Row]) -> Vec<f32> {
    let share = |index: usize| {
        let count = rows.iter().filter(|row| row.labels[index]).count();
        (count as f32 + 1.0) / (rows.len() as f32 + 1.0)
    };
    (0..OUTPUTS)
        .map(|index| (0.05 / share(index)).powf(0.25).clamp(1.0, 2.5))
        .collect()
}

fn base_weights(model: &Path) -> Result<HashMap<String, Tensor>> {
    let path = model.join("model.safetensors");
    candle_core::safetensors::load(&path, &Device::Cpu).or_error(ErrorKind::Model, || {
        format!("cannot read {}; fetch the model again", path.display())
    })
}

fn shape(model: &Path, layers: usize) -> Result<Shape> {
    #[derive(Deserialize)]
    struct Config {
        hidden_size: usize,
        num_attention_heads: usize,
        num_hidden_layers: usize,
        layer_norm_eps: f64,
    }
    let path = model.join("config.json");
    let wrong = || {
        format!(
            "{} is not the configuration of a BERT model",
            path.display()
        )
    };
    let bytes = std::fs::read(&path).or_error(ErrorKind::Model, wrong)?;
    let config: Config = serde_json::from_slice(&bytes).or_error(ErrorKind::Model, wrong)?;
    Ok(Shape {
        hidden: config.hidden_size,
        heads: config.num_attention_heads,
        epsilon: config.layer_norm_eps,
        first: config.num_hidden_layers.saturating_sub(layers),
        last: config.num_hidden_layers,
    })
}

/// Everything of one run.
struct Run {
    net: Net,
    train: States,
    held: States,
    options: EmotionTraining,
    weights: Vec<f32>,
}

/// The epoch that was kept.
struct Best {
    epoch: usize,
    precision: f64,
    values: Vec<Vec<f32>>,
}

impl Run {
    fn epochs(&self, tell: &dyn Fn(&str, usize, usize)) -> candle_core::Result<Best> {
        let rate = |name: &str| match name.starts_with("head.") {
            true => HEAD_RATE,
            false => LAYER_RATE,
        };
        let weights = self.net.weights();
        let mut optimizer = AdamW::new(weights.map(|(name, var)| (var, rate(name))))?;
        let mut chance = Chance::new(self.options.seed ^ 0xe40);
        let per_epoch = self.train.len().div_ceil(STEP);
        let total = per_epoch * self.options.epochs;
        let mut best: Option<Best> = None;
        let mut done = 0;
        for epoch in 1..=self.options.epochs {
            let mut loss = 0.0;
            for step in self.train.steps(STEP, &mut chance) {
                let (step_loss, gradients) = self.gradients(&step, &mut chance)?;
                optimizer.step(&gradients, pace(done, total))?;
                loss += step_loss;
                done += 1;
                tell(&format!("epoch {epoch}"), done, total);
            }
            let precision = self.precision()?;
            tracing::info!(epoch, loss = loss / per_epoch as f32, precision, "trained");
            if best.as_ref().is_none_or(|best| precision > best.precision) {
                best = Some(Best {
                    epoch,
                    precision,
                    values: optimizer.values(),
                });
            }
        }
        best.ok_or_else(|| candle_core::Error::Msg("no epoch was asked for".into()))
    }

    /// Loss a text, and the gradients of a step: every thread computes the texts of some lengths.
    fn gradients(
        &self,
        step: &[Batch],
        chance: &mut Chance,
    ) -> candle_core::Result<(f32, Vec<Vec<f32>>)> {
        let texts: usize = step.iter().map(|batch| batch.texts.len()).sum();
        let share = 1.0 / texts.max(1) as f32;
        let seeds: Vec<u64> = step
            .iter()
            .map(|_| (chance.below(usize::MAX)) as u64)
            .collect();
        let work = |thread: usize| -> candle_core::Result<(f32, Vec<Vec<f32>>)> {
            let mut sum = (0.0, Vec::new());
            let mine = step.iter().zip(&seeds).skip(thread);
            for (batch, seed) in mine.step_by(self.options.threads.max(1)) {
                let (states, labels) = self.train.tensors(batch)?;
                let logits = self.net.forward(&states, &mut Some(Chance::new(*seed)))?;
                let (loss, slope) = self.loss(&logits.to_vec2::<f32>()?, &labels, share);
                let slope = Tensor::from_vec(slope, logits.shape(), logits.device())?;
                // The slope of this sum is that of the loss.
                let gradients = (logits * slope)?.sum_all()?.backward()?;
                sum.0 += loss;
                for (at, (_, var)) in self.net.weights().enumerate() {
                    let Some(gradient) = gradients.get(var.as_tensor()) else {
                        candle_core::bail!("a weight does not learn");
                    };
                    let gradient = gradient.flatten_all()?.to_vec1::<f32>()?;
                    match sum.1.get_mut(at) {
                        None => sum.1.push(gradient),
                        Some(total) => add(total, &gradient),
                    }
                }
            }
            Ok(sum)
        };
        let mut total = (0.0, Vec::new());
        for part in threaded(self.options.threads, work)? {
            total.0 += part.0;
            match total.1.is_empty() {
                true => total.1 = part.1,
                false => total
                    .1
                    .iter_mut()
                    .zip(&part.1)
                    .for_each(|(sum, more)| add(sum, more)),
            }
        }
        Ok(total)
    }

    /// Binary cross-entropy, and its slope by the logits, times `share`.
    fn loss(&self, logits: &[Vec<f32>], labels: &[[bool; OUTPUTS]], share: f32) -> (f32, Vec<f32>) {
        let mut loss = 0.0;
        let mut slope = Vec::with_capacity(logits.len() * OUTPUTS);
        for (logits, labels) in logits.iter().zip(labels) {
            for ((logit, label), weight) in logits.iter().zip(labels).zip(&self.weights) {
                let p = sigmoid(*logit).clamp(1e-6, 1.0 - 1e-6);
                let (part, way) = match label {
                    true => (-weight * p.ln(), weight * (p - 1.0)),
                    false => (-(1.0 - p).ln(), p),
                };
                loss += share * part;
                slope.push(share * way);
            }
        }
        (loss, slope)
    }

    /// Mean average precision of the emotions on the texts held out.
    fn precision(&self) -> candle_core::Result<f64> {
        let batches: Vec<Batch> = self
            .held
            .steps(STEP, &mut Chance::new(0))
            .into_iter()
            .flatten()
            .collect();
        let work = |thread: usize| -> candle_core::Result<Vec<(Vec<f32>, [bool; OUTPUTS])>> {
            let mut scored = Vec::new();
            for batch in batches
                .iter()
                .skip(thread)
                .step_by(self.options.threads.max(1))
            {
                let (states, labels) = self.held.tensors(batch)?;
                let logits = self.net.forward(&states, &mut None)?.detach();
                scored.extend(logits.to_vec2::<f32>()?.into_iter().zip(labels));
            }
            Ok(scored)
        };
        let scored: Vec<_> = threaded(self.options.threads, work)?
            .into_iter()
            .flatten()
            .collect();
        let of = |index: usize| -> Column {
            let pairs = scored
                .iter()
                .map(|(logits, labels)| (logits[index], labels[index]));
            pairs.collect()
        };
        let all = FINE.map(|index| average_precision(of(index)));
        Ok(all.sum::<f64>() / FINE.len() as f64)
    }

    fn changes(
        &self,
        base: &HashMap<String, Tensor>,
        values: Vec<Vec<f32>>,
        base_id: String,
    ) -> Result<Trained> {
        let mut head = Head {
            scale: vec![1.0; OUTPUTS],
            shift: vec![0.0; OUTPUTS],
            threshold: vec![0.5; OUTPUTS],
            ..Head::default()
        };
        let mut changes = HashMap::new();
        for ((name, _), mut values) in self.net.weights().zip(values) {
            match name {
                QUERY => head.query = values,
                WEIGHT => head.weight = values,
                BIAS => head.bias = values,
                _ => {
                    let before = base.get(name).map(|base| {
                        base.flatten_all()
                            .and_then(|base| base.to_vec1::<f32>())
                            .or_error(ErrorKind::Model, || "the model's weights are no numbers")
                    });
                    let before = before.transpose()?.unwrap_or_default();
                    values.iter_mut().zip(before).for_each(|(x, b)| *x -= b);
                    changes.insert(name.to_owned(), values);
                }
            }
        }
        Ok(Trained {
            base: base_id,
            head,
            changes,
        })
    }
}

/// Fits calibration and thresholds; the mean F1 over emotions, basic emotions and groups.
fn finish(head: &mut Head, logits: &[Vec<f32>], rows: &[Row]) -> [f64; 3] {
    let column = |index: usize| -> Column {
        let pairs = logits.iter().zip(rows);
        pairs
            .map(|(logits, row)| (logits[index], row.labels[index]))
            .collect()
    };
    let mut columns: Vec<Column> = (0..OUTPUTS).map(column).collect();
    let fitted = columns.iter().map(calibrate);
    (head.scale, head.shift) = fitted.unzip();
    for (column, (scale, shift)) in columns.iter_mut().zip(head.scale.iter().zip(&head.shift)) {
        for (logit, _) in column {
            *logit = sigmoid(*logit * scale + shift);
        }
    }
    head.threshold.clear();
    for range in [FINE, BASIC, GROUP] {
        head.threshold.extend(thresholds(&columns[range]));
    }
    let told: Vec<Vec<f32>> = logits.iter().map(|l| head.probabilities(l)).collect();
    let mut scores = [0.0; 3];
    for (at, range) in [FINE, BASIC, GROUP].into_iter().enumerate() {
        let [plain, closest] =
            [false, true].map(|closest| macro_f1(head, &told, rows, range.clone(), closest));
        head.closest[at] = closest > plain;
        scores[at] = plain.max(closest);
    }
    scores
}

/// The share of its highest learning rate that a step has.
fn pace(step: usize, total: usize) -> f32 {
    let done = (step as f32 + 1.0) / total as f32;
    (done / WARM_UP)
        .min((1.0 - done) / (1.0 - WARM_UP))
        .max(0.0)
}

fn add(sum: &mut [f32], more: &[f32]) {
    sum.iter_mut().zip(more).for_each(|(sum, x)| *sum += x);
}

/// Runs `work` on so many threads, told which it is.
fn threaded<T: Send>(
    threads: usize,
    work: impl Fn(usize) -> candle_core::Result<T> + Sync,
) -> candle_core::Result<Vec<T>> {
    let work = &work;
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads.max(1))
            .map(|thread| scope.spawn(move || work(thread)))
            .collect();
        running
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .map_err(|_| candle_core::Error::Msg("a training thread stopped".into()))?
            })
            .collect()
    })
}

#[cfg(test)]
mod tests;
