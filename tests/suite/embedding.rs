//! The embedder beside candle's own BERT, with the real model.
//!
//! Needs the model `all-minilm-l6-v2` in the model cache (`make models`).
#![cfg(all(feature = "candle", feature = "fetch"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

use std::path::{Path, PathBuf};

use attendant::embedding::candle::CandleEmbedder;
use attendant::embedding::{Embedder, TextKind, similarity};
use attendant::models::{Cache, ModelRole};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use tokenizers::{Tokenizer, TruncationParams};

fn folder() -> PathBuf {
    let cache = Cache::from_env().unwrap();
    let files = cache
        .resolve("all-minilm-l6-v2", ModelRole::Embedding)
        .unwrap_or_else(|error| panic!("run `make models` first: {error}"));
    files.weights.parent().unwrap().to_owned()
}

/// Paragraphs of the sample articles, a conversation's short turns, and what is unusual.
fn texts() -> Vec<String> {
    let articles = Path::new(env!("CARGO_MANIFEST_DIR")).join("knowledge/articles");
    let mut paths: Vec<_> = std::fs::read_dir(articles)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    paths.sort();
    let mut texts = Vec::new();
    for path in paths {
        let article = std::fs::read_to_string(path).unwrap();
        texts.extend(article.split("\n\n").map(str::to_owned));
        texts.push(article);
    }
    let others = [
        "",
        "ok",
        "where is my order",
        "Ünïcode žodžiai \u{1f600} 漢字",
    ];
    texts.extend(others.map(str::to_owned));
    texts
}

/// Vectors and token states by candle-transformers, one text at a time.
struct Reference {
    model: BertModel,
    tokenizer: Tokenizer,
}

impl Reference {
    fn load(dir: &Path) -> Self {
        let config: Config =
            serde_json::from_slice(&std::fs::read(dir.join("config.json")).unwrap()).unwrap();
        let weights = std::fs::read(dir.join("model.safetensors")).unwrap();
        let weights =
            VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu).unwrap();
        let mut tokenizer = Tokenizer::from_file(dir.join("tokenizer.json")).unwrap();
        let truncation = TruncationParams {
            max_length: 256,
            ..TruncationParams::default()
        };
        tokenizer.with_padding(None);
        tokenizer.with_truncation(Some(truncation)).unwrap();
        Self {
            model: BertModel::load(weights, &config).unwrap(),
            tokenizer,
        }
    }

    fn states(&self, text: &str) -> Vec<Vec<f32>> {
        let encoding = self.tokenizer.encode(text, true).unwrap();
        let ids = Tensor::new(encoding.get_ids(), &Device::Cpu)
            .unwrap()
            .unsqueeze(0)
            .unwrap();
        let states = self
            .model
            .forward(&ids, &ids.zeros_like().unwrap(), None)
            .unwrap();
        states.squeeze(0).unwrap().to_vec2().unwrap()
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    similarity(a, b) / (similarity(a, a) * similarity(b, b)).sqrt()
}

#[tokio::test]
async fn vectors_of_texts_and_tokens_are_those_of_candle() {
    let dir = folder();
    let reference = Reference::load(&dir);
    let embedder = CandleEmbedder::load(&dir).unwrap();
    let texts = texts();
    assert!(texts.len() > 50, "{}", texts.len());
    let ours = embedder.embed(&texts, TextKind::Document).await.unwrap();
    let tokens = embedder
        .embed_tokens(&texts, TextKind::Document)
        .await
        .unwrap();
    let mut least = [1.0_f32; 2];
    for ((text, ours), tokens) in texts.iter().zip(&ours).zip(&tokens) {
        let states = reference.states(text);
        let mut mean = vec![0.0; embedder.dimensions()];
        for state in &states {
            mean.iter_mut().zip(state).for_each(|(sum, x)| *sum += x);
        }
        least[0] = least[0].min(cosine(ours, &mean));
        assert!((similarity(ours, ours) - 1.0).abs() < 1e-4);
        let rows = tokens.values.chunks(embedder.dimensions());
        assert_eq!(
            (rows.len(), tokens.spans.len()),
            (states.len(), states.len())
        );
        for (row, state) in rows.zip(&states) {
            least[1] = least[1].min(cosine(row, state));
        }
    }
    eprintln!("least cosines, of texts and of tokens: {least:?}");
    assert!(least[0] > 0.999 && least[1] > 0.99, "{least:?}");
}

#[tokio::test]
async fn tokens_know_where_they_stand() {
    let embedder = CandleEmbedder::load(&folder())
        .unwrap()
        .with_prefixes("query: ", "");
    let text = "Refunds für Žilina".to_owned();
    let of = async |kind| {
        let texts = [text.clone()];
        embedder.embed_tokens(&texts, kind).await.unwrap().remove(0)
    };
    let plain = of(TextKind::Document).await;
    let words: Vec<&str> = plain.spans.iter().map(|span| &text[span.clone()]).collect();
    assert_eq!((words[0], words[words.len() - 1]), ("", ""));
    assert_eq!(words.concat(), text.replace(' ', ""));
    // What stands in front of a query is not part of the text.
    let query = of(TextKind::Query).await;
    let spans = &query.spans[query.spans.len() - plain.spans.len() + 1..];
    assert_eq!(spans, &plain.spans[1..]);
    assert!(
        query.spans[..query.spans.len() - spans.len()]
            .iter()
            .all(|span| span.is_empty())
    );
}
