//! What the human agent is shown while the conversation goes on.

mod coaching;
mod knowledge;
mod reply;

pub use coaching::{Coach, CoachingRule, CoachingState, load_coaching_rules};
pub use knowledge::{ArticleFinder, FoundPassage};
pub(crate) use reply::quoted_reply;
pub use reply::{ReplyContext, ReplyWriter};
