//! A conversation goes on with the text of a playbook that it began with, whatever becomes of the files meanwhile.

use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::*;
use crate::conversation::{ConversationId, Handoff, Participant, TenantId};
use crate::dialogue::{FnTool, Old, Pin, Tool, ToolSpec};
use crate::store::{Record, StreamKey};

const OLD: &str = r#"
id = "cancel"
title = "Customer wants to cancel"
goal = "It is over."
about = "ending your contract"
examples = ["I want to cancel my contract", "please end my contract"]
[[steps]]
id = "do-it"
label = "Cancel"
kind = "tool"
tool = "cancel_contract"
arguments = { when = "'month'" }
approvals = ["customer"]
confirm = "Shall I cancel your contract at the end of the month?"
done = "I have cancelled your contract."
"#;

const NEW: &str = r#"
id = "cancel"
version = 2
title = "Customer wants to cancel"
goal = "It is over."
about = "ending your contract"
examples = ["I want to cancel my contract", "please end my contract"]
[[steps]]
id = "end-it"
label = "End it"
kind = "tool"
tool = "cancel_contract"
arguments = { when = "'today'" }
approvals = ["customer"]
confirm = "Shall I end your contract today?"
done = "Your contract ends today."
"#;

/// It does something in the turn that begins it.
const AT_ONCE: &str = r#"
id = "order"
title = "Customer wants a phone"
goal = "It is ordered."
examples = ["I want to order the new phone", "order a phone for me"]
[[steps]]
id = "take"
label = "Order it"
kind = "tool"
tool = "cancel_contract"
arguments = { when = "'never'" }
done = "It is ordered."
"#;

const BILL: &str = r#"
id = "bill"
title = "Customer asks about the bill"
goal = "It is known."
about = "your bill"
examples = ["my bill is wrong", "explain my bill to me"]
[[steps]]
id = "tell"
label = "Tell"
kind = "inform"
say = "Your bill is £20."
"#;

/// What the tool was called with.
type Calls = Arc<Mutex<Vec<Value>>>;

/// An assistant over these files; the tool never comes back from the first calls, so many.
async fn with(
    store: &Arc<dyn ConversationStore>,
    books: &[&str],
    calls: &Calls,
    lost: usize,
) -> Assistant {
    let calls = calls.clone();
    let spec = ToolSpec::new("cancel_contract", "Cancels");
    let tool = FnTool::new(spec, move |asked: Map<String, Value>, _| {
        let mut calls = calls.lock();
        calls.push(Value::Object(asked));
        let is_lost = calls.len() <= lost;
        async move {
            if is_lost {
                std::future::pending::<()>().await;
            }
            Ok(json!({ "ok": true }))
        }
    });
    let books = books.iter().map(|book| Playbook::from_toml(book).unwrap());
    Assistant::builder()
        .store(store.clone())
        .playbooks(books.collect())
        .tools(vec![Arc::new(tool) as Arc<dyn Tool>])
        .build()
        .await
        .unwrap()
}

fn memory() -> Arc<dyn ConversationStore> {
    Arc::new(MemoryStore::default())
}

fn chat() -> Conversation {
    let mut chat = Conversation::new("acme", Channel::Chat);
    chat.id = "c1".into();
    chat.join(Participant::new("bot", Role::AutomatedAgent));
    chat
}

fn key() -> StreamKey {
    StreamKey {
        tenant: TenantId::from("acme"),
        conversation: ConversationId::from("c1"),
    }
}

fn replies(events: &[SessionEvent]) -> Vec<&str> {
    let replies = events.iter().filter_map(|event| match event {
        SessionEvent::Reply { text, .. } => Some(text.as_str()),
        _ => None,
    });
    replies.collect()
}

async fn told(session: Session, words: &[&str]) -> Vec<SessionEvent> {
    let inputs = words.iter().map(|text| say(Role::EndUser, text)).collect();
    run(session, inputs).await
}

/// The customer is asked for a yes, by the old file.
async fn asked(store: &Arc<dyn ConversationStore>, calls: &Calls) {
    let first = with(store, &[OLD, BILL], calls, 0).await;
    let events = told(first.session(chat()), &["I want to cancel my contract"]).await;
    assert_eq!(
        replies(&events),
        ["Shall I cancel your contract at the end of the month?"]
    );
}

/// The briefing, where the session hands off by itself.
async fn handed_off(mut session: Session) -> Handoff {
    let mut events = session.events();
    let found = async {
        loop {
            match events.next().await {
                Some(SessionEvent::Handoff(handoff)) => break handoff,
                Some(_) => {}
                None => panic!("it was not handed off"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), found)
        .await
        .unwrap()
}

/// How many texts the stream holds, and what the last state follows.
async fn kept(store: &Arc<dyn ConversationStore>) -> (usize, Value) {
    let records = store.load(&key(), 0).await.unwrap();
    let texts = records.iter().filter(|record| record.kind == "playbook");
    let last = records.iter().rfind(|record| record.kind == "state");
    (texts.count(), last.unwrap().payload["pinned"].clone())
}

#[tokio::test]
async fn a_yes_to_the_old_words_does_the_old_step_once_and_the_next_run_is_by_the_new_file() {
    let (store, calls) = (memory(), Calls::default());
    asked(&store, &calls).await;
    let (texts, follows) = kept(&store).await;
    assert_eq!((texts, &follows["cancel"]["version"]), (1, &json!(1)));

    let second = with(&store, &[NEW, BILL], &calls, 0).await;
    let session = second.resume("acme", "c1").await.unwrap();
    let events = told(session, &["Yes, go ahead."]).await;
    assert_eq!(*calls.lock(), [json!({ "when": "month" })]);
    assert_eq!(replies(&events)[0], "I have cancelled your contract.");
    let (texts, follows) = kept(&store).await;
    assert_eq!((texts, follows), (1, json!({})));

    // Nothing is left of it, and what is begun now is begun by the file of now.
    let third = with(&store, &[NEW, BILL], &calls, 0).await;
    let session = third.resume("acme", "c1").await.unwrap();
    let words = ["I want to cancel my contract", "Yes, go ahead."];
    let events = told(session, &words).await;
    // That they say it again is acknowledged first.
    let said = replies(&events);
    assert_eq!(
        said[said.len() - 3..said.len() - 1],
        [
            "Shall I end your contract today?",
            "Your contract ends today."
        ],
        "{said:?}"
    );
    assert_eq!(
        *calls.lock(),
        [json!({ "when": "month" }), json!({ "when": "today" })]
    );
    assert_eq!(kept(&store).await.0, 2);
}

#[tokio::test]
async fn the_next_run_in_the_same_session_is_by_the_new_file_too() {
    let (store, calls) = (memory(), Calls::default());
    asked(&store, &calls).await;
    let second = with(&store, &[NEW, BILL], &calls, 0).await;
    let session = second.resume("acme", "c1").await.unwrap();
    let words = [
        "Yes, go ahead.",
        "I want to cancel my contract",
        "Yes, go ahead.",
    ];
    let events = told(session, &words).await;
    let said = replies(&events);
    assert!(
        said.contains(&"Shall I end your contract today?"),
        "{said:?}"
    );
    assert_eq!(
        *calls.lock(),
        [json!({ "when": "month" }), json!({ "when": "today" })]
    );
}

#[tokio::test]
async fn a_playbook_that_was_removed_goes_on_to_its_end() {
    let (store, calls) = (memory(), Calls::default());
    asked(&store, &calls).await;
    let second = with(&store, &[BILL], &calls, 0).await;
    let session = second.resume("acme", "c1").await.unwrap();
    let events = told(session, &["Yes, go ahead."]).await;
    assert_eq!(replies(&events)[0], "I have cancelled your contract.");
    assert_eq!(*calls.lock(), [json!({ "when": "month" })]);
    assert_eq!(kept(&store).await, (1, json!({})));
}

#[tokio::test]
async fn a_person_does_the_steps_that_were_begun_too() {
    let (store, calls) = (memory(), Calls::default());
    asked(&store, &calls).await;
    for (step, fits) in [("cancel/end-it", false), ("cancel/do-it", true)] {
        let second = with(&store, &[NEW, BILL], &calls, 0).await;
        let session = second.resume("acme", "c1").await.unwrap();
        let steps = vec![step.to_owned()];
        let events = run(session, vec![SessionInput::StepsDone { steps }]).await;
        let refused = |event: &SessionEvent| matches!(event, SessionEvent::Rejected { .. });
        assert_eq!(!events.iter().any(refused), fits, "{step}: {events:?}");
    }
    assert!(calls.lock().is_empty());
}

#[tokio::test]
async fn the_same_file_is_kept_once_however_often_it_is_begun() {
    let (store, calls) = (memory(), Calls::default());
    asked(&store, &calls).await;
    let again = with(&store, &[OLD, BILL], &calls, 0).await;
    let session = again.resume("acme", "c1").await.unwrap();
    let words = ["Yes, go ahead.", "I want to cancel my contract"];
    told(session, &words).await;
    let (texts, follows) = kept(&store).await;
    assert_eq!((texts, &follows["cancel"]["version"]), (1, &json!(1)));
    assert_eq!(calls.lock().len(), 1);
}

#[tokio::test]
async fn a_turn_that_a_crash_interrupted_is_taken_again_along_the_old_steps() {
    let (store, calls) = (memory(), Calls::default());
    let first = with(&store, &[AT_ONCE], &calls, 1).await;
    let session = first.session(chat());
    let wanted = say(Role::EndUser, "I want to order the new phone");
    session.send(wanted).await.unwrap();
    while calls.lock().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The process dies while the tool runs: no state says that anything was begun.
    drop(session);
    drop(first);
    let renamed = AT_ONCE.replace("\"take\"", "\"order\"");
    let second = with(&store, &[&renamed], &calls, 1).await;
    let handoff = handed_off(second.resume("acme", "c1").await.unwrap()).await;
    assert_eq!(handoff.reason, HandoffReason::ActionFailed);
    assert_eq!(calls.lock().len(), 1, "it is not done as another step");
}

#[tokio::test]
async fn a_text_that_cannot_be_read_any_more_goes_to_a_person() {
    let (store, calls) = (memory(), Calls::default());
    asked(&store, &calls).await;
    let mut records = store.load(&key(), 0).await.unwrap();
    let text = records.iter_mut().find(|record| record.kind == "playbook");
    text.unwrap().payload["playbook"]["a_field_of_before"] = json!(1);
    let store = memory();
    store.append(&key(), 0, &records).await.unwrap();

    // As long as the file is the same, nothing needs the kept text.
    let same = with(&store, &[OLD, BILL], &calls, 0).await;
    drop(same.resume("acme", "c1").await.unwrap());
    let second = with(&store, &[NEW, BILL], &calls, 0).await;
    let handoff = handed_off(second.resume("acme", "c1").await.unwrap()).await;
    assert_eq!(handoff.reason, HandoffReason::ProcedureGone);
    assert_eq!(
        handoff.open_approval.as_deref(),
        Some("Shall I cancel your contract at the end of the month?")
    );
    assert!(calls.lock().is_empty());
}

fn pending(source: &str) -> Value {
    let now = jiff::Timestamp::now();
    let later = now
        .checked_add(jiff::SignedDuration::from_hours(1))
        .unwrap();
    json!({
        "playbook": "cancel",
        "runs": { "cancel": 1 },
        "pending": {
            "source": source,
            "by": "customer",
            "question": "Shall I?",
            "asked_at": now,
            "expires_at": later,
        },
    })
}

/// A conversation as a version stored it that noted no texts.
async fn stored(state: Value) -> Arc<dyn ConversationStore> {
    let store = memory();
    let begun = serde_json::to_value(chat()).unwrap();
    let records = [Record::new("started", begun), Record::new("state", state)];
    store.append(&key(), 0, &records).await.unwrap();
    store
}

#[tokio::test]
async fn a_state_of_before_that_names_what_is_gone_is_handed_off() {
    for state in [
        json!({ "playbook": "gone", "asked": "amount" }),
        json!({ "playbook": "cancel", "paused": ["gone"], "asked": "amount" }),
        pending("cancel/renamed"),
    ] {
        let (store, calls) = (stored(state.clone()).await, Calls::default());
        let assistant = with(&store, &[OLD, BILL], &calls, 0).await;
        let handoff = handed_off(assistant.resume("acme", "c1").await.unwrap()).await;
        assert_eq!(handoff.reason, HandoffReason::ProcedureGone, "{state}");
        assert!(calls.lock().is_empty(), "{state}");
    }
}

#[tokio::test]
async fn a_state_of_before_goes_on_where_all_of_it_is_there() {
    let (store, calls) = (stored(pending("cancel/do-it")).await, Calls::default());
    let assistant = with(&store, &[OLD, BILL], &calls, 0).await;
    let session = assistant.resume("acme", "c1").await.unwrap();
    let events = told(session, &["Yes, go ahead."]).await;
    assert_eq!(replies(&events)[0], "I have cancelled your contract.");
    assert_eq!(*calls.lock(), [json!({ "when": "month" })]);
}

#[tokio::test]
async fn conversations_that_go_on_with_the_same_text_share_it() {
    let store = memory();
    let old = Playbook::from_toml(OLD).unwrap();
    let assistant = with(&store, &[NEW, BILL], &Calls::default(), 0).await;
    let pin = Pin::of(&old);
    let text = serde_json::to_value(&old).unwrap();
    let texts = [(pin.digest.clone(), text)].into();
    let current = assistant.inner.playbooks.clone();
    let found = Old::of("cancel", &pin, &current, &texts).unwrap();
    let one = assistant.over(std::slice::from_ref(&found)).await;
    let other = assistant.over(std::slice::from_ref(&found)).await;
    assert!(Arc::ptr_eq(&one.inner, &other.inner));
    assert_eq!(one.inner.playbooks[..], [old, current[1].clone()]);
    assert!(!Arc::ptr_eq(&one.inner, &assistant.inner));
}

#[tokio::test]
async fn what_another_process_began_by_its_files_is_decided_by_them() {
    let (store, calls) = (memory(), Calls::default());
    let first = with(&store, &[OLD, BILL], &calls, 0).await;
    let one = first.session(chat());
    one.settle().await.unwrap();
    // A process with newer files has the conversation, too, before anything is begun.
    let second = with(&store, &[NEW, BILL], &calls, 0).await;
    let mut two = second.resume("acme", "c1").await.unwrap();
    let events = two.events();
    two.settle().await.unwrap();
    let wanted = say(Role::EndUser, "I want to cancel my contract");
    one.send(wanted).await.unwrap();
    one.settle().await.unwrap();

    let steps = vec!["cancel/do-it".to_owned()];
    let done = SessionInput::StepsDone { steps };
    two.submit(uuid::Uuid::now_v7(), done).await.unwrap();
    drop(two);
    let events: Vec<SessionEvent> = events.collect().await;
    let refused = |event: &SessionEvent| matches!(event, SessionEvent::Rejected { .. });
    assert!(!events.iter().any(refused), "{events:?}");
    assert!(calls.lock().is_empty());
}
