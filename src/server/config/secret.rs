//! Where secrets are.

use std::fmt;
use std::path::PathBuf;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::{Error, ErrorKind, OrError, Result};

/// Where a secret is: never in the file itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// In this environment variable.
    Env(String),
    /// In this file; one line end behind it is not part of it.
    File(PathBuf),
}

impl Secret {
    /// Reads the secret.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it is not there or empty. The message names the place, never the content.
    pub fn read(&self) -> Result<String> {
        let value = match self {
            Self::Env(name) => std::env::var(name).or_error(ErrorKind::Config, || {
                format!(
                    "the environment variable {name} that the configuration refers to is not set"
                )
            })?,
            Self::File(path) => std::fs::read_to_string(path)
                .or_error(ErrorKind::Config, || {
                    format!("the secret's file {} cannot be read", path.display())
                })?,
        };
        let value = value.strip_suffix('\n').unwrap_or(&value);
        let value = value.strip_suffix('\r').unwrap_or(value);
        if value.is_empty() {
            return Err(Error::new(
                ErrorKind::Config,
                format!("the secret in {self:?} is empty"),
            ));
        }
        Ok(value.to_owned())
    }
}

/// By hand, so that no message repeats a secret that was written into the file.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(Place)
    }
}

const HOW: &str =
    "a secret must not stand in the file; write { env = \"NAME\" } or { file = \"PATH\" }";

struct Place;

impl<'de> Visitor<'de> for Place {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HOW)
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> std::result::Result<Secret, E> {
        Err(E::custom(HOW))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Secret, A::Error> {
        let Some(kind) = map.next_key::<String>()? else {
            return Err(A::Error::custom(HOW));
        };
        let secret = match kind.as_str() {
            "env" => Secret::Env(map.next_value()?),
            "file" => Secret::File(map.next_value()?),
            _ => return Err(A::Error::custom(HOW)),
        };
        match map.next_key::<String>()? {
            None => Ok(secret),
            Some(_) => Err(A::Error::custom(HOW)),
        }
    }
}
