//! What comes from either side of a call, and what it means for the other.

use std::time::Duration;

use futures::StreamExt;
use tokio::time::{Instant, sleep_until};

use super::super::protocol::{Goodbye, Protocol};
use super::super::speech_out::{Piece, Place};
use super::{Call, Gone, HAND_OVER, Left, QUIET, Talk};
use crate::session::{HubEvent, HubEvents, SessionEvent, SessionInput};
use crate::speech::transport::{Received, Track, TransportEvent};

impl<P: Protocol> Call<P> {
    /// Takes what the platform says.
    pub(super) async fn take(
        &mut self,
        talk: &mut Talk,
        received: Received,
    ) -> Result<Option<Left>, Gone> {
        let mut stopped = None;
        for event in received.events {
            match event {
                TransportEvent::Audio {
                    track,
                    timestamp_ms,
                    samples,
                } => talk.line.hear(track, timestamp_ms, samples),
                TransportEvent::Dtmf {
                    track,
                    digit,
                    timestamp_ms,
                } => {
                    if track != Some(Track::Internal) && talk.keys.press(digit, timestamp_ms) {
                        self.press(talk).await;
                    }
                }
                TransportEvent::Mark {
                    name,
                    cleared: false,
                } => {
                    if let Some(place) = Place::from_name(&name) {
                        talk.mouth.played(place);
                    }
                }
                TransportEvent::PlaybackFinished => talk.mouth.played_all(),
                TransportEvent::Failed { code, message, .. } => {
                    tracing::warn!(
                        protocol = P::NAME,
                        code,
                        message,
                        "the platform reports a failure"
                    );
                }
                TransportEvent::Stopped { reason } => stopped = Some(Left::Stopped(reason)),
                other => tracing::debug!(protocol = P::NAME, event = ?other, "on a call"),
            }
        }
        self.send_all(received.replies).await?;
        Ok(stopped)
    }

    /// Takes what happened in the conversation.
    pub(super) async fn hear(
        &mut self,
        talk: &mut Talk,
        event: HubEvent,
    ) -> Result<Option<Left>, Gone> {
        let mut left = None;
        if let HubEvent::Event(numbered) = &event {
            left = self.attend(talk, &numbered.event).await?;
            match self.protocol.tell(&talk.line, &numbered.event) {
                Ok(frames) => self.send_all(frames).await?,
                // It is in the conversation; the platform's screen does without.
                Err(error) => tracing::debug!(protocol = P::NAME, %error, "not told"),
            }
        } else if let HubEvent::Resync(view) = &event
            && view.ended
        {
            left = Some(Left::Asks(
                Goodbye::Completed,
                "the conversation is over".into(),
            ));
        }
        talk.line.told(&event);
        Ok(left)
    }

    /// What an event means for this side of the call.
    pub(super) async fn attend(
        &mut self,
        talk: &mut Talk,
        event: &SessionEvent,
    ) -> Result<Option<Left>, Gone> {
        match event {
            SessionEvent::SpeechStarted { participant, .. } => {
                talk.speaking.insert(participant.clone());
                if talk.line.is_customer(participant) && talk.mouth.hold() {
                    let frames = self.protocol.cut().unwrap_or_default();
                    self.send_all(frames).await?;
                }
            }
            SessionEvent::NoSpeech { participant, .. } => {
                talk.speaking.remove(participant);
                if talk.line.is_customer(participant) {
                    talk.mouth.go_on();
                }
            }
            SessionEvent::UtteranceInterim { participant, .. }
                if talk.line.is_customer(participant) =>
            {
                self.give_up(talk).await;
            }
            SessionEvent::UtteranceFinal(said) => {
                talk.speaking.remove(&said.participant);
                if talk.line.track(&said.participant).is_some() {
                    let heard_ms = talk.line.stream_ms(said.end_ms);
                    let behind_ms = self.protocol.position_ms().saturating_sub(heard_ms);
                    talk.behind = Duration::from_millis(behind_ms);
                }
                if talk.line.is_customer(&said.participant) {
                    self.give_up(talk).await;
                }
            }
            SessionEvent::Reply {
                utterance,
                text,
                sentence_ends,
                ..
            } if talk.line.virtual_agent => {
                self.give_up(talk).await;
                talk.mouth.say(*utterance, text, sentence_ends);
            }
            SessionEvent::Handoff(_) if talk.line.virtual_agent => {
                talk.hand_over = Some(Instant::now() + HAND_OVER);
            }
            SessionEvent::Ended => {
                let info = "the conversation is over".into();
                return Ok(Some(Left::Asks(Goodbye::Completed, info)));
            }
            _ => {}
        }
        Ok(None)
    }

    /// The customer speaks, or there is something newer to say: tells how much was heard of what was cut off.
    pub(super) async fn give_up(&mut self, talk: &mut Talk) {
        for Place { utterance, byte } in talk.mouth.give_up() {
            talk.interruptions += 1;
            let what = format!("interrupted {utterance} {}", talk.interruptions);
            let input = SessionInput::Interrupted {
                utterance,
                spoken: byte,
            };
            if let Err(error) = talk.line.submit(&what, input).await {
                tracing::warn!(%error, "an interruption could not be written down");
            }
        }
    }

    /// Says something.
    pub(super) async fn say(&mut self, piece: Piece) -> Result<(), Gone> {
        let frames = match piece {
            Piece::Samples(samples) => self.protocol.play(&samples),
            Piece::SentenceEnd(place) => self.protocol.sentence_end(place),
            Piece::Failed(error) => Err(error),
        };
        match frames {
            Ok(frames) => self.send_all(frames).await,
            Err(error) => {
                tracing::warn!(protocol = P::NAME, %error, "something could not be said");
                Ok(())
            }
        }
    }

    /// The keys that were pressed are what the customer said.
    pub(super) async fn press(&mut self, talk: &mut Talk) {
        let (number, keys, stream_ms) = talk.keys.take();
        if keys.is_empty() {
            return;
        }
        if let Err(error) = talk.line.pressed(number, &keys, stream_ms).await {
            tracing::warn!(%error, "keys that were pressed could not be written down");
        }
    }

    /// Tells what is still being understood, for a while.
    pub(super) async fn last_words(&mut self, talk: &mut Talk, events: &mut HubEvents) {
        let end = Instant::now() + self.telephony.inner.settings.last_words;
        loop {
            let quiet = if talk.speaking.is_empty() {
                end.min(Instant::now() + QUIET.max(talk.behind))
            } else {
                end
            };
            tokio::select! {
                event = events.next() => {
                    let Some(event) = event else { return };
                    if self.hear(talk, event).await.is_err() {
                        return;
                    }
                }
                () = sleep_until(quiet) => return,
            }
        }
    }
}
