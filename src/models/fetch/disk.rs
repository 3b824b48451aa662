//! Files and folders of the cache: locks, checksums, the move into place, and clear errors.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::part;
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::models::receipt::{FILE_NAME, Receipt};

/// A lock on one model of the cache, held until it is dropped.
pub(super) struct Lock {
    _file: Option<File>,
    /// Whether another program held it first.
    pub(super) waited: bool,
}

/// Takes the lock at `path`, calling `waiting` once when another program has it.
pub(super) async fn lock(path: &Path, waiting: impl Fn()) -> Result<Lock> {
    let file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|error| storage(path, error))?;
    let mut waited = false;
    loop {
        match file.try_lock() {
            Ok(()) => {
                return Ok(Lock {
                    _file: Some(file),
                    waited,
                });
            }
            Err(TryLockError::WouldBlock) => {
                if !waited {
                    waiting();
                }
                waited = true;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            // Some network file systems know no locks; the checksums still protect the result.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                tracing::warn!(path = %path.display(), "this file system has no locks");
                return Ok(Lock {
                    _file: None,
                    waited,
                });
            }
            Err(TryLockError::Error(error)) => return Err(storage(path, error)),
        }
    }
}

/// Runs blocking work on the thread pool for it.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .or_error(ErrorKind::Internal, || "file work stopped early")?
}

/// SHA-256, in lower-case hexadecimal, of `length` bytes of the file from `start` on.
pub(super) fn sha256(path: &Path, start: u64, length: u64) -> Result<String> {
    let read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(start))?;
        let mut rest = file.take(length);
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 18];
        loop {
            match rest.read(&mut buffer)? {
                0 => break,
                count => hasher.update(&buffer[..count]),
            }
        }
        let digest = hasher.finalize();
        Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    };
    read().map_err(|error| storage(path, error))
}

/// Size of a file in bytes.
pub(super) fn size(path: &Path) -> Result<u64> {
    let found = std::fs::metadata(path).map_err(|error| storage(path, error))?;
    Ok(found.len())
}

/// Creates a folder with its parents.
pub(super) fn create_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|error| storage(path, error))
}

/// Moves the complete files of a model from `work` to `folder`, with `receipt` beside them.
///
/// The files are flushed first, so that a power cut cannot leave a model that looks complete. A
/// folder that does not exist appears at once; in one that does, the receipt is written last.
pub(super) fn publish(work: &Path, ready: &Path, folder: &Path, receipt: &Receipt) -> Result<()> {
    let _ = std::fs::remove_dir_all(ready);
    create_folder(ready)?;
    let rename =
        |from: &Path, to: &Path| std::fs::rename(from, to).map_err(|error| storage(to, error));
    for file in &receipt.files {
        let from = part(work, &file.name);
        File::open(&from)
            .and_then(|opened| opened.sync_all())
            .map_err(|error| storage(&from, error))?;
        rename(&from, &ready.join(&file.name))?;
    }
    let text = serde_json::to_vec_pretty(receipt)
        .or_error(ErrorKind::Internal, || "the receipt cannot be written")?;
    let note = ready.join(FILE_NAME);
    std::fs::write(&note, text).map_err(|error| storage(&note, error))?;

    if !folder.exists() {
        return rename(ready, folder);
    }
    let _ = std::fs::remove_file(folder.join(FILE_NAME));
    for file in &receipt.files {
        rename(&ready.join(&file.name), &folder.join(&file.name))?;
    }
    rename(&note, &folder.join(FILE_NAME))
}

/// An error of the file system in words that say what to do.
pub(super) fn storage(path: &Path, error: io::Error) -> Error {
    let what = path.display();
    let text = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => format!(
            "the disk is full, {what} cannot be written; free some space or set ATTENDANT_MODELS to \
             a folder on another disk"
        ),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            format!("{what} cannot be written; set ATTENDANT_MODELS to a folder you may write to")
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            format!("{what} cannot be used as a folder; set ATTENDANT_MODELS to one")
        }
        _ => format!("{what} cannot be read or written"),
    };
    Error::new(ErrorKind::Storage, text).with_source(error)
}
