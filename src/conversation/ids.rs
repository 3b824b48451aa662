//! Typed identifiers, so that a passage id cannot be passed for an article id.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: Into<String>> From<T> for $name {
            fn from(value: T) -> Self {
                Self(value.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

string_id! {
    /// Identity of a conversation across channels and restarts.
    ConversationId
}
string_id! {
    /// The organisation whose data is used; knowledge never crosses it.
    TenantId
}
string_id! {
    /// One participant of one conversation.
    ParticipantId
}
string_id! {
    /// A customer in the directory of a tenant.
    CustomerId
}
string_id! {
    /// A knowledge article.
    ArticleId
}
string_id! {
    /// An indexed piece of an article; stable while its text is.
    PassageId
}

impl ConversationId {
    /// A fresh id (UUID v7, so that ids sort by time).
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7().to_string())
    }
}

/// Position of an utterance in its transcript, counted from 1; never reused, never renumbered.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct UtteranceId(pub u32);

impl fmt::Display for UtteranceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
