//! Files of a Hugging Face repository, through `hf-hub`.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::{Stream, StreamExt};
use hf_hub::{HFClient, HFError, split_id};

use super::disk;
use super::join::{Down, PieceSource, Ticker};
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::models::catalog::{PieceSpec, SourceKind, SourceSpec};

/// How long the first answer may take before the hub counts as out of reach.
const FIRST_ANSWER: Duration = Duration::from_secs(5);
/// How long any later answer, and any wait for more bytes, may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a download that broke off is taken up again without a byte gained.
const RETRIES: u32 = 4;

/// One repository of the hub.
pub(super) struct HubSource {
    client: HFClient,
    repo: String,
    revision: String,
    answered: AtomicBool,
    down: Arc<Down>,
}

impl HubSource {
    pub(super) fn new(
        source: &SourceSpec,
        endpoint: Option<&str>,
        down: Arc<Down>,
    ) -> Result<Self> {
        // One quick retry inside the library: longer outages are handled here, with a limit.
        let mut builder = HFClient::builder().retry_max_attempts(1);
        if let Some(endpoint) = endpoint {
            builder = builder.endpoint(endpoint);
        }
        Ok(Self {
            client: builder.build().or_error(
                ErrorKind::Config,
                || "the Hugging Face client cannot be set up; check HF_ENDPOINT",
            )?,
            repo: source.repo.clone().unwrap_or_default(),
            revision: source.revision.clone().unwrap_or_else(|| "main".to_owned()),
            answered: AtomicBool::new(false),
            down,
        })
    }

    /// Opens the file at byte `have`. The stream starts there, or at 0 when the server cannot.
    async fn open(
        &self,
        piece: &PieceSpec,
        have: u64,
    ) -> Result<(
        u64,
        impl Stream<Item = Result<impl AsRef<[u8]>, HFError>> + Unpin,
    )> {
        let (owner, name) = split_id(&self.repo);
        let repo = self.client.model(owner, name);
        let request = repo
            .download_file_stream()
            .filename(&piece.member)
            .revision(&self.revision)
            .maybe_range((have > 0).then_some(have..piece.size))
            .send();
        let answered = self.answered.load(Ordering::Relaxed);
        let limit = if answered { PATIENCE } else { FIRST_ANSWER };
        let (length, stream) = match tokio::time::timeout(limit, request).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => return Err(self.failure(error)),
            Err(_) if answered => {
                return Err(Error::new(ErrorKind::Timeout, "the hub stopped answering"));
            }
            Err(_) => {
                let reason = format!("no answer within {} s", limit.as_secs());
                return Err(self.down.mark(SourceKind::Hf, reason));
            }
        };
        self.answered.store(true, Ordering::Relaxed);
        self.down.clear(SourceKind::Hf);
        match length {
            None => Ok((have, stream)),
            Some(length) if length == piece.size - have => Ok((have, stream)),
            Some(length) if length == piece.size => Ok((0, stream)),
            Some(length) => Err(Error::new(
                ErrorKind::Model,
                format!(
                    "{} has {length} bytes instead of {}",
                    piece.member, piece.size
                ),
            )),
        }
    }

    fn failure(&self, error: HFError) -> Error {
        match &error {
            HFError::Request { source, .. } if source.is_connect() || source.is_timeout() => {
                let why = root_cause(source);
                self.down
                    .mark(SourceKind::Hf, format!("it cannot be reached ({why})"))
            }
            HFError::Request { .. } | HFError::Http { .. } | HFError::RateLimited { .. } => {
                Error::new(ErrorKind::Unavailable, error.to_string())
            }
            _ => Error::new(ErrorKind::NotFound, error.to_string()),
        }
    }

    /// Appends what one connection gives; returns once the piece is complete or the line broke.
    async fn stream(
        &self,
        piece: &PieceSpec,
        file: &mut File,
        part: &Path,
        base: u64,
        ticker: &Ticker<'_>,
    ) -> Result<()> {
        let have = disk::size(part)? - base;
        let (mut have, mut stream) = self.open(piece, have).await?;
        file.set_len(base + have)
            .map_err(|error| disk::storage(part, error))?;
        ticker.piece_has(have);
        loop {
            let chunk = match tokio::time::timeout(PATIENCE, stream.next()).await {
                Ok(Some(Ok(chunk))) => chunk,
                Ok(None) => return Ok(()),
                Ok(Some(Err(error))) => {
                    return Err(Error::new(ErrorKind::Unavailable, error.to_string()));
                }
                Err(_) => return Err(Error::new(ErrorKind::Timeout, "the hub stopped sending")),
            };
            let chunk = chunk.as_ref();
            have += chunk.len() as u64;
            if have > piece.size {
                return Err(Error::new(
                    ErrorKind::Model,
                    format!("{} is longer than {} bytes", piece.member, piece.size),
                ));
            }
            file.write_all(chunk)
                .map_err(|error| disk::storage(part, error))?;
            ticker.piece_has(have);
        }
    }
}

#[async_trait]
impl PieceSource for HubSource {
    async fn append(
        &self,
        piece: &PieceSpec,
        part: &Path,
        have: u64,
        ticker: &Ticker<'_>,
    ) -> Result<bool> {
        let base = disk::size(part)? - have;
        if have == piece.size {
            return Ok(true);
        }
        let mut file = File::options()
            .append(true)
            .open(part)
            .map_err(|error| disk::storage(part, error))?;
        let (mut best, mut tries) = (have, 0);
        loop {
            let result = self.stream(piece, &mut file, part, base, ticker).await;
            let now = disk::size(part)? - base;
            match result {
                Ok(()) if now == piece.size => return Ok(have > 0),
                Err(error) if !error.is_transient() => return Err(error),
                result => {
                    tries = if now > best { 0 } else { tries + 1 };
                    best = best.max(now);
                    // A hub that never answered is not waited for.
                    if tries > RETRIES || !self.answered.load(Ordering::Relaxed) {
                        let broke = Error::new(ErrorKind::Unavailable, "the download broke off");
                        return Err(result.err().unwrap_or(broke));
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    fn resumes_inside(&self) -> bool {
        true
    }
}

/// The innermost error, which names the cause ("connection refused") rather than the layers.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
