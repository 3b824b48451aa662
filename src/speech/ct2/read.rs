//! Reading a CTranslate2 `model.bin`.

use std::collections::HashMap;

use super::damaged;
use crate::error::Result;

const FLOAT16: u8 = 4;
const WEIGHT: usize = 2;

/// A tensor of 16-bit floats, row by row, borrowed from the file.
#[derive(Clone)]
pub(super) struct Tensor<'a> {
    /// Dimensions, slowest first.
    pub(super) shape: Vec<usize>,
    /// The values, little-endian.
    pub(super) data: &'a [u8],
}

/// Weight (out x in) and bias (out) of one projection.
#[derive(Clone)]
pub(super) struct Linear<'a> {
    pub(super) weight: Tensor<'a>,
    pub(super) bias: Tensor<'a>,
}

impl<'a> Linear<'a> {
    /// Takes a fused projection apart into `parts` of equal height.
    pub(super) fn split(&self, parts: usize) -> Result<Vec<Linear<'a>>> {
        let (rows, columns) = (self.weight.shape[0], self.weight.shape[1]);
        if rows % parts != 0 {
            return Err(damaged(
                "a fused attention layer has an odd height; fetch the model again",
            ));
        }
        let height = rows / parts;
        let part = |index: usize| Linear {
            weight: Tensor {
                shape: vec![height, columns],
                data: &self.weight.data[index * height * columns * WEIGHT..]
                    [..height * columns * WEIGHT],
            },
            bias: Tensor {
                shape: vec![height],
                data: &self.bias.data[index * height * WEIGHT..][..height * WEIGHT],
            },
        };
        Ok((0..parts).map(part).collect())
    }
}

/// All variables of a file.
pub(super) struct Ct2Model<'a> {
    variables: HashMap<&'a str, Variable<'a>>,
}

struct Variable<'a> {
    shape: Vec<usize>,
    kind: u8,
    data: &'a [u8],
}

impl<'a> Ct2Model<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self> {
        let mut input = Input { bytes };
        let version = input.u32()?;
        if !(5..=6).contains(&version) {
            return Err(damaged(
                "not a CTranslate2 model of version 5 or 6; take model.bin of a faster-whisper model",
            ));
        }
        let spec = input.string()?;
        if spec != "WhisperSpec" {
            return Err(damaged(format!(
                "a CTranslate2 model, but of kind {spec:?}, not Whisper; give a Whisper model"
            )));
        }
        let _revision = input.u32()?;
        let count = input.u32()?;
        let mut variables = HashMap::new();
        for _ in 0..count {
            let name = input.string()?;
            let rank = input.take(1)?[0];
            let mut shape = Vec::with_capacity(usize::from(rank));
            for _ in 0..rank {
                shape.push(input.u32()? as usize);
            }
            let kind = input.take(1)?[0];
            let length = input.u32()? as usize;
            let data = input.take(length)?;
            variables.insert(name, Variable { shape, kind, data });
        }
        Ok(Self { variables })
    }

    /// The tensor of that name, checked to have `rank` dimensions and all its values.
    pub(super) fn get(&self, name: &str, rank: usize) -> Result<Tensor<'a>> {
        let variable = self
            .variables
            .get(name)
            .ok_or_else(|| damaged(format!("tensor {name} is missing; fetch the model again")))?;
        if variable.kind != FLOAT16 {
            return Err(damaged(format!(
                "tensor {name} is not 16-bit floating point; take the float16 variant of the model"
            )));
        }
        let values = variable
            .shape
            .iter()
            .try_fold(1_usize, |product, &d| product.checked_mul(d));
        let whole = values.and_then(|v| v.checked_mul(WEIGHT)) == Some(variable.data.len());
        if variable.shape.len() != rank || !whole || variable.data.is_empty() {
            return Err(damaged(format!(
                "tensor {name} has an unexpected shape {:?}; fetch the model again",
                variable.shape
            )));
        }
        Ok(Tensor {
            shape: variable.shape.clone(),
            data: variable.data,
        })
    }

    pub(super) fn linear(&self, name: &str) -> Result<Linear<'a>> {
        let weight = self.get(&format!("{name}/weight"), 2)?;
        let bias = self.get(&format!("{name}/bias"), 1)?;
        if weight.shape[0] != bias.shape[0] {
            return Err(damaged(format!(
                "{name} has a bias of another height; fetch the model again"
            )));
        }
        Ok(Linear { weight, bias })
    }

    /// How many layers `side` has.
    pub(super) fn layers(&self, side: &str) -> usize {
        (0..)
            .take_while(|i| {
                let first = format!("{side}/layer_{i}/self_attention/linear_0/weight");
                self.variables.contains_key(first.as_str())
            })
            .count()
    }

    /// Attention heads of `side`; every Whisper has 64 values a head, which older files do not say.
    pub(super) fn heads(&self, side: &str, state: usize) -> Result<usize> {
        let told = self.variables.get(format!("{side}/num_heads").as_str());
        let heads = match told.map(|v| v.data) {
            Some([low, high]) => usize::from(u16::from_le_bytes([*low, *high])),
            Some([only]) => usize::from(*only),
            Some([a, b, c, d]) => u32::from_le_bytes([*a, *b, *c, *d]) as usize,
            _ => state / 64,
        };
        if heads == 0 || !state.is_multiple_of(heads) {
            return Err(damaged(format!(
                "{heads} attention heads for {state} values; fetch the model again"
            )));
        }
        Ok(heads)
    }
}

/// The bytes not read yet.
struct Input<'a> {
    bytes: &'a [u8],
}

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(count)
            .ok_or_else(|| damaged("the file ends too early; fetch the model again"))?;
        self.bytes = rest;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// Length with the final NUL (u16), then the characters and the NUL.
    fn string(&mut self) -> Result<&'a str> {
        let length = self.take(2)?;
        let length = usize::from(u16::from_le_bytes([length[0], length[1]]));
        let bytes = self.take(length)?;
        bytes
            .strip_suffix(&[0])
            .and_then(|text| std::str::from_utf8(text).ok())
            .ok_or_else(|| damaged("not a CTranslate2 model: a name is not text; give model.bin of a Whisper model"))
    }
}
