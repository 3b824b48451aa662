//! Playbooks, the planner that proposes, the pure function that disposes, and the next best action.

mod command;
pub mod flow;
mod next_action;
mod planner;
mod playbook;
mod state;

pub use command::{Command, Effect, Rejection};
pub use next_action::{ActionRanker, PlaybookMatch};
pub use planner::{Plan, Planner};
pub use playbook::{Playbook, Slot, Step, StepKind, load_playbooks};
pub use state::{DialogueState, apply};
