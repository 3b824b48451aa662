//! A scripted customer: what they say, what they answer, and how the conversation should end. The format is described
//! in `tests/customers/README.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::backend::{Backend, Fault};
use super::paths;
use crate::conversation::{Channel, HandoffReason};
use crate::error::{Error, ErrorKind, OrError, Result};

/// The file in the folder of the customers that holds what is in the backend at the start.
const DATABASE: &str = "database.toml";

/// A pattern over words: a regular expression, in any case.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it is no regular expression.
    pub fn new(source: &str) -> Result<Self> {
        let built = RegexBuilder::new(source).case_insensitive(true).build();
        built.map(Self).or_error(ErrorKind::Config, || {
            format!("{source:?} is no regular expression")
        })
    }

    /// Whether it is somewhere in `text`.
    pub fn is_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// The expression.
    pub fn source(&self) -> &str {
        self.0.as_str()
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Self::new(&source).map_err(serde::de::Error::custom)
    }
}

/// A message of the customer, in several wordings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Says {
    /// The wordings; one is chosen for each trial.
    pub text: Vec<String>,
}

/// What the customer answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Reply {
    /// What the virtual agent has said since the customer's last message.
    pub when: Pattern,
    /// The wordings of the answer.
    pub text: Vec<String>,
    /// How often it is given; without a limit where it is left out.
    #[serde(default)]
    pub times: Option<usize>,
    /// The customer leaves after it.
    #[serde(default)]
    pub ends: bool,
}

/// Whether a person has to take over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpectedHandoff {
    /// Nobody takes over.
    #[default]
    None,
    /// Somebody takes over, for whatever reason.
    Any,
    /// Both are fine.
    Optional,
    /// Somebody takes over for this reason.
    For(HandoffReason),
}

impl<'de> Deserialize<'de> for ExpectedHandoff {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Ok(match word.as_str() {
            "none" => Self::None,
            "any" => Self::Any,
            "optional" => Self::Optional,
            other => Self::For(HandoffReason::deserialize(Value::from(other)).map_err(|_| {
                serde::de::Error::custom(format!(
                    "{other:?} is neither none, any, optional nor a reason of a hand-off"
                ))
            })?),
        })
    }
}

/// How the conversation should end.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Expect {
    /// What must be different from the start, by path; whatever is neither here nor in [`may`](Self::may) is unchanged.
    pub database: Map<String, Value>,
    /// What may be different from the start, and how.
    pub may: Map<String, Value>,
    /// Whether a person takes over.
    pub handoff: ExpectedHandoff,
    /// What the virtual agent must have said.
    pub said: Vec<Pattern>,
    /// What it must never say: a breach of policy.
    pub never: Vec<Pattern>,
    /// Tools that must not have been called with success.
    pub tools_never: Vec<String>,
}

/// A scripted customer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Customer {
    /// Identity, by convention the name of the file.
    pub id: String,
    /// Who it is and what it is about, in one sentence.
    pub about: String,
    /// The channel.
    #[serde(default = "chat")]
    pub channel: Channel,
    /// The playbooks that are needed.
    #[serde(default)]
    pub playbooks: Vec<String>,
    /// What the customer says unasked, in order.
    pub says: Vec<Says>,
    /// What the customer answers; the first that matches.
    #[serde(default)]
    pub replies: Vec<Reply>,
    /// Wordings of what is said when nothing else is left; without any the customer leaves.
    #[serde(default)]
    pub otherwise: Vec<String>,
    /// How often in a row the customer says that before they leave.
    #[serde(default = "two")]
    pub patience: usize,
    /// Messages of the customer after which the conversation ends.
    #[serde(default = "sixteen")]
    pub turns: usize,
    /// What is different in the database at the start, by path.
    #[serde(default)]
    pub database: Map<String, Value>,
    /// How calls of a tool fail, call by call.
    #[serde(default)]
    pub faults: BTreeMap<String, Vec<Fault>>,
    /// How it should end.
    #[serde(default)]
    pub expect: Expect,
}

fn chat() -> Channel {
    Channel::Chat
}

fn two() -> usize {
    2
}

fn sixteen() -> usize {
    16
}

impl Customer {
    /// Reads one file.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with line and key for what does not fit the format.
    pub fn from_toml(text: &str) -> Result<Self> {
        let customer: Self =
            toml::from_str(text).or_error(ErrorKind::Config, || "the customer cannot be read")?;
        let says = customer.says.iter().map(|says| &says.text);
        let mut texts = says.chain(customer.replies.iter().map(|reply| &reply.text));
        if customer.says.is_empty() || texts.any(Vec::is_empty) {
            return Err(Error::new(
                ErrorKind::Config,
                "a customer needs something to say, and every text a wording",
            ));
        }
        Ok(customer)
    }
}

impl Customer {
    /// Names that nothing has would never come about, and nobody would notice.
    fn check(&self, database: &Value) -> Result<()> {
        let tools = Backend::new(Value::Null, BTreeMap::new()).tools();
        let named = self.faults.keys().chain(&self.expect.tools_never);
        let unknown = named
            .into_iter()
            .find(|name| tools.iter().all(|tool| tool.spec().name != **name));
        if let Some(name) = unknown {
            return Err(Error::new(
                ErrorKind::Config,
                format!("there is no tool {name:?}"),
            ));
        }
        let expect = &self.expect;
        let paths = self
            .database
            .keys()
            .chain(expect.database.keys())
            .chain(expect.may.keys());
        let account = |path: &&String| path.split('.').take(2).collect::<Vec<_>>().join(".");
        let missing = paths
            .filter(|path| path.starts_with("accounts."))
            .find(|path| paths::get(database, &account(path)).is_none());
        match missing {
            Some(path) => Err(Error::new(
                ErrorKind::Config,
                format!("{path:?} names no account of the database"),
            )),
            None => Ok(()),
        }
    }
}

/// What a folder of scripted customers holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Customers {
    /// The customers, in order of their files.
    pub customers: Vec<Customer>,
    /// What is in the backend at the start.
    pub database: Value,
}

impl Customers {
    /// Reads a folder: `database.toml`, and every other TOML file a customer.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a folder that cannot be read or holds no customer; [`ErrorKind::Config`] with file,
    /// line and key for what does not fit the format.
    pub fn load(folder: &Path) -> Result<Self> {
        let unreadable = || {
            format!(
                "{} cannot be read; give a folder with customers",
                folder.display()
            )
        };
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .or_error(ErrorKind::NotFound, unreadable)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "toml")
            })
            .collect();
        files.sort();
        let path = folder.join(DATABASE);
        let database: Value = toml::from_str(&read(&path)?).or_error(ErrorKind::Config, || {
            format!("{} cannot be read", path.display())
        })?;
        let mut customers: Vec<Customer> = Vec::new();
        for path in files.into_iter().filter(|path| !path.ends_with(DATABASE)) {
            let customer =
                Customer::from_toml(&read(&path)?).map_err(|e| e.context(path.display()))?;
            customer
                .check(&database)
                .map_err(|e| e.context(path.display()))?;
            if customers.iter().any(|other| other.id == customer.id) {
                let what = format!(
                    "{}: another file has the id {:?} too",
                    path.display(),
                    customer.id
                );
                return Err(Error::new(ErrorKind::Config, what));
            }
            customers.push(customer);
        }
        if customers.is_empty() {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("there is no customer in {}", folder.display()),
            ));
        }
        Ok(Self {
            customers,
            database,
        })
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).or_error(ErrorKind::NotFound, || {
        format!("cannot read {}", path.display())
    })
}

/// A customer in one conversation.
#[derive(Debug)]
pub(super) struct Actor<'a> {
    customer: &'a Customer,
    seed: u64,
    trial: usize,
    /// Messages so far.
    sent: usize,
    spontaneous: usize,
    /// How often each answer was given.
    given: Vec<usize>,
    /// How often in a row nothing fitted.
    lost: usize,
    left: bool,
}

impl<'a> Actor<'a> {
    /// In the words of this trial.
    pub(super) fn new(customer: &'a Customer, seed: u64, trial: usize) -> Self {
        Self {
            customer,
            seed,
            trial,
            sent: 0,
            spontaneous: 0,
            given: vec![0; customer.replies.len()],
            lost: 0,
            left: false,
        }
    }

    /// What the customer says next, after the virtual agent's words; `None` when they leave.
    pub(super) fn next(&mut self, heard: &str) -> Option<String> {
        if self.left || self.sent >= self.customer.turns {
            return None;
        }
        let fits = |(at, reply): &(usize, &Reply)| {
            let often = self.given.get(*at).copied().unwrap_or_default();
            reply.times.is_none_or(|times| often < times) && reply.when.is_in(heard)
        };
        let replies = &self.customer.replies;
        // Whoever has not said anything yet answers nothing.
        let answer = replies
            .iter()
            .enumerate()
            .filter(|_| self.sent > 0)
            .find(fits);
        let says = self.customer.says.get(self.spontaneous);
        let (texts, place, often) = if let Some((at, reply)) = answer {
            self.lost = 0;
            self.left = reply.ends;
            let given = self.given.get_mut(at)?;
            *given += 1;
            (&reply.text, 100 + at, *given - 1)
        } else if let Some(says) = says {
            self.lost = 0;
            self.spontaneous += 1;
            (&says.text, self.spontaneous, 0)
        } else {
            self.lost += 1;
            if self.lost > self.customer.patience || self.customer.otherwise.is_empty() {
                return None;
            }
            (&self.customer.otherwise, 99, self.lost - 1)
        };
        self.sent += 1;
        self.wording(texts, place, often).cloned()
    }

    /// Another wording for every trial, and for every time the same is said.
    fn wording<'t>(&self, texts: &'t [String], place: usize, often: usize) -> Option<&'t String> {
        let length = texts.len().max(1);
        let start = scatter(self.seed ^ scatter(hash(&self.customer.id) ^ place as u64)) as usize;
        // After all wordings were used, they are combined in another way.
        let round = self.trial / length * place;
        texts.get((start % length + self.trial + round + often) % length)
    }
}

/// FNV-1a, the same on every machine.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// SplitMix64.
fn scatter(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
