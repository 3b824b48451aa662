//! To whom a conversation is offered, for how long, and what is said meanwhile: data of the tenant.

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::conversation::{Channel, HandoffReason};
use crate::error::{Error, ErrorKind, OrError, Result};

/// The queue where a policy names none.
const ONLY_QUEUE: &str = "default";

/// How a conversation gets to a person, as `handoff.toml` says it.
///
/// The default offers it once, without end, and says nothing meanwhile: for hosts that route by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HandoffPolicy {
    /// To how many people one after the other it is offered before the virtual agent goes on without.
    pub tries: u32,
    /// How many hand-offs there are in a conversation at most. Danger is not counted.
    pub at_most: usize,
    /// The queues; the first that takes a reason gets it.
    pub queues: Vec<HandoffQueue>,
    /// What the customer is offered where nobody is there.
    pub alternatives: Vec<HandoffAlternative>,
    /// What the virtual agent says.
    pub words: HandoffWords,
}

/// People who take hand-offs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandoffQueue {
    /// Its name, as the host knows it.
    pub name: String,
    /// The reasons it takes; all where none is named.
    #[serde(default)]
    pub reasons: Vec<HandoffReason>,
    /// After so many seconds without an answer an offer counts as not taken; without end where there is none.
    #[serde(default)]
    pub seconds: Option<u64>,
    /// The queues that are asked next, in order; this one again where there is none.
    #[serde(default)]
    pub next: Vec<String>,
    /// Whether it is offered until somebody takes it: somebody in danger is not sent away.
    #[serde(default)]
    pub persists: bool,
}

/// Something else than a person now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandoffAlternative {
    /// Machine name, e.g. `call_back`.
    pub id: String,
    /// The question whether the customer wants it.
    pub ask: String,
    /// What is said after a yes.
    pub done: String,
    /// The playbook that arranges it; else the host does, told by
    /// [`HandoffStatus::Alternative`](crate::conversation::HandoffStatus).
    #[serde(default)]
    pub playbook: Option<String>,
    /// The channels it is for; all where none is named.
    #[serde(default)]
    pub channels: Vec<Channel>,
}

/// What the virtual agent says around a hand-off. Nothing is said where words are empty; each is said once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HandoffWords {
    /// The customer says something while nobody has taken it yet.
    pub waiting: String,
    /// It is offered to the next.
    pub next: String,
    /// Nobody is there.
    pub nobody: String,
    /// A person gave the conversation back.
    pub returned: String,
    /// A person has looked at the same need already, and nothing is new.
    pub again: String,
}

impl Default for HandoffWords {
    fn default() -> Self {
        Self {
            waiting: String::new(),
            next: String::new(),
            nobody: "I could not reach a colleague just now. I am still here, and I will do what I can myself.".into(),
            returned: "I am with you again. I can see what you and my colleague talked about, so you need not tell me again."
                .into(),
            again: "A colleague has looked at this already, and nothing has changed since, so passing you on again \
                    would not help you."
                .into(),
        }
    }
}

impl Default for HandoffPolicy {
    fn default() -> Self {
        Self {
            tries: 3,
            at_most: 3,
            queues: Vec::new(),
            alternatives: Vec::new(),
            words: HandoffWords::default(),
        }
    }
}

impl HandoffPolicy {
    /// The queue that a reason goes to first; `None` where the policy names none that takes it.
    pub fn first(&self, reason: HandoffReason) -> Option<&HandoffQueue> {
        self.queues
            .iter()
            .find(|queue| queue.reasons.is_empty() || queue.reasons.contains(&reason))
    }

    /// The queue of this name.
    pub fn queue(&self, name: &str) -> Option<&HandoffQueue> {
        self.queues.iter().find(|queue| queue.name == name)
    }

    /// The queue of the offer with this number (from 1) for a reason: its name, and how many seconds it has.
    pub fn offer(&self, reason: HandoffReason, attempt: u32) -> (String, Option<u64>) {
        let Some(first) = self.first(reason) else {
            return (ONLY_QUEUE.to_owned(), None);
        };
        let mut round: Vec<&HandoffQueue> = vec![first];
        round.extend(first.next.iter().filter_map(|name| self.queue(name)));
        let at = usize::try_from(attempt.saturating_sub(1)).unwrap_or_default();
        let queue = round.get(at % round.len()).copied().unwrap_or(first);
        (queue.name.clone(), queue.seconds)
    }

    /// Whether a further offer follows after so many.
    pub fn goes_on(&self, reason: HandoffReason, attempts: u32) -> bool {
        let persists = self.first(reason).is_some_and(|queue| queue.persists);
        // Whoever may be in danger is never told that nobody is there.
        persists || reason == HandoffReason::CustomerAtRisk || attempts < self.tries.max(1)
    }

    /// What the customer may have instead on a channel, that they were not asked yet.
    pub fn alternative(
        &self,
        channel: Channel,
        asked: impl Fn(&str) -> bool,
    ) -> Option<&HandoffAlternative> {
        self.alternatives.iter().find(|one| {
            (one.channels.is_empty() || one.channels.contains(&channel)) && !asked(&one.id)
        })
    }

    fn fault(&self) -> Option<String> {
        let mut names = HashSet::new();
        for queue in &self.queues {
            if !names.insert(queue.name.as_str()) {
                return Some(format!("two queues are called {:?}", queue.name));
            }
            if queue.seconds == Some(0) {
                return Some(format!(
                    "queue {:?} has no time to answer; leave `seconds` out where there is no limit",
                    queue.name
                ));
            }
            let unknown = queue.next.iter().find(|name| self.queue(name).is_none());
            if let Some(unknown) = unknown {
                return Some(format!(
                    "queue {:?} names the unknown queue {unknown:?} in `next`",
                    queue.name
                ));
            }
        }
        let mut ids = HashSet::new();
        let twice = self.alternatives.iter().find(|one| !ids.insert(&one.id));
        twice.map(|one| format!("two alternatives are called {:?}", one.id))
    }
}

/// Reads a hand-off policy from a TOML file.
///
/// # Errors
/// [`ErrorKind::NotFound`] without such a file; [`ErrorKind::Config`] with line and key of a mistake, or naming queues and
/// alternatives that do not hang together.
pub fn load_handoff_policy(path: &Path) -> Result<HandoffPolicy> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .or_error(ErrorKind::NotFound, || format!("cannot read {shown}"))?;
    let policy: HandoffPolicy = toml::from_str(&text).or_error(ErrorKind::Config, || {
        format!("{shown} is no hand-off policy")
    })?;
    match policy.fault() {
        Some(fault) => Err(Error::new(ErrorKind::Config, format!("{shown}: {fault}"))),
        None => Ok(policy),
    }
}
