//! What the human agent is shown while the conversation goes on.

mod cards;
mod checklist;
mod coaching;
mod knowledge;
mod likeness;
mod phrases;
mod reply;
mod reply_context;

pub use cards::{CardChange, CardDesk, CardOptions};
pub use checklist::{
    Checklist, ChecklistDue, ChecklistItem, ChecklistWhen, Checklists, load_checklists,
};
pub(crate) use coaching::Replay;
pub use coaching::{
    Coach, Coaching, CoachingEmotion, CoachingMoment, CoachingRule, CoachingSignals, CoachingState,
    Condition, EmotionCondition, LikenessCondition, MissingStep, ModelAsker, ModelQuestion,
    ReplayConversation, ReplayExample, ReplayReport, RuleReplay, SignalsCondition, WordsCondition,
    load_coaching_rules,
};
pub(crate) use knowledge::asks_something;
pub use knowledge::{ArticleFinder, FoundPassage};
pub use reply::ReplyWriter;
pub(crate) use reply::{quoted_reply, turned_round};
pub use reply_context::ReplyContext;
