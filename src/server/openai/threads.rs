//! Which conversation a history belongs to, for clients that name none.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::request::Ask;
use crate::conversation::{ConversationId, Role};
use crate::server::auth::Caller;

/// Histories that are remembered; the oldest is forgotten first.
const MOST: usize = 10_000;

type Fingerprint = [u8; 32];

/// Fingerprints of histories. A history leads to its conversation once: whoever branches off goes on in a new one.
#[derive(Debug, Default)]
pub(in crate::server) struct Threads(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    conversations: HashMap<Fingerprint, String>,
    order: VecDeque<Fingerprint>,
}

impl Threads {
    /// The conversation with this history, if this caller had it.
    pub(super) fn take(&self, caller: &Caller, history: &[(Role, String)]) -> Option<String> {
        if history.is_empty() {
            return None;
        }
        let print = fingerprint(
            caller,
            history.iter().map(|(role, text)| (*role, text.as_str())),
        );
        self.0.lock().conversations.remove(&print)
    }

    /// What the next request of the same client begins with.
    pub(super) fn remember(&self, caller: &Caller, ask: &Ask, answer: &str, id: &ConversationId) {
        let history = ask
            .history
            .iter()
            .map(|(role, text)| (*role, text.as_str()));
        let now = [
            (Role::EndUser, ask.text.as_str()),
            (Role::AutomatedAgent, answer),
        ];
        let all = history
            .chain(now)
            .filter(|(_, text)| !text.trim().is_empty());
        let print = fingerprint(caller, all);
        let mut known = self.0.lock();
        known.conversations.insert(print, id.as_str().to_owned());
        known.order.push_back(print);
        while known.order.len() > MOST {
            if let Some(oldest) = known.order.pop_front() {
                known.conversations.remove(&oldest);
            }
        }
    }
}

/// Lengths are part of it, so that no two histories run into each other.
fn fingerprint<'a>(caller: &Caller, history: impl Iterator<Item = (Role, &'a str)>) -> Fingerprint {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    add(caller.tenant.as_str());
    add(&caller.subject);
    for (role, text) in history {
        add(role.as_str());
        add(text);
    }
    hash.finalize().into()
}
