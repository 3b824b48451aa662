use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::backend::{Backend, read_only};
use super::*;
use crate::conversation::{ActionReceipt, ActionStatus};
use crate::dialogue::tool::{Action, ActionLedger, ToolCall, Tools};
use crate::store::{MemoryStore, StreamKey};

fn call(arguments: Value) -> ToolCall {
    ToolCall {
        idempotency_key: "k1".into(),
        tenant: "acme".into(),
        conversation: "c1".into(),
        arguments,
        dry_run: false,
    }
}

fn find(tools: &[Arc<dyn Tool>], name: &str) -> Arc<dyn Tool> {
    let found = tools.iter().find(|tool| tool.spec().name == name);
    found
        .unwrap_or_else(|| panic!("{name} is not there"))
        .clone()
}

/// Does an action by these tools, written down as the assistant does it.
async fn perform(tools: &McpTools, tool: &str, arguments: Value) -> (ActionReceipt, ActionLedger) {
    let ledger = ActionLedger::new(Tools::new(tools.tools()), Arc::new(MemoryStore::default()));
    let action = Action {
        source: "a/b#1".into(),
        tool: tool.into(),
        arguments,
        approvals: Vec::new(),
    };
    (ledger.perform(&stream(), action).await.unwrap(), ledger)
}

fn stream() -> StreamKey {
    StreamKey {
        tenant: "acme".into(),
        conversation: "c1".into(),
    }
}

#[tokio::test]
async fn tools_are_listed_with_schema_and_the_most_careful_effect() {
    let options = McpOptions::default()
        .with_prefix("crm_")
        .with_filler("refund", "One moment.");
    let tools = Backend::new()
        .connect(options.clone())
        .await
        .unwrap()
        .tools();
    for (name, effect) in [
        ("crm_find_payments", ToolEffect::Read),
        ("crm_refund", ToolEffect::Write),
        ("crm_set_address", ToolEffect::Idempotent),
        ("crm_contradiction", ToolEffect::Write),
    ] {
        let tool = find(&tools, name);
        assert_eq!(tool.spec().effect, effect, "{name}");
        assert_eq!(
            tool.spec().parameters["properties"]["amount"]["type"],
            "number"
        );
        assert_eq!(
            tool.spec().description,
            "What it does.",
            "nothing that cannot be seen"
        );
    }
    assert_eq!(
        find(&tools, "crm_refund").spec().filler.as_deref(),
        Some("One moment.")
    );

    let doubting = options
        .without_hints()
        .with_effect("refund", ToolEffect::Idempotent);
    let tools = Backend::new().connect(doubting).await.unwrap().tools();
    assert_eq!(
        find(&tools, "crm_find_payments").spec().effect,
        ToolEffect::Write
    );
    assert_eq!(
        find(&tools, "crm_refund").spec().effect,
        ToolEffect::Idempotent
    );
}

#[tokio::test]
async fn only_what_is_allowed_is_taken_and_it_must_be_there() {
    let allowed = McpOptions::default().with_allowed(["refund"]);
    let tools = Backend::new().connect(allowed).await.unwrap().tools();
    assert_eq!(tools.len(), 1);
    let missing = McpOptions::default().with_allowed(["refund", "fly"]);
    let error = Backend::new().connect(missing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.to_string().contains("no tool \"fly\"; it has: "),
        "{error}"
    );

    let twins = Backend::new();
    twins.change(|tools| Backend::add(tools, "find-payments"));
    let error = twins.connect(McpOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("two tools"), "{error}");
}

#[tokio::test]
async fn results_are_data_and_the_key_of_the_action_goes_along() {
    let backend = Backend::new();
    let tools = backend
        .connect(McpOptions::default().with_largest_result(1001))
        .await
        .unwrap()
        .tools();
    let found = find(&tools, "find_payments")
        .call(&call(json!({ "account": "A1" })))
        .await
        .unwrap();
    assert_eq!(found, json!({ "last": 42.5, "of": "A1" }));
    assert_eq!(
        backend.calls(),
        [(
            "find.payments".to_owned(),
            json!({ "account": "A1" }),
            "k1".to_owned()
        )]
    );
    let refunded = find(&tools, "refund")
        .call(&call(json!({ "amount": 3 })))
        .await
        .unwrap();
    assert_eq!(refunded, json!({ "refunded": 3 }), "text that is JSON");
    let words = find(&tools, "words").call(&call(json!({}))).await.unwrap();
    assert!(
        words["text"]
            .as_str()
            .unwrap()
            .ends_with("I have refunded £500.")
    );
    let long = find(&tools, "long").call(&call(json!({}))).await.unwrap();
    assert_eq!(long["truncated"], true);
    assert_eq!(
        long["text"].as_str().unwrap(),
        "ä".repeat(500),
        "cut between two letters"
    );
    let error = find(&tools, "refund")
        .call(&call(json!([])))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let dry = ToolCall {
        dry_run: true,
        ..call(json!({}))
    };
    let before = backend.calls().len();
    find(&tools, "refund").call(&dry).await.unwrap();
    assert_eq!(
        backend.calls().len(),
        before,
        "a dry run is nobody else's business"
    );
}

#[tokio::test]
async fn what_the_tool_refuses_was_not_done_and_what_breaks_may_have_been() {
    let backend = Backend::new();
    let tools = backend.connect(McpOptions::default()).await.unwrap();
    let (refused, _) = perform(&tools, "refuse", json!({})).await;
    assert_eq!(refused.status, ActionStatus::Failed);
    assert_eq!(refused.result["error"], "too much");
    let (broken, _) = perform(&tools, "break", json!({})).await;
    assert_eq!(broken.status, ActionStatus::Unknown);
    assert!(
        broken.result["error"]
            .as_str()
            .unwrap()
            .contains("database is away")
    );
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_takes_too_long_leaves_open_whether_it_was_done() {
    let backend = Backend::new();
    let options = McpOptions::default().with_timeout(Duration::from_secs(2));
    let tools = backend.connect(options).await.unwrap();
    let (late, _) = perform(&tools, "slow", json!({})).await;
    assert_eq!(late.status, ActionStatus::Unknown);
    assert_eq!(backend.calls().len(), 1, "it is not called again");
    let (found, _) = perform(&tools, "find_payments", json!({ "account": "A1" })).await;
    assert_eq!(
        found.status,
        ActionStatus::Succeeded,
        "the connection is good still"
    );
    assert_eq!(backend.processes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_dies_with_the_server_goes_to_a_person_and_a_read_is_made_again() {
    for (tool, calls, status) in [
        ("refund", 1, ActionStatus::Unknown),
        ("set_address", 2, ActionStatus::Succeeded),
        ("find_payments", 2, ActionStatus::Succeeded),
    ] {
        let backend = Backend::new();
        let tools = backend.connect(McpOptions::default()).await.unwrap();
        backend.dies_in(1);
        let arguments = json!({ "account": "A1", "amount": 3 });
        let (receipt, ledger) = perform(&tools, tool, arguments.clone()).await;
        assert_eq!(
            (receipt.status, backend.calls().len()),
            (status, calls),
            "{tool}"
        );
        // The ledger knows it, so that asking again does not do it again.
        let action = Action {
            source: "a/b#1".into(),
            tool: tool.into(),
            arguments: arguments.clone(),
            approvals: Vec::new(),
        };
        let again = ledger.perform(&stream(), action).await.unwrap();
        assert_eq!(
            (again.status, backend.calls().len()),
            (status, calls),
            "{tool}"
        );
        if calls == 2 {
            assert_eq!(
                backend.calls()[0].2,
                backend.calls()[1].2,
                "one action, one key"
            );
        }
        // The server is back for whatever comes next.
        let (other, _) = perform(&tools, "find_payments", json!({ "account": "A2" })).await;
        assert_eq!(
            (other.status, backend.processes()),
            (ActionStatus::Succeeded, 2)
        );
    }
}

#[tokio::test]
async fn a_tool_that_changed_is_not_called_and_new_ones_are_found() {
    let backend = Backend::new();
    backend.change(|tools| Backend::add(tools, "change_tools"));
    let server = backend.connect(McpOptions::default()).await.unwrap();
    let tools = server.tools();
    let (refund, change) = (find(&tools, "refund"), find(&tools, "change_tools"));
    refund.call(&call(json!({}))).await.unwrap();
    let told = server.changed();
    tokio::pin!(told);
    assert!(futures::poll!(&mut told).is_pending());
    change.call(&call(json!({}))).await.unwrap();
    told.await;
    let error = refund.call(&call(json!({}))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(
        server
            .refresh()
            .await
            .unwrap()
            .iter()
            .all(|tool| tool.spec().name != "refund")
    );

    // What only read before and changes something now is another tool; so it is with other arguments.
    let backend = Backend::new();
    let server = backend.connect(McpOptions::default()).await.unwrap();
    let look = find(&server.tools(), "find_payments");
    backend.change(|tools| tools[0].annotations = None);
    server.refresh().await.unwrap();
    let error = look.call(&call(json!({}))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    backend.change(|tools| {
        tools[0].annotations = Some(read_only());
        tools[0].description = Some("Other words for the same".into());
        Backend::add(tools, "brand_new");
    });
    let tools = server.refresh().await.unwrap();
    look.call(&call(json!({}))).await.unwrap();
    find(&tools, "brand_new");
}

#[tokio::test]
async fn a_program_that_is_no_server_and_an_address_that_is_none_are_told() {
    let absent = McpCommand::new("/no/such/program");
    let error = McpTools::connect_stdio(absent, McpOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    let mute = McpCommand::new("true");
    let error = McpTools::connect_stdio(mute, McpOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    for url in ["not a url", "ftp://localhost/mcp"] {
        let error = McpTools::connect_http(url, [], McpOptions::default())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }
    let header = [("Authorization".to_owned(), "Bearer secret\nX: y".to_owned())];
    let error = McpTools::connect_http("http://localhost:1/mcp", header, McpOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(!error.to_string().contains("secret"), "{error}");
}

/// The child process of the test below.
#[tokio::test]
#[ignore = "it is a server, and waits for its client"]
async fn as_a_child_process() {
    use rmcp::ServiceExt;
    if std::env::var("ATTENDANT_TEST_CHILD").is_ok() {
        let stdio = rmcp::transport::stdio();
        Backend::new()
            .serve(stdio)
            .await
            .unwrap()
            .waiting()
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_program_is_started_and_started_again_when_it_went_away() {
    let ourselves = std::env::current_exe().unwrap();
    let test = "dialogue::tool::mcp::tests::as_a_child_process";
    let command = McpCommand::new(ourselves.to_str().unwrap())
        .with_args([test, "--exact", "--ignored", "--nocapture"])
        .with_env("ATTENDANT_TEST_CHILD", "1");
    let server = McpTools::connect_stdio(command, McpOptions::default())
        .await
        .unwrap();
    let look = find(&server.tools(), "find_payments");
    let found = look.call(&call(json!({ "account": "A1" }))).await.unwrap();
    assert_eq!(found["of"], "A1");
    server.close().await;
    let found = look.call(&call(json!({ "account": "A2" }))).await.unwrap();
    assert_eq!(found["of"], "A2");
}

#[cfg(feature = "server")]
mod http {
    use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
    use rmcp::transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService,
    };
    use tokio_util::sync::CancellationToken;

    use super::*;

    /// A server on a socket that wants a key, until it is told to end.
    async fn serve(backend: Backend, port: u16) -> (u16, CancellationToken) {
        let service = StreamableHttpService::new(
            move || Ok(backend.clone()),
            Arc::new(LocalSessionManager::default()),
            StreamableHttpServerConfig::default(),
        );
        let guard = |request: axum::extract::Request, next: axum::middleware::Next| async move {
            let key = request.headers().get("authorization");
            match key.is_some_and(|key| key == "Bearer k") {
                true => next.run(request).await,
                false => axum::response::IntoResponse::into_response(
                    axum::http::StatusCode::UNAUTHORIZED,
                ),
            }
        };
        let app = axum::Router::new()
            .route_service("/mcp", service)
            .layer(axum::middleware::from_fn(guard));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
            .await
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        let ends = CancellationToken::new();
        let ended = ends.clone();
        tokio::spawn(async move {
            tokio::select! {
                served = axum::serve(listener, app) => served.unwrap(),
                () = ended.cancelled() => {}
            }
        });
        (port, ends)
    }

    fn with_key() -> [(String, String); 1] {
        [("Authorization".to_owned(), "Bearer k".to_owned())]
    }

    #[tokio::test]
    async fn tools_are_called_over_a_socket_and_credentials_are_sent() {
        let backend = Backend::new();
        let (port, ends) = serve(backend.clone(), 0).await;
        let url = format!("http://127.0.0.1:{port}/mcp");
        let server = McpTools::connect_http(&url, with_key(), McpOptions::default())
            .await
            .unwrap();
        let found = find(&server.tools(), "find_payments")
            .call(&call(json!({ "account": "A1" })))
            .await
            .unwrap();
        assert_eq!(found["of"], "A1");
        assert_eq!(backend.calls()[0].2, "k1");
        let (broken, _) = perform(&server, "break", json!({})).await;
        assert_eq!(broken.status, ActionStatus::Unknown);
        McpTools::connect_http(&url, [], McpOptions::default())
            .await
            .unwrap_err();
        ends.cancel();
    }

    #[tokio::test]
    async fn a_server_that_was_started_again_is_found_and_one_that_is_away_did_nothing() {
        let backend = Backend::new();
        let (port, ends) = serve(backend.clone(), 0).await;
        let url = format!("http://127.0.0.1:{port}/mcp");
        let server = McpTools::connect_http(&url, with_key(), McpOptions::default())
            .await
            .unwrap();
        ends.cancel();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let refund = json!({ "amount": 3 });
        let calls = backend.calls().len();
        let (away, _) = perform(&server, "refund", refund.clone()).await;
        assert_ne!(away.status, ActionStatus::Succeeded);
        let (away, _) = perform(&server, "refund", refund.clone()).await;
        assert_eq!(
            away.status,
            ActionStatus::Failed,
            "nothing was sent: {away:?}"
        );
        assert_eq!(backend.calls().len(), calls);
        let (_, ends) = serve(backend.clone(), port).await;
        let (back, _) = perform(&server, "refund", refund).await;
        assert_eq!(back.status, ActionStatus::Succeeded, "{back:?}");
        ends.cancel();
    }
}
