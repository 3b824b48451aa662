//! The tokenizer built from the GGUF's own vocabulary.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::quantized::tokenizer::TokenizerFromGguf;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{SplitDelimiterBehavior, Tokenizer};

use crate::error::{Error, ErrorKind, OrError, Result};

/// Text to tokens and back.
#[derive(Clone)]
pub(super) struct Vocabulary {
    tokenizer: Arc<Tokenizer>,
    /// The bytes of every token; empty for control tokens.
    words: Arc<Vec<Vec<u8>>>,
    /// The written form of control tokens, e.g. `<|im_end|>`.
    controls: Arc<HashMap<u32, String>>,
    ends: Vec<u32>,
}

impl fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vocabulary")
            .field("words", &self.words.len())
            .finish_non_exhaustive()
    }
}

impl Vocabulary {
    pub(super) fn read(content: &Content) -> Result<Self> {
        let broken = || "the GGUF file has no usable tokenizer; use another file of the model";
        let mut tokenizer = Tokenizer::from_gguf(content).or_error(ErrorKind::Model, broken)?;
        if let Some(pre) = pre_tokenizer(content.metadata.get("tokenizer.ggml.pre"))
            .or_error(ErrorKind::Model, broken)?
        {
            tokenizer.with_pre_tokenizer(Some(pre));
        }
        let list = |key: &str| content.metadata.get(key).and_then(|v| v.to_vec().ok());
        let tokens =
            list("tokenizer.ggml.tokens").ok_or_else(|| Error::new(ErrorKind::Model, broken()))?;
        let kinds = list("tokenizer.ggml.token_type");
        let bytes = byte_alphabet();
        let mut words = Vec::with_capacity(tokens.len());
        let mut controls = HashMap::new();
        for (index, token) in tokens.iter().enumerate() {
            let written = token.to_string().or_error(ErrorKind::Model, broken)?;
            let id = u32::try_from(index).or_error(ErrorKind::Model, broken)?;
            match kinds.and_then(|kinds| kinds.get(index)).and_then(kind) {
                // llama.cpp's token types: 2 unknown, 3 control, 4 user-defined, 5 unused.
                Some(2 | 3 | 5) => {
                    controls.insert(id, written.clone());
                    words.push(Vec::new());
                }
                Some(4) => words.push(written.clone().into_bytes()),
                _ => words.push(
                    written
                        .chars()
                        .filter_map(|c| bytes.get(&c).copied())
                        .collect(),
                ),
            }
        }
        let mut ends: Vec<u32> = content
            .metadata
            .get("tokenizer.ggml.eos_token_id")
            .and_then(|v| v.to_u32().ok())
            .into_iter()
            .collect();
        // Chat models end a message with one of these even where the file names another end.
        for name in [
            "<|im_end|>",
            "<|endoftext|>",
            "<|eot_id|>",
            "<|end_of_text|>",
            "</s>",
        ] {
            let id = tokenizer
                .token_to_id(name)
                .filter(|id| controls.contains_key(id));
            ends.extend(id.filter(|id| !ends.contains(id)));
        }
        if ends.is_empty() {
            return Err(Error::new(
                ErrorKind::Model,
                "the GGUF file names no end-of-text token",
            ));
        }
        Ok(Self {
            tokenizer: Arc::new(tokenizer),
            words: Arc::new(words),
            controls: Arc::new(controls),
            ends,
        })
    }

    /// The tokens of a rendered prompt; control tokens are recognised.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self
            .tokenizer
            .encode(text, false)
            .or_error(ErrorKind::InvalidInput, || "the prompt cannot be tokenised")?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Takes the written form of control tokens out of text that came from outside, so that a
    /// customer cannot end our message and start one of their own.
    pub(super) fn disarm(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for control in self.controls.values() {
            if !control.is_empty() && text.contains(control.as_str()) {
                text = text.replace(control.as_str(), " ");
            }
        }
        text
    }

    /// The bytes a token stands for; none for control tokens.
    pub(super) fn bytes(&self, token: u32) -> &[u8] {
        usize::try_from(token)
            .ok()
            .and_then(|index| self.words.get(index))
            .map_or(&[], Vec::as_slice)
    }

    /// The written form of the token that begins a text, where the model has one.
    pub(super) fn bos(&self, content: &Content) -> String {
        let id = content
            .metadata
            .get("tokenizer.ggml.bos_token_id")
            .and_then(|v| v.to_u32().ok());
        id.and_then(|id| self.controls.get(&id))
            .cloned()
            .unwrap_or_default()
    }

    /// Whether the token ends an answer.
    pub(super) fn is_end(&self, token: u32) -> bool {
        self.ends.contains(&token)
    }

    /// The tokens that end an answer, the preferred one first.
    pub(super) fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// Every token's bytes and, for control tokens, their written form.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&str>)> {
        self.words
            .iter()
            .zip(0_u32..)
            .map(|(word, id)| (word.as_slice(), self.controls.get(&id).map(String::as_str)))
    }
}

/// Whole characters out of a stream of bytes.
#[derive(Debug, Default)]
pub(super) struct Utf8Buffer {
    pending: Vec<u8>,
}

impl Utf8Buffer {
    /// Adds bytes and returns what is complete; broken sequences become U+FFFD.
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut out = String::new();
        loop {
            match std::str::from_utf8(&self.pending) {
                Ok(rest) => {
                    out.push_str(rest);
                    self.pending.clear();
                    return out;
                }
                Err(error) => {
                    let (good, rest) = self.pending.split_at(error.valid_up_to());
                    out.push_str(&String::from_utf8_lossy(good));
                    let Some(broken) = error.error_len() else {
                        self.pending = rest.to_vec();
                        return out;
                    };
                    out.push(char::REPLACEMENT_CHARACTER);
                    self.pending = rest.get(broken..).unwrap_or_default().to_vec();
                }
            }
        }
    }

    /// What is left at the end: a character whose rest did not come becomes U+FFFD.
    pub(super) fn flush(&mut self) -> String {
        let rest = std::mem::take(&mut self.pending);
        String::from_utf8_lossy(&rest).into_owned()
    }
}

/// candle knows how qwen2 and llama3 cut text into words; for all others it puts a blank in front,
/// which the models were not trained on. The patterns are those of llama.cpp (`llama-vocab.cpp`).
fn pre_tokenizer(name: Option<&Value>) -> tokenizers::Result<Option<PreTokenizerWrapper>> {
    let name = name
        .and_then(|value| value.to_string().ok())
        .map_or("", String::as_str);
    let bytes = ByteLevel::new(false, true, true);
    Ok(match name {
        "qwen2" | "smaug-bpe" | "lfm2" | "llama3" => None,
        "llama-bpe" => {
            let words = SplitPattern::Regex(LLAMA3_WORDS.to_owned());
            let split = Split::new(words, SplitDelimiterBehavior::Isolated, false)?;
            Some(
                Sequence::new(vec![
                    split.into(),
                    ByteLevel::new(false, true, false).into(),
                ])
                .into(),
            )
        }
        "smollm" | "starcoder" | "refact" | "command-r" => {
            Some(Sequence::new(vec![Digits::new(true).into(), bytes.into()]).into())
        }
        _ => Some(bytes.into()),
    })
}

const LLAMA3_WORDS: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

fn kind(value: &Value) -> Option<i64> {
    match value {
        Value::I32(kind) => Some((*kind).into()),
        Value::U32(kind) => Some((*kind).into()),
        _ => value.to_i64().ok(),
    }
}

/// GPT-2 writes every byte as one visible character; this is the way back
/// (`bytes_to_unicode` of openai/gpt-2, `encoder.py`).
fn byte_alphabet() -> HashMap<char, u8> {
    let visible = |b: u8| matches!(b, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let mut next = 256_u32;
    (0..=u8::MAX)
        .filter_map(|byte| {
            let code = if visible(byte) {
                u32::from(byte)
            } else {
                next += 1;
                next - 1
            };
            char::from_u32(code).map(|c| (c, byte))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_characters_wait_for_their_rest_and_broken_ones_do_not_block() {
        let mut buffer = Utf8Buffer::default();
        let euro = "€".as_bytes();
        assert_eq!(buffer.push(&euro[..2]), "");
        assert_eq!(buffer.push(&euro[2..]), "€");
        assert_eq!(buffer.push(&[0xFF, b'a']), "\u{FFFD}a");
        assert_eq!(buffer.push(&euro[..2]), "");
        assert_eq!(buffer.flush(), "\u{FFFD}");
        assert_eq!(buffer.flush(), "");
    }

    #[test]
    fn the_byte_alphabet_is_a_bijection() {
        let alphabet = byte_alphabet();
        assert_eq!(alphabet.len(), 256);
        assert_eq!(alphabet[&'Ġ'], b' ');
        assert_eq!(alphabet[&'Ċ'], b'\n');
    }
}
