//! The note as a person leaves it, once the conversation is over.

use uuid::Uuid;

use super::super::persist::{note_record, restore};
use super::SessionHub;
use crate::conversation::Summary;
use crate::error::{Error, ErrorKind, Result};
use crate::store::StreamKey;

/// Others may write to the same conversation in between.
const TRIES: usize = 4;

impl SessionHub {
    /// Keeps a note that a person wrote or changed in place of the last one. When this answers, it is in the store; the
    /// same id twice counts once. While a conversation goes on its note is written anew with what is said, so this is
    /// for the time afterwards; of one that is just ending the last note is waited for.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a conversation the store does not know; [`ErrorKind::Conflict`] while it goes on;
    /// else as the store.
    pub async fn keep_note(&self, key: &StreamKey, id: Uuid, note: &Summary) -> Result<()> {
        let store = &self.hub.assistant.inner.store;
        let record = note_record(id, note)?;
        let mut last = None;
        for _ in 0..TRIES {
            // Tells an unknown conversation, and what else the store holds, apart from one that is over.
            if !self.hub.view(key).await?.ended {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!(
                        "conversation {} goes on, and its note with it; save yours when it is over",
                        key.conversation
                    ),
                ));
            }
            let records = store.load(key, 0).await?;
            if records.iter().any(|known| known.id == id) {
                return Ok(());
            }
            // One that is ending has its last note yet to come; where its process died, here.
            if !restore(key, &records)?.ended {
                last = Some(Error::new(
                    ErrorKind::Unavailable,
                    "the conversation is just ending; try again in a moment",
                ));
                drop(self.hub.take(key).await?);
                self.settle(key).await?;
                continue;
            }
            let version = records.len() as u64;
            match store
                .append(key, version, std::slice::from_ref(&record))
                .await
            {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Conflict => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last
            .unwrap_or_else(|| Error::new(ErrorKind::Conflict, "others write to it; try again")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assistant::Assistant;
    use crate::conversation::{Channel, Conversation, Role, SectionKind, SummarySection};
    use crate::session::{HubOptions, SessionInput};

    fn note(text: &str) -> Summary {
        Summary {
            sections: vec![SummarySection {
                kind: SectionKind::Situation,
                name: None,
                text: text.into(),
                evidence: Vec::new(),
            }],
            ..Summary::default()
        }
    }

    #[tokio::test]
    async fn a_note_is_kept_once_the_conversation_is_over_and_once_only() {
        let assistant = Assistant::builder()
            .organisation("Acme")
            .build()
            .await
            .unwrap();
        let hub = SessionHub::new(assistant, HubOptions::default());
        let conversation = Conversation::new("acme", Channel::Chat).with_id("c1");
        let key = StreamKey {
            tenant: "acme".into(),
            conversation: "c1".into(),
        };
        let unknown = hub.keep_note(&key, Uuid::now_v7(), &note("x")).await;
        assert_eq!(unknown.unwrap_err().kind(), ErrorKind::NotFound);
        hub.open(conversation).await.unwrap();
        let say = SessionInput::Say {
            role: Role::EndUser,
            text: "Hello".into(),
        };
        hub.submit(&key, Uuid::now_v7(), say).await.unwrap();
        let early = hub.keep_note(&key, Uuid::now_v7(), &note("x")).await;
        assert_eq!(early.unwrap_err().kind(), ErrorKind::Conflict);
        hub.submit(&key, Uuid::now_v7(), SessionInput::End)
            .await
            .unwrap();
        hub.settle(&key).await.unwrap();

        let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
        hub.keep_note(&key, first, &note("one")).await.unwrap();
        hub.keep_note(&key, second, &note("two")).await.unwrap();
        // The answer to the first was lost, and it is sent again.
        hub.keep_note(&key, first, &note("one")).await.unwrap();
        let view = hub.view(&key).await.unwrap();
        assert_eq!(view.summary, Some(note("two")));
        assert!(view.ended);
    }
}
