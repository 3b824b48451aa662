//! The change under way, written down before the engine sees it.
//!
//! The engine's files are sound as of its last flush; what came after may be there in part. There is one flush a
//! write, so making that write again mends it (write-ahead logging with redo, as in Mohan et al. 1992, ARIES,
//! <https://doi.org/10.1145/128765.128770>, for a single change).

use std::path::Path;

use qdrant_edge::{
    EdgeShard, OperationError, PointId, PointInsertOperations, PointOperations, UpdateOperation,
};
use serde::{Deserialize, Serialize};

use super::open::{Manifest, replace};
use super::points::{self, Contents};
use crate::conversation::{PassageId, TenantId};
use crate::error::{ErrorKind, OrError, Result};
use crate::knowledge::{IndexedPassage, Passage, SparseVector, layout};

pub(super) const REDO: &str = "attendant-index.redo";

/// Points in one operation; keeps a record of the engine's log near a megabyte.
const WRITE_BATCH: usize = 256;

/// What is to be done, and what must stay as it is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    /// One more than the number of finished writes.
    pub(super) number: u64,
    /// All points but those that the change touches.
    rest: Contents,
    change: Change,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Change {
    Upsert(Vec<Written>),
    Remove {
        tenant: TenantId,
        ids: Vec<PassageId>,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Written {
    passage: Passage,
    dense: Vec<f32>,
    words: Vec<u32>,
    weights: Vec<f32>,
}

impl Change {
    pub(super) fn upsert(passages: Vec<IndexedPassage>) -> Self {
        let written = |indexed: IndexedPassage| Written {
            passage: indexed.passage,
            dense: indexed.dense,
            words: indexed.sparse.indices,
            weights: indexed.sparse.values,
        };
        Self::Upsert(passages.into_iter().map(written).collect())
    }

    pub(super) fn remove(tenant: &TenantId, ids: &[PassageId]) -> Self {
        Self::Remove {
            tenant: tenant.clone(),
            ids: ids.to_vec(),
        }
    }

    /// The points that it touches, each once.
    fn ids(&self) -> Vec<PointId> {
        let mut ids: Vec<_> = match self {
            Self::Upsert(passages) => passages
                .iter()
                .map(|one| layout::point_id(&one.passage.tenant, &one.passage.id))
                .collect(),
            Self::Remove { tenant, ids } => {
                ids.iter().map(|id| layout::point_id(tenant, id)).collect()
            }
        };
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().map(PointId::Uuid).collect()
    }

    fn operations(&self) -> Result<Vec<PointOperations>, OperationError> {
        let passages = match self {
            Self::Remove { .. } => {
                return Ok(vec![PointOperations::DeletePoints { ids: self.ids() }]);
            }
            Self::Upsert(passages) => passages,
        };
        let mut operations = Vec::new();
        for batch in passages.chunks(WRITE_BATCH) {
            let points = batch.iter().map(point).collect::<Result<_, _>>()?;
            let list = PointInsertOperations::PointsList(points);
            operations.push(PointOperations::UpsertPoints(list));
        }
        Ok(operations)
    }

    /// Whether the engine holds what this change was to write.
    fn is_done(&self, shard: &EdgeShard) -> Result<bool, OperationError> {
        let stored = points::hashes(shard, &self.ids())?;
        Ok(match self {
            Self::Remove { .. } => stored.is_empty(),
            Self::Upsert(passages) => {
                // Of passages with the same id the last counts.
                let wanted = passages.iter().map(|one| {
                    let id = layout::point_id(&one.passage.tenant, &one.passage.id);
                    (PointId::Uuid(id), one.passage.content_hash.clone())
                });
                stored == wanted.collect()
            }
        })
    }
}

fn point(written: &Written) -> Result<qdrant_edge::PointStructPersisted, OperationError> {
    points::point(IndexedPassage {
        passage: written.passage.clone(),
        dense: written.dense.clone(),
        sparse: SparseVector {
            indices: written.words.clone(),
            values: written.weights.clone(),
        },
    })
    .map_err(|error| OperationError::service_error(error.to_string()))
}

/// What to write down before the change is made.
pub(super) fn prepare(
    shard: &EdgeShard,
    manifest: &Manifest,
    change: &Change,
) -> Result<Entry, OperationError> {
    let before = Contents::at(shard, &change.ids())?;
    Ok(Entry {
        number: manifest.writes.wrapping_add(1),
        rest: manifest.contents.unwrap_or_default().minus(before),
        change: change.clone(),
    })
}

pub(super) fn save(dir: &Path, entry: &Entry) -> Result<()> {
    replace(dir, REDO, entry)
}

/// Removes what an index that was here before has left.
pub(super) fn forget(dir: &Path) -> Result<()> {
    let path = dir.join(REDO);
    if !path.exists() {
        return Ok(());
    }
    std::fs::remove_file(&path).or_error(ErrorKind::Index, || {
        format!("cannot remove {}", path.display())
    })
}

/// Makes the change and flushes it; returns what the index must hold now.
pub(super) fn apply(shard: &EdgeShard, entry: &Entry) -> Result<Contents, OperationError> {
    for operation in entry.change.operations()? {
        shard.update(UpdateOperation::PointOperation(operation))?;
    }
    shard.flush();
    Ok(entry.rest.plus(Contents::at(shard, &entry.change.ids())?))
}

/// Makes the change again that a process did not live to finish. Returns what the index must hold, or why
/// it is damaged.
pub(super) fn finish(
    dir: &Path,
    shard: &EdgeShard,
    manifest: &Manifest,
) -> Result<Manifest, String> {
    let next = manifest.writes.wrapping_add(1);
    let entry = match std::fs::read(dir.join(REDO)) {
        Ok(bytes) => serde_json::from_slice::<Entry>(&bytes)
            .map_err(|error| format!("the change under way cannot be read: {error}"))?,
        Err(_) => return Ok(manifest.clone()),
    };
    if entry.number != next {
        return Ok(manifest.clone());
    }
    let again = || {
        let contents = apply(shard, &entry)?;
        Ok::<_, OperationError>((contents, entry.change.is_done(shard)?))
    };
    match again() {
        Ok((contents, true)) => {
            tracing::info!(index = %dir.display(), "finished a write that was interrupted");
            Ok(Manifest {
                contents: Some(contents),
                writes: next,
                ..manifest.clone()
            })
        }
        Ok((_, false)) => Err("a write that was interrupted cannot be made again".into()),
        Err(error) => Err(error.to_string()),
    }
}
