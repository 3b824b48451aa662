//! Another plan, where the need turns out to be another one.

use jiff::Timestamp;

use super::entry::Entry;
use super::runner::RunningStrategy;
use super::state::{StepStatus, StrategyEnding};

impl RunningStrategy {
    /// Another plan for another need. Steps that are done stay done; those that can be taken back, and are none of the new
    /// plan, are.
    pub(super) fn replan(&self, need: &str, why: String, now: Timestamp) -> Entry {
        let planned = self
            .runner
            .strategist
            .plan_for(need, self.state.facts.clone(), now);
        let mut strategy = match planned {
            Ok(strategy) => strategy,
            Err(error) => {
                let why = format!("{why}: {error}");
                return Entry::Closed {
                    ending: StrategyEnding::NeedsPerson { why },
                };
            }
        };
        strategy.id.clone_from(&self.state.strategy.id);
        let mut obsolete = Vec::new();
        for step in &self.state.strategy.template.steps {
            let done = self.state.status(&step.id) == StepStatus::Done;
            if done && step.undo.is_some() && strategy.step(&step.id).is_none() {
                let mut step = step.clone();
                step.after.clear();
                step.when = Some("false".into());
                if let Some(undo) = &mut step.undo {
                    undo.when = Some("true".into());
                }
                obsolete.push(step);
            }
        }
        strategy.template.steps.extend(obsolete);
        Entry::Replanned {
            strategy: Box::new(strategy),
            why,
        }
    }
}
