//! Before and after: the need that was foreseen, and what is learned from how actions ended.

use super::super::event::{SessionEvent, Skill};
use super::super::shown::{Made, ShownAction};
use super::Runtime;
use crate::assistant::Opening;
use crate::conversation::{Evidence, JourneyEvent, NextBestAction};
use crate::dialogue::ForeseenNeed;
use crate::dialogue::journey::PredictedNeed;
use crate::dialogue::learning::Outcome;
use crate::knowledge::ArticleFeedback;

/// A need less likely than this is not spoken of.
const LIKELY: f32 = 0.5;

impl Runtime {
    /// Looks at what happened outside the conversation. The virtual agent asks whether the customer comes for it; a
    /// human agent is told.
    pub(super) async fn foresee(&mut self) {
        if let Some(opening) = self.opening.take() {
            return self.open(opening).await;
        }
        // Once the customer has spoken they say themselves what they need.
        if !self.conversation.transcript.is_empty() || self.state.foreseen.is_some() {
            return;
        }
        let foreseen = self.assistant.predicted_needs(&self.conversation).await;
        let need = match foreseen {
            Ok(needs) => needs.into_iter().find(|need| need.confidence >= LIKELY),
            Err(error) => {
                self.emit(SessionEvent::failed(Skill::NextBestAction, &error))
                    .await;
                None
            }
        };
        let Some(need) = need else {
            return;
        };
        self.emit(SessionEvent::NeedPredicted(need.clone())).await;
        if self.has_virtual_agent() {
            let hello = &self.assistant.inner.phrases.hello;
            let words = format!("{hello} {}", need.question);
            let need = foreseen_need(&need);
            self.open(Opening { words, need }).await;
        } else {
            let ask = ask_about(&need, &self.conversation.journey);
            self.show_action(&ask).await;
            self.state.foreseen = Some(foreseen_need(&need));
            self.journal.state(&self.state);
            self.save().await;
        }
    }

    async fn open(&mut self, opening: Opening) {
        self.state.foreseen = Some(opening.need);
        self.journal.state(&self.state);
        self.speak(opening.words, Vec::new()).await;
        self.save().await;
    }

    /// The customer told what they need: was that foreseen?
    pub(super) async fn need_told(&mut self, rule: &str, right: bool) {
        let tenant = self.conversation.tenant.clone();
        if let Err(error) = self.assistant.need_outcome(&tenant, rule, right).await {
            self.emit(SessionEvent::failed(Skill::Store, &error)).await;
        }
    }

    /// Remembers in what an action was shown.
    pub(super) fn action_shown(&mut self, card: &str, action: &NextBestAction) {
        let shown = ShownAction {
            action: action.action.clone(),
            context: self.assistant.action_context(&self.conversation),
            made: Made::Nothing,
        };
        self.journal.action_card(card, &shown);
        self.shown.action(card.to_owned(), shown);
    }

    /// The agent did something with an action that was shown. How the conversation ends counts too where it was taken
    /// up, and is not known yet.
    pub(super) async fn action_feedback(&mut self, card: &str, given: ArticleFeedback) {
        if let Some(put_aside) = self.shown.judge(card, given).cloned() {
            let accepted = Some(false);
            let outcome = Outcome {
                accepted,
                ..Outcome::default()
            };
            self.learn(put_aside, outcome).await;
        }
    }

    /// The conversation is over: what was taken up is learned from.
    pub(super) async fn learn_actions(&mut self) {
        let satisfaction = self.feelings.satisfaction();
        for taken in self.shown.taken() {
            let accepted = Some(true);
            let outcome = Outcome {
                accepted,
                satisfaction,
                ..Outcome::default()
            };
            self.learn(taken, outcome).await;
        }
    }

    async fn learn(&mut self, shown: ShownAction, outcome: Outcome) {
        let tenant = self.conversation.tenant.clone();
        let learner = &self.assistant.inner.learner;
        let kept = learner
            .record(&tenant, &shown.action, &shown.context, outcome)
            .await;
        if let Err(error) = kept {
            self.emit(SessionEvent::failed(Skill::Store, &error)).await;
        }
    }
}

fn foreseen_need(need: &PredictedNeed) -> ForeseenNeed {
    ForeseenNeed {
        rule: need.rule.clone(),
        playbook: need.playbook.clone(),
    }
}

/// The need as the first thing a human agent may ask.
fn ask_about(need: &PredictedNeed, journey: &[JourneyEvent]) -> NextBestAction {
    let what = need.evidence.first().map(|event| event.description.clone());
    let behind = journey.iter().enumerate();
    let behind = behind.filter(|(_, event)| need.evidence.contains(event));
    NextBestAction {
        action: need.playbook.clone(),
        label: need.question.clone(),
        score: need.confidence,
        cost: 0.0,
        reason: what.unwrap_or_default(),
        preconditions: Vec::new(),
        evidence: behind.map(|(place, _)| Evidence::Event(place)).collect(),
    }
}
