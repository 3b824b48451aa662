//! Long questions over a small invented collection.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use super::*;
use crate::embedding::HashingEmbedder;
use crate::knowledge::{
    Audience, Hit, IndexedPassage, KnowledgeArticle, KnowledgeBase, MemoryVectorStore, Question,
    Scope, VectorQuery,
};

const LONG: &str = "You are a keen gardener from Leeds who loves to talk about roses and apple trees. \
    I want to close my Blue Card. The yearly fee of the Blue Card is too high for me, and I hardly ever use it. \
    Please tell me what I have to do before it can be closed. I bought flower pots with it last summer, and a \
    bench for the garden, and nothing since then. If you can close it today, thank you and good bye.";

fn article(id: &str, title: &str, audience: Audience, body: &str) -> KnowledgeArticle {
    KnowledgeArticle {
        audience,
        ..KnowledgeArticle::new(id, title, "acme", body)
    }
}

fn articles() -> Vec<KnowledgeArticle> {
    let mut articles = vec![
        article(
            "close",
            "Internal: Closing a Card",
            Audience::Agent,
            "Before a card is closed it must have no open complaints. Call close_card_17 with the card_number_id.",
        ),
        article(
            "complaints",
            "Retrieving Complaints (Internal)",
            Audience::Agent,
            "Use list_complaints_4 with the card_number_id. It returns state and date of each.",
        ),
        article(
            "stock",
            "Retrieving Warehouse Levels (Internal)",
            Audience::Agent,
            "Use list_stock_9. It returns shelf and count of each.",
        ),
    ];
    for name in ["Blue Card", "Red Card", "Green Card"] {
        for (what, body) in [
            (
                "Complete Guide",
                "Everything about it, for people who are new to it.",
            ),
            (
                "Yearly Fee",
                "A fee is paid every year, for the card that you have.",
            ),
            (
                "Lost and Found",
                "Call us when it is gone and we send another.",
            ),
        ] {
            let title = format!("{name}: {what}");
            articles.push(article(&title, &title, Audience::Customer, body));
        }
    }
    for n in 0..12 {
        articles.push(article(
            &format!("garden-{n}"),
            &format!("Roses in the garden, part {n}"),
            Audience::Customer,
            "Roses and apple trees love the sun in the garden, and a bench and flower pots stand well beside them.",
        ));
    }
    articles
}

async fn base(store: Arc<dyn VectorStore>) -> KnowledgeBase {
    let base = KnowledgeBase::new(Arc::new(HashingEmbedder::default()), store);
    base.ingest(articles(), None).await.unwrap();
    base
}

fn question(audience: Audience) -> Question {
    Question::new(LONG, Scope::new("acme", audience))
}

async fn found(base: &KnowledgeBase, audience: Audience, limit: usize) -> Vec<String> {
    let hits = base.search(&question(audience), limit).await.unwrap();
    assert!(hits.is_sorted_by(|a, b| a.score >= b.score));
    hits.into_iter()
        .map(|hit| hit.passage.article.to_string())
        .collect()
}

/// A store that cannot hand out its passages.
#[derive(Debug, Default)]
struct Closed(MemoryVectorStore);

#[async_trait]
impl VectorStore for Closed {
    async fn upsert(&self, passages: Vec<IndexedPassage>) -> Result<()> {
        self.0.upsert(passages).await
    }

    async fn remove(&self, tenant: &TenantId, ids: &[PassageId]) -> Result<()> {
        self.0.remove(tenant, ids).await
    }

    async fn list(&self, tenant: &TenantId) -> Result<Vec<(PassageId, String)>> {
        self.0.list(tenant).await
    }

    async fn search(&self, query: VectorQuery) -> Result<Vec<Hit>> {
        self.0.search(query).await
    }
}

#[tokio::test]
async fn a_long_question_finds_what_its_procedure_refers_to() {
    let ours = base(Arc::new(MemoryVectorStore::new())).await;
    let first = found(&ours, Audience::Agent, 5).await;
    for wanted in ["close", "complaints", "Blue Card: Complete Guide"] {
        assert!(
            first.iter().any(|id| id == wanted),
            "{wanted} is not in {first:?}"
        );
    }
    assert!(!first.iter().any(|id| id == "stock"), "{first:?}");
    // Likeness alone does not find it: nothing in the question is about complaints.
    let plain = base(Arc::new(Closed::default())).await;
    let first = found(&plain, Audience::Agent, 5).await;
    assert!(!first.iter().any(|id| id == "complaints"), "{first:?}");
}

#[tokio::test]
async fn nothing_outside_the_scope_is_found_or_followed() {
    let ours = base(Arc::new(MemoryVectorStore::new())).await;
    let all = found(&ours, Audience::Customer, 100).await;
    assert_eq!(all.len(), 21, "{all:?}");
    let internal = |id: &String| ["close", "complaints", "stock"].contains(&id.as_str());
    assert!(!all.iter().any(internal), "{all:?}");
    let other = Question::new(LONG, Scope::new("other", Audience::Agent));
    assert!(ours.search(&other, 10).await.unwrap().is_empty());
    let german = Scope::new("acme", Audience::Agent).with_language("de");
    let german = Question::new(LONG, german);
    assert!(ours.search(&german, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn every_passage_can_be_had_once() {
    let ours = base(Arc::new(MemoryVectorStore::new())).await;
    let mut all = found(&ours, Audience::Agent, usize::MAX).await;
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!((count, all.len()), (24, 24));
    assert!(found(&ours, Audience::Agent, 0).await.is_empty());
    assert_eq!(found(&ours, Audience::Agent, 1).await.len(), 1);
}

#[cfg(feature = "edge")]
#[tokio::test]
async fn an_index_on_disk_ranks_like_one_in_memory() {
    let memory = base(Arc::new(MemoryVectorStore::new())).await;
    let dir = tempfile::tempdir().unwrap();
    let embedder = HashingEmbedder::default();
    let store = crate::knowledge::EdgeStore::open(dir.path(), &embedder);
    let edge = base(Arc::new(store.await.unwrap())).await;
    let wanted = found(&memory, Audience::Agent, 100).await;
    assert_eq!(found(&edge, Audience::Agent, 100).await, wanted);
}

#[tokio::test]
async fn vectors_of_another_embedder_are_refused() {
    let store = Arc::new(MemoryVectorStore::new());
    base(store.clone()).await;
    let other = KnowledgeBase::new(Arc::new(HashingEmbedder::new(64)), store);
    let error = other
        .search(&question(Audience::Agent), 5)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Index);
}

#[tokio::test]
async fn changes_are_seen() {
    let ours = base(Arc::new(MemoryVectorStore::new())).await;
    assert_eq!(found(&ours, Audience::Agent, 100).await.len(), 24);
    let fewer = articles().into_iter().take(5).collect();
    ours.ingest(fewer, None).await.unwrap();
    assert_eq!(found(&ours, Audience::Agent, 100).await.len(), 5);
    ours.clear(&"acme".into()).await.unwrap();
    assert!(found(&ours, Audience::Agent, 100).await.is_empty());
}

#[tokio::test]
async fn what_others_change_is_seen_after_a_while() {
    let store = Arc::new(MemoryVectorStore::new());
    base(store.clone()).await;
    let tenant = TenantId::from("acme");
    let outlines = Outlines::default();
    let count = |outline: &Option<Arc<Outline>>| outline.as_ref().unwrap().passages.len();
    let first = outlines.of(&tenant, store.as_ref(), "en").await.unwrap();
    assert_eq!(count(&first), 24);
    let (gone, _) = store.list(&tenant).await.unwrap().remove(0);
    store.remove(&tenant, &[gone]).await.unwrap();
    let still = outlines.of(&tenant, store.as_ref(), "en").await.unwrap();
    assert_eq!(count(&still), 24);
    let age = || {
        for known in outlines.known.lock().values_mut() {
            known.checked = Instant::now().checked_sub(FRESH).unwrap();
        }
    };
    age();
    let now = outlines.of(&tenant, store.as_ref(), "en").await.unwrap();
    assert_eq!(count(&now), 23);
    age();
    let same = outlines.of(&tenant, store.as_ref(), "en").await.unwrap();
    assert!(Arc::ptr_eq(&now.unwrap(), &same.unwrap()));
}

#[test]
fn titles_tell_names_introductions_and_look_ups() {
    let titles: Vec<Vec<String>> = articles().iter().map(|a| titles::words(&a.title)).collect();
    let encoder = SparseEncoder::new("en");
    let names = Names::new(&titles, &encoder);
    let named = |text: &str| names.named(&titles::words(text)).len();
    assert_eq!(named("my blue card and a RED card, but no card"), 2);
    assert_eq!(named("roses in the garden"), 0);
    let blue = names.of_title(&titles::words("Why is the Blue Card late?"));
    assert!(blue.is_some());
    assert_ne!(
        blue,
        names.of_title(&titles::words("Red Card: Complete Guide"))
    );
    assert_eq!(names.of_title(&titles::words("Opening hours")), None);

    let overview = |title: &str| titles::overview(&titles::words(title));
    assert_eq!(overview("Blue Card: Complete Guide"), Some(0));
    assert_eq!(overview("The Blue Card at a glance"), Some(1));
    assert_eq!(overview("Blue Card: Fees"), None);
    let looks_up = |title: &str| titles::looks_up(&titles::words(title));
    assert!(looks_up("Internal: Retrieving Complaints") && looks_up("Checking Orders (Internal)"));
    assert!(!looks_up("Internal: Checking Account Terms") && !looks_up("Internal: Closing a Card"));
}

#[test]
fn the_longest_name_counts() {
    let titles: Vec<Vec<String>> = ["Blue Account", "Light Blue Account"]
        .iter()
        .flat_map(|name| ["fees", "limits", "cards"].map(|what| format!("{name}: {what}")))
        .map(|title| titles::words(&title))
        .collect();
    let names = Names::new(&titles, &SparseEncoder::new("en"));
    let light = names.named(&titles::words("about my Light Blue Account"));
    assert_eq!(light.len(), 1);
    assert_ne!(light, names.named(&titles::words("about my Blue Account")));
}

#[test]
fn an_empty_collection_ranks_nothing() {
    let outline = Outline::new(Vec::new(), "en");
    let view = View {
        dense: vec![1.0],
        sparse: crate::knowledge::SparseVector::default(),
    };
    let scope = Scope::new("acme", Audience::Agent);
    assert!(outline.rank("?", &[view], &scope, 5).is_empty());
    assert!(outline.rank("", &[], &scope, 5).is_empty());
}
