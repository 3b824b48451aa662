//! What every `ConversationStore` promises.

// A suite is test code: a broken promise is told by a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod streams;

use futures::future::join_all;
use serde_json::json;

use crate::conversation::{ConversationId, TenantId};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{ConversationStore, Record, StreamKey, Version};

/// Checks everything [`ConversationStore`] promises. The tenants it uses are fresh, so that it may
/// run against a store that holds other data, and more than once.
///
/// # Panics
/// With the promise that is broken.
pub async fn conversation_store(store: &dyn ConversationStore) {
    what_is_appended_is_loaded_in_order(store).await;
    a_stale_version_is_a_conflict_and_writes_nothing(store).await;
    a_retry_is_harmless(store).await;
    half_a_retry_appends_the_other_half(store).await;
    an_id_twice_in_one_batch_is_kept_once(store).await;
    an_id_is_free_in_another_conversation(store).await;
    conversations_are_listed_oldest_first(store).await;
    tenants_never_see_each_other(store).await;
    five_hundred_records_keep_their_order(store).await;
    one_of_many_writers_wins(store).await;
    nobody_loses_a_record_when_all_try_again(store).await;
    any_text_comes_back_to_the_letter(store).await;
    streams::large_payloads_come_back_whole(store).await;
    streams::the_same_batch_at_once_is_kept_once(store).await;
    streams::many_streams_at_once_are_all_there(store).await;
    streams::pages_cover_every_stream_once(store).await;
    streams::what_is_erased_is_gone(store).await;
    streams::what_is_old_is_erased(store).await;
    streams::erasing_and_writing_at_once_leave_no_half(store).await;
    streams::a_snapshot_is_the_latest(store).await;
}

fn fresh_key(name: &str) -> StreamKey {
    StreamKey {
        tenant: TenantId::from(format!("{name}-{}", uuid::Uuid::now_v7())),
        conversation: ConversationId::generate(),
    }
}

fn record(n: usize) -> Record {
    Record::new("utterance", json!({ "n": n }))
}

fn conflicted<T: std::fmt::Debug>(result: Result<T>) -> Error {
    let error = result.expect_err("a stale version must not be accepted");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(
        error.is_transient(),
        "a conflict is solved by loading again"
    );
    error
}

async fn what_is_appended_is_loaded_in_order(store: &dyn ConversationStore) {
    let key = fresh_key("order");
    assert_eq!(store.load(&key, 0).await.unwrap(), []);
    let mut records = vec![record(1), record(2), record(3)];
    records[1].kind = "wrap_up".into();
    records[1].form = 7;
    assert_eq!(store.append(&key, 0, &records[..2]).await.unwrap(), 2);
    assert_eq!(store.append(&key, 2, &records[2..]).await.unwrap(), 3);
    assert_eq!(store.load(&key, 0).await.unwrap(), records);
    assert_eq!(store.load(&key, 2).await.unwrap(), records[2..]);
    assert_eq!(store.load(&key, 3).await.unwrap(), []);
    assert_eq!(store.load(&key, Version::MAX).await.unwrap(), []);
}

async fn a_stale_version_is_a_conflict_and_writes_nothing(store: &dyn ConversationStore) {
    let key = fresh_key("conflict");
    conflicted(store.append(&key, 1, &[record(1)]).await);
    let listed = store.list(&key.tenant).await.unwrap();
    assert_eq!(listed, [], "a refused append must leave no trace");

    let first = [record(1), record(2)];
    store.append(&key, 0, &first).await.unwrap();
    for stale in [0, 1, 3, Version::MAX] {
        conflicted(store.append(&key, stale, &[record(3), record(4)]).await);
    }
    assert_eq!(store.load(&key, 0).await.unwrap(), first);
}

async fn a_retry_is_harmless(store: &dyn ConversationStore) {
    let key = fresh_key("retry");
    let records = [record(1), record(2)];
    store.append(&key, 0, &records).await.unwrap();
    store.append(&key, 2, &[record(3)]).await.unwrap();
    let again = store.append(&key, 0, &records).await.unwrap();
    assert_eq!(again, 3, "a retry gives the current version");
    let nothing = store.append(&key, 0, &[]).await.unwrap();
    assert_eq!(nothing, 3, "so does appending nothing");
    assert_eq!(store.load(&key, 0).await.unwrap().len(), 3);

    let mut other = records[0].clone();
    other.payload = json!("changed");
    store.append(&key, 3, &[other]).await.unwrap();
    let kept = store.load(&key, 0).await.unwrap();
    assert_eq!(kept[0], records[0], "what is written is never changed");

    let empty = fresh_key("retry");
    assert_eq!(store.append(&empty, 0, &[]).await.unwrap(), 0);
    assert_eq!(store.list(&empty.tenant).await.unwrap(), []);
}

async fn half_a_retry_appends_the_other_half(store: &dyn ConversationStore) {
    let key = fresh_key("half");
    let records = [record(1), record(2), record(3)];
    store.append(&key, 0, &records[..2]).await.unwrap();
    conflicted(store.append(&key, 0, &records[1..]).await);
    assert_eq!(store.load(&key, 0).await.unwrap(), records[..2]);
    assert_eq!(store.append(&key, 2, &records[1..]).await.unwrap(), 3);
    assert_eq!(store.load(&key, 0).await.unwrap(), records);
}

async fn an_id_twice_in_one_batch_is_kept_once(store: &dyn ConversationStore) {
    let key = fresh_key("twice");
    let once = record(1);
    let batch = [once.clone(), record(2), once];
    assert_eq!(store.append(&key, 0, &batch).await.unwrap(), 2);
    assert_eq!(store.load(&key, 0).await.unwrap(), batch[..2]);
}

async fn an_id_is_free_in_another_conversation(store: &dyn ConversationStore) {
    let one = fresh_key("same-id");
    let other = StreamKey {
        conversation: ConversationId::generate(),
        ..one.clone()
    };
    let shared = [record(1)];
    assert_eq!(store.append(&one, 0, &shared).await.unwrap(), 1);
    assert_eq!(store.append(&other, 0, &shared).await.unwrap(), 1);
    assert_eq!(store.load(&other, 0).await.unwrap(), shared);
}

async fn conversations_are_listed_oldest_first(store: &dyn ConversationStore) {
    let key = fresh_key("list");
    // Ids whose alphabetical order is not their order of arrival.
    let ids = ["m", "a", "z", "b"].map(ConversationId::from);
    for id in &ids {
        let key = StreamKey {
            conversation: id.clone(),
            ..key.clone()
        };
        store.append(&key, 0, &[record(1)]).await.unwrap();
    }
    let first = StreamKey {
        conversation: ids[0].clone(),
        ..key.clone()
    };
    store.append(&first, 1, &[record(2)]).await.unwrap();
    assert_eq!(store.list(&key.tenant).await.unwrap(), ids);
}

async fn tenants_never_see_each_other(store: &dyn ConversationStore) {
    let ours = fresh_key("tenant");
    let theirs = StreamKey {
        tenant: fresh_key("tenant").tenant,
        conversation: ours.conversation.clone(),
    };
    let shared = record(1);
    store
        .append(&ours, 0, std::slice::from_ref(&shared))
        .await
        .unwrap();
    assert_eq!(store.load(&theirs, 0).await.unwrap(), []);
    assert_eq!(store.list(&theirs.tenant).await.unwrap(), []);
    let mut other = shared.clone();
    other.payload = json!("theirs");
    let version = store.append(&theirs, 0, &[other.clone()]).await.unwrap();
    assert_eq!(version, 1, "the id is not taken by another tenant");
    assert_eq!(store.load(&ours, 0).await.unwrap(), [shared]);
    assert_eq!(store.load(&theirs, 0).await.unwrap(), [other]);
    // Names that differ only in case or in what an SQL pattern would match are different tenants.
    let lower = fresh_key("acme_ltd").tenant;
    let upper = TenantId::from(lower.as_str().to_uppercase());
    let key = |tenant: &TenantId| StreamKey {
        tenant: tenant.clone(),
        conversation: ours.conversation.clone(),
    };
    store.append(&key(&lower), 0, &[record(1)]).await.unwrap();
    assert_eq!(store.load(&key(&upper), 0).await.unwrap(), []);
    let pattern = TenantId::from(lower.as_str().replace('_', "%"));
    assert_eq!(store.list(&pattern).await.unwrap(), []);
}

async fn five_hundred_records_keep_their_order(store: &dyn ConversationStore) {
    let key = fresh_key("many");
    let records: Vec<Record> = (0..500).map(record).collect();
    let mut version = 0;
    for batch in records.chunks(40) {
        version = store.append(&key, version, batch).await.unwrap();
    }
    assert_eq!(version, 500);
    assert_eq!(store.load(&key, 0).await.unwrap(), records);
    assert_eq!(store.load(&key, 499).await.unwrap(), records[499..]);
}

async fn one_of_many_writers_wins(store: &dyn ConversationStore) {
    let key = fresh_key("race");
    for version in 0..5 {
        let attempts = (0..8).map(|n| {
            let key = &key;
            async move { store.append(key, version, &[record(n)]).await }
        });
        let results = join_all(attempts).await;
        let winners = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(winners, 1, "exactly one writer wins version {version}");
        for result in results {
            match result {
                Ok(new) => assert_eq!(new, version + 1),
                lost => drop(conflicted(lost)),
            }
        }
    }
    assert_eq!(store.load(&key, 0).await.unwrap().len(), 5);
}

async fn nobody_loses_a_record_when_all_try_again(store: &dyn ConversationStore) {
    let key = fresh_key("persist");
    let written: Vec<Record> = (0..12).map(record).collect();
    join_all(written.iter().map(|record| {
        let key = &key;
        async move {
            let mut version = 0;
            while let Err(lost) = store
                .append(key, version, std::slice::from_ref(record))
                .await
            {
                assert_eq!(lost.kind(), ErrorKind::Conflict, "{lost}");
                let loaded = store.load(key, 0).await.unwrap();
                version = Version::try_from(loaded.len()).unwrap();
            }
        }
    }))
    .await;
    let loaded = store.load(&key, 0).await.unwrap();
    assert_eq!(loaded.len(), written.len());
    assert!(written.iter().all(|record| loaded.contains(record)));
}

async fn any_text_comes_back_to_the_letter(store: &dyn ConversationStore) {
    let texts = [
        "Grüße, 你好, مرحبا, नमस्ते",
        "family 👩‍👩‍👧 and a flag 🇱🇻",
        "e\u{301} is not é",
        "a line\r\nand a tab\tand a nul \0 and a quote ' and \\ and \"",
        "'); DROP TABLE record; --",
        "",
    ];
    let mut key = fresh_key("unicode-Ünï-👋");
    key.conversation = ConversationId::from("Gespräch 'Nr. 1' / 会話; --");
    let records: Vec<Record> = texts
        .iter()
        .map(|text| {
            let mut record = Record::new(*text, json!({ *text: [text, null, true, -7, 0.25] }));
            record.at = "1969-12-31T23:59:59.123456789Z".parse().unwrap();
            record
        })
        .collect();
    store.append(&key, 0, &records).await.unwrap();
    assert_eq!(store.load(&key, 0).await.unwrap(), records);
    let listed = store.list(&key.tenant).await.unwrap();
    assert_eq!(listed, [key.conversation.clone()]);
    for id in ["a\0b\\", "a\0b\\0", "a\\0b\\"] {
        key.conversation = id.into();
        let first = [record(1)];
        assert_eq!(store.append(&key, 0, &first).await.unwrap(), 1);
        assert_eq!(store.load(&key, 0).await.unwrap(), first, "{id:?}");
    }
}
