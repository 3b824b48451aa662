//! A playbook's tool that another program serves by the Model Context Protocol. The program is this one, started again.
//!
//! `cargo run --features mcp --example mcp_tool` (no weights, no network)
#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use attendant::conversation::{ActionStatus, Channel, Conversation, Participant, Role};
use attendant::dialogue::{McpCommand, McpOptions, McpTools, Playbook};
use attendant::session::{SessionEvent, SessionInput};
use attendant::{Assistant, Error, ErrorKind, Result};
use futures::StreamExt;
use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::{ServiceExt, tool, tool_router};

const PLAYBOOK: &str = r#"
id = "order"
title = "Where is my order"
goal = "The customer knows where the order is."
examples = ["Where is my order?", "When does my parcel come?"]
[[slots]]
name = "number"
description = "the order number"
kind = "number"
ask = "What is your order number?"
[[steps]]
id = "look"
label = "Look the order up"
kind = "tool"
tool = "shop_order_status"
requires = ["number"]
done = "Your order is {{ result.status }}."
"#;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Order {
    number: u32,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Status {
    order: u32,
    status: String,
}

struct Shop;

#[tool_router(server_handler)]
impl Shop {
    #[tool(description = "Says where an order is", annotations(read_only_hint = true))]
    async fn order_status(&self, Parameters(order): Parameters<Order>) -> Json<Status> {
        let (order, status) = (order.number, "on its way".to_owned());
        Json(Status { order, status })
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let wrong = |what: &str| Error::new(ErrorKind::Internal, what);
    if std::env::args().nth(1).as_deref() == Some("serve") {
        let served = Shop.serve(rmcp::transport::stdio()).await;
        let served = served.map_err(|error| wrong("cannot serve").with_source(error))?;
        return served.waiting().await.map(|_| ()).map_err(|error| wrong("broke off").with_source(error));
    }
    let ourselves = std::env::current_exe().map_err(|error| wrong("no program").with_source(error))?;
    let command = McpCommand::new(ourselves.to_string_lossy()).with_args(["serve"]);
    let shop = McpTools::connect_stdio(command, McpOptions::default().with_prefix("shop_")).await?;
    let assistant = Assistant::builder()
        .playbooks(vec![Playbook::from_toml(PLAYBOOK)?])
        .tools(shop.tools())
        .build()
        .await?;
    let mut conversation = Conversation::new("larkfield", Channel::Chat);
    conversation.join(Participant::new("bot", Role::AutomatedAgent));
    let mut session = assistant.session(conversation);
    let mut events = session.events();
    for words in ["Where is my order?", "It is number 4711"] {
        session.say(Role::EndUser, words).await?;
        session.settle().await?;
    }
    session.send(SessionInput::End).await?;
    let mut done = false;
    while let Some(event) = events.next().await {
        match event {
            SessionEvent::UtteranceFinal(said) => println!("{:?}: {}", said.role, said.text),
            SessionEvent::Action(receipt) => {
                println!("  [{} {:?}]", receipt.tool, receipt.status);
                done = receipt.status == ActionStatus::Succeeded;
            }
            _ => {}
        }
    }
    done.then_some(()).ok_or_else(|| wrong("the tool was not called"))
}
