//! Records in one SQLite file: durable, shared by processes, no server.

mod erase;
mod schema;

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Row};

use super::listing::latest;
use super::{
    ConversationStore, ErasureReceipt, ListPage, ListQuery, Record, Snapshot, StreamKey, Streams,
    Version, conflict,
};
use crate::conversation::{ConversationId, TenantId};
use crate::error::{Error, ErrorKind, OrError, Result};

/// How long a writer waits for another process before it gives up.
const BUSY: Duration = Duration::from_secs(10);

/// A [`ConversationStore`] in an SQLite file.
///
/// Clones share its connections; several stores, also of several processes, may have the same file
/// open. An append that was acknowledged survives a crash of the process and of the machine.
#[derive(Clone)]
pub struct SqliteStore {
    // One writer in a fair queue: SQLite lets one in at a time anyway, and its own waiting is a
    // poll that can starve a task under load. Readers never wait for it (write-ahead log).
    writer: SqlitePool,
    reader: SqlitePool,
    place: Arc<str>,
    /// Whether a connection can be given up for a new one; in memory the data would go with it.
    renewable: bool,
}

impl SqliteStore {
    /// Opens the store in the file at `path`; an absent or empty file becomes a new store, an
    /// older one is migrated. The folder must exist.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] if the file is no store, is damaged, was written by a newer version
    /// of this crate, or cannot be opened; [`ErrorKind::Timeout`] if other processes kept it busy.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        // An absolute path: SQLite gives names like `:memory:` and `file:x` another meaning.
        let absolute = std::path::absolute(path).or_error(ErrorKind::Storage, || {
            format!("cannot open the store at \"{}\"", path.display())
        })?;
        let place: Arc<str> = absolute.display().to_string().into();
        let options = options().filename(&absolute).create_if_missing(true);
        let mut connection = options
            .connect()
            .await
            .map_err(|error| failed(&place, "open", error))?;
        schema::prepare_file(&mut connection, &place).await?;
        connection
            .close()
            .await
            .map_err(|error| failed(&place, "open", error))?;
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(BUSY)
                .test_before_acquire(false)
                .connect_lazy_with(options.clone())
        };
        Ok(Self {
            writer: pool(1),
            reader: pool(4),
            place,
            renewable: true,
        })
    }

    /// A store in memory: for tests. It is lost with its last clone.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] if SQLite cannot start.
    pub async fn in_memory() -> Result<Self> {
        let place: Arc<str> = "memory".into();
        // Each connection has a memory of its own, so there is one, and it is never renewed.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(BUSY)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(options().in_memory(true))
            .await
            .map_err(|error| failed(&place, "open", error))?;
        let mut connection = pool
            .acquire()
            .await
            .map_err(|error| failed(&place, "open", error))?;
        schema::migrate(&mut connection, &place).await?;
        drop(connection);
        Ok(Self {
            writer: pool.clone(),
            reader: pool,
            place,
            renewable: false,
        })
    }

    /// Waits until the connections are closed and the write-ahead log is folded into the file,
    /// e.g. before the file is copied. The store and its clones cannot be used afterwards.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    async fn append_on(
        &self,
        connection: &mut SqliteConnection,
        key: &StreamKey,
        expected: Version,
        records: &[Record],
    ) -> Result<Version> {
        let to_error = |error| failed(&self.place, "append to", error);
        // Immediate: a transaction that reads first and writes later could lose the race between
        // the two and fail without waiting. Dropping it rolls back.
        let mut transaction = connection
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(to_error)?;
        let known: Option<(i64, i64)> =
            sqlx::query_as("SELECT seq, version FROM conversation WHERE tenant = ? AND id = ?")
                .bind(key.tenant.as_str())
                .bind(key.conversation.as_str())
                .fetch_optional(&mut *transaction)
                .await
                .map_err(to_error)?;
        let current = known.map_or(0, |(_, version)| version);

        let mut fresh: Vec<&Record> = Vec::new();
        for record in records {
            let in_batch = fresh.iter().any(|earlier| earlier.id == record.id);
            let in_store = match known {
                Some((seq, _)) if !in_batch => {
                    sqlx::query("SELECT 1 FROM record WHERE conversation = ? AND id = ?")
                        .bind(seq)
                        .bind(record.id.to_string())
                        .fetch_optional(&mut *transaction)
                        .await
                        .map_err(to_error)?
                        .is_some()
                }
                _ => false,
            };
            if !in_batch && !in_store {
                fresh.push(record);
            }
        }
        if fresh.is_empty() {
            return Ok(current.unsigned_abs());
        }
        if current.unsigned_abs() != expected {
            return Err(conflict(key, expected, current.unsigned_abs()));
        }

        let new = current + fresh.len() as i64;
        let seq: i64 = sqlx::query_scalar(
            "INSERT INTO conversation (tenant, id, version, last_at) VALUES (?, ?, ?, ?)
             ON CONFLICT (tenant, id) DO UPDATE
             SET version = excluded.version, last_at = max(last_at, excluded.last_at)
             RETURNING seq",
        )
        .bind(key.tenant.as_str())
        .bind(key.conversation.as_str())
        .bind(new)
        .bind(latest(fresh.iter().map(|record| record.at)).as_millisecond())
        .fetch_one(&mut *transaction)
        .await
        .map_err(to_error)?;
        for (version, record) in (current + 1..).zip(fresh) {
            sqlx::query(
                "INSERT INTO record (conversation, version, id, kind, form, payload, at)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(seq)
            .bind(version)
            .bind(record.id.to_string())
            .bind(&record.kind)
            .bind(record.form)
            .bind(record.payload.to_string())
            .bind(record.at.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(to_error)?;
        }
        transaction.commit().await.map_err(to_error)?;
        Ok(new.unsigned_abs())
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ConversationStore for SqliteStore {
    async fn append(
        &self,
        key: &StreamKey,
        expected: Version,
        records: &[Record],
    ) -> Result<Version> {
        let mut connection = self
            .writer
            .acquire()
            .await
            .map_err(|error| failed(&self.place, "append to", error))?;
        let appended = self
            .append_on(&mut connection, key, expected, records)
            .await;
        let failed = appended.as_ref().err().map(Error::kind);
        if self.renewable && failed.is_some_and(|kind| kind != ErrorKind::Conflict) {
            // After a full disk SQLite has rolled back by itself, and sqlx does not know it: nothing could be begun on
            // this connection again.
            connection.close_on_drop();
        }
        appended
    }

    async fn load(&self, key: &StreamKey, after: Version) -> Result<Vec<Record>> {
        let rows = sqlx::query(
            "SELECT r.id, r.kind, r.form, r.payload, r.at
             FROM record r JOIN conversation c ON c.seq = r.conversation
             WHERE c.tenant = ? AND c.id = ? AND r.version > ?
             ORDER BY r.version",
        )
        .bind(key.tenant.as_str())
        .bind(key.conversation.as_str())
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .fetch_all(&self.reader)
        .await
        .map_err(|error| failed(&self.place, "read", error))?;
        rows.iter()
            .map(|row| {
                decode(row).or_error(ErrorKind::Storage, || {
                    format!(
                        "a record of conversation {} in the store at {} is damaged; \
                         restore the file from a backup",
                        key.conversation, self.place
                    )
                })
            })
            .collect()
    }

    async fn list(&self, tenant: &TenantId) -> Result<Vec<ConversationId>> {
        let ids: Vec<String> =
            sqlx::query_scalar("SELECT id FROM conversation WHERE tenant = ? ORDER BY seq")
                .bind(tenant.as_str())
                .fetch_all(&self.reader)
                .await
                .map_err(|error| failed(&self.place, "read", error))?;
        Ok(ids.into_iter().map(ConversationId::from).collect())
    }

    async fn page(&self, tenant: &TenantId, query: &ListQuery) -> Result<ListPage> {
        erase::page(self, tenant, query).await
    }

    async fn erase(&self, key: &StreamKey) -> Result<ErasureReceipt> {
        erase::one(self, key).await
    }

    async fn erase_before(
        &self,
        tenant: &TenantId,
        streams: &Streams,
        before: Timestamp,
    ) -> Result<ErasureReceipt> {
        erase::before(self, tenant, streams, before).await
    }

    async fn snapshot(&self, key: &StreamKey) -> Result<Option<Snapshot>> {
        let kept: Option<(i64, u16, String)> = sqlx::query_as(
            "SELECT s.version, s.form, s.payload
             FROM snapshot s JOIN conversation c ON c.seq = s.conversation
             WHERE c.tenant = ? AND c.id = ?",
        )
        .bind(key.tenant.as_str())
        .bind(key.conversation.as_str())
        .fetch_optional(&self.reader)
        .await
        .map_err(|error| failed(&self.place, "read", error))?;
        // A damaged one is as good as none: the records tell the same.
        Ok(kept.and_then(|(version, form, payload)| {
            Some(Snapshot {
                version: version.unsigned_abs(),
                form,
                payload: serde_json::from_str(&payload).ok()?,
            })
        }))
    }

    async fn keep_snapshot(&self, key: &StreamKey, snapshot: &Snapshot) -> Result<()> {
        sqlx::query(
            "INSERT INTO snapshot (conversation, version, form, payload)
             SELECT seq, ?3, ?4, ?5 FROM conversation
             WHERE tenant = ?1 AND id = ?2 AND version >= ?3
             ON CONFLICT (conversation) DO UPDATE
             SET version = excluded.version, form = excluded.form, payload = excluded.payload
             WHERE excluded.version >= snapshot.version",
        )
        .bind(key.tenant.as_str())
        .bind(key.conversation.as_str())
        .bind(i64::try_from(snapshot.version).unwrap_or(i64::MAX))
        .bind(snapshot.form)
        .bind(snapshot.payload.to_string())
        .execute(&self.writer)
        .await
        .map_err(|error| failed(&self.place, "append to", error))?;
        Ok(())
    }
}

fn options() -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .busy_timeout(BUSY)
        .foreign_keys(true)
        // FULL, not NORMAL: with a write-ahead log NORMAL survives a crash of the process, but a
        // power cut may take back appends that were acknowledged, and a receipt of an action that
        // ran must not be lost. It costs one fsync an append, a few a second per conversation.
        .synchronous(SqliteSynchronous::Full)
        // What is erased is overwritten, not only let go of.
        .pragma("secure_delete", "ON")
}

fn decode(row: &SqliteRow) -> Result<Record, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Record {
        id: row.try_get::<&str, _>("id")?.parse()?,
        kind: row.try_get("kind")?,
        form: row.try_get("form")?,
        payload: serde_json::from_str(row.try_get("payload")?)?,
        at: row.try_get::<&str, _>("at")?.parse()?,
    })
}

/// SQLite's primary result code, where the error has one (<https://sqlite.org/rescode.html>).
fn result_code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?;
    code.parse::<i32>().ok().map(|extended| extended & 0xff)
}

fn is_busy(error: &sqlx::Error) -> bool {
    matches!(result_code(error), Some(5 | 6)) || matches!(error, sqlx::Error::PoolTimedOut)
}

fn failed(place: &str, doing: &str, error: sqlx::Error) -> Error {
    let (kind, advice): (_, Cow<'static, str>) = match result_code(&error) {
        _ if is_busy(&error) => (
            ErrorKind::Timeout,
            format!(
                "other writers kept it busy for {} s; try again",
                BUSY.as_secs()
            )
            .into(),
        ),
        Some(8) => (ErrorKind::Storage, "it may not be written".into()),
        Some(11) => (
            ErrorKind::Storage,
            "it is damaged; restore it from a backup".into(),
        ),
        Some(13) => (ErrorKind::Storage, "the disk is full".into()),
        Some(14) => (
            ErrorKind::Storage,
            "check that the folder exists and may be written".into(),
        ),
        Some(26) => (
            ErrorKind::Storage,
            "it is not an SQLite database; give another path".into(),
        ),
        _ => (ErrorKind::Storage, "SQLite failed".into()),
    };
    Error::new(
        kind,
        format!("cannot {doing} the store at {place}: {advice}"),
    )
    .with_source(error)
}

#[cfg(test)]
mod tests;
