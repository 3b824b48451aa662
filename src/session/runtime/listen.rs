//! What is heard on live audio.

use std::sync::Arc;

use tracing::Instrument;

use super::super::event::{SessionEvent, Skill};
use super::super::heard::Heard;
use super::Runtime;
use crate::conversation::{NewUtterance, ParticipantId};
use crate::speech::{AudioFrame, AudioTrack, Prosody, Segment, SpeechSpan, TranscribeOptions};

impl Runtime {
    /// Takes a frame of a participant.
    pub(super) async fn push(&mut self, participant: ParticipantId, frame: AudioFrame) {
        self.voices.frame(&participant, &frame);
        let options = || {
            TranscribeOptions::language(self.conversation.language.clone())
                .with_vocabulary(self.assistant.vocabulary())
        };
        let pushed = match self.assistant.speech() {
            Ok(engine) => self.ears.push(engine, options, participant, frame).await,
            Err(error) => Err(error),
        };
        if let Err(error) = pushed {
            // Once: the next frame is there in a moment, and will hardly fare better.
            let message = error.to_string();
            if self.last_refusal.as_ref() != Some(&message) {
                self.last_refusal = Some(message);
                self.emit(SessionEvent::failed(Skill::Speech, &error)).await;
            }
            return;
        }
        self.last_refusal = None;
        // Words come before more audio, however fast that comes.
        while let Some(heard) = self.ears.ready() {
            self.listen(heard).await;
        }
    }

    /// Takes recorded audio: its words in the order they ended.
    pub(super) async fn transcribe(
        &mut self,
        tracks: Vec<(ParticipantId, AudioTrack)>,
        start_ms: u64,
    ) {
        let mut heard: Vec<(NewUtterance, Arc<Prosody>)> = Vec::new();
        for (participant, track) in tracks {
            // Only feelings are told by it.
            let sound = self
                .assistant
                .inner
                .emotion
                .is_some()
                .then(|| track.clone());
            let options = TranscribeOptions::language(self.conversation.language.clone())
                .with_vocabulary(self.assistant.vocabulary());
            let segments = match self.assistant.speech().cloned() {
                Ok(speech) => speech.transcribe(track, options).await,
                Err(error) => Err(error),
            };
            match segments {
                Ok(segments) => {
                    let prosodies = listen_to(sound.unwrap_or_default(), &segments).await;
                    let said = segments
                        .into_iter()
                        .map(|s| s.into_utterance(participant.clone(), start_ms));
                    heard.extend(said.zip(prosodies));
                }
                Err(error) => self.emit(SessionEvent::failed(Skill::Speech, &error)).await,
            }
        }
        heard.sort_by_key(|(utterance, _)| utterance.end_ms);
        for (utterance, prosody) in heard {
            self.coaching.prosody = Some(prosody);
            self.hear_from(utterance).await;
            self.coaching.prosody = None;
        }
    }

    /// Takes what was heard.
    pub(super) async fn listen(&mut self, heard: Heard) {
        match heard {
            Heard::Started {
                participant,
                start_ms,
            } => {
                self.voices.set_in(&participant);
                let started = SessionEvent::SpeechStarted {
                    participant,
                    start_ms,
                };
                self.emit(started).await;
            }
            Heard::NoSpeech {
                participant,
                start_ms,
                end_ms,
            } => {
                self.voices.was_none(&participant);
                let none = SessionEvent::NoSpeech {
                    participant,
                    start_ms,
                    end_ms,
                };
                self.emit(none).await;
            }
            Heard::Interim {
                participant,
                start_ms,
                stable,
                tentative,
            } => {
                let interim = SessionEvent::UtteranceInterim {
                    participant,
                    start_ms,
                    stable,
                    tentative,
                };
                self.emit(interim).await;
            }
            Heard::Final(utterance, prosody) => {
                let (span, ended) = self.voices.said(&utterance.participant, utterance.end_ms);
                self.spoken_until = Some(ended);
                self.coaching.prosody = Some(prosody);
                self.hear_from(utterance).instrument(span).await;
                self.spoken_until = None;
                self.coaching.prosody = None;
            }
            Heard::Gap {
                participant,
                start_ms,
                end_ms,
            } => {
                let gap = SessionEvent::AudioGap {
                    participant,
                    start_ms,
                    end_ms,
                };
                self.emit(gap).await;
            }
            Heard::Lagging { behind_ms } => {
                self.emit(SessionEvent::SpeechLagging { behind_ms }).await
            }
            Heard::Failed(error) => self.emit(SessionEvent::failed(Skill::Speech, &error)).await,
        }
    }
}

/// How each segment of a track sounds; one that nobody could listen to has no sound.
async fn listen_to(track: AudioTrack, segments: &[Segment]) -> Vec<Arc<Prosody>> {
    let spans: Vec<SpeechSpan> = segments
        .iter()
        .map(|segment| SpeechSpan {
            start_ms: segment.start_ms,
            end_ms: segment.end_ms,
        })
        .collect();
    let nothing = vec![Arc::default(); spans.len()];
    let work = move || {
        let heard = spans.into_iter().map(|span| Prosody::of(span.of(&track)));
        heard.map(Arc::new).collect()
    };
    // It takes seconds for an hour of audio.
    tokio::task::spawn_blocking(work).await.unwrap_or(nothing)
}
