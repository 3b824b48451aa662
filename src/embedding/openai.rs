//! Embeddings from any server that speaks the OpenAI protocol
//! (<https://platform.openai.com/docs/api-reference/embeddings>).

pub use crate::remote::OpenAiConfig;

use std::sync::Arc;

use async_openai::types::embeddings::{
    CreateEmbeddingRequest, CreateEmbeddingResponse, EmbeddingInput, EncodingFormat,
};
use async_trait::async_trait;

use super::{Embedder, TextKind};
use crate::error::{Error, ErrorKind, Result};
use crate::remote::Server;

/// Texts a request; servers refuse more than some number, OpenAI 2,048.
const BATCH: usize = 128;

/// An [`Embedder`] over HTTP. A request is sent once: whether to try again is the caller's
/// decision, by [`Error::is_transient`].
#[derive(Clone, Debug)]
pub struct OpenAiEmbedder {
    server: Arc<Server>,
    id: String,
    dimensions: usize,
    query_prefix: String,
    document_prefix: String,
    max_chars: usize,
}

impl OpenAiEmbedder {
    /// The model gives vectors of `dimensions`. Texts are cut after 8,000 characters; no prefixes.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a base URL, key or model name that cannot be used, or no
    /// dimensions.
    pub fn new(config: OpenAiConfig, dimensions: usize) -> Result<Self> {
        if dimensions == 0 {
            return Err(Error::new(
                ErrorKind::Config,
                "an embedding has at least one dimension; see the model's description",
            ));
        }
        let server = Server::new(&config)?;
        Ok(Self {
            id: format!("openai:{}:{dimensions}", server.model()),
            server: Arc::new(server),
            dimensions,
            query_prefix: String::new(),
            document_prefix: String::new(),
            max_chars: 8_000,
        })
    }

    /// Sets what is written in front of texts; E5 wants `query: ` and `passage: `.
    #[must_use]
    pub fn with_prefixes(mut self, query: impl Into<String>, document: impl Into<String>) -> Self {
        self.query_prefix = query.into();
        self.document_prefix = document.into();
        self.id = format!(
            "openai:{}:{}:{:?}:{:?}",
            self.server.model(),
            self.dimensions,
            self.query_prefix,
            self.document_prefix
        );
        self
    }

    /// Sets after how many characters a text is cut; a server refuses what is longer than its
    /// model's window.
    #[must_use]
    pub fn with_max_chars(mut self, max_chars: usize) -> Self {
        self.max_chars = max_chars.max(1);
        self
    }

    fn input(&self, text: &str, kind: TextKind) -> String {
        let prefix = match kind {
            TextKind::Query => &self.query_prefix,
            TextKind::Document => &self.document_prefix,
        };
        let cut: String = text.trim().chars().take(self.max_chars).collect();
        // Servers refuse an empty text.
        let cut = if cut.is_empty() { " " } else { &cut };
        format!("{prefix}{cut}")
    }

    /// The vectors in the order of the texts, of unit norm.
    fn read(&self, response: CreateEmbeddingResponse, wanted: usize) -> Result<Vec<Vec<f32>>> {
        let mut data = response.data;
        data.sort_by_key(|one| one.index);
        let complete = data.len() == wanted
            && (0..)
                .zip(&data)
                .all(|(index, one): (u32, _)| one.index == index);
        if !complete {
            let got = data.len();
            let what = format!("it gave {got} vectors for {wanted} texts");
            return Err(self.server.odd(what));
        }
        data.into_iter()
            .map(|one| {
                let mut vector = one.embedding;
                if vector.len() != self.dimensions {
                    return Err(Error::new(
                        ErrorKind::Config,
                        format!(
                            "{} gives vectors of {} dimensions, not {}; correct the configuration",
                            self.server.model(),
                            vector.len(),
                            self.dimensions
                        ),
                    ));
                }
                let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
                if !norm.is_normal() {
                    return Err(self.server.odd("it gave a vector without a direction"));
                }
                vector.iter_mut().for_each(|x| *x /= norm);
                Ok(vector)
            })
            .collect()
    }
}

#[async_trait]
impl Embedder for OpenAiEmbedder {
    fn id(&self) -> &str {
        &self.id
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    async fn embed(&self, texts: &[String], kind: TextKind) -> Result<Vec<Vec<f32>>> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            let input = batch.iter().map(|text| self.input(text, kind)).collect();
            let request = CreateEmbeddingRequest {
                model: self.server.model().to_owned(),
                input: EmbeddingInput::StringArray(input),
                encoding_format: Some(EncodingFormat::Float),
                user: None,
                dimensions: None,
            };
            let embeddings = self.server.client().embeddings();
            let response = self.server.within(embeddings.create(request)).await?;
            vectors.append(&mut self.read(response, batch.len())?);
        }
        Ok(vectors)
    }
}
