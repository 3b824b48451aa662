//! Speed of what a knowledge base is made of, beside its peers: same model, same texts, same machine, same run.
//!
//! `make bench-knowledge`, or `cargo bench --bench knowledge -- search FOLDER…` for one part and other documents.
//! Ends with one flat JSON object on standard output; everything else goes to standard error. Of several rounds the
//! best counts, since whatever else runs only slows down.
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
mod search;

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The figures, by key.
#[derive(Default)]
pub(crate) struct Figures(BTreeMap<&'static str, f64>);

impl Figures {
    pub(crate) fn set(&mut self, key: &'static str, value: f64) {
        eprintln!("{key:28} {value:.3}");
        self.0.insert(key, value);
    }
}

#[tokio::main]
async fn main() {
    let arguments = std::env::args().skip(1).filter(|a| !a.starts_with("--"));
    let is_part = |argument: &String| ["embed", "search"].contains(&argument.as_str());
    let (parts, folders): (Vec<String>, Vec<String>) = arguments.partition(is_part);
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|p| p == part);
    let folders: Vec<PathBuf> = folders.iter().map(PathBuf::from).collect();
    let mut figures = Figures::default();
    if wanted("embed") {
        for (key, value) in embed::run().await {
            figures.set(key, value);
        }
    }
    if wanted("search") {
        search::run(&folders, &mut figures).await;
    }
    let mut object = serde_json::json!({ "name": "bench-knowledge" });
    for (key, value) in figures.0 {
        object[key] = serde_json::json!((value * 1000.0).round() / 1000.0);
    }
    println!("{object}");
}
