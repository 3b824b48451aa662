//! Model calls as spans, with the names of OpenTelemetry's conventions for generative AI.

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::{Capabilities, Delta, LanguageModel, Prompt, Request};
use crate::error::{Error, Result};

/// A [`LanguageModel`] whose calls are spans: `chat`, from the question to the last piece of the answer, with model,
/// tokens and the class of an error. Neither prompts nor answers are told, since they hold what customers said.
#[derive(Clone, Debug)]
pub struct Traced {
    inner: Arc<dyn LanguageModel>,
}

impl Traced {
    /// Traces the calls of `inner`.
    pub fn new(inner: Arc<dyn LanguageModel>) -> Self {
        Self { inner }
    }

    fn span(&self, operation: &'static str) -> Span {
        tracing::info_span!(
            "chat",
            "otel.name" = format!("{operation} {}", self.inner.id()),
            "otel.kind" = "client",
            "gen_ai.operation.name" = operation,
            "gen_ai.request.model" = self.inner.id(),
            "gen_ai.usage.input_tokens" = Empty,
            "gen_ai.usage.output_tokens" = Empty,
            "gen_ai.usage.cache_read.input_tokens" = Empty,
            "error.type" = Empty,
        )
    }
}

fn failed(span: &Span, error: &Error) {
    span.record("error.type", format!("{:?}", error.kind()));
}

#[async_trait]
impl LanguageModel for Traced {
    fn id(&self) -> &str {
        self.inner.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn generate(&self, request: Request) -> Result<BoxStream<'static, Result<Delta>>> {
        let span = self.span("chat");
        let begun = self.inner.generate(request).instrument(span.clone()).await;
        let stream = begun.inspect_err(|error| failed(&span, error))?;
        // The span lives as long as the stream, and ends with it.
        let told = stream.inspect(move |piece| match piece {
            Ok(Delta::Done { usage, .. }) => {
                span.record("gen_ai.usage.input_tokens", usage.prompt_tokens as u64);
                span.record("gen_ai.usage.output_tokens", usage.completion_tokens as u64);
                let reused = usage.reused_tokens as u64;
                span.record("gen_ai.usage.cache_read.input_tokens", reused);
            }
            Ok(Delta::Text(_)) => {}
            Err(error) => failed(&span, error),
        });
        Ok(told.boxed())
    }

    async fn score(&self, prompt: Prompt, choices: Vec<String>) -> Result<Vec<f32>> {
        let span = self.span("score");
        let scores = self
            .inner
            .score(prompt, choices)
            .instrument(span.clone())
            .await;
        scores.inspect_err(|error| failed(&span, error))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Debug;

    use parking_lot::Mutex;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::subscriber::DefaultGuard;
    use tracing::{Event, Metadata, Subscriber};

    use super::*;
    use crate::llm::{LanguageModelExt, ScriptedModel};

    /// Keeps the fields of the spans it sees.
    #[derive(Clone, Debug, Default)]
    struct Seen(Arc<Mutex<BTreeMap<String, String>>>);

    impl Visit for Seen {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            let value = format!("{value:?}").trim_matches('"').to_owned();
            self.0.lock().insert(field.name().to_owned(), value);
        }
    }

    impl Subscriber for Seen {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, span: &Attributes<'_>) -> Id {
            if span.metadata().name() == "chat" {
                span.record(&mut self.clone());
            }
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, values: &Record<'_>) {
            values.record(&mut self.clone());
        }
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, _: &Event<'_>) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    fn watch() -> (Seen, DefaultGuard) {
        let seen = Seen::default();
        let guard = tracing::subscriber::set_default(seen.clone());
        (seen, guard)
    }

    #[tokio::test]
    async fn a_call_tells_model_and_tokens_but_no_words() {
        let (seen, _guard) = watch();
        let model = Traced::new(Arc::new(ScriptedModel::new(["on its way"])));
        let request = Request::new(Prompt::new("s", "where is my parcel"));
        model.complete(request).await.unwrap();
        let fields = seen.0.lock().clone();
        assert_eq!(fields["gen_ai.operation.name"], "chat");
        assert_eq!(fields["gen_ai.request.model"], model.id());
        assert_ne!(fields["gen_ai.usage.input_tokens"], "0");
        assert_eq!(fields["gen_ai.usage.output_tokens"], "3");
        let all = format!("{fields:?}");
        assert!(!all.contains("parcel") && !all.contains("way"), "{all}");
    }

    #[tokio::test]
    async fn a_failure_tells_its_class() {
        let (seen, _guard) = watch();
        let failing = ScriptedModel::from_fn(|_: &Request| {
            Err(crate::error::Error::new(
                crate::error::ErrorKind::Unavailable,
                "away",
            ))
        });
        let model = Traced::new(Arc::new(failing));
        model
            .complete(Request::new(Prompt::new("s", "q")))
            .await
            .unwrap_err();
        assert!(seen.0.lock().contains_key("error.type"));
    }
}
