//! Intents from a handful of examples, with the real embedding model.
//!
//! Needs the model `all-minilm-l6-v2` in the model cache (`make models`).
#![cfg(all(feature = "candle", feature = "fetch"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

use attendant::assistant::local::load_embedder;
use attendant::models::Cache;
use attendant::understanding::intent::{IntentExample, IntentRecognizer};

/// Six examples an intent of an invented telephone company, then two that are not learned.
const EXAMPLES: &[(&str, [&str; 6], [&str; 2])] = &[
    (
        "cancel_contract",
        [
            "I want to cancel my contract",
            "please end my subscription at the end of the month",
            "how do I terminate the agreement with you",
            "I am leaving, close my account",
            "stop my plan, I do not need it any longer",
            "I would like to quit my tariff",
        ],
        [
            "I have decided to give notice on my plan",
            "terminate my subscription please",
        ],
    ),
    (
        "slow_internet",
        [
            "my internet is very slow",
            "the connection keeps dropping",
            "web pages take ages to load",
            "wifi speed is terrible since yesterday",
            "downloads crawl at home",
            "I only get two megabits instead of fifty",
        ],
        [
            "surfing is awfully slow at my place",
            "the wifi connection drops all the time",
        ],
    ),
    (
        "bill_too_high",
        [
            "why is my bill so high this month",
            "you charged me twice",
            "there is an amount on my invoice that I do not know",
            "I was billed for something I never ordered",
            "my invoice is wrong",
            "the last bill is much more than usual",
        ],
        [
            "there is a charge on the bill that I do not recognise",
            "my bill this month is far too high",
        ],
    ),
    (
        "lost_phone",
        [
            "I lost my phone, block the sim card",
            "my mobile was stolen",
            "please lock my number, somebody took my handset",
            "block my sim, the phone is gone",
            "my phone got stolen on the train",
            "I cannot find my mobile, can you disable the card",
        ],
        [
            "somebody stole my handset, please block it",
            "my phone is lost, lock the sim card",
        ],
    ),
    (
        "change_address",
        [
            "I am moving to another town",
            "please change my address",
            "I have a new postal address",
            "update where you send my letters",
            "we move house next week",
            "my street has changed in your records",
        ],
        [
            "we are moving, here is our new address",
            "can you update my address in your records",
        ],
    ),
    (
        "roaming",
        [
            "can I use my phone abroad",
            "how much are calls from Spain",
            "what does roaming cost in Switzerland",
            "does my data work on holiday in Greece",
            "I travel to America, what about mobile data",
            "are there fees for surfing in foreign countries",
        ],
        [
            "what does it cost to use mobile data abroad",
            "are calls from Italy free with my roaming",
        ],
    ),
];

const NONE: &[&str] = &[
    "what is the capital of Peru",
    "tell me a joke about penguins",
    "how do I bake sourdough bread",
    "my cat refuses to eat fish",
    "who won the chess tournament",
    "play something by Mozart",
];

#[tokio::test]
async fn six_examples_an_intent_are_enough() {
    let embedder = load_embedder(&Cache::from_env().unwrap(), "all-minilm-l6-v2")
        .await
        .unwrap_or_else(|error| panic!("run `make models` first: {error}"));
    let examples: Vec<IntentExample> = EXAMPLES
        .iter()
        .flat_map(|(intent, texts, _)| texts.map(|text| IntentExample::new(text, *intent)))
        .collect();
    let recognizer = IntentRecognizer::fit(&examples, embedder).await.unwrap();
    let mut wrong = Vec::new();
    for (intent, _, texts) in EXAMPLES {
        for text in texts {
            let found = recognizer.recognise(text).await.unwrap();
            if found.len() != 1 || found[0].intent != *intent {
                wrong.push(format!("{text}: {found:?}"));
            }
        }
    }
    assert!(wrong.len() <= 2, "{wrong:#?}");
    let mut taken = Vec::new();
    for text in NONE {
        let found = recognizer.recognise(text).await.unwrap();
        taken.extend(found.into_iter().map(|found| format!("{text}: {found:?}")));
    }
    assert!(taken.len() <= 1, "{taken:#?}");

    let text = "My internet is very slow. And please change my address, I am moving.";
    let several = recognizer.recognise(text).await.unwrap();
    let names: Vec<&str> = several.iter().map(|one| one.intent.as_str()).collect();
    assert_eq!(names, ["slow_internet", "change_address"], "{several:?}");
}
