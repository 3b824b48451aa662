use super::*;
use crate::speech::{SAMPLE_RATE, ScriptedSpeech};

fn track(hertz: f32) -> AudioTrack {
    let step = std::f32::consts::TAU * hertz / SAMPLE_RATE as f32;
    AudioTrack {
        samples: (0..SAMPLE_RATE)
            .map(|i| 0.3 * (step * i as f32).sin())
            .collect(),
    }
}

fn lines(found: &[AttributedSegment]) -> Vec<(usize, Role, &str)> {
    found
        .iter()
        .map(|a| (a.track, a.role, a.segment.text.as_str()))
        .collect()
}

async fn transcribe(
    recording: &Recording,
    script: [Vec<Segment>; 2],
    options: &CallOptions,
) -> Vec<AttributedSegment> {
    transcribe_recording(&ScriptedSpeech::new(script), recording, options)
        .await
        .unwrap()
}

fn two_people() -> [Vec<Segment>; 2] {
    [
        vec![ScriptedSpeech::segment(
            900,
            4000,
            "I'd like to return my kettle.",
        )],
        vec![
            ScriptedSpeech::segment(0, 1000, "Thank you for calling, how can I help?"),
            ScriptedSpeech::segment(3000, 3500, "Let me check."),
        ],
    ]
}

#[tokio::test]
async fn two_tracks_are_merged_by_when_they_became_final() {
    let recording = Recording::new(vec![track(300.0), track(500.0)]);
    let found = transcribe(&recording, two_people(), &CallOptions::default()).await;
    assert_eq!(
        lines(&found),
        [
            (
                1,
                Role::HumanAgent,
                "Thank you for calling, how can I help?"
            ),
            (1, Role::HumanAgent, "Let me check."),
            (0, Role::EndUser, "I'd like to return my kettle."),
        ]
    );
    assert_eq!(found[2].participant.as_str(), "track-0");
}

#[tokio::test]
async fn what_the_host_says_wins_over_the_words() {
    let recording = Recording::new(vec![track(300.0), track(500.0)]);
    let options = CallOptions::default().with_roles([Role::HumanAgent, Role::EndUser]);
    let found = transcribe(&recording, two_people(), &options).await;
    assert_eq!(
        (found[0].role, found[0].role_confidence),
        (Role::EndUser, 1.0)
    );
    assert_eq!(found[2].role, Role::HumanAgent);
}

#[tokio::test]
async fn one_track_twice_is_mono() {
    let recording = Recording::new(vec![track(300.0), track(300.0)]);
    let everybody = vec![
        ScriptedSpeech::segment(0, 400, "Thank you for calling, how can I help?"),
        ScriptedSpeech::segment(600, 900, "I'd like to return my kettle."),
    ];
    let found = transcribe(&recording, [everybody, Vec::new()], &CallOptions::default()).await;
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].participant.as_str(), "human_agent");
    assert_eq!((found[1].track, found[1].role), (0, Role::EndUser));
}

#[tokio::test]
async fn silence_and_nothing_give_nothing() {
    let silent = Recording::new(vec![
        AudioTrack {
            samples: vec![0.0; 16_000]
        };
        2
    ]);
    assert!(
        transcribe(&silent, [vec![], vec![]], &CallOptions::default())
            .await
            .is_empty()
    );
    let none = Recording::new(Vec::new());
    assert!(
        transcribe(&none, [vec![], vec![]], &CallOptions::default())
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_question_and_its_answer_without_a_pause_are_two_peoples() {
    let recording = Recording::new(vec![track(300.0)]);
    let everybody = vec![ScriptedSpeech::segment(
        0,
        900,
        "Thank you for calling, how can I help you? I'd like to return my kettle. I bought it last week.",
    )];
    let found = transcribe(&recording, [everybody, Vec::new()], &CallOptions::default()).await;
    assert_eq!(
        lines(&found),
        [
            (
                0,
                Role::HumanAgent,
                "Thank you for calling, how can I help you?"
            ),
            (
                0,
                Role::EndUser,
                "I'd like to return my kettle. I bought it last week."
            ),
        ]
    );
    assert!(found[0].segment.end_ms <= found[1].segment.start_ms);
    assert_eq!(found[1].segment.end_ms, 900);
}
