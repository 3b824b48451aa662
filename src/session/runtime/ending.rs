//! How a session ends: for good, or only to be taken up again.

use std::future::Future;
use std::pin::pin;

use tokio::sync::mpsc;

use super::super::event::SessionEvent;
use super::{Doing, Done, Leave, Message, Runtime, Work, cards};
use crate::assistant::Aside;

impl Runtime {
    /// The conversation is over: what is still being written is overtaken by the final note.
    pub(super) async fn finish(&mut self, inputs: &mut mpsc::Receiver<Message>) {
        if self.ended {
            // There is a note, and what there was to learn was learned.
            return self.emit(SessionEvent::Ended).await;
        }
        self.ending = true;
        for heard in self.ears.finish().await {
            self.listen(heard).await;
        }
        let running = self.running.take();
        if let (Doing::Respond | Doing::Coach, Some(running)) = (self.doing, running) {
            let done = running.await;
            self.deliver(done).await;
        }
        if let Some(decided @ Work::Carry(_)) = self.wanted.reply.take() {
            // Somebody said yes to it, or was told that it is done.
            let done = self.work(decided, Aside::default()).await;
            self.deliver(done).await;
        }
        self.wanted.reply = None;
        self.coach_end().await;
        let note = self.work(Work::Note { is_final: true }, Aside::default());
        let Some(note) = self.meanwhile(note, inputs).await else {
            return;
        };
        self.deliver(note).await;
        self.tell_experience().await;
        self.learn_actions().await;
        self.journal.ended();
        self.save().await;
        self.emit(SessionEvent::Ended).await;
        self.settling.drain(..).for_each(|waiting| {
            let _ = waiting.send(());
        });
    }

    /// Whether the session leaves memory, as it is asked to.
    pub(super) async fn may_leave(&mut self, leave: Leave) -> bool {
        let Leave { at_once, answer } = leave;
        if at_once {
            // Tools may be at work: better known how they end than not.
            self.finish_deciding().await;
        }
        // Somebody waits for a person, and the time of the offer runs here.
        let is_offered = self.is_offered();
        // Of strategies that wait longer, whoever calls `Assistant::advance_due_strategies` takes care.
        let waits = is_offered || self.strategies.is_due_soon();
        let is_idle = self.running.is_none() && self.settling.is_empty() && !waits;
        let is_stored = self.flush().await.is_ok();
        let leaves = at_once || (is_idle && is_stored);
        let _ = answer.send(leaves);
        leaves
    }

    /// Waits for the last work of a session, and answers what comes meanwhile: nothing more is taken. `None` where it is
    /// to leave at once; it goes on when it is taken up again.
    pub(super) async fn meanwhile(
        &mut self,
        work: impl Future<Output = Done> + Send,
        inputs: &mut mpsc::Receiver<Message>,
    ) -> Option<Done> {
        let mut work = pin!(work);
        loop {
            let message = tokio::select! {
                biased;
                done = &mut work => return Some(done),
                Some(message) = inputs.recv() => message,
            };
            match message {
                Message::Submit(submitted) => Box::pin(self.accept(*submitted)).await,
                Message::View(answer) => drop(answer.send(Box::new(self.view()))),
                Message::Snapshot(answer) => drop(answer.send(self.conversation.clone())),
                Message::Settle(waiting) => self.settling.push(waiting),
                Message::Leave(Leave { at_once, answer }) => {
                    let _ = answer.send(at_once);
                    if at_once {
                        self.save().await;
                        return None;
                    }
                }
                Message::Input(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Keeps what the next one to take the conversation up has to know, so that nothing is shown twice.
    pub(super) fn leave_desk(&mut self) {
        if self.ended || self.conversation.transcript.is_empty() {
            return;
        }
        let (cues, form) = (self.coaching.cues(), self.open.form.as_ref());
        let form = form.and_then(cards::Kept::open);
        let feelings = self.feelings.keep(&self.conversation);
        self.journal
            .desk(cues, self.last_action.as_deref(), form.as_ref(), &feelings);
    }
}
