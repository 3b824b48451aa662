//! Resolution strategies: a plan that resolves a need for good, executed so that neither a crash nor a wait of weeks
//! loses or repeats a step.
//!
//! - [`StrategyTemplate`]: how a need is resolved, as data (`knowledge/strategies/*.toml`).
//! - [`Strategist`]: chooses the template for a [`Situation`] and adapts it to the person by a [`StrategyPolicy`].
//! - [`StrategyRunner`]: runs the plan, with every step written down before and after. Nothing sleeps inside: the host
//!   calls [`RunningStrategy::advance`] with the time and with what happened, and learns from
//!   [`RunningStrategy::wakes_at`] when to call next.
//!
//! What is to be done next is a pure function of the [`StrategyState`], which is a fold over the records in the store; so
//! a strategy that is resumed decides as it would have done. The model is the saga (Garcia-Molina and Salem 1987, "Sagas"):
//! steps that commit one by one, and for each one that takes it back.

mod decide;
mod entry;
mod event;
pub(super) mod expression;
pub(super) mod load;
mod policy;
mod replan;
mod runner;
mod state;
mod strategist;
mod tell;
mod template;

pub use event::{StrategyBriefing, StrategyEvent, StrategyInput, StrategySignal};
pub use expression::Facts;
pub use load::load_strategies;
pub use policy::{Adaptation, StrategyPolicy};
pub(crate) use runner::STREAM as STRATEGY_STREAMS;
pub use runner::{RunningStrategy, StrategyRunner};
pub use state::{OpenQuestion, StepState, StepStatus, StrategyEnding, StrategyState};
pub use strategist::{Situation, Strategist};
pub use template::{
    Becomes, FollowUp, ResolutionStrategy, Risk, StepOwner, StrategyQuestion, StrategyStep,
    StrategyTemplate, Undo, Wait,
};

#[cfg(test)]
mod tests;
