//! The next best action in a dialogue about a flow.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{ActionHead, CUSTOM, Flow, FlowEvent, Tracker, Vectors, texts_of};
use crate::embedding::{CachedEmbedder, Embedder, TextKind};
use crate::error::Result;

/// Vectors that are remembered: the replies of some flows and the utterances of a good many dialogues.
const REMEMBERED: usize = 20_000;

/// Ranks the actions of flows by [`ActionHead`]; milliseconds a decision, since only new texts are embedded.
#[derive(Clone, Debug)]
pub struct FlowRanker {
    embedder: Arc<dyn Embedder>,
    head: Arc<ActionHead>,
}

impl FlowRanker {
    /// With the head inside the library. It was trained on the vectors of one embedding model
    /// ([`ActionHead::embedder`]); with those of another of the same length it ranks worse, and of another length by
    /// the other signs alone.
    ///
    /// # Errors
    /// As [`ActionHead::shipped`].
    pub fn new(embedder: Arc<dyn Embedder>) -> Result<Self> {
        Ok(Self::with_head(
            embedder,
            Arc::new(ActionHead::shipped()?.clone()),
        ))
    }

    /// With a head of your own training.
    pub fn with_head(embedder: Arc<dyn Embedder>, head: Arc<ActionHead>) -> Self {
        Self {
            embedder: CachedEmbedder::over(embedder, REMEMBERED),
            head,
        }
    }

    /// The labels of the flow's actions with how likely each is to come next, likeliest first; they sum to 1.
    /// `events` is the dialogue from its beginning.
    ///
    /// # Errors
    /// As the embedder.
    pub async fn rank(&self, flow: &Flow, events: &[FlowEvent]) -> Result<Vec<(String, f32)>> {
        let texts: BTreeSet<String> = texts_of(flow, events).collect();
        let texts: Vec<String> = texts.into_iter().collect();
        let vectors = self.embedder.embed(&texts, TextKind::Query).await?;
        let vectors = Vectors(texts.into_iter().zip(vectors).collect());
        let mut tracker = Tracker::new(flow, &vectors);
        for event in events {
            tracker.observe(event);
        }
        let shares = self.head.probabilities(flow, &tracker.moment());
        let names = flow.actions().map(str::to_owned);
        let mut ranked: Vec<(String, f32)> = names
            .zip(shares)
            .filter(|(name, share)| name != CUSTOM || *share > 0.0)
            .collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(ranked)
    }
}
