//! Which conversation a history belongs to, for clients that name none.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

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

/// A history that one request goes on with. Where the request comes to nothing (it is refused, takes too long, or its
/// client goes away), the same request finds the conversation again.
#[derive(Debug)]
pub(super) struct Claim {
    threads: Arc<Threads>,
    print: Fingerprint,
    /// The conversation, until the request was answered.
    conversation: Option<String>,
}

impl Claim {
    /// The request was answered.
    pub(super) fn answered(mut self) {
        self.conversation = None;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(conversation) = self.conversation.take() {
            self.threads.insert(self.print, conversation);
        }
    }
}

impl Threads {
    /// The conversation with this history, if this caller had it with this user of theirs.
    pub(super) fn take(self: &Arc<Self>, caller: &Caller, ask: &Ask) -> Option<(String, Claim)> {
        if ask.history.is_empty() {
            return None;
        }
        let history = ask.history.iter();
        let print = fingerprint(
            caller,
            ask,
            history.map(|(role, text)| (*role, text.as_str())),
        );
        let known = self.0.lock().conversations.remove(&print)?;
        let claim = Claim {
            threads: Arc::clone(self),
            print,
            conversation: Some(known.clone()),
        };
        Some((known, claim))
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
        let print = fingerprint(caller, ask, all);
        self.insert(print, id.as_str().to_owned());
    }

    fn insert(&self, print: Fingerprint, conversation: String) {
        let mut known = self.0.lock();
        known.conversations.insert(print, conversation);
        known.order.push_back(print);
        while known.order.len() > MOST {
            if let Some(oldest) = known.order.pop_front() {
                known.conversations.remove(&oldest);
            }
        }
    }
}

/// Lengths are part of it, so that no two histories run into each other.
fn fingerprint<'a>(
    caller: &Caller,
    ask: &Ask,
    history: impl Iterator<Item = (Role, &'a str)>,
) -> Fingerprint {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    add(caller.tenant.as_str());
    add(&caller.subject);
    // Two customers of one caller may say the same.
    add(ask.user.as_deref().unwrap_or_default());
    for (role, text) in history {
        add(role.as_str());
        add(text);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::auth::Permission;

    fn caller() -> Caller {
        Caller {
            tenant: "acme".into(),
            subject: "key:a".into(),
            scopes: Permission::all(),
        }
    }

    fn ask(user: Option<&str>, history: &[(Role, &str)], text: &str) -> Ask {
        let history = history
            .iter()
            .map(|(role, text)| (*role, (*text).to_owned()));
        Ask {
            text: text.to_owned(),
            history: history.collect(),
            stream: false,
            include_usage: false,
            user: user.map(str::to_owned),
            conversation: None,
        }
    }

    const HISTORY: [(Role, &str); 2] =
        [(Role::EndUser, "Hello."), (Role::AutomatedAgent, "Hello!")];

    #[test]
    fn customers_who_say_the_same_have_conversations_of_their_own() {
        let threads = Arc::new(Threads::default());
        for (user, id) in [(Some("ann"), "c1"), (Some("ben"), "c2"), (None, "c3")] {
            threads.remember(&caller(), &ask(user, &[], "Hello."), "Hello!", &id.into());
        }
        for (user, id) in [(Some("ben"), "c2"), (None, "c3"), (Some("ann"), "c1")] {
            let (found, claim) = threads
                .take(&caller(), &ask(user, &HISTORY, "And?"))
                .unwrap();
            assert_eq!(found, id);
            claim.answered();
        }
        let stranger = ask(Some("zoe"), &HISTORY, "And?");
        assert!(threads.take(&caller(), &stranger).is_none());
    }

    #[test]
    fn a_request_that_came_to_nothing_finds_its_conversation_again() {
        let threads = Arc::new(Threads::default());
        threads.remember(&caller(), &ask(None, &[], "Hello."), "Hello!", &"c1".into());
        let next = ask(None, &HISTORY, "And?");
        for _ in 0..2 {
            let (found, refused) = threads.take(&caller(), &next).unwrap();
            assert_eq!(found, "c1");
            // While it is being answered, whoever sends the same branches off.
            assert!(threads.take(&caller(), &next).is_none());
            drop(refused);
        }
        let (_, claim) = threads.take(&caller(), &next).unwrap();
        claim.answered();
        assert!(threads.take(&caller(), &next).is_none());
    }
}
