//! The sample call from audio to wrap-up code, with the real local models.
#![cfg(feature = "local")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use attendant::assistant::local::LocalModels;
use attendant::conversation::{Channel, Conversation, Participant, Role, SuggestionKind};
use attendant::models::Cache;
use attendant::session::{SessionEvent, SessionInput};
use attendant::speech::{CallOptions, TranscribeOptions, read_recording, transcribe_recording};
use attendant::{Assistant, Content};
use futures::StreamExt;
use serde::Deserialize;

/// `examples/sample-call/expected.toml`, the parts that are checked.
#[derive(Deserialize)]
struct Expected {
    wrap_up: String,
    coaching: String,
    playbook: String,
    articles: Articles,
    words: BTreeMap<String, Vec<Vec<String>>>,
    facts: Vec<Fact>,
    summary: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Articles {
    right: Vec<String>,
    wrong: Vec<String>,
}

#[derive(Deserialize)]
struct Fact {
    any_of: Vec<String>,
}

/// Lower case, letters and digits only, one blank between words.
fn plain(text: &str) -> String {
    let kept: String = text
        .to_lowercase()
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_call_gives_what_its_script_expects() {
    let expected: Expected = toml::from_str(
        &std::fs::read_to_string(crate::support::repository(
            "examples/sample-call/expected.toml",
        ))
        .unwrap(),
    )
    .unwrap();
    let content = Content::load(
        &crate::support::repository("knowledge"),
        &"larkfield".into(),
    )
    .unwrap();
    assert_eq!(content.articles.skipped, []);
    let index = tempfile::tempdir().unwrap();
    let mut models = LocalModels::default();
    models.index = Some(index.path().join("index"));
    let assistant = Assistant::builder()
        .organisation("Larkfield")
        .content(&content)
        .local(&Cache::from_env().unwrap(), &models)
        .await
        .unwrap()
        .build()
        .await
        .unwrap();
    assistant
        .knowledge()
        .ingest(content.articles.articles, None)
        .await
        .unwrap();

    let recording =
        read_recording(crate::support::repository("examples/sample-call/call.wav")).unwrap();
    let options = CallOptions::new(TranscribeOptions::language("en"));
    let heard = transcribe_recording(assistant.speech().unwrap().as_ref(), &recording, &options)
        .await
        .unwrap();
    let mut session = assistant.session(Conversation::new("larkfield", Channel::Voice));
    let events = session.events();
    let feeding = async move {
        for segment in heard {
            let mut participant = Participant::new(segment.participant.clone(), segment.role);
            participant.role_confidence = segment.role_confidence;
            session.send(SessionInput::Join(participant)).await.unwrap();
            session
                .send(SessionInput::Utterance(
                    segment.segment.into_utterance(segment.participant, 0),
                ))
                .await
                .unwrap();
            session.settle().await.unwrap();
        }
        session.send(SessionInput::End).await.unwrap();
    };
    let (events, ()) = futures::join!(events.collect::<Vec<_>>(), feeding);

    // Words of each track, with the right role.
    for (role, wanted) in &expected.words {
        let said: Vec<&str> = events
            .iter()
            .filter_map(|event| match event {
                SessionEvent::UtteranceFinal(said) if said.role.as_str() == role => {
                    Some(said.text.as_str())
                }
                _ => None,
            })
            .collect();
        let said = plain(&said.join(" "));
        let missed: Vec<_> = wanted
            .iter()
            .filter(|any| !any.iter().any(|w| said.contains(&plain(w))))
            .collect();
        assert!(
            missed.len() * 5 <= wanted.len(),
            "{role}: {missed:?} not in: {said}"
        );
    }
    let order: Vec<u64> = events
        .iter()
        .filter_map(|e| match e {
            SessionEvent::UtteranceFinal(said) => Some(said.end_ms),
            _ => None,
        })
        .collect();
    assert!(order.is_sorted(), "{order:?}");

    // The right article was cited, no wrong one was.
    let mut cited = Vec::new();
    let (mut actions, mut cues, mut replies) = (Vec::new(), Vec::new(), Vec::new());
    for event in &events {
        match event {
            SessionEvent::Suggestion(suggestion) => match &suggestion.kind {
                SuggestionKind::Article { citation, .. } => {
                    cited.push(citation.article.to_string())
                }
                SuggestionKind::NextBestAction { action } => actions.push(action.action.clone()),
                SuggestionKind::Reply { text, citations } => {
                    replies.push((plain(text), citations.clone()))
                }
                _ => {}
            },
            SessionEvent::Coaching(cue) => match &cue.kind {
                SuggestionKind::Coaching(cue) => cues.push(cue.rule.clone()),
                other => panic!("no cue: {other:?}"),
            },
            SessionEvent::Failed { .. } => panic!("{event:?}"),
            _ => {}
        }
    }
    assert!(
        cited.iter().any(|a| expected.articles.right.contains(a)),
        "cited: {cited:?}"
    );
    assert!(
        !cited.iter().any(|a| expected.articles.wrong.contains(a)),
        "cited: {cited:?}"
    );
    assert!(
        actions.iter().any(|a| a.starts_with(&expected.playbook)),
        "actions: {actions:?}"
    );
    assert!(cues.contains(&expected.coaching), "cues: {cues:?}");
    // "When will I have my money back?" was answered, and the answer cites the sentence that says it.
    let answered = replies.iter().any(|(text, citations)| {
        text.contains("5 working days")
            && citations.iter().any(|c| {
                expected.articles.right.contains(&c.article.to_string())
                    && c.quote.contains("5 working days")
            })
    });
    assert!(answered, "replies: {replies:?}");

    // The note and the code.
    let summary = events.iter().rev().find_map(|e| match e {
        SessionEvent::Summary(summary) => Some(summary),
        _ => None,
    });
    let summary = summary.expect("a note");
    let text: String = summary
        .sections
        .iter()
        .map(|s| plain(&s.text) + " ")
        .collect();
    let situation = &expected.summary["situation"];
    let action = &expected.summary["action"];
    assert!(
        situation
            .iter()
            .chain(["charged 42"].map(String::from).iter())
            .any(|w| text.contains(&plain(w))),
        "{text}"
    );
    assert!(action.iter().any(|w| text.contains(&plain(w))), "{text}");
    assert!(
        summary.sections.iter().all(|s| !s.evidence.is_empty()),
        "{summary:#?}"
    );
    for fact in &expected.facts {
        let found = summary.facts.iter().any(|f| {
            fact.any_of
                .iter()
                .any(|v| plain(&f.value).contains(&plain(v)))
        });
        assert!(found, "{:?} is not among {:?}", fact.any_of, summary.facts);
    }
    let code = events.iter().find_map(|e| match e {
        SessionEvent::WrapUp { code, .. } => Some(code.clone()),
        _ => None,
    });
    assert_eq!(code.as_ref(), Some(&expected.wrap_up));
    assert_eq!(events.last(), Some(&SessionEvent::Ended));
    let roles: Vec<Role> = vec![Role::HumanAgent, Role::EndUser];
    assert!(roles.iter().all(|r| {
        events
            .iter()
            .any(|e| matches!(e, SessionEvent::UtteranceFinal(s) if s.role == *r))
    }));
}
