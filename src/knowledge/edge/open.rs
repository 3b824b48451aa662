//! Opening, refusing and creating the index folder.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;
use qdrant_edge::{
    CreateIndex, Distance, EdgeConfig, EdgeShard, EdgeSparseVectorParams, EdgeVectorParams,
    FieldIndexOperations, HnswIndexConfig, Modifier, OperationError, QuantizationConfig,
    ScalarQuantizationConfig, ScalarType, UpdateOperation, WalOptions,
};
use serde::{Deserialize, Serialize};

use super::points::{self, Contents};
use super::{EdgeStore, Inner, guarded, redo, verify};
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::knowledge::layout;

pub(super) const MANIFEST: &str = "attendant-index.json";
pub(super) const LOCK: &str = "attendant-index.lock";
pub(super) const SHARD: &str = "shard";

/// Bytes set aside for each file of the engine's log; longer records get longer files.
const LOG_SEGMENT: usize = 1024 * 1024;

/// Share of the vectors' values that 8 bits tell apart; those beyond are cut off.
const QUANTILE: f32 = 0.99;

/// How the engine tells, in words only, that the disk or a quota is full.
const FULL: [&str; 4] = [
    "No space left on device",
    "os error 28",
    "Disk quota exceeded",
    "os error 122",
];

/// What the folder must hold, written around every change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) layout: u32,
    pub(super) embedder: String,
    pub(super) dimensions: usize,
    /// As of the last finished write; `None` while the index is created.
    pub(super) contents: Option<Contents>,
    /// How many writes were finished.
    pub(super) writes: u64,
}

/// Why an index cannot be opened.
enum Refusal {
    /// Building it again mends it.
    Rebuild(String),
    /// Nothing in the folder may be touched.
    Final(Error),
}

pub(super) fn start(dir: PathBuf, wanted: Manifest, rebuild: bool) -> Result<EdgeStore> {
    let failed = || {
        format!(
            "cannot use {} as a knowledge index; choose a folder that can be written",
            dir.display()
        )
    };
    std::fs::create_dir_all(&dir).or_error(ErrorKind::Index, failed)?;
    claim(&dir)?;
    let lock = File::create(dir.join(LOCK)).or_error(ErrorKind::Index, failed)?;
    lock.try_lock().or_error(ErrorKind::Index, || {
        format!(
            "the knowledge index in {} is open in another process or store; close it there or choose another folder",
            dir.display()
        )
    })?;
    let (shard, manifest, rebuilt) = match load(&dir, &wanted) {
        Ok((shard, manifest)) => (shard, manifest, None),
        Err(Refusal::Rebuild(reason)) if rebuild => {
            let shard_dir = dir.join(SHARD);
            if shard_dir.exists() {
                std::fs::remove_dir_all(&shard_dir).or_error(ErrorKind::Index, failed)?;
            }
            (create(&dir, &wanted)?, wanted, Some(reason))
        }
        Err(Refusal::Rebuild(reason)) => {
            return Err(Error::new(
                ErrorKind::Index,
                format!(
                    "the knowledge index in {} {reason}; open it with EdgeStore::open_or_rebuild and ingest the articles again",
                    dir.display()
                ),
            ));
        }
        Err(Refusal::Final(error)) => return Err(error),
    };
    Ok(EdgeStore {
        inner: Arc::new(Inner {
            dir,
            dimensions: manifest.dimensions,
            shard: Some(shard),
            writing: Mutex::new(manifest),
            broken: AtomicBool::new(false),
            _lock: lock,
        }),
        rebuilt,
    })
}

/// Refuses folders with somebody else's files, since rebuilding deletes.
fn claim(dir: &Path) -> Result<()> {
    let entries = std::fs::read_dir(dir).or_error(ErrorKind::Index, || {
        format!("cannot read the folder {}", dir.display())
    })?;
    let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    let ours = |name: &&std::ffi::OsString| **name == *MANIFEST || **name == *LOCK;
    if names.is_empty() || names.iter().any(|name| ours(&name)) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Index,
        format!(
            "{} holds other files and no knowledge index; choose an empty folder",
            dir.display()
        ),
    ))
}

fn load(dir: &Path, wanted: &Manifest) -> Result<(EdgeShard, Manifest), Refusal> {
    let again = |reason: &str| Refusal::Rebuild(reason.to_owned());
    let manifest = match std::fs::read(dir.join(MANIFEST)) {
        Ok(bytes) => serde_json::from_slice::<Manifest>(&bytes)
            .map_err(|error| Refusal::Rebuild(format!("has a damaged manifest ({error})")))?,
        Err(_) if dir.join(SHARD).exists() => return Err(again("has lost its manifest")),
        Err(_) => {
            let shard = create(dir, wanted).map_err(Refusal::Final)?;
            return Ok((shard, wanted.clone()));
        }
    };
    if manifest.layout != wanted.layout {
        return Err(again("was written by another version of this program"));
    }
    if manifest.embedder != wanted.embedder || manifest.dimensions != wanted.dimensions {
        return Err(Refusal::Rebuild(format!(
            "was built with the embedder {} ({} dimensions), not {} ({})",
            manifest.embedder, manifest.dimensions, wanted.embedder, wanted.dimensions
        )));
    }
    if manifest.contents.is_none() {
        return Err(again("was left while it was created"));
    }
    // Opened, read and closed under separate guards: the engine flushes when it is dropped, and a panic there
    // while another one unwinds would end the process.
    let path = dir.join(SHARD);
    let damaged = |why: String| refusal(dir, &why);
    let shard = guarded(|| EdgeShard::load(&path, Some(config(wanted.dimensions))))
        .map_err(damaged)?
        .map_err(|error| damaged(error.to_string()))?;
    let manifest = match guarded(|| redo::finish(dir, &shard, &manifest)) {
        Ok(Ok(manifest)) => manifest,
        Ok(Err(why)) | Err(why) => {
            close(shard);
            return Err(damaged(why));
        }
    };
    // One that was made before there was a filter gets it now.
    match guarded(|| index_filters(&shard)) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            close(shard);
            return Err(damaged(error.to_string()));
        }
        Err(panic) => {
            close(shard);
            return Err(damaged(panic));
        }
    }
    let why = match guarded(|| verify::verify(&shard, manifest.contents.unwrap_or_default())) {
        Ok(Ok(None)) => match save(dir, &manifest) {
            Ok(()) => return Ok((shard, manifest)),
            Err(error) => {
                close(shard);
                return Err(Refusal::Final(error));
            }
        },
        Ok(Ok(Some(why))) => why,
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panic,
    };
    close(shard);
    Err(damaged(why))
}

/// What an index that the engine cannot open is: damaged, but where only room is missing. Then it is as good as it was,
/// and is not to be emptied.
fn refusal(dir: &Path, why: &str) -> Refusal {
    if FULL.iter().any(|sign| why.contains(sign)) {
        return Refusal::Final(Error::new(
            ErrorKind::Index,
            format!(
                "there is no room to open the knowledge index in {} ({why}); make room and open it again",
                dir.display()
            ),
        ));
    }
    Refusal::Rebuild(format!("is damaged ({why})"))
}

/// Drops the engine, whose last flush may panic.
fn close(shard: EdgeShard) {
    if let Err(panic) = guarded(|| drop(shard)) {
        tracing::debug!(panic, "closing a knowledge index failed");
    }
}

fn create(dir: &Path, wanted: &Manifest) -> Result<EdgeShard> {
    // The manifest comes first: a folder without one is never emptied.
    save(
        dir,
        &Manifest {
            contents: None,
            ..wanted.clone()
        },
    )?;
    redo::forget(dir)?;
    let failed = || format!("cannot create the knowledge index in {}", dir.display());
    let path = dir.join(SHARD);
    std::fs::create_dir_all(&path).or_error(ErrorKind::Index, failed)?;
    let shard = guarded(|| EdgeShard::new(&path, config(wanted.dimensions)))
        .map_err(|panic| Error::new(ErrorKind::Index, format!("{}: {panic}", failed())))?
        .or_error(ErrorKind::Index, failed)?;
    let why = match guarded(|| index_filters(&shard)) {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(panic) => Some(panic),
    };
    if let Some(why) = why {
        close(shard);
        return Err(Error::new(ErrorKind::Index, format!("{}: {why}", failed())));
    }
    save(dir, wanted)?;
    Ok(shard)
}

/// Indexes what searches filter by, where that is not done yet.
fn index_filters(shard: &EdgeShard) -> Result<(), OperationError> {
    let known = shard.info().payload_schema;
    let mut is_changed = false;
    for (field, schema) in points::payload_indexes() {
        let field_name = points::json_path(field)?;
        if known.contains_key(&field_name) {
            continue;
        }
        shard.update(UpdateOperation::FieldIndexOperation(
            FieldIndexOperations::CreateIndex(CreateIndex {
                field_name,
                field_schema: Some(schema),
            }),
        ))?;
        is_changed = true;
    }
    if is_changed {
        shard.flush();
    }
    Ok(())
}

/// Replaces the manifest at once or not at all.
pub(super) fn save(dir: &Path, manifest: &Manifest) -> Result<()> {
    replace(dir, MANIFEST, manifest)
}

/// Replaces a file at once or not at all; it is on disk when this returns.
pub(super) fn replace(dir: &Path, name: &str, value: &impl Serialize) -> Result<()> {
    let failed = || {
        format!(
            "cannot write {name} of the knowledge index in {}; make room or choose another folder",
            dir.display()
        )
    };
    let bytes = serde_json::to_vec(value).or_error(ErrorKind::Index, failed)?;
    let fresh = dir.join(format!("{name}.new"));
    let write = || {
        let mut file = File::create(&fresh)?;
        std::io::Write::write_all(&mut file, &bytes)?;
        file.sync_all()?;
        std::fs::rename(&fresh, dir.join(name))?;
        // The new name is only safe with the folder. Not every system lets folders be opened.
        File::open(dir).and_then(|folder| folder.sync_all()).ok();
        Ok::<_, std::io::Error>(())
    };
    write().or_error(ErrorKind::Index, failed)
}

fn config(dimensions: usize) -> EdgeConfig {
    // The log is never replayed: its files may be small.
    let log = WalOptions {
        segment_capacity: LOG_SEGMENT,
        ..WalOptions::default()
    };
    // No graph: a scan of the scope's vectors in 8 bits, compared again in full where they are close, misses next to
    // nothing and takes milliseconds for what one process holds. A graph left a tenth of the best unfound in texts
    // that are much alike (`make bench-knowledge`), and took longer to build than the texts to embed.
    let graph = HnswIndexConfig {
        m: 0,
        payload_m: Some(0),
        ..HnswIndexConfig::default()
    };
    let quantized = ScalarQuantizationConfig {
        r#type: ScalarType::Int8,
        quantile: Some(QUANTILE),
        always_ram: Some(true),
    };
    EdgeConfig::builder()
        .wal_options(log)
        .hnsw_config(graph)
        .quantization_config(QuantizationConfig::from(quantized))
        .vector(
            layout::DENSE,
            EdgeVectorParams::builder(dimensions, Distance::Cosine).build(),
        )
        .sparse_vector(
            layout::SPARSE,
            EdgeSparseVectorParams::builder()
                .modifier(Modifier::Idf)
                .build(),
        )
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_not_emptied_where_only_room_is_missing() {
        let dir = Path::new("index");
        for code in [28, 122] {
            let why = std::io::Error::from_raw_os_error(code).to_string();
            let why = format!("Service runtime error: IO Error: {why}");
            assert!(matches!(refusal(dir, &why), Refusal::Final(_)), "{why}");
        }
        let why = std::io::Error::from_raw_os_error(2).to_string();
        assert!(matches!(refusal(dir, &why), Refusal::Rebuild(_)), "{why}");
    }
}
