//! Speed of what a knowledge base is made of, beside its peers: same model, same texts, same machine, same run.
//!
//! `make bench-knowledge`. Ends with one flat JSON object on standard output; everything else goes to standard error.
//! Of several rounds the best counts, since whatever else runs only slows down.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod embed;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut object = serde_json::json!({ "name": "bench-knowledge" });
    for (key, value) in embed::run().await {
        eprintln!("{key:20} {value:.3}");
        object[key] = serde_json::json!((value * 1000.0).round() / 1000.0);
    }
    println!("{object}");
}
