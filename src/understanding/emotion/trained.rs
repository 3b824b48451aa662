//! The model that comes with the library: all-MiniLM-L6-v2 with upper layers trained on GoEmotions.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use super::EmotionModel;
use super::head::Head;
use super::weights::Trained;
use crate::conversation::EmotionDistribution;
use crate::embedding::TextKind;
use crate::embedding::candle::CandleEmbedder;
use crate::error::{ErrorKind, OrError, Result};

/// The weights that come with the library (`models/emotion-head.md`).
const SHIPPED: &[u8] = include_bytes!("../../../models/emotion-head.safetensors");

/// Tells emotions by an encoder whose upper layers were trained to, and a linear layer behind it (English only;
/// `models/emotion-head.md` is its card).
#[derive(Clone, Debug)]
pub struct TrainedEmotion {
    encoder: CandleEmbedder,
    head: Arc<Head>,
    id: String,
}

impl TrainedEmotion {
    /// Loads the model; `dir` is the folder of the embedding model all-MiniLM-L6-v2.
    ///
    /// # Errors
    /// [`ErrorKind::Model`](crate::ErrorKind) if a file is missing or damaged, or it is another model.
    pub fn load(dir: &Path) -> Result<Self> {
        Self::with(dir, &Trained::parse(SHIPPED)?)
    }

    /// The same with a head of your own training (`attendant train emotion`).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind) without such a file; else as [`load`](Self::load).
    pub fn load_trained(dir: &Path, head: &Path) -> Result<Self> {
        let bytes = std::fs::read(head).or_error(ErrorKind::NotFound, || {
            format!("cannot read {}", head.display())
        })?;
        Self::with(dir, &Trained::parse(&bytes)?)
    }

    pub(crate) fn with(dir: &Path, trained: &Trained) -> Result<Self> {
        Ok(Self {
            encoder: CandleEmbedder::load_changed(dir, None, |id, weights| {
                trained.apply(id, weights)
            })?,
            head: Arc::new(trained.head.clone()),
            id: format!("emotion-head on {}", trained.base),
        })
    }

    /// Logits of all outputs.
    pub(crate) async fn logits(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let tokens = self.encoder.embed_tokens(texts, TextKind::Query).await?;
        Ok(tokens
            .iter()
            .map(|text| self.head.logits(&text.values))
            .collect())
    }

    #[cfg(feature = "eval")]
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }
}

#[async_trait]
impl EmotionModel for TrainedEmotion {
    fn id(&self) -> &str {
        &self.id
    }

    async fn feel(&self, texts: &[String]) -> Result<Vec<EmotionDistribution>> {
        let logits = self.logits(texts).await?;
        let felt = texts.iter().zip(logits);
        Ok(felt
            .map(|(text, logits)| match text.trim().is_empty() {
                true => EmotionDistribution::neutral(),
                false => Head::distribution(&self.head.probabilities(&logits)),
            })
            .collect())
    }
}
