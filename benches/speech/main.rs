//! Speed and word errors of the speech engine beside whisper.cpp's command line and faster-whisper: same weights, same
//! recordings, same machine, same run.
//!
//! `make bench-speech DATA=FOLDER`, a folder with `manifest.jsonl` and its audio. Ends with one flat JSON object on
//! standard output. Loading is not counted for anybody.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use attendant::assistant::local::load_speech;
use attendant::eval::speech::word_errors;
use attendant::models::{Cache, ModelRole};
use attendant::speech::{
    AudioTrack, SpeechToText, TranscribeOptions, WhisperSpeech, read_recording,
};
use serde_json::{Value, json};

const MODEL: &str = "whisper-tiny.en";

struct Item {
    track: AudioTrack,
    /// The same as a 16 kHz file, which every peer reads.
    wav: PathBuf,
    text: String,
}

/// Sums over the recordings.
#[derive(Default)]
struct Score {
    wrong: usize,
    words: usize,
    seconds: f64,
}

impl Score {
    fn add(&mut self, item: &Item, heard: &str, seconds: f64) {
        let (wrong, words) = word_errors(&item.text, heard);
        self.wrong += wrong;
        self.words += words;
        self.seconds += seconds;
    }

    fn tell(&self, name: &str, audio_s: f64, object: &mut Value) {
        let (wer, rtf) = (
            self.wrong as f64 / self.words as f64,
            self.seconds / audio_s,
        );
        eprintln!("{name:14} wer {wer:.4}  rtf {rtf:.4}");
        let key = |what: &str| {
            if name == "attendant" {
                what.to_owned()
            } else {
                format!("{name}_{what}")
            }
        };
        object[key("wer")] = json!((wer * 1e4).round() / 1e4);
        object[key("rtf")] = json!((rtf * 1e4).round() / 1e4);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let data = std::env::var_os("ATTENDANT_SPEECH_DATA").map(PathBuf::from);
    let Some(data) = data else {
        eprintln!("ATTENDANT_SPEECH_DATA is not set: make bench-speech DATA=FOLDER");
        std::process::exit(2);
    };
    let folder = tempfile::tempdir().unwrap();
    let items = items(&data, folder.path());
    let audio_s: f64 = items
        .iter()
        .map(|i| i.track.duration_ms() as f64 / 1e3)
        .sum();
    let cache = Cache::from_env().unwrap();
    let weights = cache.resolve(MODEL, ModelRole::Stt).unwrap().weights;
    // With the voice detector that users get.
    let engine = load_speech(&cache, MODEL).await.unwrap();
    let mut object =
        json!({ "name": "bench-speech", "n": items.len(), "audio_s": audio_s.round() });
    ours(engine.as_ref(), &items)
        .await
        .tell("attendant", audio_s, &mut object);
    match std::env::var_os("ATTENDANT_SPEECH_PEERS").map(PathBuf::from) {
        Some(peers) => {
            whisper_cpp(&peers, &weights, &items).tell("whispercpp", audio_s, &mut object);
            faster_whisper(&peers, &items).tell("fasterwhisper", audio_s, &mut object);
        }
        None => eprintln!("ATTENDANT_SPEECH_PEERS is not set: the peers are not measured"),
    }
    println!("{object}");
}

fn items(data: &Path, folder: &Path) -> Vec<Item> {
    let manifest = std::fs::read_to_string(data.join("manifest.jsonl")).unwrap();
    let lines = manifest.lines().filter(|line| !line.trim().is_empty());
    lines
        .enumerate()
        .map(|(number, line)| {
            let entry: Value = serde_json::from_str(line).unwrap();
            let track = read_recording(data.join(entry["audio"].as_str().unwrap()))
                .unwrap()
                .mixed();
            let wav = folder.join(format!("{number}.wav"));
            std::fs::write(&wav, wav_bytes(&track)).unwrap();
            Item {
                track,
                wav,
                text: entry["text"].as_str().unwrap().to_owned(),
            }
        })
        .collect()
}

/// A 16 kHz, 16-bit WAV file.
fn wav_bytes(track: &AudioTrack) -> Vec<u8> {
    let data: Vec<u8> = track
        .samples
        .iter()
        .flat_map(|s| ((s * 32_767.0) as i16).to_le_bytes())
        .collect();
    let length = u32::try_from(data.len()).unwrap();
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + length).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(16_000_u32.to_le_bytes());
    bytes.extend(32_000_u32.to_le_bytes());
    bytes.extend([2, 0, 16, 0]);
    bytes.extend(b"data");
    bytes.extend(length.to_le_bytes());
    bytes.extend(data);
    bytes
}

async fn ours(engine: &WhisperSpeech, items: &[Item]) -> Score {
    let options = || TranscribeOptions::language("en");
    engine
        .transcribe(items[0].track.clone(), options())
        .await
        .unwrap();
    let mut score = Score::default();
    for item in items {
        let start = Instant::now();
        let segments = engine
            .transcribe(item.track.clone(), options())
            .await
            .unwrap();
        let seconds = start.elapsed().as_secs_f64();
        let heard: Vec<&str> = segments.iter().map(|s| s.text.as_str()).collect();
        score.add(item, &heard.join(" "), seconds);
    }
    score
}

fn threads() -> String {
    std::thread::available_parallelism()
        .map_or(1, usize::from)
        .to_string()
}

/// whisper.cpp tells its own times; what is not loading counts.
fn whisper_cpp(peers: &Path, weights: &Path, items: &[Item]) -> Score {
    let mut score = Score::default();
    for item in items {
        let output = Command::new(peers.join("venv/bin/whisper-cpp"))
            .arg("-m")
            .arg(weights)
            .args(["-l", "en", "-nt", "-t", &threads(), "-f"])
            .arg(&item.wav)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        let time = |name: &str| -> f64 {
            let line = told
                .lines()
                .find(|line| line.contains(name))
                .unwrap_or_else(|| panic!("no {name}: {told}"));
            let value = line.split('=').nth(1).unwrap();
            value
                .split_whitespace()
                .next()
                .unwrap()
                .parse::<f64>()
                .unwrap()
                / 1e3
        };
        let seconds = time("total time") - time("load time");
        score.add(item, &String::from_utf8_lossy(&output.stdout), seconds);
    }
    score
}

fn faster_whisper(peers: &Path, items: &[Item]) -> Score {
    let output = Command::new(peers.join("venv/bin/python"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/speech/peer.py"))
        .arg(peers.join("tiny.en"))
        .arg(threads())
        .args(items.iter().map(|item| &item.wav))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let mut score = Score::default();
    for (item, line) in items
        .iter()
        .zip(String::from_utf8_lossy(&output.stdout).lines())
    {
        let told: Value = serde_json::from_str(line).unwrap();
        score.add(
            item,
            told["text"].as_str().unwrap(),
            told["seconds"].as_f64().unwrap(),
        );
    }
    assert!(score.words > 0, "faster-whisper said nothing");
    score
}
