//! What every handler works with.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;

use super::auth::Authenticator;
use super::config::ServerConfig;
use super::openai::Threads;
use super::telephony::{Settings, SpeechOut};
use crate::error::Result;
use crate::session::SessionHub;
use crate::session::customers::{CustomerDirectory, IdentityRules};

/// What every handler works with; cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerState {
    /// The live conversations.
    pub hub: SessionHub,
    /// Who may come in.
    pub auth: Arc<Authenticator>,
    /// The configuration.
    pub config: Arc<ServerConfig>,
    /// Where `/metrics` reads, if metrics are recorded.
    pub metrics: Option<PrometheusHandle>,
    /// Cancelled when the server stops: streams and sockets end then.
    pub stopping: CancellationToken,
    /// Telephone platforms, with their secrets.
    pub(super) telephony: Arc<Settings>,
    /// What makes the virtual agent's words audible on the telephone.
    pub(super) voice: Option<Arc<dyn SpeechOut>>,
    /// Who customers are, over the hub's store.
    pub customers: CustomerDirectory,
    pub(super) threads: Arc<Threads>,
}

impl ServerState {
    /// A state for `hub`, with keys and limits of `config`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if a key, a secret or a file it refers to cannot be used.
    pub fn new(hub: SessionHub, config: ServerConfig) -> Result<Self> {
        let store = hub.assistant().store().clone();
        Ok(Self {
            customers: CustomerDirectory::new(store, IdentityRules::standard()?),
            hub,
            auth: Arc::new(Authenticator::new(&config.auth, &config.limits)?),
            telephony: Arc::new(Settings::read(&config.telephony)?),
            voice: None,
            config: Arc::new(config),
            metrics: None,
            stopping: CancellationToken::new(),
            threads: Arc::default(),
        })
    }

    /// Brings a voice of the virtual agent for telephone lines.
    #[must_use]
    pub fn with_voice(mut self, voice: Arc<dyn SpeechOut>) -> Self {
        self.voice = Some(voice);
        self
    }

    /// Keeps figures of this process for `/metrics` ([`record_metrics`](super::record_metrics)).
    #[must_use]
    pub fn with_metrics(mut self) -> Self {
        self.metrics = super::metrics::record_metrics();
        self
    }
}
