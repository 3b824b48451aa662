//! A need that takes days is resolved by a strategy that the conversation begins, and that outlives it.

mod refused;

use super::*;
use crate::conversation::{ApprovalGrant, Approver, CustomerProfile, JourneyEvent, Participant};
use crate::dialogue::journey::NeedPredictor;
use crate::dialogue::strategy::{
    Strategist, StrategyEvent, StrategyInput, StrategyPolicy, StrategyTemplate,
};
use crate::dialogue::{FnTool, Tool, ToolEffect, ToolSpec};

const BOOK: &str = r#"
id = "wrong-charge"
title = "Wrong charge"
goal = "The charge is settled."
examples = ["There is a wrong charge on my bill", "I dispute a charge"]
[[slots]]
name = "payout"
description = "how the money comes back"
values = ["bank", "credit"]
ask = "Bank or credit?"
[[steps]]
id = "settle"
label = "Settle the charge"
kind = "resolve"
done = "{% if result.resolved %}That is settled.{% else %}I stay on it: {{ result.waits_for | join(', ') }}.{% endif %}"
"#;

const STRATEGY: &str = r#"
id = "wrong-charge"
title = "Wrong charge"
goal = "The charge is refunded."
needs = ["wrong-charge"]
completion = "refund.reference is defined"
[[questions]]
fact = "payout"
ask = "Would you like it on your bank account, or as a credit?"
[[steps]]
id = "find"
label = "look up the charge"
owner = "tool"
tool = "get_charge"
gives = "charge"
read_only = true
[[steps]]
id = "refund"
label = "a colleague approves the refund"
owner = "tool"
tool = "refund"
after = ["find"]
arguments = { amount = "{{ charge.amount }}", to = "{{ payout }}" }
gives = "refund"
approvals = ["human_agent"]
[[steps]]
id = "tell"
label = "tell the customer"
owner = "virtual_agent"
say = "I have refunded £{{ charge.amount }}, reference {{ refund.reference }}."
after = ["refund"]
within = "5 days"
"#;

fn tools(calls: &Arc<parking_lot::Mutex<Vec<String>>>) -> Vec<Arc<dyn Tool>> {
    let tool = |name: &'static str, effect, answer: serde_json::Value| {
        let calls = calls.clone();
        let spec = ToolSpec::new(name, "of the billing system").with_effect(effect);
        let act = move |arguments: serde_json::Map<String, serde_json::Value>, _| {
            calls
                .lock()
                .push(format!("{name} {}", serde_json::Value::Object(arguments)));
            let answer = answer.clone();
            async move { Ok(answer) }
        };
        Arc::new(FnTool::new(spec, act)) as Arc<dyn Tool>
    };
    vec![
        tool(
            "get_charge",
            ToolEffect::Read,
            serde_json::json!({ "amount": 50 }),
        ),
        tool(
            "refund",
            ToolEffect::Write,
            serde_json::json!({ "reference": "RF1" }),
        ),
    ]
}

async fn assistant(
    store: Arc<dyn ConversationStore>,
    calls: &Arc<parking_lot::Mutex<Vec<String>>>,
) -> Assistant {
    let templates = vec![StrategyTemplate::from_toml(STRATEGY).unwrap()];
    Assistant::builder()
        .store(store)
        .playbooks(vec![Playbook::from_toml(BOOK).unwrap()])
        .strategies(Strategist::new(templates, StrategyPolicy::default()).unwrap())
        .tools(tools(calls))
        .build()
        .await
        .unwrap()
}

fn chat() -> Conversation {
    let mut chat = Conversation::new("acme", Channel::Chat);
    chat.id = "c1".into();
    chat.join(Participant::new("bot", Role::AutomatedAgent));
    chat
}

fn replies(events: &[SessionEvent]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|event| match event {
            SessionEvent::Reply { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn a_strategy_asks_waits_for_a_yes_and_tells_what_was_done_with_proof() {
    let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
    let calls = Arc::default();
    let first = assistant(store.clone(), &calls).await;
    let events = run(
        first.session(chat()),
        vec![
            say(Role::EndUser, "There is a wrong charge on my bill"),
            say(Role::EndUser, "to my bank, please"),
        ],
    )
    .await;
    let said = replies(&events);
    assert_eq!(
        said[0],
        "Would you like it on your bank account, or as a credit?"
    );
    assert!(
        said[1].contains("I stay on it: a colleague approves the refund"),
        "{said:?}"
    );
    assert_eq!(calls.lock().len(), 1, "{:?}", calls.lock());
    let source = events
        .iter()
        .find_map(|event| match event {
            SessionEvent::ApprovalRequested { source, .. } => Some(source.clone()),
            _ => None,
        })
        .expect("somebody is asked");

    // Another process, another day.
    let second = assistant(store, &calls).await;
    let session = second.resume("acme", "c1").await.unwrap();
    let yes = |source: &str| SessionInput::Approve {
        source: source.into(),
        by: Approver::HumanAgent,
        who: "sam".into(),
        yes: true,
    };
    let events = run(session, vec![yes(&source), yes(&source)]).await;
    assert_eq!(
        *calls.lock(),
        ["get_charge {}", r#"refund {"amount":50,"to":"bank"}"#]
    );
    assert!(replies(&events).contains(&"I have refunded £50, reference RF1."));
    let resolved = |event: &SessionEvent| {
        matches!(
            event,
            SessionEvent::Strategy {
                event: StrategyEvent::Resolved { .. },
                ..
            }
        )
    };
    assert_eq!(events.iter().filter(|event| resolved(event)).count(), 1);
    let receipts = events
        .iter()
        .filter(|event| matches!(event, SessionEvent::Action(_)));
    assert_eq!(receipts.count(), 1);
}

#[tokio::test]
async fn a_strategy_goes_on_without_its_conversation() {
    let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
    let calls = Arc::default();
    let assistant = assistant(store, &calls).await;
    let events = run(
        assistant.session(chat()),
        vec![
            say(Role::EndUser, "I dispute a charge"),
            say(Role::EndUser, "as a credit"),
        ],
    )
    .await;
    let strategy = events
        .iter()
        .find_map(|event| match event {
            SessionEvent::Strategy { strategy, .. } => Some(strategy.clone()),
            _ => None,
        })
        .unwrap();
    let tenant = "acme".into();
    let now = jiff::Timestamp::now();
    let grant = ApprovalGrant {
        by: Approver::HumanAgent,
        who: "sam".into(),
        at: now,
    };
    let approved = StrategyInput::Approved {
        step: "refund".into(),
        grant,
    };
    let progress = assistant
        .advance_strategy(&tenant, &strategy, vec![approved], now)
        .await
        .unwrap();
    let done = progress
        .events
        .iter()
        .any(|event| matches!(event, StrategyEvent::StepDone { step, .. } if step == "refund"));
    assert!(done, "{progress:?}");
    assert!(
        calls
            .lock()
            .contains(&r#"refund {"amount":50,"to":"credit"}"#.to_owned())
    );
    let unknown = assistant
        .advance_strategy(&tenant, "nothing", Vec::new(), now)
        .await
        .unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    let other_tenant = assistant
        .advance_strategy(&"other".into(), &strategy, Vec::new(), now)
        .await
        .unwrap_err();
    assert_eq!(other_tenant.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_watch_drives_what_is_due_though_nobody_says_anything() {
    let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
    let calls = Arc::default();
    let first = assistant(store.clone(), &calls).await;
    let said = vec![
        say(Role::EndUser, "I dispute a charge"),
        say(Role::EndUser, "as a credit"),
    ];
    run(first.session(chat()), said).await;
    let hub = SessionHub::new(assistant(store, &calls).await, HubOptions::default());
    let mut watch = hub.watch_strategies("acme".into());
    let now = jiff::Timestamp::now();
    assert_eq!(
        watch.advance(now).await.unwrap(),
        0,
        "the colleague has time"
    );
    // Nobody approved it in time.
    let later = now
        .saturating_add(jiff::SignedDuration::from_hours(30 * 24))
        .unwrap();
    assert_eq!(watch.advance(later).await.unwrap(), 1);
    assert_eq!(
        calls.lock().len(),
        1,
        "nothing was refunded: {:?}",
        calls.lock()
    );
    assert_eq!(watch.advance(later).await.unwrap(), 0, "it was dealt with");
    let mut of_another = hub.watch_strategies("other".into());
    assert_eq!(of_another.advance(later).await.unwrap(), 0);
    hub.shut_down().await;
}

#[tokio::test]
async fn a_resolve_step_without_a_strategy_is_refused_when_the_assistant_is_built() {
    let built = Assistant::builder()
        .playbooks(vec![Playbook::from_toml(BOOK).unwrap()])
        .build()
        .await;
    let error = built.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("wrong-charge"), "{error}");
}

const RULES: &str = r#"
[outbound]
time_zone = "Europe/London"
[[rules]]
id = "charged"
playbook = "wrong-charge"
events = ["charged_wrongly"]
within = "30 days"
confidence = 0.8
question = "Are you contacting us about the charge of {{ amount }} pounds?"
opening = "We have charged {{ amount }} pounds too much."
outbound = true
"#;

async fn foreseeing(calls: &Arc<parking_lot::Mutex<Vec<String>>>) -> Assistant {
    let templates = vec![StrategyTemplate::from_toml(STRATEGY).unwrap()];
    Assistant::builder()
        .organisation("Acme")
        .playbooks(vec![Playbook::from_toml(BOOK).unwrap()])
        .strategies(Strategist::new(templates, StrategyPolicy::default()).unwrap())
        .journey(NeedPredictor::from_toml(RULES).unwrap())
        .tools(tools(calls))
        .build()
        .await
        .unwrap()
}

fn charged() -> JourneyEvent {
    JourneyEvent::new(
        "charged_wrongly",
        "Charged too much.",
        jiff::Timestamp::now(),
    )
    .with_attribute("amount", "50")
}

#[tokio::test]
async fn a_foreseen_need_is_asked_about_and_a_yes_begins_it() {
    for (answer, begins) in [
        ("Yes, exactly", true),
        ("Yes please, to my bank", true),
        ("No", false),
    ] {
        let calls = Arc::default();
        let assistant = foreseeing(&calls).await;
        let mut chat = chat();
        chat.journey.push(charged());
        let events = run(
            assistant.session(chat.clone()),
            vec![say(Role::EndUser, answer)],
        )
        .await;
        let said = replies(&events);
        assert_eq!(
            said[0],
            "Hello! Are you contacting us about the charge of 50 pounds?"
        );
        assert_eq!(!calls.lock().is_empty(), begins, "{answer}: {said:?}");
        let needs = assistant.predicted_needs(&chat).await.unwrap();
        assert_eq!(needs[0].confidence > 0.8, begins, "it is learned from");
    }
}

#[tokio::test]
async fn a_contact_is_opened_only_where_the_customer_agreed_to_it() {
    use crate::assistant::Contact;
    use crate::dialogue::journey::{Consent, Contactable, OutboundDecision, OutboundRefusal};

    let calls = Arc::default();
    let assistant = foreseeing(&calls).await;
    let mut chat = Conversation::new("acme", Channel::Chat);
    chat.profile = Some(CustomerProfile::default());
    chat.journey.push(charged());
    let need = assistant
        .predicted_needs(&chat)
        .await
        .unwrap()
        .pop()
        .unwrap();
    // A Tuesday at noon.
    let now: jiff::Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    let nobody = Contactable::default();
    let refused = assistant.contact(chat.clone(), &need, &nobody, now);
    assert!(
        matches!(
            refused,
            Contact::NotNow(OutboundDecision::No(OutboundRefusal::NoConsent))
        ),
        "{refused:?}"
    );
    let agreed = Contactable {
        consents: vec![Consent {
            channel: Channel::Chat,
            purpose: "service".into(),
            until: None,
        }],
        ..Contactable::default()
    };
    let night: jiff::Timestamp = "2026-11-24T23:00:00Z".parse().unwrap();
    assert!(matches!(
        assistant.contact(chat.clone(), &need, &agreed, night),
        Contact::NotNow(OutboundDecision::NotBefore(_))
    ));
    let Contact::Opened(session) = assistant.contact(chat, &need, &agreed, now) else {
        panic!("it is allowed");
    };
    let events = run(session, vec![say(Role::EndUser, "Yes please")]).await;
    let said = replies(&events);
    assert_eq!(
        said[0],
        "Hello, this is the virtual assistant of Acme. We have charged 50 pounds too much. \
         Shall I help you with that now?"
    );
    assert_eq!(calls.lock().len(), 1, "{said:?}");
}

#[tokio::test]
async fn what_agents_make_of_actions_moves_their_order() {
    let calls = Arc::default();
    let assistant = foreseeing(&calls).await;
    let mut before = None;
    for _ in 0..6 {
        let mut call = Conversation::new("acme", Channel::Voice);
        call.join(Participant::new("agent", Role::HumanAgent));
        let mut session = assistant.session(call);
        let mut events = session.events();
        session
            .say(Role::EndUser, "There is a wrong charge on my bill")
            .await
            .unwrap();
        let card = loop {
            if let SessionEvent::Suggestion(card) = events.next().await.unwrap()
                && let SuggestionKind::NextBestAction { action } = &card.kind
            {
                before = before.or(Some(action.score));
                break card.id.clone();
            }
        };
        let given = crate::knowledge::ArticleFeedback::Dismissed;
        let suggestion = card;
        session
            .send(SessionInput::ArticleFeedback { suggestion, given })
            .await
            .unwrap();
        session.send(SessionInput::End).await.unwrap();
        while events.next().await.is_some() {}
    }
    // It is always dismissed, so it is as usual; a survey that says otherwise raises it.
    let mut call = Conversation::new("acme", Channel::Voice);
    call.say(Role::EndUser, "There is a wrong charge on my bill");
    let export = assistant.learner().export(&"acme".into());
    assert!(
        export["learned"]
            .to_string()
            .contains("wrong-charge/settle"),
        "{export}"
    );
    let context = assistant.action_context(&call);
    let good = crate::dialogue::learning::Outcome {
        accepted: Some(true),
        resolved: Some(true),
        ..Default::default()
    };
    for _ in 0..6 {
        assistant
            .learner()
            .record(&"acme".into(), "other/step", &context, good.clone())
            .await
            .unwrap();
    }
    let after = assistant.next_best_actions(&call, 1).await.unwrap();
    assert!(after[0].score < before.unwrap(), "{after:?} {before:?}");
    assert!(after[0].reason.contains("worse than usual"), "{after:?}");
}

#[tokio::test]
async fn the_customer_gets_what_was_done_in_the_words_of_the_procedure() {
    let calls = Arc::default();
    let assistant = assistant(Arc::new(MemoryStore::default()), &calls).await;
    let mut session = assistant.session(chat());
    let mut events = session.events();
    for text in ["I dispute a charge", "as a credit"] {
        session.say(Role::EndUser, text).await.unwrap();
        session.settle().await.unwrap();
    }
    let mut source = None;
    while source.is_none() {
        if let SessionEvent::ApprovalRequested { source: asked, .. } = events.next().await.unwrap()
        {
            source = Some(asked);
        }
    }
    let yes = SessionInput::Approve {
        source: source.unwrap(),
        by: Approver::HumanAgent,
        who: "sam".into(),
        yes: true,
    };
    session.send(yes).await.unwrap();
    session.settle().await.unwrap();
    let conversation = session.conversation().await.unwrap();
    let recap = assistant.recap(&conversation).await.unwrap();
    assert!(recap.contains("- refund (reference RF1)"), "{recap}");
    assert!(
        !recap.contains("get charge"),
        "what was looked up is no news: {recap}"
    );
}
