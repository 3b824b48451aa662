//! Collections, the alias, and the notes that say what an index was built with.

use std::collections::HashMap;

use qdrant_client::Qdrant;
use qdrant_client::qdrant::{
    CollectionInfo, CreateAlias, CreateCollectionBuilder, CreateFieldIndexCollectionBuilder,
    Distance, FieldType, HnswConfigDiffBuilder, IntegerIndexParamsBuilder,
    KeywordIndexParamsBuilder, Modifier, SparseVectorParamsBuilder, SparseVectorsConfigBuilder,
    Value, VectorParamsBuilder, VectorsConfigBuilder, payload_index_params::IndexParams,
};

use super::QdrantOptions;
use crate::embedding::Embedder;
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::knowledge::layout;

const LAYOUT: &str = "attendant_layout";
const EMBEDDER: &str = "attendant_embedder";
const DIMENSIONS: &str = "attendant_dimensions";

/// Links of a vector in the HNSW graph, candidates looked at when it is linked, and candidates kept in a search
/// (Malkov and Yashunin 2018, <https://arxiv.org/abs/1603.09320>).
const HNSW_LINKS: usize = 32;
const HNSW_BUILD: usize = 256;
pub(super) const HNSW_SEARCH: usize = 512;

/// What the vectors of an index come from; written into the collection's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    layout: u32,
    embedder: String,
    pub(super) dimensions: usize,
}

impl Identity {
    pub(super) fn of(embedder: &dyn Embedder) -> Self {
        Self {
            layout: layout::VERSION,
            embedder: embedder.id().to_owned(),
            dimensions: embedder.dimensions(),
        }
    }

    fn notes(&self) -> HashMap<String, serde_json::Value> {
        HashMap::from([
            (LAYOUT.to_owned(), self.layout.into()),
            (EMBEDDER.to_owned(), self.embedder.clone().into()),
            (DIMENSIONS.to_owned(), self.dimensions.into()),
        ])
    }

    /// `None` where the collection is not one of ours.
    fn from_notes(notes: &HashMap<String, Value>) -> Option<Self> {
        let number = |key: &str| notes.get(key)?.as_integer();
        Some(Self {
            layout: number(LAYOUT)?.try_into().ok()?,
            embedder: notes.get(EMBEDDER)?.as_str()?.to_owned(),
            dimensions: number(DIMENSIONS)?.try_into().ok()?,
        })
    }
}

/// A connection, made when it is first needed and again when it breaks.
pub(super) struct Client {
    pub(super) qdrant: Qdrant,
    options: QdrantOptions,
}

impl Client {
    pub(super) fn new(options: QdrantOptions) -> Result<Self> {
        if options.alias.is_empty() {
            return Err(Error::new(
                ErrorKind::Config,
                "the index on the Qdrant server has no name; give one",
            ));
        }
        let qdrant = Qdrant::from_url(&options.url)
            .timeout(options.timeout)
            .connect_timeout(options.connect_timeout)
            .api_key(options.api_key.clone())
            .keep_alive_while_idle()
            // It would ask the server at once, from a thread of its own, and print what it thinks.
            .skip_compatibility_check()
            .build()
            .or_error(ErrorKind::Config, || {
                format!(
                    "{} is no address of a Qdrant server; give http(s)://host:port of its gRPC interface",
                    options.url
                )
            })?;
        Ok(Self { qdrant, options })
    }

    pub(super) fn options(&self) -> &QdrantOptions {
        &self.options
    }

    pub(super) fn index_error(&self, what: &str) -> Error {
        Error::new(
            ErrorKind::Index,
            format!(
                "the knowledge index {} at {} {what}",
                self.options.alias, self.options.url
            ),
        )
    }

    /// The collection that the alias points at.
    pub(super) async fn current(&self) -> Result<Option<String>> {
        let listed = self
            .ask("list the aliases", || self.qdrant.list_aliases())
            .await?;
        let ours = listed
            .aliases
            .into_iter()
            .find(|alias| alias.alias_name == self.options.alias);
        Ok(ours.map(|alias| alias.collection_name))
    }

    /// Makes the very first collection and the alias. Two processes that do so at once end up with the same one.
    pub(super) async fn begin(&self, identity: &Identity) -> Result<String> {
        let name = format!("{}-1", self.options.alias);
        if !self.exists(&name).await? {
            self.create(&name, identity).await?;
        }
        // Whoever died between the two steps has left it; it is only used if it is what we would make.
        self.verify(&name, identity).await?;
        self.index_payload(&name).await?;
        self.point_alias(&name).await?;
        Ok(name)
    }

    /// The name of the next collection after `current`.
    pub(super) fn successor(&self, current: Option<&str>) -> String {
        let number = current
            .and_then(|name| name.rsplit_once('-')?.1.parse::<u32>().ok())
            .unwrap_or(0);
        format!("{}-{}", self.options.alias, number.saturating_add(1))
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        self.ask("look for the collection", || {
            self.qdrant.collection_exists(name)
        })
        .await
    }

    async fn describe(&self, name: &str) -> Result<Option<CollectionInfo>> {
        let answer = self
            .ask("open the index", || self.qdrant.collection_info(name))
            .await?;
        Ok(answer.result)
    }

    /// Refuses an index that was not built with what `wanted` says.
    pub(super) async fn verify(&self, name: &str, wanted: &Identity) -> Result<()> {
        let config = self.describe(name).await?.and_then(|info| info.config);
        let found = config.and_then(|config| Identity::from_notes(&config.metadata));
        let why = match found {
            Some(found) if found == *wanted => return Ok(()),
            Some(found) if found.layout != wanted.layout => {
                "was written by another version of this program".to_owned()
            }
            Some(found) => format!(
                "was built with the embedder {} ({} dimensions), not {} ({})",
                found.embedder, found.dimensions, wanted.embedder, wanted.dimensions
            ),
            None => "was not built by this program".to_owned(),
        };
        Err(self.index_error(&format!(
            "{why}; build it again with QdrantStore::reindex, or choose another name"
        )))
    }

    pub(super) async fn create(&self, name: &str, identity: &Identity) -> Result<()> {
        let mut vectors = VectorsConfigBuilder::default();
        vectors.add_named_vector_params(
            layout::DENSE,
            VectorParamsBuilder::new(identity.dimensions as u64, Distance::Cosine),
        );
        let mut sparse = SparseVectorsConfigBuilder::default();
        sparse.add_named_vector_params(
            layout::SPARSE,
            SparseVectorParamsBuilder::default().modifier(Modifier::Idf),
        );
        let hnsw = HnswConfigDiffBuilder::default()
            .m(HNSW_LINKS as u64)
            .ef_construct(HNSW_BUILD as u64);
        let mut collection = CreateCollectionBuilder::new(name)
            .vectors_config(vectors)
            .sparse_vectors_config(sparse)
            .hnsw_config(hnsw)
            .metadata(identity.notes());
        if let Some(shards) = self.options.shards {
            collection = collection.shard_number(shards);
        }
        if let Some(replicas) = self.options.replicas {
            collection = collection.replication_factor(replicas);
        }
        let made = self
            .ask("create the index", || {
                self.qdrant.create_collection(collection.clone())
            })
            .await;
        match made {
            Ok(_) => Ok(()),
            // A request that was made again, or another process, may have found it there.
            Err(_) if self.exists(name).await? => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Indexes what searches filter by, where that is not done yet, so that filters are followed inside the graph.
    pub(super) async fn index_payload(&self, name: &str) -> Result<()> {
        let keyword = |tenant| {
            let params = KeywordIndexParamsBuilder::default().is_tenant(tenant);
            (
                FieldType::Keyword,
                IndexParams::KeywordIndexParams(params.build()),
            )
        };
        let integer = || {
            let params = IntegerIndexParamsBuilder::new(false, true).build();
            (FieldType::Integer, IndexParams::IntegerIndexParams(params))
        };
        let known = self.describe(name).await?;
        let known = known.map(|info| info.payload_schema).unwrap_or_default();
        let fields = [
            (layout::TENANT, keyword(true)),
            (layout::AUDIENCE, keyword(false)),
            (layout::LANGUAGE, keyword(false)),
            (layout::PRODUCT, keyword(false)),
            (layout::VALID_FROM, integer()),
            (layout::VALID_TO, integer()),
        ];
        for (field, (kind, params)) in fields {
            if known.contains_key(field) {
                continue;
            }
            let request = CreateFieldIndexCollectionBuilder::new(name, field, kind)
                .field_index_params(params)
                .wait(true);
            self.ask("index the filters", || {
                self.qdrant.create_field_index(request.clone())
            })
            .await?;
        }
        Ok(())
    }

    /// Makes the alias point at `name`, whatever it pointed at before, in one step.
    pub(super) async fn point_alias(&self, name: &str) -> Result<()> {
        let alias = CreateAlias {
            alias_name: self.options.alias.clone(),
            collection_name: name.to_owned(),
        };
        self.ask("switch the alias", || {
            self.qdrant.create_alias(alias.clone())
        })
        .await?;
        Ok(())
    }

    pub(super) async fn drop_collection(&self, name: &str) -> Result<()> {
        self.ask("drop the old index", || self.qdrant.delete_collection(name))
            .await?;
        Ok(())
    }
}
