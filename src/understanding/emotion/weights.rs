//! The file of what was trained: the head, and how the encoder's upper layers differ from the model they come from.
//!
//! A difference is small against the weight that it changes, so four bits a number are enough: groups of 32 with one
//! scale.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};

use super::head::Head;
use crate::error::{Error, ErrorKind, OrError, Result};

/// Numbers with one scale.
const GROUP_SIZE: usize = 32;

/// What a training run made.
#[derive(Clone, Debug)]
pub(crate) struct Trained {
    /// Id of the embedder that it changes.
    pub(crate) base: String,
    /// The layer behind it.
    pub(crate) head: Head,
    /// Differences by the name of the weight.
    pub(crate) changes: HashMap<String, Vec<f32>>,
}

/// Its name.
#[cfg(feature = "eval")]
pub(crate) const FILE: &str = "emotion-head.safetensors";

const CHANGE: &str = "change.";
const SCALE: &str = "scale.";
const BASE: &str = "base";

impl Trained {
    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] if it is damaged or was made by another version.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)
            .or_error(ErrorKind::Model, other_version)?;
        let part = |name: &str| floats(tensors.get(name));
        let closest = part("head.closest").unwrap_or_default();
        let is_closest = |at: usize| closest.get(at).is_some_and(|x| *x > 0.5);
        let head = Head {
            closest: [is_closest(0), is_closest(1), is_closest(2)],
            query: part("head.query")?,
            weight: part("head.weight")?,
            bias: part("head.bias")?,
            scale: part("head.scale")?,
            shift: part("head.shift")?,
            threshold: part("head.threshold")?,
        };
        if !head.fits(head.query.len()) {
            return Err(Error::new(ErrorKind::Model, other_version()));
        }
        let mut changes = HashMap::new();
        for (name, tensor) in &tensors {
            if let Some(name) = name.strip_prefix(CHANGE) {
                let scale = tensors.get(&format!("{SCALE}{name}"));
                changes.insert(name.to_owned(), unpack(tensor, scale)?);
            }
        }
        let base = tensors
            .get(BASE)
            .and_then(|base| base.to_vec1::<u8>().ok())
            .and_then(|base| String::from_utf8(base).ok());
        Ok(Self {
            base: base.or_error_none()?,
            head,
            changes,
        })
    }

    /// Adds the differences to the weights of the model called `base`.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] if it is another model.
    pub(crate) fn apply(&self, base: &str, weights: &mut HashMap<String, Tensor>) -> Result<()> {
        if base != self.base {
            return Err(Error::new(
                ErrorKind::Model,
                format!(
                    "the emotion head was trained on {}, this is {base}; run `attendant models fetch all-minilm-l6-v2`",
                    self.base
                ),
            ));
        }
        for (name, change) in &self.changes {
            let changed = weights.get(name).map(|weight| {
                let change = Tensor::from_slice(change, weight.shape(), &Device::Cpu)?;
                weight.to_dtype(DType::F32)? + change
            });
            match changed {
                Some(Ok(changed)) => drop(weights.insert(name.clone(), changed)),
                _ => return Err(Error::new(ErrorKind::Model, other_version())),
            }
        }
        Ok(())
    }
}

trait OrDamaged<T> {
    fn or_error_none(self) -> Result<T>;
}

impl<T> OrDamaged<T> for Option<T> {
    fn or_error_none(self) -> Result<T> {
        self.ok_or_else(|| Error::new(ErrorKind::Model, other_version()))
    }
}

fn other_version() -> &'static str {
    "the emotion head is damaged or was made by another version; run `attendant train emotion` again"
}

fn floats(tensor: Option<&Tensor>) -> Result<Vec<f32>> {
    let tensor = tensor.or_error_none()?;
    tensor
        .to_dtype(DType::F32)
        .and_then(|tensor| tensor.flatten_all()?.to_vec1::<f32>())
        .or_error(ErrorKind::Model, other_version)
}

fn unpack(packed: &Tensor, scale: Option<&Tensor>) -> Result<Vec<f32>> {
    if packed.dtype() != DType::U8 {
        return floats(Some(packed));
    }
    let bytes = packed
        .to_vec1::<u8>()
        .or_error(ErrorKind::Model, other_version)?;
    let scale = floats(scale)?;
    if bytes.len() * 2 != scale.len() * GROUP_SIZE {
        return Err(Error::new(ErrorKind::Model, other_version()));
    }
    let number = |nibble: u8, scale: &f32| (f32::from(nibble) - 8.0) * scale;
    let groups = bytes.chunks_exact(GROUP_SIZE / 2).zip(&scale);
    Ok(groups
        .flat_map(|(group, scale)| {
            group
                .iter()
                .flat_map(move |byte| [number(byte & 15, scale), number(byte >> 4, scale)])
        })
        .collect())
}

#[cfg(feature = "eval")]
mod save {
    use std::path::Path;

    use super::*;

    impl Trained {
        /// Reads a file.
        ///
        /// # Errors
        /// [`ErrorKind::NotFound`] without such a file; else as [`parse`](Self::parse).
        pub(crate) fn read(path: &Path) -> Result<Self> {
            let bytes = std::fs::read(path).or_error(ErrorKind::NotFound, || {
                format!("cannot read {}", path.display())
            })?;
            Self::parse(&bytes)
        }

        /// Writes the file.
        ///
        /// # Errors
        /// [`ErrorKind::Storage`] if it cannot be written.
        pub(crate) fn save(&self, path: &Path) -> Result<()> {
            self.tensors()
                .and_then(|tensors| candle_core::safetensors::save(&tensors, path))
                .or_error(ErrorKind::Storage, || {
                    format!("cannot write {}", path.display())
                })
        }

        /// What the file says of these weights, rounded as they are there.
        ///
        /// # Errors
        /// [`ErrorKind::Internal`] if a weight is no number.
        pub(crate) fn rounded(&self) -> Result<Self> {
            let mut rounded = self.clone();
            for change in rounded.changes.values_mut() {
                if let Some((bytes, scale)) = pack(change) {
                    let to = |tensor: candle_core::Result<Tensor>| {
                        tensor.or_error(ErrorKind::Internal, || "weights are no numbers")
                    };
                    let length = bytes.len();
                    let bytes = to(Tensor::from_vec(bytes, length, &Device::Cpu))?;
                    let length = scale.len();
                    let scale = to(Tensor::from_vec(scale, length, &Device::Cpu)
                        .and_then(|scale| scale.to_dtype(DType::F16)))?;
                    *change = unpack(&bytes, Some(&scale))?;
                }
            }
            Ok(rounded)
        }

        fn tensors(&self) -> candle_core::Result<HashMap<String, Tensor>> {
            let mut tensors = HashMap::new();
            let mut add = |name: String, tensor: Tensor| drop(tensors.insert(name, tensor));
            let flat = |values: &[f32]| Tensor::from_slice(values, values.len(), &Device::Cpu);
            let head = &self.head;
            add("head.query".into(), flat(&head.query)?);
            add("head.weight".into(), flat(&head.weight)?);
            add("head.bias".into(), flat(&head.bias)?);
            add("head.scale".into(), flat(&head.scale)?);
            add("head.shift".into(), flat(&head.shift)?);
            add("head.threshold".into(), flat(&head.threshold)?);
            let closest = head.closest.map(|closest| f32::from(u8::from(closest)));
            add("head.closest".into(), flat(&closest)?);
            let base = self.base.as_bytes();
            add(
                BASE.into(),
                Tensor::from_slice(base, base.len(), &Device::Cpu)?,
            );
            for (name, change) in &self.changes {
                let whole = match pack(change) {
                    None => flat(change)?,
                    Some((bytes, scale)) => {
                        let scale = flat(&scale)?.to_dtype(DType::F16)?;
                        add(format!("{SCALE}{name}"), scale);
                        let length = bytes.len();
                        Tensor::from_vec(bytes, length, &Device::Cpu)?
                    }
                };
                add(format!("{CHANGE}{name}"), whole);
            }
            Ok(tensors)
        }
    }

    /// Offsets and norms are few and stay as they are.
    const LEAST_PACKED: usize = 1 << 14;

    fn pack(values: &[f32]) -> Option<(Vec<u8>, Vec<f32>)> {
        if values.len() < LEAST_PACKED || !values.len().is_multiple_of(GROUP_SIZE) {
            return None;
        }
        let mut bytes = Vec::with_capacity(values.len() / 2);
        let mut scales = Vec::with_capacity(values.len() / GROUP_SIZE);
        for group in values.chunks_exact(GROUP_SIZE) {
            let most = group.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
            let scale = most / 7.0;
            let nibble = |x: &f32| match scale > 0.0 {
                true => ((x / scale).round() + 8.0).clamp(0.0, 15.0) as u8,
                false => 8,
            };
            let pairs = group.chunks_exact(2);
            bytes.extend(pairs.map(|pair| {
                let both: Vec<u8> = pair.iter().map(nibble).collect();
                both.iter().rev().fold(0, |byte, nibble| byte << 4 | nibble)
            }));
            scales.push(scale);
        }
        Some((bytes, scales))
    }
}

#[cfg(all(test, feature = "eval"))]
mod tests {
    use super::*;
    use crate::understanding::emotion::OUTPUTS;

    fn trained() -> Trained {
        let hidden = 4;
        let some = |n: usize| (0..n).map(|i| (i % 7) as f32 / 7.0).collect::<Vec<f32>>();
        Trained {
            base: "model@1".into(),
            head: Head {
                query: some(hidden),
                weight: some(OUTPUTS * 2 * hidden),
                bias: some(OUTPUTS),
                scale: some(OUTPUTS),
                shift: some(OUTPUTS),
                threshold: some(OUTPUTS),
                closest: [true, false, true],
            },
            changes: HashMap::from([
                ("big".to_owned(), some(1 << 15)),
                ("small".to_owned(), some(3)),
            ]),
        }
    }

    #[test]
    fn what_is_written_is_read_again_nearly_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        trained().save(&path).unwrap();
        let read = Trained::parse(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(read.head, trained().head);
        assert_eq!(read.changes, trained().rounded().unwrap().changes);
        assert_eq!(read.changes["small"], trained().changes["small"]);
        let far = read.changes["big"]
            .iter()
            .zip(&trained().changes["big"])
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(far < 0.07, "{far}");
        let mut weights = HashMap::from([
            (
                "big".to_owned(),
                Tensor::zeros((128, 256), DType::F32, &Device::Cpu).unwrap(),
            ),
            (
                "small".to_owned(),
                Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap(),
            ),
        ]);
        let other = read.apply("model@2", &mut weights).unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Model);
        read.apply("model@1", &mut weights).unwrap();
        let changed = weights["big"].flatten_all().unwrap();
        assert_eq!(changed.to_vec1::<f32>().unwrap(), read.changes["big"]);
        weights.remove("small");
        assert!(read.apply("model@1", &mut weights).is_err());
    }

    #[test]
    fn damaged_files_are_refused() {
        for bytes in [&b""[..], b"no tensors", &[0xff; 64]] {
            assert_eq!(Trained::parse(bytes).unwrap_err().kind(), ErrorKind::Model);
        }
        let mut short = trained();
        short.head.bias.pop();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        short.save(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(Trained::parse(&bytes).unwrap_err().kind(), ErrorKind::Model);
    }
}
