//! Strategies that go on though nobody says anything: waits that are over, answers that never came, follow-ups.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::registry::{Hub, Taken};
use crate::conversation::{ConversationId, TenantId};
use crate::dialogue::strategy::STRATEGY_STREAMS;
use crate::error::{ErrorKind, Result};
use crate::store::{ListQuery, StreamKey, Streams};

/// A strategy whose conversation is live is driven there, when it is time. One that is so late has nobody.
const LATE: SignedDuration = SignedDuration::from_secs(30);
/// What only waits for others may have been told something meanwhile: it is looked at again so soon.
const AGAIN: SignedDuration = SignedDuration::from_mins(15);
const PAGE: usize = 1000;

/// Drives the strategies of a tenant on. A look costs what is new in the store and what is due, however many
/// conversations there are.
#[derive(Debug)]
pub struct StrategyWatch {
    hub: Arc<Hub>,
    tenant: TenantId,
    /// Position of the last stream that was read.
    read_to: Option<u64>,
    /// The strategies that have not ended, and when to look at each.
    open: BTreeMap<ConversationId, Timestamp>,
}

impl StrategyWatch {
    pub(super) fn new(hub: Arc<Hub>, tenant: TenantId) -> Self {
        Self {
            hub,
            tenant,
            read_to: None,
            open: BTreeMap::new(),
        }
    }

    /// Does what is due by `now`; how many strategies were driven. Where a conversation is not over, it is taken up, so
    /// that its customer is told. A strategy that fails is looked at again later.
    ///
    /// # Errors
    /// What the store reports; [`ErrorKind::Cancelled`] while the hub shuts down.
    pub async fn advance(&mut self, now: Timestamp) -> Result<usize> {
        self.read_new(now).await?;
        let due: Vec<ConversationId> = self
            .open
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(id, _)| id.clone())
            .collect();
        let mut driven = 0;
        for strategy in due {
            match self.look(&strategy, now).await {
                Ok(Looked { is_driven, again }) => {
                    driven += usize::from(is_driven);
                    match again {
                        Some(again) => self.open.insert(strategy, again),
                        None => self.open.remove(&strategy),
                    };
                }
                Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
                // Erased meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.open.remove(&strategy);
                }
                Err(error) => {
                    tracing::warn!(%error, %strategy, "a strategy could not be driven");
                    self.open
                        .insert(strategy, now.saturating_add(AGAIN).unwrap_or(now));
                }
            }
        }
        Ok(driven)
    }

    async fn read_new(&mut self, now: Timestamp) -> Result<()> {
        let store = &self.hub.assistant.inner.store;
        loop {
            let query = ListQuery::of(Streams::Prefix(STRATEGY_STREAMS.to_owned()))
                .with_limit(PAGE)
                .after(self.read_to);
            let page = store.page(&self.tenant, &query).await?;
            for stream in page.streams {
                self.read_to = Some(stream.position);
                self.open.insert(stream.id, now);
            }
            if page.next.is_none() {
                return Ok(());
            }
        }
    }

    async fn look(&self, strategy: &ConversationId, now: Timestamp) -> Result<Looked> {
        let strategies = &self.hub.assistant.inner.strategies;
        let stream = StreamKey {
            tenant: self.tenant.clone(),
            conversation: strategy.clone(),
        };
        let mut running = strategies.resume(stream.clone()).await?;
        if running.state().ending.is_some() {
            return Ok(Looked::default());
        }
        let later = now.saturating_add(AGAIN).unwrap_or(now);
        let next = |wakes_at: Option<Timestamp>| {
            let at = wakes_at.and_then(|at| at.saturating_add(LATE).ok());
            Some(at.map_or(later, |at| at.min(later)))
        };
        let is_late = |at: Timestamp| at.saturating_add(LATE).is_ok_and(|late| late <= now);
        if !running.wakes_at().is_some_and(is_late) && !running.is_left(now) {
            let again = next(running.wakes_at());
            return Ok(Looked {
                is_driven: false,
                again,
            });
        }
        let conversation = running.conversation().clone();
        match self.hub.take(&conversation).await {
            // Whoever takes a conversation up drives its strategies.
            Ok(Taken::Live(_)) => {
                let again = Some(later);
                return Ok(Looked {
                    is_driven: true,
                    again,
                });
            }
            Ok(Taken::Over(_)) => {}
            // It was past its retention; what it began goes on.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // Its customer would not be told.
            Err(error) => return Err(error),
        }
        match running.advance(now, Vec::new()).await {
            Ok(_) => {}
            // Another process was quicker.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => return Err(error),
        }
        let again = match running.state().ending {
            Some(_) => None,
            None => next(running.wakes_at()),
        };
        Ok(Looked {
            is_driven: true,
            again,
        })
    }
}

/// What looking at a strategy brought.
#[derive(Default)]
struct Looked {
    is_driven: bool,
    /// When to look again; `None` where it has ended.
    again: Option<Timestamp>,
}
