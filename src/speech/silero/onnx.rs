//! The weights of an ONNX file, and nothing else of it.
//!
//! ONNX is a protobuf message (`onnx.proto`): the model's field 7 is the graph, the graph's field 5 an initialiser, a
//! tensor with its dimensions (1), type (2), name (8) and values (9).

use std::collections::HashMap;

const GRAPH: u64 = 7;
const INITIALISER: u64 = 5;
const DIMENSION: u64 = 1;
const TYPE: u64 = 2;
const NAME: u64 = 8;
const VALUES: u64 = 9;
/// 32-bit floats, in [`TYPE`].
const FLOAT: u64 = 1;

/// The tensors of 32-bit floats by name, borrowed from the file.
pub(super) struct Weights<'a>(HashMap<&'a [u8], Tensor<'a>>);

#[derive(Default)]
struct Tensor<'a> {
    shape: Vec<u64>,
    values: &'a [u8],
}

impl<'a> Weights<'a> {
    pub(super) fn read(file: &'a [u8]) -> Result<Self, String> {
        let mut tensors = HashMap::new();
        for field in Fields(file) {
            let (GRAPH, Value::Bytes(graph)) = field? else {
                continue;
            };
            for field in Fields(graph) {
                if let (INITIALISER, Value::Bytes(tensor)) = field?
                    && let Some((name, tensor)) = Tensor::read(tensor)?
                {
                    tensors.insert(name, tensor);
                }
            }
        }
        Ok(Self(tensors))
    }

    /// The values of a tensor that must have this shape.
    pub(super) fn take(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let tensor = self
            .0
            .get(name.as_bytes())
            .ok_or_else(|| format!("it has no {name}"))?;
        let is_this = tensor.shape.len() == shape.len()
            && tensor.shape.iter().zip(shape).all(|(a, b)| *a == *b as u64);
        let (values, rest) = tensor.values.as_chunks::<4>();
        if !is_this || !rest.is_empty() || values.len() != shape.iter().product::<usize>() {
            return Err(format!("{name} has another size"));
        }
        let values: Vec<f32> = values.iter().copied().map(f32::from_le_bytes).collect();
        if !values.iter().all(|value| value.is_finite()) {
            return Err(format!("{name} holds what is no number"));
        }
        Ok(values)
    }
}

impl<'a> Tensor<'a> {
    /// `None` where it is of another type.
    fn read(message: &'a [u8]) -> Result<Option<(&'a [u8], Self)>, String> {
        let (mut name, mut kind) = (<&[u8]>::default(), 0);
        let mut tensor = Self::default();
        for field in Fields(message) {
            match field? {
                (DIMENSION, Value::Number(length)) => tensor.shape.push(length),
                // Several of them may be packed together.
                (DIMENSION, Value::Bytes(mut packed)) => {
                    while !packed.is_empty() {
                        tensor.shape.push(number(&mut packed)?);
                    }
                }
                (TYPE, Value::Number(number)) => kind = number,
                (NAME, Value::Bytes(bytes)) => name = bytes,
                (VALUES, Value::Bytes(bytes)) => tensor.values = bytes,
                _ => {}
            }
        }
        Ok((kind == FLOAT).then_some((name, tensor)))
    }
}

/// The fields of a message, in order.
struct Fields<'a>(&'a [u8]);

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Of a fixed length, which nothing we read has.
    Other,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = field(&mut self.0);
        if field.is_err() {
            // What follows has no meaning.
            self.0 = &[];
        }
        Some(field)
    }
}

fn field<'a>(rest: &mut &'a [u8]) -> Result<(u64, Value<'a>), String> {
    let key = number(rest)?;
    let value = match key & 7 {
        0 => Value::Number(number(rest)?),
        1 => take(rest, 8).map(|_| Value::Other)?,
        2 => {
            let length = number(rest)?;
            Value::Bytes(take(rest, length)?)
        }
        5 => take(rest, 4).map(|_| Value::Other)?,
        _ => return Err("it is no ONNX file".into()),
    };
    Ok((key >> 3, value))
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], String> {
    let parts = usize::try_from(length)
        .ok()
        .and_then(|length| rest.split_at_checked(length));
    let (taken, left) = parts.ok_or("it is cut off")?;
    *rest = left;
    Ok(taken)
}

/// Seven bits a byte, the lowest first; the last byte has no eighth.
fn number(rest: &mut &[u8]) -> Result<u64, String> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, left) = rest.split_first().ok_or("it is cut off")?;
        *rest = left;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err("it is no ONNX file".into())
}
