//! A conversation out of its records.

use std::collections::{HashMap, HashSet};

use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::super::runtime::{Form, KeptFeelings};
use super::super::shown::{Card, Shown, ShownAction};
use super::{
    ACTION_CARD, CARD, CHANNEL, CHECKLIST, CRISIS, DESK, ENDED, HANDOFF, INPUT, INTERRUPTED,
    JOINED, JOURNEY, Mark, PROFILE, ROLE, SHOWN, STARTED, STATE, SUMMARY, UTTERANCE,
};
use crate::assist::{CardDesk, CoachingState};
use crate::conversation::{
    ArticleId, ChecklistOverride, Conversation, Handoff, JourneyEvent, NewUtterance, ParticipantId,
    Role, Summary, Utterance, UtteranceId,
};
use crate::dialogue::{self, Began, DialogueState, Text, Transfer};
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::knowledge::ArticleFeedback;
use crate::store::{Record, StreamKey, Version};

/// The texts of playbooks that a conversation began with.
#[derive(Debug, Default)]
pub(in crate::session) struct KeptBooks {
    /// By digest.
    pub(in crate::session) texts: HashMap<String, Value>,
    /// What was begun in a turn that did not get as far as its state.
    pub(in crate::session) begun: Vec<Began>,
}

/// What the store knew of a conversation.
#[derive(Debug)]
pub(in crate::session) struct Restored {
    pub(in crate::session) conversation: Conversation,
    pub(in crate::session) state: DialogueState,
    pub(in crate::session) summary: Option<Summary>,
    pub(in crate::session) checklist: Vec<ChecklistOverride>,
    pub(in crate::session) handoff: Option<Handoff>,
    /// What was shown, and what the agent made of it.
    pub(in crate::session) shown: Shown,
    /// The articles that are on the screen, and those that were.
    pub(in crate::session) cards: CardDesk,
    /// The next best action that is on the screen.
    pub(in crate::session) open_action: Option<String>,
    pub(in crate::session) stop_selling: bool,
    pub(in crate::session) cues: CoachingState,
    pub(in crate::session) last_action: Option<String>,
    pub(in crate::session) form: Option<Form>,
    pub(in crate::session) feelings: KeptFeelings,
    pub(in crate::session) books: KeptBooks,
    /// The ids of all records, inputs among them.
    pub(in crate::session) seen: HashSet<Uuid>,
    /// Its end was asked for.
    pub(in crate::session) ending: bool,
    pub(in crate::session) ended: bool,
    pub(in crate::session) version: Version,
}

impl Restored {
    /// Whether something is to be done though nobody says anything, which a process that died has left: the last note, the
    /// end of an offer's time, an answer, a step of a procedure that somebody said yes to.
    pub(in crate::session) fn goes_on(&self) -> bool {
        let offered = self.state.transfers.last().and_then(Transfer::expires_at);
        let is_owed = self.ending
            || offered.is_some()
            || unanswered(&self.conversation, &self.state).is_some()
            || goes_along(&self.conversation, &self.state);
        is_owed && !self.ended
    }
}

/// The customer's last words, where the virtual agent leads and has said nothing to them yet.
pub(in crate::session) fn unanswered(
    conversation: &Conversation,
    state: &DialogueState,
) -> Option<UtteranceId> {
    let last = conversation.transcript.utterances().last();
    let last = last.filter(|said| said.role == Role::EndUser && !said.back_channel);
    last.filter(|_| leads(conversation, state))
        .map(|said| said.id)
}

/// Whether the virtual agent is in the middle of a procedure that waits for nobody.
pub(in crate::session) fn goes_along(conversation: &Conversation, state: &DialogueState) -> bool {
    let asks = state.asked.is_some() || state.pending.is_some() || !state.choices.is_empty();
    let offers = state.offer.is_some() || state.alternative.is_some();
    leads(conversation, state) && state.playbook.is_some() && !asks && !offers
}

fn leads(conversation: &Conversation, state: &DialogueState) -> bool {
    let mut participants = conversation.participants.iter();
    let is_there = participants.any(|p| p.role == Role::AutomatedAgent);
    is_there && state.handed_off.is_none() && !state.ended
}

/// Plays the records back. Kinds this version does not know are passed over.
pub(in crate::session) fn restore(key: &StreamKey, records: &[Record]) -> Result<Restored> {
    let unreadable = || {
        format!(
            "the records of conversation {} cannot be read",
            key.conversation
        )
    };
    let started = records.iter().find(|record| record.kind == STARTED);
    let started = started.ok_or_else(|| Error::new(ErrorKind::Storage, unreadable()))?;
    let mut restored = Restored {
        conversation: read(&started.payload).map_err(|e| e.context(unreadable()))?,
        state: DialogueState::default(),
        summary: None,
        checklist: Vec::new(),
        handoff: None,
        shown: Shown::default(),
        cards: CardDesk::default(),
        open_action: None,
        stop_selling: false,
        cues: CoachingState::default(),
        last_action: None,
        form: None,
        feelings: KeptFeelings::default(),
        books: KeptBooks::default(),
        seen: records.iter().map(|record| record.id).collect(),
        ending: false,
        ended: false,
        version: records.len() as u64,
    };
    for record in records {
        apply(&mut restored, record).map_err(|e| e.context(unreadable()))?;
    }
    let runs = &restored.state.runs;
    let is_open = |began: &Began| runs.get(&began.playbook).is_none_or(|run| *run < began.run);
    restored.books.begun.retain(is_open);
    Ok(restored)
}

fn apply(restored: &mut Restored, record: &Record) -> Result<()> {
    let conversation = &mut restored.conversation;
    match record.kind.as_str() {
        JOINED => {
            conversation.join(read(&record.payload)?);
        }
        UTTERANCE => {
            let said: Utterance = read(&record.payload)?;
            conversation.append(NewUtterance {
                participant: said.participant,
                text: said.text,
                start_ms: said.start_ms,
                end_ms: said.end_ms,
                language: said.language,
                confidence: said.confidence,
                words: said.words,
                annotations: said.annotations,
                back_channel: said.back_channel,
            });
        }
        INTERRUPTED => {
            let (utterance, spoken): (UtteranceId, usize) = read(&record.payload)?;
            conversation.interrupt(utterance, spoken);
        }
        ROLE => {
            let (participant, role, confidence): (ParticipantId, Role, f32) =
                read(&record.payload)?;
            conversation.assign_role(&participant, role, confidence);
        }
        STATE => restored.state = read(&record.payload)?,
        CHECKLIST => restored.checklist.push(read(&record.payload)?),
        SUMMARY => restored.summary = Some(read(&record.payload)?),
        CHANNEL => conversation.channel = read(&record.payload)?,
        JOURNEY => conversation
            .journey
            .extend(read::<Vec<JourneyEvent>>(&record.payload)?),
        PROFILE => conversation.profile = Some(read(&record.payload)?),
        HANDOFF => restored.handoff = Some(read(&record.payload)?),
        CARD => {
            let (suggestion, article): (String, ArticleId) = read(&record.payload)?;
            let now = conversation.transcript.next_id().0.saturating_sub(1);
            let card = (suggestion.clone(), article.clone());
            restored.cards.take_up(card, UtteranceId(now));
            restored.shown.article(suggestion, article);
        }
        ACTION_CARD => {
            let (suggestion, action): (String, ShownAction) = read(&record.payload)?;
            restored.open_action = Some(suggestion.clone());
            restored.shown.action(suggestion, action);
        }
        SHOWN => {
            restored.shown.other(&read::<String>(&record.payload)?);
        }
        CRISIS => restored.stop_selling |= read::<bool>(&record.payload)?,
        DESK => {
            take_desk(restored, &record.payload)?;
            if restored.last_action.is_none() {
                restored.open_action = None;
            }
        }
        // A text in another form is a text that cannot be read any more, which only matters where it is followed.
        dialogue::TEXT => {
            if let Ok(Text { digest, playbook }) = read::<Text>(&record.payload) {
                restored.books.texts.insert(digest, playbook);
            }
        }
        dialogue::BEGAN => restored.books.begun.extend(read(&record.payload).ok()),
        ENDED => restored.ended = true,
        // What another version leaves behind still says that the input was taken.
        INPUT => match read(&record.payload).unwrap_or(Mark::Other) {
            Mark::End => restored.ending = true,
            Mark::Feedback { suggestion, given } => take_feedback(restored, &suggestion, given),
            _ => {}
        },
        _ => {}
    }
    Ok(())
}

/// What an agent made of a suggestion. What there was to learn from it was learned when it was said.
fn take_feedback(restored: &mut Restored, suggestion: &str, given: ArticleFeedback) {
    restored.shown.judge(suggestion, given);
    if given == ArticleFeedback::Dismissed
        && let Ok(Card::Article(article)) = restored.shown.card(suggestion)
    {
        restored.cards.dismiss(article);
    }
}

/// What the agent's screen had shown, as this version or an earlier one kept it.
fn take_desk(restored: &mut Restored, payload: &Value) -> Result<()> {
    if let Ok(desk) = read(payload) {
        (
            restored.cues,
            restored.last_action,
            restored.form,
            restored.feelings,
        ) = desk;
    } else if let Ok(desk) = read(payload) {
        (restored.cues, restored.last_action, restored.form) = desk;
    } else {
        (restored.cues, restored.last_action) = read(payload)?;
    }
    Ok(())
}

fn read<T: DeserializeOwned>(payload: &Value) -> Result<T> {
    T::deserialize(payload).or_error(ErrorKind::Storage, || "a record has an unknown form")
}
