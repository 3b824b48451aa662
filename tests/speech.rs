//! Speech recognition on real weights and a real (synthetic-voice) call.
#![cfg(feature = "whisper")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use attendant::ErrorKind;
use attendant::conversation::Role;
use attendant::models::ModelRole;
use attendant::speech::{
    AttributedSegment, AudioTrack, CallOptions, Recording, SAMPLE_RATE, SpeechToText,
    TranscribeOptions, WhisperSpeech, read_recording, transcribe_recording,
};

fn load(id: &str) -> WhisperSpeech {
    WhisperSpeech::load(support::model(id, ModelRole::Stt).weights).unwrap()
}

fn call() -> Recording {
    read_recording(support::repository("examples/sample-call/call.wav")).unwrap()
}

/// What one role says, lower case, words only.
fn said(heard: &[AttributedSegment], role: Role) -> String {
    let texts: Vec<&str> = heard
        .iter()
        .filter(|a| a.role == role)
        .map(|a| a.segment.text.as_str())
        .collect();
    let plain = texts.join(" ").to_lowercase();
    let kept: String = plain
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn assert_both_sides(heard: &[AttributedSegment]) {
    let agent = said(heard, Role::HumanAgent);
    for words in [
        "account number",
        "duplicate",
        "working days",
        "anything else",
    ] {
        assert!(
            agent.contains(words),
            "{words:?} not in the agent's: {agent}"
        );
    }
    let customer = said(heard, Role::EndUser);
    for words in ["charged me twice", "money back", "thank you for your help"] {
        assert!(
            customer.contains(words),
            "{words:?} not in the customer's: {customer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tracks_are_heard_in_order_with_times_and_roles() {
    let engine = load("whisper-tiny.en");
    assert_eq!(engine.id(), "whisper-tiny.en");
    assert!(!engine.is_multilingual());
    let recording = call();
    let heard = transcribe_recording(&engine, &recording, &CallOptions::default())
        .await
        .unwrap();
    assert_both_sides(&heard);
    assert!((11..=17).contains(&heard.len()), "{} segments", heard.len());
    let mut last_end = 0;
    for AttributedSegment {
        track,
        role,
        segment,
        ..
    } in &heard
    {
        let expected = if *track == 0 {
            Role::HumanAgent
        } else {
            Role::EndUser
        };
        assert_eq!(*role, expected);
        assert!(
            segment.end_ms >= last_end,
            "segments are ordered by their end"
        );
        last_end = segment.end_ms;
        assert_eq!(segment.language.as_deref(), Some("en"));
        assert!((0.3..=1.0).contains(&segment.confidence), "{segment:?}");
        let spoken: Vec<&str> = segment.words.iter().map(|w| w.text.as_str()).collect();
        assert_eq!(spoken.join(" "), segment.text);
        let times: Vec<u64> = segment
            .words
            .iter()
            .flat_map(|w| [w.start_ms, w.end_ms])
            .collect();
        assert!(times.is_sorted(), "{times:?}");
        assert!(times[0] >= segment.start_ms && times[times.len() - 1] <= segment.end_ms);
    }
    // The customer begins 390 ms before the agent has finished (script.tsv): both are kept.
    assert!(
        heard
            .windows(2)
            .any(|w| w[1].segment.start_ms < w[0].segment.end_ms)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mono_recording_is_split_between_the_two() {
    let engine = load("whisper-tiny.en");
    let recording = Recording::new(vec![call().mixed()]);
    let heard = transcribe_recording(&engine, &recording, &CallOptions::default())
        .await
        .unwrap();
    let unknown = heard.iter().filter(|a| a.role == Role::Unknown).count();
    assert!(
        unknown <= 2,
        "{unknown} of {} segments without a role",
        heard.len()
    );
    let agent = said(&heard, Role::HumanAgent);
    let customer = said(&heard, Role::EndUser);
    for words in [
        "account number",
        "duplicate",
        "working days",
        "anything else",
    ] {
        assert!(
            agent.contains(words) && !customer.contains(words),
            "{words:?}: {agent} / {customer}"
        );
    }
    for words in ["charged me twice", "money back", "payment fee"] {
        assert!(
            customer.contains(words) && !agent.contains(words),
            "{words:?}: {agent} / {customer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_multilingual_model_finds_the_language_out() {
    let engine = load("whisper-base");
    assert!(engine.is_multilingual());
    let mut customer = call().tracks.swap_remove(1);
    customer.samples.truncate(16 * SAMPLE_RATE as usize);
    let heard = engine
        .transcribe(customer, TranscribeOptions::default())
        .await
        .unwrap();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(heard[0].language.as_deref(), Some("en"));
    assert!(heard[0].text.contains("charged me twice"), "{heard:?}");
    let unknown = engine
        .transcribe(AudioTrack::default(), TranscribeOptions::language("x\0y"))
        .await;
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_to_expect_are_heard() {
    let engine = load("whisper-tiny.en");
    let mut agent = call().tracks.swap_remove(0);
    agent.samples.truncate(6 * SAMPLE_RATE as usize);
    let options = TranscribeOptions::language("en-GB").with_vocabulary(["Larkfield".to_owned()]);
    let heard = engine.transcribe(agent, options).await.unwrap();
    assert!(heard[0].text.contains("Larkfield"), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_heard_where_nobody_speaks() {
    let engine = load("whisper-tiny.en");
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    let length = 20 * SAMPLE_RATE;
    let tone = |i: u32| (i as f32 * 440.0 * std::f32::consts::TAU / SAMPLE_RATE as f32).sin();
    for (what, samples) in [
        ("no audio", Vec::new()),
        ("silence", vec![0.0; length as usize]),
        ("noise", (0..length).map(|_| 0.1 * noise()).collect()),
        ("a tone", (0..length).map(|i| 0.3 * tone(i)).collect()),
    ] {
        let heard = engine
            .transcribe(AudioTrack { samples }, TranscribeOptions::default())
            .await
            .unwrap();
        assert_eq!(heard, [], "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_english_model_refuses_other_languages() {
    let engine = load("whisper-tiny.en");
    let error = engine
        .transcribe(AudioTrack::default(), TranscribeOptions::language("de"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("whisper-base"), "{error}");
}

#[test]
fn damaged_and_foreign_model_files_are_told_apart_before_they_are_loaded() {
    let whole = std::fs::read(support::model("whisper-tiny.en", ModelRole::Stt).weights).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.ggml");
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let error = WhisperSpeech::load(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Model);
        error.to_string()
    };
    for length in [4, 40, 60_000, 500_000, whole.len() / 2, whole.len() - 1] {
        assert!(refused(&whole[..length]).contains("damaged"), "{length}");
    }
    // A tensor left out at the end: whisper.cpp itself would look for it in vain.
    assert!(refused(&whole[..whole.len() - 4]).contains("damaged"));
    let mut layers = whole.clone();
    layers[20] = 200;
    assert!(refused(&layers).contains("damaged"));
    let mut longer = whole.clone();
    longer.extend([0; 16]);
    assert!(refused(&longer).contains("damaged"));
    assert!(refused(b"").contains("not a ggml Whisper model"));
    assert!(refused(b"GGUF\x03\0\0\0and so on").contains("not a ggml Whisper model"));
    let missing = WhisperSpeech::load(folder.path().join("none.ggml")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Model);
}
