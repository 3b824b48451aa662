//! One turn of the virtual agent: code reads what is certain, the model proposes the rest, code disposes.

use super::Assistant;
use super::carry::Response;
use crate::conversation::{Conversation, Role};
use crate::dialogue::{Command, DialogueState, Moment, Rejection, apply};
use crate::error::Result;

/// Fewer words than this say too little to look anything up.
const WORDS_TO_LOOK_UP: usize = 4;

impl Assistant {
    /// Answers the customer's last words. `signs` are what they felt and suffered since the last answer.
    pub(crate) async fn respond(
        &self,
        conversation: &Conversation,
        mut state: DialogueState,
        signs: &[String],
    ) -> Result<Response> {
        // Whoever writes again needs something again.
        state.ended = false;
        let said = conversation.transcript.last_of(Role::EndUser);
        let (commands, mut rejections) = self.understand(conversation, &state).await?;
        let profile = conversation.profile.clone().unwrap_or_default().attributes;
        let moment = Moment {
            playbooks: &self.inner.playbooks,
            profile: &profile,
            now: jiff::Timestamp::now(),
            utterance: said.map(|said| said.id),
        };
        let (state, effects, refused) = apply(state, &commands, &moment);
        rejections.extend(refused);
        let mut response = self.carry(conversation, state, effects).await?;
        response.rejections.splice(0..0, rejections);
        let is_over = response.state.handed_off.is_some() || response.state.ended;
        if !is_over
            && let Some(words) = self
                .inner
                .empathy
                .acknowledge(signs, &mut response.state.acknowledged)
        {
            response.say_first(words);
        }
        if response.spoken.is_empty() {
            response.say(&self.inner.phrases.clarify);
        }
        Ok(response)
    }

    /// What the customer's words call for: what code reads for certain, else what the model proposes and the words bear
    /// out.
    async fn understand(
        &self,
        conversation: &Conversation,
        state: &DialogueState,
    ) -> Result<(Vec<Command>, Vec<Rejection>)> {
        let reading = self.inner.reader.read(conversation, state).await?;
        if reading.is_certain {
            return Ok((reading.commands, Vec::new()));
        }
        let said = conversation
            .transcript
            .last_of(Role::EndUser)
            .map_or("", |said| said.text.as_str());
        let mut commands = reading.commands;
        let mut rejections = Vec::new();
        if self.inner.writes {
            let prefix = self.prefix(conversation)?;
            let plan = self.inner.planner.plan(&prefix, state).await?;
            rejections.extend(plan.rejections);
            let (kept, refused) = self
                .inner
                .reader
                .grounded(plan.commands, conversation, state);
            rejections.extend(refused.into_iter().map(|(command, reason)| Rejection {
                proposal:
                    serde_json::to_string(&command).unwrap_or_else(|_| format!("{command:?}")),
                reason: reason.to_owned(),
            }));
            for proposed in kept {
                let is_known = commands.iter().any(|known| same_subject(known, &proposed));
                if !is_known {
                    commands.push(proposed);
                }
            }
        }
        if commands.is_empty() {
            commands.push(
                match state.playbook.is_none()
                    && said.split_whitespace().count() >= WORDS_TO_LOOK_UP
                {
                    true => Command::Answer {
                        question: said.to_owned(),
                    },
                    false => Command::Clarify,
                },
            );
        }
        Ok((commands, rejections))
    }
}

/// Whether two commands are about the same thing, so that what code read comes before what the model proposed.
fn same_subject(known: &Command, proposed: &Command) -> bool {
    match (known, proposed) {
        (Command::SetSlot { name: a, .. }, Command::SetSlot { name: b, .. }) => a == b,
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}
