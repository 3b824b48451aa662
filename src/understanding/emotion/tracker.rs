//! How feelings go over a conversation: smoothed, and told when they really change.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::conversation::{
    Emotion, EmotionDistribution, EmotionEvent, EmotionKind, EmotionState, ParticipantId, Role,
    UtteranceId, VoiceSignals,
};

/// Share of the way to an utterance's own feeling that the smoothed one goes.
const PACE: f32 = 0.5;
/// What one utterance counts for on its own, before it was smoothed: a single outburst is told, a single sigh is not.
const AT_ONCE: f32 = 0.6;
/// Utterances of a participant between two events of one kind.
const COOL_DOWN: u64 = 2;
/// A feeling that was told is told again when it has grown by so much.
const GROWN: f32 = 0.25;
/// Utterances that an event may point at.
const RECENT: usize = 4;
/// An utterance shows a feeling from this level on.
const SHOWN: f32 = 0.25;
/// What a voice can add to arousal, and to anger that the words show.
const VOICE: f32 = 0.4;
/// How much the host's view counts against the words.
const HOST: f32 = 0.5;
/// Valence before, at most, for pleasure to be relief.
const WAS_LOW: f32 = -0.2;

/// What is known about the feeling of an utterance.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Felt<'a> {
    /// Who said it.
    pub participant: &'a ParticipantId,
    /// Their role.
    pub role: Role,
    /// Which utterance.
    pub utterance: UtteranceId,
    /// What its words tell.
    pub words: EmotionDistribution,
    /// How its voice differs from the speaker's own baseline.
    pub voice: Option<&'a VoiceSignals>,
    /// What the host tells, of video for instance.
    pub host: Option<EmotionDistribution>,
}

impl<'a> Felt<'a> {
    /// What the words of an utterance tell.
    pub fn new(
        participant: &'a ParticipantId,
        role: Role,
        utterance: UtteranceId,
        words: EmotionDistribution,
    ) -> Self {
        Self {
            participant,
            role,
            utterance,
            words,
            voice: None,
            host: None,
        }
    }

    /// Adds what the voice tells. It raises arousal, and strengthens anger that the words show; alone it tells nothing
    /// pleasant or unpleasant.
    #[must_use]
    pub fn with_voice(mut self, voice: &'a VoiceSignals) -> Self {
        self.voice = Some(voice);
        self
    }

    /// Adds what the host tells.
    #[must_use]
    pub fn with_host(mut self, host: EmotionDistribution) -> Self {
        self.host = Some(host);
        self
    }
}

/// When a kind of change is told: from `enter` on, and again only after its level was below `leave`.
struct Rule {
    kind: EmotionKind,
    enter: f32,
    leave: f32,
}

const RULES: [Rule; 6] = [
    Rule {
        kind: EmotionKind::Vulnerability,
        enter: 0.3,
        leave: 0.12,
    },
    Rule {
        kind: EmotionKind::RisingAnger,
        enter: 0.38,
        leave: 0.2,
    },
    Rule {
        kind: EmotionKind::Disappointment,
        enter: 0.3,
        leave: 0.12,
    },
    Rule {
        kind: EmotionKind::Confusion,
        enter: 0.3,
        leave: 0.12,
    },
    Rule {
        kind: EmotionKind::Relief,
        enter: 0.3,
        leave: 0.12,
    },
    Rule {
        kind: EmotionKind::Satisfaction,
        enter: 0.45,
        leave: 0.2,
    },
];

/// The emotions that a kind of change is made of, with their weights.
pub(super) fn emotions(kind: EmotionKind) -> &'static [(Emotion, f32)] {
    match kind {
        EmotionKind::RisingAnger => &[
            (Emotion::Anger, 1.0),
            (Emotion::Annoyance, 1.0),
            (Emotion::Disgust, 1.0),
            (Emotion::Disapproval, 0.5),
        ],
        EmotionKind::Disappointment => &[(Emotion::Disappointment, 1.0)],
        EmotionKind::Confusion => &[(Emotion::Confusion, 1.0)],
        EmotionKind::Vulnerability => &[
            (Emotion::Fear, 1.0),
            (Emotion::Nervousness, 1.0),
            (Emotion::Grief, 1.0),
            (Emotion::Sadness, 1.0),
        ],
        EmotionKind::Relief => &[(Emotion::Relief, 1.0)],
        EmotionKind::Satisfaction => &[
            (Emotion::Gratitude, 1.0),
            (Emotion::Joy, 1.0),
            (Emotion::Admiration, 1.0),
            (Emotion::Love, 1.0),
            (Emotion::Excitement, 1.0),
        ],
        EmotionKind::Calming => &[],
    }
}

/// How much of a kind is in a distribution, between 0 and 1.
pub(super) fn level(kind: EmotionKind, felt: &EmotionDistribution) -> f32 {
    let parts = emotions(kind).iter();
    let sum: f32 = parts
        .map(|(emotion, weight)| weight * felt.get(*emotion))
        .sum();
    sum.min(1.0)
}

/// What was told of a kind, of one participant.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Told {
    /// The level at which it was told last; `None` once it was over.
    level: Option<f32>,
    /// When, in utterances of the participant.
    at: Option<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Person {
    smoothed: EmotionDistribution,
    arousal: f32,
    said: u64,
    recent: VecDeque<(UtteranceId, EmotionDistribution)>,
    told: HashMap<EmotionKind, Told>,
}

impl Default for Person {
    fn default() -> Self {
        let neutral = EmotionDistribution::neutral();
        Self {
            smoothed: neutral,
            arousal: neutral.arousal(),
            said: 0,
            recent: VecDeque::new(),
            told: HashMap::new(),
        }
    }
}

/// Follows what every participant feels. An update costs the same at any length of a conversation. Serialised, it goes on
/// where it was.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EmotionTracker {
    people: HashMap<ParticipantId, Person>,
}

impl EmotionTracker {
    /// A tracker of a conversation in which nothing was felt yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an utterance; gives the state of who said it, and what really changed by it. The events have no words yet
    /// (see [`words_of`](super::words_of)).
    pub fn update(&mut self, felt: &Felt<'_>) -> (EmotionState, Vec<EmotionEvent>) {
        let person = self.people.entry(felt.participant.clone()).or_default();
        person.update(felt)
    }
}

impl Person {
    fn update(&mut self, felt: &Felt<'_>) -> (EmotionState, Vec<EmotionEvent>) {
        self.said += 1;
        let now = match &felt.host {
            Some(host) => felt.words.towards(host, HOST),
            None => felt.words,
        };
        let valence_before = self.smoothed.valence();
        self.smoothed = self.smoothed.towards(&now, PACE);
        let raised = felt.voice.map_or(0.0, raised);
        let arousal = (now.arousal() + VOICE * raised).min(1.0);
        self.arousal += PACE * (arousal - self.arousal);
        self.recent.push_back((felt.utterance, now));
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        let state = EmotionState {
            smoothed: self.smoothed,
            valence: self.smoothed.valence(),
            arousal: self.arousal,
            ..EmotionState::new(felt.utterance, now)
        };
        let mut events = Vec::new();
        for rule in &RULES {
            // What an agent says to console or out of politeness is not what the agent feels.
            let polite = matches!(
                rule.kind,
                EmotionKind::Vulnerability | EmotionKind::Relief | EmotionKind::Satisfaction
            );
            if polite && felt.role == Role::HumanAgent {
                continue;
            }
            let level = self.level(rule.kind, &now, valence_before, raised);
            if let Some(kind) = self.change(rule, level) {
                events.push(self.event(kind, felt.participant, level));
            }
        }
        (state, events)
    }

    fn level(
        &self,
        kind: EmotionKind,
        now: &EmotionDistribution,
        valence_before: f32,
        raised: f32,
    ) -> f32 {
        let mut level = level(kind, &self.smoothed).max(AT_ONCE * level(kind, now));
        match kind {
            EmotionKind::RisingAnger => level *= 1.0 + VOICE * raised,
            // Thanks after trouble are relief; and what is told as relief is not satisfaction too.
            EmotionKind::Relief if valence_before <= WAS_LOW => {
                let pleased = AT_ONCE * self::level(EmotionKind::Satisfaction, now);
                level = level.max(pleased);
            }
            EmotionKind::Satisfaction if valence_before <= WAS_LOW => level = 0.0,
            _ => {}
        }
        level.min(1.0)
    }

    /// Whether a level is a change that is told, and as what.
    fn change(&mut self, rule: &Rule, level: f32) -> Option<EmotionKind> {
        let said = self.said;
        let told = self.told.entry(rule.kind).or_default();
        let cool = told.at.is_none_or(|at| said - at > COOL_DOWN);
        let before = told.level;
        if level < rule.leave {
            told.level = None;
            let calmed = before.is_some() && rule.kind == EmotionKind::RisingAnger;
            return calmed.then_some(EmotionKind::Calming);
        }
        let is_new = match before {
            None => level >= rule.enter,
            Some(before) => level >= before + GROWN,
        };
        if !(is_new && cool) {
            return None;
        }
        *told = Told {
            level: Some(level),
            at: Some(said),
        };
        Some(rule.kind)
    }

    fn event(&self, kind: EmotionKind, participant: &ParticipantId, strength: f32) -> EmotionEvent {
        let latest = self.recent.back().map(|(utterance, _)| *utterance);
        let shows = |felt: &EmotionDistribution| level(kind, felt) >= SHOWN;
        let recent = self
            .recent
            .iter()
            .filter(|(utterance, felt)| Some(*utterance) == latest || shows(felt));
        EmotionEvent {
            utterances: recent.map(|(utterance, _)| *utterance).collect(),
            ..EmotionEvent::new(kind, participant.clone(), strength)
        }
    }
}

/// How much a voice is raised against the speaker's own, between 0 and 1: four semitones higher, six decibels louder or
/// a third faster is a lot.
fn raised(voice: &VoiceSignals) -> f32 {
    let signs = [
        voice.pitch_shift.map(|shift| shift / 4.0),
        voice.energy_shift_db.map(|shift| shift / 6.0),
        voice.rate_shift.map(|shift| shift * 3.0),
    ];
    let known: Vec<f32> = signs
        .into_iter()
        .flatten()
        .filter(|sign| sign.is_finite())
        .map(|sign| sign.clamp(0.0, 1.0))
        .collect();
    known.iter().sum::<f32>() / known.len().max(1) as f32
}

#[cfg(test)]
mod tests;
