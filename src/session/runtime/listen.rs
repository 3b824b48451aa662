//! What is heard on live audio.

use super::super::event::{SessionEvent, Skill};
use super::super::heard::Heard;
use super::{Doing, Runtime};
use crate::conversation::{ParticipantId, Role};
use crate::speech::{AudioFrame, TranscribeOptions};

impl Runtime {
    /// Takes a frame of a participant.
    pub(super) async fn push(&mut self, participant: ParticipantId, frame: AudioFrame) {
        let options = || {
            TranscribeOptions::language(self.conversation.language.clone())
                .with_vocabulary(self.assistant.vocabulary())
        };
        let pushed = match self.assistant.speech() {
            Ok(engine) => self.ears.push(engine, options, participant, frame).await,
            Err(error) => Err(error),
        };
        if let Err(error) = pushed {
            self.emit(SessionEvent::failed(Skill::Speech, &error)).await;
        }
    }

    /// Takes what was heard.
    pub(super) async fn listen(&mut self, heard: Heard) {
        match heard {
            Heard::Started {
                participant,
                start_ms,
            } => {
                let role = self
                    .conversation
                    .participants
                    .iter()
                    .find(|p| p.id == participant)
                    .map(|p| p.role);
                // Who is being answered speaks again: the answer to what they said before is not wanted any more.
                if role == Some(Role::EndUser) && self.doing == Doing::Reply {
                    self.overtake();
                }
                self.emit(SessionEvent::SpeechStarted {
                    participant,
                    start_ms,
                })
                .await;
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
            Heard::Final(utterance) => self.hear_from(utterance).await,
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
