//! Checklists: what the agent has to say, whether it was said, and where.

mod load;

pub use load::{Checklist, ChecklistDue, ChecklistItem, ChecklistWhen, load_checklists};

use std::sync::Arc;

use super::likeness::{Said, Statement};
use super::phrases::is_closing;
use crate::conversation::{
    ChecklistEntry, ChecklistOverride, ChecklistStatus, Conversation, Role, Utterance,
};
use crate::embedding::{CachedEmbedder, Embedder};
use crate::error::Result;

/// Utterances of the agent that count as the start.
const START: usize = 3;
/// Further utterances of the agent in which an item behind another one may follow.
const FOLLOWING: usize = 2;
/// Utterances for which words that bring a conversation to its end count.
const CLOSING: usize = 4;
/// Vectors of sentences kept.
const CACHED_VECTORS: usize = 2048;

#[derive(Debug)]
struct Ready {
    list: Checklist,
    /// In the order of the items.
    items: Vec<ReadyItem>,
}

#[derive(Debug)]
struct ReadyItem {
    said: Statement,
    /// What calls for it.
    when: Option<Statement>,
}

/// Tells where the items of checklists stand. What it tells follows from the conversation alone, so it may be asked at
/// any time, and of stored conversations.
#[derive(Clone, Debug)]
pub struct Checklists {
    embedder: Arc<dyn Embedder>,
    lists: Arc<[Ready]>,
}

/// An utterance with what was taken from it.
struct Heard<'a> {
    utterance: &'a Utterance,
    said: Said,
}

/// What all items of a conversation are held against.
struct Call<'a> {
    agent: Vec<Heard<'a>>,
    customer: Vec<Heard<'a>>,
    is_ending: bool,
}

impl Checklists {
    /// Embeds the items' examples.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind) for a checklist that fails [`Checklist::check`]; else as the embedder.
    pub async fn new(embedder: Arc<dyn Embedder>, checklists: Vec<Checklist>) -> Result<Self> {
        // What was said is embedded once, however often it is looked at.
        let embedder = CachedEmbedder::over(embedder, CACHED_VECTORS);
        let mut lists = Vec::with_capacity(checklists.len());
        for list in checklists {
            list.check()?;
            let mut items = Vec::with_capacity(list.items.len());
            for item in &list.items {
                let e = embedder.as_ref();
                let said = Statement::new(e, &item.words, &item.examples, item.threshold).await?;
                let when = match &item.when {
                    None => None,
                    Some(w) => Some(Statement::new(e, &w.words, &w.examples, w.threshold).await?),
                };
                items.push(ReadyItem { said, when });
            }
            lists.push(Ready { list, items });
        }
        Ok(Self {
            embedder,
            lists: lists.into(),
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Whether a checklist has such an item.
    pub fn has(&self, checklist: &str, item: &str) -> bool {
        let list = self.lists.iter().find(|ready| ready.list.id == checklist);
        list.is_some_and(|ready| ready.list.items.iter().any(|known| known.id == item))
    }

    /// Where every item stands, `overrides` applied, the latest last. `is_over`: nothing more will be said.
    ///
    /// # Errors
    /// As the embedder.
    pub async fn entries(
        &self,
        conversation: &Conversation,
        overrides: &[ChecklistOverride],
        is_over: bool,
    ) -> Result<Vec<ChecklistEntry>> {
        if self.lists.is_empty() {
            return Ok(Vec::new());
        }
        let call = self.call(conversation, is_over).await?;
        let mut entries = Vec::new();
        for ready in self
            .lists
            .iter()
            .filter(|r| r.is_for(&conversation.language))
        {
            let of_list = entries.len();
            for (item, parts) in ready.list.items.iter().zip(&ready.items) {
                let before = entries.get(of_list..).unwrap_or_default();
                let mut entry = call.entry(item, parts, before);
                entry.checklist.clone_from(&ready.list.id);
                // Before the next item is looked at, which may come after this one.
                let decided = overrides
                    .iter()
                    .rfind(|o| o.checklist == entry.checklist && o.item == entry.item);
                if let Some(status) = decided.and_then(|decided| decided.status) {
                    entry.status = status;
                    entry.is_override = true;
                }
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    async fn call<'a>(&self, conversation: &'a Conversation, is_over: bool) -> Result<Call<'a>> {
        let utterances = conversation.transcript.utterances();
        let compares = |pick: &dyn Fn(&ReadyItem) -> bool| {
            self.lists.iter().any(|ready| ready.items.iter().any(pick))
        };
        let agent = compares(&|item| item.said.compares());
        let customer = compares(&|item| item.when.as_ref().is_some_and(Statement::compares));
        let is_customer = |role: Role| matches!(role, Role::EndUser | Role::Unknown);
        Ok(Call {
            agent: self
                .heard(utterances, |role| !is_customer(role), agent)
                .await?,
            customer: self.heard(utterances, is_customer, customer).await?,
            is_ending: is_over || is_near_the_end(utterances),
        })
    }

    async fn heard<'a>(
        &self,
        utterances: &'a [Utterance],
        is_wanted: impl Fn(Role) -> bool,
        compares: bool,
    ) -> Result<Vec<Heard<'a>>> {
        let wanted: Vec<&Utterance> = utterances
            .iter()
            .filter(|said| is_wanted(said.role) && !said.back_channel)
            .collect();
        let said = match compares {
            true => Said::embedded(self.embedder.as_ref(), &wanted).await?,
            false => wanted.iter().map(|said| Said::plain(said)).collect(),
        };
        let heard = wanted.into_iter().zip(said);
        Ok(heard
            .map(|(utterance, said)| Heard { utterance, said })
            .collect())
    }
}

impl Ready {
    fn is_for(&self, language: &str) -> bool {
        let primary = |tag: &str| {
            tag.split(['-', '_'])
                .next()
                .unwrap_or_default()
                .to_lowercase()
        };
        let languages = &self.list.languages;
        languages.is_empty()
            || languages
                .iter()
                .any(|tag| primary(tag) == primary(language))
    }
}

/// Whether the conversation comes to its end: somebody just said goodbye, or asked whether there is anything else. Where
/// it then goes on, there is time again.
fn is_near_the_end(utterances: &[Utterance]) -> bool {
    let said = utterances.iter().rev().filter(|said| !said.back_channel);
    said.take(CLOSING).any(|said| is_closing(&said.text))
}

impl Call<'_> {
    /// Where an item was said, among the agent's utterances.
    fn place(&self, entry: &ChecklistEntry) -> Option<usize> {
        let id = entry.evidence?;
        let mut agent = self.agent.iter();
        agent.position(|heard| heard.utterance.id == id)
    }

    /// Where an item stands; `before` are the items of its checklist that come first.
    fn entry(
        &self,
        item: &ChecklistItem,
        ready: &ReadyItem,
        before: &[ChecklistEntry],
    ) -> ChecklistEntry {
        let mut entry = ChecklistEntry {
            checklist: String::new(),
            item: item.id.clone(),
            label: item.label.clone(),
            required: item.required,
            status: ChecklistStatus::NotApplicable,
            is_late: false,
            evidence: None,
            said_ms: None,
            words: String::new(),
            confidence: 0.0,
            is_override: false,
        };
        let called_for = ready.when.as_ref().is_none_or(|when| {
            let customer = self.customer.iter();
            customer
                .into_iter()
                .any(|heard| when.said_in(&heard.said).is_some())
        });
        // Places among the agent's utterances: from where it counts, and up to where it is in time.
        let (from, until) = match &item.by {
            ChecklistDue::Start => (Some(0), START),
            ChecklistDue::BeforeEnd => (Some(0), usize::MAX),
            ChecklistDue::After(other) => {
                let other = before.iter().find(|entry| entry.item == *other);
                match other.filter(|entry| entry.status == ChecklistStatus::Said) {
                    None => (None, 0),
                    Some(other) => match self.place(other) {
                        Some(place) => (Some(place), place + FOLLOWING + 1),
                        // A person says that it was said, and nobody knows where: there is time until the end.
                        None => (Some(0), usize::MAX),
                    },
                }
            }
        };
        let (true, Some(from)) = (called_for, from) else {
            return entry;
        };
        let agent = self.agent.iter().enumerate().skip(from);
        let found = agent
            .into_iter()
            .find_map(|(at, heard)| Some((at, heard.utterance, ready.said.said_in(&heard.said)?)));
        match found {
            Some((at, utterance, (words, sure))) => {
                entry.status = ChecklistStatus::Said;
                entry.is_late = at >= until;
                entry.evidence = Some(utterance.id);
                entry.said_ms = Some(utterance.end_ms);
                entry.words = words.to_owned();
                entry.confidence = sure;
            }
            None if self.is_ending || self.agent.len() >= until => {
                entry.status = ChecklistStatus::Missing;
            }
            None => entry.status = ChecklistStatus::Open,
        }
        entry
    }
}

#[cfg(test)]
mod tests;
