use std::sync::Arc;

use super::*;
use crate::ErrorKind;
use crate::embedding::HashingEmbedder;

/// Five ways to ask for each of five things.
fn examples() -> Vec<IntentExample> {
    let of = |intent: &str, texts: [&str; 5]| {
        texts.map(|text| IntentExample::new(text, intent)).to_vec()
    };
    [
        of(
            "refund",
            [
                "I want my money back",
                "please refund the money I paid",
                "can I get a refund for this",
                "refund my last payment please",
                "give me the money back that I paid",
            ],
        ),
        of(
            "delivery",
            [
                "where is my parcel",
                "when does the parcel arrive",
                "has my parcel been shipped yet",
                "the parcel did not arrive, where is it",
                "track the parcel I am waiting for",
            ],
        ),
        of(
            "address",
            [
                "I moved to a new street",
                "change my home address please",
                "my address is different now",
                "update the street on my account, the address changed",
                "I have a new home address",
            ],
        ),
        of(
            "password",
            [
                "I forgot my password",
                "reset the password for my login",
                "my login does not take the password",
                "I need a new password to log in",
                "cannot login, password is wrong",
            ],
        ),
        of(
            "opening_hours",
            [
                "when does the shop open",
                "opening hours of the shop on sunday",
                "until what hour is the shop open",
                "is the shop open today",
                "tell me the opening hours please",
            ],
        ),
    ]
    .concat()
}

async fn fitted() -> IntentRecognizer {
    IntentRecognizer::fit(&examples(), Arc::new(HashingEmbedder::default()))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_handful_of_examples_tells_intents_apart() {
    let recognizer = fitted().await;
    for (text, intent) in [
        ("please refund my payment", "refund"),
        ("where is the parcel now", "delivery"),
        ("I want to change the address", "address"),
        ("reset my password", "password"),
        ("is the shop open on sunday", "opening_hours"),
    ] {
        let found = recognizer.recognise(text).await.unwrap();
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!(found[0].intent, intent, "{text}");
        assert_eq!(found[0].span, 0..text.len());
        assert!((0.0..=1.0).contains(&found[0].probability));
    }
}

#[tokio::test]
async fn what_is_none_of_these_has_no_intent() {
    let recognizer = fitted().await;
    for text in [
        "",
        "   ",
        "?!",
        "zebras graze beneath acacia trees",
        "sing a song about dragons",
        "\u{4f60}\u{597d}",
    ] {
        let found = recognizer.recognise(text).await.unwrap();
        assert!(found.is_empty(), "{text}: {found:?}");
    }
}

#[tokio::test]
async fn a_turn_that_wants_two_things_has_two_intents() {
    let recognizer = fitted().await;
    let text = "Refund the money I paid please. And when does the shop open?";
    let found = recognizer.recognise(text).await.unwrap();
    let names: Vec<&str> = found.iter().map(|one| one.intent.as_str()).collect();
    assert_eq!(names, ["refund", "opening_hours"], "{found:?}");
    assert_eq!(&text[found[1].span.clone()], "when does the shop open?");
}

#[tokio::test]
async fn a_model_is_kept_as_json() {
    let recognizer = fitted().await;
    let json = serde_json::to_string(recognizer.model()).unwrap();
    let model: IntentModel = serde_json::from_str(&json).unwrap();
    assert_eq!(&model, recognizer.model());
    let again = IntentRecognizer::new(model.clone(), Arc::new(HashingEmbedder::default())).unwrap();
    let text = "where is my parcel please";
    let (old, new) = (
        recognizer.recognise(text).await,
        again.recognise(text).await,
    );
    assert_eq!(old.unwrap(), new.unwrap());
    let other = Arc::new(HashingEmbedder::new(16));
    let refused = IntentRecognizer::new(model, other).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    for (from, to) in [
        ("\"dimensions\":384", "\"dimensions\":7"),
        ("\"delivery\",", ""),
    ] {
        assert!(json.contains(from));
        assert!(serde_json::from_str::<IntentModel>(&json.replace(from, to)).is_err());
    }
}

#[tokio::test]
async fn odd_examples_are_told_or_taken() {
    let embedder = || Arc::new(HashingEmbedder::default());
    let refused = IntentRecognizer::fit(&[], embedder()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    let none = [IntentExample::none_of_these("hello")];
    assert!(IntentRecognizer::fit(&none, embedder()).await.is_err());
    let vectors = [vec![0.5], vec![f32::NAN]];
    let two = [IntentExample::new("a", "x"), IntentExample::new("b", "y")];
    assert!(IntentModel::fit(&two, &vectors, "e", IntentOptions::default()).is_err());
    assert!(IntentModel::fit(&two, &vectors[..1], "e", IntentOptions::default()).is_err());
    // One example, one intent: what is like it.
    let one = [IntentExample::new("where is my parcel", "delivery")];
    let recognizer = IntentRecognizer::fit(&one, embedder()).await.unwrap();
    assert_eq!(
        recognizer
            .recognise("where is my parcel?")
            .await
            .unwrap()
            .len(),
        1
    );
    assert!(
        recognizer
            .recognise("zebras graze here")
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn the_same_examples_give_the_same_model() {
    assert_eq!(fitted().await.model(), fitted().await.model());
}
