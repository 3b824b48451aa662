//! What participants feel, and how much effort the customer has.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::super::event::{SessionEvent, Skill};
use super::Runtime;
use crate::assist::CoachingEmotion;
use crate::assistant::PersonNow;
use crate::conversation::{
    Conversation, Effort, EffortSign, EmotionBriefing, EmotionEvent, EmotionState, Role, Utterance,
    UtteranceId,
};
use crate::embedding::TextKind;
use crate::error::Result;
use crate::understanding::emotion::{
    EffortTracker, EmotionModel, EmotionTracker, Felt, comforted, words_of,
};
use crate::understanding::quality::{ExperienceTracker, HeardUtterance};

/// Earlier utterances of the customer that new ones are compared with after a restart.
const EARLIER: usize = 64;

/// What of the feelings the next one to take the conversation up has to know. A process that breaks down leaves none of
/// it: then the words tell how it went.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::session) struct KeptFeelings {
    /// Utterances that it is about.
    covers: usize,
    emotions: EmotionTracker,
    effort: Effort,
    /// How pleasant the customer's words were, where a model knew.
    valences: Vec<(UtteranceId, f32)>,
    customer: Option<EmotionState>,
    signs: Vec<String>,
    at_first: Option<f32>,
    changes: Vec<EmotionEvent>,
}

/// How satisfied the customer of a stored conversation was, as predicted by what was said.
pub(in crate::session) fn satisfaction_of(conversation: &Conversation) -> Option<f32> {
    Feelings::of(conversation, KeptFeelings::default()).satisfaction()
}

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
    /// What was said before it was taken up is not yet compared with.
    is_taken_up: bool,
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

    /// Of a conversation that is taken up again: how it went so far, by what was said and what was kept.
    pub(super) fn of(conversation: &Conversation, kept: KeptFeelings) -> Self {
        let mut feelings = Self {
            emotions: kept.emotions,
            effort: EffortTracker::going_on(kept.effort),
            customer: kept.customer,
            signs: kept.signs,
            at_first: kept.at_first,
            changes: kept.changes,
            is_taken_up: true,
            ..Self::default()
        };
        let valences: HashMap<UtteranceId, f32> = kept.valences.into_iter().collect();
        for (place, said) in conversation.transcript.utterances().iter().enumerate() {
            if said.back_channel {
                continue;
            }
            let heard = HeardUtterance::new(said.id, said.role, &said.text);
            feelings.experience.hear(match valences.get(&said.id) {
                Some(valence) => heard.with_valence(*valence),
                None => heard,
            });
            if place >= kept.covers {
                feelings.effort.update(said, &[]);
            }
        }
        feelings.told = feelings.experience.score().reasons.len();
        feelings
    }

    /// What is kept when the session leaves memory.
    pub(super) fn keep(&self, conversation: &Conversation) -> KeptFeelings {
        KeptFeelings {
            covers: conversation.transcript.len(),
            emotions: self.emotions.clone(),
            effort: self.effort.effort().clone(),
            valences: self.experience.valences(),
            customer: self.customer.clone(),
            signs: self.signs.clone(),
            at_first: self.at_first,
            changes: self.changes.clone(),
        }
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
        // Once each: where a person leads, nobody takes them up for a whole conversation.
        if let Ok(serde_json::Value::String(name)) = serde_json::to_value(kind)
            && !self.signs.contains(&name)
        {
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
        let earlier = self.not_compared_yet(said);
        let mut texts = vec![said.text.clone()];
        texts.extend(earlier.iter().map(|said| said.text.clone()));
        // Search wants the same vectors next, and finds them at hand.
        let vectors = embedder.embed(&texts, TextKind::Query).await?;
        for (said, vector) in earlier.iter().zip(vectors.iter().skip(1)) {
            self.feelings.effort.recall(said, vector);
        }
        self.feelings.is_taken_up = false;
        let vector = vectors.first().map(Vec::as_slice).unwrap_or_default();
        for sign in self.feelings.effort.update(said, vector) {
            let participant = said.participant.clone();
            self.feelings.note(sign.kind);
            self.emit(SessionEvent::Effort { participant, sign }).await;
        }
        Ok(())
    }

    /// What the customer said before the session was taken up, as long as nothing was compared with it.
    fn not_compared_yet(&self, now: &Utterance) -> Vec<Utterance> {
        if !self.feelings.is_taken_up {
            return Vec::new();
        }
        let said = self.conversation.transcript.utterances().iter();
        let earlier = said.filter(|said| said.role == Role::EndUser && !said.back_channel);
        let mut earlier: Vec<Utterance> = earlier
            .filter(|said| said.id < now.id)
            .rev()
            .take(EARLIER)
            .cloned()
            .collect();
        earlier.reverse();
        earlier
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
        let emotion = CoachingEmotion::of(&words, &events);
        let event = SessionEvent::Emotion {
            participant: said.participant.clone(),
            state,
            events,
        };
        Ok((event, emotion))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Channel, Emotion, EmotionDistribution};

    #[test]
    fn what_is_kept_is_little_and_makes_the_same_of_it() {
        let mut call = Conversation::new("acme", Channel::Chat);
        call.say(Role::EndUser, "I have been on hold for an hour.");
        let said = call.transcript.utterances()[0].clone();
        let mut feelings = Feelings::default();
        let anger = EmotionDistribution::of(&[(Emotion::Anger, 0.9)]);
        let felt = Felt::new(&said.participant, said.role, said.id, anger);
        let (state, events) = feelings.emotions.update(&felt);
        feelings.customer = Some(state);
        feelings.changes = events;
        feelings.at_first = Some(-0.25);
        feelings.effort.update(&said, &[]);
        let heard = HeardUtterance::new(said.id, said.role, &said.text);
        feelings.experience.hear(heard.with_valence(-0.5));

        let kept = serde_json::to_string(&feelings.keep(&call)).unwrap();
        assert!(kept.len() < 2_000, "{kept}");
        let back = Feelings::of(&call, serde_json::from_str(&kept).unwrap());
        assert_eq!(back.satisfaction(), feelings.satisfaction());
        assert_eq!(back.effort(), feelings.effort());
        assert_eq!(back.effort().len(), 1);
        let (before, after) = (feelings.briefing().unwrap(), back.briefing().unwrap());
        assert_eq!(before.changes, after.changes);
        assert!((before.trend - after.trend).abs() < 0.02);

        let by_words = Feelings::of(&call, KeptFeelings::default());
        assert_eq!(by_words.effort().len(), 1);
        assert!(by_words.briefing().is_none());
    }

    #[test]
    fn signs_that_nobody_takes_up_do_not_become_more_and_more() {
        let mut feelings = Feelings::default();
        for _ in 0..100 {
            feelings.note("waiting");
            feelings.note("rising_anger");
        }
        assert_eq!(feelings.person().signs, ["waiting", "rising_anger"]);
        feelings.note("waiting");
        assert_eq!(feelings.person().signs, ["waiting"]);
    }
}
