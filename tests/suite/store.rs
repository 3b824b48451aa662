//! The SQLite store as hosts use it: several stores and several processes on one file, and a
//! process that is killed in the middle.
#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use attendant::ErrorKind;
use attendant::store::{ConversationStore, Record, SqliteStore, StreamKey, Version};
use serde_json::json;

const FILE: &str = "ATTENDANT_TEST_STORE";
const COUNT: &str = "ATTENDANT_TEST_RECORDS";

fn key() -> StreamKey {
    StreamKey {
        tenant: "acme".into(),
        conversation: "call-1".into(),
    }
}

/// Appends one record, loading again as often as somebody else was first.
async fn append_in_turn(store: &SqliteStore, record: Record) -> Version {
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

/// Starts this test program again, only to append `count` records to the store at `path`.
fn start_writer(path: &Path, count: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "store::a_process_that_appends",
            "--ignored",
            "--nocapture",
        ])
        .env(FILE, path)
        .env(COUNT, count.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What [`start_writer`] runs. It tells every record that was acknowledged.
#[tokio::test]
#[ignore = "started by the other tests as a process of its own"]
async fn a_process_that_appends() {
    let Ok(path) = std::env::var(FILE) else {
        return;
    };
    let count: usize = std::env::var(COUNT).unwrap().parse().unwrap();
    let store = SqliteStore::open(path).await.unwrap();
    for n in 0..count {
        let record = Record::new(
            "utterance",
            json!({ "process": std::process::id(), "n": n }),
        );
        let id = record.id;
        let version = append_in_turn(&store, record).await;
        println!("acknowledged {version} {id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stores_that_open_a_new_file_at_once_agree() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let path = path.clone();
            tokio::spawn(async move {
                let store = SqliteStore::open(&path).await.unwrap();
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
async fn processes_share_a_file_and_no_record_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut children: Vec<Child> = (0..3).map(|_| start_writer(&path, 20)).collect();
    for child in &mut children {
        let mut told = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut told)
            .unwrap();
        assert!(child.wait().unwrap().success(), "{told}");
        assert_eq!(told.matches("acknowledged").count(), 20, "{told}");
    }
    let store = SqliteStore::open(&path).await.unwrap();
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

#[tokio::test]
async fn what_a_killed_process_was_told_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut child = start_writer(&path, 1_000_000);
    let mut acknowledged = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        // The test harness writes around it.
        let Some((_, told)) = line.split_once("acknowledged ") else {
            continue;
        };
        let (version, id) = told.split_once(' ').unwrap();
        acknowledged.push((version.parse::<usize>().unwrap(), id.to_owned()));
        if acknowledged.len() == 50 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(acknowledged.len() >= 50, "{}", acknowledged.len());

    let store = SqliteStore::open(&path).await.unwrap();
    let records = store.load(&key(), 0).await.unwrap();
    for (version, id) in &acknowledged {
        assert_eq!(&records[version - 1].id.to_string(), id);
    }
    // The killed writer left no lock behind.
    let next = append_in_turn(&store, Record::new("x", json!("after the crash"))).await;
    assert_eq!(next, records.len() as Version + 1);
}
