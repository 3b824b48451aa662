//! The tensors of a GGUF file as the forward pass uses them.

use std::io::{Read, Seek};

use attendant_kernels::{Activations, Kind, Matrix, Pool, ops};
use candle_core::quantized::gguf_file::Content;
use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{DType, Device, Module, Result, Tensor, bail};

/// A matrix of weights, `(rows, cols)`.
#[derive(Debug)]
pub(super) enum Weights {
    /// Of a kind and on a machine that our own kernels know.
    Packed(Matrix),
    /// All others.
    Candle {
        weights: QMatMul,
        rows: usize,
        cols: usize,
    },
}

impl Weights {
    fn new(tensor: QTensor) -> Result<Self> {
        let (rows, cols) = tensor.shape().dims2()?;
        let kind = match tensor.dtype() {
            GgmlDType::Q4K => Some(Kind::Q4K),
            GgmlDType::Q6K => Some(Kind::Q6K),
            _ => None,
        };
        if let Some(kind) = kind.filter(|_| Matrix::supported())
            && let Some(packed) = Matrix::new(kind, rows, cols, tensor.data()?.to_vec())
        {
            return Ok(Self::Packed(packed));
        }
        // candle has no vector instructions for these. Eight bits hold what four or five said all but exactly.
        let tensor = match tensor.dtype() {
            GgmlDType::Q4_1 | GgmlDType::Q5_0 | GgmlDType::Q5_1 => {
                QTensor::quantize(&tensor.dequantize(&Device::Cpu)?, GgmlDType::Q8_0)?
            }
            _ => tensor,
        };
        Ok(Self::Candle {
            weights: QMatMul::from_qtensor(tensor)?,
            rows,
            cols,
        })
    }

    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Packed(matrix) => matrix.rows(),
            Self::Candle { rows, .. } => *rows,
        }
    }

    pub(super) fn cols(&self) -> usize {
        match self {
            Self::Packed(matrix) => matrix.cols(),
            Self::Candle { cols, .. } => *cols,
        }
    }

    /// Products with every row of `x`, which `activations` holds as well.
    pub(super) fn multiply(
        &self,
        pool: &Pool,
        x: &[f32],
        activations: &Activations,
        out: &mut Vec<f32>,
    ) -> Result<()> {
        let count = x.len() / self.cols().max(1);
        match self {
            Self::Packed(matrix) => {
                out.resize(count * matrix.rows(), 0.0);
                matrix.multiply(pool, activations, out);
            }
            Self::Candle { weights, cols, .. } => {
                let x = Tensor::from_slice(x, (count, *cols), &Device::Cpu)?;
                *out = weights.forward(&x)?.flatten_all()?.to_vec1()?;
            }
        }
        Ok(())
    }

    /// The rows with these numbers, one behind the other.
    pub(super) fn rows_of(&self, numbers: &[u32], out: &mut Vec<f32>) -> Result<()> {
        match self {
            Self::Packed(matrix) => {
                out.resize(numbers.len() * matrix.cols(), 0.0);
                for (number, out) in numbers.iter().zip(out.chunks_exact_mut(matrix.cols())) {
                    let number = usize::try_from(*number).unwrap_or(usize::MAX);
                    if number >= matrix.rows() {
                        bail!("token {number} is outside the vocabulary");
                    }
                    matrix.row(number, out);
                }
            }
            Self::Candle { weights, .. } => {
                let numbers = Tensor::new(numbers, &Device::Cpu)?;
                *out = weights.embedding(&numbers)?.flatten_all()?.to_vec1()?;
            }
        }
        Ok(())
    }
}

/// A projection with the bias that Qwen2 has on queries, keys and values.
#[derive(Debug)]
pub(super) struct Linear {
    weights: Weights,
    bias: Option<Vec<f32>>,
}

impl Linear {
    pub(super) fn rows(&self) -> usize {
        self.weights.rows()
    }

    pub(super) fn cols(&self) -> usize {
        self.weights.cols()
    }

    /// Whether it has these sizes.
    pub(super) fn is(&self, rows: usize, cols: usize) -> bool {
        let bias = self.bias.as_ref().is_none_or(|bias| bias.len() == rows);
        bias && self.rows() == rows && self.cols() == cols
    }
}

/// Several projections of the same rows.
pub(super) fn forward_each(
    pool: &Pool,
    x: &[f32],
    activations: &Activations,
    parts: &mut [(&Linear, &mut Vec<f32>)],
) -> Result<()> {
    let mut packed = Vec::with_capacity(parts.len());
    for (linear, out) in parts.iter_mut() {
        if let Weights::Packed(matrix) = &linear.weights {
            out.resize(x.len() / matrix.cols() * matrix.rows(), 0.0);
            packed.push((matrix, out.as_mut_slice()));
        } else {
            linear.weights.multiply(pool, x, activations, out)?;
        }
    }
    if !packed.is_empty() {
        Matrix::multiply_each(pool, activations, &mut packed);
    }
    for (linear, out) in parts {
        if let Some(bias) = &linear.bias {
            ops::add_bias(out, bias);
        }
    }
    Ok(())
}

/// The tensors of a GGUF file.
pub(super) struct Source<'a, R> {
    pub(super) content: &'a Content,
    pub(super) file: &'a mut R,
}

impl<R: Read + Seek> Source<'_, R> {
    fn tensor(&mut self, name: &str) -> Result<QTensor> {
        self.content.tensor(self.file, name, &Device::Cpu)
    }

    pub(super) fn weights(&mut self, name: &str) -> Result<Weights> {
        Weights::new(self.tensor(name)?)
    }

    pub(super) fn plain(&mut self, name: &str) -> Result<Vec<f32>> {
        let tensor = self.tensor(name)?.dequantize(&Device::Cpu)?;
        tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
    }

    pub(super) fn optional(&mut self, name: &str) -> Result<Option<Vec<f32>>> {
        match self.content.tensor_infos.contains_key(name) {
            true => self.plain(name).map(Some),
            false => Ok(None),
        }
    }

    pub(super) fn linear(&mut self, name: &str) -> Result<Linear> {
        Ok(Linear {
            weights: self.weights(&format!("{name}.weight"))?,
            bias: self.optional(&format!("{name}.bias"))?,
        })
    }
}
