//! Long calls, and calls no host would make.

use super::*;

/// Numbers that look random and are the same each time (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

/// What must hold of any signals.
fn check(signals: &ConversationSignals) {
    let duration = signals.duration_ms;
    assert!(signals.speech_ms <= duration && signals.overlap_ms <= signals.speech_ms);
    let quiet = signals.pause_ms + signals.silence_ms + signals.hold_ms;
    assert!(signals.speech_ms + quiet <= duration, "{signals:?}");
    let talk: u64 = signals.participants.iter().map(|p| p.talk_ms).sum();
    assert!(talk >= signals.speech_ms);
    let ratios: f32 = signals.participants.iter().map(|p| p.talk_ratio).sum();
    assert!(talk == 0 && ratios == 0.0 || (ratios - 1.0).abs() < 1e-4);
    let sum = |count: fn(&ParticipantSignals) -> u32| -> u32 {
        signals.participants.iter().map(count).sum()
    };
    assert_eq!(sum(|p| p.interruptions), sum(|p| p.interrupted));
    for p in &signals.participants {
        assert!(p.talk_ms <= duration && p.longest_turn_ms <= duration);
        assert!(p.overlap_ms <= p.talk_ms && p.overlap_ms <= signals.overlap_ms);
        assert!((0.0..=1.0).contains(&p.talk_ratio));
        assert!(
            p.words_per_minute
                .is_none_or(|rate| (0.0..=600.0).contains(&rate))
        );
        assert!(
            p.pitch_hz_median
                .is_none_or(|hz| (50.0..450.0).contains(&hz))
        );
    }
    for o in &signals.overlaps {
        assert!(o.start_ms < o.end_ms && o.end_ms <= duration && o.first != o.second);
    }
    assert!(signals.overlaps.is_sorted_by_key(|o| o.start_ms));
    for s in &signals.silences {
        assert!(s.duration_ms() >= 1_000 && s.end_ms <= duration);
    }
    assert!(signals.silences.is_sorted_by(|a, b| a.end_ms <= b.start_ms));
    assert!(signals.overlaps.len() <= 1_000 && signals.silences.len() <= 1_001);
    // `serde_json` writes what is no finite number as null, which does not come back.
    let json = serde_json::to_string(signals).unwrap();
    assert_eq!(
        &serde_json::from_str::<ConversationSignals>(&json).unwrap(),
        signals
    );
}

#[test]
fn any_news_in_any_order_keeps_the_sums() {
    for seed in 1..60 {
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
        let people = 1 + dice.below(4);
        let mut tracker = SignalTracker::new().with_margin_ms(dice.below(3) * 70);
        for _ in 0..dice.below(400) {
            let who = format!("p{}", dice.below(people));
            let start = dice.below(120_000);
            let length = dice.below(5_000);
            match dice.below(12) {
                0 => tracker.hold(start, start + length * 4),
                1 => tracker.advance(start),
                2 => speak(&mut tracker, &who, start + length, start),
                3 => {
                    let audio: Vec<f32> = (0..dice.below(2_000))
                        .map(|_| f32::from_bits(dice.below(u64::from(u32::MAX)) as u32))
                        .collect();
                    let text = "a word or two".repeat(dice.below(50) as usize);
                    let said = NewUtterance::new(&*who, text).with_span(start, start + length);
                    tracker.utterance(Spoken::from(&said).with_prosody(&Prosody::of(&audio)));
                }
                4 | 5 => {
                    let bare = dice.below(2) == 0;
                    say(
                        &mut tracker,
                        &who,
                        (start, start + length),
                        "hm hm hm",
                        bare,
                    );
                }
                _ => speak(&mut tracker, &who, start, start + length),
            }
        }
        check(&tracker.snapshot());
    }
}

#[test]
fn times_at_the_end_of_time_do_no_harm() {
    let mut tracker = SignalTracker::new();
    let end = u64::MAX;
    speak(&mut tracker, AGENT, end - 5_000, end);
    speak(&mut tracker, CUSTOMER, 0, end);
    speak(&mut tracker, CUSTOMER, end, 0);
    tracker.hold(0, end);
    say(&mut tracker, AGENT, (0, end), "For ever and ever", false);
    say(&mut tracker, CUSTOMER, (end, 3), "Never", true);
    let signals = tracker.snapshot();
    assert_eq!(signals.speech_ms, end);
    assert_eq!(of(&signals, CUSTOMER).overlap_ms, 5_000);
}

#[test]
fn ten_hours_stay_small_and_are_counted_in_full() {
    let mut tracker = SignalTracker::new();
    let mut now = 0;
    let mut spoken = [0_u64; 2];
    let rounds = 12_000_u64;
    for round in 0..rounds {
        // The agent speaks, the customer comes in a second early, then both are silent for a second.
        speak(&mut tracker, AGENT, now, now + 1_500);
        speak(&mut tracker, CUSTOMER, now + 500, now + 2_000);
        say(
            &mut tracker,
            CUSTOMER,
            (now + 500, now + 2_000),
            "but I want",
            false,
        );
        spoken[0] += 1_500;
        spoken[1] += 1_500;
        now += 3_000 + round % 2;
    }
    let pending: usize = tracker.tracks.iter().map(Track::len).sum();
    assert!(pending <= PENDING && tracker.floor.overlaps.len() <= 1_000);
    assert!(
        tracker
            .floor
            .tallies
            .iter()
            .all(|tally| tally.answers.len() <= 256)
    );
    let signals = tracker.snapshot();
    check(&signals);
    let (agent, customer) = (of(&signals, AGENT), of(&signals, CUSTOMER));
    assert_eq!([agent.talk_ms, customer.talk_ms], spoken);
    assert_eq!(u64::from(customer.interruptions), rounds);
    assert_eq!(signals.overlap_ms, 1_000 * rounds);
    assert_eq!(agent.words + customer.words, 3 * rounds);
    assert!((agent.response_ms_median.unwrap() - 1_000).abs() <= 1);
    // What comes hours late is left out and breaks nothing.
    speak(&mut tracker, AGENT, 0, 100_000);
    tracker.hold(0, 100_000);
    assert_eq!(tracker.snapshot(), signals);
    // Somebody who joins late is heard from then on.
    speak(&mut tracker, "supervisor", 0, now + 5_000);
    check(&tracker.snapshot());
}

#[test]
fn settling_changes_nothing_that_is_counted() {
    // The same call in one piece, and twice with much ahead that makes its beginning settle.
    let mut dice = Dice(99);
    let mut speech = Vec::new();
    for n in 0..3_000_u64 {
        let start = n * 2_000 + dice.below(1_500);
        let who = if dice.below(2) == 0 { AGENT } else { CUSTOMER };
        speech.push((who, start, start + 200 + dice.below(3_000)));
    }
    let whole = heard(&speech);
    assert_eq!(whole.settled_to, 0);
    let mut parts = SignalTracker::new();
    for chunk in speech.chunks(500) {
        for &(who, start, end) in chunk {
            speak(&mut parts, who, start, end);
        }
        // As if the limit were reached here.
        let cutoff = chunk[300].1;
        parts.floor.walk(&parts.tracks, &parts.holds, Some(cutoff));
        parts
            .tracks
            .iter_mut()
            .for_each(|track| track.settle(cutoff, 9));
        parts.settled_to = cutoff;
    }
    assert!(parts.settled_to > 0);
    assert_eq!(parts.snapshot(), whole.snapshot());
}
