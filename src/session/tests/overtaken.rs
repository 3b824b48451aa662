//! What comes early on the human agent's screen, and what leaves it again.

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::*;
use crate::llm::{Capabilities, Delta, LanguageModel};

/// Lets others go on between two words, as a model does that takes its time.
#[derive(Debug)]
struct Slow(ScriptedModel);

#[async_trait]
impl LanguageModel for Slow {
    fn id(&self) -> &str {
        self.0.id()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_read_ahead(true)
    }

    async fn generate(
        &self,
        request: Request,
    ) -> crate::error::Result<BoxStream<'static, crate::error::Result<Delta>>> {
        let words = self.0.generate(request).await?;
        let slow = words.then(|word| async {
            tokio::task::yield_now().await;
            word
        });
        Ok(slow.boxed())
    }
}

fn writes(request: &Request) -> crate::error::Result<String> {
    let Output::Json(schema) = &request.output else {
        return Ok(String::new());
    };
    Ok(match schema.pointer("/properties/reply") {
        Some(_) => {
            r#"{"reply":"You get it back within five working days. It goes to your bank."}"#.into()
        }
        None => "{}".into(),
    })
}

#[tokio::test]
async fn a_reply_begins_with_its_first_sentence_and_leaves_when_the_customer_says_more() {
    let assistant = Assistant::builder()
        .language_model(Arc::new(Slow(ScriptedModel::from_fn(writes))))
        .build()
        .await
        .unwrap();
    let text = "If you were charged twice for your broadband, the second charge is paid back within five working days.";
    let article = KnowledgeArticle::new("charged-twice", "Charged twice", "acme", text);
    assistant
        .knowledge()
        .ingest(vec![article], None)
        .await
        .unwrap();
    let session = assistant.session(Conversation::new("acme", Channel::Chat));
    let asks = "I was charged twice for my broadband this month. When is it paid back?";
    let again = "Again: charged twice for my broadband this month! When is it paid back?";
    let inputs = vec![
        say(Role::EndUser, asks),
        say(Role::HumanAgent, "One moment, please."),
        say(Role::EndUser, again),
        SessionInput::End,
    ];
    let events = run(session, inputs).await;
    let mut seen = Vec::new();
    for event in &events {
        match event {
            SessionEvent::ReplyBegun(card) => seen.push(("begun", card.id.as_str())),
            SessionEvent::Suggestion(card) if matches!(card.kind, SuggestionKind::Reply { .. }) => {
                seen.push(("whole", card.id.as_str()));
            }
            SessionEvent::Withdrawn { suggestion } => seen.push(("gone", suggestion.as_str())),
            _ => {}
        }
    }
    let [
        ("begun", first),
        ("whole", whole),
        ("gone", gone),
        ("begun", second),
        ("whole", last),
    ] = seen[..]
    else {
        panic!("{events:#?}");
    };
    assert_eq!((first, first), (whole, gone));
    assert_eq!(second, last);
    assert_ne!(first, second);
}

#[tokio::test]
async fn what_was_said_is_read_before_anything_is_asked_about_it() {
    let model = ScriptedModel::from_fn(writes);
    let assistant = Assistant::builder()
        .language_model(Arc::new(Slow(model.clone())))
        .build()
        .await
        .unwrap();
    let session = assistant.session(Conversation::new("acme", Channel::Chat));
    let inputs = vec![
        say(Role::HumanAgent, "Hello, this is Acme."),
        say(Role::EndUser, "Hello there."),
    ];
    run(session, inputs).await;
    let asked = model.asked();
    let read: Vec<usize> = asked
        .iter()
        .filter(|prompt| prompt.task().is_empty())
        .map(|prompt| prompt.prefix().lines().len())
        .collect();
    assert_eq!(read, [1, 2], "{asked:?}");
}
