//! The simulated backend of the invented company Larkfield: a JSON document, tools over it with the company's rules,
//! faults on demand, and a log of every call.

mod args;
mod billing;
mod contract;
mod debts;
mod identity;
mod lenient;
mod mobile;
mod record;
mod returns;
mod service;

pub(super) use lenient::account_number;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::dialogue::{FnTool, Tool, ToolCall, ToolEffect, ToolSpec};
use crate::error::{Error, ErrorKind, Result};
use record::World;

/// How one call of a tool goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// It goes well.
    Ok,
    /// Nobody answers, and nothing was done.
    Timeout,
    /// It is done, and the answer is lost.
    Lost,
    /// The backend cannot be reached; nothing was done.
    Unavailable,
    /// The backend fails; nothing was done, and trying again does not help.
    Error,
    /// The backend refuses without a reason that it tells.
    Refused,
    /// As the call before, from here on for good.
    Again,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// With this result.
    Done(Value),
    /// It was done, and nobody was told.
    Lost,
    /// It was not done.
    Failed(String),
}

/// A call of a tool, as the backend logs it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Call {
    /// The tool.
    pub tool: String,
    /// What calling it does.
    pub effect: ToolEffect,
    /// The account, where the arguments name one.
    pub account: Option<String>,
    /// The arguments.
    pub arguments: Value,
    /// How it ended.
    pub outcome: Outcome,
    /// Nothing was to be done.
    pub dry_run: bool,
}

impl Call {
    /// The result of a call that was really made and went well.
    pub fn result(&self) -> Option<&Value> {
        match &self.outcome {
            Outcome::Done(result) if !self.dry_run => Some(result),
            _ => None,
        }
    }

    /// Whether it changed something and the caller knows.
    pub fn is_proven_write(&self) -> bool {
        self.effect != ToolEffect::Read && self.result().is_some()
    }
}

/// The backend of one conversation; clones are the same one.
#[derive(Clone, Debug)]
pub struct Backend(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    world: World,
    calls: Vec<Call>,
    faults: BTreeMap<String, Vec<Fault>>,
    /// Calls of each tool so far.
    counts: HashMap<String, usize>,
    /// Results by tool and idempotency key.
    done: HashMap<(String, String), Value>,
}

impl Backend {
    /// Over this document, with faults by tool, call by call.
    pub fn new(database: Value, faults: BTreeMap<String, Vec<Fault>>) -> Self {
        Self(Arc::new(Mutex::new(State {
            world: World::new(database),
            calls: Vec::new(),
            faults,
            counts: HashMap::new(),
            done: HashMap::new(),
        })))
    }

    /// The document as it stands.
    pub fn database(&self) -> Value {
        self.0.lock().world.database.clone()
    }

    /// The calls from number `from` on, oldest first.
    pub fn calls(&self, from: usize) -> Vec<Call> {
        self.0.lock().calls.get(from..).unwrap_or_default().to_vec()
    }

    /// Every tool.
    pub fn tools(&self) -> Vec<Arc<dyn Tool>> {
        let mut tools = Vec::new();
        identity::tools(self, &mut tools);
        billing::tools(self, &mut tools);
        debts::tools(self, &mut tools);
        contract::tools(self, &mut tools);
        service::tools(self, &mut tools);
        returns::tools(self, &mut tools);
        mobile::tools(self, &mut tools);
        tools
    }

    fn tool<A: DeserializeOwned + JsonSchema + Send + 'static>(
        &self,
        name: &str,
        description: &str,
        effect: ToolEffect,
        run: impl Fn(&mut World, &A) -> Result<Value> + Send + Sync + 'static,
    ) -> Arc<dyn Tool> {
        let spec = ToolSpec::new(name, description).with_effect(effect);
        let (backend, name) = (self.clone(), name.to_owned());
        Arc::new(FnTool::new(spec, move |arguments: A, call: ToolCall| {
            let answer = backend
                .0
                .lock()
                .call(&name, effect, &call, |world| run(world, &arguments));
            async move { answer }
        }))
    }
}

impl State {
    fn call(
        &mut self,
        tool: &str,
        effect: ToolEffect,
        call: &ToolCall,
        run: impl FnOnce(&mut World) -> Result<Value>,
    ) -> Result<Value> {
        let fault = self.fault(tool);
        let answer = match fault {
            Fault::Ok | Fault::Again | Fault::Lost => self.execute(tool, effect, call, run),
            Fault::Timeout => Err(Error::new(
                ErrorKind::Timeout,
                format!("{tool} did not answer"),
            )),
            Fault::Unavailable => Err(Error::new(
                ErrorKind::Unavailable,
                format!("{tool} cannot be reached"),
            )),
            Fault::Error => Err(Error::new(
                ErrorKind::Malformed,
                format!("{tool} failed: internal error 500"),
            )),
            Fault::Refused => Err(Error::new(
                ErrorKind::Refused,
                format!("{tool} was refused"),
            )),
        };
        let outcome = match &answer {
            Ok(_) if fault == Fault::Lost => Outcome::Lost,
            Ok(result) => Outcome::Done(result.clone()),
            Err(error) => Outcome::Failed(error.to_string()),
        };
        let said = call.arguments.get("account_number").and_then(Value::as_str);
        self.calls.push(Call {
            tool: tool.to_owned(),
            effect,
            account: said.and_then(account_number),
            arguments: call.arguments.clone(),
            outcome,
            dry_run: call.dry_run,
        });
        match fault {
            Fault::Lost => answer.and(Err(Error::new(
                ErrorKind::Timeout,
                format!("{tool} did not answer"),
            ))),
            _ => answer,
        }
    }

    fn fault(&mut self, tool: &str) -> Fault {
        let count = self.counts.entry(tool.to_owned()).or_default();
        let at = *count;
        *count += 1;
        let Some(faults) = self.faults.get(tool) else {
            return Fault::Ok;
        };
        // "again" repeats what stands before it, for good.
        let again = faults.iter().position(|fault| *fault == Fault::Again);
        let at = again.map_or(at, |again| at.min(again.saturating_sub(1)));
        faults.get(at).copied().unwrap_or(Fault::Ok)
    }

    fn execute(
        &mut self,
        tool: &str,
        effect: ToolEffect,
        call: &ToolCall,
        run: impl FnOnce(&mut World) -> Result<Value>,
    ) -> Result<Value> {
        let key = (tool.to_owned(), call.idempotency_key.clone());
        if effect == ToolEffect::Idempotent
            && !call.dry_run
            && let Some(done) = self.done.get(&key)
        {
            return Ok(done.clone());
        }
        // A call that fails half way changes nothing.
        let mut world = self.world.clone();
        let result = run(&mut world)?;
        if call.dry_run {
            return Ok(json!({ "dry_run": true, "would": result }));
        }
        self.world = world;
        if effect == ToolEffect::Idempotent {
            self.done.insert(key, result.clone());
        }
        Ok(result)
    }
}

/// What a rule of the backend says.
fn refused<T>(why: impl Into<String>) -> Result<T> {
    Err(Error::new(ErrorKind::Refused, why))
}

/// An argument that cannot be used.
fn unusable<T>(why: impl Into<String>) -> Result<T> {
    Err(Error::new(ErrorKind::InvalidInput, why))
}

#[cfg(test)]
mod tests;
