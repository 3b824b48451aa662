//! candle-transformers' own module.

use std::path::Path;
use std::time::Instant;

use candle_core::quantized::gguf_file::Content;
use candle_core::{Device, Tensor};
use candle_transformers::models::quantized_qwen2::ModelWeights;

use crate::conversation::ANSWER;
use crate::{Figures, ROUNDS};

const PROMPT: usize = 1_000;
const DECODED: usize = 64;
/// A transcript of 1,500 tokens with a question of 60.
const TRANSCRIPT: usize = 1_560;

pub(crate) fn measure(path: &Path, figures: &mut Figures) {
    let device = Device::Cpu;
    let mut file = std::fs::File::open(path).unwrap();
    let content = Content::read(&mut file).unwrap();
    let mut model = ModelWeights::from_gguf(content, &mut file, &device).unwrap();
    let mut run = |prompt: usize, answer: usize| {
        let tokens: Vec<u32> = (0..prompt as u32).map(|i| 1_000 + i * 7 % 5_000).collect();
        let feed = |tokens: &[u32]| Tensor::new(tokens, &device).unwrap().unsqueeze(0).unwrap();
        let start = Instant::now();
        model.forward(&feed(&tokens), 0).unwrap();
        let prefill = start.elapsed().as_secs_f64();
        let start = Instant::now();
        for step in 0..answer {
            let token = [1_234 + step as u32];
            model.forward(&feed(&token), prompt + step).unwrap();
        }
        (prefill, start.elapsed().as_secs_f64())
    };
    let (mut prefill, mut decode, mut new) = (0.0_f64, 0.0_f64, f64::INFINITY);
    for _ in 0..ROUNDS {
        let (prompt_s, answer_s) = run(PROMPT, DECODED);
        prefill = prefill.max(PROMPT as f64 / prompt_s);
        decode = decode.max(DECODED as f64 / answer_s);
        // Nothing can be reused: four questions are four times the work.
        let (prompt_s, answer_s) = run(TRANSCRIPT, ANSWER);
        new = new.min(4.0 * (prompt_s + answer_s) * 1e3);
    }
    figures.set("candle_prefill_tps", prefill);
    figures.set("candle_decode_tps", decode);
    figures.set("candle_four_new_ms", new);
}
