//! Tools of other processes, by the Model Context Protocol (<https://modelcontextprotocol.io/specification>).

mod link;
mod outcome;
mod remote;

#[cfg(test)]
pub(crate) mod backend;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;

pub use link::McpCommand;

use super::{Tool, ToolEffect};
use crate::error::{Error, ErrorKind, OrError, Result};
use link::{Endpoint, Link};
use remote::{Known, RemoteTool};

/// A server must be there within this time, unless [`McpOptions`] say otherwise.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// A tool's answer is cut after so many bytes, unless [`McpOptions`] say otherwise.
const LARGEST_RESULT: usize = 64 * 1024;

/// Which tools of a server are taken, and how.
///
/// A server says itself whether a tool only reads or may be called again (`readOnlyHint`, `idempotentHint`). What it does
/// not say is taken for the worst: a tool that changes something each time, and is never called again where it may have
/// been done. Tools are named as the server names them, without the prefix.
#[derive(Clone, Debug)]
pub struct McpOptions {
    prefix: String,
    allowed: Option<BTreeSet<String>>,
    hints: bool,
    effects: BTreeMap<String, ToolEffect>,
    fillers: BTreeMap<String, String>,
    secret: Vec<String>,
    timeout: Duration,
    connect_within: Duration,
    largest_result: usize,
}

impl Default for McpOptions {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            allowed: None,
            hints: true,
            effects: BTreeMap::new(),
            fillers: BTreeMap::new(),
            secret: Vec::new(),
            timeout: super::TIMEOUT,
            connect_within: CONNECT_WITHIN,
            largest_result: LARGEST_RESULT,
        }
    }
}

impl McpOptions {
    /// Put before the names of all tools, so that two servers do not collide. Playbooks name a tool with its prefix.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Only these tools; by default all. Each of them must be there when the server is connected.
    #[must_use]
    pub fn with_allowed(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allowed = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Believes no hint of the server: every tool changes something, but where [`with_effect`](Self::with_effect) says
    /// otherwise.
    #[must_use]
    pub fn without_hints(mut self) -> Self {
        self.hints = false;
        self
    }

    /// What calling a tool again does, whatever the server says of it.
    #[must_use]
    pub fn with_effect(mut self, name: impl Into<String>, effect: ToolEffect) -> Self {
        self.effects.insert(name.into(), effect);
        self
    }

    /// What is said while a tool runs ([`ToolSpec::filler`](super::ToolSpec)).
    #[must_use]
    pub fn with_filler(mut self, name: impl Into<String>, words: impl Into<String>) -> Self {
        self.fillers.insert(name.into(), words.into());
        self
    }

    /// Fields of arguments and results that nobody may see, of all tools.
    #[must_use]
    pub fn with_secret(mut self, fields: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.secret = fields.into_iter().map(Into::into).collect();
        self
    }

    /// How long a tool may take; by default 20 s.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long a server may take to be there, or to list its tools; by default 10 s.
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_within = timeout;
        self
    }

    /// What a tool returns is cut after so many bytes; by default 64 KiB.
    #[must_use]
    pub fn with_largest_result(mut self, bytes: usize) -> Self {
        self.largest_result = bytes;
        self
    }
}

/// The tools of one MCP server, as [`Tool`]s for [`AssistantBuilder::tools`](crate::assistant::AssistantBuilder::tools).
///
/// The server is connected again when it went away. A call that was sent and whose answer never came is made again where
/// that is harmless ([`ToolEffect`]); else nobody knows whether it was done, and a person looks. Each call carries the
/// action's identity as `_meta["attendant/idempotencyKey"]`. A tool that the server has since taken away, or whose
/// arguments or effect are no longer what was accepted, is not called any more.
///
/// What a tool returns is data: structured content as it is, text as JSON where it is JSON, else as `{"text": …}`.
#[derive(Clone)]
pub struct McpTools {
    server: Arc<Server>,
}

/// A server that was connected once.
pub(super) struct Server {
    link: Link,
    options: McpOptions,
    known: Known,
}

impl McpTools {
    /// Starts a program and speaks to it over its standard input and output.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it cannot be started, an allowed tool is missing or two tools have one name;
    /// [`ErrorKind::Unavailable`] or [`ErrorKind::Timeout`] if it does not speak MCP in time.
    pub async fn connect_stdio(command: McpCommand, options: McpOptions) -> Result<Self> {
        let name = command.program().to_owned();
        Self::connect(name, Endpoint::Command(command), options).await
    }

    /// Speaks to a server over streamable HTTP at `url`. The headers go with every request, e.g. `Authorization`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a URL or header that cannot be used, and where the server wants other credentials; else
    /// as [`connect_stdio`](Self::connect_stdio).
    pub async fn connect_http(
        url: &str,
        headers: impl IntoIterator<Item = (String, String)>,
        options: McpOptions,
    ) -> Result<Self> {
        let parsed = reqwest::Url::parse(url).or_error(
            ErrorKind::Config,
            || "the address of the MCP server is no URL; write it like http://localhost:8000/mcp",
        )?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
            return Err(Error::new(
                ErrorKind::Config,
                "the address of the MCP server must start with http:// or https://",
            ));
        }
        let mut sent = std::collections::HashMap::new();
        for (name, value) in headers {
            let wrong = || format!("header {name:?} for the MCP server cannot be sent as it is");
            let header =
                HeaderName::from_bytes(name.as_bytes()).or_error(ErrorKind::Config, wrong)?;
            let mut value =
                HeaderValue::from_str(value.trim()).or_error(ErrorKind::Config, wrong)?;
            value.set_sensitive(true);
            sent.insert(header, value);
        }
        // Built here, since the default client panics where TLS cannot start.
        let client = reqwest::Client::builder()
            .connect_timeout(options.connect_within)
            // Credentials go to the server that was named, and to no other.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .or_error(ErrorKind::Config, || "cannot start the HTTP client")?;
        let config = StreamableHttpClientTransportConfig::with_uri(url).custom_headers(sent);
        let name = parsed.origin().ascii_serialization();
        Self::connect(name, Endpoint::Http(client, Box::new(config)), options).await
    }

    async fn connect(name: String, endpoint: Endpoint, options: McpOptions) -> Result<Self> {
        let link = Link::new(name, endpoint, options.connect_within);
        let server = Server {
            link,
            options,
            known: Known::default(),
        };
        server.list().await?;
        server.check()?;
        Ok(Self {
            server: Arc::new(server),
        })
    }

    /// The tools, as the server listed them last.
    pub fn tools(&self) -> Vec<Arc<dyn Tool>> {
        let specs = self.server.known.specs(&self.server.options);
        let tool = |(offered, spec)| {
            let server = self.server.clone();
            Arc::new(RemoteTool::new(server, offered, spec)) as Arc<dyn Tool>
        };
        specs.into_iter().map(tool).collect()
    }

    /// Asks the server for its tools again. Give the result to a new assistant; tools that were given to an old one are
    /// looked up too, and those that changed are not called any more.
    ///
    /// # Errors
    /// As [`connect_stdio`](Self::connect_stdio).
    pub async fn refresh(&self) -> Result<Vec<Arc<dyn Tool>>> {
        self.server.list().await?;
        self.server.check()?;
        Ok(self.tools())
    }

    /// Waits until the server says that its tools changed, or was connected again.
    pub async fn changed(&self) {
        self.server.link.changed().await;
    }

    /// Ends the connection; a program that was started is stopped. A tool that is called later connects again.
    pub async fn close(&self) {
        self.server.link.close().await;
    }
}

impl fmt::Debug for McpTools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpTools")
            .field("server", &self.server.link.name())
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Asks for the tools and keeps them.
    async fn list(&self) -> Result<()> {
        let within = self.options.connect_within;
        let at = self.link.news();
        let peer = self.link.peer().await?;
        let listed = tokio::time::timeout(within, peer.list_all_tools()).await;
        let listed = match listed {
            Ok(Ok(listed)) => listed,
            Ok(Err(error)) => {
                self.link.forget(&error).await;
                return Err(outcome::failure(self.link.name(), error));
            }
            Err(_) => {
                let late = format!(
                    "{} did not list its tools within {within:?}",
                    self.link.name()
                );
                return Err(Error::new(ErrorKind::Timeout, late));
            }
        };
        // Whatever is told from here on makes this list old.
        self.known
            .keep(listed, &self.options, at.max(self.link.connected_at()));
        Ok(())
    }

    /// Whether what was asked for is there, and every name is one tool's.
    fn check(&self) -> Result<()> {
        let specs = self.known.specs(&self.options);
        let there = self.known.names();
        if let Some(missing) = self
            .options
            .allowed
            .iter()
            .flatten()
            .find(|name| !there.contains(*name))
        {
            let there = there.into_iter().collect::<Vec<_>>().join(", ");
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "{} has no tool {missing:?}; it has: {there}",
                    self.link.name()
                ),
            ));
        }
        let mut names = BTreeSet::new();
        match specs.iter().find(|(_, spec)| !names.insert(&spec.name)) {
            None => Ok(()),
            Some((_, twice)) => Err(Error::new(
                ErrorKind::Config,
                format!(
                    "{} has two tools that would be called {:?} here; allow one of them",
                    self.link.name(),
                    twice.name
                ),
            )),
        }
    }
}
