//! What still comes for a conversation that is over.

use uuid::Uuid;

use super::super::persist::{feedback_record, restore};
use super::super::runtime::satisfaction_of;
use super::super::shown::{Card, Made, ShownAction, is_taken};
use super::super::{Accepted, SessionInput};
use super::SessionHub;
use crate::conversation::Conversation;
use crate::dialogue::learning::Outcome;
use crate::error::{Error, ErrorKind, Result};
use crate::knowledge::ArticleFeedback;
use crate::store::StreamKey;

/// Others may write to the same conversation in between.
const TRIES: usize = 4;

impl SessionHub {
    /// Takes what an agent made of a suggestion after the conversation; that is when most of them say so. Anything else is
    /// too late.
    pub(super) async fn take_late(
        &self,
        key: &StreamKey,
        id: Uuid,
        input: &SessionInput,
    ) -> Result<Accepted> {
        let SessionInput::ArticleFeedback { suggestion, given } = input else {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "conversation {} is over; open another one",
                    key.conversation
                ),
            ));
        };
        let assistant = &self.hub.assistant;
        let store = &assistant.inner.store;
        let record = feedback_record(id, suggestion, *given)?;
        let mut last = None;
        for _ in 0..TRIES {
            let records = store.load(key, 0).await?;
            let version = records.len() as u64;
            if records.iter().any(|known| known.id == id) {
                return Ok(Accepted { id, version });
            }
            let known = restore(key, &records)?;
            let card = known.shown.card(suggestion)?;
            let appended = store
                .append(key, version, std::slice::from_ref(&record))
                .await;
            match appended {
                Ok(_) => {
                    // It is in the journal; what cannot be learned from it is no reason to refuse it.
                    let learned = match card {
                        Card::Article(article) => {
                            let tenant = &key.tenant;
                            assistant.article_feedback(tenant, article, *given).await
                        }
                        Card::Action(shown) => {
                            self.learn_late(&known.conversation, shown, *given).await
                        }
                        Card::Other => Ok(()),
                    };
                    if let Err(error) = learned {
                        tracing::warn!(%error, "feedback could not be learned from");
                    }
                    let version = version + 1;
                    return Ok(Accepted { id, version });
                }
                Err(error) if error.kind() == ErrorKind::Conflict => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last
            .unwrap_or_else(|| Error::new(ErrorKind::Conflict, "others write to it; try again")))
    }

    /// Learns what an agent made of an action, once.
    async fn learn_late(
        &self,
        conversation: &Conversation,
        shown: &ShownAction,
        given: ArticleFeedback,
    ) -> Result<()> {
        let (Some(taken), Made::Nothing) = (is_taken(given), shown.made) else {
            return Ok(());
        };
        let satisfaction = satisfaction_of(conversation).filter(|_| taken);
        let outcome = Outcome {
            accepted: Some(taken),
            satisfaction,
            ..Outcome::default()
        };
        let learner = &self.hub.assistant.inner.learner;
        learner
            .record(&conversation.tenant, &shown.action, &shown.context, outcome)
            .await
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;
    use crate::assistant::Assistant;
    use crate::conversation::{Channel, Conversation, Role, SuggestionKind};
    use crate::knowledge::{ArticleFeedback, KnowledgeArticle};
    use crate::session::{HubEvent, HubOptions, SessionEvent};

    #[tokio::test]
    async fn what_an_agent_made_of_an_article_is_taken_after_the_end_once() {
        let assistant = Assistant::builder().build().await.unwrap();
        let text = "If you were charged twice, the second payment is refunded within five days.";
        let article = KnowledgeArticle::new("twice", "Charged twice", "acme", text);
        assistant
            .knowledge()
            .ingest(vec![article], None)
            .await
            .unwrap();
        let hub = SessionHub::new(assistant.clone(), HubOptions::default());
        let key = StreamKey {
            tenant: "acme".into(),
            conversation: "c1".into(),
        };
        let conversation = Conversation::new("acme", Channel::Chat).with_id("c1");
        hub.open(conversation).await.unwrap();
        let mut events = hub.events(&key, Some(0)).await.unwrap();
        let say = SessionInput::Say {
            role: Role::EndUser,
            text: "I was charged twice! When is the second payment refunded?".into(),
        };
        hub.submit(&key, Uuid::now_v7(), say).await.unwrap();
        let card = loop {
            let HubEvent::Event(event) = events.next().await.unwrap() else {
                continue;
            };
            if let SessionEvent::Suggestion(card) = &event.event
                && matches!(card.kind, SuggestionKind::Article { .. })
            {
                break card.id.clone();
            }
        };
        hub.submit(&key, Uuid::now_v7(), SessionInput::End)
            .await
            .unwrap();
        hub.settle(&key).await.unwrap();

        let id = Uuid::now_v7();
        let given = |suggestion: &str| SessionInput::ArticleFeedback {
            suggestion: suggestion.to_owned(),
            given: ArticleFeedback::Used,
        };
        let first = hub.submit(&key, id, given(&card)).await.unwrap();
        // The answer was lost, and it is sent again.
        assert_eq!(hub.submit(&key, id, given(&card)).await.unwrap(), first);
        let tally = assistant.knowledge().tally(&"acme".into(), &"twice".into());
        assert_eq!(tally.used, 1);
        let unknown = hub.submit(&key, Uuid::now_v7(), given("nonsense")).await;
        assert_eq!(unknown.unwrap_err().kind(), ErrorKind::InvalidInput);
        let more = SessionInput::Summarize;
        let late = hub.submit(&key, Uuid::now_v7(), more).await;
        assert_eq!(late.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
