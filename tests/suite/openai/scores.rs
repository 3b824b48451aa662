//! Choices by the probability of a letter.

use attendant::llm::LanguageModel;
use attendant::llm::openai::OpenAiModel;
use attendant::{ErrorKind, Result};
use serde_json::{Value, json};

use super::fake_server::{FakeServer, Reply};
use super::prompt;

fn reply(logprobs: Value) -> Reply {
    let body = json!({
        "id": "c", "object": "chat.completion", "created": 1, "model": "test-model",
        "choices": [{
            "index": 0, "finish_reason": "length", "logprobs": logprobs,
            "message": { "role": "assistant", "content": "B" },
        }],
    });
    Reply::Whole(200, "application/json", body.to_string())
}

fn likeliest(tokens: &[(&str, f64)]) -> Value {
    let likely = |(token, probability): &(&str, f64)| json!({ "token": token, "bytes": null, "logprob": probability.ln() });
    let top: Vec<Value> = tokens.iter().map(likely).collect();
    let mut first = top[0].clone();
    first["top_logprobs"] = json!(top);
    json!({ "content": [first], "refusal": null })
}

async fn score(model: &OpenAiModel, choices: &[&str]) -> Result<Vec<f32>> {
    let choices = choices.iter().map(ToString::to_string).collect();
    model.score(prompt(), choices).await
}

#[tokio::test]
async fn choices_are_scored_by_one_token() {
    let tokens = [("B", 0.5), (" b", 0.1), ("A", 0.3), ("The", 0.1)];
    let server = FakeServer::start(reply(likeliest(&tokens))).await;
    let model = server.model();
    assert!(model.capabilities().scoring);
    let scores = score(&model, &["router", "billing"]).await.unwrap();
    assert!((scores[0] - 2.0 / 3.0).abs() < 1e-4, "{scores:?}");
    assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-4);
    let turned = score(&model, &["billing", "router"]).await.unwrap();
    assert_eq!(turned, [scores[1], scores[0]], "in the caller's order");

    let sent = server.sent();
    assert_eq!(sent[0].body, sent[1].body, "asked in an order of its own");
    let question = "Customer: My router is broken — “wirklich”.\n\n\
                    What does the customer need?\n\n\
                    Choose one of these:\nA. billing\nB. router\n\n\
                    Answer with one letter only.";
    assert_eq!(
        sent[0].body,
        json!({
            "model": "test-model",
            "messages": [
                { "role": "system", "content": "You help human agents." },
                { "role": "user", "content": question },
            ],
            "max_tokens": 1,
            "temperature": 0.0,
            "logprobs": true,
            "top_logprobs": 20,
        })
    );
}

#[tokio::test]
async fn a_server_that_tells_no_probabilities_is_asked_once() {
    let body = json!({ "error": { "message": "'logprobs' is not supported with this model",
                                  "code": "unsupported_parameter" } });
    let refusal = Reply::Whole(400, "application/json", body.to_string());
    let nothing = reply(json!(null));
    let empty = reply(json!({ "content": [] }));
    for reply in [nothing, empty, refusal] {
        let server = FakeServer::start(reply).await;
        let model = server.model();
        let copy = model.clone();
        for _ in 0..2 {
            let error = score(&model, &["a", "b"]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(error.to_string().contains("logprobs"), "{error}");
        }
        assert_eq!(server.sent().len(), 1);
        assert!(!model.capabilities().scoring);
        assert!(!copy.capabilities().scoring, "copies know it, too");
    }
}

#[tokio::test]
async fn other_failures_say_nothing_about_probabilities() {
    let strange = reply(likeliest(&[("The", 0.9), ("Well", 0.1)]));
    let busy = json!({ "error": { "message": "busy" } }).to_string();
    let cases = [
        (strange, ErrorKind::Unsupported),
        (
            Reply::Whole(429, "application/json", busy),
            ErrorKind::Overloaded,
        ),
        (
            Reply::Whole(200, "text/html", "<html>".into()),
            ErrorKind::Malformed,
        ),
        (
            Reply::Whole(200, "application/json", "{\"choices\": []}".into()),
            ErrorKind::Malformed,
        ),
        (Reply::Silence, ErrorKind::Timeout),
    ];
    for (reply, kind) in cases {
        let server = FakeServer::start(reply).await;
        let model = server.model();
        let error = score(&model, &["a", "b"]).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(model.capabilities().scoring);
    }
}

#[tokio::test]
async fn what_cannot_be_scored_or_need_not_be_is_never_sent() {
    let server = FakeServer::start(reply(likeliest(&[("A", 1.0)]))).await;
    let model = server.model();
    let many: Vec<String> = (0..21).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let unusable: [&[&str]; 3] = [&[], &["a", " "], &many];
    for wrong in unusable {
        let error = score(&model, wrong).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong:?}: {error}");
    }
    assert_eq!(score(&model, &["a"]).await.unwrap(), [1.0]);

    let without = OpenAiModel::new(server.config().without_logprobs()).unwrap();
    assert!(!without.capabilities().scoring);
    let error = score(&without, &["a", "b"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(server.sent().is_empty());
}
