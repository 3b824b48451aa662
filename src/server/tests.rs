//! The server over real sockets, with an assistant that has no models.

mod client;
mod conversations;
mod customers;
mod keys;
mod limits;
mod openai;
mod streams;
mod tokens;

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::*;
use crate::assistant::Assistant;
use crate::knowledge::KnowledgeArticle;
use crate::session::{HubOptions, SessionHub};
use client::{Answer, call};

/// Keys of the tests: of two tenants, one that may only read, one of the past.
const ACME: &str = "acme-key";
const OTHER: &str = "other-key";
const READER: &str = "reader-key";
const PAST: &str = "past-key";

/// A server that runs until this is dropped or stopped.
struct Running {
    address: SocketAddr,
    state: ServerState,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<crate::error::Result<()>>,
}

fn key(id: &str, key: &str, tenant: &str, scopes: &[Permission]) -> ApiKey {
    ApiKey {
        id: id.into(),
        sha256: key_digest(key),
        tenant: tenant.into(),
        scopes: scopes.iter().copied().collect(),
        expires: None,
    }
}

fn config() -> ServerConfig {
    let all: Vec<Permission> = Permission::all().into_iter().collect();
    let mut config = ServerConfig::default();
    config.server.listen = "127.0.0.1:0".parse().unwrap();
    config.server.stop_seconds = 2;
    let mut past = key("past", PAST, "acme", &all);
    past.expires = Some("2020-01-01T00:00:00Z".parse().unwrap());
    config.auth.keys = vec![
        key("acme", ACME, "acme", &all),
        key("other", OTHER, "other", &all),
        key("reader", READER, "acme", &[Permission::Read]),
        past,
    ];
    config
}

async fn assistant() -> Assistant {
    let assistant = Assistant::builder()
        .organisation("Acme")
        .build()
        .await
        .unwrap();
    let text = "A refund of a charge that was made twice is paid within five working days.";
    let article = KnowledgeArticle::new("refunds", "Refunds", "acme", text);
    assistant
        .knowledge()
        .ingest(vec![article], None)
        .await
        .unwrap();
    assistant
}

async fn start(config: ServerConfig) -> Running {
    let hub = SessionHub::new(assistant().await, HubOptions::default());
    let state = ServerState::new(hub, config).unwrap();
    let server = Server::bind(state.clone()).await.unwrap();
    let address = server.address();
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(server.run(async move {
        let _ = stopped.await;
    }));
    Running {
        address,
        state,
        stop: Some(stop),
        task,
    }
}

impl Running {
    async fn call(&self, method: &str, path: &str, key: &str, body: Option<Value>) -> Answer {
        let authorization = format!("Bearer {key}");
        let headers = [("authorization", authorization.as_str())];
        call(self.address, method, path, &headers, body).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, ACME, Some(body)).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, ACME, None).await
    }

    /// Begins a conversation of acme.
    async fn begin(&self, id: &str, virtual_agent: bool) {
        let body = json!({ "id": id, "channel": "chat", "virtual_agent": virtual_agent });
        let answer = self.post("/v1/conversations", body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    async fn stop(mut self) {
        drop(self.stop.take());
        (&mut self.task).await.unwrap().unwrap();
    }
}
