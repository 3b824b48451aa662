//! What many conversations tell: topics, irritants, whether problems were solved at the first contact, and what
//! customers, agents' notes and pulse answers say beside each other.
//!
//! Pure aggregation: records are handed in, an [`InsightReport`] comes out. No report tells
//! agents apart, and handle time never stands without resolution or satisfaction. Texts that are
//! shown were redacted before.

mod analyst;
mod contacts;
mod measures;
#[cfg(feature = "plot")]
mod plot;
mod record;
mod report;
mod topics;
mod voices;
mod words;

pub use analyst::{Analyst, InsightOptions};
pub use measures::{GroupBy, GroupMeasures, Measures};
pub use record::{ConversationRecord, Handler, PulseAnswer};
pub use report::InsightReport;
pub use topics::{Irritant, Topic};
pub use voices::{Cases, Voices};

#[cfg(test)]
mod tests;
