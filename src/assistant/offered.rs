//! Offers after a need is resolved: by the virtual agent in its own words, and as a next action of the human agent.

use std::collections::BTreeSet;

use super::Assistant;
use super::carry::Response;
use crate::conversation::{Conversation, Evidence, NextBestAction, Role};
use crate::dialogue::{CRISIS, DialogueState, Moment, Offer, OfferMoment, PieceKind};
use crate::embedding::TextKind;
use crate::error::Result;
use crate::understanding::emotion::{EffortTracker, EmotionTracker, Felt};

/// An offer is worth a card, and less than any step of something that is open.
const SCORE: f32 = 0.5;
/// So likely a procedure is what the customer came for.
const LIKELY: f32 = 0.5;

impl Assistant {
    /// A procedure is through: the customer is asked whether there is more, or made an offer that fits.
    pub(super) fn ask_more(&self, conversation: &Conversation, response: &mut Response) {
        let offer = self.offer(conversation, &response.state);
        let words = match offer {
            Some((id, words)) => {
                response.state.offers.insert(id.clone());
                response.state.offer = Some(id);
                words
            }
            None => self.inner.phrases.anything_else.clone(),
        };
        response.say(&words);
        response.mark(&words, PieceKind::Extra);
    }

    /// The offer that fits now, and its words.
    fn offer(
        &self,
        conversation: &Conversation,
        state: &DialogueState,
    ) -> Option<(String, String)> {
        let attributes = conversation.profile.clone().unwrap_or_default().attributes;
        let at = OfferMoment {
            state,
            felt: &state.felt,
            channel: conversation.channel,
            profile: conversation.profile.as_ref(),
            moment: Moment {
                playbooks: &self.inner.playbooks,
                profile: &attributes,
                now: jiff::Timestamp::now(),
                utterance: None,
            },
        };
        let fitting = self.inner.offers.fitting(&at);
        let mut worded = fitting.into_iter().filter_map(|offer| {
            let words = self.inner.offers.words(offer, &at)?;
            Some((offer.id.clone(), words))
        });
        worded.next()
    }

    /// Next best actions with the offers that fit among them, where the customer's need is resolved.
    pub(super) async fn with_offers(
        &self,
        conversation: &Conversation,
        mut actions: Vec<NextBestAction>,
        limit: usize,
    ) -> Result<Vec<NextBestAction>> {
        let policy = &self.inner.offers;
        let last = conversation.transcript.last_of(Role::EndUser);
        let (false, Some(last)) = (policy.offers.is_empty(), last) else {
            return Ok(actions);
        };
        let Some(title) = self.resolved(conversation).await? else {
            return Ok(actions);
        };
        let state = self.inner.ranker.infer_state(conversation).await?;
        let felt = self.felt(conversation).await?;
        let attributes = conversation.profile.clone().unwrap_or_default().attributes;
        let at = OfferMoment {
            state: &state,
            felt: &felt,
            channel: conversation.channel,
            profile: conversation.profile.as_ref(),
            moment: Moment {
                playbooks: &self.inner.playbooks,
                profile: &attributes,
                now: jiff::Timestamp::now(),
                utterance: None,
            },
        };
        let action = |offer: &Offer| NextBestAction {
            action: format!("offer/{}", offer.id),
            label: offer.what.clone(),
            score: SCORE,
            cost: offer.cost,
            reason: format!("{title} is resolved. {}", offer.reason)
                .trim_end()
                .to_owned(),
            preconditions: Vec::new(),
            evidence: vec![Evidence::Utterance(last.id)],
        };
        // One offer is enough.
        actions.extend(policy.suitable(&at).into_iter().take(1).map(action));
        actions.sort_by(|a, b| b.score.total_cmp(&a.score));
        actions.truncate(limit);
        Ok(actions)
    }

    /// What the customer came for, where nothing of it is left to do.
    async fn resolved(&self, conversation: &Conversation) -> Result<Option<String>> {
        let matches = self.inner.ranker.matches(conversation).await?;
        let Some(best) = matches.first().filter(|best| best.confidence >= LIKELY) else {
            return Ok(None);
        };
        let playbook = self.inner.playbooks.iter().find(|p| p.id == best.playbook);
        let state = self.inner.ranker.infer_state(conversation).await?;
        let through = playbook.filter(|playbook| {
            let mut steps = playbook.steps.iter().filter(|step| !step.optional);
            steps.all(|step| state.is_done(&playbook.id, &step.id))
        });
        Ok(through.map(|playbook| playbook.title.clone()))
    }

    /// The signs of feeling, effort and danger in the customer's words so far, by name.
    async fn felt(&self, conversation: &Conversation) -> Result<BTreeSet<String>> {
        let said = conversation.transcript.utterances().iter();
        let said: Vec<_> = said
            .filter(|said| matches!(said.role, Role::EndUser | Role::Unknown) && !said.back_channel)
            .collect();
        let texts: Vec<String> = said.iter().map(|said| said.text.clone()).collect();
        let mut felt = BTreeSet::new();
        let mut note = |kind: serde_json::Result<serde_json::Value>| {
            if let Ok(serde_json::Value::String(name)) = kind {
                felt.insert(name);
            }
        };
        let vectors = self.inner.embedder.embed(&texts, TextKind::Query).await?;
        let mut effort = EffortTracker::new();
        for (said, vector) in said.iter().zip(&vectors) {
            for sign in effort.update(said, vector) {
                note(serde_json::to_value(sign.kind));
            }
            if self.inner.crisis.look(&said.text).await.is_some() {
                note(Ok(CRISIS.into()));
            }
        }
        if let Some(model) = &self.inner.emotion {
            let words = model.feel(&texts).await?;
            let mut tracker = EmotionTracker::new();
            for (said, words) in said.iter().zip(words) {
                let heard = Felt::new(&said.participant, said.role, said.id, words);
                for event in tracker.update(&heard).1 {
                    note(serde_json::to_value(event.kind));
                }
            }
        }
        Ok(felt)
    }
}
