//! What the knowledge base learns from its use.

use super::feedback::ArticleTally;
use super::{ArticleFeedback, KnowledgeBase, KnowledgeGap, Question};
use crate::conversation::{ArticleId, TenantId};
use crate::error::Result;

impl KnowledgeBase {
    /// Somebody of `tenant` opened, used or dismissed an article: it moves up or down a little for this tenant.
    ///
    /// Kept in memory; who wants to keep it longer stores what happened and tells it again, as `Assistant` does.
    pub fn feedback(&self, tenant: &TenantId, article: &ArticleId, given: ArticleFeedback) {
        self.state.feedback.record(tenant, article, given);
    }

    /// How often an article was opened, used and dismissed.
    pub fn tally(&self, tenant: &TenantId, article: &ArticleId) -> ArticleTally {
        self.state.feedback.tally(tenant, article)
    }

    /// Nothing answered a question: it counts towards an article that is missing.
    ///
    /// # Errors
    /// What the embedder reports.
    pub async fn unanswered(&self, question: &Question, at: jiff::Timestamp) -> Result<()> {
        let text = question.text.trim();
        if !text.chars().any(char::is_alphanumeric) {
            return Ok(());
        }
        let vectors = self.query_vectors(&[text.to_owned()]).await?;
        if let Some(vector) = vectors.into_iter().next() {
            let tenant = &question.scope.tenant;
            self.state.gaps.record(tenant, text, vector, at);
        }
        Ok(())
    }

    /// Articles that are missing: questions that nothing answered, like ones together, at most `limit`, the one asked
    /// for most often first.
    pub fn gaps(&self, tenant: &TenantId, limit: usize) -> Vec<KnowledgeGap> {
        self.state.gaps.list(tenant, limit)
    }

    /// Forgets what was learned of a tenant.
    pub fn forget_learned(&self, tenant: &TenantId) {
        self.state.feedback.forget(tenant);
        self.state.gaps.forget(tenant);
    }
}
