//! The key and the customer's words stay out of the log.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};

use attendant::llm::{LanguageModel, LanguageModelExt, Request};
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::fake_server::{FakeServer, KEY, Reply};
use super::{prompt, words};

/// Writes everything down, of every library.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut log = self.0.lock().unwrap();
        writeln!(log, "{field}={value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        attributes.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn neither_the_key_nor_what_was_said_is_logged() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    tracing::info!("the log is kept");

    let said = "My IBAN is DE89";
    let mut refused = words(&[said], "stop")[..2].to_vec();
    refused.push(json!({ "error": { "message": format!("{KEY} is over") } }).to_string());
    let mut broken = words(&[said], "stop")[..2].to_vec();
    broken.push(format!("{{\"{KEY}\": \"{said}"));
    let denied = json!({ "error": { "message": format!("wrong key {KEY}") } }).to_string();
    let replies = [
        Reply::Events(words(&[said], "stop")),
        Reply::Events(refused),
        Reply::Events(broken),
        Reply::Whole(401, "application/json", denied.clone()),
        Reply::Whole(200, "application/json", denied),
        Reply::Cut(words(&[said], "stop")[..2].to_vec()),
    ];
    for reply in replies {
        let server = FakeServer::start(reply).await;
        let model = server.model();
        let answer = model.complete(Request::new(prompt())).await;
        let scores = model.score(prompt(), vec!["a".into(), "b".into()]).await;
        let told = format!(
            "{model:?} {:?} {:?} {scores:?}",
            server.config(),
            answer.err()
        );
        assert!(!told.contains(KEY), "{told}");
    }
    let log = log.0.lock().unwrap().clone();
    assert!(log.contains("the log is kept"), "{log}");
    for secret in [KEY, said, "wirklich"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}
