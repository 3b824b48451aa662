//! Which inputs were taken, and what they were.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use uuid::Uuid;

use super::super::event::SessionInput;
use crate::conversation::NewUtterance;
use crate::error::{Error, ErrorKind, Result};

/// The ids of the inputs that are in the store, and what this session took under them. What an earlier one took is known by
/// its id alone.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<Uuid, Option<u64>>);

impl Seen {
    /// Whether an input was taken under this id.
    ///
    /// # Errors
    /// `InvalidInput` where that was another input: the one sent now would be lost, were it taken for the same.
    pub(super) fn has(&self, id: Uuid, input: &SessionInput) -> Result<bool> {
        match self.0.get(&id) {
            Some(Some(before)) if *before != fingerprint(input) => Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "another input was taken as {id} before; send this one under an id of its own"
                ),
            )),
            known => Ok(known.is_some()),
        }
    }

    pub(super) fn insert(&mut self, id: Uuid, fingerprint: u64) {
        self.0.insert(id, Some(fingerprint));
    }

    /// Takes up ids from the store.
    pub(super) fn extend(&mut self, ids: impl IntoIterator<Item = Uuid>) {
        for id in ids {
            self.0.entry(id).or_default();
        }
    }
}

/// Tells words from other words, and other inputs by their kind: what hosts tell beside may be another when it is told again.
pub(super) fn fingerprint(input: &SessionInput) -> u64 {
    let mut hasher = DefaultHasher::new();
    match input {
        SessionInput::Utterance(NewUtterance { text, .. }) | SessionInput::Say { text, .. } => {
            text.hash(&mut hasher);
        }
        other => std::mem::discriminant(other).hash(&mut hasher),
    }
    hasher.finish()
}
