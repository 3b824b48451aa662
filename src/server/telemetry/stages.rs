//! What the spans and events of turns say, as figures: how long each stage takes, and tokens.

use std::fmt::Debug;
use std::time::Instant;

use metrics::{counter, histogram};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

use super::super::metrics::{SINCE_SPEECH, STAGES, TOKENS};
use crate::session::STAGE;

/// Spans whose duration is a figure.
const TIMED: [&str; 9] = [
    "fast_path",
    "search",
    "next_best_action",
    "reply",
    "answer",
    "note",
    "coaching",
    "chat",
    "execute_tool",
];

/// Our spans and the events of stages, whatever is logged.
pub(super) fn layer() -> Box<dyn Layer<Registry> + Send + Sync> {
    let ours = Targets::new()
        .with_target(env!("CARGO_PKG_NAME"), Level::INFO)
        .with_target(STAGE, Level::DEBUG);
    Stages.with_filter(ours).boxed()
}

#[derive(Debug)]
struct Stages;

/// When a span began.
struct Begun(Instant);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Stages {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if TIMED.contains(&attributes.metadata().name())
            && let Some(span) = context.span(id)
        {
            span.extensions_mut().insert(Begun(Instant::now()));
        }
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        values.record(&mut Tokens);
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == STAGE {
            let mut reached = Reached::default();
            event.record(&mut reached);
            if let Some(stage) = reached.stage {
                histogram!(SINCE_SPEECH, "stage" => stage).record(reached.seconds);
            }
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else {
            return;
        };
        if let Some(Begun(at)) = span.extensions().get::<Begun>() {
            let seconds = at.elapsed().as_secs_f64();
            histogram!(STAGES, "stage" => span.name()).record(seconds);
        }
    }
}

/// Counts tokens as they are recorded.
struct Tokens;

impl Visit for Tokens {
    fn record_u64(&mut self, field: &Field, value: u64) {
        let kind = match field.name() {
            "gen_ai.usage.input_tokens" => "input",
            "gen_ai.usage.output_tokens" => "output",
            "gen_ai.usage.cache_read.input_tokens" => "reused",
            _ => return,
        };
        counter!(TOKENS, "kind" => kind).increment(value);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

#[derive(Default)]
struct Reached {
    stage: Option<String>,
    seconds: f64,
}

impl Visit for Reached {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "seconds" {
            self.seconds = value;
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "stage" {
            self.stage = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use metrics_exporter_prometheus::PrometheusBuilder;
    use parking_lot::Mutex;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::assistant::Assistant;
    use crate::conversation::{Channel, Conversation, Role};
    use crate::knowledge::KnowledgeArticle;
    use crate::llm::ScriptedModel;

    async fn ask(question: &str) {
        let reply = r#"{"reply":"Within five working days."}"#;
        let assistant = Assistant::builder()
            .language_model(Arc::new(ScriptedModel::from_fn(move |_| Ok(reply.into()))))
            .build()
            .await
            .unwrap();
        let text =
            "If you were charged twice, the second charge is paid back within five working days.";
        let article = KnowledgeArticle::new("twice", "Charged twice", "acme", text);
        let articles = assistant.knowledge().ingest(vec![article], None);
        articles.await.unwrap();
        let session = assistant.session(Conversation::new("acme", Channel::Chat));
        session.say(Role::EndUser, question).await.unwrap();
        session.settle().await.unwrap();
    }

    const QUESTION: &str = "I was charged twice, when is the second charge paid back?";

    #[tokio::test]
    async fn the_stages_of_a_turn_become_figures() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let figures = recorder.handle();
        let _recording = metrics::set_default_local_recorder(&recorder);
        let subscriber = tracing_subscriber::registry().with(layer());
        let _tracing = tracing::subscriber::set_default(subscriber);
        ask(QUESTION).await;
        let told = figures.render();
        for wanted in [
            "attendant_stage_seconds_count{stage=\"fast_path\"} 1",
            "attendant_stage_seconds_count{stage=\"search\"} 1",
            "attendant_since_speech_seconds_count{stage=\"transcript\"} 1",
            "attendant_since_speech_seconds_count{stage=\"fast_path\"} 1",
            "attendant_since_speech_seconds_count{stage=\"reply\"} 1",
            "attendant_tokens_total{kind=\"output\"}",
        ] {
            assert!(told.contains(wanted), "{wanted} is not in {told}");
        }
        assert!(!told.contains("charged"));
    }

    /// Keeps what stands in what.
    #[derive(Clone, Default)]
    struct Paths(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Paths {
        fn on_new_span(&self, _: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
            let scope = context.span_scope(id).into_iter().flatten();
            let names: Vec<&str> = scope.map(|span| span.name()).collect();
            let path: Vec<&str> = names.into_iter().rev().collect();
            self.0.lock().push(path.join("/"));
        }
    }

    #[tokio::test]
    async fn whatever_a_turn_sets_off_is_part_of_its_trace() {
        let paths = Paths::default();
        let subscriber = tracing_subscriber::registry().with(paths.clone());
        let _tracing = tracing::subscriber::set_default(subscriber);
        ask(QUESTION).await;
        let seen = paths.0.lock().clone();
        for wanted in [
            "turn",
            "turn/fast_path/search",
            "turn/reply",
            "turn/reply/chat",
        ] {
            assert!(seen.iter().any(|path| path == wanted), "{wanted}: {seen:?}");
        }
    }
}
