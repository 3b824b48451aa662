//! One file a command.

pub(crate) mod assist;
pub(crate) mod chat;
#[cfg(feature = "eval")]
pub(crate) mod eval;
pub(crate) mod file;
pub(crate) mod index;
pub(crate) mod insight;
pub(crate) mod knowledge;
pub(crate) mod live;
#[cfg(all(feature = "server", feature = "mcp"))]
pub(crate) mod mcp;
pub(crate) mod models;
pub(crate) mod replay;
pub(crate) mod review;
#[cfg(feature = "server")]
pub(crate) mod serve;
#[cfg(feature = "eval")]
pub(crate) mod tasks;
pub(crate) mod transcribe;

use std::sync::Arc;

use attendant::Result;
use attendant::assistant::local::load_speech;
use attendant::models::Cache;
use attendant::speech::{SpeechToText, WhisperSpeech};

use crate::screen::Screen;

/// Loads a speech model; says where it hears with the built-in voice detector.
async fn speech(cache: &Cache, model: &str, screen: &Screen) -> Result<Arc<WhisperSpeech>> {
    let engine = load_speech(cache, model).await?;
    if engine.voice_detector().is_none() {
        screen.note(
            "the built-in voice detector is used, which takes more noise for speech; \
             `attendant models fetch silero-vad` gets a better one",
        );
    }
    Ok(engine)
}
