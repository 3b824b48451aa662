//! A speech engine that says what a test wrote down.

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{AudioTrack, Segment, SpeechToText, TranscribeOptions};
use crate::error::Result;

/// Gives prepared segments, one list a call, without looking at the audio.
///
/// ```
/// use attendant::speech::{AudioTrack, ScriptedSpeech, SpeechToText, TranscribeOptions};
/// # futures::executor::block_on(async {
/// let engine = ScriptedSpeech::new([vec![ScriptedSpeech::segment(0, 900, "How can I help?")]]);
/// let heard = engine.transcribe(AudioTrack::default(), TranscribeOptions::default()).await?;
/// assert_eq!(heard[0].text, "How can I help?");
/// # Ok::<_, attendant::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Default)]
pub struct ScriptedSpeech {
    tracks: Mutex<std::collections::VecDeque<Vec<Segment>>>,
}

impl ScriptedSpeech {
    /// The segments of the first transcribed track, of the second, and so on; later ones are silent.
    pub fn new(tracks: impl IntoIterator<Item = Vec<Segment>>) -> Self {
        Self {
            tracks: Mutex::new(tracks.into_iter().collect()),
        }
    }

    /// A segment in English, certain, its words spread evenly over its time.
    pub fn segment(start_ms: u64, end_ms: u64, text: &str) -> Segment {
        let spoken: Vec<&str> = text.split_whitespace().collect();
        let count = spoken.len().max(1) as u64;
        let at = |i: u64| start_ms + end_ms.saturating_sub(start_ms) * i / count;
        let words = (0..)
            .zip(spoken)
            .map(|(i, word)| crate::conversation::Word {
                text: word.to_owned(),
                start_ms: at(i),
                end_ms: at(i + 1),
                confidence: 1.0,
            });
        Segment {
            text: text.to_owned(),
            start_ms,
            end_ms,
            confidence: 1.0,
            language: Some("en".into()),
            words: words.collect(),
        }
    }
}

#[async_trait]
impl SpeechToText for ScriptedSpeech {
    fn id(&self) -> &str {
        "scripted"
    }

    async fn transcribe(
        &self,
        _track: AudioTrack,
        _options: TranscribeOptions,
    ) -> Result<Vec<Segment>> {
        Ok(self.tracks.lock().pop_front().unwrap_or_default())
    }
}
