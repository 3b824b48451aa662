//! What calls for a cue, as data.

use serde::{Deserialize, Serialize};

use crate::conversation::EmotionKind;

/// When a cue is called for. In a file: `condition = { all = [ { words = { any = ["cancel"] } }, … ] }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Condition {
    /// All of these hold.
    All(Vec<Condition>),
    /// At least one of these holds.
    Any(Vec<Condition>),
    /// Somebody says these words.
    Words(WordsCondition),
    /// Somebody says something close to the examples.
    Likeness(LikenessCondition),
    /// How it is said: overlap, silence, rate.
    Signals(SignalsCondition),
    /// What the speaker feels.
    Emotion(EmotionCondition),
    /// What the agent has not said in time.
    MissingStep(MissingStep),
    /// What a language model is asked; the cue comes a moment later, and never without such a model.
    ModelQuestion(ModelQuestion),
}

/// Words and phrases, whole words, in any case. Where both lists are given, both must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WordsCondition {
    /// One of these is enough.
    pub any: Vec<String>,
    /// All of these are needed, in any order.
    pub all: Vec<String>,
}

/// A sentence of the utterance is close to an example, and closer than to any counter-example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LikenessCondition {
    /// Sentences that call for the cue.
    pub examples: Vec<String>,
    /// Sentences on the same topics that do not.
    #[serde(default)]
    pub counter_examples: Vec<String>,
    /// Least similarity to an example (cosine), between 0 and 1.
    pub threshold: f32,
}

/// How an utterance is said. All that is given must hold; what is not known does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignalsCondition {
    /// The speaker speaks over somebody for at least so many milliseconds.
    pub overlap_ms: Option<u64>,
    /// Nobody spoke for at least so many milliseconds before.
    pub silence_ms: Option<u64>,
    /// The speaker is at least so much faster than usual for them: 0.25 is a quarter.
    pub rate_above: Option<f32>,
    /// The speaker is at least so much slower than usual for them: 0.25 is a quarter.
    pub rate_below: Option<f32>,
}

/// What the speaker of an utterance feels. All that is given must hold; what is not known does not hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmotionCondition {
    /// One of these feelings, by the names that the host or the emotion model uses (`anger`, `confusion`).
    pub kinds: Vec<String>,
    /// Least probability of one of `kinds`, between 0 and 1.
    pub at_least: f32,
    /// One of these changes, as the utterance brings it: anger that rises, not anger that lasts.
    pub changes: Vec<EmotionKind>,
    /// Valence at or below this, from -1 (bad) to 1 (good).
    pub valence_below: Option<f32>,
    /// Valence at or above this, from -1 (bad) to 1 (good).
    pub valence_above: Option<f32>,
}

impl Default for EmotionCondition {
    fn default() -> Self {
        Self {
            kinds: Vec::new(),
            at_least: 0.5,
            changes: Vec::new(),
            valence_below: None,
            valence_above: None,
        }
    }
}

/// Something that the agent has not said by a turn, or when the conversation comes to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingStep {
    /// Phrases by which it is said; one is enough.
    #[serde(default)]
    pub words: Vec<String>,
    /// Sentences that say it; a sentence close to one of them is enough.
    #[serde(default)]
    pub examples: Vec<String>,
    /// Least similarity to an example (cosine), between 0 and 1.
    #[serde(default = "close")]
    pub threshold: f32,
    /// From this turn on it is missed, counted from 1 over both sides. Without it: as soon as somebody says goodbye or
    /// the agent asks whether there is anything else, and at the end.
    #[serde(default)]
    pub by_turn: Option<usize>,
}

/// A question about the conversation that a language model answers with yes or no.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelQuestion {
    /// The question.
    pub question: String,
    /// Least probability of "yes", between 0 and 1.
    #[serde(default = "even")]
    pub at_least: f32,
}

pub(crate) fn close() -> f32 {
    0.6
}

fn even() -> f32 {
    0.5
}

impl Condition {
    /// The questions to the model in it.
    pub(super) fn questions(&self) -> Vec<&ModelQuestion> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::questions).collect(),
            Self::ModelQuestion(question) => vec![question],
            _ => Vec::new(),
        }
    }

    /// Why it could never hold, or is none.
    pub(super) fn fault(&self) -> Option<&'static str> {
        match self {
            Self::All(parts) | Self::Any(parts) if parts.is_empty() => {
                Some("needs conditions in `any` and `all`")
            }
            Self::All(parts) | Self::Any(parts) => parts.iter().find_map(Self::fault),
            Self::Words(words) => {
                let mut all = words.any.iter().chain(&words.all).peekable();
                match all.peek() {
                    None => Some("needs phrases in `words`: `any`, `all` or both"),
                    Some(_) => all
                        .any(|phrase| blank(phrase))
                        .then_some("has an empty phrase"),
                }
            }
            Self::Likeness(like) if like.examples.is_empty() => {
                Some("has no examples and could never fire")
            }
            Self::Likeness(like) => share(like.threshold, "needs a threshold between 0 and 1"),
            Self::Signals(signals) if *signals == SignalsCondition::default() => {
                Some("needs one of overlap_ms, silence_ms, rate_above, rate_below in `signals`")
            }
            Self::Signals(signals) => [signals.rate_above, signals.rate_below]
                .into_iter()
                .flatten()
                .any(|rate| !rate.is_finite() || rate < 0.0)
                .then_some("needs rates of 0 or more (0.25 is a quarter)"),
            Self::Emotion(emotion) => emotion.fault(),
            Self::MissingStep(step) if step.words.is_empty() && step.examples.is_empty() => {
                Some("needs `words` or `examples` in `missing_step`")
            }
            Self::MissingStep(step) => share(step.threshold, "needs a threshold between 0 and 1"),
            Self::ModelQuestion(asked) if blank(&asked.question) => Some("has an empty question"),
            Self::ModelQuestion(asked) => share(asked.at_least, "needs at_least between 0 and 1"),
        }
    }
}

impl EmotionCondition {
    fn fault(&self) -> Option<&'static str> {
        let names_nothing = self.kinds.is_empty() && self.changes.is_empty();
        if names_nothing && self.valence_below.is_none() && self.valence_above.is_none() {
            return Some("needs one of kinds, changes, valence_below, valence_above in `emotion`");
        }
        share(self.at_least, "needs at_least between 0 and 1")
    }
}

fn blank(text: &str) -> bool {
    !text.chars().any(char::is_alphanumeric)
}

fn share(value: f32, fault: &'static str) -> Option<&'static str> {
    (!(0.0..=1.0).contains(&value)).then_some(fault)
}
