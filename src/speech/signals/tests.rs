use super::*;
use crate::conversation::{OverlapKind, SilenceKind};

const AGENT: &str = "agent";
const CUSTOMER: &str = "customer";

fn speak(tracker: &mut SignalTracker, who: &str, start_ms: u64, end_ms: u64) {
    tracker.speech(&who.into(), SpeechSpan { start_ms, end_ms });
}

fn say(
    tracker: &mut SignalTracker,
    who: &str,
    (start, end): (u64, u64),
    text: &str,
    back_channel: bool,
) -> VoiceSignals {
    let said = NewUtterance::new(who, text).with_span(start, end);
    tracker.utterance(Spoken::from(&said).with_back_channel(back_channel))
}

/// A tracker that heard these stretches of speech.
fn heard(speech: &[(&str, u64, u64)]) -> SignalTracker {
    let mut tracker = SignalTracker::new();
    for &(who, start, end) in speech {
        speak(&mut tracker, who, start, end);
    }
    tracker
}

fn kinds(signals: &ConversationSignals) -> Vec<(&str, OverlapKind)> {
    let overlaps = signals.overlaps.iter();
    overlaps.map(|o| (o.second.as_str(), o.kind)).collect()
}

fn of<'a>(signals: &'a ConversationSignals, who: &str) -> &'a ParticipantSignals {
    signals.participant(&who.into()).unwrap()
}

#[test]
fn nothing_heard_is_nothing_told() {
    let mut tracker = SignalTracker::new();
    assert_eq!(tracker.snapshot(), ConversationSignals::default());
    tracker.join(&AGENT.into());
    tracker.advance(5_000);
    let signals = tracker.snapshot();
    assert_eq!(signals.silence_ms, 5_000);
    assert_eq!(signals.silences[0].after, None);
    assert_eq!(signals.participants, [ParticipantSignals::new(AGENT)]);
}

#[test]
fn a_plain_exchange_has_shares_answers_and_turns() {
    let signals = heard(&[
        (AGENT, 0, 3_000),
        (CUSTOMER, 3_400, 5_000),
        (CUSTOMER, 5_100, 6_400),
        (AGENT, 6_800, 8_800),
        (CUSTOMER, 9_200, 10_200),
    ])
    .snapshot();
    assert_eq!(signals.duration_ms, 10_200);
    assert_eq!(signals.speech_ms, 9_000);
    assert_eq!(signals.overlap_ms, 0);
    assert!(signals.overlaps.is_empty() && signals.silences.is_empty());
    let (agent, customer) = (of(&signals, AGENT), of(&signals, CUSTOMER));
    assert_eq!((agent.talk_ms, customer.talk_ms), (5_000, 4_000));
    assert!((agent.talk_ratio - 5.0 / 9.0).abs() < 1e-6);
    assert_eq!((agent.turns, customer.turns), (2, 2));
    assert_eq!(agent.longest_turn_ms, 3_000);
    assert_eq!(agent.response_ms_median, Some(400));
    assert_eq!(customer.response_ms_median, Some(400));
}

#[test]
fn who_takes_the_floor_from_a_speaker_interrupts() {
    let signals = heard(&[(AGENT, 0, 5_000), (CUSTOMER, 4_200, 8_000)]).snapshot();
    assert_eq!(kinds(&signals), [(CUSTOMER, OverlapKind::Interruption)]);
    assert_eq!(signals.overlaps[0].duration_ms(), 800);
    assert_eq!(of(&signals, CUSTOMER).interruptions, 1);
    assert_eq!(of(&signals, AGENT).interrupted, 1);
    assert_eq!(of(&signals, AGENT).interruptions, 0);
    assert_eq!(of(&signals, AGENT).overlap_ms, 800);
    assert_eq!(of(&signals, CUSTOMER).response_ms_median, None);
}

#[test]
fn a_short_stop_that_silences_the_other_interrupts_as_well() {
    let said = [
        (AGENT, 0, 4_000),
        (CUSTOMER, 3_300, 3_800),
        (CUSTOMER, 4_300, 7_000),
    ];
    let mut tracker = heard(&said);
    say(&mut tracker, CUSTOMER, (3_300, 3_800), "Wait", false);
    assert_eq!(
        kinds(&tracker.snapshot()),
        [(CUSTOMER, OverlapKind::Interruption)]
    );
    // Where the agent goes on, it was an attempt.
    let said = [
        (AGENT, 0, 4_000),
        (CUSTOMER, 3_300, 3_800),
        (AGENT, 4_300, 7_000),
    ];
    let mut tracker = heard(&said);
    say(&mut tracker, CUSTOMER, (3_300, 3_800), "Wait", false);
    let signals = tracker.snapshot();
    assert_eq!(kinds(&signals), [(CUSTOMER, OverlapKind::Attempt)]);
    assert_eq!(of(&signals, AGENT).longest_turn_ms, 7_000);
}

#[test]
fn early_answers_and_joint_starts_interrupt_nobody() {
    let signals = heard(&[(AGENT, 0, 3_000), (CUSTOMER, 2_750, 5_000)]).snapshot();
    assert_eq!(kinds(&signals), [(CUSTOMER, OverlapKind::TurnStart)]);
    assert_eq!(of(&signals, CUSTOMER).response_ms_median, Some(-250));
    let signals = heard(&[(AGENT, 1_000, 2_000), (CUSTOMER, 1_100, 4_000)]).snapshot();
    assert_eq!(kinds(&signals), [(CUSTOMER, OverlapKind::JointStart)]);
    assert_eq!(of(&signals, CUSTOMER).turns, 1);
    // Too short to notice: counted, not listed.
    let signals = heard(&[(AGENT, 0, 3_000), (CUSTOMER, 2_900, 5_000)]).snapshot();
    assert!(signals.overlaps.is_empty());
    assert_eq!(signals.overlap_ms, 100);
}

#[test]
fn back_channels_leave_the_floor_where_it_is() {
    let mut tracker = heard(&[
        (AGENT, 0, 3_000),
        (CUSTOMER, 2_000, 2_400),
        (CUSTOMER, 3_250, 3_650),
        (AGENT, 3_500, 6_000),
    ]);
    // Before it is transcribed, a short sound over somebody's speech is one.
    assert_eq!(of(&tracker.snapshot(), CUSTOMER).back_channels, 1);
    say(&mut tracker, CUSTOMER, (1_950, 2_450), "Mm-hm.", true);
    say(&mut tracker, CUSTOMER, (3_200, 3_700), "Yeah.", true);
    let signals = tracker.snapshot();
    let kind = OverlapKind::BackChannel;
    assert_eq!(kinds(&signals), [(CUSTOMER, kind), (AGENT, kind)]);
    assert_eq!(of(&signals, CUSTOMER).back_channels, 2);
    assert_eq!(of(&signals, CUSTOMER).turns, 0);
    assert_eq!(of(&signals, AGENT).longest_turn_ms, 6_000);
    assert_eq!(of(&signals, AGENT).turns, 1);
    // With words it was something said.
    let mut tracker = heard(&[(AGENT, 0, 3_000), (CUSTOMER, 2_000, 2_400)]);
    say(&mut tracker, CUSTOMER, (2_000, 2_400), "No!", false);
    assert_eq!(
        kinds(&tracker.snapshot()),
        [(CUSTOMER, OverlapKind::Attempt)]
    );
}

#[test]
fn silences_have_kinds_and_whose_they_are() {
    let mut tracker = heard(&[
        (AGENT, 2_000, 3_000),
        (CUSTOMER, 3_900, 5_000),
        (AGENT, 10_000, 11_000),
        (CUSTOMER, 21_000, 22_000),
    ]);
    tracker.hold(12_000, 15_000);
    tracker.hold(14_000, 20_000);
    tracker.advance(50_000);
    let signals = tracker.snapshot();
    let told: Vec<_> = signals
        .silences
        .iter()
        .map(|s| {
            (
                s.start_ms,
                s.kind,
                s.after.as_ref().map(ParticipantId::as_str),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (0, SilenceKind::Pause, None),
            (5_000, SilenceKind::Silence, Some(CUSTOMER)),
            (11_000, SilenceKind::Hold, Some(AGENT)),
            (22_000, SilenceKind::Hold, Some(CUSTOMER)),
        ]
    );
    assert_eq!(
        (signals.pause_ms, signals.silence_ms, signals.hold_ms),
        (2_000, 5_000, 38_000)
    );
}

#[test]
fn the_order_of_news_does_not_matter() {
    let mut speech = vec![
        (AGENT, 0, 4_000),
        (AGENT, 4_100, 6_000),
        (CUSTOMER, 5_200, 9_000),
        (AGENT, 8_800, 12_000),
        (CUSTOMER, 11_000, 11_300),
        (CUSTOMER, 16_000, 18_000),
        (AGENT, 17_900, 17_900),
    ];
    let sorted = |mut signals: ConversationSignals| {
        signals
            .participants
            .sort_by(|a, b| a.participant.cmp(&b.participant));
        signals
    };
    let first = sorted(heard(&speech).snapshot());
    for turn in 0..speech.len() {
        speech.rotate_left(1);
        speech.swap(0, turn);
        assert_eq!(sorted(heard(&speech).snapshot()), first);
    }
    // A span that grows counts once.
    let mut growing = SignalTracker::new();
    for end in (100..=4_000).step_by(100) {
        speak(&mut growing, AGENT, 0, end);
    }
    assert_eq!(of(&growing.snapshot(), AGENT).talk_ms, 4_000);
}

#[test]
fn the_margin_of_voice_activity_is_taken_off() {
    let mut tracker = SignalTracker::new().with_margin_ms(140);
    speak(&mut tracker, AGENT, 0, 3_000);
    speak(&mut tracker, CUSTOMER, 2_760, 5_000);
    speak(&mut tracker, AGENT, 7_000, 7_200);
    let signals = tracker.snapshot();
    assert_eq!(signals.overlap_ms, 0);
    assert_eq!(of(&signals, AGENT).talk_ms, 2_720);
    assert_eq!(of(&signals, CUSTOMER).response_ms_median, Some(40));
}

#[test]
fn utterances_stand_in_where_no_speech_was_told() {
    let word = |text: &str, start_ms, end_ms| Word {
        text: text.into(),
        start_ms,
        end_ms,
        confidence: 1.0,
    };
    let mut said = NewUtterance::new(AGENT, "Your parcel left.").with_span(0, 3_000);
    said.words = vec![
        word("Your", 100, 400),
        word("parcel", 450, 900),
        word("left.", 2_000, 2_500),
    ];
    let mut tracker = SignalTracker::new();
    tracker.utterance(Spoken::from(&said));
    let signals = tracker.snapshot();
    assert_eq!(of(&signals, AGENT).talk_ms, 800 + 500);
    assert_eq!(of(&signals, AGENT).words_per_minute, Some(75.0));
    // A message has words but takes no time.
    say(&mut tracker, CUSTOMER, (0, 0), "Thank you very much", false);
    let signals = tracker.snapshot();
    assert_eq!(of(&signals, CUSTOMER).words, 4);
    assert_eq!(of(&signals, CUSTOMER).words_per_minute, None);
    assert_eq!(of(&signals, CUSTOMER).talk_ms, 0);
}

#[test]
fn shifts_are_against_ones_own_baseline_and_wait_for_it() {
    let tone = |hz: f32, amplitude: f32| -> Vec<f32> {
        let phase = |i: usize| (i as f32 * hz / 16_000.0).fract() * std::f32::consts::TAU;
        let voice = |i| (3..12).map(|k| (k as f32 * phase(i)).sin()).sum::<f32>();
        (0..32_000).map(|i| amplitude * voice(i)).collect()
    };
    let mut tracker = SignalTracker::new();
    let mut tell = |who: &str, n: u64, text: &str, audio: &[f32]| {
        let said = NewUtterance::new(who, text).with_span(n * 3_000, n * 3_000 + 2_000);
        tracker.utterance(Spoken::from(&said).with_prosody(&Prosody::of(audio)))
    };
    let (calm, deep) = (tone(200.0, 0.02), tone(110.0, 0.05));
    for n in 0..3 {
        let voice = tell(CUSTOMER, 2 * n, "one two three four", &calm);
        assert!((voice.pitch_hz.unwrap() - 200.0).abs() < 2.0);
        assert_eq!(
            (voice.pitch_shift, voice.energy_shift_db, voice.rate_shift),
            (None, None, None)
        );
        tell(AGENT, 2 * n + 1, "one two three", &deep);
    }
    let angry = tell(
        CUSTOMER,
        6,
        "one two three four five six",
        &tone(252.0, 0.04),
    );
    assert!((angry.pitch_shift.unwrap() - 4.0).abs() < 0.2, "{angry:?}");
    assert!(
        (angry.energy_shift_db.unwrap() - 6.0).abs() < 0.4,
        "{angry:?}"
    );
    assert!((angry.rate_shift.unwrap() - 0.5).abs() < 1e-3, "{angry:?}");
    let same = tell(AGENT, 7, "one two three", &deep);
    assert!(same.pitch_shift.unwrap().abs() < 0.05);
    let mute = tell(AGENT, 8, "Yes.", &[f32::NAN; 9_000]);
    assert_eq!(mute, VoiceSignals::default());
    let signals = tracker.snapshot();
    assert!((of(&signals, AGENT).pitch_hz_median.unwrap() - 110.0).abs() < 1.0);
    assert!(of(&signals, CUSTOMER).energy_db_median.unwrap() < 0.0);
}

#[test]
fn three_can_speak_at_once() {
    let signals = heard(&[("a", 0, 5_000), ("b", 1_000, 4_000), ("c", 2_000, 7_000)]).snapshot();
    assert_eq!(signals.speech_ms, 7_000);
    assert_eq!(signals.overlap_ms, 4_000);
    assert_eq!(of(&signals, "a").overlap_ms, 4_000);
    assert_eq!(of(&signals, "b").overlap_ms, 3_000);
    assert_eq!(of(&signals, "c").overlap_ms, 3_000);
    assert_eq!(kinds(&signals)[1], ("c", OverlapKind::Interruption));
    assert_eq!(of(&signals, "a").interrupted, 1);
}

mod long;
