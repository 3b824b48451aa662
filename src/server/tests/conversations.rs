//! REST: what is kept, for whom, how often.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_conversation_is_begun_fed_and_looked_at() {
    let server = start(config()).await;
    let body = json!({
        "id": "c-1",
        "channel": "chat",
        "customer": { "keys": { "customer_id": "u-7" } },
        "participants": [{ "role": "human_agent", "name": "Dana" }],
    });
    let begun = server.post("/v1/conversations", body.clone()).await;
    assert_eq!(begun.status, 201, "{begun:?}");
    assert_eq!(begun.header("location"), Some("/v1/conversations/c-1"));
    assert_eq!(begun.header("cache-control"), Some("no-store"));
    assert_eq!(begun.json()["conversation"]["tenant"], "acme");
    server
        .post("/v1/conversations", body)
        .await
        .assert_problem(409, "conflict");

    let said = json!({ "text": "I was charged twice.", "role": "end_user" });
    let accepted = server.post("/v1/conversations/c-1/utterances", said).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    assert!(accepted.json()["version"].as_u64().unwrap() >= 2);
    let timed =
        json!({ "text": "Let me look.", "role": "human_agent", "start_ms": 1200, "end_ms": 2000 });
    assert_eq!(
        server
            .post("/v1/conversations/c-1/utterances", timed)
            .await
            .status,
        202
    );

    let view = server.get("/v1/conversations/c-1").await.json();
    let said = view["conversation"]["transcript"].as_array().unwrap();
    assert_eq!(said.len(), 2, "{view}");
    assert_eq!(said[1]["start_ms"], 1200);
    assert_eq!(said[1]["role"], "human_agent");
    assert_eq!(view["conversation"]["profile"]["id"], "u-7");
    assert_eq!(view["ended"], false);

    let moved = server
        .post(
            "/v1/conversations/c-1/channel",
            json!({ "channel": "voice" }),
        )
        .await;
    assert_eq!(moved.status, 202, "{moved:?}");
    let view = server.get("/v1/conversations/c-1").await.json();
    assert_eq!(view["conversation"]["channel"], "voice");

    let listed = server.get("/v1/conversations?limit=5").await.json();
    assert_eq!(listed["conversations"][0]["id"], "c-1", "{listed}");
    assert_eq!(listed["conversations"][0]["live"], true);
    let ended = server
        .call("POST", "/v1/conversations/c-1/end", ACME, None)
        .await;
    assert_eq!(ended.status, 202, "{ended:?}");
    server.stop().await;
}

#[tokio::test]
async fn the_same_input_twice_counts_once() {
    let server = start(config()).await;
    server.begin("c-1", false).await;
    let said = json!({ "id": "01890a5d-ac96-774b-bcce-b302099a8057", "text": "Hello?" });
    for _ in 0..3 {
        let accepted = server
            .post("/v1/conversations/c-1/utterances", said.clone())
            .await;
        assert_eq!(accepted.status, 202, "{accepted:?}");
        assert_eq!(accepted.json()["id"], said["id"]);
    }
    let view = server.get("/v1/conversations/c-1").await.json();
    assert_eq!(
        view["conversation"]["transcript"].as_array().unwrap().len(),
        1
    );
    server.stop().await;
}

#[tokio::test]
async fn nothing_crosses_tenants() {
    let server = start(config()).await;
    server.begin("secret", false).await;
    let said = json!({ "text": "My number is 12345." });
    server
        .post("/v1/conversations/secret/utterances", said.clone())
        .await;
    let path = "/v1/conversations/secret";
    for (method, path, body) in [
        ("GET", path.to_owned(), None),
        ("DELETE", path.to_owned(), None),
        ("GET", format!("{path}/summary"), None),
        ("GET", format!("{path}/events"), None),
        ("POST", format!("{path}/utterances"), Some(said)),
        ("POST", format!("{path}/suggest"), Some(json!({}))),
        ("POST", format!("{path}/end"), None),
    ] {
        let answer = server.call(method, &path, OTHER, body).await;
        answer.assert_problem(404, "not_found");
        assert!(!answer.body.contains("12345"));
    }
    let listed = server.call("GET", "/v1/conversations", OTHER, None).await;
    assert_eq!(listed.json()["conversations"], json!([]));
    let ask = json!({ "query": "refund of a charge made twice" });
    let found = server
        .call("POST", "/v1/knowledge/search", OTHER, Some(ask.clone()))
        .await;
    assert_eq!(found.json()["hits"], json!([]));
    assert_ne!(
        server.post("/v1/knowledge/search", ask).await.json()["hits"],
        json!([])
    );
    // A body cannot choose a tenant.
    let body = json!({ "channel": "chat", "tenant": "acme" });
    let begun = server
        .call("POST", "/v1/conversations", OTHER, Some(body))
        .await;
    begun.assert_problem(400, "invalid_input");
    server.stop().await;
}

#[tokio::test]
async fn what_does_not_fit_is_a_problem_and_nothing_is_taken() {
    let server = start(config()).await;
    server.begin("c-1", false).await;
    let path = "/v1/conversations/c-1/utterances";
    for body in [
        json!({}),
        json!({ "text": "" }),
        json!({ "text": 5 }),
        json!({ "text": "Hi", "role": "king" }),
        json!({ "text": "Hi", "unknown": 1 }),
        json!({ "text": "Hi", "id": "7" }),
        json!({ "text": "Hi", "start_ms": 9, "end_ms": 3 }),
        json!([]),
        json!([null, null, null, "Hi", null, null]),
        json!({ "text": "Hi", "end_ms": u64::MAX }),
        json!({ "text": "Hi", "participant": "x".repeat(300) }),
    ] {
        server
            .post(path, body)
            .await
            .assert_problem(400, "invalid_input");
    }
    let steps: Vec<String> = (0..300).map(|n| format!("bill/step-{n}")).collect();
    let done = json!({ "steps": steps });
    server
        .post("/v1/conversations/c-1/actions/done", done)
        .await
        .assert_problem(400, "invalid_input");
    for id in ["~learned", "a%20b", "%2e%2e", "a%00"] {
        let answer = server.get(&format!("/v1/conversations/{id}")).await;
        assert!([400, 404].contains(&answer.status), "{answer:?}");
    }
    let absent = server
        .post(
            "/v1/conversations/nowhere/utterances",
            json!({ "text": "Hi" }),
        )
        .await;
    absent.assert_problem(404, "not_found");
    server
        .get("/v1/nothing")
        .await
        .assert_problem(404, "not_found");
    let wrong = server
        .call("PUT", "/v1/conversations/c-1", ACME, None)
        .await;
    wrong.assert_problem(405, "method_not_allowed");
    assert!(wrong.header("allow").unwrap().contains("GET"));
    let key = [("authorization", "Bearer acme-key")];
    let bare = client::raw(server.address, "POST", path, &key, Some("{}")).await;
    bare.assert_problem(415, "unsupported_media_type");
    let json = [key[0], ("content-type", "application/json")];
    let broken = client::raw(server.address, "POST", path, &json, Some("{\"text\":")).await;
    broken.assert_problem(400, "invalid_input");
    let view = server.get("/v1/conversations/c-1").await.json();
    assert_eq!(view["conversation"]["transcript"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn plain_calls_keep_nothing() {
    let server = start(config()).await;
    let conversation = json!({
        "tenant": "other",
        "turns": [{ "role": "end_user", "text": "I was charged twice, refund $20 please." }],
    });
    let note = server
        .post("/v1/summarize", json!({ "conversation": conversation }))
        .await;
    assert_eq!(note.status, 200, "{note:?}");
    assert_eq!(note.json()["facts"][0]["value"], "$20", "{note:?}");
    let cards = server
        .post("/v1/suggest", json!({ "conversation": conversation }))
        .await
        .json();
    // Of the caller's articles, whatever tenant the body names.
    let kinds: Vec<&str> = cards["suggestions"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|card| card["kind"].as_str())
        .collect();
    assert!(kinds.contains(&"article"), "{cards}");
    let actions = server
        .post(
            "/v1/next-best-actions",
            json!({ "conversation": conversation, "limit": 2 }),
        )
        .await;
    assert_eq!(actions.status, 200, "{actions:?}");
    let empty = json!({ "conversation": { "turns": [] } });
    server
        .post("/v1/summarize", empty)
        .await
        .assert_problem(422, "insufficient_content");
    let wrong = json!({ "conversation": { "turns": [{ "role": "king", "text": "" }] } });
    server
        .post("/v1/summarize", wrong)
        .await
        .assert_problem(400, "invalid_input");
    let asked = json!({ "question": "When is a refund paid?" });
    let answer = server.post("/v1/knowledge/answer", asked).await.json();
    assert!(
        answer["text"]
            .as_str()
            .unwrap()
            .contains("five working days"),
        "{answer}"
    );
    assert_eq!(answer["citations"][0]["article"], "refunds");
    let loan = KnowledgeArticle {
        products: vec!["Loan".into()],
        ..KnowledgeArticle::new(
            "loans",
            "Refunds of loans",
            "acme",
            "A loan is refunded at once.",
        )
    };
    let knowledge = server.state.hub.assistant().knowledge();
    knowledge.update(vec![loan], None).await.unwrap();
    for (product, articles) in [
        ("loan", vec!["loans", "refunds"]),
        ("card", vec!["refunds"]),
    ] {
        let asked = json!({ "query": "When is a refund paid?", "product": product });
        let found = server.post("/v1/knowledge/search", asked).await.json();
        let mut told: Vec<&str> = found["hits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hit| hit["passage"]["article"].as_str().unwrap())
            .collect();
        told.sort_unstable();
        assert_eq!(told, articles, "{product}");
        let asked = json!({ "question": "Is a loan refunded at once?", "product": product });
        let answer = server.post("/v1/knowledge/answer", asked).await.json();
        assert!(
            product == "loan" || !answer.to_string().contains("loans"),
            "{answer}"
        );
    }
    assert_eq!(
        server.get("/v1/conversations").await.json()["conversations"],
        json!([])
    );
    server.stop().await;
}

#[tokio::test]
async fn a_note_is_written_on_demand_and_kept() {
    let server = start(config()).await;
    server.begin("c-1", false).await;
    let path = "/v1/conversations/c-1/summary";
    server.get(path).await.assert_problem(404, "not_found");
    let said = json!({ "text": "Please refund the $20 that I paid twice." });
    server.post("/v1/conversations/c-1/utterances", said).await;
    let made = server.call("POST", path, ACME, None).await;
    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(made.json()["facts"][0]["value"], "$20");
    assert_eq!(server.get(path).await.json(), made.json());
    server.stop().await;
}

#[tokio::test]
async fn figures_are_for_supervisors() {
    let server = start(config()).await;
    server
        .call("GET", "/v1/insight", READER, None)
        .await
        .assert_problem(403, "forbidden");
    let none = server.get("/v1/insight").await.json();
    assert_eq!(none["report"], json!(null));
    server.begin("c-1", false).await;
    let said = json!({ "text": "I was charged twice, this is the third time I call!" });
    server.post("/v1/conversations/c-1/utterances", said).await;
    let some = server.get("/v1/insight?by=day").await.json();
    assert_eq!(some["read"], 1, "{some}");
    assert_eq!(some["report"]["total"]["conversations"], 1, "{some}");
    server.stop().await;
}
