//! Strategies that were begun in this conversation: driven while it is live, and told.

use std::future::Future;

use jiff::Timestamp;
use tokio::time::Instant;

use super::super::event::{SessionEvent, SessionInput, Skill};
use super::Runtime;
use crate::assistant::Driven;
use crate::conversation::{ApprovalGrant, Approver};
use crate::dialogue::strategy::{StrategyEvent, StrategyInput};
use crate::error::{Error, ErrorKind, Result};

/// How the source of a strategy's approval begins.
const SOURCE: &str = "strategy/";
/// It is looked again at the latest after so many seconds: the clock of the wall may be put.
const LONGEST_SLEEP: i64 = 3600;

/// After a failure that may pass it is looked again so soon.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(60);

const SOON: std::time::Duration = std::time::Duration::from_secs(600);

/// When the next strategy wants to be driven.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    at: Option<Instant>,
}

impl Alarm {
    fn set(&mut self, wakes_at: Option<Timestamp>) {
        let Some(wakes_at) = wakes_at else {
            return;
        };
        let seconds = wakes_at.duration_since(Timestamp::now()).as_secs();
        let seconds = seconds.clamp(1, LONGEST_SLEEP).unsigned_abs();
        let at = Instant::now() + std::time::Duration::from_secs(seconds);
        self.at = Some(self.at.map_or(at, |before| before.min(at)));
    }

    /// Something did not work; where that may pass, it is tried again.
    fn again(&mut self, error: &Error) {
        if !error.is_transient() && error.kind() != ErrorKind::Storage {
            return;
        }
        let at = Instant::now() + AGAIN;
        self.at = Some(self.at.map_or(at, |before| before.min(at)));
    }

    /// Whether something is to be done within minutes.
    pub(super) fn is_due_soon(&self) -> bool {
        self.at.is_some_and(|at| at <= Instant::now() + SOON)
    }

    /// Waits until then; for ever where nothing waits.
    pub(super) fn due(&self) -> impl Future<Output = ()> + Send + use<> {
        let at = self.at;
        async move {
            match at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        }
    }
}

/// A yes or no to the step of a strategy, as what the strategy is told; `None` where it is to a step of a playbook.
pub(super) fn approval(source: &str, by: Approver, who: &str, yes: bool) -> Option<SessionInput> {
    let (strategy, step) = source.strip_prefix(SOURCE)?.split_once('/')?;
    let (step, who) = (step.to_owned(), who.to_owned());
    let input = match yes {
        true => {
            let at = Timestamp::now();
            let grant = ApprovalGrant { by, who, at };
            StrategyInput::Approved { step, grant }
        }
        false => StrategyInput::Declined {
            step,
            by: who,
            why: "the approval was declined".to_owned(),
        },
    };
    Some(SessionInput::Strategy {
        strategy: strategy.to_owned(),
        input,
    })
}

impl Runtime {
    /// A strategy was driven: what happened is told, what it has to say is said, and then it goes on.
    pub(super) async fn strategy_driven(&mut self, driven: Driven) {
        let mut next = Some(driven);
        while let Some(driven) = next.take() {
            let Some(progress) = driven.progress else {
                return;
            };
            self.strategies.set(progress.wakes_at);
            for event in progress.events {
                self.tell_of_strategy(&progress.strategy, &progress.need, event)
                    .await;
            }
            if progress.ending.is_some() {
                self.state.strategies.remove(&progress.strategy);
                self.journal.state(&self.state);
            }
            let mut said = Vec::new();
            for (step, words) in driven.words {
                self.speak(words, Vec::new()).await;
                let result = serde_json::Value::Null;
                said.push(StrategyInput::Done { step, result });
            }
            if !said.is_empty() {
                // What was told before stays told: it is driven on when the conversation is taken up.
                match self.drive(&driven.stream, said).await {
                    Ok(driven) => next = Some(driven),
                    Err(error) => self.strategy_failed(&error).await,
                }
            }
        }
    }

    /// Somebody tells a strategy something. Where this fails it can be told again: what it knows by then changes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if no such strategy is under way, and what its store reports.
    pub(super) async fn tell_strategy(
        &mut self,
        strategy: &str,
        inputs: Vec<StrategyInput>,
    ) -> Result<()> {
        let Some(stream) = self.state.strategies.get(strategy).cloned() else {
            let why = format!("no strategy {strategy:?} of this conversation is under way");
            return Err(Error::new(ErrorKind::InvalidInput, why));
        };
        let driven = self.drive(&stream, inputs).await?;
        let before = driven.receipts();
        for receipt in driven.shown(self.assistant.inner.actions.tools()) {
            self.emit(SessionEvent::Action(receipt)).await;
        }
        tracing::debug!(
            strategy,
            receipts = before.len(),
            "a strategy was told something"
        );
        self.strategy_driven(driven).await;
        Ok(())
    }

    /// It is time for something.
    pub(super) async fn strategies_due(&mut self) {
        self.strategies = Alarm::default();
        let open: Vec<String> = self.state.strategies.keys().cloned().collect();
        for strategy in open {
            if let Err(error) = self.tell_strategy(&strategy, Vec::new()).await {
                self.strategies.again(&error);
                self.strategy_failed(&error).await;
            }
        }
        self.save().await;
    }

    /// After a restart: what was due meanwhile is done, and what is outstanding is told again.
    pub(super) async fn take_up_strategies(&mut self) {
        let open: Vec<String> = self.state.strategies.values().cloned().collect();
        for stream in open {
            let mut driven = match self.drive(&stream, Vec::new()).await {
                Ok(driven) => driven,
                Err(error) => {
                    self.strategies.again(&error);
                    self.strategy_failed(&error).await;
                    continue;
                }
            };
            if let Some(progress) = &mut driven.progress
                && progress.events.is_empty()
            {
                progress.events.clone_from(&driven.pending);
            }
            self.strategy_driven(driven).await;
        }
    }

    async fn drive(&mut self, stream: &str, inputs: Vec<StrategyInput>) -> Result<Driven> {
        let driven = self
            .assistant
            .drive(&self.conversation, stream, inputs)
            .await;
        driven.map_err(|error| error.context("a strategy could not go on"))
    }

    /// Nobody waits for an answer: readers are told.
    async fn strategy_failed(&mut self, error: &Error) {
        let event = SessionEvent::failed(Skill::VirtualAgent, error);
        self.emit(event).await;
    }

    async fn tell_of_strategy(&mut self, strategy: &str, need: &str, event: StrategyEvent) {
        let asked = match &event {
            StrategyEvent::ApprovalNeeded {
                step, label, by, ..
            } if *by != Approver::Customer => Some(SessionEvent::ApprovalRequested {
                source: format!("{SOURCE}{strategy}/{step}"),
                by: *by,
                question: label.clone(),
            }),
            _ => None,
        };
        self.emit(SessionEvent::Strategy {
            strategy: strategy.to_owned(),
            need: need.to_owned(),
            event,
        })
        .await;
        if let Some(asked) = asked {
            self.emit(asked).await;
        }
    }
}
