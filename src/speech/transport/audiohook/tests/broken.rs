//! Clients that break the protocol, and damaged sessions.

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::super::noise::Noise;
use super::super::super::*;
use super::{CONVERSATION, Client, both, media};
use crate::error::ErrorKind;

#[test]
fn who_breaks_the_protocol_is_sent_away_with_a_reason() {
    fn fresh() -> Client {
        Client::new(AudioHookOptions::default())
    }
    type Act = fn(&mut Client) -> Received;
    let changed = |name: &str, value: Value| {
        let mut message = fresh().message("open", "PT0S", json!({}));
        message[name] = value;
        message.to_string()
    };
    for (text, info) in [
        ("not json".to_owned(), "is not JSON"),
        ("[]".to_owned(), "is not JSON"),
        (changed("version", json!("1")), "version 2"),
        (changed("version", json!(2)), "is not JSON"),
        (changed("id", json!("me")), "not a UUID"),
        (changed("seq", json!(-1)), "is not JSON"),
        (changed("type", json!("paused")), "before the stream began"),
        (changed("parameters", json!({})), "is not JSON"),
        ("x".repeat(LONGEST_MESSAGE + 1), "bytes; send at most"),
        ("[".repeat(100_000), "is not JSON"),
    ] {
        let received = fresh().hook.receive_text(&text).unwrap();
        let Frame::Text(reply) = &received.replies[0] else {
            panic!()
        };
        let reply: Value = serde_json::from_str(reply).unwrap();
        assert_eq!(reply["type"], "disconnect");
        assert_eq!(reply["parameters"]["reason"], "error");
        let said = reply["parameters"]["info"].as_str().unwrap();
        assert!(said.contains(info), "{said}");
        let Some(TransportEvent::Stopped { reason }) = received.events.last() else {
            panic!("{:?}", received.events)
        };
        assert_eq!(*reason, StopReason::Fault(said.to_owned()));
    }
    let cases: [(Act, &str); 5] = [
        (
            |_| fresh().hook.receive_binary(&[0xff; 160]).unwrap(),
            "audio before the stream",
        ),
        (
            |client| client.hook.receive_binary(&[0xff; 161]).unwrap(),
            "161 bytes of audio",
        ),
        (
            |client| {
                client
                    .hook
                    .receive_binary(&vec![0; LONGEST_MESSAGE + 2])
                    .unwrap()
            },
            "at most",
        ),
        (
            |client| {
                let mut message = client.message("ping", "PT0S", json!({}));
                message["id"] = json!(Uuid::nil().to_string());
                client.hook.receive_text(&message.to_string()).unwrap()
            },
            "another session",
        ),
        (
            |_| {
                let mut client = fresh();
                let open = client.message(
                    "open",
                    "PT0S",
                    json!({
                        "organizationId": "o", "conversationId": "c",
                        "media": [media("opus", &["external"])],
                    }),
                );
                client.hook.receive_text(&open.to_string()).unwrap()
            },
            "no usable media",
        ),
    ];
    for (act, info) in cases {
        let mut client = Client::opened(AudioHookOptions::default());
        let received = act(&mut client);
        let Some(TransportEvent::Stopped {
            reason: StopReason::Fault(said),
        }) = received.events.last()
        else {
            panic!("{received:?}")
        };
        assert!(said.contains(info), "{said}");
    }
}

#[test]
fn what_does_no_harm_is_told_and_the_session_goes_on() {
    let mut client = Client::opened(AudioHookOptions::default());
    let warning = |events: &[TransportEvent]| match events {
        [TransportEvent::Warning(warning)] => warning.clone(),
        events => panic!("{events:?}"),
    };
    assert_eq!(warning(&client.open(both()).0), Warning::StartedTwice);
    client.seq += 3;
    assert_eq!(
        warning(&client.send("ping", "PT0S", json!({})).0),
        Warning::SequenceJump {
            expected: 3,
            got: 6
        }
    );
    client.serverseq = 99;
    assert_eq!(
        warning(&client.send("ping", "PT0S", json!({})).0),
        Warning::NeverSent { sent: 2, got: 99 }
    );
    client.serverseq = 0;
    assert_eq!(
        warning(&client.send("ping", "PT4S", json!({})).0),
        Warning::Position {
            ours_ms: 0,
            theirs_ms: 4_000
        }
    );
    assert_eq!(
        warning(&client.send("ping", "soon", json!({})).0),
        Warning::BadTime
    );
    let parameters = json!({ "start": "PT0S", "discarded": "PT99999S" });
    assert_eq!(
        warning(&client.send("discarded", "PT0S", parameters).0),
        Warning::BadTime
    );
    let parameters = json!({ "start": "PT0S" });
    assert_eq!(
        warning(&client.send("discarded", "PT0S", parameters).0),
        Warning::BadTime
    );
    let ignored = client.send("whisper", "PT0S", json!({})).0;
    assert_eq!(
        ignored,
        [TransportEvent::Ignored {
            what: "whisper".into()
        }]
    );
    let empty = client.audio(&[]);
    assert!(matches!(empty[..], [TransportEvent::Ignored { .. }]));
    client.send("paused", "PT0S", json!({}));
    assert_eq!(
        warning(&client.audio(&[0xff; 320])),
        Warning::AudioWhilePaused { bytes: 320 }
    );
    assert_eq!(client.hook.position_ms(), 0);
    assert!(!client.watch.stopped);
}

#[test]
fn linear_audio_is_taken_apart_in_either_byte_order() {
    for (options, sample) in [
        (AudioHookOptions::default(), 64.0 / 32_768.0),
        (AudioHookOptions::default().with_big_endian(), 0.5),
    ] {
        let mut client = Client::new(options);
        client.open(json!([media("L16", &["internal", "external"])]));
        let events = client.audio(&[0, 0, 0x40, 0].repeat(80));
        let [
            TransportEvent::Audio {
                track: Track::Internal,
                ..
            },
            TransportEvent::Audio { samples, .. },
        ] = &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(samples, &vec![sample; 80]);
        assert_eq!(client.hook.position_ms(), 10);
    }
    let other = AudioHookOptions::default().with_session(Uuid::from_u128(1));
    let (events, _) = {
        let mut client = Client::new(other);
        let message = client.message("ping", "PT0S", json!({})).to_string();
        let received = client.hook.receive_text(&message).unwrap();
        (received.events, received.replies)
    };
    assert!(matches!(events[..], [TransportEvent::Stopped { .. }]));
}

#[test]
fn whatever_comes_time_and_numbers_only_go_forward() {
    let (mut audio, mut gaps, mut warnings, mut stops) = (0, 0, 0, 0);
    for seed in 0..3_000 {
        let noise = &mut Noise::new(seed);
        let wait = noise.one_in(4);
        let options = AudioHookOptions {
            wait,
            ..AudioHookOptions::default()
        };
        let mut client = Client::new(options);
        let open = client.message(
            "open",
            "PT0S",
            json!({
                "organizationId": "o", "conversationId": CONVERSATION, "media": both(),
            }),
        );
        let mut lines = vec![open.to_string()];
        for (kind, parameters) in [
            ("ping", json!({ "rtt": "PT0.1S" })),
            ("paused", json!({})),
            ("resumed", json!({ "start": "PT1S", "discarded": "PT3S" })),
            (
                "discarded",
                json!({ "start": "PT4S", "discarded": "PT0.5S" }),
            ),
            ("update", json!({ "language": "de-DE" })),
            ("dtmf", json!({ "digit": "5" })),
            ("playback_started", json!({})),
            (
                "error",
                json!({ "code": 500, "message": "x", "retryAfter": "PT1S" }),
            ),
        ] {
            lines.push(client.message(kind, "PT1S", parameters).to_string());
        }
        let (mut position, mut seq) = (0, 0);
        for step in 0..25 {
            let at = if step == 0 {
                0
            } else {
                noise.below(lines.len())
            };
            let received = if step > 0 && noise.one_in(3) {
                let bytes = noise.bytes(640);
                let even = bytes.len() - if noise.one_in(60) { 0 } else { bytes.len() % 2 };
                client.hook.receive_binary(&bytes[..even])
            } else if noise.one_in(20) {
                client.hook.receive_text(&noise.damage(&lines[at]))
            } else if noise.one_in(40) {
                let close = client.message("close", "PT9S", json!({ "reason": "end" }));
                client.hook.receive_text(&close.to_string())
            } else {
                client.hook.receive_text(&lines[at])
            };
            match received {
                Ok(received) => client.watch.see(&received, LONGEST_MESSAGE),
                Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidInput),
            }
            let _ = match noise.below(12) {
                0 => client.hook.pause().map(drop),
                1 => client.hook.accept().map(drop),
                2 => client.hook.play(&[0.1; 99]).map(drop),
                3 if noise.one_in(9) => client
                    .hook
                    .disconnect(DisconnectReason::Completed, "")
                    .map(drop),
                _ => client.hook.send_event(&[EventEntity::BargeIn]).map(drop),
            };
            assert!(client.hook.position_ms() >= position && client.hook.client_seq >= seq);
            position = client.hook.position_ms();
            seq = client.hook.client_seq;
        }
        audio += client.watch.audio;
        gaps += client.watch.gaps;
        warnings += client.watch.warnings;
        stops += usize::from(client.watch.stopped);
    }
    println!("{audio} pieces of audio, {gaps} gaps, {warnings} warnings, {stops} ends");
    assert!(audio > 1_000 && gaps > 100 && warnings > 1_000 && stops > 100);
}
