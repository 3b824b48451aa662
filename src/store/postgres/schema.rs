//! The tables and how they change: numbered steps, each applied once, in a transaction.

use sqlx::{Connection, PgConnection};

use super::failed;
use crate::error::{Error, ErrorKind, Result};

/// The steps in order; the schema's number is how many of them a database has seen. A step that was released is never
/// edited.
const STEPS: &[&str] = &[include_str!("0001_records.sql")];

/// Names the lock of whoever migrates, among the advisory locks of the database ("attd" in ASCII).
const LOCK: i64 = 0x6174_7464;

/// Brings the database up to date. One that is needs no right to create tables.
pub(super) async fn prepare(connection: &mut PgConnection, place: &str) -> Result<()> {
    let encoding: String = sqlx::query_scalar("SHOW server_encoding")
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| failed(place, "open", error))?;
    if encoding != "UTF8" {
        return Err(Error::new(
            ErrorKind::Config,
            format!("the database at {place} is encoded in {encoding}; create one in UTF8"),
        ));
    }
    if seen(connection, place).await? < STEPS.len() {
        migrate(connection, place).await?;
    }
    Ok(())
}

/// Applies the steps the database has not seen, one process at a time.
async fn migrate(connection: &mut PgConnection, place: &str) -> Result<()> {
    let to_error = |error| failed(place, "migrate", error);
    // The lock is the connection's, not a transaction's: a transaction that began before another process had migrated
    // would still take the tables for missing. Where a step fails the connection is closed, and the lock with it.
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(LOCK)
        .execute(&mut *connection)
        .await
        .map_err(to_error)?;
    apply(connection, place).await?;
    sqlx::query("SELECT pg_advisory_unlock($1)")
        .bind(LOCK)
        .execute(&mut *connection)
        .await
        .map_err(to_error)?;
    Ok(())
}

/// All or none.
async fn apply(connection: &mut PgConnection, place: &str) -> Result<()> {
    let to_error = |error| failed(place, "migrate", error);
    let mut transaction = connection.begin().await.map_err(to_error)?;
    // Asked again under the lock: another process may have migrated in between.
    let seen = seen(&mut transaction, place).await?;
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS attendant_schema (
             step INTEGER PRIMARY KEY,
             at   TIMESTAMPTZ NOT NULL DEFAULT now()
         )",
    )
    .execute(&mut *transaction)
    .await
    .map_err(to_error)?;
    for (step, sql) in (1i32..).zip(STEPS).skip(seen) {
        sqlx::raw_sql(*sql)
            .execute(&mut *transaction)
            .await
            .map_err(to_error)?;
        sqlx::query("INSERT INTO attendant_schema (step) VALUES ($1)")
            .bind(step)
            .execute(&mut *transaction)
            .await
            .map_err(to_error)?;
    }
    transaction.commit().await.map_err(to_error)
}

/// How many steps the database has seen; 0 for a new one.
async fn seen(connection: &mut PgConnection, place: &str) -> Result<usize> {
    let to_error = |error| failed(place, "open", error);
    let is_there: bool = sqlx::query_scalar("SELECT to_regclass('attendant_schema') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await
        .map_err(to_error)?;
    if !is_there {
        return Ok(0);
    }
    let number: i32 = sqlx::query_scalar("SELECT COALESCE(MAX(step), 0) FROM attendant_schema")
        .fetch_one(&mut *connection)
        .await
        .map_err(to_error)?;
    match usize::try_from(number) {
        Ok(number) if number <= STEPS.len() => Ok(number),
        _ => Err(Error::new(
            ErrorKind::Storage,
            format!(
                "the store at {place} has schema {number}, this version of attendant knows up to \
                 {}; upgrade attendant",
                STEPS.len()
            ),
        )),
    }
}
