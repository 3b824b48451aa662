//! Which inputs were taken, and what they were.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use uuid::Uuid;

use super::super::event::SessionInput;
use crate::error::{Error, ErrorKind, Result};

/// The ids of the inputs that are in the store, with the words that this process took under them.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<Uuid, Option<u64>>);

impl Seen {
    /// Whether an input was taken under this id.
    ///
    /// # Errors
    /// `InvalidInput` where other words were: those sent now would be lost, were they taken for the same.
    pub(super) fn has(&self, id: Uuid, input: &SessionInput) -> Result<bool> {
        let known = self.0.get(&id);
        match (known.copied().flatten(), fingerprint(input)) {
            (Some(before), Some(now)) if before != now => Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "other words were taken as {id} before; send these under an id of their own"
                ),
            )),
            _ => Ok(known.is_some()),
        }
    }

    pub(super) fn insert(&mut self, id: Uuid, fingerprint: Option<u64>) {
        self.0.insert(id, fingerprint);
    }

    /// Takes up ids from the store.
    pub(super) fn extend(&mut self, ids: impl IntoIterator<Item = Uuid>) {
        for id in ids {
            self.0.entry(id).or_default();
        }
    }
}

/// Tells words from other words, by who says them. Their times may be others when they are sent again, and so may what
/// else hosts tell.
pub(super) fn fingerprint(input: &SessionInput) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    match input {
        SessionInput::Utterance(said) => (said.participant.as_str(), &said.text).hash(&mut hasher),
        SessionInput::Say { role, text } => (role.as_str(), text).hash(&mut hasher),
        _ => return None,
    }
    Some(hasher.finish())
}
