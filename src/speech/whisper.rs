//! Whisper in this process, through whisper.cpp.
//!
//! A track is cut into utterances at its pauses, and each is decoded by itself: its times are
//! then those of the voice detector and cannot drift, silence is never decoded (Whisper invents
//! text there), and the encoder's work shrinks with the utterance (`audio_ctx`).

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use whisper_rs::{FullParams, WhisperContext, WhisperContextParameters};

use super::utterance::{self, UtteranceSpan};
use super::{AudioTrack, SAMPLE_RATE, Segment, SpeechToText, TranscribeOptions, speech_spans};
use crate::compute::{self, Priority};
use crate::error::{Error, ErrorKind, OrError, Result};

mod decoder;
mod file;
mod language;
mod text;

use decoder::Decoder;
use language::{Change, known_language};
use text::Spoken;

/// Positions of the encoder a second, and at most.
const CONTEXT_PER_SECOND: u64 = 50;
const FULL_CONTEXT: i32 = 1500;
/// The encoder was trained on 30 s; with less room than this the decoder starts to repeat itself.
const LEAST_CONTEXT: u64 = 512;
/// Positions beyond the end of the speech, so that the last word is followed by silence.
const SPARE_CONTEXT: u64 = 64;
/// More threads than this do not make these small models faster.
const MOST_THREADS: usize = 8;
/// Utterances of one track that are decoded side by side, each by its own decoder: threads that
/// share an utterance wait for each other after every small operation, and where something else
/// runs on the machine that costs several times the work itself.
const MOST_DECODERS: usize = 4;
/// Speech of this length behind the decoder's last time stamp was left out by it …
const LEFT_OUT_MS: u64 = 1_500;
/// … and is decoded in turn, in so many parts at most.
const MOST_PARTS: usize = 4;
/// Audio that is decoded while the cores are held, so that others get their turn.
const BATCH_MS: u64 = 16_000;
/// Tokens of a prompt: half of the text context is whisper.cpp's own limit; more would push out the newest.
const MOST_PROMPT: usize = 200;
/// Tokens of what was said before.
const MOST_PREVIOUS: usize = 60;
/// Below this mean log probability the decoder is guessing …
const GUESSING: f32 = -1.0;
/// … and the utterance is dropped where it is also this likely to be no speech.
const NO_SPEECH: f32 = 0.5;

/// A Whisper model in ggml format, English-only or multilingual.
///
/// Cheap to clone; clones share the model. Audio is decoded greedily on the cores of this machine,
/// several utterances of a track side by side. Radford et al., *Robust Speech Recognition via
/// Large-Scale Weak Supervision*, 2022.
#[derive(Clone)]
pub struct WhisperSpeech {
    inner: Arc<Inner>,
}

struct Inner {
    id: String,
    context: WhisperContext,
    /// Decoders that are not in use.
    decoders: Mutex<Vec<Decoder>>,
    multilingual: bool,
    threads: usize,
}

impl fmt::Debug for WhisperSpeech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhisperSpeech")
            .field("id", &self.inner.id)
            .field("multilingual", &self.inner.multilingual)
            .finish_non_exhaustive()
    }
}

impl WhisperSpeech {
    /// Loads a ggml model file, blocking for the time it takes to read it. The model is named
    /// after the file, or after its folder where the file is called `model`.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] where the file is missing, damaged or not a ggml Whisper model.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        whisper_rs::install_logging_hooks();
        file::check(path)?;
        let refused = || {
            format!(
                "the speech model {} cannot be loaded; fetch it again",
                path.display()
            )
        };
        let context = WhisperContext::new_with_params(path, WhisperContextParameters::default())
            .or_error(ErrorKind::Model, refused)?;
        let state = context.create_state().or_error(ErrorKind::Model, refused)?;
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            inner: Arc::new(Inner {
                id: name_of(path),
                multilingual: context.is_multilingual(),
                context,
                decoders: Mutex::new(vec![Decoder::new(state)]),
                threads: threads.min(MOST_THREADS),
            }),
        })
    }

    /// Whether it knows other languages than English.
    pub fn is_multilingual(&self) -> bool {
        self.inner.multilingual
    }
}

fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    let folder = path.parent().and_then(Path::file_name);
    let name = if stem == "model" { folder } else { None };
    name.unwrap_or(stem).to_string_lossy().into_owned()
}

#[async_trait]
impl SpeechToText for WhisperSpeech {
    fn id(&self) -> &str {
        &self.inner.id
    }

    /// # Errors
    /// [`ErrorKind::Unsupported`] where the model does not know the language asked for,
    /// [`ErrorKind::Model`] where decoding fails.
    async fn transcribe(
        &self,
        track: AudioTrack,
        options: TranscribeOptions,
    ) -> Result<Vec<Segment>> {
        let inner = Arc::clone(&self.inner);
        // The blocking thread learns from this that nobody waits any more.
        let wanted = Wanted(Arc::new(AtomicBool::new(true)));
        let still = Arc::clone(&wanted.0);
        let work = tokio::task::spawn_blocking(move || inner.transcribe(&track, &options, &still));
        work.await.or_error(
            ErrorKind::Internal,
            || "the speech thread stopped; this is a defect",
        )?
    }
}

/// What is asked of the decoders.
#[derive(Clone, Copy)]
struct Asked<'a> {
    /// As Whisper calls it.
    language: Option<&'static str>,
    /// What tells that an utterance is in another one, where it may be.
    change: Option<Change>,
    /// Tokens of a text that came before.
    prompt: &'a [i32],
    wanted: &'a Arc<AtomicBool>,
}

fn unwanted() -> Error {
    Error::new(
        ErrorKind::Cancelled,
        "nobody waits for this transcript any more",
    )
}

struct Wanted(Arc<AtomicBool>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Inner {
    fn transcribe(
        &self,
        track: &AudioTrack,
        options: &TranscribeOptions,
        wanted: &Arc<AtomicBool>,
    ) -> Result<Vec<Segment>> {
        let language = self.asked_language(options)?;
        let spans = speech_spans(track);
        let utterances = utterance::cut(track, &spans, options.pause_ms, &options.borders_ms);
        if utterances.is_empty() {
            return Ok(Vec::new());
        }
        let prompt = self.prompt(options)?;
        let mut asked = Asked {
            language: known_language(language.as_deref().unwrap_or("en")),
            change: language.is_none().then_some(Change::FIRST),
            prompt: &prompt,
            wanted,
        };
        if language.is_none() && utterances.len() > 1 {
            asked.language = self.detect_language(track, &utterances, asked)?;
            asked.change = Some(Change::LATER);
        }
        let mut segments = Vec::with_capacity(utterances.len());
        for batch in batches(&utterances) {
            if !wanted.load(Ordering::Relaxed) {
                return Err(unwanted());
            }
            segments.extend(self.batch(track, batch, asked)?);
        }
        Ok(segments)
    }

    /// Decodes utterances side by side, the longest first; gives their segments in order of time.
    fn batch(
        &self,
        track: &AudioTrack,
        batch: &[UtteranceSpan],
        asked: Asked<'_>,
    ) -> Result<Vec<Segment>> {
        let workers = batch.len().min(MOST_DECODERS).min(self.threads).max(1);
        let threads = i32::try_from(self.threads / workers).unwrap_or(1);
        let mut order: Vec<usize> = (0..batch.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(batch[index].duration_ms()));
        let next = AtomicUsize::new(0);
        let work = || -> Result<Vec<(usize, Segment)>> {
            let mut decoder = self.decoder()?;
            let mut parameters = decoder.begin(asked.wanted, asked.language);
            parameters.set_n_threads(threads);
            parameters.set_tokens(asked.prompt);
            let mut found = Ok(Vec::new());
            while let Ok(segments) = &mut found
                && let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let utterance = &batch[index];
                match self.in_its_language(&mut decoder, track, utterance, &parameters, asked) {
                    Ok(segment) => segments.extend(segment.map(|segment| (index, segment))),
                    Err(error) => found = Err(error),
                }
            }
            self.decoders.lock().push(decoder);
            found
        };

        let _turn = compute::turn(Priority::Live);
        let results: Vec<Result<Vec<(usize, Segment)>>> = std::thread::scope(|scope| {
            let helpers: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
            let own = work();
            let stopped = || {
                Error::new(
                    ErrorKind::Internal,
                    "a decoder thread stopped; this is a defect",
                )
            };
            let theirs = helpers
                .into_iter()
                .map(|h| h.join().unwrap_or_else(|_| Err(stopped())));
            std::iter::once(own).chain(theirs).collect()
        });
        let mut found = Vec::with_capacity(batch.len());
        for result in results {
            found.extend(result?);
        }
        found.sort_by_key(|(index, _)| *index);
        Ok(found.into_iter().map(|(_, segment)| segment).collect())
    }

    /// A decoder that nobody uses; a new one where all are in use.
    fn decoder(&self) -> Result<Decoder> {
        if let Some(free) = self.decoders.lock().pop() {
            return Ok(free);
        }
        let state = self.context.create_state();
        state.map(Decoder::new).or_error(ErrorKind::Model, || {
            format!("{} has no memory for one more decoder; free some", self.id)
        })
    }

    /// Words to expect, as a text that came before, and what did come before.
    fn prompt(&self, options: &TranscribeOptions) -> Result<Vec<i32>> {
        let mut tokens = Vec::new();
        if !options.vocabulary.is_empty() {
            tokens = self.tokens(&format!("{}.", options.vocabulary.join(", ")))?;
            tokens.truncate(MOST_PROMPT);
        }
        if let Some(previous) = &options.previous {
            let previous = self.tokens(previous.trim())?;
            // The newest words tell most.
            let room = MOST_PREVIOUS.min(MOST_PROMPT - tokens.len());
            tokens.extend_from_slice(&previous[previous.len().saturating_sub(room)..]);
        }
        Ok(tokens)
    }

    fn tokens(&self, text: &str) -> Result<Vec<i32>> {
        let text = format!(" {}", text.replace('\0', ""));
        // No token is shorter than a byte; with less room whisper-rs reads past its buffer.
        let room = text.len() + 8;
        self.context.tokenize(&text, room).or_error(
            ErrorKind::InvalidInput,
            || "the vocabulary cannot be put into the model's words; check its spelling",
        )
    }

    fn utterance(
        &self,
        decoder: &mut Decoder,
        track: &AudioTrack,
        utterance: &UtteranceSpan,
        parameters: &FullParams<'_, '_>,
    ) -> Result<Option<Segment>> {
        let audio = utterance.audio(track);
        let mut words = Vec::new();
        let mut from = 0;
        // Whisper may stop where another voice sets in; it then goes on from there, as it does on
        // recordings of more than 30 s.
        for _ in 0..MOST_PARTS {
            let rest = audio.get(from..).unwrap_or_default();
            let heard = self.part(decoder, rest, parameters)?;
            words.extend(heard.words);
            let rest_ms = milliseconds(rest);
            match heard.stopped_ms {
                Some(stop) if stop > 0 && stop + LEFT_OUT_MS < rest_ms => from += samples(stop),
                _ => break,
            }
        }
        let words = text::without_loops(words, milliseconds(audio));
        if words.is_empty() {
            return Ok(None);
        }
        let confidence = words.iter().map(|w| w.confidence).sum::<f32>() / words.len() as f32;
        let texts: Vec<&str> = words.iter().map(|w| w.text.as_str()).collect();
        Ok(Some(Segment {
            text: texts.join(" "),
            start_ms: utterance.start_ms(),
            end_ms: utterance.end_ms(),
            confidence,
            language: None,
            words: text::timed(words, &utterance.speech),
        }))
    }

    /// What is said in `audio`, up to where the decoder stops.
    fn part(
        &self,
        decoder: &mut Decoder,
        audio: &[f32],
        parameters: &FullParams<'_, '_>,
    ) -> Result<Heard> {
        let duration_ms = milliseconds(audio);
        let mut parameters = parameters.clone();
        let context = duration_ms * CONTEXT_PER_SECOND / 1000 + SPARE_CONTEXT;
        let context = context.max(LEAST_CONTEXT).next_multiple_of(64);
        parameters
            .set_audio_ctx(i32::try_from(context).map_or(FULL_CONTEXT, |c| c.min(FULL_CONTEXT)));
        let most_tokens = 16 + duration_ms / 100;
        parameters.set_max_tokens(i32::try_from(most_tokens).unwrap_or(224).min(224));

        let mut heard = self.decode(decoder, &parameters, audio)?;
        if text::is_loop(&heard.words, duration_ms) {
            // A little randomness gets a stuck decoder out, as in the reference implementation.
            parameters.set_temperature(0.4);
            heard = self.decode(decoder, &parameters, audio)?;
        }
        if heard.mean_log < GUESSING && heard.no_speech > NO_SPEECH {
            return Ok(Heard::default());
        }
        heard.words = text::without_notes(heard.words);
        Ok(heard)
    }

    fn decode(
        &self,
        decoder: &mut Decoder,
        parameters: &FullParams<'_, '_>,
        audio: &[f32],
    ) -> Result<Heard> {
        let done = decoder.state.full(parameters.clone(), audio);
        if !decoder.is_wanted() {
            return Err(unwanted());
        }
        done.or_error(ErrorKind::Model, || {
            format!("{} failed on this audio; try another model", self.id)
        })?;
        let mut heard = Heard::default();
        let mut tokens: Vec<(&[u8], f32)> = Vec::new();
        let (end, stamps) = (self.context.token_eot(), self.context.token_beg());
        let mut log = 0.0;
        for segment in decoder.state.as_iter() {
            heard.no_speech = heard.no_speech.max(segment.no_speech_probability());
            for index in 0..segment.n_tokens() {
                let Some(token) = segment.get_token(index) else {
                    continue;
                };
                let data = token.token_data();
                if data.id > stamps {
                    // A stamp counts steps of 20 ms.
                    heard.stopped_ms = u64::try_from(data.id - stamps).ok().map(|t| t * 20);
                }
                if data.id < end {
                    log += data.plog;
                    tokens.push((
                        self.context.token_to_bytes(data.id).unwrap_or_default(),
                        data.p,
                    ));
                }
            }
        }
        heard.mean_log = log / tokens.len().max(1) as f32;
        heard.words = text::words(tokens);
        Ok(heard)
    }
}

/// Utterances in groups of at most so much audio that the cores may be held for it; a single
/// longer one stands alone.
fn batches(utterances: &[UtteranceSpan]) -> Vec<&[UtteranceSpan]> {
    let mut batches = Vec::new();
    let mut rest = utterances;
    while !rest.is_empty() {
        let mut total = 0;
        let fitting = rest.iter().take_while(|u| {
            total += u.duration_ms();
            total <= BATCH_MS
        });
        let (batch, later) = rest.split_at(fitting.count().max(1));
        batches.push(batch);
        rest = later;
    }
    batches
}

/// What the decoder made of one utterance.
#[derive(Debug, Default)]
struct Heard {
    words: Vec<Spoken>,
    mean_log: f32,
    no_speech: f32,
    /// The last time stamp, from the start of the audio.
    stopped_ms: Option<u64>,
}

fn milliseconds(audio: &[f32]) -> u64 {
    audio.len() as u64 * 1000 / u64::from(SAMPLE_RATE)
}

fn samples(milliseconds: u64) -> usize {
    usize::try_from(milliseconds * u64::from(SAMPLE_RATE) / 1000).unwrap_or(usize::MAX)
}
