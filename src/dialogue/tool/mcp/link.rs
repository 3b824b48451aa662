//! The connection to a server, made again when it was lost.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rmcp::model::{ClientCapabilities, ClientConfig, Implementation};
use rmcp::service::{NotificationContext, Peer, RoleClient, RunningService, ServiceError};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientHandler, ServiceExt};
use tokio::sync::{Mutex, watch};

use crate::error::{Error, ErrorKind, OrError, Result};

/// What a program gets of our environment; the rest may hold keys that are none of its business.
const ENVIRONMENT: &[&str] = &[
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "TMPDIR",
];

/// A program that is an MCP server on its standard input and output.
///
/// Of our environment it gets only what a program needs to run (`PATH`, `HOME`, …); anything else is given by
/// [`with_env`](Self::with_env).
#[derive(Clone, PartialEq, Eq)]
pub struct McpCommand {
    program: String,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    directory: Option<PathBuf>,
}

impl McpCommand {
    /// A program, by path or by its name in `PATH`.
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            directory: None,
        }
    }

    /// Its arguments.
    #[must_use]
    pub fn with_args(mut self, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.arguments = arguments.into_iter().map(Into::into).collect();
        self
    }

    /// A variable of its environment.
    #[must_use]
    pub fn with_env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Where it runs; by default where we do.
    #[must_use]
    pub fn with_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    pub(super) fn program(&self) -> &str {
        &self.program
    }

    fn start(&self) -> Result<TokioChildProcess> {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(&self.arguments).env_clear();
        let ours = ENVIRONMENT
            .iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?)));
        command.envs(ours).envs(&self.environment);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        TokioChildProcess::new(command).or_error(ErrorKind::Config, || {
            format!("the MCP server {:?} cannot be started", self.program)
        })
    }
}

impl std::fmt::Debug for McpCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Arguments and environment may hold keys.
        f.debug_struct("McpCommand")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

/// Where a server is.
pub(super) enum Endpoint {
    Command(McpCommand),
    Http(reqwest::Client, Box<StreamableHttpClientTransportConfig>),
    #[cfg(test)]
    Duplex(Box<dyn Fn() -> tokio::io::DuplexStream + Send + Sync>),
}

/// Listens to what the server tells unasked.
struct Listener(watch::Sender<u64>);

impl ClientHandler for Listener {
    fn get_info(&self) -> ClientConfig {
        let us = Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), us)
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.0.send_modify(|news| *news += 1);
    }
}

type Running = RunningService<RoleClient, Listener>;

/// A connection that is made when it is needed.
pub(super) struct Link {
    name: String,
    endpoint: Endpoint,
    within: Duration,
    open: Mutex<Option<Running>>,
    /// Counts what may have changed the list of tools.
    news: watch::Sender<u64>,
    /// The count when it was connected last.
    connected_at: AtomicU64,
}

impl Link {
    pub(super) fn new(name: String, endpoint: Endpoint, within: Duration) -> Self {
        Self {
            name,
            endpoint,
            within,
            open: Mutex::default(),
            news: watch::Sender::new(0),
            connected_at: AtomicU64::new(0),
        }
    }

    /// What the server is called in messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How often something was told that may have changed the list of tools.
    pub(super) fn news(&self) -> u64 {
        *self.news.borrow()
    }

    /// How often it had been when the connection was made.
    pub(super) fn connected_at(&self) -> u64 {
        self.connected_at.load(Ordering::SeqCst)
    }

    pub(super) async fn changed(&self) {
        let mut news = self.news.subscribe();
        // The sender is ours, so that it cannot be gone.
        let _ = news.changed().await;
    }

    /// Whom to ask; connects where nobody is there.
    pub(super) async fn peer(&self) -> Result<Peer<RoleClient>> {
        let mut open = self.open.lock().await;
        if let Some(running) = open.as_ref()
            && !running.is_closed()
            && !running.peer().is_transport_closed()
        {
            return Ok(running.peer().clone());
        }
        *open = None;
        let running = tokio::time::timeout(self.within, self.connect())
            .await
            .unwrap_or_else(|_| {
                let late = format!(
                    "the MCP server {} was not there within {:?}",
                    self.name, self.within
                );
                Err(Error::new(ErrorKind::Timeout, late))
            })?;
        let peer = running.peer().clone();
        *open = Some(running);
        // Another process may have other tools.
        self.news.send_modify(|news| *news += 1);
        self.connected_at.store(self.news(), Ordering::SeqCst);
        Ok(peer)
    }

    async fn connect(&self) -> Result<Running> {
        let listener = Listener(self.news.clone());
        let connected = match &self.endpoint {
            Endpoint::Command(command) => listener.serve(command.start()?).await,
            Endpoint::Http(client, config) => {
                let transport = StreamableHttpClientTransport::with_client(
                    client.clone(),
                    config.as_ref().clone(),
                );
                listener.serve(transport).await
            }
            #[cfg(test)]
            Endpoint::Duplex(open) => listener.serve(open()).await,
        };
        connected.map_err(|error| {
            let kind = match error.is_authorization_required() {
                true => ErrorKind::Config,
                false => ErrorKind::Unavailable,
            };
            let what = format!("the MCP server {} cannot be connected", self.name);
            Error::new(kind, what).with_source(error)
        })
    }

    /// Connects anew before the next call, where this failure is one of the connection.
    pub(super) async fn forget(&self, error: &ServiceError) {
        if matches!(
            error,
            ServiceError::TransportSend(_) | ServiceError::TransportClosed
        ) {
            self.close().await;
        }
    }

    pub(super) async fn close(&self) {
        if let Some(running) = self.open.lock().await.take() {
            running.cancellation_token().cancel();
        }
    }
}
