//! The speech-to-text port, its adapters, and recorded audio.
//!
//! Inside the crate audio is mono, 16 kHz, `f32` in `-1.0..=1.0`; adapters convert at the edge.

#[cfg(feature = "whisper")]
mod activity;
#[cfg(feature = "whisper")]
mod agreement;
mod annotate;
#[cfg(feature = "whisper")]
mod audio;
mod call;
#[cfg(feature = "whisper")]
pub mod ct2;
mod detector;
mod diarize;
#[cfg(feature = "whisper")]
mod earshot;
mod endpoint;
mod frame;
#[cfg(feature = "whisper")]
mod frames;
mod g711;
mod recording;
#[cfg(feature = "whisper")]
mod resample;
mod scripted;
mod signals;
#[cfg(feature = "whisper")]
mod silero;
mod span;
#[cfg(feature = "whisper")]
mod streaming;
mod timeline;
pub mod transport;
#[cfg(feature = "whisper")]
mod utterance;
#[cfg(feature = "whisper")]
mod vad;
#[cfg(not(feature = "whisper"))]
#[path = "no_vad.rs"]
mod vad;
#[cfg(any(feature = "whisper", feature = "test-util"))]
#[cfg_attr(
    not(feature = "whisper"),
    allow(
        dead_code,
        reason = "without an engine only the fuzz target reads files"
    )
)]
mod wav;
#[cfg(feature = "whisper")]
mod whisper;

#[cfg(feature = "whisper")]
pub use self::earshot::Earshot;
pub use annotate::{annotate, is_dictating};
#[cfg(feature = "whisper")]
pub use audio::{RecordingOptions, read_recording, read_recording_with};
pub use call::{AttributedSegment, CallOptions, transcribe_recording};
pub use detector::{DetectorFactory, DetectorProfile, VoiceDetector};
pub use diarize::{assign_mono_roles, infer_roles};
pub use endpoint::{EndpointOptions, is_back_channel};
pub use frame::AudioFrame;
#[cfg(feature = "eval")]
pub(crate) use g711::to_mu_law;
pub use recording::Recording;
pub use scripted::ScriptedSpeech;
pub use signals::prosody::Prosody;
pub use signals::{SignalTracker, Spoken};
#[cfg(feature = "whisper")]
pub use silero::{SileroModel, SileroVad};
pub use span::SpeechSpan;
#[cfg(feature = "whisper")]
pub use streaming::{LiveEvent, LiveEvents, LiveOptions, LiveTranscriber};
pub use timeline::timeline;
#[cfg(feature = "whisper")]
pub use vad::{speech_spans, speech_spans_with};
#[cfg(feature = "whisper")]
pub use whisper::WhisperSpeech;

use std::fmt::Debug;

use async_trait::async_trait;
use serde::Serialize;

use crate::conversation::{NewUtterance, ParticipantId, Word};
use crate::error::Result;

/// Samples a second of every [`AudioTrack`].
pub const SAMPLE_RATE: u32 = 16_000;

/// Below this, speech models have nothing to work with.
const LOWEST_RATE: u32 = 8_000;
const HIGHEST_RATE: u32 = 384_000;

/// One mono track of audio: 16 kHz, `-1.0..=1.0`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AudioTrack {
    /// The samples.
    pub samples: Vec<f32>,
}

impl AudioTrack {
    /// Length in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.samples.len() as u64 * 1000 / u64::from(SAMPLE_RATE)
    }
}

/// Words that were spoken without a longer pause, by one voice.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Segment {
    /// The text.
    pub text: String,
    /// Milliseconds from the start of the track.
    pub start_ms: u64,
    /// Milliseconds from the start of the track.
    pub end_ms: u64,
    /// Between 0 and 1: mean token probability.
    pub confidence: f32,
    /// BCP 47 tag of the language spoken.
    pub language: Option<String>,
    /// Words with their times; empty where the engine gives none.
    pub words: Vec<Word>,
}

impl Segment {
    /// As an utterance of `participant`, where the track begins at `start_ms` of the conversation.
    pub fn into_utterance(
        self,
        participant: impl Into<ParticipantId>,
        start_ms: u64,
    ) -> NewUtterance {
        let later = |word: Word| Word {
            start_ms: word.start_ms + start_ms,
            end_ms: word.end_ms + start_ms,
            ..word
        };
        let mut utterance = NewUtterance::new(participant, self.text)
            .with_span(self.start_ms + start_ms, self.end_ms + start_ms);
        utterance.language = self.language;
        utterance.confidence = Some(self.confidence);
        utterance.words = self.words.into_iter().map(later).collect();
        utterance.annotations = annotate(&utterance.text, utterance.language.as_deref());
        utterance
    }
}

/// How to transcribe.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TranscribeOptions {
    /// BCP 47 tag of the language spoken; found out where `None`.
    pub language: Option<String>,
    /// Words to expect: names, products.
    pub vocabulary: Vec<String>,
    /// What was said before, by whomever; the engine goes on from there.
    pub previous: Option<String>,
    /// A pause of at least so many milliseconds ends a segment.
    pub pause_ms: u64,
    /// Moments at which another person begins to speak, in ms, where that is known: no segment goes
    /// across one.
    pub borders_ms: Vec<u64>,
}

impl Default for TranscribeOptions {
    fn default() -> Self {
        Self {
            language: None,
            vocabulary: Vec::new(),
            previous: None,
            pause_ms: 600,
            borders_ms: Vec::new(),
        }
    }
}

impl TranscribeOptions {
    /// Options for a known language.
    pub fn language(tag: impl Into<String>) -> Self {
        Self {
            language: Some(tag.into()),
            ..Self::default()
        }
    }

    /// Sets the words to expect.
    #[must_use]
    pub fn with_vocabulary(mut self, words: impl IntoIterator<Item = String>) -> Self {
        self.vocabulary = words.into_iter().collect();
        self
    }

    /// Sets what was said before.
    #[must_use]
    pub fn with_previous(mut self, words: impl Into<String>) -> Self {
        self.previous = Some(words.into());
        self
    }

    /// Sets the pause that ends a segment.
    #[must_use]
    pub fn with_pause_ms(mut self, pause_ms: u64) -> Self {
        self.pause_ms = pause_ms;
        self
    }
}

/// An engine that turns recorded speech into text.
#[async_trait]
pub trait SpeechToText: Debug + Send + Sync + 'static {
    /// The model's name, for logs.
    fn id(&self) -> &str;

    /// The segments spoken in `track`, in order of time. Silence gives none.
    ///
    /// # Errors
    /// [`ErrorKind::Model`](crate::ErrorKind) where the model fails on this audio.
    async fn transcribe(
        &self,
        track: AudioTrack,
        options: TranscribeOptions,
    ) -> Result<Vec<Segment>>;

    /// The voice detector that goes with this engine: for live audio ([`LiveTranscriber`]) and for the turns of mono
    /// recordings ([`transcribe_recording`]). `None` where it has none; the built-in one is used then.
    fn voice_detector(&self) -> Option<DetectorFactory> {
        None
    }
}

/// For the fuzz target `wav`: how many samples a WAV file in memory holds, `None` where it is none.
#[cfg(feature = "test-util")]
#[doc(hidden)]
pub fn read_wav(bytes: &[u8]) -> Option<usize> {
    let mut wav = wav::Wav::open(bytes, bytes.len() as u64).ok()?;
    let (mut planes, mut samples) = (Vec::new(), 0);
    while wav.next(&mut planes).is_some() {
        samples += planes.iter().map(Vec::len).sum::<usize>();
    }
    Some(samples)
}
