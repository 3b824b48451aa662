//! Giving a conversation to a person: whether it may be given, and the briefing that spares the customer to say it again.

use super::Assistant;
use super::carry::{Response, stream};
use crate::conversation::{
    ActionReceipt, ActionStatus, Conversation, Handoff, HandoffReason, OpenApproval, Promise, Role,
    TriedOutcome, TriedStep,
};
use crate::dialogue::{
    DialogueState, HandoffStage, Playbook, Step, Transfer, may_hand_off, set_aside,
};
use crate::guard::unproven_promises;
use crate::summary::SummaryOptions;

impl Assistant {
    /// A person takes over, with everything in hand; or, where one has looked at it already and nothing is new, the
    /// virtual agent says so and goes on with what it can do.
    pub(super) async fn give_over(
        &self,
        conversation: &Conversation,
        response: &mut Response,
        reason: HandoffReason,
    ) {
        let policy = &self.inner.handoffs;
        response.state.handed_off = None;
        if !may_hand_off(&response.state, reason, policy) {
            set_aside(&mut response.state);
            response.reject(
                "a hand-off",
                "a person has had it for the same reason, and nothing is new since",
            );
            // Where nobody came, nobody has looked at it.
            let seen =
                |transfer: &Transfer| matches!(transfer.stage, HandoffStage::Returned { .. });
            match response.state.transfers.iter().any(seen) {
                true => response.say(&policy.words.again),
                false => response.say(&policy.words.nobody),
            }
            let asked = response.state.alternatives.clone();
            let alternative = policy.alternative(conversation.channel, |id| asked.contains(id));
            if let Some(alternative) = alternative {
                response.say(&alternative.ask);
                response.state.alternatives.insert(alternative.id.clone());
                response.state.alternative = Some(alternative.id.clone());
            }
            return;
        }
        response.state.handed_off = Some(reason);
        if reason == HandoffReason::ActionFailed {
            response.say(&self.inner.phrases.action_failed);
        }
        response.say(&self.inner.phrases.hand_off);
        let mut briefing = self.briefing(conversation, &response.state, reason).await;
        // A hand-off never fails for want of a summary.
        briefing.summary = self
            .summarize(conversation, SummaryOptions::interim(None))
            .await
            .ok();
        response.handoff = Some(briefing);
    }

    /// The briefing without its summary: nothing of it is written by a model, so that it is there at once.
    pub(crate) async fn briefing(
        &self,
        conversation: &Conversation,
        state: &DialogueState,
        reason: HandoffReason,
    ) -> Handoff {
        let receipts = self
            .inner
            .actions
            .receipts(&stream(conversation))
            .await
            .unwrap_or_default();
        let pending = state.pending.as_ref();
        let is_secret = |name: &String| {
            let slots = self.inner.playbooks.iter().filter_map(|p| p.slot(name));
            slots.into_iter().any(|slot| slot.secret)
        };
        let steps: Vec<TriedStep> = state
            .done
            .iter()
            .chain(&state.dropped)
            .filter_map(|source| self.tried(source, state, &receipts))
            .collect();
        Handoff {
            slots: state
                .slots
                .iter()
                .filter(|(name, _)| !is_secret(name))
                .map(|(n, v)| (n.clone(), v.clone()))
                .collect(),
            tried: steps.iter().map(|step| step.label.clone()).collect(),
            steps,
            open_approval: pending.map(|pending| pending.question.clone()),
            open_approvals: pending
                .map(|pending| OpenApproval {
                    source: pending.source.clone(),
                    by: pending.by,
                    question: pending.question.clone(),
                    asked_at: pending.asked_at,
                    expires_at: pending.expires_at,
                })
                .into_iter()
                .collect(),
            next_steps: self.next_steps(state),
            receipts: receipts.into_iter().map(|r| self.masked(r)).collect(),
            promises: promises(conversation),
            language: conversation.language.clone(),
            channel: Some(conversation.channel),
            ..Handoff::new(reason)
        }
    }

    /// What comes next in the procedures that run, wait or were left for another.
    fn next_steps(&self, state: &DialogueState) -> Vec<String> {
        let open = state
            .playbook
            .iter()
            .chain(&state.waiting)
            .chain(&state.paused);
        let playbooks = open.filter_map(|id| {
            self.inner
                .playbooks
                .iter()
                .find(|playbook| &playbook.id == id)
        });
        let is_open = |playbook: &Playbook, step: &Step| {
            !step.optional
                && !state.is_done(&playbook.id, &step.id)
                && !state
                    .left_out
                    .contains(&format!("{}/{}", playbook.id, step.id))
        };
        playbooks
            .flat_map(|playbook| {
                let steps = playbook.steps.iter();
                steps.filter(move |step| is_open(playbook, step))
            })
            .map(|step| step.label.clone())
            .collect()
    }

    /// A step that is over, with what came of it.
    fn tried(
        &self,
        source: &str,
        state: &DialogueState,
        receipts: &[ActionReceipt],
    ) -> Option<TriedStep> {
        let (playbook, step) = source.split_once('/')?;
        let playbook = self.inner.playbooks.iter().find(|p| p.id == playbook)?;
        let step = playbook.step(step)?;
        let failed = receipts.iter().rev().find(|receipt| {
            let of_step = receipt.source.split('#').next() == Some(source);
            of_step && matches!(receipt.status, ActionStatus::Failed | ActionStatus::Unknown)
        });
        let why = |receipt: &ActionReceipt| {
            let told = receipt.result.get("error").and_then(|error| error.as_str());
            let unknown = "nobody knows whether it was done";
            told.unwrap_or(unknown).to_owned()
        };
        let answered_no = state.answers.get(&step.id.replace('-', "_")) == Some(&false);
        let (outcome, reason) = match (state.dropped.contains(source), failed) {
            (false, _) => (TriedOutcome::Done, String::new()),
            (true, Some(receipt)) => (TriedOutcome::Failed, why(receipt)),
            (true, None) if answered_no => (
                TriedOutcome::Refused,
                "the answer to the question for it was no".to_owned(),
            ),
            (true, None) => (
                TriedOutcome::LeftOut,
                "a rule forbade it, or what comes before it was not done".to_owned(),
            ),
        };
        Some(TriedStep {
            source: source.to_owned(),
            label: step.label.clone(),
            outcome,
            reason,
        })
    }

    /// A receipt without what its tool calls secret.
    fn masked(&self, mut receipt: ActionReceipt) -> ActionReceipt {
        if let Some(tool) = self.inner.actions.tools().get(&receipt.tool) {
            receipt.arguments = tool.spec().mask(&receipt.arguments);
            receipt.result = tool.spec().mask(&receipt.result);
        }
        receipt
    }
}

/// What the customer was told that will be done or come, by whoever served them.
fn promises(conversation: &Conversation) -> Vec<Promise> {
    let said = conversation.transcript.utterances().iter();
    let served = said.filter(|said| matches!(said.role, Role::AutomatedAgent | Role::HumanAgent));
    served
        .flat_map(|said| {
            let found = unproven_promises(&said.text).into_iter();
            let promised = found.filter(|promise| !promise.text.ends_with('?'));
            promised.map(|promise| Promise {
                words: promise.text,
                utterance: said.id,
            })
        })
        .collect()
}
