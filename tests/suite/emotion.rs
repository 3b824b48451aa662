//! The emotion model that comes with the library, on sentences as customers and agents say them.
//!
//! Needs the model `all-minilm-l6-v2` in the model cache (`make models`).
#![cfg(all(feature = "local", feature = "fetch"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use attendant::Assistant;
use attendant::assist::{CoachingRule, Condition, EmotionCondition, ReplayConversation};
use attendant::assistant::local::load_emotion;
use attendant::conversation::{
    Channel, Conversation, Emotion, EmotionDistribution, EmotionEvent, EmotionKind, Role,
};
use attendant::models::Cache;
use attendant::session::SessionEvent;
use attendant::understanding::emotion::{EmotionModel, TrainedEmotion, words_of};
use futures::StreamExt;

async fn model() -> Arc<TrainedEmotion> {
    let cache = Cache::from_env().unwrap();
    load_emotion(&cache, "all-minilm-l6-v2")
        .await
        .unwrap_or_else(|error| panic!("run `make models` first: {error}"))
}

async fn feel(model: &TrainedEmotion, text: &str) -> EmotionDistribution {
    model.feel(&[text.to_owned()]).await.unwrap()[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_say_in_a_contact_centre() {
    let model = model().await;
    let anger = [Emotion::Anger, Emotion::Annoyance, Emotion::Disapproval];
    let thanks = [Emotion::Gratitude, Emotion::Admiration, Emotion::Joy];
    let confusion = [Emotion::Confusion, Emotion::Curiosity];
    let cases: [(&str, &[Emotion]); 8] = [
        (
            "You have overcharged me again and I am furious about it.",
            &anger,
        ),
        ("It is outrageous that nobody picks up the phone.", &anger),
        ("Thank you very much, you have been a great help.", &thanks),
        ("Thanks a lot for sorting this out so quickly.", &thanks),
        (
            "I am confused, why do I have two bills for one month?",
            &confusion,
        ),
        (
            "I don't understand what this fee is supposed to be.",
            &confusion,
        ),
        (
            "My customer number is nine zero two four one two.",
            &[Emotion::Neutral],
        ),
        (
            "I would like to update my delivery address.",
            &[Emotion::Neutral, Emotion::Desire],
        ),
    ];
    for (text, emotions) in cases {
        let felt = feel(&model, text).await;
        let strongest = felt.strongest();
        assert!(
            emotions.contains(&strongest),
            "{text}: {:?}",
            &felt.ranked()[..3]
        );
    }
    let cross = feel(&model, "This is the worst service I have ever had.").await;
    let pleased = feel(&model, "That is brilliant, I am so happy with it.").await;
    assert!(cross.valence() < -0.2 && pleased.valence() > 0.4);
    let odd = ["", " ", "?!", "\u{1f600}", &"very angry ".repeat(2000)];
    for text in odd {
        assert!(feel(&model, text).await.valence().is_finite());
    }
    assert_eq!(feel(&model, "").await.strongest(), Emotion::Neutral);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clause_that_shows_it_is_found() {
    let model = model().await;
    let text = "I ordered it on Monday, it came on Friday, and this is an absolute disgrace.";
    let words = words_of(model.as_ref(), text, EmotionKind::RisingAnger).await;
    assert_eq!(words.unwrap(), "and this is an absolute disgrace.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_tells_what_changes() {
    let assistant = Assistant::builder().emotion(model().await);
    let assistant = assistant.build().await.unwrap();
    let mut session = assistant.session(Conversation::new("acme", Channel::Chat));
    let events = session.events();
    let said = [
        (Role::HumanAgent, "Good morning, how can I help you?"),
        (Role::EndUser, "My order number is four one two nine."),
        (Role::HumanAgent, "It will be with you next week."),
        (
            Role::EndUser,
            "I am furious, this is the third time I have called and nobody does anything!",
        ),
        (
            Role::HumanAgent,
            "I have sent it by courier, it arrives today.",
        ),
        (
            Role::EndUser,
            "Oh thank you so much, that is wonderful, what a relief.",
        ),
    ];
    for (role, text) in said {
        session.say(role, text).await.unwrap();
    }
    session.settle().await.unwrap();
    drop(session);
    let events: Vec<SessionEvent> = events.collect().await;
    let changes: Vec<&EmotionEvent> = events
        .iter()
        .filter_map(|event| match event {
            SessionEvent::Emotion { events, .. } => Some(events),
            _ => None,
        })
        .flatten()
        .filter(|event| event.participant.as_str() == Role::EndUser.as_str())
        .collect();
    let kinds: Vec<EmotionKind> = changes.iter().map(|event| event.kind).collect();
    assert_eq!(kinds[0], EmotionKind::RisingAnger, "{changes:?}");
    assert!(changes[0].words.contains("furious"), "{changes:?}");
    assert!(kinds.contains(&EmotionKind::Relief), "{changes:?}");
    let effort = events
        .iter()
        .filter(|event| matches!(event, SessionEvent::Effort { .. }));
    assert_eq!(effort.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_about_feelings_can_be_replayed_before_it_is_switched_on() {
    let condition = Condition::Emotion(EmotionCondition {
        changes: vec![EmotionKind::RisingAnger],
        ..EmotionCondition::default()
    });
    let mut rule = CoachingRule::new("slow-down", Role::EndUser, condition, "Slow down.");
    rule.max_per_call = 5;
    let mut call = Conversation::new("acme", Channel::Chat);
    for said in [
        "My order number is four one two nine.",
        "I am furious, this is the third time I have called and nobody does anything!",
        "I am still furious about it.",
    ] {
        call.say(Role::EndUser, said);
    }
    let replayed = [ReplayConversation {
        name: "call".into(),
        conversation: call,
        labels: None,
    }];
    let assistant = Assistant::builder().coaching_rules(vec![rule]);
    let assistant = assistant.emotion(model().await).build().await.unwrap();
    let report = assistant.replay_coaching(&replayed).await.unwrap();
    let rule = &report.rules[0];
    assert_eq!(rule.fired, 1, "{rule:?}");
    assert_eq!(rule.examples[0].utterance, Some(2), "{rule:?}");
}
