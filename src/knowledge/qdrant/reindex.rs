//! A new index beside the old one, and the switch.

use std::sync::Arc;

use super::collection::{Client, Identity};
use super::{QdrantOptions, QdrantStore, Target};
use crate::embedding::Embedder;
use crate::error::Result;

/// A new index that nobody searches yet: fill [`store`](Self::store), then [`publish`](Self::publish).
///
/// Dropped without publishing it leaves the old index in use and its own collection on the server; the next
/// [`QdrantStore::reindex`] of the same alias removes it, and so does [`abandon`](Self::abandon).
#[derive(Debug)]
#[must_use = "the old index stays in use until `publish` is called"]
pub struct QdrantReindex {
    store: QdrantStore,
    collection: String,
    previous: Option<String>,
}

pub(super) async fn begin(
    options: QdrantOptions,
    embedder: &dyn Embedder,
) -> Result<QdrantReindex> {
    let client = Client::new(options)?;
    let identity = Identity::of(embedder);
    let previous = client.current().await?;
    let collection = client.successor(previous.as_deref());
    client.drop_collection(&collection).await?;
    client.create(&collection, &identity).await?;
    client.index_payload(&collection).await?;
    Ok(QdrantReindex {
        store: QdrantStore {
            client: Arc::new(client),
            identity: Arc::new(identity),
            target: Arc::new(Target::Fixed(collection.clone())),
        },
        collection,
        previous,
    })
}

impl QdrantReindex {
    /// The new index, empty at first: make a [`KnowledgeBase`](super::super::KnowledgeBase) over it and ingest.
    pub fn store(&self) -> QdrantStore {
        self.store.clone()
    }

    /// Lets the alias point at the new index and drops the old one. Searches that are under way finish in the
    /// old one; stores that are open go on in the new one, or refuse it where it is of another embedder.
    ///
    /// # Errors
    /// [`ErrorKind::Index`](crate::ErrorKind) if the server refuses, transient ones if it cannot be reached: the
    /// old index is then still in use, or the new one is already. An old index that cannot be dropped is a
    /// warning in the log.
    pub async fn publish(self) -> Result<()> {
        let client = &self.store.client;
        client.point_alias(&self.collection).await?;
        if let Some(previous) = self.previous.filter(|name| *name != self.collection)
            && let Err(error) = client.drop_collection(&previous).await
        {
            tracing::warn!(%error, collection = previous, "the old index is still on the server");
        }
        Ok(())
    }

    /// Removes the new index; the old one stays in use.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn abandon(self) -> Result<()> {
        self.store.client.drop_collection(&self.collection).await
    }
}
