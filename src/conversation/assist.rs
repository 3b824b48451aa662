//! What is shown to the human agent, and what proves it.

use serde::{Deserialize, Serialize};

use super::ids::{ArticleId, PassageId, UtteranceId};
use super::{ChecklistEntry, NextBestAction};

/// When a skill runs (Agent Assist `TriggerEvent`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// Somebody finished speaking.
    EndOfUtterance,
    /// A message of the customer arrived.
    CustomerMessage,
    /// A message of the human agent was sent.
    AgentMessage,
    /// The human agent asked for it.
    Manual,
    /// The conversation started.
    Start,
    /// The conversation is handed over.
    Transfer,
    /// The conversation ended.
    End,
}

/// What stands behind a statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// Something that was said.
    Utterance(UtteranceId),
    /// A passage of the knowledge base.
    Passage(PassageId),
    /// A receipt of an action, by its id.
    Receipt(String),
    /// Something that happened outside the conversation: its place in the journey, from 0.
    Event(usize),
}

/// The span of a passage that supports a claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Citation {
    /// The article.
    pub article: ArticleId,
    /// Its title, for screens.
    pub title: String,
    /// The passage.
    pub passage: PassageId,
    /// Hash of the passage's text and metadata as they were when it was cited; empty where it is not known. Another
    /// hash at the same passage says that the article was changed since.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The words that support the claim, verbatim.
    pub quote: String,
    /// The words that the quote belongs behind, which may turn its meaning round ("No compensation is due when"): what leads
    /// to its list or table, headings that deny what it says. Where it is a row of a table: the row of the table's heads as
    /// well, as it is written, as the last line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<String>,
    /// First byte of the quote in the passage's text.
    pub start: usize,
    /// One past the last byte of the quote in the passage's text.
    pub end: usize,
}

/// What the human agent is shown; the customer never sees it unless it is accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Suggestion {
    /// Identity, for feedback (opened, used, edited, dismissed).
    pub id: String,
    /// What it is.
    #[serde(flatten)]
    pub kind: SuggestionKind,
    /// Between 0 and 1.
    pub confidence: f32,
    /// What stands behind it.
    pub evidence: Vec<Evidence>,
}

impl Suggestion {
    /// A suggestion with a fresh id.
    pub fn new(kind: SuggestionKind, confidence: f32, evidence: Vec<Evidence>) -> Self {
        Self {
            id: uuid::Uuid::now_v7().to_string(),
            kind,
            confidence,
            evidence,
        }
    }
}

/// The kinds of [`Suggestion`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SuggestionKind {
    /// Words the human agent may say or send.
    Reply {
        /// The words.
        text: String,
        /// Where the facts in them come from.
        citations: Vec<Citation>,
    },
    /// An article that answers what the customer needs.
    Article {
        /// Title of the article.
        title: String,
        /// The passage that matters.
        citation: Citation,
    },
    /// The next step to take.
    NextBestAction {
        /// The step.
        action: NextBestAction,
    },
    /// A coaching cue.
    Coaching(CoachingCue),
    /// What the agent has to say and has not said in time.
    Checklist {
        /// The required items.
        missing: Vec<ChecklistEntry>,
    },
    /// What the customer told that belongs into a form of the host. A newer card holds all of it and takes the place
    /// of this one.
    FormValues {
        /// The procedure that the values are for, by id; `None` while the need is not known.
        playbook: Option<String>,
        /// Its title.
        title: Option<String>,
        /// The values, in the order in which the procedure names them. Secret ones are left out.
        values: Vec<FormValue>,
    },
}

/// A value for a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FormValue {
    /// Name of the slot.
    pub name: String,
    /// What it is, in plain words.
    pub label: String,
    /// The value as a form wants it: a date as ISO 8601, a sum without its currency.
    pub value: String,
    /// Where the customer said it; `None` where it was known before or said in other words.
    pub utterance: Option<UtteranceId>,
}

/// A hint to the human agent about how to lead the conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CoachingCue {
    /// The rule that fired.
    pub rule: String,
    /// Its name for screens.
    pub display_name: String,
    /// What the human agent may do now.
    pub message: String,
    /// What the host is to do, by a name of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_action: Option<String>,
    /// The words that called for it; empty where something was missing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
}
