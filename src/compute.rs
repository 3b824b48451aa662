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

use parking_lot::{Condvar, Mutex};

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
    state: Mutex::new(State {
        busy: false,
        waiting: [VecDeque::new(), VecDeque::new(), VecDeque::new()],
        next_ticket: 0,
        used: [0.0; Priority::COUNT],
        floor: 0.0,
    }),
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
        SCHEDULER.give(self.priority, self.since);
        SCHEDULER.take(self.priority);
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
        let class = priority.index();
        let mut state = self.state.lock();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        if state.waiting[class].is_empty() {
            // Time that a class did not want is not saved up for later.
            state.used[class] = state.used[class].max(state.floor);
        }
        state.waiting[class].push_back(ticket);
        while state.busy || state.due() != Some((class, ticket)) {
            self.changed.wait(&mut state);
        }
        state.waiting[class].pop_front();
        state.busy = true;
        state.floor = state.used[class];
    }

    fn give(&self, priority: Priority, since: Instant) {
        let mut state = self.state.lock();
        state.used[priority.index()] += since.elapsed().as_secs_f64() / priority.weight();
        state.busy = false;
        drop(state);
        self.changed.notify_all();
    }
}

impl State {
    /// Who goes next: the class that used least, the more urgent of two that used the same.
    fn due(&self) -> Option<(usize, u64)> {
        let classes = (0..Priority::COUNT).rev();
        let waiting = classes.filter_map(|class| Some((class, *self.waiting[class].front()?)));
        waiting.min_by(|a, b| self.used[a.0].total_cmp(&self.used[b.0]))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn scheduler() -> Scheduler {
        Scheduler {
            state: Mutex::new(State {
                busy: false,
                waiting: Default::default(),
                next_ticket: 0,
                used: [0.0; Priority::COUNT],
                floor: 0.0,
            }),
            changed: Condvar::new(),
        }
    }

    /// Turns of `length` are taken by both classes until one has had `turns`; how many each had.
    fn compete(a: (Priority, Duration), b: (Priority, Duration), turns: usize) -> [usize; 2] {
        let scheduler = scheduler();
        let had = Mutex::new([0, 0]);
        std::thread::scope(|scope| {
            for (who, (priority, length)) in [a, b].into_iter().enumerate() {
                let (scheduler, had) = (&scheduler, &had);
                scope.spawn(move || {
                    loop {
                        scheduler.take(priority);
                        let since = Instant::now() - length;
                        let over = {
                            let mut had = had.lock();
                            had[who] += 1;
                            had[who] >= turns || had[1 - who] >= turns
                        };
                        // Long enough for the other to stand in line.
                        std::thread::sleep(Duration::from_millis(3));
                        scheduler.give(priority, since);
                        if over {
                            return;
                        }
                    }
                });
            }
        });
        had.into_inner()
    }

    #[test]
    fn engines_that_always_have_work_share_the_time_and_not_the_turns() {
        let long = (Priority::Live, Duration::from_millis(400));
        let short = (Priority::Interactive, Duration::from_millis(40));
        let [speech, language] = compete(long, short, 40);
        assert!((3..=6).contains(&speech), "{speech} of {language}");
    }

    #[test]
    fn work_in_the_background_gives_way_but_goes_on() {
        let background = (Priority::Background, Duration::from_millis(50));
        let waited_for = (Priority::Interactive, Duration::from_millis(50));
        let [behind, ahead] = compete(background, waited_for, 40);
        assert!((7..=13).contains(&behind), "{behind} of {ahead}");
    }

    #[test]
    fn who_was_idle_goes_first_but_has_nothing_saved_up() {
        let mut state = scheduler().state.into_inner();
        state.used = [0.0, 9.0, 3.0];
        state.floor = 9.0;
        let scheduler = Scheduler {
            state: Mutex::new(state),
            changed: Condvar::new(),
        };
        scheduler.take(Priority::Live);
        assert!((scheduler.state.lock().used[2] - 9.0).abs() < 1e-9);
    }

    #[test]
    fn a_turn_ends_with_its_guard() {
        drop(turn(Priority::Background));
        let mut turn = turn(Priority::Live);
        turn.pass();
    }
}
