//! Reading, and what the environment overrides.

use std::path::Path;

use super::ServerConfig;
use crate::error::{Error, ErrorKind, OrError, Result};

/// Environment variables that begin like this override what the file says.
const ENVIRONMENT: &str = "ATTENDANT__";

impl ServerConfig {
    /// Reads a file, and what the environment overrides.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with line and key of the mistake.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).or_error(ErrorKind::Config, || {
            format!("the configuration {} cannot be read", path.display())
        })?;
        Self::parse(&text, environment())
            .map_err(|error| error.context(format!("configuration {}", path.display())))
    }

    /// The defaults, and what the environment overrides.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with the variable that does not fit.
    pub fn from_env() -> Result<Self> {
        Self::parse("", environment())
    }

    /// Reads a text, and what `environment` overrides.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with line and key of the mistake.
    pub fn parse(
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        // By itself first: so mistakes in the file are told with their line.
        let mut config: Self = toml::from_str(text).map_err(|error| located(text, &error))?;
        let mut overrides: Vec<(String, String)> = environment
            .into_iter()
            .filter(|(name, _)| name.starts_with(ENVIRONMENT))
            .collect();
        overrides.sort();
        if !overrides.is_empty() {
            let mut table: toml::Table =
                toml::from_str(text).or_error(ErrorKind::Config, || "the file is no TOML")?;
            for (name, value) in overrides {
                set(&mut table, &name, &value)?;
                // One after the other, so that the mistake has a name.
                config = toml::Value::Table(table.clone())
                    .try_into()
                    .or_error(ErrorKind::Config, || {
                        format!("the environment variable {name} does not fit")
                    })?;
            }
        }
        config.check()?;
        Ok(config)
    }

    /// What types cannot say.
    fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::new(ErrorKind::Config, what));
        let limits = &self.limits;
        for (name, value) in [
            ("limits.body_bytes", limits.body_bytes as u64),
            ("limits.text_bytes", limits.text_bytes as u64),
            ("limits.request_seconds", limits.request_seconds),
            ("limits.model_seconds", limits.model_seconds),
            ("limits.header_seconds", limits.header_seconds),
            ("limits.connections", limits.connections as u64),
            (
                "limits.requests_per_second",
                limits.requests_per_second.into(),
            ),
            ("limits.burst", limits.burst.into()),
            ("limits.keep_alive_seconds", limits.keep_alive_seconds),
        ] {
            if value == 0 {
                return wrong(format!(
                    "{name} is 0, so that nothing would get through; give 1 or more"
                ));
            }
        }
        for origin in &self.cors.origins {
            let host = origin
                .strip_prefix("https://")
                .or_else(|| origin.strip_prefix("http://"));
            if !host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' '])) {
                return wrong(format!(
                    "cors.origins: {origin:?} is no origin; write scheme, host and port only, like https://desk.example"
                ));
            }
        }
        if self.store.url.contains("://")
            && self.store.url.split('@').next().is_some_and(|user| {
                self.store.url.contains('@')
                    && user.rsplit("://").next().is_some_and(|u| u.contains(':'))
            })
        {
            return wrong(
                "store.url holds a password; put the URL into the environment or a file and write \
                 secret_url = { env = \"NAME\" }"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

/// The variables of this process; what is no text is nobody's setting.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// `ATTENDANT__LIMITS__BODY_BYTES=10` -> `limits.body_bytes = 10`.
fn set(table: &mut toml::Table, name: &str, value: &str) -> Result<()> {
    let path = name.trim_start_matches(ENVIRONMENT).to_lowercase();
    let mut keys: Vec<&str> = path.split("__").collect();
    let (Some(last), false) = (keys.pop(), keys.is_empty()) else {
        return Err(Error::new(
            ErrorKind::Config,
            format!(
                "the environment variable {name} names no key; write {ENVIRONMENT}SECTION__KEY"
            ),
        ));
    };
    let mut at = table;
    for key in keys {
        let section = at
            .entry(key)
            .or_insert_with(|| toml::Value::Table(toml::Table::new()));
        at = section.as_table_mut().ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                format!("the environment variable {name} reaches into {key}, which is no section"),
            )
        })?;
    }
    // A number, a list, a yes: as TOML would read it; everything else is text.
    let read = toml::from_str::<toml::Table>(&format!("value = {value}"))
        .ok()
        .and_then(|mut table| table.remove("value"));
    at.insert(
        last.to_owned(),
        read.unwrap_or_else(|| toml::Value::String(value.to_owned())),
    );
    Ok(())
}

/// Line, column, the key and what is wrong there. Not the value: somebody may have written a secret into it.
fn located(text: &str, error: &toml::de::Error) -> Error {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |rest| rest.chars().count())
        + 1;
    let key = text.lines().nth(line - 1).and_then(|line| {
        let (key, _) = line.split_once('=')?;
        let key = key.trim();
        (!key.is_empty() && !error.message().contains(key)).then(|| format!("{key}: "))
    });
    let key = key.unwrap_or_default();
    Error::new(
        ErrorKind::Config,
        format!("line {line}, column {column}: {key}{}", error.message()),
    )
}
