//! Audio files decoded to 16 kHz tracks.
//!
//! WAV (PCM of 8 to 32 bits, floating point, G.711 mu-law and A-law), FLAC, MP3, Ogg Vorbis and Ogg Opus, at
//! 8 kHz and up. A file is decoded and resampled packet by packet, so memory holds the 16 kHz samples and
//! nothing else; a limit on the duration bounds those.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::errors::Error as DecodeError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia_adapter_libopus::OpusDecoder;

use super::resample::Resampler;
use super::wav::{NotRead, Wav};
use super::{AudioTrack, HIGHEST_RATE, LOWEST_RATE, Recording, SAMPLE_RATE};
use crate::error::{Error, ErrorKind, OrError, Result};

const FORMATS: &str =
    "WAV (PCM, floating point, mu-law or A-law), FLAC, MP3, Ogg Vorbis or Ogg Opus";
/// Four tracks of the default duration are 1.8 GB of samples.
const MOST_TRACKS: usize = 4;

/// Limits of [`read_recording_with`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RecordingOptions {
    /// The longest recording to accept. Two hours by default: an hour of one track takes 230 MB.
    pub max_duration: Duration,
}

impl Default for RecordingOptions {
    fn default() -> Self {
        Self {
            max_duration: Duration::from_secs(2 * 3600),
        }
    }
}

impl RecordingOptions {
    /// Accepts recordings up to `limit`.
    #[must_use]
    pub fn with_max_duration(mut self, limit: Duration) -> Self {
        self.max_duration = limit;
        self
    }
}

/// Decodes an audio file of up to two hours; see [`read_recording_with`].
///
/// # Errors
/// As [`read_recording_with`].
pub fn read_recording(path: impl AsRef<Path>) -> Result<Recording> {
    read_recording_with(path, &RecordingOptions::default())
}

/// Decodes an audio file to 16 kHz, one track a channel.
///
/// A file that ends too early or has damaged places is read as far as it goes, damaged places
/// becoming silence so that times stay true; [`Recording::warnings`] says so.
///
/// # Errors
/// [`ErrorKind::NotFound`] where there is no such file, [`ErrorKind::Audio`] where it is empty, of
/// another format, without usable audio, of more than four channels, below 8 kHz or longer than the limit.
pub fn read_recording_with(
    path: impl AsRef<Path>,
    options: &RecordingOptions,
) -> Result<Recording> {
    let path = path.as_ref();
    read(path, options).map_err(|e| e.context(path.display()))
}

fn read(path: &Path, options: &RecordingOptions) -> Result<Recording> {
    let (mut file, bytes) = open(path)?;
    let mut sink = Sink::default();
    match Wav::open(BufReader::with_capacity(1 << 16, &file), bytes) {
        Ok(wav) => sink.fill_from_wav(wav, options),
        Err(NotRead::Cut) => Err(audio_error(
            "the file ends before the audio begins; record or copy it again",
        )),
        Err(NotRead::Other) => {
            file.rewind().or_error(
                ErrorKind::Audio,
                || "the audio cannot be read twice; give a file, not a pipe",
            )?;
            sink.fill_from_any(file, path, options)
        }
    }?;
    sink.finish()
}

fn audio_error(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Audio, what)
}

fn open(path: &Path) -> Result<(File, u64)> {
    let file = File::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => Error::new(
            ErrorKind::NotFound,
            "there is no such audio file; check the path",
        ),
        _ => audio_error("the audio file cannot be opened; check that it may be read")
            .with_source(source),
    })?;
    let about = file.metadata().or_error(
        ErrorKind::Audio,
        || "the audio file cannot be examined; check that it may be read",
    )?;
    if about.is_dir() {
        return Err(audio_error("this is a folder; give an audio file in it"));
    }
    if !about.is_file() {
        return Err(audio_error(
            "this is no file but a pipe or a device; give a file",
        ));
    }
    if about.len() == 0 {
        return Err(audio_error(
            "the audio file is empty; record or copy it again",
        ));
    }
    Ok((file, about.len()))
}

fn check_duration(frames: u64, rate: u32, options: &RecordingOptions) -> Result<()> {
    let seconds = frames / u64::from(rate.max(1));
    if seconds <= options.max_duration.as_secs() {
        return Ok(());
    }
    Err(audio_error(format!(
        "the recording lasts {} min or more, the limit is {} min; split it (an \
         application can raise the limit: RecordingOptions::with_max_duration)",
        seconds / 60,
        options.max_duration.as_secs() / 60
    )))
}

/// symphonia's own decoders, and libopus.
fn codecs() -> &'static CodecRegistry {
    static CODECS: OnceLock<CodecRegistry> = OnceLock::new();
    CODECS.get_or_init(|| {
        let mut codecs = CodecRegistry::new();
        symphonia::default::register_enabled_codecs(&mut codecs);
        codecs.register_audio_decoder::<OpusDecoder>();
        codecs
    })
}

/// Collects what is decoded.
#[derive(Default)]
struct Sink {
    rate: u32,
    channels: Vec<Resampler>,
    frames: u64,
    /// Frames the header promises.
    promised: Option<u64>,
    ended_early: bool,
    damaged: u32,
}

impl Sink {
    fn fill_from_wav<R: Read>(
        &mut self,
        mut wav: Wav<R>,
        options: &RecordingOptions,
    ) -> Result<()> {
        self.promised = wav.promised;
        self.start(wav.rate, wav.channels)?;
        check_duration(wav.frames_there(), wav.rate, options)?;
        let mut planes = Vec::new();
        while wav.next(&mut planes).is_some() {
            self.push(&planes)?;
        }
        Ok(())
    }

    fn fill_from_any(&mut self, file: File, path: &Path, options: &RecordingOptions) -> Result<()> {
        let mut hint = Hint::new();
        if let Some(extension) = path.extension().and_then(|e| e.to_str()) {
            hint.with_extension(extension);
        }
        let stream = MediaSourceStream::new(Box::new(file), Default::default());
        let unknown = || format!("this is not an audio file that can be read; give {FORMATS}");
        let mut format = symphonia::default::get_probe()
            .probe(
                &hint,
                stream,
                FormatOptions::default(),
                MetadataOptions::default(),
            )
            .or_error(ErrorKind::Audio, unknown)?;
        let track = format
            .default_track(TrackType::Audio)
            .ok_or_else(|| audio_error(format!("the file has no audio; give {FORMATS}")))?
            .clone();
        let parameters = track
            .codec_params
            .as_ref()
            .and_then(|p| p.audio())
            .ok_or_else(|| audio_error(unknown()))?;
        self.promised = track.num_frames;
        if let (Some(frames), Some(rate)) = (track.num_frames, parameters.sample_rate) {
            check_duration(frames, rate, options)?;
        }
        let decoder = codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .or_error(ErrorKind::Audio, || {
                format!("audio of this kind cannot be decoded here; convert it to {FORMATS}")
            })?;
        self.decode(format.as_mut(), decoder, &track, options)
    }

    fn decode(
        &mut self,
        format: &mut dyn FormatReader,
        mut decoder: Box<dyn AudioDecoder>,
        track: &Track,
        options: &RecordingOptions,
    ) -> Result<()> {
        let mut planes: Vec<Vec<f32>> = Vec::new();
        loop {
            let packet = match format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(()),
                Err(_) => break,
            };
            if packet.track_id != track.id {
                continue;
            }
            match decoder.decode(&packet) {
                Ok(buffer) if buffer.frames() == 0 => continue,
                Ok(buffer) => {
                    let (rate, count) = (buffer.spec().rate(), buffer.spec().channels().count());
                    if self.channels.is_empty() {
                        self.start(rate, count)?;
                    }
                    if (rate, count) != (self.rate, self.channels.len()) {
                        // A chained stream of another layout: what came before is still good.
                        break;
                    }
                    buffer.copy_to_vecs_planar(&mut planes);
                    self.push(&planes)?;
                }
                Err(DecodeError::DecodeError(_) | DecodeError::IoError(_)) => {
                    self.damaged += 1;
                    let frames = usize::try_from(packet.dur.get()).unwrap_or(0).min(1 << 16);
                    planes = vec![vec![0.0; frames]; self.channels.len()];
                    self.push(&planes)?;
                }
                Err(_) => break,
            }
            check_duration(self.frames, self.rate, options)?;
        }
        self.ended_early = true;
        Ok(())
    }

    fn start(&mut self, rate: u32, channels: usize) -> Result<()> {
        if !(LOWEST_RATE..=HIGHEST_RATE).contains(&rate) {
            return Err(audio_error(format!(
                "the sample rate is {rate} Hz; give audio of {LOWEST_RATE} to {HIGHEST_RATE} Hz"
            )));
        }
        if channels == 0 || channels > MOST_TRACKS {
            return Err(audio_error(format!(
                "the file has {channels} channels; give at most {MOST_TRACKS}, one a participant"
            )));
        }
        self.rate = rate;
        self.channels = (0..channels)
            .map(|_| Resampler::new(rate))
            .collect::<Result<_>>()?;
        Ok(())
    }

    fn push(&mut self, planes: &[Vec<f32>]) -> Result<()> {
        self.frames += planes.first().map_or(0, Vec::len) as u64;
        for (channel, plane) in self.channels.iter_mut().zip(planes) {
            channel.push(plane)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Recording> {
        // A tenth of a second is less than one word.
        if self.frames < u64::from(self.rate / 10).max(1) {
            return Err(audio_error(
                "the file holds no usable audio; it may have been cut off while it was recorded or copied: \
                 make it again",
            ));
        }
        let seconds = |frames: u64| frames as f64 / f64::from(self.rate);
        let mut warnings = Vec::new();
        let missing = self.promised.map_or(0, |p| p.saturating_sub(self.frames));
        if seconds(missing) > 0.1 {
            warnings.push(format!(
                "the file ends early: {:.1} s of {:.1} s are there",
                seconds(self.frames),
                seconds(self.frames + missing)
            ));
        } else if self.ended_early {
            warnings.push(format!(
                "the file is damaged after {:.1} s; the rest is left out",
                seconds(self.frames)
            ));
        }
        if self.damaged > 0 {
            warnings.push(format!(
                "{} damaged places were replaced by silence",
                self.damaged
            ));
        }
        let tracks = self
            .channels
            .into_iter()
            .map(|channel| channel.finish().map(|samples| AudioTrack { samples }))
            .collect::<Result<Vec<_>>>()?;
        let mut recording = Recording::new(tracks);
        recording.warnings = warnings;
        debug_assert!(
            recording
                .duration_ms()
                .abs_diff(self.frames * 1000 / u64::from(self.rate))
                < 2,
            "{SAMPLE_RATE} Hz samples must last as long as the file"
        );
        Ok(recording)
    }
}

#[cfg(test)]
mod tests;
