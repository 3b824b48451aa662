//! The customer answers what the virtual agent asked outside of any procedure: which of two needs, an offer, an alternative
//! to a person.

use super::super::event::{OfferOutcome, SessionEvent};
use super::Runtime;
use crate::conversation::{HandoffStatus, Role, UtteranceId};
use crate::dialogue::{Choice, Command, DialogueState, Effect, apply};

impl Runtime {
    /// Whether the customer's words were the answer to such a question, and were dealt with.
    pub(super) async fn answered(&mut self, id: UtteranceId) -> bool {
        let asked = |state: &DialogueState| {
            state.alternative.is_some() || state.offer.is_some() || !state.choices.is_empty()
        };
        if !asked(&self.state) {
            return false;
        }
        self.finish_deciding().await;
        // Each is answered now or not at all.
        let alternative = self.state.alternative.take();
        let offer = self.state.offer.take();
        let choices = std::mem::take(&mut self.state.choices);
        self.journal.state(&self.state);
        let Some(text) = self
            .conversation
            .transcript
            .get(id)
            .map(|said| said.text.clone())
        else {
            return false;
        };
        if let Some(alternative) = alternative
            && self.answered_alternative(&alternative, &text).await
        {
            return true;
        }
        if let Some(offer) = offer
            && self.answered_offer(&offer, &text).await
        {
            return true;
        }
        self.chose(&choices, &text).await
    }

    async fn answered_alternative(&mut self, id: &str, text: &str) -> bool {
        let alternatives = &self.assistant.inner.handoffs.alternatives;
        let one = alternatives.iter().find(|one| one.id == id).cloned();
        let yes = self.assistant.inner.reader.yes_or_no(text);
        let (Some(one), Some(true)) = (one, yes) else {
            // After a no there may be something else in the same words.
            return false;
        };
        let id = one.id.clone();
        self.tell_status(HandoffStatus::Alternative { id }).await;
        let said = Effect::Say {
            source: format!("alternative/{}", one.id),
            text: one.done,
            // The host was told, which is what the words say.
            proven: true,
        };
        let playbook = one.playbook;
        self.begin(playbook, vec![said]).await;
        true
    }

    async fn answered_offer(&mut self, id: &str, text: &str) -> bool {
        let reader = &self.assistant.inner.reader;
        let (answer, ends) = (reader.yes_or_no(text), reader.is_done(text));
        let offers = &self.assistant.inner.offers.offers;
        let Some(offer) = offers.iter().find(|offer| offer.id == id).cloned() else {
            return false;
        };
        let outcome = match answer {
            Some(true) => OfferOutcome::Accepted,
            Some(false) => OfferOutcome::Declined,
            None => OfferOutcome::Unanswered,
        };
        self.tell_offer(id, outcome).await;
        match outcome {
            OfferOutcome::Accepted if offer.playbook.is_some() => {
                self.begin(offer.playbook, Vec::new()).await;
                true
            }
            OfferOutcome::Accepted => {
                let said = Effect::Say {
                    source: format!("offer/{id}"),
                    text: offer.done,
                    // The host was told, which is what the words say.
                    proven: true,
                };
                self.begin(None, vec![said, Effect::AskMore]).await;
                true
            }
            // "No, that's all": they are taking their leave.
            OfferOutcome::Declined if !ends && is_short(text) => {
                let words = self.assistant.inner.phrases.anything_else.clone();
                self.speak(words, Vec::new()).await;
                true
            }
            _ => false,
        }
    }

    async fn chose(&mut self, choices: &[String], text: &str) -> bool {
        let reader = &self.assistant.inner.reader;
        // "Okay." is no yes to "Is it about this?"; it is asked once more.
        if let [only] = choices
            && reader.only_acknowledges(text)
        {
            let about = self.assistant.about(only);
            let whether = &self.assistant.inner.phrases.whether;
            let words = whether.replace("{need}", &about);
            let said = self.conversation.transcript.utterances().iter();
            if said.filter(|said| said.text == words).count() < 2 {
                self.state.choices = choices.to_vec();
                self.journal.state(&self.state);
                self.speak(words, Vec::new()).await;
                return true;
            }
        }
        let chosen = match (choices, reader.chosen(text)) {
            // "Is it about this?"
            ([only], _) if reader.yes_or_no(text) == Some(true) => only,
            ([first, ..], Some(Choice::First)) => first,
            ([_, second], Some(Choice::Second)) => second,
            ([_, ..], Some(Choice::Neither)) => {
                // The question was asked once; a person may know better.
                self.state.offered_person = true;
                self.journal.state(&self.state);
                let words = self.assistant.inner.phrases.unknown.clone();
                self.speak(words, Vec::new()).await;
                return true;
            }
            _ => return false,
        };
        // What they gave along with the words that were asked about is not asked again.
        let said = self.conversation.transcript.turns();
        let mut customers = said.iter().rev().filter(|turn| turn.role == Role::EndUser);
        let before = customers.nth(1).map(|turn| turn.text());
        let language = &self.conversation.language;
        let start = reader.begin_with(chosen, &before.unwrap_or_default(), language);
        self.begin_by(start, Vec::new()).await;
        true
    }

    /// Says something, then begins a procedure, if there is one.
    async fn begin(&mut self, playbook: Option<String>, effects: Vec<Effect>) {
        let start: Vec<Command> = playbook
            .map(|playbook| Command::StartPlaybook {
                playbook,
                later: false,
            })
            .into_iter()
            .collect();
        self.begin_by(start, effects).await;
    }

    async fn begin_by(&mut self, start: Vec<Command>, mut effects: Vec<Effect>) {
        let (state, more, _) = self.decided(|state, moment| apply(state, &start, moment));
        effects.extend(more);
        if effects.is_empty() {
            effects.push(Effect::AskToClarify);
        }
        self.carry_on(state, effects).await;
    }

    /// Tells what became of an offer.
    pub(super) async fn tell_offer(&mut self, id: &str, outcome: OfferOutcome) {
        let offers = &self.assistant.inner.offers.offers;
        let offer = offers.iter().find(|offer| offer.id == id);
        self.emit(SessionEvent::Offer {
            offer: id.to_owned(),
            outcome,
            attribute: offer.map(|o| o.declined_attribute()).unwrap_or_default(),
        })
        .await;
    }
}

/// Whether a no is all that was said.
fn is_short(text: &str) -> bool {
    text.split_whitespace().count() <= 6
}
