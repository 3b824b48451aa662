//! GGUF models in this process, on candle's quantised kernels.
//!
//! The decoder is our own, because a live conversation asks many questions about one growing
//! transcript: its key-value cache can be cut back to any earlier position and copied, so a
//! question costs its own tokens and not the transcript's.

mod cache;
mod constrain;
mod decoder;
mod draft;
mod engine;
mod load;
mod prefixes;
mod sample;
mod score;
mod sequence;
mod template;
mod vocabulary;
mod weights;
mod window;
mod worker;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::{Capabilities, Delta, LanguageModel, Prompt, Request};
use crate::error::{Error, ErrorKind, OrError, Result};
use engine::Engine;

/// See [`Capabilities::score_temperature`]; fitted with the default model by `attendant eval wrap-up --fit`, on dialogues
/// that the evaluation does not score. Below 1: scores are means over a choice's tokens, corrected by what is likely before
/// anything was said, which leaves them flatter than they should be.
const SCORE_TEMPERATURE: f32 = 0.19;

/// A GGUF model (architectures `llama`, `qwen2`, `qwen3`) in this process.
///
/// Cheap to clone. A thread of its own writes several answers at once, every weight read once for all of
/// them; what requests begin with in common is fed once, also while they come at the same time.
#[derive(Clone, Debug)]
pub struct CandleModel {
    id: Arc<str>,
    engine: Engine,
}

/// How to run a [`CandleModel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CandleOptions {
    /// Longest prompt and answer together, in tokens; cut to what the model can do.
    pub context_tokens: usize,
    /// Memory for the states of conversations, in bytes (28 KB a token for Qwen2.5 1.5B). The least
    /// recently used go first; a single request may have more if it must.
    pub cache_bytes: usize,
    /// Answers that are written at the same time; others wait.
    pub max_batch: usize,
    /// Guess at the next tokens by what followed the same words before (prompt lookup). Never changes an
    /// answer; makes those faster that repeat the transcript.
    pub prompt_lookup: bool,
}

impl Default for CandleOptions {
    fn default() -> Self {
        Self {
            context_tokens: 4096,
            cache_bytes: 512 << 20,
            max_batch: 8,
            prompt_lookup: true,
        }
    }
}

impl CandleOptions {
    /// Sets the longest prompt and answer together, in tokens.
    #[must_use]
    pub fn with_context_tokens(mut self, tokens: usize) -> Self {
        self.context_tokens = tokens;
        self
    }

    /// Sets the memory for the states of conversations, in bytes.
    #[must_use]
    pub fn with_cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Sets whether the next tokens are guessed.
    #[must_use]
    pub fn with_prompt_lookup(mut self, yes: bool) -> Self {
        self.prompt_lookup = yes;
        self
    }

    /// Sets how many answers are written at the same time.
    #[must_use]
    pub fn with_max_batch(mut self, answers: usize) -> Self {
        self.max_batch = answers;
        self
    }
}

/// Memory that a [`CandleModel`] holds for conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CandleMemory {
    /// Bytes of states; what conversations share counts once.
    pub cache_bytes: usize,
    /// What it may grow to ([`CandleOptions::cache_bytes`]).
    pub cache_budget: usize,
    /// Bytes of the state of a token.
    pub bytes_per_token: usize,
}

impl CandleModel {
    /// Reads a GGUF file. `id` is a name for logs.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] without such a file; [`ErrorKind::Model`] if it is damaged, or of
    /// an architecture or tokenizer this decoder does not know.
    pub async fn load(
        id: impl Into<Arc<str>>,
        path: impl AsRef<Path>,
        options: CandleOptions,
    ) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let engine = tokio::task::spawn_blocking(move || Engine::load(&path, options))
            .await
            .or_error(ErrorKind::Internal, || "the model loader stopped")??;
        Ok(Self {
            id: id.into(),
            engine,
        })
    }

    /// The tokens of a text, as the model reads it within a prompt: to see how much of the window it takes.
    /// Control tokens written out in it count as text that is left out.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where the text cannot be tokenised.
    pub fn tokenize(&self, text: &str) -> Result<Vec<u32>> {
        self.engine.tokenize(text)
    }

    /// Memory held for conversations now.
    pub fn memory(&self) -> CandleMemory {
        self.engine.memory()
    }
}

#[async_trait]
impl LanguageModel for CandleModel {
    fn id(&self) -> &str {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
            .with_constrained(true)
            .with_scoring(true)
            .with_prefix_cache(true)
            .with_read_ahead(true)
            .with_score_temperature(SCORE_TEMPERATURE)
    }

    async fn generate(&self, request: Request) -> Result<BoxStream<'static, Result<Delta>>> {
        self.engine.generate(request)
    }

    async fn score(&self, prompt: Prompt, choices: Vec<String>) -> Result<Vec<f32>> {
        if choices.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "there are no choices to score",
            ));
        }
        self.engine.score(prompt, choices).await
    }
}

/// Wraps a candle failure; at run time these are defects or exhausted memory.
fn candle_error(error: candle_core::Error) -> Error {
    Error::new(ErrorKind::Model, "the model failed while computing").with_source(error)
}
