//! Where the events of a session go, and the weights of what it holds.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::event::SessionEvent;
use super::hub::NumberedEvent;
use crate::conversation::Utterance;

/// Where the events of a session go.
#[derive(Clone, Debug)]
pub(super) enum Outlet {
    /// To one reader, who is waited for.
    Reader(mpsc::Sender<SessionEvent>),
    /// To any number of readers, none of whom is waited for.
    Ring(Arc<Ring>),
}

impl Outlet {
    pub(super) async fn send(&self, event: SessionEvent) {
        match self {
            // A host that dropped its stream wants no events; the session goes on and is stored.
            Self::Reader(reader) => drop(reader.send(event).await),
            Self::Ring(ring) => ring.push(event),
        }
    }

    /// The number of the last event, where they have numbers.
    pub(super) fn last(&self) -> u64 {
        match self {
            Self::Reader(_) => 0,
            Self::Ring(ring) => ring.last(),
        }
    }

    /// Something happened that no event tells: whoever can ask how things stand is told to.
    pub(super) fn skip(&self) {
        if let Self::Ring(ring) = self {
            ring.skip();
        }
    }

    /// Whether whoever reads can also ask how things stand.
    pub(super) fn has_view(&self) -> bool {
        matches!(self, Self::Ring(_))
    }
}

/// The last events of a conversation.
#[derive(Debug)]
pub(super) struct Ring {
    kept: Mutex<Kept>,
    changed: Notify,
    most_events: usize,
    most_bytes: usize,
    /// Bytes over all conversations.
    total: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Kept {
    events: VecDeque<(Arc<NumberedEvent>, usize)>,
    bytes: usize,
    /// Number of the last event.
    last: u64,
    /// Whoever has read no further than to a number below this one has missed something.
    complete_behind: u64,
    /// The number of what was skipped last.
    gap: u64,
    is_closed: bool,
    touched: Instant,
}

/// What a reader finds.
#[derive(Debug)]
pub(super) enum Found {
    Event(Arc<NumberedEvent>),
    /// Events in between are gone.
    Gap,
    /// Nothing yet.
    Nothing,
    /// Nothing any more.
    Closed,
}

impl Ring {
    /// An empty ring whose first event gets the number behind `from`.
    pub(super) fn new(
        from: u64,
        most_events: usize,
        most_bytes: usize,
        total: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            kept: Mutex::new(Kept {
                events: VecDeque::new(),
                bytes: 0,
                last: from,
                complete_behind: from,
                gap: from,
                is_closed: false,
                touched: Instant::now(),
            }),
            changed: Notify::new(),
            most_events,
            most_bytes,
            total,
        }
    }

    pub(super) fn push(&self, event: SessionEvent) {
        let bytes = event_bytes(&event);
        {
            let mut kept = self.kept.lock();
            kept.drop_overtaken(&event, &self.total);
            kept.last += 1;
            kept.touched = Instant::now();
            let is_over = matches!(event, SessionEvent::Ended);
            let id = kept.last;
            kept.events
                .push_back((Arc::new(NumberedEvent { id, event }), bytes));
            kept.bytes += bytes;
            self.total.fetch_add(bytes, Ordering::Relaxed);
            kept.is_closed |= is_over;
            kept.cut(self.most_events, self.most_bytes, &self.total);
        }
        self.changed.notify_waiters();
    }

    /// Something happened that no event tells: for all readers there is a gap.
    pub(super) fn skip(&self) {
        {
            let mut kept = self.kept.lock();
            kept.last += 1;
            kept.gap = kept.last;
            kept.touched = Instant::now();
        }
        self.changed.notify_waiters();
    }

    /// The first event with a number above `after`.
    pub(super) fn behind(&self, after: u64) -> Found {
        let kept = self.kept.lock();
        // Numbers of a later ring of the same conversation are greater; nothing comes any more for whoever read those.
        if kept.is_closed && after >= kept.last {
            return Found::Closed;
        }
        if after < kept.complete_behind || after > kept.last {
            return Found::Gap;
        }
        let at = kept.events.partition_point(|(event, _)| event.id <= after);
        let next = kept.events.get(at);
        if after < kept.gap && next.is_none_or(|(event, _)| event.id > kept.gap) {
            return Found::Gap;
        }
        match next {
            Some((event, _)) => Found::Event(Arc::clone(event)),
            None if kept.is_closed => Found::Closed,
            None => Found::Nothing,
        }
    }

    /// Resolves with the next event; make it before looking at what is there.
    pub(super) fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    pub(super) fn last(&self) -> u64 {
        self.kept.lock().last
    }

    /// When something happened last.
    pub(super) fn touched(&self) -> Instant {
        self.kept.lock().touched
    }

    /// Keeps only so many bytes of what there is: for conversations that are quiet.
    pub(super) fn shrink(&self, bytes: usize) {
        let mut kept = self.kept.lock();
        kept.cut(self.most_events, bytes, &self.total);
        kept.events.shrink_to_fit();
    }

    /// Whether no more events come.
    pub(super) fn is_closed(&self) -> bool {
        self.kept.lock().is_closed
    }

    /// No more events come.
    pub(super) fn close(&self) {
        self.kept.lock().is_closed = true;
        self.changed.notify_waiters();
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.total
            .fetch_sub(self.kept.get_mut().bytes, Ordering::Relaxed);
    }
}

impl Kept {
    /// Words that are still being spoken stand for those that were told of them before.
    fn drop_overtaken(&mut self, event: &SessionEvent, total: &AtomicUsize) {
        let speaker = match event {
            SessionEvent::UtteranceInterim { participant, .. } => participant,
            SessionEvent::UtteranceFinal(said) => &said.participant,
            _ => return,
        };
        let overtaken = self.events.iter().rposition(|(event, _)| {
            matches!(&event.event, SessionEvent::UtteranceInterim { participant, .. } if participant == speaker)
        });
        if let Some((_, bytes)) = overtaken.and_then(|at| self.events.remove(at)) {
            self.bytes -= bytes;
            total.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// The oldest leave until the rest fits; the last one stays.
    fn cut(&mut self, most_events: usize, most_bytes: usize, total: &AtomicUsize) {
        while self.events.len() > 1 && (self.events.len() > most_events || self.bytes > most_bytes)
        {
            let Some((event, bytes)) = self.events.pop_front() else {
                return;
            };
            self.complete_behind = event.id;
            self.bytes -= bytes;
            total.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

/// How much memory an event takes, about: its own size and what it would be written out.
fn event_bytes(event: &SessionEvent) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut written = Count(0);
    // One that cannot be written out takes some memory all the same.
    let _ = serde_json::to_writer(&mut written, event);
    size_of::<NumberedEvent>() + written.0
}

/// How much memory an utterance takes, about.
pub(super) fn utterance_bytes(said: &Utterance) -> usize {
    let words: usize = said.words.iter().map(|word| word.text.len()).sum();
    size_of::<Utterance>()
        + said.text.len()
        + words
        + said.words.len() * size_of::<crate::conversation::Word>()
        + said.annotations.len() * 2 * size_of::<crate::conversation::Annotation>()
}

/// Something that is counted for as long as it is held.
#[derive(Debug)]
pub(super) struct Held {
    total: Arc<AtomicUsize>,
    count: usize,
}

impl Held {
    pub(super) fn new(total: &Arc<AtomicUsize>, count: usize) -> Self {
        total.fetch_add(count, Ordering::Relaxed);
        Self {
            total: Arc::clone(total),
            count,
        }
    }

    /// Counts, unless that would be more than `most`.
    pub(super) fn within(total: &Arc<AtomicUsize>, count: usize, most: usize) -> Option<Self> {
        let held = Self::new(total, count);
        (total.load(Ordering::Relaxed) <= most).then_some(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.total.fetch_sub(self.count, Ordering::Relaxed);
    }
}

/// How much memory the transcript of a session takes, and may take.
#[derive(Debug)]
pub(super) struct Meter {
    transcript: Held,
    most: usize,
}

impl Meter {
    pub(super) fn new(total: &Arc<AtomicUsize>, most: usize) -> Self {
        Self {
            transcript: Held::new(total, 0),
            most,
        }
    }

    pub(super) fn set(&mut self, bytes: usize) {
        self.transcript = Held::new(&self.transcript.total, bytes);
    }

    pub(super) fn transcript(&self) -> usize {
        self.transcript.count
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }
}

impl Default for Meter {
    /// No limit, and nobody else's business.
    fn default() -> Self {
        Self::new(&Arc::default(), usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_event_tells_is_a_gap_for_all_who_read() {
        let ring = Ring::new(5, 4, 1 << 20, Arc::default());
        ring.push(SessionEvent::SpeechLagging { behind_ms: 1 });
        ring.skip();
        // What they have not read yet is not lost.
        assert!(matches!(ring.behind(5), Found::Event(event) if event.id == 6));
        assert!(matches!(ring.behind(6), Found::Gap));
        assert!(matches!(ring.behind(7), Found::Nothing));
        ring.push(SessionEvent::SpeechLagging { behind_ms: 2 });
        assert!(matches!(ring.behind(6), Found::Gap));
        assert!(matches!(ring.behind(7), Found::Event(event) if event.id == 8));
    }

    #[test]
    fn nothing_comes_after_the_end_whatever_number_was_read_last() {
        let ring = Ring::new(5, 4, 1024, Arc::default());
        assert!(matches!(ring.behind(5), Found::Nothing));
        assert!(matches!(ring.behind(9), Found::Gap));
        ring.close();
        assert!(matches!(ring.behind(3), Found::Gap));
        assert!(matches!(ring.behind(5), Found::Closed));
        assert!(matches!(ring.behind(9), Found::Closed));
    }
}
