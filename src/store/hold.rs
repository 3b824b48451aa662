//! A store for one process alone.

use std::fs::{File, TryLockError};

use crate::error::{Error, ErrorKind, OrError, Result};

/// A store that no other process holds, for as long as this is there; a process that is killed holds nothing.
#[derive(Debug)]
pub struct StoreHold {
    /// Nothing where many processes may share the store.
    _file: Option<File>,
}

/// Holds the store that `place` names, as [`open`](super::open()) reads it. Sessions keep what they know in memory, so two
/// servers over one file would each decide by what is old. A database server is made for many and is not held.
///
/// # Errors
/// [`ErrorKind::Config`] where another process holds it; [`ErrorKind::Storage`] if the file beside it cannot be made.
pub fn hold(place: &str) -> Result<StoreHold> {
    let Some(path) = place.trim().strip_prefix("sqlite:") else {
        return Ok(StoreHold { _file: None });
    };
    let path = format!("{}.lock", path.strip_prefix("//").unwrap_or(path));
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .or_error(ErrorKind::Storage, || format!("cannot make \"{path}\""))?;
    match file.try_lock() {
        Ok(()) => Ok(StoreHold { _file: Some(file) }),
        Err(TryLockError::WouldBlock) => Err(Error::new(
            ErrorKind::Config,
            format!(
                "another server uses this store (it holds \"{path}\"); stop that one, give this one a store.url of its own, or \
                 use PostgreSQL for many servers"
            ),
        )),
        Err(TryLockError::Error(error)) => {
            // Some network file systems know no locks; whoever put a store there has been told.
            tracing::warn!(%error, path, "the store cannot be held for this process alone");
            Ok(StoreHold { _file: None })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_held_by_one_and_free_again_when_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let place = format!("sqlite:{}", folder.path().join("store.db").display());
        let first = hold(&place).unwrap();
        let refused = hold(&place).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Config);
        assert!(refused.to_string().contains("store.url"), "{refused}");
        drop(first);
        hold(&place).unwrap();
        hold("memory").unwrap();
        hold("postgres://me@db/x").unwrap();
    }
}
