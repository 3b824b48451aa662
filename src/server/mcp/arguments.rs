//! What the tools are asked with.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::conversation::{Channel, Conversation, Role, TenantId, Trigger};
use crate::error::{Error, ErrorKind, Result};
use crate::knowledge::Audience;
use crate::server::extract::check_limit;
use crate::summary::SummaryOptions;

/// Lines of a transcript at most.
const MOST_LINES: usize = 2000;
/// Bytes of a query at most.
const LONGEST_QUERY: usize = 16 * 1024;
/// Actions and hits at most.
const MOST: usize = 50;

/// Whoever said a line.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Speaker {
    /// The customer.
    Customer,
    /// A human agent.
    Agent,
    /// A virtual agent.
    VirtualAgent,
}

/// Something that was said or written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Line {
    /// Who said it.
    speaker: Speaker,
    /// The words.
    text: String,
}

/// A conversation that is not kept here.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Transcript {
    /// What was said, in order.
    lines: Vec<Line>,
    /// The language (BCP 47); `en` where it is left out.
    #[serde(default)]
    language: Option<String>,
}

impl Transcript {
    pub(super) fn into_conversation(self, tenant: TenantId) -> Result<Conversation> {
        if self.lines.is_empty() || self.lines.len() > MOST_LINES {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("a transcript has between 1 and {MOST_LINES} lines"),
            ));
        }
        let mut conversation = Conversation::new(tenant, Channel::Chat);
        if let Some(language) = self.language {
            conversation.language = language;
        }
        for line in self.lines {
            let role = match line.speaker {
                Speaker::Customer => Role::EndUser,
                Speaker::Agent => Role::HumanAgent,
                Speaker::VirtualAgent => Role::AutomatedAgent,
            };
            conversation.say(role, line.text);
        }
        Ok(conversation)
    }
}

/// Which conversation is meant.
pub(super) struct About {
    pub(super) conversation: Option<String>,
    pub(super) transcript: Option<Transcript>,
}

/// A request that is about a conversation, with fields of its own.
macro_rules! about {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            /// Id of a conversation that is kept here, live or over. Give this or `transcript`.
            #[serde(default)]
            conversation: Option<String>,
            /// The conversation itself. Give this or `conversation`.
            #[serde(default)]
            transcript: Option<Transcript>,
            $($(#[$field_doc])* #[serde(default)] pub(super) $field: $kind,)*
        }

        impl $name {
            pub(super) fn about(self) -> About {
                About { conversation: self.conversation, transcript: self.transcript }
            }
        }
    };
}

about!(
    /// A conversation to write a note about.
    Summarize {
        /// Language of the note (name or BCP 47 tag); the conversation's where it is left out.
        note_language: Option<String>,
        /// Whether the conversation is over; only then is a wrap-up code chosen. Yes where it is left out.
        is_final: Option<bool>,
    }
);

about!(
    /// A conversation to help with.
    Suggest {
        /// Why now; `manual` where it is left out.
        trigger: Option<Trigger>,
    }
);

about!(
    /// A conversation to rank actions for.
    Rank {
        /// How many at most; 3 where it is left out.
        #[schemars(range(min = 1, max = 50))]
        limit: Option<usize>,
    }
);

impl Summarize {
    pub(super) fn options(&self) -> SummaryOptions {
        SummaryOptions {
            language: self.note_language.clone(),
            is_final: self.is_final.unwrap_or(true),
            ..SummaryOptions::default()
        }
    }
}

impl Rank {
    pub(super) fn limit(&self) -> Result<usize> {
        check_limit(self.limit, 3, MOST)
    }
}

/// What to look for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// The question, able to stand alone.
    query: String,
    /// Who may see what is found; `customer` where it is left out, so that nothing meant for agents shows by mistake.
    #[serde(default)]
    pub(super) audience: Option<Audience>,
    /// Only articles in this language (BCP 47).
    #[serde(default)]
    pub(super) language: Option<String>,
    /// Only articles about this product, and those that apply to all.
    #[serde(default)]
    pub(super) product: Option<String>,
    /// How many at most; 5 where it is left out.
    #[serde(default)]
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
}

impl Search {
    pub(super) fn limit(&self) -> Result<usize> {
        check_limit(self.limit, 5, MOST)
    }

    pub(super) fn checked(self) -> Result<String> {
        match self.query.len() {
            0..=LONGEST_QUERY => Ok(self.query),
            _ => Err(Error::new(
                ErrorKind::InvalidInput,
                format!("the query is longer than {LONGEST_QUERY} bytes"),
            )),
        }
    }
}
