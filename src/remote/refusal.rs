//! An answer that says no: what it says, how long to wait, and what the caller can do about it.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::error::ErrorKind;

/// Codes of OpenAI and of llama.cpp.
const TOO_LONG_CODES: [&str; 2] = ["context_length_exceeded", "exceed_context_size_error"];

/// What servers without a code for it say: vLLM (twice), gateways, Ollama.
const TOO_LONG_WORDS: [&str; 5] = [
    "maximum context length",
    "maximum model length",
    "context window",
    "context size",
    "prompt is too long",
];

/// Codes of OpenAI, and of Azure in front of it.
const POLICY_CODES: [&str; 4] = [
    "content_filter",
    "content_policy_violation",
    "content_policy",
    "responsibleaipolicyviolation",
];

/// A server that is alive but has too much to do says one of these in its code or its message.
const OVERLOAD_WORDS: [&str; 6] = [
    "overload",
    "slow down",
    "at capacity",
    "too many requests",
    "rate_limit",
    "rate limit",
];

/// An answer that says no.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Refusal {
    pub(super) status: Option<u16>,
    /// What the server says about it.
    pub(super) message: String,
    /// Machine-readable class, where there is one.
    pub(super) code: String,
    pub(super) retry_after: Option<Duration>,
}

impl Refusal {
    const LONGEST_BODY: usize = 16 * 1024;

    pub(super) async fn read(mut response: reqwest::Response) -> Self {
        let status = response.status();
        let retry_after = retry_after(response.headers(), Timestamp::now());
        let mut body = Vec::new();
        while let Ok(Some(piece)) = response.chunk().await {
            body.extend_from_slice(&piece);
            if body.len() > Self::LONGEST_BODY {
                break;
            }
        }
        let body = String::from_utf8_lossy(&body);
        let mut refusal = Self::of_body(&body).unwrap_or_else(|| Self {
            status: None,
            message: match body.trim() {
                text if text.is_empty() || text.starts_with('<') => {
                    status.canonical_reason().unwrap_or("refused").to_owned()
                }
                text => text.to_owned(),
            },
            code: String::new(),
            retry_after: None,
        });
        refusal.status = Some(status.as_u16());
        refusal.retry_after = retry_after;
        refusal
    }

    /// Understands the error bodies of OpenAI, vLLM, llama.cpp, Ollama and FastAPI.
    pub(super) fn of_body(body: &str) -> Option<Self> {
        let body: Value = serde_json::from_str(body).ok()?;
        let message = ["/error/message", "/error", "/message", "/detail"]
            .iter()
            .find_map(|path| body.pointer(path)?.as_str())?;
        let status = ["/error/code", "/code"]
            .iter()
            .find_map(|path| body.pointer(path)?.as_u64())
            .and_then(|code| u16::try_from(code).ok())
            .filter(|code| (400..600).contains(code));
        let code = ["/error/code", "/error/type", "/code", "/type"]
            .iter()
            .find_map(|path| body.pointer(path)?.as_str());
        Some(Self {
            status,
            message: message.to_owned(),
            code: code.unwrap_or_default().to_owned(),
            retry_after: None,
        })
    }

    /// What the caller can do about it.
    pub(super) fn class(&self) -> (ErrorKind, &'static str) {
        let code = self.code.to_lowercase();
        let message = self.message.to_lowercase();
        // It has the status of an overload, but waiting does not help.
        if code == "insufficient_quota" {
            return (ErrorKind::Config, "the account has no quota left");
        }
        if POLICY_CODES.contains(&code.as_str()) {
            return (ErrorKind::Refused, "ask something else");
        }
        let about_the_request = matches!(self.status, None | Some(400 | 413 | 422 | 500));
        let too_long = TOO_LONG_CODES.contains(&code.as_str())
            || (about_the_request && TOO_LONG_WORDS.iter().any(|words| message.contains(words)));
        if too_long {
            return (ErrorKind::TooLong, "shorten the prompt");
        }
        let overloaded = OVERLOAD_WORDS
            .iter()
            .any(|words| code.contains(words) || message.contains(words));
        match self.status {
            Some(401 | 403) => (ErrorKind::Config, "check the API key"),
            Some(402) => (ErrorKind::Config, "check the account"),
            Some(404 | 405 | 410) => (
                ErrorKind::NotFound,
                "check the model's name and that the base URL ends like the server's, often in /v1",
            ),
            Some(408 | 504) => (ErrorKind::Timeout, "try again"),
            Some(429 | 529) => (ErrorKind::Overloaded, "wait, then try again"),
            // Providers limit the tokens of a minute by this status, too.
            Some(413 | 503) | None if overloaded => (ErrorKind::Overloaded, "wait, then try again"),
            Some(413) => (ErrorKind::TooLong, "shorten the prompt"),
            Some(451) => (ErrorKind::Refused, "ask something else"),
            Some(501) => (ErrorKind::Unsupported, "ask for something simpler"),
            Some(409 | 425) => (ErrorKind::Unavailable, "try again later"),
            Some(400..=499) => (ErrorKind::InvalidInput, "change what is asked"),
            None if code == "invalid_request_error" => {
                (ErrorKind::InvalidInput, "change what is asked")
            }
            _ => (ErrorKind::Unavailable, "try again later"),
        }
    }
}

/// How long the server wants to be left alone: `retry-after-ms` (OpenAI, Azure), else `Retry-After`,
/// in seconds or as a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let milliseconds = header(headers, "retry-after-ms").and_then(|text| text.parse::<f64>().ok());
    if let Some(milliseconds) = milliseconds {
        return Duration::try_from_secs_f64(milliseconds / 1000.0).ok();
    }
    let text = header(headers, "retry-after")?;
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = DateTimeParser::new().parse_timestamp(text).ok()?;
    // A date that is over: at once.
    Some(Duration::try_from(now.duration_until(until)).unwrap_or(Duration::ZERO))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, body: &str) -> ErrorKind {
        let mut refusal = Refusal::of_body(body).unwrap();
        refusal.status = Some(status);
        refusal.class().0
    }

    #[test]
    fn error_bodies_of_several_servers_are_understood() {
        let openai = r#"{"error":{"message":"slow down","type":"requests","code":"rate_limit"}}"#;
        let quota = r#"{"error":{"message":"no money","code":"insufficient_quota"}}"#;
        let llama = r#"{"error":{"code":401,"message":"Invalid API Key","type":"authentication"}}"#;
        let vllm = r#"{"object":"error","message":"no such model","code":404}"#;
        let ollama = r#"{"error":"model not found"}"#;
        let read = |body| Refusal::of_body(body).unwrap();
        assert_eq!(read(openai).message, "slow down");
        assert_eq!(read(openai).class().0, ErrorKind::Overloaded);
        assert_eq!(read(quota).class().0, ErrorKind::Config);
        assert_eq!(read(llama).class().0, ErrorKind::Config);
        assert_eq!(read(vllm).class().0, ErrorKind::NotFound);
        assert_eq!(read(ollama).message, "model not found");
        assert!(Refusal::of_body("<html>").is_none());
        assert!(Refusal::of_body(r#"{"id":"x"}"#).is_none());
    }

    #[test]
    fn a_prompt_that_is_too_long_is_known_from_every_server() {
        let bodies = [
            r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#,
            r#"{"error":{"code":400,"message":"request (9000 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error","n_ctx":4096}}"#,
            r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens","type":"BadRequestError","param":null,"code":400}"#,
            r#"{"error":{"message":"The decoder prompt (length 9000) is longer than the maximum model length of 8192.","type":"BadRequestError","code":400}}"#,
        ];
        for body in bodies {
            assert_eq!(class(400, body), ErrorKind::TooLong, "{body}");
            let in_a_stream = Refusal::of_body(body).unwrap();
            assert_eq!(in_a_stream.class().0, ErrorKind::TooLong, "{body}");
        }
        let other = r#"{"error":{"message":"unknown field","code":"invalid"}}"#;
        assert_eq!(class(400, other), ErrorKind::InvalidInput);
    }

    #[test]
    fn overload_and_policy_are_told_from_failure() {
        let body = |message: &str, code: &str| {
            format!(r#"{{"error":{{"message":"{message}","code":"{code}"}}}}"#)
        };
        let cases = [
            (503, "Loading model", "", ErrorKind::Unavailable),
            (503, "engine is overloaded", "", ErrorKind::Overloaded),
            (503, "Slow Down", "", ErrorKind::Overloaded),
            (529, "try later", "", ErrorKind::Overloaded),
            (
                413,
                "tokens per minute",
                "rate_limit_exceeded",
                ErrorKind::Overloaded,
            ),
            (413, "payload", "", ErrorKind::TooLong),
            (400, "no", "content_policy_violation", ErrorKind::Refused),
            (400, "no", "content_filter", ErrorKind::Refused),
            (501, "no", "", ErrorKind::Unsupported),
            (500, "no", "", ErrorKind::Unavailable),
        ];
        for (status, message, code, kind) in cases {
            let got = class(status, &body(message, code));
            assert_eq!(got, kind, "{status} {message} {code}");
        }
    }

    #[test]
    fn every_form_of_retry_after_is_read() {
        let now: Timestamp = "2015-10-21T07:27:30Z".parse().unwrap();
        let read = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            retry_after(&headers, now)
        };
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        assert_eq!(read("retry-after", "20"), Some(Duration::from_secs(20)));
        assert_eq!(read("retry-after", "0"), Some(Duration::ZERO));
        assert_eq!(read("retry-after", date), Some(Duration::from_secs(30)));
        let past = "Wed, 21 Oct 2015 07:00:00 GMT";
        assert_eq!(read("retry-after", past), Some(Duration::ZERO));
        let short = Duration::from_millis(1500);
        assert_eq!(read("retry-after-ms", "1500"), Some(short));
        for nonsense in ["-3", "soon", "inf", "NaN", "1e300", ""] {
            assert_eq!(read("retry-after", nonsense), None, "{nonsense}");
        }
        let mut both = HeaderMap::new();
        both.insert("retry-after", "2".parse().unwrap());
        both.insert("retry-after-ms", "1500".parse().unwrap());
        assert_eq!(retry_after(&both, now), Some(short));
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
