//! Heavy computation, one piece at a time: which of the local engines gets the cores next.
//!
//! ggml's and candle's thread pools each spin on all cores while they wait; when two of them run at
//! once each falls to a fraction of its speed. So every piece of local inference (a layer of a decoding
//! step, one speech window, one batch of embeddings) takes a turn here.
//!
//! Turns are shared by weighted time (start-time fair queueing, Goyal et al. 1996): of those who wait,
//! the class goes first whose time, divided by its weight, is least. Live audio uses a small part of the
//! time and so is first whenever it comes; an engine that always has work cannot starve another. An engine that
//! takes many short turns is waited for a moment between them (anticipatory scheduling, Iyer and Druschel 2001):
//! without that, whoever takes long ones would have one after each of the short.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

/// A class that had a turn so shortly before may be choosing its next word: it keeps its place.
const ANTICIPATED: Duration = Duration::from_millis(4);

/// How urgent a piece of work is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Priority {
    /// Nobody waits: indexing, notes made while the conversation goes on.
    Background,
    /// Somebody waits for the answer.
    #[default]
    Interactive,
    /// Audio of a live call, which cannot be made to wait.
    Live,
}

impl Priority {
    const COUNT: usize = 3;

    fn index(self) -> usize {
        match self {
            Self::Background => 0,
            Self::Interactive => 1,
            Self::Live => 2,
        }
    }

    /// Share of the time where several want all of it.
    fn weight(self) -> f64 {
        match self {
            Self::Background => 1.0,
            Self::Interactive | Self::Live => 4.0,
        }
    }
}

#[derive(Debug)]
struct State {
    busy: bool,
    /// Tickets of those who wait, by class, the oldest first.
    waiting: [VecDeque<u64>; Priority::COUNT],
    next_ticket: u64,
    /// Time used by each class, divided by its weight.
    used: [f64; Priority::COUNT],
    /// `used` of the class that had the last turn, before it: nobody who comes later starts below.
    floor: f64,
    /// When each class had its last turn.
    ended: [Option<Instant>; Priority::COUNT],
}

struct Scheduler {
    state: Mutex<State>,
    changed: Condvar,
}

static SCHEDULER: Scheduler = Scheduler {
    state: Mutex::new(State::NEW),
    changed: Condvar::new(),
};

/// The cores, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    priority: Priority,
    since: Instant,
}

/// Waits for the cores. Hold the turn for one piece of work, not for a whole request, and never across
/// an `await`. Whoever holds one must not ask for another.
pub(crate) fn turn(priority: Priority) -> Turn {
    SCHEDULER.take(priority);
    Turn {
        priority,
        since: Instant::now(),
    }
}

impl Turn {
    /// Lets whoever is due go first; costs next to nothing while nobody waits. For work that is longer
    /// than a live call can wait.
    pub(crate) fn pass(&mut self) {
        if !SCHEDULER.wanted() {
            return;
        }
        SCHEDULER.pass(self.priority, self.since);
        self.since = Instant::now();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        SCHEDULER.give(self.priority, self.since);
    }
}

impl Scheduler {
    fn wanted(&self) -> bool {
        self.state.lock().waiting.iter().any(|w| !w.is_empty())
    }

    fn take(&self, priority: Priority) {
        let mut state = self.state.lock();
        let ticket = state.queue(priority);
        self.wait(state, priority, ticket);
    }

    /// Stands in line before the turn ends: whoever gave first and queued then would hand the cores to anybody
    /// who waits, however much time they had.
    fn pass(&self, priority: Priority, since: Instant) {
        let mut state = self.state.lock();
        let ticket = state.queue(priority);
        state.end(priority, since.elapsed(), Instant::now());
        self.changed.notify_all();
        self.wait(state, priority, ticket);
    }

    fn wait(&self, mut state: MutexGuard<'_, State>, priority: Priority, ticket: u64) {
        while !state.begin(priority, ticket, Instant::now()) {
            match state.busy {
                true => self.changed.wait(&mut state),
                // Nobody may tell that the one who is waited for does not come.
                false => drop(self.changed.wait_for(&mut state, ANTICIPATED)),
            }
        }
    }

    fn give(&self, priority: Priority, since: Instant) {
        let now = Instant::now();
        self.state.lock().end(priority, now - since, now);
        self.changed.notify_all();
    }
}

/// The rules, without clocks and threads.
impl State {
    const NEW: Self = Self {
        busy: false,
        waiting: [VecDeque::new(), VecDeque::new(), VecDeque::new()],
        next_ticket: 0,
        used: [0.0; Priority::COUNT],
        floor: 0.0,
        ended: [None; Priority::COUNT],
    };

    /// Puts somebody in line; returns their ticket.
    fn queue(&mut self, priority: Priority) -> u64 {
        let class = priority.index();
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        if self.waiting[class].is_empty() {
            // Time that a class did not want is not saved up for later.
            self.used[class] = self.used[class].max(self.floor);
        }
        self.waiting[class].push_back(ticket);
        ticket
    }

    /// Begins the turn of whoever holds the ticket, if they are due and nobody is waited for.
    fn begin(&mut self, priority: Priority, ticket: u64, now: Instant) -> bool {
        let class = priority.index();
        if self.busy || self.due() != Some((class, ticket)) {
            return false;
        }
        let is_expected = |other: usize| {
            let ended = self.ended[other].filter(|_| self.used[other] < self.used[class]);
            ended.is_some_and(|ended| now.saturating_duration_since(ended) < ANTICIPATED)
        };
        if (0..Priority::COUNT).any(is_expected) {
            return false;
        }
        self.waiting[class].pop_front();
        self.busy = true;
        self.floor = self.used[class];
        true
    }

    /// Ends a turn.
    fn end(&mut self, priority: Priority, took: Duration, now: Instant) {
        let class = priority.index();
        self.used[class] += took.as_secs_f64() / priority.weight();
        self.ended[class] = Some(now);
        self.busy = false;
    }

    /// Who goes next: the class that used least, the more urgent of two that used the same.
    fn due(&self) -> Option<(usize, u64)> {
        let classes = (0..Priority::COUNT).rev();
        let waiting = classes.filter_map(|class| Some((class, *self.waiting[class].front()?)));
        waiting.min_by(|a, b| self.used[a.0].total_cmp(&self.used[b.0]))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Two that always want the cores again, each turn of a length and with a gap before the next; how many turns
    /// each had when one has had `turns`. The clock is the test's own.
    fn compete(both: [(Priority, Duration, Duration); 2], turns: usize) -> [usize; 2] {
        let mut state = State::NEW;
        let mut now = Instant::now();
        let mut tickets = both.map(|(priority, ..)| Some(state.queue(priority)));
        let mut back = [now; 2];
        let mut had = [0, 0];
        while had.iter().all(|had| *had < turns) {
            for who in 0..2 {
                if tickets[who].is_none() && back[who] <= now {
                    tickets[who] = Some(state.queue(both[who].0));
                }
            }
            let begins = |state: &mut State, who: usize| {
                tickets[who].is_some_and(|ticket| state.begin(both[who].0, ticket, now))
            };
            let Some(who) = (0..2).find(|who| begins(&mut state, *who)) else {
                now += ms(1);
                continue;
            };
            assert!(!begins(&mut state, 1 - who), "both at once");
            had[who] += 1;
            let (priority, takes, gap) = both[who];
            // The other comes back while this turn lasts.
            if tickets[1 - who].is_none() && back[1 - who] <= now + takes {
                tickets[1 - who] = Some(state.queue(both[1 - who].0));
            }
            now += takes;
            state.end(priority, takes, now);
            tickets[who] = None;
            back[who] = now + gap;
        }
        had
    }

    #[test]
    fn engines_that_always_have_work_share_the_time_and_not_the_turns() {
        for gap in [0, 2] {
            let long = (Priority::Live, ms(600), ms(gap));
            let short = (Priority::Interactive, ms(60), ms(gap));
            let [speech, language] = compete([long, short], 400);
            assert_eq!(language, 400);
            assert!(
                (37..=43).contains(&speech),
                "{speech} of {language} with gaps of {gap} ms"
            );
        }
    }

    #[test]
    fn work_in_the_background_gives_way_but_goes_on() {
        let behind = (Priority::Background, ms(50), ms(1));
        let [behind, ahead] = compete([behind, (Priority::Interactive, ms(50), ms(1))], 400);
        assert_eq!(ahead, 400);
        assert!((97..=103).contains(&behind), "{behind} of {ahead}");
    }

    #[test]
    fn who_does_not_come_back_is_not_waited_for_long() {
        let mut state = State::NEW;
        let now = Instant::now();
        let first = state.queue(Priority::Interactive);
        assert!(state.begin(Priority::Interactive, first, now));
        let live = state.queue(Priority::Live);
        state.used[Priority::Live.index()] = 1.0;
        state.end(Priority::Interactive, ms(10), now);
        assert!(!state.begin(Priority::Live, live, now + ms(1)));
        assert!(state.begin(Priority::Live, live, now + ANTICIPATED));
    }

    #[test]
    fn who_passes_keeps_the_cores_while_nobody_is_due_before_them() {
        let scheduler = Scheduler {
            state: Mutex::new(State::NEW),
            changed: Condvar::new(),
        };
        let waiter = scheduler.state.lock().queue(Priority::Live);
        // Live had a second already, so the language model is due until it has had as much.
        scheduler.state.lock().used[Priority::Live.index()] = 0.25;
        scheduler.take(Priority::Interactive);
        let since = Instant::now();
        scheduler.pass(Priority::Interactive, since);
        let mut state = scheduler.state.lock();
        let now = Instant::now();
        assert!(state.busy && !state.begin(Priority::Live, waiter, now));
        state.end(Priority::Interactive, ms(2_000), now);
        assert!(state.begin(Priority::Live, waiter, now));
    }

    #[test]
    fn of_one_class_who_came_first_goes_first() {
        let mut state = State::NEW;
        let now = Instant::now();
        let [first, second] = [0, 1].map(|_| state.queue(Priority::Interactive));
        assert!(!state.begin(Priority::Interactive, second, now));
        assert!(state.begin(Priority::Interactive, first, now));
        assert!(
            !state.begin(Priority::Interactive, second, now),
            "one turn at a time"
        );
        state.end(Priority::Interactive, ms(1_000), now);
        assert!(state.begin(Priority::Interactive, second, now));
    }

    #[test]
    fn who_was_idle_goes_first_but_has_nothing_saved_up() {
        let mut state = State::NEW;
        state.used = [0.0, 9.0, 3.0];
        state.floor = 9.0;
        let [busy, idle] = [Priority::Interactive, Priority::Live].map(|p| state.queue(p));
        let now = Instant::now();
        assert!(!state.begin(Priority::Interactive, busy, now));
        assert!(state.begin(Priority::Live, idle, now));
        assert!((state.used[Priority::Live.index()] - 9.0).abs() < 1e-9);
    }

    #[test]
    fn never_two_at_once_and_nobody_is_forgotten() {
        let inside = AtomicUsize::new(0);
        let had = Arc::new(AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for priority in [Priority::Background, Priority::Interactive, Priority::Live] {
                let (inside, had) = (&inside, Arc::clone(&had));
                scope.spawn(move || {
                    for _ in 0..200 {
                        let mut turn = turn(priority);
                        for _ in 0..2 {
                            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                            assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                            turn.pass();
                        }
                        had.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(had.load(Ordering::Relaxed), 600);
    }
}
