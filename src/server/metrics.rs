//! Figures for Prometheus, by the `metrics` facade: a host that has a recorder of its own gets them there.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::session::HubStats;

const DURATION: &str = "http_server_request_duration_seconds";
const STREAMS: &str = "attendant_streams";
pub(super) const STAGES: &str = "attendant_stage_seconds";
pub(super) const SINCE_SPEECH: &str = "attendant_since_speech_seconds";
pub(super) const TOKENS: &str = "attendant_tokens_total";

/// Seconds; the fast path of a turn is meant to stay under .3.
const BUCKETS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// Installs the recorder of this process, once; later calls get the same. `None` where the host has one of its own.
pub fn record_metrics() -> Option<PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let builder = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS);
            let installed = builder.and_then(PrometheusBuilder::install_recorder);
            match installed {
                Ok(handle) => {
                    describe();
                    Some(handle)
                }
                Err(error) => {
                    tracing::warn!(%error, "metrics go to another recorder; /metrics stays empty");
                    None
                }
            }
        })
        .clone()
}

fn describe() {
    metrics::describe_histogram!(DURATION, "How long requests took, by route and status.");
    metrics::describe_gauge!("attendant_sessions_live", "Conversations in memory.");
    metrics::describe_gauge!(
        "attendant_sessions_busy",
        "Inputs accepted and not yet dealt with on the fast path."
    );
    metrics::describe_gauge!("attendant_event_readers", "Readers of events.");
    metrics::describe_gauge!(
        "attendant_sessions_bytes",
        "Bytes of transcripts, events and waiting audio, about."
    );
    metrics::describe_counter!("attendant_sessions_opened_total", "Conversations begun.");
    metrics::describe_counter!(
        "attendant_sessions_resumed_total",
        "Conversations brought back from the store."
    );
    metrics::describe_counter!(
        "attendant_sessions_evicted_total",
        "Conversations that left memory because they were quiet."
    );
    metrics::describe_counter!(
        "attendant_inputs_accepted_total",
        "Inputs that were stored."
    );
    metrics::describe_counter!(
        "attendant_inputs_refused_total",
        "Calls refused because there was too much to do."
    );
    metrics::describe_counter!(
        "attendant_resyncs_total",
        "Readers who were told the whole state since events they had not read were gone."
    );
    metrics::describe_counter!("attendant_events_total", "Events told to readers, by type.");
    metrics::describe_histogram!(STAGES, "How long the stages of turns took.");
    metrics::describe_histogram!(
        SINCE_SPEECH,
        "From the end of what was said until a stage was done."
    );
    metrics::describe_counter!(
        TOKENS,
        "Tokens of language models: input, of which reused from the cache, and output."
    );
    metrics::describe_gauge!(STREAMS, "Open event streams and sockets, by kind.");
}

/// A request was answered.
pub(super) fn request(method: &str, route: &str, status: u16, took: Duration) {
    // Methods are the client's words: unknown ones share a label.
    let method = match method {
        "GET" | "POST" | "DELETE" | "PUT" | "PATCH" | "HEAD" | "OPTIONS" => method,
        _ => "other",
    };
    histogram!(
        DURATION,
        "method" => method.to_owned(),
        "route" => route.to_owned(),
        "status" => status.to_string(),
    )
    .record(took.as_secs_f64());
}

/// An event was told.
pub(super) fn event(kind: &str) {
    counter!("attendant_events_total", "type" => kind.to_owned()).increment(1);
}

/// Counts a stream or socket while it is open.
#[derive(Debug)]
pub(super) struct OpenStream(&'static str);

impl OpenStream {
    pub(super) fn new(kind: &'static str) -> Self {
        gauge!(STREAMS, "kind" => kind).increment(1.0);
        Self(kind)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        gauge!(STREAMS, "kind" => self.0).decrement(1.0);
    }
}

/// The hub's figures as they are now.
pub(super) fn gauges(stats: &HubStats) {
    gauge!("attendant_sessions_live").set(stats.live as f64);
    gauge!("attendant_sessions_busy").set(stats.busy as f64);
    gauge!("attendant_event_readers").set(stats.readers as f64);
    gauge!("attendant_sessions_bytes").set(stats.bytes as f64);
    counter!("attendant_sessions_opened_total").absolute(stats.opened);
    counter!("attendant_sessions_resumed_total").absolute(stats.resumed);
    counter!("attendant_sessions_evicted_total").absolute(stats.evicted);
    counter!("attendant_inputs_accepted_total").absolute(stats.accepted);
    counter!("attendant_inputs_refused_total").absolute(stats.refused);
    counter!("attendant_resyncs_total").absolute(stats.resyncs);
}
