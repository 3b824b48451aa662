//! What is kept of a contact for the next one.

use serde::{Deserialize, Serialize};

use crate::conversation::{
    Channel, Conversation, EmotionState, JourneyEvent, Role, SectionKind, Summary,
};
use crate::guard::unproven_promises;

/// Promises kept of one contact at most.
const MOST_PROMISES: usize = 5;
/// Characters of one part of a digest at most.
const LONGEST_PART: usize = 300;

/// What happened in a contact, what was promised, and how the customer felt: short enough to be read before the next one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContactDigest {
    /// When the contact began.
    pub at: jiff::Timestamp,
    /// Over which channel.
    pub channel: Channel,
    /// What happened.
    pub happened: String,
    /// What the agent said would be done, in the agent's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promised: Vec<String>,
    /// How the customer felt about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub felt: Option<String>,
    /// The id of the disposition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrap_up: Option<String>,
}

impl ContactDigest {
    /// The digest of a conversation. Without a note, what happened is the customer's first words. Promises are found in
    /// what agents said by [`unproven_promises`] (English); add others with [`with_promise`](Self::with_promise).
    pub fn new(conversation: &Conversation, summary: Option<&Summary>) -> Self {
        let said = conversation.transcript.utterances();
        let of_note = |kind| summary.and_then(|note| note.section(kind));
        let sections = [
            SectionKind::Situation,
            SectionKind::Action,
            SectionKind::Resolution,
        ];
        let parts: Vec<&str> = sections.into_iter().filter_map(of_note).collect();
        let happened = if parts.is_empty() {
            let first = said
                .iter()
                .find(|u| u.role == Role::EndUser && !u.back_channel);
            first.map_or_else(String::new, |first| {
                format!("\u{201c}{}\u{201d}", cut(&first.text))
            })
        } else {
            let parts: Vec<String> = parts.into_iter().map(cut).collect();
            parts.join(" ")
        };
        let mut promised: Vec<String> = Vec::new();
        let agents = said
            .iter()
            .filter(|u| matches!(u.role, Role::HumanAgent | Role::AutomatedAgent));
        for promise in agents.flat_map(|u| unproven_promises(&u.text)) {
            let promise = cut(&promise.text);
            if !promised.contains(&promise) {
                promised.push(promise);
            }
        }
        // The last ones count: earlier ones were kept, or said again.
        let earlier = promised.len().saturating_sub(MOST_PROMISES);
        promised.drain(..earlier);
        Self {
            at: conversation.started_at,
            channel: conversation.channel,
            happened,
            promised,
            felt: of_note(SectionKind::CustomerSatisfaction).map(cut),
            wrap_up: summary
                .and_then(|note| note.wrap_up.as_ref())
                .map(|wrap_up| wrap_up.code.id.clone()),
        }
    }

    /// Adds a promise.
    #[must_use]
    pub fn with_promise(mut self, promise: &str) -> Self {
        self.promised.push(cut(promise));
        self
    }

    /// Tells how the customer felt by what an emotion model heard last.
    #[must_use]
    pub fn with_feelings(mut self, state: &EmotionState) -> Self {
        self.felt = Some(state.smoothed.strongest().as_str().to_owned());
        self
    }

    /// One line for the history of a profile.
    pub(super) fn line(&self) -> String {
        let channel = serde_json::to_value(self.channel).unwrap_or_default();
        let channel = channel.as_str().unwrap_or("contact").to_owned();
        let mut line = format!("{} {channel}: {}", day(self.at), self.happened);
        if !self.promised.is_empty() {
            line.push_str(" Promised: ");
            line.push_str(&self.promised.join(" "));
        }
        if let Some(felt) = &self.felt {
            line.push_str(" Felt: ");
            line.push_str(felt);
        }
        line
    }
}

pub(super) fn journey_line(event: &JourneyEvent) -> String {
    format!(
        "{} {}: {}",
        day(event.at),
        event.kind,
        cut(&event.description)
    )
}

fn day(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// The beginning of a text, on one line.
fn cut(text: &str) -> String {
    shorten(
        &text.split_whitespace().collect::<Vec<_>>().join(" "),
        LONGEST_PART,
    )
}

/// At most so many characters, the last of them an ellipsis where something is missing.
pub(super) fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => {
            let kept: String = text.chars().take(most.saturating_sub(1)).collect();
            format!("{}\u{2026}", kept.trim_end())
        }
    }
}
