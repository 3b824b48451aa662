//! What a virtual agent says to what somebody feels: a policy as data, not prose buried in prompts.

mod delivery;

pub use delivery::{Delivery, Piece, PieceKind};

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::conversation::{EffortKind, EmotionKind};
use crate::error::{Error, ErrorKind, OrError, Result};

/// The sign that no feeling is: there was a sign of danger.
pub(crate) const CRISIS: &str = "crisis";
/// Openings that wear out.
const ONCE: [&str; 4] = [
    "I am sorry to hear",
    "I understand how",
    "Thank you for telling me",
    "Thank you for your patience",
];
/// Apologies for nothing in particular.
const NEVER: [&str; 4] = [
    "We apologise for any inconvenience.",
    "I apologise for the inconvenience.",
    "Sorry for the inconvenience.",
    "We apologize for any inconvenience.",
];

/// When and how feelings and effort are acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmpathyPolicy {
    /// In order of precedence: one acknowledgement a turn.
    #[serde(default)]
    pub moments: Vec<EmpathyMoment>,
    /// How replies are delivered while certain signs hold.
    #[serde(default)]
    pub deliveries: Vec<Delivery>,
    /// Beginnings of sentences that are used once in a conversation.
    #[serde(default)]
    pub once: Vec<String>,
    /// Sentences that are never said: apologies for nothing.
    #[serde(default)]
    pub never: Vec<String>,
}

/// Something that is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmpathyMoment {
    /// What was felt or suffered: an [`EmotionKind`](crate::conversation::EmotionKind) or an
    /// [`EffortKind`](crate::conversation::EffortKind), in snake case.
    pub when: String,
    /// What is said; each wording once in a conversation, then nothing more.
    pub say: Vec<String>,
    /// How often in a conversation at most.
    #[serde(default = "once")]
    pub at_most: usize,
}

fn once() -> usize {
    1
}

impl Default for EmpathyPolicy {
    /// English words for anger, vulnerability, confusion, and for having had to come back, wait, repeat oneself or be sent
    /// around: they name what happened and who owns it, and apologise for nothing that is not ours.
    fn default() -> Self {
        let moment = |when: &str, say: &[&str]| EmpathyMoment {
            when: when.into(),
            say: say.iter().map(|words| (*words).to_owned()).collect(),
            at_most: 1,
        };
        Self {
            moments: vec![
                moment(
                    "vulnerability",
                    &[
                        "Thank you for telling me. Take all the time you need; I will stay with you until this is sorted out.",
                    ],
                ),
                moment(
                    "rising_anger",
                    &["I can see why this makes you angry. I will take care of it now."],
                ),
                moment(
                    "disappointment",
                    &["That is not what you should expect from us. Let us put it right."],
                ),
                moment(
                    "earlier_contact",
                    &[
                        "You should not have had to contact us again about this. I will see it through.",
                    ],
                ),
                moment(
                    "transferred",
                    &["You should not have been passed around. You can stay with me."],
                ),
                moment(
                    "repeat",
                    &["You have told us already, and I have it in front of me."],
                ),
                moment(
                    "waiting",
                    &["You have waited long enough. Let us get to it."],
                ),
                moment(
                    "confusion",
                    &["That is not easy to follow, so let us go through it step by step."],
                ),
            ],
            deliveries: vec![Delivery::angry(), Delivery::vulnerable()],
            once: ONCE.map(str::to_owned).into(),
            never: NEVER.map(str::to_owned).into(),
        }
    }
}

impl EmpathyPolicy {
    /// What is said to these signs, if anything is that was not said before; `said` remembers it.
    pub fn acknowledge(&self, signs: &[String], said: &mut BTreeSet<String>) -> Option<String> {
        let fits = self
            .moments
            .iter()
            .filter(|moment| signs.contains(&moment.when));
        for moment in fits {
            let used = moment
                .say
                .iter()
                .filter(|words| said.contains(*words))
                .count();
            let fresh = moment.say.iter().find(|words| !said.contains(*words));
            if let Some(words) = fresh.filter(|_| used < moment.at_most) {
                said.insert(words.clone());
                return Some(words.clone());
            }
        }
        None
    }
}

/// Whether something of this name is ever felt or suffered.
fn is_sign(name: &str) -> bool {
    let name = serde_json::Value::from(name);
    EmotionKind::deserialize(&name).is_ok() || EffortKind::deserialize(&name).is_ok()
}

/// Reads an empathy policy from a TOML file.
///
/// # Errors
/// [`ErrorKind::NotFound`] without such a file; [`ErrorKind::Config`] with line and key of a mistake, or for two moments
/// with the same `when`.
pub fn load_empathy_policy(path: &Path) -> Result<EmpathyPolicy> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .or_error(ErrorKind::NotFound, || format!("cannot read {shown}"))?;
    let policy: EmpathyPolicy = toml::from_str(&text).or_error(ErrorKind::Config, || {
        format!("{shown} is no empathy policy")
    })?;
    if let Some(unknown) = policy.moments.iter().find(|moment| !is_sign(&moment.when)) {
        return Err(Error::new(
            ErrorKind::Config,
            format!("{shown}: there is no feeling or effort {:?}", unknown.when),
        ));
    }
    let mut signs = policy
        .deliveries
        .iter()
        .flat_map(|one| one.when.iter().chain(&one.until));
    if let Some(unknown) = signs.find(|sign| !is_sign(sign) && *sign != CRISIS) {
        return Err(Error::new(
            ErrorKind::Config,
            format!("{shown}: a delivery names {unknown:?}, which is no feeling or effort"),
        ));
    }
    let mut seen = HashSet::new();
    match policy
        .moments
        .iter()
        .find(|moment| !seen.insert(&moment.when))
    {
        Some(twice) => Err(Error::new(
            ErrorKind::Config,
            format!("{shown}: two moments are for {:?}", twice.when),
        )),
        None => Ok(policy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_sign_is_acknowledged_once() {
        let policy = EmpathyPolicy::default();
        let mut said = BTreeSet::new();
        let signs = ["waiting".to_owned(), "rising_anger".to_owned()];
        let first = policy.acknowledge(&signs, &mut said).unwrap();
        assert!(first.contains("angry"), "{first}");
        let second = policy.acknowledge(&signs, &mut said).unwrap();
        assert!(second.contains("waited"), "{second}");
        assert_eq!(
            policy.acknowledge(&signs, &mut said),
            None,
            "no phrase is repeated"
        );
        assert_eq!(policy.acknowledge(&[], &mut BTreeSet::new()), None);
    }

    #[test]
    fn the_words_are_for_signs_that_exist() {
        for moment in EmpathyPolicy::default().moments {
            assert!(is_sign(&moment.when), "{:?}", moment.when);
        }
    }
}
