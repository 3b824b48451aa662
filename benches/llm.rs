//! Speed of the local language model beside candle-transformers, same weights, same run.
//!
//! `make bench-llm`. Ends with one flat JSON object on standard output; everything else goes to standard
//! error. Times are wall times on a machine that does nothing else.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

use std::time::Instant;

use attendant::llm::candle::{CandleModel, CandleOptions};
use attendant::llm::{Delta, LanguageModel, Prefix, Prompt, Request, Usage};
use attendant::models::{Cache, ModelRole};
use candle_core::quantized::gguf_file::Content;
use candle_core::{Device, Tensor};
use candle_transformers::models::quantized_qwen2::ModelWeights;
use futures::StreamExt;

const MODEL: &str = "qwen2.5-coder-1.5b-instruct";
/// Rounds of each measurement; the best counts, since whatever else runs only slows down.
const ROUNDS: usize = 3;
const PROMPT_TOKENS: usize = 1_000;
const DECODED: usize = 64;

/// A conversation of so many lines, of some 25 tokens each; `seed` makes it one nobody has seen.
fn conversation(seed: usize, lines: usize) -> Prefix {
    let mut prefix = Prefix::new(format!(
        "You assist the customer service of company {seed}."
    ));
    for line in 1..=lines {
        let amount = (seed * 31 + line * 7) % 90 + 10;
        prefix.push(format!(
            "[{line}] Customer: On day {line} I paid {amount} pounds and would like to know when it is refunded."
        ));
    }
    prefix
}

struct Timed {
    first_s: f64,
    all_s: f64,
    usage: Usage,
}

async fn ask(model: &CandleModel, prompt: Prompt, max_tokens: usize) -> Timed {
    let start = Instant::now();
    let request = Request::new(prompt).with_max_tokens(max_tokens);
    let mut answer = model.generate(request).await.unwrap();
    let mut first_s = None;
    while let Some(delta) = answer.next().await {
        let now = start.elapsed().as_secs_f64();
        match delta.unwrap() {
            Delta::Text(_) => {
                first_s.get_or_insert(now);
            }
            Delta::Done { usage, .. } => {
                return Timed {
                    first_s: first_s.unwrap_or(now),
                    all_s: now,
                    usage,
                };
            }
        }
    }
    panic!("the answer did not end");
}

const STORY: &str = "Task: count in words from one to two hundred, one number after the other.";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let cache = Cache::from_env().unwrap();
    let path = cache.resolve(MODEL, ModelRole::Llm).unwrap().weights;
    let (mut prefill, mut decode, mut append) = (0.0_f64, 0.0_f64, f64::INFINITY);
    {
        let model = CandleModel::load(MODEL, &path, CandleOptions::default())
            .await
            .unwrap();
        for round in 0..ROUNDS {
            let mut prefix = conversation(round, PROMPT_TOKENS / 25);
            let fresh = ask(&model, prefix.ask(STORY), 1).await;
            let tokens = fresh.usage.prompt_tokens - fresh.usage.reused_tokens;
            prefill = prefill.max(tokens as f64 / fresh.first_s);
            let long = ask(&model, prefix.ask(STORY), DECODED).await;
            let tokens = long.usage.completion_tokens as f64 - 1.0;
            decode = decode.max(tokens / (long.all_s - long.first_s));
            // Two more lines and the task, some 40 to 60 tokens.
            prefix.push("[900] Agent: One moment please, I will look at both payments.");
            let appended = ask(&model, prefix.ask("Task: answer."), 1).await;
            append = append.min(appended.first_s * 1000.0);
            eprintln!(
                "ours {round}: prefill {:.1}/s of {} tokens, decode {:.1}/s of {}, {} appended in {:.0} ms",
                prefill,
                fresh.usage.prompt_tokens,
                decode,
                long.usage.completion_tokens,
                appended.usage.prompt_tokens - appended.usage.reused_tokens,
                append
            );
        }
    }
    let (mut candle_prefill, mut candle_decode) = (0.0_f64, 0.0_f64);
    let device = Device::Cpu;
    let mut file = std::fs::File::open(&path).unwrap();
    let content = Content::read(&mut file).unwrap();
    let mut model = ModelWeights::from_gguf(content, &mut file, &device).unwrap();
    for round in 0..ROUNDS {
        let tokens: Vec<u32> = (0..PROMPT_TOKENS as u32)
            .map(|i| 1_000 + i * 7 % 5_000)
            .collect();
        let input = Tensor::new(&tokens[..], &device)
            .unwrap()
            .unsqueeze(0)
            .unwrap();
        let start = Instant::now();
        model.forward(&input, 0).unwrap();
        candle_prefill = candle_prefill.max(PROMPT_TOKENS as f64 / start.elapsed().as_secs_f64());
        let start = Instant::now();
        for step in 0..DECODED {
            let input = Tensor::new(&[1_234_u32 + step as u32], &device).unwrap();
            let input = input.unsqueeze(0).unwrap();
            model.forward(&input, PROMPT_TOKENS + step).unwrap();
        }
        candle_decode = candle_decode.max(DECODED as f64 / start.elapsed().as_secs_f64());
        eprintln!("candle {round}: prefill {candle_prefill:.1}/s, decode {candle_decode:.1}/s");
    }
    println!(
        "{}",
        serde_json::json!({
            "name": "bench-llm",
            "n": ROUNDS,
            "prefill_tps": prefill,
            "decode_tps": decode,
            "append40_ttft_ms": append,
            "candle_prefill_tps": candle_prefill,
            "candle_decode_tps": candle_decode,
        })
    );
}
