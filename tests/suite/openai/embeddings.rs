//! The embedder over the same protocol.

use attendant::ErrorKind;
use attendant::embedding::openai::OpenAiEmbedder;
use attendant::embedding::{Embedder, TextKind, similarity};
use attendant::llm::openai::OpenAiConfig;
use serde_json::{Value, json};

use super::fake_server::{FakeServer, KEY, Reply};

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
        (vectors(&[]), ErrorKind::Malformed),
        (vectors(&[(1, &[1.0, 0.0])]), ErrorKind::Malformed),
        (vectors(&[(0, &[0.0, 0.0])]), ErrorKind::Malformed),
        (
            Reply::Whole(200, "application/json", "{\"data\": 1}".into()),
            ErrorKind::Malformed,
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
