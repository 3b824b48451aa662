//! Pages of streams, and erasing them.

use jiff::Timestamp;
use sqlx::{QueryBuilder, Sqlite};

use super::super::listing::behind_prefix;
use super::super::{ErasureReceipt, INTERNAL, ListPage, ListQuery, StreamInfo, StreamKey, Streams};
use super::{SqliteStore, failed};
use crate::conversation::TenantId;
use crate::error::Result;

/// Streams erased in one transaction, so that other writers get their turn.
const BATCH: i64 = 100;

/// Narrows a query down to these streams, by ranges that the index over the ids serves.
fn narrow(query: &mut QueryBuilder<Sqlite>, streams: &Streams) {
    match streams {
        Streams::All => {}
        Streams::Prefix(prefix) => {
            query.push(" AND id >= ").push_bind(prefix.clone());
            if let Some(end) = behind_prefix(prefix) {
                query.push(" AND id < ").push_bind(end);
            }
        }
        Streams::Conversations => {
            let end = behind_prefix(INTERNAL).unwrap_or_default();
            query.push(" AND (id < ").push_bind(INTERNAL);
            query.push(" OR id >= ").push_bind(end).push(")");
        }
    }
}

pub(super) async fn page(
    store: &SqliteStore,
    tenant: &TenantId,
    query: &ListQuery,
) -> Result<ListPage> {
    let mut sql =
        QueryBuilder::new("SELECT id, version, seq, last_at FROM conversation WHERE tenant = ");
    sql.push_bind(tenant.as_str());
    narrow(&mut sql, &query.streams);
    if let Some(after) = query.after {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        sql.push(if query.newest_first {
            " AND seq < "
        } else {
            " AND seq > "
        });
        sql.push_bind(after);
    }
    sql.push(if query.newest_first {
        " ORDER BY seq DESC LIMIT "
    } else {
        " ORDER BY seq LIMIT "
    });
    sql.push_bind(query.size() as i64 + 1);
    let rows: Vec<(String, i64, i64, i64)> = sql
        .build_query_as()
        .fetch_all(&store.reader)
        .await
        .map_err(|error| failed(&store.place, "read", error))?;
    let found = rows.into_iter().map(|(id, version, seq, last_at)| {
        let last_at = Timestamp::from_millisecond(last_at).unwrap_or(Timestamp::MAX);
        StreamInfo {
            id: id.into(),
            version: version.unsigned_abs(),
            position: seq.unsigned_abs(),
            last_at,
        }
    });
    Ok(ListPage::cut(found.collect(), query.size()))
}

pub(super) async fn one(store: &SqliteStore, key: &StreamKey) -> Result<ErasureReceipt> {
    let gone: Option<i64> = sqlx::query_scalar(
        "DELETE FROM conversation WHERE tenant = ? AND id = ? RETURNING version",
    )
    .bind(key.tenant.as_str())
    .bind(key.conversation.as_str())
    .fetch_optional(&store.writer)
    .await
    .map_err(|error| failed(&store.place, "erase from", error))?;
    if gone.is_some() {
        fold_log(store).await;
    }
    let records = gone.map_or(0, i64::unsigned_abs);
    Ok(ErasureReceipt::new(u64::from(gone.is_some()), records))
}

pub(super) async fn before(
    store: &SqliteStore,
    tenant: &TenantId,
    streams: &Streams,
    before: Timestamp,
) -> Result<ErasureReceipt> {
    let (mut gone, mut records) = (0, 0);
    loop {
        let mut sql = QueryBuilder::new(
            "DELETE FROM conversation WHERE seq IN (SELECT seq FROM conversation WHERE tenant = ",
        );
        sql.push_bind(tenant.as_str());
        sql.push(" AND last_at < ")
            .push_bind(before.as_millisecond());
        narrow(&mut sql, streams);
        sql.push(" LIMIT ")
            .push_bind(BATCH)
            .push(") RETURNING version");
        let versions: Vec<i64> = sql
            .build_query_scalar()
            .fetch_all(&store.writer)
            .await
            .map_err(|error| failed(&store.place, "erase from", error))?;
        gone += versions.len() as u64;
        records += versions
            .iter()
            .map(|version| version.unsigned_abs())
            .sum::<u64>();
        if versions.len() < BATCH as usize {
            break;
        }
    }
    if gone > 0 {
        fold_log(store).await;
    }
    Ok(ErasureReceipt::new(gone, records))
}

/// The write-ahead log still holds what was erased until it is folded into the file and cut. A reader that holds it
/// open puts this off until a later erasure, or until the store is closed.
async fn fold_log(store: &SqliteStore) {
    let folded = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&store.writer)
        .await;
    if let Err(error) = folded {
        tracing::warn!(%error, "the write-ahead log could not be folded after an erasure");
    }
}
