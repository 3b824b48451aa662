//! What a human agent was shown, and what they made of it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::conversation::ArticleId;
use crate::error::{Error, ErrorKind, Result};
use crate::knowledge::ArticleFeedback;

/// A next best action that was shown, for what is learned from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ShownAction {
    /// `playbook/step`, or what else it is called.
    pub(super) action: String,
    /// In what it was shown.
    pub(super) context: Vec<f32>,
    /// What was made of it follows from the marks behind it.
    #[serde(skip)]
    pub(super) made: Made,
}

/// What the agent made of an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Made {
    /// Nothing that says whether it was right.
    #[default]
    Nothing,
    /// Taken up; it is learned from at the end.
    Taken,
    /// Put aside, and learned from.
    PutAside,
}

/// What a suggestion was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Card<'a> {
    Article(&'a ArticleId),
    Action(&'a ShownAction),
    /// A reply, values for a form, a cue: what was made of it is kept, and nothing is learned.
    Other,
}

/// All suggestions of a conversation, by their ids.
#[derive(Debug, Default)]
pub(super) struct Shown {
    articles: HashMap<String, ArticleId>,
    actions: HashMap<String, ShownAction>,
    /// Only their ids, and those short: conversations wait most of the time.
    others: Vec<Uuid>,
}

impl Shown {
    pub(super) fn article(&mut self, suggestion: String, article: ArticleId) {
        self.articles.insert(suggestion, article);
    }

    pub(super) fn action(&mut self, suggestion: String, action: ShownAction) {
        self.actions.insert(suggestion, action);
    }

    /// Whether it was not known before.
    pub(super) fn other(&mut self, suggestion: &str) -> bool {
        let id = Uuid::parse_str(suggestion).ok();
        let fresh = id.filter(|id| !self.others.contains(id));
        self.others.extend(fresh);
        fresh.is_some()
    }

    /// What a suggestion was.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where there was none of this id.
    pub(super) fn card(&self, suggestion: &str) -> Result<Card<'_>> {
        let article = self.articles.get(suggestion).map(Card::Article);
        let action = || self.actions.get(suggestion).map(Card::Action);
        let other = || {
            let id = Uuid::parse_str(suggestion).ok()?;
            self.others.contains(&id).then_some(Card::Other)
        };
        article.or_else(action).or_else(other).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "nothing was suggested as {suggestion:?} in this conversation; give the id of the suggestion"
                ),
            )
        })
    }

    /// Takes what was made of an action. One that was put aside is given back the first time, to be learned from.
    pub(super) fn judge(
        &mut self,
        suggestion: &str,
        given: ArticleFeedback,
    ) -> Option<&ShownAction> {
        let shown = self.actions.get_mut(suggestion)?;
        match (is_taken(given)?, shown.made) {
            (true, Made::Nothing) => {
                shown.made = Made::Taken;
                None
            }
            (false, Made::Nothing | Made::Taken) => {
                shown.made = Made::PutAside;
                Some(shown)
            }
            _ => None,
        }
    }

    /// The actions that were taken up.
    pub(super) fn taken(&self) -> Vec<ShownAction> {
        let taken = |shown: &&ShownAction| shown.made == Made::Taken;
        self.actions.values().filter(taken).cloned().collect()
    }
}

/// Whether something was taken up; `None` where that is not said.
pub(super) fn is_taken(given: ArticleFeedback) -> Option<bool> {
    match given {
        ArticleFeedback::Used | ArticleFeedback::Edited => Some(true),
        ArticleFeedback::Dismissed => Some(false),
        ArticleFeedback::Opened => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_of_an_action_counts_once() {
        let mut shown = Shown::default();
        let action = ShownAction {
            action: "twice/refund".into(),
            context: vec![1.0],
            made: Made::Nothing,
        };
        shown.action("c1".into(), action.clone());
        shown.action("c2".into(), action);
        assert_eq!(shown.judge("c1", ArticleFeedback::Opened), None);
        assert!(shown.taken().is_empty());
        assert_eq!(shown.judge("c1", ArticleFeedback::Edited), None);
        assert_eq!(shown.taken().len(), 1);
        assert!(shown.judge("c2", ArticleFeedback::Dismissed).is_some());
        assert_eq!(shown.judge("c2", ArticleFeedback::Dismissed), None);
        assert_eq!(shown.judge("c2", ArticleFeedback::Used), None);
        assert_eq!(shown.taken().len(), 1, "it was learned from already");
    }

    #[test]
    fn a_suggestion_is_known_by_its_id_whatever_it_was() {
        let mut shown = Shown::default();
        let reply = Uuid::now_v7().to_string();
        assert!(shown.other(&reply));
        assert!(!shown.other(&reply), "a reply is shown as it begins, too");
        shown.article("c1".into(), "refunds".into());
        assert_eq!(shown.card(&reply).unwrap(), Card::Other);
        assert_eq!(shown.card("c1").unwrap(), Card::Article(&"refunds".into()));
        let unknown = shown.card("nonsense").unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::InvalidInput);
    }
}
