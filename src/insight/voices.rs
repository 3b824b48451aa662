//! Conversations, agents' notes and pulse answers side by side: where they agree, and where they do not.

use serde::{Deserialize, Serialize};

use super::measures::{Seen, mean, share};
use super::words::{Lexicon, complains, says_solved};
use crate::conversation::ConversationId;
use crate::guard::Redactor;

/// Comments and cases that are shown.
const SHOWN: usize = 5;
/// A pulse answer up to this is a bad one, from that on a good one.
const BAD: u8 = 2;
const GOOD: u8 = 4;

/// Conversations of one kind: how many, and the first of them to look at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Cases {
    /// How many.
    pub count: usize,
    /// Some of them.
    pub examples: Vec<ConversationId>,
}

impl Cases {
    fn of<'a>(seen: &[Seen<'a>], is_case: impl Fn(&Seen<'a>) -> bool) -> Self {
        let cases: Vec<&Seen<'a>> = seen.iter().filter(|s| is_case(s)).collect();
        let shown = cases.iter().take(SHOWN);
        Self {
            count: cases.len(),
            examples: shown.map(|s| s.record.conversation.id.clone()).collect(),
        }
    }
}

/// What three sources say about one topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Voices {
    /// Name of the topic; `None` for all conversations.
    pub topic: Option<String>,
    /// Conversations.
    pub conversations: usize,
    /// The conversations: share with a complaint of the customer, 0 to 1.
    pub complaining: Option<f32>,
    /// The notes: conversations that have one.
    pub noted: usize,
    /// The notes: share of those that mention a complaint, 0 to 1.
    pub notes_complaining: Option<f32>,
    /// The notes: their most typical words.
    pub note_words: Vec<String>,
    /// The pulse: answers.
    pub pulse_answers: usize,
    /// The pulse: mean, 1 to 5.
    pub pulse: Option<f32>,
    /// The pulse: comments, the worst answers first, redacted.
    pub comments: Vec<String>,
    /// Customers complained, and no note says so.
    pub unnoted_complaints: Cases,
    /// A note says that it is solved, and the customer came back.
    pub noted_solved_came_back: Cases,
    /// No complaint was heard, and the pulse is bad (1 or 2).
    pub silent_dissatisfaction: Cases,
    /// There was a complaint, and the pulse is good (4 or 5): what was done well.
    pub recovered: Cases,
}

impl Voices {
    pub(super) fn of(topic: Option<String>, seen: &[Seen<'_>]) -> Self {
        let noted: Vec<&Seen<'_>> = seen.iter().filter(|s| has_note(s)).collect();
        let complains_too: Vec<bool> = noted.iter().map(|s| note_complains(s)).collect();
        let complaining: Vec<bool> = seen.iter().map(|s| s.complains).collect();
        let mut redactor = Redactor::default();
        let mut redact = |text: &String| redactor.redact(text);
        let notes = noted.iter().flat_map(|s| s.record.notes.iter());
        let notes: Vec<String> = notes.map(&mut redact).collect();
        let everything: Vec<usize> = (0..notes.len()).collect();
        let answers = || seen.iter().flat_map(|s| s.record.pulse.iter());
        let scores: Vec<f32> = answers().map(|p| f32::from(p.score)).collect();
        let mut comments: Vec<(u8, &String)> = answers()
            .filter_map(|p| Some((p.score, p.comment.as_ref()?)))
            .filter(|(_, comment)| !comment.trim().is_empty())
            .collect();
        comments.sort_by_key(|(score, _)| *score);
        let comments = comments.into_iter().take(SHOWN);
        Self {
            topic,
            conversations: seen.len(),
            complaining: share(&complaining),
            noted: noted.len(),
            notes_complaining: share(&complains_too),
            note_words: Lexicon::new(&notes).typical(&everything),
            pulse_answers: scores.len(),
            pulse: mean(&scores),
            comments: comments.map(|(_, comment)| redact(comment)).collect(),
            unnoted_complaints: Cases::of(seen, |s| {
                s.complains && has_note(s) && !note_complains(s)
            }),
            noted_solved_came_back: Cases::of(seen, |s| {
                s.resolved == Some(false) && s.record.notes.iter().any(|note| says_solved(note))
            }),
            silent_dissatisfaction: Cases::of(seen, |s| {
                !s.complains && s.record.pulse.iter().any(|p| p.score <= BAD)
            }),
            recovered: Cases::of(seen, |s| {
                s.complains && s.record.pulse.iter().any(|p| p.score >= GOOD)
            }),
        }
    }
}

fn has_note(seen: &Seen<'_>) -> bool {
    seen.record.notes.iter().any(|note| !note.trim().is_empty())
}

/// Notes name complaints in their own way: "customer upset", "complained about".
fn note_complains(seen: &Seen<'_>) -> bool {
    let names = [
        "complain",
        "upset",
        "angry",
        "annoy",
        "frustrat",
        "unhappy",
        "dissatisf",
        "escalat",
    ];
    seen.record.notes.iter().any(|note| {
        let lower = note.to_lowercase();
        complains(note) || names.iter().any(|name| lower.contains(name))
    })
}
