//! What goes wrong, and as what it is told.

use std::time::{Duration, Instant};

use attendant::llm::openai::{OpenAiConfig, OpenAiModel};
use attendant::llm::{Delta, Finish, LanguageModel, LanguageModelExt, Request, Usage};
use attendant::{Error, ErrorKind};
use futures::StreamExt;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::fake_server::{FakeServer, KEY, Reply};
use super::{cost, prompt, words};

const JSON: &str = "application/json";

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

/// An event whose words are these bytes.
fn raw(words: &[u8], finish: &str) -> Vec<u8> {
    let begin = b"data: {\"choices\": [{\"delta\": {\"content\": \"";
    let end = format!("\"}}, \"finish_reason\": {finish}}}]}}\n\n");
    [&begin[..], words, end.as_bytes()].concat()
}

fn bytes(events: &[String]) -> Vec<u8> {
    let event = |event: &String| format!("data: {event}\n\n").into_bytes();
    events.iter().flat_map(event).collect()
}

#[tokio::test]
async fn a_cut_stream_is_a_failure_not_a_short_answer() {
    let begun = || words(&["The ", "router "], "stop")[..3].to_vec();
    let half = bytes(&begun());
    let half = half[..half.len() - 20].to_vec();
    for reply in [
        Reply::Events(begun()),
        Reply::Cut(begun()),
        Reply::Packets(vec![half]),
        Reply::Events(vec![]),
        Reply::Events([begun(), vec!["[DONE]".into()]].concat()),
    ] {
        let error = failure(reply).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains("in the middle"), "{error}");
        assert!(error.is_transient());
    }
    let error = failure(Reply::Nothing).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn a_server_that_gives_up_has_not_answered() {
    for reason in ["abort", "error"] {
        let error = failure(Reply::Events(words(&["The "], reason))).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
}

#[tokio::test]
async fn half_an_event_after_the_answer_costs_only_the_figures() {
    let mut answered = bytes(&words(&["It ", "works."], "stop"));
    answered.extend(&bytes(&[cost()])[..40]);
    let server = FakeServer::start(Reply::Packets(vec![answered])).await;
    let answer = server.model().complete(Request::new(prompt())).await;
    let answer = answer.unwrap();
    assert_eq!(answer.text, "It works.");
    assert_eq!(answer.usage, Usage::default());
}

#[tokio::test]
async fn characters_are_whole_however_the_bytes_come() {
    let text = "路由器 – 👍";
    let whole = bytes(&words(&[text], "stop"));
    let (half, rest) = text.as_bytes().split_at(4);
    let replies = [
        whole.chunks(7).map(<[u8]>::to_vec).collect(),
        vec![raw(half, "null"), raw(rest, "\"stop\"")],
    ];
    for packets in replies {
        let server = FakeServer::start(Reply::Packets(packets)).await;
        let answer = server.model().complete(Request::new(prompt())).await;
        assert_eq!(answer.unwrap().text, text);
    }
}

#[tokio::test]
async fn words_that_are_not_utf_8_are_malformed() {
    let cases = [
        vec![raw(b"a\xff", "\"stop\"")],
        vec![raw(b"a\xe8", "null"), raw(b"b", "\"stop\"")],
        vec![raw(b"a\xe8", "\"stop\"")],
    ];
    for packets in cases {
        let error = failure(Reply::Packets(packets)).await;
        assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
        assert!(!error.is_transient());
    }
    // The limit of tokens may fall into a character.
    let cut = Reply::Packets(vec![raw(b"a\xe8", "\"length\"")]);
    let server = FakeServer::start(cut).await;
    let answer = server.model().complete(Request::new(prompt())).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), answer.finish), ("a", Finish::Length));
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
            ErrorKind::TooLong,
        ),
        (
            400,
            json!({ "error": { "code": 400, "type": "exceed_context_size_error", "n_ctx": 4096,
                               "message": "request (9000 tokens) exceeds it" } })
            .to_string(),
            ErrorKind::TooLong,
        ),
        (
            400,
            json!({ "object": "error", "code": 400, "type": "BadRequestError",
                    "message": "This model's maximum context length is 4096 tokens." })
            .to_string(),
            ErrorKind::TooLong,
        ),
        (
            400,
            openai("not this", json!("content_policy_violation")),
            ErrorKind::Refused,
        ),
        (
            400,
            openai("no such field", json!(null)),
            ErrorKind::InvalidInput,
        ),
        (
            501,
            openai("no grammars", json!(501)),
            ErrorKind::Unsupported,
        ),
        (
            503,
            openai("Loading model", json!(503)),
            ErrorKind::Unavailable,
        ),
        (
            503,
            openai("we are overloaded", json!(null)),
            ErrorKind::Overloaded,
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
        let error = failure(Reply::Whole(status, JSON, body.clone())).await;
        assert_eq!(error.kind(), kind, "{status} {body}: {error}");
        assert!(!error.to_string().contains("<html>"), "{error}");
        assert_eq!(error.retry_after(), None);
        let passes_by = matches!(
            kind,
            ErrorKind::Unavailable | ErrorKind::Overloaded | ErrorKind::Timeout
        );
        assert_eq!(error.is_transient(), passes_by, "{error}");
    }
}

#[tokio::test]
async fn how_long_to_wait_is_told() {
    let busy = json!({ "error": { "message": "busy", "code": 429 } }).to_string();
    let told = |status, name, value: &str| Reply::Told(status, (name, value.into()), busy.clone());
    let error = failure(told(429, "Retry-After", "7")).await;
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    let error = failure(told(503, "Retry-After-Ms", "250")).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.retry_after(), Some(Duration::from_millis(250)));

    let hour = Duration::from_secs(3600);
    let date = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&(Timestamp::now() + hour))
        .unwrap();
    let error = failure(told(429, "Retry-After", &date)).await;
    let wait = error.retry_after().unwrap();
    assert!(
        hour - Duration::from_secs(60) < wait && wait <= hour,
        "{wait:?}"
    );
}

#[tokio::test]
async fn an_answer_that_is_no_stream_is_a_failure() {
    for event in ["{\"not\": \"a chunk\"}", "{\"id\": ", "hello"] {
        let error = failure(Reply::Events(vec![event.into()])).await;
        assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
        assert!(!error.is_transient());
    }
    let page = "<html>A login page</html>";
    for (kind, body) in [("text/html", page), (JSON, "{\"choices\": []}"), (JSON, "")] {
        let error = failure(Reply::Whole(200, kind, body.into())).await;
        assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
    }
    // A no with a status that says yes.
    let body = json!({ "error": { "message": "wait", "code": 429 } }).to_string();
    let error = failure(Reply::Whole(200, JSON, body)).await;
    assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
}

#[tokio::test]
async fn what_a_filter_withholds_is_refused_or_cut() {
    let error = failure(Reply::Events(words(&[], "content_filter"))).await;
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(!error.is_transient());

    let server = FakeServer::start(Reply::Events(words(&["So "], "content_filter"))).await;
    let answer = server.model().complete(Request::new(prompt())).await;
    let answer = answer.unwrap();
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("So ", Finish::Length)
    );
}

#[tokio::test]
async fn whoever_stops_listening_hangs_up() {
    let begun = words(&["The ", "router "], "stop")[..3].to_vec();
    let server = FakeServer::start(Reply::Open(begun)).await;
    let model = server.model();
    let mut stream = model.generate(Request::new(prompt())).await.unwrap();
    let first = stream.next().await.unwrap().unwrap();
    assert_eq!(first, Delta::Text("The ".into()));
    drop(stream);
    server.hung_up().await;

    let server = FakeServer::start(Reply::Silence).await;
    let model = server.model();
    let asked = model.generate(Request::new(prompt()));
    let soon = Duration::from_millis(200);
    assert!(tokio::time::timeout(soon, asked).await.is_err());
    assert_eq!(server.sent().len(), 1);
    server.hung_up().await;
}

#[tokio::test]
async fn silence_in_the_middle_of_an_answer_is_a_time_out() {
    let begun = words(&["The ", "router "], "stop")[..3].to_vec();
    let error = failure(Reply::Open(begun)).await;
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.is_transient());
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
