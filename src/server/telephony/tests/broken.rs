//! Platforms, networks and strangers that do not do as they should.

use std::time::Duration;

use futures::SinkExt;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;

use super::support::*;
use crate::conversation::Role;

const BOTH: [&str; 2] = ["external", "internal"];

/// After whatever happened before, others are served.
async fn is_well(server: &Server, conversation: &str) {
    let mut genesys = Genesys::connect(server, KEY, conversation).await;
    genesys.open(&BOTH).await;
    genesys.speak(&[spoken(3, 1_200), silence(1_200)]).await;
    genesys.close().await;
    let said = server.said(conversation, 1).await;
    assert_eq!(said, [(Role::EndUser, "Thank you very much.".into())]);
}

#[tokio::test]
async fn who_breaks_the_protocol_is_told_so_and_what_came_before_is_kept() {
    let server = Server::start("").await;
    let mut genesys = Genesys::connect(&server, KEY, "broken-1").await;
    genesys.open(&BOTH).await;
    genesys.speak(&[spoken(0, 1_200), silence(1_200)]).await;
    genesys
        .peer
        .0
        .send(Message::text("{\"type\": \"close\""))
        .await
        .unwrap();
    let farewell = genesys.until("disconnect").await;
    assert_eq!(farewell["parameters"]["reason"], "error");
    let info = farewell["parameters"]["info"].as_str().unwrap();
    assert!(info.contains("not JSON"), "{info}");
    genesys.close().await;
    let said = server.said("broken-1", 1).await;
    assert_eq!(said[0].1, "I was charged twice this month.");

    // Audio before the beginning, half a frame, a message of another session.
    for (number, broken) in [vec![0xff; 320], vec![0xff; 321]].into_iter().enumerate() {
        let mut genesys = Genesys::connect(&server, KEY, "broken-2").await;
        if number > 0 {
            genesys.open(&BOTH).await;
        }
        genesys.peer.audio(broken).await;
        genesys.until("disconnect").await;
    }
    let mut genesys = Genesys::connect(&server, KEY, "broken-3").await;
    let stranger = json!({ "version": "2", "id": uuid::Uuid::new_v4(), "type": "open", "seq": 1,
        "serverseq": 0, "position": "PT0S", "parameters": genesys.opening(&BOTH) });
    genesys.peer.send(&stranger).await;
    genesys.peer.until("disconnect").await;
    is_well(&server, "well-1").await;
}

#[tokio::test]
async fn a_huge_message_ends_its_socket_and_no_other() {
    let server = Server::start("").await;
    let mut genesys = Genesys::connect(&server, KEY, "huge-1").await;
    genesys.open(&BOTH).await;
    let huge = Message::binary(vec![0xff; 3 << 20]);
    // The other side may hang up while it is still being sent.
    let _ = genesys.peer.0.send(huge).await;
    genesys.peer.closed().await;
    server.until_all_left().await;
    is_well(&server, "well-2").await;
}

#[tokio::test]
async fn a_socket_that_falls_silent_is_given_up_and_its_conversation_stays() {
    let server = Server::start("silent_seconds = 2").await;
    let mut genesys = Genesys::connect(&server, KEY, "silent-1").await;
    genesys.open(&BOTH).await;
    genesys.speak(&[spoken(0, 1_200), silence(1_200)]).await;
    assert_eq!(server.said("silent-1", 1).await.len(), 1);
    // Half open: nobody reads, so nobody answers pings, and nobody sends.
    server.until_all_left().await;
    drop(genesys);
    is_well(&server, "silent-1-again").await;
    let mut again = Genesys::connect(&server, KEY, "silent-1").await;
    again.open(&BOTH).await;
    again.close().await;
}

#[tokio::test]
async fn who_never_begins_is_sent_away() {
    let server = Server::start("start_seconds = 1\nmost_strangers = 1").await;
    let stranger = server.request("media-streams", &[]);
    let mut first = Peer::connect(stranger.clone()).await.unwrap();
    // Strangers are few.
    assert_eq!(Peer::connect(stranger.clone()).await.err(), Some(503));
    assert_eq!(first.closed().await, 1008);
    for _ in 0..200 {
        if Peer::connect(stranger.clone()).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the place of the first stranger was not given back");
}

#[tokio::test]
async fn a_request_that_is_no_websocket_is_told_so() {
    let server = Server::start("").await;
    let mut plain = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    let request = format!(
        "GET /v1/telephony/media-streams HTTP/1.1\r\nHost: {}\r\nX-API-Key: {KEY}\r\nConnection: close\r\n\r\n",
        server.address
    );
    plain.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
    assert!(answer.contains("not_a_websocket"), "{answer}");
}

#[tokio::test]
async fn when_the_server_stops_the_platform_is_asked_to_come_back() {
    let server = Server::start("").await;
    let mut genesys = Genesys::connect(&server, KEY, "stop-1").await;
    genesys.open(&BOTH).await;
    genesys.speak(&[spoken(0, 1_200), silence(1_200)]).await;
    server.said("stop-1", 1).await;
    server.state.stopping.cancel();
    genesys.until("reconnect").await;
    genesys
        .send("close", json!({ "reason": "reconnect" }))
        .await;
    genesys.until("closed").await;
    assert_eq!(genesys.peer.closed().await, 1012);
}
