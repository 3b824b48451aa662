//! Inputs that somebody waits for: in the store before they are told, and never twice.
//!
//! An input is *staged* first: what it changes is changed in memory and noted in the journal. Once that is stored it is
//! *carried out*: told, and followed by what it calls for. Where the store fails, what was staged is taken back, and the
//! caller is told that the input was not taken. The records of an input have ids that follow from its own, so that
//! whoever sends it again, since the answer was lost or the store failed half way, adds nothing twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use uuid::Uuid;

use super::super::Accepted;
use super::super::event::{SessionEvent, SessionInput, Skill};
use super::super::outlet::utterance_bytes;
use super::super::persist::{Flushed, Mark};
use super::super::shown::Card;
use super::seen::fingerprint;
use super::{Runtime, Submitted, Work, handing_over, strategies};
use crate::conversation::{
    ArticleId, Channel, Conversation, NewUtterance, Participant, Role, UtteranceId,
};
use crate::dialogue::{DialogueState, Effect, Rejection};
use crate::error::{Error, ErrorKind, Result};
use crate::knowledge::ArticleFeedback;
use crate::speech::annotate;
use crate::store::Version;

/// Processes that write to the same conversation may overtake an input so often.
const ATTEMPTS: usize = 4;

/// Why an input is not taken.
pub(super) struct Refusal {
    /// Whose input it was.
    pub(super) skill: Skill,
    pub(super) error: Error,
}

/// What is to be done about an input once it is stored.
pub(super) enum Staged {
    Nothing,
    Heard(UtteranceId),
    Carry(Vec<Effect>),
    Decided,
    Note,
    Channel {
        from: Channel,
        to: Channel,
    },
    Interrupted {
        utterance: UtteranceId,
        text: String,
    },
    Feedback {
        article: ArticleId,
        given: ArticleFeedback,
    },
    ActionFeedback {
        suggestion: String,
        given: ArticleFeedback,
    },
    /// A hand-off was answered.
    Handoff(Box<handing_over::Answered>),
    /// What of a person's steps did not fit.
    Followed(Vec<Rejection>),
    /// What is foreseen may be another need now.
    Outlook,
    /// Nothing was staged: what it brings is stored while it is dealt with.
    Other(SessionInput),
}

/// What is needed to take a staged input back.
struct Before {
    conversation: Conversation,
    state: DialogueState,
    overrides: usize,
    /// Records that waited, and those in the store.
    records: usize,
    version: Version,
}

impl Runtime {
    /// Takes an input that somebody waits for.
    pub(super) async fn accept(&mut self, submitted: Submitted) {
        let Submitted {
            id,
            input,
            answer,
            busy,
            span: _,
        } = submitted;
        let taken = self.accept_input(id, input).await;
        // Whoever waits may have gone; the input stays taken.
        match taken {
            Ok(staged) => {
                let version = self.journal.version();
                let _ = answer.send(Ok(Accepted { id, version }));
                if let Some(staged) = staged {
                    self.carry_out(staged).await;
                    self.save().await;
                }
            }
            Err(error) => drop(answer.send(Err(error))),
        }
        drop(busy);
    }

    /// What is to be done about an input that is in the store now; nothing where it was there before.
    async fn accept_input(&mut self, id: Uuid, input: SessionInput) -> Result<Option<Staged>> {
        // What was accepted before comes first in the store, too.
        self.stored(None).await?;
        if self.journal.is_behind() {
            self.read_again().await?;
        }
        for _ in 0..ATTEMPTS {
            if self.seen.has(id, &input)? {
                return Ok(None);
            }
            self.check(&input)?;
            self.prepare(&input).await;
            let mark = mark(&input);
            let before = self.before(id);
            let mut staged = match self.stage(input.clone()) {
                Ok(staged) => staged,
                Err(refusal) => {
                    self.take_back(id, before);
                    return Err(refusal.error);
                }
            };
            if let Staged::Other(input) = staged {
                if let Err(error) = Box::pin(self.take_other(input)).await {
                    self.take_back(id, before);
                    return Err(error);
                }
                staged = Staged::Nothing;
            }
            self.journal.end_input(&mark);
            match self.stored(Some(id)).await {
                Ok(Flushed::Plain) => {}
                Ok(Flushed::News) => {
                    // What others said comes before it.
                    if let Staged::Heard(_) = &staged {
                        let said = self.conversation.transcript.utterances().last();
                        staged = said.map_or(Staged::Nothing, |said| Staged::Heard(said.id));
                    }
                }
                Ok(Flushed::Overtaken) => {
                    // What it changes was decided by what is old: a state that was written now would undo what others took.
                    self.take_back(id, before);
                    // What else waits is kept before it is forgotten here.
                    self.stored(None).await?;
                    self.read_again().await?;
                    continue;
                }
                Err(error) => {
                    self.take_back(id, before);
                    return Err(error);
                }
            }
            self.seen.insert(id, fingerprint(&input));
            self.ending |= matches!(input, SessionInput::End);
            self.weigh();
            return Ok(Some(staged));
        }
        Err(Error::new(
            ErrorKind::Conflict,
            "another process keeps writing to the same conversation; send it again",
        ))
    }

    /// What cannot be taken whatever the conversation is like.
    fn check(&self, input: &SessionInput) -> Result<()> {
        if (self.ended || self.ending) && !is_late(input) {
            return Err(self.too_late());
        }
        let why = match input {
            SessionInput::Utterance(said) if said.text.trim().is_empty() => {
                "there are no words in it; send what was said"
            }
            SessionInput::Say { text, .. } if text.trim().is_empty() => {
                "there are no words in it; send what was said"
            }
            SessionInput::Frame { .. } | SessionInput::Audio { .. } => {
                "audio is not acknowledged; push it, or send it"
            }
            SessionInput::Utterance(NewUtterance { text, .. }) | SessionInput::Say { text, .. }
                if self.meter.transcript() + text.len() > self.meter.most() =>
            {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    format!(
                        "the conversation has reached its limit of {} bytes; end it and open another one",
                        self.meter.most()
                    ),
                ));
            }
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::InvalidInput, why))
    }

    fn too_late(&self) -> Error {
        Error::new(
            ErrorKind::InvalidInput,
            format!(
                "conversation {} is over; open another one",
                self.conversation.id
            ),
        )
    }

    /// What has to be finished before an input can be looked at.
    pub(super) async fn prepare(&mut self, input: &SessionInput) {
        let decides = matches!(
            input,
            SessionInput::Approve { .. }
                | SessionInput::HandoffAnswer { .. }
                | SessionInput::StepsDone { .. }
        );
        if decides {
            self.finish_deciding().await;
        }
    }

    /// Changes in memory and in the journal what the input changes. Where it is refused, nothing was changed.
    pub(super) fn stage(&mut self, input: SessionInput) -> Result<Staged, Refusal> {
        let refused = |skill: Skill| move |error: Error| Refusal { skill, error };
        if self.ended && !is_late(&input) {
            return Err(refused(Skill::Store)(self.too_late()));
        }
        Ok(match input {
            SessionInput::Join(participant) => {
                self.join(participant);
                Staged::Nothing
            }
            SessionInput::Utterance(utterance) => {
                let known = &self.conversation.participants;
                if known.iter().all(|p| p.id != utterance.participant) {
                    let who = utterance.participant.clone();
                    self.join(Participant::new(who, Role::Unknown));
                }
                self.stage_words(utterance)
            }
            SessionInput::Say { role, text } => {
                let known = &self.conversation.participants;
                let known = known.iter().find(|p| p.role == role).map(|p| p.id.clone());
                let who = known.unwrap_or_else(|| {
                    let participant = Participant::new(role.as_str(), role);
                    let id = participant.id.clone();
                    self.join(participant);
                    id
                });
                let now = jiff::Timestamp::now().as_millisecond()
                    - self.conversation.started_at.as_millisecond();
                let now = u64::try_from(now).unwrap_or_default();
                self.stage_words(NewUtterance::new(who, text).with_span(now, now))
            }
            SessionInput::Role {
                participant,
                role,
                confidence,
            } => {
                self.conversation
                    .assign_role(&participant, role, confidence);
                self.journal.role(&participant, role, confidence);
                Staged::Nothing
            }
            SessionInput::Interrupted { utterance, spoken } => {
                let left = self.interrupt(utterance, spoken);
                let left = left.map_err(refused(Skill::VirtualAgent))?;
                left.map_or(Staged::Nothing, |text| Staged::Interrupted {
                    utterance,
                    text,
                })
            }
            SessionInput::ArticleFeedback { suggestion, given } => {
                let card = self.shown.card(&suggestion);
                let article = match card.map_err(refused(Skill::Knowledge))? {
                    Card::Article(article) => Some(article.clone()),
                    Card::Action(_) | Card::Other => None,
                };
                self.journal.feedback(&suggestion, given);
                match article {
                    Some(article) => Staged::Feedback { article, given },
                    // Nothing comes of it where it was no action.
                    None => Staged::ActionFeedback { suggestion, given },
                }
            }
            SessionInput::Approve {
                source,
                by,
                who,
                yes,
            } => match strategies::approval(&source, by, &who, yes) {
                Some(input) => Staged::Other(input),
                None => Staged::Carry(
                    self.approve(&source, by, who, yes)
                        .map_err(refused(Skill::VirtualAgent))?,
                ),
            },
            SessionInput::HandoffAnswer {
                handoff,
                by,
                answer,
            } => Staged::Handoff(Box::new(
                self.answer_handoff(&handoff, by, answer)
                    .map_err(refused(Skill::VirtualAgent))?,
            )),
            SessionInput::StepsDone { steps } => Staged::Followed(self.steps_done(&steps)),
            SessionInput::Checklist(decided) => {
                self.decide(decided).map_err(refused(Skill::Coaching))?;
                Staged::Decided
            }
            SessionInput::Channel(to) => {
                let from = std::mem::replace(&mut self.conversation.channel, to);
                if from == to {
                    return Ok(Staged::Nothing);
                }
                self.journal.channel(to);
                Staged::Channel { from, to }
            }
            SessionInput::Summarize => Staged::Note,
            SessionInput::Journey(events) => {
                self.journal.journey(&events);
                self.conversation.journey.extend(events);
                Staged::Outlook
            }
            SessionInput::Profile(profile) => {
                self.journal.profile(&profile);
                self.conversation.profile = Some(profile);
                Staged::Nothing
            }
            other => Staged::Other(other),
        })
    }

    fn stage_words(&mut self, mut utterance: NewUtterance) -> Staged {
        if utterance.text.trim().is_empty() {
            return Staged::Nothing;
        }
        if utterance.annotations.is_empty() {
            let language = utterance
                .language
                .as_deref()
                .unwrap_or(&self.conversation.language);
            utterance.annotations = annotate(&utterance.text, Some(language));
        }
        let id = self.conversation.append(utterance);
        if let Some(said) = self.conversation.transcript.get(id) {
            self.journal.utterance(said);
        }
        Staged::Heard(id)
    }

    /// Tells what was stored, and does what it calls for.
    pub(super) async fn carry_out(&mut self, staged: Staged) {
        match staged {
            Staged::Nothing => {}
            Staged::Heard(id) => Box::pin(self.heard(id)).await,
            Staged::Carry(effects) => self.wanted.reply = Some(Work::Carry(effects)),
            Staged::Note => self.wanted.note = Some(false),
            Staged::Decided => Box::pin(self.check_lists(false)).await,
            Staged::Channel { from, to } => {
                self.emit(SessionEvent::ChannelChanged { from, to }).await;
            }
            Staged::Interrupted { utterance, text } => {
                self.emit(SessionEvent::ReplyInterrupted { utterance, text })
                    .await;
            }
            Staged::Feedback { article, given } => {
                Box::pin(self.article_feedback(article, given)).await;
            }
            Staged::ActionFeedback { suggestion, given } => {
                Box::pin(self.action_feedback(&suggestion, given)).await;
            }
            Staged::Handoff(answered) => Box::pin(self.handoff_answered(*answered)).await,
            Staged::Followed(rejections) => self.reject(rejections).await,
            Staged::Outlook => Box::pin(self.foresee()).await,
            Staged::Other(input) => {
                if let Err(error) = Box::pin(self.take_other(input)).await {
                    let event = SessionEvent::failed(Skill::VirtualAgent, &error);
                    self.emit(event).await;
                }
            }
        }
    }

    /// Notes where something cannot be stored.
    pub(in crate::session) fn noting_failures(mut self, store_failed: &Arc<AtomicBool>) -> Self {
        self.store_failed = Arc::clone(store_failed);
        self
    }

    /// Writes what waits.
    pub(in crate::session) async fn flush(&mut self) -> Result<()> {
        self.flush_for(None).await.map(drop)
    }

    async fn flush_for(&mut self, staged: Option<Uuid>) -> Result<Flushed> {
        let flushed = self.journal.flush(staged).await;
        if let Err(error) = &flushed
            && matches!(
                error.kind(),
                ErrorKind::Storage | ErrorKind::Unavailable | ErrorKind::Timeout
            )
        {
            self.store_failed.store(true, Ordering::Relaxed);
        }
        let flushed = flushed?;
        if flushed == Flushed::News {
            self.read_again().await?;
        }
        Ok(flushed)
    }

    /// As [`flush_for`](Self::flush_for), and tells where it fails: whoever waits, and whoever reads.
    async fn stored(&mut self, staged: Option<Uuid>) -> Result<Flushed> {
        match self.flush_for(staged).await {
            Ok(flushed) => Ok(flushed),
            Err(error) => {
                let error = error.context("it could not be stored and was not taken");
                self.emit(SessionEvent::failed(Skill::Store, &error)).await;
                Err(error)
            }
        }
    }

    fn before(&mut self, id: Uuid) -> Before {
        Before {
            conversation: self.conversation.clone(),
            state: self.state.clone(),
            overrides: self.coaching.overrides.len(),
            version: self.journal.version(),
            records: self.journal.begin_input(id),
        }
    }

    fn take_back(&mut self, id: Uuid, before: Before) {
        self.conversation = before.conversation;
        self.state = before.state;
        self.coaching.overrides.truncate(before.overrides);
        self.journal
            .refuse_input(id, before.records, before.version);
    }

    /// Tells how much memory the transcript takes.
    pub(super) fn weigh(&mut self) {
        let said = self.conversation.transcript.utterances();
        self.meter.set(said.iter().map(utterance_bytes).sum());
    }
}

/// What an agent made of a card is taken before the end and after it, so in between too.
fn is_late(input: &SessionInput) -> bool {
    matches!(input, SessionInput::ArticleFeedback { .. })
}

/// What an input leaves in the store that brings no record of its own.
fn mark(input: &SessionInput) -> Mark {
    match input {
        SessionInput::Summarize => Mark::Summarize,
        SessionInput::End => Mark::End,
        _ => Mark::Other,
    }
}
