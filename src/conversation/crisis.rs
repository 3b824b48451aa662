//! When somebody may be in danger: what it is, and what is done at once.

use serde::{Deserialize, Serialize};

/// What a crisis may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CrisisKind {
    /// Somebody may harm or kill themselves.
    SelfHarm,
    /// Somebody is in need of a doctor, or of the fire brigade, now.
    Medical,
    /// Somebody threatens to harm others, or is threatened.
    Violence,
    /// A child may be in danger.
    ChildSafety,
    /// Somebody is abused or controlled, at home for instance.
    Abuse,
}

/// Whom somebody in danger can turn to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrisisResource {
    /// What it is called.
    pub name: String,
    /// How it is reached: a telephone number, an address of a site.
    pub contact: String,
    /// BCP 47 language; empty for any.
    #[serde(default)]
    pub language: String,
    /// Where it holds; empty for everywhere.
    #[serde(default)]
    pub region: String,
    /// For which crises; none named: for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<CrisisKind>,
}

/// What is done at once when there is a sign of a crisis. By default everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct CrisisProtocol {
    /// Nothing is offered or sold any more.
    pub stop_selling: bool,
    /// Nobody is hurried: no cue about time, short sentences.
    pub slow_down: bool,
    /// A virtual agent hands over to a person at once.
    pub handoff: bool,
    /// The calm sentence that is said before the resources.
    pub say: String,
    /// What the human agent is told.
    pub guidance: String,
    /// Whom to turn to.
    pub resources: Vec<CrisisResource>,
}

impl Default for CrisisProtocol {
    fn default() -> Self {
        Self {
            stop_selling: true,
            slow_down: true,
            handoff: true,
            say: "Thank you for telling me. You are not alone with this, and I am getting a colleague to help you right now."
                .into(),
            guidance: "This may be a crisis. Stay calm, take your time, sell nothing, ask whether they are safe now, and \
                       follow the emergency procedure."
                .into(),
            resources: Vec::new(),
        }
    }
}

impl CrisisProtocol {
    /// The resources for a kind and a language, those of other languages left out unless there are no others.
    pub fn resources_for(&self, kind: CrisisKind, language: &str) -> Vec<&CrisisResource> {
        let primary = |tag: &str| {
            tag.split(['-', '_'])
                .next()
                .unwrap_or_default()
                .to_lowercase()
        };
        let wanted = primary(language);
        let of_kind = || {
            self.resources
                .iter()
                .filter(|r| r.kinds.is_empty() || r.kinds.contains(&kind))
        };
        let spoken: Vec<&CrisisResource> = of_kind()
            .filter(|r| r.language.is_empty() || primary(&r.language) == wanted)
            .collect();
        if spoken.is_empty() {
            of_kind().collect()
        } else {
            spoken
        }
    }

    /// What is said to the customer: the calm sentence, then the resources.
    pub fn words(&self, kind: CrisisKind, language: &str) -> String {
        let mut words = self.say.clone();
        for resource in self.resources_for(kind, language) {
            words.push_str(&format!(" {}: {}.", resource.name, resource.contact));
        }
        words
    }
}
