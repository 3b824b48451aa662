//! One file of TOML, and the environment on top of it.
//!
//! Unknown keys are refused with line and key. Secrets are never in the file: it names an environment variable or a
//! file that holds one. `ATTENDANT__SECTION__KEY` in the environment overrides `key` of `[section]`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::auth::Permission;
use crate::error::{Error, ErrorKind, OrError, Result};

/// Environment variables that begin like this override what the file says.
const ENVIRONMENT: &str = "ATTENDANT__";

/// The configuration of a server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Where it listens.
    pub server: Listen,
    /// What it refuses to protect what is running.
    pub limits: Limits,
    /// Which pages of other origins may call it.
    pub cors: Cors,
    /// Who may come in.
    pub auth: Auth,
    /// Where conversations are kept.
    pub store: Store,
    /// Articles, playbooks, rules.
    pub content: ContentSource,
    /// Which models.
    pub models: Models,
    /// Live conversations.
    pub sessions: Sessions,
    /// Logs and traces.
    pub telemetry: Telemetry,
    /// Telephone audio.
    pub telephony: Telephony,
}

/// `[server]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Address and port; port 0 takes a free one.
    pub listen: std::net::SocketAddr,
    /// TLS; plain HTTP where it is left out (behind a proxy that ends TLS).
    pub tls: Option<Tls>,
    /// The URL that clients use, for documents that name it.
    pub public_url: Option<String>,
    /// How long running requests may go on after a signal to stop, in seconds.
    pub stop_seconds: u64,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            listen: std::net::SocketAddr::from(([127, 0, 0, 1], 8080)),
            tls: None,
            public_url: None,
            stop_seconds: 20,
        }
    }
}

/// `[server.tls]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate and those that lead to it (PEM file).
    pub certificate: PathBuf,
    /// Its private key (PEM file).
    pub key: PathBuf,
}

/// `[limits]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest body of a request, in bytes.
    pub body_bytes: usize,
    /// Longest text of one utterance or question, in bytes.
    pub text_bytes: usize,
    /// How long a request may take, body included, in seconds; streams are not bound by it.
    pub request_seconds: u64,
    /// How long a request that a model writes for may take, in seconds.
    pub model_seconds: u64,
    /// How long a client may take for the head of a request, in seconds.
    pub header_seconds: u64,
    /// Connections at the same time; more are closed at once.
    pub connections: usize,
    /// Requests a second of one key, in the long run.
    pub requests_per_second: u32,
    /// Requests of one key at once.
    pub burst: u32,
    /// A silent event stream or socket is tried after so many seconds; a socket that does not answer is closed.
    pub keep_alive_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1024 * 1024,
            text_bytes: 64 * 1024,
            request_seconds: 30,
            model_seconds: 120,
            header_seconds: 10,
            connections: 4096,
            requests_per_second: 50,
            burst: 200,
            keep_alive_seconds: 15,
        }
    }
}

/// `[cors]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cors {
    /// Origins, e.g. `https://desk.example`; none by default.
    pub origins: Vec<String>,
}

/// `[auth]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// API keys, by their digests.
    pub keys: Vec<ApiKey>,
    /// Issuers of JSON Web Tokens.
    pub jwt: Vec<Jwt>,
}

/// `[[auth.keys]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// A name for logs and limits; not secret.
    pub id: String,
    /// SHA-256 of the key, 64 hexadecimal digits (`attendant config key` makes a key and its digest).
    pub sha256: String,
    /// Whose data it opens.
    pub tenant: String,
    /// What it may do.
    pub scopes: BTreeSet<Permission>,
    /// When it ends.
    #[serde(default)]
    pub expires: Option<jiff::Timestamp>,
}

/// `[[auth.jwt]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// `iss` of its tokens.
    pub issuer: String,
    /// `aud` that its tokens must name.
    pub audience: String,
    /// `HS256`, `RS256` or `EdDSA`.
    pub algorithm: JwtAlgorithm,
    /// The shared secret (`HS256`) or the public key in PEM.
    pub key: Secret,
    /// The claim that names the tenant.
    #[serde(default = "tenant_claim")]
    pub tenant_claim: String,
    /// The tenants this issuer may speak for; none: any.
    #[serde(default)]
    pub tenants: Vec<String>,
    /// What its tokens may do at most; the claim `scope` (words) narrows it.
    pub scopes: BTreeSet<Permission>,
}

fn tenant_claim() -> String {
    "tenant".to_owned()
}

/// How tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    HS256,
    /// RSA with SHA-256.
    RS256,
    /// Ed25519.
    EdDSA,
}

/// Where a secret is: never in the file itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
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

/// `[store]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// `memory`, `sqlite:PATH` or `postgres://…` without a password.
    pub url: String,
    /// The URL where it holds a password; it goes before `url`.
    pub secret_url: Option<Secret>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            url: "memory".to_owned(),
            secret_url: None,
        }
    }
}

impl Store {
    /// The URL to open.
    ///
    /// # Errors
    /// As [`Secret::read`].
    pub fn resolved(&self) -> Result<String> {
        match &self.secret_url {
            Some(secret) => secret.read(),
            None => Ok(self.url.clone()),
        }
    }
}

/// `[content]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContentSource {
    /// Folder with articles/, playbooks/ and rules.
    pub folder: Option<PathBuf>,
    /// Whose articles they are where a file does not say.
    pub tenant: Option<String>,
    /// Folder of the vector index.
    pub index: Option<PathBuf>,
}

/// `[models]`: ids of `attendant models list`, paths, or `none`; the default set where one is left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Models {
    /// The language model.
    pub llm: Option<String>,
    /// The speech model.
    pub stt: Option<String>,
    /// The embedding model.
    pub embedding: Option<String>,
}

/// `[sessions]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sessions {
    /// Conversations held in memory at once.
    pub most_live: Option<usize>,
    /// Conversations that are busy at once; more are refused for a moment.
    pub most_busy: Option<usize>,
    /// A conversation that nobody spoke in for so long leaves memory, in seconds.
    pub idle_seconds: Option<u64>,
}

/// `[telemetry]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// What is logged, as `tracing` filters: `info`, `attendant=debug,warn`.
    pub log: String,
    /// `text` or `json`.
    pub format: LogFormat,
    /// OTLP over HTTP, e.g. `http://127.0.0.1:4318/v1/traces` (feature `otel`).
    pub otlp: Option<String>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            log: "info".to_owned(),
            format: LogFormat::Text,
            otlp: None,
        }
    }
}

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// `[telephony]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telephony {
    /// Clients of AudioHook, by their API key.
    pub audiohook: Vec<AudioHookClient>,
}

/// `[[telephony.audiohook]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioHookClient {
    /// The key that the integration sends as `X-API-KEY`.
    pub key: Secret,
    /// The secret that it signs with, base64 as Genesys shows it.
    pub secret: Option<Secret>,
    /// Whose conversations they are.
    pub tenant: String,
}

impl ServerConfig {
    /// Reads a file, and what the environment overrides.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with line and key of the mistake.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).or_error(ErrorKind::Config, || {
            format!("the configuration {} cannot be read", path.display())
        })?;
        Self::parse(&text, std::env::vars())
            .map_err(|error| error.context(format!("configuration {}", path.display())))
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
        let mut config: Self = toml::from_str(text)
            .or_error(ErrorKind::Config, || "the file does not say what it must")?;
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

    /// How long a request may take.
    pub(super) fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.limits.request_seconds)
    }
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
