//! The upper layers of the encoder and the head, differentiable.

use std::collections::HashMap;

use candle_core::{Device, Result, Tensor, Var};

use super::ops::{Gelu, Product};
use crate::eval::grounding::Chance;
use crate::understanding::emotion::OUTPUTS;

/// Share of what a layer adds that is left out in training (Devlin et al. 2019).
const DROPOUT: f32 = 0.1;

/// Sizes that do not change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) hidden: usize,
    pub(super) heads: usize,
    pub(super) epsilon: f64,
    /// Which layers are trained.
    pub(super) first: usize,
    pub(super) last: usize,
}

/// The weights that learn, by the names of the model's file.
#[derive(Debug)]
pub(super) struct Net {
    shape: Shape,
    names: Vec<String>,
    vars: HashMap<String, Var>,
}

pub(super) const QUERY: &str = "head.query";
pub(super) const WEIGHT: &str = "head.weight";
pub(super) const BIAS: &str = "head.bias";

impl Net {
    /// From the base model's weights, the head at nothing.
    pub(super) fn new(shape: Shape, base: &HashMap<String, Tensor>) -> Result<Self> {
        let mut vars = HashMap::new();
        let mut names = Vec::new();
        let mut add = |name: String, tensor: &Tensor| -> Result<()> {
            vars.insert(name.clone(), Var::from_tensor(tensor)?);
            names.push(name);
            Ok(())
        };
        let prefixes: Vec<String> = (shape.first..shape.last).map(layer_name).collect();
        let mut trained: Vec<&String> = base
            .keys()
            .filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
            .collect();
        trained.sort();
        for name in trained {
            if let Some(tensor) = base.get(name) {
                add(name.clone(), tensor)?;
            }
        }
        let zeros = |shape: &[usize]| Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu);
        add(QUERY.into(), &zeros(&[shape.hidden])?)?;
        add(WEIGHT.into(), &zeros(&[OUTPUTS, 2 * shape.hidden])?)?;
        add(BIAS.into(), &zeros(&[OUTPUTS])?)?;
        Ok(Self { shape, names, vars })
    }

    /// The weights in a fixed order, with their names.
    pub(super) fn weights(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.names
            .iter()
            .filter_map(|name| Some((name.as_str(), self.vars.get(name)?)))
    }

    fn get(&self, name: &str) -> Result<&Tensor> {
        match self.vars.get(name) {
            Some(var) => Ok(var.as_tensor()),
            None => candle_core::bail!("the model has no {name}"),
        }
    }

    /// Logits `(texts, outputs)` of states `(texts, tokens, hidden)`, all texts of one length. With `chance` part of the
    /// signal is dropped.
    pub(super) fn forward(&self, states: &Tensor, chance: &mut Option<Chance>) -> Result<Tensor> {
        let mut states = states.clone();
        for index in self.shape.first..self.shape.last {
            states = self.layer(&layer_name(index), &states, chance)?;
        }
        let (texts, tokens, hidden) = states.dims3()?;
        let mean = states.mean(1)?;
        let query = self.get(QUERY)?.reshape((hidden, 1))?;
        let scores = states.reshape((texts * tokens, hidden))?.matmul(&query)?;
        let looks = candle_nn::ops::softmax(&scores.reshape((texts, 1, tokens))?, 2)?;
        let attended = looks.matmul(&states)?.squeeze(1)?;
        let summary = drop(&Tensor::cat(&[&mean, &attended], 1)?, chance)?;
        let logits = summary.matmul(&self.get(WEIGHT)?.t()?)?;
        logits.broadcast_add(self.get(BIAS)?)
    }

    fn layer(&self, name: &str, states: &Tensor, chance: &mut Option<Chance>) -> Result<Tensor> {
        let (texts, tokens, hidden) = states.dims3()?;
        let heads = self.shape.heads;
        let width = hidden / heads;
        let flat = states.reshape((texts * tokens, hidden))?;
        let look = |part: &str| -> Result<Tensor> {
            let all = self.linear(&format!("{name}attention.self.{part}"), &flat)?;
            all.reshape((texts, tokens, heads, width))?
                .transpose(1, 2)?
                .contiguous()
        };
        let (query, key, value) = (look("query")?, look("key")?, look("value")?);
        let scores = query.matmul(&key.transpose(2, 3)?.contiguous()?)?;
        let looks = candle_nn::ops::softmax(&(scores * (width as f64).powf(-0.5))?, 3)?;
        let found = looks.matmul(&value)?.transpose(1, 2)?;
        let found = found.contiguous()?.reshape((texts * tokens, hidden))?;
        let mixed = self.linear(&format!("{name}attention.output.dense"), &found)?;
        let flat = (flat + drop(&mixed, chance)?)?;
        let flat = self.norm(&format!("{name}attention.output.LayerNorm"), &flat)?;
        let inner = self.linear(&format!("{name}intermediate.dense"), &flat)?;
        let down = self.linear(&format!("{name}output.dense"), &inner.apply_op1(Gelu)?)?;
        let flat = (flat + drop(&down, chance)?)?;
        self.norm(&format!("{name}output.LayerNorm"), &flat)?
            .reshape((texts, tokens, hidden))
    }

    fn linear(&self, name: &str, flat: &Tensor) -> Result<Tensor> {
        let weight = self.get(&format!("{name}.weight"))?;
        flat.apply_op2(weight, Product)?
            .broadcast_add(self.get(&format!("{name}.bias"))?)
    }

    fn norm(&self, name: &str, flat: &Tensor) -> Result<Tensor> {
        let weight = self.get(&format!("{name}.weight"))?;
        let bias = self.get(&format!("{name}.bias"))?;
        let centred = flat.broadcast_sub(&flat.mean_keepdim(1)?)?;
        let spread = (centred.sqr()?.mean_keepdim(1)? + self.shape.epsilon)?.sqrt()?;
        centred
            .broadcast_div(&spread)?
            .broadcast_mul(weight)?
            .broadcast_add(bias)
    }
}

fn layer_name(index: usize) -> String {
    format!("encoder.layer.{index}.")
}

fn drop(signal: &Tensor, chance: &mut Option<Chance>) -> Result<Tensor> {
    let Some(chance) = chance else {
        return Ok(signal.clone());
    };
    let kept = 1.0 / (1.0 - DROPOUT);
    let mask = (0..signal.elem_count()).map(|_| match chance.share() < DROPOUT {
        true => 0.0,
        false => kept,
    });
    signal * Tensor::from_vec(mask.collect::<Vec<f32>>(), signal.shape(), signal.device())?
}
