//! Who calls: API keys by their digests, JSON Web Tokens by their signatures.

mod caller;

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use caller::Caller;

use super::config::{Auth, Jwt, JwtAlgorithm, Limits};
use super::problem::Problem;
use crate::conversation::TenantId;
use crate::error::{Error, ErrorKind, OrError, Result};

/// Shorter shared secrets can be guessed.
const SHORTEST_SECRET: usize = 32;
/// Clocks differ by some seconds.
const LEEWAY_SECONDS: u64 = 30;

/// What a key or token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Read conversations, search articles, ask for suggestions.
    Read,
    /// Begin conversations and feed them.
    Write,
    /// Erase conversations.
    Erase,
    /// Figures over all conversations.
    Supervise,
    /// Telephone audio.
    Telephony,
}

impl Permission {
    fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Erase => "erase",
            Self::Supervise => "supervise",
            Self::Telephony => "telephony",
        }
    }

    /// Every permission there is.
    pub fn all() -> BTreeSet<Self> {
        [
            Self::Read,
            Self::Write,
            Self::Erase,
            Self::Supervise,
            Self::Telephony,
        ]
        .into()
    }
}

/// Tenants of tokens that are remembered.
const MOST_TENANTS: usize = 10_000;

/// Knows keys and issuers, and how much each caller may ask.
#[derive(Debug)]
pub struct Authenticator {
    keys: Vec<Key>,
    issuers: Vec<Issuer>,
    limiter: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
    /// For whom something runs that nobody asks for: tenants of keys, and of the tokens that were seen.
    tenants: Mutex<BTreeSet<TenantId>>,
}

#[derive(Debug)]
struct Key {
    id: String,
    digest: [u8; 32],
    tenant: TenantId,
    scopes: BTreeSet<Permission>,
    expires: Option<jiff::Timestamp>,
}

struct Issuer {
    config: Jwt,
    key: DecodingKey,
    validation: Validation,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the key.
        f.debug_struct("Issuer")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Authenticator {
    /// Reads keys and secrets.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with the entry that cannot be used.
    pub fn new(auth: &Auth, limits: &Limits) -> Result<Self> {
        let mut keys = Vec::new();
        let mut ids = BTreeSet::new();
        for key in &auth.keys {
            if !ids.insert(key.id.as_str()) {
                let what = format!(
                    "auth.keys: two keys are called {:?}; give each its own id",
                    key.id
                );
                return Err(Error::new(ErrorKind::Config, what));
            }
            not_empty("auth.keys: tenant", &key.id, &key.tenant)?;
            keys.push(Key {
                id: key.id.clone(),
                digest: digest_of(&key.sha256).ok_or_else(|| {
                    Error::new(
                        ErrorKind::Config,
                        format!(
                            "auth.keys: sha256 of {:?} is not 64 hexadecimal digits; `attendant config key` makes a key and its digest",
                            key.id
                        ),
                    )
                })?,
                tenant: key.tenant.as_str().into(),
                scopes: key.scopes.clone(),
                expires: key.expires,
            });
        }
        let issuers = auth.jwt.iter().map(issuer).collect::<Result<Vec<_>>>()?;
        let rate = NonZeroU32::new(limits.requests_per_second).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(limits.burst).unwrap_or(NonZeroU32::MIN);
        let of_keys = keys.iter().map(|key| key.tenant.clone());
        let of_issuers = issuers.iter().flat_map(|issuer| &issuer.config.tenants);
        let tenants = of_keys.chain(of_issuers.map(|tenant| tenant.as_str().into()));
        Ok(Self {
            tenants: Mutex::new(tenants.collect()),
            keys,
            issuers,
            limiter: RateLimiter::keyed(Quota::per_second(rate).allow_burst(burst)),
            clock: DefaultClock::default(),
        })
    }

    /// Whether there is any way in.
    pub fn is_open_to_anyone(&self) -> bool {
        !self.keys.is_empty() || !self.issuers.is_empty()
    }

    /// Whose credential this is.
    ///
    /// # Errors
    /// 401 where it is unknown, expired or badly signed. The detail says which, never what was sent.
    pub fn caller(&self, credential: &str) -> Result<Caller, Problem> {
        let digest: [u8; 32] = Sha256::digest(credential.as_bytes()).into();
        // All of them, each in the same time: nothing tells how near a guess was.
        let mut found = None;
        for key in &self.keys {
            if equal(&key.digest, &digest) {
                found = Some(key);
            }
        }
        if let Some(key) = found {
            if key.expires.is_some_and(|end| end <= jiff::Timestamp::now()) {
                return Err(Problem::unauthorized(
                    "this API key has expired; ask for a new one",
                ));
            }
            return Ok(Caller {
                tenant: key.tenant.clone(),
                subject: format!("key:{}", key.id),
                scopes: key.scopes.clone(),
            });
        }
        if credential.split('.').count() == 3 && !self.issuers.is_empty() {
            return self.token(credential);
        }
        Err(Problem::unauthorized(
            "this API key or token is not known; send a valid one as `Authorization: Bearer …`",
        ))
    }

    /// Whether the caller may ask now.
    ///
    /// # Errors
    /// 429 with the time to wait.
    pub fn admit(&self, caller: &Caller) -> Result<(), Problem> {
        self.limiter.check_key(&caller.subject).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            Problem::new(
                axum::http::StatusCode::TOO_MANY_REQUESTS,
                "rate_limited",
                "this key asks more often than it may; wait as long as Retry-After says",
            )
            .with_retry_after(wait.as_secs_f64().ceil() as u64)
        })
    }

    /// The tenants that are known by now.
    pub(super) fn tenants(&self) -> Vec<TenantId> {
        self.tenants.lock().iter().cloned().collect()
    }

    /// Callers of the past are forgotten; called now and then.
    pub(super) fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }

    fn token(&self, token: &str) -> Result<Caller, Problem> {
        let mut why = "the token is signed by nobody who is known here".to_owned();
        for issuer in &self.issuers {
            let claims = match decode::<Claims>(token, &issuer.key, &issuer.validation) {
                Ok(decoded) => decoded.claims,
                Err(error) => {
                    use jsonwebtoken::errors::ErrorKind as Jwt;
                    why = match error.kind() {
                        Jwt::ExpiredSignature => "the token has expired".to_owned(),
                        Jwt::ImmatureSignature => "the token is not valid yet".to_owned(),
                        Jwt::InvalidAudience => {
                            "the token is meant for another audience".to_owned()
                        }
                        Jwt::MissingRequiredClaim(claim) => {
                            format!("the token has no claim {claim}")
                        }
                        _ => why,
                    };
                    continue;
                }
            };
            return self.admitted(issuer, claims);
        }
        Err(Problem::unauthorized(why))
    }

    fn admitted(&self, issuer: &Issuer, claims: Claims) -> Result<Caller, Problem> {
        let config = &issuer.config;
        let claim = claims.others.get(&config.tenant_claim);
        let tenant = claim.and_then(|value| value.as_str()).unwrap_or_default();
        if tenant.is_empty() {
            return Err(Problem::unauthorized(format!(
                "the token has no claim {} that names a tenant",
                config.tenant_claim
            )));
        }
        if !config.tenants.is_empty() && !config.tenants.iter().any(|known| known == tenant) {
            return Err(Problem::unauthorized(
                "the issuer of this token may not speak for its tenant",
            ));
        }
        // Without the claim a token may what its issuer may.
        let scopes = match &claims.scope {
            None => config.scopes.clone(),
            Some(words) => config
                .scopes
                .iter()
                .copied()
                .filter(|scope| words.split_whitespace().any(|word| word == scope.as_str()))
                .collect(),
        };
        let tenant = TenantId::from(tenant);
        let mut tenants = self.tenants.lock();
        if tenants.len() < MOST_TENANTS {
            tenants.insert(tenant.clone());
        }
        Ok(Caller {
            tenant,
            subject: format!("jwt:{}:{}", config.issuer, claims.sub.unwrap_or_default()),
            scopes,
        })
    }
}

#[derive(Debug, Deserialize)]
struct Claims {
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(flatten)]
    others: serde_json::Map<String, serde_json::Value>,
}

fn issuer(config: &Jwt) -> Result<Issuer> {
    let name = &config.issuer;
    not_empty("auth.jwt: issuer", name, name)?;
    not_empty("auth.jwt: audience", name, &config.audience)?;
    let secret = config
        .key
        .read()
        .map_err(|error| error.context(format!("auth.jwt {name:?}")))?;
    let bytes = secret.as_bytes();
    let (algorithm, key) = match config.algorithm {
        JwtAlgorithm::HS256 if bytes.len() < SHORTEST_SECRET => {
            let what = format!(
                "auth.jwt: the secret of {name:?} has fewer than {SHORTEST_SECRET} bytes; make a longer one at random"
            );
            return Err(Error::new(ErrorKind::Config, what));
        }
        JwtAlgorithm::HS256 => (Algorithm::HS256, DecodingKey::from_secret(bytes)),
        JwtAlgorithm::RS256 => (Algorithm::RS256, DecodingKey::from_rsa_pem(bytes)),
        JwtAlgorithm::EdDSA => (Algorithm::EdDSA, DecodingKey::from_ed_pem(bytes)),
    };
    let key = key.or_error(ErrorKind::Config, || {
        format!("auth.jwt: the key of {name:?} is no public key in PEM for {algorithm:?}")
    })?;
    // Only this algorithm: a token cannot choose a weaker one.
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&[&config.audience]);
    validation.set_issuer(&[&config.issuer]);
    validation.set_required_spec_claims(&["exp", "aud", "iss"]);
    validation.validate_nbf = true;
    validation.leeway = LEEWAY_SECONDS;
    Ok(Issuer {
        config: config.clone(),
        key,
        validation,
    })
}

fn not_empty(what: &str, of: &str, value: &str) -> Result<()> {
    if value.trim().is_empty() {
        return Err(Error::new(
            ErrorKind::Config,
            format!("{what} of {of:?} is empty"),
        ));
    }
    Ok(())
}

/// The SHA-256 of a key in hexadecimal digits, as the configuration holds it.
pub fn key_digest(key: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(key.as_bytes()).into();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest_of(hex: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(digest)
}

/// Compares in a time that does not depend on where they differ.
fn equal(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let different = one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b));
    std::hint::black_box(different) == 0
}
