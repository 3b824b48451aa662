//! The embedder beside fastembed: passages of 200 words, and short queries one at a time.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use attendant::embedding::candle::CandleEmbedder;
use attendant::embedding::{Embedder, TextKind, similarity};
use attendant::models::{Cache, ModelRole};
use serde_json::{Value, json};

const MODEL: &str = "all-minilm-l6-v2";
const PASSAGES: usize = 96;
const PASSAGE_WORDS: usize = 200;
const QUERIES: usize = 100;
const ROUNDS: usize = 3;

/// What the invented texts are made of.
const WORDS: &str = "the a of to your our we you is are can will must when if before after within account \
    bill invoice payment refund order delivery return contract customer agent network router line speed outage engineer \
    appointment address password card charge discount renewal cancellation fee plan upgrade device warranty repair \
    replacement policy claim identity verification language support hours week month day message call email letter \
    please check confirm restart connect update change send receive wait explain offer approve decline transfer resolve \
    first second new old monthly annual international technical valid missing late early free premium";

/// Texts that are the same in every run.
struct Texts {
    words: Vec<&'static str>,
    state: u64,
}

impl Texts {
    fn new() -> Self {
        Self {
            words: WORDS.split_whitespace().collect(),
            state: 1,
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as usize % limit
    }

    /// Sentences of 6 to 18 words, `count` words in all.
    fn text(&mut self, count: usize) -> String {
        let mut text = String::new();
        let mut left = 0;
        for word in 0..count {
            if left == 0 {
                left = 6 + self.below(13);
                text.push_str(if word == 0 { "" } else { ". " });
            } else {
                text.push(' ');
            }
            left -= 1;
            let index = self.below(self.words.len());
            text.push_str(self.words[index]);
        }
        text + "."
    }
}

/// Passages and queries a second, ours and theirs.
pub async fn run() -> Vec<(&'static str, f64)> {
    let cache = Cache::from_env().unwrap();
    let weights = cache.resolve(MODEL, ModelRole::Embedding).unwrap().weights;
    let folder = weights.parent().unwrap();
    let mut texts = Texts::new();
    let passages: Vec<String> = (0..PASSAGES).map(|_| texts.text(PASSAGE_WORDS)).collect();
    let queries: Vec<String> = (0..QUERIES)
        .map(|_| {
            let words = 4 + texts.below(9);
            texts.text(words)
        })
        .collect();

    let embedder = CandleEmbedder::load(folder).unwrap();
    let (mut per_s, mut times) = (0.0_f64, Vec::new());
    let mut vectors = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let done = embedder.embed(&passages, TextKind::Document).await.unwrap();
        per_s = per_s.max(PASSAGES as f64 / start.elapsed().as_secs_f64());
        vectors = done[..2].to_vec();
    }
    for query in &queries {
        let start = Instant::now();
        let done = embedder
            .embed(std::slice::from_ref(query), TextKind::Query)
            .await;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        if vectors.len() < 4 {
            vectors.extend(done.unwrap());
        }
    }
    times.sort_by(f64::total_cmp);
    let mut figures = vec![
        ("embed_per_s", per_s),
        ("embed_query_ms", times[QUERIES / 2]),
    ];
    match std::env::var_os("ATTENDANT_KNOWLEDGE_PEERS") {
        Some(peers) => {
            let told = fastembed(Path::new(&peers), folder, &passages, &queries);
            for (ours, theirs) in vectors.iter().zip(told["vectors"].as_array().unwrap()) {
                let theirs: Vec<f32> = serde_json::from_value(theirs.clone()).unwrap();
                let score = similarity(ours, &theirs);
                assert!(score > 0.999, "not the same model: {score}");
            }
            let theirs = told["per_s"].as_f64().unwrap();
            figures.push(("fastembed_per_s", theirs));
            figures.push(("fastembed_query_ms", told["query_ms"].as_f64().unwrap()));
            figures.push(("embed_vs_fastembed", per_s / theirs));
        }
        None => eprintln!("ATTENDANT_KNOWLEDGE_PEERS is not set: fastembed is not measured"),
    }
    figures
}

fn fastembed(peers: &Path, model: &Path, passages: &[String], queries: &[String]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let texts = folder.path().join("texts.json");
    let content = json!({ "passages": passages, "queries": queries });
    std::fs::write(&texts, content.to_string()).unwrap();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let output = Command::new(peers.join("venv/bin/python"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/knowledge/peer.py"))
        .arg(model)
        .arg(&texts)
        .arg(threads.to_string())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(told.lines().last().expect("fastembed said nothing")).unwrap()
}
