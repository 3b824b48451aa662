use std::time::Duration;

use futures::{FutureExt, StreamExt};

use super::super::SessionEvent;
use super::super::tests::shaky::{Shaky, Write};
use super::*;
use crate::conversation::{Channel, Role};
use crate::error::{Error, ErrorKind};
use crate::store::{ConversationStore, MemoryStore};

mod left;
mod limits;
mod others;

const IDLE: Duration = Duration::from_secs(60);

async fn assistant(store: Arc<dyn ConversationStore>) -> Assistant {
    Assistant::builder()
        .organisation("Acme")
        .store(store)
        .build()
        .await
        .unwrap()
}

fn options() -> HubOptions {
    HubOptions {
        idle_after: IDLE,
        ..HubOptions::default()
    }
}

async fn hub(store: Arc<dyn ConversationStore>) -> SessionHub {
    SessionHub::new(assistant(store).await, options())
}

fn key(id: &str) -> StreamKey {
    StreamKey {
        tenant: "acme".into(),
        conversation: id.into(),
    }
}

fn chat(id: &str) -> Conversation {
    Conversation::new("acme", Channel::Chat).with_id(id)
}

fn say(text: &str) -> SessionInput {
    SessionInput::Say {
        role: Role::EndUser,
        text: text.into(),
    }
}

async fn submit(hub: &SessionHub, id: &str, text: &str) -> Accepted {
    let input = say(text);
    hub.submit(&key(id), Uuid::now_v7(), input).await.unwrap()
}

fn texts(view: &SessionView) -> Vec<String> {
    let said = view.conversation.transcript.utterances().iter();
    said.map(|u| u.text.clone()).collect()
}

/// The words in what a reader finds there already.
fn read(events: &mut HubEvents) -> Vec<(u64, String)> {
    let mut read = Vec::new();
    while let Some(Some(event)) = events.next().now_or_never() {
        if let HubEvent::Event(event) = event
            && let SessionEvent::UtteranceFinal(said) = &event.event
        {
            read.push((event.id, said.text.clone()));
        }
    }
    read
}

fn words(read: &[(u64, String)]) -> Vec<&str> {
    read.iter().map(|(_, text)| text.as_str()).collect()
}

/// Lets the sweeper pass by.
async fn pass(time: Duration) {
    let step = Duration::from_secs(1);
    for _ in 0..time.as_secs() {
        tokio::time::advance(step).await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_conversation_begins_once_and_unknown_ones_are_not_found() {
    let hub = hub(Arc::new(MemoryStore::new())).await;
    let view = hub.open(chat("c1")).await.unwrap();
    assert_eq!(view.conversation.id.as_str(), "c1");
    assert!(!view.ended);
    let again = hub.open(chat("c1")).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict);
    submit(&hub, "c1", "Hello.").await;
    let unknown = hub.submit(&key("c2"), Uuid::now_v7(), say("Hello.")).await;
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        hub.view(&key("c2")).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(
        hub.events(&key("c2"), None).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    // Nor what another tenant says.
    let other = StreamKey {
        tenant: "other".into(),
        ..key("c1")
    };
    assert_eq!(
        hub.view(&other).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let stats = hub.stats();
    assert_eq!((stats.live, stats.opened, stats.accepted), (1, 1, 1));
}

#[tokio::test]
async fn a_beginning_that_is_not_stored_is_none() {
    let store = Arc::new(Shaky::default());
    let hub = hub(store.clone()).await;
    store.next(&[Write::Fails]);
    let error = hub.open(chat("c1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert_eq!(hub.stats().live, 0);
    hub.open(chat("c1")).await.unwrap();
    assert_eq!(hub.stats().live, 1);
}

#[tokio::test(start_paused = true)]
async fn who_is_quiet_leaves_memory_and_comes_back_unnoticed() {
    let store = Arc::new(MemoryStore::new());
    let hub = hub(store.clone()).await;
    hub.open(chat("c1")).await.unwrap();
    let mut events = hub.events(&key("c1"), Some(0)).await.unwrap();
    submit(&hub, "c1", "One.").await;
    hub.settle(&key("c1")).await.unwrap();
    pass(IDLE * 2).await;
    assert_eq!(hub.stats().live, 0);
    assert_eq!(hub.stats().evicted, 1);
    // How it stands can be asked without bringing it back.
    assert_eq!(texts(&hub.view(&key("c1")).await.unwrap()), ["One."]);
    assert_eq!(hub.stats().live, 0);
    submit(&hub, "c1", "Two.").await;
    hub.settle(&key("c1")).await.unwrap();
    assert_eq!((hub.stats().live, hub.stats().resumed), (1, 1));
    assert_eq!(
        texts(&hub.view(&key("c1")).await.unwrap()),
        ["One.", "Two."]
    );
    let read = read(&mut events);
    assert_eq!(words(&read), ["One.", "Two."]);
    assert!(read[0].0 < read[1].0);
    drop(events);
    pass(IDLE * 2).await;
    let stats = hub.stats();
    assert_eq!((stats.live, stats.readers, stats.bytes), (0, 0, 0));
    assert!(hub.hub.is_empty());
}

#[tokio::test]
async fn a_reader_goes_on_where_it_stopped() {
    let hub = hub(Arc::new(MemoryStore::new())).await;
    hub.open(chat("c1")).await.unwrap();
    for text in ["One.", "Two.", "Three."] {
        submit(&hub, "c1", text).await;
    }
    hub.settle(&key("c1")).await.unwrap();
    let all = read(&mut hub.events(&key("c1"), Some(0)).await.unwrap());
    assert_eq!(words(&all), ["One.", "Two.", "Three."]);
    let rest = read(&mut hub.events(&key("c1"), Some(all[0].0)).await.unwrap());
    assert_eq!(words(&rest), ["Two.", "Three."]);
    let view = hub.view(&key("c1")).await.unwrap();
    let mut live = hub.events(&key("c1"), None).await.unwrap();
    let mut known = hub.events(&key("c1"), Some(view.last_event)).await.unwrap();
    assert_eq!(read(&mut live), []);
    submit(&hub, "c1", "Four.").await;
    hub.settle(&key("c1")).await.unwrap();
    assert_eq!(words(&read(&mut live)), ["Four."]);
    assert_eq!(words(&read(&mut known)), ["Four."]);
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_told_how_things_stand() {
    let options = HubOptions {
        ring_events: 4,
        ..options()
    };
    let assistant = assistant(Arc::new(MemoryStore::new())).await;
    let hub = SessionHub::new(assistant, options);
    hub.open(chat("c1")).await.unwrap();
    let mut slow = hub.events(&key("c1"), Some(0)).await.unwrap();
    submit(&hub, "c1", "0").await;
    hub.settle(&key("c1")).await.unwrap();
    assert_eq!(words(&read(&mut slow)), ["0"]);
    for n in 1..20 {
        submit(&hub, "c1", &n.to_string()).await;
    }
    hub.settle(&key("c1")).await.unwrap();
    let Some(HubEvent::Resync(view)) = slow.next().await else {
        panic!("events were lost silently");
    };
    assert_eq!(texts(&view).len(), 20);
    submit(&hub, "c1", "last").await;
    let next = slow.next().await.unwrap();
    let HubEvent::Event(next) = next else {
        panic!("{next:?}");
    };
    assert!(next.id > view.last_event);
    assert_eq!(hub.stats().resyncs, 1);
    // Numbers that never were.
    let mut strange = hub.events(&key("c1"), Some(u64::MAX)).await.unwrap();
    assert!(matches!(strange.next().await, Some(HubEvent::Resync(_))));
}

#[tokio::test]
async fn another_process_goes_on_and_readers_of_the_first_notice() {
    let store = Arc::new(MemoryStore::new());
    let first = hub(store.clone()).await;
    first.open(chat("c1")).await.unwrap();
    let mut events = first.events(&key("c1"), Some(0)).await.unwrap();
    let id = Uuid::now_v7();
    first.submit(&key("c1"), id, say("One.")).await.unwrap();
    first.settle(&key("c1")).await.unwrap();
    let last = read(&mut events)[0].0;
    first.shut_down().await;
    assert_eq!(first.stats().live, 0);
    while events.next().await.is_some() {}
    let closed = first.submit(&key("c1"), Uuid::now_v7(), say("Two.")).await;
    assert_eq!(closed.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(
        first.open(chat("c2")).await.unwrap_err().kind(),
        ErrorKind::Cancelled
    );

    let second = hub(store.clone()).await;
    let mut events = second.events(&key("c1"), Some(last)).await.unwrap();
    let Some(HubEvent::Resync(view)) = events.next().await else {
        panic!("what happened in between cannot be known");
    };
    assert_eq!(texts(&view), ["One."]);
    second.submit(&key("c1"), id, say("One.")).await.unwrap();
    submit(&second, "c1", "Two.").await;
    second.settle(&key("c1")).await.unwrap();
    let read = read(&mut events);
    assert_eq!(words(&read), ["Two."]);
    assert!(read[0].0 > last);
}

#[tokio::test]
async fn what_is_over_stays_over() {
    let hub = hub(Arc::new(MemoryStore::new())).await;
    hub.open(chat("c1")).await.unwrap();
    submit(&hub, "c1", "Hello.").await;
    let mut events = hub.events(&key("c1"), Some(0)).await.unwrap();
    let end = Uuid::now_v7();
    hub.submit(&key("c1"), end, SessionInput::End)
        .await
        .unwrap();
    let mut last = None;
    while let Some(event) = events.next().await {
        last = Some(event);
    }
    let Some(HubEvent::Event(last)) = last else {
        panic!("{last:?}");
    };
    assert_eq!(last.event, SessionEvent::Ended);
    hub.submit(&key("c1"), end, SessionInput::End)
        .await
        .unwrap();
    let more = hub.submit(&key("c1"), Uuid::now_v7(), say("And?")).await;
    assert_eq!(more.unwrap_err().kind(), ErrorKind::InvalidInput);
    let view = hub.view(&key("c1")).await.unwrap();
    assert!(view.ended);
    assert_eq!(texts(&view), ["Hello."]);
    assert_eq!(hub.stats().live, 0);
}

#[tokio::test]
async fn many_at_once_lose_nothing_and_take_nothing_twice() {
    let store = Arc::new(Shaky::default());
    let hub = hub(store.clone()).await;
    for c in 0..20 {
        hub.open(chat(&format!("c{c}"))).await.unwrap();
    }
    // Everything is sent twice at the same time, and some writes fail.
    store.next(&[Write::Works, Write::Fails, Write::IsLost].repeat(20));
    let mut sent = Vec::new();
    for c in 0..20 {
        let ids: Vec<Uuid> = (0..5).map(|_| Uuid::now_v7()).collect();
        for _ in 0..2 {
            let (hub, ids) = (hub.clone(), ids.clone());
            sent.push(tokio::spawn(async move {
                for (n, id) in ids.iter().enumerate() {
                    let key = key(&format!("c{c}"));
                    let text = n.to_string();
                    while let Err(error) = hub.submit(&key, *id, say(&text)).await {
                        assert!(
                            matches!(error.kind(), ErrorKind::Storage | ErrorKind::Overloaded),
                            "{error}"
                        );
                        tokio::task::yield_now().await;
                    }
                }
            }));
        }
    }
    for sent in sent {
        sent.await.unwrap();
    }
    for c in 0..20 {
        let id = format!("c{c}");
        let mut said = store.said(&key(&id)).await;
        assert_eq!(texts(&hub.view(&key(&id)).await.unwrap()), said);
        said.sort();
        assert_eq!(said, ["0", "1", "2", "3", "4"], "{id}");
    }
}

#[tokio::test]
async fn what_another_process_took_is_known_before_an_input_is_decided() {
    let store = Arc::new(MemoryStore::new());
    let (first, second) = (hub(store.clone()).await, hub(store.clone()).await);
    first.open(chat("c1")).await.unwrap();
    submit(&first, "c1", "One.").await;
    first.settle(&key("c1")).await.unwrap();
    submit(&second, "c1", "Two.").await;
    second.settle(&key("c1")).await.unwrap();
    let id = Uuid::now_v7();
    first.submit(&key("c1"), id, say("Three.")).await.unwrap();
    first.settle(&key("c1")).await.unwrap();
    let all = ["One.", "Two.", "Three."];
    assert_eq!(texts(&first.view(&key("c1")).await.unwrap()), all);
    // The same to the other one, which knows nothing of it yet.
    second.submit(&key("c1"), id, say("Three.")).await.unwrap();
    assert_eq!(texts(&second.view(&key("c1")).await.unwrap()), all);
    second
        .submit(&key("c1"), Uuid::now_v7(), SessionInput::End)
        .await
        .unwrap();
    second.settle(&key("c1")).await.unwrap();
    let late = first.submit(&key("c1"), Uuid::now_v7(), say("Four.")).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_took_nothing_is_tried_until_it_does() {
    let store = Arc::new(Shaky::default());
    let hub = hub(store.clone()).await;
    hub.open(chat("c1")).await.unwrap();
    submit(&hub, "c1", "One.").await;
    hub.settle(&key("c1")).await.unwrap();
    let tried = StreamKey {
        tenant: "~ready".into(),
        conversation: "~ready".into(),
    };
    assert!(hub.can_store().await);
    assert!(store.load(&tried, 0).await.unwrap().is_empty());
    store.next(&[Write::Fails; 2]);
    let refused = hub.submit(&key("c1"), Uuid::now_v7(), say("Two.")).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Storage);
    assert!(!hub.can_store().await);
    store.calm();
    assert!(!hub.can_store().await, "it is not tried all the time");
    tokio::time::advance(Duration::from_secs(4)).await;
    assert!(hub.can_store().await);
    assert!(hub.can_store().await);
    assert_eq!(store.load(&tried, 0).await.unwrap().len(), 1);
}
