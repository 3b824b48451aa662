//! What every store promises about many streams: pages, erasing, snapshots.

use futures::future::join_all;
use jiff::{Timestamp, ToSpan};
use serde_json::json;

use super::{conflicted, fresh_key, record};
use crate::conversation::{ConversationId, TenantId};
use crate::error::ErrorKind;
use crate::store::{ConversationStore, ListQuery, Record, Snapshot, StreamKey, Streams, Version};

fn key_of(tenant: &TenantId, id: &str) -> StreamKey {
    StreamKey {
        tenant: tenant.clone(),
        conversation: id.into(),
    }
}

fn at(time: &str) -> Record {
    let mut record = record(1);
    record.at = time.parse().unwrap();
    record
}

/// All pages one after the other.
async fn walk(
    store: &dyn ConversationStore,
    tenant: &TenantId,
    mut query: ListQuery,
) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let page = store.page(tenant, &query).await.unwrap();
        assert!(page.streams.len() <= query.limit.max(1));
        ids.extend(page.streams.iter().map(|s| s.id.as_str().to_owned()));
        match page.next {
            Some(_) => query = query.after(page.next),
            None => return ids,
        }
        assert!(ids.len() < 1000, "the pages never end");
    }
}

pub(super) async fn pages_cover_every_stream_once(store: &dyn ConversationStore) {
    let tenant = fresh_key("pages").tenant;
    let ids = [
        "m",
        "~learned",
        "a",
        "100%",
        "100x",
        "~contact/é/1",
        "z\0z",
        "b",
    ];
    for id in ids {
        let first = [at("2026-05-04T10:00:00.1239Z"), at("2026-05-03T10:00:00Z")];
        store.append(&key_of(&tenant, id), 0, &first).await.unwrap();
    }
    store
        .append(&key_of(&tenant, "m"), 2, &[record(2)])
        .await
        .unwrap();
    let all = ListQuery::of(Streams::All);
    for limit in [1, 3, 8, 50] {
        let query = all.clone().with_limit(limit);
        assert_eq!(walk(store, &tenant, query.clone()).await, ids);
        let mut newest = walk(store, &tenant, query.newest_first()).await;
        newest.reverse();
        assert_eq!(newest, ids);
    }
    let conversations = walk(store, &tenant, ListQuery::default().with_limit(2)).await;
    assert_eq!(conversations, ["m", "a", "100%", "100x", "z\0z", "b"]);
    for (prefix, found) in [
        ("100%", &["100%"][..]),
        ("100", &["100%", "100x"]),
        ("~contact/é/", &["~contact/é/1"]),
        ("z\0", &["z\0z"]),
        ("", &ids),
        ("nothing", &[]),
    ] {
        let query = ListQuery::of(Streams::Prefix(prefix.into())).with_limit(3);
        assert_eq!(walk(store, &tenant, query).await, found, "{prefix:?}");
    }
    let page = store.page(&tenant, &all.with_limit(0)).await.unwrap();
    assert_eq!(page.streams.len(), 1, "a page holds at least one");
    assert_eq!(page.streams[0].version, 3);
    let page = store
        .page(&tenant, &ListQuery::of(Streams::Prefix("a".into())))
        .await
        .unwrap();
    assert_eq!(page.streams[0].version, 2);
    let last_at: Timestamp = "2026-05-04T10:00:00.123Z".parse().unwrap();
    assert_eq!(page.streams[0].last_at, last_at);
    let other = fresh_key("pages").tenant;
    assert_eq!(
        store.page(&other, &ListQuery::default()).await.unwrap(),
        Default::default()
    );
}

pub(super) async fn many_streams_at_once_are_all_there(store: &dyn ConversationStore) {
    let tenants = [fresh_key("many").tenant, fresh_key("many").tenant];
    let keys: Vec<StreamKey> = (0..24)
        .map(|n| key_of(&tenants[n % 2], &format!("c{n}")))
        .collect();
    join_all(keys.iter().map(|key| async move {
        for version in 0..3 {
            let record = Record::new("x", json!([key.conversation, version]));
            store.append(key, version, &[record]).await.unwrap();
        }
    }))
    .await;
    for key in &keys {
        let told: Vec<_> = store.load(key, 0).await.unwrap();
        let told: Vec<_> = told.into_iter().map(|record| record.payload).collect();
        let id = &key.conversation;
        assert_eq!(told, [json!([id, 0]), json!([id, 1]), json!([id, 2])]);
    }
    for tenant in &tenants {
        assert_eq!(store.list(tenant).await.unwrap().len(), 12);
        let query = ListQuery::default().with_limit(5);
        let listed: Vec<ConversationId> = store.list(tenant).await.unwrap();
        let walked = walk(store, tenant, query).await;
        assert_eq!(
            walked,
            listed
                .iter()
                .map(ConversationId::as_str)
                .collect::<Vec<_>>()
        );
    }
}

pub(super) async fn the_same_batch_at_once_is_kept_once(store: &dyn ConversationStore) {
    let key = fresh_key("replay");
    let batch: Vec<Record> = (0..5).map(record).collect();
    let results = join_all((0..6).map(|_| store.append(&key, 0, &batch))).await;
    for result in results {
        assert_eq!(
            result.unwrap(),
            5,
            "a retry beside the first call is harmless"
        );
    }
    assert_eq!(store.load(&key, 0).await.unwrap(), batch);
}

pub(super) async fn large_payloads_come_back_whole(store: &dyn ConversationStore) {
    let key = fresh_key("large");
    let long = "žluťoučký kůň \0 👋 \" ".repeat(100_000);
    let records = [Record::new("x", json!({ "text": long })), record(2)];
    store.append(&key, 0, &records).await.unwrap();
    let loaded = store.load(&key, 0).await.unwrap();
    assert!(loaded == records, "a payload of 3 MB changed");
}

/// Whether the store erases at all; one that does not must say so.
async fn erases(store: &dyn ConversationStore) -> bool {
    match store.erase(&fresh_key("erase")).await {
        Ok(receipt) => {
            assert_eq!((receipt.streams, receipt.records), (0, 0));
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            false
        }
    }
}

pub(super) async fn what_is_erased_is_gone(store: &dyn ConversationStore) {
    if !erases(store).await {
        return;
    }
    let ours = fresh_key("erase");
    let beside = key_of(&ours.tenant, "beside");
    let theirs = StreamKey {
        tenant: fresh_key("erase").tenant,
        conversation: ours.conversation.clone(),
    };
    let records = [record(1), record(2)];
    for key in [&ours, &beside, &theirs] {
        store.append(key, 0, &records).await.unwrap();
    }
    let before = Timestamp::now().checked_sub(1.minute()).unwrap();
    let receipt = store.erase(&ours).await.unwrap();
    assert_eq!((receipt.streams, receipt.records), (1, 2));
    assert!(receipt.at > before);
    assert_eq!(store.load(&ours, 0).await.unwrap(), []);
    assert_eq!(
        store.list(&ours.tenant).await.unwrap(),
        std::slice::from_ref(&beside.conversation)
    );
    for key in [&beside, &theirs] {
        assert_eq!(store.load(key, 0).await.unwrap(), records);
    }
    // Whoever still writes to it must not bring it back.
    conflicted(store.append(&ours, 2, &[record(3)]).await);
    let again = store.erase(&ours).await.unwrap();
    assert_eq!((again.streams, again.records), (0, 0));
    // The id, and those of its records, are free.
    assert_eq!(store.append(&ours, 0, &records[1..]).await.unwrap(), 1);
    assert_eq!(
        store.list(&ours.tenant).await.unwrap(),
        [beside.conversation, ours.conversation]
    );
}

pub(super) async fn what_is_old_is_erased(store: &dyn ConversationStore) {
    if !erases(store).await {
        return;
    }
    let tenant = fresh_key("retention").tenant;
    let other = fresh_key("retention").tenant;
    let old = "2020-01-01T00:00:00Z";
    let new = "2026-01-01T00:00:00Z";
    let streams = [
        ("old", vec![at(old), at(old)]),
        ("went-on", vec![at(new), at(old)]),
        ("~old", vec![at(old)]),
        ("~x/old", vec![at(old)]),
        ("on-the-day", vec![at("2025-01-01T00:00:00Z")]),
    ];
    for (id, records) in &streams {
        store
            .append(&key_of(&tenant, id), 0, records)
            .await
            .unwrap();
    }
    let theirs = key_of(&other, "old");
    store.append(&theirs, 0, &[at(old)]).await.unwrap();
    let before: Timestamp = "2025-01-01T00:00:00Z".parse().unwrap();
    let gone = store
        .erase_before(&tenant, &Streams::Conversations, before)
        .await
        .unwrap();
    assert_eq!((gone.streams, gone.records), (1, 2));
    let gone = store
        .erase_before(&tenant, &Streams::Prefix("~x/".into()), before)
        .await
        .unwrap();
    assert_eq!((gone.streams, gone.records), (1, 1));
    let ids = ["went-on", "~old", "on-the-day"].map(ConversationId::from);
    assert_eq!(store.list(&tenant).await.unwrap(), ids);
    let gone = store
        .erase_before(&tenant, &Streams::All, before)
        .await
        .unwrap();
    assert_eq!((gone.streams, gone.records), (1, 1));
    assert_eq!(store.list(&other).await.unwrap().len(), 1);
    let many = fresh_key("retention").tenant;
    for n in 0..230 {
        store
            .append(&key_of(&many, &n.to_string()), 0, &[at(old)])
            .await
            .unwrap();
    }
    let gone = store
        .erase_before(&many, &Streams::All, before)
        .await
        .unwrap();
    assert_eq!((gone.streams, gone.records), (230, 230));
}

pub(super) async fn erasing_and_writing_at_once_leave_no_half(store: &dyn ConversationStore) {
    if !erases(store).await {
        return;
    }
    let key = fresh_key("erase-race");
    for _ in 0..10 {
        store.append(&key, 0, &[record(1)]).await.unwrap();
        let batch = [record(2), record(3)];
        let (written, erased) = futures::join!(store.append(&key, 1, &batch), store.erase(&key));
        let erased = erased.unwrap();
        let left = store.load(&key, 0).await.unwrap();
        assert_eq!(left, [], "what is erased does not come back");
        match written {
            Ok(version) => assert_eq!((version, erased.records), (3, 3)),
            Err(lost) => {
                assert_eq!(lost.kind(), ErrorKind::Conflict, "{lost}");
                assert_eq!(erased.records, 1);
            }
        }
    }
}

pub(super) async fn a_snapshot_is_the_latest(store: &dyn ConversationStore) {
    let key = fresh_key("snapshot");
    let snapshot = |version: Version| Snapshot {
        version,
        form: 3,
        payload: json!({ "upto": version, "text": "é\0" }),
    };
    assert_eq!(store.snapshot(&key).await.unwrap(), None);
    store.keep_snapshot(&key, &snapshot(0)).await.unwrap();
    let records: Vec<Record> = (0..4).map(record).collect();
    store.append(&key, 0, &records).await.unwrap();
    store.keep_snapshot(&key, &snapshot(2)).await.unwrap();
    if store.snapshot(&key).await.unwrap().is_none() {
        return; // A store that keeps none.
    }
    assert_eq!(store.snapshot(&key).await.unwrap(), Some(snapshot(2)));
    for stale in [1, 5, Version::MAX] {
        store.keep_snapshot(&key, &snapshot(stale)).await.unwrap();
        assert_eq!(store.snapshot(&key).await.unwrap(), Some(snapshot(2)));
    }
    store.keep_snapshot(&key, &snapshot(4)).await.unwrap();
    assert_eq!(store.snapshot(&key).await.unwrap(), Some(snapshot(4)));
    assert_eq!(store.load(&key, 0).await.unwrap(), records);
    if erases(store).await {
        store.erase(&key).await.unwrap();
        assert_eq!(store.snapshot(&key).await.unwrap(), None);
    }
}
