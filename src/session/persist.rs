//! A conversation as records, and back.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::conversation::{
    ChecklistOverride, Conversation, Handoff, NewUtterance, Participant, ParticipantId, Role,
    Summary, Utterance, UtteranceId,
};
use crate::dialogue::DialogueState;
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::store::{ConversationStore, Record, StreamKey, Version};

const STARTED: &str = "started";
const JOINED: &str = "joined";
const UTTERANCE: &str = "utterance";
const INTERRUPTED: &str = "interrupted";
const ROLE: &str = "role";
const STATE: &str = "state";
const SUMMARY: &str = "summary";
const CHECKLIST: &str = "checklist";
const HANDOFF: &str = "handoff";
const ENDED: &str = "ended";

/// Writes a session's records; what cannot be written waits for the next attempt.
#[derive(Debug)]
pub(super) struct Journal {
    store: Arc<dyn ConversationStore>,
    key: StreamKey,
    version: Version,
    pending: Vec<Record>,
}

impl Journal {
    pub(super) fn new(
        store: Arc<dyn ConversationStore>,
        conversation: &Conversation,
        version: Version,
    ) -> Self {
        let key = StreamKey {
            tenant: conversation.tenant.clone(),
            conversation: conversation.id.clone(),
        };
        Self {
            store,
            key,
            version,
            pending: Vec::new(),
        }
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

    pub(super) fn state(&mut self, state: &DialogueState) {
        self.note(STATE, state);
    }

    pub(super) fn summary(&mut self, summary: &Summary) {
        self.note(SUMMARY, summary);
    }

    pub(super) fn checklist(&mut self, decided: &ChecklistOverride) {
        self.note(CHECKLIST, decided);
    }

    pub(super) fn handoff(&mut self, briefing: &Handoff) {
        self.note(HANDOFF, briefing);
    }

    pub(super) fn ended(&mut self) {
        self.note(ENDED, &());
    }

    /// Writes what waits. Afterwards it is in the store, or still waits.
    pub(super) async fn flush(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
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
                let behind = self.store.load(&self.key, self.version).await?.len() as u64;
                self.version += behind;
                self.store
                    .append(&self.key, self.version, &self.pending)
                    .await?
            }
            other => other?,
        };
        self.version = version;
        self.pending.clear();
        Ok(())
    }

    fn note(&mut self, kind: &str, payload: &impl Serialize) {
        // Our own types always serialise; should one ever not, the others are still kept.
        match serde_json::to_value(payload) {
            Ok(payload) => self.pending.push(Record::new(kind, payload)),
            Err(error) => tracing::error!(kind, %error, "a record could not be serialised"),
        }
    }
}

/// What the store knew of a conversation.
#[derive(Debug)]
pub(super) struct Restored {
    pub(super) conversation: Conversation,
    pub(super) state: DialogueState,
    pub(super) summary: Option<Summary>,
    pub(super) checklist: Vec<ChecklistOverride>,
    /// The last briefing.
    pub(super) briefing: Option<Handoff>,
    pub(super) version: Version,
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
        briefing: None,
        version: records.len() as u64,
    };
    for record in records {
        apply(&mut restored, record).map_err(|e| e.context(unreadable()))?;
    }
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
        HANDOFF => restored.briefing = Some(read(&record.payload)?),
        SUMMARY => restored.summary = Some(read(&record.payload)?),
        _ => {}
    }
    Ok(())
}

fn read<T: DeserializeOwned>(payload: &Value) -> Result<T> {
    T::deserialize(payload).or_error(ErrorKind::Storage, || "a record has an unknown form")
}
