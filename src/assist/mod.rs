//! What the human agent is shown while the conversation goes on.

mod cards;
mod coaching;
mod knowledge;
mod reply;

pub use cards::{CardDesk, CardOptions};
pub use coaching::{Coach, CoachingRule, CoachingState, load_coaching_rules};
pub(crate) use knowledge::asks_something;
pub use knowledge::{ArticleFinder, FoundPassage};
pub use reply::{ReplyContext, ReplyWriter};
pub(crate) use reply::{quoted_reply, turned_round};
