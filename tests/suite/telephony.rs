//! A real call over a real socket: the sample call as Genesys AudioHook sends it, heard by the real Whisper model.
#![cfg(all(feature = "server", feature = "whisper"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use attendant::Assistant;
use attendant::conversation::{Conversation, Role};
use attendant::models::ModelRole;
use attendant::server::{ServerConfig, ServerState, key_digest, telephony};
use attendant::session::{HubOptions, SessionHub};
use attendant::speech::{SileroModel, WhisperSpeech};
use attendant::store::StreamKey;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const KEY: &str = "the platform's key";
const SESSION: &str = "e160e428-53e2-487c-977d-96989bf5c99d";
/// The agent is on the left of the recording, the customer on the right.
const CHANNELS: [&str; 2] = ["internal", "external"];
/// A tenth of a second of both, a byte a sample.
const FRAME: usize = 2 * 800;

/// The bytes of the recording: mu-law at 8 kHz, two channels, as they are on the wire.
fn recording() -> Vec<u8> {
    let wav = std::fs::read(crate::support::repository("examples/sample-call/call.wav")).unwrap();
    let at = wav.windows(4).position(|name| name == b"data").unwrap();
    let length = u32::from_le_bytes(wav[at + 4..at + 8].try_into().unwrap()) as usize;
    wav[at + 8..at + 8 + length].to_vec()
}

fn message(kind: &str, seq: u64, sent: usize, parameters: Value) -> Message {
    let seconds = sent as f64 / 2.0 / 8_000.0;
    let message = json!({ "version": "2", "id": SESSION, "type": kind, "seq": seq, "serverseq": 0,
        "position": format!("PT{seconds:.3}S"), "parameters": parameters });
    Message::text(message.to_string())
}

/// What one role said, lower case.
fn said(conversation: &Conversation, role: Role) -> String {
    let said = conversation.transcript.utterances().iter();
    let texts: Vec<&str> = said
        .filter(|said| said.role == role)
        .map(|said| said.text.as_str())
        .collect();
    texts.join(" ").to_lowercase()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_call_is_understood_over_audiohook_on_both_tracks() {
    let detector = crate::support::model("silero-vad", ModelRole::Vad).weights;
    let engine =
        WhisperSpeech::load(crate::support::model("whisper-tiny.en", ModelRole::Stt).weights);
    let engine = engine
        .unwrap()
        .with_voice_detector(SileroModel::load(detector).unwrap().factory());
    let assistant = Assistant::builder()
        .organisation("Larkfield")
        .speech(Arc::new(engine))
        .build()
        .await
        .unwrap();
    let hub = SessionHub::new(assistant, HubOptions::default());
    let config = format!(
        "[[auth.keys]]\nid = \"t\"\nsha256 = \"{}\"\ntenant = \"larkfield\"\nscopes = [\"telephony\"]\n\
         [telephony]\nlast_words_seconds = 120\n",
        key_digest(KEY)
    );
    let config = ServerConfig::parse(&config, []).unwrap();
    let state = ServerState::new(hub.clone(), config).unwrap();
    let router: axum::Router = telephony::router(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });

    let url = format!("ws://{address}/v1/telephony/audiohook");
    let mut request = url.into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("x-api-key", KEY.parse().unwrap());
    headers.insert("audiohook-session-id", SESSION.parse().unwrap());
    let (socket, _) = connect_async(request).await.unwrap();
    let (mut send, mut receive) = socket.split();
    let media = json!([{ "type": "audio", "format": "PCMU", "channels": CHANNELS, "rate": 8000 }]);
    let opening = json!({ "organizationId": "o", "conversationId": "sample", "language": "en-GB",
        "participant": { "ani": "", "dnis": "" }, "media": media });
    send.send(message("open", 1, 0, opening)).await.unwrap();
    let calling = async move {
        let bytes = recording();
        for frame in bytes.chunks(FRAME) {
            send.send(Message::binary(frame.to_vec())).await.unwrap();
            // Some five times faster than a call.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let end = json!({ "reason": "end" });
        send.send(message("close", 2, bytes.len(), end))
            .await
            .unwrap();
        send
    };
    // What the platform is told.
    let listening = async move {
        let mut told: Vec<(String, String)> = Vec::new();
        while let Some(Ok(message)) = receive.next().await {
            let Message::Text(text) = message else {
                continue;
            };
            let message: Value = serde_json::from_str(&text).unwrap();
            let entities = message["parameters"]["entities"].as_array();
            for entity in entities.into_iter().flatten() {
                let data = &entity["data"];
                if entity["type"] == "transcript" && data["isFinal"] == true {
                    let text = &data["alternatives"][0]["interpretations"][0]["transcript"];
                    let text = text.as_str().unwrap().to_lowercase();
                    told.push((data["channel"].as_str().unwrap().to_owned(), text));
                }
            }
            if message["type"] == "closed" {
                break;
            }
        }
        told
    };
    let (_send, told) = tokio::join!(calling, listening);

    let key = StreamKey {
        tenant: "larkfield".into(),
        conversation: "sample".into(),
    };
    let conversation = hub.view(&key).await.unwrap().conversation;
    for (role, channel, words) in [
        (
            Role::HumanAgent,
            "internal",
            ["account number", "working days", "anything else"],
        ),
        (
            Role::EndUser,
            "external",
            ["charged me twice", "money back", "thank you for your help"],
        ),
    ] {
        let written = said(&conversation, role);
        let told: Vec<&str> = told
            .iter()
            .filter(|(on, _)| on == channel)
            .map(|(_, text)| text.as_str())
            .collect();
        let told = told.join(" ");
        for words in words {
            assert!(written.contains(words), "{words:?} not in {written:?}");
            assert!(told.contains(words), "{words:?} not told: {told:?}");
        }
    }
}
