//! Tools and approvals of the virtual agent, and what a process that dies leaves behind.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::conversation::{ActionStatus, Approver, HandoffReason, Participant};
use crate::dialogue::{FnTool, Tool, ToolEffect, ToolSpec};

const BOOK: &str = r#"
id = "credit"
title = "Credit"
goal = "The customer has a credit."
examples = ["I want compensation for this", "give me a credit for the trouble"]
[[slots]]
name = "amount"
description = "how much"
kind = "money"
ask = "How much do you have in mind?"
[[steps]]
id = "give"
label = "Give the credit"
kind = "tool"
tool = "add_credit"
requires = ["amount"]
approvals = ["supervisor"]
done = "I have added a credit of {{ result.credited | money('£') }}."
"#;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Credit {
    amount: f64,
}

/// An assistant whose tool counts its calls; the first ones, so many, never come back.
async fn with_tool(
    store: Arc<dyn ConversationStore>,
    effect: ToolEffect,
    calls: Arc<AtomicUsize>,
    lost: usize,
) -> Assistant {
    let spec = ToolSpec::new("add_credit", "Adds a credit").with_effect(effect);
    let tool = FnTool::new(spec, move |asked: Credit, _| {
        let at = calls.fetch_add(1, Ordering::SeqCst);
        async move {
            if at < lost {
                std::future::pending::<()>().await;
            }
            Ok(serde_json::json!({ "credited": asked.amount }))
        }
    });
    Assistant::builder()
        .organisation("Acme")
        .store(store)
        .playbooks(vec![Playbook::from_toml(BOOK).unwrap()])
        .tools(vec![Arc::new(tool) as Arc<dyn Tool>])
        .build()
        .await
        .unwrap()
}

fn chat() -> Conversation {
    let mut chat = Conversation::new("acme", Channel::Chat);
    chat.id = "c1".into();
    chat.join(Participant::new("bot", Role::AutomatedAgent));
    chat
}

fn yes(by: Approver) -> SessionInput {
    SessionInput::Approve {
        source: "credit/give".into(),
        by,
        who: "s7".into(),
        yes: true,
    }
}

fn asking() -> Vec<SessionInput> {
    ["I want compensation for this", "£20"]
        .map(|text| say(Role::EndUser, text))
        .into()
}

#[tokio::test]
async fn an_approval_outlives_the_process_and_the_tool_runs_once() {
    let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
    let calls = Arc::new(AtomicUsize::new(0));
    let first = with_tool(store.clone(), ToolEffect::Write, calls.clone(), 0).await;
    let events = run(first.session(chat()), asking()).await;
    let asked = |e: &SessionEvent| {
        matches!(
            e,
            SessionEvent::ApprovalRequested {
                by: Approver::Supervisor,
                ..
            }
        )
    };
    assert!(events.iter().any(asked), "{events:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 0);

    let second = with_tool(store.clone(), ToolEffect::Write, calls.clone(), 0).await;
    let session = second.resume("acme", "c1").await.unwrap();
    let wrong = yes(Approver::HumanAgent);
    let events = run(
        session,
        vec![wrong, yes(Approver::Supervisor), yes(Approver::Supervisor)],
    )
    .await;
    let receipts: Vec<_> = events
        .iter()
        .filter_map(|e| match e {
            SessionEvent::Action(receipt) => Some((receipt.status, receipt.approvals.len())),
            _ => None,
        })
        .collect();
    assert_eq!(receipts, [(ActionStatus::Succeeded, 1)]);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    let refused = events
        .iter()
        .filter(|e| matches!(e, SessionEvent::Failed { .. }))
        .count();
    assert_eq!(refused, 2, "somebody else's yes, and one too many");
    assert!(events.iter().any(
        |e| matches!(e, SessionEvent::Reply { text, .. } if text == "I have added a credit of £20.")
    ));
}

#[tokio::test]
async fn a_tool_that_a_crash_interrupted_is_not_run_again_where_that_could_double_it() {
    for (effect, calls_at_last, status) in [
        (ToolEffect::Write, 1, ActionStatus::Unknown),
        (ToolEffect::Idempotent, 2, ActionStatus::Succeeded),
    ] {
        let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
        let calls = Arc::new(AtomicUsize::new(0));
        let first = with_tool(store.clone(), effect, calls.clone(), 1).await;
        let session = first.session(chat());
        for input in asking() {
            session.send(input).await.unwrap();
            session.settle().await.unwrap();
        }
        session.send(yes(Approver::Supervisor)).await.unwrap();
        while calls.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // The process dies while the tool runs.
        drop(session);
        drop(first);

        let second = with_tool(store.clone(), effect, calls.clone(), 1).await;
        let mut session = second.resume("acme", "c1").await.unwrap();
        let mut events = session.events();
        let receipt = loop {
            match events.next().await {
                Some(SessionEvent::Action(receipt)) => break receipt,
                Some(_) => {}
                None => panic!("{effect:?}: it did not go on by itself"),
            }
        };
        assert_eq!(
            (receipt.status, calls.load(Ordering::SeqCst)),
            (status, calls_at_last)
        );
        if status == ActionStatus::Unknown {
            let handed = events.any(|event| async move {
                matches!(event, SessionEvent::Handoff(handoff) if handoff.reason == HandoffReason::ActionFailed)
            });
            assert!(handed.await, "a person looks");
        }
    }
}

#[tokio::test]
async fn the_same_change_is_made_again_only_after_another_yes() {
    let calls = Arc::new(AtomicUsize::new(0));
    let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
    let assistant = with_tool(store, ToolEffect::Write, calls.clone(), 0).await;
    let mut inputs = asking();
    inputs.push(yes(Approver::Supervisor));
    inputs.push(say(Role::EndUser, "give me a credit for the trouble"));
    inputs.push(say(Role::EndUser, "No, the one is enough"));
    let events = run(assistant.session(chat()), inputs).await;
    let asked = |e: &SessionEvent| matches!(e, SessionEvent::Reply { text, .. } if text.contains("in this conversation already"));
    assert!(events.iter().any(asked), "{events:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
