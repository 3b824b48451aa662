//! What a reply may be made of.

use super::knowledge::FoundPassage;
use crate::conversation::ActionReceipt;
use crate::knowledge::Audience;

/// From this confidence on a reply is written from an article.
const ANSWERABLE: f32 = 0.5;

/// What a reply may be made of.
#[derive(Clone, Debug, Default)]
pub struct ReplyContext {
    /// Articles for the customer's last words. Those for agents only are not told to customers: no reply is made of them.
    pub passages: Vec<FoundPassage>,
    /// What the procedure says next, in plain words.
    pub next_step: Option<String>,
    /// What was really done.
    pub receipts: Vec<ActionReceipt>,
}

impl ReplyContext {
    /// Whether an article more likely than not answers the customer: a reply written from anything less
    /// is invented.
    pub fn is_answerable(&self) -> bool {
        let best = self.tellable().map(|p| p.found.confidence);
        best.fold(0.0, f32::max) >= ANSWERABLE
    }

    /// The passages that customers may read.
    pub(super) fn tellable(&self) -> impl Iterator<Item = &FoundPassage> {
        let audience = |passage: &FoundPassage| passage.found.hit.passage.audience;
        let passages = self.passages.iter();
        passages.filter(move |passage| audience(passage) == Audience::Customer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::assist::{ArticleFinder, quoted_reply};
    use crate::conversation::{Channel, Conversation, Role, SuggestionKind};
    use crate::embedding::HashingEmbedder;
    use crate::knowledge::{KnowledgeArticle, KnowledgeBase, MemoryVectorStore};

    async fn context(audience: Audience) -> ReplyContext {
        let knowledge = KnowledgeBase::new(
            Arc::new(HashingEmbedder::default()),
            Arc::new(MemoryVectorStore::default()),
        );
        let body = "Customers who cancel get a discount of 20 percent.";
        let article = KnowledgeArticle {
            audience,
            ..KnowledgeArticle::new("retention", "Discount", "acme", body)
        };
        knowledge.ingest(vec![article], None).await.unwrap();
        let mut call = Conversation::new("acme", Channel::Chat);
        let asked = "Do customers who cancel get a discount of 20 percent?";
        call.say(Role::EndUser, asked);
        let mut passages = ArticleFinder::new(knowledge).find(&call).await.unwrap();
        assert_eq!(passages.len(), 1, "people of the organisation see it");
        passages[0].found.confidence = 0.9;
        ReplyContext {
            passages,
            ..ReplyContext::default()
        }
    }

    #[tokio::test]
    async fn no_reply_is_made_of_what_customers_may_not_read() {
        let open = context(Audience::Customer).await;
        assert!(open.is_answerable());
        let reply = quoted_reply(&open).unwrap();
        assert!(
            matches!(&reply.kind, SuggestionKind::Reply { text, .. } if text.contains("discount"))
        );
        let internal = context(Audience::Agent).await;
        assert!(!internal.is_answerable());
        assert_eq!(quoted_reply(&internal), None);
    }
}
