//! The tables and how they change: numbered steps, each applied once, in a transaction.

use std::time::Instant;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use super::{BUSY, failed, is_busy};
use crate::error::{Error, ErrorKind, Result};

/// Marks a file as ours ("attd" in ASCII; <https://sqlite.org/pragma.html#pragma_application_id>).
const APPLICATION_ID: i64 = 0x6174_7464;

/// The steps in order; the schema's number is how many of them a file has seen. A step that was
/// released is never edited.
const STEPS: &[&str] = &[
    include_str!("0001_records.sql"),
    include_str!("0002_erasure.sql"),
];

/// Switches the file to the write-ahead log and brings its schema up to date.
pub(super) async fn prepare_file(connection: &mut SqliteConnection, place: &str) -> Result<()> {
    let to_error = |error| failed(place, "open", error);
    // Before the first write: a database of somebody else must stay as it is.
    let seen = schema_number(connection, place).await?;
    let started = Instant::now();
    loop {
        // The switch needs the file for itself and SQLite does not wait for that by itself.
        match sqlx::query("PRAGMA journal_mode = WAL")
            .execute(&mut *connection)
            .await
        {
            Ok(_) => break,
            Err(error) if is_busy(&error) && started.elapsed() < BUSY => {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            Err(error) => return Err(to_error(error)),
        }
    }
    if seen < STEPS.len() {
        migrate(connection, place).await?;
    }
    Ok(())
}

/// Applies the steps the database has not seen, all or none.
pub(super) async fn migrate(connection: &mut SqliteConnection, place: &str) -> Result<()> {
    let to_error = |error| failed(place, "migrate", error);
    let mut transaction = connection
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(to_error)?;
    // Asked again under the lock: another process may have migrated in between.
    let seen = schema_number(&mut transaction, place).await?;
    for step in STEPS.iter().skip(seen) {
        sqlx::raw_sql(*step)
            .execute(&mut *transaction)
            .await
            .map_err(to_error)?;
    }
    let mark = format!(
        "PRAGMA user_version = {}; PRAGMA application_id = {APPLICATION_ID};",
        STEPS.len()
    );
    sqlx::raw_sql(AssertSqlSafe(mark))
        .execute(&mut *transaction)
        .await
        .map_err(to_error)?;
    transaction.commit().await.map_err(to_error)
}

/// How many steps the database has seen; 0 for a new one.
async fn schema_number(connection: &mut SqliteConnection, place: &str) -> Result<usize> {
    let to_error = |error| failed(place, "open", error);
    // One statement, so that all values are of one moment.
    let (application, number, tables): (i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT application_id FROM pragma_application_id),
                (SELECT user_version FROM pragma_user_version),
                (SELECT count(*) FROM sqlite_schema)",
    )
    .fetch_one(connection)
    .await
    .map_err(to_error)?;
    if (application, number, tables) == (0, 0, 0) {
        return Ok(0);
    }
    if application != APPLICATION_ID {
        return Err(Error::new(
            ErrorKind::Storage,
            format!("{place} is a database of another program; give another path"),
        ));
    }
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
