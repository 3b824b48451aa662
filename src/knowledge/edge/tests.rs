//! The Edge index on real folders, sound and damaged.

use std::io::{Read, Write};
use std::path::Path;

use super::*;
use crate::embedding::HashingEmbedder;
use crate::knowledge::conformance::{self, indexed, query};
use crate::knowledge::{KnowledgeBase, MemoryVectorStore};

const WIDTH: usize = 256;
const USED: u64 = 64 * 1024;

fn embedder() -> HashingEmbedder {
    HashingEmbedder::new(WIDTH)
}

async fn filled(dir: &Path) -> EdgeStore {
    let store = EdgeStore::open(dir, &embedder()).await.unwrap();
    let texts = ["the router is red", "a refund takes days", "router lights"];
    let passages = texts.iter().enumerate();
    let passages = passages.map(|(n, text)| indexed(&format!("p{n}"), text, WIDTH));
    store.upsert(passages.collect()).await.unwrap();
    store
}

async fn ids(store: &dyn VectorStore, text: &str) -> Vec<String> {
    let hits = store.search(query(text, WIDTH, 10)).await.unwrap();
    hits.iter().map(|hit| hit.passage.id.to_string()).collect()
}

#[tokio::test]
async fn it_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let store = EdgeStore::open(dir.path(), &embedder()).await.unwrap();
    conformance::vector_store(&store, WIDTH).await;
    let dir = tempfile::tempdir().unwrap();
    let store = EdgeStore::open(dir.path(), &HashingEmbedder::default())
        .await
        .unwrap();
    conformance::knowledge_base(Arc::new(store)).await;
    let dir = tempfile::tempdir().unwrap();
    let embedder = embedder();
    let open = async || {
        let store = EdgeStore::open(dir.path(), &embedder).await.unwrap();
        Box::new(store) as Box<dyn VectorStore>
    };
    conformance::restart(open, WIDTH).await;
}

#[tokio::test]
async fn it_ranks_and_scores_as_the_exact_index() {
    let dir = tempfile::tempdir().unwrap();
    let edge = EdgeStore::open(dir.path(), &embedder()).await.unwrap();
    let exact = MemoryVectorStore::new();
    // Every length occurs once and no word twice in a text, so that no two passages have the same score.
    let passages: Vec<_> = (0..60)
        .map(|n| {
            let words = (0..5 + n).map(|k| format!("word{}", (n * 7 + k) % 97));
            let text = words.collect::<Vec<_>>().join(" ");
            indexed(&format!("p{n:02}"), &format!("{text} number{n}"), WIDTH)
        })
        .collect();
    edge.upsert(passages.clone()).await.unwrap();
    exact.upsert(passages).await.unwrap();
    // After a change the rarity of words must follow on both sides.
    for _ in 0..2 {
        for text in [
            "word1 word2",
            "number17 word30",
            "word5 word6 word90 number33",
        ] {
            let a = edge.search(query(text, WIDTH, 5)).await.unwrap();
            let b = exact.search(query(text, WIDTH, 5)).await.unwrap();
            assert_eq!(a.len(), 5);
            // Passages with equal scores may change places, their scores may not.
            for (a, b) in a.iter().zip(&b) {
                assert!((a.score - b.score).abs() < 1e-6, "{text}: {a:?} {b:?}");
            }
        }
        let gone: Vec<PassageId> = (30..45).map(|n| format!("p{n:02}").into()).collect();
        for store in [&edge as &dyn VectorStore, &exact] {
            store.remove(&"acme".into(), &gone).await.unwrap();
        }
    }
}

#[tokio::test]
async fn it_survives_closing_and_writing_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path()).await;
    let before = ids(&store, "router").await;
    drop(store);
    let store = EdgeStore::open(dir.path(), &embedder()).await.unwrap();
    assert_eq!(store.rebuilt(), None);
    assert_eq!(ids(&store, "router").await, before);
    store
        .upsert(vec![indexed("p3", "modem", WIDTH)])
        .await
        .unwrap();
    store
        .upsert(vec![indexed("p0", "changed text", WIDTH)])
        .await
        .unwrap();
    store.remove(&"acme".into(), &["p1".into()]).await.unwrap();
    drop(store);
    let store = EdgeStore::open(dir.path(), &embedder()).await.unwrap();
    let mut listed = store.list(&"acme".into()).await.unwrap();
    listed.sort();
    let wanted = [
        ("p0", "changed text"),
        ("p2", "router lights"),
        ("p3", "modem"),
    ];
    let wanted = wanted.map(|(id, text)| (PassageId::from(id), format!("hash of {text}")));
    assert_eq!(listed, wanted);
}

#[tokio::test]
async fn another_embedder_needs_a_new_index() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path()).await);
    let other = HashingEmbedder::new(WIDTH * 2);
    let error = EdgeStore::open(dir.path(), &other).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Index);
    assert!(error.to_string().contains("embedder"), "{error}");
    // Refusing has changed nothing.
    assert_eq!(
        ids(
            &EdgeStore::open(dir.path(), &embedder()).await.unwrap(),
            "router"
        )
        .await
        .len(),
        3
    );
    let store = EdgeStore::open_or_rebuild(dir.path(), &other)
        .await
        .unwrap();
    assert!(store.rebuilt().unwrap().contains("embedder"));
    assert!(store.list(&"acme".into()).await.unwrap().is_empty());
    store
        .upsert(vec![indexed("p0", "router", WIDTH * 2)])
        .await
        .unwrap();
}

#[tokio::test]
async fn one_folder_has_one_owner_and_foreign_files_are_safe() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path()).await;
    for rebuild in [false, true] {
        let second = EdgeStore::start(dir.path().into(), &embedder(), rebuild).await;
        let error = second.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Index);
        assert!(error.to_string().contains("open in another"), "{error}");
    }
    assert_eq!(ids(&store, "router").await.len(), 3);

    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(open::SHARD)).unwrap();
    std::fs::write(dir.path().join("thesis.txt"), "ten years of work").unwrap();
    let error = EdgeStore::open_or_rebuild(dir.path(), &embedder())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Index);
    assert!(dir.path().join("thesis.txt").exists());
    let file = dir.path().join("thesis.txt");
    assert_eq!(
        EdgeStore::open(file, &embedder()).await.unwrap_err().kind(),
        ErrorKind::Index
    );
}

#[tokio::test]
async fn an_interrupted_creation_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path()).await);
    let path = dir.path().join(open::MANIFEST);
    let mut manifest: Manifest = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(manifest.contents.map(|contents| contents.points), Some(3));
    manifest.contents = None;
    open::save(dir.path(), &manifest).unwrap();
    let error = EdgeStore::open(dir.path(), &embedder()).await.unwrap_err();
    assert!(
        error.to_string().contains("while it was created"),
        "{error}"
    );
    assert!(error.to_string().contains("open_or_rebuild"), "{error}");
    let store = EdgeStore::open_or_rebuild(dir.path(), &embedder())
        .await
        .unwrap();
    assert!(store.rebuilt().is_some());
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Every file of an index is cut in half, overwritten and deleted in turn: the index is then refused, or it
/// still gives every answer; and it can always be built again.
#[tokio::test]
async fn damage_is_an_error_and_never_a_wrong_answer() {
    let sound = tempfile::tempdir().unwrap();
    drop(filled(sound.path()).await);
    let mut all = Vec::new();
    files(sound.path(), &mut all);
    all.retain(|path| !path.ends_with(open::LOCK));
    // Storages of one kind are alike: those of the payload, the dense vector and the tenant filter stand for all.
    let alike = [
        "bm25", "null", "audience", "language", "product", "valid_", "deleted", "gaps", "flags",
    ];
    all.retain(|path| {
        !alike
            .iter()
            .any(|part| path.to_string_lossy().contains(part))
    });
    assert!(
        undamaged(sound.path()).await,
        "a copy must be as good as the original"
    );
    assert!(all.len() > 15, "{all:?}");
    let mut refused = 0;
    for (number, path) in all.iter().enumerate() {
        for how in ["half", "noise", "gone"] {
            let copy = tempfile::tempdir().unwrap();
            copy_folder(sound.path(), copy.path());
            let victim = copy.path().join(path.strip_prefix(sound.path()).unwrap());
            damage(&victim, how);
            let label = format!("{how} {}", victim.display());
            match EdgeStore::open(copy.path(), &embedder()).await {
                Err(error) => {
                    refused += 1;
                    assert_eq!(error.kind(), ErrorKind::Index, "{label}: {error}");
                }
                Ok(store) => match store.search(query("refund days", WIDTH, 10)).await {
                    Ok(hits) => {
                        assert_eq!(hits.len(), 3, "{label}");
                        assert_eq!(hits[0].passage.id.as_str(), "p1", "{label}");
                    }
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Index, "{label}"),
                },
            }
            if how == "noise" && number % 3 == 0 {
                heals(copy.path(), &label).await;
            }
        }
    }
    assert!(refused >= all.len(), "only {refused} cases were noticed");
}

/// What opening cannot see fails at a later write or search, and the opening after that sees it.
async fn heals(dir: &Path, label: &str) {
    for _ in 0..3 {
        let store = EdgeStore::open_or_rebuild(dir, &embedder()).await;
        let store = store.unwrap_or_else(|error| panic!("{label}: {error}"));
        let result = match store.upsert(vec![indexed("p9", "fresh text", WIDTH)]).await {
            Ok(()) => store.search(query("fresh text", WIDTH, 10)).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(hits) => return assert_eq!(hits[0].passage.id.as_str(), "p9", "{label}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Index, "{label}"),
        }
    }
    panic!("{label}: still broken");
}

async fn undamaged(sound: &Path) -> bool {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(sound, copy.path());
    EdgeStore::open(copy.path(), &embedder()).await.is_ok()
}

/// Copies the used beginning of every file: the engine sets 32 MB aside and three passages need little of it.
fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
            continue;
        }
        let source = File::open(&path).unwrap();
        let length = source.metadata().unwrap().len();
        let mut copy = File::create(target).unwrap();
        std::io::copy(&mut source.take(USED), &mut copy).unwrap();
        copy.set_len(length).unwrap();
    }
}

fn damage(file: &Path, how: &str) {
    if how == "gone" {
        return std::fs::remove_file(file).unwrap();
    }
    let mut opened = File::options().write(true).open(file).unwrap();
    let length = opened.metadata().unwrap().len();
    match how {
        "half" => opened.set_len(length / 2).unwrap(),
        _ => {
            let noise: Vec<u8> = (0..length.min(USED))
                .map(|n| (n * 31 % 251) as u8)
                .collect();
            opened.write_all(&noise).unwrap();
        }
    }
}

#[tokio::test]
async fn a_deleted_folder_is_an_error_and_closing_does_not_panic() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path()).await;
    std::fs::remove_dir_all(dir.path()).unwrap();
    let error = store
        .upsert(vec![indexed("p9", "text", WIDTH)])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Index);
    drop(store);
}

#[tokio::test]
async fn reading_goes_on_while_articles_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let embedder = Arc::new(HashingEmbedder::new(WIDTH));
    let store = Arc::new(filled(dir.path()).await);
    let base = KnowledgeBase::new(embedder, store.clone());
    let writer = store.clone();
    let writing = tokio::spawn(async move {
        for round in 0..20 {
            let text = format!("round {round}");
            writer
                .upsert(vec![indexed(&format!("w{round}"), &text, WIDTH)])
                .await
                .unwrap();
        }
    });
    let scope = query("", WIDTH, 1).scope;
    while !writing.is_finished() {
        let question = crate::knowledge::Question::new("refund days", scope.clone());
        let hits = base.search(&question, 1).await.unwrap();
        assert_eq!(hits[0].passage.id.as_str(), "p1");
    }
    writing.await.unwrap();
    assert_eq!(store.list(&"acme".into()).await.unwrap().len(), 23);
}

#[tokio::test]
async fn a_folder_from_before_there_were_products_is_filtered_by_them_and_gets_their_index() {
    use qdrant_edge::{FieldIndexOperations, UpdateOperation};

    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path()).await;
    let path = || points::json_path(layout::PRODUCT).unwrap();
    let shard = store.inner.shard.as_ref().unwrap();
    let drop_index = FieldIndexOperations::DeleteIndex(path());
    shard
        .update(UpdateOperation::FieldIndexOperation(drop_index))
        .unwrap();
    shard.flush();
    let has_index = |store: &EdgeStore| {
        let shard = store.inner.shard.as_ref().unwrap();
        shard.info().payload_schema.contains_key(&path())
    };
    assert!(!has_index(&store));
    let mut fibre = indexed("p3", "router of fibre", WIDTH);
    fibre.passage.products = vec!["Fibre".into()];
    store.upsert(vec![fibre]).await.unwrap();
    let found = async |store: &EdgeStore, product: &str| {
        let mut asked = query("router", WIDTH, 10);
        asked.scope.product = Some(product.into());
        let hits = store.search(asked).await.unwrap();
        let mut ids: Vec<_> = hits.iter().map(|hit| hit.passage.id.to_string()).collect();
        ids.sort();
        ids
    };
    assert_eq!(found(&store, "fibre").await, ["p0", "p1", "p2", "p3"]);
    assert_eq!(found(&store, "mobile").await, ["p0", "p1", "p2"]);
    drop(store);
    for _ in 0..2 {
        let store = EdgeStore::open(dir.path(), &embedder()).await.unwrap();
        assert!(has_index(&store));
        assert_eq!(found(&store, "fibre").await, ["p0", "p1", "p2", "p3"]);
        assert_eq!(found(&store, "mobile").await, ["p0", "p1", "p2"]);
    }
}
