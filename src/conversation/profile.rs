//! What is known of the customer before the first word.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the host knows of a customer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JourneyEvent {
    /// What happened, e.g. `order_placed`.
    pub kind: String,
    /// In one sentence.
    pub description: String,
    /// When.
    pub at: jiff::Timestamp,
}
