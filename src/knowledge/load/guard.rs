//! A thread of its own for parsing what strangers wrote.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::Parsed;
use super::bytes::Unread;

/// Bytes of stack: the PDF parser goes some hundred calls deep.
const STACK: usize = 16 * 1024 * 1024;

/// Tells a parser that nobody waits for it any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn is_told(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs `work` in a thread of its own. One that panics is a refusal; one that takes longer than `timeout` is
/// told to stop and left behind, since a busy machine says nothing about the file. (The message of a panic goes where the
/// process's panic hook sends it.)
pub(super) fn run(
    timeout: Duration,
    work: impl FnOnce(&Stop) -> Result<Parsed, String> + Send + 'static,
) -> Result<Parsed, Unread> {
    let stop = Stop::default();
    let told = stop.clone();
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("attendant-load".into())
        .stack_size(STACK)
        .spawn(move || {
            // Nobody may be listening any more.
            let _ = sender.send(work(&told));
        })
        .map_err(|error| {
            Unread::Unreachable(format!("no thread can be started to read it: {error}"))
        })?;
    match receiver.recv_timeout(timeout) {
        Ok(result) => result.map_err(Unread::Refused),
        Err(RecvTimeoutError::Disconnected) => Err(Unread::Refused(
            "damaged in a way that breaks its parser; save it again".into(),
        )),
        Err(RecvTimeoutError::Timeout) => {
            stop.0.store(true, Ordering::Relaxed);
            Err(Unread::Unreachable(format!(
                "took longer than {} seconds to read; split it, or save it again",
                timeout.as_secs()
            )))
        }
    }
}
