//! The note about a conversation: facts from code, judgement from the model, evidence for both.

mod evidence;
mod facts;
mod note;
mod options;
mod quoted;
mod sections;
mod support;
mod views;
mod wrap_up;

pub use facts::find_facts;
pub use note::Summarizer;
pub use options::{NoteOptions, SummaryOptions, load_note_options};
pub use sections::CustomSection;
pub use support::{Support, SupportChecker};
pub use views::{Promise, Recap, Transfer, promises};
pub use wrap_up::{Calibration, WrapUpChooser, load_wrap_up_codes};
