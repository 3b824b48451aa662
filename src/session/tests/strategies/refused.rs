//! Approvals of strategies that somebody waits for, and what could not be done in time.

use std::time::Duration;

use uuid::Uuid;

use super::super::shaky::{Shaky, Write};
use super::*;

fn yes(source: &str) -> SessionInput {
    SessionInput::Approve {
        source: source.into(),
        by: Approver::HumanAgent,
        who: "sam".into(),
        yes: true,
    }
}

#[tokio::test]
async fn a_yes_that_the_strategy_could_not_be_told_is_refused_and_counts_when_it_is_sent_again() {
    let store = Arc::new(Shaky::default());
    let calls = Arc::default();
    let assistant = assistant(store.clone(), &calls).await;
    let mut session = assistant.session(chat());
    let mut events = session.events();
    for text in ["There is a wrong charge on my bill", "to my bank, please"] {
        let said = say(Role::EndUser, text);
        session.submit(Uuid::now_v7(), said).await.unwrap();
        session.settle().await.unwrap();
    }
    let source = loop {
        if let SessionEvent::ApprovalRequested { source, .. } = events.next().await.unwrap() {
            break source;
        }
    };
    let id = Uuid::now_v7();
    store.next(&[Write::Fails]);
    let error = session.submit(id, yes(&source)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert_eq!(*calls.lock(), ["get_charge {}"]);
    session.submit(id, yes(&source)).await.unwrap();
    session.settle().await.unwrap();
    let both = ["get_charge {}", r#"refund {"amount":50,"to":"bank"}"#];
    assert_eq!(*calls.lock(), both);
    // The answer was lost, and it is sent again.
    session.submit(id, yes(&source)).await.unwrap();
    assert_eq!(*calls.lock(), both);

    let unknown = Uuid::now_v7();
    let refused = session.submit(unknown, yes("strategy/none/refund")).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
    let key = StreamKey {
        tenant: "acme".into(),
        conversation: "c1".into(),
    };
    let records = store.load(&key, 0).await.unwrap();
    assert!(records.iter().all(|record| record.id != unknown));
}

fn disputed() -> Vec<SessionInput> {
    ["I dispute a charge", "as a credit"]
        .map(|text| say(Role::EndUser, text))
        .into()
}

#[tokio::test]
async fn a_watch_does_nothing_behind_a_customer_for_whom_there_is_no_room() {
    let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
    let calls = Arc::default();
    let first = assistant(store.clone(), &calls).await;
    run(first.session(chat()), disputed()).await;
    let full = HubOptions {
        most_live: 0,
        ..HubOptions::default()
    };
    let hub = SessionHub::new(assistant(store, &calls).await, full);
    let mut watch = hub.watch_strategies("acme".into());
    // Nobody approved it in time.
    let hours = |hours| {
        jiff::Timestamp::now()
            .saturating_add(jiff::SignedDuration::from_hours(hours))
            .unwrap()
    };
    assert_eq!(watch.advance(hours(30 * 24)).await.unwrap(), 0);
    hub.shut_down().await;
    let error = watch.advance(hours(31 * 24)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

#[tokio::test]
async fn what_the_store_did_not_take_in_time_is_done_a_little_later() {
    let store = Arc::new(Shaky::default());
    let calls: Arc<parking_lot::Mutex<Vec<String>>> = Arc::default();
    let soon = STRATEGY.replace(
        "approvals = [\"human_agent\"]",
        "approvals = [\"human_agent\"]\napproval_within = \"2 seconds\"",
    );
    let templates = vec![StrategyTemplate::from_toml(&soon).unwrap()];
    let assistant = Assistant::builder()
        .store(store.clone())
        .playbooks(vec![Playbook::from_toml(BOOK).unwrap()])
        .strategies(Strategist::new(templates, StrategyPolicy::default()).unwrap())
        .tools(tools(&calls))
        .build()
        .await
        .unwrap();
    let mut session = assistant.session(chat());
    let mut events = session.events();
    for said in disputed() {
        session.send(said).await.unwrap();
        session.settle().await.unwrap();
    }
    while !matches!(
        events.next().await.unwrap(),
        SessionEvent::ApprovalRequested { .. }
    ) {}
    // Nobody approves it, and the store does not take that.
    store.next(&[Write::Fails]);
    while !matches!(events.next().await.unwrap(), SessionEvent::Failed { .. }) {}
    tokio::time::pause();
    let goes_on =
        async { while !matches!(events.next().await.unwrap(), SessionEvent::Strategy { .. }) {} };
    tokio::time::timeout(Duration::from_secs(600), goes_on)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_a_process_that_died_left_half_done_goes_on() {
    let whole = MemoryStore::default();
    let calls = Arc::default();
    let first = assistant(Arc::new(whole.clone()), &calls).await;
    run(first.session(chat()), disputed()).await;
    let store = MemoryStore::default();
    let mut left = None;
    for conversation in whole.list(&"acme".into()).await.unwrap() {
        let key = StreamKey {
            tenant: "acme".into(),
            conversation,
        };
        let mut records = whole.load(&key, 0).await.unwrap();
        if key.conversation.as_str().starts_with("~strategy/") {
            // It died an hour ago, while the first tool ran.
            let started = |record: &Record| record.payload["record"] == "started";
            let begun = records.iter().position(started).unwrap();
            records.truncate(begun + 1);
            for record in &mut records {
                let hour = jiff::SignedDuration::from_hours(1);
                record.at = record.at.checked_sub(hour).unwrap();
            }
            left = Some((key.clone(), records.len()));
        }
        store.append(&key, 0, &records).await.unwrap();
    }
    let (strategy, before) = left.unwrap();
    let assistant = assistant(Arc::new(store.clone()), &calls).await;
    let hub = SessionHub::new(assistant, HubOptions::default());
    let mut watch = hub.watch_strategies("acme".into());
    let now = jiff::Timestamp::now();
    assert_eq!(watch.advance(now).await.unwrap(), 1);
    let conversation = StreamKey {
        conversation: "c1".into(),
        ..strategy.clone()
    };
    hub.settle(&conversation).await.unwrap();
    let after = store.load(&strategy, 0).await.unwrap().len();
    assert!(after > before, "{after} records");
    hub.shut_down().await;
}
