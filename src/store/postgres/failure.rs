//! What PostgreSQL's errors mean for whoever called.

use super::PATIENCE;
use crate::error::{Error, ErrorKind};

/// Whether the connection, or the server behind it, went away: another connection may do.
pub(super) fn is_gone(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => true,
        // A connection that ends in the middle of a message.
        sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            code.starts_with("08") || matches!(&*code, "57P01" | "57P02" | "57P03")
        }
        _ => false,
    }
}

/// One sentence that says what to do. SQLSTATE codes: PostgreSQL's manual, appendix A.
pub(super) fn failed(place: &str, doing: &str, error: sqlx::Error) -> Error {
    let code = error
        .as_database_error()
        .and_then(|error| error.code())
        .unwrap_or_default()
        .into_owned();
    let (kind, advice) = match (&error, code.as_str()) {
        (error, _) if is_gone(error) => (
            ErrorKind::Unavailable,
            "the server is away; try again".to_owned(),
        ),
        (sqlx::Error::PoolTimedOut, _) => (
            ErrorKind::Unavailable,
            format!(
                "there was no connection within {} s; try again, and check that the server runs and allows enough of \
                 them",
                PATIENCE.as_secs()
            ),
        ),
        (sqlx::Error::Tls(_), _) => (
            ErrorKind::Config,
            "the connection cannot be encrypted; check sslmode and the certificates".to_owned(),
        ),
        (sqlx::Error::Configuration(_), _) => (
            ErrorKind::Config,
            "the URL cannot be read; write postgres://USER:PASSWORD@HOST:PORT/DATABASE".to_owned(),
        ),
        (_, "53300") => (
            ErrorKind::Unavailable,
            "it has no connection left; try again, or allow more of them".to_owned(),
        ),
        (_, "55P03" | "57014") => (
            ErrorKind::Timeout,
            format!(
                "other writers kept it busy for {} s; try again",
                PATIENCE.as_secs()
            ),
        ),
        (_, "40001" | "40P01" | "23505") => (
            ErrorKind::Conflict,
            "somebody else wrote at the same time; load again, then append".to_owned(),
        ),
        (_, "28P01" | "28000") => (
            ErrorKind::Config,
            "it does not let this user in; check user and password".to_owned(),
        ),
        (_, "3D000") => (
            ErrorKind::Config,
            "there is no such database; create it".to_owned(),
        ),
        (_, "42501") => (
            ErrorKind::Config,
            "this user lacks the rights; grant them, or migrate as another user first".to_owned(),
        ),
        (_, "25006") => (
            ErrorKind::Storage,
            "it may not be written, as a replica may not; connect to the primary".to_owned(),
        ),
        (_, "53100") => (ErrorKind::Storage, "the disk is full".to_owned()),
        (_, "54000") => (
            ErrorKind::InvalidInput,
            "the id of a tenant or conversation is too long; keep both together under 2000 bytes"
                .to_owned(),
        ),
        _ => (ErrorKind::Storage, "PostgreSQL failed".to_owned()),
    };
    Error::new(
        kind,
        format!("cannot {doing} the store at {place}: {advice}"),
    )
    .with_source(error)
}
