//! What the adapters of OpenAI-compatible servers share: address and key, one HTTP client, and the
//! classes of what can go wrong.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;

use crate::error::{Error, ErrorKind, OrError, Result};

/// Where an OpenAI-compatible server (OpenAI, vLLM, llama.cpp, a gateway) is and what to ask it.
///
/// Its `Debug` form does not tell the key, and no error of the adapters does.
#[derive(Clone)]
pub struct OpenAiConfig {
    base_url: String,
    api_key: String,
    model: String,
    timeout: Duration,
    schema: bool,
}

impl OpenAiConfig {
    /// `model` as the server names it, at `base_url` including the version, e.g.
    /// `http://localhost:8000/v1`. No key; an answer may be silent for 60 s.
    pub fn new(base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            api_key: String::new(),
            model: model.into(),
            timeout: Duration::from_secs(60),
            schema: true,
        }
    }

    /// Sets the key. Space around it (the line end of a key file) does not matter.
    #[must_use]
    pub fn with_api_key(mut self, api_key: impl Into<String>) -> Self {
        self.api_key = api_key.into();
        self
    }

    /// Sets how long the server may be silent, before its answer and in the middle of it.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// For servers that do not know `response_format: json_schema`: the schema is written at the
    /// end of the question instead, and answers may not follow it.
    #[must_use]
    pub fn without_json_schema(mut self) -> Self {
        self.schema = false;
        self
    }

    /// The model's name.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Whether the server is asked to constrain answers to a schema.
    pub(crate) fn json_schema(&self) -> bool {
        self.schema
    }
}

impl fmt::Debug for OpenAiConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiConfig")
            .field("base_url", &without_credentials(&self.base_url))
            .field("model", &self.model)
            .field("timeout", &self.timeout)
            .field("json_schema", &self.schema)
            .finish_non_exhaustive()
    }
}

/// A server that can be called.
pub(crate) struct Server {
    client: Client<OpenAIConfig>,
    /// Scheme and host, for decisions and messages.
    host: String,
    model: String,
    key: String,
    timeout: Duration,
}

impl Server {
    /// Checks the configuration; the server itself is not called.
    pub(crate) fn new(config: &OpenAiConfig) -> Result<Self> {
        let wrong = |what: &str| Error::new(ErrorKind::Config, what);
        if config.model.trim().is_empty() {
            return Err(wrong("the OpenAI-compatible model has no name; set one"));
        }
        let base_url = config.base_url.trim().trim_end_matches('/');
        let url = reqwest::Url::parse(base_url).or_error(ErrorKind::Config, || {
            "the base URL of the OpenAI-compatible server is no URL; \
             write it like http://localhost:8000/v1"
        })?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong(
                "the base URL of the OpenAI-compatible server must start with http:// or https://",
            ));
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err(wrong(
                "the base URL of the OpenAI-compatible server must not hold a name, a password \
                 or a query; give the key as API key",
            ));
        }
        let key = config.api_key.trim();
        // The client would panic on a key that cannot stand in a header.
        if !key.chars().all(|c| c.is_ascii_graphic()) {
            return Err(wrong(
                "the API key holds a space, a line end or a letter outside ASCII; copy it again",
            ));
        }
        // Built here, since the default client panics where TLS cannot start.
        let http = reqwest::Client::builder()
            .connect_timeout(config.timeout.min(Duration::from_secs(10)))
            .build()
            .or_error(ErrorKind::Config, || "cannot start the HTTP client")?;
        // Empty, not absent: else the environment would add headers behind the caller's back.
        let settings = OpenAIConfig::new()
            .with_api_base(base_url)
            .with_api_key(key)
            .with_org_id("")
            .with_project_id("");
        Ok(Self {
            client: Client::build(http.clone(), settings).with_http_service(Transport { http }),
            host: url.origin().ascii_serialization(),
            model: config.model.trim().to_owned(),
            key: key.to_owned(),
            timeout: config.timeout,
        })
    }

    pub(crate) fn client(&self) -> &Client<OpenAIConfig> {
        &self.client
    }

    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether this is OpenAI itself, whose newest models refuse some older fields.
    pub(crate) fn is_openai(&self) -> bool {
        self.host.ends_with("://api.openai.com") || self.host.ends_with(".openai.azure.com")
    }

    /// Waits for `call` as long as the server may be silent.
    pub(crate) async fn within<T>(
        &self,
        call: impl Future<Output = Result<T, OpenAIError>>,
    ) -> Result<T> {
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.error(error)),
            Err(_) => Err(self.silent()),
        }
    }

    /// The server did not say anything for too long.
    pub(crate) fn silent(&self) -> Error {
        let seconds = self.timeout.as_secs_f32();
        self.fail(
            ErrorKind::Timeout,
            format!("no answer for {seconds} s; try again or raise the limit"),
        )
    }

    /// The server said something that is not in the protocol.
    pub(crate) fn odd(&self, what: impl fmt::Display) -> Error {
        self.fail(
            ErrorKind::Unavailable,
            format!("{what}; check that this is an OpenAI-compatible server"),
        )
    }

    pub(crate) fn error(&self, error: OpenAIError) -> Error {
        match error {
            OpenAIError::Reqwest(error) => {
                let kind = if error.is_timeout() && !error.is_connect() {
                    ErrorKind::Timeout
                } else {
                    ErrorKind::Unavailable
                };
                let error = error.without_url();
                self.fail(kind, format!("no connection ({})", chain(&error)))
            }
            OpenAIError::Boxed(other) => match other.downcast::<Refusal>() {
                Ok(refusal) => self.refused(*refusal),
                Err(other) => self.fail(ErrorKind::Internal, chain(&*other)),
            },
            // An error may also come as an event of a stream that had begun.
            OpenAIError::JSONDeserialize(why, body) => match Refusal::of_body(&body) {
                Some(refusal) => self.refused(refusal),
                None => self.odd(format_args!("it answered something unexpected ({why})")),
            },
            OpenAIError::StreamError(why) => self.fail(
                ErrorKind::Unavailable,
                format!("it stopped in the middle of an answer ({why}); ask again"),
            ),
            OpenAIError::InvalidArgument(why) => self.fail(ErrorKind::InvalidInput, why),
            other => self.fail(ErrorKind::Unavailable, other.to_string()),
        }
    }

    fn refused(&self, refusal: Refusal) -> Error {
        let (kind, advice) = refusal.class();
        let Refusal {
            status, message, ..
        } = refusal;
        let status = status.map(|s| format!("status {s}: ")).unwrap_or_default();
        self.fail(kind, format!("{status}{message}; {advice}"))
    }

    fn fail(&self, kind: ErrorKind, what: impl Into<String>) -> Error {
        let mut what = what.into();
        // Some servers repeat the key they refuse.
        if !self.key.is_empty() {
            what = what.replace(&self.key, "***");
        }
        Error::new(kind, format!("{} at {}: {what}", self.model, self.host))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("host", &self.host)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// Sends a request once.
///
/// async-openai's own service tries again up to three times and waits as long as the server says;
/// in a live call the caller decides that, by [`Error::is_transient`]. It also forgets the status
/// of errors it cannot parse, such as those of llama.cpp and vLLM, whose codes are numbers.
#[derive(Clone)]
struct Transport {
    http: reqwest::Client,
}

impl tower_service::Service<HttpRequestFactory> for Transport {
    type Response = reqwest::Response;
    type Error = OpenAIError;
    type Future = Pin<Box<dyn Future<Output = Result<reqwest::Response, OpenAIError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let http = self.http.clone();
        Box::pin(async move {
            let request = request.build().await?;
            let response = http.execute(request).await?;
            if response.status().is_success() {
                return Ok(response);
            }
            Err(OpenAIError::Boxed(Box::new(Refusal::read(response).await)))
        })
    }
}

/// An answer that says no.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Refusal {
    status: Option<u16>,
    /// What the server says about it, cut to a sensible length.
    message: String,
    /// Machine-readable class, where there is one.
    code: String,
}

impl Refusal {
    const LONGEST_BODY: usize = 16 * 1024;
    const LONGEST_MESSAGE: usize = 400;

    async fn read(mut response: reqwest::Response) -> Self {
        let status = response.status();
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
                text => shorten(text),
            },
            code: String::new(),
        });
        refusal.status = Some(status.as_u16());
        refusal
    }

    /// Understands the error bodies of OpenAI, vLLM, llama.cpp, Ollama and FastAPI.
    fn of_body(body: &str) -> Option<Self> {
        let body: serde_json::Value = serde_json::from_str(body).ok()?;
        let message = ["/error/message", "/error", "/message", "/detail"]
            .iter()
            .find_map(|path| body.pointer(path)?.as_str())?;
        let code = |path: &str| body.pointer(path);
        let status = code("/error/code")
            .or_else(|| code("/code"))
            .and_then(serde_json::Value::as_u64)
            .and_then(|code| u16::try_from(code).ok())
            .filter(|code| (400..600).contains(code));
        let name = ["/error/code", "/error/type"]
            .iter()
            .find_map(|path| code(path)?.as_str());
        Some(Self {
            status,
            message: shorten(message),
            code: name.unwrap_or_default().to_owned(),
        })
    }

    /// What the caller can do about it.
    fn class(&self) -> (ErrorKind, &'static str) {
        // It has the status of an overload, but waiting does not help.
        if self.code == "insufficient_quota" {
            return (ErrorKind::Config, "the account has no quota left");
        }
        match self.status {
            Some(401 | 403) => (ErrorKind::Config, "check the API key"),
            Some(404) => (
                ErrorKind::NotFound,
                "check the model's name and that the base URL ends like the server's, often in /v1",
            ),
            Some(408 | 504) => (ErrorKind::Timeout, "try again"),
            Some(429) => (ErrorKind::Overloaded, "wait, then try again"),
            Some(400 | 413 | 422) => (ErrorKind::InvalidInput, "change what is asked"),
            _ => (ErrorKind::Unavailable, "try again later"),
        }
    }
}

/// An error and its causes; many libraries tell only the outermost.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn shorten(text: &str) -> String {
    match text.trim().char_indices().nth(Refusal::LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", text.trim().get(..end).unwrap_or_default()),
        None => text.trim().to_owned(),
    }
}

/// A URL for logs, also one that will be refused.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let path = path.split('?').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> OpenAiConfig {
        OpenAiConfig::new("http://localhost:8000/v1", "m").with_api_key("sk-secret")
    }

    #[test]
    fn the_key_is_never_told() {
        let server = Server::new(&config()).unwrap();
        let error = server.refused(Refusal {
            status: Some(401),
            message: "Incorrect API key provided: sk-secret.".into(),
            code: String::new(),
        });
        assert_eq!(error.kind(), ErrorKind::Config);
        let all = format!("{:?} {server:?} {error:?} {error}", config());
        assert!(!all.contains("sk-secret"), "{all}");
        let hidden = OpenAiConfig::new("https://me:hunter2@host/v1?key=hunter2", "m");
        assert!(format!("{hidden:?}").contains("https://host/v1"));
        assert!(!format!("{hidden:?}").contains("hunter2"));
    }

    #[test]
    fn a_wrong_configuration_is_told_and_never_a_panic() {
        let base = |url: &str| OpenAiConfig::new(url, "m");
        for wrong in [
            base(""),
            base("localhost:8000"),
            base("ftp://host/v1"),
            base("http://me:secret@host/v1"),
            base("http://host/v1?api-key=secret"),
            OpenAiConfig::new("http://host/v1", " "),
            config().with_api_key("two\nlines"),
            config().with_api_key("schlüssel"),
        ] {
            let error = Server::new(&wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{wrong:?}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        Server::new(&config().with_api_key("sk-from-a-file\n")).unwrap();
        Server::new(&base("https://host/v1/")).unwrap();
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
        assert_eq!(read(quota).class().0, ErrorKind::Config);
        assert_eq!(read(llama).class().0, ErrorKind::Config);
        assert_eq!(read(vllm).class().0, ErrorKind::NotFound);
        assert_eq!(read(ollama).message, "model not found");
        assert!(Refusal::of_body("<html>").is_none());
        assert!(Refusal::of_body(r#"{"id":"x"}"#).is_none());
        assert_eq!(shorten(&"é".repeat(500)).chars().count(), 401);
    }
}
