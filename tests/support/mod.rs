//! What tests with real models share.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use attendant::models::{Cache, ModelFiles, ModelRole};

/// The files of a model, or a failure that says how to get it.
pub(crate) fn model(id: &str, role: ModelRole) -> ModelFiles {
    match Cache::from_env().and_then(|cache| cache.resolve(id, role)) {
        Ok(files) => files,
        Err(error) => panic!("{error} (`make models` fetches all of them)"),
    }
}

/// A path inside the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
