//! Twilio Media Streams: the side of the server, to which the platform connects
//! (<https://www.twilio.com/docs/voice/media-streams/websocket-messages>). Telnyx
//! (<https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming>), Exotel and
//! others copy
//! it with other spellings of the names, which are understood and used in the answers.

mod queue;
mod wire;

pub use queue::Cleared;

use super::fault::Fault;
use super::{
    Encoding, Frame, LONGEST_GAP_MS, LONGEST_MESSAGE, Received, SAMPLES_PER_MS, Started,
    StopReason, Track, TransportEvent, Warning, digit, shorten,
};
use crate::error::Result;
use queue::Queue;
use wire::{Dtmf, Mark, Media, Message, Start, Stream};

/// Timestamps shake by some milliseconds. One more frame of 20 ms is a frame that is missing.
const TOLERANCE_MS: u64 = 15;

/// How a stream is held.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MediaStreamOptions {
    /// So much audio may wait to be sent, in milliseconds.
    pub longest_queue_ms: u64,
    /// So many marks may wait to be sent or to come back.
    pub most_marks: usize,
}

impl Default for MediaStreamOptions {
    fn default() -> Self {
        Self {
            longest_queue_ms: 60_000,
            most_marks: 1_000,
        }
    }
}

impl MediaStreamOptions {
    /// Sets how much audio may wait to be sent.
    #[must_use]
    pub fn with_longest_queue_ms(mut self, ms: u64) -> Self {
        self.longest_queue_ms = ms;
        self
    }

    /// Sets how many marks may wait to be sent or to come back.
    #[must_use]
    pub fn with_most_marks(mut self, marks: usize) -> Self {
        self.most_marks = marks;
        self
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Active,
    Stopped,
}

/// How far a track has got.
#[derive(Debug, Default)]
struct Line {
    /// The audio time behind the last sample, in samples; `None` before the first.
    next: Option<u64>,
    chunk: Option<u64>,
    /// What makes the platform's clock ours, in samples: not 0 after its clock jumped.
    shift: i128,
}

/// One stream, as the server sees it.
///
/// The protocol has no answer to a message that breaks it. Such a message is an error and changes
/// nothing else: whether to go on or to close the connection is for the host to say.
#[derive(Debug)]
pub struct MediaStream {
    options: MediaStreamOptions,
    state: State,
    stream: Stream,
    encoding: Encoding,
    sequence: Option<u64>,
    external: Line,
    internal: Line,
    queue: Queue,
}

impl MediaStream {
    /// A stream on a new connection.
    pub fn new(options: MediaStreamOptions) -> Self {
        Self {
            options,
            state: State::Waiting,
            stream: Stream::default(),
            encoding: Encoding::MuLaw,
            sequence: None,
            external: Line::default(),
            internal: Line::default(),
            queue: Queue::default(),
        }
    }

    /// The audio time of the track that has got further.
    pub fn position_ms(&self) -> u64 {
        let position = self.external.next.max(self.internal.next);
        position.unwrap_or_default() / SAMPLES_PER_MS
    }

    /// The audio that waits to be sent.
    pub fn queued_ms(&self) -> u64 {
        self.queue.waiting_ms()
    }

    /// Whether the stream is over, so that the connection can be closed.
    pub fn is_stopped(&self) -> bool {
        self.state == State::Stopped
    }

    /// Takes a text message.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) where it is none of this protocol, or comes before
    /// `start` or after `stop`; [`ErrorKind::Unsupported`](crate::ErrorKind) where the stream has
    /// another
    /// audio format than mu-law or A-law.
    pub fn receive_text(&mut self, text: &str) -> Result<Received> {
        let mut received = Received::default();
        self.take(text, &mut received.events)?;
        Ok(received)
    }

    /// Takes a binary message, of which the protocol has none.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) where it is too long.
    pub fn receive_binary(&mut self, bytes: &[u8]) -> Result<Received> {
        if bytes.len() > LONGEST_MESSAGE {
            return Err(Fault::TooLong(bytes.len()).into());
        }
        let what = format!("{} bytes of a binary message", bytes.len());
        let events = vec![TransportEvent::Ignored { what }];
        Ok(Received {
            events,
            ..Received::default()
        })
    }

    /// Puts samples at [`WIRE_RATE`](super::WIRE_RATE) behind what waits to be sent. What does not
    /// fill a
    /// frame of 20 ms waits for more, or for a mark.
    ///
    /// # Errors
    /// [`ErrorKind::Overloaded`](crate::ErrorKind) where more would wait than the options allow; then
    /// nothing of it is taken. [`ErrorKind::InvalidInput`](crate::ErrorKind) before `start` or
    /// after `stop`.
    pub fn queue_audio(&mut self, samples: &[f32]) -> Result<()> {
        self.needs_active("audio")?;
        let waiting_ms = self.queue.waiting_ms();
        if waiting_ms + samples.len() as u64 / SAMPLES_PER_MS > self.options.longest_queue_ms {
            return Err(Fault::QueueFull { waiting_ms }.into());
        }
        self.queue.push(samples, self.encoding);
        Ok(())
    }

    /// Puts a mark behind the audio that was queued; it comes back as [`TransportEvent::Mark`] when that
    /// was played. A last frame that is not full is filled with silence.
    ///
    /// # Errors
    /// [`ErrorKind::Overloaded`](crate::ErrorKind) where too many are on their way,
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) before `start` or after `stop`.
    pub fn queue_mark(&mut self, name: impl Into<String>) -> Result<()> {
        self.needs_active("a mark")?;
        let name = name.into();
        if name.len() > LONGEST_MESSAGE / 2 {
            return Err(Fault::AnswerTooLong(name.len()).into());
        }
        let marks = self.queue.marks();
        if marks >= self.options.most_marks {
            return Err(Fault::TooManyMarks(marks).into());
        }
        self.queue.mark(name, self.encoding);
        Ok(())
    }

    /// The next message to send: 20 ms of audio, or a mark. `None` where nothing waits. The platform
    /// plays at its own pace, so a host may send at once; to be able to cut a reply short without the
    /// platform's help, it sends a frame every 20 ms.
    pub fn next_frame(&mut self) -> Option<Frame> {
        self.queue.next(&self.stream)
    }

    /// Cuts short what is being said: empties the queue here and, with the message that is returned, the
    /// platform's.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) before `start` or after `stop`.
    pub fn clear(&mut self) -> Result<Cleared> {
        self.needs_active("a request to clear")?;
        Ok(self.queue.clear(&self.stream))
    }

    fn needs_active(&self, what: &'static str) -> Result<(), Fault> {
        match self.state {
            State::Active => Ok(()),
            State::Waiting => Err(Fault::NotStarted(what)),
            State::Stopped => Err(Fault::Ended(what)),
        }
    }

    fn take(&mut self, text: &str, events: &mut Vec<TransportEvent>) -> Result<(), Fault> {
        if text.len() > LONGEST_MESSAGE {
            return Err(Fault::TooLong(text.len()));
        }
        if self.state == State::Stopped {
            return Err(Fault::Ended("a message"));
        }
        let message: Message = serde_json::from_str(text).map_err(|error| Fault::json(&error))?;
        let stream = message.stream();
        let ours = &self.stream.id;
        let is_other = |stream: &Stream| !stream.id.is_empty() && stream.id != *ours;
        if !ours.is_empty() && stream.as_ref().is_some_and(is_other) {
            events.push(TransportEvent::Warning(Warning::OtherStream));
            return Ok(());
        }
        match (message.event.as_str(), self.state) {
            ("connected", _) => {
                let version = message.version.as_deref().unwrap_or("1");
                if !version.starts_with('1') {
                    events.push(TransportEvent::Warning(Warning::Version));
                }
            }
            ("start", State::Active) => {
                self.count(&message, events);
                events.push(TransportEvent::Warning(Warning::StartedTwice));
            }
            ("start", _) => {
                let start = message.start.as_ref().ok_or(Fault::Empty)?;
                self.start(start, stream.unwrap_or_default(), events)?;
                self.count(&message, events);
            }
            ("error", _) => events.push(message.failure()),
            ("media" | "dtmf" | "mark" | "stop", State::Waiting) => {
                return Err(Fault::NotStarted("a message"));
            }
            ("media", _) => {
                let media = message.media.as_ref().ok_or(Fault::Empty)?;
                let bytes = media.bytes()?;
                let again = !self.count(&message, events);
                self.media(media, &bytes, again, events);
            }
            ("dtmf", _) => {
                self.count(&message, events);
                events.push(self.key(&message));
            }
            ("mark", _) => {
                let mark = message.mark.as_ref().ok_or(Fault::Empty)?;
                self.count(&message, events);
                events.push(self.mark(mark));
            }
            ("stop", _) => {
                self.count(&message, events);
                self.state = State::Stopped;
                self.queue = Queue::default();
                let reason = StopReason::Ended;
                events.push(TransportEvent::Stopped { reason });
            }
            (event, _) => {
                self.count(&message, events);
                let what = shorten(event);
                events.push(TransportEvent::Ignored { what });
            }
        }
        Ok(())
    }

    /// Looks at the number of a message. `false` where it is none after the last.
    fn count(&mut self, message: &Message, events: &mut Vec<TransportEvent>) -> bool {
        let Some(got) = message.sequence else {
            return true;
        };
        let last = self.sequence;
        self.sequence = last.max(Some(got));
        let Some(last) = last else { return true };
        let expected = last.saturating_add(1);
        if got != expected {
            let warning = Warning::SequenceJump { expected, got };
            events.push(TransportEvent::Warning(warning));
        }
        got > last
    }

    fn start(
        &mut self,
        start: &Start,
        mut stream: Stream,
        events: &mut Vec<TransportEvent>,
    ) -> Result<(), Fault> {
        self.encoding = start.encoding()?;
        if stream.id.is_empty() {
            stream.id = start
                .text(&["streamSid", "stream_sid", "stream_id"])
                .unwrap_or_default();
        }
        self.stream = stream;
        self.state = State::Active;
        events.push(TransportEvent::Started(Box::new(Started {
            stream: self.stream.id.clone(),
            call: start.text(&["callSid", "call_sid", "call_control_id"]),
            account: start.text(&["accountSid", "account_sid", "user_id"]),
            caller: start.text(&["from"]),
            callee: start.text(&["to"]),
            tracks: start.tracks(),
            encoding: Some(self.encoding),
            language: None,
            parameters: start.parameters(),
            is_probe: false,
        })));
        Ok(())
    }

    fn media(
        &mut self,
        media: &Media,
        bytes: &[u8],
        again: bool,
        events: &mut Vec<TransportEvent>,
    ) {
        let samples = self.encoding.decode(bytes, 1, 0);
        if samples.is_empty() {
            let what = "empty audio".to_owned();
            events.push(TransportEvent::Ignored { what });
            return;
        }
        let track = media.track();
        let line = match track {
            Track::External => &mut self.external,
            Track::Internal => &mut self.internal,
        };
        let again =
            again || matches!((media.chunk, line.chunk), (Some(got), Some(last)) if got <= last);
        line.chunk = line.chunk.max(media.chunk);
        let told = media.timestamp.map(|ms| ms.saturating_mul(SAMPLES_PER_MS));
        let (now, event) = line.place(track, told, again);
        let dropped = matches!(event, Some(TransportEvent::Late { .. }));
        events.extend(event);
        if dropped {
            return;
        }
        line.next = Some(now.saturating_add(samples.len() as u64));
        let timestamp_ms = now / SAMPLES_PER_MS;
        events.push(TransportEvent::Audio {
            track,
            timestamp_ms,
            samples,
        });
    }

    fn key(&self, message: &Message) -> TransportEvent {
        let dtmf = message.dtmf.as_ref();
        match dtmf.and_then(|dtmf| digit(&dtmf.digit)) {
            Some(digit) => TransportEvent::Dtmf {
                track: dtmf.and_then(Dtmf::track),
                digit,
                timestamp_ms: self.position_ms(),
            },
            None => TransportEvent::Warning(Warning::BadDigit),
        }
    }

    fn mark(&mut self, mark: &Mark) -> TransportEvent {
        match self.queue.returned(&mark.name) {
            Some(cleared) => TransportEvent::Mark {
                name: mark.name.clone(),
                cleared,
            },
            None => TransportEvent::Warning(Warning::UnknownMark),
        }
    }
}

impl Line {
    /// When a frame that was told to begin at `told` is heard, in samples, and what is to be said about
    /// that. `again`: its number is none after the last.
    fn place(
        &mut self,
        track: Track,
        told: Option<u64>,
        again: bool,
    ) -> (u64, Option<TransportEvent>) {
        let next = self.next.unwrap_or_default();
        let Some(told) = told else {
            return (next, None);
        };
        let ahead = i128::from(told) + self.shift - i128::from(next);
        let longest = i128::from(LONGEST_GAP_MS * SAMPLES_PER_MS);
        let tolerance = i128::from(TOLERANCE_MS * SAMPLES_PER_MS);
        let theirs_ms = told / SAMPLES_PER_MS;
        let ours_ms = next / SAMPLES_PER_MS;
        if again && ahead < 0 {
            let behind = u64::try_from(-ahead).unwrap_or(u64::MAX);
            let event = TransportEvent::Late {
                track,
                timestamp_ms: theirs_ms,
                behind_ms: behind / SAMPLES_PER_MS,
            };
            return (next, Some(event));
        }
        if self.next.is_some() && ahead.abs() <= tolerance {
            return (next, None);
        }
        if ahead < 0 || ahead > longest {
            // By number it is in order, so it is the clock that jumped: it counts from here on.
            self.shift -= ahead;
            let warning = if ahead < 0 {
                Warning::Position { ours_ms, theirs_ms }
            } else {
                Warning::BadTime
            };
            return (next, Some(TransportEvent::Warning(warning)));
        }
        let now = next.saturating_add(u64::try_from(ahead).unwrap_or_default());
        // Before the first frame nothing is missing: the track begins when it begins.
        let event = self.next.map(|_| TransportEvent::Gap {
            track: Some(track),
            start_ms: ours_ms,
            length_ms: now / SAMPLES_PER_MS - ours_ms,
        });
        (now, event)
    }
}

#[cfg(test)]
mod tests;
