//! What the adapters of OpenAI-compatible servers share: address and key, one HTTP client, and the
//! classes of what can go wrong.

mod refusal;

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
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;

use crate::error::{Error, ErrorKind, OrError, Result};
use refusal::Refusal;

/// No answer that is read as a whole is longer, in bytes.
const LONGEST_BODY: usize = 1024 * 1024;

/// What a server says about a failure is cut after so many characters.
const LONGEST_MESSAGE: usize = 400;

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
    tools: bool,
    logprobs: bool,
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
            tools: true,
            logprobs: true,
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

    /// For servers that do not know `response_format: json_schema`: the schema (or the choices, or
    /// the pattern) is written at the end of the question instead, and answers may not follow it.
    #[must_use]
    pub fn without_json_schema(mut self) -> Self {
        self.schema = false;
        self
    }

    /// For servers and models without tool calls of their own, and for llama.cpp, whose models may say
    /// something before a call or instead of it: the tools are written at the end of the question, and
    /// the call is asked for as JSON.
    #[must_use]
    pub fn without_tools(mut self) -> Self {
        self.tools = false;
        self
    }

    /// For servers that do not tell `logprobs`: choices cannot be scored. A server that turns out
    /// not to tell them is treated the same from then on.
    #[must_use]
    pub fn without_logprobs(mut self) -> Self {
        self.logprobs = false;
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

    /// Whether the server is told the tools as such.
    pub(crate) fn tools(&self) -> bool {
        self.tools
    }

    /// Whether the server is asked how likely tokens are.
    pub(crate) fn logprobs(&self) -> bool {
        self.logprobs
    }
}

impl fmt::Debug for OpenAiConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiConfig")
            .field("base_url", &without_credentials(&self.base_url))
            .field("model", &self.model)
            .field("timeout", &self.timeout)
            .field("json_schema", &self.schema)
            .field("tools", &self.tools)
            .field("logprobs", &self.logprobs)
            .finish_non_exhaustive()
    }
}

/// A server that can be called.
pub(crate) struct Server {
    client: Client<OpenAIConfig>,
    http: reqwest::Client,
    base_url: String,
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
            client: Client::build(http.clone(), settings)
                .with_http_service(Transport { http: http.clone() }),
            http,
            base_url: base_url.to_owned(),
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

    /// Sends `body` to `path` below the base URL, once, and waits for the beginning of an answer that
    /// says yes.
    ///
    /// Unlike [`client`](Self::client) it leaves the reading to the caller: async-openai writes what it
    /// cannot parse to the log, the key and the customer's words with it.
    pub(crate) async fn post(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<reqwest::Response> {
        let body = serde_json::to_vec(body)
            .or_error(ErrorKind::Internal, || "the request cannot be written")?;
        let mut request = self
            .http
            .post(format!("{}{path}", self.base_url))
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        if !self.key.is_empty() {
            request = request.bearer_auth(&self.key);
        }
        self.within(async { accepted(request.send().await?).await })
            .await
    }

    /// The whole answer.
    pub(crate) async fn body(&self, mut response: reqwest::Response) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            match tokio::time::timeout(self.timeout, response.chunk()).await {
                Ok(Ok(Some(piece))) => body.extend_from_slice(&piece),
                Ok(Ok(None)) => return Ok(body),
                Ok(Err(error)) => return Err(self.cut(Some(error))),
                Err(_) => return Err(self.silent()),
            }
            if body.len() > LONGEST_BODY {
                return Err(self.odd("its answer is far too long"));
            }
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

    /// The connection ended before the answer did.
    pub(crate) fn cut(&self, why: Option<reqwest::Error>) -> Error {
        let why = why.map(|error| format!(" ({})", chain(&error.without_url())));
        self.fail(
            ErrorKind::Unavailable,
            format!(
                "it stopped in the middle of an answer{}; ask again",
                why.unwrap_or_default()
            ),
        )
    }

    /// The server said something that is not in the protocol.
    pub(crate) fn odd(&self, what: impl fmt::Display) -> Error {
        self.fail(
            ErrorKind::Malformed,
            format!("{what}; check that this is an OpenAI-compatible server"),
        )
    }

    /// The server said something else than an answer; it may say no with a status that says yes.
    pub(crate) fn unexpected(&self, body: &[u8]) -> Error {
        let body = String::from_utf8_lossy(body);
        match Refusal::of_body(&body) {
            Some(refusal) => self.refused(refusal),
            None => self.odd("it answered something unexpected"),
        }
    }

    fn error(&self, error: OpenAIError) -> Error {
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
            OpenAIError::JSONDeserialize(_, body) => self.unexpected(body.as_bytes()),
            OpenAIError::InvalidArgument(why) => self.fail(ErrorKind::InvalidInput, why),
            other => self.fail(ErrorKind::Unavailable, other.to_string()),
        }
    }

    fn refused(&self, refusal: Refusal) -> Error {
        let (kind, advice) = refusal.class();
        let status = refusal.status.map(|s| format!("status {s}: "));
        // Hidden before it is cut: half a key is a secret, too.
        let message = shorten(&self.hide_key(refusal.message));
        let what = format!("{}{message}; {advice}", status.unwrap_or_default());
        let error = self.fail(kind, what);
        match refusal.retry_after {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }

    /// An error that names the model and the server, and never the key.
    pub(crate) fn fail(&self, kind: ErrorKind, what: impl Into<String>) -> Error {
        let what = self.hide_key(what.into());
        Error::new(kind, format!("{} at {}: {what}", self.model, self.host))
    }

    /// Some servers repeat the key they refuse.
    fn hide_key(&self, text: String) -> String {
        if self.key.is_empty() {
            text
        } else {
            text.replace(&self.key, "***")
        }
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

/// Sends a request once, for the typed calls of async-openai.
///
/// Its own service tries again up to three times and waits as long as the server says; in a live call
/// the caller decides that, by [`Error::is_transient`]. It also forgets the status of errors it cannot
/// parse, such as those of llama.cpp and vLLM, whose codes are numbers.
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
            accepted(http.execute(request).await?).await
        })
    }
}

/// The answer, unless it says no.
async fn accepted(response: reqwest::Response) -> Result<reqwest::Response, OpenAIError> {
    if response.status().is_success() {
        return Ok(response);
    }
    Err(OpenAIError::Boxed(Box::new(Refusal::read(response).await)))
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
    match text.trim().char_indices().nth(LONGEST_MESSAGE) {
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
            retry_after: Some(Duration::from_secs(3)),
        });
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
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
    fn a_key_that_would_be_cut_in_two_is_not_told_at_all() {
        let server = Server::new(&config()).unwrap();
        let message = format!("{}sk-secret", "x".repeat(LONGEST_MESSAGE - 5));
        let error = server.refused(Refusal {
            status: Some(400),
            message,
            code: String::new(),
            retry_after: None,
        });
        assert!(!error.to_string().contains("sk-s"), "{error}");
        assert_eq!(shorten(&"é".repeat(500)).chars().count(), 401);
    }
}
