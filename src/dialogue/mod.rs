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
};
pub use reader::{Courtesy, Reader, Reading};
pub use state::{
    DialogueState, ForeseenNeed, Moment, PendingApproval, apply, approve, strategy_told, tool_ended,
};
#[cfg(all(test, feature = "mcp"))]
pub(crate) use tool::mcp_backend;
pub use tool::{Action, ActionLedger, FnTool, Tool, ToolCall, ToolEffect, ToolSpec, Tools};
#[cfg(feature = "mcp")]
pub use tool::{McpCommand, McpOptions, McpTools};
