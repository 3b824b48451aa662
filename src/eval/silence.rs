//! `eval silence`: words invented where nobody speaks.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, OrError, Result};
use crate::speech::{
    AudioFrame, AudioTrack, LiveEvent, LiveOptions, LiveTranscriber, SAMPLE_RATE, SpeechToText,
    TranscribeOptions, read_recording,
};

mod noise;

/// Frames as a telephone line sends them.
const FRAME: usize = SAMPLE_RATE as usize / 50;

/// The figures, a flat object in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SilenceScore {
    /// `silence`.
    pub name: String,
    /// Pieces of audio.
    pub n: usize,
    /// Seconds of wall time.
    pub seconds: f64,
    /// Minutes of audio.
    pub minutes: f64,
    /// Words in finals by ten minutes, streamed; notes in brackets count.
    pub words_per_10min: f64,
    /// The same when the pieces are transcribed as files.
    pub file_words_per_10min: f64,
    /// Pieces for which a voice was announced that was none.
    pub false_onsets: usize,
}

/// One piece's outcome, for progress displays.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SilenceProgress {
    /// Pieces done, this one included.
    pub done: usize,
    /// Pieces in all.
    pub total: usize,
    /// The file, or the kind of noise.
    pub name: String,
    /// What was understood when it was streamed: nothing, where all is well.
    pub heard: String,
    /// What was understood when it was transcribed as a file.
    pub file_heard: String,
    /// Whether a voice was announced that was none.
    pub false_onset: bool,
}

/// What is listened to.
struct Piece {
    name: String,
    tracks: Vec<AudioTrack>,
    /// The tracks as they come live.
    frames: Vec<Vec<AudioFrame>>,
}

impl Piece {
    /// Tracks at full width.
    fn wide(name: String, tracks: Vec<AudioTrack>) -> Self {
        let frames = |track: &AudioTrack| {
            let frames = track.samples.chunks(FRAME);
            frames
                .map(|samples| AudioFrame::new(samples.to_vec(), SAMPLE_RATE))
                .collect()
        };
        Self {
            frames: tracks.iter().map(frames).collect(),
            name,
            tracks,
        }
    }

    /// Noise of a kind, at full width or through a telephone line.
    fn made(kind: &str, is_on_a_line: bool, seconds: f64, seed: u64) -> Result<Self> {
        let track = noise::make(kind, seconds, seed);
        if !is_on_a_line {
            return Ok(Self::wide(kind.to_owned(), vec![track]));
        }
        let bytes = noise::on_a_line(&track);
        let heard = AudioFrame::from_mu_law(&bytes, noise::LINE_RATE);
        let frame = FRAME * noise::LINE_RATE as usize / SAMPLE_RATE as usize;
        let frames = bytes
            .chunks(frame)
            .map(|bytes| AudioFrame::from_mu_law(bytes, noise::LINE_RATE));
        Ok(Self {
            name: format!("{kind}, on a line"),
            tracks: vec![AudioTrack::from_samples(&heard.samples, heard.rate)?],
            frames: vec![frames.collect()],
        })
    }
}

/// Counts words on the recordings of `data`, or on generated noise: `minutes` of each kind (one by default), at full
/// width and once more as a telephone line carries it (8 kHz, mu-law), since that is what a call is made of and
/// detectors can fail on the empty band above 4 kHz alone.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for a folder that cannot be read or holds no audio, and those of reading and
/// transcribing a recording.
pub async fn run(
    data: Option<&Path>,
    engine: Arc<dyn SpeechToText>,
    minutes: f64,
    seed: u64,
    mut progress: impl FnMut(&SilenceProgress) + Send,
) -> Result<SilenceScore> {
    if !(minutes.is_finite() && (0.01..=120.0).contains(&minutes)) {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("{minutes} minutes of each noise cannot be made; give 0.01 to 120"),
        ));
    }
    let files = data.map(audio_files).transpose()?;
    let started = Instant::now();
    let kinds = noise::KINDS.len();
    let count = files.as_ref().map_or(2 * kinds, Vec::len);
    let (mut streamed, mut filed, mut onsets, mut ms) = (0, 0, 0, 0);
    for index in 0..count {
        let piece = match &files {
            Some(files) => {
                let Some(path) = files.get(index) else { break };
                Piece::wide(path.display().to_string(), read_recording(path)?.tracks)
            }
            None => {
                let Some(kind) = noise::KINDS.get(index % kinds) else {
                    break;
                };
                Piece::made(kind, index >= kinds, minutes * 60.0, seed)?
            }
        };
        let (mut texts, mut file_texts, mut false_onset) = (Vec::new(), Vec::new(), false);
        for (track, frames) in piece.tracks.into_iter().zip(piece.frames) {
            ms += track.duration_ms();
            let (heard, told) = stream(Arc::clone(&engine), frames).await?;
            streamed += heard.iter().map(|text| words(text)).sum::<usize>();
            texts.extend(heard);
            onsets += usize::from(told);
            false_onset |= told;
            let segments = engine
                .transcribe(track, TranscribeOptions::default())
                .await?;
            filed += segments.iter().map(|s| words(&s.text)).sum::<usize>();
            file_texts.extend(segments.into_iter().map(|segment| segment.text));
        }
        progress(&SilenceProgress {
            done: index + 1,
            total: count,
            name: piece.name,
            heard: texts.join(" "),
            file_heard: file_texts.join(" "),
            false_onset,
        });
    }
    let minutes = ms as f64 / 60_000.0;
    let rate = |words: usize| words as f64 * 10.0 / minutes.max(f64::MIN_POSITIVE);
    Ok(SilenceScore {
        name: "silence".into(),
        n: count,
        seconds: started.elapsed().as_secs_f64(),
        minutes,
        words_per_10min: rate(streamed),
        file_words_per_10min: rate(filed),
        false_onsets: onsets,
    })
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// The finals of a track that is streamed as fast as it is taken, and whether a voice was announced.
async fn stream(
    engine: Arc<dyn SpeechToText>,
    frames: Vec<AudioFrame>,
) -> Result<(Vec<String>, bool)> {
    let (live, mut events) = LiveTranscriber::start(engine, 1, LiveOptions::default())?;
    let feeding = async move {
        for frame in frames {
            live.push(0, frame).await?;
        }
        Ok::<(), Error>(())
    };
    let reading = async move {
        let (mut texts, mut told) = (Vec::new(), false);
        while let Some(event) = events.next().await {
            match event {
                LiveEvent::SpeechStarted { .. } => told = true,
                LiveEvent::Final { segment, .. } => texts.push(segment.text),
                LiveEvent::Failed { message, .. } => {
                    return Err(Error::new(ErrorKind::Model, message));
                }
                _ => {}
            }
        }
        Ok((texts, told))
    };
    Ok(futures::future::try_join(reading, feeding).await?.0)
}

/// The files of a folder that look like audio, in order of their names; a file is itself.
fn audio_files(folder: &Path) -> Result<Vec<PathBuf>> {
    if folder.is_file() {
        return Ok(vec![folder.to_owned()]);
    }
    let unreadable = || {
        format!(
            "{} cannot be read; give a folder with audio files",
            folder.display()
        )
    };
    let entries = std::fs::read_dir(folder).or_error(ErrorKind::InvalidInput, unreadable)?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.or_error(ErrorKind::InvalidInput, unreadable)?.path();
        let extension = path
            .extension()
            .and_then(|e| e.to_str())
            .unwrap_or_default()
            .to_lowercase();
        if ["wav", "flac", "mp3", "ogg", "oga", "opus"].contains(&extension.as_str()) {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("there is no audio in {}", folder.display()),
        ));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::ScriptedSpeech;

    #[tokio::test]
    async fn words_on_noise_are_counted_in_files() {
        let folder = tempfile::tempdir().unwrap();
        let none = run(
            Some(folder.path()),
            Arc::new(ScriptedSpeech::default()),
            1.0,
            0,
            |_| (),
        )
        .await;
        assert_eq!(none.unwrap_err().kind(), ErrorKind::InvalidInput);
        let engine = ScriptedSpeech::new([vec![ScriptedSpeech::segment(0, 100, "Thank you.")]]);
        let score = run(None, Arc::new(engine), 0.05, 1, |_| ()).await.unwrap();
        assert_eq!(score.n, 2 * noise::KINDS.len());
        let words = (score.words_per_10min + score.file_words_per_10min) * score.minutes / 10.0;
        assert!((words - 2.0).abs() < 1e-6, "{score:?}");
    }

    #[test]
    fn a_line_carries_what_is_low_and_nothing_of_what_is_high() {
        for (hertz, low, high) in [(500.0, 0.9, 1.1), (3_000.0, 0.9, 1.1), (4_300.0, 0.0, 0.02)] {
            let tone = |n: usize| {
                (n as f32 / SAMPLE_RATE as f32 * hertz * std::f32::consts::TAU).sin() * 0.5
            };
            let track = AudioTrack {
                samples: (0..SAMPLE_RATE as usize).map(tone).collect(),
            };
            let bytes = noise::on_a_line(&track);
            assert_eq!(bytes.len(), noise::LINE_RATE as usize);
            let heard = AudioFrame::from_mu_law(&bytes, noise::LINE_RATE).samples;
            let power = heard[1_000..7_000].iter().map(|s| s * s).sum::<f32>() / 6_000.0;
            let share = (power / 0.125).sqrt();
            assert!((low..high).contains(&share), "{hertz}: {share}");
        }
    }

    #[test]
    fn every_kind_of_noise_is_loud_enough_to_be_heard_and_repeats_with_its_seed() {
        for kind in noise::KINDS {
            let track = noise::make(kind, 2.0, 5);
            assert_eq!(track.samples.len(), 2 * SAMPLE_RATE as usize, "{kind}");
            assert!(
                track
                    .samples
                    .iter()
                    .all(|s| s.is_finite() && s.abs() <= 1.0),
                "{kind}"
            );
            let loudest = track.samples.iter().fold(0.0_f32, |m, s| m.max(s.abs()));
            assert!(loudest > 0.02 || kind == "silence", "{kind}: {loudest}");
            assert_eq!(track, noise::make(kind, 2.0, 5), "{kind}");
        }
    }
}
