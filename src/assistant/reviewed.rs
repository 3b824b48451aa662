//! Quality reviews of conversations.

use super::Assistant;
use crate::conversation::{Conversation, ConversationSignals};
use crate::error::{Error, ErrorKind, Result};
use crate::review::{FilledReview, ReviewForm};
use crate::speech::{SignalTracker, Spoken};

impl Assistant {
    /// Fills an evaluation form in for a conversation, with evidence; what it does not show stays open. Figures of
    /// timing come from `signals`, or from the times of the utterances where there are none.
    ///
    /// # Errors
    /// [`ErrorKind::InsufficientContent`] if nobody says anything; else as the language model and the embedder.
    pub async fn review(
        &self,
        conversation: &Conversation,
        form: &ReviewForm,
        signals: Option<&ConversationSignals>,
    ) -> Result<FilledReview> {
        let said = conversation.transcript.utterances();
        if said.iter().all(|u| u.text.trim().is_empty()) {
            return Err(Error::new(
                ErrorKind::InsufficientContent,
                "nobody says anything in this conversation; there is nothing to review",
            ));
        }
        let prefix = self.prefix(conversation)?;
        let timed = match signals {
            Some(_) => None,
            None => timed(conversation),
        };
        self.inner
            .reviewer
            .review(conversation, &prefix, form, signals.or(timed.as_ref()))
            .await
    }
}

/// What the times of the utterances tell; `None` where messages have no duration.
fn timed(conversation: &Conversation) -> Option<ConversationSignals> {
    let said = conversation.transcript.utterances();
    if !said.iter().any(|u| u.end_ms > u.start_ms) {
        return None;
    }
    let mut tracker = SignalTracker::new();
    for utterance in said {
        tracker.utterance(Spoken::from(utterance));
    }
    Some(tracker.snapshot())
}
