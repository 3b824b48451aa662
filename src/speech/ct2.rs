//! CTranslate2 Whisper weights turned into the ggml file that whisper.cpp reads.
//!
//! Whisper is published as 16-bit CTranslate2 (`model.bin`, as faster-whisper uses it) in more places
//! than as ggml. Both hold the same tensors; they differ in names, in fused attention projections,
//! and in what is stored beside the tensors: ggml wants the mel filter bank and the vocabulary in
//! the same file. Layouts follow CTranslate2's `ModelSpec` (binary version 6) and whisper.cpp's
//! `convert-pt-to-ggml.py`.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::error::{Error, ErrorKind, OrError, Result};

mod mel;
mod read;
#[cfg(test)]
mod tests;

use read::{Ct2Model, Tensor};

/// First bytes of a ggml Whisper file, little-endian.
pub(super) const GGML_MAGIC: u32 = 0x6767_6d6c;
/// ggml's type and file-type code of 16-bit floats.
const GGML_F16: i32 = 1;
const GGML_F32: i32 = 0;

/// Converts CTranslate2 Whisper weights into a ggml file for [`WhisperSpeech`](super::WhisperSpeech).
///
/// `model_bin` holds 16-bit floats (other precisions are refused); `tokenizer_json` is the Hugging
/// Face tokenizer beside it. `out` is written to a temporary name first and then renamed, so that a
/// file under that name is always whole.
///
/// # Errors
/// [`ErrorKind::Model`] where an input is missing, damaged or not Whisper in 16-bit CTranslate2
/// format, [`ErrorKind::Storage`] where `out` cannot be written.
pub fn convert(model_bin: &Path, tokenizer_json: &Path, out: &Path) -> Result<()> {
    let bytes = read_input(model_bin)?;
    let tokenizer = read_input(tokenizer_json)?;
    let model = Ct2Model::parse(&bytes).map_err(|e| e.context(model_bin.display()))?;
    let vocabulary = vocabulary(&tokenizer).map_err(|e| e.context(tokenizer_json.display()))?;
    let plan = Plan::new(&model, &vocabulary).map_err(|e| e.context(model_bin.display()))?;

    let mut temporary = out.as_os_str().to_owned();
    temporary.push(format!(".part-{}", std::process::id()));
    let temporary = Path::new(&temporary);
    let written = (|| -> io::Result<()> {
        if let Some(parent) = out.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = BufWriter::with_capacity(1 << 20, File::create(temporary)?);
        plan.write(&vocabulary, &mut file)?;
        file.into_inner()?.sync_all()?;
        fs::rename(temporary, out)
    })();
    if written.is_err() {
        // Best effort: the error that matters is the one that is returned.
        let _ = fs::remove_file(temporary);
    }
    written.or_error(ErrorKind::Storage, || {
        format!(
            "{} cannot be written; check that the folder is writable and the disk has room",
            out.display()
        )
    })
}

fn read_input(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).or_error(ErrorKind::Model, || {
        format!("{} cannot be read; fetch the model again", path.display())
    })
}

fn damaged(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Model, what)
}

/// The byte strings of the ordinary words, in the order of their ids; special words stand after
/// them and are known to whisper.cpp by position.
fn vocabulary(tokenizer: &[u8]) -> Result<Vec<Vec<u8>>> {
    #[derive(serde::Deserialize)]
    struct Tokenizer {
        #[serde(default)]
        added_tokens: Vec<Added>,
        model: Bpe,
    }
    #[derive(serde::Deserialize)]
    struct Added {
        id: usize,
    }
    #[derive(serde::Deserialize)]
    struct Bpe {
        vocab: HashMap<String, usize>,
    }

    let parsed: Tokenizer = serde_json::from_slice(tokenizer).or_error(
        ErrorKind::Model,
        || "not a Hugging Face tokenizer; take tokenizer.json from the same place as the weights",
    )?;
    let first_special = parsed.added_tokens.iter().map(|t| t.id).min();
    let count = first_special.unwrap_or(parsed.model.vocab.len());
    if count > parsed.model.vocab.len() {
        return Err(damaged(
            "the vocabulary is incomplete; fetch the model again",
        ));
    }
    let alphabet = byte_alphabet();
    let mut words: Vec<Option<Vec<u8>>> = vec![None; count];
    for (word, id) in &parsed.model.vocab {
        if let Some(slot) = words.get_mut(*id) {
            let bytes: Option<Vec<u8>> = word.chars().map(|c| alphabet.get(&c).copied()).collect();
            *slot = Some(bytes.ok_or_else(|| {
                damaged("the vocabulary is not byte-level; only Whisper's tokenizer is known here")
            })?);
        }
    }
    let words: Option<Vec<Vec<u8>>> = words.into_iter().collect();
    words.ok_or_else(|| damaged("the vocabulary has gaps; fetch the model again"))
}

/// GPT-2's printable stand-ins for bytes: printable Latin-1 stands for itself, the rest follows
/// from U+0100 on.
fn byte_alphabet() -> HashMap<char, u8> {
    let mut next = 0x100_u32;
    (0..=255_u8)
        .filter_map(|byte| {
            let printable = matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
            let code = if printable {
                u32::from(byte)
            } else {
                next += 1;
                next - 1
            };
            char::from_u32(code).map(|c| (c, byte))
        })
        .collect()
}

/// What will be written: checked completely before the first byte goes out.
struct Plan<'a> {
    hyperparameters: [usize; 10],
    tensors: Vec<Planned<'a>>,
}

struct Planned<'a> {
    name: String,
    /// Dimensions in ggml's order, fastest first.
    shape: Vec<usize>,
    /// 16-bit floats, little-endian.
    data: &'a [u8],
    wide: bool,
}

impl<'a> Plan<'a> {
    fn new(model: &Ct2Model<'a>, vocabulary: &[Vec<u8>]) -> Result<Self> {
        let mut tensors = Vec::new();
        let mut copy = |name: String, tensor: Tensor<'a>, wide: bool| {
            let shape = tensor.shape.iter().rev().copied().collect();
            tensors.push(Planned {
                name,
                shape,
                data: tensor.data,
                wide,
            });
        };

        let positions = model.get("encoder/position_encodings/encodings", 2)?;
        let (audio_ctx, audio_state) = (positions.shape[0], positions.shape[1]);
        let text_positions = model.get("decoder/position_encodings/encodings", 2)?;
        let (text_ctx, text_state) = (text_positions.shape[0], text_positions.shape[1]);
        let words = model.get("decoder/embeddings/weight", 2)?;
        let n_vocab = words.shape[0];
        let conv1 = model.get("encoder/conv1/weight", 3)?;
        let n_mels = conv1.shape[1];
        let audio_layers = model.layers("encoder");
        let text_layers = model.layers("decoder");
        let audio_heads = model.heads("encoder", audio_state)?;
        let text_heads = model.heads("decoder", text_state)?;
        if audio_state != text_state
            || words.shape[1] != text_state
            || conv1.shape[0] != audio_state
        {
            return Err(damaged(
                "its tensors do not fit each other; fetch the model again",
            ));
        }
        // Special words: 8 fixed ones, at least one language, 1501 time stamps.
        if vocabulary.len() + 1500 > n_vocab || vocabulary.len() < 256 {
            return Err(damaged(format!(
                "{n_vocab} words in the weights but {} in the tokenizer; take both from the same model",
                vocabulary.len()
            )));
        }

        copy("encoder.positional_embedding".into(), positions, true);
        copy("encoder.conv1.weight".into(), conv1, false);
        copy(
            "encoder.conv2.weight".into(),
            model.get("encoder/conv2/weight", 3)?,
            false,
        );
        for conv in ["conv1", "conv2"] {
            let mut bias = model.get(&format!("encoder/{conv}/bias"), 1)?;
            bias.shape.push(1);
            copy(format!("encoder.{conv}.bias"), bias, true);
        }
        copy("decoder.positional_embedding".into(), text_positions, true);
        copy("decoder.token_embedding.weight".into(), words, false);
        for (from, to) in [
            ("encoder/layer_norm", "encoder.ln_post"),
            ("decoder/layer_norm", "decoder.ln"),
        ] {
            copy(
                format!("{to}.weight"),
                model.get(&format!("{from}/gamma"), 1)?,
                true,
            );
            copy(
                format!("{to}.bias"),
                model.get(&format!("{from}/beta"), 1)?,
                true,
            );
        }

        for (side, layers) in [("encoder", audio_layers), ("decoder", text_layers)] {
            for layer in 0..layers {
                let from = format!("{side}/layer_{layer}");
                let to = format!("{side}.blocks.{layer}");
                let fused = model
                    .linear(&format!("{from}/self_attention/linear_0"))?
                    .split(3)?;
                let attention = [
                    ("query", fused[0].clone()),
                    ("key", fused[1].clone()),
                    ("value", fused[2].clone()),
                    (
                        "out",
                        model.linear(&format!("{from}/self_attention/linear_1"))?,
                    ),
                ];
                let mut linears: Vec<(String, read::Linear<'a>)> = attention
                    .into_iter()
                    .map(|(n, l)| (format!("attn.{n}"), l))
                    .collect();
                let mut norms = vec![("self_attention", "attn_ln"), ("ffn", "mlp_ln")];
                if side == "decoder" {
                    let fused = model
                        .linear(&format!("{from}/attention/linear_1"))?
                        .split(2)?;
                    linears.push((
                        "cross_attn.query".into(),
                        model.linear(&format!("{from}/attention/linear_0"))?,
                    ));
                    linears.push(("cross_attn.key".into(), fused[0].clone()));
                    linears.push(("cross_attn.value".into(), fused[1].clone()));
                    linears.push((
                        "cross_attn.out".into(),
                        model.linear(&format!("{from}/attention/linear_2"))?,
                    ));
                    norms.push(("attention", "cross_attn_ln"));
                }
                linears.push((
                    "mlp.0".into(),
                    model.linear(&format!("{from}/ffn/linear_0"))?,
                ));
                linears.push((
                    "mlp.2".into(),
                    model.linear(&format!("{from}/ffn/linear_1"))?,
                ));
                for (name, linear) in linears {
                    // Whisper's keys have no bias; the fused layer carries zeros for it.
                    if !name.ends_with("key") {
                        copy(format!("{to}.{name}.bias"), linear.bias, true);
                    }
                    copy(format!("{to}.{name}.weight"), linear.weight, false);
                }
                for (norm, name) in norms {
                    copy(
                        format!("{to}.{name}.weight"),
                        model.get(&format!("{from}/{norm}/layer_norm/gamma"), 1)?,
                        true,
                    );
                    copy(
                        format!("{to}.{name}.bias"),
                        model.get(&format!("{from}/{norm}/layer_norm/beta"), 1)?,
                        true,
                    );
                }
            }
        }
        Ok(Self {
            hyperparameters: [
                n_vocab,
                audio_ctx,
                audio_state,
                audio_heads,
                audio_layers,
                text_ctx,
                text_state,
                text_heads,
                text_layers,
                n_mels,
            ],
            tensors,
        })
    }

    fn write(&self, vocabulary: &[Vec<u8>], out: &mut impl Write) -> io::Result<()> {
        out.write_all(&GGML_MAGIC.to_le_bytes())?;
        for value in self.hyperparameters {
            write_count(out, value)?;
        }
        out.write_all(&GGML_F16.to_le_bytes())?;

        let n_mels = self.hyperparameters[9];
        write_count(out, n_mels)?;
        write_count(out, mel::BINS)?;
        for weight in mel::filters(n_mels) {
            out.write_all(&weight.to_le_bytes())?;
        }

        write_count(out, vocabulary.len())?;
        for word in vocabulary {
            write_count(out, word.len())?;
            out.write_all(word)?;
        }

        for tensor in &self.tensors {
            write_count(out, tensor.shape.len())?;
            write_count(out, tensor.name.len())?;
            let kind = if tensor.wide { GGML_F32 } else { GGML_F16 };
            out.write_all(&kind.to_le_bytes())?;
            for &dimension in &tensor.shape {
                write_count(out, dimension)?;
            }
            out.write_all(tensor.name.as_bytes())?;
            if tensor.wide {
                for pair in tensor.data.chunks_exact(2) {
                    let value = f16_to_f32(u16::from_le_bytes([pair[0], pair[1]]));
                    out.write_all(&value.to_le_bytes())?;
                }
            } else {
                out.write_all(tensor.data)?;
            }
        }
        Ok(())
    }
}

fn write_count(out: &mut impl Write, value: usize) -> io::Result<()> {
    let value = i32::try_from(value).map_err(io::Error::other)?;
    out.write_all(&value.to_le_bytes())
}

/// IEEE 754 half precision to single; exact for every value.
fn f16_to_f32(half: u16) -> f32 {
    let sign = u32::from(half >> 15) << 31;
    let exponent = u32::from(half >> 10) & 0x1f;
    let fraction = u32::from(half) & 0x3ff;
    match exponent {
        0 => {
            // Zero or subnormal: fraction * 2^-24, which single precision represents exactly.
            let magnitude = fraction as f32 / 16_777_216.0;
            f32::from_bits(magnitude.to_bits() | sign)
        }
        0x1f => f32::from_bits(sign | 0x7f80_0000 | (fraction << 13)),
        _ => f32::from_bits(sign | ((exponent + 112) << 23) | (fraction << 13)),
    }
}
