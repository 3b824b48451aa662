//! Conversations that go on with playbooks as they were: the same assistant over other texts, and the note of what was
//! begun.

use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::carry::stream;
use super::{Assistant, Shared};
use crate::conversation::Conversation;
use crate::dialogue::{
    ActionRanker, Began, DialogueState, Old, Pin, Planner, Playbook, Reader, began_record,
    overlaid, text_record,
};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Record, Version};

/// Writers that may get in between before we give up.
const ATTEMPTS: usize = 8;

/// What an [`Assistant`] is made of: the playbooks and what reads by them, and all the rest. A conversation that goes on
/// with playbooks as they were has the former for itself, or with others of its kind.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) playbooks: Arc<[Playbook]>,
    pub(crate) ranker: ActionRanker,
    pub(crate) planner: Planner,
    pub(crate) reader: Reader,
    pub(super) shared: Arc<Shared>,
}

impl Deref for Inner {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

/// Assistants over old texts, by the playbooks and the digests of their texts. Hundreds of conversations may go on with
/// the same one after a restart; it is there as long as one of them does.
pub(super) type OldOnes = Mutex<HashMap<Vec<(String, String)>, Weak<Inner>>>;

impl Assistant {
    /// The same over these texts of playbooks.
    pub(crate) async fn over(&self, old: &[Old]) -> Self {
        let key = |old: &Old| (old.id.clone(), old.pin.digest.clone());
        let key: Vec<(String, String)> = old.iter().map(key).collect();
        let known = self.inner.old.lock().get(&key).and_then(Weak::upgrade);
        if let Some(inner) = known {
            return Self { inner };
        }
        let ranker = match self.inner.ranker.over(old).await {
            Ok(ranker) => ranker,
            Err(error) => {
                // What the virtual agent does needs no vectors of it.
                tracing::warn!(%error, "the examples of an old playbook could not be embedded");
                self.inner.ranker.clone()
            }
        };
        let inner = Arc::new(Inner {
            playbooks: overlaid(&self.inner.playbooks, old),
            ranker,
            planner: self.inner.planner.over(old),
            reader: self.inner.reader.over(old),
            shared: self.inner.shared.clone(),
        });
        let mut others = self.inner.old.lock();
        others.retain(|_, other| other.strong_count() > 0);
        others.insert(key, Arc::downgrade(&inner));
        drop(others);
        Self { inner }
    }

    /// Writes down which texts the playbooks have that this turn began, before anything is done for them: should the
    /// process die before the state is stored, the turn is taken once more, and along the same steps. `kept` is what the
    /// store knows.
    pub(super) async fn keep_begun(
        &self,
        conversation: &Conversation,
        kept: &mut BTreeMap<String, Pin>,
        state: &DialogueState,
    ) -> Result<()> {
        let mut records = Vec::new();
        for (id, pin) in &state.pinned {
            if kept.get(id) == Some(pin) {
                continue;
            }
            let playbook = self.inner.playbooks.iter().find(|p| &p.id == id);
            if let Some(playbook) = playbook {
                records.push(text_record(playbook, pin)?);
            }
            records.push(began_record(&Began {
                playbook: id.clone(),
                pin: pin.clone(),
                run: state.runs.get(id).copied().unwrap_or_default(),
            })?);
        }
        if !records.is_empty() {
            self.append_behind(conversation, &records).await?;
        }
        kept.clone_from(&state.pinned);
        Ok(())
    }

    /// Appends behind whatever others appended meanwhile. A conversation that is not in the store (it was erased, or nobody
    /// keeps it) is not taken up again either.
    async fn append_behind(&self, conversation: &Conversation, records: &[Record]) -> Result<()> {
        let (store, stream) = (&self.inner.store, stream(conversation));
        for _ in 0..ATTEMPTS {
            let version = store.load(&stream, 0).await?.len() as Version;
            if version == 0 {
                return Ok(());
            }
            match store.append(&stream, version, records).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                other => return other.map(|_| ()),
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            "others kept writing to the conversation; try again",
        ))
    }
}
