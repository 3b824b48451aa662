//! How much effort a contact is for the customer: what they have to say again, and what they tell of earlier contacts,
//! of waiting and of being sent around. Words are English; repeats are found in any language the embedder knows.

use std::sync::LazyLock;

use regex::Regex;

use crate::conversation::{
    Effort, EffortKind, EffortSign, ParticipantId, Role, Utterance, UtteranceId,
};
use crate::embedding::similarity;
use crate::understanding::intent::packed::{pack, unpack};

/// From this similarity on, a customer says the same again.
const SAME: f32 = 0.75;
/// Shorter utterances ("yes please") are alike without being repeats.
const LEAST_WORDS: usize = 5;
/// Utterances that are compared with.
const KEPT: usize = 64;

/// Phrases of each kind. A company's own words ("I will transfer you") are not looked at.
static PHRASES: LazyLock<Vec<(EffortKind, Regex)>> = LazyLock::new(|| {
    let number = r"(?:\d+|two|three|four|five|six|ten|twenty|thirty|forty|fifty|several|many|a few|a couple of|half an?|an?)";
    let contact = r"(?:call|called|calling|ring|rang|ringing|phone|phoned|phoning|contact|contacted|contacting|write|wrote|written|writing|e-?mail|e-?mailed|ask|asked|asking|explain|explained|explaining|chat|chatted|complain|complained)";
    [
        (
            EffortKind::EarlierContact,
            format!(
                r"\b(?:second|third|fourth|fifth|sixth|tenth|\d+(?:nd|rd|th)|umpteenth|last|{number}) times?\b[^.!?]{{0,25}}\b{contact}\b"
            ),
        ),
        (
            EffortKind::EarlierContact,
            format!(r"\b{contact}\b[^.!?,]{{0,20}}\b(?:yesterday|last (?:week|month|night|time)|before|already|again|twice|{number} times)\b"),
        ),
        (
            EffortKind::EarlierContact,
            format!(r"\b(?:already|keep|kept) (?:on )?(?:{contact}|told|spoke|spoken|telling)\b"),
        ),
        (
            EffortKind::EarlierContact,
            format!(r"\bevery time (?:i|we) {contact}\b"),
        ),
        (
            EffortKind::EarlierContact,
            format!(r"\b(?:spoke|spoken|talked|on the phone) (?:to|with) (?:like |about )?{number} (?:different |other )?(?:people|agents|colleagues|persons)\b"),
        ),
        (
            EffortKind::Waiting,
            r"\b(?:been|was|still|am|i'm|kept|left) (?:waiting|on hold|in (?:the|a|your) queue)\b"
                .into(),
        ),
        (
            EffortKind::Waiting,
            format!(r"\b(?:waiting|waited|on hold|queue|queued|held)\b[^.!?]{{0,15}}\b{number} ?(?:minutes?|hours?|days?|weeks?|months?)\b"),
        ),
        (
            EffortKind::Transferred,
            r"\b(?:i|we)\b[^.!?]{0,20}\b(?:been|was|were|got|getting|keep|being) (?:getting |being )?(?:transferred|put through|(?:passed|sent|bounced|shunted)\b[^.!?]{0,12}\b(?:again|around|round|back|on|twice|times|between))\b"
                .into(),
        ),
        (
            EffortKind::Transferred,
            r"\b(?:transferred|passed|sent|bounced) me\b|\bfrom (?:one )?(?:department|person|agent|place|pillar) to\b"
                .into(),
        ),
    ]
    .into_iter()
    .filter_map(|(kind, phrase)| Some((kind, Regex::new(&format!("(?i){phrase}")).ok()?)))
    .collect()
});

/// Follows the effort of the customer in one conversation.
#[derive(Clone, Debug, Default)]
pub struct EffortTracker {
    effort: Effort,
    said: Vec<Said>,
}

/// What is looked at where the customer may say the same again.
#[derive(Clone, Debug)]
struct Said {
    id: UtteranceId,
    participant: ParticipantId,
    /// Packed: a quarter of the memory, which every conversation that waits takes.
    vector: Vec<u8>,
}

impl EffortTracker {
    /// A tracker of a conversation without any effort yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A tracker of a conversation of which the effort so far is known. What was said before is compared with only once
    /// it is told by [`recall`](Self::recall).
    pub fn going_on(effort: Effort) -> Self {
        Self {
            effort,
            said: Vec::new(),
        }
    }

    /// Takes an utterance whose signs are known already, so that later ones are compared with it.
    pub fn recall(&mut self, said: &Utterance, vector: &[f32]) {
        if said.role == Role::EndUser && is_long(said) && !vector.is_empty() {
            if self.said.len() >= KEPT {
                self.said.remove(0);
            }
            self.said.push(Said {
                id: said.id,
                participant: said.participant.clone(),
                vector: pack(vector),
            });
        }
    }

    /// Takes an utterance with its vector (of unit norm; empty where there is none), and tells the signs of effort in
    /// it. Only what a customer says counts.
    pub fn update(&mut self, said: &Utterance, vector: &[f32]) -> Vec<EffortSign> {
        if said.role != Role::EndUser || said.back_channel {
            return Vec::new();
        }
        let mut signs: Vec<EffortSign> = Vec::new();
        for (kind, phrase) in PHRASES.iter() {
            let found = phrase.find(&said.text);
            if let Some(found) = found.filter(|_| signs.iter().all(|sign| sign.kind != *kind)) {
                signs.push(EffortSign::new(*kind, said.id, found.as_str()));
            }
        }
        signs.extend(self.repeat(said, vector));
        self.recall(said, vector);
        self.effort.signs.extend(signs.iter().cloned());
        signs
    }

    /// All effort so far.
    pub fn effort(&self) -> &Effort {
        &self.effort
    }

    fn repeat(&self, said: &Utterance, vector: &[f32]) -> Option<EffortSign> {
        if !is_long(said) {
            return None;
        }
        let alike = self
            .said
            .iter()
            .filter(|earlier| earlier.participant == said.participant)
            .filter(|earlier| earlier.vector.len() == vector.len())
            .map(|earlier| (earlier.id, similarity(&unpack(&earlier.vector), vector)))
            .max_by(|a, b| a.1.total_cmp(&b.1))?;
        if alike.1 < SAME {
            return None;
        }
        Some(EffortSign {
            repeats: Some(alike.0),
            ..EffortSign::new(EffortKind::Repeat, said.id, said.text.trim())
        })
    }
}

fn is_long(said: &Utterance) -> bool {
    said.text.split_whitespace().count() >= LEAST_WORDS
}

#[cfg(test)]
mod tests;
