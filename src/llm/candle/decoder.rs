//! One forward pass for the llama family: llama, Qwen2 and Qwen3 differ in a few parameters only.

use std::io::{Read, Seek};

use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::quantized::{QMatMul, QTensor};
use candle_core::{DType, Device, Result, Tensor, bail};
use candle_nn::ops::{rms_norm, silu, softmax_last_dim};
use candle_nn::rotary_emb::{rope, rope_i};

use super::cache::KvCache;

/// Tokens of a prompt that go through the model at once; bounds the memory of attention scores.
pub(super) const CHUNK: usize = 256;

/// What differs between the models of the family.
#[derive(Clone, Debug)]
struct Shape {
    layers: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    context: usize,
    epsilon: f32,
    /// Llama's GGUF files store rotated pairs next to each other, Qwen's half a head apart.
    interleaved: bool,
}

/// A projection with the bias that Qwen2 has on queries, keys and values.
#[derive(Debug)]
struct Linear {
    weight: QMatMul,
    bias: Option<Tensor>,
}

impl Linear {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = candle_core::Module::forward(&self.weight, x)?;
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }
}

#[derive(Debug)]
struct Layer {
    attention_norm: Tensor,
    query: Linear,
    key: Linear,
    value: Linear,
    /// Qwen3 normalises every head of queries and keys.
    head_norms: Option<(Tensor, Tensor)>,
    output: Linear,
    feed_norm: Tensor,
    gate: Linear,
    up: Linear,
    down: Linear,
}

/// The weights of a model.
#[derive(Debug)]
pub(super) struct Decoder {
    shape: Shape,
    embedding: QMatMul,
    layers: Vec<Layer>,
    norm: Tensor,
    /// `None`: the embedding is used, transposed.
    head: Option<QMatMul>,
    cos: Tensor,
    sin: Tensor,
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
            heads,
            kv_heads: number("attention.head_count_kv").unwrap_or(heads),
            head_dim: number("attention.key_length").unwrap_or(hidden / heads.max(1)),
            context: number("context_length")?.min(context),
            epsilon: real(content, &format!("{arch}.attention.layer_norm_rms_epsilon"))?,
            interleaved: arch == "llama",
        };
        if shape.heads == 0 || shape.kv_heads == 0 || !shape.heads.is_multiple_of(shape.kv_heads) {
            bail!(
                "{} heads cannot share {} key heads",
                shape.heads,
                shape.kv_heads
            );
        }
        let mut source = Source { content, file };
        let base = real(content, &format!("{arch}.rope.freq_base")).unwrap_or(10_000.0);
        let (cos, sin) = rotation(&shape, base, source.optional("rope_freqs.weight")?)?;
        let layers = (0..shape.layers)
            .map(|index| Layer::read(&mut source, index))
            .collect::<Result<_>>()?;
        Ok(Self {
            embedding: QMatMul::from_qtensor(source.quantised("token_embd.weight")?)?,
            norm: source.plain("output_norm.weight")?,
            head: match content.tensor_infos.contains_key("output.weight") {
                true => Some(QMatMul::from_qtensor(source.quantised("output.weight")?)?),
                false => None,
            },
            shape,
            layers,
            cos,
            sin,
        })
    }

    /// Longest sequence, in tokens.
    pub(super) fn context(&self) -> usize {
        self.shape.context
    }

    /// An empty cache that fits this model.
    pub(super) fn cache(&self) -> Result<KvCache> {
        KvCache::new(self.shape.layers, self.shape.kv_heads, self.shape.head_dim)
    }

    /// Feeds `tokens` behind what `cache` holds; returns the logits of the last one.
    pub(super) fn feed(&self, cache: &mut KvCache, tokens: &[u32]) -> Result<Vec<f32>> {
        let hidden = self.hidden(cache, tokens)?;
        let last = hidden.narrow(0, hidden.dim(0)? - 1, 1)?;
        self.logits(&last)?.squeeze(0)?.to_vec1()
    }

    /// Feeds at most [`CHUNK`] tokens; returns the logits after each of them, `(tokens, vocabulary)`.
    pub(super) fn feed_all(&self, cache: &mut KvCache, tokens: &[u32]) -> Result<Vec<Vec<f32>>> {
        let hidden = self.hidden(cache, tokens)?;
        self.logits(&hidden)?.to_vec2()
    }

    fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        let _cores = crate::compute::exclusive();
        let hidden = rms_norm(&hidden.contiguous()?, &self.norm, self.shape.epsilon)?;
        candle_core::Module::forward(self.head.as_ref().unwrap_or(&self.embedding), &hidden)
    }

    /// The last chunk's hidden states, `(tokens of the chunk, hidden)`.
    fn hidden(&self, cache: &mut KvCache, tokens: &[u32]) -> Result<Tensor> {
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
        cache.reserve(tokens.len())?;
        let mut last = None;
        for chunk in tokens.chunks(CHUNK) {
            // One chunk is the unit of work other local models may slip in between.
            let _cores = crate::compute::exclusive();
            let mut x = self
                .embedding
                .embedding(&Tensor::new(chunk, &Device::Cpu)?)?;
            let mask = self.mask(chunk.len(), cache.len())?;
            for (index, layer) in self.layers.iter().enumerate() {
                x = self.block(layer, index, x, mask.as_ref(), cache)?;
            }
            cache.advance(chunk.len());
            last = Some(x);
        }
        match last {
            Some(hidden) => Ok(hidden),
            None => bail!("there are no tokens to feed"),
        }
    }

    fn block(
        &self,
        layer: &Layer,
        index: usize,
        x: Tensor,
        mask: Option<&Tensor>,
        cache: &KvCache,
    ) -> Result<Tensor> {
        let epsilon = self.shape.epsilon;
        let normed = rms_norm(&x, &layer.attention_norm, epsilon)?;
        let x = (x + self.attention(layer, index, &normed, mask, cache)?)?;
        let normed = rms_norm(&x, &layer.feed_norm, epsilon)?;
        let gated = (silu(&layer.gate.forward(&normed)?)? * layer.up.forward(&normed)?)?;
        x + layer.down.forward(&gated)?
    }

    fn attention(
        &self,
        layer: &Layer,
        index: usize,
        x: &Tensor,
        mask: Option<&Tensor>,
        cache: &KvCache,
    ) -> Result<Tensor> {
        let Shape {
            heads,
            kv_heads,
            head_dim,
            epsilon,
            interleaved,
            ..
        } = self.shape;
        let tokens = x.dim(0)?;
        let cos = self.cos.narrow(0, cache.len(), tokens)?;
        let sin = self.sin.narrow(0, cache.len(), tokens)?;
        let rotate = |projected: Tensor, count: usize, norm: Option<&Tensor>| -> Result<Tensor> {
            let mut split = projected.reshape((tokens, count, head_dim))?;
            if let Some(norm) = norm {
                split = rms_norm(&split.contiguous()?, norm, epsilon)?;
            }
            let split = split.transpose(0, 1)?.contiguous()?.unsqueeze(0)?;
            let turned = if interleaved {
                rope_i(&split, &cos, &sin)?
            } else {
                rope(&split, &cos, &sin)?
            };
            turned.squeeze(0)
        };
        let norms = layer.head_norms.as_ref();
        let query = rotate(layer.query.forward(x)?, heads, norms.map(|n| &n.0))?;
        let key = rotate(layer.key.forward(x)?, kv_heads, norms.map(|n| &n.1))?;
        let value = layer
            .value
            .forward(x)?
            .reshape((tokens, kv_heads, head_dim))?
            .transpose(0, 1)?
            .contiguous()?;
        let (keys, values) = cache.append(index, &key, &value)?;

        // The query heads that share a key head are laid below each other, so that keys and
        // values are read once and never repeated.
        let group = heads / kv_heads;
        let query = (query.reshape((kv_heads, group * tokens, head_dim))?
            * (1.0 / (head_dim as f64).sqrt()))?;
        let mut scores = query.matmul(&keys.transpose(1, 2)?)?;
        if let Some(mask) = mask {
            scores = scores.broadcast_add(mask)?;
        }
        let mixed = softmax_last_dim(&scores)?.matmul(&values)?;
        let mixed = mixed
            .reshape((heads, tokens, head_dim))?
            .transpose(0, 1)?
            .reshape((tokens, heads * head_dim))?;
        layer.output.forward(&mixed)
    }

    /// Minus infinity where a token would look ahead: `(group * tokens, filled + tokens)`.
    fn mask(&self, tokens: usize, filled: usize) -> Result<Option<Tensor>> {
        if tokens == 1 {
            return Ok(None);
        }
        let width = filled + tokens;
        let group = self.shape.heads / self.shape.kv_heads;
        let row = |token: usize| {
            (0..width).map(move |at| {
                if at > filled + token {
                    f32::NEG_INFINITY
                } else {
                    0.0
                }
            })
        };
        let cells: Vec<f32> = (0..group).flat_map(|_| (0..tokens).flat_map(row)).collect();
        Tensor::from_vec(cells, (group * tokens, width), &Device::Cpu).map(Some)
    }
}

impl Layer {
    fn read<R: Read + Seek>(source: &mut Source<'_, R>, index: usize) -> Result<Self> {
        let name = |part: &str| format!("blk.{index}.{part}");
        let head_norms = match source.optional(&name("attn_q_norm.weight"))? {
            Some(query) => Some((query, source.plain(&name("attn_k_norm.weight"))?)),
            None => None,
        };
        Ok(Self {
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
        })
    }
}

/// The tensors of a GGUF file.
struct Source<'a, R> {
    content: &'a Content,
    file: &'a mut R,
}

impl<R: Read + Seek> Source<'_, R> {
    fn quantised(&mut self, name: &str) -> Result<QTensor> {
        self.content.tensor(self.file, name, &Device::Cpu)
    }

    fn plain(&mut self, name: &str) -> Result<Tensor> {
        self.quantised(name)?
            .dequantize(&Device::Cpu)?
            .to_dtype(DType::F32)
    }

    fn optional(&mut self, name: &str) -> Result<Option<Tensor>> {
        match self.content.tensor_infos.contains_key(name) {
            true => self.plain(name).map(Some),
            false => Ok(None),
        }
    }

    fn linear(&mut self, name: &str) -> Result<Linear> {
        Ok(Linear {
            weight: QMatMul::from_qtensor(self.quantised(&format!("{name}.weight"))?)?,
            bias: self.optional(&format!("{name}.bias"))?,
        })
    }
}

/// Cosines and sines of every position, `(context, head_dim / 2)`.
fn rotation(shape: &Shape, base: f32, factors: Option<Tensor>) -> Result<(Tensor, Tensor)> {
    let half = shape.head_dim / 2;
    let mut frequencies: Vec<f32> = (0..half)
        .map(|i| base.powf(-2.0 * i as f32 / shape.head_dim as f32))
        .collect();
    if let Some(factors) = factors {
        // Llama 3.1 stretches low frequencies by factors stored in the file.
        for (frequency, factor) in frequencies.iter_mut().zip(factors.to_vec1::<f32>()?) {
            *frequency /= factor;
        }
    }
    let frequencies = Tensor::from_vec(frequencies, (1, half), &Device::Cpu)?;
    let end = u32::try_from(shape.context).map_err(candle_core::Error::wrap)?;
    let positions = Tensor::arange(0, end, &Device::Cpu)?
        .to_dtype(DType::F32)?
        .reshape((shape.context, 1))?;
    let angles = positions.matmul(&frequencies)?;
    Ok((angles.cos()?, angles.sin()?))
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
