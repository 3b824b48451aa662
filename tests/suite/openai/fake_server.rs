//! A server on this machine that gives prepared replies and remembers what it was sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use attendant::llm::openai::{OpenAiConfig, OpenAiModel};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

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
    /// Status, one more header, body.
    Told(u16, (&'static str, String), String),
    /// Events, then the connection is closed. They are sent one by one.
    Events(Vec<String>),
    /// Announces more bytes than it sends, then closes.
    Cut(Vec<String>),
    /// The bytes of an event stream, packet by packet, then the connection is closed.
    Packets(Vec<Vec<u8>>),
    /// Events, then nothing until the client hangs up.
    Open(Vec<String>),
    /// Says nothing until the client hangs up.
    Silence,
    /// Closes the connection without a word.
    Nothing,
}

/// A server that gives the same reply to everybody.
pub(crate) struct FakeServer {
    pub(crate) base_url: String,
    sent: Arc<Mutex<Vec<Sent>>>,
    hung_up: Arc<Notify>,
}

impl FakeServer {
    pub(crate) async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let sent: Arc<Mutex<Vec<Sent>>> = Arc::default();
        let hung_up: Arc<Notify> = Arc::default();
        let (log, gone) = (Arc::clone(&sent), Arc::clone(&hung_up));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (reply, log, gone) = (reply.clone(), Arc::clone(&log), Arc::clone(&gone));
                tokio::spawn(async move { serve(stream, reply, log, gone).await });
            }
        });
        Self {
            base_url,
            sent,
            hung_up,
        }
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

    /// Waits until a client of [`Reply::Open`] or [`Reply::Silence`] has closed its connection.
    pub(crate) async fn hung_up(&self) {
        let patience = Duration::from_millis(1000);
        tokio::time::timeout(patience, self.hung_up.notified())
            .await
            .expect("the client must close the connection");
    }
}

async fn serve(mut stream: TcpStream, reply: Reply, log: Arc<Mutex<Vec<Sent>>>, gone: Arc<Notify>) {
    let Some(sent) = receive(&mut stream).await else {
        return;
    };
    log.lock().unwrap().push(sent);
    // Each packet for itself.
    stream.set_nodelay(true).unwrap();
    let is_open = matches!(reply, Reply::Open(_) | Reply::Silence);
    let stream_head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let packets: Vec<Vec<u8>> = match reply {
        Reply::Silence | Reply::Nothing => Vec::new(),
        Reply::Whole(status, kind, body) => {
            let head = head(status, &format!("content-type: {kind}"), body.len());
            vec![(head + &body).into_bytes()]
        }
        Reply::Told(status, (name, value), body) => {
            let head = head(status, &format!("{name}: {value}"), body.len());
            vec![(head + &body).into_bytes()]
        }
        Reply::Cut(all) => {
            let head = head(200, "content-type: text/event-stream", 1_000_000);
            with_head(&head, events(&all))
        }
        Reply::Events(all) | Reply::Open(all) => with_head(stream_head, events(&all)),
        Reply::Packets(packets) => with_head(stream_head, packets),
    };
    for packet in packets {
        if stream.write_all(&packet).await.is_err() {
            break;
        }
        stream.flush().await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    if is_open {
        // Nothing more is sent on this connection: what comes is its end.
        let mut rest = Vec::new();
        drop(stream.read_to_end(&mut rest).await);
        gone.notify_one();
    }
}

async fn receive(stream: &mut TcpStream) -> Option<Sent> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return None;
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
            return Some(Sent {
                head: head.to_owned(),
                body: serde_json::from_str(body).unwrap(),
            });
        }
    }
}

fn head(status: u16, header: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 {status} Status\r\n{header}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n"
    )
}

fn events(events: &[String]) -> Vec<Vec<u8>> {
    let event = |event: &String| format!("data: {event}\n\n").into_bytes();
    events.iter().map(event).collect()
}

fn with_head(head: &str, mut packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    packets.insert(0, head.as_bytes().to_vec());
    packets
}
