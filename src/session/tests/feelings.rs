//! What is felt, and what effort somebody has, as a session tells it.

use super::*;

#[tokio::test]
async fn feelings_and_effort_are_told_and_a_failure_ends_nothing() {
    let assistant = Assistant::builder()
        .emotion(Arc::new(Literal))
        .build()
        .await
        .unwrap();
    let mut session = assistant.session(Conversation::new("acme", Channel::Chat));
    let events = session.events();
    let said = [
        "My number is four one two.",
        "I am full of anger, and I have been on hold for an hour.",
        "It is broken.",
        "Hello?",
    ];
    for text in said {
        session.say(Role::EndUser, text).await.unwrap();
    }
    session.send(SessionInput::End).await.unwrap();
    let told: Vec<String> = events
        .filter_map(|event| async move {
            match event {
                SessionEvent::Experience { score, is_final } => {
                    Some(format!("{is_final} {}", score.satisfaction < 3.0))
                }
                SessionEvent::Emotion { state, events, .. } => {
                    let words = events.first().map(|event| event.words.clone());
                    Some(format!("{} {}", state.utterance, words.unwrap_or_default()))
                }
                SessionEvent::Effort { sign, .. } => {
                    Some(format!("{:?} {}", sign.kind, sign.words))
                }
                SessionEvent::Failed { skill, .. } => Some(format!("{skill:?}")),
                _ => None,
            }
        })
        .collect()
        .await;
    let expected = [
        "1 ",
        "false false",
        "Waiting been on hold",
        "2 I am full of anger,",
        "false true",
        "Emotion",
        "4 ",
        "false true",
        "true true",
    ];
    assert_eq!(told, expected);
}

/// A call of one customer: five utterances of two seconds, the last one sounding as told.
async fn arousal_at_the_end(raised: bool) -> f32 {
    use crate::speech::{AudioTrack, ScriptedSpeech};
    let voice = |hz: f32, amplitude: f32| {
        (0..32_000).map(move |at| {
            let phase = (at as f32 * hz / 16_000.0).fract();
            // A sawtooth has all its harmonics.
            amplitude * (phase - 0.5)
        })
    };
    let mut samples: Vec<f32> = Vec::new();
    for number in 0..5 {
        let loud = raised && number == 4;
        samples.extend(if loud {
            voice(190.0, 0.6)
        } else {
            voice(120.0, 0.1)
        });
        samples.extend(std::iter::repeat_n(0.0, 8_000));
    }
    let said = (0..5).map(|number| {
        let start = number * 2_500;
        ScriptedSpeech::segment(start, start + 2_000, "My number is four one two")
    });
    let assistant = Assistant::builder()
        .speech(Arc::new(ScriptedSpeech::new([said.collect()])))
        .emotion(Arc::new(Literal))
        .build()
        .await
        .unwrap();
    let session = assistant.session(Conversation::new("acme", Channel::Voice));
    let inputs = vec![SessionInput::Audio {
        tracks: vec![("customer".into(), AudioTrack { samples })],
        start_ms: 0,
    }];
    let events = run(session, inputs).await;
    let mut felt = events.iter().filter_map(|event| match event {
        SessionEvent::Emotion { state, .. } => Some(state.arousal),
        _ => None,
    });
    felt.next_back().unwrap()
}

#[tokio::test]
async fn a_raised_voice_is_heard_in_the_same_words() {
    let (even, raised) = (
        arousal_at_the_end(false).await,
        arousal_at_the_end(true).await,
    );
    assert!(raised > even + 0.05, "{raised} against {even}");
}

/// How a call was as a whole, taken up by another process in its middle or not.
async fn experience(is_interrupted: bool) -> crate::conversation::ExperienceScore {
    let assistant = Assistant::builder()
        .emotion(Arc::new(Literal))
        .build()
        .await
        .unwrap();
    let call = Conversation::new("acme", Channel::Chat).with_id("c1");
    let mut session = assistant.session(call);
    let anger = "I am full of anger, and I have been on hold for an hour.";
    let mut inputs = vec![say(Role::EndUser, anger)];
    if is_interrupted {
        run(session, std::mem::take(&mut inputs)).await;
        session = assistant.resume("acme", "c1").await.unwrap();
    }
    inputs.push(say(Role::EndUser, "When does it end?"));
    inputs.push(SessionInput::End);
    let events = run(session, inputs).await;
    let mut scores = events.into_iter().filter_map(|event| match event {
        SessionEvent::Experience {
            score,
            is_final: true,
        } => Some(score),
        _ => None,
    });
    scores.next().unwrap()
}

#[tokio::test]
async fn what_was_felt_counts_after_a_restart_too() {
    assert_eq!(experience(true).await, experience(false).await);
}
