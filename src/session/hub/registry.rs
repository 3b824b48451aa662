//! Which conversations are in memory, and who has to leave.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::{OwnedMutexGuard, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use super::super::outlet::{Held, Outlet, Ring};
use super::super::persist::{Restored, restore};
use super::super::runtime::{Frame, Message, Runtime};
use super::super::{SessionInput, over};
use super::store_check::StoreCheck;
use super::{HubOptions, HubStats, SessionView};
use crate::assistant::{Assistant, Opening};
use crate::conversation::{Conversation, ParticipantId};
use crate::error::{Error, ErrorKind, Result};
use crate::speech::AudioFrame;
use crate::store::StreamKey;

/// Inputs of one conversation that wait; when it is full its senders wait.
const INPUTS: usize = 64;

#[derive(Debug)]
pub(super) struct Hub {
    pub(super) assistant: Assistant,
    pub(super) options: HubOptions,
    pub(super) slots: Mutex<HashMap<StreamKey, Arc<Slot>>>,
    pub(super) readers: Arc<AtomicUsize>,
    pub(super) live: Arc<AtomicUsize>,
    busy: Arc<AtomicUsize>,
    pub(super) bytes: Arc<AtomicUsize>,
    counts: Mutex<HubStats>,
    pub(super) is_closing: AtomicBool,
    pub(super) store_check: StoreCheck,
    pub(super) sweeper: Mutex<Option<JoinHandle<()>>>,
}

/// What there is in memory of a conversation.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) key: StreamKey,
    pub(super) ring: Arc<Ring>,
    pub(super) place: Arc<tokio::sync::Mutex<Place>>,
    /// Bytes of audio that wait to be heard.
    audio: Arc<AtomicUsize>,
    used: Mutex<Instant>,
}

#[derive(Debug)]
pub(super) enum Place {
    /// Only its events are here, for who reads them.
    Asleep,
    Live(Running),
    /// Taken out of the registry; look it up again.
    Gone,
}

#[derive(Debug)]
pub(super) struct Running {
    pub(super) inputs: mpsc::Sender<Message>,
    pub(super) task: JoinHandle<()>,
    /// Counted among the live ones.
    _live: Held,
}

/// A conversation that cannot leave while this is held.
#[derive(Debug)]
pub(super) struct Live<'a> {
    hub: &'a Hub,
    slot: Arc<Slot>,
    place: OwnedMutexGuard<Place>,
}

/// What taking a conversation brought.
#[derive(Debug)]
pub(super) enum Taken<'a> {
    Live(Live<'a>),
    /// It is over; these are the ids of its records.
    Over(HashSet<Uuid>),
}

impl Live<'_> {
    pub(super) async fn send(&self, message: Message) -> Result<()> {
        match &*self.place {
            Place::Live(running) => running.inputs.send(message).await.map_err(|_| over()),
            _ => Err(over()),
        }
    }

    pub(super) fn try_send(&self, message: Message) -> Result<()> {
        let Place::Live(running) = &*self.place else {
            return Err(over());
        };
        running
            .inputs
            .try_send(message)
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => self.hub.refuse(BEHIND),
                mpsc::error::TrySendError::Closed(_) => over(),
            })
    }

    /// A piece of audio, counted until it is heard.
    pub(super) fn frame(&self, participant: ParticipantId, frame: AudioFrame) -> Result<Message> {
        let bytes = frame.samples.len() * size_of::<f32>();
        let most = self.hub.options.audio_bytes;
        if bytes > most {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("a piece of audio has {bytes} bytes, more than {most}; push shorter ones"),
            ));
        }
        let waiting = Held::within(&self.slot.audio, bytes, most);
        let waiting = waiting.ok_or_else(|| self.hub.refuse(BEHIND))?;
        Ok(Message::Frame(Box::new(Frame {
            participant,
            frame,
            held: [waiting, Held::new(&self.hub.bytes, bytes)],
        })))
    }
}

const BEHIND: &str = "audio comes faster than it is heard; this piece was left out";

impl Hub {
    pub(super) fn new(assistant: Assistant, options: HubOptions) -> Self {
        Self {
            assistant,
            options,
            slots: Mutex::default(),
            readers: Arc::default(),
            live: Arc::default(),
            busy: Arc::default(),
            bytes: Arc::default(),
            counts: Mutex::default(),
            is_closing: AtomicBool::new(false),
            store_check: StoreCheck::default(),
            sweeper: Mutex::default(),
        }
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut HubStats)) {
        change(&mut self.counts.lock());
    }

    /// Whether there is nothing of any conversation in memory.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.slots.lock().is_empty()
    }

    pub(super) fn stats(&self) -> HubStats {
        HubStats {
            live: self.live.load(Ordering::Relaxed),
            busy: self.busy.load(Ordering::Relaxed),
            readers: self.readers.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            ..*self.counts.lock()
        }
    }

    /// Refuses while shutting down.
    pub(super) fn is_open(&self) -> Result<()> {
        match self.is_closing.load(Ordering::Acquire) {
            true => Err(Error::new(
                ErrorKind::Cancelled,
                "this process is shutting down; send it again to the next one",
            )),
            false => Ok(()),
        }
    }

    /// Whether there is room for an input. What ends work, or is no work, is always let in.
    pub(super) fn admit(&self, input: &SessionInput) -> Result<Option<Held>> {
        self.is_open()?;
        let is_work = matches!(
            input,
            SessionInput::Utterance(_) | SessionInput::Say { .. } | SessionInput::Summarize
        );
        if !is_work {
            return Ok(None);
        }
        if self.bytes.load(Ordering::Relaxed) > self.options.most_bytes {
            return Err(self.refuse("the conversations in memory take all there is of it"));
        }
        let busy = Held::within(&self.busy, 1, self.options.most_busy);
        let busy = busy.ok_or_else(|| self.refuse("there is too much to do"))?;
        Ok(Some(busy))
    }

    pub(super) fn refuse(&self, why: &str) -> Error {
        self.count(|stats| stats.refused += 1);
        let wait = self.options.retry_after;
        let message = format!("{why}; try again in {} s", wait.as_secs_f32());
        Error::new(ErrorKind::Overloaded, message).with_retry_after(wait)
    }

    /// Begins a conversation.
    pub(super) async fn open(
        self: &Arc<Self>,
        key: &StreamKey,
        conversation: Conversation,
        opening: Option<Opening>,
    ) -> Result<()> {
        self.is_open()?;
        loop {
            let slot = self.slot(key, 0);
            let mut place = Arc::clone(&slot.place).lock_owned().await;
            let is_over = match &*place {
                Place::Gone => continue,
                Place::Live(running) => running.inputs.is_closed(),
                Place::Asleep => slot.ring.is_closed(),
            };
            if is_over {
                // It has ended, or was erased: the store knows which. Whoever still reads the events of the old one
                // does not hear of the new one.
                slot.ring.close();
                *place = Place::Gone;
                self.slots.lock().remove(key);
                continue;
            }
            if matches!(*place, Place::Live(_)) {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!(
                        "there is a conversation {} already; go on with it, or give this one another id",
                        key.conversation
                    ),
                ));
            }
            let begun = async {
                let live = self.room().await?;
                let outlet = Outlet::Ring(Arc::clone(&slot.ring));
                let assistant = self.assistant.clone();
                let runtime = match opening {
                    Some(opening) => Runtime::opened(assistant, conversation, opening, outlet),
                    None => Runtime::new(assistant, conversation, outlet),
                };
                let mut runtime = runtime.noting_failures(&self.store_check.failed);
                runtime.flush().await?;
                Ok::<_, Error>((runtime, live))
            };
            return match begun.await {
                Ok((runtime, live)) => {
                    *place = self.start(runtime, live);
                    self.count(|stats| stats.opened += 1);
                    Ok(())
                }
                Err(error) => {
                    self.forget(&slot, &mut place);
                    Err(error)
                }
            };
        }
    }

    /// A conversation in memory; taken up from the store where it was not.
    pub(super) async fn take<'a>(self: &'a Arc<Self>, key: &StreamKey) -> Result<Taken<'a>> {
        loop {
            self.is_open()?;
            let slot = self.slot(key, now());
            let mut place = Arc::clone(&slot.place).lock_owned().await;
            match &*place {
                Place::Gone => continue,
                Place::Live(running) if !running.inputs.is_closed() => {}
                _ => {
                    *place = Place::Asleep;
                    match self.take_up(&slot).await {
                        Ok(Some(running)) => *place = running,
                        Ok(None) => {
                            let known = self.load(key).await?;
                            self.forget(&slot, &mut place);
                            return Ok(Taken::Over(known.seen));
                        }
                        Err(error) => {
                            self.forget(&slot, &mut place);
                            return Err(error);
                        }
                    }
                }
            }
            *slot.used.lock() = Instant::now();
            return Ok(Taken::Live(Live {
                hub: self,
                slot,
                place,
            }));
        }
    }

    /// A conversation, if it is in memory.
    pub(super) async fn live<'a>(&'a self, key: &StreamKey) -> Option<Live<'a>> {
        let slot = self.slots.lock().get(key).cloned()?;
        let place = Arc::clone(&slot.place).lock_owned().await;
        matches!(*place, Place::Live(_)).then_some(Live {
            hub: self,
            slot,
            place,
        })
    }

    /// The events of a conversation that the store knows. One that a process has left in the middle of something goes on.
    pub(super) async fn ring(self: &Arc<Self>, key: &StreamKey) -> Result<Arc<Ring>> {
        loop {
            self.is_open()?;
            let slot = self.slot(key, now());
            let mut place = Arc::clone(&slot.place).lock_owned().await;
            match &*place {
                Place::Gone => continue,
                Place::Live(_) => return Ok(Arc::clone(&slot.ring)),
                Place::Asleep => match self.load(key).await {
                    Ok(known) => {
                        if known.ended {
                            slot.ring.close();
                        }
                        self.sweep_from_now_on();
                        let ring = Arc::clone(&slot.ring);
                        drop(place);
                        if known.goes_on()
                            && let Err(error) = self.take(key).await
                        {
                            // Its events can be read all the same; the next who comes tries again.
                            tracing::warn!(%error, conversation = %key.conversation, "it does not go on yet");
                        }
                        return Ok(ring);
                    }
                    Err(error) => {
                        self.forget(&slot, &mut place);
                        return Err(error);
                    }
                },
            }
        }
    }

    /// How a conversation stands.
    pub(super) async fn view(&self, key: &StreamKey) -> Result<SessionView> {
        loop {
            let slot = self.slots.lock().get(key).cloned();
            let Some(slot) = slot else {
                let known = self.load(key).await?;
                return self.view_of(known, now()).await;
            };
            let place = slot.place.lock().await;
            match &*place {
                Place::Gone => {}
                Place::Live(running) if !running.inputs.is_closed() => {
                    let (answer, view) = oneshot::channel();
                    // Where it ends meanwhile, the store knows.
                    let sent = running.inputs.send(Message::View(answer)).await;
                    drop(place);
                    if sent.is_ok()
                        && let Ok(view) = view.await
                    {
                        return Ok(*view);
                    }
                }
                _ => {
                    let known = self.load(key).await?;
                    return self.view_of(known, slot.ring.last()).await;
                }
            }
            tokio::task::yield_now().await;
        }
    }

    async fn view_of(&self, known: Restored, last_event: u64) -> Result<SessionView> {
        let lists = &self.assistant.inner.checklists;
        let checklist = lists
            .entries(&known.conversation, &known.checklist, known.ended)
            .await?;
        Ok(SessionView {
            approval: known.state.pending.clone(),
            conversation: known.conversation,
            summary: known.summary,
            dialogue: known.state,
            handoff: known.handoff,
            checklist,
            ended: known.ended || known.ending,
            last_event,
        })
    }

    fn slot(&self, key: &StreamKey, from: u64) -> Arc<Slot> {
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.get(key) {
            return Arc::clone(slot);
        }
        let options = &self.options;
        let ring = Ring::new(
            from,
            options.ring_events,
            options.ring_bytes,
            Arc::clone(&self.bytes),
        );
        let slot = Arc::new(Slot {
            key: key.clone(),
            ring: Arc::new(ring),
            place: Arc::new(tokio::sync::Mutex::new(Place::Asleep)),
            audio: Arc::default(),
            used: Mutex::new(Instant::now()),
        });
        slots.insert(key.clone(), Arc::clone(&slot));
        slot
    }

    /// Takes a conversation out of the registry that is not live, unless somebody reads its events.
    pub(super) fn forget(&self, slot: &Arc<Slot>, place: &mut Place) {
        let mut slots = self.slots.lock();
        if matches!(place, Place::Asleep) && Arc::strong_count(&slot.ring) == 1 {
            *place = Place::Gone;
            slots.remove(&slot.key);
        }
    }

    async fn load(&self, key: &StreamKey) -> Result<Restored> {
        let records = self.assistant.inner.store.load(key, 0).await?;
        // Streams of other things (what was learned) are no conversations.
        if !records.iter().any(|record| record.kind == "started") {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "the store has no conversation {} of {}",
                    key.conversation, key.tenant
                ),
            ));
        }
        restore(key, &records)
    }

    /// Brings a conversation back; nothing where it is over.
    async fn take_up(self: &Arc<Self>, slot: &Slot) -> Result<Option<Place>> {
        let known = self.load(&slot.key).await?;
        if known.ended {
            slot.ring.close();
            return Ok(None);
        }
        let live = self.room().await?;
        let outlet = Outlet::Ring(Arc::clone(&slot.ring));
        let runtime = Runtime::restored(self.assistant.clone(), known, outlet)
            .noting_failures(&self.store_check.failed);
        self.count(|stats| stats.resumed += 1);
        Ok(Some(self.start(runtime, live)))
    }

    fn start(self: &Arc<Self>, runtime: Runtime, live: Held) -> Place {
        let runtime = runtime.metered(&self.bytes, self.options.session_bytes);
        let (inputs, received) = mpsc::channel(INPUTS);
        self.sweep_from_now_on();
        Place::Live(Running {
            inputs,
            task: tokio::spawn(Box::new(runtime).run(received)),
            _live: live,
        })
    }
}

impl Slot {
    /// When something happened in it last.
    pub(super) fn touched(&self) -> Instant {
        self.ring.touched().max(*self.used.lock())
    }
}

/// A number above those of all events before, of this process or an earlier one.
fn now() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap_or_default()
}
