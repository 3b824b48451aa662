//! Products, odd input, large input, restarts and re-indexing.

use std::collections::BTreeSet;

use super::{found, indexed, query};
use crate::conversation::{PassageId, TenantId};
use crate::error::ErrorKind;
use crate::knowledge::{Audience, IndexedPassage, Passage, SparseVector, VectorStore};

/// More than any adapter writes or reads in one request.
const MANY: usize = 2300;

fn of(tenant: &str, id: &str, text: &str, dimensions: usize) -> IndexedPassage {
    let mut made = indexed(id, text, dimensions);
    made.passage.tenant = tenant.into();
    made
}

async fn listed(store: &dyn VectorStore, tenant: &str) -> BTreeSet<(String, String)> {
    let listed = store.list(&tenant.into()).await.unwrap();
    let count = listed.len();
    let listed: BTreeSet<_> = listed
        .into_iter()
        .map(|(id, hash)| (id.to_string(), hash))
        .collect();
    assert_eq!(listed.len(), count, "no passage is listed twice");
    listed
}

/// A product restricts a search to what is about it, in any case of letters, and to what applies to all.
pub(super) async fn products(store: &dyn VectorStore, dimensions: usize) {
    let text = "Early termination costs what is left of the year.";
    let make = |id: &str, products: &[&str], change: &dyn Fn(&mut Passage)| {
        let mut made = indexed(id, text, dimensions);
        made.passage.tenant = "initech".into();
        made.passage.products = products.iter().map(|name| (*name).to_owned()).collect();
        change(&mut made.passage);
        made
    };
    let past = Some("2020-01-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap());
    let all = vec![
        make("all", &[], &|_| {}),
        make("fibre", &["Fibre 100"], &|_| {}),
        make("both", &["mobile", "fibre 100"], &|_| {}),
        make("mobile", &["mobile"], &|p| p.valid_from = past),
        make("over", &["mobile"], &|p| p.valid_to = past),
        make("internal", &["mobile"], &|p| p.audience = Audience::Agent),
        make("foreign", &["mobile"], &|p| p.tenant = "initrode".into()),
    ];
    store.upsert(all).await.unwrap();
    let about = async |product: Option<&str>| {
        let mut asked = query(text, dimensions, 100);
        asked.scope.tenant = "initech".into();
        asked.scope.product = product.map(str::to_owned);
        let mut ids = found(store, asked).await;
        ids.sort();
        ids
    };
    assert_eq!(about(None).await, ["all", "both", "fibre", "mobile"]);
    assert_eq!(about(Some("FIBRE 100")).await, ["all", "both", "fibre"]);
    assert_eq!(about(Some("Mobile")).await, ["all", "both", "mobile"]);
    for other in ["fibre", "100", "", "*"] {
        assert_eq!(about(Some(other)).await, ["all"], "{other:?}");
    }
    // One that applies to all becomes one about a product, and the other way round.
    let swapped = vec![
        make("all", &["mobile"], &|_| {}),
        make("fibre", &[], &|_| {}),
    ];
    store.upsert(swapped).await.unwrap();
    assert_eq!(about(Some("fibre 100")).await, ["both", "fibre"]);
    assert_eq!(
        about(Some("mobile")).await,
        ["all", "both", "fibre", "mobile"]
    );
    let tenant: TenantId = "initech".into();
    let ids = ["all", "fibre", "both", "mobile", "over", "internal"].map(Into::into);
    store.remove(&tenant, &ids).await.unwrap();
    store
        .remove(&"initrode".into(), &["foreign".into()])
        .await
        .unwrap();
}

/// Limits from none to more than there can be.
pub(super) async fn limits(store: &dyn VectorStore, dimensions: usize) {
    let all = store.list(&"acme".into()).await.unwrap().len();
    assert!(all > 3);
    let mut asked = query("refund router", dimensions, 0);
    asked.scope.audience = Audience::Agent;
    assert!(found(store, asked.clone()).await.is_empty());
    for limit in [1, 2, 10_000, usize::MAX] {
        asked.limit = limit;
        let hits = found(store, asked.clone()).await;
        assert!(hits.len() <= limit && !hits.is_empty(), "{limit}");
    }
}

/// Ids in any script, of any length, with anything in them.
pub(super) async fn odd_ids(store: &dyn VectorStore, dimensions: usize) {
    let long = "x".repeat(2000);
    let odd = [
        "Größe/1#ä",
        "日本語",
        "🤷‍♀️",
        "a b\nc\0d",
        "",
        "p%20\"';--",
        &long,
    ];
    for tenant in ["Šiauliai 🌲", "acme'; DROP", "*", "acme\0x"] {
        let passages = odd.map(|id| of(tenant, id, &format!("text of {id:?}"), dimensions));
        store.upsert(passages.to_vec()).await.unwrap();
        let ids: BTreeSet<String> = listed(store, tenant)
            .await
            .into_iter()
            .map(|l| l.0)
            .collect();
        assert_eq!(ids, odd.map(String::from).into(), "{tenant:?}");
        let mut asked = query("text", dimensions, 50);
        asked.scope.tenant = tenant.into();
        let hits = store.search(asked).await.unwrap();
        assert_eq!(hits.len(), odd.len(), "{tenant:?}");
        for hit in hits {
            assert!(passages.iter().any(|made| made.passage == hit.passage));
        }
    }
    let ids: Vec<PassageId> = odd.iter().map(|id| (*id).into()).collect();
    store.remove(&"*".into(), &ids).await.unwrap();
    assert!(listed(store, "*").await.is_empty());
    assert_eq!(listed(store, "acme\0x").await.len(), odd.len());
}

/// Vectors that say nothing, and those that are no numbers.
pub(super) async fn empty_vectors(store: &dyn VectorStore, dimensions: usize) {
    let mut blank = of("blank", "blank", "", dimensions);
    blank.dense = vec![0.0; dimensions];
    blank.sparse = SparseVector::default();
    let plain = of("blank", "plain", "a plain text", dimensions);
    store.upsert(vec![blank, plain]).await.unwrap();
    assert_eq!(listed(store, "blank").await.len(), 2);
    let mut asked = query("plain text", dimensions, 10);
    asked.scope.tenant = "blank".into();
    let hits = store.search(asked.clone()).await.unwrap();
    assert_eq!(hits[0].passage.id.as_str(), "plain");
    assert!(hits.iter().all(|hit| hit.similarity.is_finite()));
    asked.dense = vec![0.0; dimensions];
    let hits = found(store, asked.clone()).await;
    assert_eq!(hits.len(), 2, "words still find");
    asked.sparse = SparseVector::default();
    found(store, asked.clone()).await;
    asked.dense = Vec::new();
    assert_eq!(
        store.search(asked.clone()).await.unwrap_err().kind(),
        ErrorKind::Index
    );
    // Not a number: an answer or an error, and the store is none the worse.
    asked.dense = vec![f32::NAN; dimensions];
    store.search(asked.clone()).await.ok();
    asked.dense = vec![0.0; dimensions];
    found(store, asked).await;
}

/// Thousands of passages in one call: each is listed once, found, replaced and removed.
/// Everything of a tenant with its vectors, over many pages, and nothing of others; a store may decline.
async fn exports(store: &dyn VectorStore, passages: &[IndexedPassage]) {
    let mut exported = match store.export(&"bulk".into()).await {
        Ok(exported) => exported,
        Err(error) => return assert_eq!(error.kind(), ErrorKind::Unsupported),
    };
    exported.sort_by(|a, b| a.0.id.cmp(&b.0.id));
    let mut wanted: Vec<&IndexedPassage> = passages.iter().collect();
    wanted.sort_by(|a, b| a.passage.id.cmp(&b.passage.id));
    assert_eq!(exported.len(), wanted.len());
    for ((passage, dense), wanted) in exported.iter().zip(wanted) {
        assert_eq!(passage, &wanted.passage);
        let alike = crate::embedding::similarity(dense, &wanted.dense);
        assert!((alike - 1.0).abs() < 1e-3, "{alike}");
    }
    assert!(store.export(&"nobody".into()).await.unwrap().is_empty());
}

pub(super) async fn big_batches(store: &dyn VectorStore, dimensions: usize) {
    let make = |n: usize, word: &str| {
        of(
            "bulk",
            &format!("p{n}"),
            &format!("{word} number{n}"),
            dimensions,
        )
    };
    let mut passages: Vec<_> = (0..MANY).map(|n| make(n, "first")).collect();
    store.upsert(passages.clone()).await.unwrap();
    exports(store, &passages).await;
    // Twice in one call: the last counts.
    passages.push(make(7, "second"));
    store.upsert(passages).await.unwrap();
    let all = listed(store, "bulk").await;
    assert_eq!(all.len(), MANY);
    assert!(all.contains(&("p7".into(), "hash of second number7".into())));
    let ask = |text: &str| {
        let mut asked = query(text, dimensions, 5);
        asked.scope.tenant = "bulk".into();
        asked
    };
    assert_eq!(found(store, ask("number1234")).await[0], "p1234");
    store
        .upsert((0..MANY).step_by(2).map(|n| make(n, "third")).collect())
        .await
        .unwrap();
    let all = listed(store, "bulk").await;
    assert_eq!(all.len(), MANY);
    let third = all
        .iter()
        .filter(|(_, hash)| hash.contains("third"))
        .count();
    assert_eq!(third, MANY.div_ceil(2));
    let gone: Vec<PassageId> = (100..MANY).map(|n| format!("p{n}").into()).collect();
    store.remove(&"bulk".into(), &gone).await.unwrap();
    assert_eq!(listed(store, "bulk").await.len(), 100);
    let hits = found(store, ask("number1234")).await;
    assert!(!hits.contains(&"p1234".to_owned()), "{hits:?}");
}

/// Everything acknowledged is there after closing and opening again, as often as that happens.
///
/// `open` opens the same store each time; the one before is closed by then.
///
/// # Panics
/// If anything is lost, comes back, or cannot be searched.
pub async fn restart(open: impl AsyncFn() -> Box<dyn VectorStore>, dimensions: usize) {
    let tenant: TenantId = "restarted".into();
    let make = |id: &str, text: &str| of("restarted", id, text, dimensions);
    let store = open().await;
    let first = ["a", "b", "c"].map(|id| make(id, &format!("first text of {id}")));
    store.upsert(first.to_vec()).await.unwrap();
    drop(store);
    let store = open().await;
    assert_eq!(listed(&*store, "restarted").await.len(), 3);
    store
        .upsert(vec![make("b", "second text"), make("d", "router")])
        .await
        .unwrap();
    store.remove(&tenant, &["a".into()]).await.unwrap();
    drop(store);
    let store = open().await;
    let wanted = [
        ("b", "second text"),
        ("c", "first text of c"),
        ("d", "router"),
    ];
    let wanted = wanted.map(|(id, text)| (id.to_owned(), format!("hash of {text}")));
    assert_eq!(listed(&*store, "restarted").await, wanted.into());
    let mut asked = query("router", dimensions, 10);
    asked.scope.tenant = tenant.clone();
    let hits = store.search(asked.clone()).await.unwrap();
    assert_eq!(hits.len(), 3);
    assert_eq!(hits[0].passage, make("d", "router").passage);
    drop(store);
    // Closing without having written loses nothing either.
    drop(open().await);
    let store = open().await;
    assert_eq!(found(&*store, asked).await[0], "d");
    store
        .remove(&tenant, &["b", "c", "d"].map(PassageId::from))
        .await
        .unwrap();
    drop(store);
    assert!(listed(&*open().await, "restarted").await.is_empty());
}
