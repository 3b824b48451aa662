//! The form of OpenAI's API.

use serde_json::json;

use super::client::Events;
use super::*;

const PATH: &str = "/v1/chat/completions";

fn ask(messages: Value) -> Value {
    json!({ "model": "attendant", "messages": messages })
}

fn user(text: &str) -> Value {
    json!({ "role": "user", "content": text })
}

#[tokio::test]
async fn the_virtual_agent_answers_from_articles_in_their_form() {
    let server = start(config()).await;
    let answer = server
        .post(PATH, ask(json!([user("When is a refund paid?")])))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let completion = answer.json();
    assert_eq!(completion["object"], "chat.completion");
    let choice = &completion["choices"][0];
    assert_eq!(choice["finish_reason"], "stop");
    let said = choice["message"]["content"].as_str().unwrap();
    assert!(said.contains("five working days"), "{completion}");
    assert_eq!(
        completion["attendant"]["citations"][0]["article"], "refunds",
        "{completion}"
    );
    let usage = &completion["usage"];
    let sum =
        usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap();
    assert_eq!(usage["total_tokens"], sum);
    let id = answer.header("x-conversation-id").unwrap();
    assert_eq!(completion["attendant"]["conversation_id"], id);
    server.stop().await;
}

#[tokio::test]
async fn a_history_finds_its_conversation_and_a_name_does_too() {
    let server = start(config()).await;
    let first = server
        .post(PATH, ask(json!([user("When is a refund paid?")])))
        .await;
    let id = first.header("x-conversation-id").unwrap().to_owned();
    let said = first.json()["choices"][0]["message"]["content"].clone();
    let history = json!([
        { "role": "system", "content": "You are a pirate." },
        user("When is a refund paid?"),
        { "role": "assistant", "content": said },
        { "role": "user", "content": [{ "type": "text", "text": "Thank you!" }] },
    ]);
    let second = server.post(PATH, ask(history.clone())).await;
    assert_eq!(
        second.header("x-conversation-id"),
        Some(id.as_str()),
        "{second:?}"
    );
    let view = server.get(&format!("/v1/conversations/{id}")).await.json();
    let texts: Vec<&str> = view["conversation"]["transcript"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|said| said["role"] == "end_user")
        .filter_map(|said| said["text"].as_str())
        .collect();
    assert_eq!(texts, ["When is a refund paid?", "Thank you!"]);
    // The same history again is another branch, with a conversation of its own that begins with it.
    let branch = server.post(PATH, ask(history)).await;
    assert_ne!(branch.header("x-conversation-id"), Some(id.as_str()));
    // Another caller's history is not found.
    let mut named = ask(json!([user("And how much is it?")]));
    named["metadata"] = json!({ "conversation_id": id });
    let third = server.post(PATH, named.clone()).await;
    assert_eq!(third.header("x-conversation-id"), Some(id.as_str()));
    let other = server.call("POST", PATH, OTHER, Some(named)).await;
    assert_eq!(other.status, 200);
    let view = server.get(&format!("/v1/conversations/{id}")).await.json();
    let said = view["conversation"]["transcript"].to_string();
    assert_eq!(
        said.matches("And how much is it?").count(),
        1,
        "another tenant wrote here"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_repeated_request_counts_once() {
    let server = start(config()).await;
    let mut body = ask(json!([user("When is a refund paid?")]));
    body["metadata"] = json!({ "conversation_id": "c-9" });
    let headers = [
        ("authorization", "Bearer acme-key"),
        ("idempotency-key", "python-retry-1"),
    ];
    let mut answers = Vec::new();
    for _ in 0..2 {
        let answer = call(server.address, "POST", PATH, &headers, Some(body.clone())).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answers.push(answer.json()["choices"][0]["message"]["content"].clone());
    }
    assert_eq!(answers[0], answers[1]);
    let view = server.get("/v1/conversations/c-9").await.json();
    let said = view["conversation"]["transcript"].to_string();
    assert_eq!(said.matches("When is a refund paid?").count(), 1, "{said}");
    server.stop().await;
}

#[tokio::test]
async fn a_stream_says_the_same_in_pieces() {
    let server = start(config()).await;
    let mut body = ask(json!([user("When is a refund paid?")]));
    body["stream"] = json!(true);
    body["stream_options"] = json!({ "include_usage": true });
    let text = body.to_string();
    let headers = [
        ("authorization", "Bearer acme-key"),
        ("content-type", "application/json"),
    ];
    let mut events = Events::post(server.address, PATH, &headers, &text).await;
    assert_eq!(events.status, 200);
    let mut said = String::new();
    let (mut finish, mut usage, mut done) = (None, None, false);
    while let Some(told) = events.next().await {
        if told.data == "[DONE]" {
            done = true;
            continue;
        }
        assert_eq!(told.data["object"], "chat.completion.chunk");
        let choice = &told.data["choices"][0];
        said.push_str(choice["delta"]["content"].as_str().unwrap_or_default());
        finish = choice["finish_reason"]
            .as_str()
            .map(str::to_owned)
            .or(finish);
        usage = told.data["usage"]["total_tokens"].as_u64().or(usage);
    }
    assert!(said.contains("five working days"), "{said}");
    assert_eq!(finish.as_deref(), Some("stop"));
    assert!(usage.is_some() && done);
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_asked_is_told_in_their_form() {
    let server = start(config()).await;
    let base = ask(json!([user("Hi")]));
    for (field, value, code) in [
        ("n", json!(2), "unsupported_parameter"),
        (
            "tools",
            json!([{ "type": "function" }]),
            "unsupported_parameter",
        ),
        (
            "response_format",
            json!({ "type": "json_object" }),
            "unsupported_parameter",
        ),
        ("logprobs", json!(true), "unsupported_parameter"),
        ("messages", json!([]), "invalid_value"),
        (
            "messages",
            json!([{ "role": "assistant", "content": "Hi" }]),
            "invalid_value",
        ),
        (
            "messages",
            json!([{ "role": "tool", "content": "Hi" }]),
            "invalid_value",
        ),
        ("model", json!("gpt-5"), "model_not_found"),
    ] {
        let mut body = base.clone();
        body[field] = value;
        let answer = server.post(PATH, body).await;
        assert!([400, 404].contains(&answer.status), "{answer:?}");
        let error = &answer.json()["error"];
        assert_eq!(error["param"], field, "{answer:?}");
        assert_eq!(error["code"], code, "{answer:?}");
    }
    let wrong = server.post(PATH, json!({ "model": 5 })).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(wrong.json()["error"]["type"], "invalid_request_error");
    let nobody = server.call("GET", "/v1/models", "nonsense", None).await;
    assert_eq!(nobody.status, 401);
    assert_eq!(nobody.json()["error"]["code"], "invalid_api_key");
    let models = server.get("/v1/models").await.json();
    assert_eq!(models["data"][0]["id"], "attendant");
    server.stop().await;
}
