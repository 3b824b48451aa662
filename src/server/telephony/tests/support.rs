//! A server on a socket of its own, and what calls it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::super::{SpeechOut, Telephony};
use crate::assistant::Assistant;
use crate::conversation::{Conversation, Role};
use crate::dialogue::Playbook;
use crate::error::Result;
use crate::server::{ServerConfig, ServerState, key_digest};
use crate::session::{HubOptions, SessionHub, SessionView};
use crate::speech::{
    AudioTrack, DetectorFactory, ScriptedSpeech, Segment, SpeechToText, TranscribeOptions,
    VoiceDetector,
};
use crate::store::StreamKey;

pub(super) const TENANT: &str = "acme";
pub(super) const KEY: &str = "a key of this server";
/// What the platform sends as its API key, and signs with.
pub(super) const CLIENT: &str = "U2lnbmVkIGNsaWVudCdzIGtleQ==";
pub(super) const SECRET: &[u8] = b"a secret that both sides know";
/// A client without a secret, whose calls a virtual agent serves.
pub(super) const BOT_CLIENT: &str = "bot client";
pub(super) const TWILIO_TOKEN: &str = "twilio's auth token";

const LINES: [&str; 4] = [
    "I was charged twice this month.",
    "May I have your account number?",
    "I want compensation for this.",
    "Thank you very much.",
];
/// Each line is so much less loud than the one before.
const STEP: f32 = 0.6;

/// Hears which line is spoken.
#[derive(Debug)]
struct Lines;

#[derive(Debug)]
struct Loud;

impl VoiceDetector for Loud {
    fn score(&mut self, frame: &[f32]) -> f32 {
        if power(frame) > 0.03 { 0.95 } else { 0.0 }
    }
}

fn power(samples: &[f32]) -> f32 {
    let sum: f32 = samples.iter().map(|sample| sample * sample).sum();
    (sum / samples.len().max(1) as f32).sqrt()
}

#[async_trait]
impl SpeechToText for Lines {
    fn id(&self) -> &str {
        "lines"
    }

    async fn transcribe(&self, track: AudioTrack, _: TranscribeOptions) -> Result<Vec<Segment>> {
        let mut loud: Vec<f32> = track.samples.chunks(160).map(power).collect();
        loud.retain(|power| *power > 0.03);
        loud.sort_by(f32::total_cmp);
        let Some(middle) = loud.get(loud.len() / 2) else {
            return Ok(Vec::new());
        };
        let number = ((0.52 / middle).ln() / (1.0 / STEP).ln()).round();
        let line = LINES[(number.max(0.0) as usize).min(LINES.len() - 1)];
        let end_ms = track.duration_ms();
        Ok(vec![ScriptedSpeech::segment(100, end_ms.max(200), line)])
    }

    fn voice_detector(&self) -> Option<DetectorFactory> {
        Some(Arc::new(|| Box::new(Loud)))
    }
}

/// Somebody speaks a line, at 8 kHz.
pub(super) fn spoken(line: usize, ms: usize) -> Vec<f32> {
    let mut state = 9_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let loudness = 0.9 * STEP.powi(i32::try_from(line).unwrap());
    (0..ms * 8).map(|_| noise() * loudness).collect()
}

pub(super) fn silence(ms: usize) -> Vec<f32> {
    vec![0.0; ms * 8]
}

/// G.711 mu-law, by its definition.
pub(super) fn mu_law(samples: &[f32]) -> Vec<u8> {
    let byte = |sample: &f32| {
        let value = (sample.clamp(-1.0, 1.0) * 32_635.0) as i32;
        let sign = if value < 0 { 0x80 } else { 0 };
        let biased = value.abs().min(32_635) + 132;
        let exponent = (biased >> 7).ilog2();
        let mantissa = (biased >> (exponent + 3)) & 0x0f;
        !(sign | (exponent << 4) as i32 | mantissa) as u8
    };
    samples.iter().map(byte).collect()
}

const BOOK: &str = r#"
id = "credit"
title = "Credit"
goal = "The customer has a credit."
examples = ["I want compensation for this", "give me a credit for the trouble"]
[[slots]]
name = "amount"
description = "how much"
kind = "money"
ask = "How much do you have in mind? Take your time."
[[steps]]
id = "give"
label = "Give the credit"
kind = "inform"
say = "That is noted."
requires = ["amount"]
"#;

/// A server that listens.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) hub: SessionHub,
    pub(super) telephony: Telephony,
    pub(super) state: ServerState,
    _folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.stopping.cancel();
    }
}

impl Server {
    pub(super) async fn start(settings: &str) -> Self {
        Self::speaking(settings, None).await
    }

    /// `settings`: lines of the section `telephony`.
    pub(super) async fn speaking(settings: &str, voice: Option<Arc<dyn SpeechOut>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secret = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            format!("{{ file = {:?} }}", path.display().to_string())
        };
        use base64::Engine;
        let shared = base64::engine::general_purpose::STANDARD.encode(SECRET);
        let config = format!(
            r#"
[[auth.keys]]
id = "tests"
sha256 = "{}"
tenant = "{TENANT}"
scopes = ["telephony"]
[[auth.keys]]
id = "reader"
sha256 = "{}"
tenant = "{TENANT}"
scopes = ["read"]
[telephony]
last_words_seconds = 5
{settings}
[[telephony.audiohook]]
key = {}
secret = {}
tenant = "{TENANT}"
[[telephony.audiohook]]
key = {}
tenant = "{TENANT}"
virtual_agent = true
at_hang_up = "end"
[[telephony.media_streams]]
account = "AC1"
auth_token = {}
tenant = "{TENANT}"
"#,
            key_digest(KEY),
            key_digest("a reader's key"),
            secret("client", CLIENT),
            secret("secret", &shared),
            secret("bot", BOT_CLIENT),
            secret("twilio", TWILIO_TOKEN),
        );
        let config = ServerConfig::parse(&config, []).unwrap();
        let assistant = Assistant::builder()
            .organisation("Acme")
            .speech(Arc::new(Lines))
            .playbooks(vec![Playbook::from_toml(BOOK).unwrap()])
            .build()
            .await
            .unwrap();
        let hub = SessionHub::new(assistant, HubOptions::default());
        let mut state = ServerState::new(hub.clone(), config).unwrap();
        if let Some(voice) = voice {
            state = state.with_voice(voice);
        }
        let telephony = Telephony::new(state.clone());
        let router: axum::Router = telephony.clone().router();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            hub,
            telephony,
            state,
            _folder: folder,
        }
    }

    pub(super) fn request(&self, path: &str, headers: &[(&str, &str)]) -> Request {
        let url = format!("ws://{}/v1/telephony/{path}", self.address);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            let name = axum::http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        request
    }

    pub(super) async fn view(&self, conversation: &str) -> Result<SessionView> {
        let key = StreamKey {
            tenant: TENANT.into(),
            conversation: conversation.into(),
        };
        self.hub.view(&key).await
    }

    /// What was said, once there is so much of it.
    pub(super) async fn said(&self, conversation: &str, utterances: usize) -> Vec<(Role, String)> {
        self.until(conversation, |conversation| {
            conversation.transcript.len() >= utterances
        })
        .await
        .transcript
        .utterances()
        .iter()
        .map(|said| (said.role, said.text.clone()))
        .collect()
    }

    /// The conversation, once it is as it should be.
    pub(super) async fn until(
        &self,
        conversation: &str,
        is_so: impl Fn(&Conversation) -> bool,
    ) -> Conversation {
        let mut last = None;
        for _ in 0..1_500 {
            if let Ok(view) = self.view(conversation).await {
                if is_so(&view.conversation) {
                    return view.conversation;
                }
                last = Some(view.conversation);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{last:#?}")
    }

    /// Until no socket serves a conversation any more.
    pub(super) async fn until_all_left(&self) {
        for _ in 0..1_500 {
            if self.telephony.inner.seats.taken() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("a socket is served for ever")
    }
}

/// The other end of a socket.
pub(super) struct Peer(pub(super) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Peer {
    /// Connects; the status where that is refused.
    pub(super) async fn connect(request: Request) -> Result<Self, u16> {
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(SocketError::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub(super) async fn send(&mut self, message: &Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    pub(super) async fn audio(&mut self, bytes: Vec<u8>) {
        self.0.send(Message::binary(bytes)).await.unwrap();
    }

    /// The next message that is none of the socket's own; `None` behind the last.
    pub(super) async fn next(&mut self) -> Option<Message> {
        let end = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            let message = tokio::time::timeout_at(end, self.0.next());
            match message.await.expect("a message within half a minute") {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(message)) => return Some(message),
            }
        }
    }

    /// The next text message.
    pub(super) async fn text(&mut self) -> Option<Value> {
        loop {
            if let Message::Text(text) = self.next().await? {
                return Some(serde_json::from_str(&text).unwrap());
            }
        }
    }

    /// The next text message with this `type` or `event`.
    pub(super) async fn until(&mut self, kind: &str) -> Value {
        let mut seen = Vec::new();
        while let Some(message) = self.text().await {
            if message["type"] == kind || message["event"] == kind {
                return message;
            }
            seen.push(message);
        }
        panic!("no {kind} among {seen:#?}")
    }

    /// The code that the socket is closed with, 0 where there is none.
    pub(super) async fn closed(&mut self) -> u16 {
        let end = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            let message = tokio::time::timeout_at(end, self.0.next());
            match message.await.expect("an end within half a minute") {
                Some(Ok(Message::Close(frame))) => {
                    return frame.map_or(0, |frame| frame.code.into());
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return 0,
            }
        }
    }
}

/// Genesys' side of a session.
pub(super) struct Genesys {
    pub(super) peer: Peer,
    session: String,
    conversation: String,
    seq: u64,
    serverseq: u64,
    /// Samples that were sent.
    sent: u64,
}

pub(super) const ORGANIZATION: &str = "d7934305-0972-4844-938e-9060eef73d05";

impl Genesys {
    /// Connects as a client without a signature.
    pub(super) async fn connect(server: &Server, key: &str, conversation: &str) -> Self {
        let session = uuid::Uuid::new_v4().to_string();
        let headers = [
            ("x-api-key", key),
            ("audiohook-session-id", session.as_str()),
            ("audiohook-organization-id", ORGANIZATION),
        ];
        let peer = Peer::connect(server.request("audiohook", &headers)).await;
        Self::on(peer.unwrap(), &session, conversation)
    }

    pub(super) fn on(peer: Peer, session: &str, conversation: &str) -> Self {
        Self {
            peer,
            session: session.to_owned(),
            conversation: conversation.to_owned(),
            seq: 0,
            serverseq: 0,
            sent: 0,
        }
    }

    pub(super) async fn send(&mut self, kind: &str, parameters: Value) {
        self.seq += 1;
        let seconds = self.sent as f64 / 8_000.0;
        let message = json!({
            "version": "2", "id": self.session, "type": kind, "seq": self.seq,
            "serverseq": self.serverseq, "position": format!("PT{seconds:.3}S"),
            "parameters": parameters,
        });
        self.peer.send(&message).await;
    }

    pub(super) fn opening(&self, channels: &[&str]) -> Value {
        json!({
            "organizationId": ORGANIZATION,
            "conversationId": self.conversation,
            "participant": { "id": "883efee8-3d6c-4537-b500-6d7ca4b92fa0", "ani": "+441632960961",
                "aniName": "", "dnis": "+441632960000" },
            "media": [{ "type": "audio", "format": "PCMU", "channels": channels, "rate": 8000 }],
        })
    }

    /// Opens with these channels, and waits for the answer.
    pub(super) async fn open(&mut self, channels: &[&str]) -> Value {
        let opening = self.opening(channels);
        self.send("open", opening).await;
        self.until("opened").await
    }

    /// Sends what is spoken on each channel, all of the same length, a fifth of a second at a time.
    pub(super) async fn speak(&mut self, channels: &[Vec<f32>]) {
        let encoded: Vec<Vec<u8>> = channels.iter().map(|samples| mu_law(samples)).collect();
        let length = encoded[0].len();
        for begin in (0..length).step_by(1_600) {
            let end = length.min(begin + 1_600);
            let samples = (begin..end).flat_map(|at| encoded.iter().map(move |track| track[at]));
            self.sent += (end - begin) as u64;
            self.peer.audio(samples.collect()).await;
        }
    }

    /// The next message of this type.
    pub(super) async fn until(&mut self, kind: &str) -> Value {
        let message = self.peer.until(kind).await;
        assert_eq!(message["id"], self.session);
        self.serverseq = message["seq"].as_u64().unwrap();
        message
    }

    /// The next final transcript: channel and text.
    pub(super) async fn transcript(&mut self) -> (String, String) {
        loop {
            let event = self.until("event").await;
            for entity in event["parameters"]["entities"].as_array().unwrap() {
                let data = &entity["data"];
                if entity["type"] == "transcript" && data["isFinal"] == true {
                    let alternative = &data["alternatives"][0]["interpretations"][0];
                    return (
                        data["channel"].as_str().unwrap().to_owned(),
                        alternative["transcript"].as_str().unwrap().to_owned(),
                    );
                }
            }
        }
    }

    /// Hangs up, and waits for the last message.
    pub(super) async fn close(&mut self) {
        self.send("close", json!({ "reason": "end" })).await;
        self.until("closed").await;
    }
}
