//! What the customer told of the values that a procedure needs: what a human agent would type into a form.

use std::collections::BTreeMap;

use super::Assistant;
use crate::conversation::{
    Conversation, Evidence, FormValue, Role, Suggestion, SuggestionKind, UtteranceId,
};
use crate::dialogue::{DialogueState, Playbook, Slot};
use crate::error::Result;

/// Utterances that are looked back at, when a conversation is taken up: half an hour of lively talk.
const LOOK_BACK: usize = 400;

/// What was read of a conversation so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct FormReading {
    state: DialogueState,
    /// The procedure that the need called for last.
    playbook: Option<String>,
    /// Values by slot, and where they were said.
    values: BTreeMap<String, (String, Option<UtteranceId>)>,
}

impl FormReading {
    /// Takes up a state that a conversation led to; whether another value is known now, or another need. A value is where
    /// the customer's words hold it, else, where `now` says that it was just said, in their last words.
    fn take(&mut self, state: DialogueState, conversation: &Conversation, now: bool) -> bool {
        let mut is_new = false;
        let last = conversation.transcript.last_of(Role::EndUser);
        let last = last.filter(|_| now).map(|said| said.id);
        for (name, value) in &state.slots {
            if self.values.get(name).map(|(known, _)| known) != Some(value) {
                let place = said_at(conversation, value).or(last);
                self.values.insert(name.clone(), (value.clone(), place));
                is_new = true;
            }
        }
        if state.playbook.is_some() && self.playbook != state.playbook {
            self.playbook.clone_from(&state.playbook);
            is_new = true;
        }
        self.state = state;
        is_new
    }
}

impl Assistant {
    /// Reads the last utterance of a conversation that people lead; whether anything is new.
    ///
    /// # Errors
    /// As the embedder.
    pub(crate) async fn read_form(
        &self,
        conversation: &Conversation,
        reading: &mut FormReading,
    ) -> Result<bool> {
        if self.inner.playbooks.is_empty() {
            return Ok(false);
        }
        let mut state = self.follow(conversation, reading.state.clone()).await?;
        // Given before it was known what they are for.
        for (name, value) in self.inner.ranker.identifiers(conversation) {
            state.slots.entry(name).or_insert(value);
        }
        Ok(reading.take(state, conversation, true))
    }

    /// Reads a conversation that was not followed so far.
    ///
    /// # Errors
    /// As the embedder.
    pub(crate) async fn read_whole_form(&self, conversation: &Conversation) -> Result<FormReading> {
        let mut reading = FormReading::default();
        if self.inner.playbooks.is_empty() {
            return Ok(reading);
        }
        let said = conversation.transcript.utterances();
        for said in said.iter().skip(said.len().saturating_sub(LOOK_BACK)) {
            if said.back_channel || !matches!(said.role, Role::EndUser | Role::HumanAgent) {
                continue;
            }
            let so_far = conversation.up_to(said.id);
            self.read_form(&so_far, &mut reading).await?;
        }
        Ok(reading)
    }

    /// Takes up what a virtual agent and those who followed it know already; whether anything is new.
    pub(crate) fn know_form(
        &self,
        conversation: &Conversation,
        state: &DialogueState,
        reading: &mut FormReading,
    ) -> bool {
        // What is known when a person takes over was said some time ago.
        let now = !reading.values.is_empty();
        reading.take(state.clone(), conversation, now)
    }

    /// The values as a card; `None` where nothing that may be shown is known.
    pub(crate) fn form_card(&self, reading: &FormReading) -> Option<Suggestion> {
        let playbooks = &self.inner.playbooks;
        let playbook = reading.playbook.as_ref();
        let playbook = playbook.and_then(|id| playbooks.iter().find(|p| &p.id == id));
        let of = |slot: &Slot| {
            // A secret is for the identity check, which is no form.
            let (value, place) = reading.values.get(&slot.name).filter(|_| !slot.secret)?;
            Some(FormValue {
                name: slot.name.clone(),
                label: slot.description.clone(),
                value: value.clone(),
                utterance: *place,
            })
        };
        let values: Vec<FormValue> = match playbook {
            Some(playbook) => playbook.slots.iter().filter_map(of).collect(),
            None => {
                let known = reading.values.keys();
                let slot = |name: &String| playbooks.iter().find_map(|p| p.slot(name));
                known.filter_map(slot).filter_map(of).collect()
            }
        };
        if values.is_empty() {
            return None;
        }
        let mut evidence: Vec<Evidence> = Vec::new();
        for place in values.iter().filter_map(|value| value.utterance) {
            let place = Evidence::Utterance(place);
            if !evidence.contains(&place) {
                evidence.push(place);
            }
        }
        let kind = SuggestionKind::FormValues {
            playbook: playbook.map(|p: &Playbook| p.id.clone()),
            title: playbook.map(|p| p.title.clone()),
            values,
        };
        // Read by their form or from a closed list: what is not certain is not a value.
        Some(Suggestion::new(kind, 1.0, evidence))
    }
}

/// The last words of the customer that hold a value as it is kept.
fn said_at(conversation: &Conversation, value: &str) -> Option<UtteranceId> {
    let value = value.to_lowercase();
    let said = conversation.transcript.utterances().iter().rev();
    said.filter(|said| said.role == Role::EndUser)
        .find(|said| said.text.to_lowercase().contains(&value))
        .map(|said| said.id)
}
