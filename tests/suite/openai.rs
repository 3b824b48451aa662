//! The OpenAI adapters against a server of our own on this machine: what is sent, what is
//! understood, and how failures are classed.
#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use attendant::llm::openai::OpenAiModel;
use attendant::llm::{
    Delta, Finish, LanguageModel, LanguageModelExt, Prefix, Prompt, Request, Structured, Usage,
};
use futures::StreamExt;
use serde_json::{Value, json};

use fake_server::{FakeServer, KEY, Reply};

mod embeddings;
mod failures;
mod fake_server;
mod forms;
mod scores;
mod secrets;

fn chunk(delta: Value, finish: Option<&str>) -> String {
    json!({
        "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "test-model",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
    })
    .to_string()
}

/// The events of an answer of these words.
fn words(words: &[&str], finish: &str) -> Vec<String> {
    let mut events = vec![chunk(json!({ "role": "assistant", "content": "" }), None)];
    events.extend(
        words
            .iter()
            .map(|word| chunk(json!({ "content": word }), None)),
    );
    events.push(chunk(json!({}), Some(finish)));
    events
}

fn cost() -> String {
    json!({
        "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "test-model",
        "choices": [],
        "usage": { "prompt_tokens": 120, "completion_tokens": 7, "total_tokens": 127,
                   "prompt_tokens_details": { "cached_tokens": 96 } },
    })
    .to_string()
}

fn tool_call(index: u32, id: &str, name: &str, arguments: &str) -> String {
    let call = json!({ "index": index, "id": id, "type": "function",
                       "function": { "name": name, "arguments": arguments } });
    chunk(json!({ "tool_calls": [call] }), None)
}

fn prompt() -> Prompt {
    let mut prefix = Prefix::new("You help human agents.");
    prefix.push("Customer: My router is broken — “wirklich”.");
    prefix.ask("What does the customer need?")
}

#[tokio::test]
async fn a_streamed_answer_comes_in_pieces_with_its_cost() {
    let mut events = words(&["The ", "router ", "is broken: 路由器."], "stop");
    events.push(cost());
    events.push("[DONE]".into());
    let server = FakeServer::start(Reply::Events(events)).await;
    let request = Request::new(prompt())
        .with_max_tokens(33)
        .with_temperature(0.5)
        .with_seed(42);
    let stream = server.model().generate(request).await.unwrap();
    let deltas: Vec<Delta> = stream.map(Result::unwrap).collect().await;
    let text = |text: &str| Delta::Text(text.into());
    let usage = Usage {
        prompt_tokens: 120,
        reused_tokens: 96,
        completion_tokens: 7,
        dropped_lines: 0,
    };
    let done = Delta::Done {
        finish: Finish::Stop,
        usage,
    };
    assert_eq!(
        deltas,
        [
            text("The "),
            text("router "),
            text("is broken: 路由器."),
            done
        ]
    );

    let [sent] = &server.sent()[..] else {
        panic!("one request");
    };
    assert!(
        sent.head.starts_with("POST /v1/chat/completions "),
        "{}",
        sent.head
    );
    let authorization = format!("authorization: Bearer {KEY}");
    assert!(
        sent.head
            .to_lowercase()
            .contains(&authorization.to_lowercase())
    );
    assert_eq!(
        sent.body,
        json!({
            "model": "test-model",
            "messages": [
                { "role": "system", "content": "You help human agents." },
                { "role": "user", "content":
                  "Customer: My router is broken — “wirklich”.\n\nWhat does the customer need?" },
            ],
            "max_tokens": 33,
            "temperature": 0.5,
            "seed": 42,
            "stream": true,
            "stream_options": { "include_usage": true },
        })
    );
}

#[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
struct Need {
    topic: String,
    urgent: Option<bool>,
}

#[tokio::test]
async fn a_typed_answer_sends_its_schema_as_strict() {
    let events = words(&["{\"topic\": ", "\"router\", \"urgent\": null}"], "stop");
    let server = FakeServer::start(Reply::Events(events)).await;
    let model = server.model();
    assert!(model.capabilities().constrained);
    assert!(model.capabilities().scoring);
    let answer = model.complete_as::<Need>(prompt(), 50).await.unwrap();
    let need = Need {
        topic: "router".into(),
        urgent: None,
    };
    assert_eq!(answer, Structured::Valid(need));
    assert_eq!(
        server.sent()[0].body["response_format"],
        json!({
            "type": "json_schema",
            "json_schema": {
                "name": "answer",
                "strict": true,
                "schema": {
                    "type": "object",
                    "properties": {
                        "topic": { "type": "string" },
                        "urgent": { "type": ["boolean", "null"] },
                    },
                    "required": ["topic", "urgent"],
                    "additionalProperties": false,
                },
            },
        })
    );

    let plain = OpenAiModel::new(server.config().without_json_schema()).unwrap();
    assert!(!plain.capabilities().constrained);
    plain.complete_as::<Need>(prompt(), 50).await.unwrap();
    let body = &server.sent()[1].body;
    assert_eq!(body.get("response_format"), None);
    let question = body["messages"][1]["content"].as_str().unwrap();
    assert!(question.starts_with("Customer: "), "{question}");
    assert!(question.contains("\"topic\""), "{question}");
}

#[tokio::test]
async fn a_server_that_counts_nothing_and_never_says_done_is_understood() {
    let events = words(&["{\"topic\": \"rou"], "length");
    let server = FakeServer::start(Reply::Events(events)).await;
    let answer = server
        .model()
        .complete(Request::new(prompt()))
        .await
        .unwrap();
    assert_eq!(answer.finish, Finish::Length);
    assert_eq!(answer.usage, Usage::default());
    let typed = server
        .model()
        .complete_as::<Need>(prompt(), 5)
        .await
        .unwrap();
    assert!(matches!(typed, Structured::Rejected { .. }), "{typed:?}");
}
