//! Values that a playbook needs, and what is accepted as one.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::conversation::AnnotationKind;
use crate::speech::annotate;

/// A value a playbook needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// Machine name. Playbooks share names on purpose: what is known is not asked again.
    pub name: String,
    /// What it is, in plain words.
    pub description: String,
    /// What kind of value it is.
    #[serde(default)]
    pub kind: SlotKind,
    /// Regular expression the whole value must match.
    #[serde(default)]
    pub pattern: Option<String>,
    /// The only values allowed; any where empty.
    #[serde(default)]
    pub values: Vec<String>,
    /// How customers say an allowed value, besides its own words; of a yes or no, `true` and `false`.
    #[serde(default)]
    pub synonyms: BTreeMap<String, Vec<String>>,
    /// How to ask for it.
    pub ask: String,
    /// Words that tell the value apart from others of its kind where it was not asked for ("born" for a date of birth).
    #[serde(default)]
    pub cues: Vec<String>,
    /// Whether only the answer to the question for it counts, since saying it earlier means something else.
    #[serde(default)]
    pub asked_only: bool,
    /// Whether a date lies ahead: "Monday" and "the 12th of December" mean the next one.
    #[serde(default)]
    pub upcoming: bool,
    /// Whether it stays out of briefings and prompts.
    #[serde(default)]
    pub secret: bool,
}

/// What kind of value a [`Slot`] holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotKind {
    /// Words as they were said.
    #[default]
    Text,
    /// A number.
    Number,
    /// A sum of money, kept without its currency.
    Money,
    /// A date, kept as ISO 8601.
    Date,
    /// Yes or no, kept as `true` or `false`.
    YesNo,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A postcode.
    Postcode,
}

impl SlotKind {
    /// What an utterance says of such a value.
    pub(crate) fn annotation(self) -> Option<AnnotationKind> {
        Some(match self {
            Self::Text | Self::YesNo => return None,
            Self::Number => AnnotationKind::Number,
            Self::Money => AnnotationKind::Amount,
            Self::Date => AnnotationKind::Date,
            Self::Email => AnnotationKind::Email,
            Self::Phone => AnnotationKind::Phone,
            Self::Postcode => AnnotationKind::Postcode,
        })
    }
}

impl Slot {
    /// Whether its values are told by their form or by a list, and say nothing of who the customer is: they may be put right
    /// at any time.
    pub(crate) fn is_plain(&self) -> bool {
        let has_form = !self.values.is_empty() || self.kind != SlotKind::Text;
        has_form && self.kind != SlotKind::YesNo && self.pattern.is_none() && !self.secret
    }

    /// The value in the form to keep, if it is valid.
    ///
    /// # Errors
    /// Says in plain words what a valid value is.
    pub fn accept(&self, value: &str) -> std::result::Result<String, String> {
        let value = value.trim();
        if value.is_empty() {
            return Err(format!("{} is empty", self.name));
        }
        if !self.values.is_empty() {
            let same = |said: &&String| said.eq_ignore_ascii_case(value);
            let named = self.values.iter().find(same);
            let meant = || {
                self.synonyms
                    .iter()
                    .find(|(_, ways)| ways.iter().any(|way| same(&way)))
                    .map(|(name, _)| name)
            };
            return named
                .or_else(meant)
                .cloned()
                .ok_or_else(|| format!("{} must be one of {}", self.name, self.values.join(", ")));
        }
        let value = self.typed(value)?;
        let Some(pattern) = &self.pattern else {
            return Ok(value);
        };
        // Spoken ids come with blanks and in any case: "l f 40 21 17".
        let compact: String = value.chars().filter(|c| c.is_alphanumeric()).collect();
        let candidates = [
            value.clone(),
            value.to_uppercase(),
            compact.clone(),
            compact.to_uppercase(),
        ];
        let whole = Regex::new(&format!("^(?:{pattern})$"));
        candidates
            .into_iter()
            .find(|c| whole.as_ref().is_ok_and(|regex| regex.is_match(c)))
            .ok_or_else(|| format!("{value:?} is no {}", self.description))
    }

    /// The value in the form of its kind.
    fn typed(&self, value: &str) -> std::result::Result<String, String> {
        let wrong = |what: &str| format!("{value:?} is no {what}");
        match self.kind {
            SlotKind::Text => Ok(value.to_owned()),
            SlotKind::YesNo => match value.to_lowercase().as_str() {
                "true" | "yes" => Ok("true".into()),
                "false" | "no" => Ok("false".into()),
                _ => Err(wrong("yes or no")),
            },
            SlotKind::Number | SlotKind::Money => {
                let bare = |text: &str| {
                    text.trim_start_matches(['£', '$', '€', ' '])
                        .replace(',', "")
                };
                let plain = bare(value);
                let number = match plain.parse::<f64>() {
                    Ok(number) => Some(number),
                    Err(_) => self
                        .annotated(value)
                        .and_then(|said| said.rsplit(' ').next()?.parse().ok()),
                };
                number
                    .filter(|n| n.is_finite())
                    .map(|n| n.to_string())
                    .ok_or_else(|| wrong("number"))
            }
            SlotKind::Date => {
                let parsed: Option<jiff::civil::Date> = value.parse().ok();
                let date = parsed
                    .map(|date| date.to_string())
                    .or_else(|| self.annotated(value));
                date.ok_or_else(|| wrong("date"))
            }
            SlotKind::Email | SlotKind::Phone | SlotKind::Postcode => self
                .annotated(value)
                .ok_or_else(|| wrong(&self.description)),
        }
    }

    /// What the words hold of the slot's kind.
    fn annotated(&self, value: &str) -> Option<String> {
        let kind = self.kind.annotation()?;
        let mut found = annotate(value, Some("en")).into_iter();
        found.find(|one| one.kind == kind).map(|one| one.value)
    }

    /// A kept value in its type, as conditions and tools see it.
    pub(crate) fn value(&self, kept: &str) -> Value {
        match self.kind {
            // Whole numbers stay whole: tools take order numbers and counts as integers.
            SlotKind::Number if let Ok(whole) = kept.parse::<i64>() => json!(whole),
            SlotKind::Number | SlotKind::Money => kept
                .parse::<f64>()
                .map_or_else(|_| json!(kept), |n| json!(n)),
            SlotKind::YesNo => json!(kept == "true"),
            _ => json!(kept),
        }
    }
}
