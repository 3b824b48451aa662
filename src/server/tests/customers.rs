//! Customers over several contacts, erasure, vCons.

use serde_json::json;

use super::*;

async fn contact(server: &Running, id: &str, said: &str) {
    let body = json!({
        "id": id,
        "channel": "chat",
        "customer": { "keys": { "customer_id": "u-7", "email": "u7@example.org" } },
    });
    let begun = server.post("/v1/conversations", body).await;
    assert_eq!(begun.status, 201, "{begun:?}");
    let path = format!("/v1/conversations/{id}/utterances");
    let answer = server.post(&path, json!({ "text": said })).await;
    assert_eq!(answer.status, 202, "{answer:?}");
}

#[tokio::test]
async fn the_next_contact_knows_of_the_last_one() {
    let server = start(config()).await;
    contact(&server, "one", "I was charged twice, please refund $20.").await;
    let ended = server
        .call("POST", "/v1/conversations/one/end", ACME, None)
        .await;
    assert_eq!(ended.status, 202, "{ended:?}");
    let events = json!({
        "customer": { "keys": { "email": "u7@example.org" } },
        "events": [{ "kind": "order_placed", "description": "Ordered a router.", "at": "2026-01-02T03:04:05Z" }],
    });
    let told = server.post("/v1/journey-events", events.clone()).await;
    assert_eq!(told.status, 202, "{told:?}");
    assert!(told.json()["confidence"].as_f64().unwrap() > 0.0);
    assert_eq!(server.post("/v1/journey-events", events).await.status, 202);
    // What is remembered is written beside the answer.
    let mut history = String::new();
    for attempt in 0..200 {
        let id = format!("next-{attempt}");
        contact(&server, &id, "Hello again.").await;
        let view = server.get(&format!("/v1/conversations/{id}")).await.json();
        history = view["conversation"]["profile"]["history"].to_string();
        if history.contains("charged twice") {
            break;
        }
    }
    assert!(history.contains("charged twice"), "{history}");
    assert_eq!(history.matches("Ordered a router").count(), 1, "{history}");
    let listed = server.get("/v1/conversations?customer=u-7").await.json();
    let rows = listed["conversations"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["id"] == "one"), "{listed}");
    let nobody = server.get("/v1/conversations?customer=nobody").await.json();
    assert_eq!(nobody["conversations"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn what_is_erased_is_gone_and_others_stay() {
    let server = start(config()).await;
    contact(&server, "one", "I was charged twice.").await;
    contact(&server, "two", "My router is broken.").await;
    server.begin("other", false).await;
    let erased = server
        .call("DELETE", "/v1/conversations/one", ACME, None)
        .await;
    assert_eq!(erased.status, 200, "{erased:?}");
    assert!(
        erased.json()["records"].as_u64().unwrap() >= 2,
        "{erased:?}"
    );
    assert!(!erased.body.contains("charged"));
    server
        .get("/v1/conversations/one")
        .await
        .assert_problem(404, "not_found");
    // Its name is free again, and nothing of the old one is heard under it.
    contact(&server, "one", "My bill is wrong.").await;
    let again = server.get("/v1/conversations/one").await;
    assert!(!again.body.contains("charged"), "{again:?}");
    let events = server.get("/v1/conversations/one/vcon").await;
    assert!(!events.body.contains("charged"), "{events:?}");
    assert_eq!(server.get("/v1/conversations/two").await.status, 200);
    let keys = json!({ "keys": { "customer_id": "u-7" } });
    let erased = server.post("/v1/customers/erase", keys).await;
    assert_eq!(erased.status, 200, "{erased:?}");
    server
        .get("/v1/conversations/two")
        .await
        .assert_problem(404, "not_found");
    assert_eq!(server.get("/v1/conversations/other").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_conversation_goes_out_and_comes_in_as_a_vcon() {
    let server = start(config()).await;
    contact(&server, "one", "Ich wurde zweimal belastet \u{1f600}").await;
    let out = server.get("/v1/conversations/one/vcon").await;
    assert_eq!(out.status, 200, "{out:?}");
    assert_eq!(out.header("content-type"), Some("application/vcon+json"));
    // To another tenant, as a file that somebody was given.
    let taken = server
        .call("POST", "/v1/vcon", OTHER, Some(out.json()))
        .await;
    assert_eq!(taken.status, 201, "{taken:?}");
    let view = taken.json();
    assert_eq!(view["conversation"]["tenant"], "other");
    let said = &view["conversation"]["transcript"][0];
    assert_eq!(said["text"], "Ich wurde zweimal belastet \u{1f600}");
    assert_eq!(said["role"], "end_user");
    for wrong in [
        json!({}),
        json!([]),
        json!({ "vcon": "0.3.0", "dialog": [{ "type": "text" }] }),
    ] {
        let refused = server.post("/v1/vcon", wrong).await;
        assert!([400, 422].contains(&refused.status), "{refused:?}");
    }
    // What its sender has to change is no fault of the server's.
    let mut critical = out.json();
    critical["critical"] = json!(["unheard-of"]);
    for sealed in [json!({ "payload": "e30", "signatures": [] }), critical] {
        let refused = server.post("/v1/vcon", sealed).await;
        refused.assert_problem(422, "unsupported");
    }
    server.stop().await;
}

#[tokio::test]
async fn whoever_is_only_asked_for_is_not_made_known() {
    let server = start(config()).await;
    let tenant = "acme".into();
    let store = server.state.hub.assistant().store().clone();
    let nobody = server.get("/v1/conversations?customer=nobody").await.json();
    assert_eq!(nobody["conversations"], json!([]));
    let keys = json!({ "keys": { "customer_id": "nobody", "email": "no@example.org" } });
    let erased = server.post("/v1/customers/erase", keys).await;
    assert_eq!(erased.json()["streams"], 0, "{erased:?}");
    assert!(store.list(&tenant).await.unwrap().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_beginning_that_is_sent_again_notes_its_customer_again() {
    let server = start(config()).await;
    contact(&server, "one", "Hello.").await;
    let told = json!({ "customer": { "keys": { "customer_id": "u-7" } }, "events": [] });
    let known = server.post("/v1/journey-events", told).await.json();
    // As where the process ended before it was noted whose it is.
    let noted = crate::store::StreamKey {
        tenant: "acme".into(),
        conversation: format!("~contact/{}/one", known["customer"].as_str().unwrap()).into(),
    };
    let store = server.state.hub.assistant().store().clone();
    store.erase(&noted).await.unwrap();
    let listed = async || {
        let page = server.get("/v1/conversations?customer=u-7").await.json();
        page["conversations"].as_array().unwrap().len()
    };
    assert_eq!(listed().await, 0);
    let again = json!({
        "id": "one",
        "channel": "chat",
        "customer": { "keys": { "customer_id": "u-7" } },
    });
    let again = server.post("/v1/conversations", again).await;
    again.assert_problem(409, "conflict");
    assert_eq!(listed().await, 1);
    // Not under somebody else's name.
    let other = json!({
        "id": "one",
        "channel": "chat",
        "customer": { "keys": { "customer_id": "u-8" } },
    });
    let other = server.post("/v1/conversations", other).await;
    other.assert_problem(409, "conflict");
    let theirs = server.get("/v1/conversations?customer=u-8").await.json();
    assert_eq!(theirs["conversations"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn lists_of_keys_and_events_have_an_end() {
    let server = start(config()).await;
    let many: serde_json::Map<String, Value> =
        (0..300).map(|n| (format!("k{n}"), json!("v"))).collect();
    let event = json!({ "kind": "moved", "description": "Moved.", "at": "2026-01-02T03:04:05Z" });
    let keys = json!({ "customer_id": "u-7" });
    for (path, body) in [
        (
            "/v1/journey-events",
            json!({ "customer": { "keys": many }, "events": [] }),
        ),
        (
            "/v1/journey-events",
            json!({ "customer": { "keys": keys }, "events": vec![event; 300] }),
        ),
        ("/v1/customers/erase", json!({ "keys": many })),
        (
            "/v1/conversations",
            json!({ "channel": "chat", "customer": { "keys": many } }),
        ),
    ] {
        let refused = server.post(path, body).await;
        refused.assert_problem(400, "invalid_input");
        assert!(refused.body.contains("300 entries"), "{refused:?}");
    }
    server.stop().await;
}
