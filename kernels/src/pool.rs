//! A pool of threads for pieces of work of some microseconds.

use std::cell::UnsafeCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, Thread};

/// Looks of a waiting worker before it sleeps: enough for the gaps within a step of a model, too few to
/// take the core from another thread for long.
const LOOKS: u32 = 4_000;
/// Looks after which whoever waits lets others run first.
const PATIENCE: u32 = 2_000;

type Work = dyn Fn(usize) + Sync;

struct Shared {
    /// Counts pieces of work that were handed out; a change wakes the workers.
    round: AtomicUsize,
    /// Workers that are not done with the round.
    busy: AtomicUsize,
    /// The round's work; written before `round` grows, read after.
    work: UnsafeCell<Option<*const Work>>,
    next: AtomicUsize,
    chunks: AtomicUsize,
    stop: AtomicBool,
    panic: Mutex<Option<Box<dyn std::any::Any + Send>>>,
}

// SAFETY: `work` is only written while no worker is busy, and only read by workers of the round.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

/// Threads that share pieces of work with the thread that calls.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<(Thread, Option<JoinHandle<()>>)>,
    calling: Mutex<()>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("threads", &self.threads())
            .finish()
    }
}

impl Pool {
    /// A pool of `threads` threads, the caller's included. Where the system gives fewer, it has fewer.
    pub fn new(threads: usize) -> Self {
        let shared = Arc::new(Shared {
            round: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            work: UnsafeCell::new(None),
            next: AtomicUsize::new(0),
            chunks: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            panic: Mutex::new(None),
        });
        let mut workers = Vec::new();
        for index in 1..threads.max(1) {
            let shared = Arc::clone(&shared);
            let spawned = std::thread::Builder::new()
                .name(format!("attendant-cpu-{index}"))
                .spawn(move || shared.serve());
            if let Ok(handle) = spawned {
                workers.push((handle.thread().clone(), Some(handle)));
            }
        }
        Self {
            shared,
            workers,
            calling: Mutex::new(()),
        }
    }

    /// Threads that work, the caller's included.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs `work` for every chunk below `chunks`, each once, on all threads; returns when all are done.
    /// Whoever is faster does more. A second caller waits for the first.
    ///
    /// # Panics
    /// If `work` does.
    pub fn run(&self, chunks: usize, work: &(dyn Fn(usize) + Sync)) {
        if chunks == 0 {
            return;
        }
        if self.workers.is_empty() || chunks == 1 {
            (0..chunks).for_each(work);
            return;
        }
        let _turn = self.calling.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = &*self.shared;
        // SAFETY: no worker is busy here, and `run` does not return before all are done, so the
        // reference outlives every use; only its lifetime is hidden.
        unsafe {
            let work: *const (dyn Fn(usize) + Sync) = work;
            *shared.work.get() = Some(std::mem::transmute::<
                *const (dyn Fn(usize) + Sync),
                *const Work,
            >(work));
        }
        shared.next.store(0, Ordering::Relaxed);
        shared.chunks.store(chunks, Ordering::Relaxed);
        shared.busy.store(self.workers.len(), Ordering::Relaxed);
        shared.round.fetch_add(1, Ordering::Release);
        for (thread, _) in &self.workers {
            thread.unpark();
        }
        let own = catch_unwind(AssertUnwindSafe(|| shared.take_chunks(work)));
        let mut looks = 0;
        while shared.busy.load(Ordering::Acquire) > 0 {
            wait(&mut looks);
        }
        let theirs = shared
            .panic
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(payload) = own.err().or(theirs) {
            resume_unwind(payload);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        for (thread, handle) in &mut self.workers {
            thread.unpark();
            if let Some(handle) = handle.take() {
                // A worker hands its panics to the caller and cannot have panicked itself.
                let _ = handle.join();
            }
        }
    }
}

impl Shared {
    fn serve(&self) {
        let mut seen = 0;
        loop {
            let mut looks = 0;
            let round = loop {
                let round = self.round.load(Ordering::Acquire);
                if round != seen {
                    break round;
                }
                if self.stop.load(Ordering::Acquire) {
                    return;
                }
                looks += 1;
                if looks < LOOKS {
                    std::hint::spin_loop();
                } else {
                    // A wake-up that came before is remembered.
                    std::thread::park();
                    looks = 0;
                }
            };
            seen = round;
            // SAFETY: written before the round began, not changed before this worker is done.
            let work = unsafe { *self.work.get() };
            if let Some(work) = work {
                // SAFETY: the caller of `run` keeps it alive until `busy` is zero.
                let work = unsafe { &*work };
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.take_chunks(work))) {
                    *self.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(payload);
                }
            }
            self.busy.fetch_sub(1, Ordering::Release);
        }
    }

    fn take_chunks(&self, work: &(dyn Fn(usize) + Sync)) {
        let chunks = self.chunks.load(Ordering::Relaxed);
        loop {
            let chunk = self.next.fetch_add(1, Ordering::Relaxed);
            if chunk >= chunks {
                return;
            }
            work(chunk);
        }
    }
}

fn wait(looks: &mut u32) {
    *looks += 1;
    if *looks < PATIENCE {
        std::hint::spin_loop();
    } else {
        std::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chunk_runs_once_whatever_the_number_of_threads() {
        for threads in [0, 1, 2, 5] {
            let pool = Pool::new(threads);
            for chunks in [0, 1, 2, 97] {
                let counts: Vec<AtomicUsize> = (0..chunks).map(|_| AtomicUsize::new(0)).collect();
                pool.run(chunks, &|chunk| {
                    counts[chunk].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn a_sleeping_pool_wakes_and_callers_take_turns() {
        let pool = Pool::new(3);
        let sum = AtomicUsize::new(0);
        for _ in 0..20 {
            std::thread::sleep(std::time::Duration::from_millis(2));
            pool.run(4, &|chunk| {
                sum.fetch_add(chunk, Ordering::Relaxed);
            });
        }
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        pool.run(3, &|_| {
                            sum.fetch_add(1, Ordering::Relaxed);
                        });
                    }
                });
            }
        });
        assert_eq!(sum.load(Ordering::Relaxed), 20 * 6 + 4 * 200 * 3);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
        let pool = Pool::new(2);
        let result = catch_unwind(AssertUnwindSafe(|| {
            pool.run(8, &|chunk| assert!(chunk != 5, "five"));
        }));
        assert!(result.is_err());
        let sum = AtomicUsize::new(0);
        pool.run(8, &|chunk| {
            sum.fetch_add(chunk, Ordering::Relaxed);
        });
        assert_eq!(sum.load(Ordering::Relaxed), 28);
    }
}
