//! Coaching beyond the moment: questions to the model, and rules over stored conversations.

use std::collections::HashMap;
use std::time::Instant;

use super::Assistant;
use crate::assist::{
    CoachingEmotion, CoachingMoment, CoachingSignals, CoachingState, Replay, ReplayConversation,
    ReplayReport,
};
use crate::conversation::{
    ChecklistEntry, ChecklistOverride, Conversation, NewUtterance, Role, Suggestion, Trigger,
    Utterance, VoiceSignals,
};
use crate::error::Result;
use crate::speech::{SignalTracker, Spoken};
use crate::understanding::emotion::{EmotionTracker, Felt, comforted};

impl Assistant {
    /// Runs the coaching rules over stored conversations, utterance by utterance as they would have run live, and tells
    /// what each of them would have done. Timing tells overlaps, silences and rates; the words tell feelings
    /// and their changes where the assistant has an emotion model. Where it has a language model, the questions of rules are
    /// put to it.
    ///
    /// # Errors
    /// As the embedder and the language model.
    pub async fn replay_coaching(
        &self,
        conversations: &[ReplayConversation],
    ) -> Result<ReplayReport> {
        let mut replay = Replay::new(&self.inner.coach);
        for replayed in conversations {
            let cues = self
                .replay_conversation(&replayed.conversation, &mut replay)
                .await?;
            replay.take(replayed, &cues);
        }
        Ok(replay.report())
    }

    /// Where the items of all checklists stand, from what was said: in a live conversation, or, with `is_over`, in one
    /// that is over. `overrides` are what people decided, the latest last.
    ///
    /// # Errors
    /// As the embedder.
    pub async fn checklist(
        &self,
        conversation: &Conversation,
        overrides: &[ChecklistOverride],
        is_over: bool,
    ) -> Result<Vec<ChecklistEntry>> {
        let lists = &self.inner.checklists;
        lists.entries(conversation, overrides, is_over).await
    }

    async fn replay_conversation(
        &self,
        whole: &Conversation,
        replay: &mut Replay,
    ) -> Result<Vec<Suggestion>> {
        let mut so_far = Conversation {
            transcript: Default::default(),
            ..whole.clone()
        };
        let mut state = CoachingState::default();
        let mut tracker = SignalTracker::new();
        let mut emotions = EmotionTracker::new();
        let start = CoachingMoment::new(Trigger::Start);
        let mut cues = self.moment(&so_far, start, &mut state, replay).await?;
        for said in whole.transcript.utterances() {
            so_far.append(again(said));
            let voice = tracker.utterance(Spoken::from(said));
            if said.back_channel {
                continue;
            }
            let felt = self.felt_then(said, &voice, &mut emotions).await?;
            let began = Instant::now();
            let signals = CoachingSignals::of(said, &tracker.snapshot(), &voice);
            let signals = match felt {
                Some(felt) => signals.with_emotion(felt),
                None => signals,
            };
            let moment = CoachingMoment::new(Trigger::EndOfUtterance).with_signals(signals);
            let looked = self.inner.coach.look(&so_far, &moment, &mut state).await?;
            replay.timed(began.elapsed());
            cues.extend(looked.cues);
            let asked = looked.questions;
            cues.extend(
                self.follow_up(&so_far, moment, asked, &mut state, replay)
                    .await?,
            );
        }
        let end = CoachingMoment::new(Trigger::End);
        cues.extend(self.moment(&so_far, end, &mut state, replay).await?);
        Ok(cues)
    }

    /// What the words of an utterance show, and change; the virtual agent feels nothing.
    async fn felt_then(
        &self,
        said: &Utterance,
        voice: &VoiceSignals,
        emotions: &mut EmotionTracker,
    ) -> Result<Option<CoachingEmotion>> {
        let model = self.inner.emotion.as_ref();
        let Some(model) = model.filter(|_| said.role != Role::AutomatedAgent) else {
            return Ok(None);
        };
        let felt = model.feel(std::slice::from_ref(&said.text)).await?;
        let mut words = felt.first().copied().unwrap_or_default();
        if said.role == Role::HumanAgent {
            words = comforted(&said.text, words);
        }
        let felt = Felt::new(&said.participant, said.role, said.id, words).with_voice(voice);
        let (_, changes) = emotions.update(&felt);
        Ok(Some(CoachingEmotion::of(&words, &changes)))
    }

    async fn moment(
        &self,
        conversation: &Conversation,
        moment: CoachingMoment,
        state: &mut CoachingState,
        replay: &mut Replay,
    ) -> Result<Vec<Suggestion>> {
        let looked = self.inner.coach.look(conversation, &moment, state).await?;
        let mut cues = looked.cues;
        let asked = looked.questions;
        cues.extend(
            self.follow_up(conversation, moment, asked, state, replay)
                .await?,
        );
        Ok(cues)
    }

    async fn follow_up(
        &self,
        conversation: &Conversation,
        moment: CoachingMoment,
        questions: Vec<String>,
        state: &mut CoachingState,
        replay: &mut Replay,
    ) -> Result<Vec<Suggestion>> {
        let answers = self.coaching_answers(conversation, &questions).await?;
        if answers.is_empty() {
            return Ok(Vec::new());
        }
        replay.asked(answers.len());
        let moment = moment.with_answers(answers);
        Ok(self
            .inner
            .coach
            .look(conversation, &moment, state)
            .await?
            .cues)
    }

    /// What the model answers to the questions of coaching rules; nothing without a model that can score.
    pub(crate) async fn coaching_answers(
        &self,
        conversation: &Conversation,
        questions: &[String],
    ) -> Result<HashMap<String, f32>> {
        if !self.inner.writes || questions.is_empty() {
            return Ok(HashMap::new());
        }
        let prefix = self.prefix(conversation)?;
        self.inner.asker.ask(&prefix, questions).await
    }
}

fn again(said: &Utterance) -> NewUtterance {
    NewUtterance {
        participant: said.participant.clone(),
        text: said.text.clone(),
        start_ms: said.start_ms,
        end_ms: said.end_ms,
        language: said.language.clone(),
        confidence: said.confidence,
        words: said.words.clone(),
        annotations: said.annotations.clone(),
        back_channel: said.back_channel,
    }
}
