//! Every action is written down before and after it is done, so that none is done twice.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{ToolCall, ToolEffect, Tools};
use crate::conversation::{ActionReceipt, ActionStatus, ApprovalGrant};
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::store::{ConversationStore, Record, StreamKey, Version};

const STARTED: &str = "action_started";
const FINISHED: &str = "action_finished";
/// Writers that may get in between before we give up.
const ATTEMPTS: usize = 8;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// What calls for it, e.g. `playbook/step#1`: another source is another action, even with the same arguments.
    pub source: String,
    /// The tool.
    pub tool: String,
    /// Its arguments.
    pub arguments: Value,
    /// Who said yes to it, and when.
    pub approvals: Vec<ApprovalGrant>,
}

/// Runs actions and keeps their receipts in the conversation's own stream of the store.
#[derive(Clone, Debug)]
pub struct ActionLedger {
    tools: Tools,
    store: Arc<dyn ConversationStore>,
    dry_run: bool,
}

#[derive(Serialize, Deserialize)]
struct Started {
    key: String,
    tool: String,
    arguments: Value,
}

/// How far an action had come.
enum Before {
    Never,
    /// It was begun, and nobody knows how it ended.
    Begun,
    Ended(Box<ActionReceipt>),
}

impl ActionLedger {
    /// Over these tools and this store.
    pub fn new(tools: Tools, store: Arc<dyn ConversationStore>) -> Self {
        Self {
            tools,
            store,
            dry_run: false,
        }
    }

    /// Tries things out: what changes something is not called, and its receipt says [`ActionStatus::DryRun`]. What only
    /// looks something up is called, with [`ToolCall::dry_run`] set.
    #[must_use]
    pub fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// The tools.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// Does `action` for a conversation, unless it was done already: then its receipt is returned. It is written down
    /// before it is begun and when it has ended.
    ///
    /// An action that was begun and whose end is not known (the process was killed, the backend did not answer) is done
    /// again only where the tool says that this is harmless ([`ToolEffect`]); else the receipt says
    /// [`ActionStatus::Unknown`], and a person has to look. Of a conversation that is erased meanwhile nothing is written
    /// any more; the receipt is returned all the same.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] if the beginning could not be written down; nothing was done then. An action that failed
    /// is a receipt, no error.
    pub async fn perform(&self, stream: &StreamKey, action: Action) -> Result<ActionReceipt> {
        self.perform_in(stream, action, 0).await
    }

    /// As [`perform`](Self::perform), for a conversation that is in the store; one that was erased is not begun again.
    ///
    /// # Errors
    /// As [`perform`](Self::perform); [`ErrorKind::Conflict`] where the store does not have it. Nothing was done then.
    pub(crate) async fn perform_kept(
        &self,
        stream: &StreamKey,
        action: Action,
    ) -> Result<ActionReceipt> {
        self.perform_in(stream, action, 1).await
    }

    /// Does it where the conversation has so many records at least.
    async fn perform_in(
        &self,
        stream: &StreamKey,
        action: Action,
        least: Version,
    ) -> Result<ActionReceipt> {
        let key = identity(stream, &action);
        let effect = self
            .tools
            .get(&action.tool)
            .map_or(ToolEffect::Write, |tool| tool.spec().effect);
        let receipt = |status, result| ActionReceipt {
            id: key.clone(),
            tool: action.tool.clone(),
            arguments: action.arguments.clone(),
            status,
            result,
            at: jiff::Timestamp::now(),
            source: action.source.clone(),
            approvals: action.approvals.clone(),
        };
        let started = Started {
            key: key.clone(),
            tool: action.tool.clone(),
            arguments: action.arguments.clone(),
        };
        if self.dry_run && effect != ToolEffect::Read {
            // What was done in earnest before, or may have been, is told as it is.
            let (before, version) = self.before(stream, &key).await?;
            if let Before::Ended(done) = before
                && matches!(done.status, ActionStatus::Succeeded | ActionStatus::Unknown)
            {
                return Ok(*done);
            }
            let tried = serde_json::json!({ "dry_run": true });
            let receipt = receipt(ActionStatus::DryRun, tried);
            self.note(stream, &receipt, version.max(least)).await?;
            return Ok(receipt);
        }
        // Of several who want to begin at the same time one does: nobody may have written since it was looked.
        let mut begun = Err(Error::new(
            ErrorKind::Conflict,
            "others kept writing to the conversation; try again",
        ));
        for _ in 0..ATTEMPTS {
            let (before, version) = self.before(stream, &key).await?;
            if version < least {
                return Err(erased(stream));
            }
            match before {
                Before::Ended(done) if done.status == ActionStatus::Succeeded => return Ok(*done),
                Before::Ended(done)
                    if done.status == ActionStatus::Unknown && effect == ToolEffect::Write =>
                {
                    return Ok(*done);
                }
                Before::Begun if effect == ToolEffect::Write => {
                    let lost = serde_json::json!({ "error": "it was begun and interrupted; look in the backend whether it was done" });
                    let receipt = receipt(ActionStatus::Unknown, lost);
                    self.note(stream, &receipt, version).await?;
                    return Ok(receipt);
                }
                Before::Never | Before::Begun | Before::Ended(_) => {}
            }
            let record = [record(STARTED, &started)?];
            begun = self.store.append(stream, version, &record).await;
            if !matches!(&begun, Err(error) if error.kind() == ErrorKind::Conflict) {
                break;
            }
        }
        let begun = begun?;
        let call = ToolCall {
            idempotency_key: key.clone(),
            tenant: stream.tenant.clone(),
            conversation: stream.conversation.clone(),
            arguments: action.arguments.clone(),
            dry_run: self.dry_run,
        };
        let (status, result) = self.tools.run(&action.tool, &call).await;
        let receipt = receipt(status, result);
        if let Err(error) = self.note(stream, &receipt, begun).await {
            // It is done; after a restart the beginning alone says that somebody has to look.
            tracing::error!(tool = action.tool, %error, "the receipt of an action could not be stored");
        }
        Ok(receipt)
    }

    /// The receipts of a conversation, oldest first; of several attempts at an action the last.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] if they cannot be read.
    pub async fn receipts(&self, stream: &StreamKey) -> Result<Vec<ActionReceipt>> {
        let mut receipts: Vec<ActionReceipt> = Vec::new();
        for record in self.store.load(stream, 0).await? {
            if record.kind == FINISHED {
                let receipt: ActionReceipt = read(&record)?;
                receipts.retain(|earlier| earlier.id != receipt.id);
                receipts.push(receipt);
            }
        }
        Ok(receipts)
    }

    /// How far it had come, and how many records the conversation had then.
    async fn before(&self, stream: &StreamKey, key: &str) -> Result<(Before, Version)> {
        let mut before = Before::Never;
        let records = self.store.load(stream, 0).await?;
        let version = records.len() as Version;
        for record in records {
            match record.kind.as_str() {
                STARTED if read::<Started>(&record)?.key == key => before = Before::Begun,
                FINISHED => {
                    let receipt: ActionReceipt = read(&record)?;
                    if receipt.id == key {
                        before = Before::Ended(Box::new(receipt));
                    }
                }
                _ => {}
            }
        }
        Ok((before, version))
    }

    /// Appends a receipt behind whatever others appended meanwhile. A conversation with fewer records than it had was
    /// erased, and is not begun again by it.
    async fn note(
        &self,
        stream: &StreamKey,
        receipt: &ActionReceipt,
        least: Version,
    ) -> Result<()> {
        let record = [record(FINISHED, receipt)?];
        let mut failed = None;
        for _ in 0..ATTEMPTS {
            let version = self.store.load(stream, 0).await?.len() as Version;
            if version < least {
                return Err(erased(stream));
            }
            match self.store.append(stream, version, &record).await {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Conflict => failed = Some(error),
                Err(error) => return Err(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

fn erased(stream: &StreamKey) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!(
            "conversation {} is not in the store any more",
            stream.conversation
        ),
    )
}

fn record(kind: &str, payload: &impl Serialize) -> Result<Record> {
    let payload = serde_json::to_value(payload)
        .or_error(ErrorKind::Internal, || "a record cannot be serialised")?;
    Ok(Record::new(kind, payload))
}

/// The same for every attempt at the same action.
fn identity(stream: &StreamKey, action: &Action) -> String {
    let name = format!(
        "{}\n{}\n{}\n{}\n{}",
        stream.tenant, stream.conversation, action.source, action.tool, action.arguments
    );
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
}

fn read<T: for<'de> Deserialize<'de>>(record: &Record) -> Result<T> {
    T::deserialize(&record.payload).or_error(
        ErrorKind::Storage,
        || "the record of an action has an unknown form",
    )
}

#[cfg(test)]
pub(super) fn tests_identity(stream: &StreamKey, action: &Action) -> String {
    identity(stream, action)
}

#[cfg(test)]
impl ActionLedger {
    pub(super) fn tests_store(&self) -> &Arc<dyn ConversationStore> {
        &self.store
    }
}
