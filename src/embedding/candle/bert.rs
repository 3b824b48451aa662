//! The network of the BERT family: on our own kernels where the machine and the model allow it, on candle otherwise.

use attendant_kernels::encoder::{Embeddings, Encoder, Layer, Linear, Norm, Room, Shape};
use attendant_kernels::{Matrix, Pool};
use candle_core::{Result, Tensor, bail};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config, HiddenAct};
use parking_lot::Mutex;

/// A loaded network.
pub(super) enum Bert {
    Kernels {
        encoder: Encoder,
        pool: Pool,
        /// One pass at a time: each holds a turn anyway.
        room: Mutex<Room>,
    },
    Candle {
        model: BertModel,
        /// Fills texts up to the longest of a batch.
        pad: u32,
    },
}

impl Bert {
    pub(super) fn load(weights: VarBuilder<'_>, config: &Config) -> Result<Self> {
        match encoder(&weights, config) {
            Ok(Some(encoder)) => {
                let threads = std::thread::available_parallelism().map_or(1, usize::from);
                return Ok(Self::Kernels {
                    encoder,
                    pool: Pool::new(threads),
                    room: Mutex::default(),
                });
            }
            Ok(None) => tracing::debug!("no kernels for this machine or model; candle serves it"),
            // Where candle cannot read it either, candle tells why.
            Err(error) => tracing::debug!(%error, "candle serves what our kernels cannot read"),
        }
        Self::load_candle(weights, config)
    }

    fn load_candle(weights: VarBuilder<'_>, config: &Config) -> Result<Self> {
        Ok(Self::Candle {
            model: BertModel::load(weights, config)?,
            pad: u32::try_from(config.pad_token_id).unwrap_or(0),
        })
    }

    /// Runs a batch of texts and hands over `(tokens, hidden)` of each, with its place in the batch.
    pub(super) fn each(&self, texts: &[&[u32]], take: impl FnMut(usize, &[f32])) -> Result<()> {
        match self {
            Self::Kernels {
                encoder,
                pool,
                room,
            } => with_kernels(encoder, pool, &mut room.lock(), texts, take),
            Self::Candle { model, pad } => with_candle(model, *pad, texts, take),
        }
    }
}

fn with_kernels(
    encoder: &Encoder,
    pool: &Pool,
    room: &mut Room,
    texts: &[&[u32]],
    mut take: impl FnMut(usize, &[f32]),
) -> Result<()> {
    let tokens = texts.concat();
    let lengths: Vec<usize> = texts.iter().map(|text| text.len()).collect();
    let known = |&token: &u32| (token as usize) < encoder.vocabulary();
    if !tokens.iter().all(known) || lengths.iter().any(|&len| len > encoder.longest()) {
        bail!("a token or a position that the model does not know");
    }
    let mut rest = encoder.forward(pool, &tokens, &lengths, room);
    for (place, length) in lengths.into_iter().enumerate() {
        let (states, behind) = rest.split_at(length * encoder.hidden());
        take(place, states);
        rest = behind;
    }
    Ok(())
}

fn with_candle(
    model: &BertModel,
    pad: u32,
    texts: &[&[u32]],
    mut take: impl FnMut(usize, &[f32]),
) -> Result<()> {
    let width = texts.iter().map(|text| text.len()).max().unwrap_or(0);
    if width == 0 {
        (0..texts.len()).for_each(|place| take(place, &[]));
        return Ok(());
    }
    let mut ids = Vec::with_capacity(texts.len() * width);
    let mut mask = Vec::with_capacity(texts.len() * width);
    for text in texts {
        let padding = width - text.len();
        ids.extend_from_slice(text);
        ids.extend(std::iter::repeat_n(pad, padding));
        mask.extend(std::iter::repeat_n(1.0_f32, text.len()));
        mask.extend(std::iter::repeat_n(0.0_f32, padding));
    }
    let ids = Tensor::from_vec(ids, (texts.len(), width), &model.device)?;
    let mask = Tensor::from_vec(mask, (texts.len(), width), &model.device)?;
    let hidden = model.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
    for (place, text) in texts.iter().enumerate() {
        let states = hidden.get(place)?.narrow(0, 0, text.len())?;
        take(place, &states.flatten_all()?.to_vec1::<f32>()?);
    }
    Ok(())
}

/// The weights for our kernels; `None` where those do not serve this machine or model.
fn encoder(weights: &VarBuilder<'_>, config: &Config) -> Result<Option<Encoder>> {
    if !Matrix::supported() || config.hidden_act != HiddenAct::Gelu {
        return Ok(None);
    }
    let shape = Shape {
        hidden: config.hidden_size,
        heads: config.num_attention_heads,
        inner: config.intermediate_size,
        epsilon: config.layer_norm_eps as f32,
    };
    let weights = root(weights, config);
    let embeddings = embeddings(&weights.pp("embeddings"), config)?;
    let layers = (0..config.num_hidden_layers)
        .map(|index| layer(&weights.pp("encoder.layer").pp(index), shape))
        .collect::<Result<Vec<_>>>()?;
    Ok(Encoder::new(shape, embeddings, &layers))
}

/// Some files have the model's kind in front of every name.
fn root<'w>(weights: &VarBuilder<'w>, config: &Config) -> VarBuilder<'w> {
    let kinds = [Some("bert"), config.model_type.as_deref()];
    kinds
        .into_iter()
        .flatten()
        .map(|kind| weights.pp(kind))
        .find(|inside| inside.contains_tensor("embeddings.word_embeddings.weight"))
        .unwrap_or_else(|| weights.clone())
}

fn embeddings(weights: &VarBuilder<'_>, config: &Config) -> Result<Embeddings> {
    let table = |rows: usize, name: &str| values(weights, (rows, config.hidden_size), name);
    let segments = table(config.type_vocab_size, "token_type_embeddings.weight")?;
    let mut positions = table(config.max_position_embeddings, "position_embeddings.weight")?;
    // Every token is of the first segment.
    for row in positions.chunks_exact_mut(config.hidden_size) {
        row.iter_mut().zip(&segments).for_each(|(x, y)| *x += y);
    }
    Ok(Embeddings {
        words: table(config.vocab_size, "word_embeddings.weight")?,
        positions,
        norm: norm(&weights.pp("LayerNorm"), config.hidden_size)?,
    })
}

fn layer(weights: &VarBuilder<'_>, shape: Shape) -> Result<Layer> {
    let (hidden, inner) = (shape.hidden, shape.inner);
    let linear = |name: &str, inputs: usize, outputs: usize| -> Result<Linear> {
        let weights = weights.pp(name);
        Ok(Linear {
            weight: values(&weights, (outputs, inputs), "weight")?,
            bias: values(&weights, outputs, "bias")?,
        })
    };
    Ok(Layer {
        query: linear("attention.self.query", hidden, hidden)?,
        key: linear("attention.self.key", hidden, hidden)?,
        value: linear("attention.self.value", hidden, hidden)?,
        mix: linear("attention.output.dense", hidden, hidden)?,
        mix_norm: norm(&weights.pp("attention.output.LayerNorm"), hidden)?,
        up: linear("intermediate.dense", hidden, inner)?,
        down: linear("output.dense", inner, hidden)?,
        norm: norm(&weights.pp("output.LayerNorm"), hidden)?,
    })
}

/// Older files call the weight gamma and the bias beta.
fn norm(weights: &VarBuilder<'_>, hidden: usize) -> Result<Norm> {
    let either = |new: &str, old: &str| match weights.contains_tensor(old) {
        true => values(weights, hidden, old),
        false => values(weights, hidden, new),
    };
    Ok(Norm {
        weight: either("weight", "gamma")?,
        bias: either("bias", "beta")?,
    })
}

fn values(
    weights: &VarBuilder<'_>,
    shape: impl Into<candle_core::Shape>,
    name: &str,
) -> Result<Vec<f32>> {
    weights
        .get(shape.into(), name)?
        .flatten_all()?
        .to_vec1::<f32>()
}

#[cfg(test)]
mod tests;
