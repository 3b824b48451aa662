//! What is done about a conversation that ends, and about one that has ended.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::*;
use crate::conversation::{Approver, Participant};
use crate::dialogue::{FnTool, Tool, ToolSpec};
use crate::llm::{Capabilities, Delta, LanguageModel};

const BOOK: &str = r#"
id = "credit"
title = "Credit"
goal = "The customer has a credit."
examples = ["I want compensation for this", "give me a credit for the trouble"]
[[steps]]
id = "give"
label = "Give the credit"
kind = "tool"
tool = "add_credit"
approvals = ["supervisor"]
done = "I have added a credit."
"#;

fn chat() -> Conversation {
    let mut chat = Conversation::new("acme", Channel::Chat).with_id("c1");
    chat.join(Participant::new("bot", Role::AutomatedAgent));
    chat
}

fn key() -> StreamKey {
    StreamKey {
        tenant: "acme".into(),
        conversation: "c1".into(),
    }
}

async fn stored(chat: &Conversation, kind: &str, payload: Value) -> Arc<dyn ConversationStore> {
    let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
    let begun = serde_json::to_value(chat).unwrap();
    let records = [Record::new("started", begun), Record::new(kind, payload)];
    store.append(&key(), 0, &records).await.unwrap();
    store
}

#[tokio::test]
async fn what_is_over_is_neither_answered_nor_ended_again() {
    let mut chat = chat();
    chat.say(Role::EndUser, "Hello?");
    let store = stored(&chat, "ended", Value::Null).await;
    let assistant = assistant(store.clone()).await;
    let session = assistant.resume("acme", "c1").await.unwrap();
    let inputs = vec![say(Role::EndUser, "And?"), SessionInput::End];
    let events = run(session, inputs).await;
    let said_or_noted = |event: &SessionEvent| {
        matches!(
            event,
            SessionEvent::Reply { .. } | SessionEvent::UtteranceFinal(_) | SessionEvent::Summary(_)
        )
    };
    assert!(!events.iter().any(said_or_noted), "{events:#?}");
    let refused = events
        .iter()
        .filter(|event| matches!(event, SessionEvent::Failed { .. }));
    assert_eq!(refused.count(), 1, "{events:#?}");
    assert_eq!(events.last(), Some(&SessionEvent::Ended));
    assert_eq!(store.load(&key(), 0).await.unwrap().len(), 2);
}

/// Never comes back from the request that it is told to hang at.
#[derive(Debug)]
struct Hanging {
    model: ScriptedModel,
    hangs: AtomicBool,
    is_asked: AtomicBool,
}

#[async_trait]
impl LanguageModel for Hanging {
    fn id(&self) -> &str {
        self.model.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.model.capabilities()
    }

    async fn generate(
        &self,
        request: Request,
    ) -> crate::error::Result<BoxStream<'static, crate::error::Result<Delta>>> {
        if self.hangs.swap(false, Ordering::SeqCst) {
            self.is_asked.store(true, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
        self.model.generate(request).await
    }
}

#[tokio::test]
async fn what_was_approved_is_done_though_the_conversation_ends_at_once() {
    let mut chat = chat();
    chat.say(Role::EndUser, "I want compensation for this");
    chat.say(Role::AutomatedAgent, "I am asking my supervisor.");
    let now = jiff::Timestamp::now();
    let expires_at = now
        .checked_add(jiff::SignedDuration::from_hours(1))
        .unwrap();
    let pending = json!({
        "source": "credit/give",
        "by": "supervisor",
        "question": "Shall I?",
        "asked_at": now,
        "expires_at": expires_at,
    });
    let state = json!({ "playbook": "credit", "runs": { "credit": 1 }, "pending": pending });
    let store = stored(&chat, "state", state).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let spec = ToolSpec::new("add_credit", "Adds a credit");
    let tool = FnTool::new(spec, move |_: Map<String, Value>, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok(json!({ "ok": true })) }
    });
    let model = Arc::new(Hanging {
        model: model(),
        hangs: AtomicBool::new(false),
        is_asked: AtomicBool::new(false),
    });
    let assistant = Assistant::builder()
        .language_model(model.clone())
        .store(store)
        .playbooks(vec![Playbook::from_toml(BOOK).unwrap()])
        .tools(vec![Arc::new(tool) as Arc<dyn Tool>])
        .build()
        .await
        .unwrap();
    let mut session = assistant.resume("acme", "c1").await.unwrap();
    let events = session.events();
    session.settle().await.unwrap();
    // A note is being written meanwhile.
    model.hangs.store(true, Ordering::SeqCst);
    let submit = async |input: SessionInput| {
        session.submit(Uuid::now_v7(), input).await.unwrap();
    };
    submit(SessionInput::Summarize).await;
    while !model.is_asked.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    submit(SessionInput::Approve {
        source: "credit/give".into(),
        by: Approver::Supervisor,
        who: "s7".into(),
        yes: true,
    })
    .await;
    submit(SessionInput::End).await;
    let events: Vec<SessionEvent> = events.collect().await;
    assert_eq!(calls.load(Ordering::SeqCst), 1, "{events:#?}");
    assert_eq!(events.last(), Some(&SessionEvent::Ended));
    let done = |event: &SessionEvent| matches!(event, SessionEvent::Reply { text, .. } if text == "I have added a credit.");
    assert!(events.iter().any(done), "{events:#?}");
}
