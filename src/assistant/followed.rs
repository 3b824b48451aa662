//! While a person leads, the virtual agent listens: what is said and done is known when it is its turn again.

use super::Assistant;
use crate::conversation::{Conversation, Role};
use crate::dialogue::{Command, DialogueState, Moment, followed};
use crate::error::Result;

impl Assistant {
    /// Takes up the last words of a conversation that a person leads: values and needs from the customer's, steps taken and
    /// questions asked from the person's.
    ///
    /// # Errors
    /// As the embedder.
    pub(crate) async fn follow(
        &self,
        conversation: &Conversation,
        mut state: DialogueState,
    ) -> Result<DialogueState> {
        let profile = conversation.profile.clone().unwrap_or_default().attributes;
        let Some(said) = conversation.transcript.utterances().last() else {
            return Ok(state);
        };
        let moment = Moment {
            playbooks: &self.inner.playbooks,
            profile: &profile,
            now: jiff::Timestamp::now(),
            utterance: Some(said.id),
        };
        match said.role {
            Role::EndUser => {
                let read_with = DialogueState {
                    handed_off: None,
                    pending: None,
                    offered_person: false,
                    ..state.clone()
                };
                let reading = self.inner.reader.read(conversation, &read_with).await?;
                let told: Vec<Command> = reading
                    .commands
                    .into_iter()
                    .filter(|command| {
                        matches!(
                            command,
                            Command::SetSlot { .. } | Command::StartPlaybook { .. }
                        )
                    })
                    .collect();
                // What does not fit is between the two of them.
                Ok(followed(state, &told, &[], &moment).0)
            }
            Role::HumanAgent => {
                let open: Vec<String> = state
                    .playbook
                    .iter()
                    .chain(&state.waiting)
                    .chain(&state.paused)
                    .cloned()
                    .collect();
                let taken = self.inner.ranker.steps_taken(&said.text, &open).await?;
                let running = state.playbook.as_ref();
                let running =
                    running.and_then(|id| self.inner.playbooks.iter().find(|p| &p.id == id));
                if let Some(playbook) = running {
                    let asked = self.inner.ranker.asked_for(&said.text, playbook).await?;
                    if let Some(slot) = asked {
                        state.asked = Some(slot.name.clone());
                    }
                }
                Ok(followed(state, &[], &taken, &moment).0)
            }
            _ => Ok(state),
        }
    }
}
