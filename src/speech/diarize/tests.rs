use super::*;
use crate::speech::{SAMPLE_RATE, ScriptedSpeech};

const CALL: [(&str, Role); 9] = [
    (
        "Thank you for calling Brightwater Energy, how can I help you today?",
        Role::HumanAgent,
    ),
    (
        "Hi, I'm calling because my bill is far too high this month.",
        Role::EndUser,
    ),
    (
        "I'm sorry to hear that. May I have your account number?",
        Role::HumanAgent,
    ),
    ("Yes, it's four four one nine two.", Role::EndUser),
    ("Thank you. Let me check that for you.", Role::HumanAgent),
    ("Okay.", Role::EndUser),
    (
        "I can see the meter was read twice, so I'll issue a refund.",
        Role::HumanAgent,
    ),
    ("That's great, thanks for your help.", Role::EndUser),
    (
        "You're welcome. Is there anything else I can do for you?",
        Role::HumanAgent,
    ),
];

fn call() -> Vec<Segment> {
    (0..)
        .zip(CALL)
        .map(|(i, (text, _))| ScriptedSpeech::segment(i * 3000, i * 3000 + 2500, text))
        .collect()
}

fn right(found: &[(Role, f32)]) -> usize {
    found.iter().zip(CALL).filter(|(f, c)| f.0 == c.1).count()
}

#[test]
fn tracks_get_their_roles_in_either_order() {
    let said = |role: Role| {
        let texts: Vec<&str> = CALL.iter().filter(|c| c.1 == role).map(|c| c.0).collect();
        texts.join(" ")
    };
    let (agent, customer) = (said(Role::HumanAgent), said(Role::EndUser));
    let roles = infer_roles(&[&agent, &customer]);
    assert_eq!((roles[0].0, roles[1].0), (Role::HumanAgent, Role::EndUser));
    assert!(roles[0].1 > 0.9);
    let roles = infer_roles(&[&customer, &agent]);
    assert_eq!((roles[0].0, roles[1].0), (Role::EndUser, Role::HumanAgent));
}

#[test]
fn nothing_telling_gives_unknown() {
    assert_eq!(infer_roles(&["Hello.", "Yes."])[0].0, Role::Unknown);
    assert_eq!(infer_roles(&["", ""]), [(Role::Unknown, 0.0); 2]);
    assert!(infer_roles(&[]).is_empty());
    assert_eq!(
        infer_roles(&["I'd like to cancel my order."])[0].0,
        Role::EndUser
    );
    assert!(assign_mono_roles(&[], None).is_empty());
    let bland: Vec<Segment> = (0..4)
        .map(|i| ScriptedSpeech::segment(i * 2000, i * 2000 + 900, "Hm."))
        .collect();
    assert!(
        assign_mono_roles(&bland, None)
            .iter()
            .all(|r| r.0 == Role::Unknown)
    );
}

#[test]
fn mono_turns_get_roles_from_words_alone() {
    let found = assign_mono_roles(&call(), None);
    assert!(right(&found) >= 8, "{found:?}");
}

/// A buzz of one pitch and one resonance: nobody's voice, but two of them differ.
fn buzz(pitch: f32, formant: f32, milliseconds: usize) -> Vec<f32> {
    let rate = SAMPLE_RATE as f32;
    let (mut phase, mut state) = (0.0_f32, [0.0_f32; 2]);
    (0..milliseconds * SAMPLE_RATE as usize / 1000)
        .map(|i| {
            phase += pitch * (1.0 + 0.1 * (i as f32 / 4000.0).sin()) / rate;
            let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
            phase = phase.fract();
            let wobble = formant * (1.0 + 0.15 * (i as f32 / 1500.0).sin());
            let next = pulse + 1.9 * (std::f32::consts::TAU * wobble / rate).cos() * state[0]
                - 0.9025 * state[1];
            state = [next, state[0]];
            next * 0.05
        })
        .collect()
}

#[test]
fn voices_carry_the_roles_to_turns_whose_words_tell_nothing() {
    // Only the first two turns have telling words; the order afterwards is irregular.
    let order = [true, false, false, true, true, false, true, false];
    let mut samples = Vec::new();
    let mut segments = Vec::new();
    for (index, &agent) in order.iter().enumerate() {
        let text = match index {
            0 => "Thank you for calling, how can I help you?",
            1 => "I'd like to cancel my order.",
            _ => "Well, it is the blue one.",
        };
        let start = samples.len() as u64 / 16;
        samples.extend(if agent {
            buzz(110.0, 600.0, 2000)
        } else {
            buzz(210.0, 1500.0, 2000)
        });
        segments.push(ScriptedSpeech::segment(
            start,
            samples.len() as u64 / 16,
            text,
        ));
        samples.extend(vec![0.0; 8000]);
    }
    let found = assign_mono_roles(&segments, Some(&AudioTrack { samples }));
    let roles: Vec<bool> = found.iter().map(|f| f.0 == Role::HumanAgent).collect();
    assert_eq!(roles, order, "{found:?}");
}
