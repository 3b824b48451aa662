//! One file of TOML, and the environment on top of it.
//!
//! Unknown keys are refused with line and key. Secrets are never in the file: it names an environment variable or a
//! file that holds one. `ATTENDANT__SECTION__KEY` in the environment overrides `key` of `[section]`.

mod read;
mod secret;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;

pub use secret::Secret;

use super::auth::Permission;
use super::telephony::TelephonyConfig;
use crate::error::Result;

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
    pub telephony: TelephonyConfig,
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
