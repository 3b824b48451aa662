//! A look through a ggml Whisper file before whisper.cpp gets it.
//!
//! whisper.cpp trusts the file: a truncated one loads with random weights, an odd number ends the
//! process. So every length in the file is checked here first; the weights themselves are skipped.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use crate::error::{Error, ErrorKind, OrError, Result};
use crate::speech::ct2::GGML_MAGIC;

/// Layers of the encoders that whisper.cpp has names for: tiny, base, small, medium, large.
const KNOWN_LAYERS: [usize; 5] = [4, 6, 12, 24, 32];

/// Checks that `path` is a whole ggml Whisper model.
pub(super) fn check(path: &Path) -> Result<()> {
    let file = File::open(path).or_error(ErrorKind::Model, || {
        format!(
            "the speech model {} cannot be opened; fetch it again",
            path.display()
        )
    })?;
    let about = file.metadata().or_error(ErrorKind::Model, || {
        format!("the speech model {} cannot be examined", path.display())
    })?;
    let mut walk = Walk {
        left: about.len(),
        input: BufReader::new(file),
    };
    walk.model().map_err(|problem| problem.into_error(path))
}

enum Problem {
    WrongKind,
    Damaged(&'static str),
    Io(io::Error),
}

impl Problem {
    fn into_error(self, path: &Path) -> Error {
        let path = path.display();
        match self {
            Self::WrongKind => Error::new(
                ErrorKind::Model,
                format!(
                    "{path} is not a ggml Whisper model; give one, or convert CTranslate2 weights first"
                ),
            ),
            Self::Damaged(what) => Error::new(
                ErrorKind::Model,
                format!("the speech model {path} is damaged ({what}); fetch it again"),
            ),
            Self::Io(source) => Error::new(
                ErrorKind::Model,
                format!("the speech model {path} cannot be read; fetch it again"),
            )
            .with_source(source),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

struct Walk {
    input: BufReader<File>,
    left: u64,
}

impl Walk {
    fn model(&mut self) -> Result<(), Problem> {
        if self.left < 4 || self.number()? != u64::from(GGML_MAGIC) {
            return Err(Problem::WrongKind);
        }
        let mut header = [0; 11];
        for value in &mut header {
            *value = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        }
        let [
            n_vocab,
            audio_ctx,
            state,
            heads,
            audio_layers,
            text_ctx,
            text_state,
            text_heads,
            text_layers,
            mels,
            _,
        ] = header;
        let sane = (50_000..60_000).contains(&n_vocab)
            && (1..=4096).contains(&audio_ctx)
            && (1..=2048).contains(&state)
            && (1..=64).contains(&heads)
            && (1..=64).contains(&text_heads)
            && KNOWN_LAYERS.contains(&audio_layers)
            && (1..=64).contains(&text_layers)
            && (1..=4096).contains(&text_ctx)
            && text_state == state
            && (80..=128).contains(&mels);
        if !sane {
            return Err(Problem::Damaged("impossible sizes in its header"));
        }

        let (rows, columns) = (self.number()?, self.number()?);
        if (rows, columns) != (mels as u64, 201) {
            return Err(Problem::Damaged("no filter bank"));
        }
        self.skip(rows * columns * 4)?;

        let words = self.number()?;
        if words < 256 || words > n_vocab as u64 {
            return Err(Problem::Damaged("no vocabulary"));
        }
        let mut blank = false;
        let mut word = [0; 512];
        for _ in 0..words {
            let length = self.number()? as usize;
            let slot = word
                .get_mut(..length)
                .ok_or(Problem::Damaged("an endless word"))?;
            self.fill(slot)?;
            blank |= slot == b" ";
        }
        if !blank {
            return Err(Problem::Damaged("an incomplete vocabulary"));
        }

        let mut tensors = 0;
        while self.left > 0 {
            self.tensor()?;
            tensors += 1;
        }
        if tensors != 11 + 15 * audio_layers + 24 * text_layers {
            return Err(Problem::Damaged("tensors are missing"));
        }
        Ok(())
    }

    fn tensor(&mut self) -> Result<(), Problem> {
        let rank = self.number()?;
        let name = self.number()?;
        let kind = self.number()?;
        if !(1..=4).contains(&rank) || name > 256 {
            return Err(Problem::Damaged("an impossible tensor"));
        }
        let mut values = 1_u64;
        for _ in 0..rank {
            values = values.saturating_mul(self.number()?);
        }
        // Values and bytes of a block of each ggml type.
        let (block, bytes) = match kind {
            0 => (1, 4),
            1 => (1, 2),
            2 => (32, 18),
            3 => (32, 20),
            6 => (32, 22),
            7 => (32, 24),
            8 => (32, 34),
            10 => (256, 84),
            11 => (256, 110),
            12 => (256, 144),
            13 => (256, 176),
            14 => (256, 210),
            _ => return Err(Problem::Damaged("an unknown number format")),
        };
        self.skip(name)?;
        self.skip((values / block).saturating_mul(bytes))
    }

    fn number(&mut self) -> Result<u64, Problem> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes)?;
        Ok(u64::from(u32::from_le_bytes(bytes)))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Problem> {
        self.spend(bytes.len() as u64)?;
        Ok(self.input.read_exact(bytes)?)
    }

    fn skip(&mut self, count: u64) -> Result<(), Problem> {
        self.spend(count)?;
        let count = i64::try_from(count).map_err(io::Error::other)?;
        Ok(self.input.seek_relative(count)?)
    }

    fn spend(&mut self, count: u64) -> Result<(), Problem> {
        self.left = self
            .left
            .checked_sub(count)
            .ok_or(Problem::Damaged("it ends too early"))?;
        Ok(())
    }
}
