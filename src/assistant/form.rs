//! What the customer told of the values that a procedure needs: what a human agent would type into a form.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Assistant;
use crate::conversation::{
    Conversation, Evidence, FormValue, Role, Suggestion, SuggestionKind, Utterance, UtteranceId,
};
use crate::dialogue::{DialogueState, Playbook, Slot};
use crate::error::Result;

/// Utterances that are looked back at where a conversation was not followed: a quarter of an hour of lively talk.
const LOOK_BACK: usize = 200;

/// What was read of a conversation so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FormReading {
    /// Kept apart from the state of the conversation: nothing is done for it.
    state: DialogueState,
    /// The procedure that the need called for last.
    playbook: Option<String>,
    /// Values by slot, and where they were said.
    values: BTreeMap<String, (String, Option<UtteranceId>)>,
    /// Those of them that were told by their form alone: a later one takes their place.
    by_form: BTreeSet<String>,
}

impl FormReading {
    /// Takes up a state that a conversation led to. A value is where the customer's words hold it, else, where `now` says
    /// that it was just said, in their last words.
    fn take(&mut self, state: DialogueState, conversation: &Conversation, now: bool) {
        let last = conversation.transcript.utterances().iter().rev();
        let last = last.filter(|_| now).find(|said| is_customer(said));
        self.values
            .retain(|name, (value, _)| state.slots.get(name) == Some(value));
        for (name, value) in &state.slots {
            self.values
                .entry(name.clone())
                .or_insert_with(|| (value.clone(), said_at(conversation, value, last)));
        }
        if state.playbook.is_some() {
            self.playbook.clone_from(&state.playbook);
        }
        self.state = state;
    }
}

impl Assistant {
    /// Reads the last utterance of a conversation that people lead.
    ///
    /// # Errors
    /// As the embedder.
    pub(crate) async fn read_form(
        &self,
        conversation: &Conversation,
        reading: &mut FormReading,
    ) -> Result<()> {
        if self.inner.playbooks.is_empty() {
            return Ok(());
        }
        let before = reading.state.slots.clone();
        let mut state = self.follow(conversation, reading.state.clone()).await?;
        for (name, value) in &state.slots {
            if before.get(name) != Some(value) {
                reading.by_form.remove(name);
            }
        }
        // They are often given before it is known what for.
        let turns = conversation.transcript.turns();
        let turn = turns
            .last()
            .filter(|turn| matches!(turn.role, Role::EndUser | Role::Unknown));
        let told = turn.map(|turn| self.inner.ranker.identifiers(&turn.text()));
        for (name, value) in told.unwrap_or_default() {
            if !state.slots.contains_key(&name) || reading.by_form.contains(&name) {
                reading.by_form.insert(name.clone());
                state.slots.insert(name, value);
            }
        }
        // People go from one need to the next without telling; nothing runs here that would have to end first.
        if let Some(next) = state.waiting.pop() {
            state.paused.extend(state.playbook.replace(next));
            state.asked = None;
        }
        reading.take(state, conversation, true);
        Ok(())
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
        let skipped = said.len().saturating_sub(LOOK_BACK);
        let mut so_far = conversation.up_to(skipped);
        for said in said.iter().skip(skipped) {
            so_far.hear_again(said.clone());
            if !said.back_channel && (is_customer(said) || said.role == Role::HumanAgent) {
                self.read_form(&so_far, &mut reading).await?;
            }
        }
        Ok(reading)
    }

    /// Takes up what a virtual agent and those who followed it know already.
    pub(crate) fn know_form(
        &self,
        conversation: &Conversation,
        state: &DialogueState,
        reading: &mut FormReading,
    ) {
        // What is known when a person takes over was said some time ago.
        let now = !reading.values.is_empty();
        reading.take(state.clone(), conversation, now);
    }

    /// The values as a card; `None` where nothing that may be shown is known.
    pub(crate) fn form_card(&self, reading: &FormReading) -> Option<Suggestion> {
        let playbooks = &self.inner.playbooks;
        // Secrets are for the identity check, which is no form; nor is what holds one, or is part of one.
        let slots = || playbooks.iter().flat_map(|playbook| &playbook.slots);
        let secret: BTreeSet<&str> = slots()
            .filter(|slot| slot.secret)
            .map(|slot| slot.name.as_str())
            .collect();
        let hidden: Vec<&str> = secret
            .iter()
            .filter_map(|name| reading.values.get(*name))
            .map(|(value, _)| value.as_str())
            .collect();
        let is_open = |name: &str, value: &str| {
            let holds = |hidden: &&str| value.contains(*hidden) || hidden.contains(value);
            !secret.contains(name) && !hidden.iter().any(holds)
        };
        let playbook = reading.playbook.as_ref();
        let playbook = playbook.and_then(|id| playbooks.iter().find(|p| &p.id == id));
        let of = |slot: &Slot| {
            let (value, place) = reading.values.get(&slot.name)?;
            is_open(&slot.name, value).then(|| FormValue {
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
                let slot = |name: &String| slots().find(|slot| &slot.name == name);
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
        // Code reads them and gives no probability: they are what the customer said, or what that was taken for.
        Some(Suggestion::new(kind, 1.0, evidence))
    }
}

fn is_customer(said: &Utterance) -> bool {
    matches!(said.role, Role::EndUser | Role::Unknown)
}

/// The customer's latest words that hold a value as whole words, else the last ones: it was said in another way.
fn said_at(
    conversation: &Conversation,
    value: &str,
    last: Option<&Utterance>,
) -> Option<UtteranceId> {
    let value = value.to_lowercase();
    let said = conversation.transcript.utterances().iter().rev();
    said.filter(|said| is_customer(said))
        .find(|said| holds(&said.text.to_lowercase(), &value))
        .or(last)
        .map(|said| said.id)
}

/// Whether a text holds a value as whole words.
fn holds(text: &str, value: &str) -> bool {
    let is_apart = |side: Option<char>| side.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(value).any(|(at, found)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text
            .get(at + found.len()..)
            .and_then(|after| after.chars().next());
        is_apart(before) && is_apart(after)
    })
}
