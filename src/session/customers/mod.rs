//! Who a customer is, which conversations they had, and what to remember of them; all of it can be erased.
//!
//! The directory lives in the conversation store, in streams of its own that begin with `~`:
//!
//! | stream | what it holds | personal data |
//! |---|---|---|
//! | `~customer/ID` | keys, and which customers were merged | yes |
//! | `~customer-key/HASH` | whose key it is; the key itself only as a hash in the name, which can be guessed | yes |
//! | `~contact/ID/CONVERSATION` | that the customer had this conversation, and its digest | yes |
//! | `~journey/ID/YYYY-MM` | journey events of that month | yes |
//! | `~strategy/CONVERSATION/…` | a strategy that serves the conversation | yes |
//! | `~learned` | feedback on articles, questions nobody answered | no: the questions are kept without what the PII scanner finds |
//! | `~actions` | numbers and outcomes of actions | no |
//!
//! [`CustomerDirectory::erase_subject`] erases the first five of a customer, and the conversations. The last two hold
//! what was learned from everybody and name nobody.

mod digest;
mod erase;
mod rows;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

pub use digest::ContactDigest;
pub use rules::{IdentityRules, KeyForm, KeyRule};

use self::digest::{journey_line, shorten};
use self::rows::{CustomerRow, KeyRow, Rows};
use self::rules::Key;
use crate::conversation::{ConversationId, CustomerId, CustomerProfile, JourneyEvent, TenantId};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{ConversationStore, ListQuery, Streams};

/// Writers that may get in between before we give up.
const ATTEMPTS: usize = 8;
/// Lines of history at most.
const MOST_LINES: usize = 12;
/// Characters of a line of history at most.
const LONGEST_LINE: usize = 600;
/// Months of journey events that are read for a profile.
const MONTHS: usize = 6;

/// Knows customers again, over a conversation store.
#[derive(Clone, Debug)]
pub struct CustomerDirectory {
    store: Arc<dyn ConversationStore>,
    rules: Arc<IdentityRules>,
}

/// Who it is, as far as their keys tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Identified {
    /// The customer.
    pub customer: CustomerId,
    /// Between 0 and 1: how sure that is.
    pub confidence: f32,
    /// Whether nobody had given any of these keys before.
    pub is_new: bool,
}

/// What some keys tell, before anything is written.
struct Sighting {
    /// The streams of the keys, in their order.
    held: Vec<KeyRow>,
    /// Whose they are, as far as it is sure that these are one.
    same: BTreeSet<CustomerId>,
    /// All keys of those.
    all_keys: BTreeSet<(String, String)>,
    /// Whether nobody had given any of them before.
    is_new: bool,
}

/// A customer as the directory knows them.
#[derive(Clone, Debug, PartialEq)]
pub struct Customer {
    /// The id; of one that was merged into another, the other's.
    pub id: CustomerId,
    /// Kinds and values of their keys, as they are compared.
    pub keys: BTreeSet<(String, String)>,
    /// Ids of customers that turned out to be this one.
    pub merged: BTreeSet<CustomerId>,
}

/// A conversation a customer had.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact {
    /// The conversation.
    pub conversation: ConversationId,
    /// What is remembered of it, once it was told.
    pub digest: Option<ContactDigest>,
    /// When it was told of last.
    pub last_at: Timestamp,
}

impl CustomerDirectory {
    /// Over a store, by these rules.
    pub fn new(store: Arc<dyn ConversationStore>, rules: IdentityRules) -> Self {
        Self {
            store,
            rules: Arc::new(rules),
        }
    }

    /// Who has these keys (kind and value, e.g. `phone`, `email`, `customer_id`); somebody new where nobody has.
    ///
    /// Keys that are given together belong together: new ones are added to the customer, and two customers become one
    /// where the rules allow it. A key that belongs to somebody else as well lowers the confidence.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if no key has a value, and what the store reports.
    pub async fn identify(
        &self,
        tenant: &TenantId,
        keys: &BTreeMap<String, String>,
    ) -> Result<Identified> {
        let keys = self.rules.keys(keys)?;
        for _ in 0..ATTEMPTS {
            match self.try_identify(tenant, &keys).await {
                // Somebody told the directory about the same keys: look again.
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                other => return other,
            }
        }
        Err(busy())
    }

    async fn try_identify(&self, tenant: &TenantId, keys: &[Key]) -> Result<Identified> {
        let rows = self.rows(tenant);
        let Sighting {
            held,
            mut same,
            all_keys,
            is_new,
        } = self.sight(&rows, keys).await?;
        // The oldest stays, whoever merges: two that do so at once agree.
        let known = same.first().cloned();
        let customer = known.unwrap_or_else(|| uuid::Uuid::now_v7().to_string().into());
        same.insert(customer.clone());
        for younger in same.iter().skip(1) {
            rows.merge(&customer, younger).await?;
        }
        let mut missing = Vec::new();
        let (mut against, mut doubted) = (1.0, 1.0);
        for (key, row) in keys.iter().zip(&held) {
            if !row.owners.iter().any(|owner| same.contains(owner)) {
                rows.claim(row, &customer).await?;
            }
            let pair = (key.kind.clone(), key.value.clone());
            if !all_keys.contains(&pair) {
                missing.push(pair);
            }
            against *= 1.0 - key.confidence;
            if row.owners.iter().any(|owner| !same.contains(owner)) {
                doubted *= 1.0 - self.rules.doubt * key.confidence;
            }
        }
        rows.add_keys(&customer, &missing).await?;
        Ok(Identified {
            customer,
            confidence: (1.0 - against) * doubted,
            is_new,
        })
    }

    /// The customers whom these keys tell of, the oldest first: those that [`identify`](Self::identify) would take for one.
    /// Nobody where nobody fits. Nothing is written, so that asking for somebody does not make them known.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if no key has a value, and what the store reports.
    pub async fn find(
        &self,
        tenant: &TenantId,
        keys: &BTreeMap<String, String>,
    ) -> Result<Vec<CustomerId>> {
        let keys = self.rules.keys(keys)?;
        let sighting = self.sight(&self.rows(tenant), &keys).await?;
        Ok(sighting.same.into_iter().collect())
    }

    /// Reads what is known of these keys.
    async fn sight(&self, rows: &Rows<'_>, keys: &[Key]) -> Result<Sighting> {
        let mut held = Vec::new();
        let mut known: BTreeMap<CustomerId, CustomerRow> = BTreeMap::new();
        for key in keys {
            let mut row = rows.key(key).await?;
            let mut owners: Vec<CustomerId> = Vec::new();
            for owner in &row.owners {
                let customer = rows.customer(owner).await?;
                owners.retain(|known| known != &customer.id);
                owners.push(customer.id.clone());
                known.insert(customer.id.clone(), customer);
            }
            row.owners = owners;
            held.push(row);
        }
        // Whoever has another value of a kind that nobody has two of is somebody else.
        let fits = |customer: &CustomerRow| {
            keys.iter().filter(|key| key.unique).all(|key| {
                let mut same_kind = customer.keys.iter().filter(|(kind, _)| *kind == key.kind);
                same_kind.all(|(_, value)| *value == key.value)
            })
        };
        let support = |id: &CustomerId| {
            let doubt = keys
                .iter()
                .zip(&held)
                .filter(|(_, row)| row.owners.contains(id));
            1.0 - doubt.map(|(key, _)| 1.0 - key.confidence).product::<f32>()
        };
        // Among equals the one a key was given for last.
        let latest = |id: &CustomerId| {
            held.iter()
                .filter(|row| row.owners.last() == Some(id))
                .count()
        };
        let mut candidates: Vec<&CustomerRow> = known.values().filter(|c| fits(c)).collect();
        candidates.sort_by(|a, b| {
            let by_support = support(&b.id).total_cmp(&support(&a.id));
            by_support
                .then_with(|| latest(&b.id).cmp(&latest(&a.id)))
                .then_with(|| a.id.cmp(&b.id))
        });
        let mut same = BTreeSet::new();
        let mut all_keys = BTreeSet::new();
        if let Some(best) = candidates.first() {
            same.insert(best.id.clone());
            all_keys.extend(best.keys.iter().cloned());
            for other in candidates.iter().skip(1) {
                let sure = support(&best.id).min(support(&other.id)) >= self.rules.merge_at;
                if sure && self.agree(&all_keys, &other.keys) {
                    all_keys.extend(other.keys.iter().cloned());
                    same.insert(other.id.clone());
                }
            }
        }
        Ok(Sighting {
            is_new: known.is_empty(),
            held,
            same,
            all_keys,
        })
    }

    /// Whether these can be the keys of one customer.
    fn agree(
        &self,
        ours: &BTreeSet<(String, String)>,
        theirs: &BTreeSet<(String, String)>,
    ) -> bool {
        let mut unique = ours.iter().filter(|(kind, _)| self.rules.is_unique(kind));
        unique.all(|(kind, value)| {
            let mut same_kind = theirs.iter().filter(|(other, _)| other == kind);
            same_kind.all(|(_, other)| other == value)
        })
    }

    /// The customer with this id, also under an id that was merged into another.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is none, and what the store reports.
    pub async fn customer(&self, tenant: &TenantId, id: &CustomerId) -> Result<Customer> {
        let rows = self.rows(tenant);
        let row = rows.customer(id).await?;
        if row.keys.is_empty() && row.merged.is_empty() {
            let why = format!("the directory of {tenant} has no customer {id}");
            return Err(Error::new(ErrorKind::NotFound, why));
        }
        Ok(Customer {
            id: row.id,
            keys: row.keys,
            merged: row.merged,
        })
    }

    /// Notes that a customer has, or had, this conversation. Saying so again changes nothing.
    ///
    /// # Errors
    /// As [`customer`](Self::customer).
    pub async fn link(
        &self,
        tenant: &TenantId,
        id: &CustomerId,
        conversation: &ConversationId,
    ) -> Result<()> {
        let customer = self.customer(tenant, id).await?;
        self.rows(tenant)
            .contact(&customer.id, conversation, None)
            .await
    }

    /// Keeps the digest of a conversation, in place of an earlier one, and that the customer had it.
    ///
    /// # Errors
    /// As [`customer`](Self::customer).
    pub async fn remember(
        &self,
        tenant: &TenantId,
        id: &CustomerId,
        conversation: &ConversationId,
        digest: &ContactDigest,
    ) -> Result<()> {
        let customer = self.customer(tenant, id).await?;
        self.rows(tenant)
            .contact(&customer.id, conversation, Some(digest))
            .await
    }

    /// Keeps what happened to a customer outside conversations. The same event twice is kept once.
    ///
    /// # Errors
    /// As [`customer`](Self::customer).
    pub async fn journey_events(
        &self,
        tenant: &TenantId,
        id: &CustomerId,
        events: &[JourneyEvent],
    ) -> Result<()> {
        let customer = self.customer(tenant, id).await?;
        self.rows(tenant).add_events(&customer.id, events).await
    }

    /// The conversations a customer had, at most `limit`, the one that was told of last first.
    ///
    /// # Errors
    /// As [`customer`](Self::customer).
    pub async fn contacts(
        &self,
        tenant: &TenantId,
        id: &CustomerId,
        limit: usize,
    ) -> Result<Vec<Contact>> {
        let customer = self.customer(tenant, id).await?;
        self.contacts_of(tenant, &customer, limit).await
    }

    async fn contacts_of(
        &self,
        tenant: &TenantId,
        customer: &Customer,
        limit: usize,
    ) -> Result<Vec<Contact>> {
        let rows = self.rows(tenant);
        let mut found = Vec::new();
        for id in customer.ids() {
            let prefix = rows::contacts_of(id);
            let mut query = ListQuery::of(Streams::Prefix(prefix.clone()))
                .newest_first()
                .with_limit(limit);
            let mut left = limit;
            loop {
                let page = self.store.page(tenant, &query).await?;
                left = left.saturating_sub(page.streams.len());
                for stream in page.streams {
                    let conversation = stream.id.as_str().get(prefix.len()..).unwrap_or_default();
                    found.push((
                        stream.last_at,
                        stream.position,
                        ConversationId::from(conversation),
                        id,
                    ));
                }
                if page.next.is_none() || left == 0 {
                    break;
                }
                query = query.after(page.next);
            }
        }
        found.sort_by_key(|found| std::cmp::Reverse((found.0, found.1)));
        found.truncate(limit);
        let mut contacts: Vec<Contact> = Vec::new();
        for (last_at, _, conversation, id) in found {
            if contacts
                .iter()
                .all(|known| known.conversation != conversation)
            {
                contacts.push(Contact {
                    digest: rows.digest(id, &conversation).await?,
                    conversation,
                    last_at,
                });
            }
        }
        Ok(contacts)
    }

    /// The journey events of a customer, of the last six months in which there were any, oldest first.
    ///
    /// # Errors
    /// As [`customer`](Self::customer).
    pub async fn journey(&self, tenant: &TenantId, id: &CustomerId) -> Result<Vec<JourneyEvent>> {
        let customer = self.customer(tenant, id).await?;
        self.rows(tenant).events(customer.ids(), MONTHS).await
    }

    /// The profile with what is remembered of earlier conversations and journey events, newest last: at most twelve
    /// lines of at most 600 characters. `except` is left out, the conversation that goes on now.
    ///
    /// # Errors
    /// As [`customer`](Self::customer).
    pub async fn profile(
        &self,
        tenant: &TenantId,
        id: &CustomerId,
        except: Option<&ConversationId>,
    ) -> Result<CustomerProfile> {
        let customer = self.customer(tenant, id).await?;
        let contacts = self.contacts_of(tenant, &customer, MOST_LINES + 1).await?;
        let of_contacts = contacts
            .iter()
            .filter(|contact| Some(&contact.conversation) != except)
            .filter_map(|contact| contact.digest.as_ref())
            .map(|digest| (digest.at, digest.line()));
        let events = self.rows(tenant).events(customer.ids(), MONTHS).await?;
        let of_events = events.iter().map(|event| (event.at, journey_line(event)));
        let mut lines: Vec<(Timestamp, String)> = of_contacts.chain(of_events).collect();
        lines.sort();
        let earlier = lines.len().saturating_sub(MOST_LINES);
        Ok(CustomerProfile {
            id: customer.id.as_str().to_owned(),
            display_name: None,
            attributes: BTreeMap::new(),
            history: lines
                .iter()
                .skip(earlier)
                .map(|(_, line)| shorten(line, LONGEST_LINE))
                .collect(),
        })
    }

    fn rows<'a>(&'a self, tenant: &'a TenantId) -> Rows<'a> {
        Rows {
            store: self.store.as_ref(),
            tenant,
        }
    }
}

impl Customer {
    /// The id, and those of the merged.
    fn ids(&self) -> impl Iterator<Item = &CustomerId> {
        std::iter::once(&self.id).chain(&self.merged)
    }
}

fn busy() -> Error {
    Error::new(
        ErrorKind::Conflict,
        "others kept writing to the directory of customers; try again",
    )
}

#[cfg(test)]
mod tests;
