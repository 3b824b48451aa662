//! `eval speech`: word error rate and speed on a folder of recordings, as files and streamed.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, OrError, Result};
use crate::speech::{SpeechToText, TranscribeOptions, read_recording};

mod live;
mod normalize;

pub use normalize::normalize;

/// The figures, a flat object in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SpeechScore {
    /// `speech`.
    pub name: String,
    /// Recordings that were transcribed.
    pub n: usize,
    /// Seconds of wall time, decoding of the files included.
    pub seconds: f64,
    /// Word error rate over all words: substitutions, insertions and deletions by words of reference,
    /// after [`normalize`].
    pub wer: f64,
    /// Real-time factor: seconds of transcription by seconds of audio; below 1 is faster than real time.
    pub rtf: f64,
    /// The figures of the same recordings when they were streamed.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamScore>,
}

/// What streaming at real-time pace gave, each recording followed by 2 s of silence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StreamScore {
    /// Word error rate of the finals.
    pub stream_wer: f64,
    /// From the end of speech (`end_ms` of the manifest) to the last final, wall clock: the median …
    pub final_p50_ms: f64,
    /// … and what 95 of 100 stay below.
    pub final_p95_ms: f64,
    /// Times that words shown as stable were taken back.
    pub revisions: usize,
    /// Recordings without a final.
    pub without_final: usize,
}

/// One recording's outcome, for progress displays.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SpeechProgress {
    /// Recordings done, this one included.
    pub done: usize,
    /// Recordings in all.
    pub total: usize,
    /// The file.
    pub audio: String,
    /// What it says.
    pub reference: String,
    /// What was understood.
    pub heard: String,
    /// Wrong words.
    pub errors: usize,
    /// Where it was streamed: what was understood, and when the last final came, in ms after the end of speech.
    pub streamed: Option<(String, Option<f64>)>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    audio: String,
    text: String,
    #[serde(default)]
    lang: Option<String>,
    #[serde(default)]
    end_ms: Option<u64>,
}

/// Transcribes the recordings of `data/manifest.jsonl` (the first `limit` of them) and scores the words.
///
/// With `stream` every recording is streamed as well, which takes as long as they are. The reference is looked at
/// only after the recording was transcribed; of the manifest the language and the file name are used before.
/// With `previous` the engine is told what it heard in the recording before, as in a conversation.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] where the manifest is missing, empty or not in the format, and those
/// of reading and transcribing a recording.
pub async fn run(
    data: &Path,
    engine: Arc<dyn SpeechToText>,
    limit: Option<usize>,
    stream: bool,
    previous: bool,
    mut progress: impl FnMut(&SpeechProgress) + Send,
) -> Result<SpeechScore> {
    let entries = manifest(data, limit)?;
    let started = Instant::now();
    let (mut audio_seconds, mut speech_seconds) = (0.0, 0.0);
    let (mut errors, mut words) = (0, 0);
    let (mut stream_errors, mut revisions, mut delays) = (0, 0, Vec::new());
    let mut before = None;
    for (index, entry) in entries.iter().enumerate() {
        let recording = read_recording(data.join(&entry.audio))?;
        audio_seconds += recording.duration_ms() as f64 / 1000.0;
        let track = recording.mixed();
        let mut options = TranscribeOptions::default();
        options.language.clone_from(&entry.lang);
        options.previous = before.take().filter(|_| previous);
        let clock = Instant::now();
        let segments = engine.transcribe(track.clone(), options.clone()).await?;
        speech_seconds += clock.elapsed().as_secs_f64();
        let streamed = match stream {
            true => Some(live::stream(Arc::clone(&engine), &track, options, entry.end_ms).await?),
            false => None,
        };

        let heard: Vec<&str> = segments.iter().map(|s| s.text.as_str()).collect();
        let heard = heard.join(" ");
        before = Some(heard.clone());
        let reference = normalize(&entry.text);
        let wrong = edits(&reference, &normalize(&heard));
        errors += wrong;
        words += reference.len();
        if let Some(streamed) = &streamed {
            stream_errors += edits(&reference, &normalize(&streamed.text));
            revisions += streamed.revisions;
            delays.extend(streamed.final_ms);
            tracing::debug!(audio = entry.audio, ?streamed, "streamed");
        }
        progress(&SpeechProgress {
            done: index + 1,
            total: entries.len(),
            audio: entry.audio.clone(),
            reference: entry.text.clone(),
            heard,
            errors: wrong,
            streamed: streamed.map(|streamed| (streamed.text, streamed.final_ms)),
        });
    }
    delays.sort_by(f64::total_cmp);
    Ok(SpeechScore {
        name: "speech".into(),
        n: entries.len(),
        seconds: started.elapsed().as_secs_f64(),
        wer: errors as f64 / words.max(1) as f64,
        rtf: speech_seconds / f64::max(audio_seconds, f64::MIN_POSITIVE),
        stream: stream.then(|| StreamScore {
            stream_wer: stream_errors as f64 / words.max(1) as f64,
            final_p50_ms: live::percentile(&delays, 0.5).unwrap_or_default(),
            final_p95_ms: live::percentile(&delays, 0.95).unwrap_or_default(),
            revisions,
            without_final: entries.len() - delays.len(),
        }),
    })
}

fn manifest(data: &Path, limit: Option<usize>) -> Result<Vec<Entry>> {
    let path = data.join("manifest.jsonl");
    let text = std::fs::read_to_string(&path).or_error(ErrorKind::InvalidInput, || {
        format!(
            "{} cannot be read; give a folder with a manifest.jsonl and its audio",
            path.display()
        )
    })?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let entries: Vec<Entry> = lines
        .take(limit.unwrap_or(usize::MAX))
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_str(line).or_error(ErrorKind::InvalidInput, || {
                format!(
                    "{} line {}: not an object with `audio` and `text`; correct it",
                    path.display(),
                    index + 1
                )
            })
        })
        .collect::<Result<_>>()?;
    if entries.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("{} lists no recordings to score", path.display()),
        ));
    }
    Ok(entries)
}

/// Wrong words of what was understood, and words of the reference, both after [`normalize`].
pub fn word_errors(reference: &str, heard: &str) -> (usize, usize) {
    let reference = normalize(reference);
    (edits(&reference, &normalize(heard)), reference.len())
}

/// Fewest substitutions, insertions and deletions between two word lists (Levenshtein).
fn edits(reference: &[String], heard: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (i, expected) in reference.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, word) in heard.iter().enumerate() {
            let substituted = diagonal + usize::from(expected != word);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[heard.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::ScriptedSpeech;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn edits_count_each_kind_of_error_once() {
        assert_eq!(edits(&words("a b c d"), &words("a x c d")), 1);
        assert_eq!(edits(&words("a b c d"), &words("a c d")), 1);
        assert_eq!(edits(&words("a b"), &words("a b c")), 1);
        assert_eq!(edits(&words("a b"), &[]), 2);
        assert_eq!(edits(&[], &[]), 0);
    }

    /// A quarter of a second of 8 kHz mu-law silence.
    fn wav() -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x07\0\x01\0".to_vec();
        bytes.extend(8000_u32.to_le_bytes());
        bytes.extend(8000_u32.to_le_bytes());
        bytes.extend([1, 0, 8, 0]);
        bytes.extend(b"data");
        bytes.extend(2000_u32.to_le_bytes());
        bytes.extend([0xff; 2000]);
        bytes
    }

    #[tokio::test]
    async fn a_folder_is_scored_over_all_its_words() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.wav"), wav()).unwrap();
        let manifest = "{\"audio\": \"a.wav\", \"text\": \"Press 1, please.\", \"lang\": \"en\", \"end_ms\": 9}\n\n\
             {\"audio\": \"a.wav\", \"text\": \"Thank you\"}\n";
        std::fs::write(folder.path().join("manifest.jsonl"), manifest).unwrap();
        let engine = Arc::new(ScriptedSpeech::new([
            vec![ScriptedSpeech::segment(0, 100, "press one please")],
            vec![ScriptedSpeech::segment(0, 100, "Thank")],
        ]));
        let mut seen = Vec::new();
        let score = run(folder.path(), engine, None, false, false, |p| {
            seen.push((p.done, p.total, p.errors))
        })
        .await
        .unwrap();
        assert_eq!(seen, [(1, 2, 0), (2, 2, 1)]);
        assert_eq!((score.n, score.name.as_str()), (2, "speech"));
        assert!((score.wer - 0.2).abs() < 1e-9, "{}", score.wer);
        let json = serde_json::to_value(&score).unwrap();
        let mut keys: Vec<&String> = json.as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(keys, ["n", "name", "rtf", "seconds", "wer"]);
    }

    #[tokio::test]
    async fn a_bad_manifest_says_which_line() {
        let folder = tempfile::tempdir().unwrap();
        let engine: Arc<dyn SpeechToText> = Arc::new(ScriptedSpeech::default());
        let missing = run(folder.path(), engine.clone(), None, false, false, |_| ())
            .await
            .unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::InvalidInput);
        std::fs::write(folder.path().join("manifest.jsonl"), "{\"audio\": 3}").unwrap();
        let wrong = run(folder.path(), engine, None, false, false, |_| ())
            .await
            .unwrap_err();
        assert!(wrong.to_string().contains("line 1"), "{wrong}");
    }
}
