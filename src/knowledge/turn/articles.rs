//! Articles to show for a turn about a subject that several articles tell of.

use std::collections::HashSet;

use super::evidence::EvidenceOptions;
use super::{RecentTurns, TurnKnowledge, head};
use crate::error::{ErrorKind, Result};
use crate::knowledge::support::is_repeated;
use crate::knowledge::{ArticleMatch, KnowledgeBase, Question, Scope};

/// Passages that are held in memory for this; larger collections are only searched.
const MOST_PASSAGES: usize = 20_000;
/// Passages of the ranking that are looked at for every article wanted: several may be of one.
const DEEPER: usize = 4;

impl KnowledgeBase {
    /// Articles for the customer's last turn where the conversation names a subject that several articles tell of (a
    /// hotel, a product): the subject may have been named by the other side minutes ago. Most likely first, each once;
    /// none where the turn needs no knowledge.
    ///
    /// `None` where no such subject is named, the collection is larger than 20,000 passages, or the store does not hand
    /// it out: then the turn's own words are all there is to [search](Self::articles_for) by. The heads behind it were
    /// trained on such collections (`models/turn-head.md`); they say nothing about a handbook of procedures.
    ///
    /// # Errors
    /// What the embedder or the store reports.
    pub async fn articles_for_turn(
        &self,
        turns: &RecentTurns,
        scope: &Scope,
        limit: usize,
    ) -> Result<Option<Vec<ArticleMatch>>> {
        let options = EvidenceOptions {
            most_passages: Some(MOST_PASSAGES),
            ..EvidenceOptions::default()
        };
        let evidence = match self.turn_evidence(turns, scope, &options).await {
            Ok(evidence) if evidence.about_a_subject => evidence,
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(None),
            Err(error) => return Err(error),
        };
        let known = evidence.judge(head::shipped(), limit.saturating_mul(DEEPER));
        if !known.needs_knowledge() {
            return Ok(Some(Vec::new()));
        }
        self.matched(known, scope, limit).await.map(Some)
    }

    async fn matched(
        &self,
        known: TurnKnowledge,
        scope: &Scope,
        limit: usize,
    ) -> Result<Vec<ArticleMatch>> {
        let question = Question::new(known.query, scope.clone());
        let mut found: Vec<ArticleMatch> = Vec::new();
        let mut known_texts = HashSet::new();
        for candidate in known.matches {
            let article = &candidate.hit.passage.article;
            let is_there = found.iter().any(|m| m.hit.passage.article == *article);
            if found.len() >= limit || is_there {
                continue;
            }
            let sure = self
                .state
                .feedback
                .moved(&scope.tenant, article, candidate.confidence);
            if sure < self.options.article_confidence {
                continue;
            }
            // The same text in two articles is shown once.
            if is_repeated(&candidate.hit.passage, &mut known_texts) {
                continue;
            }
            let passages = [(sure, candidate.hit)];
            let facts = self.facts(&passages, &question).await?;
            let [(confidence, hit)] = passages;
            found.extend(self.match_of(hit, facts, confidence));
        }
        found.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        Ok(found)
    }
}
