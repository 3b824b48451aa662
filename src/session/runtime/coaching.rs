//! Cues, questions of rules to the model, and checklists.

use std::sync::Arc;

use super::super::event::{SessionEvent, Skill};
use super::{Done, Runtime, Work};
use crate::assist::{CoachingEmotion, CoachingMoment, CoachingSignals, CoachingState};
use crate::assistant::Aside;
use crate::conversation::{
    ChecklistEntry, ChecklistOverride, ChecklistStatus, Conversation, Evidence, Role, Suggestion,
    SuggestionKind, Trigger, Utterance, UtteranceId, VoiceSignals,
};
use crate::error::{Error, ErrorKind, Result};
use crate::speech::{Prosody, SignalTracker, Spoken};

/// What is kept of one conversation.
#[derive(Debug, Default)]
pub(super) struct Desk {
    state: CoachingState,
    signals: SignalTracker,
    /// How the words sound that are being taken.
    pub(super) prosody: Option<Arc<Prosody>>,
    /// The voice of the last utterance of a person.
    voice: VoiceSignals,
    /// How the last utterance was said.
    heard: Option<(UtteranceId, CoachingSignals)>,
    /// What only the model can tell, as the conversation stood when a rule wanted to know. What is still unasked when
    /// the next utterance raises questions is dropped: a cue about words long gone helps nobody.
    pub(super) open: Option<OpenQuestions>,
    entries: Vec<ChecklistEntry>,
    pub(super) overrides: Vec<ChecklistOverride>,
}

impl Desk {
    /// Which cues were given when.
    pub(super) fn cues(&self) -> &CoachingState {
        &self.state
    }

    /// Takes final words, and how they sound.
    pub(super) fn hear(&mut self, said: &Utterance) {
        let prosody = self.prosody.take();
        let spoken = Spoken::from(said);
        let voice = self.signals.utterance(match prosody.as_deref() {
            Some(prosody) => spoken.with_prosody(prosody),
            None => spoken,
        });
        // The virtual agent may answer before what the customer feels is looked at.
        if said.role != Role::AutomatedAgent {
            self.voice = voice;
        }
    }

    /// The voice of the last utterance of a person, against the speaker's own baseline.
    pub(super) fn voice(&self) -> &VoiceSignals {
        &self.voice
    }

    /// Goes on where another process stopped.
    pub(super) fn take_up(&mut self, cues: CoachingState) {
        self.state = cues;
    }
}

/// Questions to the model, and what they are about.
#[derive(Debug)]
pub(super) struct OpenQuestions {
    pub(super) conversation: Conversation,
    pub(super) moment: CoachingMoment,
    pub(super) questions: Vec<String>,
}

impl Runtime {
    /// The cues an utterance calls for, and what it does to the checklists.
    pub(super) async fn coach(&mut self, id: UtteranceId) {
        let Some(said) = self.conversation.transcript.get(id) else {
            return;
        };
        let desk = &mut self.coaching;
        let signals = CoachingSignals::of(said, &desk.signals.snapshot(), &desk.voice);
        desk.heard = Some((id, signals.clone()));
        let moment = CoachingMoment::new(Trigger::EndOfUtterance).with_signals(signals);
        self.coach_at(moment).await;
        self.check_lists(false).await;
    }

    /// It became known what the speaker of the last utterance feels: the rules are looked at again. None comes twice, and
    /// the vectors are at hand.
    pub(super) async fn coach_felt(&mut self, id: UtteranceId, emotion: CoachingEmotion) {
        let heard = self.coaching.heard.take().filter(|(of, _)| *of == id);
        if let Some((_, signals)) = heard {
            let moment = CoachingMoment::new(Trigger::EndOfUtterance)
                .with_signals(signals.with_emotion(emotion));
            self.coach_at(moment).await;
        }
    }

    /// The conversation begins: rules and checklists of the start. One that is taken up again has had them.
    pub(super) async fn coach_start(&mut self) {
        if self.conversation.transcript.is_empty() {
            self.coach_at(CoachingMoment::new(Trigger::Start)).await;
        }
        if self.events.has_view() && !self.conversation.transcript.is_empty() {
            // Whoever reads has seen them, or asks how things stand.
            self.coaching.entries = self.list_entries(false).await.unwrap_or_default();
            return;
        }
        self.check_lists(false).await;
    }

    async fn list_entries(&mut self, is_over: bool) -> Result<Vec<ChecklistEntry>> {
        let (lists, overrides) = (&self.assistant.inner.checklists, &self.coaching.overrides);
        lists.entries(&self.conversation, overrides, is_over).await
    }

    /// The conversation is over: rules of the end, with what they want of the model, and what was never said.
    pub(super) async fn coach_end(&mut self) {
        self.coach_at(CoachingMoment::new(Trigger::End)).await;
        if let Some(open) = self.coaching.open.take() {
            let done = self
                .work(Work::Coach(Box::new(open)), Aside::default())
                .await;
            self.deliver(done).await;
        }
        self.check_lists(true).await;
    }

    /// A virtual agent that has not handed over: there is nobody to coach.
    fn is_virtual(&self) -> bool {
        let mut participants = self.conversation.participants.iter();
        participants.any(|p| p.role == Role::AutomatedAgent) && self.state.handed_off.is_none()
    }

    async fn coach_at(&mut self, moment: CoachingMoment) {
        if self.is_virtual() {
            return;
        }
        let coach = &self.assistant.inner.coach;
        let looked = coach
            .look(&self.conversation, &moment, &mut self.coaching.state)
            .await;
        match looked {
            Ok(coaching) => {
                self.show_cues(coaching.cues).await;
                if self.assistant.inner.writes && !coaching.questions.is_empty() {
                    self.coaching.open = Some(OpenQuestions {
                        conversation: self.conversation.clone(),
                        moment,
                        questions: coaching.questions,
                    });
                }
            }
            Err(error) => {
                self.emit(SessionEvent::failed(Skill::Coaching, &error))
                    .await;
            }
        }
    }

    /// The model has answered: the rules are looked at again.
    pub(super) async fn coach_answered(&mut self, done: Done) {
        let Done::Coach { open, answers } = done else {
            return;
        };
        let looked = match answers {
            Ok(answers) if answers.is_empty() => return,
            Ok(answers) => {
                let moment = open.moment.with_answers(answers);
                let coach = &self.assistant.inner.coach;
                coach
                    .look(&open.conversation, &moment, &mut self.coaching.state)
                    .await
            }
            Err(error) => Err(error),
        };
        match looked {
            Ok(coaching) => self.show_cues(coaching.cues).await,
            Err(error) => {
                self.emit(SessionEvent::failed(Skill::Coaching, &error))
                    .await;
            }
        }
    }

    async fn show_cues(&mut self, cues: Vec<Suggestion>) {
        for cue in cues {
            self.suggestion_shown(&cue);
            self.emit(SessionEvent::Coaching(cue)).await;
        }
    }

    /// A person decided where an item stands.
    pub(super) fn decide(&mut self, decided: ChecklistOverride) -> Result<()> {
        let lists = &self.assistant.inner.checklists;
        if !lists.has(&decided.checklist, &decided.item) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "checklist {:?} has no item {:?}; give the ids told with the entries",
                    decided.checklist, decided.item
                ),
            ));
        }
        self.journal.checklist(&decided);
        self.coaching.overrides.push(decided);
        Ok(())
    }

    /// Where the items of the checklists stand.
    pub(super) fn entries(&self) -> &[ChecklistEntry] {
        &self.coaching.entries
    }

    /// Tells what changed, and what is missing; at the end all that is.
    pub(super) async fn check_lists(&mut self, is_over: bool) {
        if self.is_virtual() {
            return;
        }
        let entries = match self.list_entries(is_over).await {
            Ok(entries) => entries,
            Err(error) => {
                self.emit(SessionEvent::failed(Skill::Coaching, &error))
                    .await;
                return;
            }
        };
        let before = std::mem::replace(&mut self.coaching.entries, entries.clone());
        let mut missing = Vec::new();
        for entry in entries {
            let known = before
                .iter()
                .find(|b| b.checklist == entry.checklist && b.item == entry.item);
            let is_new = known != Some(&entry);
            if is_new {
                self.emit(SessionEvent::Checklist(entry.clone())).await;
            }
            let is_missing = entry.required && entry.status == ChecklistStatus::Missing;
            if is_missing && (is_new || is_over) {
                missing.push(entry);
            }
        }
        if missing.is_empty() {
            return;
        }
        let last = self.conversation.transcript.utterances().last();
        let evidence = last.map(|said| Evidence::Utterance(said.id));
        let card = Suggestion::new(
            SuggestionKind::Checklist { missing },
            1.0,
            evidence.into_iter().collect(),
        );
        self.suggestion_shown(&card);
        self.emit(SessionEvent::Suggestion(card)).await;
    }
}
