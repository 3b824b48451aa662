//! Approvals of strategies that somebody waits for.

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
