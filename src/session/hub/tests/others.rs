//! What others do to a conversation of this process: another process, or whoever erases it.

use serde_json::{Map, Value, json};

use super::*;
use crate::conversation::Participant;
use crate::dialogue::{FnTool, Playbook, Tool, ToolSpec};

/// Longer than anything here takes: a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Its tool is called in the turn that begins it.
pub(super) const AT_ONCE: &str = r#"
id = "order"
title = "Customer wants a phone"
goal = "It is ordered."
examples = ["I want to order the new phone", "order a phone for me"]
[[steps]]
id = "take"
label = "Order it"
kind = "tool"
tool = "order_phone"
done = "It is ordered."
"#;

#[tokio::test]
async fn readers_are_told_how_things_stand_where_another_process_took_something() {
    let store = Arc::new(MemoryStore::new());
    let (first, second) = (hub(store.clone()).await, hub(store).await);
    first.open(chat("c1")).await.unwrap();
    submit(&first, "c1", "One.").await;
    first.settle(&key("c1")).await.unwrap();
    let mut events = first.events(&key("c1"), None).await.unwrap();
    submit(&second, "c1", "Two.").await;
    second.settle(&key("c1")).await.unwrap();
    submit(&first, "c1", "Three.").await;
    first.settle(&key("c1")).await.unwrap();
    let next = tokio::time::timeout(PATIENCE, events.next()).await.unwrap();
    let Some(HubEvent::Resync(view)) = next else {
        panic!("{next:?}");
    };
    assert_eq!(texts(&view), ["One.", "Two.", "Three."]);

    let end = SessionInput::End;
    second
        .submit(&key("c1"), Uuid::now_v7(), end)
        .await
        .unwrap();
    second.settle(&key("c1")).await.unwrap();
    let late = first.submit(&key("c1"), Uuid::now_v7(), say("Four.")).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::InvalidInput);
    let rest = tokio::time::timeout(PATIENCE, events.collect::<Vec<_>>());
    let rest = rest.await.unwrap();
    let Some(HubEvent::Resync(view)) = rest.last() else {
        panic!("{rest:?}");
    };
    assert!(view.ended);
}

#[tokio::test]
async fn a_conversation_that_was_erased_begins_anew_for_whoever_reads_it() {
    let store = Arc::new(MemoryStore::new());
    let hub = hub(store.clone()).await;
    hub.open(chat("c1")).await.unwrap();
    let old = hub.events(&key("c1"), Some(0)).await.unwrap();
    let end = Uuid::now_v7();
    for _ in 0..2 {
        hub.submit(&key("c1"), end, SessionInput::End)
            .await
            .unwrap();
        hub.settle(&key("c1")).await.unwrap();
    }
    store.erase(&key("c1")).await.unwrap();

    hub.open(chat("c1")).await.unwrap();
    let mut events = hub.events(&key("c1"), Some(0)).await.unwrap();
    submit(&hub, "c1", "Anew.").await;
    hub.settle(&key("c1")).await.unwrap();
    assert_eq!(words(&read(&mut events)), ["Anew."]);
    assert!(events.next().now_or_never().is_none(), "it goes on");
    let rest = tokio::time::timeout(PATIENCE, old.collect::<Vec<_>>());
    assert!(!rest.await.unwrap().is_empty(), "the old one has ended");
}

#[tokio::test(start_paused = true)]
async fn who_is_erased_while_a_tool_runs_stays_erased_and_leaves_memory() {
    let store = Arc::new(MemoryStore::new());
    let kept = store.clone();
    let spec = ToolSpec::new("order_phone", "Orders");
    let tool = FnTool::new(spec, move |_: Map<String, Value>, _| {
        let kept = kept.clone();
        async move {
            kept.erase(&key("c1")).await?;
            Ok(json!({ "ok": true }))
        }
    });
    let assistant = Assistant::builder()
        .store(store.clone())
        .playbooks(vec![Playbook::from_toml(AT_ONCE).unwrap()])
        .tools(vec![Arc::new(tool) as Arc<dyn Tool>])
        .build()
        .await
        .unwrap();
    let hub = SessionHub::new(assistant, options());
    let mut chat = chat("c1");
    chat.join(Participant::new("bot", Role::AutomatedAgent));
    hub.open(chat).await.unwrap();
    submit(&hub, "c1", "I want to order the new phone").await;
    hub.settle(&key("c1")).await.unwrap();
    assert!(store.load(&key("c1"), 0).await.unwrap().is_empty());
    let late = hub.submit(&key("c1"), Uuid::now_v7(), say("Hello?")).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Conflict);
    pass(IDLE * 2).await;
    assert_eq!(hub.stats().live, 0);
    assert!(store.load(&key("c1"), 0).await.unwrap().is_empty());
}
