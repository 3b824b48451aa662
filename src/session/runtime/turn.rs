//! Turns as traces: from the first sound of what was said to the last thing it set off.
//!
//! An utterance is a span `turn`, within the request that brought it or, where it was spoken, within a span `speech`
//! from when the voice set in. What it sets off are spans within: `fast_path`, `reply`, `answer`, `note`, `coaching`, and
//! the calls of models and tools within these. Each stage also tells, as an event of the target [`STAGE`], how many
//! seconds after the end of the words it was reached. Neither holds what was said.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use tracing::Span;

use super::Doing;
use crate::conversation::{Channel, ParticipantId, Role};
use crate::speech::AudioFrame;

/// The target of the events that tell how long a stage took: `stage`, `seconds`.
pub(crate) const STAGE: &str = "attendant::stage";

/// Participants whose audio is followed.
const VOICES: usize = 64;

/// What an utterance set off.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    /// Open as long as something works on it.
    pub(super) span: Span,
    /// When the words ended.
    ended: Instant,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            span: Span::none(),
            ended: Instant::now(),
        }
    }
}

impl Turn {
    /// An utterance that ended then.
    pub(super) fn begin(utterance: u32, role: Role, channel: Channel, ended: Instant) -> Self {
        let span = tracing::info_span!("turn", utterance, role = role.as_str(), ?channel);
        Self { span, ended }
    }

    /// The span of something that it set off.
    pub(super) fn work(&self, doing: Doing) -> Span {
        let turn = &self.span;
        match doing {
            Doing::Nothing | Doing::Read => Span::none(),
            Doing::Reply => tracing::info_span!(parent: turn, "reply"),
            Doing::Respond => tracing::info_span!(parent: turn, "answer"),
            Doing::Note => tracing::info_span!(parent: turn, "note"),
            Doing::Coach => tracing::info_span!(parent: turn, "coaching"),
        }
    }

    /// Tells that something it set off is done.
    pub(super) fn worked(&self, doing: Doing) {
        match doing {
            Doing::Nothing | Doing::Read => {}
            Doing::Reply => self.reached("reply"),
            Doing::Respond => self.reached("answer"),
            Doing::Note => self.reached("note"),
            Doing::Coach => self.reached("coaching"),
        }
    }

    /// Tells that a stage was reached.
    pub(super) fn reached(&self, stage: &'static str) {
        let seconds = self.ended.elapsed().as_secs_f64();
        self.span
            .in_scope(|| tracing::debug!(target: STAGE, stage, seconds));
    }
}

/// When live voices set in and end, by the clock of this machine.
#[derive(Debug, Default)]
pub(super) struct Voices {
    /// How far each participant's audio goes, and when its last piece came.
    came: HashMap<ParticipantId, (u64, Instant)>,
    speaking: HashMap<ParticipantId, Span>,
}

impl Voices {
    /// A piece of audio came.
    pub(super) fn frame(&mut self, participant: &ParticipantId, frame: &AudioFrame) {
        let lasts = frame.samples.len() as u64 * 1000 / u64::from(frame.rate.max(1));
        let now = Instant::now();
        let is_full = self.came.len() == VOICES;
        match self.came.get_mut(participant) {
            Some((end, at)) => {
                *end = frame.timestamp_ms.unwrap_or(*end) + lasts;
                *at = now;
            }
            // Nobody hears more of them.
            None if is_full => {}
            None => {
                let end = frame.timestamp_ms.unwrap_or_default() + lasts;
                self.came.insert(participant.clone(), (end, now));
            }
        }
    }

    /// Somebody begins to speak.
    pub(super) fn set_in(&mut self, participant: &ParticipantId) {
        let span = tracing::info_span!("speech");
        self.speaking.insert(participant.clone(), span);
    }

    /// It was no speech.
    pub(super) fn was_none(&mut self, participant: &ParticipantId) {
        self.speaking.remove(participant);
    }

    /// What they said is final: its span, and when its words ended.
    pub(super) fn said(&mut self, participant: &ParticipantId, end_ms: u64) -> (Span, Instant) {
        let span = self.speaking.remove(participant).unwrap_or_else(Span::none);
        let now = Instant::now();
        let ended = self.came.get(participant).and_then(|(end, at)| {
            let since = Duration::from_millis(end.saturating_sub(end_ms));
            at.checked_sub(since)
        });
        (span, ended.unwrap_or(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn words_end_when_their_last_sound_came() {
        let ann = ParticipantId::from("ann");
        let mut voices = Voices::default();
        let began = Instant::now();
        // A second of audio as it is spoken, of which the last 400 ms are silence.
        for _ in 0..10 {
            tokio::time::advance(Duration::from_millis(100)).await;
            voices.frame(&ann, &AudioFrame::new(vec![0.0; 1600], 16_000));
        }
        tokio::time::advance(Duration::from_millis(50)).await;
        let (_, ended) = voices.said(&ann, 600);
        assert_eq!(ended - began, Duration::from_millis(600));
        // Of somebody whose audio was never seen, the words end now.
        let (_, ended) = voices.said(&ParticipantId::from("bob"), 600);
        assert_eq!(ended, Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn not_everybody_who_sends_a_piece_is_followed() {
        let mut voices = Voices::default();
        for who in 0..1000 {
            let who = ParticipantId::from(format!("p{who}").as_str());
            voices.frame(&who, &AudioFrame::new(vec![0.0; 16], 16_000));
        }
        assert_eq!(voices.came.len(), VOICES);
    }
}
