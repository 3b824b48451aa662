//! Before and after: the need that was foreseen, and what is learned from how actions ended.

use std::collections::HashMap;

use super::super::event::{SessionEvent, Skill};
use super::Runtime;
use crate::assistant::{Opening, action_card};
use crate::conversation::{NextBestAction, Suggestion};
use crate::dialogue::ForeseenNeed;
use crate::dialogue::journey::PredictedNeed;
use crate::dialogue::learning::Outcome;
use crate::knowledge::ArticleFeedback;

/// A need less likely than this is not spoken of.
const LIKELY: f32 = 0.5;

/// Next best actions that were shown, for what is learned from them.
#[derive(Debug, Default)]
pub(super) struct ShownActions {
    /// By suggestion: the action, what it was shown in, and whether it was taken up.
    shown: HashMap<String, ShownAction>,
}

#[derive(Debug)]
struct ShownAction {
    action: String,
    context: Vec<f32>,
    accepted: bool,
}

impl ShownActions {
    /// Whether this suggestion was an action.
    pub(super) fn has(&self, card: &str) -> bool {
        self.shown.contains_key(card)
    }
}

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
            let card = action_card(ask_about(&need));
            self.emit(SessionEvent::Suggestion(card)).await;
            self.state.foreseen = Some(foreseen_need(&need));
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
    pub(super) fn action_shown(&mut self, card: &Suggestion, action: &NextBestAction) {
        let shown = ShownAction {
            action: action.action.clone(),
            context: self.assistant.action_context(&self.conversation),
            accepted: false,
        };
        self.actions.shown.insert(card.id.clone(), shown);
    }

    /// The agent did something with an action that was shown.
    pub(super) async fn action_feedback(&mut self, card: &str, given: ArticleFeedback) {
        let Some(shown) = self.actions.shown.get_mut(card) else {
            return;
        };
        match given {
            // How the conversation ends counts too, and is not known yet.
            ArticleFeedback::Used => shown.accepted = true,
            ArticleFeedback::Dismissed => {
                if let Some(shown) = self.actions.shown.remove(card) {
                    let accepted = Some(false);
                    let outcome = Outcome {
                        accepted,
                        ..Outcome::default()
                    };
                    self.learn(shown, outcome).await;
                }
            }
            _ => {}
        }
    }

    /// The conversation is over: what was taken up is learned from.
    pub(super) async fn learn_actions(&mut self) {
        let satisfaction = self.feelings.satisfaction();
        let shown = std::mem::take(&mut self.actions.shown);
        for shown in shown.into_values().filter(|shown| shown.accepted) {
            let accepted = Some(true);
            let outcome = Outcome {
                accepted,
                satisfaction,
                ..Outcome::default()
            };
            self.learn(shown, outcome).await;
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
fn ask_about(need: &PredictedNeed) -> NextBestAction {
    let what = need.evidence.first().map(|event| event.description.clone());
    NextBestAction {
        action: need.playbook.clone(),
        label: need.question.clone(),
        score: need.confidence,
        cost: 0.0,
        reason: what.unwrap_or_default(),
        preconditions: Vec::new(),
        evidence: Vec::new(),
    }
}
