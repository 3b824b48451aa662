//! What is on the human agent's screen, and what they make of it, beyond a restart and the end.

use uuid::Uuid;

use super::*;
use crate::conversation::{Evidence, JourneyEvent, Suggestion};
use crate::dialogue::journey::NeedPredictor;
use crate::knowledge::ArticleFeedback;

const CHARGED: &str = "I was charged twice for my broadband this month";

fn call() -> Conversation {
    Conversation::new("acme", Channel::Chat).with_id("c1")
}

fn key() -> StreamKey {
    StreamKey {
        tenant: "acme".into(),
        conversation: "c1".into(),
    }
}

fn given(suggestion: &str, given: ArticleFeedback) -> SessionInput {
    SessionInput::ArticleFeedback {
        suggestion: suggestion.to_owned(),
        given,
    }
}

fn cards(events: &[SessionEvent], is: fn(&SuggestionKind) -> bool) -> Vec<Suggestion> {
    let cards = events.iter().filter_map(|event| match event {
        SessionEvent::Suggestion(card) if is(&card.kind) => Some(card.clone()),
        _ => None,
    });
    cards.collect()
}

fn is_action(kind: &SuggestionKind) -> bool {
    matches!(kind, SuggestionKind::NextBestAction { .. })
}

fn is_reply(kind: &SuggestionKind) -> bool {
    matches!(kind, SuggestionKind::Reply { .. })
}

fn is_article(kind: &SuggestionKind) -> bool {
    matches!(kind, SuggestionKind::Article { .. })
}

fn withdrawn(events: &[SessionEvent]) -> Vec<&str> {
    let gone = events.iter().filter_map(|event| match event {
        SessionEvent::Withdrawn { suggestion } => Some(suggestion.as_str()),
        _ => None,
    });
    gone.collect()
}

async fn outcomes(assistant: &Assistant) -> serde_json::Value {
    let tenant = "acme".into();
    assistant.learner().recall(&tenant).await.unwrap();
    assistant.learner().export(&tenant)["learned"]["outcomes"].clone()
}

#[tokio::test]
async fn an_action_that_was_taken_up_is_learned_from_after_a_restart() {
    let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
    let first = assistant(store.clone()).await;
    let events = run(first.session(call()), vec![say(Role::EndUser, CHARGED)]).await;
    let action = cards(&events, is_action).remove(0);
    let reply = cards(&events, is_reply).remove(0);

    // Said in one process, ended in another.
    let second = assistant(store.clone()).await;
    let session = second.resume("acme", "c1").await.unwrap();
    let said = vec![
        given(&action.id, ArticleFeedback::Opened),
        given(&action.id, ArticleFeedback::Used),
        given(&reply.id, ArticleFeedback::Edited),
        given("nonsense", ArticleFeedback::Used),
    ];
    let events = run(session, said).await;
    let failed = events.iter().filter_map(|event| match event {
        SessionEvent::Failed { message, .. } => Some(message.as_str()),
        _ => None,
    });
    let failed: Vec<&str> = failed.collect();
    assert!(
        failed.len() == 1 && failed[0].contains("nonsense"),
        "{failed:?}"
    );
    let third = assistant(store).await;
    let session = third.resume("acme", "c1").await.unwrap();
    run(session, vec![SessionInput::End]).await;
    assert_eq!(outcomes(&third).await, 1);
}

#[tokio::test]
async fn what_was_made_of_an_action_is_taken_after_the_end_and_learned_once() {
    let assistant = assistant(Arc::new(MemoryStore::default())).await;
    let inputs = vec![say(Role::EndUser, CHARGED), SessionInput::End];
    let events = run(assistant.session(call()), inputs).await;
    let action = cards(&events, is_action).remove(0);
    let reply = cards(&events, is_reply).remove(0);
    let hub = SessionHub::new(assistant.clone(), HubOptions::default());
    for (card, made) in [
        (&action, ArticleFeedback::Opened),
        (&action, ArticleFeedback::Used),
        (&action, ArticleFeedback::Dismissed),
        (&reply, ArticleFeedback::Edited),
    ] {
        let input = given(&card.id, made);
        hub.submit(&key(), Uuid::now_v7(), input).await.unwrap();
    }
    assert_eq!(outcomes(&assistant).await, 1);
    let unknown = given("nonsense", ArticleFeedback::Used);
    let unknown = hub.submit(&key(), Uuid::now_v7(), unknown).await;
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn what_is_on_the_screen_is_known_after_a_restart() {
    let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
    let asks = "I was charged twice for my broadband this month. When is it paid back?";
    let first = assistant(store.clone()).await;
    let events = run(first.session(call()), vec![say(Role::EndUser, asks)]).await;
    assert_eq!(cards(&events, is_article).len(), 1);
    let action = cards(&events, is_action).remove(0);
    let second = assistant(store).await;
    let session = second.resume("acme", "c1").await.unwrap();
    let inputs = vec![
        say(Role::EndUser, asks),
        say(Role::EndUser, "I just want to die."),
    ];
    let events = run(session, inputs).await;
    assert_eq!(cards(&events, is_article), []);
    assert_eq!(cards(&events, is_action), []);
    // Nobody sells anything in a crisis.
    assert!(withdrawn(&events).contains(&action.id.as_str()));
}

#[tokio::test]
async fn nobody_sells_anything_in_a_crisis_that_another_process_heard_of() {
    let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
    let (first, second) = (assistant(store.clone()).await, assistant(store).await);
    let one = first.session(call());
    one.settle().await.unwrap();
    let mut two = second.resume("acme", "c1").await.unwrap();
    let events = two.events();
    two.settle().await.unwrap();
    let danger = say(Role::EndUser, "I just want to die.");
    one.submit(Uuid::now_v7(), danger).await.unwrap();
    one.settle().await.unwrap();
    let charged = say(Role::EndUser, CHARGED);
    two.submit(Uuid::now_v7(), charged).await.unwrap();
    two.settle().await.unwrap();
    drop(two);
    let events: Vec<SessionEvent> = events.collect().await;
    assert_eq!(cards(&events, is_action), []);
}

#[tokio::test]
async fn in_a_crisis_its_card_comes_first_and_no_action() {
    let assistant = assistant(Arc::new(MemoryStore::default())).await;
    let mut call = call();
    call.say(Role::EndUser, CHARGED);
    let suggest = async |call: &Conversation| -> Vec<Suggestion> {
        let found = assistant.suggest(call, crate::conversation::Trigger::CustomerMessage);
        found.map(|card| card.unwrap()).collect().await
    };
    let before = suggest(&call).await;
    assert!(before.iter().any(|card| is_action(&card.kind)));
    call.say(Role::EndUser, "I just want to die.");
    let found = suggest(&call).await;
    let SuggestionKind::Coaching(cue) = &found[0].kind else {
        panic!("{found:#?}");
    };
    assert_eq!(cue.rule, "crisis");
    assert_eq!(found[0].evidence, [Evidence::Utterance(UtteranceId(2))]);
    assert!(!found.iter().any(|card| is_action(&card.kind)));
}

#[tokio::test]
async fn a_foreseen_need_tells_what_it_rests_on_and_is_known_to_feedback() {
    let rules = r#"
        [outbound]
        time_zone = "Europe/London"
        [[rules]]
        id = "charged"
        playbook = "twice"
        events = ["charged_wrongly"]
        within = "30 days"
        confidence = 0.8
        question = "Are you contacting us about the charge?"
        opening = "We have charged too much."
    "#;
    let assistant = Assistant::builder()
        .playbooks(vec![playbook()])
        .journey(NeedPredictor::from_toml(rules).unwrap())
        .build()
        .await
        .unwrap();
    let mut call = call();
    for kind in ["page_visited", "charged_wrongly"] {
        let event = JourneyEvent::new(kind, "Something happened.", jiff::Timestamp::now());
        call.journey.push(event);
    }
    let mut session = assistant.session(call);
    let mut events = session.events();
    let card = loop {
        if let SessionEvent::Suggestion(card) = events.next().await.unwrap() {
            break card;
        }
    };
    assert_eq!(card.evidence, [Evidence::Event(1)]);
    let feedback = given(&card.id, ArticleFeedback::Dismissed);
    session.submit(Uuid::now_v7(), feedback).await.unwrap();
    // It waits for the customer, whatever the agent says first.
    let hello = say(Role::HumanAgent, "Hello, this is Acme.");
    session.submit(Uuid::now_v7(), hello).await.unwrap();
    let words = say(Role::EndUser, "Good morning.");
    session.submit(Uuid::now_v7(), words).await.unwrap();
    session.settle().await.unwrap();
    drop(session);
    let events: Vec<SessionEvent> = events.collect().await;
    let gone = events.iter().position(
        |event| matches!(event, SessionEvent::Withdrawn { suggestion } if *suggestion == card.id),
    );
    let said = events.iter().position(
        |event| matches!(event, SessionEvent::UtteranceFinal(said) if said.role == Role::EndUser),
    );
    assert!(gone > said && said.is_some(), "{events:#?}");
    assert_eq!(outcomes(&assistant).await, 1);
}
