//! The playbooks that a conversation from the store goes on with: as they were when they were begun, as long as they go on.

use super::Runtime;
use crate::assistant::Assistant;
use crate::dialogue::{DialogueState, Old};
use crate::session::persist::KeptBooks;

/// Playbooks that are other ones in the files by now.
pub(super) struct Books {
    /// Over the files as they are.
    loaded: Assistant,
    old: Vec<Followed>,
    /// Whether the session's assistant is over these.
    is_taken_up: bool,
}

struct Followed {
    old: Old,
    /// Which run of it that is, where the turn that began it did not get as far as its state.
    run: Option<u32>,
}

impl Followed {
    fn goes_on(&self, state: &DialogueState) -> bool {
        let runs = state.runs.get(&self.old.id).copied().unwrap_or_default();
        state.follows(&self.old.id, &self.old.pin) || self.run.is_some_and(|run| runs < run)
    }
}

impl Runtime {
    /// Finds which playbooks are not as they were when this conversation began them.
    pub(super) fn take_books(&mut self, kept: KeptBooks) {
        self.journal.has_texts(kept.texts.keys());
        let loaded = match self.books.take() {
            Some(books) => books.loaded,
            None => self.assistant.clone(),
        };
        let current = &loaded.inner.playbooks;
        let pinned = &self.state.pinned;
        let followed = pinned.iter().map(|(id, pin)| (id, pin, None));
        let begun = kept
            .begun
            .iter()
            .filter(|began| !pinned.contains_key(&began.playbook))
            .map(|began| (&began.playbook, &began.pin, Some(began.run)));
        let old = followed.chain(begun).filter_map(|(id, pin, run)| {
            let old = Old::of(id, pin, current, &kept.texts)?;
            Some(Followed { old, run })
        });
        let old: Vec<Followed> = old.collect();
        if old.is_empty() {
            self.assistant = loaded;
        } else {
            self.books = Some(Box::new(Books {
                loaded,
                old,
                is_taken_up: false,
            }));
        }
    }

    /// What is over is begun anew as it is in the files.
    pub(super) async fn renew_books(&mut self) {
        let Some(mut books) = self.books.take() else {
            return;
        };
        let before = books.old.len();
        books.old.retain(|followed| followed.goes_on(&self.state));
        if books.old.is_empty() {
            self.assistant = books.loaded;
            return;
        }
        if !books.is_taken_up || books.old.len() < before {
            let old: Vec<Old> = books.old.iter().map(|one| one.old.clone()).collect();
            self.assistant = Box::pin(books.loaded.over(&old)).await;
            books.is_taken_up = true;
        }
        self.books = Some(books);
    }

    /// Whether something was begun that is in no playbook any more.
    pub(super) fn has_lost_its_way(&self) -> bool {
        self.state.lost(&self.assistant.inner.playbooks).is_some()
    }
}
