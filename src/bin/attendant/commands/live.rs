//! A recording heard as a live call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use attendant::conversation::{
    Channel, Conversation, ConversationSignals, Participant, ParticipantId, Role, Utterance,
};
use attendant::speech::{
    AudioFrame, AudioTrack, LiveEvent, LiveOptions, LiveTranscriber, SAMPLE_RATE, SignalTracker,
    SpeechSpan, SpeechToText, Spoken, TranscribeOptions, infer_roles, read_recording, timeline,
};
use attendant::{Error, ErrorKind, Result};
use futures::StreamExt;
use serde::Serialize;

use crate::args::TranscribeArgs;
use crate::screen::Screen;

const FRAME_MS: u64 = 20;
/// Silence behind the recording, in which the last utterance ends.
const AFTER_MS: u64 = 2_000;
/// Columns of a minute of the timeline.
const WIDTH: usize = 120;

/// An event as `--json` prints it.
#[derive(Serialize)]
struct Timed<'a> {
    at_ms: u64,
    /// Of a final: how long after the last word it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    #[serde(flatten)]
    event: &'a LiveEvent,
}

/// The last line of `--json`.
#[derive(Serialize)]
struct Outcome {
    #[serde(rename = "type")]
    kind: &'static str,
    finals: usize,
    final_p50_ms: u64,
    final_p95_ms: u64,
    revisions: usize,
    signals: ConversationSignals,
}

pub(crate) async fn run(
    args: TranscribeArgs,
    engine: Arc<dyn SpeechToText>,
    screen: &Screen,
) -> Result<()> {
    let file = args.file.clone();
    let recording = tokio::task::spawn_blocking(move || read_recording(&file))
        .await
        .map_err(|why| Error::new(ErrorKind::Internal, "the decoder stopped").with_source(why))??;
    for warning in &recording.warnings {
        screen.note(&format!("{}: {warning}", args.file.display()));
    }
    let language = Some(args.language.as_str()).filter(|tag| *tag != "auto");
    let options = language
        .map_or_else(TranscribeOptions::default, TranscribeOptions::language)
        .with_vocabulary(args.vocabulary);
    let tracks = recording.tracks;
    let (live, mut events) =
        LiveTranscriber::start(engine, tracks.len(), LiveOptions::new(options))?;
    let start = Instant::now();
    let feeding = feed(live, &tracks, start);
    let reading = async {
        let mut heard = Heard::new(&tracks);
        while let Some(event) = events.next().await {
            let at_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            let delay_ms = heard.take(&event, at_ms);
            if args.json {
                screen.json(&Timed {
                    at_ms,
                    delay_ms,
                    event: &event,
                })?;
            } else {
                show(&event, delay_ms, screen)?;
            }
        }
        Ok(heard)
    };
    let (heard, ()) = futures::future::try_join(reading, feeding).await?;
    heard.finish(args.json, screen)
}

/// Feeds all tracks side by side at real-time pace.
async fn feed(live: LiveTranscriber, tracks: &[AudioTrack], start: Instant) -> Result<()> {
    let size = (u64::from(SAMPLE_RATE) * FRAME_MS / 1000) as usize;
    let longest = tracks
        .iter()
        .map(|track| track.samples.len())
        .max()
        .unwrap_or_default();
    let frames = longest.div_ceil(size) as u64 + AFTER_MS / FRAME_MS;
    for number in 0..frames {
        // A frame is there when it is over.
        let due = start + Duration::from_millis((number + 1) * FRAME_MS);
        tokio::time::sleep_until(due.into()).await;
        for (index, track) in tracks.iter().enumerate() {
            let at = usize::try_from(number)
                .unwrap_or(usize::MAX)
                .saturating_mul(size);
            let rest = track.samples.get(at..).unwrap_or_default();
            let mut samples = rest
                .get(..size.min(rest.len()))
                .unwrap_or_default()
                .to_vec();
            samples.resize(size, 0.0);
            live.push(
                index,
                AudioFrame::new(samples, SAMPLE_RATE).at_ms(number * FRAME_MS),
            )
            .await?;
        }
    }
    Ok(())
}

/// What was heard so far.
struct Heard<'a> {
    tracks: &'a [AudioTrack],
    conversation: Conversation,
    signals: SignalTracker,
    delays: Vec<u64>,
    revisions: usize,
    stable: Vec<String>,
}

impl<'a> Heard<'a> {
    fn new(tracks: &'a [AudioTrack]) -> Self {
        let mut heard = Self {
            tracks,
            conversation: Conversation::new("transcript", Channel::Voice),
            signals: SignalTracker::new(),
            delays: Vec::new(),
            revisions: 0,
            stable: vec![String::new(); tracks.len()],
        };
        for index in 0..tracks.len() {
            heard.signals.join(&id(index));
            heard
                .conversation
                .join(Participant::new(id(index), Role::Unknown));
        }
        heard
    }

    /// Takes an event; the delay of a final.
    fn take(&mut self, event: &LiveEvent, at_ms: u64) -> Option<u64> {
        match event {
            LiveEvent::Interim { track, stable, .. } => {
                let before = self.stable.get_mut(*track)?;
                self.revisions += usize::from(!stable.starts_with(before.as_str()));
                before.clone_from(stable);
                None
            }
            LiveEvent::Final {
                track,
                segment,
                back_channel,
                prosody,
            } => {
                let before = self.stable.get_mut(*track)?;
                self.revisions += usize::from(!segment.text.starts_with(before.as_str()));
                before.clear();
                let delay = at_ms.saturating_sub(segment.end_ms);
                self.delays.push(delay);
                let mut said = segment.clone().into_utterance(id(*track), 0);
                said.back_channel = *back_channel;
                let span = SpeechSpan {
                    start_ms: said.start_ms,
                    end_ms: said.end_ms,
                };
                self.signals.speech(&said.participant, span);
                self.signals
                    .utterance(Spoken::from(&said).with_prosody(prosody));
                self.conversation.append(said);
                Some(delay)
            }
            LiveEvent::NoSpeech { track, .. } => {
                let before = self.stable.get_mut(*track)?;
                self.revisions += usize::from(!before.is_empty());
                before.clear();
                None
            }
            _ => None,
        }
    }

    fn finish(mut self, json: bool, screen: &Screen) -> Result<()> {
        let length = self
            .tracks
            .iter()
            .map(AudioTrack::duration_ms)
            .max()
            .unwrap_or_default();
        self.signals.advance(length);
        let signals = self.signals.snapshot();
        self.delays.sort_unstable();
        let at = |share: f64| {
            let place = (self.delays.len() as f64 * share).ceil() as usize;
            self.delays
                .get(place.saturating_sub(1))
                .copied()
                .unwrap_or_default()
        };
        let outcome = Outcome {
            kind: "outcome",
            finals: self.delays.len(),
            final_p50_ms: at(0.5),
            final_p95_ms: at(0.95),
            revisions: self.revisions,
            signals,
        };
        if json {
            return screen.json(&outcome);
        }
        let said: Vec<Utterance> = self.conversation.transcript.utterances().to_vec();
        screen.line("")?;
        screen.line(timeline(&outcome.signals, &said, WIDTH).trim_end())?;
        if self.tracks.len() > 1 {
            let words = |index: usize| -> String {
                let own = said.iter().filter(|u| u.participant == id(index));
                own.map(|u| u.text.as_str()).collect::<Vec<_>>().join("\n")
            };
            let words: Vec<String> = (0..self.tracks.len()).map(words).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            for (index, (role, confidence)) in infer_roles(&words).into_iter().enumerate() {
                screen.line(&format!(
                    "{}: {} ({:.0}%)",
                    id(index),
                    role.label(),
                    confidence * 100.0
                ))?;
            }
        }
        screen.line(&format!(
            "{} finals, {} ms after the last word in the median, 95 of 100 within {} ms; stable words taken back: {}",
            outcome.finals, outcome.final_p50_ms, outcome.final_p95_ms, outcome.revisions
        ))
    }
}

fn id(track: usize) -> ParticipantId {
    format!("track-{track}").into()
}

fn show(event: &LiveEvent, delay_ms: Option<u64>, screen: &Screen) -> Result<()> {
    let time = |ms: u64| format!("{}:{:04.1}", ms / 60_000, (ms % 60_000) as f64 / 1000.0);
    match event {
        LiveEvent::Final {
            track,
            segment,
            back_channel,
            ..
        } => {
            let listens = if *back_channel { " (listens)" } else { "" };
            screen.line(&format!(
                "{} track-{track}{listens} {}  [{} ms]",
                time(segment.start_ms),
                segment.text,
                delay_ms.unwrap_or_default()
            ))
        }
        LiveEvent::Interim {
            track,
            start_ms,
            stable,
            tentative,
        } => {
            screen.note(&format!(
                "{} track-{track} … {stable} | {tentative}",
                time(*start_ms)
            ));
            Ok(())
        }
        other => {
            let text = serde_json::to_string(other).unwrap_or_default();
            screen.note(&text);
            Ok(())
        }
    }
}
