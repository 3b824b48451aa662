//! Live transcription: frames of several tracks in, words out while people speak.
//!
//! One task hears all tracks through one model. What is urgent goes first: utterances that are over, then those
//! that may be over, then interim words of those that go on. When the machine is too slow interim words are left
//! out, finals never; then [`LiveTranscriber::push`] waits rather than lose audio.

mod desk;
mod jobs;
mod track;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::detector::DetectorFactory;
use super::{
    AudioFrame, AudioTrack, Earshot, EndpointOptions, Prosody, Segment, SpeechToText,
    TranscribeOptions,
};
use crate::error::{Error, ErrorKind, Result};
use desk::{Desk, Job};

/// Events waiting for a reader; when it is full the transcriber waits rather than lose one.
const EVENTS: usize = 1024;
/// Frames waiting for the transcriber.
const FRAMES: usize = 256;
/// Audio of utterances that are over and not transcribed yet, of all tracks; beyond it no more is taken.
const MOST_WAITING_MS: u64 = 120_000;
/// A stream that sends nothing for so long while somebody speaks has stopped in the middle of a word.
const STALLED: Duration = Duration::from_millis(1_500);
/// More participants than this do not share a model.
const MOST_TRACKS: usize = 16;

/// How to transcribe live audio.
#[derive(Clone)]
#[non_exhaustive]
pub struct LiveOptions {
    /// Language and vocabulary.
    pub transcribe: TranscribeOptions,
    /// When an utterance is over.
    pub endpoint: EndpointOptions,
    /// Interim words are looked for after so much more speech.
    pub interim_ms: u64,
    /// Makes the voice detector of each track; `None` for the engine's own
    /// ([`SpeechToText::voice_detector`]), else [`Earshot`].
    pub detector: Option<DetectorFactory>,
}

impl std::fmt::Debug for LiveOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveOptions")
            .field("transcribe", &self.transcribe)
            .field("endpoint", &self.endpoint)
            .field("interim_ms", &self.interim_ms)
            .finish_non_exhaustive()
    }
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            transcribe: TranscribeOptions::default(),
            endpoint: EndpointOptions::default(),
            interim_ms: 600,
            detector: None,
        }
    }
}

impl LiveOptions {
    /// Options that say how to transcribe.
    pub fn new(transcribe: TranscribeOptions) -> Self {
        Self {
            transcribe,
            ..Self::default()
        }
    }

    /// Sets when an utterance is over.
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: EndpointOptions) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// Sets after how much more speech interim words are looked for.
    #[must_use]
    pub fn with_interim_ms(mut self, speech_ms: u64) -> Self {
        self.interim_ms = speech_ms;
        self
    }

    /// Brings another voice detector.
    #[must_use]
    pub fn with_detector(mut self, detector: DetectorFactory) -> Self {
        self.detector = Some(detector);
        self
    }
}

/// What happens on the tracks. Times are milliseconds on the clock of the conversation.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LiveEvent {
    /// A voice set in: what a virtual agent is saying may be interrupted now.
    SpeechStarted {
        /// Whose.
        track: usize,
        /// Where it set in.
        start_ms: u64,
        /// How far the track was heard when this was noticed.
        noticed_ms: u64,
    },
    /// Words of an utterance that goes on.
    Interim {
        /// Whose.
        track: usize,
        /// Where the utterance began.
        start_ms: u64,
        /// Words that will not change any more: they are where the final begins. Only where all of it turns out to
        /// be no speech there is no final, but [`NoSpeech`](Self::NoSpeech).
        stable: String,
        /// Words behind them that may.
        tentative: String,
    },
    /// An utterance is over.
    Final {
        /// Whose.
        track: usize,
        /// What was said.
        segment: Segment,
        /// The speaker only showed that they listen, while another spoke: no turn.
        back_channel: bool,
        /// How it sounds.
        #[serde(skip)]
        prosody: Arc<Prosody>,
    },
    /// What set in was no speech: a noise, a tone, a breath.
    NoSpeech {
        /// Whose.
        track: usize,
        /// Where it set in.
        start_ms: u64,
        /// Where it ended.
        end_ms: u64,
    },
    /// No audio came for this time.
    Gap {
        /// Whose.
        track: usize,
        /// From.
        start_ms: u64,
        /// To.
        end_ms: u64,
    },
    /// Audio came after its time and was left out.
    Late {
        /// Whose.
        track: usize,
        /// From.
        start_ms: u64,
        /// To.
        end_ms: u64,
    },
    /// A stream stopped in the middle of an utterance, which ends here.
    Stalled {
        /// Whose.
        track: usize,
        /// Where.
        at_ms: u64,
    },
    /// The machine is too slow: utterances wait, and there are no interim words until it has caught up.
    Lagging {
        /// So far is the oldest utterance that waits behind what was heard.
        behind_ms: u64,
        /// Utterances that wait.
        waiting: usize,
    },
    /// What waits is less than a second behind.
    CaughtUp,
    /// An utterance could not be transcribed.
    Failed {
        /// Whose.
        track: usize,
        /// From.
        start_ms: u64,
        /// To.
        end_ms: u64,
        /// What happened and what to do.
        message: String,
    },
}

/// What the task is told.
enum Input {
    Frame(usize, AudioFrame),
    Finish(usize),
}

/// Transcribes live tracks.
///
/// Dropping it ends the tracks; what was said until then still comes out of the events.
///
/// ```
/// use std::sync::Arc;
/// use attendant::speech::{AudioFrame, LiveEvent, LiveOptions, LiveTranscriber, ScriptedSpeech};
/// use futures::StreamExt;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let (live, mut events) = LiveTranscriber::start(Arc::new(ScriptedSpeech::default()), 2, LiveOptions::default())?;
/// live.push(0, AudioFrame::from_mu_law(&[0xff; 160], 8_000).at_ms(0)).await?;
/// drop(live);
/// assert_eq!(events.next().await, None);
/// # Ok::<_, attendant::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct LiveTranscriber {
    inputs: mpsc::Sender<Input>,
    tracks: usize,
}

impl LiveTranscriber {
    /// Starts the task; needs a tokio runtime with time. `tracks` is how many participants there are.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for no track or more than 16.
    pub fn start(
        engine: Arc<dyn SpeechToText>,
        tracks: usize,
        options: LiveOptions,
    ) -> Result<(Self, LiveEvents)> {
        if tracks == 0 || tracks > MOST_TRACKS {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("{tracks} tracks cannot be transcribed together; give 1 to {MOST_TRACKS}"),
            ));
        }
        let (inputs, received) = mpsc::channel(FRAMES);
        let (sender, events) = mpsc::channel(EVENTS);
        let chosen = options.detector.clone();
        let detector = chosen
            .or_else(|| engine.voice_detector())
            .unwrap_or_else(|| Arc::new(|| Box::<Earshot>::default()));
        let desk = Desk::new(tracks, options, &detector);
        tokio::spawn(run(engine, desk, received, sender));
        Ok((Self { inputs, tracks }, LiveEvents { events }))
    }

    /// Takes the next frame of a track. Waits while minutes of speech are still to be transcribed, or a thousand
    /// events to be read: read them in another task.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a track that there is not, [`ErrorKind::Audio`] for a frame that cannot be
    /// used (a rate below 8 kHz, more than a minute), [`ErrorKind::Cancelled`] when nobody reads the events any
    /// more. The track goes on after a frame that was refused.
    pub async fn push(&self, track: usize, frame: AudioFrame) -> Result<()> {
        frame.check()?;
        self.send(track, Input::Frame(track, frame)).await
    }

    /// A track has ended: its last utterance is over.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub async fn finish(&self, track: usize) -> Result<()> {
        self.send(track, Input::Finish(track)).await
    }

    async fn send(&self, track: usize, input: Input) -> Result<()> {
        if track >= self.tracks {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("there is no track {track}, only {}", self.tracks),
            ));
        }
        self.inputs.send(input).await.map_err(|_| {
            Error::new(
                ErrorKind::Cancelled,
                "nobody reads the transcript any more; start a new one",
            )
        })
    }
}

/// The events of a [`LiveTranscriber`]; they end when all tracks have.
#[derive(Debug)]
pub struct LiveEvents {
    events: mpsc::Receiver<LiveEvent>,
}

impl Stream for LiveEvents {
    type Item = LiveEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<LiveEvent>> {
        self.events.poll_recv(cx)
    }
}

/// What a model made of a piece of audio, and how that sounds.
type Listened = (Vec<Segment>, Arc<Prosody>);
type Running = Pin<Box<dyn Future<Output = Result<Listened>> + Send>>;

async fn run(
    engine: Arc<dyn SpeechToText>,
    mut desk: Desk,
    mut inputs: mpsc::Receiver<Input>,
    events: mpsc::Sender<LiveEvent>,
) {
    let mut running: Option<(Job, Running)> = None;
    let mut is_open = true;
    let mut last_frames = vec![Instant::now(); desk.tracks()];
    loop {
        let takes_more = is_open && desk.waiting_ms() < MOST_WAITING_MS;
        if !takes_more || !inputs.is_empty() {
            // Frames that we let wait are no stall.
            last_frames.fill(Instant::now());
        }
        for (track, last) in last_frames.iter().enumerate() {
            if last.elapsed() >= STALLED {
                desk.stalled(track);
            }
        }
        // Interim words never hold up a final: the engine stops when nobody waits for it.
        if let Some((job, _)) = running.take_if(|(job, _)| desk.is_held_up_by(job)) {
            desk.give_up(job);
        }
        if running.is_none()
            && let Some((job, audio)) = desk.next_job()
        {
            let engine = Arc::clone(&engine);
            let options = desk.transcribe(job, &audio);
            let work = async move {
                // Beside the engine, which takes longer.
                let listening = job.is_whole.then(|| {
                    let audio = audio.clone();
                    tokio::task::spawn_blocking(move || Prosody::of(&audio))
                });
                let track = AudioTrack { samples: audio };
                let segments = engine.transcribe(track, options).await?;
                let prosody = match listening {
                    Some(task) => task.await.unwrap_or_default(),
                    None => Prosody::default(),
                };
                Ok((segments, Arc::new(prosody)))
            };
            running = Some((job, Box::pin(work)));
        }
        for event in desk.take_events() {
            if events.send(event).await.is_err() {
                return;
            }
        }
        if !is_open && running.is_none() {
            return;
        }
        let speaking = desk.is_speaking();
        tokio::select! {
            biased;
            heard = async {
                match &mut running {
                    Some((_, work)) => work.await,
                    None => std::future::pending().await,
                }
            } => if let Some((job, _)) = running.take() {
                desk.heard(job, heard);
            },
            () = events.closed() => return,
            input = inputs.recv(), if takes_more => match input {
                Some(Input::Frame(track, frame)) => {
                    if let Some(last) = last_frames.get_mut(track) {
                        *last = Instant::now();
                    }
                    desk.push(track, frame);
                }
                Some(Input::Finish(track)) => desk.finish(track),
                None => {
                    is_open = false;
                    desk.finish_all();
                }
            },
            () = tokio::time::sleep(STALLED), if speaking && takes_more => {}
        }
    }
}

#[cfg(test)]
mod tests;
