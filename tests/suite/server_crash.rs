//! The server is killed (kill -9) at random points under load, again and again: every event that it acknowledged is there
//! exactly once, in the order in which each client sent it.
//!
//! `ATTENDANT_KILL_ROUNDS` sets how often, `ATTENDANT_KILL_SEED` when. With `ATTENDANT_POSTGRES_URL` it also runs over
//! PostgreSQL.
#![cfg(all(feature = "server", feature = "cli", feature = "openai", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const KEY: &str = "a-key-for-this-test";
const CONVERSATIONS: usize = 6;

fn roll(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |n| n.parse().unwrap())
}

/// A server of this test: its address and configuration stay the same over its lives.
struct Place {
    config: std::path::PathBuf,
    base: String,
    client: reqwest::Client,
}

impl Place {
    fn new(dir: &Path, store: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let digest: String = Sha256::digest(KEY)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let content = dir.join("content");
        std::fs::create_dir_all(&content).unwrap();
        std::fs::write(
            content.join("wrap_up.toml"),
            "[[codes]]\nid = \"a\"\nlabel = \"A\"\n",
        )
        .unwrap();
        let config = dir.join("attendant.toml");
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\n\
             [limits]\nrequests_per_second = 100000\nburst = 100000\n\
             [store]\nurl = {store:?}\n\
             [content]\nfolder = {content:?}\ntenant = \"acme\"\n\
             [models]\nllm = \"none\"\nstt = \"none\"\nembedding = \"none\"\n\
             [telemetry]\nlog = \"error\"\n\
             [[auth.keys]]\nid = \"test\"\nsha256 = {digest:?}\ntenant = \"acme\"\n\
             scopes = [\"write\", \"read\"]\n"
        );
        std::fs::write(&config, text).unwrap();
        Self {
            config,
            base: format!("http://127.0.0.1:{port}"),
            client: reqwest::Client::builder()
                .timeout(Duration::from_secs(20))
                .build()
                .unwrap(),
        }
    }

    async fn start(&self) -> Child {
        let mut child = Command::new(env!("CARGO_BIN_EXE_attendant"))
            .args(["serve", "--config"])
            .arg(&self.config)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        for _ in 0..600 {
            let ready = self.client.get(format!("{}/readyz", self.base)).send();
            if ready.await.is_ok_and(|answer| answer.status().is_success()) {
                return child;
            }
            assert!(child.try_wait().unwrap().is_none(), "the server ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server did not become ready");
    }

    /// The status and the body; `None` where the server was gone.
    async fn post(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        let request = self
            .client
            .post(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-type", "application/json")
            .body(body.to_string());
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.ok()?;
        Some((status, serde_json::from_slice(&bytes).unwrap_or_default()))
    }

    /// Keeps a note of a conversation that is over; the status.
    async fn keep_note(&self, conversation: &str) -> u16 {
        let note = json!({ "sections": [], "facts": [], "covers": 0, "wrap_up": null });
        let answer = self
            .client
            .put(format!(
                "{}/v1/conversations/{conversation}/summary",
                self.base
            ))
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-type", "application/json")
            .body(note.to_string())
            .send()
            .await
            .unwrap();
        answer.status().as_u16()
    }

    async fn said(&self, conversation: &str) -> Vec<String> {
        let answer = self
            .client
            .get(format!("{}/v1/conversations/{conversation}", self.base))
            .header("authorization", format!("Bearer {KEY}"))
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        let view: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let said = view["conversation"]["transcript"].as_array().cloned();
        let said = said.or_else(|| {
            view["conversation"]["transcript"]["utterances"]
                .as_array()
                .cloned()
        });
        let text = |said: Value| said["text"].as_str().unwrap().to_owned();
        said.unwrap_or_default().into_iter().map(text).collect()
    }
}

/// One client: says one thing after the other, each with an id, and again with the same id where no answer came.
async fn talk(place: Arc<Place>, conversation: String, acknowledged: Arc<Mutex<Vec<String>>>) {
    let mut number = acknowledged.lock().len();
    loop {
        let text = format!("{conversation} said thing number {number}.");
        let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, text.as_bytes());
        let body = json!({ "id": id, "role": "end_user", "text": text });
        let path = format!("/v1/conversations/{conversation}/utterances");
        match place.post(&path, &body).await {
            Some((200..=202, _)) => {
                acknowledged.lock().push(text);
                number += 1;
            }
            Some((status @ (429 | 503), _)) => {
                let _ = status;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Some((status, body)) => panic!("{status} {body}"),
            // Killed: the next life gets the same again.
            None => return,
        }
    }
}

async fn survive(store: &str, dir: &Path) {
    let rounds = number("ATTENDANT_KILL_ROUNDS", 50);
    let seed = number("ATTENDANT_KILL_SEED", u64::from(std::process::id()));
    eprintln!("ATTENDANT_KILL_SEED={seed}");
    let place = Arc::new(Place::new(dir, store));
    let mut known: BTreeMap<String, Arc<Mutex<Vec<String>>>> = BTreeMap::new();
    for round in 0..rounds {
        let mut server = place.start().await;
        for (conversation, acknowledged) in &known {
            let said = place.said(conversation).await;
            check(conversation, &said, &acknowledged.lock());
        }
        // New conversations begin too while others go on.
        if known.len() < CONVERSATIONS {
            let id = format!("c{round}-{seed}");
            let body = json!({ "id": id, "channel": "chat" });
            let (status, answer) = place.post("/v1/conversations", &body).await.unwrap();
            assert_eq!(status, 201, "{answer}");
            known.insert(id, Arc::default());
        }
        let talking: Vec<_> = known
            .iter()
            .map(|(conversation, acknowledged)| {
                let talk = talk(place.clone(), conversation.clone(), acknowledged.clone());
                tokio::spawn(talk)
            })
            .collect();
        tokio::time::sleep(Duration::from_micros(roll(seed + round) % 400_000)).await;
        server.kill().unwrap();
        server.wait().unwrap();
        for talk in talking {
            talk.await.unwrap();
        }
    }
    let mut server = place.start().await;
    let mut events = 0;
    for (conversation, acknowledged) in &known {
        let said = place.said(conversation).await;
        check(conversation, &said, &acknowledged.lock());
        events += acknowledged.lock().len();
    }
    // An end that was acknowledged is reached in the next life, where its last note was not written any more.
    for conversation in known.keys() {
        let path = format!("/v1/conversations/{conversation}/end");
        let (status, answer) = place.post(&path, &Value::Null).await.unwrap();
        assert_eq!(status, 202, "{answer}");
    }
    server.kill().unwrap();
    server.wait().unwrap();
    let mut server = place.start().await;
    for conversation in known.keys() {
        assert_eq!(place.keep_note(conversation).await, 200, "{conversation}");
    }
    server.kill().unwrap();
    server.wait().unwrap();
    eprintln!("{rounds} kills, {events} acknowledged events, each there once");
    assert!(events > 100, "there was hardly any load: {events}");
}

/// Everything acknowledged is there once and in order; at most one thing more, whose answer the kill took.
fn check(conversation: &str, said: &[String], acknowledged: &[String]) {
    let more = said.len() - acknowledged.len().min(said.len());
    assert!(
        said.starts_with(acknowledged) && more <= 1,
        "{conversation}: {} said, {} acknowledged, the last of both {:?} {:?}",
        said.len(),
        acknowledged.len(),
        said.last(),
        acknowledged.last(),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_outlives_kills_over_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", dir.path().join("store.db").display());
    survive(&store, dir.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a PostgreSQL server in ATTENDANT_POSTGRES_URL: make test-postgres"]
async fn what_was_acknowledged_outlives_kills_over_postgres() {
    let Ok(store) = std::env::var("ATTENDANT_POSTGRES_URL") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    survive(&store, dir.path()).await;
}
