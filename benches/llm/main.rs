//! Speed of the local language model beside candle-transformers and llama.cpp: same weights, same machine, same
//! run.
//!
//! `make bench-llm`. Ends with one flat JSON object on standard output; everything else goes to standard
//! error. Times are wall times on a machine that does nothing else; of several rounds the best counts, since
//! whatever else runs only slows down.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod candle_peer;
mod conversation;
mod llamacpp;
mod ours;
#[cfg(feature = "whisper")]
mod shared;

use std::collections::BTreeMap;

use attendant::models::{Cache, ModelRole};

const MODEL: &str = "qwen2.5-coder-1.5b-instruct";
/// Rounds of each measurement.
const ROUNDS: usize = 3;

/// The figures, by key.
#[derive(Default)]
struct Figures(BTreeMap<&'static str, f64>);

impl Figures {
    fn set(&mut self, key: &'static str, value: f64) {
        eprintln!("{key:28} {value:.3}");
        self.0.insert(key, value);
    }

    fn get(&self, key: &str) -> Option<f64> {
        self.0.get(key).copied()
    }

    /// A quotient of two figures, where both are there.
    fn ratio(&mut self, key: &'static str, above: &str, below: &str) {
        if let (Some(above), Some(below)) = (self.get(above), self.get(below)) {
            self.set(key, above / below);
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // Parts can be named on the command line; without names all are measured.
    let parts: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|p| p == part);
    let cache = Cache::from_env().unwrap();
    let path = cache.resolve(MODEL, ModelRole::Llm).unwrap().weights;
    let mut figures = Figures::default();
    // First, while the allocator holds nothing of others.
    if wanted("memory") {
        ours::memory(&path, &mut figures).await;
    }
    if wanted("ours") {
        ours::measure(&path, &mut figures).await;
    }
    #[cfg(feature = "whisper")]
    if wanted("shared") {
        shared::measure(&cache, &path, &mut figures).await;
    }
    if wanted("llamacpp") {
        llamacpp::measure(&path, &mut figures);
    }
    if wanted("candle") {
        candle_peer::measure(&path, &mut figures);
    }
    figures.ratio("fanout4_vs_candle", "candle_four_new_ms", "fanout4_new_ms");
    figures.ratio("prefill_vs_llamacpp", "prefill_tps", "llamacpp_prefill_tps");
    figures.ratio("decode_vs_llamacpp", "decode_tps", "llamacpp_decode_tps");
    figures.ratio("decode_vs_candle", "decode_tps", "candle_decode_tps");
    figures.ratio(
        "fanout4_vs_llamaserver",
        "fanout4_ms",
        "llamaserver_fanout4_ms",
    );
    figures.ratio(
        "fanout4_new_vs_llamaserver",
        "fanout4_new_ms",
        "llamaserver_fanout4_new_ms",
    );
    let mut object = serde_json::json!({ "name": "bench-llm", "n": ROUNDS });
    for (key, value) in figures.0 {
        object[key] = serde_json::json!((value * 1000.0).round() / 1000.0);
    }
    println!("{object}");
}
