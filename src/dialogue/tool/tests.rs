use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::conversation::ActionStatus;
use crate::error::{Error, ErrorKind};
use crate::store::{ConversationStore, MemoryStore, Record, StreamKey};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Refund {
    payment: String,
    amount: f64,
}

fn stream() -> StreamKey {
    StreamKey {
        tenant: "acme".into(),
        conversation: "c1".into(),
    }
}

fn refund(source: &str) -> Action {
    Action {
        source: source.into(),
        tool: "refund".into(),
        arguments: json!({ "payment": "P1", "amount": "£1,020.50" }),
        approvals: Vec::new(),
    }
}

/// A ledger with a tool that answers as `answers` says, and how often it was called.
fn ledger(effect: ToolEffect, answers: Vec<Result<f64>>) -> (ActionLedger, Arc<AtomicUsize>) {
    let called = Arc::new(AtomicUsize::new(0));
    let counted = called.clone();
    let answers = Arc::new(
        answers
            .into_iter()
            .map(|a| a.map_err(|e| (e.kind(), e.to_string())))
            .collect::<Vec<_>>(),
    );
    let spec = ToolSpec::new("refund", "Refunds a payment")
        .with_effect(effect)
        .with_timeout(Duration::from_millis(500));
    let tool = FnTool::new(spec, move |asked: Refund, _| {
        let at = counted.fetch_add(1, Ordering::SeqCst);
        let answer = answers.get(at).cloned().unwrap_or(Ok(0.0));
        async move {
            let bonus = answer.map_err(|(kind, text)| Error::new(kind, text))?;
            Ok(json!({ "payment": asked.payment, "refunded": asked.amount + bonus }))
        }
    });
    let tools = Tools::new([Arc::new(tool) as Arc<dyn Tool>]);
    (
        ActionLedger::new(tools, Arc::new(MemoryStore::default())),
        called,
    )
}

fn failure(kind: ErrorKind) -> Result<f64> {
    Err(Error::new(kind, "no"))
}

#[tokio::test]
async fn an_action_is_done_once_whatever_is_asked_twice() {
    let (ledger, called) = ledger(ToolEffect::Write, vec![]);
    let first = ledger.perform(&stream(), refund("a/b#1")).await.unwrap();
    let second = ledger.perform(&stream(), refund("a/b#1")).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(first.status, ActionStatus::Succeeded);
    assert_eq!(first.result["refunded"], 1020.5, "text became a number");
    assert_eq!(called.load(Ordering::SeqCst), 1);
    ledger.perform(&stream(), refund("a/b#2")).await.unwrap();
    assert_eq!(
        called.load(Ordering::SeqCst),
        2,
        "another need is another action"
    );
    assert_eq!(ledger.receipts(&stream()).await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_what_is_harmless_is_tried_again() {
    for (effect, calls, status) in [
        (ToolEffect::Read, 2, ActionStatus::Succeeded),
        (ToolEffect::Idempotent, 2, ActionStatus::Succeeded),
        (ToolEffect::Write, 1, ActionStatus::Unknown),
    ] {
        let (ledger, called) = ledger(effect, vec![failure(ErrorKind::Unavailable), Ok(0.0)]);
        let receipt = ledger.perform(&stream(), refund("a/b#1")).await.unwrap();
        assert_eq!(
            (receipt.status, called.load(Ordering::SeqCst)),
            (status, calls),
            "{effect:?}"
        );
        ledger.perform(&stream(), refund("a/b#1")).await.unwrap();
        assert_eq!(
            called.load(Ordering::SeqCst),
            calls,
            "{effect:?} is not done again"
        );
    }
    let (ledger, called) = ledger(
        ToolEffect::Write,
        vec![failure(ErrorKind::Refused), Ok(0.0)],
    );
    assert_eq!(
        ledger
            .perform(&stream(), refund("a/b#1"))
            .await
            .unwrap()
            .status,
        ActionStatus::Failed
    );
    assert_eq!(
        ledger
            .perform(&stream(), refund("a/b#1"))
            .await
            .unwrap()
            .status,
        ActionStatus::Succeeded
    );
    assert_eq!(
        called.load(Ordering::SeqCst),
        2,
        "what was refused was not done"
    );
}

#[tokio::test]
async fn what_a_kill_interrupted_is_told_and_not_repeated() {
    for (effect, status, calls) in [
        (ToolEffect::Write, ActionStatus::Unknown, 0),
        (ToolEffect::Idempotent, ActionStatus::Succeeded, 1),
    ] {
        let (ledger, called) = ledger(effect, vec![]);
        let started = json!({ "key": ledger::tests_identity(&stream(), &refund("a/b#1")), "tool": "refund", "arguments": {} });
        ledger
            .tests_store()
            .append(&stream(), 0, &[Record::new("action_started", started)])
            .await
            .unwrap();
        let receipt = ledger.perform(&stream(), refund("a/b#1")).await.unwrap();
        assert_eq!(
            (receipt.status, called.load(Ordering::SeqCst)),
            (status, calls)
        );
    }
}

/// Lets others go first, as a store on disk does.
#[derive(Debug, Default)]
struct Yielding(MemoryStore);

#[async_trait]
impl ConversationStore for Yielding {
    async fn append(&self, key: &StreamKey, expected: u64, records: &[Record]) -> Result<u64> {
        tokio::task::yield_now().await;
        self.0.append(key, expected, records).await
    }

    async fn load(&self, key: &StreamKey, after: u64) -> Result<Vec<Record>> {
        let records = self.0.load(key, after).await;
        tokio::task::yield_now().await;
        records
    }

    async fn list(&self, tenant: &TenantId) -> Result<Vec<ConversationId>> {
        self.0.list(tenant).await
    }
}

#[tokio::test]
async fn of_several_who_begin_at_the_same_time_one_does() {
    let (ledger, called) = ledger(ToolEffect::Write, vec![]);
    let ledger = ActionLedger::new(ledger.tools().clone(), Arc::new(Yielding::default()));
    let stream = stream();
    let attempts = (0..3).map(|_| ledger.perform(&stream, refund("a/b#1")));
    let receipts = futures::future::join_all(attempts).await;
    assert_eq!(called.load(Ordering::SeqCst), 1);
    assert!(receipts.iter().all(Result::is_ok), "{receipts:?}");
}

#[tokio::test]
async fn a_conversation_that_is_erased_while_its_tool_runs_stays_erased() {
    for effect in [ToolEffect::Read, ToolEffect::Write] {
        let store = Arc::new(MemoryStore::default());
        let kept = store.clone();
        let spec = ToolSpec::new("refund", "Refunds a payment").with_effect(effect);
        let tool = FnTool::new(spec, move |_: Refund, _| {
            let kept = kept.clone();
            async move {
                kept.erase(&stream()).await?;
                Ok(json!({ "refunded": true }))
            }
        });
        let tools = Tools::new([Arc::new(tool) as Arc<dyn Tool>]);
        let ledger = ActionLedger::new(tools, store.clone());
        let said = Record::new("utterance", json!("my account is 4711"));
        store.append(&stream(), 0, &[said]).await.unwrap();
        let receipt = ledger.perform(&stream(), refund("a/b#1")).await.unwrap();
        assert_eq!(receipt.status, ActionStatus::Succeeded);
        let left = store.list(&"acme".into()).await.unwrap();
        assert!(left.is_empty(), "{effect:?}");
    }
}

#[tokio::test]
async fn nothing_is_done_for_a_conversation_that_was_erased() {
    let (real, called) = ledger(ToolEffect::Write, vec![]);
    for ledger in [real.clone(), real.clone().with_dry_run(true)] {
        let done = ledger.perform_kept(&stream(), refund("a/b#1")).await;
        assert_eq!(done.unwrap_err().kind(), ErrorKind::Conflict);
    }
    assert_eq!(called.load(Ordering::SeqCst), 0);
    let left = real.tests_store().list(&"acme".into()).await.unwrap();
    assert!(left.is_empty());
}

#[tokio::test]
async fn bad_arguments_and_unknown_tools_are_receipts_of_failure() {
    let (ledger, called) = ledger(ToolEffect::Write, vec![]);
    let wrong = Action {
        arguments: json!({ "payment": 7 }),
        ..refund("a/b#1")
    };
    let receipt = ledger.perform(&stream(), wrong).await.unwrap();
    assert_eq!(receipt.status, ActionStatus::Failed);
    let unknown = Action {
        tool: "fly".into(),
        ..refund("a/b#1")
    };
    let receipt = ledger.perform(&stream(), unknown).await.unwrap();
    assert!(
        receipt.result["error"]
            .as_str()
            .unwrap()
            .contains("no tool \"fly\"")
    );
    assert_eq!(called.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_hangs_is_given_up() {
    let spec = ToolSpec::new("slow", "Hangs").with_timeout(Duration::from_secs(1));
    let hanging = FnTool::new(spec, |_: serde_json::Map<String, Value>, _| async {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        Ok(json!({}))
    });
    let ledger = ActionLedger::new(
        Tools::new([Arc::new(hanging) as Arc<dyn Tool>]),
        Arc::new(MemoryStore::default()),
    );
    let action = Action {
        tool: "slow".into(),
        arguments: json!({}),
        ..refund("a/b#1")
    };
    assert_eq!(
        ledger.perform(&stream(), action).await.unwrap().status,
        ActionStatus::Unknown
    );
}

#[test]
fn secrets_are_masked_at_any_depth() {
    let spec = ToolSpec::new("t", "").with_secret(["pin"]);
    let shown = spec.mask(&json!({ "pin": 1, "cards": [{ "pin": "2", "last": 4 }] }));
    assert_eq!(
        shown,
        json!({ "pin": "***", "cards": [{ "pin": "***", "last": 4 }] })
    );
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_does_not_stand_in_the_way_of_the_real_one() {
    let (real, called) = ledger(ToolEffect::Write, vec![]);
    let dry = real.clone().with_dry_run(true);
    let tried = dry.perform(&stream(), refund("a/b#1")).await.unwrap();
    assert_eq!(tried.status, ActionStatus::DryRun);
    assert_eq!(tried.result, json!({ "dry_run": true }));
    assert_eq!(called.load(Ordering::SeqCst), 0);
    let done = real.perform(&stream(), refund("a/b#1")).await.unwrap();
    assert_eq!(
        (done.status, called.load(Ordering::SeqCst)),
        (ActionStatus::Succeeded, 1)
    );
    // What was done in earnest stays done.
    let again = dry.perform(&stream(), refund("a/b#1")).await.unwrap();
    assert_eq!(again, done);

    let (real, called) = ledger(ToolEffect::Read, vec![]);
    let looked = real
        .with_dry_run(true)
        .perform(&stream(), refund("a/b#1"))
        .await
        .unwrap();
    assert_eq!(
        (looked.status, called.load(Ordering::SeqCst)),
        (ActionStatus::Succeeded, 1)
    );
}
