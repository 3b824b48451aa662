mod broken;

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::noise::Watch;
use super::super::{DisconnectReason, Encoding};
use super::*;
use crate::error::ErrorKind;

const SESSION: &str = "e160e428-53e2-487c-977d-96989bf5c99d";
const CONVERSATION: &str = "090eaa2f-72fa-480a-83e0-8667ff89c0ec";

/// A client that numbers its messages.
struct Client {
    hook: AudioHook,
    seq: u64,
    serverseq: u64,
    watch: Watch,
}

impl Client {
    fn new(options: AudioHookOptions) -> Self {
        Self {
            hook: AudioHook::new(options),
            seq: 0,
            serverseq: 0,
            watch: Watch::default(),
        }
    }

    fn opened(options: AudioHookOptions) -> Self {
        let mut client = Self::new(options);
        let (events, replies) = client.open(both());
        assert!(matches!(events[..], [TransportEvent::Started(_)]));
        assert_eq!(replies[0]["type"], "opened");
        client
    }

    fn message(&mut self, kind: &str, position: &str, parameters: Value) -> Value {
        self.seq += 1;
        json!({
            "version": "2", "id": SESSION, "type": kind, "seq": self.seq,
            "serverseq": self.serverseq, "position": position, "parameters": parameters,
        })
    }

    fn text(&mut self, text: &str) -> (Vec<TransportEvent>, Vec<Value>) {
        let received = self.hook.receive_text(text).unwrap();
        self.watch.see(&received, text.len());
        let replies = received.replies.iter().map(|frame| self.answer(frame));
        let replies = replies.collect::<Vec<_>>();
        self.serverseq += replies.len() as u64;
        (received.events, replies)
    }

    /// Reads a message of the server and checks what all of them have.
    fn answer(&self, frame: &Frame) -> Value {
        let Frame::Text(text) = frame else {
            panic!("{frame:?}")
        };
        let answer: Value = serde_json::from_str(text).unwrap();
        assert_eq!(answer["version"], "2");
        assert_eq!(answer["id"], SESSION);
        assert_eq!(answer["clientseq"], self.hook.client_seq);
        assert!(answer["seq"].as_u64().unwrap() <= self.hook.seq);
        answer
    }

    fn send(
        &mut self,
        kind: &str,
        at: &str,
        parameters: Value,
    ) -> (Vec<TransportEvent>, Vec<Value>) {
        let message = self.message(kind, at, parameters);
        self.text(&message.to_string())
    }

    fn open(&mut self, media: Value) -> (Vec<TransportEvent>, Vec<Value>) {
        self.send(
            "open",
            "PT0S",
            json!({
                "organizationId": "d7934305-0972-4844-938e-9060eef73d05",
                "conversationId": CONVERSATION,
                "participant": {
                    "id": "883efee8-3d6c-4537-b500-6d7ca4b92fa0",
                    "ani": "+1-555-555-1234", "aniName": "John Doe", "dnis": "+1-800-555-6789",
                },
                "media": media,
                "language": "en-US",
                "supportedLanguages": true,
                "customConfig": { "queue": "billing" },
            }),
        )
    }

    fn audio(&mut self, bytes: &[u8]) -> Vec<TransportEvent> {
        let received = self.hook.receive_binary(bytes).unwrap();
        self.watch.see(&received, bytes.len());
        received.events
    }
}

fn media(format: &str, channels: &[&str]) -> Value {
    json!({ "type": "audio", "format": format, "channels": channels, "rate": 8000 })
}

fn both() -> Value {
    json!([
        media("PCMU", &["internal"]),
        media("PCMU", &["external", "internal"]),
        media("PCMU", &["external"]),
    ])
}

#[test]
fn a_recorded_session_is_followed_from_open_to_closed() {
    let options = AudioHookOptions::default().with_languages(["en-US".to_owned()]);
    let mut client = Client::new(options);
    let (events, replies) = client.open(both());
    let [TransportEvent::Started(started)] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(started.stream, SESSION);
    assert_eq!(started.call.as_deref(), Some(CONVERSATION));
    assert_eq!(started.caller.as_deref(), Some("+1-555-555-1234"));
    assert_eq!(started.callee.as_deref(), Some("+1-800-555-6789"));
    assert_eq!(started.tracks, [Track::External, Track::Internal]);
    assert_eq!(started.encoding, Some(Encoding::MuLaw));
    assert_eq!(started.parameters["queue"], "billing");
    assert!(!started.is_probe);
    assert_eq!(
        replies,
        [json!({
            "version": "2", "id": SESSION, "type": "opened", "seq": 1, "clientseq": 1,
            "parameters": {
                "media": [media("PCMU", &["external", "internal"])],
                "startPaused": false,
                "supportedLanguages": ["en-US"],
            },
        })]
    );

    // 200 ms: the customer's samples are loud, the agent's are silent.
    let frame: Vec<u8> = [0x80, 0xff].repeat(1600);
    let events = client.audio(&frame);
    let loud = 32_124.0 / 32_768.0;
    assert_eq!(
        events,
        [(Track::External, loud), (Track::Internal, 0.0)].map(|(track, sample)| {
            TransportEvent::Audio {
                track,
                timestamp_ms: 0,
                samples: vec![sample; 1600],
            }
        })
    );
    let (events, replies) = client.send("ping", "PT0.2S", json!({ "rtt": "PT0.03S" }));
    assert_eq!(events, []);
    assert_eq!(
        (&replies[0]["type"], &replies[0]["seq"]),
        (&json!("pong"), &json!(2))
    );
    assert_eq!(replies[0]["clientseq"], 2);

    // A pause for a card number: the clock goes on, the audio is left out.
    client.audio(&frame);
    let (events, _) = client.send("paused", "PT0.4S", json!({}));
    assert_eq!(events, [TransportEvent::Paused { timestamp_ms: 400 }]);
    assert_eq!(client.send("paused", "PT1S", json!({})).0, []);
    assert_eq!(client.send("ping", "PT5.4S", json!({})).0, []);
    let parameters = json!({ "start": "PT0.4S", "discarded": "PT6.1S" });
    let (events, _) = client.send("resumed", "PT6.5S", parameters);
    assert_eq!(
        events,
        [
            TransportEvent::Gap {
                track: None,
                start_ms: 400,
                length_ms: 6_100
            },
            TransportEvent::Resumed {
                timestamp_ms: 6_500
            },
        ]
    );
    let events = client.audio(&frame);
    assert!(matches!(
        events[0],
        TransportEvent::Audio {
            timestamp_ms: 6_500,
            ..
        }
    ));

    let parameters = json!({ "start": "PT6.7S", "discarded": "PT0.3S" });
    let (events, _) = client.send("discarded", "PT7S", parameters);
    assert!(matches!(
        events[..],
        [TransportEvent::Gap {
            start_ms: 6_700,
            length_ms: 300,
            ..
        }]
    ));
    let (events, replies) = client.send("update", "PT7S", json!({ "language": "es-ES" }));
    assert_eq!(
        events,
        [TransportEvent::Language {
            tag: "es-ES".into()
        }]
    );
    assert_eq!(replies[0]["type"], "updated");
    let parameters = json!({ "code": 429, "message": "Too many events", "retryAfter": "PT3S" });
    let (events, _) = client.send("error", "PT7S", parameters);
    assert_eq!(
        events,
        [TransportEvent::Failed {
            code: 429,
            message: "Too many events".into(),
            retry_after_ms: Some(3_000)
        }]
    );
    let (events, replies) = client.send("close", "PT7S", json!({ "reason": "end" }));
    let reason = StopReason::Ended;
    assert_eq!(events, [TransportEvent::Stopped { reason }]);
    assert_eq!(
        (&replies[0]["type"], &replies[0]["seq"]),
        (&json!("closed"), &json!(5))
    );
    assert!(client.hook.is_closed());
    assert_eq!(client.watch.warnings, 0);
    assert_eq!(client.hook.position_ms(), 7_000);

    let late = client.hook.receive_binary(&frame).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::InvalidInput);
    assert!(
        late.to_string().contains("audio after the stream ended"),
        "{late}"
    );
    assert!(client.hook.receive_text("{}").is_err());
}

#[test]
fn a_virtual_agent_speaks_is_cut_short_and_ends_the_session() {
    let mut client = Client::new(AudioHookOptions::default());
    client.open(json!([media("PCMU", &["external"])]));
    let frames = client.hook.play(&vec![0.25; 70_000]).unwrap();
    let lengths: Vec<usize> = frames
        .iter()
        .map(|frame| match frame {
            Frame::Binary(bytes) => bytes.len(),
            Frame::Text(text) => panic!("{text}"),
        })
        .collect();
    assert_eq!(lengths, [64_000, 6_000]);
    assert_eq!(
        client.send("playback_started", "PT0.1S", json!({})).0,
        [TransportEvent::PlaybackStarted]
    );
    client.audio(&[0xff; 800]);
    let frame = client.hook.send_event(&[EventEntity::BargeIn]).unwrap();
    let entities = &client.answer(&frame)["parameters"]["entities"];
    assert_eq!(*entities, json!([{ "type": "barge_in", "data": {} }]));
    assert_eq!(
        client.send("playback_completed", "PT0.1S", json!({})).0,
        [TransportEvent::PlaybackFinished]
    );
    let key = TransportEvent::Dtmf {
        track: Some(Track::External),
        digit: '#',
        timestamp_ms: 100,
    };
    assert_eq!(
        client.send("dtmf", "PT0.1S", json!({ "digit": "#" })).0,
        [key]
    );
    let bad = TransportEvent::Warning(Warning::BadDigit);
    assert_eq!(
        client.send("dtmf", "PT0.1S", json!({ "digit": "12" })).0,
        [bad]
    );

    let frame = client
        .hook
        .disconnect(DisconnectReason::Completed, "solved")
        .unwrap();
    let answer = client.answer(&frame);
    assert_eq!(
        answer["parameters"],
        json!({ "reason": "completed", "info": "solved" })
    );
    let dropped = [TransportEvent::Warning(Warning::AfterDisconnect)];
    assert_eq!(client.audio(&[0xff; 160]), dropped);
    assert!(
        client
            .hook
            .disconnect(DisconnectReason::Error, "again")
            .is_err()
    );
    let (events, replies) = client.send("close", "PT0.1S", json!({ "reason": "disconnect" }));
    let reason = StopReason::Disconnected;
    assert_eq!(events, [TransportEvent::Stopped { reason }]);
    assert_eq!(replies[0]["type"], "closed");
}

#[test]
fn the_host_can_look_first_and_have_the_last_word() {
    let mut client = Client::new(AudioHookOptions::default().with_wait());
    assert!(client.hook.accept().is_err());
    let (events, replies) = client.open(both());
    assert!(matches!(events[..], [TransportEvent::Started(_)]));
    assert_eq!(replies, Vec::<Value>::new());
    let frame = client.hook.accept().unwrap();
    assert_eq!(client.answer(&frame)["type"], "opened");
    assert_eq!(
        client.send("close", "PT0S", json!({ "reason": "end" })).1,
        Vec::<Value>::new()
    );
    let id = Uuid::from_u128(7);
    let transcript = TranscriptEntity {
        language: Some("en-US".into()),
        span_ms: Some((1_500, 2_750)),
        tokens: vec![TranscriptToken {
            text: "Bye".into(),
            confidence: 0.9,
            span_ms: (1_500, 1_900),
        }],
        ..TranscriptEntity::new(id, Track::External, "Bye.", 0.875)
    };
    let frame = client
        .hook
        .send_event(&[EventEntity::Transcript(transcript)])
        .unwrap();
    assert_eq!(
        client.answer(&frame)["parameters"]["entities"][0],
        json!({ "type": "transcript", "data": {
            "id": id.to_string(), "channel": "external", "isFinal": true,
            "offset": "PT1.500S", "duration": "PT1.250S",
            "alternatives": [{
                "confidence": 0.875, "languages": ["en-US"],
                "interpretations": [{
                    "type": "display", "transcript": "Bye.",
                    "tokens": [{ "type": "word", "value": "Bye", "confidence": 0.9,
                        "offset": "PT1.500S", "duration": "PT0.400S" }],
                }],
            }],
        }})
    );
    let frame = client.hook.finish().unwrap();
    assert_eq!(client.answer(&frame)["type"], "closed");
    assert!(client.hook.finish().is_err());

    // Somebody else is sent away before anything is opened.
    let mut client = Client::new(AudioHookOptions::default().with_wait());
    client.open(both());
    let frame = client
        .hook
        .disconnect(DisconnectReason::Unauthorized, "unknown organisation");
    assert_eq!(
        client.answer(&frame.unwrap())["parameters"]["reason"],
        "unauthorized"
    );
    let (_, replies) = client.send("close", "PT0S", json!({ "reason": "disconnect" }));
    assert_eq!(replies[0]["type"], "closed");
}

#[test]
fn a_human_agent_is_told_suggestions_but_not_spoken_over() {
    let mut client = Client::opened(AudioHookOptions::default().with_start_paused());
    let refused = client.hook.play(&[0.0; 160]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    let id = Uuid::from_u128(1);
    let entity = EventEntity::AgentAssist {
        id,
        utterances: vec![TranscriptEntity::new(id, Track::Internal, "Hello", 1.0)],
        faqs: vec![Faq {
            id,
            confidence: f32::NAN,
            question: "When?".into(),
            answer: "Soon.".into(),
        }],
        articles: vec![Article {
            id,
            confidence: 0.5,
            title: "Refunds".into(),
            excerpts: vec!["Five days.".into()],
            uri: "https://example.com/refunds".into(),
        }],
    };
    let frame = client.hook.send_event(&[entity]).unwrap();
    let answer = client.answer(&frame);
    let data = &answer["parameters"]["entities"][0]["data"];
    assert_eq!(data["suggestions"][0]["type"], "faq");
    assert_eq!(data["suggestions"][0]["confidence"], 0.0);
    assert_eq!(
        data["suggestions"][1]["documentUri"],
        "https://example.com/refunds"
    );
    assert_eq!(data["utterances"][0]["channel"], "internal");

    let long = TranscriptEntity::new(id, Track::Internal, "x".repeat(70_000), 1.0);
    let sent = client.hook.seq;
    assert!(
        client
            .hook
            .send_event(&[EventEntity::Transcript(long)])
            .is_err()
    );
    assert_eq!(client.hook.seq, sent, "what was not sent takes no number");
    let turn = [
        EventEntity::BotTurn(BotTurn::NoMatch),
        EventEntity::BotTurn(BotTurn::NoInput),
    ];
    client.hook.send_event(&turn).unwrap();
    for (frame, kind) in [
        (client.hook.pause().unwrap(), "pause"),
        (client.hook.resume().unwrap(), "resume"),
        (client.hook.reconnect("maintenance").unwrap(), "reconnect"),
    ] {
        assert_eq!(client.answer(&frame)["type"], kind);
    }
}

#[test]
fn a_probe_and_an_empty_offer_are_answered() {
    let mut client = Client::new(AudioHookOptions::default());
    let mut message = client.message("open", "PT0S", json!({}));
    message["parameters"] = json!({
        "organizationId": "d7934305-0972-4844-938e-9060eef73d05",
        "conversationId": Uuid::nil().to_string(),
        "media": [],
    });
    let (events, replies) = client.text(&message.to_string());
    let [TransportEvent::Started(started)] = &events[..] else {
        panic!("{events:?}")
    };
    assert!(started.is_probe && started.tracks.is_empty());
    assert_eq!(replies[0]["parameters"]["media"], json!([]));
    let events = client.audio(&[0xff; 2]);
    assert!(matches!(events[..], [TransportEvent::Stopped { .. }]));
}
