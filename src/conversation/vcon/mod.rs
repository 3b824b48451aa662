//! vCon: the IETF's container for conversations, for exchange with other platforms.
//!
//! Written and read after `draft-ietf-vcon-vcon-core-03` (the working group's continuation of
//! `draft-ietf-vcon-vcon-container`), with the party roles of `draft-ietf-vcon-cc-extension-02`. What is ours alone (ids
//! and sureness of participants, words, annotations) stands in parameters named `attendant`, which others pass over; it
//! has no words that are not in the dialog, except those of the words' timings. Fields that the draft does not know, or
//! a later one adds, are kept. Signed and encrypted vCons are for whoever holds the keys: they are refused.

mod content;
mod export;
mod import;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use content::VconContent;
pub use export::VconOptions;
pub use import::VconConversation;

use super::{Annotation, Channel, CustomerProfile, JourneyEvent, Role, Word};
use crate::error::{Error, ErrorKind, OrError, Result};

/// The name of our parameters, and of the extension they belong to.
const EXTENSION: &str = "attendant";
/// The extension that defines the roles of parties in a contact centre.
const CONTACT_CENTRE: &str = "CC";

/// An unsigned vCon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vcon {
    /// Version of the form; `0.4.0` since draft 01, deprecated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vcon: Option<String>,
    /// Identity of the vCon.
    pub uuid: uuid::Uuid,
    /// When the vCon was made, not the conversation.
    pub created_at: jiff::Timestamp,
    /// When it was changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<jiff::Timestamp>,
    /// What the conversation is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Extensions whose parameters it uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
    /// Extensions without which it must not be read.
    #[serde(default, alias = "must_support", skip_serializing_if = "Vec::is_empty")]
    pub critical: Vec<String>,
    /// Who took part.
    #[serde(default)]
    pub parties: Vec<VconParty>,
    /// What was said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dialog: Vec<VconDialog>,
    /// What was made of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub analysis: Vec<VconAnalysis>,
    /// What was sent along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<VconAttachment>,
    /// Ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attendant: Option<OfConversation>,
    /// Fields that are not known here.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A party of a vCon.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VconParty {
    /// Telephone number, with or without `tel:`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tel: Option<String>,
    /// Mail address, with or without `mailto:`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailto: Option<String>,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `person`, `bot` or `organization`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Role in the contact centre, e.g. `customer` or `agent` (extension `CC`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attendant: Option<OfParticipant>,
    /// Fields that are not known here.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A piece of the dialog. All may be missing: such a piece says that something took place of which nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VconDialog {
    /// `text`, `recording`, `recording-set`, `transfer` or `incomplete`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<jiff::Timestamp>,
    /// How long it took, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<f64>,
    /// Index or indices of parties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parties: Option<Value>,
    /// Index of the party it is from, where that is not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub originator: Option<usize>,
    /// The channel or application it was held over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// What it holds.
    #[serde(flatten)]
    pub content: VconContent,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attendant: Option<OfUtterance>,
    /// Fields that are not known here.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Something that was made of the conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VconAnalysis {
    /// `summary`, `transcript`, `sentiment`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Index or indices of the dialog it was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialog: Option<Value>,
    /// Who made it.
    #[serde(default)]
    pub vendor: String,
    /// With which product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// In which form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// What it holds.
    #[serde(flatten)]
    pub content: VconContent,
    /// Fields that are not known here.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A document that belongs to the conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VconAttachment {
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// When it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<jiff::Timestamp>,
    /// Index of the party it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<usize>,
    /// Index of the piece of dialog it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialog: Option<usize>,
    /// What it holds.
    #[serde(flatten)]
    pub content: VconContent,
    /// Fields that are not known here.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What is ours of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OfConversation {
    conversation: String,
    channel: Channel,
    language: String,
    started_at: jiff::Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<CustomerProfile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    journey: Vec<JourneyEvent>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OfParticipant {
    id: String,
    role: Role,
    role_confidence: f32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OfUtterance {
    role: Role,
    channel: Channel,
    start_ms: u64,
    end_ms: u64,
    /// Length of the text: whoever changed it left words and annotations behind.
    bytes: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confidence: Option<f32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    words: Vec<Word>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    back_channel: bool,
}

impl Vcon {
    /// Reads a vCon from JSON.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if it is no vCon; [`ErrorKind::Unsupported`] if it is signed or encrypted, or says
    /// that it must not be read without an extension that is not known here.
    pub fn from_json(json: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(json)
            .or_error(ErrorKind::InvalidInput, || "the vCon is not valid JSON")?;
        Self::from_value(value)
    }

    /// Reads a vCon from a JSON value.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn from_value(value: Value) -> Result<Self> {
        for (form, marks, advice) in [
            (
                "signed",
                ["payload", "signatures"],
                "verify it and give its payload",
            ),
            (
                "encrypted",
                ["ciphertext", "recipients"],
                "decrypt it first",
            ),
        ] {
            if marks.iter().all(|mark| value.get(mark).is_some()) {
                let why = format!("the vCon is {form}; {advice}");
                return Err(Error::new(ErrorKind::Unsupported, why));
            }
        }
        let vcon: Self = serde_json::from_value(value).or_error(ErrorKind::InvalidInput, || {
            "this is no vCon; it needs uuid, created_at and parties as draft-ietf-vcon-vcon-core has them"
        })?;
        let known = [EXTENSION, CONTACT_CENTRE];
        if let Some(unknown) = vcon.critical.iter().find(|e| !known.contains(&e.as_str())) {
            let why = format!("the vCon must not be read without the extension {unknown}");
            return Err(Error::new(ErrorKind::Unsupported, why));
        }
        Ok(vcon)
    }

    /// The vCon as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if a number in it cannot be written (a duration that is no number).
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).or_error(
            ErrorKind::InvalidInput,
            || "the vCon holds a number that cannot be written",
        )
    }

    /// By what the customer can be found in a directory: `phone` and `email` of the first party that is a customer.
    pub fn customer_keys(&self) -> BTreeMap<String, String> {
        let mut keys = BTreeMap::new();
        let customer = self
            .parties
            .iter()
            .find(|party| party.speaks_as() == Role::EndUser);
        let Some(party) = customer else {
            return keys;
        };
        for (name, value, scheme) in [
            ("phone", &party.tel, "tel:"),
            ("email", &party.mailto, "mailto:"),
        ] {
            if let Some(value) = value {
                let bare = value.strip_prefix(scheme).unwrap_or(value);
                keys.insert(name.to_owned(), bare.to_owned());
            }
        }
        keys
    }
}

#[cfg(test)]
mod tests;
