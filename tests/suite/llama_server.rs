//! The OpenAI adapter against llama.cpp's server with the small model. `make test-llama-server` builds
//! the server and runs these tests.
#![cfg(all(feature = "openai", feature = "candle"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use attendant::ErrorKind;
use attendant::llm::candle::{CandleModel, CandleOptions};
use attendant::llm::openai::{OpenAiConfig, OpenAiModel};
use attendant::llm::{LanguageModel, LanguageModelExt, Prefix, Prompt, Request, Structured, Tool};
use attendant::models::ModelRole;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SMALL: &str = "smollm2-135m-instruct";
const KEY: &str = "sk-of-this-test";

/// A server of its own; it ends with the test.
struct LlamaServer {
    child: Child,
    address: String,
}

impl Drop for LlamaServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl LlamaServer {
    async fn start() -> Self {
        Self::of(SMALL).await
    }

    async fn of(model: &str) -> Self {
        let binary = std::env::var("ATTENDANT_LLAMA_SERVER")
            .expect("ATTENDANT_LLAMA_SERVER must name llama-server: run make test-llama-server");
        let weights = crate::support::model(model, ModelRole::Llm).weights;
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let child = Command::new(binary)
            .arg("-m")
            .arg(weights)
            .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
            // Two slots of 4096 tokens each.
            .args(["-c", "8192", "-np", "2", "-t", "2", "--no-webui"])
            .args(["--offline", "--api-key", KEY])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut server = Self {
            child,
            address: address.to_string(),
        };
        let started = Instant::now();
        while !server.is_healthy().await {
            let is_over = server.child.try_wait().unwrap().is_some();
            if is_over || started.elapsed() > Duration::from_secs(90) {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                panic!("llama-server did not start:\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        server
    }

    async fn is_healthy(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(&self.address).await else {
            return false;
        };
        let request = "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        let mut answer = Vec::new();
        stream.write_all(request.as_bytes()).await.is_ok()
            && stream.read_to_end(&mut answer).await.is_ok()
            && answer.starts_with(b"HTTP/1.1 200")
    }

    /// The tokens of a text, control tokens not recognised.
    async fn tokenize(&self, text: &str) -> Value {
        let body =
            json!({ "content": text, "add_special": false, "parse_special": false }).to_string();
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let request = format!(
            "POST /tokenize HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let answer: Value = serde_json::from_str(&answer[answer.find('{').unwrap()..]).unwrap();
        answer["tokens"].clone()
    }

    /// The model's template knows no tools, so they are asked for as JSON.
    fn config(&self) -> OpenAiConfig {
        OpenAiConfig::new(format!("http://{}/v1", self.address), SMALL)
            .with_api_key(KEY)
            .with_timeout(Duration::from_secs(120))
            .without_tools()
    }

    fn model(&self) -> OpenAiModel {
        OpenAiModel::new(self.config()).unwrap()
    }
}

fn prompt(task: &str) -> Prompt {
    let mut prefix = Prefix::new("You help the customers of an internet provider.");
    prefix.push("[1] Customer: My router is broken, and I was charged twice.");
    prefix.push("[2] Agent: I am sorry to hear that.");
    prefix.ask(task)
}

fn request(task: &str) -> Request {
    Request::new(prompt(task)).with_max_tokens(64)
}

fn refund() -> Vec<Tool> {
    vec![Tool {
        name: "refund".into(),
        description: "Pays the customer back.".into(),
        parameters: json!({
            "type": "object",
            "properties": { "to": { "enum": ["bank", "voucher"] } },
            "required": ["to"],
        }),
    }]
}

/// With `ATTENDANT_BLESS` set, what the server says becomes `tests/data/tokens.json`.
#[tokio::test]
#[ignore = "needs llama-server: make test-llama-server"]
async fn text_in_many_languages_becomes_the_tokens_of_the_server() {
    let mut golden = json!({});
    for id in [SMALL, "qwen2.5-coder-1.5b-instruct"] {
        let server = LlamaServer::of(id).await;
        let weights = crate::support::model(id, ModelRole::Llm).weights;
        let model = CandleModel::load(id, weights, CandleOptions::default())
            .await
            .unwrap();
        let mut all = Vec::new();
        for text in crate::support::TEXTS {
            let expected = server.tokenize(text).await;
            if std::env::var_os("ATTENDANT_BLESS").is_none() {
                assert_eq!(
                    json!(model.tokenize(text).unwrap()),
                    expected,
                    "{id}: {text:?}"
                );
            }
            all.push(expected);
        }
        golden[id] = Value::Array(all);
    }
    if std::env::var_os("ATTENDANT_BLESS").is_some() {
        let path = crate::support::repository("tests/data/tokens.json");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, golden.to_string()).unwrap();
    }
}

#[tokio::test]
#[ignore = "needs llama-server: make test-llama-server"]
async fn text_tells_its_cost_and_reuses_what_was_asked_before() {
    let server = LlamaServer::start().await;
    let model = server.model();
    let ask = || model.complete(request("Say hello to the customer.").with_max_tokens(16));
    let first = ask().await.unwrap();
    assert!(!first.text.trim().is_empty());
    assert!(
        (1..=16).contains(&first.usage.completion_tokens),
        "{first:?}"
    );
    let second = ask().await.unwrap();
    assert_eq!(first.usage.prompt_tokens, second.usage.prompt_tokens);
    let (reused, all) = (second.usage.reused_tokens, second.usage.prompt_tokens);
    assert!(reused * 2 > all, "{reused} of {all} tokens were reused");
}

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[allow(dead_code)]
struct Need {
    topic: Topic,
    urgent: Option<bool>,
}

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
enum Topic {
    Router,
    Bill,
}

#[tokio::test]
#[ignore = "needs llama-server: make test-llama-server"]
async fn forms_are_kept() {
    let server = LlamaServer::start().await;
    let model = server.model();
    let need = model
        .complete_as::<Need>(prompt("What is it about?"), 64)
        .await
        .unwrap();
    assert!(matches!(need, Structured::Valid(_)), "{need:?}");

    let choices = ["refund", "send an engineer"];
    let chosen = model.complete(request("What is to be done?").with_choice(choices));
    let chosen = chosen.await.unwrap().text;
    assert!(choices.contains(&chosen.as_str()), "{chosen}");

    let asked = request("Invent a reference.").with_regex(r"[A-Z]{2}-\d{4}\.");
    let reference = model.complete(asked).await.unwrap().text;
    let pattern = regex::Regex::new(r"^[A-Z]{2}-\d{4}\.$").unwrap();
    assert!(pattern.is_match(&reference), "{reference}");
    let asked = request("Say something.").with_regex("[A-Z].{1,20}[^a-z]");
    let said = model.complete(asked).await.unwrap().text;
    let pattern = regex::Regex::new("^[A-Z].{1,20}[^a-z]$").unwrap();
    assert!(pattern.is_match(&said), "{said}");
}

#[tokio::test]
#[ignore = "needs llama-server: make test-llama-server"]
async fn a_tool_is_called() {
    let server = LlamaServer::start().await;
    let asked = || request("Pay the customer back.").with_tools(refund());
    let answer = server.model().complete(asked()).await.unwrap();
    let call: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(call["name"], "refund");
    let to = call["arguments"]["to"].as_str().unwrap();
    assert!(["bank", "voucher"].contains(&to), "{call}");

    // Told as tools, they are not described to this model by its template. The server accepts them, and
    // what the model says instead of a call is handed on.
    let config = OpenAiConfig::new(format!("http://{}/v1", server.address), SMALL);
    let model = OpenAiModel::new(config.with_api_key(KEY)).unwrap();
    let answer = model.complete(asked()).await.unwrap();
    assert!(!answer.text.is_empty());
}

#[tokio::test]
#[ignore = "needs llama-server: make test-llama-server"]
async fn choices_are_scored() {
    let server = LlamaServer::start().await;
    let model = server.model();
    let choices = ["the weather", "a broken router", "a poem"].map(String::from);
    let asked = prompt("What is the conversation about?");
    let scores = model.score(asked, choices.to_vec()).await.unwrap();
    assert_eq!(scores.len(), 3);
    assert!(
        (scores.iter().sum::<f32>() - 1.0).abs() < 1e-3,
        "{scores:?}"
    );
    assert!(scores.iter().all(|score| *score > 0.0), "{scores:?}");
    assert!(model.capabilities().scoring);
}

#[tokio::test]
#[ignore = "needs llama-server: make test-llama-server"]
async fn failures_are_understood() {
    let server = LlamaServer::start().await;
    let long = Request::new(Prompt::new("You help.", "word ".repeat(10_000)));
    let error = server.model().complete(long).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLong, "{error}");

    let stranger = server.config().with_api_key("sk-of-a-stranger");
    let stranger = OpenAiModel::new(stranger).unwrap();
    let error = stranger.complete(request("Hello?")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");

    let lost = OpenAiConfig::new(format!("http://{}/v2", server.address), SMALL);
    let lost = OpenAiModel::new(lost.with_api_key(KEY)).unwrap();
    let error = lost.complete(request("Hello?")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[cfg(feature = "test-util")]
#[tokio::test]
#[ignore = "needs llama-server: make test-llama-server"]
async fn the_adapter_keeps_the_promises_of_the_port() {
    let server = LlamaServer::start().await;
    attendant::testing::language_model(&server.model()).await;
}
