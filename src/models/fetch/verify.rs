//! Computes the checksums of models in the cache and says whether they are what they should be.

use std::path::Path;

use super::{FetchEvent, Fetcher, disk};
use crate::error::Result;
use crate::models::cache::ModelStatus;
use crate::models::catalog::{FileSpec, ModelSpec};
use crate::models::receipt::Receipt;

/// What verification found for one model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Id of the model.
    pub id: String,
    /// What was found.
    pub verdict: Verdict,
}

/// What verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Every file has its checksum.
    Intact,
    /// The model is not in the cache.
    Missing,
    /// A file is not what it should be; says which and why.
    Damaged(String),
    /// A file has no known checksum: it was not fetched by this program and its content depends on
    /// where it came from.
    Unknown(String),
}

impl Fetcher {
    /// Computes the checksums of the models called `ids`; when empty, of the default set and of all
    /// others in the cache.
    ///
    /// # Errors
    /// `NotFound` for an unknown id; `Storage` when a file cannot be read.
    pub async fn verify<S: AsRef<str>>(&self, ids: &[S]) -> Result<Vec<Verified>> {
        let specs: Vec<&ModelSpec> = if ids.is_empty() {
            let here = |spec: &&ModelSpec| {
                spec.default || self.cache().status(spec) != ModelStatus::Missing
            };
            self.catalog().iter().filter(here).collect()
        } else {
            self.catalog().select(ids)?
        };
        let mut found = Vec::new();
        for spec in specs {
            let verdict = match self.cache().status(spec) {
                ModelStatus::Missing => Verdict::Missing,
                ModelStatus::Damaged(reason) => Verdict::Damaged(reason),
                ModelStatus::Present => {
                    self.progress.on_event(&FetchEvent::Working {
                        model: &spec.id,
                        what: "checking",
                    });
                    let (folder, spec) = (self.cache().folder(spec), spec.clone());
                    disk::blocking(move || inspect(&spec, &folder)).await?
                }
            };
            found.push(Verified {
                id: spec.id.clone(),
                verdict,
            });
        }
        Ok(found)
    }
}

fn inspect(spec: &ModelSpec, folder: &Path) -> Result<Verdict> {
    let receipt = Receipt::read(folder);
    let mut unknown = None;
    for file in &spec.files {
        let path = folder.join(&file.name);
        let sum = disk::sha256(&path, 0, disk::size(&path)?)?;
        let noted = receipt
            .as_ref()
            .and_then(|receipt| receipt.file(&file.name));
        match file.sha256.as_ref().or(noted.map(|noted| &noted.sha256)) {
            Some(expected) if *expected == sum => {}
            Some(expected) => {
                return Ok(Verdict::Damaged(format!(
                    "{} has the SHA-256 {sum} instead of {expected}",
                    path.display()
                )));
            }
            None if delivered_as_is(spec, file, &sum) => {}
            None => {
                unknown = Some(format!(
                    "{} has no receipt and its SHA-256 {sum} is not one of the catalogue",
                    path.display()
                ));
            }
        }
    }
    Ok(unknown.map_or(Verdict::Intact, Verdict::Unknown))
}

/// Whether a source delivers exactly this file.
fn delivered_as_is(spec: &ModelSpec, file: &FileSpec, sum: &str) -> bool {
    spec.sources
        .iter()
        .filter(|source| source.convert.is_none())
        .flat_map(|source| &source.files)
        .any(|given| {
            given.name == file.name
                && matches!(given.pieces.as_slice(), [only] if only.sha256 == sum)
        })
}
