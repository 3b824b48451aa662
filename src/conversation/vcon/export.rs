//! A conversation as a vCon.

use serde_json::{Value, json};

use super::super::{Conversation, Participant, Role, Summary, Utterance};
use super::{
    CONTACT_CENTRE, EXTENSION, OfConversation, OfParticipant, OfUtterance, Vcon, VconAnalysis,
    VconAttachment, VconContent, VconDialog, VconParty,
};
use crate::error::{ErrorKind, OrError, Result};

/// The vendor of our analyses.
pub(super) const VENDOR: &str = "attendant";
/// The form of a note among the analyses.
pub(super) const SUMMARY_FORM: &str = "attendant-summary-1";
/// The form of a disposition among the analyses.
pub(super) const WRAP_UP_FORM: &str = "attendant-wrap-up-1";

/// What goes into a vCon beside the conversation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VconOptions {
    /// The note; its wrap-up becomes an analysis of its own.
    pub summary: Option<Summary>,
    /// Recordings of it: pieces of dialog of type `recording`, behind the text.
    pub recordings: Vec<VconDialog>,
    /// Documents.
    pub attachments: Vec<VconAttachment>,
    /// When the vCon is made; now, where it is not given.
    pub created_at: Option<jiff::Timestamp>,
    /// Leaves out what the host knows of the customer beside what was said.
    pub without_profile: bool,
}

impl VconParty {
    fn of(participant: &Participant) -> Self {
        let (kind, role) = match participant.role {
            Role::EndUser => (Some("person"), Some("customer")),
            Role::HumanAgent => (Some("person"), Some("agent")),
            Role::AutomatedAgent => (Some("bot"), Some("agent")),
            Role::Unknown => (None, None),
        };
        Self {
            name: participant.display_name.clone(),
            kind: kind.map(str::to_owned),
            role: role.map(str::to_owned),
            attendant: Some(OfParticipant {
                id: participant.id.as_str().to_owned(),
                role: participant.role,
                role_confidence: participant.role_confidence,
            }),
            ..Self::default()
        }
    }

    /// The role that the fields of the drafts tell.
    pub(super) fn speaks_as(&self) -> Role {
        if let Some(ours) = &self.attendant {
            return ours.role;
        }
        let is = |field: &Option<String>, name: &str| {
            field
                .as_deref()
                .is_some_and(|field| field.eq_ignore_ascii_case(name))
        };
        if is(&self.kind, "bot") {
            return Role::AutomatedAgent;
        }
        if is(&self.role, "customer") {
            return Role::EndUser;
        }
        let serves = ["agent", "supervisor", "sme"];
        if serves.iter().any(|role| is(&self.role, role)) {
            return Role::HumanAgent;
        }
        Role::Unknown
    }
}

impl VconDialog {
    /// A recording, from the index of each channel's party.
    pub fn recording(start: jiff::Timestamp, seconds: f64, content: VconContent) -> Self {
        Self {
            kind: Some("recording".to_owned()),
            start: Some(start),
            duration: Some(seconds),
            content,
            ..Self::default()
        }
    }

    fn of(said: &Utterance, party: usize, started_at: jiff::Timestamp) -> Self {
        let offset = jiff::SignedDuration::from_millis(said.start_ms.min(MOST_MS) as i64);
        let start = started_at.checked_add(offset).unwrap_or(started_at);
        let channel = serde_json::to_value(said.channel).ok();
        Self {
            kind: Some("text".to_owned()),
            start: Some(start),
            duration: Some(said.end_ms.saturating_sub(said.start_ms) as f64 / 1000.0),
            parties: Some(json!(party)),
            application: channel.and_then(|name| name.as_str().map(str::to_owned)),
            content: VconContent::text(said.text.clone()),
            attendant: Some(OfUtterance {
                role: said.role,
                channel: said.channel,
                start_ms: said.start_ms,
                end_ms: said.end_ms,
                bytes: said.text.len(),
                language: said.language.clone(),
                confidence: said.confidence,
                words: said.words.clone(),
                annotations: said.annotations.clone(),
                back_channel: said.back_channel,
            }),
            ..Self::default()
        }
    }
}

/// A century; times further off are not told.
const MOST_MS: u64 = 3_155_760_000_000;

impl Vcon {
    /// The vCon of a conversation: every utterance a piece of dialog of type `text`. The same conversation always has
    /// the same uuid.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the note cannot be written.
    pub fn from_conversation(conversation: &Conversation, options: VconOptions) -> Result<Self> {
        let mut parties: Vec<VconParty> = conversation
            .participants
            .iter()
            .map(VconParty::of)
            .collect();
        let mut ids: Vec<&str> = conversation
            .participants
            .iter()
            .map(|participant| participant.id.as_str())
            .collect();
        let mut dialog = Vec::new();
        for said in conversation.transcript.utterances() {
            let party = match ids.iter().position(|id| *id == said.participant.as_str()) {
                Some(party) => party,
                // Somebody who spoke and never joined.
                None => {
                    ids.push(said.participant.as_str());
                    parties.push(VconParty::of(&Participant::new(
                        said.participant.clone(),
                        said.role,
                    )));
                    ids.len() - 1
                }
            };
            dialog.push(VconDialog::of(said, party, conversation.started_at));
        }
        let spoken: Vec<usize> = (0..dialog.len()).collect();
        dialog.extend(options.recordings);
        let analysis = match &options.summary {
            Some(summary) => analyses(summary, &spoken)?,
            None => Vec::new(),
        };
        let now = jiff::Timestamp::now;
        Ok(Self {
            vcon: Some("0.4.0".to_owned()),
            uuid: identity(conversation),
            created_at: options.created_at.unwrap_or_else(now),
            updated_at: None,
            subject: None,
            extensions: vec![CONTACT_CENTRE.to_owned(), EXTENSION.to_owned()],
            critical: Vec::new(),
            parties,
            dialog,
            analysis,
            attachments: options.attachments,
            attendant: Some(OfConversation {
                conversation: conversation.id.as_str().to_owned(),
                channel: conversation.channel,
                language: conversation.language.clone(),
                started_at: conversation.started_at,
                profile: conversation
                    .profile
                    .clone()
                    .filter(|_| !options.without_profile),
                journey: if options.without_profile {
                    Vec::new()
                } else {
                    conversation.journey.clone()
                },
            }),
            other: serde_json::Map::new(),
        })
    }
}

fn analyses(summary: &Summary, spoken: &[usize]) -> Result<Vec<VconAnalysis>> {
    let mut note = summary.clone();
    let wrap_up = note.wrap_up.take();
    let unwritten = || "the note cannot be written as JSON";
    let of = |kind: &str, form: &str, value: Value| VconAnalysis {
        kind: kind.to_owned(),
        dialog: Some(json!(spoken)),
        vendor: VENDOR.to_owned(),
        product: Some(concat!("attendant ", env!("CARGO_PKG_VERSION")).to_owned()),
        schema: Some(form.to_owned()),
        content: VconContent::json(value),
        ..VconAnalysis::default()
    };
    let value = serde_json::to_value(note).or_error(ErrorKind::Internal, unwritten)?;
    let mut all = vec![of("summary", SUMMARY_FORM, value)];
    if let Some(wrap_up) = wrap_up {
        let value = serde_json::to_value(wrap_up).or_error(ErrorKind::Internal, unwritten)?;
        all.push(of("report", WRAP_UP_FORM, value));
    }
    Ok(all)
}

/// The conversation's own id where it is a UUID; else one of version 8 (RFC 9562) with the time the conversation began
/// in front, as the draft asks, and a hash of tenant and id instead of a random part and a host name: neither is told,
/// and the same conversation gives the same uuid.
fn identity(conversation: &Conversation) -> uuid::Uuid {
    if let Ok(id) = conversation.id.as_str().parse() {
        return id;
    }
    let name = format!("{}\0{}", conversation.tenant, conversation.id);
    let hash = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes());
    let mut bytes = *hash.as_bytes();
    let began = conversation
        .started_at
        .as_millisecond()
        .max(0)
        .to_be_bytes();
    for (byte, time) in bytes.iter_mut().zip(began.iter().skip(2)) {
        *byte = *time;
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
