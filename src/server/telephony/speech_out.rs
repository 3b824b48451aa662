//! The virtual agent's words as sound, where the host brings a voice.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::Instant;

use crate::conversation::UtteranceId;
use crate::error::{Error, Result};
use crate::speech::transport::WIRE_RATE;

/// A voice. The crate has none of its own: a host brings its text-to-speech engine by this, and what the virtual agent
/// says is then heard on the telephone line it was asked on. Without one the words are told as events only
/// ([`SessionEvent::Reply`](crate::session::SessionEvent), `/v1/conversations/{id}/events`), and the host makes them
/// heard by its platform's own means.
pub trait SpeechOut: Send + Sync + std::fmt::Debug {
    /// Says one sentence: mono samples at [`WIRE_RATE`], `-1.0..=1.0`, in pieces as they are made, faster than they
    /// are played where possible. `language` is a BCP 47 tag. Dropping the stream ends the work: the customer has
    /// begun to speak.
    fn speak(&self, sentence: &str, language: &str) -> BoxStream<'static, Result<Vec<f32>>>;
}

/// What comes out of the mouth.
#[derive(Debug)]
pub(super) enum Piece {
    /// Sound.
    Samples(Vec<f32>),
    /// A sentence is over.
    SentenceEnd(Place),
    /// A sentence could not be said; the next one is tried.
    Failed(Error),
}

/// A place in what the virtual agent says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) utterance: UtteranceId,
    /// Behind so many bytes of its text.
    pub(super) byte: usize,
}

impl Place {
    /// The name of a mark at this place.
    pub(super) fn name(self) -> String {
        format!("{}:{}", self.utterance, self.byte)
    }

    /// The place of a mark that came back.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let (utterance, byte) = name.split_once(':')?;
        Some(Self {
            utterance: UtteranceId(utterance.parse().ok()?),
            byte: byte.parse().ok()?,
        })
    }
}

/// Says replies one after the other, and knows what of them was heard.
pub(super) struct Mouth {
    voice: Option<Arc<dyn SpeechOut>>,
    language: String,
    /// What is not heard to its end yet, in order.
    replies: VecDeque<Reply>,
    /// The sentence that is being made.
    sound: Option<BoxStream<'static, Result<Vec<f32>>>>,
    /// Sentences that were handed over and perhaps not heard yet, with the time of sound up to their ends.
    sent: VecDeque<(Place, u64)>,
    sent_ms: u64,
    /// The time of sound up to the end of the last sentence that was heard.
    heard_ms: u64,
    /// When the first of it began to be heard.
    since: Option<Instant>,
    /// The customer may be speaking: nothing is said.
    is_held: bool,
}

/// A reply that is being said.
#[derive(Clone, Debug, PartialEq)]
struct Reply {
    utterance: UtteranceId,
    text: String,
    ends: Vec<usize>,
    /// Where the sentence that is to be made next begins.
    next: usize,
    /// Up to here it was heard.
    heard: usize,
}

impl std::fmt::Debug for Mouth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mouth")
            .field("replies", &self.replies.len())
            .field("sent", &self.sent)
            .finish_non_exhaustive()
    }
}

impl Mouth {
    pub(super) fn new(voice: Option<Arc<dyn SpeechOut>>, language: String) -> Self {
        Self {
            voice,
            language,
            replies: VecDeque::new(),
            sound: None,
            sent: VecDeque::new(),
            sent_ms: 0,
            heard_ms: 0,
            since: None,
            is_held: false,
        }
    }

    /// Says this behind what is being said. `ends`: where each sentence of the text ends.
    pub(super) fn say(&mut self, utterance: UtteranceId, text: &str, ends: &[usize]) {
        let mut ends: Vec<usize> = ends.iter().copied().filter(|end| *end > 0).collect();
        ends.retain(|end| text.is_char_boundary(*end));
        if self.voice.is_some() && !ends.is_empty() {
            self.replies.push_back(Reply {
                utterance,
                text: text.to_owned(),
                ends,
                next: 0,
                heard: 0,
            });
        }
    }

    /// The next piece; waits for ever where nothing is to be said. Nothing is lost where it is not waited for.
    pub(super) async fn next(&mut self) -> Piece {
        let next = self.replies.iter_mut().find_map(|reply| {
            let end = reply.end_behind(reply.next)?;
            Some((reply, end))
        });
        let (false, Some((reply, end)), Some(voice)) = (self.is_held, next, &self.voice) else {
            return std::future::pending().await;
        };
        let sentence = reply.text.get(reply.next..end).unwrap_or_default();
        let sound = self
            .sound
            .get_or_insert_with(|| voice.speak(sentence.trim(), &self.language));
        let place = Place {
            utterance: reply.utterance,
            byte: end,
        };
        let piece = match sound.next().await {
            Some(Ok(samples)) => {
                self.since.get_or_insert_with(Instant::now);
                self.sent_ms += samples.len() as u64 * 1000 / u64::from(WIRE_RATE);
                return Piece::Samples(samples);
            }
            Some(Err(error)) => Piece::Failed(error),
            None => Piece::SentenceEnd(place),
        };
        self.sound = None;
        reply.next = end;
        self.sent.push_back((place, self.sent_ms));
        piece
    }

    /// The platform played everything up to here.
    pub(super) fn played(&mut self, place: Place) {
        if let Some(at) = self.sent.iter().position(|(sent, _)| *sent == place) {
            self.hear(at + 1);
        }
    }

    /// The platform played everything.
    pub(super) fn played_all(&mut self) {
        self.hear(self.sent.len());
    }

    /// Where the platform does not tell what it played: it did when the time has passed.
    pub(super) fn let_time_pass(&mut self) {
        let Some(since) = self.since else { return };
        let passed = since.elapsed();
        let over = |(_, end_ms): &&(Place, u64)| Duration::from_millis(*end_ms) <= passed;
        self.hear(self.sent.iter().take_while(over).count());
    }

    /// Whether something is to be heard yet.
    pub(super) fn is_speaking(&self) -> bool {
        !self.replies.is_empty()
    }

    /// The customer's voice set in: nothing more is said for now. Whether anything was being said.
    pub(super) fn hold(&mut self) -> bool {
        if self.is_held || self.replies.is_empty() {
            return false;
        }
        let heard = self.about();
        if let (Some(heard), Some(reply)) = (heard, self.replies.front_mut()) {
            reply.heard = reply.heard.max(heard);
        }
        self.is_held = true;
        self.sound = None;
        self.sent.clear();
        self.rest();
        true
    }

    /// It was no voice: what was cut off goes on with the sentence it was cut off in.
    pub(super) fn go_on(&mut self) {
        self.is_held = false;
        for reply in &mut self.replies {
            let begins = reply.ends.iter().copied().filter(|end| *end <= reply.heard);
            reply.next = begins.max().unwrap_or_default();
        }
    }

    /// It was a voice: what was cut off is not said any more. What of it was heard.
    pub(super) fn give_up(&mut self) -> Vec<Place> {
        if !std::mem::take(&mut self.is_held) {
            return Vec::new();
        }
        let left = self.replies.drain(..);
        left.map(|reply| Place {
            utterance: reply.utterance,
            byte: reply.heard,
        })
        .collect()
    }

    /// So many sentences were heard.
    fn hear(&mut self, sentences: usize) {
        for (place, end_ms) in self.sent.drain(..sentences) {
            self.heard_ms = end_ms;
            let mut replies = self.replies.iter_mut();
            if let Some(reply) = replies.find(|reply| reply.utterance == place.utterance) {
                reply.heard = reply.heard.max(place.byte);
            }
        }
        self.replies
            .retain(|reply| reply.end_behind(reply.heard).is_some());
        if self.sent.is_empty() && self.sound.is_none() {
            self.rest();
        }
    }

    /// Nothing is on its way.
    fn rest(&mut self) {
        self.since = None;
        self.sent_ms = 0;
        self.heard_ms = 0;
    }

    /// How much of the first reply was heard by now, by the time that passed, to the last whole word.
    fn about(&self) -> Option<usize> {
        let (place, end_ms) = self.sent.front()?;
        let reply = self.replies.front()?;
        if place.utterance != reply.utterance {
            return None;
        }
        let passed = self.since?.elapsed().as_millis();
        let passed = u64::try_from(passed).ok()?.checked_sub(self.heard_ms)?;
        let length_ms = end_ms.saturating_sub(self.heard_ms).max(1);
        let sentence = reply.text.get(reply.heard..place.byte)?;
        let bytes = sentence.len() as u64 * passed.min(length_ms) / length_ms;
        let mut bytes = usize::try_from(bytes).ok()?.min(sentence.len());
        while !sentence.is_char_boundary(bytes) {
            bytes -= 1;
        }
        let whole = match sentence.get(..bytes)? {
            all if all.len() == sentence.len() => all.len(),
            part => part.rfind(char::is_whitespace).unwrap_or_default(),
        };
        Some(reply.heard + whole)
    }
}

impl Reply {
    /// Where the sentence behind a byte ends; `None` behind the last.
    fn end_behind(&self, byte: usize) -> Option<usize> {
        self.ends.iter().copied().find(|end| *end > byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 ms a sentence, in two pieces.
    #[derive(Debug)]
    struct Beeps;

    impl SpeechOut for Beeps {
        fn speak(&self, sentence: &str, _: &str) -> BoxStream<'static, Result<Vec<f32>>> {
            if sentence == "Fail." {
                let error = Error::new(crate::ErrorKind::Unavailable, "no voice");
                return futures::stream::iter([Err(error)]).boxed();
            }
            futures::stream::iter([Ok(vec![0.1; 400]), Ok(vec![0.2; 400])]).boxed()
        }
    }

    fn mouth() -> Mouth {
        Mouth::new(Some(Arc::new(Beeps)), "en".into())
    }

    async fn sentence(mouth: &mut Mouth) -> Place {
        loop {
            match mouth.next().await {
                Piece::Samples(samples) => assert_eq!(samples.len(), 400),
                Piece::SentenceEnd(place) => return place,
                Piece::Failed(error) => panic!("{error}"),
            }
        }
    }

    fn place(utterance: u32, byte: usize) -> Place {
        Place {
            utterance: UtteranceId(utterance),
            byte,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_heard_is_known_by_marks() {
        let mut mouth = mouth();
        mouth.say(UtteranceId(1), "One two. Three four.", &[8, 20]);
        mouth.say(UtteranceId(2), "Five.", &[5]);
        assert_eq!(sentence(&mut mouth).await, place(1, 8));
        assert_eq!(sentence(&mut mouth).await, place(1, 20));
        mouth.played(place(1, 8));
        assert!(mouth.hold());
        assert!(!mouth.hold());
        let next = tokio::time::timeout(Duration::from_secs(5), mouth.next());
        assert!(next.await.is_err(), "nothing is said while it is held");
        // A cough: the sentence is said again.
        mouth.go_on();
        assert_eq!(sentence(&mut mouth).await, place(1, 20));
        assert!(mouth.hold());
        assert_eq!(mouth.give_up(), [place(1, 8), place(2, 0)]);
        assert!(!mouth.is_speaking());
        assert!(!mouth.hold());
        assert!(mouth.give_up().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn or_by_the_time_that_passed_to_a_whole_word() {
        let mut mouth = mouth();
        mouth.say(UtteranceId(1), "One two. Three four.", &[8, 20]);
        sentence(&mut mouth).await;
        sentence(&mut mouth).await;
        tokio::time::advance(Duration::from_millis(170)).await;
        mouth.let_time_pass();
        assert!(mouth.is_speaking());
        assert!(mouth.hold());
        assert_eq!(mouth.give_up(), [place(1, 14)]);
        mouth.say(UtteranceId(2), "Five.", &[5]);
        sentence(&mut mouth).await;
        tokio::time::advance(Duration::from_millis(110)).await;
        mouth.let_time_pass();
        assert!(!mouth.is_speaking());
    }

    #[tokio::test(start_paused = true)]
    async fn a_sentence_that_fails_is_passed_over() {
        let mut mouth = mouth();
        mouth.say(UtteranceId(1), "Fail. Good.", &[5, 11]);
        assert!(matches!(mouth.next().await, Piece::Failed(_)));
        assert_eq!(sentence(&mut mouth).await, place(1, 11));
        mouth.played_all();
        assert!(!mouth.is_speaking());
        let mut silent = Mouth::new(None, "en".into());
        silent.say(UtteranceId(1), "One.", &[4]);
        assert!(!silent.is_speaking());
    }
}
