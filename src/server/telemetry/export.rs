//! Spans to an OTLP collector, by a task of this runtime.
//!
//! The processors that the SDK brings export on a thread without a runtime, which our HTTP client needs, or make the
//! code that ends a span wait for the collector. This one queues, drops what does not fit, and says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    SdkTracerProvider, Span, SpanData, SpanExporter as Export, SpanProcessor,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::{Layer, Registry};

use crate::error::{ErrorKind, OrError, Result};

/// Spans that wait to be sent; beyond, they are lost rather than anything held up.
const QUEUE: usize = 4096;
/// Spans of one request to the collector.
const BATCH: usize = 512;
/// Spans that are fewer wait for so long.
const EVERY: Duration = Duration::from_secs(2);

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

pub(super) fn layer(endpoint: &str) -> Result<(Boxed, SdkTracerProvider, JoinHandle<()>)> {
    let resource = Resource::builder()
        .with_service_name(env!("CARGO_PKG_NAME"))
        .build();
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(endpoint)
        .with_timeout(Duration::from_secs(10))
        .build()
        .or_error(ErrorKind::Config, || {
            format!("telemetry.otlp: {endpoint:?} is no address of a collector")
        })?;
    exporter.set_resource(&resource);
    let (queue, waiting) = mpsc::channel(QUEUE);
    let lost = Arc::new(AtomicU64::new(0));
    let sender = tokio::spawn(send(exporter, waiting, lost.clone()));
    let provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_span_processor(Queue {
            queue: parking_lot::Mutex::new(Some(queue)),
            lost,
        })
        .build();
    let tracer = provider.tracer(env!("CARGO_PKG_NAME"));
    let layer = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        // Our spans; those of libraries below would drown them.
        .with_filter(
            tracing_subscriber::filter::Targets::new()
                .with_target(env!("CARGO_PKG_NAME"), LevelFilter::INFO),
        );
    Ok((layer.boxed(), provider, sender))
}

/// Sends batches until the queue is closed and empty.
async fn send(exporter: SpanExporter, mut waiting: mpsc::Receiver<SpanData>, lost: Arc<AtomicU64>) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut open = true;
    while open {
        let deadline = tokio::time::sleep(EVERY);
        tokio::pin!(deadline);
        while open && batch.len() < BATCH {
            tokio::select! {
                span = waiting.recv() => match span {
                    Some(span) => batch.push(span),
                    None => open = false,
                },
                () = &mut deadline => break,
            }
        }
        if batch.is_empty() {
            continue;
        }
        let spans = std::mem::take(&mut batch);
        let count = spans.len();
        if let Err(error) = exporter.export(spans).await {
            tracing::warn!(%error, spans = count, "the collector did not take traces");
        }
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(
                lost,
                "spans were lost: the collector is slower than they come"
            );
        }
    }
}

/// Hands finished spans to the sender.
#[derive(Debug)]
struct Queue {
    queue: parking_lot::Mutex<Option<mpsc::Sender<SpanData>>>,
    lost: Arc<AtomicU64>,
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        let sent = self
            .queue
            .lock()
            .as_ref()
            .is_some_and(|queue| queue.try_send(span).is_ok());
        if !sent {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        // The sender ends when it has sent what waits.
        self.queue.lock().take();
        Ok(())
    }
}
