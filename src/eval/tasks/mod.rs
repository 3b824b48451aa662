//! `eval tasks`: scripted customers against the virtual agent, with a simulated backend behind its tools.
//!
//! Every customer gets a fresh backend and a fresh assistant; what counts is what the backend holds at the end, what was
//! said, and who took over. The format of the customers is described in `tests/customers/README.md`.

mod backend;
mod customer;
mod judge;
mod paths;

pub use backend::{Backend, Call, Fault, Outcome};
pub use customer::{Customer, Customers, Expect, ExpectedHandoff, Pattern, Reply, Says};
pub use judge::{Dialogue, Moment, Published, Verdict, judge};

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use serde::{Deserialize, Serialize};

use crate::assistant::Assistant;
use crate::conversation::{Conversation, Participant, Role, TenantId};
use crate::dialogue::Tool;
use crate::error::{Error, ErrorKind, Result};
use crate::session::{Session, SessionEvent};
use customer::Actor;

/// An answer that takes longer ends the conversation.
const LONGEST_TURN: Duration = Duration::from_secs(240);

/// Makes the assistant for one conversation, with these tools and an empty store.
pub type MakeAssistant<'a> =
    dyn Fn(Vec<Arc<dyn Tool>>) -> BoxFuture<'a, Result<Assistant>> + Sync + 'a;

/// What is run, and how often.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskOptions {
    /// Conversations with each customer, each in other words.
    pub trials: usize,
    /// Only so many customers, spread over the folder.
    pub limit: Option<usize>,
    /// Only customers whose id contains this.
    pub only: Option<String>,
    /// Seed of the wordings.
    pub seed: u64,
    /// Whose articles and conversations it is about.
    pub tenant: TenantId,
    /// What the company has published.
    pub published: Published,
}

impl TaskOptions {
    /// One conversation with each customer of this tenant.
    pub fn new(tenant: impl Into<TenantId>) -> Self {
        Self {
            trials: 1,
            limit: None,
            only: None,
            seed: 0,
            tenant: tenant.into(),
            published: Published::default(),
        }
    }
}

/// The figures, a flat object in JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TaskScore {
    /// `tasks`.
    pub name: String,
    /// Customers.
    pub n: usize,
    /// Seconds of wall time.
    pub seconds: f64,
    /// Conversations with each.
    pub trials: usize,
    /// Share of conversations that ended as they should.
    pub pass_1: f64,
    /// Share of customers all of whose conversations did.
    pub pass_k: f64,
    /// Share of conversations after which the backend holds what it should.
    pub database_right: f64,
    /// Statements that something was done that was not.
    pub false_claims: usize,
    /// Breaches of policy.
    pub policy_breaches: usize,
    /// Conversations that a person has to take over.
    pub handoffs_needed: usize,
    /// Of those, how many a person took over.
    pub handoffs_made: usize,
    /// Conversations that a person took over and need not have.
    pub handoffs_unneeded: usize,
    /// Messages of customers.
    pub turns: usize,
    /// Milliseconds to the last word of an answer, 95th percentile.
    pub turn_p95_ms: f64,
}

/// One conversation that is over.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TaskProgress {
    /// Conversations done, this one included.
    pub done: usize,
    /// Conversations in all.
    pub total: usize,
    /// The customer.
    pub customer: String,
    /// Which of the customer's conversations, from 0.
    pub trial: usize,
    /// What came of it.
    pub verdict: Verdict,
    /// The conversation.
    pub dialogue: Dialogue,
}

/// Runs every customer `trials` times.
///
/// # Errors
/// Those of making an assistant. A conversation in which the assistant fails is one that did not end as it should.
pub async fn run(
    customers: &Customers,
    options: &TaskOptions,
    make: &MakeAssistant<'_>,
    mut progress: impl FnMut(&TaskProgress) + Send,
) -> Result<TaskScore> {
    let started = Instant::now();
    let wanted = |customer: &&Customer| {
        options
            .only
            .as_deref()
            .is_none_or(|only| customer.id.contains(only))
    };
    let all: Vec<&Customer> = customers.customers.iter().filter(wanted).collect();
    let limit = options.limit.unwrap_or(all.len()).min(all.len());
    // Spread over the folder, whose files are sorted by what they are about.
    let chosen: Vec<&Customer> = (0..limit)
        .filter_map(|at| all.get(at * all.len() / limit).copied())
        .collect();
    let trials = options.trials.max(1);
    let total = chosen.len() * trials;
    if total == 0 {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "no customer was chosen",
        ));
    }
    let mut score = TaskScore {
        name: "tasks".into(),
        n: chosen.len(),
        trials,
        ..TaskScore::default()
    };
    let (mut passed, mut right, mut steady, mut done) = (0, 0, 0, 0);
    let mut waits = Vec::new();
    for customer in chosen {
        let mut all = true;
        for trial in 0..trials {
            let actor = Actor::new(customer, options.seed, trial);
            let dialogue = converse(customer, actor, customers, options, make, &mut waits).await?;
            let verdict = judge(customer, &dialogue, &options.published);
            done += 1;
            all &= verdict.passed;
            passed += usize::from(verdict.passed);
            right += usize::from(verdict.database.is_empty());
            count(&mut score, customer.expect.handoff, &dialogue, &verdict);
            progress(&TaskProgress {
                done,
                total,
                customer: customer.id.clone(),
                trial,
                verdict,
                dialogue,
            });
        }
        steady += usize::from(all);
    }
    score.pass_1 = passed as f64 / total as f64;
    score.database_right = right as f64 / total as f64;
    score.pass_k = steady as f64 / score.n as f64;
    score.turns = waits.len();
    score.turn_p95_ms = percentile_95(waits);
    score.seconds = started.elapsed().as_secs_f64();
    Ok(score)
}

fn count(score: &mut TaskScore, expected: ExpectedHandoff, dialogue: &Dialogue, verdict: &Verdict) {
    score.false_claims += verdict.false_claims.len();
    score.policy_breaches += verdict.breaches.len();
    let made = usize::from(dialogue.handoff().is_some());
    match expected {
        ExpectedHandoff::Any | ExpectedHandoff::For(_) => {
            score.handoffs_needed += 1;
            score.handoffs_made += made;
        }
        ExpectedHandoff::None => score.handoffs_unneeded += made,
        ExpectedHandoff::Optional => {}
    }
}

fn percentile_95(mut waits: Vec<f64>) -> f64 {
    waits.sort_by(f64::total_cmp);
    let rank = (waits.len() * 95).div_ceil(100).saturating_sub(1);
    waits.get(rank).copied().unwrap_or_default()
}

/// One conversation, until the customer leaves or a person takes over.
async fn converse(
    customer: &Customer,
    mut actor: Actor<'_>,
    customers: &Customers,
    options: &TaskOptions,
    make: &MakeAssistant<'_>,
    waits: &mut Vec<f64>,
) -> Result<Dialogue> {
    let mut start = customers.database.clone();
    for (path, value) in &customer.database {
        paths::set(&mut start, path, value.clone());
    }
    let backend = Backend::new(start.clone(), customer.faults.clone());
    let assistant = make(backend.tools()).await?;
    let mut conversation = Conversation::new(options.tenant.clone(), customer.channel);
    conversation.join(Participant::new("virtual-agent", Role::AutomatedAgent));
    let mut session = assistant.session(conversation);
    let mut events = session.events();
    let mut dialogue = Dialogue::new(start);
    let mut heard = String::new();
    while let Some(message) = actor.next(&heard) {
        dialogue.moments.push(Moment::Customer(message.clone()));
        let asked = Instant::now();
        let mut answered = None;
        heard.clear();
        let mut take = |event: SessionEvent, dialogue: &mut Dialogue| {
            log(&backend, dialogue);
            if let SessionEvent::Reply { text, .. } = &event {
                answered = Some(asked.elapsed());
                heard.push_str(text);
                heard.push('\n');
            }
            dialogue.moments.extend(moment(event));
        };
        let turn = tokio::time::timeout(LONGEST_TURN, say(&session, message)).fuse();
        let mut turn = std::pin::pin!(turn);
        let ended = loop {
            tokio::select! {
                biased;
                Some(event) = events.next() => take(event, &mut dialogue),
                ended = &mut turn => break ended,
            }
        };
        // What was told before the turn was over is waiting.
        while let Some(Some(event)) = events.next().now_or_never() {
            take(event, &mut dialogue);
        }
        log(&backend, &mut dialogue);
        waits.push(answered.unwrap_or_else(|| asked.elapsed()).as_secs_f64() * 1_000.0);
        let problem = match ended {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {LONGEST_TURN:?}")),
        };
        if let Some(problem) = problem {
            dialogue.moments.push(Moment::Note(problem));
            break;
        }
        if dialogue.handoff().is_some() {
            break;
        }
    }
    dialogue.end = backend.database();
    Ok(dialogue)
}

async fn say(session: &Session, message: String) -> Result<()> {
    session.say(Role::EndUser, message).await?;
    session.settle().await
}

/// Calls that were made since the last look.
fn log(backend: &Backend, dialogue: &mut Dialogue) {
    let known = dialogue
        .moments
        .iter()
        .filter(|moment| matches!(moment, Moment::Call(_)))
        .count();
    let calls = backend.calls(known).into_iter();
    dialogue
        .moments
        .extend(calls.map(|call| Moment::Call(Box::new(call))));
}

fn moment(event: SessionEvent) -> Option<Moment> {
    match event {
        SessionEvent::Reply { text, .. } => Some(Moment::Agent(text)),
        SessionEvent::Handoff(handoff) => Some(Moment::Handoff(handoff.reason)),
        SessionEvent::Rejected {
            proposal, reason, ..
        } => Some(Moment::Note(format!("not accepted: {proposal} ({reason})"))),
        SessionEvent::Failed { skill, message, .. } => {
            Some(Moment::Note(format!("{skill:?} failed: {message}")))
        }
        _ => None,
    }
}

impl TaskProgress {
    /// The conversation for people to read.
    pub fn transcript(&self) -> String {
        let outcome = if self.verdict.passed {
            "passed"
        } else {
            "failed"
        };
        let mut lines = vec![format!(
            "=== {} (trial {}): {outcome}",
            self.customer,
            self.trial + 1
        )];
        if !self.verdict.passed {
            lines.push(format!("    {}", self.verdict.reasons()));
        }
        lines.extend(self.dialogue.moments.iter().map(|moment| match moment {
            Moment::Customer(text) => format!("Customer  {text}"),
            Moment::Agent(text) => format!("Agent     {text}"),
            Moment::Call(call) => {
                let outcome = match &call.outcome {
                    Outcome::Done(result) => result.to_string(),
                    Outcome::Lost => "done, and the answer was lost".into(),
                    Outcome::Failed(error) => format!("failed: {error}"),
                };
                format!("  [call]  {} {} -> {outcome}", call.tool, call.arguments)
            }
            Moment::Handoff(reason) => format!("  [hand-off] {reason:?}"),
            Moment::Note(note) => format!("  [note]  {note}"),
        }));
        lines.push(String::new());
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests;
