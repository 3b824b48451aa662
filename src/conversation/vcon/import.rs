//! A vCon as a conversation.

use serde_json::Value;

use super::super::{Channel, Conversation, NewUtterance, Participant, Summary, TenantId};
use super::export::{SUMMARY_FORM, VENDOR, WRAP_UP_FORM};
use super::{Vcon, VconDialog, VconParty};
use crate::error::{Error, ErrorKind, OrError, Result};

/// What a vCon tells of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct VconConversation {
    /// The conversation.
    pub conversation: Conversation,
    /// The note, where the vCon has one of ours, or one as plain text by another vendor (as its situation).
    pub summary: Option<Summary>,
    /// What was passed over, in sentences for people: recordings and files elsewhere, which nobody fetches here, and
    /// kinds of dialog without words.
    pub passed_over: Vec<String>,
}

fn invalid(why: String) -> Error {
    Error::new(ErrorKind::InvalidInput, why)
}

/// Something said, with the place it has in the dialog.
struct Said<'a> {
    index: usize,
    dialog: &'a VconDialog,
    start: jiff::Timestamp,
    text: String,
}

impl Vcon {
    /// The conversation in the vCon, as one of `tenant`. Pieces of dialog are put in the order of their start.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the parts do not fit: a party that is not there, a body that is not in its
    /// encoding, text without a start.
    pub fn to_conversation(&self, tenant: impl Into<TenantId>) -> Result<VconConversation> {
        let mut passed_over = Vec::new();
        let mut said = Vec::new();
        for (index, dialog) in self.dialog.iter().enumerate() {
            match read_words(index, dialog)? {
                Words::Said(words) => said.push(*words),
                Words::None(why) => passed_over.push(why),
            }
        }
        said.sort_by_key(|said| said.start);
        if self.attendant.is_some() {
            // Ours are in the order in which they became final.
            said.sort_by_key(|said| said.index);
        }
        let mut conversation = self.empty(tenant.into(), &said)?;
        let ids: Vec<_> = self
            .parties
            .iter()
            .enumerate()
            .map(|(index, party)| conversation.join(party.participant(index)))
            .collect();
        for said in said {
            let party = said.dialog.speaker(said.index)?;
            let participant = ids.get(party).cloned().ok_or_else(|| {
                let there = ids.len();
                invalid(format!(
                    "dialog {} is of party {party}, but there are {there} parties",
                    said.index
                ))
            })?;
            let mut new = NewUtterance::new(participant.clone(), said.text);
            let offset = said.start.duration_since(conversation.started_at);
            new.start_ms = u64::try_from(offset.as_millis()).unwrap_or(0);
            let seconds = said.dialog.duration.unwrap_or(0.0);
            new.end_ms = new
                .start_ms
                .saturating_add((seconds * 1000.0).round() as u64);
            let mut channel = said.dialog.channel().unwrap_or(conversation.channel);
            let mut role = conversation.role_of(&participant);
            if let Some(ours) = &said.dialog.attendant {
                (new.start_ms, new.end_ms) = (ours.start_ms, ours.end_ms);
                new.language = ours.language.clone();
                new.confidence = ours.confidence;
                if ours.bytes == new.text.len() {
                    new.words = ours.words.clone();
                    new.annotations = ours.annotations.clone();
                    new.annotations
                        .retain(|note| new.text.get(note.start..note.end).is_some());
                }
                new.back_channel = ours.back_channel;
                (channel, role) = (ours.channel, ours.role);
            }
            conversation.transcript.push(new, role, channel);
        }
        let summary = self.summary(&mut passed_over)?;
        Ok(VconConversation {
            conversation,
            summary,
            passed_over,
        })
    }

    /// The conversation without participants and words.
    fn empty(&self, tenant: TenantId, said: &[Said<'_>]) -> Result<Conversation> {
        let started_at = self
            .dialog
            .iter()
            .filter_map(|dialog| dialog.start)
            .min()
            .unwrap_or(self.created_at);
        let spoken = self
            .dialog
            .iter()
            .any(|dialog| dialog.kind.as_deref() == Some("recording"));
        let channel = said.iter().rev().find_map(|said| said.dialog.channel());
        let guessed = if spoken {
            Channel::Voice
        } else {
            Channel::Chat
        };
        let mut conversation =
            Conversation::new(tenant, channel.unwrap_or(guessed)).with_id(self.uuid.to_string());
        conversation.started_at = started_at;
        if let Some(ours) = &self.attendant {
            if ours.conversation.is_empty() {
                return Err(invalid("the conversation's id is empty".to_owned()));
            }
            conversation.id = ours.conversation.as_str().into();
            conversation.channel = ours.channel;
            conversation.language = ours.language.clone();
            conversation.started_at = ours.started_at;
            conversation.profile = ours.profile.clone();
            conversation.journey = ours.journey.clone();
        }
        Ok(conversation)
    }

    fn summary(&self, passed_over: &mut Vec<String>) -> Result<Option<Summary>> {
        let mut summary: Option<Summary> = None;
        let mut plain = None;
        let mut wrap_up = None;
        for (index, analysis) in self.analysis.iter().enumerate() {
            let unreadable = || format!("analysis {index} has an unknown form");
            let form = analysis.schema.as_deref().unwrap_or_default();
            let content = &analysis.content;
            let at = |error: Error| error.context(format!("analysis {index}"));
            if analysis.vendor == VENDOR && form == SUMMARY_FORM {
                if let Some(value) = content.body_json().map_err(at)? {
                    let note = serde_json::from_value(value);
                    summary = Some(note.or_error(ErrorKind::InvalidInput, unreadable)?);
                }
            } else if analysis.vendor == VENDOR && form == WRAP_UP_FORM {
                if let Some(value) = content.body_json().map_err(at)? {
                    let chosen = serde_json::from_value(value);
                    wrap_up = Some(chosen.or_error(ErrorKind::InvalidInput, unreadable)?);
                }
            } else if analysis.kind == "summary"
                && matches!(content.media().as_deref(), None | Some("text/plain"))
                && let Some(text) = content.body_text().map_err(at)?
            {
                plain = plain.or(Some(text));
            } else {
                let (kind, vendor) = (&analysis.kind, &analysis.vendor);
                passed_over.push(format!("analysis {index} ({kind} by {vendor}) is not read"));
            }
        }
        if let (None, Some(text)) = (&summary, plain) {
            use super::super::{SectionKind, SummarySection};
            let section = SummarySection { name: None,
                kind: SectionKind::Situation,
                text,
                evidence: Vec::new(),
            };
            summary = Some(Summary {
                sections: vec![section],
                ..Summary::default()
            });
        }
        if wrap_up.is_some() {
            summary.get_or_insert_default().wrap_up = wrap_up;
        }
        Ok(summary)
    }
}

enum Words<'a> {
    Said(Box<Said<'a>>),
    None(String),
}

fn read_words(index: usize, dialog: &VconDialog) -> Result<Words<'_>> {
    if let Some(seconds) = dialog.duration
        && !(0.0..=1e9).contains(&seconds)
    {
        return Err(invalid(format!("dialog {index} cannot take {seconds} s")));
    }
    let kind = dialog.kind.as_deref().unwrap_or("nothing");
    if kind != "text" {
        return Ok(Words::None(format!("dialog {index} is {kind}, not text")));
    }
    if let Some(media) = dialog.content.media().filter(|media| media != "text/plain") {
        let why = format!("dialog {index} is {media}, not text/plain");
        return Ok(Words::None(why));
    }
    let text = dialog
        .content
        .body_text()
        .map_err(|error| error.context(format!("dialog {index}")))?;
    let Some(text) = text else {
        let why = match &dialog.content.url {
            Some(_) => format!("the text of dialog {index} is elsewhere; put it into the vCon"),
            None => format!("the text of dialog {index} was taken out"),
        };
        return Ok(Words::None(why));
    };
    let start = dialog
        .start
        .ok_or_else(|| invalid(format!("dialog {index} has text but no start")))?;
    Ok(Words::Said(Box::new(Said {
        index,
        dialog,
        start,
        text,
    })))
}

impl VconDialog {
    /// Index of the party that said it.
    fn speaker(&self, index: usize) -> Result<usize> {
        if let Some(originator) = self.originator {
            return Ok(originator);
        }
        // The first of several is who it is from.
        let mut parties = self.parties.as_ref();
        while let Some(Value::Array(several)) = parties {
            parties = several.iter().find(|party| !party.is_null());
        }
        let number = parties.and_then(Value::as_u64);
        number
            .and_then(|party| usize::try_from(party).ok())
            .ok_or_else(|| invalid(format!("dialog {index} does not tell whose text it is")))
    }

    fn channel(&self) -> Option<Channel> {
        let name = self.application.as_deref()?.to_ascii_lowercase();
        serde_json::from_value(Value::String(name)).ok()
    }
}

impl VconParty {
    fn participant(&self, index: usize) -> Participant {
        let id = format!("party-{index}");
        let mut participant = Participant::new(id, self.speaks_as());
        if let Some(ours) = &self.attendant {
            participant.id = ours.id.as_str().into();
            participant.role_confidence = ours.role_confidence;
        }
        participant.display_name = self.name.clone();
        participant
    }
}
