//! Live audio of a session's participants.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::{FutureExt, StreamExt};

use super::heard::Heard;
use crate::conversation::ParticipantId;
use crate::error::{Error, ErrorKind, Result};
use crate::speech::{
    AudioFrame, LiveEvent, LiveEvents, LiveOptions, LiveTranscriber, SpeechToText,
    TranscribeOptions,
};

/// Participants that can be heard in one conversation.
const TRACKS: usize = 8;

/// Hears participants; nothing runs before the first frame.
#[derive(Debug, Default)]
pub(super) struct Ears {
    live: Option<LiveTranscriber>,
    events: Option<LiveEvents>,
    /// Whose track is which.
    participants: Vec<ParticipantId>,
    /// What was heard while a frame waited to be taken.
    heard: VecDeque<LiveEvent>,
}

impl Ears {
    /// Takes a frame of somebody.
    pub(super) async fn push(
        &mut self,
        engine: &Arc<dyn SpeechToText>,
        options: impl FnOnce() -> TranscribeOptions,
        participant: ParticipantId,
        frame: AudioFrame,
    ) -> Result<()> {
        if self.live.is_none() {
            let options = LiveOptions::new(options());
            let (live, events) = LiveTranscriber::start(Arc::clone(engine), TRACKS, options)?;
            (self.live, self.events) = (Some(live), Some(events));
        }
        let track = match self
            .participants
            .iter()
            .position(|known| *known == participant)
        {
            Some(track) => track,
            None if self.participants.len() < TRACKS => {
                self.participants.push(participant);
                self.participants.len() - 1
            }
            None => {
                let why = format!(
                    "only {TRACKS} participants can be heard in one conversation; feed the words of others as utterances"
                );
                return Err(Error::new(ErrorKind::InvalidInput, why));
            }
        };
        let (Some(live), Some(events)) = (&self.live, &mut self.events) else {
            return Ok(());
        };
        let pushed = {
            let mut pushing = std::pin::pin!(live.push(track, frame));
            loop {
                // Whoever waits to be heard must go on reading, or both would wait for each other.
                tokio::select! {
                    biased;
                    pushed = &mut pushing => break pushed,
                    Some(event) = events.next() => self.heard.push_back(event),
                }
            }
        };
        while let Some(Some(event)) = events.next().now_or_never() {
            self.heard.push_back(event);
        }
        if pushed
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::Cancelled)
        {
            // The transcriber broke down: the next frame starts another.
            (self.live, self.events) = (None, None);
        }
        pushed
    }

    /// What was heard and waits to be taken.
    pub(super) fn ready(&mut self) -> Option<Heard> {
        while let Some(event) = self.heard.pop_front() {
            if let Some(heard) = self.translate(event) {
                return Some(heard);
            }
        }
        None
    }

    /// What is heard next; never, before the first frame.
    pub(super) async fn next(&mut self) -> Heard {
        loop {
            let event = match self.heard.pop_front() {
                Some(event) => event,
                None => {
                    let Some(events) = &mut self.events else {
                        return std::future::pending().await;
                    };
                    match events.next().await {
                        Some(event) => event,
                        None => return std::future::pending().await,
                    }
                }
            };
            if let Some(heard) = self.translate(event) {
                return heard;
            }
        }
    }

    /// Nobody is heard any more: what is left.
    pub(super) async fn finish(&mut self) -> Vec<Heard> {
        self.live = None;
        let mut left: Vec<LiveEvent> = self.heard.drain(..).collect();
        if let Some(mut events) = self.events.take() {
            while let Some(event) = events.next().await {
                left.push(event);
            }
        }
        left.into_iter()
            .filter_map(|event| self.translate(event))
            .collect()
    }

    fn translate(&self, event: LiveEvent) -> Option<Heard> {
        let who = |track: usize| self.participants.get(track).cloned();
        match event {
            LiveEvent::SpeechStarted {
                track, start_ms, ..
            } => Some(Heard::Started {
                participant: who(track)?,
                start_ms,
            }),
            LiveEvent::Interim {
                track,
                start_ms,
                stable,
                tentative,
            } => Some(Heard::Interim {
                participant: who(track)?,
                start_ms,
                stable,
                tentative,
            }),
            LiveEvent::Final {
                track,
                segment,
                back_channel,
                prosody,
            } => {
                let mut utterance = segment.into_utterance(who(track)?, 0);
                utterance.back_channel = back_channel;
                Some(Heard::Final(utterance, prosody))
            }
            LiveEvent::NoSpeech {
                track,
                start_ms,
                end_ms,
            } => Some(Heard::NoSpeech {
                participant: who(track)?,
                start_ms,
                end_ms,
            }),
            LiveEvent::Gap {
                track,
                start_ms,
                end_ms,
            }
            | LiveEvent::Late {
                track,
                start_ms,
                end_ms,
            } => Some(Heard::Gap {
                participant: who(track)?,
                start_ms,
                end_ms,
            }),
            LiveEvent::Lagging { behind_ms, .. } => Some(Heard::Lagging { behind_ms }),
            LiveEvent::Failed { message, .. } => {
                Some(Heard::Failed(Error::new(ErrorKind::Model, message)))
            }
            other => {
                tracing::debug!(?other, "heard");
                None
            }
        }
    }
}
