//! What a model proposes counts only where the customer's words bear it out.

use super::values::Words;
use super::{Reader, assent, cues, heard};
use crate::conversation::{Conversation, HandoffReason, Role};
use crate::dialogue::command::Command;
use crate::dialogue::state::DialogueState;

/// Fewer words name no need.
const WORDS_OF_A_NEED: usize = 3;

impl Reader {
    /// What of the model's proposals the customer's words bear out; the rest, with the reason.
    pub fn grounded(
        &self,
        commands: Vec<Command>,
        conversation: &Conversation,
        state: &DialogueState,
    ) -> (Vec<Command>, Vec<(Command, &'static str)>) {
        let heard = heard(conversation, state);
        let last = conversation.transcript.last_of(Role::EndUser);
        let text = match heard.as_str() {
            "" => last.map_or("", |said| said.text.as_str()),
            heard => heard,
        };
        let language = conversation.language.as_str();
        let said = squeezed(text);
        let mut refused = Vec::new();
        let mut kept = Vec::new();
        for command in commands {
            let objection = match &command {
                Command::SetSlot { name, value } => {
                    let slots = self.playbooks.iter().flat_map(|p| &p.slots);
                    let slot = slots.into_iter().find(|slot| &slot.name == name);
                    let is_choice = slot.is_some_and(|slot| !slot.values.is_empty());
                    let words = Words { text, language };
                    // A model makes up dates and numbers; only what the words hold counts.
                    let is_read =
                        slot.and_then(|slot| words.value(slot, true))
                            .is_some_and(|found| {
                                slot.and_then(|slot| slot.accept(value).ok()) == Some(found.value)
                            });
                    let said_nothing = is_choice && !is_read && self.chooses_nothing(text);
                    let is_made_up = !is_choice && !is_read && !said.contains(&squeezed(value));
                    (said_nothing || is_made_up).then_some("the customer did not say this value")
                }
                Command::StartPlaybook { playbook, .. } => {
                    // "Okay, thanks" begins nothing, and what was done once is begun again only where code reads so.
                    let says_little = text.split_whitespace().count() < WORDS_OF_A_NEED;
                    let was_run = state.runs.contains_key(playbook);
                    (says_little || was_run).then_some("the customer named no such need")
                }
                Command::Answer { .. } if state.playbook.is_some() => cues::question(text)
                    .is_none()
                    .then_some("the customer asked nothing"),
                Command::HandOff {
                    reason: HandoffReason::CustomerAsked,
                } => (!cues::wants_person(text)).then_some("the customer did not ask for a person"),
                Command::Confirm { yes } => {
                    let clear = assent::clear_answer(text);
                    (clear.is_some_and(|said| said != *yes)
                        || *yes
                            && clear.is_none()
                            && (cues::question(text).is_some() || assent::is_hedged(text)))
                    .then_some("that is no clear yes")
                }
                Command::End => (!(cues::is_done(text)
                    || cues::is_thanks(text)
                    || assent::begins_with_no(text)))
                .then_some("the customer did not say goodbye"),
                _ => None,
            };
            match objection {
                None => kept.push(command),
                Some(why) => refused.push((command, why)),
            }
        }
        (kept, refused)
    }
}

/// Letters and digits only, as ids are read out and typed.
fn squeezed(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}
