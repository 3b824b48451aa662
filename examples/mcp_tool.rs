//! A playbook's tool that another program serves by the Model Context Protocol. The program is this one, started again.
//!
//! `cargo run --features mcp --example mcp_tool` (no weights, no network)
#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use attendant::conversation::{ActionStatus, Channel, Conversation, Participant, Role};
use attendant::dialogue::{McpCommand, McpOptions, McpTools, Playbook};
use attendant::session::{SessionEvent, SessionInput};
use futures::StreamExt;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::{ServiceExt, tool, tool_router};

const PLAYBOOK: &str = r#"
id = "order"
title = "Where is my order"
goal = "The customer knows where the order is."
examples = ["Where is my order?", "When does my parcel come?"]
[[slots]]
name = "number"
description = "the order number"
pattern = '^\d{4}$'
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
    number: String,
}

struct Shop;

#[tool_router(server_handler)]
impl Shop {
    #[tool(
        description = "Says where an order is",
        annotations(read_only_hint = true)
    )]
    async fn order_status(&self, Parameters(order): Parameters<Order>) -> String {
        serde_json::json!({ "order": order.number, "status": "on its way" }).to_string()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().nth(1).as_deref() == Some("serve") {
        Shop.serve(rmcp::transport::stdio())
            .await?
            .waiting()
            .await?;
        return Ok(());
    }
    let ourselves = std::env::current_exe()?;
    let command = McpCommand::new(ourselves.to_string_lossy()).with_args(["serve"]);
    let shop = McpTools::connect_stdio(command, McpOptions::default().with_prefix("shop_")).await?;
    let assistant = attendant::Assistant::builder()
        .playbooks(vec![Playbook::from_toml(PLAYBOOK)?])
        .tools(shop.tools());
    let mut conversation = Conversation::new("larkfield", Channel::Chat);
    conversation.join(Participant::new("bot", Role::AutomatedAgent));
    let mut session = assistant.build().await?.session(conversation);
    let events = session.events();
    for words in ["Where is my order?", "It is number 4711"] {
        session.say(Role::EndUser, words).await?;
        session.settle().await?;
    }
    session.send(SessionInput::End).await?;
    let mut done = false;
    for event in events.collect::<Vec<_>>().await {
        if let SessionEvent::UtteranceFinal(said) = &event {
            println!("{:?}: {}", said.role, said.text);
        }
        done |= matches!(event, SessionEvent::Action(receipt) if receipt.status == ActionStatus::Succeeded);
    }
    done.then_some(()).ok_or("the tool was not called".into())
}
