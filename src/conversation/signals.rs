//! How a conversation goes, apart from its words: who speaks how much and how fast, who speaks over
//! whom, how long nobody speaks, and how voices change.

use serde::{Deserialize, Serialize};

use super::ids::ParticipantId;

/// What timing and sound tell of a conversation up to now.
///
/// `speech_ms` and the time in which nobody speaks add up to `duration_ms`; the kinds of silence
/// cover that time but for gaps too short for a [`SilenceSpan`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct ConversationSignals {
    /// Milliseconds from the start of the conversation to the latest moment known.
    pub duration_ms: u64,
    /// Milliseconds in which somebody speaks.
    pub speech_ms: u64,
    /// Milliseconds in which two or more speak at once; part of `speech_ms`.
    pub overlap_ms: u64,
    /// Milliseconds of [`SilenceKind::Pause`].
    pub pause_ms: u64,
    /// Milliseconds of [`SilenceKind::Silence`].
    pub silence_ms: u64,
    /// Milliseconds of [`SilenceKind::Hold`].
    pub hold_ms: u64,
    /// Everybody heard of, in the order they were.
    pub participants: Vec<ParticipantSignals>,
    /// Where nobody speaks, in order of time. On a very long call the shortest are left out; the
    /// sums above have them.
    pub silences: Vec<SilenceSpan>,
    /// Where two speak at once, in order of time. On a very long call the shortest are left out,
    /// interruptions last; the counts of the participants have them.
    pub overlaps: Vec<Overlap>,
}

impl ConversationSignals {
    /// What is known of a participant.
    pub fn participant(&self, id: &ParticipantId) -> Option<&ParticipantSignals> {
        self.participants.iter().find(|p| &p.participant == id)
    }
}

/// What timing and sound tell of one participant. `None` stands for what cannot be known (yet).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct ParticipantSignals {
    /// Who.
    pub participant: ParticipantId,
    /// Milliseconds they speak; pauses within a breath (below 200 ms) count as speech.
    pub talk_ms: u64,
    /// Their share of everybody's `talk_ms`, between 0 and 1. The shares add up to 1 as soon as
    /// somebody has spoken.
    pub talk_ratio: f32,
    /// Milliseconds they speak while somebody else does.
    pub overlap_ms: u64,
    /// Words in their final utterances.
    pub words: u64,
    /// Words a minute within their utterances, pauses between utterances left out.
    pub words_per_minute: Option<f32>,
    /// How often they took the floor.
    pub turns: u32,
    /// The longest stretch in ms in which they kept the floor, with pauses and the back-channels of
    /// others, but without a silence.
    pub longest_turn_ms: u64,
    /// How often they interrupted somebody ([`OverlapKind::Interruption`]).
    pub interruptions: u32,
    /// How often somebody interrupted them.
    pub interrupted: u32,
    /// How often they only signalled that they listen ("mm-hm").
    pub back_channels: u32,
    /// Median time in ms from the end of somebody else's turn to the start of their answer; below 0
    /// where they mostly start before the other has quite ended. The *floor transfer offset* of
    /// Heldner and Edlund (2010), "Pauses, gaps and overlaps in conversations".
    pub response_ms_median: Option<i64>,
    /// Median pitch in hertz.
    pub pitch_hz_median: Option<f32>,
    /// How much the pitch moves, in semitones: a standard deviation, estimated from the quartiles.
    /// Small sounds monotonous.
    pub pitch_variation: Option<f32>,
    /// Median level of speech in decibels of full scale (0 at most).
    pub energy_db_median: Option<f32>,
    /// How much the level moves from sound to sound, in decibels: a standard deviation, estimated
    /// from the quartiles.
    pub energy_variation_db: Option<f32>,
}

impl ParticipantSignals {
    /// Somebody of whom nothing is known.
    pub fn new(participant: impl Into<ParticipantId>) -> Self {
        Self {
            participant: participant.into(),
            talk_ms: 0,
            talk_ratio: 0.0,
            overlap_ms: 0,
            words: 0,
            words_per_minute: None,
            turns: 0,
            longest_turn_ms: 0,
            interruptions: 0,
            interrupted: 0,
            back_channels: 0,
            response_ms_median: None,
            pitch_hz_median: None,
            pitch_variation: None,
            energy_db_median: None,
            energy_variation_db: None,
        }
    }
}

/// A stretch in which nobody speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct SilenceSpan {
    /// Milliseconds from the start of the conversation.
    pub start_ms: u64,
    /// Milliseconds from the start of the conversation.
    pub end_ms: u64,
    /// How it is to be taken.
    pub kind: SilenceKind,
    /// Who spoke last before it; nobody at the start of a conversation.
    pub after: Option<ParticipantId>,
}

impl SilenceSpan {
    /// Length in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.end_ms.saturating_sub(self.start_ms)
    }
}

/// How a stretch without speech is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SilenceKind {
    /// From 1 s on: somebody thinks or looks something up.
    Pause,
    /// From 3 s on: dead air, as contact-centre analytics count it.
    Silence,
    /// The host told of a hold, or nobody speaks for 20 s.
    Hold,
}

/// A stretch in which two participants speak at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct Overlap {
    /// Milliseconds from the start of the conversation.
    pub start_ms: u64,
    /// Milliseconds from the start of the conversation.
    pub end_ms: u64,
    /// Who was speaking.
    pub first: ParticipantId,
    /// Who came in.
    pub second: ParticipantId,
    /// What came of it.
    pub kind: OverlapKind,
}

impl Overlap {
    /// Length in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.end_ms.saturating_sub(self.start_ms)
    }
}

/// What came of two people speaking at once.
///
/// The kinds are those of Ferguson (1977), "Simultaneous speech, interruptions and dominance", and
/// Beattie (1981), told apart by timing alone: who began, who stopped first, and how soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OverlapKind {
    /// One of the two only signals that they listen; the floor stays where it is.
    BackChannel,
    /// The second starts while the first holds the floor, is no back-channel, and the first stops
    /// while the second goes on (or right after the second stopped, who then goes on): a *simple
    /// interruption*. A change within 400 ms is a `TurnStart`.
    Interruption,
    /// The second starts while the first holds the floor and gives up: a *butting-in interruption*.
    Attempt,
    /// The second starts just before the first has ended, as people do who hear a turn's end coming
    /// (Levinson and Torreira 2015, "Timing in turn-taking").
    TurnStart,
    /// Both start within 200 ms, sooner than one can react to the other: nobody held the floor.
    JointStart,
}

/// The voice of one utterance, absolute and against the speaker's own baseline.
///
/// The baseline is the median of the speaker's latest utterances before this one. Each shift is
/// `None` until there are three of them with some seconds of speech, and each value where it cannot
/// be known: no audio, whispered, too short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct VoiceSignals {
    /// Median pitch in hertz.
    pub pitch_hz: Option<f32>,
    /// Pitch against the baseline, in semitones (12 an octave); above 0 is higher.
    pub pitch_shift: Option<f32>,
    /// Level of the speech in decibels of full scale (0 at most).
    pub energy_db: Option<f32>,
    /// Level against the baseline, in decibels; above 0 is louder.
    pub energy_shift_db: Option<f32>,
    /// Words a minute.
    pub words_per_minute: Option<f32>,
    /// Rate against the baseline, as a share of it: 0.25 is a quarter faster, -0.5 half as fast.
    pub rate_shift: Option<f32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_round_trip_through_json_with_readable_kinds() {
        let signals = ConversationSignals {
            duration_ms: 9_000,
            participants: vec![ParticipantSignals::new("agent")],
            silences: vec![SilenceSpan {
                start_ms: 5_000,
                end_ms: 9_000,
                kind: SilenceKind::Silence,
                after: Some("agent".into()),
            }],
            overlaps: vec![Overlap {
                start_ms: 1_000,
                end_ms: 1_800,
                first: "agent".into(),
                second: "customer".into(),
                kind: OverlapKind::TurnStart,
            }],
            ..ConversationSignals::default()
        };
        let json = serde_json::to_string(&signals).unwrap();
        assert!(json.contains(r#""kind":"turn_start""#), "{json}");
        let again: ConversationSignals = serde_json::from_str(&json).unwrap();
        assert_eq!(again, signals);
        assert_eq!(again.silences[0].duration_ms(), 4_000);
        assert_eq!(again.overlaps[0].duration_ms(), 800);
        assert!(again.participant(&"agent".into()).is_some());
        assert!(again.participant(&"nobody".into()).is_none());
    }
}
