//! Playbooks, the planner that proposes, the pure function that disposes, and the next best action.

mod command;
mod empathy;
mod facts;
pub mod flow;
pub mod journey;
pub mod learning;
mod next_action;
mod planner;
mod playbook;
mod reader;
mod state;
pub mod strategy;
mod tool;

pub use command::{Command, Effect, Rejection};
pub use empathy::{EmpathyMoment, EmpathyPolicy, load_empathy_policy};
pub use next_action::{ActionRanker, PlaybookMatch};
pub use planner::{Plan, Planner};
pub use playbook::{
    Check, Otherwise, Playbook, Redo, Slot, SlotKind, Step, StepKind, load_playbooks,
    playbooks_from_guide,
};
pub use reader::{Courtesy, Reader, Reading};
pub use state::{DialogueState, Moment, PendingApproval, Topic, apply, approve, tool_ended};
pub use tool::{Action, ActionLedger, FnTool, Tool, ToolCall, ToolEffect, ToolSpec, Tools};
