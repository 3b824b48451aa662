//! The PostgreSQL store as hosts use it: several processes on one database, connections that break, and a server that
//! is killed in the middle. `make test-postgres` starts a server for these tests.
#![cfg(feature = "postgres")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use attendant::ErrorKind;
use attendant::store::{ConversationStore, PostgresStore, Record, StreamKey, Version};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

const URL: &str = "ATTENDANT_POSTGRES_URL";
const COUNT: &str = "ATTENDANT_TEST_RECORDS";

fn server() -> String {
    std::env::var(URL).expect("give the URL of a server in ATTENDANT_POSTGRES_URL")
}

fn key() -> StreamKey {
    StreamKey {
        tenant: "acme".into(),
        conversation: "call-1".into(),
    }
}

async fn run(url: &str, sql: String) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// The URL of a new database on the server.
async fn new_database_with(options: &str) -> String {
    let name = format!("t{}", uuid::Uuid::now_v7().simple());
    run(&server(), format!("CREATE DATABASE {name} {options}")).await;
    in_database(&name)
}

async fn new_database() -> String {
    new_database_with("").await
}

fn in_database(name: &str) -> String {
    let (before, after) = server()
        .split_once("/postgres?")
        .map(|(b, a)| (b.to_owned(), format!("?{a}")))
        .unwrap_or_else(|| {
            (
                server().trim_end_matches("/postgres").to_owned(),
                String::new(),
            )
        });
    format!("{before}/{name}{after}")
}

async fn append_in_turn(store: &PostgresStore, record: Record) -> Version {
    let mut version = 0;
    loop {
        match store
            .append(&key(), version, std::slice::from_ref(&record))
            .await
        {
            Ok(version) => return version,
            Err(error) if error.kind() == ErrorKind::Conflict => {
                let loaded = store.load(&key(), version).await.unwrap();
                version += loaded.len() as Version;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: make test-postgres"]
async fn conforms_and_survives_reopening() {
    let url = new_database().await;
    let store = PostgresStore::open(&url).await.unwrap();
    attendant::testing::conversation_store(&store).await;
    let records = [Record::new("utterance", json!("hello"))];
    store.append(&key(), 0, &records).await.unwrap();
    store.close().await;
    let again = attendant::store::open(&url).await.unwrap();
    assert_eq!(again.load(&key(), 0).await.unwrap(), records);
    attendant::testing::conversation_store(again.as_ref()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL: make test-postgres"]
async fn stores_that_open_a_new_database_at_once_agree() {
    let url = new_database().await;
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let url = url.clone();
            tokio::spawn(async move {
                let store = PostgresStore::open_with(&url, 2).await.unwrap();
                append_in_turn(&store, Record::new("x", json!(n))).await
            })
        })
        .collect();
    let mut versions = Vec::new();
    for task in tasks {
        versions.push(task.await.unwrap());
    }
    versions.sort_unstable();
    assert_eq!(versions, (1..=8).collect::<Vec<Version>>());
}

#[tokio::test]
#[ignore = "needs PostgreSQL: make test-postgres"]
async fn processes_share_a_database_and_no_record_is_lost() {
    let url = new_database().await;
    let mut children: Vec<Child> = (0..3)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "postgres::a_process_that_appends",
                    "--ignored",
                    "--nocapture",
                ])
                .env(URL, &url)
                .env(COUNT, "20")
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in &mut children {
        let mut told = String::new();
        let mut out = child.stdout.take().unwrap();
        out.read_to_string(&mut told).unwrap();
        assert!(child.wait().unwrap().success(), "{told}");
        assert_eq!(told.matches("acknowledged").count(), 20, "{told}");
    }
    let store = PostgresStore::open(&url).await.unwrap();
    let records = store.load(&key(), 0).await.unwrap();
    assert_eq!(records.len(), 60);
    for child in &children {
        let own: Vec<u64> = records
            .iter()
            .filter(|record| record.payload["process"] == child.id())
            .map(|record| record.payload["n"].as_u64().unwrap())
            .collect();
        assert_eq!(
            own,
            (0..20).collect::<Vec<u64>>(),
            "each writer's order is kept"
        );
    }
}

/// What the test above starts. It tells every record that was acknowledged.
#[tokio::test]
#[ignore = "started by another test as a process of its own"]
async fn a_process_that_appends() {
    let Ok(count) = std::env::var(COUNT) else {
        return;
    };
    let store = PostgresStore::open(&server()).await.unwrap();
    for n in 0..count.parse::<usize>().unwrap() {
        let content = json!({ "process": std::process::id(), "n": n });
        let version = append_in_turn(&store, Record::new("utterance", content)).await;
        println!("acknowledged {version}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: make test-postgres"]
async fn connections_that_break_are_not_noticed() {
    let url = new_database().await;
    let store = PostgresStore::open_with(&url, 3).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let breaker = tokio::spawn({
        let (done, url) = (done.clone(), url.clone());
        async move {
            while !done.load(Ordering::SeqCst) {
                let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                           WHERE datname = current_database() AND pid <> pg_backend_pid()";
                run(&url, all.to_owned()).await;
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    });
    let records: Vec<Record> = (0..200).map(|n| Record::new("x", json!(n))).collect();
    for (version, record) in (0..).zip(&records) {
        let now = store
            .append(&key(), version, std::slice::from_ref(record))
            .await;
        assert_eq!(now.unwrap(), version + 1);
    }
    done.store(true, Ordering::SeqCst);
    breaker.await.unwrap();
    assert_eq!(store.load(&key(), 0).await.unwrap(), records);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: make test-postgres"]
async fn what_cannot_be_used_is_told() {
    let told = |url: String| async move { PostgresStore::open(&url).await.unwrap_err() };
    let missing = told(in_database("nowhere")).await;
    assert_eq!(missing.kind(), ErrorKind::Config, "{missing}");
    assert!(
        missing.to_string().contains("no such database"),
        "{missing}"
    );
    let away = told("postgres://attendant@localhost/x?host=/tmp/no-such-folder".to_owned()).await;
    assert_eq!(away.kind(), ErrorKind::Unavailable, "{away}");
    assert!(away.is_transient());
    let latin = new_database_with("ENCODING 'LATIN1' TEMPLATE template0").await;
    let latin = told(latin).await;
    assert_eq!(latin.kind(), ErrorKind::Config, "{latin}");
    assert!(latin.to_string().contains("UTF8"), "{latin}");

    let url = new_database().await;
    PostgresStore::open(&url).await.unwrap();
    run(
        &url,
        "INSERT INTO attendant_schema (step) VALUES (99)".to_owned(),
    )
    .await;
    let newer = told(url).await;
    assert_eq!(newer.kind(), ErrorKind::Storage, "{newer}");
    assert!(newer.to_string().contains("schema 99"), "{newer}");
    assert!(newer.to_string().contains("upgrade"), "{newer}");

    let url = new_database().await;
    let store = PostgresStore::open(&url).await.unwrap();
    let mut long = key();
    // Not compressible, or the index would take it.
    long.conversation = (0..3000)
        .map(|n| char::from(b'a' + (n * n * 7 % 251 % 26) as u8))
        .chain(uuid::Uuid::now_v7().to_string().chars().cycle().take(9000))
        .collect::<String>()
        .into();
    let random: String = (0..200).map(|_| uuid::Uuid::new_v4().to_string()).collect();
    long.conversation = format!("{}{random}", long.conversation).into();
    let error = store
        .append(&long, 0, &[Record::new("x", json!(1))])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    run(
        &url,
        "INSERT INTO attendant_conversation (tenant, id, version, last_at) VALUES ('acme', 'call-1', 1, 0);
         INSERT INTO attendant_record SELECT seq, 1, gen_random_uuid(), 'x', 1, '{', '2026-01-01T00:00:00Z'
         FROM attendant_conversation"
            .to_owned(),
    )
    .await;
    let damaged = store.load(&key(), 0).await.unwrap_err();
    assert_eq!(damaged.kind(), ErrorKind::Storage, "{damaged}");
    assert!(damaged.to_string().contains("call-1"), "{damaged}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: make test-postgres"]
async fn a_writer_that_holds_a_conversation_too_long_is_waited_for_and_then_told() {
    let url = new_database().await;
    let store = PostgresStore::open(&url).await.unwrap();
    store
        .append(&key(), 0, &[Record::new("x", json!(1))])
        .await
        .unwrap();
    let mut holder = PgConnection::connect(&url).await.unwrap();
    let mut transaction = holder.begin().await.unwrap();
    sqlx::query("SELECT * FROM attendant_conversation FOR UPDATE")
        .execute(&mut *transaction)
        .await
        .unwrap();
    let record = [Record::new("x", json!(2))];
    let error = store.append(&key(), 1, &record).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    // Readers never wait.
    assert_eq!(store.load(&key(), 0).await.unwrap().len(), 1);
    transaction.rollback().await.unwrap();
    assert_eq!(store.append(&key(), 1, &record).await.unwrap(), 2);
}

/// A server of its own, which may be killed.
struct Server {
    folder: PathBuf,
    url: String,
}

impl Server {
    fn start() -> Self {
        // Short: the path of a socket has to fit into 107 bytes.
        let folder = Path::new("/tmp").join(format!("attendant-pg.crash{}", std::process::id()));
        let url = Self::script("start", &folder);
        Self { folder, url }
    }

    fn script(verb: &str, folder: &Path) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/postgres.sh");
        let out = Command::new("bash")
            .arg(script)
            .arg(verb)
            .arg(folder)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(out.status.success(), "{verb} failed");
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        Self::script("stop", &self.folder);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL: make test-postgres"]
async fn what_was_acknowledged_outlives_a_killed_server_and_nothing_is_there_twice() {
    const WRITERS: usize = 4;
    let server = Server::start();
    let store = PostgresStore::open_with(&server.url, 6).await.unwrap();
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let failures = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = store.clone();
            let (acknowledged, failures, stop) =
                (acknowledged.clone(), failures.clone(), stop.clone());
            tokio::spawn(async move {
                let key = StreamKey {
                    tenant: "acme".into(),
                    conversation: format!("w{writer}").into(),
                };
                let mut written: Vec<Record> = Vec::new();
                while !stop.load(Ordering::SeqCst) {
                    let n = written.len();
                    let batch: Vec<Record> = (n..n + 3)
                        .map(|n| Record::new("x", json!({ "n": n, "text": "x".repeat(500) })))
                        .collect();
                    // As a session does: the same records again, until they are taken.
                    loop {
                        match store.append(&key, n as Version, &batch).await {
                            Ok(version) => {
                                assert_eq!(version, n as Version + 3);
                                break;
                            }
                            Err(error) => {
                                assert!(error.is_transient(), "{error}");
                                assert_ne!(error.kind(), ErrorKind::Conflict, "{error}");
                                failures.fetch_add(1, Ordering::SeqCst);
                                let pause = std::time::Duration::from_millis(50);
                                tokio::time::sleep(pause).await;
                            }
                        }
                    }
                    written.extend(batch);
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
                (key, written)
            })
        })
        .collect();
    for round in 1..=3 {
        let before = acknowledged.load(Ordering::SeqCst);
        while acknowledged.load(Ordering::SeqCst) < before + 40 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let folder = server.folder.clone();
        tokio::task::spawn_blocking(move || {
            Server::script("crash", &folder);
            // Longer than the store tries by itself, once.
            if round == 2 {
                std::thread::sleep(std::time::Duration::from_millis(2500));
            }
            Server::script("restart", &folder);
        })
        .await
        .unwrap();
    }
    let before = acknowledged.load(Ordering::SeqCst);
    while acknowledged.load(Ordering::SeqCst) < before + 20 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    stop.store(true, Ordering::SeqCst);
    let fresh = PostgresStore::open(&server.url).await.unwrap();
    let mut batches = 0;
    for writer in writers {
        let (key, written) = writer.await.unwrap();
        assert!(
            fresh.load(&key, 0).await.unwrap() == written,
            "{}",
            key.conversation
        );
        batches += written.len() / 3;
    }
    assert_eq!(batches, acknowledged.load(Ordering::SeqCst));
    assert!(
        failures.load(Ordering::SeqCst) > 0,
        "the server was never away"
    );
}
