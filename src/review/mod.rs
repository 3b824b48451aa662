//! Quality review: an evaluation form as data, filled in with evidence, the same for people and virtual agents.
//!
//! What the conversation does not show stays [`ReviewValue::NotSeen`]; it is never guessed. A person may overrule every
//! answer, and what stood there before is kept. [`code_listening`] counts what a listener does, after MITI 4.

mod filled;
mod form;
mod judge;
mod listening;
mod reviewer;

pub use filled::{FilledReview, ReviewAnswer, ReviewOverride, ReviewScore, ReviewValue};
pub use form::{Judge, ReviewForm, ReviewQuestion, ReviewScale, ReviewSignal, Speaker};
pub use form::{load_review_form, load_review_forms};
pub use listening::{
    CodedUtterance, ListeningCode, ListeningCoder, ListeningReport, code_listening,
};
pub use reviewer::Reviewer;

#[cfg(test)]
mod tests;
