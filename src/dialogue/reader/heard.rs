//! What the customer said since they were answered last, and what they asked in it.

use super::cues;
use crate::conversation::{Conversation, Role};
use crate::dialogue::command::Command;
use crate::dialogue::state::DialogueState;

/// What the customer said since anybody else spoke; since they were last heard, where the session knows of that: two messages
/// may come before the first one is answered.
pub(crate) fn heard(conversation: &Conversation, state: &DialogueState) -> String {
    let turns = conversation.transcript.turns();
    let is_customer = |role: Role| matches!(role, Role::EndUser | Role::Unknown);
    let last = turns.last().filter(|turn| is_customer(turn.role));
    let Some(from) = state.unread else {
        return last.map(|turn| turn.text()).unwrap_or_default();
    };
    let begins = last
        .and_then(|turn| turn.utterances.first())
        .is_some_and(|first| first.id <= from);
    if let Some(turn) = last.filter(|_| begins) {
        return turn.text();
    }
    let said = conversation.transcript.utterances().iter();
    let unread = said.filter(|u| u.id >= from && is_customer(u.role) && !u.back_channel);
    let words: Vec<&str> = unread.map(|said| said.text.as_str()).collect();
    words.join(" ")
}

/// The question of the customer's turn before the last one.
pub(super) fn asked_before(conversation: &Conversation) -> Option<Command> {
    let turns = conversation.transcript.turns();
    let mut customers = turns.iter().rev().filter(|turn| turn.role == Role::EndUser);
    let before = customers.nth(1)?.text();
    cues::question(&before).map(|question| answer(&before, question))
}

/// A question of this text, with what it points back to.
pub(super) fn answer(text: &str, question: &str) -> Command {
    Command::Answer {
        question: cues::in_context(text, question),
    }
}
