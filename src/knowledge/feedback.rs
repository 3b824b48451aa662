//! What people made of the articles they were shown, and how that moves the ranking.

use std::collections::HashMap;

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use crate::conversation::{ArticleId, TenantId};

/// Uses and dismissals that an article is taken to have had already: one opinion does not decide.
const PRIOR: f32 = 3.0;
/// Opening an article is a weaker sign than using it.
const OPENED: f32 = 0.3;
/// Feedback moves the log odds of an article by so much at most, either way: it settles a close race, it does not
/// bring up what does not answer.
const MOST_SHIFT: f32 = 0.7;

/// What somebody did with an article, or another suggestion, that was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArticleFeedback {
    /// Looked at it.
    Opened,
    /// Told it to the customer, or said that it helped.
    Used,
    /// Used it in words of their own, a reply for instance.
    Edited,
    /// Put it aside: it did not help.
    Dismissed,
}

/// How often an article was opened, used and dismissed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct ArticleTally {
    /// Looked at.
    pub opened: u32,
    /// Used.
    pub used: u32,
    /// Put aside.
    pub dismissed: u32,
}

impl ArticleTally {
    /// What this adds to the log odds that the article helps.
    fn shift(self) -> f32 {
        let good = self.used as f32 + OPENED * self.opened as f32 + PRIOR;
        let bad = self.dismissed as f32 + PRIOR;
        (good / bad).ln().clamp(-MOST_SHIFT, MOST_SHIFT)
    }
}

/// The feedback of all tenants, each by itself.
#[derive(Debug, Default)]
pub(super) struct FeedbackBook {
    tallies: RwLock<HashMap<TenantId, HashMap<ArticleId, ArticleTally>>>,
}

impl FeedbackBook {
    pub(super) fn record(&self, tenant: &TenantId, article: &ArticleId, given: ArticleFeedback) {
        let mut tallies = self.tallies.write();
        let tenant = tallies.entry(tenant.clone()).or_default();
        let tally = tenant.entry(article.clone()).or_default();
        let count = match given {
            ArticleFeedback::Opened => &mut tally.opened,
            ArticleFeedback::Used | ArticleFeedback::Edited => &mut tally.used,
            ArticleFeedback::Dismissed => &mut tally.dismissed,
        };
        *count = count.saturating_add(1);
    }

    pub(super) fn tally(&self, tenant: &TenantId, article: &ArticleId) -> ArticleTally {
        let tallies = self.tallies.read();
        let tally = tallies.get(tenant).and_then(|tenant| tenant.get(article));
        tally.copied().unwrap_or_default()
    }

    pub(super) fn forget(&self, tenant: &TenantId) {
        self.tallies.write().remove(tenant);
    }

    /// A probability after what people made of the article.
    pub(super) fn moved(&self, tenant: &TenantId, article: &ArticleId, probability: f32) -> f32 {
        let tally = self.tally(tenant, article);
        if tally == ArticleTally::default() {
            return probability;
        }
        let likely = probability.clamp(1e-4, 1.0 - 1e-4);
        let odds = (likely / (1.0 - likely)).ln() + tally.shift();
        1.0 / (1.0 + (-odds).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feedback_moves_a_little_for_its_tenant_only_and_is_forgotten() {
        let book = FeedbackBook::default();
        let (acme, other): (TenantId, TenantId) = ("acme".into(), "other".into());
        let article: ArticleId = "refunds".into();
        assert_eq!(book.moved(&acme, &article, 0.5), 0.5);
        book.record(&acme, &article, ArticleFeedback::Used);
        let once = book.moved(&acme, &article, 0.5);
        assert!(once > 0.5 && once < 0.6, "{once}");
        for _ in 0..1_000 {
            book.record(&acme, &article, ArticleFeedback::Dismissed);
        }
        let disliked = book.moved(&acme, &article, 0.5);
        assert!(disliked < 0.5 && disliked > 0.3, "{disliked}");
        assert_eq!(book.moved(&other, &article, 0.5), 0.5);
        assert!(book.moved(&acme, &article, 1.0) > 0.99);
        assert!(book.moved(&acme, &article, 0.0) < 0.01);
        book.forget(&acme);
        assert_eq!(book.tally(&acme, &article), ArticleTally::default());
    }
}
