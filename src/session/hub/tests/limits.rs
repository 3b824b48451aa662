//! What is refused, and who has to leave.

use super::*;
use crate::conversation::{CustomerProfile, Participant};
use crate::speech::AudioFrame;

async fn limited(options: HubOptions) -> (Arc<Shaky>, SessionHub) {
    let store = Arc::new(Shaky::default());
    let assistant = assistant(store.clone()).await;
    (store, SessionHub::new(assistant, options))
}

fn is_overloaded(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
    assert!(error.is_transient());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn the_quietest_leaves_for_a_new_one_and_nobody_else() {
    let (_, hub) = limited(HubOptions {
        most_live: 2,
        ..options()
    })
    .await;
    hub.open(chat("c1")).await.unwrap();
    pass(Duration::from_secs(1)).await;
    hub.open(chat("c2")).await.unwrap();
    is_overloaded(&hub.open(chat("c3")).await.unwrap_err());
    assert_eq!(hub.stats().refused, 1);
    pass(Duration::from_secs(20)).await;
    submit(&hub, "c1", "I am still here.").await;
    hub.open(chat("c3")).await.unwrap();
    assert_eq!((hub.stats().live, hub.stats().evicted), (2, 1));
    // The one that left was the second; it cannot come back while the others are busy.
    let refused = hub.submit(&key("c2"), Uuid::now_v7(), say("Hello.")).await;
    is_overloaded(&refused.unwrap_err());
    pass(Duration::from_secs(20)).await;
    submit(&hub, "c2", "Hello.").await;
    assert_eq!(hub.stats().live, 2);
}

#[tokio::test]
async fn too_much_work_is_refused_before_it_costs_anything() {
    let (store, hub) = limited(HubOptions {
        most_busy: 3,
        ..options()
    })
    .await;
    hub.open(chat("c1")).await.unwrap();
    let submits: Vec<_> = (0..10)
        .map(|n| {
            let hub = hub.clone();
            async move {
                hub.submit(&key("c1"), Uuid::now_v7(), say(&n.to_string()))
                    .await
            }
        })
        .collect();
    let answers = futures::future::join_all(submits).await;
    let accepted = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(accepted, 3);
    answers
        .iter()
        .filter_map(|answer| answer.as_ref().err())
        .for_each(is_overloaded);
    hub.settle(&key("c1")).await.unwrap();
    assert_eq!(store.said(&key("c1")).await.len(), 3);
    assert_eq!((hub.stats().busy, hub.stats().refused), (0, 7));
    submit(&hub, "c1", "Now there is time.").await;
}

#[tokio::test]
async fn an_end_gets_in_whatever_there_is_to_do() {
    let (_, hub) = limited(HubOptions {
        most_busy: 0,
        ..options()
    })
    .await;
    hub.open(chat("c1")).await.unwrap();
    let refused = hub.submit(&key("c1"), Uuid::now_v7(), say("Hello.")).await;
    is_overloaded(&refused.unwrap_err());
    hub.submit(&key("c1"), Uuid::now_v7(), SessionInput::End)
        .await
        .unwrap();
}

#[tokio::test]
async fn one_conversation_cannot_take_all_memory() {
    let (store, hub) = limited(HubOptions {
        session_bytes: 4096,
        ..options()
    })
    .await;
    hub.open(chat("c1")).await.unwrap();
    let text = "word ".repeat(100);
    let mut taken = 0;
    let error = loop {
        let said = hub.submit(&key("c1"), Uuid::now_v7(), say(&text)).await;
        match said {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!((1..10).contains(&taken), "{taken}");
    assert_eq!(store.said(&key("c1")).await.len(), taken);
    assert!(hub.stats().bytes > 500 * taken);

    let mut frame = AudioFrame::new(vec![0.0; 1 << 20], 16_000);
    let track = || "track".into();
    let error = hub.push(&key("c1"), track(), frame.clone()).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput);
    // Nobody hears so fast.
    frame.samples.truncate(1 << 17);
    let mut refused = 0;
    for _ in 0..10 {
        let pushed = hub.push(&key("c1"), track(), frame.clone()).await;
        refused += usize::from(pushed.is_err());
        pushed.err().iter().for_each(is_overloaded);
    }
    assert!(refused > 0);
    hub.settle(&key("c1")).await.unwrap();
    hub.push(&key("c1"), track(), frame).await.unwrap();
}

#[tokio::test]
async fn what_the_virtual_agent_says_is_counted_at_once() {
    let (_, hub) = limited(options()).await;
    let mut chat = chat("c1");
    chat.join(Participant::new("bot", Role::AutomatedAgent));
    hub.open(chat).await.unwrap();
    submit(&hub, "c1", "Hello.").await;
    hub.settle(&key("c1")).await.unwrap();
    let bytes = hub.stats().bytes;
    // It brings no words, and no event.
    let profile = SessionInput::Profile(CustomerProfile::default());
    hub.submit(&key("c1"), Uuid::now_v7(), profile)
        .await
        .unwrap();
    assert_eq!(hub.stats().bytes, bytes);
}

#[tokio::test]
async fn all_of_them_together_cannot_either() {
    let (_, hub) = limited(HubOptions {
        most_bytes: 8 << 10,
        ..options()
    })
    .await;
    hub.open(chat("c1")).await.unwrap();
    let text = "word ".repeat(100);
    let error = loop {
        let said = hub.submit(&key("c1"), Uuid::now_v7(), say(&text)).await;
        if let Err(error) = said {
            break error;
        }
    };
    is_overloaded(&error);
    is_overloaded(&hub.open(chat("c2")).await.unwrap_err());
}
