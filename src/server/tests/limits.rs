//! Who and what is kept out.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;

/// Longer than anything here takes: a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn only_valid_keys_come_in_and_only_so_far() {
    let server = start(config()).await;
    let path = "/v1/conversations";
    let none = call(server.address, "GET", path, &[], None).await;
    none.assert_problem(401, "unauthorized");
    assert_eq!(none.header("www-authenticate"), Some("Bearer"));
    for wrong in [
        "Bearer nonsense",
        "Bearer ",
        "Basic YTpi",
        "Bearer past-key",
        "acme-key",
    ] {
        let answer = call(
            server.address,
            "GET",
            path,
            &[("authorization", wrong)],
            None,
        )
        .await;
        answer.assert_problem(401, "unauthorized");
        assert!(
            !answer.body.contains("past-key"),
            "the key is told: {answer:?}"
        );
    }
    let past = call(server.address, "GET", path, &[("x-api-key", PAST)], None).await;
    assert!(past.json()["detail"].as_str().unwrap().contains("expired"));
    assert_eq!(
        call(server.address, "GET", path, &[("x-api-key", ACME)], None)
            .await
            .status,
        200
    );
    let by_query = format!("{path}?access_token={ACME}");
    assert_eq!(
        call(server.address, "GET", &by_query, &[], None)
            .await
            .status,
        200
    );
    let begin = json!({ "channel": "chat" });
    server
        .call("POST", path, READER, Some(begin))
        .await
        .assert_problem(403, "forbidden");
    server.begin("c-1", false).await;
    let erase = server
        .call("DELETE", "/v1/conversations/c-1", READER, None)
        .await;
    erase.assert_problem(403, "forbidden");
    for open in ["/healthz", "/readyz", "/openapi.json", "/docs/"] {
        assert_eq!(
            call(server.address, "GET", open, &[], None).await.status,
            200,
            "{open}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn large_bodies_and_long_texts_are_refused() {
    let mut config = config();
    config.limits.body_bytes = 20_000;
    config.limits.text_bytes = 1_000;
    let server = start(config).await;
    server.begin("c-1", false).await;
    let path = "/v1/conversations/c-1/utterances";
    let long = server
        .post(path, json!({ "text": "a".repeat(1_001) }))
        .await;
    long.assert_problem(413, "too_large");
    let large = server
        .post(path, json!({ "text": "a".repeat(30_000) }))
        .await;
    large.assert_problem(413, "too_large");
    server.stop().await;
}

#[tokio::test]
async fn slow_clients_are_let_go() {
    let mut config = config();
    config.limits.header_seconds = 1;
    config.limits.request_seconds = 1;
    let server = start(config).await;
    server.begin("c-1", false).await;
    // The head does not come to its end.
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket
        .write_all(b"GET /healthz HTTP/1.1\r\nhost:")
        .await
        .unwrap();
    let mut rest = Vec::new();
    let closed = timeout(PATIENCE, socket.read_to_end(&mut rest)).await;
    assert!(
        closed.is_ok(),
        "a head that does not end keeps its connection"
    );
    // Nor does the body.
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /v1/conversations/c-1/utterances HTTP/1.1\r\nhost: test\r\nauthorization: Bearer acme-key\r\n\
                content-type: application/json\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{";
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, socket.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("\"kind\":\"timeout\""), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_and_others_go_on() {
    let mut config = config();
    config.limits.connections = 2;
    let server = start(config).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        // Answered once, so that it is certain that they have their places.
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n")
            .await
            .unwrap();
        let mut first = [0; 12];
        socket.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        held.push(socket);
    }
    let refused = call(server.address, "GET", "/healthz", &[], None).await;
    assert_eq!(refused.status, 0, "{refused:?}");
    drop(held);
    let let_in = async {
        while call(server.address, "GET", "/healthz", &[], None)
            .await
            .status
            != 200
        {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, let_in).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn whoever_asks_too_often_is_told_when_to_come_again_and_others_are_not() {
    let mut config = config();
    config.limits.requests_per_second = 1;
    config.limits.burst = 3;
    let server = start(config).await;
    let mut refused = None;
    for _ in 0..10 {
        let answer = server.get("/v1/models").await;
        if answer.status == 429 {
            refused = Some(server.get("/v1/conversations").await);
            break;
        }
    }
    let refused = refused.expect("ten requests got through");
    refused.assert_problem(429, "rate_limited");
    assert_eq!(refused.json()["retryable"], true);
    assert!(
        refused
            .header("retry-after")
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >= 1
    );
    let other = server.call("GET", "/v1/conversations", OTHER, None).await;
    assert_eq!(other.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn pages_of_other_origins_need_to_be_listed() {
    let mut config = config();
    config.cors.origins = vec!["https://desk.example".into()];
    let server = start(config).await;
    let ask = |origin: &'static str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization"),
        ];
        let address = server.address;
        async move { call(address, "OPTIONS", "/v1/conversations", &headers, None).await }
    };
    let allowed = ask("https://desk.example").await;
    assert_eq!(
        allowed.header("access-control-allow-origin"),
        Some("https://desk.example")
    );
    let foreign = ask("https://evil.example").await;
    assert_eq!(
        foreign.header("access-control-allow-origin"),
        None,
        "{foreign:?}"
    );
    // Errors can be read there too.
    let headers = [("origin", "https://desk.example")];
    let refused = call(server.address, "GET", "/v1/conversations", &headers, None).await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("access-control-allow-origin").is_some());
    server.stop().await;
}

#[tokio::test]
async fn request_ids_are_kept_where_they_are_plain() {
    let server = start(config()).await;
    let with = |id: &'static str| {
        let address = server.address;
        async move { call(address, "GET", "/healthz", &[("x-request-id", id)], None).await }
    };
    assert_eq!(with("abc-1").await.header("x-request-id"), Some("abc-1"));
    let hostile = with("a\"b<script>").await;
    assert!(!hostile.header("x-request-id").unwrap().contains('<'));
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_stops_is_not_ready_and_ends_its_streams() {
    let server = start(config()).await;
    server.begin("c-1", false).await;
    let path = format!("/v1/conversations/c-1/events?access_token={ACME}");
    let mut events = client::Events::open(server.address, &path, &[]).await;
    assert_eq!(events.status, 200);
    let state = server.state.clone();
    timeout(PATIENCE, server.stop())
        .await
        .expect("a stream keeps the server from stopping");
    assert!(events.next().await.is_none());
    assert!(state.stopping.is_cancelled());
    let key = crate::store::StreamKey {
        tenant: "acme".into(),
        conversation: "c-1".into(),
    };
    let late = state.hub.view(&key).await;
    assert!(late.is_err() || late.is_ok_and(|view| !view.ended));
}

#[tokio::test]
async fn limits_that_cannot_be_kept_are_refused_not_bent() {
    let server = start(config()).await;
    for limit in ["0", "501"] {
        let refused = server.get(&format!("/v1/insight?limit={limit}")).await;
        refused.assert_problem(400, "invalid_input");
        assert!(refused.body.contains("from 1 to 500"), "{refused:?}");
    }
    let conversation = json!({ "turns": [{ "role": "end_user", "text": "Hello." }] });
    for limit in [0, 51] {
        let search = json!({ "query": "refund", "limit": limit });
        let search = server.post("/v1/knowledge/search", search).await;
        search.assert_problem(400, "invalid_input");
        let rank = json!({ "conversation": conversation, "limit": limit });
        let rank = server.post("/v1/next-best-actions", rank).await;
        rank.assert_problem(400, "invalid_input");
    }
    assert_eq!(server.get("/v1/insight?limit=500").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn bodies_in_other_encodings_are_told_as_such() {
    let server = start(config()).await;
    server.begin("c-1", false).await;
    let path = "/v1/conversations/c-1/utterances";
    let body = Some("{\"text\":\"Hello.\"}");
    let post = async |kind: &str, encoding: &str| {
        let headers = [
            ("authorization", "Bearer acme-key"),
            ("content-type", kind),
            ("content-encoding", encoding),
        ];
        client::raw(server.address, "POST", path, &headers, body).await
    };
    for (kind, encoding) in [
        ("application/json", "gzip"),
        ("application/json", "br"),
        ("application/json; charset=utf-16", "identity"),
        ("application/json; charset=\"ISO-8859-1\"", "identity"),
    ] {
        let refused = post(kind, encoding).await;
        refused.assert_problem(415, "unsupported_media_type");
    }
    let taken = post("application/json; charset=UTF-8", "identity").await;
    assert_eq!(taken.status, 202, "{taken:?}");
    server.stop().await;
}
