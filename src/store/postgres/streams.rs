//! Pages of streams, erasing them, and their snapshots.

use jiff::Timestamp;
use sqlx::postgres::PgPool;
use sqlx::{Postgres, QueryBuilder};

use super::super::listing::behind_prefix;
use super::super::{
    ErasureReceipt, INTERNAL, ListPage, ListQuery, Snapshot, StreamInfo, StreamKey, Streams,
};
use super::Failure;
use super::text::{escape, unescape};
use crate::conversation::TenantId;

/// Streams erased in one transaction, so that locks are held for a moment only.
const BATCH: i64 = 100;

/// Narrows a query down to these streams, by ranges that the index over the ids serves.
fn narrow(query: &mut QueryBuilder<Postgres>, streams: &Streams) {
    match streams {
        Streams::All => {}
        Streams::Prefix(prefix) => {
            let prefix = escape(prefix).into_owned();
            if let Some(end) = behind_prefix(&prefix) {
                query.push(" AND id < ").push_bind(end);
            }
            query.push(" AND id >= ").push_bind(prefix);
        }
        Streams::Conversations => {
            let end = behind_prefix(INTERNAL).unwrap_or_default();
            query.push(" AND (id < ").push_bind(INTERNAL);
            query.push(" OR id >= ").push_bind(end).push(")");
        }
    }
}

pub(super) async fn page(
    pool: &PgPool,
    tenant: &TenantId,
    query: &ListQuery,
) -> Result<ListPage, Failure> {
    let mut sql = QueryBuilder::new(
        "SELECT id, version, seq, last_at FROM attendant_conversation WHERE tenant = ",
    );
    sql.push_bind(escape(tenant.as_str()).into_owned());
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
    let rows: Vec<(String, i64, i64, i64)> = sql.build_query_as().fetch_all(pool).await?;
    let found = rows.into_iter().map(|(id, version, seq, last_at)| {
        let last_at = Timestamp::from_millisecond(last_at).unwrap_or(Timestamp::MAX);
        StreamInfo {
            id: unescape(id).into(),
            version: version.unsigned_abs(),
            position: seq.unsigned_abs(),
            last_at,
        }
    });
    Ok(ListPage::cut(found.collect(), query.size()))
}

pub(super) async fn erase(pool: &PgPool, key: &StreamKey) -> Result<ErasureReceipt, Failure> {
    let gone: Option<i64> = sqlx::query_scalar(
        "DELETE FROM attendant_conversation WHERE tenant = $1 AND id = $2 RETURNING version",
    )
    .bind(escape(key.tenant.as_str()))
    .bind(escape(key.conversation.as_str()))
    .fetch_optional(pool)
    .await?;
    let records = gone.map_or(0, i64::unsigned_abs);
    Ok(ErasureReceipt::new(u64::from(gone.is_some()), records))
}

/// Erases some old streams; how many records each had, nothing where none is left.
pub(super) async fn erase_before(
    pool: &PgPool,
    tenant: &TenantId,
    streams: &Streams,
    before: Timestamp,
) -> Result<Vec<i64>, Failure> {
    let mut sql = QueryBuilder::new(
        "DELETE FROM attendant_conversation WHERE seq IN
         (SELECT seq FROM attendant_conversation WHERE tenant = ",
    );
    sql.push_bind(escape(tenant.as_str()).into_owned());
    sql.push(" AND last_at < ")
        .push_bind(before.as_millisecond());
    narrow(&mut sql, streams);
    // The lock makes sure that nobody appended since it was found to be old.
    sql.push(" ORDER BY seq LIMIT ").push_bind(BATCH);
    sql.push(" FOR UPDATE) RETURNING version");
    Ok(sql.build_query_scalar().fetch_all(pool).await?)
}

pub(super) async fn snapshot(pool: &PgPool, key: &StreamKey) -> Result<Option<Snapshot>, Failure> {
    let kept: Option<(i64, i32, String)> = sqlx::query_as(
        "SELECT s.version, s.form, s.payload
         FROM attendant_snapshot s JOIN attendant_conversation c ON c.seq = s.conversation
         WHERE c.tenant = $1 AND c.id = $2",
    )
    .bind(escape(key.tenant.as_str()))
    .bind(escape(key.conversation.as_str()))
    .fetch_optional(pool)
    .await?;
    // A damaged one is as good as none: the records tell the same.
    Ok(kept.and_then(|(version, form, payload)| {
        Some(Snapshot {
            version: version.unsigned_abs(),
            form: u16::try_from(form).ok()?,
            payload: serde_json::from_str(&payload).ok()?,
        })
    }))
}

pub(super) async fn keep_snapshot(
    pool: &PgPool,
    key: &StreamKey,
    snapshot: &Snapshot,
) -> Result<(), Failure> {
    // The row is locked, so that an erasure at the same time comes before or after, never in between.
    sqlx::query(
        "INSERT INTO attendant_snapshot AS kept (conversation, version, form, payload)
         SELECT seq, $3::bigint, $4::integer, $5::text FROM attendant_conversation
         WHERE tenant = $1 AND id = $2 AND version >= $3 FOR KEY SHARE
         ON CONFLICT (conversation) DO UPDATE
         SET version = excluded.version, form = excluded.form, payload = excluded.payload
         WHERE excluded.version >= kept.version",
    )
    .bind(escape(key.tenant.as_str()))
    .bind(escape(key.conversation.as_str()))
    .bind(i64::try_from(snapshot.version).unwrap_or(i64::MAX))
    .bind(i32::from(snapshot.form))
    .bind(snapshot.payload.to_string())
    .execute(pool)
    .await?;
    Ok(())
}
