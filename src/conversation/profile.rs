//! What is known of the customer before the first word.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the host knows of a customer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CustomerProfile {
    /// The host's id of the customer.
    pub id: String,
    /// The name to use.
    pub display_name: Option<String>,
    /// Facts from the host's systems (product, tariff, tenure, …), as text.
    pub attributes: BTreeMap<String, String>,
    /// Digest of earlier conversations, newest last.
    pub history: Vec<String>,
}

/// Something that happened outside the conversation (order placed, outage, page visited, promise due).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct JourneyEvent {
    /// What happened, e.g. `order_placed`.
    pub kind: String,
    /// In one sentence.
    pub description: String,
    /// When.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: jiff::Timestamp,
    /// The particulars, e.g. `order`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl JourneyEvent {
    /// An event without particulars.
    pub fn new(
        kind: impl Into<String>,
        description: impl Into<String>,
        at: jiff::Timestamp,
    ) -> Self {
        Self {
            kind: kind.into(),
            description: description.into(),
            at,
            attributes: BTreeMap::new(),
        }
    }

    /// With a particular.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}
