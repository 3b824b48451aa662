//! How the conversation stands: here, and in the store, where others write to it too.

use super::super::event::SessionEvent;
use super::super::hub::SessionView;
use super::super::persist::{restore, unanswered};
use super::Runtime;
use crate::error::Result;

impl Runtime {
    /// Takes over how the conversation stands in the store, where nothing waits to be written.
    pub(super) async fn read_again(&mut self) -> Result<()> {
        let store = &self.assistant.inner.store;
        let records = store.load(self.journal.key(), 0).await?;
        let restored = restore(self.journal.key(), &records)?;
        self.journal.read_to(restored.version);
        let has_ended = restored.ended && !self.ended;
        let turned_up = self.journal.turned_up(&restored.seen);
        self.conversation = restored.conversation;
        self.state = restored.state;
        self.take_books(restored.books);
        // What is decided next is decided by what was begun.
        self.renew_books().await;
        self.coaching.overrides = restored.checklist;
        self.summary = restored.summary;
        self.handoff = restored.handoff;
        (self.shown, self.cards) = (restored.shown, restored.cards);
        self.stop_selling |= restored.stop_selling;
        self.seen.extend(restored.seen);
        self.ending |= restored.ending && !restored.ended;
        self.ended |= restored.ended;
        // None of it was told here.
        self.events.skip();
        if has_ended {
            self.emit(SessionEvent::Ended).await;
        }
        if turned_up && let Some(id) = unanswered(&self.conversation, &self.state) {
            self.wanted.respond(id);
        }
        Ok(())
    }

    /// How the conversation stands.
    pub(super) fn view(&self) -> SessionView {
        SessionView {
            conversation: self.conversation.clone(),
            summary: self.summary.clone(),
            approval: self.state.pending.clone(),
            dialogue: self.state.clone(),
            handoff: self.handoff.clone(),
            checklist: self.entries().to_vec(),
            ended: self.ended || self.ending,
            last_event: self.events.last(),
        }
    }
}
