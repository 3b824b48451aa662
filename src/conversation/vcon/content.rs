//! What a part of a vCon holds: a body within it, or a file elsewhere.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, ErrorKind, OrError, Result};

/// Base64url is written without padding (RFC 7515, section 2), and read with or without.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A body with its encoding, or the address of a file with its hash.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VconContent {
    /// Media type, e.g. `text/plain`.
    #[serde(default, alias = "mimetype", skip_serializing_if = "Option::is_none")]
    pub mediatype: Option<String>,
    /// Name of the file it was in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// The content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// `base64url`, `json` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Where the content is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Hash or hashes of what is there, e.g. `sha512-…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<Value>,
}

impl VconContent {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            mediatype: Some("text/plain".to_owned()),
            body: Some(Value::String(text.into())),
            encoding: Some("none".to_owned()),
            ..Self::default()
        }
    }

    /// A JSON value.
    pub fn json(value: Value) -> Self {
        Self {
            mediatype: Some("application/json".to_owned()),
            body: Some(value),
            encoding: Some("json".to_owned()),
            ..Self::default()
        }
    }

    /// Any bytes.
    pub fn bytes(mediatype: impl Into<String>, bytes: &[u8]) -> Self {
        Self {
            mediatype: Some(mediatype.into()),
            body: Some(Value::String(BASE64URL.encode(bytes))),
            encoding: Some("base64url".to_owned()),
            ..Self::default()
        }
    }

    /// A file elsewhere, with its hash in the form `sha512-` and base64url.
    pub fn file(url: impl Into<String>, content_hash: impl Into<String>) -> Self {
        Self {
            url: Some(url.into()),
            content_hash: Some(Value::String(content_hash.into())),
            ..Self::default()
        }
    }

    /// The bytes of the body; `None` where there is none, since it is elsewhere or was taken out.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if body and encoding do not fit.
    pub fn body_bytes(&self) -> Result<Option<Vec<u8>>> {
        let Some(body) = &self.body else {
            return Ok(None);
        };
        // Some leave the encoding out; a body that is no string can only be JSON.
        let encoding = self.encoding.as_deref().unwrap_or(match body {
            Value::String(_) => "none",
            _ => "json",
        });
        let bytes = match (encoding, body) {
            ("json", body) => body.to_string().into_bytes(),
            ("none", Value::String(text)) => text.clone().into_bytes(),
            ("base64url", Value::String(text)) => BASE64URL
                .decode(text)
                .or_error(ErrorKind::InvalidInput, || "the body is no base64url")?,
            ("none" | "base64url", _) => {
                let why = format!("the body is no string, as the encoding \"{encoding}\" wants it");
                return Err(Error::new(ErrorKind::InvalidInput, why));
            }
            _ => {
                let why =
                    format!("the encoding \"{encoding}\" is unknown; give base64url, json or none");
                return Err(Error::new(ErrorKind::InvalidInput, why));
            }
        };
        Ok(Some(bytes))
    }

    /// The body as text; `None` where there is none.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if body and encoding do not fit, or it is no UTF-8.
    pub fn body_text(&self) -> Result<Option<String>> {
        if let (Some("json"), Some(Value::String(text))) = (self.encoding.as_deref(), &self.body) {
            return Ok(Some(text.clone()));
        }
        let bytes = self.body_bytes()?;
        bytes
            .map(String::from_utf8)
            .transpose()
            .or_error(ErrorKind::InvalidInput, || "the body is not UTF-8")
    }

    /// The body as a JSON value; `None` where there is none.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if body and encoding do not fit, or it is no JSON.
    pub fn body_json(&self) -> Result<Option<Value>> {
        if let (Some("json") | None, Some(value)) = (self.encoding.as_deref(), &self.body)
            && !value.is_string()
        {
            return Ok(Some(value.clone()));
        }
        let Some(text) = self.body_text()? else {
            return Ok(None);
        };
        // Some write the JSON as a string, as the drafts before 02 asked.
        serde_json::from_str(&text)
            .map(Some)
            .or_error(ErrorKind::InvalidInput, || "the body is no JSON")
    }

    /// The media type without parameters, in lower case.
    pub(super) fn media(&self) -> Option<String> {
        let name = self.mediatype.as_deref()?.split(';').next()?;
        Some(name.trim().to_ascii_lowercase())
    }
}
