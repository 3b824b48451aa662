//! What participants feel, and how much effort the customer has.

use super::super::event::{SessionEvent, Skill};
use super::Runtime;
use crate::conversation::{Role, Utterance, UtteranceId};
use crate::embedding::TextKind;
use crate::error::Result;
use crate::understanding::emotion::{
    EffortTracker, EmotionModel, EmotionTracker, Felt, comforted, words_of,
};

/// The trackers of one conversation.
#[derive(Debug, Default)]
pub(super) struct Feelings {
    emotions: EmotionTracker,
    effort: EffortTracker,
}

impl Runtime {
    /// Tells what an utterance shows of feeling and effort. Comes after what is suggested on it.
    pub(super) async fn feel(&mut self, id: UtteranceId) {
        let Some(said) = self.conversation.transcript.get(id).cloned() else {
            return;
        };
        // The virtual agent feels nothing, and who only shows that they listen tells too little.
        if said.role == Role::AutomatedAgent || said.back_channel {
            return;
        }
        if let Err(error) = self.look_for_effort(&said).await {
            self.emit(SessionEvent::failed(Skill::Emotion, &error))
                .await;
        }
        let Some(model) = self.assistant.inner.emotion.clone() else {
            return;
        };
        match self.look_for_emotion(&said, model.as_ref()).await {
            Ok(event) => self.emit(event).await,
            Err(error) => {
                self.emit(SessionEvent::failed(Skill::Emotion, &error))
                    .await;
            }
        }
    }

    async fn look_for_effort(&mut self, said: &Utterance) -> Result<()> {
        if said.role != Role::EndUser {
            return Ok(());
        }
        let embedder = self.assistant.inner.embedder.clone();
        // Search has just made the same vector, so it is at hand.
        let vectors = embedder
            .embed(std::slice::from_ref(&said.text), TextKind::Query)
            .await?;
        let vector = vectors.first().map(Vec::as_slice).unwrap_or_default();
        for sign in self.feelings.effort.update(said, vector) {
            let participant = said.participant.clone();
            self.emit(SessionEvent::Effort { participant, sign }).await;
        }
        Ok(())
    }

    async fn look_for_emotion(
        &mut self,
        said: &Utterance,
        model: &dyn EmotionModel,
    ) -> Result<SessionEvent> {
        let felt = model.feel(std::slice::from_ref(&said.text)).await?;
        let mut words = felt.first().copied().unwrap_or_default();
        if said.role == Role::HumanAgent {
            words = comforted(&said.text, words);
        }
        let felt = Felt::new(&said.participant, said.role, said.id, words);
        let (state, mut events) = self.feelings.emotions.update(&felt);
        for event in &mut events {
            event.words = words_of(model, &said.text, event.kind).await?;
        }
        Ok(SessionEvent::Emotion {
            participant: said.participant.clone(),
            state,
            events,
        })
    }
}
