//! What a process that was killed has left in the middle of something.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value, json};

use super::others::AT_ONCE;
use super::*;
use crate::conversation::{HandoffReason, HandoffStatus, Participant, Summary};
use crate::dialogue::{DialogueState, FnTool, HandoffPolicy, Playbook, Tool, ToolSpec, Transfer};
use crate::store::Record;

/// Longer than anything here takes: a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(600);

/// A chat in which the virtual agent leads and the customer has spoken last.
fn asked() -> Conversation {
    let mut chat = chat("c1");
    chat.join(Participant::new("bot", Role::AutomatedAgent));
    chat.say(Role::EndUser, "Hello?");
    chat
}

async fn write(store: &MemoryStore, kind: &str, payload: serde_json::Value) {
    let version = store.load(&key("c1"), 0).await.unwrap().len() as u64;
    let record = [Record::new(kind, payload)];
    store.append(&key("c1"), version, &record).await.unwrap();
}

#[tokio::test]
async fn a_question_that_nobody_answered_is_answered_once_somebody_reads() {
    let store = Arc::new(MemoryStore::new());
    write(&store, "started", serde_json::to_value(asked()).unwrap()).await;
    let hub = hub(store.clone()).await;
    let view = hub.view(&key("c1")).await.unwrap();
    assert_eq!((texts(&view).len(), hub.stats().live), (1, 0));
    let events = hub.events(&key("c1"), None).await.unwrap();
    assert_eq!(hub.stats().resumed, 1);
    hub.settle(&key("c1")).await.unwrap();
    let said = hub.view(&key("c1")).await.unwrap();
    assert!(texts(&said).len() > 1, "{said:?}");
    // Nothing is owed any more.
    hub.shut_down().await;
    drop(events);
    let next = super::hub(store).await;
    next.events(&key("c1"), None).await.unwrap();
    assert_eq!(next.stats().resumed, 0);
}

#[tokio::test]
async fn a_step_that_waits_for_nobody_is_taken_once_somebody_reads() {
    let store = Arc::new(MemoryStore::new());
    let mut chat = asked();
    chat.say(Role::AutomatedAgent, "One moment, please.");
    write(&store, "started", serde_json::to_value(chat).unwrap()).await;
    let state = json!({ "playbook": "order", "runs": { "order": 1 } });
    write(&store, "state", state).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let spec = ToolSpec::new("order_phone", "Orders");
    let tool = FnTool::new(spec, move |_: Map<String, Value>, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok(json!({ "ok": true })) }
    });
    let assistant = Assistant::builder()
        .store(store)
        .playbooks(vec![Playbook::from_toml(AT_ONCE).unwrap()])
        .tools(vec![Arc::new(tool) as Arc<dyn Tool>])
        .build()
        .await
        .unwrap();
    let hub = SessionHub::new(assistant, options());
    let events = hub.events(&key("c1"), None).await.unwrap();
    hub.settle(&key("c1")).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    drop(events);
}

#[tokio::test(start_paused = true)]
async fn an_offer_to_a_person_runs_out_though_its_process_died() {
    let store = Arc::new(MemoryStore::new());
    let mut chat = asked();
    chat.say(Role::AutomatedAgent, "I am looking for a colleague.");
    write(&store, "started", serde_json::to_value(chat).unwrap()).await;
    let policy = "tries = 1\n[[queues]]\nname = \"first\"\nseconds = 60\n";
    let policy: HandoffPolicy = toml::from_str(policy).unwrap();
    let now = jiff::Timestamp::now();
    let reason = HandoffReason::CustomerAsked;
    let state = DialogueState {
        handed_off: Some(reason),
        transfers: vec![Transfer::open(1, reason, None, &policy, now)],
        ..DialogueState::default()
    };
    write(&store, "state", serde_json::to_value(state).unwrap()).await;
    let hub = hub(store).await;
    let mut events = hub.events(&key("c1"), None).await.unwrap();
    let timed_out = async {
        while let Some(event) = events.next().await {
            if let HubEvent::Event(event) = event
                && let SessionEvent::HandoffChanged { status, .. } = &event.event
                && matches!(status, HandoffStatus::TimedOut { .. })
            {
                return;
            }
        }
        panic!("the events ended");
    };
    tokio::time::timeout(PATIENCE, timed_out).await.unwrap();
}

#[tokio::test]
async fn an_end_that_its_process_did_not_live_to_see_is_reached_before_a_note_is_kept() {
    let store = Arc::new(Shaky::default());
    let first = hub(store.clone()).await;
    first.open(chat("c1")).await.unwrap();
    submit(&first, "c1", "Hello.").await;
    first.settle(&key("c1")).await.unwrap();
    // The end is stored; what follows from it is not.
    store.next(&[Write::Works]);
    store.next(&[Write::Fails; 20]);
    first
        .submit(&key("c1"), Uuid::now_v7(), SessionInput::End)
        .await
        .unwrap();
    first.settle(&key("c1")).await.unwrap();
    store.calm();
    let ends = async || {
        let records = store.load(&key("c1"), 0).await.unwrap();
        records
            .iter()
            .filter(|record| record.kind == "ended")
            .count()
    };
    assert_eq!(ends().await, 0);
    let next = hub(store.clone()).await;
    let note = Summary::default();
    next.keep_note(&key("c1"), Uuid::now_v7(), &note)
        .await
        .unwrap();
    assert_eq!(ends().await, 1);
    assert_eq!(next.view(&key("c1")).await.unwrap().summary, Some(note));
}
