//! What was said, newest last.

use crate::conversation::{Conversation, Role};

/// Turns that are looked at: what was named earlier is hardly meant.
const REMEMBERED: usize = 16;
/// Hypotheses of one turn that are looked at.
const MAX_ALTERNATIVES: usize = 5;

/// The last turns of a conversation; a turn may have several hypotheses of a recogniser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecentTurns {
    turns: Vec<Said>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) customer: bool,
    /// Best first, at least one.
    pub(super) texts: Vec<String>,
}

impl RecentTurns {
    /// No turns yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The last turns of a conversation.
    pub fn of(conversation: &Conversation) -> Self {
        let mut turns = Self::new();
        for turn in conversation.transcript.turns() {
            turns.say(turn.role, turn.text());
        }
        turns
    }

    /// Appends a turn.
    pub fn say(&mut self, role: Role, text: impl Into<String>) {
        self.say_any(role, [text.into()]);
    }

    /// Appends a turn of which a recogniser offers several hypotheses, best first. Without any it is left out.
    pub fn say_any(&mut self, role: Role, hypotheses: impl IntoIterator<Item = String>) {
        let mut texts: Vec<String> = Vec::new();
        for text in hypotheses {
            if texts.len() < MAX_ALTERNATIVES && !text.trim().is_empty() && !texts.contains(&text) {
                texts.push(text);
            }
        }
        if texts.is_empty() {
            return;
        }
        let customer = matches!(role, Role::EndUser | Role::Unknown);
        self.turns.push(Said { customer, texts });
        let surplus = self.turns.len().saturating_sub(REMEMBERED);
        self.turns.drain(..surplus);
    }

    /// The turns up to the customer's last, newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Said> {
        self.turns.iter().rev().skip_while(|said| !said.customer)
    }
}
