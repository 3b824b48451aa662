use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::*;
use crate::conversation::{Channel, Conversation, Role, UtteranceId};
use crate::embedding::HashingEmbedder;
use crate::error::{ErrorKind, Result};
use crate::llm::{Capabilities, Delta, LanguageModel, Prefix, Prompt, Request, ScriptedModel};

/// Says how likely each choice is.
#[derive(Debug)]
struct Sure(fn(&str) -> Vec<f32>);

#[async_trait]
impl LanguageModel for Sure {
    fn id(&self) -> &str {
        "sure"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            scoring: true,
            ..Capabilities::default()
        }
    }

    async fn generate(&self, request: Request) -> Result<BoxStream<'static, Result<Delta>>> {
        ScriptedModel::silent().generate(request).await
    }

    async fn score(&self, prompt: Prompt, _: Vec<String>) -> Result<Vec<f32>> {
        Ok((self.0)(prompt.task()))
    }
}

const FORM: &str = r#"
id = "small"
title = "Small"
languages = ["en"]

[[questions]]
id = "greeting"
text = "Greeting?"
weight = 1.0
judge = { kind = "words", first = 1, must = true, any = ["Good morning"] }

[[questions]]
id = "solved"
text = "Is the double payment refunded?"
weight = 3.0
judge = { kind = "model" }

[[questions]]
id = "rude"
text = "Was the agent rude about the payment?"
good = false
auto_fail = true
judge = { kind = "model" }

[[questions]]
id = "empathy"
text = "Empathy?"
judge = { kind = "likeness", threshold = 0.6, examples = ["I am sorry to hear that"], counter_examples = ["sorry, say that again"] }

[[questions]]
id = "tone"
text = "Tone?"
scale = "one_to_five"
judge = { kind = "human" }
"#;

fn call() -> Conversation {
    let mut call = Conversation::new("acme", Channel::Chat);
    call.say(Role::HumanAgent, "Good morning, this is Acme.");
    call.say(Role::EndUser, "I made a double payment.");
    call.say(Role::HumanAgent, "I am sorry to hear that.");
    call.say(Role::HumanAgent, "The double payment is refunded.");
    call
}

fn reviewer(model: impl LanguageModel) -> Reviewer {
    let embedder = Arc::new(HashingEmbedder::default());
    Reviewer::new(Arc::new(model), embedder, Arc::default())
}

fn value<'a>(review: &'a FilledReview, id: &str) -> &'a ReviewAnswer {
    review.answers.iter().find(|a| a.question == id).unwrap()
}

async fn filled(model: impl LanguageModel, call: &Conversation) -> FilledReview {
    let form = ReviewForm::from_toml(FORM).unwrap();
    let prefix = Prefix::new("s");
    let reviewer = reviewer(model);
    reviewer.review(call, &prefix, &form, None).await.unwrap()
}

fn kind(task: &str) -> Vec<f32> {
    if task.contains("rude") {
        vec![0.1, 0.9]
    } else {
        vec![0.9, 0.1]
    }
}

#[tokio::test]
async fn answers_come_with_their_proof_and_unseen_ones_do_not_count() {
    let review = filled(Sure(kind), &call()).await;
    assert_eq!(value(&review, "greeting").evidence, [UtteranceId(1)]);
    assert_eq!(value(&review, "solved").value, ReviewValue::Yes);
    assert_eq!(value(&review, "solved").evidence[0], UtteranceId(4));
    assert_eq!(value(&review, "rude").value, ReviewValue::No);
    assert_eq!(value(&review, "empathy").evidence, [UtteranceId(3)]);
    let score = review.score();
    assert_eq!(score.score, Some(1.0));
    assert_eq!(score.open, ["tone"]);
    assert!((score.covered - 6.0 / 7.0).abs() < 1e-5);
    let json = serde_json::to_string(&review).unwrap();
    assert_eq!(serde_json::from_str::<FilledReview>(&json).unwrap(), review);
}

#[tokio::test]
async fn what_nobody_can_tell_is_not_guessed() {
    let unsure = filled(Sure(|_| vec![0.5, 0.5]), &call()).await;
    let silent = filled(ScriptedModel::silent(), &call()).await;
    for review in [&unsure, &silent] {
        for id in ["solved", "rude", "tone"] {
            let answer = value(review, id);
            assert!(
                matches!(answer.value, ReviewValue::NotSeen(_)),
                "{answer:?}"
            );
        }
        assert!(review.score().failed.is_empty());
    }
    let empty = Conversation::new("acme", Channel::Chat);
    let review = filled(Sure(kind), &empty).await;
    assert_eq!(review.score().score, None);
    assert_eq!(review.score().open.len(), 5);
    let mut german = call();
    german.language = "de".into();
    let review = filled(Sure(kind), &german).await;
    assert_eq!(review.score().open.len(), 5);
}

#[tokio::test]
async fn an_auto_fail_wins_and_a_person_has_the_last_word() {
    let mut review = filled(Sure(|_| vec![0.9, 0.1]), &call()).await;
    assert_eq!(review.score().failed, ["rude"]);
    assert_eq!(review.score().score, Some(0.0));
    let at = jiff::Timestamp::UNIX_EPOCH;
    let reason = Some("It was a joke of the customer.".to_owned());
    review
        .overrule("rude", ReviewValue::No, "supervisor-7", at, reason)
        .unwrap();
    review
        .overrule("tone", ReviewValue::Rating(3), "supervisor-7", at, None)
        .unwrap();
    assert!(review.score().failed.is_empty());
    assert_eq!(review.score().score, Some(6.5 / 7.0));
    let kept = &value(&review, "rude").overrides[0];
    assert_eq!(
        (&kept.old, kept.by.as_str()),
        (&ReviewValue::Yes, "supervisor-7")
    );
    let wrong = [
        ("tone", ReviewValue::Yes, "me"),
        ("tone", ReviewValue::Rating(6), "me"),
        ("tone", ReviewValue::Rating(2), " "),
    ];
    for (question, value, by) in wrong {
        let error = review.overrule(question, value, by, at, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    let error = review.overrule("none", ReviewValue::Yes, "me", at, None);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn built_in_forms_are_read_and_mistakes_are_named() {
    assert_eq!(
        ReviewForm::reflective_listening().unwrap().questions.len(),
        5
    );
    assert!(
        ReviewForm::service()
            .unwrap()
            .questions
            .iter()
            .any(|q| q.auto_fail)
    );
    let broken = [
        ("good = false", "goood = false", "goood"),
        ("id = \"rude\"", "id = \"tone\"", "twice"),
        ("threshold = 0.6", "threshold = 6.0", "threshold"),
        ("weight = 3.0", "weight = -3.0", "weight"),
        (
            "kind = \"human\"",
            "kind = \"words\", any = [\"x\"]",
            "yes or no",
        ),
        (
            "kind = \"human\"",
            "kind = \"signal\", signal = \"silence_share\", at_most = [0.1, 0.2, 0.3, 0.4]",
            "falling",
        ),
    ];
    for (right, wrong, told) in broken {
        let error = ReviewForm::from_toml(&FORM.replace(right, wrong)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(told), "{error}");
    }
}
