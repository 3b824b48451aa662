//! Live transcription with a detector that hears loudness and an engine that says what was written down.

use std::collections::VecDeque;

use async_trait::async_trait;
use futures::StreamExt;
use parking_lot::Mutex;

use super::*;
use crate::speech::{SAMPLE_RATE, ScriptedSpeech, VoiceDetector};

const RATE: u32 = SAMPLE_RATE;
const FRAME_MS: u64 = 20;

#[derive(Debug)]
struct Loud;

impl VoiceDetector for Loud {
    fn score(&mut self, frame: &[f32]) -> f32 {
        let power: f32 = frame.iter().map(|s| s * s).sum();
        if power > 0.1 { 0.9 } else { 0.0 }
    }
}

/// An engine that takes its time, and remembers how much audio it was given.
#[derive(Debug)]
struct Slow {
    lines: Mutex<VecDeque<Result<&'static str>>>,
    last: Mutex<&'static str>,
    takes: Duration,
    given_ms: Mutex<Vec<u64>>,
}

impl Slow {
    fn new(takes_ms: u64, lines: impl IntoIterator<Item = &'static str>) -> Arc<Self> {
        Arc::new(Self {
            lines: Mutex::new(lines.into_iter().map(Ok).collect()),
            last: Mutex::new("something was said."),
            takes: Duration::from_millis(takes_ms),
            given_ms: Mutex::default(),
        })
    }
}

#[async_trait]
impl SpeechToText for Slow {
    fn id(&self) -> &str {
        "slow"
    }

    async fn transcribe(&self, track: AudioTrack, _: TranscribeOptions) -> Result<Vec<Segment>> {
        tokio::time::sleep(self.takes).await;
        self.given_ms.lock().push(track.duration_ms());
        let line = self.lines.lock().pop_front();
        let text = match line {
            Some(line) => line?,
            None => *self.last.lock(),
        };
        if text.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![ScriptedSpeech::segment(
            140,
            track.duration_ms(),
            text,
        )])
    }
}

fn options() -> LiveOptions {
    LiveOptions::default().with_detector(Arc::new(|| Box::new(Loud)))
}

/// A rough voice: not a tone, and loud.
fn voice(ms: u64) -> Vec<f32> {
    let mut state = 9_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..ms * u64::from(RATE) / 1000)
        .map(|_| noise() * 0.5)
        .collect()
}

fn silence(ms: u64) -> Vec<f32> {
    vec![0.0; (ms * u64::from(RATE) / 1000) as usize]
}

/// Feeds tracks side by side at the pace of the clock (a test's own), then ends; what was told, and when.
async fn feed(
    engine: Arc<dyn SpeechToText>,
    options: LiveOptions,
    tracks: Vec<Vec<f32>>,
) -> Vec<(u64, LiveEvent)> {
    let (live, mut events) = LiveTranscriber::start(engine, tracks.len(), options).unwrap();
    let start = Instant::now();
    let feeding = async move {
        let size = (u64::from(RATE) * FRAME_MS / 1000) as usize;
        let frames = tracks
            .iter()
            .map(|track| track.len().div_ceil(size))
            .max()
            .unwrap();
        for number in 0..frames {
            tokio::time::sleep_until(start + Duration::from_millis(FRAME_MS) * number as u32).await;
            for (index, track) in tracks.iter().enumerate() {
                let Some(samples) = track.chunks(size).nth(number) else {
                    continue;
                };
                let frame = AudioFrame::new(samples.to_vec(), RATE);
                live.push(index, frame.at_ms(number as u64 * FRAME_MS))
                    .await
                    .unwrap();
            }
        }
    };
    let reading = async {
        let mut seen = Vec::new();
        while let Some(event) = events.next().await {
            seen.push((start.elapsed().as_millis() as u64, event));
        }
        seen
    };
    tokio::join!(feeding, reading).1
}

fn finals(events: &[(u64, LiveEvent)]) -> Vec<(u64, String)> {
    let of = |(at, event): &(u64, LiveEvent)| match event {
        LiveEvent::Final { segment, .. } => Some((*at, segment.text.clone())),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

/// Stable words that were taken back by later ones or by the final.
fn revisions(events: &[(u64, LiveEvent)]) -> usize {
    let mut stable = String::new();
    let mut count = 0;
    for (_, event) in events {
        match event {
            LiveEvent::Interim { stable: now, .. } => {
                count += usize::from(!now.starts_with(&stable));
                stable.clone_from(now);
            }
            LiveEvent::Final { segment, .. } => {
                count += usize::from(!segment.text.starts_with(&stable));
                stable.clear();
            }
            _ => {}
        }
    }
    count
}

#[tokio::test(start_paused = true)]
async fn interim_words_that_are_looked_for_do_not_hold_up_the_final() {
    let engine = Slow::new(1_500, []);
    let said = [silence(400), voice(1_200), silence(4_000)].concat();
    let seen = feed(engine.clone(), options(), vec![said]).await;
    let finals: Vec<u64> = seen
        .iter()
        .filter(|(_, event)| matches!(event, LiveEvent::Final { .. }))
        .map(|(at, _)| *at)
        .collect();
    // Speech ends at 1,600; it is looked at from 1,800 on, which takes 1,500. The interim words that were
    // begun before would have been there at 2,500 at the earliest.
    assert_eq!(finals.len(), 1, "{seen:?}");
    assert!(finals[0] < 3_500, "{seen:?}");
    assert_eq!(engine.given_ms.lock().len(), 1, "the interim was given up");
}

#[tokio::test(start_paused = true)]
async fn words_come_while_somebody_speaks_and_the_final_soon_after() {
    let engine = Slow::new(
        150,
        [
            "I was",
            "I was charged two",
            "I was charged twice this",
            "I was charged twice this month.",
        ],
    );
    *engine.last.lock() = "I was charged twice this month.";
    let audio = [silence(500), voice(2_400), silence(2_000)].concat();
    let events = feed(engine, options(), vec![audio]).await;
    let LiveEvent::SpeechStarted {
        start_ms,
        noticed_ms,
        ..
    } = events[0].1
    else {
        panic!("{:?}", events[0])
    };
    assert!(start_ms.abs_diff(500) < 40, "{start_ms}");
    assert!(
        noticed_ms - 500 <= 200,
        "barge-in is told after {} ms",
        noticed_ms - 500
    );
    let interims = events
        .iter()
        .filter(|(_, e)| matches!(e, LiveEvent::Interim { .. }))
        .count();
    assert!(interims >= 2, "{events:?}");
    let finals = finals(&events);
    assert_eq!(finals.len(), 1);
    assert!(
        finals[0].1.starts_with("I was charged twice this"),
        "{finals:?}"
    );
    let prosody = events.iter().find_map(|(_, event)| match event {
        LiveEvent::Final { prosody, .. } => Some(prosody),
        _ => None,
    });
    let how_loud = prosody.and_then(|prosody| prosody.level()).unwrap();
    // Noise of half the range, spread evenly: its mean square is (1/4)² / 3.
    assert!((how_loud + 16.8).abs() < 1.0, "{how_loud} dB");
    let late = finals[0].0 - 2_900;
    assert!(late <= 800, "the final came {late} ms after the last word");
    assert_eq!(revisions(&events), 0);
}

#[tokio::test(start_paused = true)]
async fn a_sentence_that_goes_on_is_waited_for() {
    for (words, parts) in [
        ("I would like to pay my bill.", 2),
        ("I would like to pay and", 1),
    ] {
        let engine = Slow::new(100, []);
        *engine.last.lock() = words;
        let audio = [
            silence(200),
            voice(500),
            silence(900),
            voice(500),
            silence(2_500),
        ]
        .concat();
        let events = feed(engine, options(), vec![audio]).await;
        assert_eq!(finals(&events).len(), parts, "{words}: {events:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_only_listens_takes_no_turn() {
    let engine = Slow::new(60, []);
    *engine.last.lock() = "Mhm.";
    let customer = [silence(200), voice(4_000), silence(1_500)].concat();
    let agent = [silence(1_500), voice(300), silence(4_000)].concat();
    let events = feed(engine, options(), vec![customer, agent]).await;
    let marked: Vec<(usize, bool)> = events
        .iter()
        .filter_map(|(_, event)| match event {
            LiveEvent::Final {
                track,
                back_channel,
                ..
            } => Some((*track, *back_channel)),
            _ => None,
        })
        .collect();
    assert_eq!(marked, [(1, true), (0, false)]);
}

#[tokio::test(start_paused = true)]
async fn a_noise_without_words_is_told_as_no_speech() {
    let engine = Slow::new(50, []);
    *engine.last.lock() = "";
    let audio = [silence(200), voice(400), silence(1_500)].concat();
    let events = feed(engine, options(), vec![audio]).await;
    let kinds: Vec<&LiveEvent> = events.iter().map(|(_, event)| event).collect();
    assert!(
        matches!(
            kinds[..],
            [LiveEvent::SpeechStarted { .. }, LiveEvent::NoSpeech { .. }]
        ),
        "{kinds:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn words_made_of_noise_do_not_outlive_the_hearing_of_all_of_it() {
    let engine = Slow::new(50, ["Thank you for watching us."; 3]);
    *engine.last.lock() = "";
    let audio = [silence(200), voice(2_100), silence(2_000)].concat();
    let events = feed(engine, options(), vec![audio]).await;
    assert!(finals(&events).is_empty(), "{events:?}");
    assert!(
        events
            .iter()
            .any(|(_, e)| matches!(e, LiveEvent::NoSpeech { .. }))
    );
}

#[tokio::test(start_paused = true)]
async fn keys_are_no_voice_even_to_a_detector_that_takes_them_for_one() {
    let tone = (0..RATE / 2).map(|n| {
        let phase = n as f32 / RATE as f32 * std::f32::consts::TAU;
        0.3 * (phase * 770.0).sin() + 0.3 * (phase * 1336.0).sin()
    });
    let audio = [silence(300), tone.collect(), silence(1_500)].concat();
    let engine = Slow::new(50, []);
    *engine.last.lock() = "";
    let events = feed(engine, options(), vec![audio]).await;
    assert_eq!(events, []);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_too_slow_says_so_and_loses_nothing() {
    let engine = Slow::new(3_000, []);
    let audio: Vec<f32> = (0..8)
        .flat_map(|_| [voice(700), silence(1_000)].concat())
        .collect();
    let events = feed(engine.clone(), options(), vec![audio.clone(), audio]).await;
    assert_eq!(finals(&events).len(), 16);
    assert!(
        events
            .iter()
            .any(|(_, e)| matches!(e, LiveEvent::Lagging { .. }))
    );
    assert!(matches!(
        events.last(),
        Some((_, LiveEvent::CaughtUp | LiveEvent::Final { .. }))
    ));
    let lag = events
        .iter()
        .position(|(_, e)| matches!(e, LiveEvent::Lagging { .. }))
        .unwrap();
    let after = events[lag..]
        .iter()
        .filter(|(_, e)| matches!(e, LiveEvent::Interim { .. }))
        .count();
    assert!(after <= 1, "interim words are made while finals wait");
}

#[tokio::test(start_paused = true)]
async fn a_speech_without_end_comes_in_parts_and_every_second_is_heard_once() {
    let engine = Slow::new(200, []);
    let events = feed(engine.clone(), options(), vec![voice(61_000)]).await;
    let spans: Vec<(u64, u64)> = events
        .iter()
        .filter_map(|(_, event)| match event {
            LiveEvent::Final { segment, .. } => Some((segment.start_ms, segment.end_ms)),
            _ => None,
        })
        .collect();
    assert!(spans.len() >= 3, "{spans:?}");
    assert!(
        spans.windows(2).all(|two| two[0].1 == two[1].0),
        "{spans:?}"
    );
    assert!(
        spans.iter().all(|(start, end)| end - start <= 20_100),
        "{spans:?}"
    );
    assert!(engine.given_ms.lock().iter().all(|ms| *ms <= 20_500));
    assert_eq!(revisions(&events), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_stops_in_a_word_ends_there() {
    let engine = Slow::new(50, []);
    let (live, mut events) = LiveTranscriber::start(engine, 1, options()).unwrap();
    live.push(0, AudioFrame::new(voice(900), RATE))
        .await
        .unwrap();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        let is_final = matches!(event, LiveEvent::Final { .. });
        seen.push(event);
        if is_final {
            break;
        }
    }
    assert!(
        seen.iter().any(|e| matches!(e, LiveEvent::Stalled { .. })),
        "{seen:?}"
    );
    // It goes on where the stream does.
    live.push(0, AudioFrame::new(voice(900), RATE))
        .await
        .unwrap();
    drop(live);
    let rest: Vec<LiveEvent> = events.collect().await;
    assert!(
        rest.iter().any(|e| matches!(e, LiveEvent::Final { .. })),
        "{rest:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_told_and_times_stay_true() {
    let engine = Slow::new(50, []);
    let (live, mut events) = LiveTranscriber::start(engine, 1, options()).unwrap();
    let mut clock = 0;
    for samples in voice(600).chunks(320) {
        live.push(0, AudioFrame::new(samples.to_vec(), RATE).at_ms(clock))
            .await
            .unwrap();
        clock += 20;
    }
    let far = 3_600_000;
    for (number, samples) in voice(600).chunks(320).enumerate() {
        let frame = AudioFrame::new(samples.to_vec(), RATE);
        live.push(0, frame.at_ms(far + number as u64 * 20))
            .await
            .unwrap();
    }
    drop(live);
    let mut starts = Vec::new();
    let mut gaps = 0;
    while let Some(event) = events.next().await {
        match event {
            LiveEvent::Final { segment, .. } => starts.push(segment.start_ms),
            LiveEvent::Gap {
                start_ms, end_ms, ..
            } => {
                gaps += 1;
                assert_eq!((start_ms, end_ms), (600, far));
            }
            _ => {}
        }
    }
    assert_eq!((starts.len(), gaps), (2, 1), "{starts:?}");
    assert!(starts[0] < 40 && starts[1].abs_diff(far) < 40, "{starts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_final_that_fails_is_told_with_its_time() {
    let engine = Slow::new(50, []);
    let failure = || Err(Error::new(ErrorKind::Model, "the model failed"));
    *engine.lines.lock() = (0..8).map(|_| failure()).collect();
    let audio = [silence(300), voice(800), silence(2_500)].concat();
    let events = feed(engine, options(), vec![audio]).await;
    let failed = events.iter().find_map(|(_, event)| match event {
        LiveEvent::Failed {
            start_ms,
            end_ms,
            message,
            ..
        } => Some((*start_ms, *end_ms, message)),
        _ => None,
    });
    let (start, end, message) = failed.unwrap();
    assert!(
        start.abs_diff(300) < 40 && end.abs_diff(1_100) < 60,
        "{start} {end}"
    );
    assert!(message.contains("the model failed"));
}

#[tokio::test]
async fn what_cannot_be_used_is_refused() {
    let engine: Arc<dyn SpeechToText> = Arc::new(ScriptedSpeech::default());
    for tracks in [0, 17] {
        let error = LiveTranscriber::start(engine.clone(), tracks, options()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    let (live, events) = LiveTranscriber::start(engine, 1, options()).unwrap();
    let refused = live
        .push(1, AudioFrame::new(vec![0.0; 160], 8_000))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    let refused = live
        .push(0, AudioFrame::new(vec![0.0; 160], 0))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Audio);
    live.push(0, AudioFrame::new(vec![0.0; 160], 8_000))
        .await
        .unwrap();
    drop(events);
    tokio::task::yield_now().await;
    let mut outcome = Ok(());
    for _ in 0..1_000 {
        outcome = live.push(0, AudioFrame::new(vec![0.0; 160], 8_000)).await;
        if outcome.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Cancelled);
}
