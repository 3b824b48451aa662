//! Playbooks, the planner that proposes, the pure function that disposes, and the next best action.

mod command;
mod empathy;
mod facts;
pub mod flow;
mod handoff;
pub mod journey;
pub mod learning;
mod next_action;
mod offer;
mod planner;
mod playbook;
mod reader;
mod state;
pub mod strategy;
mod tool;

pub use command::{Command, Effect, Rejection};
pub(crate) use empathy::CRISIS;
pub use empathy::{Delivery, EmpathyMoment, EmpathyPolicy, Piece, PieceKind, load_empathy_policy};
pub use handoff::{
    HandoffAlternative, HandoffAttempt, HandoffOutcome, HandoffPolicy, HandoffQueue, HandoffStage,
    HandoffStep, HandoffWords, Transfer, load_handoff_policy, may_hand_off, set_aside,
    what_is_known,
};
pub use next_action::{ActionRanker, PlaybookMatch};
pub use offer::{Offer, OfferMoment, OfferPolicy, load_offer_policy};
pub use planner::{Plan, Planner};
pub(crate) use playbook::{
    BEGAN, Began, Old, TEXT, Text, began_record, overlaid, record_id, text_record,
};
pub use playbook::{
    Check, Otherwise, Pin, Playbook, Redo, Slot, SlotKind, Step, StepKind, load_playbooks,
    playbooks_from_guide,
};
pub use reader::{Choice, Courtesy, Reader, Reading};
pub use state::{
    DialogueState, ForeseenNeed, Moment, PendingApproval, Topic, apply, approve, followed,
    strategy_told, tool_ended,
};
#[cfg(all(test, feature = "mcp"))]
pub(crate) use tool::mcp_backend;
pub use tool::{Action, ActionLedger, FnTool, Tool, ToolCall, ToolEffect, ToolSpec, Tools};
#[cfg(feature = "mcp")]
pub use tool::{McpCommand, McpOptions, McpTools};
