//! One forward pass for the llama family: llama, Qwen2 and Qwen3 differ in a few parameters only.
//!
//! Rows of `f32` go through it; the products with Q4_K and Q6_K weights are those of
//! `attendant-kernels` where the machine has the instructions, all others are candle's.

use std::io::{Read, Seek};

use attendant_kernels::attention::{self, Heads, Sequence};
use attendant_kernels::{Activations, BLOCK, Pool, ops};
use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::{Result, bail};

use super::cache::{KvCache, Layout};
use super::weights::{Linear, Source, Weights, forward_each};
use crate::compute::{self, Priority};

/// Rows that go through the model at once, at most: enough that turning weights into tiles pays.
pub(super) const CHUNK: usize = 256;

/// Tokens of one sequence in a batch.
#[derive(Debug)]
pub(super) struct Feed<'a> {
    /// What the sequence holds before them; they are added to it.
    pub(super) cache: &'a mut KvCache,
    pub(super) tokens: &'a [u32],
    /// The logits behind this many of them, the last ones, are wanted.
    pub(super) wanted: usize,
}

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
    layout: Layout,
    pool: Pool,
    room: Room,
}

/// Rows between the products; kept, so that a token asks for no memory.
#[derive(Debug, Default)]
struct Room {
    states: Vec<f32>,
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
        let layout = Layout::new(shape.layers, shape.heads);
        Ok(Self {
            shape,
            embedding,
            layers,
            norm,
            head,
            cos,
            sin,
            layout,
            pool: Pool::new(threads),
            room: Room::default(),
        })
    }

    /// Longest sequence, in tokens.
    pub(super) fn context(&self) -> usize {
        self.shape.context
    }

    /// Words of the vocabulary: the length of a row of logits.
    pub(super) fn words(&self) -> usize {
        self.head.as_ref().unwrap_or(&self.embedding).rows()
    }

    /// What the caches of this model have in common.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Feeds tokens of several sequences, at most [`CHUNK`] together, in one pass: every weight is read
    /// once. `logits` gets the rows that are wanted, `(rows, words)`, in the order of the feeds.
    ///
    /// Between the layers whoever is due on the cores goes first.
    pub(super) fn forward(
        &mut self,
        feeds: &mut [Feed<'_>],
        priority: Priority,
        logits: &mut Vec<f32>,
    ) -> Result<()> {
        let rows: usize = feeds.iter().map(|feed| feed.tokens.len()).sum();
        if rows == 0 || rows > CHUNK {
            bail!("{rows} rows at once; 1 to {CHUNK} can be fed");
        }
        for feed in &mut *feeds {
            let len = feed.cache.len() + feed.tokens.len();
            if len > self.shape.context {
                bail!("{len} tokens exceed the window of {}", self.shape.context);
            }
            feed.cache.reserve(feed.tokens.len());
        }
        let mut turn = compute::turn(priority);
        let tokens: Vec<u32> = feeds.iter().flat_map(|f| f.tokens).copied().collect();
        let mut x = std::mem::take(&mut self.room.states);
        self.embedding.rows_of(&tokens, &mut x)?;
        for index in 0..self.layers.len() {
            self.block(index, &mut x, feeds)?;
            turn.pass();
        }
        for feed in &mut *feeds {
            feed.cache.advance(feed.tokens.len());
        }
        self.logits(&mut x, feeds, logits)?;
        self.room.states = x;
        Ok(())
    }

    /// Logits of the rows of `x` that are wanted.
    fn logits(
        &mut self,
        x: &mut Vec<f32>,
        feeds: &[Feed<'_>],
        logits: &mut Vec<f32>,
    ) -> Result<()> {
        let hidden = self.shape.hidden;
        let (mut end, mut kept) = (0, 0);
        for feed in feeds {
            end += feed.tokens.len();
            let wanted = feed.wanted.min(feed.tokens.len());
            x.copy_within((end - wanted) * hidden..end * hidden, kept * hidden);
            kept += wanted;
        }
        x.truncate(kept * hidden);
        logits.clear();
        if kept == 0 {
            return Ok(());
        }
        let Room {
            normed,
            activations,
            ..
        } = &mut self.room;
        normed.resize(x.len(), 0.0);
        ops::rms_norm(x, &self.norm, self.shape.epsilon, normed);
        prepare(&self.pool, activations, normed, hidden);
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        head.multiply(&self.pool, normed, activations, logits)
    }

    fn block(&mut self, index: usize, x: &mut [f32], feeds: &mut [Feed<'_>]) -> Result<()> {
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
            ..
        } = room;
        normed.resize(x.len(), 0.0);
        ops::rms_norm(x, &layer.attention_norm, shape.epsilon, normed);
        prepare(pool, activations, normed, shape.hidden);
        let mut parts = [
            (&layer.query, &mut *query),
            (&layer.key, &mut *key),
            (&layer.value, &mut *value),
        ];
        forward_each(pool, normed, activations, &mut parts)?;
        let Heads { queries, keys, dim } = shape.heads;
        let (wide, narrow) = (queries * dim, keys * dim);
        if let Some((for_query, for_key)) = &layer.head_norms {
            for (rows, norm) in [(&mut *query, for_query), (&mut *key, for_key)] {
                let plain = rows.clone();
                ops::rms_norm(&plain, norm, shape.epsilon, rows);
            }
        }
        let half = dim / 2;
        let positions = feeds
            .iter()
            .flat_map(|feed| (feed.cache.len()..).take(feed.tokens.len()));
        let rows = query
            .chunks_exact_mut(wide)
            .zip(key.chunks_exact_mut(narrow));
        for (position, (query, key)) in positions.zip(rows) {
            let at = position * half;
            let (Some(cos), Some(sin)) = (cos.get(at..at + half), sin.get(at..at + half)) else {
                bail!("position {position} is outside the window");
            };
            ops::rotate(query, dim, cos, sin, shape.interleaved);
            ops::rotate(key, dim, cos, sin, shape.interleaved);
        }
        let (mut keys, mut values) = (key.as_slice(), value.as_slice());
        let mut sequences = Vec::with_capacity(feeds.len());
        for feed in &mut *feeds {
            let count = feed.tokens.len();
            let (Some((key, later_keys)), Some((value, later_values))) = (
                keys.split_at_checked(count * narrow),
                values.split_at_checked(count * narrow),
            ) else {
                bail!("layer {index} has fewer keys than tokens");
            };
            (keys, values) = (later_keys, later_values);
            feed.cache.write(index, key, value)?;
            sequences.push(Sequence {
                pages: feed.cache.layer(index),
                positions: feed.cache.len() + count,
                count,
            });
        }
        mixed.resize(query.len(), 0.0);
        attention::attention(pool, shape.heads, &sequences, query, mixed);
        prepare(pool, activations, mixed, wide);
        forward_each(
            pool,
            mixed,
            activations,
            &mut [(&layer.output, &mut *added)],
        )?;
        ops::add(x, added);

        ops::rms_norm(x, &layer.feed_norm, shape.epsilon, normed);
        prepare(pool, activations, normed, shape.hidden);
        let mut parts = [(&layer.gate, &mut *gate), (&layer.up, &mut *up)];
        forward_each(pool, normed, activations, &mut parts)?;
        ops::gate(pool, gate, up);
        prepare(pool, activations, gate, layer.down.cols());
        forward_each(pool, gate, activations, &mut [(&layer.down, &mut *added)])?;
        ops::add(x, added);
        Ok(())
    }
}

/// Rounds rows for the products with packed weights; rows of other widths only meet candle's.
fn prepare(pool: &Pool, activations: &mut Activations, rows: &[f32], width: usize) {
    if width.is_multiple_of(BLOCK) {
        activations.take(pool, rows, width);
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
