//! `eval soak`: many minutes of live audio in little time; does memory grow, does anything fall behind?

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::speech::{
    AudioFrame, LiveEvent, LiveOptions, LiveTranscriber, SAMPLE_RATE, SpeechToText,
    TranscribeOptions, read_recording,
};

const FRAME_MS: u64 = 20;

/// The figures, a flat object in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SoakScore {
    /// `soak`.
    pub name: String,
    /// Finals.
    pub n: usize,
    /// Seconds of wall time.
    pub seconds: f64,
    /// Minutes of audio of each track.
    pub minutes: f64,
    /// How much faster than real time it was fed.
    pub speed: f64,
    /// Resident memory of the process after a tenth of the time, in megabytes, where the system tells.
    pub resident_early_mb: Option<f64>,
    /// The same at the end.
    pub resident_end_mb: Option<f64>,
    /// The most in between.
    pub resident_most_mb: Option<f64>,
    /// Finals by each time that the recording was heard.
    pub finals_per_round: f64,
    /// Times that it fell behind by more than three seconds.
    pub lagged: usize,
    /// From the end of an utterance to its final, in ms of audio, 95 of 100.
    pub behind_p95_ms: f64,
    /// Utterances that failed.
    pub failed: usize,
}

/// Feeds the recording `audio` (all its tracks side by side) again and again.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for a length or a speed that cannot be, and those of reading the recording.
pub async fn run(
    audio: &Path,
    engine: Arc<dyn SpeechToText>,
    minutes: f64,
    speed: f64,
    mut progress: impl FnMut(f64, Option<f64>) + Send,
) -> Result<SoakScore> {
    if !(minutes.is_finite() && minutes > 0.0 && (0.1..=1000.0).contains(&speed)) {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!(
                "{minutes} minutes at {speed} times real time cannot be fed; give more than 0, and 0.1 to 1000"
            ),
        ));
    }
    let recording = read_recording(audio)?;
    let rounds = minutes * 60_000.0 / recording.duration_ms().max(1) as f64;
    let options = LiveOptions::new(TranscribeOptions::language("en"));
    let (live, mut events) = LiveTranscriber::start(engine, recording.tracks.len(), options)?;
    let started = Instant::now();
    let frames = (minutes * 60_000.0 / FRAME_MS as f64) as u64;
    let size = (u64::from(SAMPLE_RATE) * FRAME_MS / 1000) as usize;
    let feeding = async move {
        for number in 0..frames {
            let due = Duration::from_secs_f64(number as f64 * FRAME_MS as f64 / 1000.0 / speed);
            tokio::time::sleep_until((started + due).into()).await;
            for (index, track) in recording.tracks.iter().enumerate() {
                let whole = track.samples.len() / size;
                let at = usize::try_from(number).unwrap_or_default() % whole.max(1) * size;
                let samples = track.samples.get(at..at + size).unwrap_or_default();
                let frame = AudioFrame::new(samples.to_vec(), SAMPLE_RATE);
                live.push(index, frame.at_ms(number * FRAME_MS)).await?;
            }
        }
        Ok::<(), Error>(())
    };
    let reading = async move {
        let (mut finals, mut lagged, mut failed) = (0, 0, 0);
        let mut behind = Vec::new();
        let (mut early, mut most, mut told) = (None, None::<f64>, 0);
        while let Some(event) = events.next().await {
            let audio_ms = started.elapsed().as_secs_f64() * 1000.0 * speed;
            match event {
                LiveEvent::Final { segment, .. } => {
                    finals += 1;
                    behind.push(audio_ms - segment.end_ms as f64);
                }
                LiveEvent::Lagging { .. } => lagged += 1,
                LiveEvent::Failed { .. } => failed += 1,
                _ => {}
            }
            let resident = resident_mb();
            if early.is_none() && audio_ms > minutes * 6_000.0 {
                early = resident;
            }
            most = [most, resident].into_iter().flatten().reduce(f64::max);
            let minute = (audio_ms / 60_000.0) as usize;
            if minute > told {
                told = minute;
                progress(audio_ms / 60_000.0, resident);
            }
        }
        behind.sort_by(f64::total_cmp);
        let place = (behind.len() as f64 * 0.95).ceil() as usize;
        Ok(SoakScore {
            name: "soak".into(),
            n: finals,
            seconds: started.elapsed().as_secs_f64(),
            minutes,
            speed,
            resident_early_mb: early,
            resident_end_mb: resident_mb(),
            resident_most_mb: most,
            finals_per_round: finals as f64 / rounds,
            lagged,
            behind_p95_ms: behind
                .get(place.saturating_sub(1))
                .copied()
                .unwrap_or_default(),
            failed,
        })
    };
    Ok(futures::future::try_join(reading, feeding).await?.0)
}

/// Resident memory of this process, where the system tells.
fn resident_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1e3)
}
