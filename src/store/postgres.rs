//! Records in a PostgreSQL database: many processes on many machines share it.

mod failure;
mod schema;
mod streams;
mod text;

use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::{ConnectOptions, Connection, Row};

use self::failure::{failed, is_gone};
use self::text::{escape, unescape};
use super::listing::latest;
use super::{
    ConversationStore, ErasureReceipt, ListPage, ListQuery, Record, Snapshot, StreamKey, Streams,
    Version, conflict,
};
use crate::conversation::{ConversationId, TenantId};
use crate::error::{Error, ErrorKind, OrError, Result};

/// How long we wait for a connection, and for other writers.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one call may take in all: longer than what the server itself ends, for a server that does not answer.
const LIMIT: Duration = Duration::from_secs(30);
/// What every connection is told: nobody holds a lock for longer than others wait for it.
const SETTINGS: &str = "SET lock_timeout = '10s'; SET statement_timeout = '20s'; \
                        SET idle_in_transaction_session_timeout = '20s'";
/// Pauses before the same call is made again over another connection.
const PAUSES: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(800),
];
/// A connection that rested longer than this is tried before it is used.
const RESTED: Duration = Duration::from_secs(5);
/// Connections a store opens at most, where nobody says otherwise.
const CONNECTIONS: u32 = 10;

/// A [`ConversationStore`] in a PostgreSQL database (version 11 or newer, encoded in UTF8), in tables of its own that
/// begin with `attendant_`, in the first schema of the search path.
///
/// Clones share its connections; any number of processes may use the database at once. An append that was acknowledged
/// is as durable as the database's `synchronous_commit` makes it. After the server was away the store goes on by itself;
/// a call that fell into that time is made again a few times, which is harmless, and ends as
/// [`ErrorKind::Unavailable`] where that did not help. What is erased is gone from the tables at once; the server's own
/// files keep it until its next vacuum, and its archives as long as they are kept.
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
    place: Arc<str>,
}

/// Why a call did not work out.
enum Failure {
    /// It was refused for what it is.
    Refused(Error),
    /// The database reported it.
    Database(sqlx::Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl PostgresStore {
    /// Opens the store that a URL like `postgres://USER:PASSWORD@HOST:PORT/DATABASE` names; for a socket
    /// `postgres:///DATABASE?host=FOLDER`. An empty database becomes a new store, an older store is migrated.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the URL cannot be read, or the database does not exist or does not let us in;
    /// [`ErrorKind::Storage`] if it was written by a newer version of this crate; [`ErrorKind::Unavailable`] if the
    /// server does not answer.
    pub async fn open(url: &str) -> Result<Self> {
        Self::open_with(url, CONNECTIONS).await
    }

    /// As [`open`](Self::open), with at most so many connections.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_with(url: &str, connections: u32) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| failed("the given URL", "open", error))?
            .application_name("attendant")
            .disable_statement_logging();
        // The URL may have a password in it.
        let place: Arc<str> = format!(
            "{}:{}/{}",
            options.get_host(),
            options.get_port(),
            options.get_database().unwrap_or("postgres")
        )
        .into();
        let prepare = async {
            let to_error = |error| failed(&place, "open", error);
            let mut connection = options.connect().await.map_err(to_error)?;
            tell_settings(&mut connection).await.map_err(to_error)?;
            schema::prepare(&mut connection, &place).await?;
            connection.close().await.map_err(to_error)
        };
        tokio::time::timeout(LIMIT, prepare)
            .await
            .unwrap_or_else(|_| Err(silent(&place, "open")))?;
        let pool = PgPoolOptions::new()
            .max_connections(connections.max(1))
            .acquire_timeout(PATIENCE)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > RESTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .after_connect(|connection, _| Box::pin(tell_settings(connection)))
            .connect_lazy_with(options);
        Ok(Self { pool, place })
    }

    /// Waits until the connections are closed. The store and its clones cannot be used afterwards.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Does a piece of work, again over another connection where one was gone.
    async fn steadily<T, F>(&self, doing: &str, mut work: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let all = async {
            let mut pauses = PAUSES.into_iter();
            loop {
                match work().await {
                    Ok(done) => return Ok(done),
                    Err(Failure::Refused(error)) => return Err(error),
                    Err(Failure::Database(error)) => match pauses.next() {
                        Some(pause) if is_gone(&error) => tokio::time::sleep(pause).await,
                        _ => return Err(failed(&self.place, doing, error)),
                    },
                }
            }
        };
        tokio::time::timeout(LIMIT, all)
            .await
            .unwrap_or_else(|_| Err(silent(&self.place, doing)))
    }

    async fn append_once(
        &self,
        key: &StreamKey,
        expected: Version,
        records: &[Record],
    ) -> Result<Version, Failure> {
        // Dropping it rolls back.
        let mut transaction = self.pool.begin().await?;
        let mut known = find(&mut transaction, key).await?;
        let is_new = known.is_none() && expected == 0 && !records.is_empty();
        if is_new {
            // One after the other, so that a tenant's streams are numbered in the order in which they can be seen: who
            // reads page by page misses none.
            sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
                .bind(escape(key.tenant.as_str()))
                .execute(&mut *transaction)
                .await?;
            known = find(&mut transaction, key).await?;
        }
        let current = known.map_or(0, |(_, version)| version);
        let mut fresh: Vec<&Record> = Vec::new();
        let there = match known {
            Some((seq, _)) => known_ids(&mut transaction, seq, records).await?,
            None => Vec::new(),
        };
        for record in records {
            let is_known = there.contains(&record.id.to_string());
            if !is_known && !fresh.iter().any(|earlier| earlier.id == record.id) {
                fresh.push(record);
            }
        }
        if fresh.is_empty() {
            return Ok(current.unsigned_abs());
        }
        if current.unsigned_abs() != expected {
            let told = conflict(key, expected, current.unsigned_abs());
            return Err(Failure::Refused(told));
        }
        let new = current + fresh.len() as i64;
        let last_at = latest(fresh.iter().map(|record| record.at)).as_millisecond();
        let seq = match known {
            Some((seq, _)) => {
                sqlx::query(
                    "UPDATE attendant_conversation
                     SET version = $2, last_at = greatest(last_at, $3) WHERE seq = $1",
                )
                .bind(seq)
                .bind(new)
                .bind(last_at)
                .execute(&mut *transaction)
                .await?;
                seq
            }
            None => {
                sqlx::query_scalar(
                    "INSERT INTO attendant_conversation (tenant, id, version, last_at)
                     VALUES ($1, $2, $3, $4) RETURNING seq",
                )
                .bind(escape(key.tenant.as_str()))
                .bind(escape(key.conversation.as_str()))
                .bind(new)
                .bind(last_at)
                .fetch_one(&mut *transaction)
                .await?
            }
        };
        insert(&mut transaction, seq, current, &fresh).await?;
        transaction.commit().await?;
        Ok(new.unsigned_abs())
    }
}

// The URL may have a password in it, and records are personal data.
impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

async fn tell_settings(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(SETTINGS).execute(connection).await?;
    Ok(())
}

fn silent(place: &str, doing: &str) -> Error {
    let limit = LIMIT.as_secs();
    Error::new(
        ErrorKind::Timeout,
        format!("cannot {doing} the store at {place}: no answer within {limit} s; try again"),
    )
}

/// Number and version of a conversation, held until the transaction ends: writers to it come one after the other.
async fn find(
    connection: &mut PgConnection,
    key: &StreamKey,
) -> Result<Option<(i64, i64)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT seq, version FROM attendant_conversation WHERE tenant = $1 AND id = $2 FOR UPDATE",
    )
    .bind(escape(key.tenant.as_str()))
    .bind(escape(key.conversation.as_str()))
    .fetch_optional(connection)
    .await
}

/// Which of the records are there already.
async fn known_ids(
    connection: &mut PgConnection,
    seq: i64,
    records: &[Record],
) -> Result<Vec<String>, sqlx::Error> {
    let ids: Vec<String> = records.iter().map(|record| record.id.to_string()).collect();
    sqlx::query_scalar(
        "SELECT id::text FROM attendant_record
         WHERE conversation = $1 AND id = ANY(CAST($2::text[] AS uuid[]))",
    )
    .bind(seq)
    .bind(ids)
    .fetch_all(connection)
    .await
}

async fn insert(
    connection: &mut PgConnection,
    seq: i64,
    current: i64,
    fresh: &[&Record],
) -> Result<(), sqlx::Error> {
    let of = |text: fn(&Record) -> String| -> Vec<String> {
        fresh.iter().map(|record| text(record)).collect()
    };
    let versions: Vec<i64> = (current + 1..).take(fresh.len()).collect();
    let forms: Vec<i32> = fresh.iter().map(|record| i32::from(record.form)).collect();
    sqlx::query(
        "INSERT INTO attendant_record (conversation, version, id, kind, form, payload, at)
         SELECT $1, version, CAST(id AS uuid), kind, form, payload, at
         FROM unnest($2::bigint[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::text[])
              AS fresh (version, id, kind, form, payload, at)",
    )
    .bind(seq)
    .bind(versions)
    .bind(of(|record| record.id.to_string()))
    .bind(of(|record| escape(&record.kind).into_owned()))
    .bind(forms)
    .bind(of(|record| record.payload.to_string()))
    .bind(of(|record| record.at.to_string()))
    .execute(connection)
    .await?;
    Ok(())
}

fn decode(row: &PgRow) -> Result<Record, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Record {
        id: row.try_get::<&str, _>("id")?.parse()?,
        kind: unescape(row.try_get("kind")?),
        form: u16::try_from(row.try_get::<i32, _>("form")?)?,
        payload: serde_json::from_str(row.try_get("payload")?)?,
        at: row.try_get::<&str, _>("at")?.parse()?,
    })
}

#[async_trait]
impl ConversationStore for PostgresStore {
    async fn append(
        &self,
        key: &StreamKey,
        expected: Version,
        records: &[Record],
    ) -> Result<Version> {
        self.steadily("append to", || self.append_once(key, expected, records))
            .await
    }

    async fn load(&self, key: &StreamKey, after: Version) -> Result<Vec<Record>> {
        let load = || async {
            let rows = sqlx::query(
                "SELECT r.id::text AS id, r.kind, r.form, r.payload, r.at
                 FROM attendant_record r JOIN attendant_conversation c ON c.seq = r.conversation
                 WHERE c.tenant = $1 AND c.id = $2 AND r.version > $3
                 ORDER BY r.version",
            )
            .bind(escape(key.tenant.as_str()))
            .bind(escape(key.conversation.as_str()))
            .bind(i64::try_from(after).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await?;
            Ok(rows)
        };
        let rows = self.steadily("read", load).await?;
        rows.iter()
            .map(|row| {
                decode(row).or_error(ErrorKind::Storage, || {
                    format!(
                        "a record of conversation {} in the store at {} is damaged; restore the \
                         database from a backup",
                        key.conversation, self.place
                    )
                })
            })
            .collect()
    }

    async fn list(&self, tenant: &TenantId) -> Result<Vec<ConversationId>> {
        let list = || async {
            let ids: Vec<String> = sqlx::query_scalar(
                "SELECT id FROM attendant_conversation WHERE tenant = $1 ORDER BY seq",
            )
            .bind(escape(tenant.as_str()))
            .fetch_all(&self.pool)
            .await?;
            Ok(ids)
        };
        let ids = self.steadily("read", list).await?;
        Ok(ids.into_iter().map(|id| unescape(id).into()).collect())
    }

    async fn page(&self, tenant: &TenantId, query: &ListQuery) -> Result<ListPage> {
        self.steadily("read", || streams::page(&self.pool, tenant, query))
            .await
    }

    async fn erase(&self, key: &StreamKey) -> Result<ErasureReceipt> {
        self.steadily("erase from", || streams::erase(&self.pool, key))
            .await
    }

    async fn erase_before(
        &self,
        tenant: &TenantId,
        streams: &Streams,
        before: Timestamp,
    ) -> Result<ErasureReceipt> {
        let (mut gone, mut records) = (0, 0);
        loop {
            let batch = self
                .steadily("erase from", || {
                    streams::erase_before(&self.pool, tenant, streams, before)
                })
                .await?;
            gone += batch.len() as u64;
            records += batch.iter().map(|count| count.unsigned_abs()).sum::<u64>();
            if batch.is_empty() {
                return Ok(ErasureReceipt::new(gone, records));
            }
        }
    }

    async fn snapshot(&self, key: &StreamKey) -> Result<Option<Snapshot>> {
        self.steadily("read", || streams::snapshot(&self.pool, key))
            .await
    }

    async fn keep_snapshot(&self, key: &StreamKey, snapshot: &Snapshot) -> Result<()> {
        self.steadily("append to", || {
            streams::keep_snapshot(&self.pool, key, snapshot)
        })
        .await
    }
}
