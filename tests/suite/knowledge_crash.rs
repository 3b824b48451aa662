//! The index on disk when its process is killed, its files are damaged, or the disk is full.
//!
//! A child process (this binary again) makes a sequence of writes that follows from their numbers alone, says on
//! standard output which are done, and searches all the while. The parent ends it and looks at what is there.
//! `ATTENDANT_KILL_ROUNDS` sets how often.
#![cfg(all(feature = "edge", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use attendant::ErrorKind;
use attendant::conversation::PassageId;
use attendant::embedding::{Embedder, HashingEmbedder, TextKind};
use attendant::knowledge::{
    Audience, EdgeStore, IndexedPassage, KnowledgeArticle, KnowledgeBase, Passage, Question, Scope,
    SparseVector, VectorQuery, VectorStore,
};

/// Long vectors, so that few passages are enough for the engine to build a graph (10 MB of them).
const WIDTH: usize = 1024;
const TENANT: &str = "acme";
/// Passages of one write.
const BATCH: usize = 100;
/// Different ids: later writes replace earlier ones.
const IDS: u64 = 4000;
const DIR: &str = "ATTENDANT_CRASH_DIR";
const FROM: &str = "ATTENDANT_CRASH_FROM";

/// What a write does.
enum Step {
    Upsert(Vec<(String, String)>),
    Remove(Vec<String>),
}

fn roll(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The write with this number: every fourth removes.
fn step(number: u64) -> Step {
    let ids = (0..BATCH as u64).map(|n| format!("p{}", roll(number * 1000 + n) % IDS));
    match number % 4 {
        3 => Step::Remove(ids.take(BATCH / 2).collect()),
        _ => Step::Upsert(ids.map(|id| (id, format!("hash {number}"))).collect()),
    }
}

/// What must be there after a write.
fn advance(state: &mut BTreeMap<String, String>, number: u64) {
    match step(number) {
        Step::Upsert(passages) => state.extend(passages),
        Step::Remove(ids) => ids.iter().for_each(|id| {
            state.remove(id);
        }),
    }
}

async fn vector(text: &str) -> Vec<f32> {
    let embedder = HashingEmbedder::new(WIDTH);
    let texts = [text.to_owned()];
    embedder
        .embed(&texts, TextKind::Query)
        .await
        .unwrap()
        .remove(0)
}

async fn indexed(id: &str, hash: &str) -> IndexedPassage {
    let text = format!("{id} word{} {hash}", roll(id.len() as u64) % 50);
    IndexedPassage {
        dense: vector(&text).await,
        sparse: SparseVector {
            indices: vec![1, 7],
            values: vec![1.0, 0.5],
        },
        passage: Passage {
            id: id.into(),
            article: "article".into(),
            title: "Title".into(),
            headings: Vec::new(),
            tenant: TENANT.into(),
            language: "en".into(),
            audience: Audience::Customer,
            valid_from: None,
            valid_to: None,
            products: Vec::new(),
            text,
            content_hash: hash.into(),
        },
    }
}

async fn query(text: &str) -> VectorQuery {
    VectorQuery {
        scope: Scope::new(TENANT, Audience::Customer),
        dense: vector(text).await,
        sparse: SparseVector {
            indices: vec![7],
            values: vec![1.0],
        },
        limit: 10,
    }
}

async fn open(dir: &Path) -> attendant::Result<EdgeStore> {
    EdgeStore::open(dir, &HashingEmbedder::new(WIDTH)).await
}

async fn contents(store: &dyn VectorStore) -> BTreeMap<String, String> {
    let listed = store.list(&TENANT.into()).await.unwrap();
    listed
        .into_iter()
        .map(|(id, hash)| (id.to_string(), hash))
        .collect()
}

/// The child; does nothing where no folder is named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the other tests as a process of its own"]
async fn child() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let mut number: u64 = std::env::var(FROM).unwrap().parse().unwrap();
    let store = Arc::new(open(Path::new(&dir)).await.unwrap());
    println!("\nopened");
    let searched = Arc::clone(&store);
    let searching = tokio::spawn(async move {
        loop {
            // It may fail once the store has said that it is broken, but never with a panic.
            searched.search(query("word7").await).await.ok();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    loop {
        let written = match step(number) {
            Step::Upsert(passages) => {
                let mut ready = Vec::new();
                for (id, hash) in &passages {
                    ready.push(indexed(id, hash).await);
                }
                store.upsert(ready).await
            }
            Step::Remove(ids) => {
                let ids: Vec<PassageId> = ids.iter().map(|id| id.as_str().into()).collect();
                store.remove(&TENANT.into(), &ids).await
            }
        };
        if let Err(error) = written {
            println!("\nfailed {:?} {error}", error.kind());
            break;
        }
        println!("\ndone {number}");
        number += 1;
    }
    searching.abort();
}

/// Starts the child; `limit` is a shell command that restricts it first.
fn spawn(dir: &Path, from: u64, limit: &str) -> (Child, Receiver<String>) {
    let this = std::env::current_exe().unwrap();
    let script =
        format!("{limit} exec \"$0\" --exact knowledge_crash::child --ignored --nocapture");
    let mut child = Command::new("sh")
        .args(["-c", &script])
        .arg(this)
        .env(DIR, dir)
        .env(FROM, from.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (tell, told) = channel();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    std::thread::spawn(move || {
        lines
            .map_while(Result::ok)
            .for_each(|line| drop(tell.send(line)))
    });
    (child, told)
}

/// The state after all writes that the child said were done, and the number of the next.
struct Acknowledged {
    state: BTreeMap<String, String>,
    next: u64,
}

impl Acknowledged {
    async fn fill_again(&self, dir: &Path, damage: &attendant::Error) -> EdgeStore {
        assert_eq!(damage.kind(), ErrorKind::Index, "{damage}");
        assert!(damage.to_string().contains("open_or_rebuild"), "{damage}");
        eprintln!("rebuilt: {damage}");
        let embedder = HashingEmbedder::new(WIDTH);
        let store = EdgeStore::open_or_rebuild(dir, &embedder).await.unwrap();
        assert!(store.rebuilt().is_some());
        let mut passages = Vec::new();
        for (id, hash) in &self.state {
            passages.push(indexed(id, hash).await);
        }
        store.upsert(passages).await.unwrap();
        store
    }

    fn note(&mut self, told: &Receiver<String>, failures: &mut Vec<String>) {
        for line in told.iter() {
            if let Some(number) = line.strip_prefix("done ") {
                assert_eq!(number.parse(), Ok(self.next));
                advance(&mut self.state, self.next);
                self.next += 1;
            } else if line.starts_with("failed ") {
                failures.push(line);
            }
        }
    }

    /// All that was acknowledged is there; the write under way is there as a whole or not at all. Where the engine was
    /// killed while it built its graph or its filters, the index says that it is damaged, and is filled again.
    async fn check(&mut self, dir: &Path) {
        let store = match open(dir).await {
            Ok(store) => store,
            Err(damage) => self.fill_again(dir, &damage).await,
        };
        let found = contents(&store).await;
        if found != self.state {
            advance(&mut self.state, self.next);
            self.next += 1;
            let differ = found
                .iter()
                .filter(|(id, hash)| self.state.get(*id) != Some(hash))
                .count();
            assert!(
                found == self.state,
                "{} passages are there and should be {}; {differ} are wrong",
                found.len(),
                self.state.len()
            );
        }
        let hits = store.search(query("word7").await).await.unwrap();
        assert_eq!(hits.len(), 10.min(found.len()));
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let rounds = std::env::var("ATTENDANT_KILL_ROUNDS").map_or(8, |rounds| rounds.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).await.unwrap());
    let mut known = Acknowledged {
        state: BTreeMap::new(),
        next: 0,
    };
    let seed = u64::from(std::process::id());
    for round in 0..rounds {
        let before = known.next;
        let (mut child, told) = spawn(dir.path(), known.next, "");
        let first = told.recv_timeout(Duration::from_secs(60));
        let mut first = first.into_iter().chain(told.iter());
        assert!(
            first.any(|line| line == "opened"),
            "the child did not start"
        );
        let moment = Duration::from_millis(roll(seed + round) % 2500);
        std::thread::sleep(moment);
        child.kill().unwrap();
        child.wait().unwrap();
        let mut failures = Vec::new();
        known.note(&told, &mut failures);
        assert!(failures.is_empty(), "{failures:?}");
        let acknowledged = known.next;
        known.check(dir.path()).await;
        eprintln!(
            "round {round}: killed after {moment:?}, {} writes acknowledged{}, {} passages",
            acknowledged - before,
            if known.next > acknowledged {
                " and one more finished on opening"
            } else {
                ""
            },
            known.state.len()
        );
    }
    assert!(
        known.next > rounds,
        "hardly anything was written: {}",
        known.next
    );
}

#[tokio::test]
async fn a_write_that_finds_no_room_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).await.unwrap());
    let mut known = Acknowledged {
        state: BTreeMap::new(),
        next: 0,
    };
    // Files cannot grow beyond some size, first not even that of our own records, then that of the engine's.
    for blocks in [200, 8000] {
        let limit = format!("trap '' XFSZ; ulimit -f {blocks};");
        let (mut child, told) = spawn(dir.path(), known.next, &limit);
        let mut failures = Vec::new();
        std::thread::sleep(Duration::from_secs(6));
        child.kill().unwrap();
        child.wait().unwrap();
        known.note(&told, &mut failures);
        eprintln!(
            "files of {blocks} blocks: {} writes, {failures:?}",
            known.next
        );
        if blocks == 200 {
            assert!(
                failures.len() == 1 && failures[0].starts_with("failed Index"),
                "{failures:?}"
            );
        }
        known.check(dir.path()).await;
    }
}

/// A small file system of our own; `None` where this user may not mount one.
struct Small(PathBuf);

impl Small {
    fn mount(megabytes: u32) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap().keep();
        let size = format!("size={megabytes}m");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&dir)
            .stderr(Stdio::null());
        let mounted = mount.status().is_ok_and(|status| status.success());
        mounted.then_some(Self(dir))
    }

    fn grow(&self, megabytes: u32) {
        let size = format!("remount,size={megabytes}m");
        let status = Command::new("mount")
            .args(["-o", &size])
            .arg(&self.0)
            .status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        Command::new("umount").arg(&self.0).status().ok();
        std::fs::remove_dir(&self.0).ok();
    }
}

#[tokio::test]
async fn a_full_disk_loses_nothing() {
    let Some(small) = Small::mount(400) else {
        eprintln!("skipped: only root may mount the small file system that this test fills");
        return;
    };
    let dir = small.0.join("index");
    drop(open(&dir).await.unwrap());
    let used = used(&dir);
    // Room for some writes, then none.
    small.grow(used + 50);
    let mut known = Acknowledged {
        state: BTreeMap::new(),
        next: 0,
    };
    let (mut child, told) = spawn(&dir, 0, "");
    let mut failures = Vec::new();
    let ended = (0..300).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        child.try_wait().unwrap().is_some()
    });
    child.kill().ok();
    let status = child.wait().unwrap();
    known.note(&told, &mut failures);
    eprintln!(
        "{used} MB used at first; {} writes, then {status}, {failures:?}",
        known.next
    );
    // Where the engine writes through memory, a full disk ends the process (SIGBUS).
    assert!(ended, "the disk never was full");
    assert!(
        failures.iter().all(|line| line.starts_with("failed Index")),
        "{failures:?}"
    );
    small.grow(400);
    known.check(&dir).await;
}

/// Megabytes on disk.
fn used(dir: &Path) -> u32 {
    let output = Command::new("du").args(["-sm"]).arg(dir).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_damaged_index_is_refused_and_built_again_from_the_articles() {
    let dir = tempfile::tempdir().unwrap();
    let embedder = Arc::new(HashingEmbedder::new(WIDTH));
    let articles: Vec<KnowledgeArticle> = (0..300)
        .map(|n| {
            let body = format!("The fee of plan{n} is {n} euros.");
            KnowledgeArticle::new(format!("a{n}"), format!("Plan {n}"), TENANT, body)
        })
        .collect();
    let base = KnowledgeBase::new(embedder.clone(), Arc::new(open(dir.path()).await.unwrap()));
    base.ingest(articles.clone(), None).await.unwrap();
    let question = Question::new("fee of plan17", Scope::new(TENANT, Audience::Customer));
    let before = base.search(&question, 1).await.unwrap();
    drop(base);
    // Some vectors become others.
    let mut files = find(dir.path(), &|path| {
        path.to_string_lossy().contains("vector_storage-dense")
    });
    files.sort_by_key(|path| path.metadata().unwrap().len());
    let mut file = File::options()
        .write(true)
        .open(files.last().unwrap())
        .unwrap();
    file.seek(SeekFrom::Start(8192)).unwrap();
    file.write_all(&[63; 4096]).unwrap();
    drop(file);
    let error = open(dir.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Index);
    assert!(
        error.to_string().contains("EdgeStore::open_or_rebuild"),
        "{error}"
    );
    let store = EdgeStore::open_or_rebuild(dir.path(), embedder.as_ref())
        .await
        .unwrap();
    assert!(store.rebuilt().is_some());
    let base = KnowledgeBase::new(embedder, Arc::new(store));
    assert_eq!(base.ingest(articles, None).await.unwrap().added, 300);
    assert_eq!(base.search(&question, 1).await.unwrap(), before);
}

fn find(dir: &Path, wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(find(&path, wanted));
        } else if wanted(&path) {
            found.push(path);
        }
    }
    found
}
