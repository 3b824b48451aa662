use super::*;

struct Call {
    tracker: EmotionTracker,
    who: ParticipantId,
    next: u32,
}

impl Call {
    fn new() -> Self {
        Self {
            tracker: EmotionTracker::new(),
            who: "customer".into(),
            next: 0,
        }
    }

    fn said(&mut self, some: &[(Emotion, f32)]) -> (EmotionState, Vec<EmotionEvent>) {
        self.next += 1;
        let words = EmotionDistribution::of(some);
        let felt = Felt::new(&self.who, Role::EndUser, UtteranceId(self.next), words);
        self.tracker.update(&felt)
    }

    fn kinds(&mut self, some: &[(Emotion, f32)]) -> Vec<EmotionKind> {
        let events = self.said(some).1;
        events.into_iter().map(|event| event.kind).collect()
    }
}

const NEUTRAL: &[(Emotion, f32)] = &[(Emotion::Neutral, 0.9)];
const ANGRY: &[(Emotion, f32)] = &[(Emotion::Anger, 0.6), (Emotion::Annoyance, 0.25)];
const CROSS: &[(Emotion, f32)] = &[(Emotion::Annoyance, 0.5), (Emotion::Neutral, 0.4)];
const THANKS: &[(Emotion, f32)] = &[(Emotion::Gratitude, 0.9)];

#[test]
fn a_call_that_goes_wrong_and_well_again() {
    let mut call = Call::new();
    assert!(call.kinds(NEUTRAL).is_empty());
    // A sigh alone is not told; that it goes on is.
    assert!(call.kinds(CROSS).is_empty());
    let (state, events) = call.said(ANGRY);
    assert_eq!(events[0].kind, EmotionKind::RisingAnger);
    assert_eq!(events[0].utterances, [UtteranceId(2), UtteranceId(3)]);
    assert!(state.valence < -0.2, "{state:?}");
    // It stays; nothing is said twice.
    assert!(call.kinds(ANGRY).is_empty());
    assert!(call.kinds(CROSS).is_empty());
    assert_eq!(call.kinds(THANKS), [EmotionKind::Relief]);
    assert_eq!(call.kinds(NEUTRAL), [EmotionKind::Calming]);
    assert!(call.kinds(NEUTRAL).is_empty());
}

#[test]
fn an_outburst_is_told_at_once_and_growth_again() {
    let mut call = Call::new();
    assert_eq!(
        call.kinds(&[(Emotion::Annoyance, 0.7)]),
        [EmotionKind::RisingAnger]
    );
    call.said(CROSS);
    call.said(CROSS);
    let furious = [(Emotion::Anger, 0.98)];
    call.said(&furious);
    let later: Vec<EmotionKind> = (0..6).flat_map(|_| call.kinds(&furious)).collect();
    assert!(later.len() <= 1, "{later:?}");
}

#[test]
fn feelings_that_go_up_and_down_do_not_flicker() {
    let mut call = Call::new();
    let mut told = 0;
    for _ in 0..10 {
        told += call.kinds(&[(Emotion::Confusion, 0.55)]).len();
        told += call.kinds(&[(Emotion::Confusion, 0.35)]).len();
    }
    assert_eq!(told, 1);
}

#[test]
fn distress_of_a_customer_is_told_and_comfort_by_an_agent_is_not() {
    let sad = EmotionDistribution::of(&[(Emotion::Grief, 0.4), (Emotion::Sadness, 0.4)]);
    for (role, told) in [(Role::EndUser, 1), (Role::HumanAgent, 0)] {
        let who = ParticipantId::from("x");
        let felt = Felt::new(&who, role, UtteranceId(1), sad);
        let events = EmotionTracker::new().update(&felt).1;
        assert_eq!(events.len(), told, "{role:?}");
    }
}

#[test]
fn thanks_without_trouble_are_satisfaction() {
    assert_eq!(Call::new().kinds(THANKS), [EmotionKind::Satisfaction]);
}

#[test]
fn a_voice_raises_arousal_and_never_valence_alone() {
    let who = ParticipantId::from("x");
    let voice = VoiceSignals {
        pitch_shift: Some(5.0),
        energy_shift_db: Some(8.0),
        rate_shift: Some(0.4),
        ..VoiceSignals::default()
    };
    let neutral = EmotionDistribution::neutral();
    let plain = Felt::new(&who, Role::EndUser, UtteranceId(1), neutral);
    let loud = plain.clone().with_voice(&voice);
    let (calm, _) = EmotionTracker::new().update(&plain);
    let (stirred, events) = EmotionTracker::new().update(&loud);
    assert!(stirred.arousal > calm.arousal + 0.15);
    assert_eq!(stirred.valence, calm.valence);
    assert!(events.is_empty());
    // Words that are cross and a voice that is raised: anger.
    let cross = EmotionDistribution::of(&[(Emotion::Annoyance, 0.55)]);
    let quiet = Felt::new(&who, Role::EndUser, UtteranceId(1), cross);
    let loud = quiet.clone().with_voice(&voice);
    assert!(EmotionTracker::new().update(&quiet).1.is_empty());
    assert_eq!(EmotionTracker::new().update(&loud).1.len(), 1);
    let odd = VoiceSignals {
        pitch_shift: Some(f32::NAN),
        ..VoiceSignals::default()
    };
    assert_eq!(raised(&odd), 0.0);
}

#[test]
fn the_host_tells_what_it_sees() {
    let who = ParticipantId::from("x");
    let seen = EmotionDistribution::of(&[(Emotion::Fear, 1.0)]);
    let felt = Felt::new(
        &who,
        Role::EndUser,
        UtteranceId(1),
        EmotionDistribution::neutral(),
    );
    let (state, events) = EmotionTracker::new().update(&felt.with_host(seen));
    assert_eq!(events[0].kind, EmotionKind::Vulnerability);
    assert!(state.valence < 0.0);
}
