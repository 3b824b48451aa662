//! The limits of a hub, and what it tells of itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The limits of a [`SessionHub`](super::SessionHub). What is beyond them is refused with
/// [`ErrorKind::Overloaded`](crate::ErrorKind) and a time to wait, before it costs anything, so that what already
/// runs stays quick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubOptions {
    /// A conversation that nothing happened in for so long leaves memory; the next input or reader of its state brings
    /// it back from the store.
    pub idle_after: Duration,
    /// Conversations in memory at once. Beyond, the one that was quiet for longest leaves; where none can, the new one
    /// is refused.
    pub most_live: usize,
    /// Inputs accepted and not yet dealt with on the fast path, over all conversations.
    pub most_busy: usize,
    /// Bytes of transcripts, events and waiting audio over all conversations.
    pub most_bytes: usize,
    /// Bytes of the transcript of one conversation; words beyond it are refused for good.
    pub session_bytes: usize,
    /// Bytes of live audio of one conversation that wait to be heard.
    pub audio_bytes: usize,
    /// Events of one conversation that a reader who was away can still get.
    pub ring_events: usize,
    /// Bytes of them, about.
    pub ring_bytes: usize,
    /// What a refused caller is told to wait, at least.
    pub retry_after: Duration,
}

impl Default for HubOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            idle_after: Duration::from_secs(15 * 60),
            most_live: 20_000,
            // Some tens of milliseconds of work each: beyond, whoever waits would wait for longer than a second.
            most_busy: 32 * cores,
            most_bytes: 2 << 30,
            session_bytes: 1 << 20,
            audio_bytes: 1 << 20,
            ring_events: 256,
            ring_bytes: 64 << 10,
            retry_after: Duration::from_secs(1),
        }
    }
}

/// What a hub is doing, in numbers since it was made or, for `live` to `bytes`, as they are now.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(default)]
pub struct HubStats {
    /// Conversations in memory.
    pub live: usize,
    /// Inputs accepted and not yet dealt with on the fast path.
    pub busy: usize,
    /// Readers of events.
    pub readers: usize,
    /// Bytes of transcripts, events and waiting audio, about.
    pub bytes: usize,
    /// Conversations begun.
    pub opened: u64,
    /// Conversations brought back from the store.
    pub resumed: u64,
    /// Conversations that left memory because they were quiet.
    pub evicted: u64,
    /// Inputs accepted.
    pub accepted: u64,
    /// Calls refused because there was too much to do.
    pub refused: u64,
    /// Readers who were told the whole state since events they had not read were gone.
    pub resyncs: u64,
}
