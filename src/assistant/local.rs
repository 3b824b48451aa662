//! The local engines by name: whisper.cpp, candle, Qdrant Edge, SQLite.

use std::path::PathBuf;
use std::sync::Arc;

use super::AssistantBuilder;
use crate::embedding::Embedder;
use crate::embedding::candle::CandleEmbedder;
use crate::error::{ErrorKind, OrError, Result};
use crate::knowledge::EdgeStore;
use crate::llm::candle::{CandleModel, CandleOptions};
use crate::models::{Cache, ModelRole};
use crate::speech::{DetectorFactory, SileroModel, WhisperSpeech};
use crate::understanding::emotion::TrainedEmotion;

/// The voice detector that is used where it was fetched.
const VOICE_DETECTOR: &str = "silero-vad";

/// Which local models to load, each an id of the catalogue or a path; `None` leaves one out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalModels {
    /// A GGUF language model.
    pub language_model: Option<String>,
    /// A ggml Whisper model.
    pub speech: Option<String>,
    /// A folder of a BERT-family model (safetensors).
    pub embedding: Option<String>,
    /// Where the vector index is kept; in memory where `None`.
    pub index: Option<PathBuf>,
}

impl Default for LocalModels {
    fn default() -> Self {
        Self {
            language_model: Some("qwen2.5-coder-1.5b-instruct".into()),
            speech: Some("whisper-tiny.en".into()),
            embedding: Some("all-minilm-l6-v2".into()),
            index: None,
        }
    }
}

impl LocalModels {
    /// The default models with these instead, where given; `"none"` leaves one out.
    #[must_use]
    pub fn choose(
        mut self,
        language_model: Option<&str>,
        speech: Option<&str>,
        embedding: Option<&str>,
    ) -> Self {
        let pick = |field: &mut Option<String>, chosen: Option<&str>| match chosen {
            Some("none") => *field = None,
            // An environment variable that is set to nothing is not set.
            Some("") => {}
            Some(name) => *field = Some(name.to_owned()),
            None => {}
        };
        pick(&mut self.language_model, language_model);
        pick(&mut self.speech, speech);
        pick(&mut self.embedding, embedding);
        self
    }
}

/// The folder of a BERT-family embedder by name or path.
///
/// # Errors
/// [`ErrorKind::NotFound`] if it is not in the cache.
pub fn embedder_folder(cache: &Cache, name: &str) -> Result<PathBuf> {
    let files = cache.resolve(name, ModelRole::Embedding)?;
    let folder = files.weights.parent().map(PathBuf::from);
    Ok(folder.unwrap_or_default())
}

/// Loads the emotion model that comes with the library, on the embedder it was trained on, all-MiniLM-L6-v2.
///
/// # Errors
/// [`ErrorKind::NotFound`] if the embedder is not in the cache; [`ErrorKind::Model`] if it is damaged or another one.
pub async fn load_emotion(cache: &Cache, name: &str) -> Result<Arc<TrainedEmotion>> {
    let folder = embedder_folder(cache, name)?;
    let loaded = tokio::task::spawn_blocking(move || TrainedEmotion::load(&folder)).await;
    let model = loaded.or_error(ErrorKind::Internal, || "the emotion loader stopped")??;
    Ok(Arc::new(model))
}

/// Loads a BERT-family embedder by name or path.
///
/// # Errors
/// [`ErrorKind::NotFound`] if it is not in the cache; [`ErrorKind::Model`] if it is damaged.
pub async fn load_embedder(cache: &Cache, name: &str) -> Result<Arc<dyn Embedder>> {
    let folder = embedder_folder(cache, name)?;
    let loaded = tokio::task::spawn_blocking(move || CandleEmbedder::load(&folder)).await;
    let embedder = loaded.or_error(ErrorKind::Internal, || "the embedding loader stopped")??;
    Ok(Arc::new(embedder))
}

/// Loads the voice detector Silero VAD; `None`, and a warning in the log, where it was not fetched.
///
/// # Errors
/// [`ErrorKind::Model`] if it is damaged.
pub async fn load_voice_detector(cache: &Cache) -> Result<Option<DetectorFactory>> {
    let files = match cache.resolve(VOICE_DETECTOR, ModelRole::Vad) {
        Ok(files) => files,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            tracing::warn!(%error, "the built-in voice detector is used, which takes more noise for speech");
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let loaded = tokio::task::spawn_blocking(move || SileroModel::load(&files.weights)).await;
    let stopped = || "the voice detector's loader stopped";
    let model = loaded.or_error(ErrorKind::Internal, stopped)??;
    Ok(Some(model.factory()))
}

/// Loads a Whisper model by name or path, with the voice detector of [`load_voice_detector`].
///
/// # Errors
/// [`ErrorKind::NotFound`] if it is not in the cache; [`ErrorKind::Model`] if it is damaged.
pub async fn load_speech(cache: &Cache, name: &str) -> Result<Arc<WhisperSpeech>> {
    let files = cache.resolve(name, ModelRole::Stt)?;
    let loaded = tokio::task::spawn_blocking(move || WhisperSpeech::load(&files.weights)).await;
    let engine = loaded.or_error(ErrorKind::Internal, || "the speech loader stopped")??;
    Ok(Arc::new(match load_voice_detector(cache).await? {
        Some(detector) => engine.with_voice_detector(detector),
        None => engine,
    }))
}

/// Loads a GGUF language model by name or path.
///
/// # Errors
/// [`ErrorKind::NotFound`] if it is not in the cache; [`ErrorKind::Model`] if it is damaged.
pub async fn load_language_model(cache: &Cache, name: &str) -> Result<Arc<CandleModel>> {
    let files = cache.resolve(name, ModelRole::Llm)?;
    let id = files.id.clone();
    Ok(Arc::new(
        CandleModel::load(id, &files.weights, CandleOptions::default()).await?,
    ))
}

impl AssistantBuilder {
    /// Loads local engines from the model cache.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] naming the model that is missing and how to fetch it;
    /// [`ErrorKind::Model`] or [`ErrorKind::Index`] for what is damaged.
    pub async fn local(mut self, cache: &Cache, models: &LocalModels) -> Result<Self> {
        if let Some(name) = &models.embedding {
            let embedder = load_embedder(cache, name).await?;
            if let Some(index) = &models.index {
                let store = EdgeStore::open_or_rebuild(index, embedder.as_ref()).await?;
                self = self.vector_store(Arc::new(store));
            }
            self = self.embedder(embedder);
            // The emotion model is made for one embedder; with another nothing tells feelings.
            match load_emotion(cache, name).await {
                Ok(emotion) => self = self.emotion(emotion),
                Err(error) => tracing::info!(%error, "feelings are not told"),
            }
        }
        if let Some(name) = &models.speech {
            self = self.speech(load_speech(cache, name).await?);
        }
        if let Some(name) = &models.language_model {
            self = self.language_model(load_language_model(cache, name).await?);
        }
        Ok(self)
    }
}
