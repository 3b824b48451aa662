//! Who signs a request to open a telephone socket.
//!
//! Genesys AudioHook signs as draft-ietf-httpbis-message-signatures has it, with `hmac-sha256`
//! (<https://developer.genesys.cloud/devapps/audiohook/security>). Twilio signs the address with its
//! auth token and `hmac-sha1` (<https://www.twilio.com/docs/usage/security>).

mod fields;

use std::collections::HashMap;

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use fields::{Bare, Item, Member, Parameters};

/// What Genesys signs, all of which is asked for.
const COMPONENTS: [&str; 6] = [
    "@request-target",
    "@authority",
    "audiohook-organization-id",
    "audiohook-session-id",
    "audiohook-correlation-id",
    "x-api-key",
];

/// 128 bits in base64.
const SHORTEST_NONCE: usize = 22;
const LONGEST_NONCE: usize = 256;

/// Nonces that are kept; more than this within one window is no platform but a flood.
const MOST_NONCES: usize = 100_000;

/// Why a request is not taken for the platform's. Says nothing of the secret, and repeats nothing of what
/// came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SignatureFault {
    #[error("the request is not signed; set the client secret on the platform")]
    Missing,
    #[error("header {0} is no structured field of a signature")]
    Malformed(&'static str),
    #[error("several signatures, none of which covers what has to be signed")]
    Ambiguous,
    #[error("the signature does not cover {0}")]
    NotCovered(&'static str),
    #[error("the signature covers something that the request does not have")]
    Unresolved,
    #[error("the signature uses {0}, which is not understood here")]
    Unsupported(&'static str),
    #[error("the key of the signature is not the API key of the request")]
    OtherKey,
    #[error("the signature needs a nonce of {SHORTEST_NONCE} to {LONGEST_NONCE} characters")]
    Nonce,
    #[error("the signature does not say when it was made")]
    NoTime,
    #[error("the signature is of the future; set the clocks")]
    TooEarly,
    #[error("the signature is too old; sign each request anew, and set the clocks")]
    Expired,
    #[error("the signature was used before; sign each request anew")]
    Replayed,
    #[error("the signature does not fit; check the client secret on both sides")]
    Wrong,
    #[error("too many signed requests; try again later")]
    Busy,
}

/// How signatures are judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignatureOptions {
    /// What has to be covered.
    pub(super) components: &'static [&'static str],
    /// A signature older than so many seconds is refused, whatever it says of itself.
    pub(super) max_age_s: i64,
    /// The clocks may differ by so many seconds.
    pub(super) max_skew_s: i64,
    /// Whether a nonce is asked for.
    pub(super) needs_nonce: bool,
}

impl Default for SignatureOptions {
    fn default() -> Self {
        Self {
            components: &COMPONENTS,
            max_age_s: 30,
            max_skew_s: 5,
            needs_nonce: true,
        }
    }
}

/// What of a request is signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    /// Path and query.
    pub(super) target: &'a str,
    /// Host, with the port where it is not the usual one.
    pub(super) authority: &'a str,
    pub(super) headers: &'a HeaderMap,
}

/// Judges signatures, and remembers those it has seen. It remembers them for one process: where several serve
/// one address, a request can be replayed to another within the time that a signature is good for.
#[derive(Debug, Default)]
pub(super) struct Verifier {
    options: SignatureOptions,
    seen: Mutex<HashMap<[u8; 32], i64>>,
}

/// One signature of a request.
struct Candidate {
    components: Vec<Item>,
    parameters: Parameters,
    signature: Vec<u8>,
}

impl Verifier {
    #[cfg(test)]
    pub(super) fn new(options: SignatureOptions) -> Self {
        Self {
            options,
            seen: Mutex::default(),
        }
    }

    /// Judges a request that says it comes from `key`, whose secret is given where the key is known. `now_s`:
    /// seconds since 1970. What is well signed is good once.
    pub(super) fn verify(
        &self,
        request: &Signed<'_>,
        key: &str,
        secret: Option<&[u8]>,
        now_s: i64,
    ) -> Result<(), SignatureFault> {
        let chosen = self.choose(candidates(request.headers)?)?;
        let named = texts(&chosen.parameters)?;
        if named.algorithm.is_some_and(|name| name != "hmac-sha256") {
            return Err(SignatureFault::Unsupported("another algorithm"));
        }
        if named.key != Some(key) {
            return Err(SignatureFault::OtherKey);
        }
        let good_until = self.check_time(&named, now_s)?;
        let nonce = named.nonce.unwrap_or_default();
        let fits = (SHORTEST_NONCE..=LONGEST_NONCE).contains(&nonce.len());
        if self.options.needs_nonce && !fits {
            return Err(SignatureFault::Nonce);
        }
        let base = base(request, &chosen)?;
        // An unknown key costs as much time as a wrong secret, and is told the same.
        let nobodys = uuid::Uuid::new_v4();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.unwrap_or(nobodys.as_bytes()))
            .map_err(|_| SignatureFault::Wrong)?;
        mac.update(base.as_bytes());
        let is_right = mac.verify_slice(&chosen.signature).is_ok();
        if !is_right || secret.is_none() {
            return Err(SignatureFault::Wrong);
        }
        if self.options.needs_nonce {
            self.remember(key, nonce, good_until, now_s)?;
        }
        Ok(())
    }

    /// The first signature that covers what has to be covered.
    fn choose(&self, candidates: Vec<Candidate>) -> Result<Candidate, SignatureFault> {
        let several = candidates.len() > 1;
        let mut fault = SignatureFault::Missing;
        for candidate in candidates {
            let wanted = self.options.components.iter();
            let missing = wanted.copied().find(|name| !candidate.covers(name));
            match missing {
                None => return Ok(candidate),
                Some(name) => fault = SignatureFault::NotCovered(name),
            }
        }
        Err(if several {
            SignatureFault::Ambiguous
        } else {
            fault
        })
    }

    /// Looks at the times; answers until when the signature is good.
    fn check_time(&self, named: &Texts<'_>, now_s: i64) -> Result<i64, SignatureFault> {
        let created = named.created.ok_or(SignatureFault::NoTime)?;
        let SignatureOptions {
            max_age_s,
            max_skew_s,
            ..
        } = self.options;
        if created > now_s.saturating_add(max_skew_s) {
            return Err(SignatureFault::TooEarly);
        }
        let oldest = created.saturating_add(max_age_s);
        let good_until = named.expires.unwrap_or(oldest).min(oldest);
        let good_until = good_until.saturating_add(max_skew_s);
        if good_until < now_s {
            return Err(SignatureFault::Expired);
        }
        Ok(good_until)
    }

    fn remember(
        &self,
        key: &str,
        nonce: &str,
        good_until: i64,
        now_s: i64,
    ) -> Result<(), SignatureFault> {
        let mut digest = Sha256::new();
        digest.update(key.len().to_le_bytes());
        digest.update(key);
        digest.update(nonce);
        let mut seen = self.seen.lock();
        if seen.len() >= MOST_NONCES {
            seen.retain(|_, until| *until >= now_s);
        }
        if seen.len() >= MOST_NONCES {
            return Err(SignatureFault::Busy);
        }
        match seen.insert(digest.finalize().into(), good_until) {
            Some(until) if until >= now_s => Err(SignatureFault::Replayed),
            _ => Ok(()),
        }
    }
}

impl Candidate {
    fn covers(&self, name: &str) -> bool {
        let is_it = |item: &Item| matches!(&item.value, Bare::String(text) if text == name);
        self.components
            .iter()
            .any(|item| is_it(item) && item.parameters.is_empty())
    }
}

/// The parameters of a signature.
#[derive(Default)]
struct Texts<'a> {
    algorithm: Option<&'a str>,
    key: Option<&'a str>,
    nonce: Option<&'a str>,
    created: Option<i64>,
    expires: Option<i64>,
}

fn texts(parameters: &Parameters) -> Result<Texts<'_>, SignatureFault> {
    let mut named = Texts::default();
    for (name, value) in parameters {
        match (name.as_str(), value) {
            ("alg", Bare::String(text)) => named.algorithm = Some(text),
            ("keyid", Bare::String(text)) => named.key = Some(text),
            ("nonce", Bare::String(text)) => named.nonce = Some(text),
            ("created", Bare::Integer(time)) => named.created = Some(*time),
            ("expires", Bare::Integer(time)) => named.expires = Some(*time),
            _ => return Err(SignatureFault::Malformed("Signature-Input")),
        }
    }
    Ok(named)
}

/// The signatures that a request bears.
fn candidates(headers: &HeaderMap) -> Result<Vec<Candidate>, SignatureFault> {
    let inputs = read(headers, "signature-input", "Signature-Input")?;
    let mut signatures = read(headers, "signature", "Signature")?;
    match (inputs.is_empty(), signatures.is_empty()) {
        (true, true) => return Err(SignatureFault::Missing),
        (true, false) => return Err(SignatureFault::Malformed("Signature-Input")),
        _ => {}
    }
    let mut candidates = Vec::new();
    for (label, member) in inputs {
        let Member::List(components, parameters) = member else {
            return Err(SignatureFault::Malformed("Signature-Input"));
        };
        let at = signatures.iter().position(|(name, _)| *name == label);
        let signature = at.map(|at| signatures.swap_remove(at).1);
        let Some(Member::Item(Item {
            value: Bare::Bytes(signature),
            ..
        })) = signature
        else {
            return Err(SignatureFault::Malformed("Signature"));
        };
        candidates.push(Candidate {
            components,
            parameters,
            signature,
        });
    }
    Ok(candidates)
}

fn read(
    headers: &HeaderMap,
    name: &str,
    shown: &'static str,
) -> Result<Vec<(String, Member)>, SignatureFault> {
    let text = header(headers, name).unwrap_or_default();
    fields::dictionary(&text).map_err(|_| SignatureFault::Malformed(shown))
}

/// A header as it is signed: several of one name are one list.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(name).iter();
    let values: Option<Vec<&str>> = values
        .map(|value| {
            value
                .to_str()
                .ok()
                .map(|text| text.trim_matches([' ', '\t']))
        })
        .collect();
    let values = values?;
    (!values.is_empty()).then(|| values.join(", "))
}

/// What is signed, one line a component.
fn base(request: &Signed<'_>, candidate: &Candidate) -> Result<String, SignatureFault> {
    let mut lines = String::new();
    let mut before: Vec<&Item> = Vec::new();
    for item in &candidate.components {
        let Bare::String(name) = &item.value else {
            return Err(SignatureFault::Malformed("Signature-Input"));
        };
        if !item.parameters.is_empty() {
            return Err(SignatureFault::Unsupported("parameters of components"));
        }
        if before.contains(&item) {
            return Err(SignatureFault::Malformed("Signature-Input"));
        }
        before.push(item);
        let value = match name.as_str() {
            "@request-target" => request.target.to_owned(),
            "@authority" => request.authority.to_ascii_lowercase(),
            "@method" => request.method.to_owned(),
            "@path" => path(request.target).to_owned(),
            "signature" | "signature-input" => {
                return Err(SignatureFault::Unsupported("a signature of signatures"));
            }
            name if name.starts_with('@') => {
                return Err(SignatureFault::Unsupported("a derived component"));
            }
            name => header(request.headers, name).ok_or(SignatureFault::Unresolved)?,
        };
        if value.is_empty() {
            return Err(SignatureFault::Unresolved);
        }
        lines.push_str(&fields::write_item(item));
        lines.push_str(": ");
        lines.push_str(&value);
        lines.push('\n');
    }
    let list = fields::write_list(&candidate.components, &candidate.parameters);
    Ok(format!("{lines}\"@signature-params\": {list}"))
}

fn path(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

/// Whether Twilio signed a request for this address with this auth token. `authority` and `target`: as in
/// [`Signed`]. Twilio signs the address as it was set up, so the spellings that mean the same are tried.
pub(super) fn is_signed_by_twilio(
    headers: &HeaderMap,
    authority: &str,
    target: &str,
    auth_token: &[u8],
) -> bool {
    let signature = headers.get("x-twilio-signature");
    let signature = signature.and_then(|value| STANDARD.decode(value.as_bytes()).ok());
    let Some(signature) = signature else {
        return false;
    };
    let with_slash = format!("{}/", target.trim_end_matches('/'));
    let targets = [target, target.trim_end_matches('/'), with_slash.as_str()];
    let mut is_right = false;
    for scheme in ["wss", "https"] {
        for target in targets {
            let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(auth_token) else {
                return false;
            };
            mac.update(format!("{scheme}://{authority}{target}").as_bytes());
            is_right |= mac.verify_slice(&signature).is_ok();
        }
    }
    is_right
}

#[cfg(test)]
mod tests;
