//! Hybrid search over a large collection, beside the exhaustive ranking of the same vectors.
//!
//! A collection of this size is made from few documents: their sentences are put together anew, with other names and
//! numbers, into a thousand base texts, which the real model embeds. Every further text is a base text
//! with some sentences exchanged, and the names of a product and a place in its title; its dense vector is that of the base with noise added, its BM25 vector is that of its
//! own words. Questions are pieces of sentences, embedded by the real model.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use attendant::Result;
use attendant::embedding::candle::CandleEmbedder;
use attendant::embedding::{Embedder, TextKind};
use attendant::knowledge::{
    Audience, EdgeStore, KnowledgeArticle, KnowledgeBase, MemoryVectorStore, Question, Scope,
    VectorStore, load_articles,
};
use attendant::models::{Cache, ModelRole};

use crate::Figures;

const MODEL: &str = "all-minilm-l6-v2";
const TENANT: &str = "bench";
/// Texts that are embedded by the real model.
const BASES: usize = 1000;
/// Questions.
const QUESTIONS: usize = 300;
/// Questions that are also ranked exhaustively.
const COMPARED: usize = 150;
/// Hits of a search.
const TOP: usize = 10;
/// Length of the noise beside a vector of length 1: two texts of one base are then about as similar as real
/// passages about one thing (cosine near 0.8).
const NOISE: f32 = 0.5;
/// Pieces between which the time of ingestion is reported.
const PIECE: usize = 10_000;

/// Measures `search_*`, `recall_vs_exact` and `ingest_per_s`, over the articles in `folders`, or those of this
/// repository where there are none. `ATTENDANT_BENCH_PASSAGES` sets another number of passages than 100,000.
pub(crate) async fn run(folders: &[PathBuf], figures: &mut Figures) {
    let total: usize = std::env::var("ATTENDANT_BENCH_PASSAGES")
        .map_or(100_000, |number| number.parse().expect("a number"));
    let sentences = sentences(folders);
    eprintln!(
        "{total} passages made of {} sentences; {BASES} base texts are embedded, other vectors are theirs with noise",
        sentences.len()
    );
    let mut dice = Dice(1);
    let bases: Vec<Vec<usize>> = (0..BASES).map(|_| dice.pick(sentences.len())).collect();
    let questions: Vec<String> = (0..QUESTIONS)
        .map(|_| question(&sentences, &bases, total, &mut dice))
        .collect();
    let embedder = Arc::new(Derived::new(&sentences, &bases, &questions).await);
    let articles = |from: usize, to: usize| -> Vec<KnowledgeArticle> {
        (from..to).map(|n| article(n, &sentences, &bases)).collect()
    };

    let dir = tempfile::tempdir().unwrap();
    let edge = Arc::new(
        EdgeStore::open(dir.path(), embedder.as_ref())
            .await
            .unwrap(),
    );
    let all = articles(0, total);
    let base = KnowledgeBase::new(embedder.clone(), edge.clone());
    let started = Instant::now();
    let told = parking_lot::Mutex::new(0);
    let tell = |done: usize, total: usize| {
        let mut told = told.lock();
        if done >= *told + PIECE || done == total {
            *told = done;
            eprintln!(
                "{done} of {total} ingested after {:.1} s",
                started.elapsed().as_secs_f64()
            );
        }
    };
    let report = base.ingest(all.clone(), Some(&tell)).await.unwrap();
    let took = started.elapsed().as_secs_f64();
    assert_eq!(report.added, total, "one passage an article");
    figures.set("passages", total as f64);
    figures.set("ingest_per_s", total as f64 / took);

    let exact = Arc::new(MemoryVectorStore::new());
    let reference = KnowledgeBase::new(embedder.clone(), exact);
    reference.ingest(all, None).await.unwrap();

    let scope = Scope::new(TENANT, Audience::Customer).with_language("en");
    let asked: Vec<Question> = questions
        .iter()
        .map(|text| Question::new(text, scope.clone()))
        .collect();
    // Once to fill the caches, as in a service that runs.
    for question in &asked[..QUESTIONS / 4] {
        base.search(question, TOP).await.unwrap();
    }
    let mut times = Vec::new();
    let mut found = Vec::new();
    for question in &asked {
        let started = Instant::now();
        found.push(base.search(question, TOP).await.unwrap());
        times.push(started.elapsed());
    }
    times.sort();
    let at = |share: f64| {
        let place = ((times.len() - 1) as f64 * share).round() as usize;
        times[place].as_secs_f64() * 1000.0
    };
    figures.set("search_p50_ms", at(0.5));
    figures.set("search_p95_ms", at(0.95));
    figures.set("search_p99_ms", at(0.99));
    let (mut kept, mut wanted) = (0, 0);
    let mut exhaustive = Duration::ZERO;
    for (question, found) in asked.iter().zip(&found).take(COMPARED) {
        let started = Instant::now();
        let best = reference.search(question, TOP).await.unwrap();
        exhaustive += started.elapsed();
        wanted += best.len();
        let is_found = |id| found.iter().any(|hit| hit.passage.id == id);
        kept += best
            .into_iter()
            .filter(|hit| is_found(hit.passage.id.clone()))
            .count();
    }
    figures.set("recall_vs_exact", kept as f64 / wanted as f64);
    figures.set(
        "exact_mean_ms",
        exhaustive.as_secs_f64() * 1000.0 / COMPARED as f64,
    );
    let started = Instant::now();
    drop((base, edge));
    let reopened = EdgeStore::open(dir.path(), embedder.as_ref()).await;
    figures.set("reopen_s", started.elapsed().as_secs_f64());
    assert_eq!(
        reopened.unwrap().list(&TENANT.into()).await.unwrap().len(),
        total
    );
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    /// SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>).
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound as u64) as usize
    }

    /// The places of the sentences of a text.
    fn pick(&mut self, sentences: usize) -> Vec<usize> {
        (0..3 + self.below(3))
            .map(|_| self.below(sentences))
            .collect()
    }

    /// About normal, mean 0, variance 1: the sum of twelve.
    fn normal(&mut self) -> f32 {
        let unit = |roll: u64| (roll >> 40) as f32 / (1_u64 << 24) as f32;
        (0..12).map(|_| unit(self.roll())).sum::<f32>() - 6.0
    }
}

fn sentences(folders: &[PathBuf]) -> Vec<String> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("knowledge/articles");
    let folders = if folders.is_empty() {
        std::slice::from_ref(&ours)
    } else {
        folders
    };
    let mut found = Vec::new();
    for folder in folders {
        for article in load_articles(folder, &TENANT.into()).unwrap().articles {
            let lines = article
                .body
                .lines()
                .filter(|line| !line.starts_with(['|', '#']));
            let pieces = lines.flat_map(|line| line.split_inclusive(". "));
            let long = pieces
                .map(str::trim)
                .filter(|piece| piece.split_whitespace().count() > 4);
            found.extend(long.map(|piece| piece.trim_start_matches(['-', ' ']).to_owned()));
        }
    }
    assert!(found.len() > 20, "the folders hold too few sentences");
    found
}

/// The sentence with other numbers in it.
fn vary(sentence: &str, by: usize) -> String {
    let mut out = String::new();
    let mut number = None;
    for letter in sentence.chars().chain([' ']) {
        match (letter.to_digit(10), number) {
            (Some(digit), known) => {
                number = Some(known.unwrap_or(0_usize).saturating_mul(10) + digit as usize);
            }
            (None, Some(known)) => {
                out.push_str(&(known + by).to_string());
                out.push(letter);
                number = None;
            }
            (None, None) => out.push(letter),
        }
    }
    out
}

fn article(number: usize, sentences: &[String], bases: &[Vec<usize>]) -> KnowledgeArticle {
    let mut dice = Dice(number as u64);
    let mut places = bases[number % BASES].clone();
    if number >= BASES {
        let exchanged = dice.below(places.len());
        places[exchanged] = dice.below(sentences.len());
    }
    let variety = number / BASES;
    let body: Vec<String> = places
        .iter()
        .map(|place| vary(&sentences[*place], variety))
        .collect();
    let title = format!("{} {number}", subject(number).join(" "));
    KnowledgeArticle::new(format!("a{number}"), title, TENANT, body.join(" "))
}

/// An invented word, the same for the same number.
fn word(number: usize) -> String {
    let mut dice = Dice(number as u64 ^ 0x5eed);
    let mut word = String::new();
    for _ in 0..3 {
        word.push(char::from(b"bdfgklmnprstvz"[dice.below(14)]));
        word.push(char::from(b"aeiou"[dice.below(5)]));
    }
    word
}

/// What a passage is about: a product and a place, as in a shop's own articles. Without them thousands of passages
/// would have the same words, and which of equals come first would be chance.
fn subject(number: usize) -> [String; 2] {
    [
        word(number * 7_919 % 3_001),
        word(10_000 + number * 104_729 % 2_003),
    ]
}

/// Six words of a sentence of some passage, and the name of its product.
fn question(sentences: &[String], bases: &[Vec<usize>], total: usize, dice: &mut Dice) -> String {
    let number = dice.below(total);
    let places = &bases[number % BASES];
    let sentence = &sentences[places[dice.below(places.len())]];
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let from = dice.below(words.len().saturating_sub(6).max(1));
    let [product, _] = subject(number);
    format!(
        "{} {product}",
        words[from..(from + 6).min(words.len())].join(" ")
    )
}

/// Vectors of the real model for base texts and questions, and those of base texts with noise for all others.
#[derive(Debug)]
struct Derived {
    bases: Vec<Vec<f32>>,
    questions: HashMap<String, Vec<f32>>,
}

impl Derived {
    async fn new(sentences: &[String], bases: &[Vec<usize>], questions: &[String]) -> Self {
        let files = Cache::from_env()
            .unwrap()
            .resolve(MODEL, ModelRole::Embedding);
        let weights = files.expect("run `make models` first").weights;
        let model = CandleEmbedder::load(weights.parent().unwrap()).unwrap();
        let texts: Vec<String> = (0..bases.len())
            .map(|n| article(n, sentences, bases).body)
            .collect();
        let started = Instant::now();
        let bases = model.embed(&texts, TextKind::Document).await.unwrap();
        eprintln!(
            "base texts embedded in {:.1} s",
            started.elapsed().as_secs_f64()
        );
        let vectors = model.embed(questions, TextKind::Query).await.unwrap();
        Self {
            bases,
            questions: questions.iter().cloned().zip(vectors).collect(),
        }
    }

    fn document(&self, text: &str) -> Vec<f32> {
        let title = text.lines().next().unwrap();
        let number: usize = title.rsplit(' ').next().unwrap().parse().unwrap();
        let base = &self.bases[number % BASES];
        let mut dice = Dice(number as u64);
        let share = if number < BASES {
            0.0
        } else {
            NOISE / (base.len() as f32).sqrt()
        };
        let moved: Vec<f32> = base
            .iter()
            .map(|value| value + share * dice.normal())
            .collect();
        let length = moved.iter().map(|value| value * value).sum::<f32>().sqrt();
        moved.into_iter().map(|value| value / length).collect()
    }
}

#[async_trait]
impl Embedder for Derived {
    fn id(&self) -> &str {
        "derived"
    }

    fn dimensions(&self) -> usize {
        self.bases[0].len()
    }

    async fn embed(&self, texts: &[String], kind: TextKind) -> Result<Vec<Vec<f32>>> {
        let one = |text: &String| match kind {
            TextKind::Query => self.questions[text].clone(),
            TextKind::Document => self.document(text),
        };
        Ok(texts.iter().map(one).collect())
    }
}
