//! Reads a GGUF file.

use std::io::{BufReader, Read, Seek};
use std::path::Path;

use candle_core::quantized::gguf_file::Content;

use super::CandleOptions;
use super::cache::KvCache;
use super::constrain::Constrainer;
use super::decoder::{Decoder, Feed, text};
use super::template::ChatTemplate;
use super::vocabulary::Vocabulary;
use super::window::Window;
use crate::compute::Priority;
use crate::error::{Error, ErrorKind, OrError, Result};

/// Every GGUF file begins with this.
const MAGIC: &[u8; 4] = b"GGUF";
/// Rows from which candle uses its kernels for matrices.
const WARM_UP_ROWS: usize = 32;

/// What a file holds.
pub(super) struct Loaded {
    pub(super) decoder: Decoder,
    pub(super) window: Window,
    pub(super) constrainer: Constrainer,
}

pub(super) fn load(path: &Path, options: CandleOptions) -> Result<Loaded> {
    let file =
        std::fs::File::open(path).or_error(ErrorKind::NotFound, || "cannot open the model file")?;
    let size = file.metadata().map(|m| m.len()).unwrap_or_default();
    let mut file = BufReader::with_capacity(1 << 20, file);
    let mut magic = [0; 4];
    let is_gguf = file.read_exact(&mut magic).is_ok() && &magic == MAGIC;
    if !is_gguf {
        return Err(Error::new(
            ErrorKind::Model,
            "this is no GGUF file; give the path of a model in GGUF format",
        ));
    }
    file.rewind()
        .or_error(ErrorKind::Model, || "cannot read the model file")?;
    let content = Content::read(&mut file).map_err(damaged)?;
    let missing = content.tensor_infos.values().any(|info| {
        let elements = info.shape.elem_count();
        let bytes =
            (elements / info.ggml_dtype.block_size()).checked_mul(info.ggml_dtype.type_size());
        let end = bytes.and_then(|b| {
            content
                .tensor_data_offset
                .checked_add(info.offset)?
                .checked_add(b as u64)
        });
        end.is_none_or(|end| end > size)
    });
    if missing {
        return Err(Error::new(
            ErrorKind::Model,
            "the GGUF file ends before its last tensor; fetch it again (attendant models fetch --force)",
        ));
    }
    let vocabulary = Vocabulary::read(&content)?;
    let mut decoder =
        Decoder::read(&content, &mut file, options.context_tokens).map_err(damaged)?;
    // candle rearranges weights when they are first used, once for one row and once for many:
    // better now than while somebody waits for an answer.
    let mut scratch = KvCache::new(decoder.layout());
    for rows in [WARM_UP_ROWS.min(decoder.context()), 1] {
        scratch.truncate(0);
        let feed = Feed {
            cache: &mut scratch,
            tokens: &vec![0; rows],
            wanted: 1,
        };
        decoder
            .forward(&mut [feed], Priority::Interactive, &mut Vec::new())
            .map_err(damaged)?;
    }
    let template = ChatTemplate::new(
        text(&content, "tokenizer.chat_template").ok(),
        &vocabulary.bos(&content),
    )?;
    Ok(Loaded {
        constrainer: Constrainer::new(&vocabulary)?,
        window: Window {
            template,
            size: decoder.context(),
            vocabulary,
        },
        decoder,
    })
}

fn damaged(error: candle_core::Error) -> Error {
    // A backtrace is for those who ask for one, not for a message.
    let error = match error {
        candle_core::Error::WithBacktrace { inner, .. } => *inner,
        other => other,
    };
    let what =
        "the GGUF file is damaged or of an unknown kind; fetch it again (attendant models verify)";
    Error::new(ErrorKind::Model, what).with_source(error)
}
