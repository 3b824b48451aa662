use super::*;
use crate::assist::{Checklist, CoachingRule, Condition, WordsCondition};
use crate::conversation::{ChecklistOverride, ChecklistStatus, Participant};

fn lists() -> Vec<Checklist> {
    let list = r#"
        id = "calls"
        display_name = "Calls"
        items = [
            { id = "recorded", label = "Recorded", words = ["is recorded"], by = "start" },
            { id = "else", label = "Anything else", words = ["anything else"], by = "before_end" },
        ]
    "#;
    vec![toml::from_str(list).unwrap()]
}

async fn with_lists(store: Arc<MemoryStore>) -> Assistant {
    let words = Condition::Words(WordsCondition {
        any: vec!["cancel".into()],
        all: Vec::new(),
    });
    let rule = CoachingRule::new("stay", Role::EndUser, words, "Ask why.");
    Assistant::builder()
        .store(store)
        .checklists(lists())
        .coaching_rules(vec![rule])
        .build()
        .await
        .unwrap()
}

fn told(events: &[SessionEvent]) -> Vec<String> {
    let in_words = |event: &SessionEvent| match event {
        SessionEvent::Checklist(entry) => Some(format!("{}:{:?}", entry.item, entry.status)),
        SessionEvent::Coaching(card) => match &card.kind {
            SuggestionKind::Coaching(cue) => Some(cue.rule.clone()),
            _ => None,
        },
        SessionEvent::Suggestion(card) => match &card.kind {
            SuggestionKind::Checklist { missing } => {
                let items: Vec<&str> = missing.iter().map(|entry| entry.item.as_str()).collect();
                Some(format!("card {}", items.join(" ")))
            }
            _ => None,
        },
        SessionEvent::Failed { message, .. } => Some(message.clone()),
        _ => None,
    };
    events.iter().filter_map(in_words).collect()
}

#[tokio::test]
async fn items_and_cues_come_as_they_change_and_what_is_missing_at_the_end() {
    let assistant = with_lists(Arc::default()).await;
    let session = assistant.session(Conversation::new("acme", Channel::Chat));
    let events = run(
        session,
        vec![
            say(Role::HumanAgent, "Hello, this chat is recorded."),
            say(Role::EndUser, "I want to cancel."),
            say(Role::EndUser, "Goodbye."),
            SessionInput::End,
        ],
    )
    .await;
    assert_eq!(
        told(&events),
        [
            "recorded:Open",
            "else:Open",
            "recorded:Said",
            "stay",
            "else:Missing",
            "card else",
            "card else"
        ]
    );
}

#[tokio::test]
async fn what_a_person_decided_holds_after_a_restart_too() {
    let store: Arc<MemoryStore> = Arc::default();
    let assistant = with_lists(store).await;
    let decide = |item: &str| {
        SessionInput::Checklist(ChecklistOverride {
            checklist: "calls".into(),
            item: item.into(),
            status: Some(ChecklistStatus::NotApplicable),
        })
    };
    let mut session = assistant.session(Conversation::new("acme", Channel::Chat).with_id("c1"));
    let events = session.events();
    session.send(decide("else")).await.unwrap();
    session.send(decide("nothing")).await.unwrap();
    session.settle().await.unwrap();
    drop(session);
    let events = told(&events.collect::<Vec<_>>().await);
    assert_eq!(events[2], "else:NotApplicable");
    assert!(events[3].contains("nothing"), "{events:?}");
    let session = assistant.resume("acme", "c1").await.unwrap();
    let events = told(&run(session, vec![say(Role::EndUser, "Goodbye.")]).await);
    assert!(
        events.contains(&"else:NotApplicable".to_owned()),
        "{events:?}"
    );
    assert!(
        !events
            .iter()
            .any(|told| told.contains("card") && told.contains("else")),
        "{events:?}"
    );
}

#[tokio::test]
async fn nobody_coaches_a_virtual_agent() {
    let assistant = with_lists(Arc::default()).await;
    let mut conversation = Conversation::new("acme", Channel::Chat);
    conversation.join(Participant::new("bot", Role::AutomatedAgent));
    let inputs = vec![say(Role::EndUser, "I want to cancel."), SessionInput::End];
    let events = run(assistant.session(conversation), inputs).await;
    assert_eq!(told(&events), Vec::<String>::new());
}

/// Says yes to everything, with this probability.
#[derive(Debug)]
struct Sure(f32);

#[async_trait::async_trait]
impl crate::llm::LanguageModel for Sure {
    fn id(&self) -> &str {
        "sure"
    }

    fn capabilities(&self) -> crate::llm::Capabilities {
        crate::llm::Capabilities::default().with_scoring(true)
    }

    async fn generate(
        &self,
        request: Request,
    ) -> Result<futures::stream::BoxStream<'static, Result<crate::llm::Delta>>> {
        crate::llm::LanguageModel::generate(&ScriptedModel::silent(), request).await
    }

    async fn score(&self, prompt: crate::llm::Prompt, _: Vec<String>) -> Result<Vec<f32>> {
        assert!(
            prompt
                .task()
                .contains("Does the customer need an interpreter?")
        );
        Ok(vec![self.0, 1.0 - self.0])
    }
}

#[tokio::test]
async fn what_only_the_model_can_tell_comes_a_moment_later() {
    for (sure, cues) in [(0.9, vec!["interpreter"]), (0.4, vec![])] {
        let question = Condition::ModelQuestion(crate::assist::ModelQuestion {
            question: "Does the customer need an interpreter?".into(),
            at_least: 0.6,
        });
        let rule = CoachingRule::new("interpreter", Role::EndUser, question, "Offer one.");
        let assistant = Assistant::builder()
            .language_model(Arc::new(Sure(sure)))
            .coaching_rules(vec![rule])
            .build()
            .await
            .unwrap();
        let inputs = vec![say(Role::EndUser, "Sorry, English not good.")];
        let session = assistant.session(Conversation::new("acme", Channel::Chat));
        assert_eq!(told(&run(session, inputs).await), cues);
    }
}
