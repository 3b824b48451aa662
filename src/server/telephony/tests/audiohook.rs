//! Genesys AudioHook.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::support::*;
use crate::conversation::{Channel, Conversation, Participant, Role};

const BOTH: [&str; 2] = ["external", "internal"];

#[tokio::test]
async fn both_sides_are_heard_and_told_and_the_call_ends_as_the_protocol_has_it() {
    let server = Server::start("").await;
    let mut genesys = Genesys::connect(&server, KEY, "call-1").await;
    let opened = genesys.open(&BOTH).await;
    assert_eq!(opened["parameters"]["media"][0]["channels"], json!(BOTH));
    genesys.send("ping", json!({})).await;
    genesys.until("pong").await;

    genesys.speak(&[spoken(0, 1_200), silence(1_200)]).await;
    genesys.speak(&[silence(1_500), silence(1_500)]).await;
    let transcript = genesys.transcript().await;
    assert_eq!(
        transcript,
        ("external".into(), "I was charged twice this month.".into())
    );
    genesys.speak(&[silence(1_200), spoken(1, 1_200)]).await;
    // What is said last is an utterance too, although nothing follows it.
    genesys.send("close", json!({ "reason": "end" })).await;
    let transcript = genesys.transcript().await;
    assert_eq!(
        transcript,
        ("internal".into(), "May I have your account number?".into())
    );
    genesys.until("closed").await;
    assert_eq!(genesys.peer.closed().await, 1000);

    let view = server.view("call-1").await.unwrap();
    let conversation = view.conversation;
    assert_eq!(conversation.channel, Channel::Voice);
    let profile = conversation.profile.unwrap();
    assert_eq!(profile.attributes["caller"], "+441632960961");
    assert_eq!(profile.attributes["called"], "+441632960000");
    let said: Vec<_> = conversation.transcript.utterances().iter().collect();
    let roles: Vec<Role> = said.iter().map(|said| said.role).collect();
    assert_eq!(roles, [Role::EndUser, Role::HumanAgent]);
    assert!(said[0].end_ms > said[0].start_ms && said[1].start_ms >= said[0].end_ms);
    // The call is over, the conversation can go on elsewhere.
    assert!(!view.ended);
    server.until_all_left().await;
}

#[tokio::test]
async fn a_conversation_that_began_as_a_chat_goes_on_as_voice() {
    let server = Server::start("").await;
    let mut chat = Conversation::new(TENANT, Channel::Chat).with_id("chat-1");
    chat.join(Participant::new("anna", Role::EndUser));
    chat.join(Participant::new("bob", Role::HumanAgent));
    chat.say(Role::EndUser, "Hello.");
    server.hub.open(chat).await.unwrap();
    let mut genesys = Genesys::connect(&server, KEY, "chat-1").await;
    genesys.open(&BOTH).await;
    genesys.speak(&[spoken(0, 1_200), silence(1_200)]).await;
    genesys.close().await;
    let conversation = server.until("chat-1", |c| c.transcript.len() == 2).await;
    assert_eq!(conversation.channel, Channel::Voice);
    assert_eq!(conversation.participants.len(), 2);
    let said = &conversation.transcript.utterances()[1];
    assert_eq!(said.participant, "anna".into());
    assert_eq!((said.channel, said.id.0), (Channel::Voice, 2));
}

#[tokio::test]
async fn a_connection_that_dies_loses_nothing_and_the_next_one_goes_on() {
    let server = Server::start("").await;
    let mut genesys = Genesys::connect(&server, KEY, "call-2").await;
    genesys.open(&BOTH).await;
    genesys.speak(&[spoken(0, 1_200), silence(1_200)]).await;
    // In the middle of the call, without a farewell.
    drop(genesys);
    let said = server.said("call-2", 1).await;
    assert_eq!(
        said,
        [(Role::EndUser, "I was charged twice this month.".into())]
    );
    server.until_all_left().await;

    let mut genesys = Genesys::connect(&server, KEY, "call-2").await;
    genesys.open(&BOTH).await;
    // What was understood while nobody was there is told now.
    assert_eq!(
        genesys.transcript().await.1,
        "I was charged twice this month."
    );
    genesys.speak(&[spoken(3, 1_200), silence(1_200)]).await;
    genesys.speak(&[silence(1_500), silence(1_500)]).await;
    assert_eq!(genesys.transcript().await.1, "Thank you very much.");

    // It connects anew before this side has noticed that the old connection is dead.
    let mut third = Genesys::connect(&server, KEY, "call-2").await;
    third.open(&BOTH).await;
    let farewell = genesys.until("disconnect").await;
    assert_eq!(farewell["parameters"]["reason"], "completed");
    third.speak(&[silence(1_200), spoken(1, 1_200)]).await;
    third.close().await;
    let said = server.said("call-2", 3).await;
    let texts: Vec<&str> = said.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "I was charged twice this month.",
            "Thank you very much.",
            "May I have your account number?"
        ]
    );
}

#[tokio::test]
async fn a_virtual_agent_answers_and_keys_are_words() {
    let server = Server::start("").await;
    let mut genesys = Genesys::connect(&server, BOT_CLIENT, "bot-1").await;
    genesys.open(&["external"]).await;
    genesys.speak(&[spoken(2, 1_200)]).await;
    genesys.speak(&[silence(1_500)]).await;
    let turn = loop {
        let event = genesys.until("event").await;
        let entity = event["parameters"]["entities"][0].clone();
        if entity["type"] == "bot_turn_response" {
            break entity;
        }
    };
    assert_eq!(turn["data"]["disposition"], "match");
    let text = turn["data"]["text"].as_str().unwrap();
    assert!(text.contains("How much do you have in mind?"), "{text}");
    for digit in ["2", "0", "#"] {
        genesys.send("dtmf", json!({ "digit": digit })).await;
    }
    let is_pressed = |c: &Conversation| {
        let mut said = c.transcript.utterances().iter();
        said.any(|said| said.role == Role::EndUser && said.text == "20")
    };
    server.until("bot-1", is_pressed).await;
    genesys.close().await;
    // So it is configured for this client.
    for _ in 0..500 {
        if server.view("bot-1").await.unwrap().ended {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the conversation did not end with its call");
}

#[tokio::test]
async fn what_is_paused_or_left_out_is_a_gap_and_a_conversation_that_ends_ends_the_call() {
    let server = Server::start("").await;
    let mut genesys = Genesys::connect(&server, KEY, "call-3").await;
    genesys.open(&BOTH).await;
    genesys.speak(&[spoken(0, 1_000), silence(1_000)]).await;
    genesys.send("paused", json!({})).await;
    genesys
        .send("resumed", json!({ "start": "PT1S", "discarded": "PT9S" }))
        .await;
    genesys.send("update", json!({ "language": "en-GB" })).await;
    genesys.until("updated").await;
    genesys.speak(&[spoken(3, 1_000), silence(1_000)]).await;
    genesys.speak(&[silence(1_500), silence(1_500)]).await;
    let conversation = server.until("call-3", |c| c.transcript.len() == 2).await;
    let said = conversation.transcript.utterances();
    assert!(said[1].start_ms >= said[0].end_ms + 8_000, "{said:#?}");
    let key = crate::store::StreamKey {
        tenant: TENANT.into(),
        conversation: "call-3".into(),
    };
    let end = crate::session::SessionInput::End;
    server
        .hub
        .submit(&key, uuid::Uuid::new_v4(), end)
        .await
        .unwrap();
    let farewell = genesys.until("disconnect").await;
    assert_eq!(farewell["parameters"]["reason"], "completed");
    genesys.close().await;
    // Nobody can call for it any more.
    let mut late = Genesys::connect(&server, KEY, "call-3").await;
    let opening = late.opening(&BOTH);
    late.send("open", opening).await;
    assert_eq!(
        late.until("disconnect").await["parameters"]["reason"],
        "error"
    );
}

#[tokio::test]
async fn a_probe_is_answered_and_leaves_nothing_behind() {
    let server = Server::start("").await;
    let nil = uuid::Uuid::nil().to_string();
    let mut genesys = Genesys::connect(&server, KEY, &nil).await;
    genesys.open(&BOTH).await;
    genesys.close().await;
    assert!(server.view(&nil).await.is_err());
}

/// Headers of a request, signed as Genesys does.
fn signed(
    server: &Server,
    key: &str,
    secret: &[u8],
    created: i64,
    nonce: &str,
) -> Vec<(&'static str, String)> {
    let session = "e160e428-53e2-487c-977d-96989bf5c99d";
    let parameters = format!(
        "(\"@request-target\" \"@authority\" \"audiohook-organization-id\" \"audiohook-session-id\" \
         \"audiohook-correlation-id\" \"x-api-key\");keyid=\"{key}\";nonce=\"{nonce}\";\
         alg=\"hmac-sha256\";created={created};expires={}",
        created + 20
    );
    let base = format!(
        "\"@request-target\": /v1/telephony/audiohook\n\"@authority\": {}\n\
         \"audiohook-organization-id\": {ORGANIZATION}\n\"audiohook-session-id\": {session}\n\
         \"audiohook-correlation-id\": {session}\n\"x-api-key\": {key}\n\
         \"@signature-params\": {parameters}",
        server.address
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(base.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    vec![
        ("x-api-key", key.to_owned()),
        ("audiohook-session-id", session.to_owned()),
        ("audiohook-correlation-id", session.to_owned()),
        ("audiohook-organization-id", ORGANIZATION.to_owned()),
        ("signature-input", format!("sig1={parameters}")),
        ("signature", format!("sig1=:{signature}:")),
    ]
}

async fn answer(server: &Server, headers: &[(&'static str, String)]) -> Result<Peer, u16> {
    let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    Peer::connect(server.request("audiohook", &headers)).await
}

#[tokio::test]
async fn only_who_signs_well_gets_in_and_only_once() {
    let server = Server::start("").await;
    let now = jiff::Timestamp::now().as_second();
    let nonce = "a nonce that is long enough";
    let good = signed(&server, CLIENT, SECRET, now, nonce);
    let peer = answer(&server, &good).await.unwrap();
    assert_eq!(answer(&server, &good).await.err(), Some(401), "replayed");
    let old = signed(
        &server,
        CLIENT,
        SECRET,
        now - 60,
        "another nonce, long enough",
    );
    assert_eq!(answer(&server, &old).await.err(), Some(401), "expired");
    let bad = signed(
        &server,
        CLIENT,
        b"guessed",
        now,
        "a third nonce, long enough",
    );
    assert_eq!(answer(&server, &bad).await.err(), Some(401), "wrong secret");
    let unknown = signed(
        &server,
        "nobody",
        SECRET,
        now,
        "a fourth nonce, long enough",
    );
    assert_eq!(
        answer(&server, &unknown).await.err(),
        Some(401),
        "unknown key"
    );
    let unsigned = &good[..4];
    assert_eq!(answer(&server, unsigned).await.err(), Some(401), "unsigned");
    let nobody = &good[1..4];
    assert_eq!(answer(&server, nobody).await.err(), Some(401), "no key");
    let other = [("x-api-key", "a reader's key".to_owned())];
    assert_eq!(answer(&server, &other).await.err(), Some(403), "no scope");
    let no_session = [("x-api-key", KEY.to_owned())];
    assert_eq!(answer(&server, &no_session).await.err(), Some(400));

    // The organisation of the call must be the one that signed.
    let mut genesys = Genesys::on(peer, "e160e428-53e2-487c-977d-96989bf5c99d", "call-4");
    let mut opening = genesys.opening(&BOTH);
    opening["organizationId"] = json!(uuid::Uuid::new_v4().to_string());
    genesys.send("open", opening).await;
    let farewell = genesys.until("disconnect").await;
    assert_eq!(farewell["parameters"]["reason"], "unauthorized");
    assert!(server.view("call-4").await.is_err());
    let plain = std::net::TcpStream::connect(server.address).unwrap();
    drop(plain);
}
