use super::*;
use crate::conversation::{Channel, NewUtterance, Role, UtteranceId, Word};
use crate::speech::{SignalTracker, Spoken};

fn utterance(who: &str, start_ms: u64, end_ms: u64, text: &str) -> Utterance {
    Utterance {
        annotations: Vec::new(),
        back_channel: false,
        id: UtteranceId(1),
        participant: who.into(),
        role: Role::Unknown,
        channel: Channel::Voice,
        text: text.into(),
        start_ms,
        end_ms,
        language: None,
        confidence: None,
        words: Vec::new(),
    }
}

fn draw(said: &[(Utterance, bool)], until_ms: u64, width: usize) -> String {
    let mut tracker = SignalTracker::new();
    for (utterance, back_channel) in said {
        tracker.utterance(Spoken::from(utterance).with_back_channel(*back_channel));
    }
    tracker.advance(until_ms);
    let utterances: Vec<Utterance> = said.iter().map(|(u, _)| u.clone()).collect();
    timeline(&tracker.snapshot(), &utterances, width)
}

#[test]
fn a_call_is_drawn_line_by_line() {
    let said = [
        (
            utterance("agent", 0, 4_000, "Hello, how may I help you today?"),
            false,
        ),
        (
            utterance(
                "customer",
                4_600,
                14_000,
                "My parcel did not come and nobody tells me why",
            ),
            false,
        ),
        (utterance("agent", 9_000, 9_600, "Mm-hm."), true),
        (
            utterance(
                "agent",
                12_500,
                19_000,
                "Let me stop you there, I look it up",
            ),
            false,
        ),
        (
            utterance("customer", 21_500, 23_000, "Well, all right"),
            false,
        ),
        (
            utterance("agent", 27_000, 31_000, "I put you on hold for a moment"),
            false,
        ),
        (
            utterance("agent", 61_000, 66_000, "Thanks for waiting, it is here"),
            false,
        ),
        (
            utterance("customer", 65_800, 68_000, "Oh, very good, thanks"),
            false,
        ),
    ];
    insta::assert_snapshot!(draw(&said, 70_000, 60), @r"
    0:00      +         +         +         +         +         +
    agent     ████     ░   !█████        ████
    customer       ████████▒        █
                                 ... ----    =============================
    1:00      +
    agent      ████▒
    customer       ▒██
              =       ..
    █ speaks  ▒ both speak  ! interrupts  ░ back-channel  . pause  - silence  = hold

              talk  words/min  interrupts  interrupted  back-channels  answers after
    agent      61%         92           1            0              1          4.0 s
    customer   39%         78           0            1              0          0.6 s
    1:10.0 in all: speech 0:30.9, at once 0:02.3, pauses 0:04.5, silence 0:04.0, hold 0:30.0
    ");
}

#[test]
fn words_leave_their_pauses_open_and_names_are_cut() {
    let mut said = utterance("somebody with\na very long name", 0, 20_000, "Well … yes");
    let word = |start_ms, end_ms| Word {
        text: "word".into(),
        start_ms,
        end_ms,
        confidence: 1.0,
    };
    said.words = vec![word(0, 5_000), word(12_000, 20_000)];
    insta::assert_snapshot!(draw(&[(said, false)], 0, 30), @r"
    0:00              +    +
    somebody with?a…  ███   ████
                         ---
    █ speaks  ▒ both speak  ! interrupts  ░ back-channel  . pause  - silence  = hold

                      talk  words/min  interrupts  interrupted  back-channels  answers after
    somebody with?a…  100%          -           0            0              0              -
    0:20.0 in all: speech 0:13.0, at once 0:00.0, pauses 0:00.0, silence 0:07.0, hold 0:00.0
    ");
}

#[test]
fn nothing_said_and_endless_calls_are_drawn_too() {
    insta::assert_snapshot!(draw(&[], 0, 60), @r"
    █ speaks  ▒ both speak  ! interrupts  ░ back-channel  . pause  - silence  = hold

           talk  words/min  interrupts  interrupted  back-channels  answers after
    0:00.0 in all: speech 0:00.0, at once 0:00.0, pauses 0:00.0, silence 0:00.0, hold 0:00.0
    ");
    let said = NewUtterance::new("agent", "Hello").with_span(u64::MAX - 10, u64::MAX);
    let mut tracker = SignalTracker::new();
    tracker.utterance(Spoken::from(&said));
    let text = timeline(
        &tracker.snapshot(),
        &[utterance("other", 5, u64::MAX, "")],
        0,
    );
    assert!(text.len() < 1_000_000 && text.contains('…'));
    assert!(text.lines().all(|line| line == line.trim_end()));
}
