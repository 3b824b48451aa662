//! What is felt, and what effort somebody has, as a session tells it.

use super::*;

#[tokio::test]
async fn feelings_and_effort_are_told_and_a_failure_ends_nothing() {
    let assistant = Assistant::builder()
        .emotion(Arc::new(Literal))
        .build()
        .await
        .unwrap();
    let mut session = assistant.session(Conversation::new("acme", Channel::Chat));
    let events = session.events();
    let said = [
        "My number is four one two.",
        "I am full of anger, and I have been on hold for an hour.",
        "It is broken.",
        "Hello?",
    ];
    for text in said {
        session.say(Role::EndUser, text).await.unwrap();
    }
    session.send(SessionInput::End).await.unwrap();
    let told: Vec<String> = events
        .filter_map(|event| async move {
            match event {
                SessionEvent::Experience { score, is_final } => {
                    Some(format!("{is_final} {}", score.satisfaction < 3.0))
                }
                SessionEvent::Emotion { state, events, .. } => {
                    let words = events.first().map(|event| event.words.clone());
                    Some(format!("{} {}", state.utterance, words.unwrap_or_default()))
                }
                SessionEvent::Effort { sign, .. } => {
                    Some(format!("{:?} {}", sign.kind, sign.words))
                }
                SessionEvent::Failed { skill, .. } => Some(format!("{skill:?}")),
                _ => None,
            }
        })
        .collect()
        .await;
    let expected = [
        "1 ",
        "false false",
        "Waiting been on hold",
        "2 I am full of anger,",
        "false true",
        "Emotion",
        "4 ",
        "false true",
        "true true",
    ];
    assert_eq!(told, expected);
}
