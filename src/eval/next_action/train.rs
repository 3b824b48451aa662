//! `train next-action`: fits and writes the head.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::data;
use super::fit::{Decision, decisions, embed, fit};
use crate::embedding::Embedder;
use crate::error::{ErrorKind, OrError, Result};
use crate::eval::retrieval::Progress;

/// What training tells, a flat object in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NextActionTraining {
    /// `next-action`.
    pub name: String,
    /// Decisions learned from.
    pub n: usize,
    /// Dialogues that they come from.
    pub dialogues: usize,
    /// Seconds of wall time.
    pub seconds: f64,
    /// Bytes of the head.
    pub bytes: usize,
}

/// Fits a head to all dialogues of `data` and writes `action-head.bin` to the folder `out`.
///
/// # Errors
/// As [`super::run`]; [`ErrorKind::Storage`] if nothing can be written.
pub async fn run(
    data: &Path,
    out: &Path,
    embedder: Arc<dyn Embedder>,
    seed: u64,
    progress: Option<&Progress<'_>>,
) -> Result<NextActionTraining> {
    let started = Instant::now();
    let collection = data::read(data, None)?;
    let vectors = embed(&collection, &embedder, progress).await?;
    let all = decisions(&collection, &vectors);
    if let Some(progress) = progress {
        progress("fitting", 0, 1);
    }
    let lessons: Vec<&Decision> = all.iter().collect();
    let fitted = fit(&collection, &lessons, false, embedder.as_ref(), seed)?;
    let bytes = fitted.head.to_bytes()?;
    let failed = || format!("cannot write to {}; check the folder", out.display());
    std::fs::create_dir_all(out).or_error(ErrorKind::Storage, failed)?;
    std::fs::write(out.join("action-head.bin"), &bytes).or_error(ErrorKind::Storage, failed)?;
    Ok(NextActionTraining {
        name: "next-action".to_owned(),
        n: all.len(),
        dialogues: collection.dialogues.len(),
        seconds: started.elapsed().as_secs_f64(),
        bytes: bytes.len(),
    })
}
