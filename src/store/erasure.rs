//! What a store says about what it has erased.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Proof of an erasure for an audit log: counts and the time, nothing that was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ErasureReceipt {
    /// Identity of the receipt.
    #[schemars(with = "String", extend("format" = "uuid"))]
    pub id: uuid::Uuid,
    /// Streams that are gone.
    pub streams: u64,
    /// Records that are gone with them.
    pub records: u64,
    /// When it was done.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
}

impl ErasureReceipt {
    /// A receipt of now.
    pub fn new(streams: u64, records: u64) -> Self {
        Self {
            id: uuid::Uuid::now_v7(),
            streams,
            records,
            at: Timestamp::now(),
        }
    }

    /// Counts what another receipt tells as well, and takes its time.
    pub fn add(&mut self, other: &Self) {
        self.streams += other.streams;
        self.records += other.records;
        self.at = self.at.max(other.at);
    }
}
