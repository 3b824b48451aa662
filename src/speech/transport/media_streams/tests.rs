use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Value, json};

use super::super::noise::{Noise, Watch};
use super::*;
use crate::error::ErrorKind;

const CONNECTED: &str = r#"{"event": "connected", "protocol": "Call", "version": "1.0.0"}"#;

const START: &str = r#"{
    "event": "start", "sequenceNumber": "1",
    "start": {
        "accountSid": "AC0123456789abcdef0123456789abcdef",
        "streamSid": "MZ0123456789abcdef0123456789abcdef",
        "callSid": "CA0123456789abcdef0123456789abcdef",
        "tracks": ["inbound", "outbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"FirstName": "Jane", "RemoteParty": "Bob"}
    },
    "streamSid": "MZ0123456789abcdef0123456789abcdef"
}"#;

const STREAM: &str = "MZ0123456789abcdef0123456789abcdef";

fn media(sequence: u64, track: &str, chunk: u64, timestamp: u64) -> String {
    json!({
        "event": "media", "sequenceNumber": sequence.to_string(), "streamSid": STREAM,
        "media": {
            "track": track, "chunk": chunk.to_string(), "timestamp": timestamp.to_string(),
            "payload": STANDARD.encode([0xff; 160]),
        },
    })
    .to_string()
}

fn started() -> MediaStream {
    let mut stream = MediaStream::new(MediaStreamOptions::default());
    assert_eq!(events(&mut stream, CONNECTED), []);
    let [TransportEvent::Started(_)] = events(&mut stream, START)[..] else {
        panic!()
    };
    stream
}

fn events(stream: &mut MediaStream, text: &str) -> Vec<TransportEvent> {
    let received = stream.receive_text(text).unwrap();
    assert_eq!(received.replies, []);
    received.events
}

fn json_of(frame: &Frame) -> Value {
    match frame {
        Frame::Text(text) => serde_json::from_str(text).unwrap(),
        Frame::Binary(bytes) => panic!("{bytes:?}"),
    }
}

fn audio(track: Track, timestamp_ms: u64) -> TransportEvent {
    TransportEvent::Audio {
        track,
        timestamp_ms,
        samples: vec![0.0; 160],
    }
}

#[test]
fn a_recorded_twilio_stream_is_followed_from_start_to_stop() {
    let mut stream = MediaStream::new(MediaStreamOptions::default());
    assert_eq!(events(&mut stream, CONNECTED), []);
    let begun = events(&mut stream, START);
    let [TransportEvent::Started(begun)] = &begun[..] else {
        panic!("{begun:?}")
    };
    assert_eq!(begun.stream, STREAM);
    assert_eq!(
        begun.call.as_deref(),
        Some("CA0123456789abcdef0123456789abcdef")
    );
    assert_eq!(
        begun.account.as_deref(),
        Some("AC0123456789abcdef0123456789abcdef")
    );
    assert_eq!(begun.tracks, [Track::External, Track::Internal]);
    assert_eq!(begun.encoding, Some(Encoding::MuLaw));
    assert_eq!(begun.parameters["FirstName"], "Jane");

    // The tracks have clocks of their own, which shake a little.
    for (message, event) in [
        (media(2, "inbound", 1, 63), audio(Track::External, 63)),
        (media(3, "outbound", 1, 5), audio(Track::Internal, 5)),
        (media(4, "inbound", 2, 84), audio(Track::External, 83)),
        (media(5, "outbound", 2, 20), audio(Track::Internal, 25)),
    ] {
        assert_eq!(events(&mut stream, &message), [event]);
    }
    let dtmf = json!({
        "event": "dtmf", "streamSid": STREAM, "sequenceNumber": "6",
        "dtmf": {"track": "inbound_track", "digit": "1"},
    });
    let key = TransportEvent::Dtmf {
        track: Some(Track::External),
        digit: '1',
        timestamp_ms: 103,
    };
    assert_eq!(events(&mut stream, &dtmf.to_string()), [key]);
    let stop = json!({
        "event": "stop", "sequenceNumber": "7", "streamSid": STREAM,
        "stop": {"accountSid": "AC0123456789abcdef0123456789abcdef",
            "callSid": "CA0123456789abcdef0123456789abcdef"},
    });
    let reason = StopReason::Ended;
    assert_eq!(
        events(&mut stream, &stop.to_string()),
        [TransportEvent::Stopped { reason }]
    );
    assert!(stream.is_stopped());
    let late = stream
        .receive_text(&media(8, "inbound", 3, 103))
        .unwrap_err();
    assert_eq!(late.kind(), ErrorKind::InvalidInput);
    assert!(stream.queue_audio(&[0.0]).is_err());
    assert_eq!(stream.next_frame(), None);
}

#[test]
fn a_recorded_telnyx_stream_is_understood_and_answered_in_its_spelling() {
    let mut stream = MediaStream::new(MediaStreamOptions::default());
    assert_eq!(
        events(&mut stream, r#"{"event": "connected", "version": "1.0.0"}"#),
        []
    );
    let start = json!({
        "event": "start", "sequence_number": "1", "stream_id": "32DE0DEA",
        "start": {
            "user_id": "3E6F995F", "call_control_id": "v2:T02", "call_session_id": "ff55a038",
            "from": "+13122010094", "to": "+13122123456", "tags": ["TAG1"],
            "client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d",
            "media_format": {"encoding": "PCMA", "sample_rate": 8000, "channels": 1},
        },
    });
    let begun = events(&mut stream, &start.to_string());
    let [TransportEvent::Started(begun)] = &begun[..] else {
        panic!("{begun:?}")
    };
    assert_eq!(begun.stream, "32DE0DEA");
    assert_eq!(begun.call.as_deref(), Some("v2:T02"));
    assert_eq!(begun.caller.as_deref(), Some("+13122010094"));
    assert_eq!(begun.tracks, [Track::External]);
    assert_eq!(begun.encoding, Some(Encoding::ALaw));
    // Numbers as numbers, and base64 without its padding.
    let message = json!({
        "event": "media", "sequence_number": 2, "stream_id": "32DE0DEA",
        "media": {"track": "inbound", "chunk": 1, "timestamp": 40,
            "payload": STANDARD_NO_PAD.encode([0xaa, 0x2a, 0xd5, 0xaa])},
    });
    let heard = events(&mut stream, &message.to_string());
    let [
        TransportEvent::Audio {
            timestamp_ms: 40,
            samples,
            ..
        },
    ] = &heard[..]
    else {
        panic!("{heard:?}")
    };
    assert_eq!(samples[..2], [32_256.0 / 32_768.0, -32_256.0 / 32_768.0]);
    let failed = json!({
        "event": "error", "stream_id": "32DE0DEA",
        "payload": {"code": 100_003, "title": "malformed_frame", "detail": "not base64"},
    });
    assert_eq!(
        events(&mut stream, &failed.to_string()),
        [TransportEvent::Failed {
            code: 100_003,
            message: "not base64".into(),
            retry_after_ms: None
        }]
    );
    stream.queue_audio(&[0.0; 160]).unwrap();
    let frame = json_of(&stream.next_frame().unwrap());
    assert_eq!(frame["stream_id"], "32DE0DEA");
    let payload = frame["media"]["payload"].as_str().unwrap();
    assert_eq!(STANDARD.decode(payload).unwrap(), [0xd5; 160]);
}

#[test]
fn audio_is_sent_in_frames_and_marks_tell_what_was_heard() {
    let mut stream = started();
    stream.queue_audio(&[0.0; 100]).unwrap();
    assert_eq!(stream.next_frame(), None, "not a whole frame yet");
    stream.queue_audio(&[0.0; 100]).unwrap();
    assert_eq!(stream.queued_ms(), 25);
    stream.queue_mark("greeting").unwrap();
    assert_eq!(stream.queued_ms(), 40, "the last frame is filled");
    stream.queue_audio(&[0.5; 480]).unwrap();
    stream.queue_mark("question").unwrap();
    let frame = json_of(&stream.next_frame().unwrap());
    let payload = STANDARD.encode([0xff; 160]);
    assert_eq!(
        frame,
        json!({ "event": "media", "streamSid": STREAM, "media": { "payload": payload } })
    );
    stream.next_frame().unwrap();
    let frame = json_of(&stream.next_frame().unwrap());
    let mark = json!({ "event": "mark", "streamSid": STREAM, "mark": { "name": "greeting" } });
    assert_eq!(frame, mark);
    let back = |stream: &mut MediaStream, name: &str| {
        let mark = json!({ "event": "mark", "streamSid": STREAM, "mark": { "name": name } });
        events(stream, &mark.to_string())
    };
    let (name, cleared) = ("greeting".to_owned(), false);
    assert_eq!(
        back(&mut stream, "greeting"),
        [TransportEvent::Mark { name, cleared }]
    );
    let unknown = [TransportEvent::Warning(Warning::UnknownMark)];
    assert_eq!(back(&mut stream, "greeting"), unknown, "it is back already");
    assert_eq!(
        back(&mut stream, "question"),
        unknown,
        "it was not sent yet"
    );

    // The customer speaks: what waits here and there is thrown away.
    for _ in 0..3 {
        stream.next_frame().unwrap();
    }
    stream.next_frame().unwrap();
    stream.queue_audio(&[0.5; 200]).unwrap();
    stream.queue_mark("offer").unwrap();
    let cleared = stream.clear().unwrap();
    assert_eq!(
        json_of(&cleared.frame),
        json!({ "event": "clear", "streamSid": STREAM })
    );
    assert_eq!(cleared.unsent_ms, 40);
    assert_eq!(cleared.unsent_marks, ["offer"]);
    assert_eq!(cleared.returning_marks, ["question"]);
    assert_eq!((stream.queued_ms(), stream.next_frame()), (0, None));
    let (name, cleared) = ("question".to_owned(), true);
    assert_eq!(
        back(&mut stream, "question"),
        [TransportEvent::Mark { name, cleared }]
    );
    assert!(stream.clear().unwrap().returning_marks.is_empty());
}

#[test]
fn the_queue_is_bounded() {
    let options = MediaStreamOptions::default()
        .with_longest_queue_ms(100)
        .with_most_marks(2);
    let mut stream = MediaStream::new(options);
    let early = stream.queue_audio(&[0.0]).unwrap_err();
    assert!(
        early.to_string().contains("before the stream began"),
        "{early}"
    );
    assert!(stream.clear().is_err() && stream.queue_mark("a").is_err());
    events(&mut stream, START);
    stream.queue_audio(&[0.0; 800]).unwrap();
    let full = stream.queue_audio(&[0.0; 8]).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Overloaded);
    assert_eq!(stream.queued_ms(), 100);
    stream.queue_mark("a").unwrap();
    stream.queue_mark("b").unwrap();
    while stream.next_frame().is_some() {}
    let full = stream.queue_mark("c").unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Overloaded);
    assert!(stream.queue_mark("x".repeat(LONGEST_MESSAGE)).is_err());
}

#[test]
fn missing_late_and_repeated_audio_is_told() {
    let mut stream = started();
    let gap = |start_ms, length_ms| TransportEvent::Gap {
        track: Some(Track::External),
        start_ms,
        length_ms,
    };
    let late = |timestamp_ms, behind_ms| TransportEvent::Late {
        track: Track::External,
        timestamp_ms,
        behind_ms,
    };
    let jump = |expected, got| TransportEvent::Warning(Warning::SequenceJump { expected, got });
    let inbound = |sequence, chunk, timestamp| media(sequence, "inbound", chunk, timestamp);
    let heard = |timestamp| audio(Track::External, timestamp);
    for (message, told) in [
        (inbound(2, 1, 100), vec![heard(100)]),
        (inbound(3, 2, 120), vec![heard(120)]),
        // The third frame overtakes …
        (
            inbound(5, 4, 160),
            vec![jump(4, 5), gap(140, 20), heard(160)],
        ),
        // … and comes, and comes again.
        (inbound(4, 3, 140), vec![jump(6, 4), late(140, 40)]),
        (inbound(4, 3, 140), vec![jump(6, 4), late(140, 40)]),
        (inbound(6, 5, 180), vec![heard(180)]),
        // Silence that the platform does not send.
        (inbound(7, 6, 5_200), vec![gap(200, 5_000), heard(5_200)]),
    ] {
        assert_eq!(events(&mut stream, &message), told, "{message}");
    }
    // A clock that jumps is told once; then it counts from where it is.
    let position = Warning::Position {
        ours_ms: 5_220,
        theirs_ms: 0,
    };
    let absurd = u64::MAX;
    for (message, told) in [
        (
            inbound(8, 7, 0),
            vec![TransportEvent::Warning(position), heard(5_220)],
        ),
        (inbound(9, 8, 20), vec![heard(5_240)]),
        (inbound(10, 9, 60), vec![gap(5_260, 20), heard(5_280)]),
        (
            inbound(11, 10, absurd),
            vec![TransportEvent::Warning(Warning::BadTime), heard(5_300)],
        ),
        (inbound(12, 11, absurd), vec![heard(5_320)]),
    ] {
        // At the end of what can be counted the clock stands still, which is within reason for a frame.
        let told_now = events(&mut stream, &message);
        if message.contains(&absurd.to_string()) {
            assert!(matches!(
                told_now.last(),
                Some(TransportEvent::Audio { .. })
            ));
            assert!(stream.position_ms() < 6_000);
        } else {
            assert_eq!(told_now, told, "{message}");
        }
    }
}

#[test]
fn what_breaks_the_protocol_is_an_error_and_changes_nothing() {
    let mut stream = MediaStream::new(MediaStreamOptions::default());
    let early = stream.receive_text(&media(2, "inbound", 1, 0)).unwrap_err();
    assert!(
        early.to_string().contains("before the stream began"),
        "{early}"
    );
    let wide = START.replace("8000", "16000");
    let strange = stream.receive_text(&wide).unwrap_err();
    assert_eq!(strange.kind(), ErrorKind::Unsupported);
    assert!(
        stream
            .receive_text(&START.replace("x-mulaw", "x-l16"))
            .is_err()
    );
    assert!(stream.receive_text(r#"{"event": "start"}"#).is_err());

    let mut stream = started();
    let private = r#"{"event": "media", "media": "card 4111 1111 1111 1111"}"#;
    for (text, said) in [
        ("", "is not JSON"),
        ("[1, 2]", "is not JSON"),
        (private, "is not JSON"),
        (r#"{"event": "media"}"#, "without the part"),
        (r#"{"event": "mark"}"#, "without the part"),
        (
            r#"{"event": "media", "media": {"payload": "%%%"}}"#,
            "not base64",
        ),
        (&"[".repeat(100_000), "is not JSON"),
        (&" ".repeat(LONGEST_MESSAGE + 1), "send at most"),
    ] {
        let error = stream.receive_text(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(said), "{error}");
        assert!(!error.to_string().contains("4111"), "{error}");
    }
    assert!(
        stream
            .receive_binary(&vec![0; LONGEST_MESSAGE + 1])
            .is_err()
    );
    let ignored = stream.receive_binary(&[1, 2, 3]).unwrap().events;
    assert!(matches!(ignored[..], [TransportEvent::Ignored { .. }]));
    for (text, told) in [
        (START, TransportEvent::Warning(Warning::StartedTwice)),
        (
            r#"{"event": "media", "streamSid": "MZ9", "media": {"payload": ""}}"#,
            TransportEvent::Warning(Warning::OtherStream),
        ),
        (
            r#"{"event": "connected", "version": "2.0.0"}"#,
            TransportEvent::Warning(Warning::Version),
        ),
        (
            r#"{"event": "dtmf", "dtmf": {"digit": "x"}}"#,
            TransportEvent::Warning(Warning::BadDigit),
        ),
        (
            r#"{"event": "weather"}"#,
            TransportEvent::Ignored {
                what: "weather".into(),
            },
        ),
        (
            r#"{"event": "media", "media": {"payload": ""}}"#,
            TransportEvent::Ignored {
                what: "empty audio".into(),
            },
        ),
    ] {
        let events = events(&mut stream, text);
        assert_eq!(events.last(), Some(&told), "{text}");
    }
    assert_eq!(stream.position_ms(), 0);
}

#[test]
fn whatever_comes_time_and_numbers_only_go_forward() {
    let (mut audio, mut gaps, mut warnings, mut stops) = (0, 0, 0, 0);
    for seed in 0..3_000 {
        let noise = &mut Noise::new(seed);
        let options = MediaStreamOptions::default()
            .with_longest_queue_ms(400)
            .with_most_marks(5);
        let mut stream = MediaStream::new(options);
        let mut watch = Watch::default();
        let mut sequence = None;
        for step in 0..30u64 {
            let text = match (step, noise.below(12)) {
                (0, _) => CONNECTED.to_owned(),
                (1, _) => START.to_owned(),
                (_, 0) => START.to_owned(),
                (_, 1) => {
                    r#"{"event": "dtmf", "sequenceNumber": 4, "dtmf": {"digit": "7"}}"#.into()
                }
                (_, 2) => r#"{"event": "mark", "mark": {"name": "m"}}"#.to_owned(),
                (_, 3) if noise.one_in(9) => r#"{"event": "stop", "stop": {}}"#.to_owned(),
                _ => {
                    let track = if noise.one_in(2) {
                        "inbound"
                    } else {
                        "outbound"
                    };
                    let number = step + noise.below(4) as u64;
                    let timestamp = match noise.below(30) {
                        0 => noise.next(),
                        1 => u64::MAX,
                        _ => step * 20 + noise.below(30) as u64,
                    };
                    media(number, track, number, timestamp)
                }
            };
            let text = if noise.one_in(4) {
                noise.damage(&text)
            } else {
                text
            };
            match stream.receive_text(&text) {
                Ok(received) => watch.see(&received, text.len()),
                Err(error) => assert!(matches!(
                    error.kind(),
                    ErrorKind::InvalidInput | ErrorKind::Unsupported
                )),
            }
            let bytes = noise.bytes(64);
            watch.see(&stream.receive_binary(&bytes).unwrap(), bytes.len());
            let samples = vec![0.3; noise.below(1_000)];
            let _ = stream.queue_audio(&samples);
            let _ = stream.queue_mark("m");
            for _ in 0..noise.below(8) {
                stream.next_frame();
            }
            if noise.one_in(9) {
                let _ = stream.clear();
            }
            // A mark fills the last frame, which may be one that was begun at the limit.
            assert!(stream.queued_ms() <= 420 && stream.queue.marks() <= 5);
            assert!(stream.sequence >= sequence);
            sequence = stream.sequence;
        }
        audio += watch.audio;
        gaps += watch.gaps;
        warnings += watch.warnings;
        stops += usize::from(watch.stopped);
    }
    println!("{audio} pieces of audio, {gaps} gaps, {warnings} warnings, {stops} ends");
    assert!(audio > 10_000 && gaps > 1_000 && warnings > 1_000 && stops > 100);
}
