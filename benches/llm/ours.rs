//! Our own engine.

use std::path::Path;
use std::time::Instant;

use attendant::llm::candle::{CandleModel, CandleOptions};
use attendant::llm::{Delta, LanguageModel, Prefix, Prompt, Request, Usage};
use futures::StreamExt;
use futures::future::join_all;

use crate::conversation::{ANSWER, LINES, STORY, append, conversation, questions};
use crate::{Figures, MODEL, ROUNDS};

const DECODED: usize = 64;

pub(crate) struct Timed {
    pub(crate) first_s: f64,
    pub(crate) all_s: f64,
    pub(crate) usage: Usage,
    text: String,
}

pub(crate) async fn ask(model: &CandleModel, prompt: Prompt, max_tokens: usize) -> Timed {
    let start = Instant::now();
    let request = Request::new(prompt).with_max_tokens(max_tokens);
    let mut answer = model.generate(request).await.unwrap();
    let (mut first_s, mut text) = (None, String::new());
    while let Some(delta) = answer.next().await {
        let now = start.elapsed().as_secs_f64();
        match delta.unwrap() {
            Delta::Text(piece) => {
                text.push_str(&piece);
                first_s.get_or_insert(now);
            }
            Delta::Done { usage, .. } => {
                return Timed {
                    first_s: first_s.unwrap_or(now),
                    all_s: now,
                    usage,
                    text,
                };
            }
        }
    }
    panic!("the answer did not end");
}

/// Milliseconds for the first `count` questions at once.
async fn fan_out(model: &CandleModel, prefix: &Prefix, count: usize) -> f64 {
    let start = Instant::now();
    let questions = questions();
    let answers = questions.iter().take(count);
    let answers = join_all(answers.map(|task| ask(model, prefix.ask(task.as_str()), ANSWER))).await;
    let ms = start.elapsed().as_secs_f64() * 1e3;
    for answer in &answers {
        let tokens = answer.usage.completion_tokens;
        assert_eq!(tokens, ANSWER, "too short: {:?}", answer.text);
    }
    ms
}

pub(crate) async fn load(path: &Path, options: CandleOptions) -> CandleModel {
    CandleModel::load(MODEL, path, options).await.unwrap()
}

/// Everything but the fan-outs is measured without guesses, as the peers are.
pub(crate) async fn measure(path: &Path, figures: &mut Figures) {
    let plain = CandleOptions::default().with_prompt_lookup(false);
    let model = load(path, plain).await;
    let (mut prefill, mut decode, mut batch) = (0.0_f64, 0.0_f64, 0.0_f64);
    let (mut append_ms, mut one, mut four) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
    let (mut new, mut live, mut alone) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
    for round in 0..ROUNDS {
        let prefix = conversation(round, 40);
        let fresh = ask(&model, prefix.ask(STORY), 1).await;
        let tokens = fresh.usage.prompt_tokens - fresh.usage.reused_tokens;
        prefill = prefill.max(tokens as f64 / fresh.first_s);
        let long = ask(&model, prefix.ask(STORY), DECODED).await;
        let tokens = long.usage.completion_tokens as f64 - 1.0;
        decode = decode.max(tokens / (long.all_s - long.first_s));
        let stories: Vec<String> = (0..4).map(|i| format!("{STORY} Chapter {i}.")).collect();
        let together = join_all(
            stories
                .iter()
                .map(|s| ask(&model, prefix.ask(s.as_str()), DECODED)),
        )
        .await;
        let last = together.iter().map(|t| t.first_s).fold(0.0, f64::max);
        let end = together.iter().map(|t| t.all_s).fold(0.0, f64::max);
        // From the moment on when all four are being written.
        let tokens: usize = together.iter().map(|t| t.usage.completion_tokens - 1).sum();
        batch = batch.max(tokens as f64 / (end - last));

        // A transcript nobody has seen, each question alone and without anything to reuse.
        let mut sum = 0.0;
        for (number, task) in questions().iter().enumerate() {
            let unseen = conversation(1000 + 10 * round + number, LINES);
            sum += ask(&model, unseen.ask(task.as_str()), ANSWER).await.all_s * 1e3;
        }
        alone = alone.min(sum);
        let mut prefix = conversation(100 + round, LINES);
        new = new.min(fan_out(&model, &prefix, 4).await);
        append(&mut prefix);
        live = live.min(fan_out(&model, &prefix, 4).await);
        // The trunk is cached, the suffixes are not: other questions were asked last.
        for count in [1, 4] {
            let mut prefix = conversation(200 + 10 * round + count, LINES);
            prefix.push("[900] Agent: Hello.");
            ask(&model, prefix.ask("Ok?"), 1).await;
            let ms = fan_out(&model, &prefix, count).await;
            match count {
                1 => one = one.min(ms),
                _ => four = four.min(ms),
            }
        }
        let mut prefix = conversation(300 + round, LINES);
        ask(&model, prefix.ask("Answer."), 1).await;
        append(&mut prefix);
        let appended = ask(&model, prefix.ask("Answer."), 1).await;
        eprintln!(
            "round {round}: {} tokens appended to {}",
            appended.usage.prompt_tokens - appended.usage.reused_tokens,
            appended.usage.reused_tokens
        );
        append_ms = append_ms.min(appended.first_s * 1e3);
    }
    figures.set("prefill_tps", prefill);
    figures.set("decode_tps", decode);
    figures.set("decode_tps_batch4", batch);
    figures.set("one_ms", one);
    figures.set("four_ms", four);
    figures.set("fanout4_vs_one", four / one);
    figures.set("four_alone_new_ms", alone);
    figures.set("fanout4_new_ms", new);
    figures.set("fanout4_vs_no_reuse", alone / new);
    figures.set("fanout4_ms", live);
    figures.set("fanout4_live_vs_no_reuse", alone / live);
    figures.set("append40_ttft_ms", append_ms);
    drop(model);

    // What guesses from the prompt bring where an answer copies from it.
    let mut times = [f64::INFINITY; 2];
    for (guesses, time) in [false, true].into_iter().zip(&mut times) {
        let model = load(path, CandleOptions::default().with_prompt_lookup(guesses)).await;
        let prefix = conversation(400, 12);
        let task =
            "Task: write minutes of the conversation. Repeat for every day what the customer said.";
        ask(&model, prefix.ask(task), 1).await;
        for _ in 0..ROUNDS {
            let answer = ask(&model, prefix.ask(task), 96).await;
            *time = time.min(answer.all_s / answer.usage.completion_tokens as f64);
        }
    }
    figures.set("lookup_speedup_copying", times[0] / times[1]);
    let mut times = [f64::INFINITY; 2];
    for (guesses, time) in [false, true].into_iter().zip(&mut times) {
        let model = load(path, CandleOptions::default().with_prompt_lookup(guesses)).await;
        let prefix = conversation(401, 12);
        ask(&model, prefix.ask(STORY), 1).await;
        for _ in 0..ROUNDS {
            let answer = ask(&model, prefix.ask(STORY), 96).await;
            *time = time.min(answer.all_s / answer.usage.completion_tokens as f64);
        }
    }
    figures.set("lookup_speedup_story", times[0] / times[1]);
}

/// Memory of eight conversations of 2,000 tokens each that go on in turn.
pub(crate) async fn memory(path: &Path, figures: &mut Figures) {
    let before = resident_mb();
    let budget = 512 << 20;
    let model = load(path, CandleOptions::default().with_cache_bytes(budget)).await;
    let loaded = resident_mb();
    let mut conversations: Vec<Prefix> = (0..8).map(|n| conversation(500 + n, 77)).collect();
    let mut most = 0;
    let mut reused = 0.0_f64;
    for turn in 0..2 {
        for prefix in &mut conversations {
            append(prefix);
            let answer = ask(&model, prefix.ask("Task: answer in one sentence."), 16).await;
            most = most.max(model.memory().cache_bytes);
            if turn > 0 {
                let share = answer.usage.reused_tokens as f64 / answer.usage.prompt_tokens as f64;
                reused = if reused == 0.0 {
                    share
                } else {
                    reused.min(share)
                };
            } else {
                eprintln!("a conversation of {} tokens", answer.usage.prompt_tokens);
            }
        }
    }
    figures.set("resident_weights_mb", loaded - before);
    figures.set("resident_8x2000_mb", resident_mb() - before);
    figures.set("cache_8x2000_mb", most as f64 / 1e6);
    figures.set("cache_budget_mb", budget as f64 / 1e6);
    figures.set("reused_8x2000_share", reused);
    assert!(most <= budget, "the states exceed their budget");
}

/// Resident memory of this process, where the system tells.
fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) / 1e3
}
