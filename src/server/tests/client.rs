//! A small HTTP client that can also be rude.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// It is a problem of this status and kind.
    pub(super) fn assert_problem(&self, status: u16, kind: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["kind"], kind, "{self:?}");
        assert_eq!(problem["status"], status, "{self:?}");
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        let instance = problem["instance"].as_str().unwrap();
        assert!(instance.ends_with(self.header("x-request-id").unwrap()));
    }
}

/// One request on a connection of its own.
pub(super) async fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> Answer {
    let body = body.map(|body| body.to_string());
    let mut headers = headers.to_vec();
    if body.is_some() {
        headers.push(("content-type", "application/json"));
    }
    raw(address, method, path, &headers, body.as_deref()).await
}

/// As [`call`], with any body.
pub(super) async fn raw(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> Answer {
    let mut socket = open(address, method, path, headers, body).await;
    let mut text = Vec::new();
    let _ = socket.read_to_end(&mut text).await;
    parse(&String::from_utf8_lossy(&text))
}

/// Sends a request and leaves the answer to be read. HTTP/1.0, so that bodies are not cut into chunks.
pub(super) async fn open(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let mut request = format!("{method} {path} HTTP/1.0\r\nhost: test\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    let body = body.unwrap_or_default();
    if !body.is_empty() || method == "POST" {
        request.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    // A server that refuses a connection or a large body need not read it.
    let _ = socket.write_all(request.as_bytes()).await;
    let _ = socket.write_all(body.as_bytes()).await;
    socket
}

fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let status = first
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    Answer {
        status: status.unwrap_or_default(),
        headers,
        body: body.to_owned(),
    }
}

/// An event of a stream: number, type, data.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) id: u64,
    pub(super) kind: String,
    pub(super) data: Value,
}

/// A stream of events that is being read.
pub(super) struct Events {
    lines: tokio::io::Lines<BufReader<TcpStream>>,
    pub(super) status: u16,
}

impl Events {
    pub(super) async fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        Self::read(open(address, "GET", path, headers, None).await).await
    }

    pub(super) async fn post(
        address: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Self {
        Self::read(open(address, "POST", path, headers, Some(body)).await).await
    }

    async fn read(socket: TcpStream) -> Self {
        let mut lines = BufReader::new(socket).lines();
        let first = lines.next_line().await.unwrap().unwrap();
        let status = first.split(' ').nth(1).unwrap().parse().unwrap();
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.is_empty() {
                break;
            }
        }
        Self { lines, status }
    }

    /// The next event; `None` when the stream has ended.
    pub(super) async fn next(&mut self) -> Option<Told> {
        let (mut id, mut kind, mut data) = (None, String::new(), String::new());
        while let Some(line) = self.lines.next_line().await.ok()? {
            match line.split_once(": ") {
                Some(("id", value)) => id = value.parse().ok(),
                Some(("event", value)) => kind = value.to_owned(),
                Some(("data", value)) => data.push_str(value),
                _ if line.is_empty() && !data.is_empty() => {
                    return Some(Told {
                        id: id.unwrap_or_default(),
                        kind,
                        data: serde_json::from_str(&data).unwrap_or(Value::String(data)),
                    });
                }
                _ => {}
            }
        }
        None
    }

    /// Reads until an event of this type.
    pub(super) async fn until(&mut self, kind: &str) -> Told {
        loop {
            let told = self.next().await.unwrap_or_else(|| panic!("no {kind}"));
            if told.kind == kind {
                return told;
            }
        }
    }
}
