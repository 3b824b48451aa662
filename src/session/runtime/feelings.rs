//! What participants feel, and how much effort the customer has.

use super::super::event::{SessionEvent, Skill};
use super::Runtime;
use crate::assist::CoachingEmotion;
use crate::assistant::PersonNow;
use crate::conversation::{
    Conversation, EffortSign, EmotionBriefing, EmotionEvent, EmotionState, Role, Utterance,
    UtteranceId,
};
use crate::embedding::TextKind;
use crate::error::Result;
use crate::understanding::emotion::{
    EffortTracker, EmotionModel, EmotionTracker, Felt, comforted, words_of,
};
use crate::understanding::quality::{ExperienceTracker, HeardUtterance};

/// The trackers of one conversation.
#[derive(Debug, Default)]
pub(super) struct Feelings {
    emotions: EmotionTracker,
    effort: EffortTracker,
    experience: ExperienceTracker,
    /// How many reasons of the experience were told.
    told: usize,
    /// What the customer feels now.
    customer: Option<EmotionState>,
    /// What the customer felt and suffered that no answer took up yet, by name.
    signs: Vec<String>,
    /// How pleasant it was at the customer's first words.
    at_first: Option<f32>,
    /// What really changed in how they feel.
    changes: Vec<EmotionEvent>,
}

impl Feelings {
    /// How the customer is; what the next answer may take up is not told again.
    pub(super) fn person(&mut self) -> PersonNow {
        PersonNow {
            signs: std::mem::take(&mut self.signs),
            ..self.felt()
        }
    }

    /// What the customer feels, and the effort they had so far.
    pub(super) fn felt(&self) -> PersonNow {
        PersonNow {
            signs: Vec::new(),
            emotion: self.customer.clone(),
            effort: self.effort.effort().clone(),
        }
    }

    /// How satisfied the customer is, as predicted.
    pub(super) fn satisfaction(&self) -> Option<f32> {
        let score = self.experience.final_score();
        (!score.reasons.is_empty()).then_some(score.satisfaction)
    }

    /// Of a conversation that is taken up again: how it went so far, by what was said.
    pub(super) fn of(conversation: &Conversation) -> Self {
        let mut feelings = Self::default();
        for said in conversation.transcript.utterances() {
            if !said.back_channel {
                let heard = HeardUtterance::new(said.id, said.role, &said.text);
                feelings.experience.hear(heard);
            }
        }
        feelings.told = feelings.experience.score().reasons.len();
        feelings
    }

    /// What a person who takes over is told of the customer's feelings.
    pub(super) fn briefing(&self) -> Option<EmotionBriefing> {
        let now = self.customer.clone()?;
        Some(EmotionBriefing {
            trend: now.valence - self.at_first.unwrap_or(now.valence),
            now,
            changes: self.changes.clone(),
        })
    }

    /// And of their effort.
    pub(super) fn effort(&self) -> Vec<EffortSign> {
        self.effort.effort().signs.clone()
    }

    fn note(&mut self, kind: impl serde::Serialize) {
        if let Ok(serde_json::Value::String(name)) = serde_json::to_value(kind) {
            self.signs.push(name);
        }
    }
}

impl Runtime {
    /// Tells what an utterance shows of feeling and effort. Comes after what is suggested on it; rules that ask for
    /// feelings are then looked at again.
    pub(super) async fn feel(&mut self, id: UtteranceId) {
        let Some(said) = self.conversation.transcript.get(id).cloned() else {
            return;
        };
        // Who only shows that they listen tells too little.
        if said.back_channel {
            return;
        }
        let valence = match said.role {
            // The virtual agent feels nothing.
            Role::AutomatedAgent => None,
            _ => self.feel_words(&said).await,
        };
        let heard = HeardUtterance::new(said.id, said.role, &said.text);
        self.feelings.experience.hear(match valence {
            Some(valence) => heard.with_valence(valence),
            None => heard,
        });
        let score = self.feelings.experience.score();
        if score.reasons.len() != self.feelings.told {
            self.feelings.told = score.reasons.len();
            let is_final = false;
            self.emit(SessionEvent::Experience { score, is_final })
                .await;
        }
    }

    /// How the conversation went as a whole; nothing where nobody said anything.
    pub(super) async fn tell_experience(&mut self) {
        if !self.conversation.transcript.is_empty() {
            let score = self.feelings.experience.final_score();
            let is_final = true;
            self.emit(SessionEvent::Experience { score, is_final })
                .await;
        }
    }

    /// Tells what the words show, and how pleasant they are where a model knows.
    async fn feel_words(&mut self, said: &Utterance) -> Option<f32> {
        if let Err(error) = self.look_for_effort(said).await {
            self.emit(SessionEvent::failed(Skill::Emotion, &error))
                .await;
        }
        let model = self.assistant.inner.emotion.clone()?;
        match self.look_for_emotion(said, model.as_ref()).await {
            Ok((event, emotion)) => {
                self.emit(event).await;
                let valence = emotion.valence;
                self.coach_felt(said.id, emotion).await;
                Some(valence)
            }
            Err(error) => {
                self.emit(SessionEvent::failed(Skill::Emotion, &error))
                    .await;
                None
            }
        }
    }

    async fn look_for_effort(&mut self, said: &Utterance) -> Result<()> {
        if said.role != Role::EndUser {
            return Ok(());
        }
        let embedder = self.assistant.inner.embedder.clone();
        // Search wants the same vector next, and finds it at hand.
        let vectors = embedder
            .embed(std::slice::from_ref(&said.text), TextKind::Query)
            .await?;
        let vector = vectors.first().map(Vec::as_slice).unwrap_or_default();
        for sign in self.feelings.effort.update(said, vector) {
            let participant = said.participant.clone();
            self.feelings.note(sign.kind);
            self.emit(SessionEvent::Effort { participant, sign }).await;
        }
        Ok(())
    }

    async fn look_for_emotion(
        &mut self,
        said: &Utterance,
        model: &dyn EmotionModel,
    ) -> Result<(SessionEvent, CoachingEmotion)> {
        let felt = model.feel(std::slice::from_ref(&said.text)).await?;
        let mut words = felt.first().copied().unwrap_or_default();
        if said.role == Role::HumanAgent {
            words = comforted(&said.text, words);
        }
        let felt = Felt::new(&said.participant, said.role, said.id, words)
            .with_voice(self.coaching.voice());
        let (state, mut events) = self.feelings.emotions.update(&felt);
        for event in &mut events {
            event.words = words_of(model, &said.text, event.kind).await?;
        }
        if said.role == Role::EndUser {
            self.feelings.customer = Some(state.clone());
            events
                .iter()
                .for_each(|event| self.feelings.note(event.kind));
            self.feelings.at_first.get_or_insert(state.valence);
            self.feelings.changes.extend(events.iter().cloned());
        }
        let emotion = CoachingEmotion {
            kinds: words
                .ranked()
                .into_iter()
                .map(|(emotion, sure)| (emotion.as_str().to_owned(), sure))
                .collect(),
            valence: words.valence(),
        };
        let event = SessionEvent::Emotion {
            participant: said.participant.clone(),
            state,
            events,
        };
        Ok((event, emotion))
    }
}
