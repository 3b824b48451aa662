use std::path::PathBuf;

use serde_json::json;

use super::*;

fn key() -> StreamKey {
    StreamKey {
        tenant: "acme".into(),
        conversation: "c1".into(),
    }
}

fn new_path(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("a store é.db")
}

async fn refused(path: &Path) -> String {
    let error = SqliteStore::open(path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage, "{error}");
    error.to_string()
}

/// Runs SQL on the file behind the store's back.
async fn tamper(path: &Path, sql: &'static str) {
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn conforms_in_memory() {
    crate::testing::conversation_store(&SqliteStore::in_memory().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_in_a_file_and_survives_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = new_path(&folder);
    let store = SqliteStore::open(&path).await.unwrap();
    crate::testing::conversation_store(&store).await;
    let records = [Record::new("utterance", json!("hello"))];
    store.append(&key(), 0, &records).await.unwrap();
    drop(store);
    let again = SqliteStore::open(&path).await.unwrap();
    assert_eq!(again.load(&key(), 0).await.unwrap(), records);
    crate::testing::conversation_store(&again).await;
}

#[tokio::test]
async fn the_file_uses_the_settings_that_make_it_durable() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(new_path(&folder)).await.unwrap();
    for pool in [&store.writer, &store.reader] {
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(pool)
            .await
            .unwrap();
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
            .fetch_one(pool)
            .await
            .unwrap();
        let foreign_keys: i64 = sqlx::query_scalar("PRAGMA foreign_keys")
            .fetch_one(pool)
            .await
            .unwrap();
        assert_eq!((mode.as_str(), synchronous, foreign_keys), ("wal", 2, 1));
    }
}

#[tokio::test]
async fn what_is_no_store_is_told_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();

    let text = folder.path().join("notes.txt");
    let content = "Call the customer back on Monday. ".repeat(100);
    std::fs::write(&text, &content).unwrap();
    let told = refused(&text).await;
    assert!(told.contains("not an SQLite database"), "{told}");
    assert_eq!(std::fs::read_to_string(&text).unwrap(), content);

    let foreign = folder.path().join("foreign.db");
    tamper(&foreign, "CREATE TABLE crm (id INTEGER)").await;
    let before = std::fs::read(&foreign).unwrap();
    let told = refused(&foreign).await;
    assert!(told.contains("another program"), "{told}");
    assert_eq!(std::fs::read(&foreign).unwrap(), before);

    let told = refused(folder.path()).await;
    assert!(told.contains("check that the folder"), "{told}");
    let told = refused(&folder.path().join("no/such/folder.db")).await;
    assert!(told.contains("check that the folder"), "{told}");
    refused(Path::new("")).await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_an_empty_file_is_a_new_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = new_path(&folder);
    std::fs::write(&path, b"").unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    store
        .append(&key(), 0, &[Record::new("x", json!(1))])
        .await
        .unwrap();
    store.close().await;
    tamper(&path, "PRAGMA user_version = 99").await;
    let told = refused(&path).await;
    assert!(told.contains("schema 99"), "{told}");
    assert!(told.contains("upgrade"), "{told}");
}

#[tokio::test]
async fn a_damaged_record_is_an_error_not_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let path = new_path(&folder);
    let store = SqliteStore::open(&path).await.unwrap();
    let records = [Record::new("x", json!(1)), Record::new("x", json!(2))];
    store.append(&key(), 0, &records).await.unwrap();
    tamper(&path, "UPDATE record SET payload = '{' WHERE version = 2").await;
    let error = store.load(&key(), 0).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.to_string().contains("c1"), "{error}");
}

#[tokio::test]
async fn a_truncated_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = new_path(&folder);
    let store = SqliteStore::open(&path).await.unwrap();
    let long = "word ".repeat(2000);
    for version in 0..20 {
        let record = Record::new("x", json!(long));
        store.append(&key(), version, &[record]).await.unwrap();
    }
    store.close().await;
    let bytes = std::fs::read(&path).unwrap();
    for kept in [bytes.len() / 2, 4096, 1000, 50] {
        std::fs::write(&path, &bytes[..kept]).unwrap();
        let outcome = match SqliteStore::open(&path).await {
            Ok(store) => store.load(&key(), 0).await.map(|records| records.len()),
            Err(error) => Err(error),
        };
        let error = outcome.expect_err("a cut file must not pass for a whole one");
        assert_eq!(error.kind(), ErrorKind::Storage, "{kept} bytes: {error}");
    }
}

#[tokio::test]
async fn a_name_sqlite_gives_another_meaning_is_a_file_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    for name in [":memory:", "file:x?mode=memory"] {
        let path = folder.path().join(name);
        let store = SqliteStore::open(&path).await.unwrap();
        store.close().await;
        assert!(path.is_file(), "{name}");
    }
}

#[tokio::test]
async fn a_file_of_the_first_schema_is_migrated_with_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = new_path(&folder);
    tamper(&path, include_str!("0001_records.sql")).await;
    tamper(
        &path,
        "PRAGMA user_version = 1; PRAGMA application_id = 1635021924;
         INSERT INTO conversation (tenant, id, version) VALUES ('acme', 'c1', 1), ('acme', 'c2', 1);
         INSERT INTO record VALUES
         (1, 1, '0190a000-0000-7000-8000-000000000001', 'x', 1, '\"old\"', '2020-05-04T10:00:00.123456789Z'),
         (2, 1, '0190a000-0000-7000-8000-000000000002', 'x', 1, '\"odd\"', 'no time');",
    )
    .await;
    let store = SqliteStore::open(&path).await.unwrap();
    let records = store.load(&key(), 0).await.unwrap();
    assert_eq!(records[0].payload, json!("old"));
    let page = store
        .page(&"acme".into(), &ListQuery::default())
        .await
        .unwrap();
    let last_at: Timestamp = "2020-05-04T10:00:00.999Z".parse().unwrap();
    assert_eq!(page.streams[0].last_at, last_at);
    let before: Timestamp = "2020-05-05T00:00:00Z".parse().unwrap();
    let gone = store
        .erase_before(&"acme".into(), &Streams::All, before)
        .await
        .unwrap();
    assert_eq!(gone.streams, 1, "an unreadable time is not an old one");
    store.close().await;
    SqliteStore::open(&path).await.unwrap();
}

#[tokio::test]
async fn what_is_erased_is_not_in_the_files_either() {
    let folder = tempfile::tempdir().unwrap();
    let path = new_path(&folder);
    let store = SqliteStore::open(&path).await.unwrap();
    for n in 0..20 {
        let said = json!(format!("my secret is sesame{n} {}", "x".repeat(3000)));
        store
            .append(&key(), n, &[Record::new("x", said)])
            .await
            .unwrap();
    }
    let contains = || {
        let files = std::fs::read_dir(folder.path()).unwrap();
        let mut found = 0;
        for file in files {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            found += bytes.windows(6).filter(|w| *w == b"sesame").count();
        }
        found
    };
    assert!(contains() >= 20);
    store.erase(&key()).await.unwrap();
    assert_eq!(contains(), 0);
}

#[tokio::test]
async fn after_a_full_disk_it_goes_on_where_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(new_path(&folder)).await.unwrap();
    let long = || Record::new("said", json!({ "text": "x".repeat(200_000) }));
    let begun = Record::new("started", json!({}));
    assert_eq!(store.append(&key(), 0, &[begun]).await.unwrap(), 1);
    // As large as the file is: SQLite then says that the disk is full. It holds for this one connection.
    sqlx::query("PRAGMA max_page_count = 1")
        .execute(&store.writer)
        .await
        .unwrap();
    let full = store.append(&key(), 1, &[long()]).await.unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Storage, "{full}");
    assert!(full.to_string().contains("full"), "{full}");
    assert_eq!(store.append(&key(), 1, &[long()]).await.unwrap(), 2);
    assert_eq!(store.load(&key(), 0).await.unwrap().len(), 2);
}
