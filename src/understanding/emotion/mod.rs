//! What participants feel and how much effort they have: per utterance by an [`EmotionModel`], over a conversation by
//! the [`EmotionTracker`] and the [`EffortTracker`].

mod comfort;
mod effort;
#[cfg(feature = "candle")]
mod head;
mod tracker;
#[cfg(feature = "candle")]
mod trained;
#[cfg(feature = "candle")]
mod weights;
mod words;

pub use comfort::comforted;
pub use effort::EffortTracker;
pub use tracker::{EmotionTracker, Felt};
#[cfg(feature = "candle")]
pub use trained::TrainedEmotion;
pub use words::words_of;

#[cfg(feature = "eval")]
pub(crate) use head::{BASIC, FINE, GROUP, Head, OUTPUTS, sigmoid};
#[cfg(feature = "eval")]
pub(crate) use weights::{FILE, Trained};

use std::fmt::Debug;

use async_trait::async_trait;

use crate::conversation::EmotionDistribution;
use crate::error::Result;

/// Tells what is felt in words. A host may bring its own.
#[async_trait]
pub trait EmotionModel: Debug + Send + Sync + 'static {
    /// Name and version.
    fn id(&self) -> &str;

    /// One distribution a text, in order. A text without words is neutral.
    ///
    /// # Errors
    /// [`ErrorKind::Model`](crate::ErrorKind) if the model fails on a text;
    /// [`ErrorKind::Unavailable`](crate::ErrorKind) where a remote engine does not answer.
    async fn feel(&self, texts: &[String]) -> Result<Vec<EmotionDistribution>>;
}
