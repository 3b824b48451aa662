//! The note about a conversation: facts from code, judgement from the model, evidence for both.

mod evidence;
mod facts;
mod note;
mod support;
mod wrap_up;

pub use facts::find_facts;
pub use note::{Summarizer, SummaryOptions};
pub use support::{Support, SupportChecker};
pub use wrap_up::{WrapUpChooser, load_wrap_up_codes};
