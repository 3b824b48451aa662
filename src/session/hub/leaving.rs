//! Who leaves memory, and when.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::super::outlet::Held;
use super::super::runtime::{Leave, Message};
use super::registry::{Hub, Place, Running, Slot};
use crate::error::Result;

/// Whoever was quiet for less does not leave for another: those would only change places all the time.
const QUIET: Duration = Duration::from_secs(10);
/// Of the events of a conversation that is quiet this part is kept.
const QUIET_PART: usize = 32;
/// How many are asked to leave for another one.
const ASKED: usize = 8;
/// What still has to be done on shutting down gets so long.
const PATIENCE: Duration = Duration::from_secs(30);
/// Conversations that are put away at the same time on shutting down.
const AT_ONCE: usize = 64;

impl Hub {
    /// Puts away all there is.
    pub(super) async fn shut_down(&self) {
        self.is_closing.store(true, Ordering::Release);
        if let Some(sweeper) = self.sweeper.lock().take() {
            sweeper.abort();
        }
        let slots: Vec<Arc<Slot>> = self.slots.lock().values().cloned().collect();
        futures::stream::iter(slots)
            .for_each_concurrent(AT_ONCE, |slot| async move {
                let leaving = self.put_away(&slot, true);
                if tokio::time::timeout(PATIENCE, leaving).await.is_err() {
                    tracing::warn!(conversation = %slot.key.conversation, "it did not end in time");
                }
                slot.ring.close();
                // Whoever waits in front of a full queue holds the place; the process ends all the same.
                if let Ok(mut place) = tokio::time::timeout(PATIENCE, slot.place.lock()).await {
                    if let Place::Live(running) = &*place {
                        running.task.abort();
                    }
                    *place = Place::Gone;
                }
                self.slots.lock().remove(&slot.key);
            })
            .await;
    }

    /// Room for one more conversation; whoever was quiet for longest leaves for it.
    pub(super) async fn room(&self) -> Result<Held> {
        let has_memory = || self.bytes.load(Ordering::Relaxed) <= self.options.most_bytes;
        let place = || Held::within(&self.live, 1, self.options.most_live);
        if has_memory()
            && let Some(live) = place()
        {
            return Ok(live);
        }
        let mut quiet: Vec<(Instant, Arc<Slot>)> = {
            let slots = self.slots.lock();
            let all = slots.values().map(|slot| (slot.touched(), slot.clone()));
            all.filter(|(touched, _)| touched.elapsed() >= QUIET)
                .collect()
        };
        quiet.sort_by_key(|(touched, _)| *touched);
        for (_, slot) in quiet.iter().take(ASKED) {
            if self.put_away(slot, false).await
                && has_memory()
                && let Some(live) = place()
            {
                return Ok(live);
            }
        }
        Err(self.refuse("there are as many conversations as can be held, and all are busy"))
    }

    /// Lets a conversation leave memory; whether it did. Not while something is being done, unless `at_once`.
    async fn put_away(&self, slot: &Arc<Slot>, at_once: bool) -> bool {
        let mut place = match at_once {
            true => Arc::clone(&slot.place).lock_owned().await,
            false => match Arc::clone(&slot.place).try_lock_owned() {
                Ok(place) => place,
                Err(_) => return false,
            },
        };
        let Place::Live(running) = &*place else {
            self.forget(slot, &mut place);
            return false;
        };
        let (answer, leaves) = oneshot::channel();
        let leave = Message::Leave(Leave { at_once, answer });
        let sent = match at_once {
            true => running.inputs.send(leave).await.is_ok(),
            false => match running.inputs.try_send(leave) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Full(_)) => return false,
                Err(mpsc::error::TrySendError::Closed(_)) => false,
            },
        };
        // No answer: it has ended by itself.
        if sent && matches!(leaves.await, Ok(false)) {
            return false;
        }
        if let Place::Live(Running { inputs, task, .. }) =
            std::mem::replace(&mut *place, Place::Asleep)
        {
            drop(inputs);
            if let Err(error) = task.await {
                tracing::error!(%error, conversation = %slot.key.conversation, "a session broke down");
            }
        }
        self.count(|stats| stats.evicted += 1);
        self.forget(slot, &mut place);
        true
    }

    pub(super) fn sweep_from_now_on(self: &Arc<Self>) {
        let mut sweeper = self.sweeper.lock();
        if sweeper.is_some() {
            return;
        }
        let shortest = Duration::from_millis(100);
        let pause = (self.options.idle_after / 4).clamp(shortest, QUIET);
        let hub = Arc::downgrade(self);
        *sweeper = Some(tokio::spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                let Some(hub) = Weak::upgrade(&hub) else {
                    return;
                };
                hub.sweep().await;
            }
        }));
    }

    /// Puts away what was quiet for long.
    async fn sweep(&self) {
        let slots: Vec<Arc<Slot>> = self.slots.lock().values().cloned().collect();
        for slot in slots {
            let quiet = slot.touched().elapsed();
            let has_ended = match slot.place.try_lock() {
                Ok(place) => match &*place {
                    Place::Live(running) => running.inputs.is_closed(),
                    _ => true,
                },
                Err(_) => false,
            };
            if quiet >= self.options.idle_after || (has_ended && quiet >= QUIET) {
                self.put_away(&slot, false).await;
            } else if quiet >= QUIET {
                slot.ring.shrink(self.options.ring_bytes / QUIET_PART);
            }
        }
    }
}
