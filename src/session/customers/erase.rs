//! Forgetting: a customer, a conversation, or all that is old.

use jiff::Timestamp;

use super::rows::{CONTACTS, CUSTOMERS, JOURNEYS, Rows, contacts_of, journey_of};
use super::{CustomerDirectory, busy};
use crate::conversation::{ConversationId, CustomerId, TenantId};
use crate::dialogue::strategy::STRATEGY_STREAMS;
use crate::error::Result;
use crate::store::{ErasureReceipt, ListQuery, Streams};

/// Times the contacts are looked through while somebody keeps adding some.
const ROUNDS: usize = 8;

impl CustomerDirectory {
    /// Erases a customer: all their conversations with the strategies that served them, what was remembered of them,
    /// their journey, their keys and their entries in the directory. Nothing is left to erase where the customer is not
    /// known; a call that failed is made again and goes on where it stopped.
    ///
    /// End their live sessions first: what a session still writes fails, as its conversation is gone.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where the store cannot erase, and what it reports.
    pub async fn erase_subject(
        &self,
        tenant: &TenantId,
        customer: &CustomerId,
    ) -> Result<ErasureReceipt> {
        let rows = self.rows(tenant);
        let mut receipt = ErasureReceipt::new(0, 0);
        let row = rows.customer(customer).await?;
        let ids = || std::iter::once(&row.id).chain(&row.merged);
        for id in ids() {
            let prefix = contacts_of(id);
            for round in 0.. {
                let contacts = rows.all(&prefix).await?;
                if contacts.is_empty() {
                    break;
                }
                if round == ROUNDS {
                    return Err(busy());
                }
                for contact in contacts {
                    let conversation = contact.as_str().get(prefix.len()..).unwrap_or_default();
                    self.erase_told(tenant, &conversation.into(), &mut receipt)
                        .await?;
                    receipt.add(&self.store.erase(&rows.stream(contact)).await?);
                }
            }
            for journey in rows.all(&journey_of(id)).await? {
                receipt.add(&self.store.erase(&rows.stream(journey)).await?);
            }
        }
        for (kind, value) in &row.keys {
            let key = rows.key_row(rows.key_stream(kind, value)).await?;
            let gone = |owner: &CustomerId| ids().any(|id| id == owner);
            if key.owners.iter().all(gone) {
                receipt.add(&self.store.erase(&key.stream).await?);
                continue;
            }
            for owner in key.owners.iter().filter(|owner| gone(owner)) {
                rows.release(&key, owner).await?;
            }
        }
        // The one that was asked for last: by it a call that fails on the way finds all others again.
        let mut entries: Vec<&CustomerId> = ids().filter(|id| *id != customer).collect();
        entries.reverse();
        entries.push(customer);
        for id in entries {
            receipt.add(&self.store.erase(&rows.customer_stream(id)).await?);
        }
        Ok(receipt)
    }

    /// Erases a conversation with the strategies that served it, and what `customer` is remembered to have said in it.
    ///
    /// # Errors
    /// As [`erase_subject`](Self::erase_subject).
    pub async fn erase_conversation(
        &self,
        tenant: &TenantId,
        conversation: &ConversationId,
        customer: Option<&CustomerId>,
    ) -> Result<ErasureReceipt> {
        let rows = self.rows(tenant);
        let mut receipt = ErasureReceipt::new(0, 0);
        self.erase_told(tenant, conversation, &mut receipt).await?;
        if let Some(customer) = customer {
            let row = rows.customer(customer).await?;
            for id in std::iter::once(&row.id).chain(&row.merged) {
                let contact = rows.stream(format!("{}{conversation}", contacts_of(id)));
                receipt.add(&self.store.erase(&contact).await?);
            }
        }
        Ok(receipt)
    }

    /// Erases what is older than the retention of a tenant: conversations in which nothing happened at `before` or
    /// later, strategies, digests and journey events likewise, and customers of whom nothing else is left.
    ///
    /// What was learned (`~learned`, `~actions`) names nobody and stays.
    ///
    /// # Errors
    /// As [`erase_subject`](Self::erase_subject); what was erased by then stays erased.
    pub async fn retire(&self, tenant: &TenantId, before: Timestamp) -> Result<ErasureReceipt> {
        let mut receipt = ErasureReceipt::new(0, 0);
        let prefixes = [STRATEGY_STREAMS, CONTACTS, JOURNEYS];
        let dated = prefixes.map(|prefix| Streams::Prefix(prefix.to_owned()));
        for streams in std::iter::once(Streams::Conversations).chain(dated) {
            receipt.add(&self.store.erase_before(tenant, &streams, before).await?);
        }
        let rows = self.rows(tenant);
        let mut query = ListQuery::of(Streams::Prefix(CUSTOMERS.to_owned())).with_limit(1000);
        loop {
            let page = self.store.page(tenant, &query).await?;
            for stream in page.streams.iter().filter(|stream| stream.last_at < before) {
                let id = stream
                    .id
                    .as_str()
                    .get(CUSTOMERS.len()..)
                    .unwrap_or_default();
                let id = CustomerId::from(id);
                if !self.is_remembered(&rows, &id, before).await? {
                    receipt.add(&self.erase_subject(tenant, &id).await?);
                }
            }
            match page.next {
                Some(_) => query = query.after(page.next),
                None => return Ok(receipt),
            }
        }
    }

    /// Whether there is anything about a customer but their keys, or a key of one they were merged with is new.
    async fn is_remembered(
        &self,
        rows: &Rows<'_>,
        id: &CustomerId,
        before: Timestamp,
    ) -> Result<bool> {
        let row = rows.customer(id).await?;
        for id in std::iter::once(&row.id).chain(&row.merged) {
            for prefix in [contacts_of(id), journey_of(id)] {
                let query = ListQuery::of(Streams::Prefix(prefix)).with_limit(1);
                if !self
                    .store
                    .page(rows.tenant, &query)
                    .await?
                    .streams
                    .is_empty()
                {
                    return Ok(true);
                }
            }
            let entry = rows.store.load(&rows.customer_stream(id), 0).await?;
            if entry.iter().any(|record| record.at >= before) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Erases a conversation's records and its strategies.
    async fn erase_told(
        &self,
        tenant: &TenantId,
        conversation: &ConversationId,
        receipt: &mut ErasureReceipt,
    ) -> Result<()> {
        let rows = self.rows(tenant);
        let prefix = format!("{STRATEGY_STREAMS}{conversation}/");
        for strategy in rows.all(&prefix).await? {
            let stream = rows.stream(strategy);
            let records = self.store.load(&stream, 0).await?;
            // The id of another conversation may go on where this one ends: the first record tells.
            let of = records
                .first()
                .and_then(|record| record.payload.get("conversation"));
            if of.and_then(|of| of.as_str()) == Some(conversation.as_str()) {
                receipt.add(&self.store.erase(&stream).await?);
            }
        }
        receipt.add(&self.store.erase(&rows.stream(conversation.clone())).await?);
        Ok(())
    }
}
