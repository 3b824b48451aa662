//! BERT-family sentence encoders, in this process: on our own kernels where the machine has AVX-512, on candle
//! elsewhere.
//!
//! Reads the files of a sentence-transformers folder: `config.json`, `tokenizer.json`, `model.safetensors`
//! and, where present, `1_Pooling/config.json` and `sentence_bert_config.json`.

mod bert;

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::Config;
use serde::Deserialize;
use tokenizers::{Tokenizer, TruncationParams};
use uuid::Uuid;

use self::bert::Bert;
use super::{Embedder, TextKind};
use crate::compute::{self, Priority};
use crate::error::{Error, ErrorKind, OrError, Result};

/// Tokens of a text that are read where the model's own files do not say: what the sentence-transformers
/// authors trained all-MiniLM-L6-v2 with.
const DEFAULT_WINDOW: usize = 256;

/// Tokens in one forward pass, padding included where there is any. Small enough that speech recognition waits less than half a second
/// for the cores, large enough that the matrices keep them busy.
const BATCH_TOKENS: usize = 1024;

/// Texts that are tokenised at once: what the tokenizer tells of each is much more than its tokens.
const TOKENIZE_TEXTS: usize = 256;

/// A sentence encoder of the BERT family (all-MiniLM, BGE, E5, GTE), on the CPU.
#[derive(Clone)]
pub struct CandleEmbedder {
    inner: Arc<Inner>,
    query_prefix: String,
    document_prefix: String,
}

struct Inner {
    id: String,
    model: Bert,
    tokenizer: Tokenizer,
    dimensions: usize,
    pooling: Pooling,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pooling {
    Mean,
    FirstToken,
}

impl CandleEmbedder {
    /// Loads the model in `dir` (named after the model, as in the cache of `attendant models`).
    ///
    /// # Errors
    /// [`ErrorKind::Model`] if a file is missing, damaged, or not of the BERT family.
    pub fn load(dir: &Path) -> Result<Self> {
        Self::load_changed(dir, None, |_, _| Ok(()))
    }

    /// The same with only the lowest `layers`, and with weights that `change` may replace, by their names in the file;
    /// it is told the id of the model. For models trained on top of this one, which read its states by
    /// [`embed_tokens`](Self::embed_tokens).
    pub(crate) fn load_changed(
        dir: &Path,
        layers: Option<usize>,
        change: impl FnOnce(&str, &mut HashMap<String, Tensor>) -> Result<()>,
    ) -> Result<Self> {
        let config_bytes = read(dir, "config.json")?;
        let mut config: Config = serde_json::from_slice(&config_bytes).or_error(
            ErrorKind::Model,
            || format!("{} is not the configuration of a BERT model; fetch the model again or choose a BERT-family one", dir.join("config.json").display()),
        )?;
        check(&config, dir)?;
        if let Some(layers) = layers {
            config.num_hidden_layers = config.num_hidden_layers.min(layers);
        }
        let window = sentence_window(dir)
            .unwrap_or(DEFAULT_WINDOW)
            .clamp(8, config.max_position_embeddings);

        let tokenizer_bytes = read(dir, "tokenizer.json")?;
        let mut tokenizer = Tokenizer::from_bytes(&tokenizer_bytes)
            .or_error(ErrorKind::Model, || damaged(dir, "tokenizer.json"))?;
        if tokenizer.get_vocab_size(true) > config.vocab_size {
            return Err(Error::new(
                ErrorKind::Model,
                format!(
                    "the tokenizer in {} belongs to another model (more words than the model knows); fetch the model again",
                    dir.display()
                ),
            ));
        }
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(Some(TruncationParams {
                max_length: window,
                ..TruncationParams::default()
            }))
            .or_error(ErrorKind::Model, || damaged(dir, "tokenizer.json"))?;

        let weights = read(dir, "model.safetensors")?;
        let id = identity(dir, &[&config_bytes, &tokenizer_bytes], &weights);
        let device = Device::Cpu;
        let weights = candle_core::safetensors::load_buffer(&weights, &device);
        let mut weights =
            weights.or_error(ErrorKind::Model, || damaged(dir, "model.safetensors"))?;
        change(&id, &mut weights)?;
        let weights = VarBuilder::from_tensors(weights, DType::F32, &device);
        let model = Bert::load(weights, &config)
            .or_error(ErrorKind::Model, || damaged(dir, "model.safetensors"))?;
        Ok(Self {
            inner: Arc::new(Inner {
                id,
                model,
                tokenizer,
                dimensions: config.hidden_size,
                pooling: pooling(dir),
            }),
            query_prefix: String::new(),
            document_prefix: String::new(),
        })
    }

    /// Words to put before queries and documents, for models that were trained with them (E5:
    /// `"query: "` and `"passage: "`).
    #[must_use]
    pub fn with_prefixes(mut self, query: impl Into<String>, document: impl Into<String>) -> Self {
        self.query_prefix = query.into();
        self.document_prefix = document.into();
        self
    }
}

impl fmt::Debug for CandleEmbedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CandleEmbedder")
            .field("id", &self.inner.id)
            .field("dimensions", &self.inner.dimensions)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Embedder for CandleEmbedder {
    fn id(&self) -> &str {
        &self.inner.id
    }

    fn dimensions(&self) -> usize {
        self.inner.dimensions
    }

    fn count_tokens(&self, text: &str) -> usize {
        // A tokeniser that cannot read a text takes part in `embed`, which reports it.
        let encoded = self.inner.tokenizer.encode_fast(text, false);
        encoded.map_or(0, |encoding| {
            let rest = encoding.get_overflowing().iter();
            encoding.len() + rest.map(|part| part.len()).sum::<usize>()
        })
    }

    fn window(&self) -> Option<usize> {
        let window = self.inner.tokenizer.get_truncation()?.max_length;
        let marks = self.inner.tokenizer.encode_fast("", true).ok()?.len();
        let prefix = self.count_tokens(&self.document_prefix);
        Some(window.saturating_sub(marks + prefix))
    }

    async fn embed(&self, texts: &[String], kind: TextKind) -> Result<Vec<Vec<f32>>> {
        let texts = self.prefixed(texts, kind).0;
        let inner = Arc::clone(&self.inner);
        let tokens = blocking(move || inner.tokenize(&texts)).await?;
        self.run(tokens, Inner::pool).await
    }
}

/// What the model makes of each token of a text, in the light of the others: for comparisons finer than that of
/// whole texts (late interaction, Khattab and Zaharia 2020).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenVectors {
    /// Bytes of the text that each token stands for; empty for the model's own marks at both ends.
    pub spans: Vec<Range<usize>>,
    /// `(tokens, dimensions)`, the last layer's states as they are, of any length.
    pub values: Vec<f32>,
}

impl CandleEmbedder {
    /// The vectors of all tokens of each text, in order. Texts longer than the model's window are cut.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] if the model fails on a text.
    pub async fn embed_tokens(
        &self,
        texts: &[String],
        kind: TextKind,
    ) -> Result<Vec<TokenVectors>> {
        let (texts, before) = self.prefixed(texts, kind);
        let inner = Arc::clone(&self.inner);
        let encoded = blocking(move || inner.tokenize_spans(&texts)).await?;
        let (tokens, spans): (Vec<_>, Vec<_>) = encoded.into_iter().unzip();
        let values = self.run(tokens, |_, states| states.to_vec()).await?;
        let within = |at: usize| at.saturating_sub(before);
        Ok(spans
            .into_iter()
            .zip(values)
            .map(|(spans, values)| TokenVectors {
                spans: spans
                    .into_iter()
                    .map(|(start, end)| within(start)..within(end))
                    .collect(),
                values,
            })
            .collect())
    }

    /// The texts with the model's words in front, and how many bytes those have.
    fn prefixed(&self, texts: &[String], kind: TextKind) -> (Vec<String>, usize) {
        let prefix = match kind {
            TextKind::Query => &self.query_prefix,
            TextKind::Document => &self.document_prefix,
        };
        let texts = texts.iter().map(|text| format!("{prefix}{text}"));
        (texts.collect(), prefix.len())
    }

    /// Runs the model over texts; `finish` gets the states of each text's tokens.
    async fn run(
        &self,
        texts: Vec<Vec<u32>>,
        finish: fn(&Inner, &[f32]) -> Vec<f32>,
    ) -> Result<Vec<Vec<f32>>> {
        let mut vectors = vec![Vec::new(); texts.len()];
        // One blocking task a batch: dropping this future stops the work at the next batch.
        for batch in batches(texts) {
            let inner = Arc::clone(&self.inner);
            let done = blocking(move || inner.forward(&batch, finish)).await?;
            for (place, vector) in done {
                if let Some(slot) = vectors.get_mut(place) {
                    *slot = vector;
                }
            }
        }
        Ok(vectors)
    }
}

/// The token ids of a text, with the text's place in the request.
type Tokens = (usize, Vec<u32>);

/// Where the tokens of a text begin and end, in bytes.
type Spans = Vec<(usize, usize)>;

/// Groups texts of similar length, so that little of a batch is padding.
fn batches(texts: Vec<Vec<u32>>) -> Vec<Vec<Tokens>> {
    let mut all: Vec<Tokens> = texts.into_iter().enumerate().collect();
    all.sort_by_key(|(_, ids)| std::cmp::Reverse(ids.len()));
    let mut batches: Vec<Vec<Tokens>> = Vec::new();
    let mut longest = 1;
    for item in all {
        match batches.last_mut() {
            Some(batch) if (batch.len() + 1) * longest <= BATCH_TOKENS => batch.push(item),
            _ => {
                longest = item.1.len().max(1);
                batches.push(vec![item]);
            }
        }
    }
    batches
}

impl Inner {
    fn tokenize(&self, texts: &[String]) -> Result<Vec<Vec<u32>>> {
        let mut all = Vec::with_capacity(texts.len());
        for texts in texts.chunks(TOKENIZE_TEXTS) {
            // One text is not worth waking other threads for.
            let encodings = match texts {
                [one] => self
                    .tokenizer
                    .encode_fast(one.as_str(), true)
                    .map(|one| vec![one]),
                _ => {
                    let texts = texts.iter().map(String::as_str).collect();
                    self.tokenizer.encode_batch_fast::<&str>(texts, true)
                }
            };
            let encodings =
                encodings.or_error(ErrorKind::Model, || "the tokenizer cannot read a text")?;
            all.extend(encodings.iter().map(|encoding| encoding.get_ids().to_vec()));
        }
        Ok(all)
    }

    /// The same with the bytes that each token stands for.
    fn tokenize_spans(&self, texts: &[String]) -> Result<Vec<(Vec<u32>, Spans)>> {
        let encode = |text: &String| {
            let encoding = self
                .tokenizer
                .encode(text.as_str(), true)
                .or_error(ErrorKind::Model, || "the tokenizer cannot read a text")?;
            Ok((encoding.get_ids().to_vec(), encoding.get_offsets().to_vec()))
        };
        texts.iter().map(encode).collect()
    }

    fn forward(
        &self,
        batch: &[Tokens],
        finish: fn(&Self, &[f32]) -> Vec<f32>,
    ) -> Result<Vec<(usize, Vec<f32>)>> {
        // A search has one text or a few; many at once are an index that is made.
        let priority = match batch.len() {
            0..=4 => Priority::Interactive,
            _ => Priority::Background,
        };
        let texts: Vec<&[u32]> = batch.iter().map(|(_, ids)| ids.as_slice()).collect();
        let mut done = Vec::with_capacity(batch.len());
        let _turn = compute::turn(priority);
        let each = |index: usize, states: &[f32]| {
            let place = batch.get(index).map_or(index, |(place, _)| *place);
            done.push((place, finish(self, states)));
        };
        self.model
            .each(&texts, each)
            .or_error(ErrorKind::Model, || "the embedding model failed on a text")?;
        Ok(done)
    }

    /// One vector of unit norm from those of the tokens. A text without any has zeros.
    fn pool(&self, states: &[f32]) -> Vec<f32> {
        let rows = match self.pooling {
            Pooling::Mean => states,
            Pooling::FirstToken => states.get(..self.dimensions).unwrap_or_default(),
        };
        let mut vector = vec![0.0_f32; self.dimensions];
        for row in rows.chunks_exact(self.dimensions) {
            vector.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        // The length goes anyway, so the sum is as good as the mean.
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|x| *x /= norm.max(1e-12));
        vector
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .or_error(ErrorKind::Internal, || "the embedding task stopped")?
}

fn read(dir: &Path, name: &str) -> Result<Vec<u8>> {
    let path = dir.join(name);
    std::fs::read(&path).or_error(ErrorKind::Model, || {
        format!(
            "cannot read {}; fetch the embedding model or check its folder",
            path.display()
        )
    })
}

fn damaged(dir: &Path, name: &str) -> String {
    format!(
        "{} is damaged or of the wrong kind; delete it and fetch the model again",
        dir.join(name).display()
    )
}

/// Refuses numbers that would make the model's own arithmetic fail.
fn check(config: &Config, dir: &Path) -> Result<()> {
    let heads = config.num_attention_heads;
    let fits = heads > 0
        && config.hidden_size > 0
        && config.hidden_size.is_multiple_of(heads)
        && config.num_hidden_layers > 0
        && config.max_position_embeddings >= 8
        && config.pad_token_id < config.vocab_size;
    if fits {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Model, damaged(dir, "config.json")))
    }
}

fn sentence_window(dir: &Path) -> Option<usize> {
    #[derive(Deserialize)]
    struct SentenceConfig {
        max_seq_length: usize,
    }
    let bytes = std::fs::read(dir.join("sentence_bert_config.json")).ok()?;
    let config: SentenceConfig = serde_json::from_slice(&bytes).ok()?;
    Some(config.max_seq_length)
}

fn pooling(dir: &Path) -> Pooling {
    #[derive(Deserialize)]
    struct PoolingConfig {
        pooling_mode_cls_token: bool,
    }
    let first = std::fs::read(dir.join("1_Pooling").join("config.json"))
        .ok()
        .and_then(|bytes| serde_json::from_slice::<PoolingConfig>(&bytes).ok())
        .is_some_and(|config| config.pooling_mode_cls_token);
    if first {
        Pooling::FirstToken
    } else {
        Pooling::Mean
    }
}

/// Folder name and a fingerprint of the files. The weights are sampled: reading all of them would add
/// a second to every start, and two models never agree on their size and 64 spread blocks.
fn identity(dir: &Path, whole: &[&[u8]], weights: &[u8]) -> String {
    const BLOCKS: usize = 64;
    const BLOCK: usize = 4096;
    let mut sample = Vec::with_capacity(BLOCKS * BLOCK + 1024);
    for bytes in whole {
        sample.extend_from_slice(bytes);
    }
    sample.extend_from_slice(&weights.len().to_le_bytes());
    for index in 0..BLOCKS {
        let start = weights.len() / BLOCKS * index;
        let end = (start + BLOCK).min(weights.len());
        sample.extend_from_slice(weights.get(start..end).unwrap_or_default());
    }
    let print = Uuid::new_v5(&Uuid::NAMESPACE_OID, &sample)
        .simple()
        .to_string();
    let name = dir
        .file_name()
        .map_or_else(|| "bert".into(), |name| name.to_string_lossy());
    format!("{name}@{}", print.get(..12).unwrap_or(&print))
}

#[cfg(test)]
mod tests;
