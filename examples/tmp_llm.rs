//! tmp
use attendant::llm::candle::*;
use attendant::llm::*;
use futures::StreamExt;
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let m = CandleModel::load(
        "m",
        std::env::args().nth(1).unwrap(),
        CandleOptions::default(),
    )
    .await
    .unwrap();
    let words: usize = 400;
    for round in 0..3 {
        for (p, n) in [(words, 1), (words, 48)] {
            let mut prefix = Prefix::new(format!("You are {round} an assistant {n}."));
            for i in 0..p / 20 {
                prefix.push(format!("[{i}] Customer: I would like to know whether my second payment of {i} pounds will be refunded this month"));
            }
            let req =
                Request::new(prefix.ask("Task: write a long story about this.")).with_max_tokens(n);
            let t = std::time::Instant::now();
            let mut first = None;
            let mut s = m.generate(req).await.unwrap();
            while let Some(d) = s.next().await {
                match d.unwrap() {
                    Delta::Text(_) => {
                        first.get_or_insert(t.elapsed());
                    }
                    Delta::Done { usage, .. } => {
                        let f = first.unwrap_or_default().as_secs_f64();
                        let a = t.elapsed().as_secs_f64();
                        println!(
                            "{usage:?} first {f:.2} s = {:.1} tps; decode {:.1} tps",
                            (usage.prompt_tokens - usage.reused_tokens) as f64 / f,
                            (usage.completion_tokens as f64 - 1.) / (a - f)
                        );
                    }
                }
            }
        }
    }
}
