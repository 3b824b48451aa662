//! Coaching rules over a stored conversation, with the real embedder.
#![cfg(feature = "local")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use attendant::assist::{ReplayConversation, load_coaching_rules};
use attendant::assistant::local::load_embedder;
use attendant::conversation::{ChecklistStatus, Conversation};
use attendant::models::Cache;
use attendant::{Assistant, Content};

fn call() -> ReplayConversation {
    let path = crate::support::repository("examples/sample-call/transcript.json");
    let text = std::fs::read_to_string(path).unwrap();
    ReplayConversation {
        name: "transcript.json".into(),
        conversation: Conversation::from_json(&text).unwrap(),
        labels: Some(vec!["acknowledge-frustration".into()]),
    }
}

async fn assistant() -> Assistant {
    let content = Content::load(
        &crate::support::repository("knowledge"),
        &"larkfield".into(),
    )
    .unwrap();
    let cache = Cache::from_env().unwrap();
    let embedder = load_embedder(&cache, "all-minilm-l6-v2").await.unwrap();
    let builder = Assistant::builder().embedder(embedder).content(&content);
    builder.build().await.unwrap()
}

#[tokio::test]
async fn the_sample_call_gives_its_cue_on_the_second_turn() {
    let rules = load_coaching_rules(&crate::support::repository("knowledge")).unwrap();
    let report = assistant().await.replay_coaching(&[call()]).await.unwrap();
    assert_eq!((report.conversations, report.utterances), (1, 13));
    assert_eq!(report.rules.len(), rules.len());
    let rule = &report.rules[0];
    assert_eq!(rule.rule, "acknowledge-frustration");
    assert_eq!((rule.precision, rule.recall), (Some(1.0), Some(1.0)));
    assert_eq!(rule.examples[0].utterance, Some(2));
    assert!(rule.examples[0].words.contains("annoyed"), "{rule:?}");
    assert!(report.utterance_ms_p95 > 0.0);
}

#[tokio::test]
async fn the_sample_call_says_all_that_its_checklist_requires() {
    let assistant = assistant().await;
    let entries = assistant
        .checklist(&call().conversation, &[], true)
        .await
        .unwrap();
    let missing: Vec<_> = entries
        .iter()
        .filter(|entry| entry.status != ChecklistStatus::Said)
        .collect();
    assert!(!entries.is_empty() && missing.is_empty(), "{missing:?}");
}
