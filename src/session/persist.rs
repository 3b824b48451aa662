//! A conversation as records, and back.

mod restored;

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use super::runtime::{Form, KeptFeelings};
use super::shown::ShownAction;
use crate::assist::CoachingState;
use crate::assistant::Assistant;
use crate::conversation::{
    ArticleId, Channel, ChecklistOverride, Conversation, CustomerProfile, Handoff, JourneyEvent,
    Participant, ParticipantId, Role, Summary, Utterance, UtteranceId,
};
use crate::dialogue::{self, DialogueState, Pin, Playbook};
use crate::error::{ErrorKind, OrError, Result};
use crate::knowledge::ArticleFeedback;
use crate::store::{ConversationStore, Record, StreamKey, Version};

pub(super) use self::restored::{KeptBooks, Restored, goes_along, restore, unanswered};

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

    /// The input is not taken: its records, those behind `begun`, are not written any more. Where the store has more
    /// than `version` records by now, some of them may be its own.
    pub(super) fn refuse_input(&mut self, id: Uuid, begun: usize, version: Version) {
        let is_written = self.version > version;
        // One that was refused before anything was noted for it cannot be in the store.
        if is_written || self.pending.len() > begun {
            self.refused.push(id);
        }
        self.pending.truncate(begun);
        self.input = None;
        self.is_behind |= is_written;
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
            // Somebody else (a tool, another process) wrote to the same conversation: go on behind it.
            Err(error) if error.kind() == ErrorKind::Conflict => {
                let behind = self.store.load(&self.key, self.version).await?;
                if behind.is_empty() && self.version > 0 {
                    // Records only become fewer where they are erased, and what is erased does not come back.
                    self.pending.clear();
                    return Err(error.context("the conversation was erased"));
                }
                let has = |id: &Uuid| behind.iter().any(|record| record.id == *id);
                let is_ours = |id: &Uuid| self.pending.iter().any(|record| record.id == *id);
                // A conversation that begins cannot go on behind another one.
                if self.version == 0 && !behind.iter().any(|record| is_ours(&record.id)) {
                    return Err(error.context(format!(
                        "the store already has a conversation {}; resume it, or give this one another id",
                        self.key.conversation
                    )));
                }
                let is_foreign = |record: &Record| {
                    !LEDGER.contains(&record.kind.as_str()) && !is_ours(&record.id)
                };
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
        if flushed == Flushed::Plain {
            self.refused = Vec::new();
        }
        Ok(flushed)
    }

    /// Whether an input that was not taken, since the store did not confirm it, turned out to be among these records.
    pub(super) fn turned_up(&mut self, known: &HashSet<Uuid>) -> bool {
        let before = self.refused.len();
        self.refused.retain(|id| !known.contains(id));
        self.refused.len() < before
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
