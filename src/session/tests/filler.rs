//! Words that bridge the wait for a slow tool, and dry runs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::conversation::{ActionStatus, Participant};
use crate::dialogue::{FnTool, Tool, ToolEffect, ToolSpec};

const BOOK: &str = r#"
id = "move"
title = "Moving house"
goal = "The contract is at the new address."
examples = ["I am moving house next month", "we move to a new flat"]
[[steps]]
id = "look"
label = "Look the address up"
kind = "tool"
tool = "find_line"
[[steps]]
id = "order"
label = "Order the line"
kind = "tool"
tool = "order_line"
after = ["look"]
done = "I have ordered the line {{ result.line }} for you."
"#;

const WAIT: &str = "One moment, I am looking that up.";

/// Tools that take so long each, and what they say meanwhile; and how often the second one was called.
fn tools(takes: Duration, words: &str) -> (Vec<Arc<dyn Tool>>, Arc<AtomicUsize>) {
    let ordered = Arc::new(AtomicUsize::new(0));
    let counted = ordered.clone();
    let look = ToolSpec::new("find_line", "Finds a line")
        .with_effect(ToolEffect::Read)
        .with_filler(words);
    let order = ToolSpec::new("order_line", "Orders a line").with_filler(words);
    let tools = [
        FnTool::new(
            look,
            move |_: serde_json::Map<String, serde_json::Value>, _| async move {
                tokio::time::sleep(takes).await;
                Ok(serde_json::json!({ "line": "L1" }))
            },
        ),
        FnTool::new(
            order,
            move |_: serde_json::Map<String, serde_json::Value>, _| {
                counted.fetch_add(1, Ordering::SeqCst);
                async move {
                    tokio::time::sleep(takes).await;
                    Ok(serde_json::json!({ "line": "L1" }))
                }
            },
        ),
    ];
    let tools = tools.map(|tool| Arc::new(tool) as Arc<dyn Tool>);
    (tools.into(), ordered)
}

async fn events_of(
    channel: Channel,
    tools: Vec<Arc<dyn Tool>>,
    dry_run: bool,
) -> Vec<SessionEvent> {
    let assistant = Assistant::builder()
        .playbooks(vec![Playbook::from_toml(BOOK).unwrap()])
        .tools(tools)
        .dry_run(dry_run)
        .build()
        .await
        .unwrap();
    let mut conversation = Conversation::new("acme", channel);
    conversation.join(Participant::new("bot", Role::AutomatedAgent));
    let mut session = assistant.session(conversation);
    let mut events = session.events();
    session
        .say(Role::EndUser, "I am moving house next month")
        .await
        .unwrap();
    session.settle().await.unwrap();
    drop(session);
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        told.push(event);
    }
    told
}

/// What was said, and whether it only bridged a wait.
fn spoken(events: &[SessionEvent]) -> Vec<(&str, bool)> {
    let replies = events.iter().filter_map(|event| match event {
        SessionEvent::Reply { text, filler, .. } => Some((text.as_str(), *filler)),
        _ => None,
    });
    replies.collect()
}

#[tokio::test(start_paused = true)]
async fn a_slow_tool_is_bridged_once_a_turn_and_before_the_answer() {
    let (slow, _) = tools(Duration::from_secs(4), WAIT);
    let events = events_of(Channel::Voice, slow, false).await;
    let spoken = spoken(&events);
    assert_eq!(spoken[0], (WAIT, true));
    assert_eq!(spoken[1], ("I have ordered the line L1 for you.", false));
    assert_eq!(
        spoken.iter().filter(|(_, filler)| *filler).count(),
        1,
        "two slow tools, one filler: {spoken:?}"
    );
    let first = |wanted: fn(&SessionEvent) -> bool| events.iter().position(wanted).unwrap();
    let filler = first(|e| matches!(e, SessionEvent::Reply { filler: true, .. }));
    assert!(filler < first(|e| matches!(e, SessionEvent::Action(_))));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_over_is_not_bridged_any_more() {
    let (slow, _) = tools(Duration::from_secs(4), WAIT);
    let assistant = Assistant::builder()
        .playbooks(vec![Playbook::from_toml(BOOK).unwrap()])
        .tools(slow)
        .build()
        .await
        .unwrap();
    let mut chat = Conversation::new("acme", Channel::Chat);
    chat.join(Participant::new("bot", Role::AutomatedAgent));
    let mut session = assistant.session(chat);
    let events = session.events();
    session
        .say(Role::EndUser, "I am moving house next month")
        .await
        .unwrap();
    // What a person did is only taken when it is decided what the virtual agent does.
    let steps = Vec::new();
    session
        .send(SessionInput::StepsDone { steps })
        .await
        .unwrap();
    session.settle().await.unwrap();
    drop(session);
    let events: Vec<SessionEvent> = events.collect().await;
    let spoken = spoken(&events);
    assert!(
        spoken.contains(&("I have ordered the line L1 for you.", false)),
        "{spoken:?}"
    );
    assert!(spoken.iter().all(|(_, filler)| !filler), "{spoken:?}");
}

#[tokio::test(start_paused = true)]
async fn how_long_is_slow_depends_on_the_channel() {
    for (channel, millis, bridged) in [
        (Channel::Voice, 500, false),
        (Channel::Voice, 1000, true),
        (Channel::Chat, 1000, false),
        (Channel::Chat, 2000, true),
    ] {
        let (tools, _) = tools(Duration::from_millis(millis), WAIT);
        let events = events_of(channel, tools, false).await;
        let was = spoken(&events).contains(&(WAIT, true));
        assert_eq!(was, bridged, "{channel:?} {millis}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_filler_claims_what_is_not_done_yet() {
    let (slow, _) = tools(Duration::from_secs(4), "I have ordered it, one moment.");
    let events = events_of(Channel::Voice, slow, false).await;
    assert!(spoken(&events).iter().all(|(_, filler)| !filler));
}

#[tokio::test]
async fn a_dry_run_looks_things_up_and_changes_nothing_and_says_so() {
    let (fast, ordered) = tools(Duration::ZERO, WAIT);
    let events = events_of(Channel::Chat, fast, true).await;
    assert_eq!(ordered.load(Ordering::SeqCst), 0);
    let receipts: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            SessionEvent::Action(receipt) => Some((receipt.tool.as_str(), receipt.status)),
            _ => None,
        })
        .collect();
    assert_eq!(
        receipts,
        [
            ("find_line", ActionStatus::Succeeded),
            ("order_line", ActionStatus::DryRun)
        ]
    );
    let spoken = spoken(&events);
    assert!(
        spoken
            .iter()
            .any(|(text, _)| text.starts_with("This is a trial"))
    );
    assert!(
        spoken
            .iter()
            .all(|(text, _)| !text.contains("have ordered")),
        "{spoken:?}"
    );
    assert!(
        events
            .iter()
            .all(|e| !matches!(e, SessionEvent::Handoff(_))),
        "the procedure goes through to its end"
    );
}
