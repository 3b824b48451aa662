use super::*;
use crate::conversation::CrisisKind;

#[tokio::test]
async fn in_a_crisis_the_virtual_agent_hands_over_at_once() {
    let assistant = assistant(Arc::new(MemoryStore::default())).await;
    let session = assistant.session(with_virtual_agent());
    let events = run(
        session,
        vec![say(Role::EndUser, "there is no point in going on")],
    )
    .await;
    let kinds: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            SessionEvent::Crisis { kind, .. } => {
                assert_eq!(*kind, CrisisKind::SelfHarm);
                Some("crisis")
            }
            SessionEvent::Reply { text, .. } => {
                assert!(text.contains("not alone"), "{text}");
                Some("reply")
            }
            SessionEvent::Handoff(handoff) => {
                assert_eq!(handoff.reason, HandoffReason::CustomerAtRisk);
                Some("handoff")
            }
            _ => None,
        })
        .collect();
    assert_eq!(kinds, ["crisis", "reply", "handoff"]);
}

#[tokio::test]
async fn in_a_crisis_the_human_agent_gets_a_card_and_nothing_is_sold() {
    let assistant = assistant(Arc::new(MemoryStore::default())).await;
    let session = assistant.session(Conversation::new("acme", Channel::Chat));
    let events = run(
        session,
        vec![say(
            Role::EndUser,
            "I was charged twice for my broadband this month and I just want to die",
        )],
    )
    .await;
    assert!(
        events
            .iter()
            .any(|e| matches!(e, SessionEvent::Crisis { .. }))
    );
    assert!(events.iter().any(
        |e| matches!(e, SessionEvent::Coaching(card) if matches!(&card.kind, SuggestionKind::Coaching(cue) if cue.rule == "crisis"))
    ));
    assert!(!events.iter().any(
        |e| matches!(e, SessionEvent::Suggestion(s) if matches!(s.kind, SuggestionKind::NextBestAction { .. }))
    ));
}

fn with_virtual_agent() -> Conversation {
    let mut conversation = Conversation::new("acme", Channel::Chat);
    conversation.join(crate::conversation::Participant::new(
        "bot",
        Role::AutomatedAgent,
    ));
    conversation
}
