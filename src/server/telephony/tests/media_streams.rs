//! Twilio Media Streams.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::stream::BoxStream;
use futures::{SinkExt, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use tokio_tungstenite::tungstenite::Message;

use super::super::SpeechOut;
use super::support::*;
use crate::conversation::Role;
use crate::error::Result;

/// Says a second of sound a sentence.
#[derive(Debug)]
struct Voice;

impl SpeechOut for Voice {
    fn speak(&self, _: &str, _: &str) -> BoxStream<'static, Result<Vec<f32>>> {
        futures::stream::iter((0..5).map(|_| Ok(vec![0.25; 1_600]))).boxed()
    }
}

/// Twilio's side of a stream.
struct Twilio {
    peer: Peer,
    sequence: u64,
    sent_ms: u64,
}

impl Twilio {
    async fn connect(server: &Server, headers: &[(&str, &str)]) -> Result<Self, u16> {
        let peer = Peer::connect(server.request("media-streams", headers)).await?;
        Ok(Self {
            peer,
            sequence: 0,
            sent_ms: 0,
        })
    }

    async fn send(&mut self, event: &str, body: Value) {
        self.sequence += 1;
        let mut message = json!({ "event": event, "sequenceNumber": self.sequence.to_string(),
            "streamSid": "MZ1" });
        message[event] = body;
        self.peer.send(&message).await;
    }

    async fn start(&mut self, parameters: Value) {
        let connected = json!({ "event": "connected", "protocol": "Call", "version": "1.0.0" });
        self.peer.send(&connected).await;
        let body = json!({ "streamSid": "MZ1", "accountSid": "AC1", "callSid": "CA1",
            "tracks": ["inbound"], "customParameters": parameters,
            "mediaFormat": { "encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1 } });
        self.send("start", body).await;
    }

    async fn speak(&mut self, samples: &[f32]) {
        for frame in mu_law(samples).chunks(160) {
            let body = json!({ "track": "inbound", "chunk": (self.sent_ms / 20 + 1).to_string(),
                "timestamp": self.sent_ms.to_string(), "payload": STANDARD.encode(frame) });
            self.sent_ms += 20;
            self.send("media", body).await;
        }
    }
}

#[tokio::test]
async fn a_stream_with_a_token_in_its_parameters_is_heard() {
    let server = Server::start("").await;
    let mut twilio = Twilio::connect(&server, &[]).await.unwrap();
    twilio
        .start(json!({ "token": KEY, "conversation": "stream-1" }))
        .await;
    twilio.speak(&spoken(0, 1_200)).await;
    twilio.speak(&silence(1_500)).await;
    twilio
        .send("dtmf", json!({ "track": "inbound_track", "digit": "7" }))
        .await;
    // A message that is none is passed over.
    twilio.peer.0.send(Message::text("{")).await.unwrap();
    twilio.speak(&spoken(3, 1_200)).await;
    twilio
        .send("stop", json!({ "accountSid": "AC1", "callSid": "CA1" }))
        .await;
    assert_eq!(twilio.peer.closed().await, 1000);
    let mut said: Vec<String> = server
        .said("stream-1", 3)
        .await
        .into_iter()
        .map(|(role, text)| {
            assert_eq!(role, Role::EndUser);
            text
        })
        .collect();
    said.sort();
    assert_eq!(
        said,
        [
            "7",
            "I was charged twice this month.",
            "Thank you very much."
        ]
    );
    server.until_all_left().await;
}

#[tokio::test]
async fn strangers_do_not_get_in() {
    let server = Server::start("").await;
    for parameters in [
        json!({ "conversation": "stream-2" }),
        json!({ "conversation": "stream-2", "token": "guessed" }),
        json!({ "conversation": "stream-2", "token": "a reader's key" }),
    ] {
        let mut twilio = Twilio::connect(&server, &[]).await.unwrap();
        twilio.start(parameters).await;
        assert_eq!(twilio.peer.closed().await, 1008);
    }
    let headers = [("authorization", "Bearer guessed")];
    assert_eq!(Twilio::connect(&server, &headers).await.err(), Some(401));
    assert!(server.view("stream-2").await.is_err());
}

#[tokio::test]
async fn a_call_cannot_name_what_is_no_conversation() {
    let server = Server::start("").await;
    for named in ["~learned", "a/b", " ~actions"] {
        let mut twilio = Twilio::connect(&server, &[]).await.unwrap();
        twilio
            .start(json!({ "token": KEY, "conversation": named }))
            .await;
        twilio.peer.closed().await;
        assert!(server.view(named.trim()).await.is_err(), "{named}");
    }
}

#[tokio::test]
async fn a_signed_request_of_the_account_needs_no_token() {
    let server = Server::start("").await;
    let sign = |token: &str| {
        let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
        let url = format!("wss://{}/v1/telephony/media-streams", server.address);
        mac.update(url.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    };
    let bad = sign("guessed");
    let refused = Twilio::connect(&server, &[("x-twilio-signature", &bad)]).await;
    assert_eq!(refused.err(), Some(401));
    let good = sign(TWILIO_TOKEN);
    let headers = [("x-twilio-signature", good.as_str())];
    let mut twilio = Twilio::connect(&server, &headers).await.unwrap();
    twilio.start(json!({})).await;
    twilio.speak(&spoken(3, 1_200)).await;
    twilio.send("stop", json!({})).await;
    // Without a name of its own it is the call's.
    let said = server.said("CA1", 1).await;
    assert_eq!(said[0].1, "Thank you very much.");
}

#[tokio::test]
async fn the_virtual_agent_speaks_and_falls_silent_when_the_customer_does() {
    let server = Server::speaking("", Some(Arc::new(Voice))).await;
    let mut twilio = Twilio::connect(&server, &[("x-api-key", KEY)])
        .await
        .unwrap();
    twilio
        .start(json!({ "conversation": "bot-2", "virtual_agent": "true" }))
        .await;
    twilio.speak(&spoken(2, 1_200)).await;
    twilio.speak(&silence(1_500)).await;
    // Sound, and a mark behind the first sentence, which was heard.
    let media = twilio.peer.until("media").await;
    let payload = STANDARD.decode(media["media"]["payload"].as_str().unwrap());
    assert_eq!(payload.unwrap().len(), 160);
    let mark = twilio.peer.until("mark").await;
    twilio.send("mark", mark["mark"].clone()).await;
    let heard: usize = mark["mark"]["name"]
        .as_str()
        .and_then(|name| name.split_once(':')?.1.parse().ok())
        .unwrap();
    // The customer cuts in.
    twilio.speak(&spoken(3, 1_200)).await;
    twilio.peer.until("clear").await;
    twilio.speak(&silence(1_500)).await;
    let conversation = server
        .until("bot-2", |conversation| {
            let mut said = conversation.transcript.utterances().iter();
            said.any(|said| said.text.ends_with('\u{2014}') || said.text.ends_with('–'))
        })
        .await;
    let mut said = conversation.transcript.utterances().iter();
    let cut = said.find(|said| said.role == Role::AutomatedAgent).unwrap();
    assert!(cut.text.len() >= heard, "{cut:?}");
    assert!(!cut.text.contains("Take your time."), "{cut:?}");
}
