//! The streams of the directory, and what stands in them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::digest::ContactDigest;
use super::rules::Key;
use super::{ATTEMPTS, busy};
use crate::conversation::{ConversationId, CustomerId, JourneyEvent, TenantId};
use crate::error::{ErrorKind, OrError, Result};
use crate::store::{ConversationStore, ListQuery, Record, StreamKey, Streams, Version};

pub(super) const CUSTOMERS: &str = "~customer/";
pub(super) const KEYS: &str = "~customer-key/";
pub(super) const CONTACTS: &str = "~contact/";
pub(super) const JOURNEYS: &str = "~journey/";
const KIND: &str = "customer";
/// Ids of records are made of what they say, in this space.
const SPACE: uuid::Uuid = uuid::uuid!("6f2d1c1e-52d0-4d0e-9a3b-6b1f1f0b7c11");

/// One line of a stream of the directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "row", rename_all = "snake_case")]
enum Row {
    /// In a customer's stream: a key of theirs.
    Key { kind: String, value: String },
    /// In a customer's stream: another turned out to be them.
    Merged { customer: CustomerId },
    /// In a customer's stream: they turned out to be another.
    MergedInto { customer: CustomerId },
    /// In a key's stream: whose it is.
    Owner { customer: CustomerId },
    /// In a key's stream: whose it is no more, since they were erased.
    Released { customer: CustomerId },
    /// In a contact's stream: the customer had this conversation.
    Contact,
    /// In a contact's stream: what is remembered; the last one counts.
    Digest { digest: Box<ContactDigest> },
    /// In a journey's stream.
    Event { event: JourneyEvent },
}

/// A key's stream.
#[derive(Clone, Debug)]
pub(super) struct KeyRow {
    pub(super) stream: StreamKey,
    pub(super) version: Version,
    /// Whose it is, the latest last.
    pub(super) owners: Vec<CustomerId>,
}

/// A customer's stream, and those of whoever was merged into them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CustomerRow {
    pub(super) id: CustomerId,
    pub(super) keys: BTreeSet<(String, String)>,
    pub(super) merged: BTreeSet<CustomerId>,
}

impl CustomerRow {
    pub(super) fn new(id: CustomerId) -> Self {
        Self {
            id,
            keys: BTreeSet::new(),
            merged: BTreeSet::new(),
        }
    }
}

pub(super) fn contacts_of(customer: &CustomerId) -> String {
    format!("{CONTACTS}{customer}/")
}

pub(super) fn journey_of(customer: &CustomerId) -> String {
    format!("{JOURNEYS}{customer}/")
}

/// The rows of one tenant.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) store: &'a dyn ConversationStore,
    pub(super) tenant: &'a TenantId,
}

impl Rows<'_> {
    pub(super) fn stream(&self, id: impl Into<ConversationId>) -> StreamKey {
        StreamKey {
            tenant: self.tenant.clone(),
            conversation: id.into(),
        }
    }

    pub(super) fn key_stream(&self, kind: &str, value: &str) -> StreamKey {
        // With the tenant: the same number is another hash elsewhere.
        let name = format!("{}\0{kind}\0{value}", self.tenant);
        let hash = uuid::Uuid::new_v5(&SPACE, name.as_bytes());
        self.stream(format!("{KEYS}{hash}"))
    }

    async fn read(&self, stream: &StreamKey, after: Version) -> Result<Vec<Row>> {
        let records = self.store.load(stream, after).await?;
        let rows = records.into_iter().map(|record| {
            Row::deserialize(record.payload).or_error(
                ErrorKind::Storage,
                || "a record of the directory of customers has an unknown form",
            )
        });
        rows.collect()
    }

    fn record(stream: &StreamKey, row: &Row, at: jiff::Timestamp) -> Result<Record> {
        let payload = serde_json::to_value(row).or_error(
            ErrorKind::Internal,
            || "a row of the directory cannot be written",
        )?;
        let mut record = Record::new(KIND, payload);
        record.at = at;
        // The same row of a stream is the same record: whoever tells it again tells nothing new.
        let name = format!(
            "{}\0{}\0{}",
            stream.tenant, stream.conversation, record.payload
        );
        record.id = uuid::Uuid::new_v5(&SPACE, name.as_bytes());
        Ok(record)
    }

    /// Appends behind whatever is there.
    async fn add(&self, stream: &StreamKey, records: &[Record]) -> Result<()> {
        let mut version = 0;
        for _ in 0..ATTEMPTS {
            match self.store.append(stream, version, records).await {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    version = self.store.load(stream, 0).await?.len() as Version;
                }
                Err(error) => return Err(error),
            }
        }
        Err(busy())
    }

    async fn add_rows(&self, stream: &StreamKey, rows: &[Row]) -> Result<()> {
        let now = jiff::Timestamp::now();
        let records: Result<Vec<Record>> = rows
            .iter()
            .map(|row| Self::record(stream, row, now))
            .collect();
        self.add(stream, &records?).await
    }

    pub(super) async fn key(&self, key: &Key) -> Result<KeyRow> {
        self.key_row(self.key_stream(&key.kind, &key.value)).await
    }

    pub(super) async fn key_row(&self, stream: StreamKey) -> Result<KeyRow> {
        let rows = self.read(&stream, 0).await?;
        let version = rows.len() as Version;
        let mut owners = Vec::new();
        for row in rows {
            match row {
                Row::Owner { customer } => owners.push(customer),
                Row::Released { customer } => owners.retain(|owner| *owner != customer),
                _ => {}
            }
        }
        Ok(KeyRow {
            stream,
            version,
            owners,
        })
    }

    /// Gives a key to a customer, unless somebody else was given it since it was read.
    pub(super) async fn claim(&self, key: &KeyRow, customer: &CustomerId) -> Result<()> {
        let row = Row::Owner {
            customer: customer.clone(),
        };
        let record = [Self::record(&key.stream, &row, jiff::Timestamp::now())?];
        self.store
            .append(&key.stream, key.version, &record)
            .await
            .map(drop)
    }

    /// Takes a key from a customer; others keep it.
    pub(super) async fn release(&self, key: &KeyRow, customer: &CustomerId) -> Result<()> {
        let row = Row::Released {
            customer: customer.clone(),
        };
        self.add_rows(&key.stream, &[row]).await
    }

    /// One customer's own stream, and whom they were merged into.
    async fn own(&self, id: &CustomerId) -> Result<(CustomerRow, Option<CustomerId>)> {
        let rows = self.read(&self.customer_stream(id), 0).await?;
        let mut customer = CustomerRow::new(id.clone());
        let mut into = None;
        for row in rows {
            match row {
                Row::Key { kind, value } => {
                    customer.keys.insert((kind, value));
                }
                Row::Merged { customer: other } => {
                    customer.merged.insert(other);
                }
                // Only ever into an older one, so that nobody goes round in circles.
                Row::MergedInto { customer: other } if other < *id => into = Some(other),
                _ => {}
            }
        }
        Ok((customer, into))
    }

    /// The customer, or the one they were merged into, with the keys of all that were merged.
    pub(super) async fn customer(&self, id: &CustomerId) -> Result<CustomerRow> {
        let mut known = Vec::new();
        let (mut customer, mut into) = self.own(id).await?;
        while let Some(next) = into {
            known.push(customer);
            (customer, into) = self.own(&next).await?;
        }
        let mut waiting: Vec<CustomerId> = customer.merged.iter().cloned().collect();
        for passed in known {
            customer.merged.insert(passed.id.clone());
            waiting.push(passed.id);
        }
        while let Some(next) = waiting.pop() {
            let (other, _) = self.own(&next).await?;
            customer.keys.extend(other.keys);
            for deeper in other.merged {
                if deeper != customer.id && customer.merged.insert(deeper.clone()) {
                    waiting.push(deeper);
                }
            }
        }
        Ok(customer)
    }

    pub(super) fn customer_stream(&self, id: &CustomerId) -> StreamKey {
        self.stream(format!("{CUSTOMERS}{id}"))
    }

    pub(super) async fn add_keys(&self, id: &CustomerId, keys: &[(String, String)]) -> Result<()> {
        let rows: Vec<Row> = keys
            .iter()
            .map(|(kind, value)| Row::Key {
                kind: kind.clone(),
                value: value.clone(),
            })
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        self.add_rows(&self.customer_stream(id), &rows).await
    }

    /// From now on `younger` is `older`.
    pub(super) async fn merge(&self, older: &CustomerId, younger: &CustomerId) -> Result<()> {
        let merged = Row::Merged {
            customer: younger.clone(),
        };
        let into = Row::MergedInto {
            customer: older.clone(),
        };
        // In this order: should the second be missing, the next who gives keys of both writes it.
        self.add_rows(&self.customer_stream(older), &[merged])
            .await?;
        self.add_rows(&self.customer_stream(younger), &[into]).await
    }

    /// That the customer had this conversation, and what is remembered of it.
    pub(super) async fn contact(
        &self,
        id: &CustomerId,
        conversation: &ConversationId,
        digest: Option<&ContactDigest>,
    ) -> Result<()> {
        let stream = self.stream(format!("{}{conversation}", contacts_of(id)));
        let Some(digest) = digest else {
            return self.add_rows(&stream, &[Row::Contact]).await;
        };
        if self.digest(id, conversation).await?.as_ref() == Some(digest) {
            return Ok(());
        }
        let row = Row::Digest {
            digest: Box::new(digest.clone()),
        };
        let mut record = Self::record(&stream, &row, digest.at)?;
        // What was said before may be true again.
        record.id = uuid::Uuid::now_v7();
        self.add(&stream, &[record]).await
    }

    pub(super) async fn digest(
        &self,
        id: &CustomerId,
        conversation: &ConversationId,
    ) -> Result<Option<ContactDigest>> {
        let stream = self.stream(format!("{}{conversation}", contacts_of(id)));
        let rows = self.read(&stream, 0).await?;
        Ok(rows.into_iter().rev().find_map(|row| match row {
            Row::Digest { digest } => Some(*digest),
            _ => None,
        }))
    }

    pub(super) async fn add_events(&self, id: &CustomerId, events: &[JourneyEvent]) -> Result<()> {
        let mut months: BTreeMap<String, Vec<Record>> = BTreeMap::new();
        for event in events {
            let month = event.at.strftime("%Y-%m").to_string();
            let stream = self.stream(format!("{}{month}", journey_of(id)));
            let row = Row::Event {
                event: event.clone(),
            };
            let record = Self::record(&stream, &row, event.at)?;
            months.entry(month).or_default().push(record);
        }
        for (month, records) in months {
            let stream = self.stream(format!("{}{month}", journey_of(id)));
            self.add(&stream, &records).await?;
        }
        Ok(())
    }

    /// Events of the latest months that have any, oldest first.
    pub(super) async fn events(
        &self,
        ids: impl Iterator<Item = &CustomerId>,
        months: usize,
    ) -> Result<Vec<JourneyEvent>> {
        let mut streams = Vec::new();
        for id in ids {
            let prefix = journey_of(id);
            for stream in self.all(&prefix).await? {
                let month = stream.as_str().get(prefix.len()..).unwrap_or_default();
                streams.push((month.to_owned(), stream));
            }
        }
        streams.sort();
        let latest: BTreeSet<String> = streams.iter().map(|(month, _)| month.clone()).collect();
        let latest: BTreeSet<String> = latest.into_iter().rev().take(months).collect();
        let mut events = Vec::new();
        for (month, stream) in streams {
            if latest.contains(&month) {
                for row in self.read(&self.stream(stream), 0).await? {
                    if let Row::Event { event } = row {
                        events.push(event);
                    }
                }
            }
        }
        events.sort_by_key(|event| event.at);
        Ok(events)
    }

    /// All streams whose id begins like this.
    pub(super) async fn all(&self, prefix: &str) -> Result<Vec<ConversationId>> {
        let mut found = Vec::new();
        let mut query = ListQuery::of(Streams::Prefix(prefix.to_owned())).with_limit(1000);
        loop {
            let page = self.store.page(self.tenant, &query).await?;
            found.extend(page.streams.into_iter().map(|stream| stream.id));
            match page.next {
                Some(_) => query = query.after(page.next),
                None => return Ok(found),
            }
        }
    }
}
