//! Which articles are on the human agent's screen: few, each once, and others only when the need is another.

use std::collections::VecDeque;

use super::FoundPassage;
use crate::conversation::{ArticleId, Suggestion, UtteranceId};

/// How much may be on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CardOptions {
    /// Articles on the screen at most; the oldest leaves for a new one.
    pub most: usize,
    /// An article that left may come back after so many utterances.
    pub cool_down: u32,
}

impl Default for CardOptions {
    fn default() -> Self {
        Self {
            most: 3,
            cool_down: 12,
        }
    }
}

/// What changes on the screen.
#[derive(Clone, Debug, Default)]
pub struct CardChange {
    /// New, best first: the articles, and the suggestions that they are.
    pub shown: Vec<(ArticleId, Suggestion)>,
    /// The suggestions that are gone, to make room.
    pub left: Vec<String>,
}

/// The articles on the screen of one conversation.
#[derive(Clone, Debug, Default)]
pub struct CardDesk {
    options: CardOptions,
    /// On the screen, the oldest first: the suggestions, and their articles. One that comes back is another suggestion.
    open: VecDeque<(String, ArticleId)>,
    /// What left, and when.
    gone: Vec<(ArticleId, UtteranceId)>,
    /// What the agent put aside: not shown again in this conversation.
    dismissed: Vec<ArticleId>,
}

impl CardDesk {
    /// An empty screen.
    pub fn new(options: CardOptions) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    /// What to show of the passages `found` for an utterance. Nothing while the best of them is on the
    /// screen, what was put aside left out: the need is the same, and whoever reads is not to be disturbed.
    pub fn offer(&mut self, found: &[FoundPassage], now: UtteranceId) -> CardChange {
        let article = |passage: &FoundPassage| passage.found.hit.passage.article.clone();
        let best = found
            .iter()
            .map(article)
            .find(|article| !self.dismissed.contains(article));
        if best.is_none_or(|best| self.is_open(&best)) {
            return CardChange::default();
        }
        let mut change = CardChange::default();
        for passage in found.iter().take(self.options.most) {
            let article = article(passage);
            if self.is_open(&article) || !self.may_show(&article, now) {
                continue;
            }
            let card = passage.clone().into_suggestion();
            self.open.push_back((card.id.clone(), article.clone()));
            change.shown.push((article, card));
        }
        change.left = self.make_room(now);
        change
    }

    /// Takes up an article that was shown for an utterance, by its suggestion, as after a restart.
    pub fn take_up(&mut self, shown: (String, ArticleId), now: UtteranceId) {
        self.open.push_back(shown);
        self.make_room(now);
    }

    /// The suggestions that leave.
    fn make_room(&mut self, now: UtteranceId) -> Vec<String> {
        let mut left = Vec::new();
        while self.open.len() > self.options.most {
            if let Some((card, article)) = self.open.pop_front() {
                left.push(card);
                self.leave(article, now);
            }
        }
        left
    }

    /// The agent put an article aside.
    pub fn dismiss(&mut self, article: &ArticleId) {
        self.open.retain(|(_, open)| open != article);
        if !self.dismissed.contains(article) {
            self.dismissed.push(article.clone());
        }
    }

    fn is_open(&self, article: &ArticleId) -> bool {
        self.open.iter().any(|(_, open)| open == article)
    }

    fn may_show(&self, article: &ArticleId, now: UtteranceId) -> bool {
        let left = self.gone.iter().rfind(|(gone, _)| gone == article);
        let rested =
            left.is_none_or(|(_, at)| now.0.saturating_sub(at.0) >= self.options.cool_down);
        rested && !self.dismissed.contains(article)
    }

    fn leave(&mut self, article: ArticleId, now: UtteranceId) {
        self.gone.retain(|(gone, _)| *gone != article);
        self.gone.push((article, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Citation, Evidence};
    use crate::knowledge::{ArticleMatch, Audience, Hit, Passage};

    fn found(name: &str) -> FoundPassage {
        let passage = Passage {
            id: format!("{name}#1").into(),
            article: name.into(),
            title: name.into(),
            headings: Vec::new(),
            tenant: "acme".into(),
            language: "en".into(),
            audience: Audience::Customer,
            valid_from: None,
            valid_to: None,
            products: Vec::new(),
            text: "Some text.".into(),
            content_hash: String::new(),
        };
        let hit = Hit {
            passage,
            score: 0.1,
            similarity: 0.5,
        };
        let citation = Citation {
            article: name.into(),
            title: name.into(),
            passage: format!("{name}#1").into(),
            version: String::new(),
            quote: "Some text.".into(),
            lead: None,
            start: 0,
            end: 10,
        };
        FoundPassage {
            found: ArticleMatch {
                hit,
                citation,
                facts: Vec::new(),
                confidence: 0.8,
            },
            asked: Evidence::Utterance(UtteranceId(1)),
        }
    }

    fn offer(desk: &mut CardDesk, names: &[&str], now: u32) -> Vec<String> {
        let passages: Vec<FoundPassage> = names.iter().map(|name| found(name)).collect();
        let change = desk.offer(&passages, UtteranceId(now));
        change
            .shown
            .iter()
            .map(|(article, _)| article.to_string())
            .collect()
    }

    fn shown(change: &CardChange) -> Vec<(&str, &str)> {
        let shown = change.shown.iter();
        shown
            .map(|(article, card)| (article.as_str(), card.id.as_str()))
            .collect()
    }

    #[test]
    fn an_article_stays_while_the_need_does_and_comes_back_after_a_while() {
        let mut desk = CardDesk::new(CardOptions {
            most: 2,
            cool_down: 5,
        });
        let first = desk.offer(&[found("a"), found("b")], UtteranceId(1));
        let [("a", first_a), ("b", _)] = shown(&first)[..] else {
            panic!("{first:?}");
        };
        // The same need, though the runner-up is another.
        assert!(offer(&mut desk, &["a", "c"], 2).is_empty());
        let change = desk.offer(&[found("c"), found("b")], UtteranceId(3));
        assert_eq!(change.left, [first_a]);
        assert_eq!(change.shown[0].0.as_str(), "c");
        // Its place was taken a moment ago.
        assert!(offer(&mut desk, &["a"], 4).is_empty());
        let back = desk.offer(&[found("a")], UtteranceId(8));
        let [("a", second_a)] = shown(&back)[..] else {
            panic!("{back:?}");
        };
        assert_ne!(first_a, second_a);
        assert!(offer(&mut desk, &[], 9).is_empty());
        // The one that leaves is the one that is there.
        assert!(desk.offer(&[found("d")], UtteranceId(10)).left.len() == 1);
        let change = desk.offer(&[found("e")], UtteranceId(11));
        assert_eq!(change.left, [second_a]);
    }

    #[test]
    fn what_was_shown_is_taken_up_after_a_restart() {
        let options = CardOptions {
            most: 2,
            cool_down: 5,
        };
        let mut desk = CardDesk::new(options);
        for (card, article, now) in [("c1", "a", 1), ("c2", "b", 1), ("c3", "c", 3)] {
            desk.take_up((card.into(), article.into()), UtteranceId(now));
        }
        assert!(offer(&mut desk, &["b"], 4).is_empty());
        assert!(
            offer(&mut desk, &["a"], 4).is_empty(),
            "it left for another"
        );
        let change = desk.offer(&[found("d")], UtteranceId(5));
        assert_eq!(change.left, ["c2"]);
    }

    #[test]
    fn what_was_put_aside_stays_away() {
        let mut desk = CardDesk::default();
        assert_eq!(offer(&mut desk, &["a"], 1), ["a"]);
        desk.dismiss(&"a".into());
        assert!(offer(&mut desk, &["a"], 90).is_empty());
        assert_eq!(offer(&mut desk, &["a", "b"], 91), ["b"]);
        // The need is still the same, though its best article was put aside.
        assert!(offer(&mut desk, &["a", "b", "c"], 92).is_empty());
        assert_eq!(offer(&mut desk, &["a", "c", "b"], 93), ["c"]);
    }
}
