//! The knowledge base with the real embedding model and the real index.
//!
//! Needs the model `all-minilm-l6-v2` in the model cache (`make models`).
#![cfg(all(feature = "candle", feature = "edge"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use attendant::conversation::TenantId;
use attendant::embedding::candle::CandleEmbedder;
use attendant::embedding::{Embedder, TextKind, similarity};
use attendant::knowledge::{
    Audience, EdgeStore, KnowledgeArticle, KnowledgeBase, Question, Scope, load_articles,
};

const MODEL: &str = "all-minilm-l6-v2";

fn cache() -> PathBuf {
    let named = std::env::var_os("ATTENDANT_MODELS").map(PathBuf::from);
    let shared = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))
        .map(|cache| cache.join("attendant").join("models"));
    named
        .or(shared)
        .expect("ATTENDANT_MODELS or HOME must be set")
}

fn embedder() -> CandleEmbedder {
    static LOADED: OnceLock<CandleEmbedder> = OnceLock::new();
    let load = || {
        let dir = cache().join(MODEL);
        CandleEmbedder::load(&dir)
            .unwrap_or_else(|error| panic!("run `make models` first: {error}"))
    };
    LOADED.get_or_init(load).clone()
}

fn article(id: &str, title: &str, body: &str) -> KnowledgeArticle {
    KnowledgeArticle {
        id: id.into(),
        title: title.into(),
        tenant: "acme".into(),
        language: "en".into(),
        audience: Audience::Customer,
        valid_from: None,
        valid_to: None,
        products: Vec::new(),
        body: body.into(),
    }
}

fn ask(tenant: &str, text: &str) -> Question {
    Question::new(text, Scope::new(tenant, Audience::Customer))
}

#[tokio::test]
async fn meaning_decides_similarity() {
    let texts = [
        "My internet connection stopped working.",
        "The broadband is down since this morning.",
        "I would like to pay my invoice by card.",
    ]
    .map(String::from);
    let vectors = embedder().embed(&texts, TextKind::Query).await.unwrap();
    let (close, far) = (
        similarity(&vectors[0], &vectors[1]),
        similarity(&vectors[0], &vectors[2]),
    );
    assert!(close > 0.5 && far < 0.3, "{close} and {far}");
    // The model card's own example: scores of the reference implementation.
    let pair = ["That is a happy person", "That is a very happy person"].map(String::from);
    let vectors = embedder().embed(&pair, TextKind::Query).await.unwrap();
    let score = similarity(&vectors[0], &vectors[1]);
    assert!((score - 0.943).abs() < 0.005, "{score}");
}

#[tokio::test]
async fn a_batch_gives_the_same_vectors_as_single_texts() {
    let embedder = embedder();
    let mut texts: Vec<String> = (0..40)
        .map(|n| "the line is noisy ".repeat(n % 13) + &n.to_string())
        .collect();
    texts.push(String::new());
    texts.push("word ".repeat(5000));
    let together = embedder.embed(&texts, TextKind::Document).await.unwrap();
    assert_eq!(together.len(), texts.len());
    for (text, batched) in texts.iter().zip(&together) {
        let one = [text.clone()];
        let alone = embedder
            .embed(&one, TextKind::Document)
            .await
            .unwrap()
            .remove(0);
        let score = similarity(batched, &alone);
        assert!((score - 1.0).abs() < 1e-4, "{score} for {text:.40}");
        let norm = similarity(batched, batched);
        assert!((norm - 1.0).abs() < 1e-4 && batched.len() == embedder.dimensions());
    }
    // A longer text is read up to the window.
    let cut = ["word ".repeat(400)];
    let cut = embedder
        .embed(&cut, TextKind::Document)
        .await
        .unwrap()
        .remove(0);
    assert!(similarity(&cut, together.last().unwrap()) > 0.9999);
    assert!(
        embedder
            .embed(&[], TextKind::Query)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn questions_in_other_words_find_cite_and_answer_and_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let embedder = Arc::new(embedder());
    let store = EdgeStore::open(dir.path(), embedder.as_ref())
        .await
        .unwrap();
    let base = KnowledgeBase::new(embedder.clone(), Arc::new(store));
    let articles = vec![
        article(
            "refunds",
            "Refunds",
            "Money is returned to the card you paid with. It arrives within five working days. Gift cards are not returned.",
        ),
        article(
            "outage",
            "When the service is down",
            "Look at the status page first. If your area is listed, engineers are already at work. You get five pounds for every full day without service.",
        ),
        article(
            "moving",
            "Moving home",
            "Tell us your new address two weeks ahead. We move the line on the day you choose.",
        ),
    ];
    assert_eq!(base.ingest(articles.clone(), None).await.unwrap().added, 3);
    let question = ask("acme", "How long until I get my money back?");
    let check = async |base: &KnowledgeBase| {
        let hits = base.search(&question, 3).await.unwrap();
        assert_eq!(hits[0].passage.article.as_str(), "refunds");
        let citation = base.cite(&hits[0], &question).await.unwrap();
        let passage = &hits[0].passage.text;
        assert_eq!(
            passage.get(citation.start..citation.end),
            Some(citation.quote.as_str())
        );
        let gift = ask("acme", "Are gift cards returned too?");
        let citation = base.cite(&hits[0], &gift).await.unwrap();
        assert_eq!(citation.quote, "Gift cards are not returned.");
        let answer = base.answer_extractive(&question).await.unwrap();
        assert!(answer.text.unwrap().contains("five working days"));
        let compensation = ask(
            "acme",
            "Do I get compensation because the internet was off for two days?",
        );
        let found = base.articles_for(&compensation, 2).await.unwrap();
        assert_eq!(found[0].hit.passage.article.as_str(), "outage");
        let unknown = base
            .answer_extractive(&ask("acme", "Who won the football match yesterday?"))
            .await;
        assert_eq!(unknown.unwrap().text, None);
    };
    check(&base).await;
    drop(base);
    let store = EdgeStore::open(dir.path(), embedder.as_ref())
        .await
        .unwrap();
    let base = KnowledgeBase::new(embedder, Arc::new(store));
    assert_eq!(base.ingest(articles, None).await.unwrap().unchanged, 3);
    check(&base).await;
}

#[tokio::test]
async fn the_sample_articles_answer_callers_questions() {
    let folder = std::env::var_os("ATTENDANT_SAMPLE_ARTICLES").map_or_else(
        || {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("knowledge")
                .join("articles")
        },
        PathBuf::from,
    );
    let report = load_articles(&folder, &TenantId::from("larkfield")).unwrap();
    assert!(report.skipped.is_empty(), "{:?}", report.skipped);
    assert!(report.articles.len() >= 12);
    let dir = tempfile::tempdir().unwrap();
    let embedder = Arc::new(embedder());
    let store = EdgeStore::open(dir.path(), embedder.as_ref())
        .await
        .unwrap();
    let base = KnowledgeBase::new(embedder, Arc::new(store));
    base.ingest(report.articles, None).await.unwrap();
    let questions = [
        (
            "I was charged twice on my card this month",
            "billing-charged-twice",
        ),
        ("How long does it take until I get my refund?", "refunds"),
        (
            "My broadband is really slow in the evening",
            "slow-broadband",
        ),
        (
            "I want to keep my phone number when I switch",
            "number-porting",
        ),
        (
            "Somebody stole my phone, please block the SIM",
            "sim-lost-stolen",
        ),
        ("We are moving to a new flat next month", "moving-home"),
        ("I want to cancel my contract", "cancel-contract"),
        (
            "Do I get money back for the outage last week?",
            "outage-compensation",
        ),
    ];
    for (text, wanted) in questions {
        let question = ask("larkfield", text);
        let found = base.articles_for(&question, 3).await.unwrap();
        let ids: Vec<String> = found
            .iter()
            .map(|m| format!("{} {:.2}", m.hit.passage.article, m.confidence))
            .collect();
        assert!(
            ids.first().is_some_and(|id| id.starts_with(wanted)),
            "{text}: {ids:?}"
        );
    }
    for text in [
        "What is the capital of Mongolia?",
        "Can you recommend a recipe for pancakes?",
        "Is my dog insured?",
    ] {
        let answer = base
            .answer_extractive(&ask("larkfield", text))
            .await
            .unwrap();
        assert_eq!(answer.text, None, "{text}");
    }
}
