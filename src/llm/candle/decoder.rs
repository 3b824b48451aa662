//! One forward pass for the llama family: llama, Qwen2 and Qwen3 differ in a few parameters only.
//!
//! Rows of `f32` go through it; the products with Q4_K and Q6_K weights are those of
//! `attendant-kernels` where the machine has the instructions, all others are candle's.

use std::io::{Read, Seek};

use attendant_kernels::ops::{self, Heads};
use attendant_kernels::{Activations, BLOCK, Pool};
use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::{Result, bail};

use super::cache::KvCache;
use super::weights::{Linear, Source, Weights};

/// Tokens of a prompt that go through the model at once: enough that turning weights into tiles pays,
/// few enough that other local models get their turn.
pub(super) const CHUNK: usize = 256;

/// What differs between the models of the family.
#[derive(Clone, Debug)]
struct Shape {
    layers: usize,
    heads: Heads,
    hidden: usize,
    context: usize,
    epsilon: f32,
    /// Llama's GGUF files store rotated pairs next to each other, Qwen's half a head apart.
    interleaved: bool,
}

#[derive(Debug)]
struct Layer {
    attention_norm: Vec<f32>,
    query: Linear,
    key: Linear,
    value: Linear,
    /// Qwen3 normalises every head of queries and keys.
    head_norms: Option<(Vec<f32>, Vec<f32>)>,
    output: Linear,
    feed_norm: Vec<f32>,
    gate: Linear,
    up: Linear,
    down: Linear,
}

/// The weights of a model, and room to compute with them.
#[derive(Debug)]
pub(super) struct Decoder {
    shape: Shape,
    embedding: Weights,
    layers: Vec<Layer>,
    norm: Vec<f32>,
    /// `None`: the embedding is used, transposed.
    head: Option<Weights>,
    /// `(context, head_dim / 2)`.
    cos: Vec<f32>,
    sin: Vec<f32>,
    pool: Pool,
    room: Room,
}

/// Rows between the products; kept, so that a token asks for no memory.
#[derive(Debug, Default)]
struct Room {
    normed: Vec<f32>,
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
    mixed: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
    added: Vec<f32>,
    activations: Activations,
}

impl Decoder {
    /// Reads the weights. `context` bounds how many positions are prepared.
    pub(super) fn read<R: Read + Seek>(
        content: &Content,
        file: &mut R,
        context: usize,
    ) -> Result<Self> {
        let arch = match text(content, "general.architecture")? {
            known @ ("llama" | "qwen2" | "qwen3") => known.to_owned(),
            other => bail!("architecture {other:?} is not one of llama, qwen2, qwen3"),
        };
        let number = |key: &str| number(content, &format!("{arch}.{key}"));
        let heads = number("attention.head_count")?;
        let hidden = number("embedding_length")?;
        let shape = Shape {
            layers: number("block_count")?,
            heads: Heads {
                queries: heads,
                keys: number("attention.head_count_kv").unwrap_or(heads),
                dim: number("attention.key_length").unwrap_or(hidden / heads.max(1)),
            },
            hidden,
            context: number("context_length")?.min(context),
            epsilon: real(content, &format!("{arch}.attention.layer_norm_rms_epsilon"))?,
            interleaved: arch == "llama",
        };
        let Heads { queries, keys, dim } = shape.heads;
        if queries == 0 || keys == 0 || dim < 2 || !queries.is_multiple_of(keys) {
            bail!("{queries} heads of {dim} values cannot share {keys} key heads");
        }
        let mut source = Source { content, file };
        let base = real(content, &format!("{arch}.rope.freq_base")).unwrap_or(10_000.0);
        let (cos, sin) = rotation(&shape, base, source.optional("rope_freqs.weight")?);
        let (wide, narrow) = (queries * dim, keys * dim);
        let layers = (0..shape.layers)
            .map(|index| Layer::read(&mut source, index, hidden, wide, narrow))
            .collect::<Result<_>>()?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let norm = source.plain("output_norm.weight")?;
        let embedding = source.weights("token_embd.weight")?;
        let head = match content.tensor_infos.contains_key("output.weight") {
            true => Some(source.weights("output.weight")?),
            false => None,
        };
        let widths = [
            embedding.cols(),
            head.as_ref().map_or(hidden, Weights::cols),
        ];
        if norm.len() != hidden || widths != [hidden; 2] {
            bail!("the tensors are not {hidden} wide as the file says");
        }
        Ok(Self {
            shape,
            embedding,
            layers,
            norm,
            head,
            cos,
            sin,
            pool: Pool::new(threads),
            room: Room::default(),
        })
    }

    /// Longest sequence, in tokens.
    pub(super) fn context(&self) -> usize {
        self.shape.context
    }

    /// An empty cache that fits this model.
    pub(super) fn cache(&self) -> KvCache {
        KvCache::new(
            self.shape.layers,
            self.shape.heads.keys * self.shape.heads.dim,
        )
    }

    /// Feeds `tokens` behind what `cache` holds; returns the logits of the last one.
    pub(super) fn feed(&mut self, cache: &mut KvCache, tokens: &[u32]) -> Result<Vec<f32>> {
        let hidden = self.hidden(cache, tokens)?;
        let last = hidden.len() - self.shape.hidden;
        self.logits(hidden.get(last..).unwrap_or_default())
    }

    /// Feeds at most [`CHUNK`] tokens; returns the logits after each of them.
    pub(super) fn feed_all(
        &mut self,
        cache: &mut KvCache,
        tokens: &[u32],
    ) -> Result<Vec<Vec<f32>>> {
        let hidden = self.hidden(cache, tokens)?;
        let logits = self.logits(&hidden)?;
        let words = logits.len() / tokens.len().max(1);
        Ok(logits.chunks(words.max(1)).map(<[f32]>::to_vec).collect())
    }

    fn logits(&mut self, hidden: &[f32]) -> Result<Vec<f32>> {
        let _cores = crate::compute::exclusive();
        let Room {
            normed,
            activations,
            ..
        } = &mut self.room;
        normed.resize(hidden.len(), 0.0);
        ops::rms_norm(hidden, &self.norm, self.shape.epsilon, normed);
        prepare(activations, normed, self.shape.hidden);
        let mut logits = Vec::new();
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        head.multiply(&self.pool, normed, activations, &mut logits)?;
        Ok(logits)
    }

    /// The last chunk's hidden states, `(tokens of the chunk, hidden)`.
    fn hidden(&mut self, cache: &mut KvCache, tokens: &[u32]) -> Result<Vec<f32>> {
        if tokens.is_empty() {
            bail!("there are no tokens to feed");
        }
        if cache.len() + tokens.len() > self.shape.context {
            bail!(
                "{} tokens exceed the window of {}",
                cache.len() + tokens.len(),
                self.shape.context
            );
        }
        let mut x = Vec::new();
        for chunk in tokens.chunks(CHUNK) {
            // One chunk is the unit of work other local models may slip in between.
            let _cores = crate::compute::exclusive();
            self.embedding.rows_of(chunk, &mut x)?;
            for index in 0..self.layers.len() {
                self.block(index, &mut x, cache)?;
            }
            cache.advance(chunk.len());
        }
        Ok(x)
    }

    fn block(&mut self, index: usize, x: &mut [f32], cache: &mut KvCache) -> Result<()> {
        let Self {
            shape,
            layers,
            cos,
            sin,
            pool,
            room,
            ..
        } = self;
        let Some(layer) = layers.get(index) else {
            bail!("there is no layer {index}");
        };
        let Room {
            normed,
            query,
            key,
            value,
            mixed,
            gate,
            up,
            added,
            activations,
        } = room;
        normed.resize(x.len(), 0.0);
        ops::rms_norm(x, &layer.attention_norm, shape.epsilon, normed);
        prepare(activations, normed, shape.hidden);
        layer.query.forward(pool, normed, activations, query)?;
        layer.key.forward(pool, normed, activations, key)?;
        layer.value.forward(pool, normed, activations, value)?;
        let Heads { queries, keys, dim } = shape.heads;
        if let Some((for_query, for_key)) = &layer.head_norms {
            for (rows, norm) in [(&mut *query, for_query), (&mut *key, for_key)] {
                let plain = rows.clone();
                ops::rms_norm(&plain, norm, shape.epsilon, rows);
            }
        }
        let half = dim / 2;
        for (rows, width) in [(&mut *query, queries * dim), (&mut *key, keys * dim)] {
            for (token, row) in rows.chunks_exact_mut(width).enumerate() {
                let at = (cache.len() + token) * half;
                let (Some(cos), Some(sin)) = (cos.get(at..at + half), sin.get(at..at + half))
                else {
                    bail!("position {} is outside the window", cache.len() + token);
                };
                ops::rotate(row, dim, cos, sin, shape.interleaved);
            }
        }
        let (keys, values) = cache.append(index, key, value)?;
        mixed.resize(query.len(), 0.0);
        ops::attention(pool, shape.heads, query, keys, values, mixed);
        prepare(activations, mixed, queries * dim);
        layer.output.forward(pool, mixed, activations, added)?;
        ops::add(x, added);

        ops::rms_norm(x, &layer.feed_norm, shape.epsilon, normed);
        prepare(activations, normed, shape.hidden);
        layer.gate.forward(pool, normed, activations, gate)?;
        layer.up.forward(pool, normed, activations, up)?;
        ops::gate(pool, gate, up);
        prepare(activations, gate, layer.down.cols());
        layer.down.forward(pool, gate, activations, added)?;
        ops::add(x, added);
        Ok(())
    }
}

/// Rounds rows for the products with packed weights; rows of other widths only meet candle's.
fn prepare(activations: &mut Activations, rows: &[f32], width: usize) {
    if width.is_multiple_of(BLOCK) {
        activations.take(rows, width);
    }
}

impl Layer {
    fn read<R: Read + Seek>(
        source: &mut Source<'_, R>,
        index: usize,
        hidden: usize,
        wide: usize,
        narrow: usize,
    ) -> Result<Self> {
        let name = |part: &str| format!("blk.{index}.{part}");
        let head_norms = match source.optional(&name("attn_q_norm.weight"))? {
            Some(query) => Some((query, source.plain(&name("attn_k_norm.weight"))?)),
            None => None,
        };
        let layer = Self {
            attention_norm: source.plain(&name("attn_norm.weight"))?,
            query: source.linear(&name("attn_q"))?,
            key: source.linear(&name("attn_k"))?,
            value: source.linear(&name("attn_v"))?,
            head_norms,
            output: source.linear(&name("attn_output"))?,
            feed_norm: source.plain(&name("ffn_norm.weight"))?,
            gate: source.linear(&name("ffn_gate"))?,
            up: source.linear(&name("ffn_up"))?,
            down: source.linear(&name("ffn_down"))?,
        };
        let inner = layer.gate.rows();
        let sizes = [
            (&layer.query, wide, hidden),
            (&layer.key, narrow, hidden),
            (&layer.value, narrow, hidden),
            (&layer.output, hidden, wide),
            (&layer.gate, inner, hidden),
            (&layer.up, inner, hidden),
            (&layer.down, hidden, inner),
        ];
        let fits = sizes
            .iter()
            .all(|(linear, rows, cols)| linear.is(*rows, *cols));
        if !fits || layer.attention_norm.len() != hidden || layer.feed_norm.len() != hidden {
            bail!("the tensors of layer {index} do not fit each other");
        }
        Ok(layer)
    }
}

/// Cosines and sines of every position, `(context, head_dim / 2)`.
fn rotation(shape: &Shape, base: f32, factors: Option<Vec<f32>>) -> (Vec<f32>, Vec<f32>) {
    let dim = shape.heads.dim;
    let mut frequencies: Vec<f32> = (0..dim / 2)
        .map(|i| base.powf(-2.0 * i as f32 / dim as f32))
        .collect();
    // Llama 3.1 stretches low frequencies by factors stored in the file.
    for (frequency, factor) in frequencies.iter_mut().zip(factors.unwrap_or_default()) {
        *frequency /= factor;
    }
    let angles = (0..shape.context)
        .flat_map(|position| frequencies.iter().map(move |f| position as f32 * f));
    angles.map(|angle| (angle.cos(), angle.sin())).unzip()
}

fn value<'a>(content: &'a Content, key: &str) -> Result<&'a Value> {
    match content.metadata.get(key) {
        Some(value) => Ok(value),
        None => bail!("the file has no {key}"),
    }
}

fn number(content: &Content, key: &str) -> Result<usize> {
    usize::try_from(value(content, key)?.to_u64()?).map_err(candle_core::Error::wrap)
}

fn real(content: &Content, key: &str) -> Result<f32> {
    value(content, key)?.to_f32()
}

/// A text of the file's metadata.
pub(super) fn text<'a>(content: &'a Content, key: &str) -> Result<&'a str> {
    value(content, key)?.to_string().map(String::as_str)
}
