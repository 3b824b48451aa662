//! Audio and marks on their way to the platform.

use std::collections::VecDeque;

use super::super::{Encoding, Frame, WIRE_RATE};
use super::wire::Stream;

const FRAME_MS: u64 = 20;

/// Samples, and with G.711 bytes, of a frame.
const FRAME: usize = WIRE_RATE as usize / 1000 * FRAME_MS as usize;

/// What [`MediaStream::clear`](super::MediaStream::clear) threw away.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "the message has to be sent"]
pub struct Cleared {
    /// The message to send.
    pub frame: Frame,
    /// Audio that was never sent, in milliseconds.
    pub unsent_ms: u64,
    /// Marks that were never sent and will not come back.
    pub unsent_marks: Vec<String>,
    /// Marks that the platform has; they come back at once, marked as cleared.
    pub returning_marks: Vec<String>,
}

#[derive(Debug)]
enum Item {
    /// Exactly [`FRAME`] bytes.
    Audio(Vec<u8>),
    Mark(String),
}

#[derive(Debug)]
struct Sent {
    name: String,
    cleared: bool,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    items: VecDeque<Item>,
    /// Less than a frame.
    tail: Vec<u8>,
    audio: usize,
    sent: VecDeque<Sent>,
}

impl Queue {
    pub(super) fn waiting_ms(&self) -> u64 {
        let samples = self.audio * FRAME + self.tail.len();
        samples as u64 * 1000 / u64::from(WIRE_RATE)
    }

    /// Marks that wait to be sent or to come back.
    pub(super) fn marks(&self) -> usize {
        self.items.len() - self.audio + self.sent.len()
    }

    pub(super) fn push(&mut self, samples: &[f32], encoding: Encoding) {
        self.tail.extend(encoding.encode(samples));
        let whole = self.tail.len() / FRAME * FRAME;
        let rest = self.tail.split_off(whole);
        let frames = std::mem::replace(&mut self.tail, rest);
        for frame in frames.chunks_exact(FRAME) {
            self.audio += 1;
            self.items.push_back(Item::Audio(frame.to_vec()));
        }
    }

    pub(super) fn mark(&mut self, name: String, encoding: Encoding) {
        if !self.tail.is_empty() {
            let silence = vec![0.0; FRAME - self.tail.len()];
            self.push(&silence, encoding);
        }
        self.items.push_back(Item::Mark(name));
    }

    pub(super) fn next(&mut self, stream: &Stream) -> Option<Frame> {
        match self.items.pop_front()? {
            Item::Audio(bytes) => {
                self.audio -= 1;
                Some(stream.media(&bytes))
            }
            Item::Mark(name) => {
                let frame = stream.mark(&name);
                let cleared = false;
                self.sent.push_back(Sent { name, cleared });
                Some(frame)
            }
        }
    }

    /// Takes a mark that came back. Whether it was cleared; `None` where it is not on its way.
    pub(super) fn returned(&mut self, name: &str) -> Option<bool> {
        let at = self.sent.iter().position(|sent| sent.name == name)?;
        self.sent.remove(at).map(|sent| sent.cleared)
    }

    pub(super) fn clear(&mut self, stream: &Stream) -> Cleared {
        let unsent_ms = self.waiting_ms();
        self.audio = 0;
        self.tail.clear();
        let unsent_marks = std::mem::take(&mut self.items)
            .into_iter()
            .filter_map(|item| match item {
                Item::Mark(name) => Some(name),
                Item::Audio(_) => None,
            })
            .collect();
        let mut returning_marks = Vec::new();
        for sent in &mut self.sent {
            if !std::mem::replace(&mut sent.cleared, true) {
                returning_marks.push(sent.name.clone());
            }
        }
        Cleared {
            frame: stream.frame("clear", None),
            unsent_ms,
            unsent_marks,
            returning_marks,
        }
    }
}
