//! Knowledge for a turn of a conversation: does it need any, which subjects is it about, which passage answers it.
//!
//! A spoken question rarely stands alone: "do they have wifi" names nothing, and a recogniser may have misheard what the
//! agent named a minute before. So the subjects in play are looked for in all turns ([`names`]), the question is read with
//! and without their names, the passages of these subjects are compared with it, and two small trained heads
//! (`models/turn-head.md`) rank them and say how likely it is that the turn needs any.

mod articles;
mod context;
mod evidence;
mod head;
mod index;
mod names;

pub use context::RecentTurns;
pub(super) use index::Indexes;

pub(crate) use evidence::EvidenceOptions;
#[cfg(feature = "eval")]
pub(crate) use evidence::{Candidate, Evidence, RANK_SIGNS};
pub use head::NEED_THRESHOLD;
#[cfg(feature = "eval")]
pub(crate) use head::{Head, Logistic, Weights, log_odds};

use super::{Hit, KnowledgeBase, Scope};
use crate::error::Result;

/// What the knowledge base has for the customer's last turn.
#[derive(Clone, Debug, PartialEq)]
pub struct TurnKnowledge {
    /// How likely it is that the turn asks for something that articles answer, between 0 and 1.
    pub need: f32,
    /// The subjects in play, most likely meant first.
    pub subjects: Vec<SubjectCue>,
    /// The question able to stand alone: the subject's name and what was asked of it.
    pub query: String,
    /// The passages that fit best, best first. They are ranked as if knowledge were needed: look at
    /// [`needs_knowledge`](Self::needs_knowledge) before showing one.
    pub matches: Vec<TurnMatch>,
}

impl TurnKnowledge {
    /// Whether knowledge is more likely needed than not, at the threshold that was fixed in training.
    pub fn needs_knowledge(&self) -> bool {
        self.need >= NEED_THRESHOLD
    }
}

/// A subject of the knowledge base (what articles with this title are about) that the conversation names.
#[derive(Clone, Debug, PartialEq)]
pub struct SubjectCue {
    /// Its name, as the articles write it.
    pub name: String,
    /// How well and how recently it was named: 1 where the last turn names it as it is written.
    pub score: f32,
}

/// A passage that may answer the turn.
#[derive(Clone, Debug, PartialEq)]
pub struct TurnMatch {
    /// The passage; its score is the trained ranker's, of which only the order means something.
    pub hit: Hit,
    /// How likely it is that it answers, given that the turn needs knowledge; between 0 and 1.
    pub confidence: f32,
}

impl KnowledgeBase {
    /// What `scope` has for the customer's last turn, at most `limit` passages.
    ///
    /// The first call for a tenant, and the first after an ingestion, reads all its passages into memory.
    /// Without a turn of the customer nothing is needed.
    ///
    /// # Errors
    /// What the embedder or the store reports; [`ErrorKind::Unsupported`](crate::ErrorKind) from a store that does not
    /// hand out its passages.
    pub async fn for_turn(
        &self,
        turns: &RecentTurns,
        scope: &Scope,
        limit: usize,
    ) -> Result<TurnKnowledge> {
        let evidence = self
            .turn_evidence(turns, scope, &EvidenceOptions::default())
            .await?;
        Ok(evidence.judge(head::shipped(), limit))
    }
}

#[cfg(test)]
mod tests;
