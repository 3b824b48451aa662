//! The store that a setting names.

use std::sync::Arc;

use super::{ConversationStore, MemoryStore};
use crate::error::{Error, ErrorKind, Result};

/// Opens the store that `place` names:
///
/// | place | store |
/// |---|---|
/// | `memory` | [`MemoryStore`]: gone with the process |
/// | `sqlite:PATH` | `SqliteStore` in this file (feature `sqlite`); the path as it is, nothing is decoded |
/// | `postgres://USER:PASSWORD@HOST:PORT/DATABASE` | `PostgresStore` (feature `postgres`); libpq's parameters (`sslmode`, …) are understood |
///
/// # Errors
/// [`ErrorKind::Config`] if the place is none of these or needs a feature that is off, and what the store reports.
/// The message never has the place in it, which may hold a password.
pub async fn open(place: &str) -> Result<Arc<dyn ConversationStore>> {
    let place = place.trim();
    let (scheme, rest) = place.split_once(':').unwrap_or((place, ""));
    match scheme {
        "memory" if rest.is_empty() => Ok(Arc::new(MemoryStore::new())),
        "sqlite" if !rest.is_empty() => sqlite(rest.strip_prefix("//").unwrap_or(rest)).await,
        "postgres" | "postgresql" => postgres(place).await,
        _ => Err(Error::new(
            ErrorKind::Config,
            "this names no store; give \"memory\", \"sqlite:PATH\" or \"postgres://…\"",
        )),
    }
}

#[cfg(feature = "sqlite")]
async fn sqlite(path: &str) -> Result<Arc<dyn ConversationStore>> {
    Ok(Arc::new(super::SqliteStore::open(path).await?))
}

#[cfg(not(feature = "sqlite"))]
async fn sqlite(_: &str) -> Result<Arc<dyn ConversationStore>> {
    Err(off("sqlite"))
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str) -> Result<Arc<dyn ConversationStore>> {
    Ok(Arc::new(super::PostgresStore::open(url).await?))
}

#[cfg(not(feature = "postgres"))]
async fn postgres(_: &str) -> Result<Arc<dyn ConversationStore>> {
    Err(off("postgres"))
}

#[cfg(not(all(feature = "sqlite", feature = "postgres")))]
fn off(feature: &str) -> Error {
    Error::new(
        ErrorKind::Config,
        format!("this build has no such store; build attendant with feature \"{feature}\""),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_setting_names_a_store() {
        assert!(format!("{:?}", open("memory").await.unwrap()).starts_with("MemoryStore"));
        #[cfg(feature = "sqlite")]
        {
            let folder = tempfile::tempdir().unwrap();
            for (place, file) in [("sqlite:", "a b%20.db"), ("sqlite://", "c.db")] {
                let path = folder.path().join(file);
                open(&format!("{place}{}", path.display())).await.unwrap();
                assert!(path.is_file(), "{place}");
            }
        }
    }

    #[tokio::test]
    async fn what_names_none_is_told_without_its_words() {
        let places = [
            "",
            "memory:x",
            "sqlite:",
            "mysql://root:hunter2@db/x",
            "/var/hunter2.db",
            "postgres://u:hunter2@localhost:99999999/x",
        ];
        for place in places {
            let error = open(place).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{place}: {error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
