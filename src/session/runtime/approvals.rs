//! Somebody says yes or no to what the virtual agent waits for; and what a restart interrupted goes on.

use super::super::persist::{goes_along, unanswered};
use super::{Doing, Runtime, Work};
use crate::conversation::{ApprovalGrant, Approver};
use crate::dialogue::{DialogueState, Effect, Moment, apply, approve};
use crate::error::{Error, ErrorKind, Result};

impl Runtime {
    /// What is being decided must know of the answer, and the other way round.
    pub(super) async fn finish_deciding(&mut self) {
        if self.doing == Doing::Respond
            && let Some(running) = self.running.take()
        {
            let done = running.await;
            self.idle();
            Box::pin(self.deliver(done)).await;
        }
    }

    /// Somebody's yes or no: what follows from it.
    pub(super) fn approve(
        &mut self,
        source: &str,
        by: Approver,
        who: String,
        yes: bool,
    ) -> Result<Vec<Effect>> {
        let grant = ApprovalGrant {
            by,
            who,
            at: jiff::Timestamp::now(),
        };
        let decided = self.decided(|state, moment| approve(state, source, grant, yes, moment));
        let (state, mut effects) =
            decided.map_err(|reason| Error::new(ErrorKind::InvalidInput, reason))?;
        if !yes {
            let said = Effect::Say {
                source: source.to_owned(),
                text: self.assistant.inner.phrases.declined.clone(),
                proven: true,
            };
            effects.insert(0, said);
        }
        self.state = state;
        self.journal.state(&self.state);
        Ok(effects)
    }

    /// What a process that is gone has left, and what is foreseen. Where the conversation is over there is neither.
    pub(super) async fn go_on(&mut self) {
        if !self.ended {
            self.take_up().await;
            self.take_up_strategies().await;
            self.foresee().await;
        }
    }

    /// After a restart: a question that was not answered is, and a procedure that needs nobody goes on.
    async fn take_up(&mut self) {
        if !self.has_virtual_agent() || self.state.ended {
            return;
        }
        if let Some(id) = unanswered(&self.conversation, &self.state) {
            self.wanted.respond(id);
        } else if self.has_lost_its_way() || goes_along(&self.conversation, &self.state) {
            let (state, effects, rejections) =
                self.decided(|state, moment| apply(state, &[], moment));
            self.reject(rejections).await;
            self.carry_on(state, effects).await;
        }
    }

    /// What was decided is kept before it is done.
    pub(super) async fn carry_on(&mut self, state: DialogueState, effects: Vec<Effect>) {
        self.state = state;
        self.journal.state(&self.state);
        self.save().await;
        self.wanted.reply = Some(Work::Carry(effects));
    }

    pub(super) fn decided<T>(&self, decide: impl FnOnce(DialogueState, &Moment<'_>) -> T) -> T {
        let profile = self
            .conversation
            .profile
            .clone()
            .unwrap_or_default()
            .attributes;
        let moment = Moment {
            playbooks: &self.assistant.inner.playbooks,
            profile: &profile,
            now: jiff::Timestamp::now(),
            utterance: None,
        };
        decide(self.state.clone(), &moment)
    }
}
