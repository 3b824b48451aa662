//! Inputs that somebody waits for, by id; and another channel in the middle of it.

use uuid::Uuid;

use super::shaky::{Shaky, Write};
use super::*;
use crate::conversation::{CustomerProfile, JourneyEvent};
use crate::knowledge::ArticleFeedback;

fn key() -> StreamKey {
    StreamKey {
        tenant: "acme".into(),
        conversation: "c1".into(),
    }
}

fn call() -> Conversation {
    Conversation::new("acme", Channel::Chat).with_id("c1")
}

async fn plain(store: Arc<dyn ConversationStore>) -> Assistant {
    Assistant::builder()
        .organisation("Acme")
        .store(store)
        .playbooks(vec![playbook()])
        .build()
        .await
        .unwrap()
}

fn customer(text: &str) -> SessionInput {
    say(Role::EndUser, text)
}

async fn texts(session: &Session) -> Vec<String> {
    let conversation = session.conversation().await.unwrap();
    let said = conversation.transcript.utterances().iter();
    said.map(|u| u.text.clone()).collect()
}

#[tokio::test]
async fn an_id_counts_once_and_after_a_restart_too() {
    let store = Arc::new(Shaky::default());
    let assistant = plain(store.clone()).await;
    let mut session = assistant.session(call());
    let events = session.events();
    let (one, two) = (Uuid::now_v7(), Uuid::now_v7());
    let first = session.submit(one, customer("Hello.")).await.unwrap();
    assert_eq!(first.id, one);
    assert_eq!(store.said(&key()).await, ["Hello."]);
    let stored = store.load(&key(), 0).await.unwrap().len() as u64;
    assert_eq!(first.version, stored);
    session.submit(one, customer("Hello.")).await.unwrap();
    session.submit(two, customer("Hello.")).await.unwrap();
    assert_eq!(texts(&session).await, ["Hello.", "Hello."]);
    drop(session);
    let finals = events
        .filter(|e| std::future::ready(matches!(e, SessionEvent::UtteranceFinal(_))))
        .count();
    assert_eq!(finals.await, 2);

    let session = plain(store.clone())
        .await
        .resume("acme", "c1")
        .await
        .unwrap();
    session.submit(two, customer("Hello.")).await.unwrap();
    assert_eq!(texts(&session).await, ["Hello.", "Hello."]);
    assert_eq!(store.said(&key()).await, ["Hello.", "Hello."]);
}

#[tokio::test]
async fn another_input_under_the_same_id_is_refused_and_can_be_sent_under_its_own() {
    let store = Arc::new(Shaky::default());
    let session = plain(store.clone()).await.session(call());
    let id = Uuid::now_v7();
    session.submit(id, customer("Hello.")).await.unwrap();
    let error = session.submit(id, customer("And now?")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("an id of its own"), "{error}");
    let error = session.submit(id, SessionInput::End).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    session.submit(id, customer("Hello.")).await.unwrap();
    session
        .submit(Uuid::now_v7(), customer("And now?"))
        .await
        .unwrap();
    assert_eq!(store.said(&key()).await, ["Hello.", "And now?"]);
}

#[tokio::test]
async fn what_the_store_refuses_is_not_taken_until_it_is_sent_again() {
    let store = Arc::new(Shaky::default());
    let session = plain(store.clone()).await.session(call());
    session
        .submit(Uuid::now_v7(), customer("One."))
        .await
        .unwrap();
    session.conversation().await.unwrap();
    let id = Uuid::now_v7();
    store.next(&[Write::Fails]);
    let error = session.submit(id, customer("Two.")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert_eq!(texts(&session).await, ["One."]);
    session
        .submit(Uuid::now_v7(), customer("Three."))
        .await
        .unwrap();
    session.submit(id, customer("Two.")).await.unwrap();
    assert_eq!(texts(&session).await, ["One.", "Three.", "Two."]);
    assert_eq!(store.said(&key()).await, ["One.", "Three.", "Two."]);
}

#[tokio::test]
async fn an_answer_of_the_store_that_is_lost_adds_nothing_twice() {
    let store = Arc::new(Shaky::default());
    let session = plain(store.clone()).await.session(call());
    session
        .submit(Uuid::now_v7(), customer("One."))
        .await
        .unwrap();
    session.conversation().await.unwrap();
    let id = Uuid::now_v7();
    store.next(&[Write::IsLost]);
    session.submit(id, customer("Two.")).await.unwrap_err();
    session.submit(id, customer("Two.")).await.unwrap();
    assert_eq!(texts(&session).await, ["One.", "Two."]);
    assert_eq!(store.said(&key()).await, ["One.", "Two."]);

    // Something else comes in between: the store's order counts.
    let id = Uuid::now_v7();
    store.next(&[Write::IsLost]);
    session.submit(id, customer("Three.")).await.unwrap_err();
    session
        .submit(Uuid::now_v7(), customer("Four."))
        .await
        .unwrap();
    assert_eq!(texts(&session).await, ["One.", "Two.", "Three.", "Four."]);
    session.submit(id, customer("Three.")).await.unwrap();
    assert_eq!(texts(&session).await, ["One.", "Two.", "Three.", "Four."]);
    assert_eq!(
        store.said(&key()).await,
        ["One.", "Two.", "Three.", "Four."]
    );
}

#[tokio::test]
async fn a_beginning_whose_answer_of_the_store_was_lost_stands_in_nobodys_way() {
    let store = Arc::new(Shaky::default());
    let assistant = plain(store.clone()).await;
    store.next(&[Write::IsLost]);
    let session = assistant.session(call());
    for text in ["One.", "Two."] {
        session.send(customer(text)).await.unwrap();
    }
    session.settle().await.unwrap();
    assert_eq!(store.said(&key()).await, ["One.", "Two."]);
    // What somebody else began is not gone on with.
    let other = assistant.session(call());
    let error = other.submit(Uuid::now_v7(), customer("Three.")).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(store.said(&key()).await, ["One.", "Two."]);
}

#[tokio::test]
async fn words_that_turn_out_to_be_stored_are_answered_whatever_came_first() {
    let store = Arc::new(Shaky::default());
    let mut chat = call();
    chat.join(crate::conversation::Participant::new(
        "bot",
        Role::AutomatedAgent,
    ));
    let session = plain(store.clone()).await.session(chat);
    session
        .submit(Uuid::now_v7(), customer("Hello."))
        .await
        .unwrap();
    session.settle().await.unwrap();
    let (id, words) = (
        Uuid::now_v7(),
        "I was charged twice for my broadband this month",
    );
    store.next(&[Write::IsLost]);
    session.submit(id, customer(words)).await.unwrap_err();
    let profile = SessionInput::Profile(CustomerProfile::default());
    session.submit(Uuid::now_v7(), profile).await.unwrap();
    session.submit(id, customer(words)).await.unwrap();
    session.settle().await.unwrap();
    let conversation = session.conversation().await.unwrap();
    let said = conversation.transcript.utterances();
    let told = said.iter().filter(|said| said.text == words);
    assert_eq!(told.count(), 1);
    let last = said.last().unwrap();
    assert_eq!(last.role, Role::AutomatedAgent, "{}", last.text);
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_and_leaves_nothing() {
    let store = Arc::new(Shaky::default());
    let session = plain(store.clone()).await.session(call());
    let refused = [
        customer("  "),
        SessionInput::Approve {
            source: "twice/refund".into(),
            by: crate::conversation::Approver::Supervisor,
            who: "s1".into(),
            yes: true,
        },
        SessionInput::ArticleFeedback {
            suggestion: "none".into(),
            given: ArticleFeedback::Used,
        },
        SessionInput::Interrupted {
            utterance: UtteranceId(7),
            spoken: 1,
        },
        SessionInput::Audio {
            tracks: Vec::new(),
            start_ms: 0,
        },
    ];
    for input in refused {
        let id = Uuid::now_v7();
        let error = session.submit(id, input.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{input:?}");
        let records = store.load(&key(), 0).await.unwrap();
        assert!(records.iter().all(|record| record.id != id), "{input:?}");
    }
    assert_eq!(store.load(&key(), 0).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_end_that_was_accepted_is_reached_after_a_restart() {
    let store = Arc::new(Shaky::default());
    let assistant = plain(store.clone()).await;
    let end = Uuid::now_v7();
    let mut session = assistant.session(call());
    let events = session.events();
    session
        .submit(Uuid::now_v7(), customer("Hello."))
        .await
        .unwrap();
    session.conversation().await.unwrap();
    // The end is stored; what follows from it is not.
    store.next(&[Write::Works]);
    store.next(&[Write::Fails; 20]);
    session.submit(end, SessionInput::End).await.unwrap();
    let last = events.collect::<Vec<_>>().await.pop();
    assert_eq!(last, Some(SessionEvent::Ended));
    store.calm();
    let records = store.load(&key(), 0).await.unwrap();
    assert!(records.iter().all(|record| record.kind != "ended"));

    let mut session = assistant.resume("acme", "c1").await.unwrap();
    let events: Vec<SessionEvent> = session.events().collect().await;
    assert_eq!(events.last(), Some(&SessionEvent::Ended));
    let records = store.load(&key(), 0).await.unwrap();
    assert_eq!(records.iter().filter(|r| r.kind == "ended").count(), 1);

    let session = assistant.resume("acme", "c1").await.unwrap();
    session.submit(end, SessionInput::End).await.unwrap();
    let error = session.submit(Uuid::now_v7(), customer("And?")).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_dialogue_goes_on_over_another_channel() {
    let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
    let assistant = assistant(store).await;
    let mut chat = call();
    chat.join(crate::conversation::Participant::new(
        "bot",
        Role::AutomatedAgent,
    ));
    let mut session = assistant.session(chat);
    let events = tokio::spawn(session.events().collect::<Vec<_>>());
    let submit = async |input: SessionInput| {
        session.submit(Uuid::now_v7(), input).await.unwrap();
        session.settle().await.unwrap();
    };
    submit(customer("I was charged twice for my broadband this month")).await;
    submit(SessionInput::Channel(Channel::Voice)).await;
    submit(SessionInput::Channel(Channel::Voice)).await;
    submit(customer("It is LF402117.")).await;
    submit(SessionInput::Channel(Channel::Email)).await;
    submit(SessionInput::Profile(CustomerProfile {
        id: "4711".into(),
        ..CustomerProfile::default()
    }))
    .await;
    let at = jiff::Timestamp::UNIX_EPOCH;
    submit(SessionInput::Journey(vec![JourneyEvent::new(
        "outage",
        "There was an outage.",
        at,
    )]))
    .await;
    drop(session);
    let events = events.await.unwrap();
    let changes: Vec<_> = events
        .iter()
        .filter_map(|e| match e {
            SessionEvent::ChannelChanged { from, to } => Some((*from, *to)),
            _ => None,
        })
        .collect();
    assert_eq!(
        changes,
        [
            (Channel::Chat, Channel::Voice),
            (Channel::Voice, Channel::Email)
        ]
    );

    let resumed = assistant.resume("acme", "c1").await.unwrap();
    resumed
        .submit(Uuid::now_v7(), customer("Thank you."))
        .await
        .unwrap();
    let view = resumed.view().await.unwrap();
    assert_eq!(view.dialogue.slots["account"], "LF402117");
    assert_eq!(view.conversation.channel, Channel::Email);
    assert_eq!(view.conversation.profile.unwrap().id, "4711");
    assert_eq!(view.conversation.journey.len(), 1);
    let said = view.conversation.transcript.utterances();
    let channels: Vec<Channel> = said
        .iter()
        .filter(|said| said.role == Role::EndUser)
        .map(|said| said.channel)
        .collect();
    assert_eq!(channels, [Channel::Chat, Channel::Voice, Channel::Email]);
}

#[tokio::test]
async fn feedback_on_an_article_holds_after_a_restart() {
    let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
    let assistant = assistant(store).await;
    let mut session = assistant.session(call());
    let mut events = session.events();
    let question = "I was charged twice for my broadband this month. When is it paid back?";
    session
        .submit(Uuid::now_v7(), customer(question))
        .await
        .unwrap();
    let card = loop {
        if let Some(SessionEvent::Suggestion(suggestion)) = events.next().await
            && matches!(suggestion.kind, SuggestionKind::Article { .. })
        {
            break suggestion.id;
        }
    };
    drop(events);
    session.settle().await.unwrap();
    drop(session);
    let resumed = assistant.resume("acme", "c1").await.unwrap();
    let feedback = SessionInput::ArticleFeedback {
        suggestion: card,
        given: ArticleFeedback::Dismissed,
    };
    let id = Uuid::now_v7();
    resumed.submit(id, feedback.clone()).await.unwrap();
    resumed.submit(id, feedback).await.unwrap();
    drop(resumed);
    let mut again = assistant.resume("acme", "c1").await.unwrap();
    let events = again.events();
    again
        .submit(Uuid::now_v7(), customer(question))
        .await
        .unwrap();
    again.settle().await.unwrap();
    drop(again);
    let events: Vec<SessionEvent> = events.collect().await;
    let is_article = |e: &SessionEvent| matches!(e, SessionEvent::Suggestion(s) if matches!(s.kind, SuggestionKind::Article { .. }));
    assert!(!events.iter().any(is_article), "{events:?}");
}

#[tokio::test]
async fn feedback_on_an_article_is_taken_while_the_conversation_ends_and_nothing_else_is() {
    let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
    let assistant = assistant(store).await;
    let mut session = assistant.session(call());
    let mut events = session.events();
    let question = "I was charged twice for my broadband this month. When is it paid back?";
    session
        .submit(Uuid::now_v7(), customer(question))
        .await
        .unwrap();
    let card = loop {
        if let Some(SessionEvent::Suggestion(suggestion)) = events.next().await
            && matches!(suggestion.kind, SuggestionKind::Article { .. })
        {
            break suggestion.id;
        }
    };
    session.settle().await.unwrap();
    session
        .submit(Uuid::now_v7(), SessionInput::End)
        .await
        .unwrap();
    while events.next().await.is_some() {}
    // One that is over takes the same as one that is about to be.
    let over = assistant.resume("acme", "c1").await.unwrap();
    let feedback = SessionInput::ArticleFeedback {
        suggestion: card,
        given: ArticleFeedback::Used,
    };
    over.submit(Uuid::now_v7(), feedback).await.unwrap();
    let more = over.submit(Uuid::now_v7(), customer("And?")).await;
    assert_eq!(more.unwrap_err().kind(), ErrorKind::InvalidInput);
}
