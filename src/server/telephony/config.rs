//! Which platforms may send telephone audio, and what becomes of their calls.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::conversation::TenantId;
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::server::config::Secret;

/// `[telephony]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelephonyConfig {
    /// Clients of Genesys AudioHook, by their API key.
    pub audiohook: Vec<AudioHookClient>,
    /// Accounts whose Media Streams are signed. Others bring a key or token of their own.
    pub media_streams: Vec<MediaStreamsClient>,
    /// BCP 47 tags of the languages that are understood, for platforms that ask.
    pub languages: Vec<String>,
    /// Whether words are told to the platform while they are being spoken.
    pub interim: bool,
    /// A socket that sends nothing for so long, not even an answer to a ping, is given up, in seconds.
    pub silent_seconds: u64,
    /// A socket that has not told whose call it is after so long is closed, in seconds.
    pub start_seconds: u64,
    /// How long the last words of a call are waited for after it ended, in seconds.
    pub last_words_seconds: u64,
    /// Sockets that have not shown yet whose they are; more are refused.
    pub most_strangers: usize,
}

impl Default for TelephonyConfig {
    fn default() -> Self {
        Self {
            audiohook: Vec::new(),
            media_streams: Vec::new(),
            languages: Vec::new(),
            interim: true,
            silent_seconds: 30,
            start_seconds: 10,
            last_words_seconds: 10,
            most_strangers: 64,
        }
    }
}

/// `[[telephony.audiohook]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioHookClient {
    /// The key that the integration sends as `X-API-KEY`.
    pub key: Secret,
    /// The secret that it signs with, base64 as Genesys shows it. Without one, requests are not signed.
    #[serde(default)]
    pub secret: Option<Secret>,
    /// Whose conversations they are.
    pub tenant: String,
    /// The Genesys organisation that the calls must be of; any where it is left out.
    #[serde(default)]
    pub organization: Option<Uuid>,
    /// Whether a virtual agent serves the calls.
    #[serde(default)]
    pub virtual_agent: bool,
    /// What becomes of a conversation when its call ends.
    #[serde(default)]
    pub at_hang_up: AtHangUp,
}

/// `[[telephony.media_streams]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaStreamsClient {
    /// The account's identifier, `AC…`.
    pub account: String,
    /// Its auth token, with which requests are signed.
    pub auth_token: Secret,
    /// Whose conversations they are.
    pub tenant: String,
    /// Whether a virtual agent serves the calls.
    #[serde(default)]
    pub virtual_agent: bool,
    /// What becomes of a conversation when its call ends.
    #[serde(default)]
    pub at_hang_up: AtHangUp,
}

/// What becomes of a conversation when its call ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtHangUp {
    /// A note is made; the conversation can go on over another channel.
    #[default]
    Summarize,
    /// The conversation is over too, with its final note.
    End,
    /// Nothing.
    Nothing,
}

/// Who sends a call, as far as the request tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sender {
    pub(super) tenant: TenantId,
    /// The organisation or account that the call must be of.
    pub(super) account: Option<String>,
    pub(super) virtual_agent: bool,
    pub(super) at_hang_up: AtHangUp,
}

impl Sender {
    /// One that came with a key or token of this server.
    pub(super) fn of(tenant: TenantId) -> Self {
        Self {
            tenant,
            account: None,
            virtual_agent: false,
            at_hang_up: AtHangUp::default(),
        }
    }
}

/// A client with its secrets read.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) key: [u8; 32],
    pub(super) secret: Option<Vec<u8>>,
    pub(super) sender: Sender,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without key and secret.
        f.debug_struct("Known")
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}

/// The configuration with its secrets read.
#[derive(Debug)]
pub(in crate::server) struct Settings {
    pub(super) audiohook: Vec<Known>,
    pub(super) media_streams: Vec<Known>,
    pub(super) languages: Vec<String>,
    pub(super) interim: bool,
    pub(super) silent: Duration,
    pub(super) start: Duration,
    pub(super) last_words: Duration,
}

impl Settings {
    /// Reads the secrets.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with the entry that cannot be used.
    pub(in crate::server) fn read(config: &TelephonyConfig) -> Result<Self> {
        let audiohook = config.audiohook.iter().enumerate();
        let audiohook = audiohook.map(|(number, client)| {
            audiohook_client(client).map_err(|error| {
                error.context(format!("telephony.audiohook, entry {}", number + 1))
            })
        });
        let media_streams = config.media_streams.iter().map(|client| {
            let name = || format!("telephony.media_streams {:?}", client.account);
            let token = client.auth_token.read();
            let token = token.map_err(|error| error.context(name()))?;
            Ok(Known {
                key: digest(&client.account),
                secret: Some(token.into_bytes()),
                sender: Sender {
                    tenant: tenant(&client.tenant).map_err(|error| error.context(name()))?,
                    account: Some(client.account.clone()),
                    virtual_agent: client.virtual_agent,
                    at_hang_up: client.at_hang_up,
                },
            })
        });
        let seconds = |seconds: u64| Duration::from_secs(seconds.max(1));
        Ok(Self {
            audiohook: audiohook.collect::<Result<_>>()?,
            media_streams: media_streams.collect::<Result<_>>()?,
            languages: config.languages.clone(),
            interim: config.interim,
            silent: seconds(config.silent_seconds),
            start: seconds(config.start_seconds),
            last_words: seconds(config.last_words_seconds),
        })
    }

    /// The client with this key. All are compared, in the same time.
    pub(super) fn audiohook_client(&self, key: &str) -> Option<&Known> {
        let wanted = digest(key);
        let mut found = None;
        for known in &self.audiohook {
            let different = known.key.iter().zip(&wanted);
            let different = different.fold(0, |sum, (a, b)| sum | (a ^ b));
            if std::hint::black_box(different) == 0 {
                found = Some(known);
            }
        }
        found
    }
}

fn audiohook_client(client: &AudioHookClient) -> Result<Known> {
    let secret = client.secret.as_ref().map(|secret| {
        let text = secret.read()?;
        let bytes = STANDARD.decode(text.trim()).or_error(
            ErrorKind::Config,
            || "the client secret is not base64; copy it as the platform shows it",
        )?;
        if bytes.is_empty() {
            let what =
                "the client secret is empty; leave `secret` out where requests are not signed";
            return Err(Error::new(ErrorKind::Config, what));
        }
        Ok(bytes)
    });
    Ok(Known {
        key: digest(&client.key.read()?),
        secret: secret.transpose()?,
        sender: Sender {
            tenant: tenant(&client.tenant)?,
            account: client.organization.map(|id| id.to_string()),
            virtual_agent: client.virtual_agent,
            at_hang_up: client.at_hang_up,
        },
    })
}

fn tenant(name: &str) -> Result<TenantId> {
    if name.trim().is_empty() {
        return Err(Error::new(ErrorKind::Config, "the tenant is empty"));
    }
    Ok(name.into())
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}
