//! Heavy computation, one piece at a time: which of the local engines gets the cores next.
//!
//! ggml's and candle's thread pools each spin on all cores while they wait; when two of them run at
//! once each falls to a fraction of its speed. So every piece of local inference (a layer of a decoding
//! step, one speech window, one batch of embeddings) takes a turn here.
//!
//! Turns are shared by weighted time (start-time fair queueing, Goyal et al. 1996): of those who wait,
//! the class goes first whose time, divided by its weight, is least. Live audio uses a small part of the
//! time and so is first whenever it comes; an engine that always has work cannot starve another.

use std::collections::VecDeque;
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};

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
        state.end(priority, since.elapsed().as_secs_f64());
        self.changed.notify_all();
        self.wait(state, priority, ticket);
    }

    fn wait(&self, mut state: MutexGuard<'_, State>, priority: Priority, ticket: u64) {
        while !state.begin(priority, ticket) {
            self.changed.wait(&mut state);
        }
    }

    fn give(&self, priority: Priority, since: Instant) {
        self.state
            .lock()
            .end(priority, since.elapsed().as_secs_f64());
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

    /// Begins the turn of whoever holds the ticket, if they are due.
    fn begin(&mut self, priority: Priority, ticket: u64) -> bool {
        let class = priority.index();
        if self.busy || self.due() != Some((class, ticket)) {
            return false;
        }
        self.waiting[class].pop_front();
        self.busy = true;
        self.floor = self.used[class];
        true
    }

    /// Ends a turn that took `seconds`.
    fn end(&mut self, priority: Priority, seconds: f64) {
        self.used[priority.index()] += seconds / priority.weight();
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

    /// Two that always want the cores again, each turn of a length in seconds; how many turns each had
    /// when one has had `turns`.
    fn compete(both: [(Priority, f64); 2], turns: usize) -> [usize; 2] {
        let mut state = State::NEW;
        let mut tickets = both.map(|(priority, _)| state.queue(priority));
        let mut had = [0, 0];
        while had.iter().all(|had| *had < turns) {
            let next = (0..2).find(|&who| state.begin(both[who].0, tickets[who]));
            let who = next.expect("nobody is due");
            assert!(
                !state.begin(both[1 - who].0, tickets[1 - who]),
                "both at once"
            );
            had[who] += 1;
            // Whoever has a turn stands in line again before it ends, as a second thread would.
            tickets[who] = state.queue(both[who].0);
            state.end(both[who].0, both[who].1);
        }
        had
    }

    #[test]
    fn engines_that_always_have_work_share_the_time_and_not_the_turns() {
        let had = compete([(Priority::Live, 0.4), (Priority::Interactive, 0.04)], 400);
        assert_eq!(had[1], 400);
        assert!((39..=41).contains(&had[0]), "{had:?}");
    }

    #[test]
    fn work_in_the_background_gives_way_but_goes_on() {
        let had = compete(
            [(Priority::Background, 0.05), (Priority::Interactive, 0.05)],
            400,
        );
        assert_eq!(had[1], 400);
        assert!((99..=101).contains(&had[0]), "{had:?}");
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
        assert!(state.busy && !state.begin(Priority::Live, waiter));
        state.end(Priority::Interactive, 2.0);
        assert!(state.begin(Priority::Live, waiter));
    }

    #[test]
    fn of_one_class_who_came_first_goes_first() {
        let mut state = State::NEW;
        let [first, second] = [0, 1].map(|_| state.queue(Priority::Interactive));
        assert!(!state.begin(Priority::Interactive, second));
        assert!(state.begin(Priority::Interactive, first));
        assert!(
            !state.begin(Priority::Interactive, second),
            "one turn at a time"
        );
        state.end(Priority::Interactive, 1.0);
        assert!(state.begin(Priority::Interactive, second));
    }

    #[test]
    fn who_was_idle_goes_first_but_has_nothing_saved_up() {
        let mut state = State::NEW;
        state.used = [0.0, 9.0, 3.0];
        state.floor = 9.0;
        let [busy, idle] = [Priority::Interactive, Priority::Live].map(|p| state.queue(p));
        assert!(!state.begin(Priority::Interactive, busy));
        assert!(state.begin(Priority::Live, idle));
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
