//! What somebody feels, as far as words, voice and the host tell: a distribution, a state, and what changed.

mod distribution;

pub use distribution::EmotionDistribution;

use serde::{Deserialize, Serialize};

use super::ids::{ParticipantId, UtteranceId};

/// The 27 emotions of GoEmotions and `Neutral` (Demszky et al. 2020, "GoEmotions: A Dataset of Fine-Grained Emotions").
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Emotion {
    /// Finding something impressive or worthy of respect.
    Admiration,
    /// Finding something funny.
    Amusement,
    /// A strong feeling of displeasure or antagonism.
    Anger,
    /// Mild anger, irritation.
    Annoyance,
    /// Having or expressing a favourable opinion.
    Approval,
    /// Displaying kindness and concern for others.
    Caring,
    /// Lack of understanding, uncertainty.
    Confusion,
    /// A strong desire to know or learn something.
    Curiosity,
    /// A strong feeling of wanting something.
    Desire,
    /// Sadness because hopes or expectations are not met.
    Disappointment,
    /// Having or expressing an unfavourable opinion.
    Disapproval,
    /// Revulsion at something unpleasant or offensive.
    Disgust,
    /// Self-consciousness, shame or awkwardness.
    Embarrassment,
    /// Great enthusiasm and eagerness.
    Excitement,
    /// Being afraid or worried.
    Fear,
    /// Thankfulness and appreciation.
    Gratitude,
    /// Intense sorrow, especially by somebody's death.
    Grief,
    /// Pleasure and happiness.
    Joy,
    /// Strong positive affection.
    Love,
    /// Apprehension, worry, anxiety.
    Nervousness,
    /// Hopefulness and confidence about the future.
    Optimism,
    /// Pleasure due to one's own or somebody else's achievements.
    Pride,
    /// Becoming aware of something.
    Realization,
    /// Reassurance and relaxation after anxiety or distress.
    Relief,
    /// Regret or guilt.
    Remorse,
    /// Emotional pain, sorrow.
    Sadness,
    /// Being astonished by something unexpected.
    Surprise,
    /// None of these.
    Neutral,
}

/// Ekman's six basic emotions and `Neutral`, as the GoEmotions paper groups its classes.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum BasicEmotion {
    /// Anger, annoyance, disapproval.
    Anger,
    /// Disgust.
    Disgust,
    /// Fear, nervousness.
    Fear,
    /// All that is positive.
    Joy,
    /// Sadness, disappointment, embarrassment, grief, remorse.
    Sadness,
    /// Surprise, realisation, confusion, curiosity.
    Surprise,
    /// None of these.
    Neutral,
}

/// The sentiment groups of the GoEmotions paper.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SentimentGroup {
    /// [`BasicEmotion::Joy`].
    Positive,
    /// Anger, disgust, fear and sadness.
    Negative,
    /// [`BasicEmotion::Surprise`].
    Ambiguous,
    /// None of these.
    Neutral,
}

impl Emotion {
    /// How many there are.
    pub const COUNT: usize = 28;

    /// All of them, in the order of the paper's label file.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Admiration,
        Self::Amusement,
        Self::Anger,
        Self::Annoyance,
        Self::Approval,
        Self::Caring,
        Self::Confusion,
        Self::Curiosity,
        Self::Desire,
        Self::Disappointment,
        Self::Disapproval,
        Self::Disgust,
        Self::Embarrassment,
        Self::Excitement,
        Self::Fear,
        Self::Gratitude,
        Self::Grief,
        Self::Joy,
        Self::Love,
        Self::Nervousness,
        Self::Optimism,
        Self::Pride,
        Self::Realization,
        Self::Relief,
        Self::Remorse,
        Self::Sadness,
        Self::Surprise,
        Self::Neutral,
    ];

    /// The name in data files and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admiration => "admiration",
            Self::Amusement => "amusement",
            Self::Anger => "anger",
            Self::Annoyance => "annoyance",
            Self::Approval => "approval",
            Self::Caring => "caring",
            Self::Confusion => "confusion",
            Self::Curiosity => "curiosity",
            Self::Desire => "desire",
            Self::Disappointment => "disappointment",
            Self::Disapproval => "disapproval",
            Self::Disgust => "disgust",
            Self::Embarrassment => "embarrassment",
            Self::Excitement => "excitement",
            Self::Fear => "fear",
            Self::Gratitude => "gratitude",
            Self::Grief => "grief",
            Self::Joy => "joy",
            Self::Love => "love",
            Self::Nervousness => "nervousness",
            Self::Optimism => "optimism",
            Self::Pride => "pride",
            Self::Realization => "realization",
            Self::Relief => "relief",
            Self::Remorse => "remorse",
            Self::Sadness => "sadness",
            Self::Surprise => "surprise",
            Self::Neutral => "neutral",
        }
    }

    /// The emotion of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }

    /// Its basic emotion, by the paper's mapping.
    pub fn basic(self) -> BasicEmotion {
        match self {
            Self::Anger | Self::Annoyance | Self::Disapproval => BasicEmotion::Anger,
            Self::Disgust => BasicEmotion::Disgust,
            Self::Fear | Self::Nervousness => BasicEmotion::Fear,
            Self::Sadness
            | Self::Disappointment
            | Self::Embarrassment
            | Self::Grief
            | Self::Remorse => BasicEmotion::Sadness,
            Self::Surprise | Self::Realization | Self::Confusion | Self::Curiosity => {
                BasicEmotion::Surprise
            }
            Self::Neutral => BasicEmotion::Neutral,
            _ => BasicEmotion::Joy,
        }
    }

    /// How pleasant it is, between -1 and 1. The sign is that of the paper's sentiment group; the size is our judgement:
    /// mild feelings and opinions weigh half as much or less.
    pub fn valence(self) -> f32 {
        match self {
            Self::Joy | Self::Love | Self::Gratitude | Self::Excitement | Self::Admiration => 1.0,
            Self::Relief | Self::Pride | Self::Amusement | Self::Optimism => 0.8,
            Self::Caring | Self::Approval => 0.5,
            Self::Desire => 0.2,
            Self::Curiosity | Self::Realization | Self::Surprise | Self::Neutral => 0.0,
            Self::Confusion => -0.2,
            Self::Disapproval | Self::Embarrassment | Self::Remorse => -0.6,
            Self::Annoyance | Self::Disappointment | Self::Nervousness => -0.7,
            Self::Fear | Self::Sadness => -0.9,
            Self::Anger | Self::Disgust | Self::Grief => -1.0,
        }
    }

    /// How stirred up somebody is who feels it, between 0 and 1: our judgement, after the circle of Russell (1980), "A
    /// circumplex model of affect".
    pub fn arousal(self) -> f32 {
        match self {
            Self::Anger | Self::Excitement => 1.0,
            Self::Fear | Self::Surprise | Self::Disgust => 0.8,
            Self::Annoyance | Self::Amusement | Self::Joy | Self::Nervousness | Self::Grief => 0.6,
            Self::Admiration | Self::Love | Self::Desire | Self::Pride | Self::Embarrassment => 0.5,
            Self::Confusion | Self::Curiosity | Self::Disapproval | Self::Gratitude => 0.4,
            Self::Disappointment | Self::Optimism | Self::Remorse | Self::Sadness => 0.3,
            Self::Approval | Self::Caring | Self::Realization | Self::Relief => 0.2,
            Self::Neutral => 0.1,
        }
    }
}

impl BasicEmotion {
    /// How many there are.
    pub const COUNT: usize = 7;

    /// All of them.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Anger,
        Self::Disgust,
        Self::Fear,
        Self::Joy,
        Self::Sadness,
        Self::Surprise,
        Self::Neutral,
    ];

    /// Its sentiment group, by the paper's mapping.
    pub fn group(self) -> SentimentGroup {
        match self {
            Self::Joy => SentimentGroup::Positive,
            Self::Anger | Self::Disgust | Self::Fear | Self::Sadness => SentimentGroup::Negative,
            Self::Surprise => SentimentGroup::Ambiguous,
            Self::Neutral => SentimentGroup::Neutral,
        }
    }
}

impl SentimentGroup {
    /// How many there are.
    pub const COUNT: usize = 4;

    /// All of them.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Positive,
        Self::Negative,
        Self::Ambiguous,
        Self::Neutral,
    ];
}

/// What a participant feels now, smoothed over their last utterances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct EmotionState {
    /// Their latest utterance that counts.
    pub utterance: UtteranceId,
    /// What this utterance tells alone.
    pub felt: EmotionDistribution,
    /// Smoothed over their utterances.
    pub smoothed: EmotionDistribution,
    /// Between -1 (unpleasant) and 1, smoothed.
    pub valence: f32,
    /// Between 0 (calm) and 1, smoothed; raised by a voice that is higher, louder or faster than the speaker's own.
    pub arousal: f32,
}

impl EmotionState {
    /// A first state.
    pub fn new(utterance: UtteranceId, felt: EmotionDistribution) -> Self {
        Self {
            utterance,
            felt,
            smoothed: felt,
            valence: felt.valence(),
            arousal: felt.arousal(),
        }
    }
}

/// What changed in how somebody feels.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EmotionKind {
    /// Anger sets in or grows.
    RisingAnger,
    /// They lose hope that it will be solved.
    Disappointment,
    /// They do not understand.
    Confusion,
    /// They are afraid, mourn, or are in distress: slow down and take care.
    Vulnerability,
    /// What was wrong is lifted.
    Relief,
    /// They are pleased or thankful.
    Satisfaction,
    /// Anger is over.
    Calming,
}

/// A real change in how a participant feels, with what shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct EmotionEvent {
    /// What changed.
    pub kind: EmotionKind,
    /// Who.
    pub participant: ParticipantId,
    /// The utterances that show it, oldest first.
    pub utterances: Vec<UtteranceId>,
    /// The words of the last of them that tell most; empty where voice or host told.
    pub words: String,
    /// Between 0 and 1: how strong it is.
    pub strength: f32,
}

impl EmotionEvent {
    /// A change of `participant`, shown by nothing yet.
    pub fn new(kind: EmotionKind, participant: ParticipantId, strength: f32) -> Self {
        Self {
            kind,
            participant,
            utterances: Vec::new(),
            words: String::new(),
            strength,
        }
    }
}

/// What makes a contact laborious for a customer.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EffortKind {
    /// They say again what they said before.
    Repeat,
    /// They have contacted the company about it before.
    EarlierContact,
    /// They wait or waited.
    Waiting,
    /// They are or were sent from one to the next.
    Transferred,
}

/// A sign of effort.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct EffortSign {
    /// What kind.
    pub kind: EffortKind,
    /// Where it was said.
    pub utterance: UtteranceId,
    /// The words that tell; all of the utterance for a repeat.
    pub words: String,
    /// The earlier utterance that a repeat repeats.
    pub repeats: Option<UtteranceId>,
}

impl EffortSign {
    /// A sign of effort in the words of an utterance.
    pub fn new(kind: EffortKind, utterance: UtteranceId, words: impl Into<String>) -> Self {
        Self {
            kind,
            utterance,
            words: words.into(),
            repeats: None,
        }
    }
}

/// How much effort a customer had, apart from what they feel about it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct Effort {
    /// All signs, in order.
    pub signs: Vec<EffortSign>,
}

impl Effort {
    /// How many signs of this kind there are.
    pub fn count(&self, kind: EffortKind) -> usize {
        self.signs.iter().filter(|sign| sign.kind == kind).count()
    }
}

#[cfg(test)]
mod tests;
