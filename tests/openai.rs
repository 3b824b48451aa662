//! The OpenAI adapters against a server of our own on this machine: what is sent, what is
//! understood, and how failures are classed.
#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use attendant::embedding::openai::OpenAiEmbedder;
use attendant::embedding::{Embedder, TextKind, similarity};
use attendant::llm::openai::{OpenAiConfig, OpenAiModel};
use attendant::llm::{
    Delta, Finish, LanguageModel, LanguageModelExt, Prefix, Prompt, Request, Structured, Usage,
};
use attendant::{Error, ErrorKind};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use fake_server::{FakeServer, KEY, Reply};

#[path = "openai/fake_server.rs"]
mod fake_server;

fn chunk(delta: Value, finish: Option<&str>) -> String {
    json!({
        "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "test-model",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
    })
    .to_string()
}

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

fn prompt() -> Prompt {
    let mut prefix = Prefix::new("You help human agents.");
    prefix.push("Customer: My router is broken — “wirklich”.");
    prefix.ask("What does the customer need?")
}

async fn failure(reply: Reply) -> Error {
    let server = FakeServer::start(reply).await;
    let error = server
        .model()
        .complete(Request::new(prompt()))
        .await
        .unwrap_err();
    assert_eq!(server.sent().len(), 1, "a request is sent once");
    let told = format!("{error} {error:?}");
    assert!(!told.contains(KEY), "{told}");
    assert!(told.contains("test-model"), "{told}");
    error
}

#[tokio::test]
async fn a_streamed_answer_comes_in_pieces_with_its_cost() {
    let mut events = words(&["The ", "router ", "is broken: 路由器."], "stop");
    events.push(cost());
    events.push("[DONE]".into());
    let server = FakeServer::start(Reply::Events(events)).await;
    let request = Request::new(prompt())
        .with_max_tokens(33)
        .with_temperature(0.5);
    let stream = server.model().generate(request).await.unwrap();
    let deltas: Vec<Delta> = stream.map(Result::unwrap).collect().await;
    let text = |text: &str| Delta::Text(text.into());
    let usage = Usage {
        prompt_tokens: 120,
        reused_tokens: 96,
        completion_tokens: 7,
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
    assert!(!model.capabilities().scoring);
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

#[tokio::test]
async fn a_cut_stream_is_a_failure_not_a_short_answer() {
    let begun = || words(&["The ", "router "], "stop")[..3].to_vec();
    for reply in [
        Reply::Events(begun()),
        Reply::Cut(begun()),
        Reply::Events(vec![]),
    ] {
        let error = failure(reply).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains("in the middle"), "{error}");
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_keeps_its_class() {
    let mut events = words(&["The "], "stop")[..2].to_vec();
    events.push(json!({ "error": { "message": "engine overloaded", "code": 429 } }).to_string());
    let error = failure(Reply::Events(events)).await;
    assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
    assert!(error.to_string().contains("engine overloaded"), "{error}");
}

#[tokio::test]
async fn failures_are_classed_by_what_the_caller_can_do() {
    let json = "application/json";
    let openai = |message: &str, code: Value| {
        json!({ "error": { "message": message, "type": "t", "code": code } }).to_string()
    };
    let cases = [
        (
            401,
            openai(&format!("wrong key {KEY}"), json!(null)),
            ErrorKind::Config,
        ),
        (403, openai("forbidden", json!(403)), ErrorKind::Config),
        (
            404,
            openai("no such model", json!("model_not_found")),
            ErrorKind::NotFound,
        ),
        (
            400,
            openai("too long", json!("context_length_exceeded")),
            ErrorKind::InvalidInput,
        ),
        (
            429,
            openai("slow down", json!("rate_limit_exceeded")),
            ErrorKind::Overloaded,
        ),
        (
            429,
            openai("pay first", json!("insufficient_quota")),
            ErrorKind::Config,
        ),
        (500, openai("oops", json!(500)), ErrorKind::Unavailable),
        (
            503,
            "<html>Down for maintenance</html>".into(),
            ErrorKind::Unavailable,
        ),
        (401, "<html>Who are you?</html>".into(), ErrorKind::Config),
        (404, String::new(), ErrorKind::NotFound),
        (504, "upstream".into(), ErrorKind::Timeout),
    ];
    for (status, body, kind) in cases {
        let error = failure(Reply::Whole(status, json, body.clone())).await;
        assert_eq!(error.kind(), kind, "{status} {body}: {error}");
        assert!(!error.to_string().contains("<html>"), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_stream_is_a_failure() {
    for event in ["{\"not\": \"a chunk\"}", "{\"id\": ", "hello"] {
        let error = failure(Reply::Events(vec![event.into()])).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    let page = Reply::Whole(200, "text/html", "<html>A login page</html>".into());
    let error = failure(page).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn a_silent_server_is_a_time_out_and_an_absent_one_unavailable() {
    let started = Instant::now();
    let error = failure(Reply::Silence).await;
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let config = OpenAiConfig::new(format!("http://{address}/v1"), "test-model");
    let model = OpenAiModel::new(config).unwrap();
    let error = model.complete(Request::new(prompt())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(
        error.to_string().contains("refused"),
        "the cause is told: {error}"
    );
}

fn vectors(vectors: &[(usize, &[f32])]) -> Reply {
    let data: Vec<Value> = vectors
        .iter()
        .map(
            |(index, vector)| json!({ "object": "embedding", "index": index, "embedding": vector }),
        )
        .collect();
    let body = json!({ "object": "list", "model": "test-model", "data": data,
                       "usage": { "prompt_tokens": 5, "total_tokens": 5 } });
    Reply::Whole(200, "application/json", body.to_string())
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn embeddings_come_in_order_with_unit_norm() {
    let server = FakeServer::start(vectors(&[(1, &[0.0, 2.0]), (0, &[3.0, 4.0])])).await;
    let embedder = OpenAiEmbedder::new(server.config(), 2)
        .unwrap()
        .with_prefixes("query: ", "passage: ")
        .with_max_chars(6);
    let got = embedder
        .embed(&texts(&["Größenwahn", "  "]), TextKind::Document)
        .await
        .unwrap();
    assert!(
        (got[0][0] - 0.6).abs() < 1e-6 && (got[0][1] - 0.8).abs() < 1e-6,
        "{got:?}"
    );
    assert!((similarity(&got[1], &got[1]) - 1.0).abs() < 1e-6);
    assert_eq!(got[1][0], 0.0);
    let sent = &server.sent()[0];
    assert!(
        sent.head.starts_with("POST /v1/embeddings "),
        "{}",
        sent.head
    );
    assert_eq!(
        sent.body,
        json!({ "model": "test-model", "input": ["passage: Größen", "passage:  "],
                "encoding_format": "float" })
    );
    let other = OpenAiEmbedder::new(server.config(), 2).unwrap();
    assert_ne!(
        other.id(),
        embedder.id(),
        "another prefix makes another index"
    );
    assert_eq!(
        embedder.embed(&[], TextKind::Query).await.unwrap(),
        Vec::<Vec<f32>>::new()
    );
}

#[tokio::test]
async fn wrong_embeddings_are_told() {
    let cases: [(Reply, ErrorKind); 6] = [
        (vectors(&[(0, &[1.0, 0.0, 0.0])]), ErrorKind::Config),
        (vectors(&[]), ErrorKind::Unavailable),
        (vectors(&[(1, &[1.0, 0.0])]), ErrorKind::Unavailable),
        (vectors(&[(0, &[0.0, 0.0])]), ErrorKind::Unavailable),
        (
            Reply::Whole(200, "application/json", "{\"data\": 1}".into()),
            ErrorKind::Unavailable,
        ),
        (
            Reply::Whole(
                429,
                "application/json",
                format!("{{\"detail\": \"busy {KEY}\"}}"),
            ),
            ErrorKind::Overloaded,
        ),
    ];
    for (reply, kind) in cases {
        let server = FakeServer::start(reply).await;
        let embedder = OpenAiEmbedder::new(server.config(), 2).unwrap();
        let error = embedder
            .embed(&texts(&["a"]), TextKind::Query)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!error.to_string().contains(KEY), "{error}");
    }
    let nothing = OpenAiConfig::new("http://localhost/v1", "m");
    let error = OpenAiEmbedder::new(nothing, 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn many_texts_go_in_several_requests() {
    // Each request gets one vector back, which is right for the last of 129 texts only.
    let server = FakeServer::start(vectors(&[(0, &[1.0, 0.0])])).await;
    let embedder = OpenAiEmbedder::new(server.config(), 2).unwrap();
    let many = texts(&["a"; 129]);
    embedder.embed(&many, TextKind::Query).await.unwrap_err();
    let first = server.sent()[0].body["input"].as_array().unwrap().len();
    assert_eq!(first, 128);
}
