//! Speech recognition on real weights and a real (synthetic-voice) call.
#![cfg(feature = "whisper")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod silero;

use std::sync::Arc;

use attendant::conversation::{Channel, Conversation, Participant, Role, Utterance};
use attendant::models::ModelRole;
use attendant::session::{SessionEvent, SessionInput};
use attendant::speech::{
    AttributedSegment, AudioFrame, AudioTrack, CallOptions, LiveEvent, LiveOptions,
    LiveTranscriber, Recording, SAMPLE_RATE, SileroModel, SpeechToText, TranscribeOptions,
    WhisperSpeech, read_recording, transcribe_recording,
};
use attendant::{Assistant, ErrorKind};
use futures::StreamExt;

fn load(id: &str) -> WhisperSpeech {
    let engine = WhisperSpeech::load(crate::support::model(id, ModelRole::Stt).weights).unwrap();
    engine.with_voice_detector(voice_detector().factory())
}

fn voice_detector() -> SileroModel {
    SileroModel::load(crate::support::model("silero-vad", ModelRole::Vad).weights).unwrap()
}

fn call() -> Recording {
    read_recording(crate::support::repository("examples/sample-call/call.wav")).unwrap()
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

/// Feeds tracks side by side, as fast as they are taken.
async fn feed(live: LiveTranscriber, tracks: &[AudioTrack]) {
    let frames = tracks
        .iter()
        .map(|track| track.samples.len().div_ceil(320))
        .max()
        .unwrap();
    for number in 0..frames {
        for (index, track) in tracks.iter().enumerate() {
            if let Some(samples) = track.samples.chunks(320).nth(number) {
                let frame =
                    AudioFrame::new(samples.to_vec(), SAMPLE_RATE).at_ms(number as u64 * 20);
                live.push(index, frame).await.unwrap();
            }
        }
        // Some four times faster than a call: words are to come while it goes on.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
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
async fn a_live_call_is_heard_while_it_is_spoken_and_nothing_is_taken_back() {
    let tracks = call().tracks;
    let options = LiveOptions::new(TranscribeOptions::language("en"));
    let engine: Arc<dyn SpeechToText> = Arc::new(load("whisper-tiny.en"));
    let (live, mut events) = LiveTranscriber::start(engine, tracks.len(), options).unwrap();
    let mut stable = vec![String::new(); tracks.len()];
    let mut finals: Vec<(usize, u64, u64, String)> = Vec::new();
    let (mut interims, mut onsets) = (0, 0);
    let reading = async {
        while let Some(event) = events.next().await {
            match event {
                LiveEvent::Interim {
                    track, stable: now, ..
                } => {
                    interims += 1;
                    assert!(
                        now.starts_with(&stable[track]),
                        "{:?} became {now:?}",
                        stable[track]
                    );
                    stable[track] = now;
                }
                LiveEvent::Final { track, segment, .. } => {
                    let before = std::mem::take(&mut stable[track]);
                    assert!(
                        segment.text.starts_with(&before),
                        "{before:?} became {:?}",
                        segment.text
                    );
                    assert!(segment.words.is_sorted_by_key(|word| word.start_ms));
                    finals.push((track, segment.start_ms, segment.end_ms, segment.text));
                }
                LiveEvent::SpeechStarted {
                    start_ms,
                    noticed_ms,
                    ..
                } => {
                    onsets += 1;
                    assert!(noticed_ms - start_ms <= 200, "{start_ms} {noticed_ms}");
                }
                _ => {}
            }
        }
    };
    tokio::join!(reading, feed(live, &tracks));
    // How many there are is a matter of how busy the machine is.
    assert!(
        interims > 0 && onsets >= finals.len(),
        "{interims} {onsets}"
    );
    for track in 0..tracks.len() {
        let own: Vec<_> = finals.iter().filter(|(of, ..)| *of == track).collect();
        assert!(own.windows(2).all(|two| two[0].2 <= two[1].1), "{own:?}");
    }
    let said = |track: usize| -> String {
        let own = finals
            .iter()
            .filter(|(of, ..)| *of == track)
            .map(|(.., text)| text.to_lowercase());
        own.collect::<Vec<_>>().join(" ")
    };
    let all = [said(0), said(1)].join(" | ");
    for words in [
        "account number",
        "duplicate",
        "working days",
        "charged me twice",
        "money back",
        "goodbye",
    ] {
        assert!(all.contains(words), "{words:?} not in {all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_hears_frames_and_writes_down_what_numbers_are() {
    let engine = Arc::new(load("whisper-tiny.en"));
    let assistant = Assistant::builder()
        .organisation("Larkfield")
        .speech(engine)
        .build()
        .await
        .unwrap();
    let mut session = assistant.session(Conversation::new("larkfield", Channel::Voice));
    let events = session.events();
    let tracks = call().tracks;
    let feeding = async move {
        session
            .send(SessionInput::Join(Participant::new("a", Role::HumanAgent)))
            .await
            .unwrap();
        session
            .send(SessionInput::Join(Participant::new("b", Role::EndUser)))
            .await
            .unwrap();
        // The first half minute; 8 kHz, as a telephone sends it.
        for number in 0..1_500 {
            for (who, track) in ["a", "b"].into_iter().zip(&tracks) {
                let samples = &track.samples[number * 320..(number + 1) * 320];
                let narrow: Vec<f32> = samples
                    .chunks_exact(2)
                    .map(|pair| (pair[0] + pair[1]) / 2.0)
                    .collect();
                let frame = AudioFrame::new(narrow, 8_000).at_ms(number as u64 * 20);
                session
                    .send(SessionInput::Frame {
                        participant: who.into(),
                        frame,
                    })
                    .await
                    .unwrap();
            }
        }
        session.send(SessionInput::End).await.unwrap();
    };
    let (events, ()) = tokio::join!(events.collect::<Vec<_>>(), feeding);
    let finals: Vec<&Utterance> = events
        .iter()
        .filter_map(|event| match event {
            SessionEvent::UtteranceFinal(said) => Some(said),
            _ => None,
        })
        .collect();
    assert!(finals.iter().any(|said| said.role == Role::HumanAgent));
    assert!(finals.iter().any(|said| said.role == Role::EndUser));
    let amounts = finals.iter().flat_map(|said| &said.annotations);
    assert!(
        amounts.into_iter().any(|a| a.value == "GBP 42.00"),
        "{finals:?}"
    );
    assert!(
        events
            .iter()
            .any(|event| matches!(event, SessionEvent::SpeechStarted { .. }))
    );
    assert!(matches!(events.last(), Some(SessionEvent::Ended)));
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
async fn the_language_may_change_in_a_recording() {
    let engine = load("whisper-base");
    let file = crate::support::repository("tests/data/two-languages.wav");
    let track = read_recording(file).unwrap().mixed();
    let heard = engine
        .transcribe(track, TranscribeOptions::default())
        .await
        .unwrap();
    let languages: Vec<&str> = heard.iter().filter_map(|s| s.language.as_deref()).collect();
    assert_eq!(languages.first(), Some(&"en"), "{heard:?}");
    assert_eq!(languages.last(), Some(&"de"), "{heard:?}");
    assert!(heard[0].text.contains("pay my bill"), "{heard:?}");
    let german = &heard.last().unwrap().text;
    assert!(german.contains("letzten Monat"), "{heard:?}");
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
    let whole =
        std::fs::read(crate::support::model("whisper-tiny.en", ModelRole::Stt).weights).unwrap();
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
