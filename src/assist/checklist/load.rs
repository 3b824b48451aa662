//! Checklists as files.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, OrError, Result};

/// What an agent has to say in a conversation: compliance statements, steps of a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checklist {
    /// Machine name.
    pub id: String,
    /// Name for screens.
    pub display_name: String,
    /// BCP 47 tags of the conversations it is for; all where empty.
    #[serde(default)]
    pub languages: Vec<String>,
    /// The items, in the order they are shown.
    pub items: Vec<ChecklistItem>,
}

/// Something that an agent has to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChecklistItem {
    /// Machine name, unique in its checklist.
    pub id: String,
    /// What it is, for screens.
    pub label: String,
    /// Phrases by which it is said; one is enough.
    #[serde(default)]
    pub words: Vec<String>,
    /// Sentences that say it; one that is close to them is enough.
    #[serde(default)]
    pub examples: Vec<String>,
    /// Least similarity to an example (cosine), between 0 and 1.
    #[serde(default = "close")]
    pub threshold: f32,
    /// By when.
    pub by: ChecklistDue,
    /// Whether it has to be said.
    #[serde(default = "yes")]
    pub required: bool,
    /// It is called for only once the customer says something like this; always without it.
    #[serde(default)]
    pub when: Option<ChecklistWhen>,
}

/// By when an item has to be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChecklistDue {
    /// In the first three utterances of the agent.
    Start,
    /// Before the conversation ends: it is missing at the end, and while that seems near.
    BeforeEnd,
    /// In the utterance in which this other item of the checklist is said, or the next two of the agent. What was said
    /// before does not count. Where a person decided that the other item was said, and nobody knows where: at any time.
    After(String),
}

/// What calls for an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChecklistWhen {
    /// Phrases of the customer; one is enough.
    #[serde(default)]
    pub words: Vec<String>,
    /// Sentences like these of the customer.
    #[serde(default)]
    pub examples: Vec<String>,
    /// Least similarity to an example (cosine), between 0 and 1.
    #[serde(default = "close")]
    pub threshold: f32,
}

fn close() -> f32 {
    0.6
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChecklistFile {
    #[serde(default)]
    checklists: Vec<Checklist>,
}

/// Reads checklists from a TOML file of `[[checklists]]` with `[[checklists.items]]`.
///
/// # Errors
/// [`ErrorKind::NotFound`] without such a file; [`ErrorKind::Config`] with line and key of the mistake, or for an item
/// that could never be said.
pub fn load_checklists(path: &Path) -> Result<Vec<Checklist>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).or_error(ErrorKind::NotFound, || {
        format!("cannot read the checklists {shown}")
    })?;
    let file: ChecklistFile = toml::from_str(&text)
        .or_error(ErrorKind::Config, || format!("{shown} holds no checklists"))?;
    let mut ids: Vec<&str> = Vec::new();
    for checklist in &file.checklists {
        checklist.check().map_err(|error| error.context(&shown))?;
        if ids.contains(&checklist.id.as_str()) {
            let why = format!("{shown}: there are two checklists {:?}", checklist.id);
            return Err(Error::new(ErrorKind::Config, why));
        }
        ids.push(&checklist.id);
    }
    Ok(file.checklists)
}

impl Checklist {
    /// Whether every item can be said and found.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with what is wrong and where.
    pub fn check(&self) -> Result<()> {
        for (place, item) in self.items.iter().enumerate() {
            let before = self.items.get(..place).unwrap_or_default();
            if let Some(fault) = item.fault(before) {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!("checklist {:?}, item {:?} {fault}", self.id, item.id),
                ));
            }
        }
        Ok(())
    }
}

impl ChecklistItem {
    fn fault(&self, before: &[Self]) -> Option<String> {
        let is_share = |value: f32| (0.0..=1.0).contains(&value);
        let when = self.when.as_ref();
        if before.iter().any(|item| item.id == self.id) {
            Some("is there twice".into())
        } else if self.words.is_empty() && self.examples.is_empty() {
            Some("needs `words` or `examples` by which it is said".into())
        } else if when.is_some_and(|when| when.words.is_empty() && when.examples.is_empty()) {
            Some("needs `words` or `examples` in `when`".into())
        } else if !is_share(self.threshold) || when.is_some_and(|w| !is_share(w.threshold)) {
            Some("needs a threshold between 0 and 1".into())
        } else {
            match &self.by {
                ChecklistDue::After(other) if before.iter().all(|item| item.id != *other) => Some(
                    format!("comes after {other:?}, which is no item before it in the checklist"),
                ),
                _ => None,
            }
        }
    }
}
