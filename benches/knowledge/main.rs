//! Speed of the knowledge index.
//!
//! `make bench-knowledge`, or `cargo bench --bench knowledge -- search FOLDER…` for one part and other documents.
//! Ends with one flat JSON object on standard output; everything else goes to standard error.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

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
    let (parts, folders): (Vec<String>, Vec<String>) = arguments.partition(|a| a == "search");
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|p| p == part);
    let folders: Vec<PathBuf> = folders.iter().map(PathBuf::from).collect();
    let mut figures = Figures::default();
    if wanted("search") {
        search::run(&folders, &mut figures).await;
    }
    let mut object = serde_json::json!({ "name": "bench-knowledge" });
    for (key, value) in figures.0 {
        object[key] = serde_json::json!((value * 1000.0).round() / 1000.0);
    }
    println!("{object}");
}
