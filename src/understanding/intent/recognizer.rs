//! Fits, keeps and uses the model.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::clauses::clauses;
use super::memory::Memory;
use super::model::{Core, Known, Reject};
use super::packed::{self, pack, unpack};
use super::{IntentExample, IntentMatch, IntentOptions};
use crate::embedding::{Embedder, TextKind};
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::understanding::logistic::sigmoid;

/// Clauses are taken for several intents only where each is at least so likely.
const SEVERAL: f32 = 0.6;

/// A fitted model. Serialise it to keep it; it says which embedder its vectors are of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct IntentModel {
    stored: Stored,
    core: Core,
}

/// What is kept of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Stored {
    embedder: String,
    dimensions: usize,
    intents: Vec<String>,
    core: Core,
    reject: Reject,
    /// The examples' vectors, a byte a value.
    #[serde(with = "packed::bytes")]
    vectors: Vec<u8>,
    /// The intent of each.
    classes: Vec<usize>,
}

impl TryFrom<Stored> for IntentModel {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        let intents = stored.intents.len();
        let fits = intents > 0
            && stored.dimensions > 0
            && stored.core.fits(intents, stored.dimensions)
            && stored.reject.fits()
            && stored.vectors.len() == stored.classes.len() * stored.dimensions
            && stored.classes.iter().all(|class| *class < intents);
        if !fits {
            let told = "the intent model is damaged or of another version; fit it again";
            return Err(Error::new(ErrorKind::Model, told));
        }
        let vectors: Vec<Vec<f32>> = stored
            .vectors
            .chunks_exact(stored.dimensions)
            .map(unpack)
            .collect();
        let placed = vectors
            .iter()
            .map(Vec::as_slice)
            .zip(stored.classes.iter().copied());
        let placed: Vec<(&[f32], usize)> = placed.collect();
        let core = stored
            .core
            .clone()
            .with_memory(Memory::new(&placed, intents));
        Ok(Self { stored, core })
    }
}

impl From<IntentModel> for Stored {
    fn from(model: IntentModel) -> Self {
        model.stored
    }
}

impl IntentModel {
    /// Fits a model to examples and their vectors, which `embedder` made. Takes seconds for thousands of examples.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if no example has an intent, or vectors are missing or of different lengths.
    pub fn fit(
        examples: &[IntentExample],
        vectors: &[Vec<f32>],
        embedder: &str,
        options: IntentOptions,
    ) -> Result<Self> {
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for name in examples.iter().filter_map(|one| one.intent.as_deref()) {
            places.insert(name, 0);
        }
        places
            .values_mut()
            .enumerate()
            .for_each(|(at, place)| *place = at);
        let dimensions = vectors.first().map_or(0, Vec::len);
        let sound = |vector: &Vec<f32>| {
            vector.len() == dimensions && vector.iter().all(|value| value.is_finite())
        };
        let told = if places.is_empty() {
            "no example has an intent; give some for each intent"
        } else if vectors.len() != examples.len() || dimensions == 0 || !vectors.iter().all(sound) {
            "the vectors do not fit the examples; embed every example with the same embedder"
        } else {
            ""
        };
        if !told.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, told));
        }
        let known: Vec<Known<'_>> = examples
            .iter()
            .zip(vectors)
            .map(|(one, vector)| Known {
                text: &one.text,
                vector,
                class: one
                    .intent
                    .as_deref()
                    .and_then(|name| places.get(name))
                    .copied(),
            })
            .collect();
        let reject = Reject::fit(
            &known,
            places.len(),
            options.seed,
            f64::from(options.rejected),
        );
        let core = Core::fit(&known, places.len(), options.seed);
        let kept = || {
            known
                .iter()
                .filter_map(|one| Some((one.vector, one.class?)))
        };
        Self::try_from(Stored {
            embedder: embedder.to_owned(),
            dimensions,
            intents: places.keys().map(|name| (*name).to_owned()).collect(),
            core: core.with_memory(Memory::default()),
            reject,
            vectors: kept().flat_map(|(vector, _)| pack(vector)).collect(),
            classes: kept().map(|(_, class)| class).collect(),
        })
    }

    /// The names of the intents.
    pub fn intents(&self) -> &[String] {
        &self.stored.intents
    }

    /// The id of the embedder.
    pub fn embedder(&self) -> &str {
        &self.stored.embedder
    }

    /// The likeliest intent of a text as a whole, and whether it is likely enough.
    fn judge(&self, text: &str, vector: &[f32], span: Range<usize>) -> Option<(IntentMatch, bool)> {
        let verdict = self.core.judge(&self.stored.reject, text, vector)?;
        let found = IntentMatch {
            intent: self.stored.intents.get(verdict.class)?.clone(),
            probability: (sigmoid(verdict.odds) * verdict.share) as f32,
            span,
        };
        Some((found, verdict.odds >= self.stored.reject.threshold))
    }
}

/// Says what is wanted.
#[derive(Clone, Debug)]
pub struct IntentRecognizer {
    model: Arc<IntentModel>,
    embedder: Arc<dyn Embedder>,
}

impl IntentRecognizer {
    /// Learns from examples: a handful an intent are enough, hundreds are better.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if no example has an intent; what the embedder fails with.
    pub async fn fit(examples: &[IntentExample], embedder: Arc<dyn Embedder>) -> Result<Self> {
        Self::fit_with(examples, embedder, IntentOptions::default()).await
    }

    /// [`fit`](Self::fit) with options.
    ///
    /// # Errors
    /// As for [`fit`](Self::fit).
    pub async fn fit_with(
        examples: &[IntentExample],
        embedder: Arc<dyn Embedder>,
        options: IntentOptions,
    ) -> Result<Self> {
        let texts: Vec<String> = examples.iter().map(|one| one.text.clone()).collect();
        let vectors = embedder.embed(&texts, TextKind::Query).await?;
        let (examples, id) = (examples.to_vec(), embedder.id().to_owned());
        let fitting = move || IntentModel::fit(&examples, &vectors, &id, options);
        let fitted = tokio::task::spawn_blocking(fitting).await;
        let model = fitted.or_error(ErrorKind::Internal, || "the fit of the intents stopped")??;
        Self::new(model, embedder)
    }

    /// Uses a model that was kept.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the model is of another embedder.
    pub fn new(model: IntentModel, embedder: Arc<dyn Embedder>) -> Result<Self> {
        if model.stored.embedder != embedder.id()
            || model.stored.dimensions != embedder.dimensions()
        {
            let (of, is) = (&model.stored.embedder, embedder.id());
            let told = format!("the intent model is of embedder {of}, not {is}; fit it again");
            return Err(Error::new(ErrorKind::InvalidInput, told));
        }
        Ok(Self {
            model: Arc::new(model),
            embedder,
        })
    }

    /// The model, to keep it.
    pub fn model(&self) -> &IntentModel {
        &self.model
    }

    /// The intents of a turn, in the order they were said; empty where it is none of the known ones. A turn whose clauses
    /// want different things has several.
    ///
    /// # Errors
    /// What the embedder fails with.
    pub async fn recognise(&self, text: &str) -> Result<Vec<IntentMatch>> {
        let found = self
            .recognise_all(std::slice::from_ref(&text.to_owned()))
            .await?;
        Ok(found.into_iter().next().unwrap_or_default())
    }

    /// [`recognise`](Self::recognise) for many texts at once, which is quicker.
    ///
    /// # Errors
    /// What the embedder fails with.
    pub async fn recognise_all(&self, texts: &[String]) -> Result<Vec<Vec<IntentMatch>>> {
        let parts: Vec<Vec<Range<usize>>> = texts.iter().map(|text| parts(text)).collect();
        let pieces = texts.iter().zip(&parts).flat_map(|(text, parts)| {
            let pieces = parts.iter().filter_map(|part| text.get(part.clone()));
            pieces.map(str::to_owned)
        });
        let pieces: Vec<String> = pieces.collect();
        let vectors = self.embedder.embed(&pieces, TextKind::Query).await?;
        let mut vectors = pieces.iter().zip(&vectors);
        let judged = parts.into_iter().map(|parts| {
            let judged = parts.into_iter().map(|part| {
                let (piece, vector) = vectors.next()?;
                self.model.judge(piece, vector, part)
            });
            choose(judged.collect())
        });
        Ok(judged.collect())
    }
}

/// The text as a whole, then its clauses where there are several; nothing of an empty text.
fn parts(text: &str) -> Vec<Range<usize>> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let whole = 0..text.len();
    let mut parts = vec![whole];
    let clauses = clauses(text);
    if clauses.len() > 1 {
        parts.extend(clauses);
    }
    parts
}

/// Several intents where the clauses are sure of different ones, otherwise that of the whole.
fn choose(judged: Vec<Option<(IntentMatch, bool)>>) -> Vec<IntentMatch> {
    let mut accepted = judged.into_iter().map(|one| {
        one.filter(|(_, accepted)| *accepted)
            .map(|(found, _)| found)
    });
    let whole = accepted.next().flatten();
    let mut several: Vec<IntentMatch> = Vec::new();
    for clause in accepted.flatten().filter(|one| one.probability >= SEVERAL) {
        match several.iter_mut().find(|one| one.intent == clause.intent) {
            Some(known) if known.probability < clause.probability => {
                known.probability = clause.probability;
            }
            Some(_) => {}
            None => several.push(clause),
        }
    }
    if several.len() > 1 {
        return several;
    }
    whole.into_iter().collect()
}
