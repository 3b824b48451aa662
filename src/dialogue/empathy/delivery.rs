//! How a reply is delivered to somebody who is angry, vulnerable or was in danger: by code, over the words that were
//! decided already.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::EmpathyPolicy;
use crate::knowledge::sentences;

/// A manner of delivery, while certain signs hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// The signs that call for it, as in [`EmpathyMoment::when`](super::EmpathyMoment), or `crisis`.
    pub when: Vec<String>,
    /// The signs that end it; it holds for the whole conversation where none is named.
    #[serde(default)]
    pub until: Vec<String>,
    /// So many sentences of an answer or of free words at most. What a procedure has to say is always said.
    #[serde(default)]
    pub sentences: Option<usize>,
    /// Whether nothing is said that nobody needs now: no offer, no "anything else?".
    #[serde(default)]
    pub no_extras: bool,
    /// Whether one thing is asked at a time.
    #[serde(default)]
    pub one_question: bool,
    /// What is said before the first question; once in a conversation.
    #[serde(default)]
    pub leave: String,
}

/// What a piece of a reply is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PieceKind {
    /// Words of a procedure: they stay as they are.
    #[default]
    Procedure,
    /// An answer from an article.
    Answer,
    /// Free words.
    Free,
    /// Something that nobody asked for.
    Extra,
}

/// A piece of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The words.
    pub text: String,
    /// What it is.
    pub kind: PieceKind,
    /// Its place in the reply before anything was done to it.
    pub at: usize,
}

impl Delivery {
    pub(super) fn angry() -> Self {
        Self {
            when: vec!["rising_anger".into()],
            until: vec!["calming".into(), "relief".into(), "satisfaction".into()],
            sentences: Some(2),
            no_extras: true,
            one_question: false,
            leave: String::new(),
        }
    }

    pub(super) fn vulnerable() -> Self {
        Self {
            when: vec!["vulnerability".into(), "crisis".into()],
            until: Vec::new(),
            sentences: Some(2),
            no_extras: true,
            one_question: true,
            leave: "If it is all right with you, I will ask one thing at a time.".into(),
        }
    }
}

impl EmpathyPolicy {
    /// Takes up new signs: what calls for another delivery holds until something ends it.
    pub fn feel(&self, mood: &mut BTreeSet<String>, signs: &[String]) {
        for sign in signs {
            for delivery in &self.deliveries {
                if delivery.until.contains(sign) {
                    mood.retain(|held| !delivery.when.contains(held));
                }
            }
            if self.deliveries.iter().any(|one| one.when.contains(sign)) {
                mood.insert(sign.clone());
            }
        }
    }

    /// A reply as it is delivered in this mood. `said` remembers what is said once; `earlier` is what the virtual agent
    /// said before in this conversation.
    ///
    /// Empty apologies go, and openings that were used before. In a mood that calls for it the reply gets shorter, does
    /// first and asks last, and asks one thing. There is always something left to say.
    pub fn deliver(
        &self,
        mood: &BTreeSet<String>,
        said: &mut BTreeSet<String>,
        earlier: &[&str],
        pieces: Vec<Piece>,
    ) -> Vec<Piece> {
        let whole = pieces.clone();
        let mut pieces: Vec<Piece> = pieces
            .into_iter()
            .map(|piece| self.without_phrases(piece, earlier))
            .filter(|piece| !piece.text.is_empty())
            .collect();
        let in_force: Vec<&Delivery> = self
            .deliveries
            .iter()
            .filter(|one| one.when.iter().any(|sign| mood.contains(sign)))
            .collect();
        if in_force.iter().any(|one| one.no_extras) {
            pieces.retain(|piece| piece.kind != PieceKind::Extra);
        }
        if let Some(most) = in_force.iter().filter_map(|one| one.sentences).min() {
            pieces = pieces
                .into_iter()
                .map(|piece| shorter(piece, most))
                .collect();
        }
        if !in_force.is_empty() {
            // What is asked stands where an answer follows.
            pieces.sort_by_key(asks);
        }
        if in_force.iter().any(|one| one.one_question) {
            let last = pieces.iter().rposition(asks);
            let mut at = 0;
            pieces.retain(|piece| {
                at += 1;
                !asks(piece) || Some(at - 1) == last || piece.kind == PieceKind::Procedure
            });
        }
        let first_question = pieces.iter().position(asks);
        let leave = in_force
            .iter()
            .map(|one| &one.leave)
            .find(|leave| !leave.is_empty() && !said.contains(*leave));
        if let (Some(at), Some(leave)) = (first_question, leave) {
            said.insert(leave.clone());
            if let Some(piece) = pieces.get_mut(at) {
                piece.text = format!("{leave} {}", piece.text);
            }
        }
        match pieces.is_empty() {
            true => whole.into_iter().take(1).collect(),
            false => pieces,
        }
    }

    /// A piece without empty apologies, and without openings that were used before.
    fn without_phrases(&self, piece: Piece, earlier: &[&str]) -> Piece {
        let used = |opening: &String| {
            let mut said = earlier.iter().flat_map(|text| parts(text));
            said.any(|sentence| begins(sentence, opening))
        };
        let goes = |sentence: &str| {
            let plain = plain(sentence);
            let is_empty = self.never.iter().any(|phrase| plain == self::plain(phrase));
            let repeats = || {
                let opening = self.once.iter().find(|opening| begins(sentence, opening));
                opening.is_some_and(used)
            };
            is_empty || repeats()
        };
        let all = parts(&piece.text);
        if !all.iter().any(|sentence| goes(sentence)) {
            return piece;
        }
        let kept: Vec<&str> = all.into_iter().filter(|sentence| !goes(sentence)).collect();
        Piece {
            text: kept.join(" "),
            ..piece
        }
    }
}

fn asks(piece: &Piece) -> bool {
    piece.text.trim_end().ends_with('?')
}

/// The first sentences of a piece that may be shortened.
fn shorter(piece: Piece, most: usize) -> Piece {
    if piece.kind == PieceKind::Procedure {
        return piece;
    }
    let all = parts(&piece.text);
    if all.len() <= most {
        return piece;
    }
    let text = all
        .into_iter()
        .take(most.max(1))
        .collect::<Vec<_>>()
        .join(" ");
    Piece { text, ..piece }
}

/// The sentences of a text, with whatever stands behind the last full stop.
fn parts(text: &str) -> Vec<&str> {
    let mut ranges = sentences(text);
    if let Some(last) = ranges.last_mut() {
        last.end = text.len();
    }
    let parts = ranges.into_iter().filter_map(|range| text.get(range));
    parts
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

/// Letters only, since punctuation and case make no other phrase.
fn plain(text: &str) -> String {
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").to_lowercase()
}

fn begins(sentence: &str, opening: &str) -> bool {
    let (sentence, opening) = (plain(sentence), plain(opening));
    let rest = sentence.strip_prefix(opening.as_str());
    !opening.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(pieces: &[(&str, PieceKind)]) -> Vec<Piece> {
        let numbered = pieces.iter().enumerate();
        numbered
            .map(|(at, (text, kind))| Piece {
                text: (*text).to_owned(),
                kind: *kind,
                at,
            })
            .collect()
    }

    fn words(pieces: &[Piece]) -> Vec<&str> {
        pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    fn mood(signs: &[&str]) -> BTreeSet<String> {
        let mut mood = BTreeSet::new();
        let signs: Vec<String> = signs.iter().map(|&sign| sign.to_owned()).collect();
        EmpathyPolicy::default().feel(&mut mood, &signs);
        mood
    }

    #[test]
    fn an_angry_customer_gets_fewer_words_and_no_extras_until_they_are_calm() {
        let policy = EmpathyPolicy::default();
        let pieces = || {
            reply(&[
                ("May I have your number?", PieceKind::Procedure),
                ("One. Two. Three. Four.", PieceKind::Answer),
                (
                    "Step one is this. Step two is that. And three.",
                    PieceKind::Procedure,
                ),
                ("Anything else?", PieceKind::Extra),
            ])
        };
        let calm = policy.deliver(&mood(&[]), &mut BTreeSet::new(), &[], pieces());
        assert_eq!(calm, pieces(), "nothing is done where nothing was felt");
        let angry = policy.deliver(
            &mood(&["rising_anger"]),
            &mut BTreeSet::new(),
            &[],
            pieces(),
        );
        assert_eq!(
            words(&angry),
            [
                "One. Two.",
                "Step one is this. Step two is that. And three.",
                "May I have your number?"
            ],
            "first what is done and said, then what is asked; procedures in full"
        );
        assert_eq!(
            angry.iter().map(|piece| piece.at).collect::<Vec<_>>(),
            [1, 2, 0]
        );
        assert_eq!(mood(&["rising_anger", "calming"]), BTreeSet::new());
        assert_eq!(mood(&["waiting"]), BTreeSet::new());
    }

    #[test]
    fn somebody_vulnerable_is_asked_one_thing_and_told_so_once() {
        let policy = EmpathyPolicy::default();
        let mut said = BTreeSet::new();
        let pieces = || {
            reply(&[
                ("Shall I tell you more?", PieceKind::Free),
                ("When were you born?", PieceKind::Procedure),
            ])
        };
        let mood = mood(&["crisis", "relief"]);
        let first = policy.deliver(&mood, &mut said, &[], pieces());
        let [question] = &words(&first)[..] else {
            panic!("{first:?}");
        };
        assert!(
            question.ends_with("one thing at a time. When were you born?"),
            "{question}"
        );
        let second = policy.deliver(&mood, &mut said, &[], pieces());
        assert_eq!(words(&second), ["When were you born?"]);
    }

    #[test]
    fn empty_apologies_go_and_an_opening_is_used_once() {
        let policy = EmpathyPolicy::default();
        let deliver = |earlier: &[&str], text: &str| {
            let pieces = reply(&[(text, PieceKind::Free)]);
            let shown = policy.deliver(&BTreeSet::new(), &mut BTreeSet::new(), earlier, pieces);
            words(&shown).join("|")
        };
        let text = "We apologise for any inconvenience. It comes on Monday.";
        assert_eq!(deliver(&[], text), "It comes on Monday.");
        let text = "I am sorry to hear that. It comes on Monday.";
        assert_eq!(deliver(&[], text), text);
        let before = ["I am sorry to hear that you leave. Why?"];
        assert_eq!(deliver(&before, text), "It comes on Monday.");
        let alone = "We apologise for any inconvenience.";
        assert_eq!(deliver(&[], alone), alone, "something is always said");
        let text = "I am sorry, that does not match.";
        assert_eq!(deliver(&["I am sorry, that does not match."], text), text);
    }
}
