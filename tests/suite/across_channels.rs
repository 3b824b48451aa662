//! One conversation over three channels: it begins as a chat (REST), goes on by telephone (Genesys AudioHook) and ends
//! by e-mail (REST), all over real sockets. What was collected, what was done and promised, and the note go along.
#![cfg(all(feature = "server", feature = "whisper"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use attendant::dialogue::{FnTool, Playbook, Tool, ToolEffect, ToolSpec};
use attendant::llm::{Output, Request, ScriptedModel};
use attendant::server::{ServerConfig, ServerState, key_digest, router};
use attendant::session::{HubOptions, SessionHub};
use attendant::speech::{
    AudioTrack, DetectorFactory, ScriptedSpeech, Segment, SpeechToText, TranscribeOptions,
    VoiceDetector,
};
use attendant::{Assistant, Result};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const KEY: &str = "a key for everything";
const ID: &str = "090eaa2f-72fa-480a-83e0-8667ff89c0ec";
const SESSION: &str = "e160e428-53e2-487c-977d-96989bf5c99d";

const BOOK: &str = r#"
id = "credit"
title = "Credit"
goal = "The customer has a credit."
examples = ["I want compensation for this", "give me a credit for the trouble"]
[[slots]]
name = "account"
description = "the account number"
pattern = '^LF\d{6}$'
ask = "May I have your account number?"
[[slots]]
name = "amount"
description = "how much"
kind = "money"
ask = "How much do you have in mind?"
[[steps]]
id = "give"
label = "Give the credit"
kind = "tool"
tool = "add_credit"
requires = ["account", "amount"]
done = "I have added a credit of {{ result.credited | money('£') }}."
"#;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Credit {
    amount: f64,
    account: String,
}

/// Whatever is spoken, these are the words.
#[derive(Debug)]
struct Certain;

#[derive(Debug)]
struct Loud;

impl VoiceDetector for Loud {
    fn score(&mut self, frame: &[f32]) -> f32 {
        let power: f32 = frame.iter().map(|sample| sample * sample).sum();
        if power > 1.0 { 0.95 } else { 0.0 }
    }
}

#[async_trait]
impl SpeechToText for Certain {
    fn id(&self) -> &str {
        "certain"
    }

    async fn transcribe(&self, track: AudioTrack, _: TranscribeOptions) -> Result<Vec<Segment>> {
        let end_ms = track.duration_ms().max(200);
        Ok(vec![ScriptedSpeech::segment(100, end_ms, "£20, please.")])
    }

    fn voice_detector(&self) -> Option<DetectorFactory> {
        Some(Arc::new(|| Box::new(Loud)))
    }
}

/// Writes the note; the procedure's own words need no model.
fn model() -> ScriptedModel {
    ScriptedModel::from_fn(|request: &Request| {
        let Output::Json(schema) = &request.output else {
            return Ok("Hello.".into());
        };
        let has = |key: &str| schema.pointer(&format!("/properties/{key}")).is_some();
        Ok(match () {
            () if has("situation") => {
                r#"{"situation":"The customer wanted compensation.","action":"A credit was added.","resolution":"","satisfaction":""}"#.into()
            }
            () if has("commands") => r#"{"commands":[{"command":"small_talk"}]}"#.into(),
            () => "{}".into(),
        })
    })
}

/// A server, and how often its tool was called with what.
async fn server(calls: Arc<AtomicUsize>) -> SocketAddr {
    let spec = ToolSpec::new("add_credit", "Adds a credit").with_effect(ToolEffect::Write);
    let tool = FnTool::new(spec, move |asked: Credit, _| {
        calls.fetch_add(1, Ordering::SeqCst);
        async move {
            assert_eq!(asked.account, "LF402117");
            Ok(json!({ "credited": asked.amount }))
        }
    });
    let assistant = Assistant::builder()
        .organisation("Acme")
        .language_model(Arc::new(model()))
        .speech(Arc::new(Certain))
        .playbooks(vec![Playbook::from_toml(BOOK).unwrap()])
        .tools(vec![Arc::new(tool) as Arc<dyn Tool>])
        .build()
        .await
        .unwrap();
    let config = format!(
        "[[auth.keys]]\nid = \"t\"\nsha256 = \"{}\"\ntenant = \"acme\"\n\
         scopes = [\"read\", \"write\", \"telephony\"]\n",
        key_digest(KEY)
    );
    let config = ServerConfig::parse(&config, []).unwrap();
    let hub = SessionHub::new(assistant, HubOptions::default());
    let router = router(ServerState::new(hub, config).unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// One request, one answer: status and body.
async fn call(server: SocketAddr, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let mut socket = TcpStream::connect(server).await.unwrap();
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let request = format!(
        "{method} /v1/conversations{path} HTTP/1.1\r\nHost: {server}\r\nAuthorization: Bearer {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

async fn post(server: SocketAddr, path: &str, body: Value) -> Value {
    let (status, answer) = call(server, "POST", &format!("/{ID}/{path}"), Some(body)).await;
    assert!((200..300).contains(&status), "{path}: {status} {answer}");
    answer
}

async fn say(server: SocketAddr, text: &str) {
    let said = json!({ "id": uuid::Uuid::new_v4(), "role": "end_user", "text": text });
    post(server, "utterances", said).await;
}

/// The conversation, once it is as it should be.
async fn until(server: SocketAddr, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut view = Value::Null;
    for _ in 0..1_500 {
        (_, view) = call(server, "GET", &format!("/{ID}"), None).await;
        if is_so(&view) {
            return view;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{view:#}")
}

fn utterances(view: &Value) -> &Vec<Value> {
    let transcript = &view["conversation"]["transcript"];
    let list = transcript.get("utterances").unwrap_or(transcript);
    list.as_array().unwrap()
}

/// Until the virtual agent has said this.
async fn until_said(server: SocketAddr, words: &str) -> Value {
    until(server, |view| {
        let mut said = utterances(view).iter();
        said.any(|said| {
            said["role"] == "automated_agent" && said["text"].as_str().unwrap().contains(words)
        })
    })
    .await
}

/// The customer calls and says what the engine hears; what the platform is told that the virtual agent answers.
async fn telephone(server: SocketAddr) -> String {
    let url = format!("ws://{server}/v1/telephony/audiohook");
    let mut request = url.into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("x-api-key", KEY.parse().unwrap());
    headers.insert("audiohook-session-id", SESSION.parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    let message = |kind: &str, seq: u64, parameters: Value| {
        let message = json!({ "version": "2", "id": SESSION, "type": kind, "seq": seq,
            "serverseq": 0, "position": "PT0S", "parameters": parameters });
        Message::text(message.to_string())
    };
    let media =
        json!([{ "type": "audio", "format": "PCMU", "channels": ["external"], "rate": 8000 }]);
    let opening = json!({ "organizationId": "o", "conversationId": ID,
        "participant": { "ani": "+441632960961", "dnis": "" }, "media": media });
    socket.send(message("open", 1, opening)).await.unwrap();
    // A second of noise, and two of silence: bytes of mu-law, whose low bits are loudness.
    let mut state = 9_u32;
    let noise: Vec<u8> = (0..8_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8 & 0x9f
        })
        .collect();
    for piece in noise.chunks(800).chain([[0xff; 800].as_slice(); 20]) {
        socket.send(Message::binary(piece.to_vec())).await.unwrap();
    }
    let mut answers: Vec<String> = Vec::new();
    while let Some(Ok(received)) = socket.next().await {
        let Message::Text(text) = received else {
            continue;
        };
        let received: Value = serde_json::from_str(&text).unwrap();
        let entities = received["parameters"]["entities"].as_array();
        let turn = entities
            .into_iter()
            .flatten()
            .find(|entity| entity["type"] == "bot_turn_response");
        if let Some(turn) = turn {
            if answers.is_empty() {
                let end = json!({ "reason": "end" });
                socket.send(message("close", 2, end)).await.unwrap();
            }
            answers.extend(turn["data"]["text"].as_str().map(str::to_owned));
        }
        if received["type"] == "closed" {
            break;
        }
    }
    answers.join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_collected_done_and_promised_goes_along_from_chat_to_telephone_to_mail() {
    let calls = Arc::new(AtomicUsize::new(0));
    let server = server(calls.clone()).await;

    let chat = json!({ "id": ID, "channel": "chat", "virtual_agent": true });
    let (status, _) = call(server, "POST", "", Some(chat)).await;
    assert_eq!(status, 201);
    say(server, "I want compensation for this").await;
    until_said(server, "May I have your account number?").await;
    say(server, "LF402117").await;
    let chatted = until_said(server, "How much do you have in mind?").await;
    assert_eq!(chatted["conversation"]["channel"], "chat");

    // The account number that was typed is still known.
    let answer = telephone(server).await;
    assert!(answer.contains("I have added a credit of £20."), "{answer}");
    let called = until_said(server, "I have added a credit of £20.").await;
    assert_eq!(called["conversation"]["channel"], "voice");

    post(server, "channel", json!({ "channel": "email" })).await;
    say(
        server,
        "Thank you. Please write to my new address from now on.",
    )
    .await;
    until(server, |view| {
        let last = utterances(view).last().unwrap();
        last["role"] == "automated_agent" && last["channel"] == "email"
    })
    .await;
    post(server, "end", json!({})).await;
    let over = until(server, |view| view["ended"] == true).await;

    let channels: Vec<(&str, &str)> = utterances(&over)
        .iter()
        .filter(|said| said["role"] == "end_user")
        .map(|said| {
            let channel = said["channel"].as_str().unwrap();
            (channel, said["text"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        channels,
        [
            ("chat", "I want compensation for this"),
            ("chat", "LF402117"),
            ("voice", "£20, please."),
            (
                "email",
                "Thank you. Please write to my new address from now on."
            ),
        ]
    );
    // Done once, and promised where it was done.
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    let promise = utterances(&over)
        .iter()
        .find(|said| said["text"].as_str().unwrap().contains("added a credit"));
    assert_eq!(promise.unwrap()["channel"], "voice");
    // What was collected on two channels.
    let dialogue = over["dialogue"].to_string();
    for value in ["LF402117", "20"] {
        assert!(dialogue.contains(value), "{value} not in {dialogue}");
    }
    // The note is of all three.
    let (status, note) = call(server, "GET", &format!("/{ID}/summary"), None).await;
    assert_eq!(status, 200, "{note}");
    let covered = note["covers"].as_u64().unwrap();
    assert_eq!(covered as usize, utterances(&over).len());
    assert!(note.to_string().contains("A credit was added."), "{note}");
}
