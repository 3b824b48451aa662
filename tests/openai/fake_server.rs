//! A server on this machine that gives prepared replies and remembers what it was sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use attendant::llm::openai::{OpenAiConfig, OpenAiModel};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const KEY: &str = "sk-a-very-secret-key";

/// What a client sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// What the server does with one request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Status, content type, body.
    Whole(u16, &'static str, String),
    /// Events, then the connection is closed. They are sent one by one.
    Events(Vec<String>),
    /// Announces more bytes than it sends, then closes.
    Cut(Vec<String>),
    /// Says nothing for a long time.
    Silence,
}

/// A server that gives the same reply to everybody.
pub(crate) struct FakeServer {
    pub(crate) base_url: String,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl FakeServer {
    pub(crate) async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let sent: Arc<Mutex<Vec<Sent>>> = Arc::default();
        let log = Arc::clone(&sent);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (reply, log) = (reply.clone(), Arc::clone(&log));
                tokio::spawn(async move { serve(stream, reply, log).await });
            }
        });
        Self { base_url, sent }
    }

    pub(crate) fn config(&self) -> OpenAiConfig {
        OpenAiConfig::new(&self.base_url, "test-model")
            .with_api_key(KEY)
            .with_timeout(Duration::from_millis(1500))
    }

    pub(crate) fn model(&self) -> OpenAiModel {
        OpenAiModel::new(self.config()).unwrap()
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, reply: Reply, log: Arc<Mutex<Vec<Sent>>>) {
    let mut bytes = Vec::new();
    let sent = loop {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, value)| value.parse::<usize>().unwrap());
        if body.len() >= length {
            break Sent {
                head: head.to_owned(),
                body: serde_json::from_str(body).unwrap(),
            };
        }
    };
    log.lock().unwrap().push(sent);
    let head = |status: u16, kind: &str, length: usize| {
        format!(
            "HTTP/1.1 {status} Status\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n"
        )
    };
    let events = match reply {
        Reply::Silence => return tokio::time::sleep(Duration::from_secs(60)).await,
        Reply::Whole(status, kind, body) => {
            let answer = head(status, kind, body.len()) + &body;
            drop(stream.write_all(answer.as_bytes()).await);
            return;
        }
        Reply::Events(events) => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                        connection: close\r\n\r\n";
            drop(stream.write_all(head.as_bytes()).await);
            events
        }
        Reply::Cut(events) => {
            let head = head(200, "text/event-stream", 1_000_000);
            drop(stream.write_all(head.as_bytes()).await);
            events
        }
    };
    for event in events {
        drop(
            stream
                .write_all(format!("data: {event}\n\n").as_bytes())
                .await,
        );
        stream.flush().await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
