//! Choices, patterns, tool calls and seeds: what is sent, and what is made of the answers.

use attendant::llm::openai::OpenAiModel;
use attendant::llm::{
    Completion, Delta, Finish, LanguageModel, LanguageModelExt, Output, Request, Tool,
};
use attendant::{ErrorKind, Result};
use futures::StreamExt;
use serde_json::{Value, json};

use super::fake_server::{FakeServer, Reply};
use super::{chunk, prompt, tool_call, words};

fn choice() -> Request {
    Request::new(prompt()).with_choice(["yes", "no", "no thanks", "no"])
}

fn reference() -> Request {
    Request::new(prompt()).with_regex(r"[A-Z]{2}-\d{3}")
}

fn tools() -> Vec<Tool> {
    let tool = |name: &str, description: &str, key: &str| Tool {
        name: name.into(),
        description: description.into(),
        parameters: json!({ "type": "object", "properties": { key: { "type": "string" } } }),
    };
    vec![
        tool("send_engineer", "Sends an engineer.", "day"),
        tool("refund", "", "to"),
    ]
}

fn call() -> Request {
    Request::new(prompt()).with_tools(tools())
}

/// The answer to `request` of a server that says `events`, and what it was sent.
async fn ask(request: Request, events: Vec<String>) -> (Result<Completion>, Value) {
    let server = FakeServer::start(Reply::Events(events)).await;
    let answer = server.model().complete(request).await;
    (answer, server.sent().remove(0).body)
}

/// The same without schemas and without tools.
async fn ask_plainly(request: Request, events: Vec<String>) -> (Completion, String) {
    let server = FakeServer::start(Reply::Events(events)).await;
    let config = server.config().without_json_schema().without_tools();
    let model = OpenAiModel::new(config).unwrap();
    assert!(!model.capabilities().constrained);
    let answer = model.complete(request).await.unwrap();
    let body = server.sent().remove(0).body;
    assert_eq!(body.get("response_format"), None);
    assert_eq!(body.get("tools"), None);
    let question = body["messages"][1]["content"].as_str().unwrap();
    assert!(question.starts_with("Customer: "), "{question}");
    (answer, question.to_owned())
}

fn sent_schema(body: &Value) -> &Value {
    let format = &body["response_format"];
    assert_eq!(format["type"], "json_schema");
    assert_eq!(format["json_schema"]["strict"], true);
    &format["json_schema"]["schema"]
}

fn wrapped(schema: Value) -> Value {
    json!({
        "type": "object",
        "properties": { "answer": schema },
        "required": ["answer"],
        "additionalProperties": false,
    })
}

#[tokio::test]
async fn a_choice_comes_bare_and_in_one_piece() {
    let events = words(&["{\"answer\":", " \"no th", "anks\"}"], "stop");
    let server = FakeServer::start(Reply::Events(events)).await;
    let stream = server.model().generate(choice()).await.unwrap();
    let deltas: Vec<Delta> = stream.map(|delta| delta.unwrap()).collect().await;
    assert_eq!(deltas.len(), 2, "{deltas:?}");
    assert_eq!(deltas[0], Delta::Text("no thanks".into()));
    let wanted = json!({ "type": "string", "enum": ["yes", "no", "no thanks"] });
    assert_eq!(sent_schema(&server.sent()[0].body), &wrapped(wanted));
}

#[tokio::test]
async fn a_choice_without_schemas_is_asked_for_in_words() {
    let (answer, question) = ask_plainly(choice(), words(&["**Yes.**"], "stop")).await;
    assert_eq!(answer.text, "yes");
    assert!(question.ends_with("yes\nno\nno thanks\nno"), "{question}");
    let (answer, _) = ask_plainly(choice(), words(&["Perhaps"], "stop")).await;
    assert_eq!(answer.text, "Perhaps", "the reader decides");
}

#[tokio::test]
async fn a_promised_form_that_is_not_kept_is_malformed() {
    for said in ["{\"answer\": \"perhaps\"}", "Perhaps", ""] {
        for request in [choice(), reference()] {
            let (answer, _) = ask(request, words(&[said], "stop")).await;
            let error = answer.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{said}: {error}");
        }
    }
    // What was cut is told as cut.
    let (answer, _) = ask(choice(), words(&["{\"answer\": \"ye"], "length")).await;
    let answer = answer.unwrap();
    assert_eq!(answer.text, "{\"answer\": \"ye");
    assert_eq!(answer.finish, Finish::Length);
    // The limit may be reached by the very last token.
    let (answer, _) = ask(choice(), words(&["{\"answer\": \"yes\"}"], "length")).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), answer.finish), ("yes", Finish::Stop));
}

#[tokio::test]
async fn a_pattern_is_sent_and_checked() {
    let (answer, body) = ask(reference(), words(&["{\"answer\": \"AB-123\"}"], "stop")).await;
    assert_eq!(answer.unwrap().text, "AB-123");
    let wanted = json!({ "type": "string", "pattern": "^([A-Z]{2}-[0-9]{3})$" });
    assert_eq!(sent_schema(&body), &wrapped(wanted));

    let (answer, question) = ask_plainly(reference(), words(&[" `AB-123`\n"], "stop")).await;
    assert_eq!(answer.text, "AB-123");
    assert!(question.ends_with(r"[A-Z]{2}-\d{3}"), "{question}");
    let (answer, _) = ask_plainly(reference(), words(&["AB-1234"], "stop")).await;
    assert_eq!(answer.text, "AB-1234", "the reader decides");
}

#[tokio::test]
async fn a_refusal_is_text_or_an_error_but_never_a_choice() {
    let refusal = || {
        vec![
            chunk(json!({ "refusal": "yes" }), None),
            chunk(json!({}), Some("stop")),
        ]
    };
    let (answer, _) = ask(Request::new(prompt()), refusal()).await;
    assert_eq!(answer.unwrap().text, "yes");
    let (answer, _) = ask(choice(), refusal()).await;
    let error = answer.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
}

#[tokio::test]
async fn a_tool_call_is_put_together() {
    let events = vec![
        chunk(json!({ "role": "assistant", "content": "Well." }), None),
        tool_call(0, "a", "send_engineer", ""),
        tool_call(0, "", "", "{\"day\":"),
        tool_call(1, "b", "refund", "{}"),
        tool_call(0, "", "", " \"monday\"}"),
        chunk(json!({}), Some("tool_calls")),
    ];
    let server = FakeServer::start(Reply::Events(events)).await;
    let stream = server.model().generate(call()).await.unwrap();
    let deltas: Vec<Delta> = stream.map(|delta| delta.unwrap()).collect().await;
    assert_eq!(deltas.len(), 2, "{deltas:?}");
    let wanted = r#"{"name": "send_engineer", "arguments": {"day": "monday"}}"#;
    assert_eq!(deltas[0], Delta::Text(wanted.into()));
    assert!(matches!(
        deltas[1],
        Delta::Done {
            finish: Finish::Stop,
            ..
        }
    ));

    let body = &server.sent()[0].body;
    assert_eq!(body["tool_choice"], "required");
    assert_eq!(body["parallel_tool_calls"], false);
    assert_eq!(
        body["tools"][0],
        json!({
            "type": "function",
            "function": {
                "name": "send_engineer",
                "description": "Sends an engineer.",
                "strict": true,
                "parameters": {
                    "type": "object",
                    "properties": { "day": { "type": "string" } },
                    "required": ["day"],
                    "additionalProperties": false,
                },
            },
        })
    );
    assert_eq!(body["tools"][1]["function"].get("description"), None);
    assert_eq!(body.get("response_format"), None);
}

#[tokio::test]
async fn a_tool_that_cannot_be_strict_is_sent_as_it_is() {
    let mut tools = tools();
    let any = json!({ "type": "object", "properties": { "to": {} } });
    tools[0].parameters = any.clone();
    let request = Request::new(prompt()).with_tools(tools);
    let (_, body) = ask(request, words(&[""], "stop")).await;
    let function = &body["tools"][0]["function"];
    assert_eq!(function.get("strict"), None);
    assert_eq!(function["parameters"], any);
}

#[tokio::test]
async fn text_instead_of_a_call_and_a_cut_call_are_handed_on() {
    let (answer, _) = ask(call(), words(&["I would ", "send one."], "stop")).await;
    assert_eq!(answer.unwrap().text, "I would send one.");

    let events = vec![
        tool_call(0, "a", "refund", "{\"to\": \"m"),
        chunk(json!({}), Some("length")),
    ];
    let (answer, _) = ask(call(), events).await;
    let answer = answer.unwrap();
    assert_eq!(answer.finish, Finish::Length);
    assert!(serde_json::from_str::<Value>(&answer.text).is_err());
    assert!(answer.text.starts_with("{\"name\": \"refund\""));
}

#[tokio::test]
async fn servers_without_tools_are_asked_for_json() {
    let said = r#"{"answer": {"arguments": {"to": "me"}, "name": "refund"}}"#;
    let server = FakeServer::start(Reply::Events(words(&[said], "stop"))).await;
    let model = OpenAiModel::new(server.config().without_tools()).unwrap();
    let answer = model.complete(call()).await.unwrap();
    let called: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(
        called,
        json!({ "name": "refund", "arguments": { "to": "me" } })
    );
    let body = &server.sent()[0].body;
    assert_eq!(body.get("tools"), None);
    let calls = &sent_schema(body)["properties"]["answer"]["anyOf"];
    assert_eq!(calls[1]["properties"]["name"]["const"], "refund");
    let question = body["messages"][1]["content"].as_str().unwrap();
    assert!(question.contains("- send_engineer: Sends an engineer."));

    let said = r#"{"name": "refund", "arguments": {}}"#;
    let (answer, question) = ask_plainly(call(), words(&[said], "stop")).await;
    assert_eq!(answer.text, said);
    assert!(question.contains("\"day\""), "{question}");
}

#[tokio::test]
async fn a_seed_goes_along_where_there_is_chance() {
    let seeded = |temperature| {
        let request = Request::new(prompt()).with_seed(7);
        ask(
            request.with_temperature(temperature),
            words(&["Hi."], "stop"),
        )
    };
    assert_eq!(seeded(0.7).await.1["seed"], 7);
    assert_eq!(seeded(0.0).await.1.get("seed"), None);
    let large = Request::new(prompt())
        .with_seed(u64::MAX - 5)
        .with_temperature(1.0);
    let (_, body) = ask(large, words(&["Hi."], "stop")).await;
    assert!(body["seed"].as_u64().unwrap() <= 0x7fff_ffff);
}

#[tokio::test]
async fn what_cannot_be_answered_is_never_sent() {
    let server = FakeServer::start(Reply::Events(words(&["yes"], "stop"))).await;
    let none: [&str; 0] = [];
    let twice = [tools(), tools()].concat();
    let outputs = [
        Request::new(prompt()).with_choice(none).output,
        Request::new(prompt()).with_choice(["yes", ""]).output,
        Output::Regex("(".into()),
        Output::Tool(vec![]),
        Output::Tool(twice),
        Output::Json(json!({ "type": 5 })),
        Output::Json(json!(null)),
        Output::Json(json!(["object"])),
    ];
    for model in [
        server.model(),
        OpenAiModel::new(server.config().without_json_schema().without_tools()).unwrap(),
    ] {
        for output in &outputs {
            let mut request = Request::new(prompt());
            request.output = output.clone();
            let error = model.complete(request).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{output:?}: {error}");
        }
    }
    assert!(server.sent().is_empty());
}
