//! Numbers in JSON as base64 of their bytes: a tenth of the time to read and half the size.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serializer};

/// For `#[serde(with)]`: `f32` in little-endian order.
pub(super) mod floats {
    use super::*;

    pub(in super::super) fn serialize<S: Serializer>(
        values: &[f32],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<f32>, D::Error> {
        let bytes = super::bytes::deserialize(from)?;
        let (fours, _) = bytes.as_chunks::<4>();
        Ok(fours.iter().map(|four| f32::from_le_bytes(*four)).collect())
    }
}

/// For `#[serde(with)]`: bytes.
pub(super) mod bytes {
    use super::*;

    pub(in super::super) fn serialize<S: Serializer>(
        values: &[u8],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(values))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map_err(serde::de::Error::custom)
    }
}

/// A vector of unit norm in a byte a value; what it was is found again but for the rounding.
pub(in crate::understanding) fn pack(vector: &[f32]) -> Vec<u8> {
    let largest = vector
        .iter()
        .fold(1e-9_f32, |largest, x| largest.max(x.abs()));
    let byte = |x: &f32| ((x / largest * 127.0).round() as i8).cast_unsigned();
    vector.iter().map(byte).collect()
}

/// The vector of unit norm that was packed.
pub(in crate::understanding) fn unpack(bytes: &[u8]) -> Vec<f32> {
    let mut vector: Vec<f32> = bytes
        .iter()
        .map(|byte| f32::from(byte.cast_signed()))
        .collect();
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-9);
    vector.iter_mut().for_each(|x| *x /= norm);
    vector
}
