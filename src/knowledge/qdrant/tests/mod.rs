//! The adapter against a stand-in on a socket, and against a real server where `ATTENDANT_QDRANT_URL` names one
//! (with `ATTENDANT_QDRANT_API_KEY` where it wants a key).

mod fake;

use tonic::Status;

use self::fake::Fake;
use super::*;
use crate::embedding::HashingEmbedder;
use crate::knowledge::conformance::{self, indexed, query};
use crate::knowledge::{FallbackVectorStore, KnowledgeArticle, KnowledgeBase, MemoryVectorStore};

const WIDTH: usize = 256;

fn embedder() -> HashingEmbedder {
    HashingEmbedder::new(WIDTH)
}

fn quick(url: &str) -> QdrantOptions {
    QdrantOptions::new(url, "articles")
        .with_timeouts(Duration::from_secs(5), Duration::from_secs(2))
        .with_retry(RetryPolicy::default().with_first_wait(Duration::ZERO))
}

/// Runs the whole suite; each part has an index of its own, which is dropped at the end.
async fn conforms(options: impl Fn(&str) -> QdrantOptions) {
    let small = embedder();
    let store = QdrantStore::open(options("suite"), &small).await.unwrap();
    conformance::vector_store(&store, WIDTH).await;
    let base = QdrantStore::open(options("base"), &HashingEmbedder::default())
        .await
        .unwrap();
    conformance::knowledge_base(Arc::new(base.clone())).await;
    let open = async || {
        let store = QdrantStore::open(options("restart"), &small).await.unwrap();
        Box::new(store) as Box<dyn VectorStore>
    };
    conformance::restart(open, WIDTH).await;
    reindexes(|| options("reindex")).await;
    for name in ["suite", "base", "restart", "reindex"] {
        let client = Client::new(options(name)).unwrap();
        let current = client.current().await.unwrap().unwrap();
        client.drop_collection(&current).await.unwrap();
    }
}

/// A new index, of another embedder, takes over while the old one is searched.
async fn reindexes(options: impl Fn() -> QdrantOptions) {
    let (old, new) = (embedder(), HashingEmbedder::new(WIDTH * 2));
    let store = QdrantStore::open(options(), &old).await.unwrap();
    store
        .upsert(vec![indexed("p", "router", WIDTH)])
        .await
        .unwrap();
    // One that comes to nothing, and is left behind.
    let dead = QdrantStore::reindex(options(), &new).await.unwrap();
    dead.store()
        .upsert(vec![indexed("half", "router", WIDTH * 2)])
        .await
        .unwrap();
    drop(dead);
    assert_eq!(
        store.search(query("router", WIDTH, 3)).await.unwrap().len(),
        1
    );
    let next = QdrantStore::reindex(options(), &new).await.unwrap();
    assert!(next.store().list(&"acme".into()).await.unwrap().is_empty());
    let fresh = ["q", "r"].map(|id| indexed(id, "router", WIDTH * 2));
    next.store().upsert(fresh.to_vec()).await.unwrap();
    assert_eq!(store.list(&"acme".into()).await.unwrap().len(), 1);
    next.publish().await.unwrap();
    // The store that was open refuses the new index rather than mixing vectors of two embedders.
    for error in [
        store.search(query("router", WIDTH, 3)).await.unwrap_err(),
        store
            .upsert(vec![indexed("p", "router", WIDTH)])
            .await
            .unwrap_err(),
        QdrantStore::open(options(), &old).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Index, "{error}");
        assert!(
            error.to_string().contains("embedder") && error.to_string().contains("reindex"),
            "{error}"
        );
    }
    let opened = QdrantStore::open(options(), &new).await.unwrap();
    assert_eq!(opened.list(&"acme".into()).await.unwrap().len(), 2);
    // With the same embedder an open store goes on in the new index.
    let again = QdrantStore::reindex(options(), &new).await.unwrap();
    again
        .store()
        .upsert(vec![indexed("s", "router", WIDTH * 2)])
        .await
        .unwrap();
    again.publish().await.unwrap();
    let hits = opened.search(query("router", WIDTH * 2, 3)).await.unwrap();
    assert_eq!(hits[0].passage.id.as_str(), "s");
}

#[tokio::test]
async fn it_conforms_over_the_wire() {
    let url = Fake::default().serve().await;
    conforms(|name| QdrantOptions {
        alias: name.into(),
        ..quick(&url)
    })
    .await;
}

#[tokio::test]
async fn it_conforms_on_a_real_server() {
    let Ok(url) = std::env::var("ATTENDANT_QDRANT_URL") else {
        eprintln!("skipped: ATTENDANT_QDRANT_URL names no server");
        return;
    };
    let run = uuid::Uuid::now_v7();
    conforms(|name| {
        let options = QdrantOptions::new(&url, format!("attendant-test-{run}-{name}"));
        match std::env::var("ATTENDANT_QDRANT_API_KEY") {
            Ok(key) => options.with_api_key(key),
            Err(_) => options,
        }
    })
    .await;
}

#[tokio::test]
async fn the_collection_and_the_query_are_laid_out_as_agreed() {
    let fake = Fake::default();
    let store = QdrantStore::open(quick(&fake.serve().await), &embedder())
        .await
        .unwrap();
    store
        .search(query("router lights", WIDTH, 7))
        .await
        .unwrap();
    let state = fake.state.lock();
    let held = &state.collections["articles-1"];
    assert_eq!(state.aliases["articles"], "articles-1");
    let made = format!("{:?}", held.made);
    assert!(
        made.contains("size: 256") && made.contains("\"bm25\""),
        "{made}"
    );
    let indexed: Vec<_> = held.indexes.keys().map(String::as_str).collect();
    assert_eq!(
        indexed,
        [
            "audience",
            "language",
            "product",
            "tenant",
            "valid_from",
            "valid_to"
        ]
    );
    assert!(format!("{:?}", held.indexes["tenant"]).contains("is_tenant: Some(true)"));
    let asked = state.last_query.as_ref().unwrap();
    assert_eq!(asked.prefetch.len(), 2);
    for filter in asked
        .prefetch
        .iter()
        .map(|branch| &branch.filter)
        .chain([&asked.filter])
    {
        // Tenant, both ends of validity, audience.
        assert_eq!(filter.as_ref().unwrap().must.len(), 4);
        assert!(filter.as_ref().unwrap().should.is_empty());
    }
}

#[tokio::test]
async fn a_collection_from_before_there_were_products_gets_their_index_where_it_may_be_made() {
    let fake = Fake::default();
    let url = fake.serve().await;
    drop(QdrantStore::open(quick(&url), &embedder()).await.unwrap());
    let count = |name: &str| {
        let state = fake.state.lock();
        state.asked.iter().filter(|asked| **asked == name).count()
    };
    let forget = || {
        let mut state = fake.state.lock();
        let held = state.collections.get_mut("articles-1").unwrap();
        held.indexes.remove("product").unwrap();
    };
    let before = count("create_field_index");
    drop(QdrantStore::open(quick(&url), &embedder()).await.unwrap());
    assert_eq!(count("create_field_index"), before, "nothing is made twice");
    forget();
    let store = QdrantStore::open(quick(&url), &embedder()).await.unwrap();
    assert_eq!(count("create_field_index"), before + 1);
    let mut asked = query("router", WIDTH, 3);
    asked.scope.product = Some("Fibre".into());
    store.search(asked).await.unwrap();
    let state = fake.state.lock();
    assert!(
        state.collections["articles-1"]
            .indexes
            .contains_key("product")
    );
    let filter = state.last_query.as_ref().unwrap().filter.clone().unwrap();
    assert_eq!((filter.must.len(), filter.should.len()), (4, 2));
    assert!(format!("{:?}", filter.should).contains("\"fibre\""));
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_does_not_is_told() {
    let fake = Fake::default();
    let store = QdrantStore::open(quick(&fake.serve().await), &embedder())
        .await
        .unwrap();
    let ask = || store.search(query("router", WIDTH, 3));
    let fail = |faults: &[Status]| fake.state.lock().faults = faults.to_vec().into();
    let count = || {
        fake.state
            .lock()
            .asked
            .iter()
            .filter(|name| **name == "query")
            .count()
    };
    fail(&[Status::unavailable("starting"), Status::internal("hiccup")]);
    ask().await.unwrap();
    assert_eq!(count(), 3);
    let cases = [
        // The client's own second attempt at what it reads comes on top.
        (Status::unavailable("down"), ErrorKind::Unavailable, 6),
        (Status::deadline_exceeded("slow"), ErrorKind::Timeout, 3),
        (Status::resource_exhausted("busy"), ErrorKind::Overloaded, 3),
        (Status::unauthenticated("key"), ErrorKind::Config, 1),
        (Status::permission_denied("read only"), ErrorKind::Config, 1),
        (Status::invalid_argument("dimension"), ErrorKind::Index, 1),
        (Status::unimplemented("rrf"), ErrorKind::Malformed, 1),
    ];
    for (status, kind, times) in cases {
        let before = count();
        fail(&vec![status; times]);
        let error = ask().await.unwrap_err();
        assert_eq!((error.kind(), count() - before), (kind, times), "{error}");
        assert_eq!(error.is_transient(), times > 1, "{error}");
    }
}

#[tokio::test]
async fn foreign_and_damaged_collections_and_wrong_keys_are_refused() {
    let fake = Fake::default();
    let url = fake.serve().await;
    fake.state.lock().key = Some("right".into());
    let error = QdrantStore::open(quick(&url).with_api_key("wrong"), &embedder())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(!format!("{error} {:?}", quick(&url).with_api_key("wrong")).contains("wrong"));
    let keyed = || quick(&url).with_api_key("right");
    let store = QdrantStore::open(keyed(), &embedder()).await.unwrap();
    {
        let mut state = fake.state.lock();
        state
            .collections
            .get_mut("articles-1")
            .unwrap()
            .made
            .metadata
            .clear();
    }
    let error = QdrantStore::open(keyed(), &embedder()).await.unwrap_err();
    assert!(
        error.to_string().contains("was not built by this program"),
        "{error}"
    );
    // Somebody drops the index under us.
    fake.state.lock().collections.clear();
    fake.state.lock().aliases.clear();
    for error in [
        store.search(query("router", WIDTH, 3)).await.unwrap_err(),
        store
            .upsert(vec![indexed("p", "router", WIDTH)])
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Index, "{error}");
        assert!(error.to_string().contains("gone"), "{error}");
    }
    for address in ["", "no address", "ftp://127.0.0.1:1"] {
        let error = QdrantStore::open(quick(address), &embedder())
            .await
            .unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Config | ErrorKind::Unavailable),
            "{address}: {error}"
        );
    }
}

#[tokio::test]
async fn without_a_server_the_local_copy_answers() {
    let fake = Fake::default();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let options = || quick(&format!("http://{address}"));
    let error = QdrantStore::open(options(), &embedder()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    // A server on a thread of its own, so that it can be ended as a whole.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.spawn({
        let fake = fake.clone();
        async move { fake.serve_at(address).await }
    });
    while std::net::TcpStream::connect(address).is_err() {
        tokio::task::yield_now().await;
    }
    let small = HashingEmbedder::default();
    let remote = QdrantStore::open(options(), &small).await.unwrap();
    let local = Arc::new(MemoryVectorStore::new());
    let both = FallbackVectorStore::new(Arc::new(remote.clone()), local);
    let base = KnowledgeBase::new(Arc::new(small), Arc::new(both.clone()));
    let article = KnowledgeArticle::new("a", "Refunds", "acme", "Refunds take five days.");
    base.ingest(vec![article.clone()], None).await.unwrap();
    runtime.shutdown_background();
    let question = crate::knowledge::Question::new("refunds", query("", 1, 1).scope);
    assert_eq!(base.search(&question, 3).await.unwrap().len(), 1);
    assert!(both.on_local());
    let error = base.ingest(vec![article], None).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}
