//! Streaming figures: a recording is fed at real-time pace, as a call would be.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;

use crate::error::{Error, ErrorKind, Result};
use crate::speech::{
    AudioFrame, AudioTrack, LiveEvent, LiveOptions, LiveTranscriber, SAMPLE_RATE, SpeechToText,
    TranscribeOptions,
};

/// A frame of telephone audio.
const FRAME_MS: u64 = 20;
/// Silence behind every recording.
const AFTER_MS: u64 = 2_000;

/// What a recording became when it was streamed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Streamed {
    pub(super) text: String,
    /// From the end of speech to the last final, wall clock.
    pub(super) final_ms: Option<f64>,
    /// Times that stable words were taken back.
    pub(super) revisions: usize,
}

/// Streams a track whose speech ends at `end_ms`.
pub(super) async fn stream(
    engine: Arc<dyn SpeechToText>,
    track: &AudioTrack,
    options: TranscribeOptions,
    end_ms: Option<u64>,
) -> Result<Streamed> {
    let (live, mut events) = LiveTranscriber::start(engine, 1, LiveOptions::new(options))?;
    let start = Instant::now();
    let feeding = async move {
        let frame = (u64::from(SAMPLE_RATE) * FRAME_MS / 1000) as usize;
        let silence = vec![0.0; (u64::from(SAMPLE_RATE) * AFTER_MS / 1000) as usize];
        let samples = [track.samples.as_slice(), &silence].concat();
        for (number, samples) in (0_u32..).zip(samples.chunks(frame)) {
            // A frame is there when it is over.
            let due = start + Duration::from_millis(FRAME_MS) * (number + 1);
            tokio::time::sleep_until(due.into()).await;
            let at_ms = u64::from(number) * FRAME_MS;
            live.push(
                0,
                AudioFrame::new(samples.to_vec(), SAMPLE_RATE).at_ms(at_ms),
            )
            .await?;
        }
        Ok::<(), Error>(())
    };
    let reading = async move {
        let mut streamed = Streamed::default();
        let mut stable = String::new();
        let mut texts = Vec::new();
        while let Some(event) = events.next().await {
            match event {
                LiveEvent::Interim { stable: now, .. } => {
                    streamed.revisions += usize::from(!now.starts_with(&stable));
                    stable = now;
                }
                LiveEvent::Final { segment, .. } => {
                    let at_ms = start.elapsed().as_secs_f64() * 1000.0;
                    streamed.revisions += usize::from(!segment.text.starts_with(&stable));
                    streamed.final_ms = end_ms.map(|end| at_ms - end as f64);
                    stable.clear();
                    texts.push(segment.text);
                }
                LiveEvent::NoSpeech { .. } => {
                    streamed.revisions += usize::from(!stable.is_empty());
                    stable.clear();
                }
                LiveEvent::Failed { message, .. } => {
                    return Err(Error::new(ErrorKind::Model, message));
                }
                _ => {}
            }
        }
        streamed.text = texts.join(" ");
        Ok(streamed)
    };
    let (streamed, ()) = futures::future::try_join(reading, feeding).await?;
    Ok(streamed)
}

/// The value below which `share` of the sorted values are.
pub(super) fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied()
}
