//! Logs to standard error, traces to a collector.

#[cfg(feature = "otel")]
mod export;
mod stages;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::config::{LogFormat, Telemetry};
use crate::error::{Error, ErrorKind, OrError, Result};

/// Sends what is still to be sent when it is shut down.
#[derive(Debug, Default)]
pub struct TelemetryGuard {
    #[cfg(feature = "otel")]
    provider: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
    #[cfg(feature = "otel")]
    sender: Option<tokio::task::JoinHandle<()>>,
}

impl TelemetryGuard {
    /// Sends the spans that wait; nothing is sent afterwards.
    pub async fn shut_down(self) {
        #[cfg(feature = "otel")]
        {
            if let Some(provider) = self.provider
                && let Err(error) = provider.shutdown()
            {
                tracing::warn!(%error, "traces could not be finished");
            }
            if let Some(sender) = self.sender {
                let patience = std::time::Duration::from_secs(5);
                let _ = tokio::time::timeout(patience, sender).await;
            }
        }
    }
}

/// Sets logs and traces of this process up. Must be called within a tokio runtime, once.
///
/// # Errors
/// [`ErrorKind::Config`] if the filter or the collector's address cannot be used, or somebody else has set logs up;
/// [`ErrorKind::Unsupported`] for a collector without the feature `otel`.
pub fn start_telemetry(config: &Telemetry) -> Result<TelemetryGuard> {
    let filter = EnvFilter::try_new(&config.log).or_error(ErrorKind::Config, || {
        format!(
            "telemetry.log: {:?} is no filter; write e.g. info or attendant=debug,warn",
            config.log
        )
    })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match config.format {
        LogFormat::Text => lines.with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    #[allow(unused_mut, reason = "the feature otel fills it")]
    let mut guard = TelemetryGuard::default();
    #[allow(unused_mut, reason = "the feature otel adds to them")]
    let mut layers = vec![lines, stages::layer()];
    if let Some(endpoint) = &config.otlp {
        #[cfg(feature = "otel")]
        {
            let (layer, provider, sender) = export::layer(endpoint)?;
            layers.push(layer);
            guard.provider = Some(provider);
            guard.sender = Some(sender);
        }
        #[cfg(not(feature = "otel"))]
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("telemetry.otlp = {endpoint:?} needs a build with the feature otel"),
        ));
    }
    tracing_subscriber::registry()
        .with(layers)
        .try_init()
        .map_err(|error| {
            Error::new(ErrorKind::Config, "logs of this process are set up already")
                .with_source(error)
        })?;
    Ok(guard)
}
