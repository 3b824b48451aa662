//! The note about a conversation, kept up to date while it goes on.

use serde::{Deserialize, Serialize};

use super::assist::Evidence;

/// The sections of a [`Summary`] (Agent Assist summarization sections).
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
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SectionKind {
    /// What the customer needs or reports.
    Situation,
    /// What the agent did.
    Action,
    /// How it ended, or what is still open.
    Resolution,
    /// Why the customer cancels, where they do.
    ReasonForCancellation,
    /// How the customer felt about it.
    CustomerSatisfaction,
    /// Names, numbers, dates and amounts that were said.
    Entities,
    /// One of the organisation's own, by its name.
    Custom,
}

/// One section with what proves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SummarySection {
    /// Which section.
    pub kind: SectionKind,
    /// Name of a section of the organisation's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The text.
    pub text: String,
    /// The utterances behind it.
    pub evidence: Vec<Evidence>,
}

/// The class of a [`Fact`].
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
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FactKind {
    /// An amount of money.
    Amount,
    /// A date, weekday or time.
    Date,
    /// An account, order or reference number.
    Reference,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
}

/// Something exact that was said, found by code, never by a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Fact {
    /// What it is.
    pub kind: FactKind,
    /// The words, verbatim.
    pub value: String,
    /// Where it was said.
    pub evidence: Vec<Evidence>,
}

/// The note: judgement in sections, facts beside them, evidence for every line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Summary {
    /// The sections that have something to say.
    pub sections: Vec<SummarySection>,
    /// Exact values that were said.
    pub facts: Vec<Fact>,
    /// How many utterances of the transcript it covers.
    pub covers: usize,
    /// The disposition, where codes are configured.
    pub wrap_up: Option<WrapUp>,
    /// What the model wrote and the conversation does not support; not part of the note, kept to be looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<Withheld>,
    /// The language it was asked for in (name or BCP 47 tag); `None` in notes of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Names of the sections that the model was asked for: of what is not in the note there was nothing to say, or no room
    /// for it. Kept so that nothing is asked again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<String>,
    /// How many characters it had room for, where something was left out for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortened_to: Option<usize>,
}

/// A sentence that was left out of a note.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Withheld {
    /// The section it was written for.
    pub kind: SectionKind,
    /// Name of a section of the organisation's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The sentence.
    pub text: String,
    /// What speaks against it.
    pub reason: String,
}

impl Summary {
    /// The text of a section.
    pub fn section(&self, kind: SectionKind) -> Option<&str> {
        self.sections
            .iter()
            .find(|s| s.kind == kind)
            .map(|s| s.text.as_str())
    }

    /// Two sentences: what the customer wanted, and what the agent made of it.
    pub fn brief(&self) -> String {
        [SectionKind::Situation, SectionKind::Action]
            .into_iter()
            .filter_map(|kind| self.section(kind))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// A disposition code; the id is what systems keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WrapUpCode {
    /// What is returned and stored.
    pub id: String,
    /// What people read.
    pub label: String,
    /// When to choose it, in one sentence.
    #[serde(default)]
    pub description: String,
}

/// The chosen disposition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WrapUp {
    /// The code.
    pub code: WrapUpCode,
    /// Between 0 and 1.
    pub confidence: f32,
    /// The runners-up with their confidence, best first.
    pub alternatives: Vec<(String, f32)>,
    /// What stands behind it.
    pub evidence: Vec<Evidence>,
}
