mod accepted;
mod coaching;
mod crisis;
mod ended;
mod feelings;
mod filler;
mod forms;
mod handoff;
#[cfg(feature = "mcp")]
mod mcp;
mod overtaken;
mod pinned;
pub(in crate::session) mod shaky;
mod shown;
mod strategies;
mod tools;
mod unsure;

use std::sync::Arc;

use futures::StreamExt;

use super::*;
use crate::conversation::{
    Channel, Emotion, EmotionDistribution, HandoffReason, SuggestionKind, UtteranceId, WrapUpCode,
};
use crate::dialogue::Playbook;
use crate::knowledge::KnowledgeArticle;
use crate::llm::{Output, Request, ScriptedModel};
use crate::store::{ConversationStore, MemoryStore};
use crate::understanding::emotion::EmotionModel;

fn playbook() -> Playbook {
    Playbook::from_toml(
        r#"
        id = "twice"
        title = "Charged twice"
        goal = "The money is back."
        examples = ["I was charged twice for my broadband this month"]
        [[slots]]
        name = "account"
        description = "the account number"
        pattern = '^LF\d{6}$'
        ask = "May I have your account number?"
        [[steps]]
        id = "explain"
        label = "Explain the refund"
        kind = "inform"
        say = "A duplicate charge is paid back within five working days."
        requires = ["account"]
        [[steps]]
        id = "refund"
        label = "Refund the second charge"
        kind = "tool"
        tool = "issue_refund"
        after = ["explain"]
        "#,
    )
    .unwrap()
}

/// Answers by what is asked for, recognised by the keys of the schema.
fn model() -> ScriptedModel {
    ScriptedModel::from_fn(|request: &Request| {
        let Output::Json(schema) = &request.output else {
            return Ok("Hello, how can I help?".into());
        };
        let has = |key: &str| schema.pointer(&format!("/properties/{key}")).is_some();
        let customer = request
            .prompt
            .prefix()
            .lines()
            .iter()
            .rfind(|l| l.contains("Customer:"))
            .cloned();
        let last = customer.unwrap_or_default();
        Ok(match () {
            () if has("reply") => r#"{"reply":"You get it back within five working days."}"#.into(),
            () if has("situation") => {
                r#"{"situation":"Charged twice.","action":"","resolution":"","satisfaction":""}"#
                    .into()
            }
            () if has("code") => r#"{"code":"duplicate"}"#.into(),
            () if has("commands") && last.contains("twice") => {
                r#"{"commands":[{"command":"start_playbook","playbook":"twice"}]}"#.into()
            }
            () if has("commands") && last.contains("LF") => {
                r#"{"commands":[{"command":"set_slot","name":"account","value":"LF402117"}]}"#
                    .into()
            }
            () if has("commands") => r#"{"commands":[{"command":"small_talk"}]}"#.into(),
            () => "{}".into(),
        })
    })
}

async fn assistant(store: Arc<dyn ConversationStore>) -> Assistant {
    let assistant = Assistant::builder()
        .organisation("Acme")
        .language_model(Arc::new(model()))
        .store(store)
        .playbooks(vec![playbook()])
        .wrap_up_codes(vec![WrapUpCode {
            id: "duplicate".into(),
            label: "Duplicate".into(),
            description: "d".into(),
        }])
        .build()
        .await
        .unwrap();
    let text = "If you were charged twice for your broadband, the second charge is paid back within five working days.";
    assistant
        .knowledge()
        .ingest(
            vec![KnowledgeArticle::new(
                "charged-twice",
                "Charged twice",
                "acme",
                text,
            )],
            None,
        )
        .await
        .unwrap();
    assistant
}

async fn run(mut session: Session, inputs: Vec<SessionInput>) -> Vec<SessionEvent> {
    let events = session.events();
    let feeding = async move {
        for input in inputs {
            session.send(input).await.unwrap();
            session.settle().await.ok();
        }
        drop(session);
    };
    let (events, ()) = futures::join!(events.collect::<Vec<_>>(), feeding);
    events
}

fn say(role: Role, text: &str) -> SessionInput {
    SessionInput::Say {
        role,
        text: text.into(),
    }
}

#[tokio::test]
async fn a_call_gives_article_action_reply_note_and_code_and_ends() {
    let assistant = assistant(Arc::new(MemoryStore::default())).await;
    let session = assistant.session(Conversation::new("acme", Channel::Chat));
    let inputs = vec![
        say(
            Role::EndUser,
            "I was charged twice for my broadband this month. When is it paid back?",
        ),
        say(Role::HumanAgent, "I am sorry, let me look."),
        SessionInput::End,
    ];
    let events = run(session, inputs).await;
    let kinds: Vec<&SuggestionKind> = events
        .iter()
        .filter_map(|event| match event {
            SessionEvent::Suggestion(suggestion) => Some(&suggestion.kind),
            _ => None,
        })
        .collect();
    let [
        SuggestionKind::Article { citation, .. },
        SuggestionKind::NextBestAction { action },
        SuggestionKind::Reply { text, citations },
    ] = kinds[..]
    else {
        panic!("{events:#?}");
    };
    assert!(citation.quote.contains("five working days"));
    assert_eq!(action.action, "twice/explain");
    assert!(text.contains("five working days"));
    assert_eq!(citations[0].article.as_str(), "charged-twice");
    let wrap_up = events.iter().find_map(|e| match e {
        SessionEvent::WrapUp { code, .. } => Some(code.as_str()),
        _ => None,
    });
    assert_eq!(wrap_up, Some("duplicate"));
    assert!(
        events
            .iter()
            .any(|e| matches!(e, SessionEvent::Summary(s) if s.covers == 2))
    );
    assert_eq!(events.last(), Some(&SessionEvent::Ended));
}

#[tokio::test]
async fn the_virtual_agent_follows_the_playbook_and_hands_over_what_it_cannot_do() {
    let assistant = assistant(Arc::new(MemoryStore::default())).await;
    let mut conversation = Conversation::new("acme", Channel::Chat);
    conversation.join(crate::conversation::Participant::new(
        "bot",
        Role::AutomatedAgent,
    ));
    let session = assistant.session(conversation);
    let inputs = vec![
        say(
            Role::EndUser,
            "I was charged twice for my broadband this month",
        ),
        say(Role::EndUser, "It is LF402117."),
        say(Role::EndUser, "Please go on."),
    ];
    let events = run(session, inputs).await;
    let replies: Vec<&str> = events
        .iter()
        .filter_map(|e| match e {
            SessionEvent::Reply { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(
        replies[..2],
        [
            "May I have your account number?",
            "A duplicate charge is paid back within five working days."
        ]
    );
    let handoff = events.iter().find_map(|e| match e {
        SessionEvent::Handoff(handoff) => Some(handoff),
        _ => None,
    });
    let handoff = handoff.expect("a tool without a backend goes to a person");
    assert_eq!(handoff.reason, HandoffReason::PolicyRequiresPerson);
    assert_eq!(handoff.slots["account"], "LF402117");
    assert!(handoff.summary.is_some());
}

#[tokio::test]
async fn a_conversation_goes_on_after_a_restart() {
    let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
    let first = assistant(store.clone()).await;
    let mut conversation = Conversation::new("acme", Channel::Chat).with_id("c1");
    conversation.join(crate::conversation::Participant::new(
        "bot",
        Role::AutomatedAgent,
    ));
    run(
        first.session(conversation),
        vec![say(
            Role::EndUser,
            "I was charged twice for my broadband this month",
        )],
    )
    .await;
    let second = assistant(store).await;
    assert_eq!(
        second.resume("other", "c1").await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let session = second.resume("acme", "c1").await.unwrap();
    let events = run(session, vec![say(Role::EndUser, "It is LF402117.")]).await;
    let said: Vec<u32> = events
        .iter()
        .filter_map(|e| match e {
            SessionEvent::UtteranceFinal(said) => Some(said.id.0),
            _ => None,
        })
        .collect();
    assert_eq!(
        said,
        [3, 4, 5],
        "two utterances were there already; the tool has no backend"
    );
    assert!(events.iter().any(
        |e| matches!(e, SessionEvent::Reply { text, .. } if text.contains("five working days"))
    ));
}

#[tokio::test]
async fn a_virtual_agent_that_is_cut_short_was_heard_up_to_there() {
    let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
    let first = assistant(store.clone()).await;
    let mut conversation = Conversation::new("acme", Channel::Voice).with_id("c1");
    conversation.join(crate::conversation::Participant::new(
        "bot",
        Role::AutomatedAgent,
    ));
    let mut session = first.session(conversation);
    let mut events = session.events();
    let question = "I was charged twice for my broadband this month";
    session.send(say(Role::EndUser, question)).await.unwrap();
    let (utterance, text, ends) = loop {
        match events.next().await.unwrap() {
            SessionEvent::Reply {
                utterance,
                text,
                sentence_ends,
                ..
            } => break (utterance, text, sentence_ends),
            _ => continue,
        }
    };
    assert_eq!(text, "May I have your account number?");
    assert_eq!(ends, [text.len()]);
    let cut = |utterance, spoken| SessionInput::Interrupted { utterance, spoken };
    session.send(cut(utterance, 10)).await.unwrap();
    // It is over, and the customer's words cannot be cut.
    session.send(cut(utterance, 4_000)).await.unwrap();
    session.send(cut(UtteranceId(1), 3)).await.unwrap();
    session.settle().await.unwrap();
    drop(session);
    let rest: Vec<SessionEvent> = events.collect().await;
    let left = rest.iter().filter_map(|e| match e {
        SessionEvent::ReplyInterrupted { text, .. } => Some(text.as_str()),
        _ => None,
    });
    assert_eq!(left.collect::<Vec<_>>(), ["May I have\u{2014}"]);
    let is_refusal = |e: &&SessionEvent| matches!(e, SessionEvent::Failed { message, .. } if message.contains("none of the virtual agent's"));
    assert_eq!(rest.iter().filter(is_refusal).count(), 1, "{rest:?}");
    let resumed = assistant(store).await.resume("acme", "c1").await.unwrap();
    let kept = resumed.conversation().await.unwrap();
    let kept = kept.transcript.get(utterance).unwrap();
    assert_eq!(kept.text, "May I have\u{2014}", "after a restart too");
}

#[tokio::test]
async fn feedback_and_gaps_are_learned_and_kept() {
    let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
    let first = assistant(store.clone()).await;
    let mut session = first.session(Conversation::new("acme", Channel::Chat));
    let mut events = session.events();
    let ask = |text: &str| say(Role::EndUser, text);
    session
        .send(ask(
            "I was charged twice for my broadband. When do I get it back?",
        ))
        .await
        .unwrap();
    let card = loop {
        if let SessionEvent::Suggestion(card) = events.next().await.unwrap()
            && matches!(card.kind, SuggestionKind::Article { .. })
        {
            break card;
        }
    };
    let given = |suggestion: String| SessionInput::ArticleFeedback {
        suggestion,
        given: crate::knowledge::ArticleFeedback::Dismissed,
    };
    session.send(given(card.id)).await.unwrap();
    session.send(given("nonsense".into())).await.unwrap();
    session
        .send(say(Role::HumanAgent, "It is on its way."))
        .await
        .unwrap();
    session
        .send(ask("Do you sell garden furniture?"))
        .await
        .unwrap();
    session.settle().await.unwrap();
    drop(session);
    let rest: Vec<SessionEvent> = events.collect().await;
    let is_refusal = |e: &&SessionEvent| matches!(e, SessionEvent::Failed { message, .. } if message.contains("nonsense"));
    assert_eq!(rest.iter().filter(is_refusal).count(), 1, "{rest:?}");
    // Another process takes it up.
    let second = assistant(store).await;
    let gaps = second.knowledge_gaps(&"acme".into(), 5).await.unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert!(gaps[0].question.contains("garden furniture"));
    let tally = second
        .knowledge()
        .tally(&"acme".into(), &"charged-twice".into());
    assert_eq!(tally.dismissed, 1);
    let others = second.knowledge_gaps(&"other".into(), 5).await.unwrap();
    assert!(others.is_empty());
}

#[tokio::test]
async fn a_failing_model_fails_its_skill_and_nothing_else() {
    let broken = ScriptedModel::from_fn(|_| Err(Error::new(ErrorKind::Unavailable, "down")));
    let assistant = Assistant::builder()
        .language_model(Arc::new(broken))
        .playbooks(vec![playbook()])
        .build()
        .await
        .unwrap();
    let text =
        "If you were charged twice for your broadband this month, the second charge is paid back.";
    let article = KnowledgeArticle::new("charged-twice", "Charged twice", "acme", text);
    assistant
        .knowledge()
        .ingest(vec![article], None)
        .await
        .unwrap();
    let session = assistant.session(Conversation::new("acme", Channel::Chat));
    let inputs = vec![
        say(
            Role::EndUser,
            "I was charged twice for my broadband this month. When is it paid back?",
        ),
        SessionInput::Audio {
            tracks: vec![("x".into(), Default::default())],
            start_ms: 0,
        },
        SessionInput::End,
    ];
    let events = run(session, inputs).await;
    let failed: Vec<Skill> = events
        .iter()
        .filter_map(|e| match e {
            SessionEvent::Failed { skill, .. } => Some(*skill),
            _ => None,
        })
        .collect();
    assert_eq!(failed, [Skill::Reply, Skill::Speech, Skill::Summary]);
    assert!(
        events
            .iter()
            .any(|e| matches!(e, SessionEvent::Suggestion(_))),
        "the fast path still works"
    );
    assert_eq!(events.last(), Some(&SessionEvent::Ended));
}

#[tokio::test]
async fn events_serialise_with_their_type_in_snake_case() {
    let assistant = Assistant::builder().build().await.unwrap();
    let session = assistant.session(Conversation::new("acme", Channel::Chat));
    let events = run(session, vec![say(Role::EndUser, "Hello there")]).await;
    let json = serde_json::to_value(&events[0]).unwrap();
    for (key, value) in [
        ("type", "utterance_final"),
        ("participant", "end_user"),
        ("role", "end_user"),
        ("text", "Hello there"),
    ] {
        assert_eq!(json[key], value);
    }
}

/// Feels what the words say.
#[derive(Debug)]
struct Literal;

#[async_trait::async_trait]
impl EmotionModel for Literal {
    fn id(&self) -> &str {
        "literal"
    }

    async fn feel(&self, texts: &[String]) -> Result<Vec<EmotionDistribution>> {
        let named = |text: &String| {
            let named = Emotion::ALL.into_iter().find(|e| text.contains(e.as_str()));
            EmotionDistribution::of(&[(named.unwrap_or(Emotion::Neutral), 0.9)])
        };
        match texts.iter().any(|text| text.contains("broken")) {
            true => Err(Error::new(ErrorKind::Model, "broken")),
            false => Ok(texts.iter().map(named).collect()),
        }
    }
}
