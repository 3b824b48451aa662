//! BERT-family sentence encoders, in this process, on candle.
//!
//! Reads the files of a sentence-transformers folder: `config.json`, `tokenizer.json`, `model.safetensors`
//! and, where present, `1_Pooling/config.json` and `sentence_bert_config.json`.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use serde::Deserialize;
use tokenizers::{Tokenizer, TruncationParams};
use uuid::Uuid;

use super::{Embedder, TextKind};
use crate::compute::{self, Priority};
use crate::error::{Error, ErrorKind, OrError, Result};

/// Tokens of a text that are read where the model's own files do not say: what the sentence-transformers
/// authors trained all-MiniLM-L6-v2 with.
const DEFAULT_WINDOW: usize = 256;

/// Padded tokens in one forward pass. Small enough that speech recognition waits less than half a second
/// for the cores, large enough that the matrices keep them busy.
const BATCH_TOKENS: usize = 1024;

/// A sentence encoder of the BERT family (all-MiniLM, BGE, E5, GTE), on the CPU or candle's device.
#[derive(Clone)]
pub struct CandleEmbedder {
    inner: Arc<Inner>,
    query_prefix: String,
    document_prefix: String,
}

struct Inner {
    id: String,
    model: BertModel,
    tokenizer: Tokenizer,
    dimensions: usize,
    pad: u32,
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
        let config_bytes = read(dir, "config.json")?;
        let config: Config = serde_json::from_slice(&config_bytes).or_error(
            ErrorKind::Model,
            || format!("{} is not the configuration of a BERT model; fetch the model again or choose a BERT-family one", dir.join("config.json").display()),
        )?;
        check(&config, dir)?;
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
        let model = VarBuilder::from_buffered_safetensors(weights, DType::F32, &device)
            .and_then(|weights| BertModel::load(weights, &config))
            .or_error(ErrorKind::Model, || damaged(dir, "model.safetensors"))?;
        Ok(Self {
            inner: Arc::new(Inner {
                id,
                model,
                tokenizer,
                dimensions: config.hidden_size,
                pad: u32::try_from(config.pad_token_id).unwrap_or(0),
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
        let prefix = match kind {
            TextKind::Query => &self.query_prefix,
            TextKind::Document => &self.document_prefix,
        };
        let texts: Vec<String> = texts.iter().map(|t| format!("{prefix}{t}")).collect();
        let count = texts.len();
        let inner = Arc::clone(&self.inner);
        let batches = blocking(move || inner.batches(&texts)).await?;
        let mut vectors = vec![Vec::new(); count];
        // One blocking task a batch: dropping this future stops the work at the next batch.
        for batch in batches {
            let inner = Arc::clone(&self.inner);
            let places: Vec<usize> = batch.iter().map(|(place, _)| *place).collect();
            let done = blocking(move || inner.forward(&batch)).await?;
            for (place, vector) in places.into_iter().zip(done) {
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

impl Inner {
    /// Tokenises and groups texts of similar length, so that little of a batch is padding.
    fn batches(&self, texts: &[String]) -> Result<Vec<Vec<Tokens>>> {
        let mut all = Vec::with_capacity(texts.len());
        for (place, text) in texts.iter().enumerate() {
            let encoding = self
                .tokenizer
                .encode_fast(text.as_str(), true)
                .or_error(ErrorKind::Model, || "the tokenizer cannot read a text")?;
            all.push((place, encoding.get_ids().to_vec()));
        }
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
        Ok(batches)
    }

    fn forward(&self, batch: &[Tokens]) -> Result<Vec<Vec<f32>>> {
        // A search has one text or a few; many at once are an index that is made.
        let priority = match batch.len() {
            0..=4 => Priority::Interactive,
            _ => Priority::Background,
        };
        let _turn = compute::turn(priority);
        self.try_forward(batch)
            .or_error(ErrorKind::Model, || "the embedding model failed on a text")
    }

    fn try_forward(&self, batch: &[Tokens]) -> candle_core::Result<Vec<Vec<f32>>> {
        let device = &self.model.device;
        let rows = batch.len();
        let width = batch.iter().map(|(_, ids)| ids.len()).max().unwrap_or(0);
        if width == 0 {
            return Ok(vec![vec![0.0; self.dimensions]; rows]);
        }
        let mut ids = Vec::with_capacity(rows * width);
        let mut mask = Vec::with_capacity(rows * width);
        for (_, row) in batch {
            let padding = width - row.len();
            ids.extend_from_slice(row);
            ids.extend(std::iter::repeat_n(self.pad, padding));
            mask.extend(std::iter::repeat_n(1.0_f32, row.len()));
            mask.extend(std::iter::repeat_n(0.0_f32, padding));
        }
        let ids = Tensor::from_vec(ids, (rows, width), device)?;
        let mask = Tensor::from_vec(mask, (rows, width), device)?;
        let hidden = self.model.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        let pooled = match self.pooling {
            Pooling::FirstToken => hidden.narrow(1, 0, 1)?.squeeze(1)?,
            Pooling::Mean => {
                let mask = mask.unsqueeze(2)?;
                let sum = hidden.broadcast_mul(&mask)?.sum(1)?;
                sum.broadcast_div(&mask.sum(1)?.clamp(1e-9, f64::MAX)?)?
            }
        };
        let norm = pooled
            .sqr()?
            .sum_keepdim(1)?
            .sqrt()?
            .clamp(1e-12, f64::MAX)?;
        pooled.broadcast_div(&norm)?.to_vec2()
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
mod tests {
    use super::*;

    const CONFIG: &str = r#"{"vocab_size": 100, "hidden_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": HEADS, "intermediate_size": 64, "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1, "max_position_embeddings": 64, "type_vocab_size": 2,
        "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 0}"#;

    const TOKENIZER: &str = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "hello": 1}, "unk_token": "[UNK]"}}"#;

    fn folder(config: &str, tokenizer: &str, weights: &[u8]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), config).unwrap();
        std::fs::write(dir.path().join("tokenizer.json"), tokenizer).unwrap();
        std::fs::write(dir.path().join("model.safetensors"), weights).unwrap();
        dir
    }

    #[test]
    fn damaged_and_foreign_files_are_model_errors_that_name_the_file() {
        let config = CONFIG.replace("HEADS", "2");
        let empty_safetensors = [2_u64.to_le_bytes().as_slice(), b"{}"].concat();
        let cases: [(&str, &str, &[u8], &str); 6] = [
            ("", TOKENIZER, b"", "config.json"),
            (r#"{"model_type": "llama"}"#, TOKENIZER, b"", "config.json"),
            (&CONFIG.replace("HEADS", "0"), TOKENIZER, b"", "config.json"),
            (&config, "{}", b"", "tokenizer.json"),
            (&config, TOKENIZER, b"GGUF....", "model.safetensors"),
            (&config, TOKENIZER, &empty_safetensors, "model.safetensors"),
        ];
        for (config, tokenizer, weights, named) in cases {
            let dir = folder(config, tokenizer, weights);
            let error = CandleEmbedder::load(dir.path()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Model, "{error}");
            assert!(error.to_string().contains(named), "{error}");
        }
        let error = CandleEmbedder::load(Path::new("/nowhere/at/all")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Model);
    }

    #[test]
    fn the_identity_follows_the_weights() {
        let dir = Path::new("model-a");
        let one = identity(dir, &[b"c"], &[1; 100_000]);
        let mut other_weights = [1; 100_000];
        other_weights[0] = 2;
        assert!(one.starts_with("model-a@"), "{one}");
        assert_eq!(one, identity(dir, &[b"c"], &[1; 100_000]));
        assert_ne!(one, identity(dir, &[b"c"], &other_weights));
        assert_ne!(one, identity(dir, &[b"d"], &[1; 100_000]));
    }
}
