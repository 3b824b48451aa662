//! Damaged sessions, the same ones at every run, and what must hold whatever comes.

use super::{Received, StopReason, Track, TransportEvent};

/// A generator of pseudo-random numbers (xorshift64*): tests need no better one.
pub(super) struct Noise(u64);

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit.max(1)
    }

    pub(super) fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    pub(super) fn bytes(&mut self, longest: usize) -> Vec<u8> {
        (0..self.below(longest + 1))
            .map(|_| self.next() as u8)
            .collect()
    }

    /// A message with some of it changed: numbers, letters, pieces left out, said twice or moved.
    pub(super) fn damage(&mut self, text: &str) -> String {
        const WORDS: [&str; 14] = [
            "0",
            "-1",
            "18446744073709551615",
            "1e400",
            "null",
            "\"\"",
            "[]",
            "{}",
            "PT-1S",
            "PT9e9S",
            "PT99999999S",
            "\u{1f4de}",
            "true",
            "\"media\"",
        ];
        let mut text = text.to_owned();
        for _ in 0..=self.below(3) {
            let letters: Vec<char> = text.chars().collect();
            let from = self.below(letters.len());
            let to = (from + self.below(9)).min(letters.len());
            let (head, tail) = (&letters[..from], &letters[to..]);
            let middle: String = match self.below(5) {
                0 => String::new(),
                1 => WORDS[self.below(WORDS.len())].to_owned(),
                2 => letters[from..to].iter().chain(&letters[from..to]).collect(),
                3 => String::from_utf8_lossy(&self.bytes(8)).into_owned(),
                _ => {
                    // Another number in the place of the first that follows.
                    let is_digit = |letter: &char| letter.is_ascii_digit();
                    let digits = tail.iter().position(is_digit).unwrap_or(tail.len());
                    let rest: String = tail[digits..].iter().skip_while(|l| is_digit(l)).collect();
                    let number = WORDS[self.below(3)];
                    let kept: String = letters[from..to].iter().chain(&tail[..digits]).collect();
                    text = format!("{}{kept}{number}{rest}", head.iter().collect::<String>());
                    continue;
                }
            };
            let head: String = head.iter().collect();
            let tail: String = tail.iter().collect();
            text = format!("{head}{middle}{tail}");
        }
        text
    }
}

/// Follows a session and panics where something that must hold does not.
#[derive(Default)]
pub(super) struct Watch {
    heard_ms: [u64; 2],
    started: bool,
    pub(super) stopped: bool,
    pub(super) audio: usize,
    pub(super) gaps: usize,
    pub(super) warnings: usize,
}

impl Watch {
    /// `bytes`: the length of the message that brought this.
    pub(super) fn see(&mut self, received: &Received, bytes: usize) {
        assert!(received.replies.len() <= 2, "a flood of answers");
        assert!(received.events.len() <= 8, "a flood of events");
        for event in &received.events {
            match event {
                TransportEvent::Started(started) => {
                    assert!(!self.started, "began twice");
                    assert!(started.tracks.len() <= 2);
                    self.started = true;
                }
                TransportEvent::Audio {
                    track,
                    timestamp_ms,
                    samples,
                } => {
                    assert!(self.started && !self.stopped, "audio outside of the stream");
                    assert!(!samples.is_empty() && samples.len() <= bytes);
                    assert!(samples.iter().all(|s| (-1.0..=1.0).contains(s)));
                    let heard = &mut self.heard_ms[usize::from(*track == Track::Internal)];
                    assert!(*timestamp_ms >= *heard, "time went back to {timestamp_ms}");
                    *heard = timestamp_ms + samples.len() as u64 / 8;
                    self.audio += 1;
                }
                TransportEvent::Gap {
                    track,
                    start_ms,
                    length_ms,
                } => {
                    assert!(*length_ms <= super::LONGEST_GAP_MS + 1);
                    for (index, heard) in self.heard_ms.iter_mut().enumerate() {
                        if track.is_none_or(|t| usize::from(t == Track::Internal) == index) {
                            assert!(*start_ms >= *heard, "a gap before what was heard");
                            *heard = start_ms + length_ms;
                        }
                    }
                    self.gaps += 1;
                }
                TransportEvent::Stopped { reason } => {
                    assert!(!self.stopped, "ended twice");
                    self.stopped = true;
                    if let StopReason::Fault(text) | StopReason::Other(text) = reason {
                        assert!(text.len() <= 512, "{text}");
                    }
                }
                TransportEvent::Warning(_) => self.warnings += 1,
                TransportEvent::Ignored { what } => assert!(what.chars().count() <= 64),
                _ => {}
            }
        }
    }
}
