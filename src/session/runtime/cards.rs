//! The articles on the human agent's screen.

use super::super::event::{SessionEvent, Skill};
use super::Runtime;
use crate::assist::{FoundPassage, asks_something};
use crate::conversation::{ArticleId, UtteranceId};
use crate::error::{Error, ErrorKind, Result};
use crate::knowledge::{ArticleFeedback, Audience, Question, Scope};

impl Runtime {
    /// Shows articles that are new; where a question found none, that is kept as a gap.
    pub(super) async fn show_articles(&mut self, found: &[FoundPassage], now: UtteranceId) {
        for passage in self.cards.offer(found, now) {
            let article = passage.found.hit.passage.article.clone();
            let card = passage.into_suggestion();
            self.journal.card(&card.id, &article);
            self.card_articles.insert(card.id.clone(), article);
            self.emit(SessionEvent::Suggestion(card)).await;
        }
        if !found.is_empty() || !asks_something(&self.conversation) {
            return;
        }
        let asked = self.conversation.transcript.get(now);
        if let Some(text) = asked.map(|said| said.text.clone()) {
            let scope = Scope::new(self.conversation.tenant.clone(), Audience::Agent);
            let question = Question::new(text, scope);
            if let Err(error) = self.assistant.unanswered(&question).await {
                self.emit(SessionEvent::failed(Skill::Knowledge, &error))
                    .await;
            }
        }
    }

    /// The article that a suggestion was.
    pub(super) fn card_article(&self, suggestion: &str) -> Result<ArticleId> {
        self.card_articles.get(suggestion).cloned().ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "no article and no action was suggested as {suggestion:?} in this session; give the id of the suggestion"
                ),
            )
        })
    }

    /// The agent did something with an article.
    pub(super) async fn article_feedback(&mut self, article: ArticleId, given: ArticleFeedback) {
        if given == ArticleFeedback::Dismissed {
            self.cards.dismiss(&article);
        }
        let tenant = self.conversation.tenant.clone();
        let kept = self
            .assistant
            .article_feedback(&tenant, &article, given)
            .await;
        if let Err(error) = kept {
            self.emit(SessionEvent::failed(Skill::Knowledge, &error))
                .await;
        }
    }
}
