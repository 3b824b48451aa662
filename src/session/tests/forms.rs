//! Values for forms, while people lead the conversation.

use super::*;
use crate::conversation::{Evidence, FormValue, Suggestion};

/// Cards with values, and when they were taken away, in order.
fn told(events: &[SessionEvent]) -> Vec<Result<&Suggestion, &str>> {
    let is_form = |card: &&Suggestion| matches!(card.kind, SuggestionKind::FormValues { .. });
    let mut told: Vec<Result<&Suggestion, &str>> = Vec::new();
    for event in events {
        match event {
            SessionEvent::Suggestion(card) => told.extend(Some(card).filter(is_form).map(Ok)),
            SessionEvent::Withdrawn { suggestion }
                if told.iter().flatten().any(|card| &card.id == suggestion) =>
            {
                told.push(Err(suggestion));
            }
            _ => {}
        }
    }
    told
}

#[tokio::test]
async fn what_the_customer_gives_is_there_for_the_form_once_and_is_kept_up_to_date() {
    let mut plan = playbook();
    plan.slots.push(
        serde_json::from_value(serde_json::json!({
            "name": "password", "description": "the password", "pattern": "^PW\\d{4}$",
            "ask": "Your password, please?", "secret": true,
        }))
        .unwrap(),
    );
    let assistant = Assistant::builder()
        .playbooks(vec![plan])
        .build()
        .await
        .unwrap();
    let session = assistant.session(Conversation::new("acme", Channel::Chat));
    let inputs = vec![
        say(
            Role::EndUser,
            "I was charged twice for my broadband this month",
        ),
        say(Role::HumanAgent, "May I have your account number?"),
        say(Role::EndUser, "It is LF402117, and my password is PW1234."),
        say(Role::HumanAgent, "Thank you."),
        say(Role::EndUser, "No, wait, it is LF402118."),
    ];
    let events = run(session, inputs).await;
    let told = told(&events);
    let value = |value: &str, utterance| FormValue {
        name: "account".into(),
        label: "the account number".into(),
        value: value.into(),
        utterance: Some(UtteranceId(utterance)),
    };
    let [Ok(first), Err(withdrawn), Ok(second)] = told[..] else {
        panic!("{told:#?}");
    };
    assert_eq!(withdrawn, first.id);
    for (card, expected) in [
        (first, value("LF402117", 3)),
        (second, value("LF402118", 5)),
    ] {
        let place = expected.utterance.unwrap();
        assert_eq!(
            card.kind,
            SuggestionKind::FormValues {
                playbook: Some("twice".into()),
                title: Some("Charged twice".into()),
                values: vec![expected],
            }
        );
        assert_eq!(card.evidence, [Evidence::Utterance(place)]);
    }
}

#[tokio::test]
async fn a_plugin_that_asks_once_gets_the_values_of_the_whole_conversation() {
    let assistant = Assistant::builder()
        .playbooks(vec![playbook()])
        .build()
        .await
        .unwrap();
    let mut call = Conversation::new("acme", Channel::Voice);
    call.say(Role::EndUser, "It is about LF402117.");
    call.say(Role::HumanAgent, "What happened?");
    call.say(
        Role::EndUser,
        "I was charged twice for my broadband this month",
    );
    let cards: Vec<Suggestion> = assistant
        .suggest(&call, crate::conversation::Trigger::EndOfUtterance)
        .map(|card| card.unwrap())
        .collect()
        .await;
    let values = cards.iter().find_map(|card| match &card.kind {
        SuggestionKind::FormValues { values, .. } => Some(values.clone()),
        _ => None,
    });
    let values = values.unwrap();
    assert_eq!(values.len(), 1);
    assert_eq!(values[0].value, "LF402117");
    assert_eq!(values[0].utterance, Some(UtteranceId(1)));
}

/// The values of the cards, one list a card.
fn shown(events: &[SessionEvent]) -> Vec<Vec<String>> {
    let cards = told(events).into_iter().flatten();
    let values = cards.map(|card| match &card.kind {
        SuggestionKind::FormValues { values, .. } => {
            values.iter().map(|field| field.value.clone()).collect()
        }
        _ => Vec::new(),
    });
    values.collect()
}

#[tokio::test]
async fn a_number_is_corrected_before_anybody_knows_what_it_is_for() {
    let assistant = Assistant::builder()
        .playbooks(vec![playbook()])
        .build()
        .await
        .unwrap();
    let session = assistant.session(Conversation::new("acme", Channel::Chat));
    let inputs = vec![
        say(Role::EndUser, "Hello, LF402117 here."),
        say(Role::EndUser, "Sorry, I mean LF402118."),
        say(Role::HumanAgent, "How can I help?"),
        say(
            Role::EndUser,
            "I was charged twice for my broadband this month",
        ),
    ];
    let events = run(session, inputs).await;
    // The last one is for the procedure.
    assert_eq!(shown(&events), [["LF402117"], ["LF402118"], ["LF402118"]]);
}

#[tokio::test]
async fn a_secret_of_any_procedure_stays_out_under_every_name() {
    let mut plan = playbook();
    plan.slots[0].secret = true;
    let mut other = playbook();
    (other.id, other.examples) = ("other".into(), vec!["My parcel is lost".into()]);
    // Another name, and a looser pattern that fits the secret too.
    other.slots[0].name = "reference".into();
    other.slots[0].pattern = Some("^[A-Z]{2}\\d{6}$".into());
    other.steps[0].requires = vec!["reference".into()];
    let assistant = Assistant::builder()
        .playbooks(vec![plan, other])
        .build()
        .await
        .unwrap();
    let session = assistant.session(Conversation::new("acme", Channel::Chat));
    let inputs = vec![say(Role::EndUser, "Hello, LF402117 here.")];
    let events = run(session, inputs).await;
    assert!(shown(&events).is_empty(), "{events:#?}");
}

#[tokio::test]
async fn a_card_is_not_shown_twice_when_a_conversation_is_taken_up_again() {
    use crate::session::{HubEvent, HubOptions, SessionHub};
    use crate::store::StreamKey;
    let assistant = Assistant::builder()
        .playbooks(vec![playbook()])
        .store(Arc::new(MemoryStore::new()))
        .build()
        .await
        .unwrap();
    let key = StreamKey {
        tenant: "acme".into(),
        conversation: "c1".into(),
    };
    let mut seen: Vec<SessionEvent> = Vec::new();
    for (words, expected) in [
        ("It is LF402117.", vec!["LF402117"]),
        ("Hello?", vec![]),
        ("Sorry, it is LF402118.", vec!["LF402118"]),
    ] {
        // Another process each time.
        let hub = SessionHub::new(assistant.clone(), HubOptions::default());
        if seen.is_empty() {
            let conversation = Conversation::new("acme", Channel::Chat).with_id("c1");
            hub.open(conversation).await.unwrap();
        }
        let mut events = hub.events(&key, None).await.unwrap();
        let said = say(Role::EndUser, words);
        hub.submit(&key, uuid::Uuid::now_v7(), said).await.unwrap();
        hub.settle(&key).await.unwrap();
        hub.shut_down().await;
        let mut told = Vec::new();
        while let Some(event) = events.next().await {
            if let HubEvent::Event(event) = event {
                told.push(event.event.clone());
            }
        }
        let shown = shown(&told).concat();
        assert_eq!(shown, expected, "after {words:?}");
        seen.extend(told);
    }
    // And the first card is taken away by the one that takes its place.
    let told = told(&seen);
    let [Ok(first), Err(withdrawn), Ok(_)] = told[..] else {
        panic!("{told:#?}");
    };
    assert_eq!(withdrawn, first.id);
}
