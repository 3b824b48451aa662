//! A conversation as records, and back.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::runtime::{Form, KeptFeelings};
use super::shown::{Card, Shown, ShownAction};
use crate::assist::{CardDesk, CoachingState};
use crate::assistant::Assistant;
use crate::conversation::{
    ArticleId, Channel, ChecklistOverride, Conversation, CustomerProfile, Handoff, JourneyEvent,
    NewUtterance, Participant, ParticipantId, Role, Summary, Utterance, UtteranceId,
};
use crate::dialogue::{self, Began, DialogueState, Pin, Playbook, Text, Transfer};
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::knowledge::ArticleFeedback;
use crate::store::{ConversationStore, Record, StreamKey, Version};

const STARTED: &str = "started";
const JOINED: &str = "joined";
const UTTERANCE: &str = "utterance";
const INTERRUPTED: &str = "interrupted";
const ROLE: &str = "role";
const STATE: &str = "state";
const SUMMARY: &str = "summary";
const CHECKLIST: &str = "checklist";
const ENDED: &str = "ended";
const CHANNEL: &str = "channel";
const JOURNEY: &str = "journey";
const PROFILE: &str = "profile";
const HANDOFF: &str = "handoff";
/// An article on the agent's screen, and the suggestion it was.
const CARD: &str = "card";
/// A next best action on the agent's screen, and what it was shown in.
const ACTION_CARD: &str = "action_card";
/// Another suggestion on the agent's screen, by its id.
const SHOWN: &str = "shown";
/// There was a sign of a crisis.
const CRISIS: &str = "crisis";
/// What an agent's screen has shown, when a session leaves memory.
const DESK: &str = "desk";
/// An input that brings no record of its own.
const INPUT: &str = "input";
/// What the action ledger writes beside the session of the same process, and no state depends on.
const LEDGER: [&str; 4] = [
    "action_started",
    "action_finished",
    dialogue::TEXT,
    dialogue::BEGAN,
];

/// Writes a session's records; what cannot be written waits for the next attempt.
#[derive(Debug)]
pub(super) struct Journal {
    store: Arc<dyn ConversationStore>,
    key: StreamKey,
    version: Version,
    pending: Vec<Record>,
    /// The loaded playbooks, whose texts are kept when they are begun, and the texts that are in the store, by their records.
    playbooks: Arc<[Playbook]>,
    texts: HashSet<Uuid>,
    /// The input whose records are being noted, and how many there are.
    input: Option<(Uuid, usize)>,
    /// Inputs whose records the store did not confirm, and which were therefore not taken.
    refused: Vec<Uuid>,
    /// There is something in the store that was not read here.
    is_behind: bool,
}

/// What an input leaves behind that brings no record of its own.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mark {
    Summarize,
    Feedback {
        suggestion: String,
        given: ArticleFeedback,
    },
    End,
    Other,
}

/// What writing brought to light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flushed {
    /// Nothing.
    Plain,
    /// The store turned out to have an input that it had not confirmed and that was therefore not taken: the conversation
    /// has to be read again.
    News,
    /// Another process took something for the conversation, which this one does not know. Nothing was written.
    Overtaken,
}

impl Journal {
    pub(super) fn new(
        assistant: &Assistant,
        conversation: &Conversation,
        version: Version,
    ) -> Self {
        let key = StreamKey {
            tenant: conversation.tenant.clone(),
            conversation: conversation.id.clone(),
        };
        Self {
            store: assistant.inner.store.clone(),
            key,
            version,
            pending: Vec::new(),
            playbooks: assistant.inner.playbooks.clone(),
            texts: HashSet::new(),
            input: None,
            refused: Vec::new(),
            is_behind: false,
        }
    }

    /// Records in the store, as far as we know.
    pub(super) fn version(&self) -> Version {
        self.version
    }

    pub(super) fn key(&self) -> &StreamKey {
        &self.key
    }

    /// What follows is brought by an input. Its records have ids that follow from the input's, so that the store takes
    /// them once however often they are sent; the first has the input's own.
    pub(super) fn begin_input(&mut self, id: Uuid) -> usize {
        self.input = Some((id, 0));
        self.pending.len()
    }

    /// The input's records are complete.
    pub(super) fn end_input(&mut self, mark: &Mark) {
        if let Some((_, 0)) = self.input {
            self.note(INPUT, mark);
        }
        self.input = None;
    }

    /// The input is not taken: its records, those behind `begun`, are not written any more.
    pub(super) fn refuse_input(&mut self, id: Uuid, begun: usize) {
        self.pending.truncate(begun);
        self.input = None;
        self.refused.push(id);
    }

    pub(super) fn started(&mut self, conversation: &Conversation) {
        self.note(STARTED, conversation);
    }

    pub(super) fn joined(&mut self, participant: &Participant) {
        self.note(JOINED, participant);
    }

    pub(super) fn utterance(&mut self, utterance: &Utterance) {
        self.note(UTTERANCE, utterance);
    }

    pub(super) fn interrupted(&mut self, utterance: UtteranceId, spoken: usize) {
        self.note(INTERRUPTED, &(utterance, spoken));
    }

    pub(super) fn role(&mut self, participant: &ParticipantId, role: Role, confidence: f32) {
        self.note(ROLE, &(participant, role, confidence));
    }

    /// With the texts of the playbooks that it goes on with.
    pub(super) fn state(&mut self, state: &DialogueState) {
        for (id, pin) in &state.pinned {
            self.text(id, pin);
        }
        self.note(STATE, state);
    }

    /// The stream has these texts.
    pub(super) fn has_texts<'a>(&mut self, digests: impl Iterator<Item = &'a String>) {
        let records = digests.map(|digest| dialogue::record_id(digest));
        self.texts.extend(records);
    }

    /// Keeps the text of a playbook, where the stream does not have it. It is no record of an input, which may have been
    /// sent before under the same id without it.
    fn text(&mut self, id: &str, pin: &Pin) {
        let record = pin.record_id();
        if self.texts.contains(&record) || self.pending.iter().any(|known| known.id == record) {
            return;
        }
        let playbook = self.playbooks.iter().find(|playbook| playbook.id == id);
        // What is not the loaded text was begun before, and is in the stream since.
        let Some(playbook) = playbook.filter(|playbook| Pin::of(playbook) == *pin) else {
            return;
        };
        match dialogue::text_record(playbook, pin) {
            Ok(record) => self.pending.push(record),
            Err(error) => tracing::error!(playbook = id, %error, "a text could not be kept"),
        }
    }

    pub(super) fn summary(&mut self, summary: &Summary) {
        self.note(SUMMARY, summary);
    }

    pub(super) fn checklist(&mut self, decided: &ChecklistOverride) {
        self.note(CHECKLIST, decided);
    }

    pub(super) fn ended(&mut self) {
        self.note(ENDED, &());
    }

    pub(super) fn channel(&mut self, channel: Channel) {
        self.note(CHANNEL, &channel);
    }

    pub(super) fn journey(&mut self, events: &[JourneyEvent]) {
        self.note(JOURNEY, &events);
    }

    pub(super) fn profile(&mut self, profile: &CustomerProfile) {
        self.note(PROFILE, profile);
    }

    pub(super) fn handoff(&mut self, handoff: &Handoff) {
        self.note(HANDOFF, handoff);
    }

    pub(super) fn card(&mut self, suggestion: &str, article: &ArticleId) {
        self.note(CARD, &(suggestion, article));
    }

    pub(super) fn action_card(&mut self, suggestion: &str, action: &ShownAction) {
        self.note(ACTION_CARD, &(suggestion, action));
    }

    pub(super) fn shown(&mut self, suggestion: &str) {
        self.note(SHOWN, &suggestion);
    }

    pub(super) fn feedback(&mut self, suggestion: &str, given: ArticleFeedback) {
        let suggestion = suggestion.to_owned();
        self.note(INPUT, &Mark::Feedback { suggestion, given });
    }

    pub(super) fn desk(
        &mut self,
        cues: &CoachingState,
        last_action: Option<&str>,
        form: Option<&Form>,
        feelings: &KeptFeelings,
    ) {
        self.note(DESK, &(cues, last_action, form, feelings));
    }

    pub(super) fn crisis(&mut self, stop_selling: bool) {
        self.note(CRISIS, &stop_selling);
    }

    /// The conversation was read again, up to here.
    pub(super) fn read_to(&mut self, version: Version) {
        self.version = version;
        self.is_behind = false;
    }

    /// Whether the conversation has to be read again before anything is decided.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Writes what waits. Afterwards it is in the store, or still waits. What waits for the input `staged` was decided by
    /// what is known here, so it is only written where nothing else was taken since.
    pub(super) async fn flush(&mut self, staged: Option<Uuid>) -> Result<Flushed> {
        if self.pending.is_empty() {
            return Ok(Flushed::Plain);
        }
        let mut flushed = Flushed::Plain;
        let written = self
            .store
            .append(&self.key, self.version, &self.pending)
            .await;
        let version = match written {
            // A conversation that begins cannot go on behind another one.
            Err(error) if error.kind() == ErrorKind::Conflict && self.version == 0 => {
                return Err(error.context(format!(
                    "the store already has a conversation {}; resume it, or give this one another id",
                    self.key.conversation
                )));
            }
            // Somebody else (a tool, another process) wrote to the same conversation: go on behind it.
            Err(error) if error.kind() == ErrorKind::Conflict => {
                let behind = self.store.load(&self.key, self.version).await?;
                let has = |id: &Uuid| behind.iter().any(|record| record.id == *id);
                let is_foreign = |record: &Record| !LEDGER.contains(&record.kind.as_str());
                let is_overtaken = behind.iter().any(is_foreign);
                if is_overtaken && staged.is_some_and(|id| !has(&id)) {
                    return Ok(Flushed::Overtaken);
                }
                if self.refused.iter().chain(&staged).any(has) {
                    flushed = Flushed::News;
                }
                self.is_behind |= is_overtaken;
                self.version += behind.len() as u64;
                self.store
                    .append(&self.key, self.version, &self.pending)
                    .await?
            }
            other => other?,
        };
        self.version = version;
        let written = std::mem::take(&mut self.pending).into_iter();
        let texts = written.filter(|record| record.kind == dialogue::TEXT);
        self.texts.extend(texts.map(|record| record.id));
        self.refused = Vec::new();
        Ok(flushed)
    }

    fn note(&mut self, kind: &str, payload: &impl Serialize) {
        // Our own types always serialise; should one ever not, the others are still kept.
        match serde_json::to_value(payload) {
            Ok(payload) => {
                let mut record = Record::new(kind, payload);
                if let Some((id, count)) = &mut self.input {
                    record.id = match *count {
                        0 => *id,
                        at => Uuid::new_v5(id, &at.to_be_bytes()),
                    };
                    *count += 1;
                }
                self.pending.push(record);
            }
            Err(error) => tracing::error!(kind, %error, "a record could not be serialised"),
        }
    }
}

/// The record of a note that a person keeps after the conversation.
pub(super) fn note_record(id: Uuid, note: &Summary) -> Result<Record> {
    let payload = serde_json::to_value(note)
        .or_error(ErrorKind::Internal, || "the note could not be serialised")?;
    let mut record = Record::new(SUMMARY, payload);
    record.id = id;
    Ok(record)
}

/// What an agent made of a suggestion, said after the end, as it goes into the journal.
pub(super) fn feedback_record(
    id: Uuid,
    suggestion: &str,
    given: ArticleFeedback,
) -> Result<Record> {
    let mark = Mark::Feedback {
        suggestion: suggestion.to_owned(),
        given,
    };
    let payload = serde_json::to_value(mark).or_error(
        ErrorKind::Internal,
        || "the feedback could not be serialised",
    )?;
    let mut record = Record::new(INPUT, payload);
    record.id = id;
    Ok(record)
}

/// The texts of playbooks that a conversation began with.
#[derive(Debug, Default)]
pub(super) struct KeptBooks {
    /// By digest.
    pub(super) texts: HashMap<String, Value>,
    /// What was begun in a turn that did not get as far as its state.
    pub(super) begun: Vec<Began>,
}

/// What the store knew of a conversation.
#[derive(Debug)]
pub(super) struct Restored {
    pub(super) conversation: Conversation,
    pub(super) state: DialogueState,
    pub(super) summary: Option<Summary>,
    pub(super) checklist: Vec<ChecklistOverride>,
    pub(super) handoff: Option<Handoff>,
    /// What was shown, and what the agent made of it.
    pub(super) shown: Shown,
    /// The articles that are on the screen, and those that were.
    pub(super) cards: CardDesk,
    /// The next best action that is on the screen.
    pub(super) open_action: Option<String>,
    pub(super) stop_selling: bool,
    pub(super) cues: CoachingState,
    pub(super) last_action: Option<String>,
    pub(super) form: Option<Form>,
    pub(super) feelings: KeptFeelings,
    pub(super) books: KeptBooks,
    /// The ids of all records, inputs among them.
    pub(super) seen: HashSet<Uuid>,
    /// Its end was asked for.
    pub(super) ending: bool,
    pub(super) ended: bool,
    pub(super) version: Version,
}

impl Restored {
    /// Whether something is to be done though nobody says anything, which a process that died has left: the last note, the
    /// end of an offer's time, an answer.
    pub(super) fn goes_on(&self) -> bool {
        let offered = self.state.transfers.last().and_then(Transfer::expires_at);
        let is_owed = self.ending
            || offered.is_some()
            || unanswered(&self.conversation, &self.state).is_some();
        is_owed && !self.ended
    }
}

/// The customer's last words, where the virtual agent leads and has said nothing to them yet.
pub(super) fn unanswered(
    conversation: &Conversation,
    state: &DialogueState,
) -> Option<UtteranceId> {
    let mut participants = conversation.participants.iter();
    let leads = participants.any(|p| p.role == Role::AutomatedAgent) && state.handed_off.is_none();
    let last = conversation.transcript.utterances().last();
    let last = last.filter(|said| said.role == Role::EndUser && !said.back_channel);
    last.filter(|_| leads && !state.ended).map(|said| said.id)
}

/// Plays the records back. Kinds this version does not know are passed over.
pub(super) fn restore(key: &StreamKey, records: &[Record]) -> Result<Restored> {
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
