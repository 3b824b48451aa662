//! Events and sockets, and how they are resumed.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::client::Events;
use super::*;

fn path(after: Option<u64>) -> String {
    let after = after.map_or(String::new(), |after| format!("&after={after}"));
    format!("/v1/conversations/c-1/events?access_token={ACME}{after}")
}

async fn say(server: &Running, text: &str) {
    let body = json!({ "text": text });
    let answer = server.post("/v1/conversations/c-1/utterances", body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
}

#[tokio::test]
async fn events_are_numbered_and_a_reader_who_was_away_misses_none() {
    let server = start(config()).await;
    server.begin("c-1", false).await;
    let mut events = Events::open(server.address, &path(Some(0)), &[]).await;
    assert_eq!(events.status, 200);
    say(&server, "I was charged twice!").await;
    let first = events.until("utterance_final").await;
    assert_eq!(first.data["text"], "I was charged twice!");
    drop(events);
    say(&server, "Hello? Are you there?").await;
    say(&server, "When is my refund paid?").await;
    let last = first.id.to_string();
    let headers = [("last-event-id", last.as_str())];
    // The header goes before the address, as when a browser connects again.
    let mut again = Events::open(server.address, &path(Some(0)), &headers).await;
    let mut seen = first.id;
    for text in ["Hello? Are you there?", "When is my refund paid?"] {
        let told = again.until("utterance_final").await;
        assert!(told.id > seen);
        assert_eq!(told.data["text"], text);
        seen = told.id;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_conversation_that_was_read_to_its_end_is_not_asked_for_again() {
    let server = start(config()).await;
    server.begin("c-1", false).await;
    let mut events = Events::open(server.address, &path(Some(0)), &[]).await;
    say(&server, "Thank you, goodbye.").await;
    server
        .call("POST", "/v1/conversations/c-1/end", ACME, None)
        .await;
    let ended = events.until("ended").await;
    assert!(events.next().await.is_none());
    let again = Events::open(server.address, &path(Some(ended.id)), &[]).await;
    assert_eq!(again.status, 204);
    let headers = [("last-event-id", "yesterday")];
    let wrong = call(server.address, "GET", &path(None), &headers, None).await;
    wrong.assert_problem(400, "invalid_input");
    server.stop().await;
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn socket(server: &Running, key: &str, after: u64) -> Socket {
    let address = server.address;
    let url = format!("ws://{address}/v1/conversations/c-1/ws?access_token={key}&after={after}");
    connect_async(url).await.unwrap().0
}

/// The next message that is JSON.
async fn next(socket: &mut Socket) -> Value {
    loop {
        let message = socket.next().await.expect("the socket ended").unwrap();
        if let Message::Text(text) = message {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

/// Reads messages until one has this key.
async fn until(socket: &mut Socket, key: &str) -> Value {
    loop {
        let value = next(socket).await;
        if value.get(key).is_some() {
            return value;
        }
    }
}

async fn send(socket: &mut Socket, value: Value) {
    socket
        .send(Message::Text(value.to_string().into()))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_socket_takes_inputs_and_acknowledges_each_once_it_is_stored() {
    let server = start(config()).await;
    server.begin("c-1", false).await;
    let mut one = socket(&server, ACME, 0).await;
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let said = json!({ "type": "say", "id": id, "role": "end_user", "text": "Hello?" });
    send(&mut one, said.clone()).await;
    // They come in either order.
    let (mut is_acknowledged, mut is_told) = (false, false);
    while !(is_acknowledged && is_told) {
        let message = next(&mut one).await;
        is_acknowledged |= message["ack"] == id;
        if message["event"]["type"] == "utterance_final" {
            assert!(message["id"].as_u64().unwrap() > 0, "{message}");
            is_told = true;
        }
    }
    // A client that does not know whether it was heard says it again.
    let mut two = socket(&server, ACME, 0).await;
    send(&mut two, said).await;
    assert_eq!(until(&mut two, "ack").await["ack"], id);
    let view = server.get("/v1/conversations/c-1").await.json();
    assert_eq!(
        view["conversation"]["transcript"].as_array().unwrap().len(),
        1
    );
    let join = json!({ "type": "join", "participant": "dana", "role": "human_agent" });
    send(&mut one, join).await;
    until(&mut one, "ack").await;
    send(&mut one, json!({ "type": "end" })).await;
    until(&mut one, "ack").await;
    server.stop().await;
}

#[tokio::test]
async fn a_socket_answers_what_does_not_fit_and_stays_open() {
    let server = start(config()).await;
    server.begin("c-1", false).await;
    let mut socket = socket(&server, ACME, 0).await;
    for wrong in [
        "no JSON",
        r#"{"type":"fly"}"#,
        r#"{"type":"say","id":"7","text":"Hi"}"#,
        r#"{"type":"say","text":""}"#,
        r#"{"type":"say","text":"Hi","tenant":"other"}"#,
        "[]",
    ] {
        socket.send(Message::Text(wrong.into())).await.unwrap();
        let answer = until(&mut socket, "problem").await;
        assert_eq!(
            answer["problem"]["kind"], "invalid_input",
            "{wrong}: {answer}"
        );
    }
    socket
        .send(Message::Binary(vec![1, 2, 3].into()))
        .await
        .unwrap();
    until(&mut socket, "problem").await;
    send(&mut socket, json!({ "type": "say", "text": "Hello?" })).await;
    until(&mut socket, "ack").await;
    server.stop().await;
}

#[tokio::test]
async fn a_socket_keeps_to_scopes_and_tenants() {
    let server = start(config()).await;
    server.begin("c-1", false).await;
    let mut reading = socket(&server, READER, 0).await;
    send(&mut reading, json!({ "type": "say", "text": "Hello?" })).await;
    assert_eq!(
        until(&mut reading, "problem").await["problem"]["status"],
        403
    );
    let address = server.address;
    let url = format!("ws://{address}/v1/conversations/c-1/ws?access_token={OTHER}");
    let refused = connect_async(url).await.unwrap_err().to_string();
    assert!(refused.contains("404"), "{refused}");
    let plain = server.get("/v1/conversations/c-1/ws").await;
    assert!([400, 426].contains(&plain.status), "{plain:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_socket_whose_other_side_is_silent_is_closed() {
    let mut config = config();
    config.limits.keep_alive_seconds = 1;
    let server = start(config).await;
    server.begin("c-1", false).await;
    // A handshake by hand: afterwards nothing is answered, pings neither.
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let head = "GET /v1/conversations/c-1/ws HTTP/1.1\r\nhost: test\r\nauthorization: Bearer acme-key\r\n\
                connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut all = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(60), socket.read_to_end(&mut all)).await;
    assert!(closed.is_ok(), "a half-open socket is kept");
    assert!(all.starts_with(b"HTTP/1.1 101"));
    server.stop().await;
}
